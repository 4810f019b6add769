//! Questions for offsets of a log (`ListOffsets`, `OffsetForLeaderEpoch`), and the one request that moves
//! where a log begins (`DeleteRecords`).

use super::WireBytes;
use crate::protocol::{BrokerId, ErrorCode, TopicPartition};

/// `ListOffsets` timestamps that are questions of their own.
pub const LATEST_TIMESTAMP: i64 = -1;
pub const EARLIEST_TIMESTAMP: i64 = -2;
/// The offset of the largest timestamp (KIP-734).
pub const MAX_TIMESTAMP: i64 = -3;

/// `DeleteRecords` offset: all that is committed.
pub const HIGH_WATERMARK: i64 = -1;

#[derive(Clone, Debug, Hash)]
pub struct ListOffsetsRequest {
    pub replica_id: BrokerId,
    pub isolation_level: i8,
    pub partitions: Vec<ListOffsetsPartition>,
}

impl WireBytes for ListOffsetsRequest {
    fn wire_bytes(&self) -> u64 {
        8 + self.partitions.len() as u64 * 32
    }
}

#[derive(Clone, Debug, Hash)]
pub struct ListOffsetsPartition {
    pub partition: TopicPartition,
    pub current_leader_epoch: i32,
    /// A time in ms, or `LATEST_TIMESTAMP`, `EARLIEST_TIMESTAMP`, `MAX_TIMESTAMP`.
    pub timestamp: i64,
}

#[derive(Clone, Debug, Hash)]
pub struct ListOffsetsResponse {
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

impl WireBytes for ListOffsetsResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.partitions.len() as u64 * 32
    }
}

#[derive(Clone, Debug, Hash)]
pub struct ListOffsetsPartitionResponse {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// -1 where the question was not a time.
    pub timestamp: i64,
    /// -1: no such record.
    pub offset: i64,
    pub leader_epoch: i32,
}

/// An epoch and the offset at which it ends in some log (KIP-101, KIP-279). (-1, -1) is undefined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

/// Where do these epochs end in the leader's log? Asked by consumers whose partition has got a new
/// leader (KIP-320).
#[derive(Clone, Debug, Hash)]
pub struct OffsetForLeaderEpochRequest {
    /// `CONSUMER_REPLICA_ID`
    pub replica_id: BrokerId,
    pub partitions: Vec<OffsetForLeaderPartition>,
}

impl WireBytes for OffsetForLeaderEpochRequest {
    fn wire_bytes(&self) -> u64 {
        8 + self.partitions.len() as u64 * 28
    }
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetForLeaderPartition {
    pub partition: TopicPartition,
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetForLeaderEpochResponse {
    /// (-1, -1) with an error, or where the epoch is unknown (E4).
    pub partitions: Vec<(TopicPartition, ErrorCode, EpochEndOffset)>,
}

impl WireBytes for OffsetForLeaderEpochResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.partitions.len() as u64 * 34
    }
}

#[derive(Clone, Debug, Hash)]
pub struct DeleteRecordsRequest {
    /// Records below these offsets; `HIGH_WATERMARK` for all that are committed.
    pub partitions: Vec<(TopicPartition, i64)>,
    pub timeout_ms: i32,
}

impl WireBytes for DeleteRecordsRequest {
    fn wire_bytes(&self) -> u64 {
        8 + self.partitions.len() as u64 * 24
    }
}

#[derive(Clone, Debug, Hash)]
pub struct DeleteRecordsResponse {
    /// With the lowest log start of all live replicas, -1 on error.
    pub partitions: Vec<(TopicPartition, i64, ErrorCode)>,
}

impl WireBytes for DeleteRecordsResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.partitions.len() as u64 * 26
    }
}
