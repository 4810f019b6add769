//! CN17: who answers with a throttle is left alone for so long.

use super::{BROKER, CLIENT, ELSEWHERE, SERVER, World, network_client};
use kafka_trial::kernel::{Address, Fault};
use kafka_trial::protocol::Place;
use kafka_trial::protocol::config::NetworkClientConfig;

const OTHER: network_client::Node =
    network_client::Node::new(8, Place::of(Address::new(ELSEWHERE, 9092)));

fn world() -> World {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.0.apply(Fault::Start(SERVER));
    world.0.apply(Fault::Start(ELSEWHERE));
    world
}

#[test]
fn cn17_nothing_is_sent_to_a_node_that_throttles_and_others_go_on() {
    let mut world = world();
    world.server().throttles.extend([500]);
    world.send(1);
    world.run_for(50);
    assert!(world.client().network.is_throttled(BROKER));
    assert!(!world.client().network.can_send(BROKER));
    world.client().destinations.extend([BROKER, OTHER]);
    world.send(2);
    world.run_for(430);
    assert_eq!(world.server().received.len(), 1, "nothing new");
    assert_eq!(world.server_at(ELSEWHERE).received.len(), 1);
    world.run_for(40);
    assert_eq!(world.server().received.len(), 2, "the pause is over");
    let tags: Vec<u32> = world.client().ends.iter().map(|(_, tag, _)| *tag).collect();
    assert_eq!(tags, [1, 3, 2]);
    assert!(world.client().network.can_send(BROKER));
}

#[test]
fn cn17_a_later_answer_does_not_shorten_it_and_a_lost_connection_does_not_end_it() {
    let mut world = world();
    world.server().throttles.extend([800, 100]);
    world.send(2);
    world.run_for(300);
    assert!(world.client().network.is_throttled(BROKER));
    world.0.apply(Fault::Reset {
        a: vec![CLIENT],
        b: vec![SERVER],
    });
    world.run_for(100);
    world.send(1);
    world.run_for(300);
    assert_eq!(world.server().versions_asked.len(), 2, "but this question");
    assert_eq!(world.server().received.len(), 2);
    world.run_for(200);
    assert_eq!(world.server().received.len(), 3);
}

#[test]
fn cn17_what_is_in_flight_has_so_much_longer() {
    let mut world = world();
    world.server().throttles.extend([5_000]);
    world.server().answers = Some(1);
    world.send(2);
    world.run_for(6_900);
    assert_eq!(world.client().ends.len(), 1, "2 s, and 5 s more");
    world.run_for(200);
    assert_eq!(world.client().ends.len(), 2);
}

#[test]
fn cn17_a_clock_that_is_set_back_makes_it_so_much_longer() {
    let mut world = world();
    world.server().throttles.extend([500]);
    world.send(1);
    world.run_for(100);
    world.0.apply(Fault::ClockJump {
        node: CLIENT,
        by_ms: -1_000,
    });
    world.run_for(1_300);
    assert!(world.client().network.is_throttled(BROKER));
    world.run_for(200);
    assert!(!world.client().network.is_throttled(BROKER));
}
