//! Brokers come and go: elections, shrinks, and who is told.

use crate::controller::cluster::Cluster;
use crate::controller::support::*;
use kafka_trial::protocol::zookeeper::Op;
use kafka_trial::protocol::{BrokerId, ErrorCode, Fact};

#[test]
fn rk6_a_crash_brings_an_election_and_then_a_shrink_of_the_rest() {
    let mut cluster = with_topic(&[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]]);
    kill(&mut cluster, 1);
    assert_eq!(
        state(&mut cluster, 0),
        "leader 2 epoch 1 isr [2, 3] version 1 of 1"
    );
    assert_eq!(
        state(&mut cluster, 1),
        "leader 2 epoch 1 isr [2, 3] version 1 of 1"
    );
    assert_eq!(
        requests(&mut cluster)
            .into_iter()
            .filter(|(to, ..)| *to == 2)
            .collect::<Vec<_>>(),
        [
            (2, "LeaderAndIsr", 1),
            (2, "UpdateMetadata", 1),
            (2, "LeaderAndIsr", 3),
            (2, "UpdateMetadata", 3),
        ]
    );
}

#[test]
fn n1_z9_the_last_isr_member_stays_in_the_isr_and_returns_two_epochs_later() {
    let mut cluster = with_topic(&[&[1]]);
    kill(&mut cluster, 1);
    assert_eq!(
        state(&mut cluster, 0),
        "leader -1 epoch 1 isr [1] version 1 of 1"
    );
    let failed = |(_, fact): &(BrokerId, Fact)| matches!(fact, Fact::ElectionFailed { .. });
    assert!(cluster.facts.iter().any(failed));
    cluster.start(1).unwrap();
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 2 isr [1] version 2 of 1"
    );
}

#[test]
fn rk5_a_dead_broker_outside_the_isr_costs_no_write() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    assert_eq!(
        alter_error(&mut cluster, altered(0, 0, 0, &[1, 3])),
        ErrorCode::None
    );
    let before = state(&mut cluster, 0);
    cluster.requests.clear();
    kill(&mut cluster, 2);
    assert_eq!(state(&mut cluster, 0), before);
    assert_eq!(
        requests(&mut cluster),
        [
            (1, "LeaderAndIsr", 1),
            (3, "LeaderAndIsr", 1),
            (1, "UpdateMetadata", 1),
            (3, "UpdateMetadata", 1),
        ]
    );
}

#[test]
fn ct14_a_dead_broker_without_replicas_is_still_told_of() {
    let mut cluster = with_topic(&[&[1, 3]]);
    kill(&mut cluster, 2);
    assert_eq!(
        requests(&mut cluster),
        [(1, "UpdateMetadata", 0), (3, "UpdateMetadata", 0)]
    );
}

#[test]
fn ct13_z9_rk8_a_new_broker_gets_metadata_before_its_partitions() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    kill(&mut cluster, 2);
    cluster.requests.clear();
    cluster.start(2).unwrap();
    let requests = requests(&mut cluster);
    let to = |id| {
        requests
            .iter()
            .filter(|(to, ..)| *to == id)
            .map(|(_, name, partitions)| (*name, *partitions))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        to(2),
        [
            ("UpdateMetadata", 1),
            ("LeaderAndIsr", 1),
            ("UpdateMetadata", 1)
        ]
    );
    assert_eq!(to(1), [("UpdateMetadata", 0), ("UpdateMetadata", 1)]);
}

#[test]
fn rk4_a_leader_lost_with_its_controller_costs_two_epochs() {
    let mut cluster = with_topic(&[&[3, 1, 2]]);
    kill(&mut cluster, 3);
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 2 isr [1, 2] version 2 of 2"
    );
}

#[test]
fn ct10_a_state_that_changes_under_an_election_is_read_again() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    // A leader's own write, of which the controller's cache knows nothing.
    let path = "/brokers/topics/t/partitions/0/state";
    let data = r#"{"controller_epoch":1,"leader":1,"version":1,"leader_epoch":4,"isr":[1,3]}"#;
    cluster
        .tree()
        .apply(
            0,
            Op::SetData {
                path: path.into(),
                data: data.into(),
                version: -1,
            },
        )
        .unwrap();
    kill(&mut cluster, 1);
    assert_eq!(
        state(&mut cluster, 0),
        "leader 3 epoch 5 isr [3] version 2 of 1"
    );
}

