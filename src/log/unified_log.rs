//! A partition's log: what a broker appends to, reads from and truncates (classes UnifiedLog, LocalLog;
//! rules E2 to E4, E8, HW1, HW7, HW8, L1 to L5, F9).
//!
//! Every call takes the node's disk and works on its page cache at once. What Kafka leaves to its
//! scheduler comes out as [`BackgroundTask`]s.

use crate::kernel::disk::{Disk, FileId};
use crate::log::batch::{RecordBatch, Records};
use crate::log::leader_epoch_cache::LeaderEpochCache;
use crate::log::log_loader::{LoadParameters, LogLoader};
use crate::log::log_segment::{Append, LogSegment};
use crate::log::log_segments::{LogSegments, Rebuild, rebuild_producer_state};
use crate::log::log_validator::{AppendOrigin, validate_and_assign_offsets};
use crate::log::producer_state::{CompletedTxn, ProducerAppendInfo, ProducerStateEntry};
use crate::log::producer_state_manager::ProducerStateManager;
use crate::log::transaction_index::AbortedTxn;
use crate::log::{EpochEndOffset, EpochEntry, LogConfig, LogError, partition_metadata_file};
use std::collections::BTreeMap;

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
    /// Delete these after `file.delete.delay.ms` (one that is gone by then is no error).
    DeleteFiles { paths: Vec<String> },
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
    topic_id: Option<[u8; 16]>,
    tasks: Vec<BackgroundTask>,
    /// Flushes given out and not yet done: `up_to`, and how far that still counts after truncations.
    flushes: Vec<(i64, i64)>,
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
            tasks: loader.tasks,
            flushes: Vec::new(),
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
        let active = self.active();
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
        self.high_watermark = high_watermark
            .min(self.log_end_offset)
            .max(self.log_start_offset);
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

/// Appending.
impl UnifiedLog {
    /// Appends a client's batches: validates them, gives them offsets and the leader epoch.
    pub fn append_as_leader(
        &mut self,
        disk: &mut Disk,
        records: &Records,
        leader_epoch: i32,
        now_ms: i64,
    ) -> Result<LogAppendInfo, LogError> {
        self.append_as_leader_from(disk, records, leader_epoch, now_ms, AppendOrigin::Client)
    }

    /// Like `append_as_leader`, for what the broker itself writes too.
    pub fn append_as_leader_from(
        &mut self,
        disk: &mut Disk,
        records: &Records,
        leader_epoch: i32,
        now_ms: i64,
        origin: AppendOrigin,
    ) -> Result<LogAppendInfo, LogError> {
        self.clock_ms = now_ms;
        for batch in records.batches() {
            if origin == AppendOrigin::Client && batch.base_offset() != 0 {
                return Err(LogError::InvalidRecord(format!(
                    "the base offset of a producer's batch must be 0, not {}",
                    batch.base_offset()
                )));
            }
            let limit = u64::from(self.config.max_message_bytes);
            if batch.size() > limit {
                return Err(LogError::RecordTooLarge {
                    size: batch.size(),
                    limit,
                });
            }
            batch.ensure_valid()?;
        }
        let batches = validate_and_assign_offsets(
            records,
            &self.config,
            self.log_end_offset,
            leader_epoch,
            now_ms,
            origin,
        )?;
        self.append(disk, &batches, origin)
    }

    /// Appends a leader's batches with their offsets, epochs and bytes as they are.
    pub fn append_as_follower(
        &mut self,
        disk: &mut Disk,
        records: &Records,
        now_ms: i64,
    ) -> Result<LogAppendInfo, LogError> {
        self.clock_ms = now_ms;
        let mut last_offset = None;
        for batch in records.batches() {
            batch.ensure_valid()?;
            if let Some(last_offset) = last_offset.filter(|last| *last >= batch.last_offset()) {
                return Err(LogError::OffsetsOutOfOrder {
                    last_offset,
                    next_last_offset: batch.last_offset(),
                });
            }
            last_offset = Some(batch.last_offset());
        }
        if let Some(first_offset) = records.first_offset()
            && first_offset < self.log_end_offset
        {
            return Err(LogError::UnexpectedAppendOffset {
                first_offset,
                last_offset: last_offset.unwrap_or(first_offset),
                log_end_offset: self.log_end_offset,
            });
        }
        self.append(disk, records.batches(), AppendOrigin::Replication)
    }

