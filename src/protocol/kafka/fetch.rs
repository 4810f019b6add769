//! `Fetch`: a consumer reads, a follower replicates, and says by what it asks for what it has.

use super::WireBytes;
use super::metadata::BrokerEndpoint;
use super::offsets::EpochEndOffset;
use super::produce::LeaderIdAndEpoch;
use crate::log::batch::Records;
use crate::protocol::{BrokerId, ErrorCode, TopicId, TopicPartition};
use std::rc::Rc;

/// Replica id of a fetch by a consumer.
pub const CONSUMER_REPLICA_ID: BrokerId = -1;

#[derive(Clone, Debug, Hash)]
pub struct FetchRequest {
    /// `CONSUMER_REPLICA_ID` or the follower's broker id.
    pub replica_id: BrokerId,
    /// The follower's broker epoch, -1 where unknown (KIP-903).
    pub replica_epoch: i64,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    /// 0 read_uncommitted, 1 read_committed.
    pub isolation_level: i8,
    /// KIP-227; 0 with epoch -1 is a fetch without a session.
    pub session_id: i32,
    pub session_epoch: i32,
    pub partitions: Vec<FetchPartition>,
    pub forgotten: Vec<TopicPartition>,
    pub rack_id: Option<Rc<str>>,
}

impl WireBytes for FetchRequest {
    fn wire_bytes(&self) -> u64 {
        36 + self.partitions.len() as u64 * 56 + self.forgotten.len() as u64 * 20
    }
}

#[derive(Clone, Debug, Hash)]
pub struct FetchPartition {
    pub partition: TopicPartition,
    pub topic_id: TopicId,
    /// -1 if the fetcher does not know one.
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    /// Newest entry of a follower's epoch cache, -1 if it is empty or the fetcher is a consumer.
    pub last_fetched_epoch: i32,
    /// A follower's log start offset, -1 from consumers.
    pub log_start_offset: i64,
    pub max_bytes: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct FetchResponse {
    pub error: ErrorCode,
    pub session_id: i32,
    pub responses: Vec<FetchPartitionResponse>,
    /// Where the leaders that `current_leader` names listen (KIP-951).
    pub node_endpoints: Vec<BrokerEndpoint>,
}

impl WireBytes for FetchResponse {
    fn wire_bytes(&self) -> u64 {
        16 + self
            .responses
            .iter()
            .map(|p| 48 + p.records.size_in_bytes())
            .sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct FetchPartitionResponse {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// With NOT_LEADER_OR_FOLLOWER or FENCED_LEADER_EPOCH: who leads, as far as the broker knows
    /// (KIP-951).
    pub current_leader: Option<LeaderIdAndEpoch>,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub diverging_epoch: Option<EpochEndOffset>,
    /// -1: none (KIP-392).
    pub preferred_read_replica: BrokerId,
    pub records: Records,
}
