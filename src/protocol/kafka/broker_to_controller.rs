//! What a broker asks of the controller: `AlterPartition`, `ControlledShutdown`.

use super::WireBytes;
use super::controller_to_broker::LeaderRecoveryState;
use crate::protocol::{BrokerId, ErrorCode, TopicId, TopicPartition};

#[derive(Clone, Debug, Hash)]
pub struct ControlledShutdownRequest {
    pub broker_id: BrokerId,
    pub broker_epoch: i64,
}

impl WireBytes for ControlledShutdownRequest {
    fn wire_bytes(&self) -> u64 {
        12
    }
}

#[derive(Clone, Debug, Hash)]
pub struct ControlledShutdownResponse {
    pub error: ErrorCode,
    /// Partitions that the broker still leads.
    pub remaining_partitions: Vec<TopicPartition>,
}

impl WireBytes for ControlledShutdownResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.remaining_partitions.len() as u64 * 20
    }
}

#[derive(Clone, Debug, Hash)]
pub struct AlterPartitionRequest {
    pub broker_id: BrokerId,
    pub broker_epoch: i64,
    pub partitions: Vec<AlterPartitionData>,
}

impl WireBytes for AlterPartitionRequest {
    fn wire_bytes(&self) -> u64 {
        16 + self.partitions.len() as u64 * 64
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterPartitionData {
    pub partition: TopicPartition,
    pub topic_id: TopicId,
    pub leader_epoch: i32,
    /// Members with their broker epochs (-1 in ZooKeeper mode, CT32).
    pub new_isr: Vec<(BrokerId, i64)>,
    pub leader_recovery_state: LeaderRecoveryState,
    pub partition_epoch: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct AlterPartitionResponse {
    pub error: ErrorCode,
    pub partitions: Vec<AlterPartitionResult>,
}

impl WireBytes for AlterPartitionResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.partitions.len() as u64 * 48
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterPartitionResult {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub isr: Vec<BrokerId>,
    pub leader_recovery_state: LeaderRecoveryState,
    pub partition_epoch: i32,
}
