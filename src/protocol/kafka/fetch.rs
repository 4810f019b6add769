//! `Fetch`: a consumer reads, a follower replicates, and says by what it asks for what it has.

use super::WireBytes;
use super::metadata::BrokerEndpoint;
use super::offsets::EpochEndOffset;
use super::produce::LeaderIdAndEpoch;
use crate::log::batch::Records;
use crate::protocol::{BrokerId, ErrorCode, TopicId, TopicPartition};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// Replica id of a fetch by a consumer.
pub const CONSUMER_REPLICA_ID: BrokerId = -1;

/// The newest version of Fetch in 3.9; from 13 on topics are named by their ids (KIP-516).
pub const FETCH_BY_TOPIC_ID: i16 = 17;
/// The last one that names topics by name, for who knows not all ids.
pub const FETCH_BY_TOPIC_NAME: i16 = 12;

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
    /// `FETCH_BY_TOPIC_ID` or `FETCH_BY_TOPIC_NAME`.
    pub version: i16,
    pub session: FetchMetadata,
    /// In an incremental fetch only those that are new to the session, or asked for otherwise than before.
    pub partitions: Vec<FetchPartition>,
    /// Those that leave the session.
    pub forgotten: Vec<(TopicId, TopicPartition)>,
    pub rack_id: Option<Rc<str>>,
}

impl WireBytes for FetchRequest {
    fn wire_bytes(&self) -> u64 {
        36 + self.partitions.len() as u64 * 56 + self.forgotten.len() as u64 * 20
    }
}

/// Which session a fetch belongs to, and its place in it (KIP-227).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct FetchMetadata {
    pub session_id: i32,
    pub epoch: i32,
}

impl FetchMetadata {
    /// No session.
    pub const INVALID_SESSION_ID: i32 = 0;
    /// All partitions are named; the broker is asked for a session.
    pub const INITIAL_EPOCH: i32 = 0;
    /// All partitions are named; no session is wanted.
    pub const FINAL_EPOCH: i32 = -1;
    /// Of who has no session yet.
    pub const INITIAL: FetchMetadata = FetchMetadata {
        session_id: Self::INVALID_SESSION_ID,
        epoch: Self::INITIAL_EPOCH,
    };
    /// Of who wants none.
    pub const LEGACY: FetchMetadata = FetchMetadata {
        session_id: Self::INVALID_SESSION_ID,
        epoch: Self::FINAL_EPOCH,
    };

    /// All partitions are named.
    pub fn is_full(self) -> bool {
        self.epoch == Self::INITIAL_EPOCH || self.epoch == Self::FINAL_EPOCH
    }

    /// After `i32::MAX` comes 1: 0 has a meaning of its own.
    pub fn next_epoch(epoch: i32) -> i32 {
        match epoch {
            i32::MIN..0 => Self::FINAL_EPOCH,
            _ => epoch.checked_add(1).unwrap_or(1),
        }
    }

    /// The first incremental fetch of a session.
    pub fn new_incremental(session_id: i32) -> FetchMetadata {
        FetchMetadata {
            session_id,
            epoch: Self::next_epoch(Self::INITIAL_EPOCH),
        }
    }

    #[must_use]
    pub fn next_incremental(self) -> FetchMetadata {
        FetchMetadata {
            epoch: Self::next_epoch(self.epoch),
            ..self
        }
    }

    /// Ends the session.
    #[must_use]
    pub fn close_existing(self) -> FetchMetadata {
        FetchMetadata {
            epoch: Self::FINAL_EPOCH,
            ..self
        }
    }

    /// Ends the session, and asks for another.
    #[must_use]
    pub fn close_existing_attempt_new(self) -> FetchMetadata {
        FetchMetadata {
            epoch: Self::INITIAL_EPOCH,
            ..self
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Hash)]
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
    /// What is wrong with the session; then there is nothing else.
    pub error: ErrorCode,
    pub session_id: i32,
    /// In a session that goes on only partitions of which there is something new.
    pub responses: Vec<FetchPartitionResponse>,
    /// Where the leaders that `current_leader` names listen (KIP-951).
    pub node_endpoints: Vec<BrokerEndpoint>,
}

impl WireBytes for FetchResponse {
    fn wire_bytes(&self) -> u64 {
        16 + self
            .responses
            .iter()
            .map(|p| {
                let aborted = p.aborted_transactions.iter().flatten();
                48 + p.records.size_in_bytes() + aborted.count() as u64 * 17
            })
            .sum::<u64>()
    }
}

#[derive(Clone, Debug)]
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
    /// `None` for who reads more than what is committed.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// -1: none (KIP-392).
    pub preferred_read_replica: BrokerId,
    pub records: Records,
}

/// What has no transactions has the digest that it had before there were any.
impl Hash for FetchPartitionResponse {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.partition.hash(state);
        self.error.hash(state);
        self.current_leader.hash(state);
        self.high_watermark.hash(state);
        self.last_stable_offset.hash(state);
        self.log_start_offset.hash(state);
        self.diverging_epoch.hash(state);
        for aborted in self.aborted_transactions.iter().flatten() {
            aborted.hash(state);
        }
        self.preferred_read_replica.hash(state);
        self.records.hash(state);
    }
}

/// From this offset on the producer's batches are left out, up to its next marker of an abort.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl FetchPartitionResponse {
    /// Nothing but an error, or nothing yet (`FetchResponse.partitionResponse`).
    pub fn without_data(partition: TopicPartition, error: ErrorCode) -> FetchPartitionResponse {
        FetchPartitionResponse {
            partition,
            error,
            current_leader: None,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: None,
            aborted_transactions: None,
            preferred_read_replica: -1,
            records: Records::empty(),
        }
    }
}
