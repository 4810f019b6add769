//! CN11: a host with several addresses.

use super::{CLIENT, ELSEWHERE, SERVER, World, hosts, network_client};
use kafka_trial::kernel::{Fault, NodeId};
use kafka_trial::protocol::config::NetworkClientConfig;

fn several() -> network_client::Node {
    network_client::Node::new(7, hosts().place("several", 9092).unwrap())
}

/// A client that tries `several` again and again.
fn persistent() -> World {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.client().persistent = true;
    world.client().destinations.extend([several(); 100]);
    world
}

fn sought(world: &mut World) -> NodeId {
    let address = world.client().network.address(several());
    address.unwrap().node
}

#[test]
fn cn11_each_attempt_tries_the_next_address_of_a_host_and_then_the_first_again() {
    let mut world = persistent();
    world.send(1);
    let mut tried = Vec::new();
    for failed in 1..=5 {
        while world.client().ends.len() < failed {
            world.0.step().unwrap();
        }
        tried.push(sought(&mut world));
    }
    assert_eq!(tried, [SERVER, ELSEWHERE, SERVER, ELSEWHERE, SERVER]);
}

#[test]
fn cn11_one_living_machine_behind_a_name_is_found_with_the_second_attempt() {
    let mut world = persistent();
    world.0.apply(Fault::Start(ELSEWHERE));
    world.send(1);
    world.run_for(200);
    let ends = world.client().ends.clone();
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert!(ends[0].2.is_err() && ends[1].2.is_ok(), "{ends:?}");
    assert_eq!(world.server_at(ELSEWHERE).received.len(), 1);
}

#[test]
fn cn11_an_address_that_was_lost_is_not_the_next_to_be_tried() {
    let mut world = persistent();
    world.0.apply(Fault::Start(SERVER));
    world.0.apply(Fault::Start(ELSEWHERE));
    world.client().persistent = false;
    world.send(1);
    world.run_for(200);
    let mut tried = vec![sought(&mut world)];
    for _ in 0..2 {
        world.0.apply(Fault::Reset {
            a: vec![CLIENT],
            b: vec![SERVER, ELSEWHERE],
        });
        world.run_for(200);
        world.send(1);
        world.run_for(200);
        tried.push(sought(&mut world));
    }
    assert_eq!(tried, [SERVER, ELSEWHERE, SERVER]);
    assert!(world.client().ends.iter().all(|(_, _, end)| end.is_ok()));
}
