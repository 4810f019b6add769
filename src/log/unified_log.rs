//! A partition's log (classes UnifiedLog, LocalLog).

use crate::kernel::disk::{Disk, FileId};
use crate::log::batch::Records;
use crate::log::{EpochEndOffset, EpochEntry, LogConfig, LogError};

/// What a broker knows of a log before it loads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadParameters {
    /// `.kafka_cleanshutdown` was there.
    pub clean_shutdown: bool,
    /// From `recovery-point-offset-checkpoint`; 0 if absent.
    pub recovery_point: i64,
    /// From `log-start-offset-checkpoint`; 0 if absent.
    pub log_start_offset: i64,
    /// The broker's wall clock.
    pub now_ms: i64,
}

/// What an append did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogAppendInfo {
    /// Offset of the first record. Of a duplicate: its old offsets, and nothing was appended.
    pub first_offset: i64,
    pub last_offset: i64,
    /// -1 with create time.
    pub log_append_time: i64,
    pub log_start_offset: i64,
    pub max_timestamp: i64,
    pub size_in_bytes: u64,
    /// The batch was there already (idempotent producer).
    pub duplicate: bool,
}

/// Where an offset lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogOffsetMetadata {
    pub message_offset: i64,
    pub segment_base_offset: i64,
    pub relative_position_in_segment: u64,
}

/// The answer to a read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchDataInfo {
    pub fetch_offset_metadata: LogOffsetMetadata,
    /// Whole batches; their CRCs are not checked (whoever uses them calls `ensure_valid`). The first
    /// may begin before the offset asked for.
    pub records: Records,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampAndOffset {
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

/// What Kafka's scheduler would do for the log later; the broker takes and does it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BackgroundTask {
    /// A rolled segment: fsync `files`, then call `mark_flushed(up_to)`.
    Flush { files: Vec<FileId>, up_to: i64 },
    /// Delete these after `file.delete.delay.ms` (files that are gone by then are no error).
    DeleteFiles { paths: Vec<String> },
}

/// One partition's log on one broker.
#[derive(Debug)]
pub struct UnifiedLog {
    dir: String,
}

