//! Reading a log by offset and by timestamp (F1, D13, CC18, RL19).

use super::{FetchDataInfo, LogOffsetMetadata, TimestampAndOffset, UnifiedLog};
use crate::kernel::disk::Disk;
use crate::log::batch::Records;
use crate::log::log_segment::LogSegment;
use crate::log::{AbortedTxn, LogError};

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
        // Kafka ends a read at a place in the file. Offsets do not tell it where they fall, after damage: what ends at
        // the log's end ends at the end of the file.
        let upper_bound = match upper_bound >= self.log_end_offset {
            true => i64::MAX,
            false => upper_bound,
        };
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
                // Everything from there on was compacted away.
                None => return Ok(empty(self.log_end_offset_metadata())),
            }
        }
    }

    /// Aborted transactions that who gets this must know (`addAbortedTransactions`): those up to an offset behind it
    /// that costs no look into the file.
    pub fn aborted_transactions_in(&self, read: &FetchDataInfo) -> Vec<AbortedTxn> {
        let at = read.fetch_offset_metadata;
        let size = read.records.size_in_bytes();
        let segment = self.segments.floor(at.segment_base_offset);
        let Some(segment) = segment.filter(|_| size > 0) else {
            return Vec::new();
        };
        let end = at.relative_position_in_segment + size;
        let upper_bound = segment.upper_bound_offset(end).unwrap_or_else(|| {
            let next = self.segments.higher(segment.base_offset());
            next.map_or(self.log_end_offset, LogSegment::base_offset)
        });
        self.aborted_transactions(at.message_offset, upper_bound)
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

    pub(super) fn out_of_range(&self, offset: i64) -> LogError {
        LogError::OffsetOutOfRange {
            offset,
            log_start_offset: self.log_start_offset,
            log_end_offset: self.log_end_offset,
        }
    }
}

fn timestamp_and_offset((timestamp, offset, leader_epoch): (i64, i64, i32)) -> TimestampAndOffset {
    TimestampAndOffset {
        timestamp,
        offset,
        leader_epoch,
    }
}
