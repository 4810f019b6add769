//! What brokers, and they themselves, state of idempotent producers: who they are, and what their sequence
//! numbers say.

use super::Fact;
use crate::protocol::{ErrorCode, TopicPartition};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is stated of idempotent producers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "fact")]
pub enum ProducerStateFact {
    /// It may give these ids to producers.
    #[serde(rename = "producer-ids-allocated")]
    IdsAllocated { first: i64, last: i64 },
    /// A leader has this batch already, and answers with its old offset.
    #[serde(rename = "duplicate-batch")]
    Duplicate {
        partition: TopicPartition,
        producer_id: i64,
        producer_epoch: i16,
        first_sequence: i32,
        last_sequence: i32,
        base_offset: i64,
    },
    /// A leader refuses a batch that does not follow the one before.
    #[serde(rename = "sequence-refused")]
    OutOfOrder {
        partition: TopicPartition,
        producer_id: i64,
        expected: i32,
        found: i32,
    },
    /// A leader refuses a batch of an identity that is used with a newer epoch.
    #[serde(rename = "producer-epoch-refused")]
    OldEpoch {
        partition: TopicPartition,
        producer_id: i64,
        known: i16,
        found: i16,
    },
    /// A replica does not know these producers any more (`producer.id.expiration.ms`).
    #[serde(rename = "producers-forgotten")]
    Forgotten {
        partition: TopicPartition,
        producer_ids: Vec<i64>,
    },
    /// A producer is given its identity.
    #[serde(rename = "producer-id-given")]
    IdGiven {
        producer_id: i64,
        producer_epoch: i16,
    },
    /// A producer begins a new epoch: its sequence numbers in these partitions would lead nowhere.
    #[serde(rename = "producer-epoch-bumped")]
    EpochBumped {
        producer_id: i64,
        producer_epoch: i16,
        partitions: BTreeMap<TopicPartition, EpochBumpReason>,
    },
}

/// Why a producer numbers a partition's records anew (CP39 to CP43): the first reason since it did last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpochBumpReason {
    /// It has given up a batch after this error, and what comes behind would follow it.
    GivenUp { error: ErrorCode },
    /// Batches that it had sent were given up when their time was over, and nothing behind them was acknowledged: of
    /// these sequence numbers it cannot find out what is stored.
    Expired { first: i32, last: i32 },
    /// The leader refuses what follows such a batch: that is not stored.
    ExpiredIsMissing,
    /// The leader refuses what follows the last batch that it has acknowledged.
    AcknowledgedIsMissing,
    /// The leader knows no record of this producer.
    Unknown,
}

impl From<ProducerStateFact> for Fact {
    fn from(fact: ProducerStateFact) -> Fact {
        Fact::ProducerState(fact)
    }
}
