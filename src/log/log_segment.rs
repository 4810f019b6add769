//! One segment: a file of batches with its indexes (class LogSegment; L2, L3, RL3 to RL6).

use crate::kernel::disk::{Disk, DiskError, FileId};
use crate::log::batch::{BatchProblem, CorruptBatch, RecordBatch};
use crate::log::batch_reader::{BatchReader, ReadError};
use crate::log::leader_epoch_cache::LeaderEpochCache;
use crate::log::offset_index::OffsetIndex;
use crate::log::producer_state_manager::ProducerStateManager;
use crate::log::recent_batches::RecentBatches;
use crate::log::time_index::{TimeIndex, TimestampOffset};
use crate::log::transaction_index::{AbortedTxn, TransactionIndex};
use crate::log::{AppendOrigin, LogConfig, LogError};

/// How much of a file is read at a time when all of it is.
const SCAN_WINDOW: u64 = 1 << 20;
/// How much beyond what is asked for is read at a time: a batch's head must fit.
const LOOK_UP_WINDOW: u64 = 4096;

/// What an append looks like to a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Append {
    pub(crate) size: u64,
    pub(crate) last_offset: i64,
    pub(crate) max_timestamp: i64,
    /// Last offset of the first batch with the max timestamp.
    pub(crate) offset_of_max_timestamp: i64,
}

/// A batch's place in a segment.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) position: u64,
    pub(crate) batch: RecordBatch,
}

/// What recovery made of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recovered {
    /// So many bytes were cut off its end.
    Cut { bytes: u64 },
    /// A repeated offset came when an index entry was due (RL4).
    OffsetRepeats,
}

#[derive(Debug)]
pub(crate) struct LogSegment {
    base_offset: i64,
    /// Path without suffix, and what stands behind the suffix.
    stem: String,
    tail: &'static str,
    log: FileId,
    size: u64,
    recent: RecentBatches,
    /// Loaded when first needed: recovery resets them unread.
    indexes: Option<Indexes>,
    txn_index: TransactionIndex,
    bytes_since_last_index_entry: u64,
    /// Max timestamp of the first append; `None` while that is not read.
    rolling_based_timestamp: Option<i64>,
    max_timestamp_so_far: Option<TimestampOffset>,
    created_ms: i64,
    last_modified_ms: i64,
}

#[derive(Debug)]
struct Indexes {
    offset: OffsetIndex,
    time: TimeIndex,
}

impl LogSegment {
    /// Creates the files of a new segment, deleting what is in the way.
    pub(crate) fn create(
        disk: &mut Disk,
        dir: &str,
        base_offset: i64,
        config: &LogConfig,
        now_ms: i64,
    ) -> Result<LogSegment, LogError> {
        let stem = stem(dir, base_offset);
        for suffix in [".log", ".index", ".timeindex", ".txnindex"] {
            let path = format!("{stem}{suffix}");
            if disk.exists(&path) {
                disk.delete(&path).map_err(LogError::disk(&path))?;
            }
        }
        let mut segment = LogSegment::open(disk, dir, base_offset, now_ms)?;
        segment.load_indexes(disk, config)?;
        Ok(segment)
    }

    /// Opens a segment's log; its indexes are not touched yet.
    pub(crate) fn open(
        disk: &mut Disk,
        dir: &str,
        base_offset: i64,
        now_ms: i64,
    ) -> Result<LogSegment, LogError> {
        LogSegment::open_with_tail(disk, dir, base_offset, now_ms, "")
    }

    /// Opens a segment whose files' names end in `tail`, such as `.swap`.
    pub(crate) fn open_with_tail(
        disk: &mut Disk,
        dir: &str,
        base_offset: i64,
        now_ms: i64,
        tail: &'static str,
    ) -> Result<LogSegment, LogError> {
        let stem = stem(dir, base_offset);
        let path = format!("{stem}.log{tail}");
        let log = disk.create(&path).map_err(LogError::disk(&path))?;
        let txn_path = format!("{stem}.txnindex{tail}");
        let txn_index =
            TransactionIndex::open(disk, txn_path.clone()).map_err(LogError::disk(&txn_path))?;
        Ok(LogSegment {
            base_offset,
            log,
            size: disk.len(log),
            recent: RecentBatches::default(),
            stem,
            tail,
            indexes: None,
            txn_index,
            bytes_since_last_index_entry: 0,
            rolling_based_timestamp: None,
            max_timestamp_so_far: None,
            created_ms: now_ms,
            last_modified_ms: now_ms,
        })
    }

