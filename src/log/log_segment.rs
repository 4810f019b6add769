//! One segment: a file of batches with its indexes (class LogSegment; L2, L3, RL3 to RL6).

mod read;
pub(crate) mod recovery;

use crate::kernel::disk::{Disk, DiskError, FileId};
use crate::log::batch::RecordBatch;
use crate::log::batch_reader::{BatchReader, ReadError};
use crate::log::offset_index::OffsetIndex;
use crate::log::recent_batches::RecentBatches;
use crate::log::time_index::{TimeIndex, TimestampOffset};
use crate::log::transaction_index::{AbortedTxn, TransactionIndex};
use crate::log::{LogConfig, LogError};

/// The files of a segment.
const SUFFIXES: [&str; 4] = [".log", ".index", ".timeindex", ".txnindex"];
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
        LogSegment::create_with_tail(disk, dir, base_offset, config, now_ms, "")
    }

    fn create_with_tail(
        disk: &mut Disk,
        dir: &str,
        base_offset: i64,
        config: &LogConfig,
        now_ms: i64,
        tail: &'static str,
    ) -> Result<LogSegment, LogError> {
        let stem = stem(dir, base_offset);
        for suffix in SUFFIXES {
            let path = format!("{stem}{suffix}{tail}");
            if disk.exists(&path) {
                disk.delete(&path).map_err(LogError::disk(&path))?;
            }
        }
        let mut segment = LogSegment::open_with_tail(disk, dir, base_offset, now_ms, tail)?;
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

    /// An offset that no batch before this position has; `None`: the index knows none.
    pub(crate) fn upper_bound_offset(&self, position: u64) -> Option<i64> {
        self.indexes().offset.upper_bound(position)
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

    /// Syncs its files, now (blocking). Indexes are mapped into memory, and forced rather than synced.
    pub(crate) fn flush(&self, disk: &mut Disk) -> Result<(), DiskError> {
        disk.sync(self.log)?;
        if let Some(indexes) = &self.indexes {
            disk.force(indexes.offset.file())?;
            disk.force(indexes.time.file())?;
        }
        let transactions = disk.open(self.txn_index.path());
        transactions.map_or(Ok(()), |file| disk.sync(file))
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
        for suffix in SUFFIXES {
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

/// The path of a segment's files without suffix.
fn stem(dir: &str, base_offset: i64) -> String {
    format!("{dir}/{base_offset:020}")
}
