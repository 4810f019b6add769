//! How far a group has read: `OffsetCommit`, `OffsetFetch`, `OffsetDelete`, all kept by its coordinator.

use super::WireBytes;
use super::group::{maybe, text};
use crate::protocol::{ErrorCode, TopicName, TopicPartition};
use std::rc::Rc;

/// Nothing is committed (`OffsetFetchResponse.INVALID_OFFSET`).
pub const NO_COMMITTED_OFFSET: i64 = -1;

#[derive(Clone, Debug, Hash)]
pub struct OffsetCommitRequest {
    pub group_id: Rc<str>,
    /// `UNKNOWN_GENERATION_ID` from who is no member.
    pub generation_id: i32,
    pub member_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
    pub partitions: Vec<(TopicPartition, CommittedOffset)>,
}

/// What is committed for a partition.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct CommittedOffset {
    /// Of the next record to be read.
    pub offset: i64,
    /// Epoch of the last record read, -1 where unknown.
    pub leader_epoch: i32,
    pub metadata: Rc<str>,
}

impl WireBytes for OffsetCommitRequest {
    fn wire_bytes(&self) -> u64 {
        let of_one = |(_, it): &(TopicPartition, CommittedOffset)| 18 + text(&it.metadata);
        let names = text(&self.group_id) + text(&self.member_id) + maybe(&self.group_instance_id);
        6 + names
            + topics(self.partitions.iter().map(|(tp, _)| tp))
            + self.partitions.iter().map(of_one).sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetCommitResponse {
    pub partitions: Vec<(TopicPartition, ErrorCode)>,
}

impl WireBytes for OffsetCommitResponse {
    fn wire_bytes(&self) -> u64 {
        let partitions = self.partitions.len() as u64 * 7;
        6 + topics(self.partitions.iter().map(|(tp, _)| tp)) + partitions
    }
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetFetchRequest {
    pub group_id: Rc<str>,
    /// `None`: all that the group has committed.
    pub partitions: Option<Vec<TopicPartition>>,
    /// Refuse to answer with an offset that a commit under way may replace (KIP-447).
    pub require_stable: bool,
}

impl WireBytes for OffsetFetchRequest {
    fn wire_bytes(&self) -> u64 {
        let asked = self.partitions.iter().flatten();
        9 + text(&self.group_id) + topics(asked.clone()) + asked.count() as u64 * 4
    }
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetFetchResponse {
    /// Against the group as a whole.
    pub error: ErrorCode,
    pub partitions: Vec<OffsetFetchPartition>,
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetFetchPartition {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// With `NO_COMMITTED_OFFSET` where there is none.
    pub committed: CommittedOffset,
}

impl WireBytes for OffsetFetchResponse {
    fn wire_bytes(&self) -> u64 {
        let of_one = |it: &OffsetFetchPartition| 20 + text(&it.committed.metadata);
        10 + topics(self.partitions.iter().map(|it| &it.partition))
            + self.partitions.iter().map(of_one).sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetDeleteRequest {
    pub group_id: Rc<str>,
    pub partitions: Vec<TopicPartition>,
}

impl WireBytes for OffsetDeleteRequest {
    fn wire_bytes(&self) -> u64 {
        5 + text(&self.group_id) + topics(self.partitions.iter()) + self.partitions.len() as u64 * 4
    }
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetDeleteResponse {
    pub error: ErrorCode,
    pub partitions: Vec<(TopicPartition, ErrorCode)>,
}

impl WireBytes for OffsetDeleteResponse {
    fn wire_bytes(&self) -> u64 {
        let partitions = self.partitions.len() as u64 * 6;
        10 + topics(self.partitions.iter().map(|(tp, _)| tp)) + partitions
    }
}

/// Partitions of a topic that follow one another share its name.
fn topics<'a>(partitions: impl Iterator<Item = &'a TopicPartition>) -> u64 {
    let mut before: Option<&TopicName> = None;
    let mut size = 0;
    for partition in partitions {
        if before.is_none_or(|topic| *topic != partition.topic) {
            size += 2 + text(&partition.topic);
            before = Some(&partition.topic);
        }
    }
    size
}
