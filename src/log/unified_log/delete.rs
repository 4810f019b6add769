//! Truncating, retention and the log start (L2, L4, L5, RL11).

use super::{BackgroundTask, SegmentDeletionReason, UnifiedLog};
use crate::kernel::disk::Disk;
use crate::log::log_segment::LogSegment;
use crate::log::{CleanupPolicy, LogError};

impl UnifiedLog {
    /// Removes all batches from the one that holds `offset` on (L2); whether there were any (E8: the
    /// epoch cache is cleaned in any case).
    pub fn truncate_to(&mut self, disk: &mut Disk, offset: i64) -> Result<bool, LogError> {
        if offset >= self.log_end_offset {
            if self.config.rules.clear_epoch_cache_on_noop_truncate {
                self.epochs.truncate_from_end(disk, self.log_end_offset)?;
            }
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
        self.segments
            .active_mut()
            .truncate_to(disk, &self.config, offset, now_ms)?;
        self.set_log_end_offset(offset);
        self.epochs.truncate_from_end(disk, offset)?;
        self.log_start_offset = self.log_start_offset.min(offset);
        self.rebuild_producer_state(disk)?;
        self.update_high_watermark(self.high_watermark);
        assert!(
            self.log_start_offset <= offset && self.log_end_offset == offset,
            "{}: cut to {offset}, it holds {} to {}",
            self.dir,
            self.log_start_offset,
            self.log_end_offset
        );
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
        if self.config.rules.hw_after_full_truncate {
            self.update_high_watermark(offset);
        }
        assert!(
            self.size() == 0 && self.log_end_offset == offset,
            "{}: emptied to {offset}, it holds {} bytes and ends at {}",
            self.dir,
            self.size(),
            self.log_end_offset
        );
        Ok(())
    }

    /// L5, RL11: raises the log start (DeleteRecords, or a follower copying its leader's), the recovery
    /// point and the first epoch's start with it. An error above the high watermark. Whether it rose.
    pub fn maybe_increment_log_start_offset(
        &mut self,
        disk: &mut Disk,
        offset: i64,
    ) -> Result<bool, LogError> {
        if offset > self.high_watermark && self.config.rules.retention_hw_guard {
            return Err(self.out_of_range(offset));
        }
        if offset <= self.log_start_offset {
            return Ok(false);
        }
        assert!(
            offset <= self.log_end_offset,
            "{}: a log start of {offset} lies past the log end {}",
            self.dir,
            self.log_end_offset
        );
        self.log_start_offset = offset;
        self.recovery_point = self.recovery_point.max(offset);
        self.epochs.truncate_from_start(disk, offset)?;
        self.producers.on_log_start_offset_incremented(offset);
        Ok(true)
    }

    /// L4: retention, by what lies before the log start, by size, by time. The segments that went, from
    /// the oldest on.
    pub fn delete_old_segments(
        &mut self,
        disk: &mut Disk,
        now_ms: i64,
    ) -> Result<Vec<(i64, SegmentDeletionReason)>, LogError> {
        use SegmentDeletionReason::{LogStart, RetentionSize, RetentionTime};
        let mut largest_timestamp = i64::MIN;
        self.clock_ms = now_ms;
        let mut deleted = Vec::new();
        let mut note = |bases: Vec<i64>, reason| {
            deleted.extend(bases.into_iter().map(|base| (base, reason)));
        };
        let log_start_offset = self.log_start_offset;
        let before_start = self.delete_from_oldest(disk, |_, next| {
            next.is_some_and(|next| next <= log_start_offset)
        })?;
        note(before_start, LogStart);
        if self.config.cleanup_policy == CleanupPolicy::Compact {
            return Ok(deleted);
        }
        if let Ok(retention_bytes) = u64::try_from(self.config.retention_bytes) {
            let mut excess = self.size().saturating_sub(retention_bytes);
            let enough = self.size() >= retention_bytes;
            let too_much = self.delete_from_oldest(disk, |segment, _| {
                let fits = enough && segment.size() <= excess;
                excess -= if fits { segment.size() } else { 0 };
                fits
            })?;
            note(too_much, RetentionSize);
        }
        let retention_ms = self.config.retention_ms;
        if retention_ms >= 0 {
            let too_old = self.delete_from_oldest(disk, |segment, _| {
                let timestamp = segment.largest_timestamp();
                let is_due = now_ms.saturating_sub(timestamp) > retention_ms;
                if is_due {
                    largest_timestamp = largest_timestamp.max(timestamp);
                }
                is_due
            })?;
            note(too_old, RetentionTime { largest_timestamp });
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
    ) -> Result<Vec<i64>, LogError> {
        let mut bases = Vec::new();
        for segment in self.segments.iter() {
            let next = self
                .segments
                .higher(segment.base_offset())
                .map(LogSegment::base_offset);
            let end = next.unwrap_or(self.log_end_offset);
            let is_empty_active = next.is_none() && segment.size() == 0;
            let uncommitted = self.high_watermark < end && self.config.rules.retention_hw_guard;
            if uncommitted || !due(segment, next) || is_empty_active {
                break;
            }
            bases.push(segment.base_offset());
        }
        let Some(last) = bases.last().copied() else {
            return Ok(bases);
        };
        if last == self.segments.active().base_offset() {
            self.roll_at(disk, self.log_end_offset)?;
        }
        if let Some(next) = self.segments.higher(last).map(LogSegment::base_offset) {
            self.maybe_increment_log_start_offset(disk, next)?;
        }
        self.delete_segments(disk, &bases)?;
        Ok(bases)
    }

    /// Takes segments out of the log at once; their files go after `file.delete.delay.ms`.
    pub(super) fn delete_segments(
        &mut self,
        disk: &mut Disk,
        bases: &[i64],
    ) -> Result<(), LogError> {
        let mut paths = Vec::new();
        for base in bases {
            paths.extend(self.remove_segment(disk, *base)?);
            paths.extend(self.producers.mark_deleted(disk, *base)?);
        }
        self.delete_later(paths);
        Ok(())
    }

    /// Makes room for another segment with the same base. The snapshot there stays: it is of what lies before.
    pub(super) fn delete_empty_segment(
        &mut self,
        disk: &mut Disk,
        base: i64,
    ) -> Result<(), LogError> {
        let paths = self.remove_segment(disk, base)?;
        self.delete_later(paths);
        Ok(())
    }

    /// The files of a segment that is none any more.
    fn remove_segment(&mut self, disk: &mut Disk, base: i64) -> Result<Vec<String>, LogError> {
        match self.segments.remove(base) {
            Some(segment) => segment.mark_deleted(disk),
            None => Ok(Vec::new()),
        }
    }

    fn delete_later(&mut self, paths: Vec<String>) {
        if !paths.is_empty() {
            self.tasks.push(BackgroundTask::DeleteFiles {
                paths,
                delay_ms: self.config.file_delete_delay_ms,
            });
        }
    }
}
