//! What the rule tests share: topics to make, brokers to kill, requests and states in words.

use crate::controller::cluster::Cluster;
use kafka_trial::metadata::znode;
use kafka_trial::protocol::{
    AlterPartitionData, AlterPartitionRequest, AlterPartitionResult, BrokerId, CreatableTopic,
    CreateTopicsRequest, ElectLeadersRequest, ElectionType, ErrorCode, LeaderRecoveryState,
    Request, Response, TopicId, TopicPartition,
};

pub fn topic(name: &str, replicas: &[&[BrokerId]]) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: name.into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: (0..).zip(replicas.iter().map(|r| r.to_vec())).collect(),
            configs: Vec::new(),
        }],
        timeout_ms: 10_000,
        validate_only: false,
    }
}

/// Three brokers, the controller on 3, and a topic t.
pub fn with_topic(replicas: &[&[BrokerId]]) -> Cluster {
    let mut cluster = Cluster::of_three();
    match cluster.ask_admin(3, topic("t", replicas)) {
        Some(Response::CreateTopics(response)) => {
            assert_eq!(response.topics[0].error, ErrorCode::None);
            assert_ne!(response.topics[0].topic_id, TopicId::ZERO);
        }
        other => panic!("{other:?}"),
    }
    cluster.requests.clear();
    cluster.facts.clear();
    cluster
}

pub fn state(cluster: &mut Cluster, partition: i32) -> String {
    let path = format!("/brokers/topics/t/partitions/{partition}/state");
    let node = &cluster.tree().nodes[&path];
    let state = znode::decode_partition_state(&node.data, node.stat.version).unwrap();
    let s = state.leader_and_isr;
    format!(
        "leader {} epoch {} isr {:?} version {} of {}",
        s.leader, s.leader_epoch, s.isr, s.partition_epoch, state.controller_epoch
    )
}

pub fn kill(cluster: &mut Cluster, id: BrokerId) {
    let session = cluster.crash(id);
    cluster.close_session(session);
}

pub fn altered(
    partition: i32,
    leader_epoch: i32,
    partition_epoch: i32,
    isr: &[BrokerId],
) -> AlterPartitionData {
    AlterPartitionData {
        partition: TopicPartition::new("t", partition),
        topic_id: TopicId::ZERO,
        leader_epoch,
        new_isr: isr.iter().map(|id| (*id, -1)).collect(),
        leader_recovery_state: LeaderRecoveryState::Recovered,
        partition_epoch,
    }
}

/// Broker `from` asks broker `at`; the request's error, and the partitions' answers.
pub fn alter(
    cluster: &mut Cluster,
    at: BrokerId,
    from: BrokerId,
    data: AlterPartitionData,
) -> (ErrorCode, Vec<AlterPartitionResult>) {
    let request = AlterPartitionRequest {
        broker_id: from,
        broker_epoch: cluster.brokers[&from].broker_epoch,
        partitions: vec![data],
    };
    match cluster.ask_controller(at, request) {
        Some(Response::AlterPartition(response)) => (response.error, response.partitions),
        other => panic!("{other:?}"),
    }
}

pub fn alter_error(cluster: &mut Cluster, data: AlterPartitionData) -> ErrorCode {
    let (error, partitions) = alter(cluster, 3, 1, data);
    assert_eq!(error, ErrorCode::None);
    partitions[0].error
}

pub fn log(cluster: &mut Cluster) -> Vec<String> {
    let log = &cluster.tree().log;
    log.iter().map(|(_, text)| text.clone()).collect()
}

/// Requests of controllers since the last look: broker, name, how many partitions.
pub fn requests(cluster: &mut Cluster) -> Vec<(BrokerId, &'static str, u32)> {
    let requests = std::mem::take(&mut cluster.requests);
    requests
        .iter()
        .map(|(to, request, _)| {
            let partitions = match request {
                Request::LeaderAndIsr(r) => r.partition_states.len(),
                Request::UpdateMetadata(r) => r.partition_states.len(),
                Request::StopReplica(r) => r.partition_states.len(),
                _ => 0,
            };
            (*to, request.name(), partitions as u32)
        })
        .collect()
}

pub fn elect(election_type: ElectionType, partitions: Option<Vec<i32>>) -> ElectLeadersRequest {
    ElectLeadersRequest {
        election_type,
        partitions: partitions.map(|ids| {
            ids.into_iter()
                .map(|id| TopicPartition::new("t", id))
                .collect()
        }),
        timeout_ms: 10_000,
    }
}

pub fn elected(cluster: &mut Cluster, request: ElectLeadersRequest) -> Vec<(String, ErrorCode)> {
    match cluster.ask_controller(3, request) {
        Some(Response::ElectLeaders(response)) => response
            .results
            .into_iter()
            .map(|(partition, error)| (partition.to_string(), error))
            .collect(),
        other => panic!("{other:?}"),
    }
}
