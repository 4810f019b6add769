//! What a producer's library tells of the records that it was handed.

use crate::protocol::{ErrorCode, TopicPartition};
use smallvec::SmallVec;
use std::rc::Rc;

/// The records of a batch, by what `send` answered for each.
pub type Sends = SmallVec<[u64; 2]>;

/// A record's way, in the order in which it happens. The numbers are what `send` answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The record waits in a batch of its partition: `send` has returned. Not told where routine is not stated.
    Queued {
        send: u64,
        partition: TopicPartition,
    },
    /// The batch of these records will be sent again.
    Retrying {
        sends: Sends,
        partition: TopicPartition,
        error: ErrorCode,
        attempts: u32,
        /// The batch has sequence numbers: it is stored once at most.
        idempotent: bool,
    },
    /// Their futures are done; each has the offset after the one before. -1 with acks=0.
    Stored {
        sends: Sends,
        partition: TopicPartition,
        base_offset: i64,
        attempts: u32,
    },
    /// Their futures are done with this exception (Java's simple name).
    Failed {
        sends: Sends,
        partition: TopicPartition,
        exception: Rc<str>,
        attempts: u32,
    },
}
