//! A topic's log settings as typed values, under Kafka's topic-level names (`segment.bytes` is
//! `segment_bytes`), with the defaults of Kafka 3.9 (class LogConfig).

use crate::log::batch::{CompressionType, TimestampType};

/// Settings of one partition's log. Times in milliseconds, sizes in bytes; -1 means unlimited where
/// Kafka says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// A segment rolls before it would grow beyond this.
    pub segment_bytes: u32,
    /// A segment rolls when a batch's timestamp is further from its first batch's than this.
    pub segment_ms: i64,
    /// Size to which the active segment's indexes are preallocated; a full index rolls the segment.
    pub segment_index_bytes: u32,
    /// An index entry is due when more bytes than this were appended since the last one.
    pub index_interval_bytes: u32,
    pub retention_ms: i64,
    /// A partition's, not a topic's; -1 is unlimited.
    pub retention_bytes: i64,
    /// Flush when so many records are unflushed; `i64::MAX` leaves it to the operating system.
    pub flush_messages: i64,
    pub flush_ms: i64,
    /// How long the files of a deleted segment stay as `.deleted`.
    pub file_delete_delay_ms: i64,
    /// The largest batch that a leader takes, with its header.
    pub max_message_bytes: u32,
    /// How batches are packed; none keeps what the producer chose (`compression.type=producer`).
    pub compression_type: Option<CompressionType>,
    pub message_timestamp_type: TimestampType,
    /// How far a record's timestamp may lie before and after the broker's clock.
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub cleanup_policy: CleanupPolicy,
    /// Broker-level `producer.id.expiration.ms`.
    pub producer_id_expiration_ms: i64,
    pub rules: LogRules,
}

/// What a log keeps to (`protocol::rules`, as far as it is a log's affair).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogRules {
    /// The high watermark goes no further than the log.
    pub bounded_high_watermark: bool,
    /// Retention stops at the high watermark.
    pub retention_hw_guard: bool,
    /// A log that is emptied takes its high watermark along.
    pub hw_after_full_truncate: bool,
    /// A leader takes no batch twice, and none before those that it follows.
    pub sequence_check: bool,
    /// A truncation that finds nothing to cut still cleans the epoch cache.
    pub clear_epoch_cache_on_noop_truncate: bool,
    /// The epoch cache's file is synced where entries were cut from it, too.
    pub checkpoint_fsync: bool,
}

impl Default for LogRules {
    fn default() -> Self {
        LogRules {
            bounded_high_watermark: true,
            retention_hw_guard: true,
            hw_after_full_truncate: true,
            sequence_check: true,
            clear_epoch_cache_on_noop_truncate: true,
            checkpoint_fsync: true,
        }
    }
}

/// `cleanup.policy`. Compaction is not built here: whoever reads a scenario refuses it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CleanupPolicy {
    Delete,
    Compact,
    CompactDelete,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            retention_ms: 7 * 24 * 3_600_000,
            retention_bytes: -1,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            file_delete_delay_ms: 60_000,
            max_message_bytes: 1_048_588,
            compression_type: None,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: i64::MAX,
            cleanup_policy: CleanupPolicy::Delete,
            producer_id_expiration_ms: 86_400_000,
            rules: LogRules::default(),
        }
    }
}
