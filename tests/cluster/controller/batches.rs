//! Who is told what, and in which order (CT7, CT9, RK7, Z8).

use crate::controller::cluster::Cluster;
use crate::controller::support::*;
use kafka_trial::protocol::{
    BrokerId, ControlledShutdownRequest, ElectionType, ErrorCode, Request, Response,
};

fn shut_down(cluster: &mut Cluster, id: BrokerId) {
    let request = ControlledShutdownRequest {
        broker_id: id,
        broker_epoch: cluster.brokers[&id].broker_epoch,
    };
    match cluster.ask_controller(3, request) {
        Some(Response::ControlledShutdown(response)) => {
            assert_eq!(response.error, ErrorCode::None);
        }
        other => panic!("{other:?}"),
    }
}

/// Who got a LeaderAndIsr, and whether its partition was new, in the order in which they got it.
fn leader_and_isrs(cluster: &mut Cluster) -> Vec<(BrokerId, bool)> {
    let requests = std::mem::take(&mut cluster.requests);
    let told = requests
        .iter()
        .filter_map(|(to, request, _)| match request {
            Request::LeaderAndIsr(request) => Some((*to, request.partition_states[0].is_new)),
            _ => None,
        });
    told.collect()
}

#[test]
fn ct7_a_batch_is_leader_and_isr_then_update_metadata_to_all_with_who_is_offline() {
    let mut cluster = with_topic(&[&[1, 2]]);
    let epochs: Vec<i64> = (1..=3)
        .map(|id| cluster.brokers[&id].broker_epoch)
        .collect();
    kill(&mut cluster, 2);
    let told = requests(&mut cluster);
    let to = |id| {
        let to_it = told.iter().filter(move |(to, ..)| *to == id);
        to_it.map(|(_, name, _)| *name).collect::<Vec<_>>()
    };
    assert_eq!(to(1), ["LeaderAndIsr", "UpdateMetadata"]);
    assert_eq!(to(3), ["UpdateMetadata"], "though it does not host it");
    let mut cluster = with_topic(&[&[1, 2]]);
    shut_down(&mut cluster, 2);
    let mut seen = 0;
    for (to, request, _) in &cluster.requests {
        if let Request::UpdateMetadata(request) = request {
            assert_eq!(request.controller_epoch, 1);
            assert_eq!(request.broker_epoch, epochs[*to as usize - 1]);
            for state in &request.partition_states {
                assert_eq!(state.offline_replicas, [2], "shutting down is offline");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 3, "the one that shuts down is told too");
}

#[test]
fn ct7_a_stop_replica_goes_out_after_the_update_metadata_of_its_batch() {
    let mut cluster = with_topic(&[&[1, 2]]);
    shut_down(&mut cluster, 2);
    let to_it: Vec<&str> = requests(&mut cluster)
        .into_iter()
        .filter(|(to, ..)| *to == 2)
        .map(|(_, name, _)| name)
        .collect();
    assert_eq!(to_it, ["StopReplica", "UpdateMetadata", "StopReplica"]);
}

#[test]
fn ct9_a_new_partition_is_told_to_its_live_replicas() {
    let mut cluster = with_topic(&[&[3]]);
    kill(&mut cluster, 2);
    cluster.requests.clear();
    cluster.ask_admin(3, topic("u", &[&[1, 2, 3]]));
    assert_eq!(leader_and_isrs(&mut cluster), [(1, true), (3, true)]);
}

#[test]
fn ct9_an_offline_election_is_told_to_live_replicas_a_preferred_one_to_all() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    kill(&mut cluster, 1);
    let told = leader_and_isrs(&mut cluster);
    assert_eq!(told[..2], [(2, false), (3, false)]);
    assert!(told.iter().all(|(to, _)| *to != 1));
    cluster.start(1).unwrap();
    let epochs = (1, 1);
    let answer = alter(
        &mut cluster,
        3,
        2,
        altered(0, epochs.0, epochs.1, &[2, 3, 1]),
    );
    assert_eq!(answer.1[0].error, ErrorCode::None);
    cluster.requests.clear();
    elected(&mut cluster, elect(ElectionType::Preferred, Some(vec![0])));
    assert!(state(&mut cluster, 0).starts_with("leader 1 epoch 2"));
    assert_eq!(
        leader_and_isrs(&mut cluster),
        [(1, false), (2, false), (3, false)]
    );
}

#[test]
fn ct9_a_shrink_is_told_to_all_but_the_replica_that_is_lost() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    shut_down(&mut cluster, 2);
    assert_eq!(leader_and_isrs(&mut cluster), [(1, false), (3, false)]);
}

