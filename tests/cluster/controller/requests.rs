//! What brokers ask of the controller.

use crate::controller::cluster::Cluster;
use crate::controller::support::*;
use kafka_trial::protocol::{
    AllocateProducerIdsRequest, AlterPartitionData, AlterPartitionRequest, BrokerId,
    ControlledShutdownRequest, ErrorCode, LeaderRecoveryState, Response, TopicId,
};

#[test]
fn a4_the_zookeeper_controllers_checks_in_their_order() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let unknown = altered(7, 0, 0, &[1, 2, 3]);
    assert_eq!(
        alter_error(&mut cluster, unknown),
        ErrorCode::UnknownTopicOrPartition
    );
    let unknown_id = AlterPartitionData {
        topic_id: TopicId([9; 16]),
        ..altered(0, 0, 0, &[1])
    };
    assert_eq!(
        alter_error(&mut cluster, unknown_id),
        ErrorCode::UnknownTopicId
    );
    for ahead in [altered(0, 1, 0, &[1]), altered(0, 0, 1, &[1])] {
        assert_eq!(alter_error(&mut cluster, ahead), ErrorCode::NotController);
    }
    let change = altered(0, 0, 0, &[1, 2]);
    assert_eq!(alter_error(&mut cluster, change.clone()), ErrorCode::None);
    assert_eq!(
        alter_error(&mut cluster, change),
        ErrorCode::None,
        "already so"
    );
    let behind = altered(0, 0, 0, &[1]);
    assert_eq!(
        alter_error(&mut cluster, behind),
        ErrorCode::InvalidUpdateVersion
    );
    let recovering = |isr: &[BrokerId]| AlterPartitionData {
        leader_recovery_state: LeaderRecoveryState::Recovering,
        ..altered(0, 0, 1, isr)
    };
    for request in [recovering(&[1, 2, 3]), recovering(&[1])] {
        assert_eq!(
            alter_error(&mut cluster, request),
            ErrorCode::InvalidRequest
        );
    }
    let dead = altered(0, 0, 1, &[1, 2, 9]);
    assert_eq!(
        alter_error(&mut cluster, dead),
        ErrorCode::IneligibleReplica
    );
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 0 isr [1, 2] version 1 of 1"
    );
    kill(&mut cluster, 3);
    let at = cluster.active_controller().unwrap();
    // Broker 1 leads on; the failover has raised nothing, for 3 was out of the ISR.
    let (error, partitions) = alter(&mut cluster, at, 1, altered(0, -1, 1, &[1]));
    assert_eq!(error, ErrorCode::None);
    assert_eq!(partitions[0].error, ErrorCode::FencedLeaderEpoch);
}

#[test]
fn a4_the_whole_request_is_refused_elsewhere_and_for_an_old_broker_epoch() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let data = altered(0, 0, 0, &[1]);
    assert_eq!(
        alter(&mut cluster, 2, 1, data.clone()).0,
        ErrorCode::NotController
    );
    let request = AlterPartitionRequest {
        broker_id: 1,
        broker_epoch: cluster.brokers[&1].broker_epoch - 1,
        partitions: vec![data],
    };
    match cluster.ask_controller(3, request) {
        Some(Response::AlterPartition(response)) => {
            assert_eq!(response.error, ErrorCode::StaleBrokerEpoch);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a4_a_stopping_broker_may_not_enter_an_isr() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let request = ControlledShutdownRequest {
        broker_id: 2,
        broker_epoch: cluster.brokers[&2].broker_epoch,
    };
    cluster.ask_controller(3, request);
    assert_eq!(
        alter_error(&mut cluster, altered(0, 1, 1, &[1, 3, 2])),
        ErrorCode::IneligibleReplica
    );
}

#[test]
fn ct15_an_alter_partition_brings_one_update_metadata_and_no_leader_and_isr() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    alter_error(&mut cluster, altered(0, 0, 0, &[1, 2]));
    assert_eq!(
        requests(&mut cluster),
        [
            (1, "UpdateMetadata", 1),
            (2, "UpdateMetadata", 1),
            (3, "UpdateMetadata", 1)
        ]
    );
}

