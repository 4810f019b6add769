//! Leaders go back to the preferred replica by timer.

use crate::controller::cluster::Cluster;
use crate::controller::support::*;
use kafka_trial::protocol::{BrokerId, ElectionType, ErrorCode};

/// Broker 1, which should lead so many partitions, is back after a crash; broker 2 leads them.
fn with_leaders_elsewhere(partitions: usize) -> Cluster {
    let replicas: Vec<&[BrokerId]> = vec![&[1, 2]; partitions];
    let mut cluster = with_topic(&replicas);
    kill(&mut cluster, 1);
    cluster.start(1).unwrap();
    for partition in 0..partitions as i32 {
        assert_eq!(
            state(&mut cluster, partition),
            "leader 2 epoch 1 isr [2] version 1 of 1"
        );
    }
    cluster
}

fn joins_the_isr(cluster: &mut Cluster, partition: i32) {
    let (error, partitions) = alter(cluster, 3, 2, altered(partition, 1, 1, &[2, 1]));
    assert_eq!(
        (error, partitions[0].error),
        (ErrorCode::None, ErrorCode::None)
    );
}

#[test]
fn a_leader_returns_once_its_preferred_replica_is_in_the_isr() {
    let mut cluster = with_leaders_elsewhere(1);
    cluster.fire_timers();
    assert!(
        state(&mut cluster, 0).starts_with("leader 2"),
        "not before it has caught up"
    );
    joins_the_isr(&mut cluster, 0);
    assert!(
        state(&mut cluster, 0).starts_with("leader 2"),
        "only by timer"
    );
    cluster.fire_timers();
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 2 isr [2, 1] version 3 of 1"
    );
}

#[test]
fn leaders_stay_where_no_more_than_the_allowed_share_is_elsewhere() {
    for (partitions, leader) in [(10, "leader 2"), (9, "leader 1")] {
        let mut cluster = with_leaders_elsewhere(partitions);
        let all = 0..partitions as i32;
        for partition in all.clone() {
            joins_the_isr(&mut cluster, partition);
        }
        let all_but_the_first = all.skip(1).collect();
        let elections = elected(
            &mut cluster,
            elect(ElectionType::Preferred, Some(all_but_the_first)),
        );
        assert!(elections.iter().all(|(_, error)| error.is_none()));
        cluster.fire_timers();
        assert!(
            state(&mut cluster, 0).starts_with(leader),
            "one of {partitions}"
        );
    }
}

#[test]
fn the_timer_of_a_term_ends_with_it() {
    let mut cluster = with_leaders_elsewhere(1);
    joins_the_isr(&mut cluster, 0);
    cluster.expire_session_of(3);
    assert_ne!(cluster.active_controller(), Some(3));
    // Both timers fire: the old term's finds nobody, the new term's moves the leader, once.
    cluster.fire_timers();
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 2 isr [2, 1] version 3 of 2"
    );
}
