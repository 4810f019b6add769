//! What a ZooKeeper-mode controller tells brokers: `LeaderAndIsr`, `StopReplica`, `UpdateMetadata`.

use super::WireBytes;
use super::metadata::{BrokerEndpoint, RegisteredBroker};
use crate::protocol::{BrokerId, ErrorCode, TopicId, TopicName, TopicPartition};

#[derive(Clone, Debug, Hash)]
pub struct LeaderAndIsrRequest {
    pub controller_id: BrokerId,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub topic_ids: Vec<(TopicName, TopicId)>,
    pub partition_states: Vec<LeaderAndIsrPartitionState>,
    pub live_leaders: Vec<BrokerEndpoint>,
}

impl WireBytes for LeaderAndIsrRequest {
    fn wire_bytes(&self) -> u64 {
        40 + self.partition_states.len() as u64 * 96
    }
}

/// `LeaderRecoveryState` (KIP-704).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum LeaderRecoveryState {
    #[default]
    Recovered,
    /// After an unclean election, until the first ISR expansion (RK14).
    Recovering,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaderAndIsrPartitionState {
    pub partition: TopicPartition,
    /// Epoch of the controller that wrote this state.
    pub controller_epoch: i32,
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub isr: Vec<BrokerId>,
    /// zkVersion of the state znode.
    pub partition_epoch: i32,
    pub replicas: Vec<BrokerId>,
    pub adding_replicas: Vec<BrokerId>,
    pub removing_replicas: Vec<BrokerId>,
    pub is_new: bool,
    pub leader_recovery_state: LeaderRecoveryState,
}

#[derive(Clone, Debug, Hash)]
pub struct LeaderAndIsrResponse {
    pub error: ErrorCode,
    pub partition_errors: Vec<(TopicPartition, ErrorCode)>,
}

impl WireBytes for LeaderAndIsrResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.partition_errors.len() as u64 * 8
    }
}

#[derive(Clone, Debug, Hash)]
pub struct StopReplicaRequest {
    pub controller_id: BrokerId,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub partition_states: Vec<StopReplicaPartitionState>,
}

impl WireBytes for StopReplicaRequest {
    fn wire_bytes(&self) -> u64 {
        24 + self.partition_states.len() as u64 * 24
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StopReplicaPartitionState {
    pub partition: TopicPartition,
    /// -2: the topic is being deleted (Z8).
    pub leader_epoch: i32,
    pub delete_partition: bool,
}

#[derive(Clone, Debug, Hash)]
pub struct StopReplicaResponse {
    pub error: ErrorCode,
    pub partition_errors: Vec<(TopicPartition, ErrorCode)>,
}

impl WireBytes for StopReplicaResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.partition_errors.len() as u64 * 24
    }
}

#[derive(Clone, Debug, Hash)]
pub struct UpdateMetadataRequest {
    pub controller_id: BrokerId,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub topic_ids: Vec<(TopicName, TopicId)>,
    pub partition_states: Vec<UpdateMetadataPartitionState>,
    /// Replaces what the receiver knew (CT31).
    pub live_brokers: Vec<RegisteredBroker>,
}

impl WireBytes for UpdateMetadataRequest {
    fn wire_bytes(&self) -> u64 {
        40 + self.partition_states.len() as u64 * 72
            + self
                .live_brokers
                .iter()
                .map(|it| it.listeners.len() as u64 * 32)
                .sum::<u64>()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpdateMetadataPartitionState {
    pub partition: TopicPartition,
    pub controller_epoch: i32,
    /// `NO_LEADER`, `LEADER_DURING_DELETE` or a broker.
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub isr: Vec<BrokerId>,
    pub zk_version: i32,
    pub replicas: Vec<BrokerId>,
    pub offline_replicas: Vec<BrokerId>,
}

#[derive(Clone, Debug, Hash)]
pub struct UpdateMetadataResponse {
    pub error: ErrorCode,
}

impl WireBytes for UpdateMetadataResponse {
    fn wire_bytes(&self) -> u64 {
        4
    }
}
