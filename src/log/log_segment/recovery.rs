//! Cutting a segment: recovery after an unclean stop, and truncation (L2, L7, RL3 to RL5).

use super::{Append, Indexes, LogSegment, SCAN_WINDOW, SUFFIXES};
use crate::kernel::disk::{Disk, DiskError};
use crate::log::batch::RecordBatch;
use crate::log::batch_reader::{BatchReader, ReadError};
use crate::log::leader_epoch_cache::LeaderEpochCache;
use crate::log::offset_index::OffsetIndex;
use crate::log::producer_state_manager::ProducerStateManager;
use crate::log::time_index::TimeIndex;
use crate::log::{AbortedTxn, AppendOrigin, LogConfig, LogError};

/// How the files of a segment are called that is being written to take the place of others, and once
/// it is complete.
const CLEANED: &str = ".cleaned";
pub(crate) const SWAP: &str = ".swap";

/// What recovery made of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recovered {
    /// So many bytes were cut off its end.
    Cut { bytes: u64 },
    /// A repeated offset came when an index entry was due (RL4).
    OffsetRepeats,
    /// A batch's offset is too far from the base for an index: the segment must be split (KAFKA-6264).
    Overflows,
}

impl LogSegment {
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
            if batch.ensure_crc().is_err() {
                break;
            }
            if !self.can_hold(batch.last_offset()) {
                return Ok(Recovered::Overflows);
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
            // An old format knows no producers.
            if !batch.is_legacy() {
                self.replay(disk, producers, &batch)?;
            }
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

    /// Whether the last batch lies further behind the base than an index can say. A batch before the base
    /// fits into no index either, and is none that a split could help.
    pub(crate) fn has_overflow(&self, disk: &mut Disk) -> Result<bool, LogError> {
        let next = self.read_next_offset(disk)?;
        Ok(next > self.base_offset && !self.can_hold(next - 1))
    }

    /// KAFKA-6264: writes all batches anew, to segments called `.cleaned` in which every offset fits.
    pub(crate) fn split(
        &self,
        disk: &mut Disk,
        config: &LogConfig,
        now_ms: i64,
    ) -> Result<Vec<LogSegment>, LogError> {
        let dir = self.stem.rsplit_once('/').map_or("", |(dir, _)| dir);
        let mut reader = BatchReader::new(self.log, 0, self.size, SCAN_WINDOW);
        let mut parts: Vec<LogSegment> = Vec::new();
        while let Some(batch) = reader.next(disk).map_err(|error| self.read_error(error))? {
            let mut last = parts.last_mut();
            if last
                .as_ref()
                .is_none_or(|part| !part.can_hold(batch.last_offset()))
            {
                let base = batch.base_offset();
                let part = LogSegment::create_with_tail(disk, dir, base, config, now_ms, CLEANED)?;
                parts.push(part);
                last = parts.last_mut();
            }
            let append = Append {
                size: batch.size(),
                last_offset: batch.last_offset(),
                max_timestamp: batch.max_timestamp(),
                offset_of_max_timestamp: batch.last_offset(),
            };
            if let Some(part) = last {
                part.append(disk, config, &append, &[batch], now_ms)?;
            }
        }
        for part in &mut parts {
            part.on_become_inactive(disk)?;
            for file in part.files(disk) {
                disk.sync(file).map_err(|error| part.disk_error(error))?;
            }
        }
        if parts.iter().map(LogSegment::size).sum::<u64>() != self.size {
            let problem = "it cannot be split: its offsets fall, or it is torn".to_owned();
            return Err(LogError::Inconsistent {
                path: self.path(".log"),
                problem,
            });
        }
        Ok(parts)
    }

    /// Renames the files, of which some may not be there.
    pub(crate) fn rename_tail(
        &mut self,
        disk: &mut Disk,
        tail: &'static str,
    ) -> Result<(), LogError> {
        let old = SUFFIXES.map(|suffix| self.path(suffix));
        self.tail = tail;
        for (suffix, old) in SUFFIXES.iter().zip(old) {
            if disk.exists(&old) {
                disk.rename(&old, &self.path(suffix))
                    .map_err(LogError::disk(&old))?;
            }
        }
        self.txn_index.renamed(self.path(".txnindex"));
        Ok(())
    }
}
