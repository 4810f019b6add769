//! A partition's log: what a broker appends to, reads from and truncates (classes UnifiedLog, LocalLog;
//! rules E2 to E4, E8, HW1, HW7, HW8, L1 to L5).
//!
//! Every call takes the node's disk and works on its page cache at once. What Kafka leaves to its
//! scheduler comes out as [`BackgroundTask`]s.

mod append;
mod delete;
mod flush;
mod read;

use crate::kernel::disk::{Disk, FileId};
use crate::log::batch::Records;
use crate::log::leader_epoch_cache::LeaderEpochCache;
use crate::log::log_loader::{LoadParameters, LogLoader};
use crate::log::log_segments::{LogSegments, Rebuild, rebuild_producer_state};
use crate::log::producer_state::ProducerAppendInfo;
use crate::log::producer_state_manager::ProducerStateManager;
use crate::log::{
    EpochEndOffset, EpochEntry, LogConfig, LogError, partition_metadata_file, timestamp_text,
};
use std::fmt;

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
    /// The batch was there already (D2).
    pub duplicate: bool,
}

/// Where an offset lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LogOffsetMetadata {
    pub message_offset: i64,
    pub segment_base_offset: i64,
    pub relative_position_in_segment: u64,
}

/// The answer to a read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchDataInfo {
    pub fetch_offset_metadata: LogOffsetMetadata,
    /// Whole batches of one segment; their CRCs are not checked (whoever uses them calls
    /// `ensure_valid`). The first may begin before the offset asked for.
    pub records: Records,
    /// The first batch is larger than what was asked for, and was not to be sent all the same.
    pub first_entry_incomplete: bool,
}

/// A record's timestamp, its offset, and the epoch of the leader that appended it (-1 if unknown).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampAndOffset {
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

/// What Kafka's scheduler would do for the log later; the broker takes and does it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BackgroundTask {
    /// A rolled segment: fsync `files` (one that is gone is no error), then call `mark_flushed(up_to)`.
    Flush { files: Vec<FileId>, up_to: i64 },
    /// Delete these after `delay_ms`, which is `file.delete.delay.ms` (one that is gone by then is no
    /// error).
    DeleteFiles { paths: Vec<String>, delay_ms: i64 },
}

/// Why a segment is deleted, in the order in which it is asked (L4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SegmentDeletionReason {
    /// All of it lies before the log start.
    LogStart,
    /// The segments after it hold `retention.bytes`.
    RetentionSize,
    /// Its largest timestamp, in milliseconds, is older than `retention.ms`.
    RetentionTime { largest_timestamp: i64 },
}

impl SegmentDeletionReason {
    /// The setting that asks for it.
    pub const fn setting(self) -> &'static str {
        match self {
            SegmentDeletionReason::LogStart => "the log start",
            SegmentDeletionReason::RetentionSize => "retention.bytes",
            SegmentDeletionReason::RetentionTime { .. } => "retention.ms",
        }
    }
}

impl fmt::Display for SegmentDeletionReason {
    /// The setting, and by time what is too old: a timestamp in another unit than milliseconds is the usual
    /// cause of records that go too early or never.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.setting())?;
        match self {
            SegmentDeletionReason::RetentionTime { largest_timestamp } => {
                let newest = timestamp_text::in_words(*largest_timestamp);
                write!(f, ", their newest timestamp is {newest}")
            }
            _ => Ok(()),
        }
    }
}

/// One partition's log on one broker.
#[derive(Debug)]
pub struct UnifiedLog {
    dir: String,
    config: LogConfig,
    segments: LogSegments,
    log_start_offset: i64,
    log_end_offset: i64,
    high_watermark: i64,
    recovery_point: i64,
    epochs: LeaderEpochCache,
    producers: ProducerStateManager,
    /// What the append that is being made does to producers. Left by one that failed until the next.
    updates: Vec<ProducerAppendInfo>,
    topic_id: Option<[u8; 16]>,
    tasks: Vec<BackgroundTask>,
    /// Flushes given out and not yet done: `up_to`, and how far that still counts after truncations.
    flushes: Vec<(i64, i64)>,
    /// When the log was last flushed (or loaded), for `flush.ms`.
    last_flush_ms: i64,
    /// The broker's wall clock when it last told it.
    clock_ms: i64,
}

