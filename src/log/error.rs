//! What can go wrong with a log, as the log sees it; the broker maps it to Kafka's error codes.

use crate::kernel::disk::DiskError;
use crate::log::batch::CorruptBatch;
use crate::log::timestamp_text;
use std::fmt;

/// Why an operation on a log failed. Nothing was appended unless said otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogError {
    /// The disk failed: Kafka takes the log directory offline (KAFKA_STORAGE_ERROR).
    Disk { path: String, error: DiskError },
    /// A batch's bytes are bad (CORRUPT_MESSAGE).
    Corrupt(CorruptBatch),
    /// A read or DeleteRecords outside of the log (OFFSET_OUT_OF_RANGE).
    OffsetOutOfRange {
        offset: i64,
        log_start_offset: i64,
        log_end_offset: i64,
    },
    /// A batch is larger than `max.message.bytes` (MESSAGE_TOO_LARGE).
    RecordTooLarge { size: u64, limit: u64 },
    /// All batches of one append together are larger than a segment (RECORD_LIST_TOO_LARGE).
    RecordBatchTooLarge { size: u64, limit: u64 },
    /// A client's batch breaks a rule (INVALID_RECORD); the text says which.
    InvalidRecord(String),
    /// A record's timestamp is too far from the broker's clock (INVALID_TIMESTAMP).
    InvalidTimestamp {
        /// The first such.
        timestamp: i64,
        now_ms: i64,
        /// Which records of their batch are refused, for this or for want of a key.
        records: Vec<i32>,
    },
    /// A compacted topic takes no record without a key (INVALID_RECORD); which of their batch have none.
    WithoutKey { records: Vec<i32> },
    /// A follower's append does not continue its log (UnexpectedAppendOffsetException).
    UnexpectedAppendOffset {
        first_offset: i64,
        last_offset: i64,
        log_end_offset: i64,
    },
    /// The offsets of a follower's append do not rise (OffsetsOutOfOrderException).
    OffsetsOutOfOrder {
        last_offset: i64,
        next_last_offset: i64,
    },
    /// A producer's sequence number leaves a gap (OUT_OF_ORDER_SEQUENCE_NUMBER).
    OutOfOrderSequence {
        producer_id: i64,
        offset: i64,
        expected: i32,
        found: i32,
    },
    /// A producer's epoch is older than one seen before (INVALID_PRODUCER_EPOCH).
    InvalidProducerEpoch {
        producer_id: i64,
        known: i16,
        found: i16,
    },
    /// A transaction marker of a deposed coordinator (TRANSACTION_COORDINATOR_FENCED).
    CoordinatorFenced {
        producer_id: i64,
        known: i32,
        found: i32,
    },
    /// A plain batch of a producer whose transaction is open (INVALID_TXN_STATE).
    InvalidTxnState { producer_id: i64, offset: i64 },
    /// A file of the log directory cannot be read as what it is: its directory cannot be used.
    Malformed { path: String, problem: String },
    /// Files of a log contradict each other: a start fails with it, a running broker says
    /// UNKNOWN_SERVER_ERROR.
    Inconsistent { path: String, problem: String },
}

impl LogError {
    /// What Kafka meets as an I/O error, and answers by giving up the log directory.
    pub fn takes_directory_offline(&self) -> bool {
        matches!(self, LogError::Disk { .. } | LogError::Malformed { .. })
    }

    /// CP32: the records of the batch that are at fault, where that can be said.
    pub fn refused_records(&self) -> &[i32] {
        match self {
            LogError::InvalidTimestamp { records, .. } | LogError::WithoutKey { records } => {
                records
            }
            _ => &[],
        }
    }

    /// Makes a disk's error one of the log, naming the file.
    pub fn disk(path: &str) -> impl FnOnce(DiskError) -> LogError + '_ {
        move |error| LogError::Disk {
            path: path.to_owned(),
            error,
        }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Disk { path, error } => write!(f, "{path}: {error}"),
            LogError::Corrupt(batch) => batch.fmt(f),
            LogError::OffsetOutOfRange {
                offset,
                log_start_offset,
                log_end_offset,
            } => write!(
                f,
                "offset {offset} is out of range: the log holds {log_start_offset} to {log_end_offset}"
            ),
            LogError::RecordTooLarge { size, limit } => {
                write!(
                    f,
                    "a batch of {size} bytes exceeds max.message.bytes, which is {limit}"
                )
            }
            LogError::RecordBatchTooLarge { size, limit } => {
                write!(
                    f,
                    "an append of {size} bytes exceeds segment.bytes, which is {limit}"
                )
            }
            LogError::InvalidRecord(problem) => f.write_str(problem),
            LogError::WithoutKey { .. } => {
                f.write_str("a compacted topic takes no record without a key")
            }
            LogError::InvalidTimestamp {
                timestamp, now_ms, ..
            } => {
                write!(
                    f,
                    "timestamp {} is too far from the broker's clock, {now_ms}",
                    timestamp_text::in_words(*timestamp)
                )
            }
            LogError::UnexpectedAppendOffset {
                first_offset,
                last_offset,
                log_end_offset,
            } => write!(
                f,
                "an append of offsets {first_offset} to {last_offset} does not continue a log that ends at {log_end_offset}"
            ),
            LogError::OffsetsOutOfOrder {
                last_offset,
                next_last_offset,
            } => {
                write!(
                    f,
                    "a batch that ends at {next_last_offset} follows one that ends at {last_offset}"
                )
            }
            LogError::OutOfOrderSequence {
                producer_id,
                offset,
                expected,
                found,
            } => write!(
                f,
                "producer {producer_id} sent sequence {found} where {expected} was due, at offset {offset}"
            ),
            LogError::InvalidProducerEpoch {
                producer_id,
                known,
                found,
            } => {
                write!(
                    f,
                    "producer {producer_id} came with epoch {found}, but {known} is known"
                )
            }
            LogError::CoordinatorFenced {
                producer_id,
                known,
                found,
            } => write!(
                f,
                "a marker for producer {producer_id} came with coordinator epoch {found}, but {known} is known"
            ),
            LogError::InvalidTxnState {
                producer_id,
                offset,
            } => write!(
                f,
                "producer {producer_id} has an open transaction and wrote outside of it at offset {offset}"
            ),
            LogError::Malformed { path, problem } | LogError::Inconsistent { path, problem } => {
                write!(f, "{path}: {problem}")
            }
        }
    }
}

impl std::error::Error for LogError {}

impl From<CorruptBatch> for LogError {
    fn from(batch: CorruptBatch) -> Self {
        LogError::Corrupt(batch)
    }
}