#[test]
fn ct19_a_controlled_shutdown_stops_followed_replicas_twice_and_answers_what_is_left() {
    let mut cluster = with_topic(&[&[1, 2], &[2, 1]]);
    cluster.ask_admin(3, topic("u", &[&[1]]));
    cluster.requests.clear();
    let request = ControlledShutdownRequest {
        broker_id: 1,
        broker_epoch: cluster.brokers[&1].broker_epoch,
    };
    match cluster.ask_controller(3, request) {
        Some(Response::ControlledShutdown(response)) => {
            assert_eq!(response.error, ErrorCode::None);
            assert_eq!(response.remaining_partitions, []);
        }
        other => panic!("{other:?}"),
    }
    let stops: Vec<(BrokerId, &str, u32)> = requests(&mut cluster)
        .into_iter()
        .filter(|(_, name, _)| *name == "StopReplica")
        .collect();
    assert_eq!(stops, [(1, "StopReplica", 1), (1, "StopReplica", 1)]);
    let alone = &cluster.tree().nodes["/brokers/topics/u/partitions/0/state"];
    assert_eq!(alone.stat.version, 0, "one replica: it stays");
    // With its only other replica gone it cannot give its partition away.
    let mut cluster = with_topic(&[&[1, 2]]);
    kill(&mut cluster, 2);
    let request = ControlledShutdownRequest {
        broker_id: 1,
        broker_epoch: cluster.brokers[&1].broker_epoch,
    };
    match cluster.ask_controller(3, request) {
        Some(Response::ControlledShutdown(response)) => {
            assert_eq!(response.remaining_partitions.len(), 1);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ct19_a_controlled_shutdown_is_refused_elsewhere_and_for_an_old_epoch() {
    let mut cluster = Cluster::of_three();
    let broker_epoch = cluster.brokers[&1].broker_epoch;
    for (at, broker_id, broker_epoch, error) in [
        (2, 1, broker_epoch, ErrorCode::StaleControllerEpoch),
        (3, 1, broker_epoch - 1, ErrorCode::StaleBrokerEpoch),
        (3, 9, 1, ErrorCode::UnknownServerError),
        (3, 9, -1, ErrorCode::BrokerNotAvailable),
    ] {
        let request = ControlledShutdownRequest {
            broker_id,
            broker_epoch,
        };
        match cluster.ask_controller(at, request) {
            Some(Response::ControlledShutdown(response)) => assert_eq!(response.error, error),
            other => panic!("{other:?}"),
        }
    }
}

/// Broker `from` asks `at` for ids, as of this broker epoch: the first and how many.
fn allocate(
    cluster: &mut Cluster,
    at: BrokerId,
    from: BrokerId,
    broker_epoch: i64,
) -> Result<(i64, i32), ErrorCode> {
    let request = AllocateProducerIdsRequest {
        broker_id: from,
        broker_epoch,
    };
    match cluster.ask_controller(at, request) {
        Some(Response::AllocateProducerIds(answer)) if answer.error.is_none() => {
            Ok((answer.producer_id_start, answer.producer_id_len))
        }
        Some(Response::AllocateProducerIds(answer)) => Err(answer.error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn d20_blocks_of_1000_producer_ids_follow_each_other_in_zookeeper() {
    let mut cluster = Cluster::of_three();
    let epoch = |cluster: &Cluster, id| cluster.brokers[&id].broker_epoch;
    for (from, block) in [(1, (0, 1_000)), (2, (1_000, 1_000)), (1, (2_000, 1_000))] {
        let broker_epoch = epoch(&cluster, from);
        assert_eq!(allocate(&mut cluster, 3, from, broker_epoch), Ok(block));
    }
    let node = &cluster.tree().nodes["/latest_producer_id_block"];
    assert_eq!(
        std::str::from_utf8(&node.data),
        Ok(r#"{"version":1,"broker":1,"block_start":"2000","block_end":"2999"}"#)
    );
    let epoch = epoch(&cluster, 1);
    for (at, from, broker_epoch, error) in [
        (2, 1, epoch, ErrorCode::NotController),
        (3, 9, epoch, ErrorCode::BrokerIdNotRegistered),
        (3, 1, epoch - 1, ErrorCode::StaleBrokerEpoch),
    ] {
        assert_eq!(allocate(&mut cluster, at, from, broker_epoch), Err(error));
    }
    kill(&mut cluster, 3);
    let at = cluster.active_controller().unwrap();
    assert_eq!(
        allocate(&mut cluster, at, 1, epoch),
        Ok((3_000, 1_000)),
        "the next controller goes on"
    );
}