    fn append(
        &mut self,
        disk: &mut Disk,
        batches: &[RecordBatch],
        origin: AppendOrigin,
    ) -> Result<LogAppendInfo, LogError> {
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else {
            return Ok(self.nothing_appended());
        };
        let (first_offset, last_offset) = (first.base_offset(), last.last_offset());
        let mut append = Append {
            size: 0,
            last_offset,
            max_timestamp: -1,
            offset_of_max_timestamp: -1,
        };
        for batch in batches {
            append.size += batch.size();
            if batch.max_timestamp() > append.max_timestamp {
                append.max_timestamp = batch.max_timestamp();
                append.offset_of_max_timestamp = batch.last_offset();
            }
            self.epochs
                .assign(disk, batch.partition_leader_epoch(), batch.base_offset())?;
        }
        let limit = u64::from(self.config.segment_bytes);
        if append.size > limit {
            return Err(LogError::RecordBatchTooLarge {
                size: append.size,
                limit,
            });
        }
        self.maybe_roll(disk, &append, first_offset)?;

        let (updated, completed) = match self.analyze_producers(batches, origin)? {
            Producers::Duplicate(info) => return Ok(info),
            Producers::New { updated, completed } => (updated, completed),
        };
        let now_ms = self.clock_ms;
        let active = active_mut(&mut self.segments);
        active.append(disk, &self.config, &append, batches, now_ms)?;
        self.log_end_offset = last_offset + 1;
        for info in updated.into_values() {
            self.producers.update(info);
        }
        for completed in completed {
            let last_stable_offset = self.producers.last_stable_offset(&completed);
            if completed.is_aborted {
                let txn = AbortedTxn::new(&completed, last_stable_offset);
                active_mut(&mut self.segments).append_aborted_txn(disk, txn)?;
            }
            self.producers.complete_txn(&completed);
        }
        self.producers.update_map_end_offset(self.log_end_offset);
        if self.unflushed_messages() >= self.config.flush_messages {
            self.flush(disk)?;
        }
        let by_append_time =
            first.timestamp_type() == crate::log::batch::TimestampType::LogAppendTime;
        Ok(LogAppendInfo {
            first_offset,
            last_offset,
            log_append_time: if by_append_time {
                append.max_timestamp
            } else {
                -1
            },
            log_start_offset: self.log_start_offset,
            max_timestamp: append.max_timestamp,
            size_in_bytes: append.size,
            duplicate: false,
        })
    }

    fn nothing_appended(&self) -> LogAppendInfo {
        LogAppendInfo {
            first_offset: -1,
            last_offset: -1,
            log_append_time: -1,
            log_start_offset: self.log_start_offset,
            max_timestamp: -1,
            size_in_bytes: 0,
            duplicate: false,
        }
    }

    /// D1 to D4: what these batches make of their producers.
    fn analyze_producers(
        &self,
        batches: &[RecordBatch],
        origin: AppendOrigin,
    ) -> Result<Producers, LogError> {
        let mut updated: BTreeMap<i64, ProducerAppendInfo> = BTreeMap::new();
        let mut completed = Vec::new();
        for batch in batches.iter().filter(|batch| batch.producer_id() >= 0) {
            let producer_id = batch.producer_id();
            let known = self.producers.producers().get(&producer_id);
            if origin == AppendOrigin::Client
                && let Some(duplicate) = known.and_then(|known| known.find_duplicate(batch))
            {
                return Ok(Producers::Duplicate(LogAppendInfo {
                    first_offset: duplicate.first_offset(),
                    last_offset: duplicate.last_offset,
                    log_append_time: duplicate.timestamp,
                    duplicate: true,
                    ..self.nothing_appended()
                }));
            }
            let info = updated
                .entry(producer_id)
                .or_insert_with(|| self.producers.prepare_update(producer_id, origin));
            completed.extend(info.append(batch)?);
        }
        Ok(Producers::New { updated, completed })
    }

    /// What is known of the producers that wrote here, by producer id.
    pub fn active_producers(&self) -> &BTreeMap<i64, ProducerStateEntry> {
        self.producers.producers()
    }

    /// Forgets producers that have been silent for `producer.id.expiration.ms`.
    pub fn remove_expired_producers(&mut self, now_ms: i64) {
        self.clock_ms = now_ms;
        self.producers.remove_expired(now_ms);
    }
}

