//! What brought an event about is known to whoever asks for it.

use crate::toy::*;
use kafka_trial::kernel::{Cause, Caused, Config, Duration, Fault, NodeId};

/// A world as `World::connected`, whose causes are kept from here on.
fn watched(config: Config) -> World {
    let mut world = World::connected(config);
    world.kernel.keep_causes();
    world
}

fn causes(world: &mut World) -> Vec<Caused> {
    world.kernel.take_causes().collect()
}

fn of(node: NodeId, causes: &[Caused]) -> Vec<&Caused> {
    causes.iter().filter(|caused| caused.node == node).collect()
}

#[test]
fn a_delivery_knows_the_event_that_sent_it() {
    let mut world = watched(plain());
    world.tell(A, Do::Send(5));
    world.run_out();
    let found = causes(&mut world);
    let [told, answered] = of(A, &found)[..] else {
        panic!("{found:?}")
    };
    let [asked] = of(B, &found)[..] else {
        panic!("{found:?}")
    };
    assert_eq!(told.cause, Cause::Outside);
    let packet = |sent_in| Cause::Packet { sent_in };
    assert_eq!(asked.cause, packet(told.event));
    assert_eq!(answered.cause, packet(asked.event));
    assert!(answered.time > ms(12));
}

#[test]
fn a_busy_process_sends_when_its_work_is_done_and_is_the_cause_all_the_same() {
    let mut config = plain();
    config.costs.message = Duration::from_millis(3);
    let mut world = World::connected(config);
    world.kernel.keep_causes();
    world.tell(A, Do::Send(5));
    world.tell(A, Do::Send(6));
    world.run_out();
    let found = causes(&mut world);
    let asked = of(B, &found);
    let answered = &of(A, &found)[2..];
    assert_eq!((asked.len(), answered.len()), (2, 2));
    for (asked, answered) in asked.iter().zip(answered) {
        assert_eq!(answered.cause.event(), Some(asked.event));
    }
}

#[test]
fn timers_and_disks_lead_back_to_the_event_that_began_them() {
    let mut world = watched(plain());
    world.tell(A, Do::Alarm(5));
    world.tell(A, Do::Cancel);
    world.tell(A, Do::Alarm(7));
    world.tell(A, Do::Replace(3));
    world.run_out();
    let found = causes(&mut world);
    let [_, _, set, began, replaced, fired] = of(A, &found)[..] else {
        panic!("{found:?}")
    };
    let begun_in = began.event;
    assert_eq!(replaced.cause, Cause::Disk { begun_in });
    assert_eq!(fired.cause, Cause::Timer { set_in: set.event });
}

#[test]
fn what_waited_for_window_was_sent_when_the_process_sent_it() {
    let mut config = plain();
    config.network.window = 100;
    let mut world = watched(config);
    world.tell(B, Do::Mute);
    world.tell(A, Do::SendBytes(1, 100));
    world.tell(A, Do::SendBytes(2, 100));
    world.until(50);
    world.tell(B, Do::Unmute);
    world.run_out();
    let found = causes(&mut world);
    let sent: Vec<u64> = of(A, &found)[..2].iter().map(|sent| sent.event).collect();
    let got = of(B, &found);
    let got: Vec<u64> = got.iter().filter_map(|got| got.cause.event()).collect();
    assert_eq!(got, sent);
}

#[test]
fn what_a_fault_brings_about_has_no_event_for_a_cause() {
    let mut world = watched(plain());
    world.kernel.apply(Fault::Crash(B));
    world.kernel.apply(Fault::Start(B));
    world.run_out();
    let found = causes(&mut world);
    assert_eq!(found.len(), 2, "A hears of the reset, B starts: {found:?}");
    assert!(found.iter().all(|caused| caused.cause == Cause::Outside));
}