#[test]
fn ct10_a_state_of_a_later_controller_is_left_alone() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let path = "/brokers/topics/t/partitions/0/state";
    let data = r#"{"controller_epoch":9,"leader":1,"version":1,"leader_epoch":4,"isr":[1,3]}"#;
    cluster
        .tree()
        .apply(
            0,
            Op::SetData {
                path: path.into(),
                data: data.into(),
                version: -1,
            },
        )
        .unwrap();
    kill(&mut cluster, 1);
    assert!(state(&mut cluster, 0).starts_with("leader 1 epoch 4"));
}

/// I9: which epoch a change of the ISR raises depends on who made it.
#[test]
fn i9_a_leader_raises_the_version_alone_the_controller_the_leader_epoch_too() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    assert_eq!(
        alter_error(&mut cluster, altered(0, 0, 0, &[1, 2])),
        ErrorCode::None
    );
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 0 isr [1, 2] version 1 of 1"
    );
    kill(&mut cluster, 2);
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 1 isr [1] version 2 of 1",
        "though the leader stays"
    );
}

/// Z5, CT12: the broker was away for so short a time that it is seen to come back before it is seen to go.
#[test]
fn ct12_z5_a_broker_with_another_epoch_has_bounced_it_fails_and_then_starts() {
    let mut cluster = with_topic(&[&[1, 2, 3], &[2, 3, 1]]);
    let old = cluster.brokers[&2].broker_epoch;
    let session = cluster.crash(2);
    cluster.tree().close_session(session);
    cluster.start(2).unwrap();
    let changes: Vec<&Fact> = cluster
        .facts
        .iter()
        .map(|(_, fact)| fact)
        .filter(|fact| matches!(fact, Fact::BrokersChanged { .. }))
        .collect();
    let bounced = Fact::BrokersChanged {
        new: vec![],
        dead: vec![],
        bounced: vec![2],
    };
    assert_eq!(changes, [&bounced]);
    // It has failed: out of both ISRs, and the leadership goes to another.
    assert_eq!(
        [state(&mut cluster, 0), state(&mut cluster, 1)],
        [
            "leader 1 epoch 1 isr [1, 3] version 1 of 1",
            "leader 3 epoch 1 isr [3, 1] version 1 of 1"
        ]
    );
    // It has started: told of all its partitions, as what it is now (`answer` holds every request to it
    // to the new epoch).
    assert!(cluster.brokers[&2].broker_epoch > old);
    let to_it: Vec<_> = requests(&mut cluster)
        .into_iter()
        .filter(|(to, ..)| *to == 2)
        .map(|(_, name, partitions)| (name, partitions))
        .collect();
    let last = to_it.len() - 3;
    assert_eq!(
        to_it[last..],
        [
            ("UpdateMetadata", 2),
            ("LeaderAndIsr", 2),
            ("UpdateMetadata", 2)
        ]
    );
}

/// CT11: the answer to an election's write is lost, the same write is sent again and meets its own
/// version: the state is read again, and a second epoch given.
#[test]
fn ct11_a_write_that_had_happened_costs_an_election_a_second_epoch() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    cluster.loses_the_answer_to = Some(|written| written.contains("/t/partitions/0/state"));
    kill(&mut cluster, 1);
    assert!(cluster.loses_the_answer_to.is_none(), "it was lost");
    assert_eq!(
        state(&mut cluster, 0),
        "leader 2 epoch 2 isr [2, 3] version 2 of 1"
    );
}

/// CT11: the same with a new partition's first state, which is there now: nobody is told, until something
/// makes the controller look at new partitions again.
#[test]
fn ct11_a_first_state_that_had_been_written_leaves_its_partition_new() {
    let mut cluster = Cluster::of_three();
    cluster.loses_the_answer_to = Some(|written| written.contains("/t/partitions/0/state"));
    cluster.requests.clear();
    cluster.begin_admin(3, topic("t", &[&[1, 2, 3]]));
    assert!(cluster.loses_the_answer_to.is_none(), "it was lost");
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 0 isr [1, 2, 3] version 0 of 1"
    );
    let told = |cluster: &mut Cluster| {
        let requests = requests(cluster);
        requests.iter().any(|(_, name, _)| *name == "LeaderAndIsr")
    };
    assert!(!told(&mut cluster), "nobody leads it");
}