/// What an append would do to producers.
enum Producers {
    Duplicate(LogAppendInfo),
    New {
        updated: BTreeMap<i64, ProducerAppendInfo>,
        completed: Vec<CompletedTxn>,
    },
}

/// Reading.
impl UnifiedLog {
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
        let mut segment = match self.segments.floor(start_offset) {
            Some(segment)
                if (self.log_start_offset..=self.log_end_offset).contains(&start_offset) =>
            {
                segment
            }
            _ => return Err(self.out_of_range(start_offset)),
        };
        let empty = |metadata| FetchDataInfo {
            fetch_offset_metadata: metadata,
            records: Records::empty(),
            first_entry_incomplete: false,
        };
        if start_offset == self.log_end_offset {
            return Ok(empty(self.log_end_offset_metadata()));
        }
        loop {
            let read = segment.read(
                disk,
                start_offset,
                u64::from(max_length),
                upper_bound,
                min_one_message,
            )?;
            if let Some(read) = read {
                return Ok(FetchDataInfo {
                    fetch_offset_metadata: LogOffsetMetadata {
                        message_offset: start_offset,
                        segment_base_offset: segment.base_offset(),
                        relative_position_in_segment: read.position,
                    },
                    records: Records::from(read.batches),
                    first_entry_incomplete: read.first_is_too_large,
                });
            }
            match self.segments.higher(segment.base_offset()) {
                Some(next) => segment = next,
                // F9: everything from there on was compacted away.
                None => return Ok(empty(self.log_end_offset_metadata())),
            }
        }
    }

    /// Aborted transactions that a reader of [`start_offset`, `upper_bound`) must know (D13).
    pub fn aborted_transactions(&self, start_offset: i64, upper_bound: i64) -> Vec<AbortedTxn> {
        let mut aborted = Vec::new();
        let mut segment = self.segments.floor(start_offset);
        while let Some(current) = segment {
            if current
                .txn_index()
                .collect(start_offset, upper_bound, &mut aborted)
            {
                break;
            }
            segment = self.segments.higher(current.base_offset());
        }
        aborted
    }

    /// The first record at or after the log start with at least this timestamp.
    pub fn offset_for_timestamp(
        &self,
        disk: &mut Disk,
        timestamp: i64,
    ) -> Result<Option<TimestampAndOffset>, LogError> {
        match self
            .segments
            .iter()
            .find(|segment| segment.largest_timestamp() >= timestamp)
        {
            Some(segment) => {
                let found =
                    segment.find_offset_by_timestamp(disk, timestamp, self.log_start_offset)?;
                Ok(found.map(timestamp_and_offset))
            }
            None => Ok(None),
        }
    }

    /// The first record with the largest timestamp (ListOffsets -3).
    pub fn offset_of_max_timestamp(
        &self,
        disk: &mut Disk,
    ) -> Result<Option<TimestampAndOffset>, LogError> {
        let mut newest: Option<&LogSegment> = None;
        for segment in self.segments.iter() {
            let timestamp = segment.max_timestamp_so_far().timestamp;
            if newest.is_none_or(|newest| timestamp > newest.max_timestamp_so_far().timestamp) {
                newest = Some(segment);
            }
        }
        match newest {
            Some(segment) => Ok(segment
                .offset_of_max_timestamp(disk)?
                .map(timestamp_and_offset)),
            None => Ok(None),
        }
    }

    fn out_of_range(&self, offset: i64) -> LogError {
        LogError::OffsetOutOfRange {
            offset,
            log_start_offset: self.log_start_offset,
            log_end_offset: self.log_end_offset,
        }
    }
}

/// Flushing and rolling.
impl UnifiedLog {
    /// All below is on the device, as far as the log knows.
    pub fn recovery_point(&self) -> i64 {
        self.recovery_point
    }

    pub fn unflushed_messages(&self) -> i64 {
        self.log_end_offset - self.recovery_point
    }

    /// Syncs all that is unflushed, now (blocking).
    pub fn flush(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        if self.log_end_offset + 1 > self.recovery_point {
            for file in self.files_between(disk, self.recovery_point, self.log_end_offset + 1) {
                disk.sync(file).map_err(LogError::disk(&self.dir))?;
            }
            self.recovery_point = self.recovery_point.max(self.log_end_offset);
        }
        Ok(())
    }

    /// A `BackgroundTask::Flush` is done.
    pub fn mark_flushed(&mut self, up_to: i64) {
        if let Some(done) = self.flushes.iter().position(|(given, _)| *given == up_to) {
            let (_, flushed) = self.flushes.remove(done);
            self.recovery_point = self.recovery_point.max(flushed);
        }
    }

