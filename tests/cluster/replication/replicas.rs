//! Replicas stop, die and return: what is in sync, committed and cut.

use crate::replication::world::*;
use kafka_trial::kernel::{Fault, NodeId, NodeStatus};
use kafka_trial::protocol::Fact;
use kafka_trial::trace::{Stall, StallReader};
use std::collections::BTreeMap;

#[test]
fn hw5_hw7_acks_all_reaches_every_replica_and_followers_learn_of_it() {
    let mut world = World::new(
        1,
        &[],
        vec![create(&[&[1, 2, 3]], &[]), produce("all", &["a"]), read()],
    );
    world.run(2000);
    assert_eq!(world.leader(), (1, 0));
    assert_eq!(world.run(1000), stored(0));
    let follower = (1, 1, vec![]);
    assert_eq!(
        world.replicas(),
        BTreeMap::from([
            (1, (1, 1, vec![1, 2, 3])),
            (2, follower.clone()),
            (3, follower)
        ])
    );
    assert_eq!(values_read(world.run(2500)), ["a"]);
    for broker in 1..=3 {
        assert_eq!(world.epochs(broker), ["0 0"], "RK15");
        let checkpoint = world.file(broker, "data/replication-offset-checkpoint");
        assert_eq!(checkpoint, "0\n1\nt 0 1\n", "HW7");
    }
}

#[test]
fn i7_a_paused_follower_leaves_the_isr_and_comes_back_at_its_end() {
    let mut world = World::new(
        2,
        &[("zookeeper.session.timeout.ms", "60000")],
        vec![
            create(&[&[1, 2, 3]], &[("min.insync.replicas", "2")]),
            produce("all", &["a"]),
            produce("1", &["b"]),
            produce("1", &["c"]),
            produce("all", &["d"]),
            produce("all", &["e"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    assert_eq!(world.run(1000), stored(1));
    world.apply(Fault::Pause(NodeId(2)));
    assert_eq!(world.run(300), stored(2));
    assert_eq!(world.replicas()[&1], (3, 2, vec![1, 2, 3]));
    world.pass(8000);
    assert_eq!(world.replicas()[&1], (3, 3, vec![1, 3]));
    assert_eq!(world.run(1000), stored(3));
    world.apply(Fault::Resume(NodeId(2)));
    world.pass(2300);
    assert_eq!(
        world.replicas()[&1],
        (4, 4, vec![1, 3, 2]),
        "appended (RK14)"
    );
    assert_eq!(world.run(1000), stored(4));
    assert_eq!(world.replicas()[&2], (5, 5, vec![]));
}

#[test]
fn e7_a_crashed_leader_returns_cuts_what_was_never_committed_and_joins_again() {
    let mut world = World::new(
        3,
        &[],
        vec![
            create(&[&[1, 2, 3]], &[]),
            produce("all", &["a"]),
            produce("1", &["b"]),
            produce("1", &["lost"]),
            produce("all", &["c"]),
            produce("all", &["d"]),
            read(),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    assert_eq!(world.run(1000), stored(1));
    // With its followers paused the leader's own copy is the only one.
    world.apply(Fault::Pause(NodeId(2)));
    world.apply(Fault::Pause(NodeId(3)));
    world.pass(100);
    assert_eq!(world.run(300), stored(2));
    world.apply(Fault::Crash(NodeId(1)));
    world.apply(Fault::Resume(NodeId(2)));
    world.apply(Fault::Resume(NodeId(3)));
    world.pass(10_000);
    assert_eq!(world.leader(), (2, 1));
    assert_eq!(world.replicas()[&2], (2, 2, vec![2, 3]));
    // The producer may have to learn of the new leader first.
    world.run(5000);
    world.run(5000);
    let end = world.replicas()[&2].0;
    assert!(end == 3 || end == 4, "{end}");

    world.apply(Fault::Start(NodeId(1)));
    world.pass(6000);
    let cut = |f: &Fact| matches!(f, Fact::Truncated { from: 3, to: 2, .. });
    assert_eq!(world.stated(cut), 1);
    assert_eq!(world.replicas()[&1], (end, end, vec![]));
    assert_eq!(world.replicas()[&2].2, [2, 3, 1]);
    assert_eq!(world.epochs(1), world.epochs(2));
    let values = values_read(world.run(2500));
    assert_eq!(values.len() as i64, end);
    assert_eq!(values[..2], ["a", "b"]);
    assert!(!values.contains(&"lost".to_owned()), "{values:?}");
}

#[test]
fn ct26_a_clean_stop_moves_leaderships_first_and_leaves_a_marker() {
    let mut world = World::new(
        4,
        &[],
        vec![
            create(&[&[1, 2, 3]], &[]),
            produce("all", &["a"]),
            produce("all", &["b"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    world.apply(Fault::Terminate(NodeId(1)));
    world.pass(3000);
    assert_eq!(world.kernel.status(NodeId(1)), NodeStatus::Down);
    assert_eq!(world.leader().0, 2);
    assert_eq!(world.replicas()[&2].2, [2, 3]);
    assert_eq!(
        world.file(1, "data/.kafka_cleanshutdown"),
        "{\"version\":0,\"brokerEpoch\":-1}"
    );
    assert_eq!(
        world.file(1, "data/recovery-point-offset-checkpoint"),
        "0\n1\nt 0 1\n"
    );
    world.apply(Fault::Start(NodeId(1)));
    world.pass(4000);
    assert_eq!(world.replicas()[&2].2, [2, 3, 1]);
    let unclean = |f: &Fact| matches!(f, Fact::LogsLoaded { recovered, .. } if *recovered > 0);
    assert_eq!(world.stated(unclean), 0);
}

#[test]
fn p1_acks_all_is_refused_while_too_few_are_in_sync() {
    let mut world = World::new(
        5,
        &[],
        vec![
            create(&[&[1, 2]], &[("min.insync.replicas", "2")]),
            produce("all", &["a"]),
            produce("all", &["b"]),
            produce("1", &["c"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    world.apply(Fault::Crash(NodeId(2)));
    world.pass(10_000);
    assert_eq!(world.run(3000), failed("NotEnoughReplicasException"));
    assert_eq!(world.run(1000), stored(1));
    assert_eq!(world.replicas()[&1], (2, 1, vec![1]), "HW3");
}

#[test]
fn ct33_after_a_kill_acks_all_stalls_until_the_isr_shrinks_and_the_trace_says_why() {
    let mut world = World::new(
        6,
        &[],
        vec![
            create(&[&[1, 2, 3]], &[]),
            produce("all", &["a"]),
            produce("all", &["b"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    world.apply(Fault::Crash(NodeId(2)));
    world.pass(100);
    assert_eq!(world.run(3500), failed("TimeoutException"));
    let stalls = stalls(&world);
    let of_2 = stalls.iter().filter(|stall| stall.waits_for == [2]);
    assert_eq!(of_2.count(), 1, "{stalls:?}");
    world.pass(8000);
    assert_eq!(world.replicas()[&1], (2, 2, vec![1, 3]));
}

/// What the facts say that stands still.
fn stalls(world: &World) -> Vec<Stall> {
    let mut reader = StallReader::default();
    let mut stalls = Vec::new();
    for entry in &world.facts {
        stalls.extend(reader.pass(entry.time));
        reader.learn(entry);
    }
    stalls
}