#[test]
fn rk7_ct9_a_controlled_shutdown_elects_stops_shrinks_and_stops_again() {
    let mut cluster = with_topic(&[&[1, 2, 3], &[2, 3, 1]]);
    let before = log(&mut cluster).len();
    shut_down(&mut cluster, 1);
    let to = |id: BrokerId, cluster: &Cluster| {
        let to_it = cluster.requests.iter().filter(move |(to, ..)| *to == id);
        let shown = to_it.map(|(_, request, _)| match request {
            Request::LeaderAndIsr(r) => format!("LeaderAndIsr {}", r.partition_states[0].partition),
            Request::UpdateMetadata(r) => {
                format!("UpdateMetadata {}", r.partition_states[0].partition)
            }
            Request::StopReplica(r) => format!("StopReplica {}", r.partition_states[0].partition),
            other => panic!("{}", other.name()),
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(
        to(1, &cluster),
        [
            "LeaderAndIsr t-0",
            "UpdateMetadata t-0",
            "StopReplica t-1",
            "UpdateMetadata t-1",
            "StopReplica t-1",
        ],
        "what it led it follows, what it followed is stopped"
    );
    for id in [2, 3] {
        assert_eq!(
            to(id, &cluster),
            [
                "LeaderAndIsr t-0",
                "UpdateMetadata t-0",
                "LeaderAndIsr t-1",
                "UpdateMetadata t-1",
            ]
        );
    }
    let written: Vec<String> = log(&mut cluster)[before..].to_vec();
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].contains("/t/partitions/0/state"), "{written:?}");
    assert!(written[1].contains("/t/partitions/1/state"), "{written:?}");
    // Its node goes: nothing is left to write, and all its partitions are told once more.
    cluster.requests.clear();
    let before = log(&mut cluster).len();
    kill(&mut cluster, 1);
    assert_eq!(log(&mut cluster).len(), before);
    for (_, request, answer) in &cluster.requests {
        if let (Request::LeaderAndIsr(_), Response::LeaderAndIsr(answer)) = (request, answer) {
            let stale = |(_, error): &(_, ErrorCode)| *error == ErrorCode::StaleControllerEpoch;
            assert!(answer.partition_errors.iter().all(stale), "{answer:?}");
        }
    }
    let told: Vec<_> = requests(&mut cluster);
    assert_eq!(
        told,
        [
            (2, "LeaderAndIsr", 2),
            (3, "LeaderAndIsr", 2),
            (2, "UpdateMetadata", 2),
            (3, "UpdateMetadata", 2),
        ]
    );
}

#[test]
fn z8_both_stop_replicas_of_a_shutdown_carry_the_epoch_before_the_shrink() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    shut_down(&mut cluster, 2);
    assert!(state(&mut cluster, 0).starts_with("leader 1 epoch 1 isr [1, 3]"));
    let stops: Vec<(i32, bool)> = cluster
        .requests
        .iter()
        .filter_map(|(_, request, _)| match request {
            Request::StopReplica(request) => {
                let state = &request.partition_states[0];
                Some((state.leader_epoch, state.delete_partition))
            }
            _ => None,
        })
        .collect();
    assert_eq!(stops, [(0, false), (0, false)]);
}
