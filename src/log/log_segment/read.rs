//! Looking up and reading batches of a segment, by offset and by timestamp.

use super::{LOOK_UP_WINDOW, LogSegment, SCAN_WINDOW};
use crate::kernel::disk::Disk;
use crate::log::LogError;
use crate::log::batch::{Batches, RecordBatch};
use crate::log::batch_reader::{BatchReader, ReadError};
use crate::log::time_index::TimestampOffset;

/// A batch's place in a segment.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) position: u64,
    pub(crate) batch: RecordBatch,
}

/// What a read of a segment found.
#[derive(Debug)]
pub(crate) struct Read {
    /// Of the first batch that reaches the offset asked for.
    pub(crate) position: u64,
    pub(crate) batches: Batches,
    /// The first batch does not fit into what was asked for.
    pub(crate) first_is_too_large: bool,
}

impl LogSegment {
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
    /// at most `max_length` bytes, but the first in any case if `min_one`, so that a reader gets on whatever it can take
    /// (KIP-74, CC15). `None` if all batches end below `offset`.
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
            batches: Batches::None,
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

    /// The largest timestamp at the last time entry or in the batches behind it.
    pub(super) fn read_largest_timestamp(
        &self,
        disk: &mut Disk,
    ) -> Result<TimestampOffset, LogError> {
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
}
