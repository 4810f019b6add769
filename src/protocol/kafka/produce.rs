//! `Produce`: a client hands records to the leader of their partition.

use super::WireBytes;
use super::metadata::BrokerEndpoint;
use crate::log::batch::Records;
use crate::protocol::{BrokerId, ErrorCode, TopicPartition};

#[derive(Clone, Debug, Hash)]
pub struct ProduceRequest {
    /// 0, 1 or -1 (all). With 0 no response is sent.
    pub acks: i16,
    pub timeout_ms: i32,
    pub data: Vec<(TopicPartition, Records)>,
}

impl WireBytes for ProduceRequest {
    fn wire_bytes(&self) -> u64 {
        12 + self
            .data
            .iter()
            .map(|(tp, records)| 12 + tp.topic.len() as u64 + records.size_in_bytes())
            .sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct ProduceResponse {
    pub responses: Vec<PartitionProduceResponse>,
    /// Where the leaders that `current_leader` names listen (KIP-951).
    pub node_endpoints: Vec<BrokerEndpoint>,
}

impl WireBytes for ProduceResponse {
    fn wire_bytes(&self) -> u64 {
        let refused = self
            .responses
            .iter()
            .map(|it| it.record_errors.len() as u64);
        8 + self.responses.len() as u64 * 40 + refused.sum::<u64>() * 6
    }
}

#[derive(Clone, Debug, Hash)]
pub struct PartitionProduceResponse {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// With NOT_LEADER_OR_FOLLOWER: who leads, as far as the broker knows (KIP-951).
    pub current_leader: Option<LeaderIdAndEpoch>,
    /// -1 on error.
    pub base_offset: i64,
    /// -1 unless the topic stamps records at append.
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    /// Which records of the batch are at fault, counted from 0, where that can be said.
    pub record_errors: Vec<i32>,
}

/// A partition's leader; both are -1 where unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct LeaderIdAndEpoch {
    pub leader: BrokerId,
    pub leader_epoch: i32,
}
