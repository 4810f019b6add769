//! Lives of brokers: how one starts, what it notes of epochs, and what it does when it wakes too late.

use crate::replication::world::*;
use kafka_trial::client::{AdminCommand, DriverOperation};
use kafka_trial::kernel::{Fault, NodeId};
use kafka_trial::protocol::{ConfigResource, Fact};
use std::collections::BTreeMap;

#[test]
fn ct25_a_broker_loads_registers_serves_and_waits_to_be_told_what_it_has() {
    let mut world = World::new(
        7,
        &[],
        vec![create(&[&[1, 2, 3]], &[]), produce("all", &["a"])],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    let controller = |world: &World| {
        let elected = |f: &Fact| matches!(f, Fact::ControllerElected { .. });
        assert_eq!(world.stated(elected), 1);
    };
    controller(&world);
    world.apply(Fault::Crash(NodeId(1)));
    world.pass(8000);
    world.facts.clear();
    world.apply(Fault::Start(NodeId(1)));
    world.pass(4000);
    let steps: Vec<&str> = world
        .facts
        .iter()
        .filter(|entry| entry.node == *world.kernel.name(NodeId(1)))
        .filter_map(|entry| match &entry.fact {
            Fact::LogsLoaded { recovered: 1, .. } => Some("recovers its log"),
            Fact::Registered { .. } => Some("registers"),
            Fact::Serving => Some("serves"),
            Fact::BecameFollower { .. } => Some("follows"),
            Fact::BecameLeader { .. } => Some("leads"),
            _ => None,
        })
        .collect();
    assert_eq!(
        steps,
        ["recovers its log", "registers", "serves", "follows"]
    );
    // Whoever comes before it serves is refused: CT8 tries until it does.
    assert_eq!(world.replicas()[&1], (1, 1, vec![]));
}

fn alter(key: &str, value: &str) -> DriverOperation {
    DriverOperation::Admin(AdminCommand::AlterConfigs {
        resource: ConfigResource::Topic,
        name: "t".to_owned(),
        set: BTreeMap::from([(key.to_owned(), value.to_owned())]),
        delete: Vec::new(),
    })
}

#[test]
fn rk10_an_altered_min_insync_replicas_holds_for_the_next_produce_on_a_running_leader() {
    let mut world = World::new(
        8,
        &[],
        vec![
            create(&[&[1, 2]], &[("min.insync.replicas", "1")]),
            produce("all", &["a"]),
            produce("all", &["b"]),
            alter("min.insync.replicas", "2"),
            produce("all", &["refused"]),
            alter("min.insync.replicas", "1"),
            produce("all", &["c"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    world.apply(Fault::Crash(NodeId(2)));
    world.pass(8000);
    assert_eq!(world.replicas()[&1].2, [1]);
    assert_eq!(world.run(1000), stored(1));
    world.run(500);
    assert_eq!(world.run(4500), failed("NotEnoughReplicasException"));
    world.run(500);
    assert_eq!(world.run(1000), stored(2));
    assert_eq!(world.replicas()[&1], (3, 3, vec![1]));
}

#[test]
fn rk15_a_leader_notes_its_epoch_when_it_is_told_a_follower_when_it_appends_one() {
    let mut world = World::new(
        9,
        &[],
        vec![
            create(&[&[1, 2, 3]], &[]),
            produce("all", &["a"]),
            produce("all", &["b"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.epochs(1), ["0 0"]);
    assert_eq!(world.epochs(2), [""; 0], "nothing was appended there");
    assert_eq!(world.run(1000), stored(0));
    assert_eq!([world.epochs(2), world.epochs(3)], [["0 0"], ["0 0"]]);
    // A follower dies, and the controller's shrink raises the epoch, though the leader stays.
    world.apply(Fault::Crash(NodeId(2)));
    world.pass(8000);
    assert_eq!(world.leader(), (1, 1));
    assert_eq!(world.epochs(1), ["0 0", "1 1"]);
    assert_eq!(world.epochs(3), ["0 0"]);
    assert_eq!(world.run(1000), stored(1));
    assert_eq!(world.epochs(3), ["0 0", "1 1"]);
    // Epoch 1 is replaced where it would begin at the same offset as the next one.
    world.apply(Fault::Start(NodeId(2)));
    world.pass(4000);
    world.apply(Fault::Crash(NodeId(2)));
    world.pass(8000);
    assert_eq!(world.leader(), (1, 2));
    assert_eq!(world.epochs(1), ["0 0", "1 1", "2 2"]);
    world.apply(Fault::Start(NodeId(2)));
    world.pass(4000);
    world.apply(Fault::Crash(NodeId(2)));
    world.pass(8000);
    assert_eq!(world.leader(), (1, 3));
    assert_eq!(world.epochs(1), ["0 0", "1 1", "3 2"]);
}

#[test]
fn rk17_a_frozen_leader_appends_what_it_was_sent_in_its_old_epoch_and_cuts_it() {
    let mut world = World::new(
        10,
        &[],
        vec![
            create(&[&[1, 2, 3]], &[]),
            produce("1", &["a"]),
            produce("1", &["late"]),
            produce("all", &["b"]),
            read(),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    world.apply(Fault::Pause(NodeId(1)));
    assert_eq!(world.run(4500), failed("TimeoutException"));
    world.pass(6000);
    assert_eq!(world.leader().0, 2, "the frozen one's session has expired");
    world.run(6000);
    let end = world.replicas()[&2].0;
    world.facts.clear();
    world.apply(Fault::Resume(NodeId(1)));
    world.pass(6000);
    let told: Vec<&Fact> = world
        .facts
        .iter()
        .filter(|entry| entry.node == *world.kernel.name(NodeId(1)))
        .map(|entry| &entry.fact)
        .filter(|fact| matches!(fact, Fact::Appended { .. } | Fact::Truncated { .. }))
        .collect();
    let late = Fact::Appended {
        partition: t0(),
        base_offset: 1,
        last_offset: 1,
        leader_epoch: 0,
        as_leader: true,
        acks_all: false,
    };
    let cut = Fact::Truncated {
        partition: t0(),
        from: 2,
        to: 1,
        leader: 2,
    };
    assert_eq!(told[..2], [&late, &cut], "{told:?}");
    assert_eq!(world.replicas()[&1], (end, end, vec![]));
    let values = values_read(world.run(2500));
    assert!(!values.contains(&"late".to_owned()), "{values:?}");
}