/// Loading and closing.
impl UnifiedLog {
    /// Loads the log in `dir` (such as `data/t-0`), creating it if absent; recovers it if the last stop
    /// was not clean. `LogLoader` does the same in steps.
    pub fn open(
        disk: &mut Disk,
        dir: &str,
        config: LogConfig,
        recovery: LoadParameters,
    ) -> Result<UnifiedLog, LogError> {
        let mut loader = LogLoader::new(disk, dir, config, recovery)?;
        while !loader.step(disk)? {}
        UnifiedLog::from_loader(disk, loader)
    }

    /// The log that a loader has loaded; an unfinished load is finished first.
    pub fn from_loader(disk: &mut Disk, mut loader: LogLoader) -> Result<UnifiedLog, LogError> {
        let loaded = loop {
            match loader.loaded() {
                Some(loaded) => break loaded,
                None => loader.step(disk)?,
            };
        };
        Ok(UnifiedLog {
            topic_id: partition_metadata_file::read(disk, &loader.dir)?,
            dir: loader.dir,
            config: loader.config,
            segments: loader.segments,
            log_start_offset: loaded.log_start_offset,
            log_end_offset: loaded.next_offset,
            high_watermark: loaded.log_start_offset,
            recovery_point: loaded.recovery_point,
            epochs: loader.epochs,
            producers: loader.producers,
            updates: Vec::new(),
            tasks: loader.tasks,
            flushes: Vec::new(),
            last_flush_ms: loaded.now_ms,
            clock_ms: loaded.now_ms,
        })
    }

    /// Clean stop (RL10): flush, snapshot at the log end, trim the indexes. The log is not used after.
    pub fn close(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        self.flush(disk)?;
        self.producers.take_snapshot(disk, true)?;
        for segment in self.segments.iter_mut() {
            segment.on_become_inactive(disk)?;
        }
        Ok(())
    }

    /// Gives the directory a new name, such as `data/t-0.HEX-delete`.
    pub fn rename_dir(&mut self, disk: &mut Disk, dir: &str) -> Result<(), LogError> {
        disk.rename(&self.dir, dir)
            .map_err(LogError::disk(&self.dir))?;
        self.dir = dir.to_owned();
        for segment in self.segments.iter_mut() {
            segment.dir_renamed(dir);
        }
        self.epochs.dir_renamed(dir);
        self.producers.dir_renamed(dir);
        Ok(())
    }

    /// Deletes the directory and all in it.
    pub fn delete(self, disk: &mut Disk) -> Result<(), LogError> {
        disk.delete_dir(&self.dir)
            .map_err(LogError::disk(&self.dir))
    }

    /// What is due for Kafka's scheduler since the last call.
    pub fn take_background_tasks(&mut self) -> Vec<BackgroundTask> {
        std::mem::take(&mut self.tasks)
    }
}

/// What the log is.
impl UnifiedLog {
    pub fn dir(&self) -> &str {
        &self.dir
    }

    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    pub fn update_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    /// Offset of the next record.
    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset
    }

    pub fn log_end_offset_metadata(&self) -> LogOffsetMetadata {
        let active = self.segments.active();
        LogOffsetMetadata {
            message_offset: self.log_end_offset,
            segment_base_offset: active.base_offset(),
            relative_position_in_segment: active.size(),
        }
    }

    /// Bytes of all segments.
    pub fn size(&self) -> u64 {
        self.segments.size()
    }

    pub fn segment_base_offsets(&self) -> Vec<i64> {
        self.segments.base_offsets()
    }

    /// From `partition.metadata`.
    pub fn topic_id(&self) -> Option<[u8; 16]> {
        self.topic_id
    }

    /// Writes `partition.metadata` if there is none.
    pub fn assign_topic_id(&mut self, disk: &mut Disk, id: [u8; 16]) -> Result<(), LogError> {
        if self.topic_id.is_none() {
            partition_metadata_file::write(disk, &self.dir, &id)?;
            self.topic_id = Some(id);
        }
        Ok(())
    }
}

