//! Flushing and rolling: what is on the device, and where a new segment begins (L3, L9).

use super::{BackgroundTask, UnifiedLog};
use crate::kernel::disk::{Disk, FileId};
use crate::log::LogError;
use crate::log::log_segment::{Append, LogSegment};

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
            for segment in self.segments_between(self.recovery_point, self.log_end_offset + 1) {
                segment.flush(disk).map_err(LogError::disk(&self.dir))?;
            }
            self.recovery_point = self.recovery_point.max(self.log_end_offset);
            self.last_flush_ms = self.clock_ms;
        }
        Ok(())
    }

    /// `flush.ms`: leaves a flush of all that is unflushed to the scheduler, if the last one is so long
    /// ago.
    pub fn flush_if_due(&mut self, disk: &Disk, now_ms: i64) {
        let waited = now_ms.saturating_sub(self.last_flush_ms);
        if waited < self.config.flush_ms || self.unflushed_messages() <= 0 {
            return;
        }
        self.last_flush_ms = now_ms;
        let up_to = self.log_end_offset;
        let files = self.files_between(disk, self.recovery_point, up_to + 1);
        self.flushes.push((up_to, up_to));
        self.tasks.push(BackgroundTask::Flush { files, up_to });
    }

    /// A `BackgroundTask::Flush` is done.
    pub fn mark_flushed(&mut self, up_to: i64) {
        if let Some(done) = self.flushes.iter().position(|(given, _)| *given == up_to) {
            let (_, flushed) = self.flushes.remove(done);
            self.recovery_point = self.recovery_point.max(flushed);
            assert!(
                self.recovery_point <= self.log_end_offset,
                "{}: flushed up to {}, and the log ends at {}",
                self.dir,
                self.recovery_point,
                self.log_end_offset
            );
        }
    }

    /// Starts a new segment at the log end.
    pub fn roll(&mut self, disk: &mut Disk, now_ms: i64) -> Result<(), LogError> {
        self.clock_ms = now_ms;
        self.roll_at(disk, self.log_end_offset)
    }

    pub(super) fn maybe_roll(
        &mut self,
        disk: &mut Disk,
        append: &Append,
        first_offset: i64,
    ) -> Result<(), LogError> {
        let now_ms = self.clock_ms;
        let active = self.segments.active_mut();
        if active.should_roll(disk, &self.config, append, now_ms)? {
            self.roll_at(disk, first_offset.max(self.log_end_offset))?;
        }
        Ok(())
    }

    pub(super) fn roll_at(&mut self, disk: &mut Disk, base: i64) -> Result<(), LogError> {
        if self.segments.contains(base) {
            // Full indexes of an empty segment: Kafka deletes it and makes it anew.
            if self.segments.active().base_offset() != base || self.segments.active().size() > 0 {
                let problem = format!("a new segment at {base} is due, but there is one");
                return Err(LogError::Inconsistent {
                    path: self.dir.clone(),
                    problem,
                });
            }
            self.delete_empty_segment(disk, base)?;
        } else {
            self.segments.active_mut().on_become_inactive(disk)?;
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
        let unflushed = self.segments_between(from, to);
        unflushed.flat_map(|segment| segment.files(disk)).collect()
    }

    fn segments_between(&self, from: i64, to: i64) -> impl Iterator<Item = &LogSegment> {
        let first = self
            .segments
            .floor(from)
            .map_or(from, LogSegment::base_offset);
        let segments = self.segments.iter();
        segments.filter(move |segment| (first..to).contains(&segment.base_offset()))
    }
}