    /// Starts a new segment at the log end.
    pub fn roll(&mut self, disk: &mut Disk, now_ms: i64) -> Result<(), LogError> {
        self.clock_ms = now_ms;
        self.roll_at(disk, self.log_end_offset)
    }

    fn maybe_roll(
        &mut self,
        disk: &mut Disk,
        append: &Append,
        first_offset: i64,
    ) -> Result<(), LogError> {
        let now_ms = self.clock_ms;
        let active = active_mut(&mut self.segments);
        if active.should_roll(disk, &self.config, append, now_ms)? {
            self.roll_at(disk, first_offset.max(self.log_end_offset))?;
        }
        Ok(())
    }

    fn roll_at(&mut self, disk: &mut Disk, base: i64) -> Result<(), LogError> {
        if self.segments.contains(base) {
            // Full indexes of an empty segment: Kafka deletes it and makes it anew.
            if self.active().base_offset() != base || self.active().size() > 0 {
                let problem = format!("a new segment at {base} is due, but there is one");
                return Err(LogError::Inconsistent {
                    path: self.dir.clone(),
                    problem,
                });
            }
            self.delete_segments(disk, &[base])?;
        } else {
            active_mut(&mut self.segments).on_become_inactive(disk)?;
        }
        self.segments.add(LogSegment::create(
            disk,
            &self.dir,
            base,
            &self.config,
            self.clock_ms,
        )?);
        self.producers.update_map_end_offset(base);
        let snapshot = self.producers.take_snapshot(disk, false)?;
        let files = self.files_between(disk, self.recovery_point, base);
        let files = snapshot.into_iter().chain(files).collect();
        self.flushes.push((base, base));
        self.tasks
            .push(BackgroundTask::Flush { files, up_to: base });
        Ok(())
    }

    /// Files of the segments with offsets in [from, to).
    fn files_between(&self, disk: &Disk, from: i64, to: i64) -> Vec<FileId> {
        let first = self
            .segments
            .floor(from)
            .map_or(from, LogSegment::base_offset);
        let unflushed = self
            .segments
            .iter()
            .filter(|segment| (first..to).contains(&segment.base_offset()));
        unflushed.flat_map(|segment| segment.files(disk)).collect()
    }
}

/// Truncating and deleting.
impl UnifiedLog {
    /// Removes all batches from the one that holds `offset` on (L2); whether there were any (E8: the
    /// epoch cache is cleaned in any case).
    pub fn truncate_to(&mut self, disk: &mut Disk, offset: i64) -> Result<bool, LogError> {
        if offset >= self.log_end_offset {
            self.epochs.truncate_from_end(disk, self.log_end_offset)?;
            return Ok(false);
        }
        if self
            .segments
            .first_base_offset()
            .is_some_and(|first| first > offset)
        {
            self.truncate_fully_and_start_at(disk, offset)?;
            return Ok(true);
        }
        let behind: Vec<i64> = self
            .segments
            .base_offsets()
            .into_iter()
            .filter(|base| *base > offset)
            .collect();
        self.delete_segments(disk, &behind)?;
        let now_ms = self.clock_ms;
        active_mut(&mut self.segments).truncate_to(disk, &self.config, offset, now_ms)?;
        self.set_log_end_offset(offset);
        self.epochs.truncate_from_end(disk, offset)?;
        self.log_start_offset = self.log_start_offset.min(offset);
        self.rebuild_producer_state(disk)?;
        self.update_high_watermark(self.high_watermark);
        Ok(true)
    }

    /// Deletes everything; the log is empty and starts and ends at `offset`, the high watermark too (HW8).
    pub fn truncate_fully_and_start_at(
        &mut self,
        disk: &mut Disk,
        offset: i64,
    ) -> Result<(), LogError> {
        for (_, flushed) in &mut self.flushes {
            *flushed = 0;
        }
        self.delete_segments(disk, &self.segments.base_offsets())?;
        self.segments.add(LogSegment::create(
            disk,
            &self.dir,
            offset,
            &self.config,
            self.clock_ms,
        )?);
        self.set_log_end_offset(offset);
        self.epochs.clear(disk)?;
        self.producers.truncate_fully_and_start_at(disk, offset)?;
        self.log_start_offset = offset;
        self.rebuild_producer_state(disk)?;
        self.update_high_watermark(offset);
        Ok(())
    }