    /// Reads the indexes, or creates missing ones preallocated, if that has not been done.
    pub(crate) fn load_indexes(
        &mut self,
        disk: &mut Disk,
        config: &LogConfig,
    ) -> Result<(), LogError> {
        if self.indexes.is_none() {
            let (base, max) = (self.base_offset, config.segment_index_bytes);
            let path = self.path(".index");
            let offset =
                OffsetIndex::open(disk, &path, base, max).map_err(LogError::disk(&path))?;
            let path = self.path(".timeindex");
            let time = TimeIndex::open(disk, &path, base, max).map_err(LogError::disk(&path))?;
            self.indexes = Some(Indexes { offset, time });
        }
        Ok(())
    }

    pub(crate) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    /// Bytes of the log file.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn txn_index(&self) -> &TransactionIndex {
        &self.txn_index
    }

    /// The files that an fsync of the segment covers.
    pub(crate) fn files(&self, disk: &Disk) -> Vec<FileId> {
        let indexes = self
            .indexes
            .iter()
            .flat_map(|indexes| [indexes.offset.file(), indexes.time.file()]);
        std::iter::once(self.log)
            .chain(indexes)
            .chain(disk.open(self.txn_index.path()))
            .collect()
    }

    /// L3: whether an append must go to a new segment.
    pub(crate) fn should_roll(
        &mut self,
        disk: &mut Disk,
        config: &LogConfig,
        append: &Append,
        now_ms: i64,
    ) -> Result<bool, LogError> {
        Ok(self.size + append.size > u64::from(config.segment_bytes)
            || self.size > 0
                && self.time_waited_for_roll(disk, now_ms, append.max_timestamp)?
                    > config.segment_ms
            || self.indexes().offset.is_full()
            || self.indexes().time.is_full()
            || !self.can_hold(append.last_offset))
    }

    /// Writes batches at the end.
    pub(crate) fn append(
        &mut self,
        disk: &mut Disk,
        config: &LogConfig,
        append: &Append,
        batches: &[RecordBatch],
        now_ms: i64,
    ) -> Result<(), LogError> {
        let position = self.size;
        if position == 0 {
            self.rolling_based_timestamp = Some(append.max_timestamp);
        }
        for chunk in batches.iter().flat_map(RecordBatch::chunks) {
            let bytes = chunk.len() as u64;
            if let Err(error) = disk.append(self.log, chunk) {
                // A failed write leaves no half of an append behind; if even that fails, recovery cuts it.
                let _ = disk.truncate(self.log, position);
                self.size = position;
                self.recent.clear();
                return Err(self.disk_error(error));
            }
            self.size += bytes;
        }
        self.recent.note(batches, position);
        self.last_modified_ms = now_ms;
        self.note_timestamp(append.max_timestamp, append.offset_of_max_timestamp);
        if self.bytes_since_last_index_entry > u64::from(config.index_interval_bytes) {
            self.add_index_entries(disk, append.last_offset, position)?;
            self.bytes_since_last_index_entry = 0;
        }
        self.bytes_since_last_index_entry += append.size;
        Ok(())
    }

    pub(crate) fn append_aborted_txn(
        &mut self,
        disk: &mut Disk,
        txn: AbortedTxn,
    ) -> Result<(), LogError> {
        self.txn_index
            .append(disk, txn)
            .map_err(|error| self.disk_error(error))
    }

    /// The first batch whose last offset is at least `offset`.
    pub(crate) fn translate_offset(
        &self,
        disk: &mut Disk,
        offset: i64,
    ) -> Result<Option<Located>, LogError> {
        let mut reader = self.reader_before(offset, LOOK_UP_WINDOW);
        self.find(disk, &mut reader, |batch| batch.last_offset() >= offset)
    }

    /// Whole batches from the one that holds `offset` on: those that end below `upper_bound`, together
    /// at most `max_length` bytes, but the first in any case if `min_one`. `None` if all batches end
    /// below `offset`.
    pub(crate) fn read(
        &self,
        disk: &mut Disk,
        offset: i64,
        max_length: u64,
        upper_bound: i64,
        min_one: bool,
    ) -> Result<Option<Read>, LogError> {
        let window = max_length.min(SCAN_WINDOW) + LOOK_UP_WINDOW;
        let mut reader = self.reader_before(offset, window);
        let Some(first) = self.find(disk, &mut reader, |batch| batch.last_offset() >= offset)?
        else {
            return Ok(None);
        };
        let mut read = Read {
            position: first.position,
            batches: Vec::new(),
            first_is_too_large: false,
        };
        if first.batch.last_offset() >= upper_bound {
            return Ok(Some(read));
        }
        let mut size = first.batch.size();
        if size > max_length && !min_one {
            read.first_is_too_large = true;
            return Ok(Some(read));
        }
        read.batches.push(first.batch);
        while size < max_length {
            // A bad batch ends the answer; whoever asks for it next gets the error.
            let next = match reader.next(disk) {
                Ok(Some(next)) => next,
                Ok(None) | Err(ReadError::Corrupt(_)) => break,
                Err(ReadError::Disk(error)) => return Err(self.disk_error(error)),
            };
            size += next.size();
            if size > max_length || next.last_offset() >= upper_bound {
                break;
            }
            read.batches.push(next);
        }
        Ok(Some(read))
    }

    /// Every batch from `position` to `end`, unchecked.
    pub(crate) fn for_each_batch(
        &self,
        disk: &mut Disk,
        position: u64,
        end: u64,
        mut visit: impl FnMut(&RecordBatch) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let mut reader = BatchReader::new(self.log, position, end, SCAN_WINDOW);
        while let Some(batch) = reader.next(disk).map_err(|error| self.read_error(error))? {
            visit(&batch)?;
        }
        Ok(())
    }

    /// The offset that follows the last batch, found from the last index entry on; the base offset if
    /// there is none.
    pub(crate) fn read_next_offset(&self, disk: &mut Disk) -> Result<i64, LogError> {
        let Some(first) = self.translate_offset(disk, self.indexes().offset.last_offset())? else {
            return Ok(self.base_offset);
        };
        let mut next = self.base_offset;
        self.for_each_batch(disk, first.position, self.size, |batch| {
            next = batch.next_offset();
            Ok(())
        })?;
        Ok(next)
    }

    /// L7, RL3 to RL5: scans all batches, cuts after the last good one, rebuilds the indexes.
    pub(crate) fn recover(
        &mut self,
        disk: &mut Disk,
        config: &LogConfig,
        epochs: &mut LeaderEpochCache,
        producers: &mut ProducerStateManager,
    ) -> Result<Recovered, LogError> {
        self.reset_indexes(disk, config)?;
        let mut reader = BatchReader::new(self.log, 0, self.size, SCAN_WINDOW);
        let (mut valid_bytes, mut last_index_entry) = (0, 0);
        loop {
            let batch = match reader.next(disk) {
                Ok(Some(batch)) => batch,
                Ok(None) | Err(ReadError::Corrupt(_)) => break,
                Err(ReadError::Disk(error)) => return Err(self.disk_error(error)),
            };
            if batch.magic() < 2 || batch.ensure_crc().is_err() {
                break;
            }
            if !self.can_hold(batch.last_offset()) {
                return Err(self.overflow(&batch, valid_bytes));
            }
            self.note_timestamp(batch.max_timestamp(), batch.last_offset());
            if valid_bytes - last_index_entry > u64::from(config.index_interval_bytes) {
                if !self.indexes().offset.accepts(batch.last_offset()) {
                    return Ok(Recovered::OffsetRepeats);
                }
                self.add_index_entries(disk, batch.last_offset(), valid_bytes)?;
                last_index_entry = valid_bytes;
            }
            valid_bytes += batch.size();
            let epoch = batch.partition_leader_epoch();
            if epoch >= 0 && epochs.latest_epoch().is_none_or(|latest| epoch > latest) {
                epochs.assign(disk, epoch, batch.base_offset())?;
            }
            self.replay(disk, producers, &batch)?;
        }
        let bytes = self.size - valid_bytes;
        if bytes > 0 {
            disk.truncate(self.log, valid_bytes)
                .map_err(|error| self.disk_error(error))?;
            self.size = valid_bytes;
            self.recent.clear();
        }
        self.on_become_inactive(disk)?;
        Ok(Recovered::Cut { bytes })
    }

    /// Removes every batch from the first one that reaches `offset` on; the bytes removed.
    pub(crate) fn truncate_to(
        &mut self,
        disk: &mut Disk,
        config: &LogConfig,
        offset: i64,
        now_ms: i64,
    ) -> Result<u64, LogError> {
        let located = self.translate_offset(disk, offset)?;
        let indexes = self.indexes_mut();
        indexes.offset.truncate_to(offset);
        indexes.time.truncate_to(offset);
        self.resize_indexes(disk, config)?;
        self.txn_index
            .truncate_to(disk, offset)
            .map_err(|error| self.disk_error(error))?;
        let mut removed = 0;
        if let Some(located) = located {
            disk.truncate(self.log, located.position)
                .map_err(|error| self.disk_error(error))?;
            removed = self.size - located.position;
            self.size = located.position;
            self.recent.clear();
        }
        if self.size == 0 {
            self.created_ms = now_ms;
            self.rolling_based_timestamp = None;
        }
        self.bytes_since_last_index_entry = 0;
        if self.max_timestamp_so_far().timestamp >= 0 {
            self.max_timestamp_so_far = Some(self.read_largest_timestamp(disk)?);
        }
        Ok(removed)
    }

    /// Preallocates the indexes, as an active segment has them.
    pub(crate) fn resize_indexes(
        &mut self,
        disk: &mut Disk,
        config: &LogConfig,
    ) -> Result<(), LogError> {
        let indexes = self.indexes_mut();
        let resized = indexes
            .offset
            .resize(disk, config.segment_index_bytes)
            .and_then(|()| indexes.time.resize(disk, config.segment_index_bytes));
        resized.map_err(|error| self.disk_error(error))
    }

    /// Adds the last time entry and trims the indexes (RL6): a roll, a clean close, recovery.
    pub(crate) fn on_become_inactive(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        let max = self.max_timestamp_so_far();
        let indexes = self.indexes_mut();
        let done = indexes
            .time
            .maybe_append(disk, max)
            .and_then(|()| indexes.offset.trim(disk))
            .and_then(|()| indexes.time.trim(disk));
        done.map_err(|error| self.disk_error(error))
    }

    /// Renames the segment's files to be deleted; their paths then.
    pub(crate) fn mark_deleted(&self, disk: &mut Disk) -> Result<Vec<String>, LogError> {
        let mut paths = Vec::new();
        for suffix in [".log", ".index", ".timeindex", ".txnindex"] {
            let path = self.path(suffix);
            if disk.exists(&path) {
                let deleted = format!("{path}.deleted");
                disk.rename(&path, &deleted)
                    .map_err(LogError::disk(&path))?;
                paths.push(deleted);
            }
        }
        Ok(paths)
    }

    /// The first record at or after `starting_offset` whose timestamp is at least `timestamp`.
    pub(crate) fn find_offset_by_timestamp(
        &self,
        disk: &mut Disk,
        timestamp: i64,
        starting_offset: i64,
    ) -> Result<Option<(i64, i64, i32)>, LogError> {
        let indexed = self.indexes().time.lookup(timestamp).offset;
        let from = indexed.max(starting_offset);
        let position = self.indexes().offset.lookup(from).position;
        let mut reader = BatchReader::new(self.log, position, self.size, 16 * LOOK_UP_WINDOW);
        while let Some(batch) = reader.next(disk).map_err(|error| self.read_error(error))? {
            if batch.max_timestamp() < timestamp || batch.last_offset() < starting_offset {
                continue;
            }
            for record in batch.records() {
                let record = record?;
                if record.timestamp >= timestamp && record.offset >= starting_offset {
                    return Ok(Some((
                        record.timestamp,
                        record.offset,
                        batch.partition_leader_epoch(),
                    )));
                }
            }
        }
        Ok(None)
    }

    /// The first record with the segment's largest timestamp.
    pub(crate) fn offset_of_max_timestamp(
        &self,
        disk: &mut Disk,
    ) -> Result<Option<(i64, i64, i32)>, LogError> {
        let max = self.max_timestamp_so_far();
        let position = self.indexes().offset.lookup(max.offset).position;
        let mut reader = BatchReader::new(self.log, position, self.size, 16 * LOOK_UP_WINDOW);
        let found = self.find(disk, &mut reader, |batch| {
            batch.max_timestamp() == max.timestamp
        })?;
        let Some(Located { batch, .. }) = found else {
            return Ok(None);
        };
        for record in batch.records() {
            let record = record?;
            if record.timestamp == max.timestamp {
                return Ok(Some((
                    record.timestamp,
                    record.offset,
                    batch.partition_leader_epoch(),
                )));
            }
        }
        Ok(None)
    }

    /// The largest timestamp of a record, -1 if none has one.
    pub(crate) fn max_timestamp_so_far(&self) -> TimestampOffset {
        self.max_timestamp_so_far
            .unwrap_or_else(|| self.indexes().time.last_entry())
    }

    /// What retention by time looks at: the largest record timestamp, else the time of the last write.
    pub(crate) fn largest_timestamp(&self) -> i64 {
        match self.max_timestamp_so_far().timestamp {
            timestamp if timestamp >= 0 => timestamp,
            _ => self.last_modified_ms,
        }
    }

    /// The directory has a new name.
    pub(crate) fn dir_renamed(&mut self, dir: &str) {
        self.stem = stem(dir, self.base_offset);
        self.txn_index.renamed(self.path(".txnindex"));
    }

    pub(crate) fn path(&self, suffix: &str) -> String {
        format!("{}{suffix}{}", self.stem, self.tail)
    }

    fn time_waited_for_roll(
        &mut self,
        disk: &mut Disk,
        now_ms: i64,
        timestamp: i64,
    ) -> Result<i64, LogError> {
        if self.rolling_based_timestamp.is_none() {
            let mut reader = BatchReader::new(self.log, 0, self.size, LOOK_UP_WINDOW);
            let first = reader.next(disk).map_err(|error| self.read_error(error))?;
            self.rolling_based_timestamp = first.map(|batch| batch.max_timestamp());
        }
        Ok(match self.rolling_based_timestamp {
            Some(first) if first >= 0 => timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(self.created_ms),
        })
    }

    fn note_timestamp(&mut self, timestamp: i64, offset: i64) {
        if timestamp > self.max_timestamp_so_far().timestamp {
            self.max_timestamp_so_far = Some(TimestampOffset { timestamp, offset });
        }
    }

    fn add_index_entries(
        &mut self,
        disk: &mut Disk,
        offset: i64,
        position: u64,
    ) -> Result<(), LogError> {
        let max = self.max_timestamp_so_far();
        let indexes = self.indexes_mut();
        let mut done = Ok(());
        if indexes.offset.accepts(offset) && !indexes.offset.is_full() {
            done = indexes.offset.append(disk, offset, position);
        }
        if !indexes.time.is_full() {
            done = done.and_then(|()| indexes.time.maybe_append(disk, max));
        }
        done.map_err(|error| self.disk_error(error))
    }

    fn reset_indexes(&mut self, disk: &mut Disk, config: &LogConfig) -> Result<(), LogError> {
        let (base, max) = (self.base_offset, config.segment_index_bytes);
        let reset = |disk: &mut Disk| -> Result<Indexes, DiskError> {
            Ok(Indexes {
                offset: OffsetIndex::open_reset(disk, &self.path(".index"), base, max)?,
                time: TimeIndex::open_reset(disk, &self.path(".timeindex"), base, max)?,
            })
        };
        let indexes = reset(disk).map_err(|error| self.disk_error(error))?;
        self.indexes = Some(indexes);
        self.max_timestamp_so_far = None;
        self.txn_index
            .reset(disk)
            .map_err(|error| self.disk_error(error))
    }

    /// Takes a scanned batch into the producers' state.
    fn replay(
        &mut self,
        disk: &mut Disk,
        producers: &mut ProducerStateManager,
        batch: &RecordBatch,
    ) -> Result<(), LogError> {
        if batch.producer_id() >= 0 {
            let mut info = producers.prepare_update(batch.producer_id(), AppendOrigin::Replication);
            let completed = info.append(batch)?;
            producers.update(info);
            if let Some(completed) = completed {
                let last_stable_offset = producers.last_stable_offset(&completed);
                if completed.is_aborted {
                    self.append_aborted_txn(disk, AbortedTxn::new(&completed, last_stable_offset))?;
                }
                producers.complete_txn(&completed);
            }
        }
        producers.update_map_end_offset(batch.next_offset());
        Ok(())
    }

    /// The largest timestamp at the last time entry or in the batches behind it.
    fn read_largest_timestamp(&self, disk: &mut Disk) -> Result<TimestampOffset, LogError> {
        let mut largest = self.indexes().time.last_entry();
        let position = self.indexes().offset.lookup(largest.offset).position;
        self.for_each_batch(disk, position, self.size, |batch| {
            if batch.max_timestamp() > largest.timestamp {
                largest = TimestampOffset {
                    timestamp: batch.max_timestamp(),
                    offset: batch.last_offset(),
                };
            }
            Ok(())
        })?;
        Ok(largest)
    }

    /// Reads from a batch at or before the first whose last offset is at least `offset`.
    fn reader_before(&self, offset: i64, window: u64) -> BatchReader {
        let known = self.recent.position_of(offset);
        let from = known.unwrap_or_else(|| self.indexes().offset.lookup(offset).position);
        BatchReader::new(self.log, from, self.size, window)
    }

    fn find(
        &self,
        disk: &mut Disk,
        reader: &mut BatchReader,
        wanted: impl Fn(&RecordBatch) -> bool,
    ) -> Result<Option<Located>, LogError> {
        loop {
            let position = reader.position();
            match reader.next(disk).map_err(|error| self.read_error(error))? {
                Some(batch) if wanted(&batch) => return Ok(Some(Located { position, batch })),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    fn can_hold(&self, offset: i64) -> bool {
        (0..=i64::from(i32::MAX)).contains(&offset.wrapping_sub(self.base_offset))
    }

    fn indexes(&self) -> &Indexes {
        self.indexes
            .as_ref()
            .expect("a segment's indexes are loaded before it is used")
    }

    fn indexes_mut(&mut self) -> &mut Indexes {
        self.indexes
            .as_mut()
            .expect("a segment's indexes are loaded before it is used")
    }

    fn overflow(&self, batch: &RecordBatch, position: u64) -> LogError {
        let problem = BatchProblem::OffsetOutOfSegment {
            segment: self.base_offset,
        };
        LogError::Corrupt(CorruptBatch {
            problem,
            position,
            base_offset: Some(batch.base_offset()),
        })
    }

    fn read_error(&self, error: ReadError) -> LogError {
        match error {
            ReadError::Disk(error) => self.disk_error(error),
            ReadError::Corrupt(batch) => LogError::Corrupt(batch),
        }
    }

    fn disk_error(&self, error: DiskError) -> LogError {
        LogError::Disk {
            path: self.path(".log"),
            error,
        }
    }
}

/// What a read of a segment found.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// Of the first batch that reaches the offset asked for.
    pub(crate) position: u64,
    pub(crate) batches: Vec<RecordBatch>,
    /// The first batch does not fit into what was asked for.
    pub(crate) first_is_too_large: bool,
}

/// The path of a segment's files without suffix.
fn stem(dir: &str, base_offset: i64) -> String {
    format!("{dir}/{base_offset:020}")
}