/// High watermark and leader epochs.
impl UnifiedLog {
    /// After loading it is the log start: the broker sets it from its checkpoint (HW7).
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Follower: sets it, clamped to [log start, log end] (HW1); may go down. Returns the new one.
    pub fn update_high_watermark(&mut self, high_watermark: i64) -> i64 {
        let end = match self.config.rules.bounded_high_watermark {
            true => self.log_end_offset,
            false => i64::MAX,
        };
        self.high_watermark = high_watermark.min(end).max(self.log_start_offset);
        assert!(
            self.high_watermark <= end,
            "{}: a high watermark of {} lies past the log end {end}",
            self.dir,
            self.high_watermark
        );
        self.producers
            .on_high_watermark_updated(self.high_watermark);
        self.high_watermark
    }

    /// Leader: raises it; the old one if it rose. A value above the log end counts as the log end.
    pub fn maybe_increment_high_watermark(&mut self, high_watermark: i64) -> Option<i64> {
        let old = self.high_watermark;
        if high_watermark <= old {
            return None;
        }
        (self.update_high_watermark(high_watermark) > old).then_some(old)
    }

    /// The end of what `read_committed` may see (D12): the high watermark while no transaction is open.
    pub fn last_stable_offset(&self) -> i64 {
        let unstable = self
            .producers
            .first_unstable_offset()
            .map(|offset| offset.max(self.log_start_offset));
        unstable.map_or(self.high_watermark, |offset| {
            offset.min(self.high_watermark)
        })
    }

    /// Newest epoch of the epoch cache (E5: what a follower sends as lastFetchedEpoch).
    pub fn latest_epoch(&self) -> Option<i32> {
        self.epochs.latest_epoch()
    }

    /// The epoch cache, both fields rising.
    pub fn leader_epochs(&self) -> &[EpochEntry] {
        self.epochs.entries()
    }

    /// The epoch of the record at `offset`, as far as the epoch cache knows.
    pub fn epoch_for_offset(&self, offset: i64) -> Option<i32> {
        self.epochs.epoch_for_offset(offset)
    }

    /// E4.
    pub fn end_offset_for_epoch(&self, epoch: i32) -> EpochEndOffset {
        self.epochs.end_offset_for(epoch, self.log_end_offset)
    }

    /// E2, E3: notes where an epoch starts; the file is written (and synced) if the cache changed.
    pub fn assign_epoch_start_offset(
        &mut self,
        disk: &mut Disk,
        epoch: i32,
        start: i64,
    ) -> Result<(), LogError> {
        self.epochs.assign(disk, epoch, start)
    }
}

/// What several of the parts need.
impl UnifiedLog {
    /// Flushes under way do not cover what will stand from there on.
    fn set_log_end_offset(&mut self, offset: i64) {
        for (_, flushed) in &mut self.flushes {
            *flushed = (*flushed).min(offset);
        }
        self.log_end_offset = offset;
        self.recovery_point = self.recovery_point.min(offset);
    }

    fn rebuild_producer_state(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        let range = Rebuild {
            log_start_offset: self.log_start_offset,
            last_offset: self.log_end_offset,
            after_clean_stop: false,
            now_ms: self.clock_ms,
        };
        rebuild_producer_state(
            disk,
            &mut self.producers,
            &mut self.segments,
            &self.config,
            range,
        )?;
        Ok(())
    }
}