    /// L5, RL11: raises the log start (DeleteRecords, or a follower copying its leader's), the recovery
    /// point and the first epoch's start with it. An error above the high watermark. Whether it rose.
    pub fn maybe_increment_log_start_offset(
        &mut self,
        disk: &mut Disk,
        offset: i64,
    ) -> Result<bool, LogError> {
        if offset > self.high_watermark {
            return Err(self.out_of_range(offset));
        }
        if offset <= self.log_start_offset {
            return Ok(false);
        }
        self.log_start_offset = offset;
        self.recovery_point = self.recovery_point.max(offset);
        self.epochs.truncate_from_start(disk, offset)?;
        self.producers.on_log_start_offset_incremented(offset);
        Ok(true)
    }

    /// L4: retention, by what lies before the log start, by size, by time. How many segments went.
    pub fn delete_old_segments(&mut self, disk: &mut Disk, now_ms: i64) -> Result<usize, LogError> {
        self.clock_ms = now_ms;
        let log_start_offset = self.log_start_offset;
        let mut deleted = self.delete_from_oldest(disk, |_, next| {
            next.is_some_and(|next| next <= log_start_offset)
        })?;
        if self.config.cleanup_policy == crate::log::CleanupPolicy::Compact {
            return Ok(deleted);
        }
        if let Ok(retention_bytes) = u64::try_from(self.config.retention_bytes) {
            let mut excess = self.size().saturating_sub(retention_bytes);
            let enough = self.size() >= retention_bytes;
            deleted += self.delete_from_oldest(disk, |segment, _| {
                let fits = enough && segment.size() <= excess;
                excess -= if fits { segment.size() } else { 0 };
                fits
            })?;
        }
        let retention_ms = self.config.retention_ms;
        if retention_ms >= 0 {
            deleted += self.delete_from_oldest(disk, |segment, _| {
                now_ms.saturating_sub(segment.largest_timestamp()) > retention_ms
            })?;
        }
        Ok(deleted)
    }

    /// Deletes segments from the oldest on, while all their records are below the high watermark and
    /// `due` says so of the segment and its successor's base. The active one is rolled first; it stays
    /// only if it is empty.
    fn delete_from_oldest(
        &mut self,
        disk: &mut Disk,
        mut due: impl FnMut(&LogSegment, Option<i64>) -> bool,
    ) -> Result<usize, LogError> {
        let mut bases = Vec::new();
        for segment in self.segments.iter() {
            let next = self
                .segments
                .higher(segment.base_offset())
                .map(LogSegment::base_offset);
            let end = next.unwrap_or(self.log_end_offset);
            let is_empty_active = next.is_none() && segment.size() == 0;
            if self.high_watermark < end || !due(segment, next) || is_empty_active {
                break;
            }
            bases.push(segment.base_offset());
        }
        let Some(last) = bases.last().copied() else {
            return Ok(0);
        };
        if last == self.active().base_offset() {
            self.roll_at(disk, self.log_end_offset)?;
        }
        if let Some(next) = self.segments.higher(last).map(LogSegment::base_offset) {
            self.maybe_increment_log_start_offset(disk, next)?;
        }
        self.delete_segments(disk, &bases)?;
        Ok(bases.len())
    }

    /// Takes segments out of the log at once; their files go after `file.delete.delay.ms`.
    fn delete_segments(&mut self, disk: &mut Disk, bases: &[i64]) -> Result<(), LogError> {
        let mut paths = Vec::new();
        for base in bases {
            let Some(segment) = self.segments.remove(*base) else {
                continue;
            };
            paths.extend(segment.mark_deleted(disk)?);
            paths.extend(self.producers.mark_deleted(disk, *base)?);
        }
        if !paths.is_empty() {
            self.tasks.push(BackgroundTask::DeleteFiles { paths });
        }
        Ok(())
    }

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
        )
    }

    fn active(&self) -> &LogSegment {
        self.segments
            .last()
            .expect("a log has at least one segment")
    }
}

fn active_mut(segments: &mut LogSegments) -> &mut LogSegment {
    segments.last_mut().expect("a log has at least one segment")
}

fn timestamp_and_offset((timestamp, offset, leader_epoch): (i64, i64, i32)) -> TimestampAndOffset {
    TimestampAndOffset {
        timestamp,
        offset,
        leader_epoch,
    }
}
