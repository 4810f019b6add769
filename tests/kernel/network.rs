//! Connections behave as TCP does, and every network fault does what it says.

use crate::toy::*;
use kafka_trial::kernel::{Config, Distribution, Duration, Fault, Time};

#[test]
fn a_connection_takes_a_round_trip_and_a_message_one_trip() {
    let mut world = World::connected(plain());
    assert_eq!(world.when(B, "accepted 0"), Some(ms(1)));
    assert_eq!(world.when(A, "connected"), Some(ms(2)));
    world.tell(A, Do::SendBytes(1, 0));
    world.run_out();
    assert_eq!(world.when(B, "got 1"), Some(ms(11)));
    assert_eq!(world.when(A, "got 1001"), Some(ms(12)));
}