#[allow(unused_variables)]
impl UnifiedLog {
    /// Loads the log in `dir` (such as `data/t-0`), creating it if absent; recovers it if the last stop
    /// was not clean.
    pub fn open(
        disk: &mut Disk,
        dir: &str,
        config: LogConfig,
        recovery: LoadParameters,
    ) -> Result<UnifiedLog, LogError> {
        todo!()
    }
    /// Appends a producer's batches: gives them offsets and the leader epoch.
    pub fn append_as_leader(
        &mut self,
        disk: &mut Disk,
        records: &Records,
        leader_epoch: i32,
        now_ms: i64,
    ) -> Result<LogAppendInfo, LogError> {
        todo!()
    }
    /// Appends a leader's batches with their offsets and epochs as they are.
    pub fn append_as_follower(
        &mut self,
        disk: &mut Disk,
        records: &Records,
        now_ms: i64,
    ) -> Result<LogAppendInfo, LogError> {
        todo!()
    }
    /// Batches from the one that holds `start_offset` on, that end below `upper_bound` (F1: a follower's
    /// is the log end, a consumer's the high watermark), at most `max_length` bytes, but with
    /// `min_one_message` at least one batch.
    pub fn read(
        &self,
        disk: &mut Disk,
        start_offset: i64,
        max_length: u32,
        upper_bound: i64,
        min_one_message: bool,
    ) -> Result<FetchDataInfo, LogError> {
        todo!()
    }
    /// Removes all batches from the one that holds `offset` on; whether anything was to do (E8: the
    /// epoch cache is cleaned in any case).
    pub fn truncate_to(&mut self, disk: &mut Disk, offset: i64) -> Result<bool, LogError> {
        todo!()
    }
    /// Deletes everything; the log is empty and starts and ends at `offset`.
    pub fn truncate_fully_and_start_at(
        &mut self,
        disk: &mut Disk,
        offset: i64,
    ) -> Result<(), LogError> {
        todo!()
    }
    pub fn log_start_offset(&self) -> i64 {
        todo!()
    }
    pub fn log_end_offset(&self) -> i64 {
        todo!()
    }
    pub fn log_end_offset_metadata(&self) -> LogOffsetMetadata {
        todo!()
    }
    pub fn high_watermark(&self) -> i64 {
        todo!()
    }
    /// Follower: sets it, clamped to [log start, log end] (HW1); may go down. Returns the new one.
    pub fn update_high_watermark(&mut self, high_watermark: i64) -> i64 {
        todo!()
    }
    /// Leader: raises it; the old one if it rose.
    pub fn maybe_increment_high_watermark(&mut self, high_watermark: i64) -> Option<i64> {
        todo!()
    }
    /// The end of what `read_committed` may see (the high watermark while no transaction is open).
    pub fn last_stable_offset(&self) -> i64 {
        todo!()
    }
    /// Newest epoch of the epoch cache (E5: what a follower sends as lastFetchedEpoch).
    pub fn latest_epoch(&self) -> Option<i32> {
        todo!()
    }
    /// E4.
    pub fn end_offset_for_epoch(&self, epoch: i32) -> EpochEndOffset {
        todo!()
    }
    /// E2, E3: notes where an epoch starts; the file is written (and synced) if the cache changed.
    pub fn assign_epoch_start_offset(
        &mut self,
        disk: &mut Disk,
        epoch: i32,
        start: i64,
    ) -> Result<(), LogError> {
        todo!()
    }
    /// The epoch cache, both fields rising.
    pub fn leader_epochs(&self) -> &[EpochEntry] {
        todo!()
    }
    /// The first record with at least this timestamp.
    pub fn offset_for_timestamp(
        &self,
        disk: &mut Disk,
        timestamp: i64,
    ) -> Result<Option<TimestampAndOffset>, LogError> {
        todo!()
    }
    /// The first record with the largest timestamp (ListOffsets -3).
    pub fn offset_of_max_timestamp(
        &self,
        disk: &mut Disk,
    ) -> Result<Option<TimestampAndOffset>, LogError> {
        todo!()
    }
    /// L5: raises the log start (DeleteRecords, or a follower copying its leader's). An error above the
    /// high watermark. Whether it rose.
    pub fn maybe_increment_log_start_offset(
        &mut self,
        disk: &mut Disk,
        offset: i64,
    ) -> Result<bool, LogError> {
        todo!()
    }
    /// All below is on the device, as far as the log knows.
    pub fn recovery_point(&self) -> i64 {
        todo!()
    }
    /// Syncs all that is unflushed, now (blocking).
    pub fn flush(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        todo!()
    }
    /// A `BackgroundTask::Flush` is done.
    pub fn mark_flushed(&mut self, offset: i64) {
        todo!()
    }
    /// Starts a new segment at the log end.
    pub fn roll(&mut self, disk: &mut Disk, now_ms: i64) -> Result<(), LogError> {
        todo!()
    }
    /// Clean stop (RL10): flush, trim the indexes. The log is not used after it.
    pub fn close(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        todo!()
    }
    /// What is due for Kafka's scheduler since the last call.
    pub fn take_background_tasks(&mut self) -> Vec<BackgroundTask> {
        todo!()
    }
    /// Bytes of all segments.
    pub fn size(&self) -> u64 {
        todo!()
    }
    pub fn dir(&self) -> &str {
        &self.dir
    }
    pub fn config(&self) -> &LogConfig {
        todo!()
    }
    pub fn update_config(&mut self, config: LogConfig) {
        todo!()
    }
    /// Base offsets of the segments.
    pub fn segment_base_offsets(&self) -> Vec<i64> {
        todo!()
    }
    /// From `partition.metadata`.
    pub fn topic_id(&self) -> Option<[u8; 16]> {
        todo!()
    }
    /// Writes `partition.metadata` if there is none.
    pub fn assign_topic_id(&mut self, disk: &mut Disk, id: [u8; 16]) -> Result<(), LogError> {
        todo!()
    }
}
