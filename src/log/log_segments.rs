//! The segments of a log in order (class LogSegments), and how producer state is rebuilt from them.

use crate::kernel::disk::Disk;
use crate::log::log_segment::LogSegment;
use crate::log::producer_state_manager::ProducerStateManager;
use crate::log::{AppendOrigin, LogConfig, LogError};
use std::collections::VecDeque;

/// Segments by base offset: the oldest goes first, and a new one comes last.
#[derive(Debug, Default)]
pub(crate) struct LogSegments {
    segments: VecDeque<LogSegment>,
}

impl LogSegments {
    pub(crate) fn add(&mut self, segment: LogSegment) {
        let base_offset = segment.base_offset();
        match self.place(base_offset) {
            Ok(_) => panic!("two segments begin at {base_offset}"),
            Err(place) => self.segments.insert(place, segment),
        }
    }

    pub(crate) fn remove(&mut self, base_offset: i64) -> Option<LogSegment> {
        let place = self.place(base_offset).ok()?;
        self.segments.remove(place)
    }

    pub(crate) fn contains(&self, base_offset: i64) -> bool {
        self.place(base_offset).is_ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(crate) fn base_offsets(&self) -> Vec<i64> {
        self.iter().map(LogSegment::base_offset).collect()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &LogSegment> {
        self.segments.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut LogSegment> {
        self.segments.iter_mut()
    }

    pub(crate) fn first_base_offset(&self) -> Option<i64> {
        self.segments.front().map(LogSegment::base_offset)
    }

    pub(crate) fn last(&self) -> Option<&LogSegment> {
        self.segments.back()
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut LogSegment> {
        self.segments.back_mut()
    }

    /// The segment that is appended to; a loaded log has at least one segment.
    pub(crate) fn active(&self) -> &LogSegment {
        self.last().expect("a log has at least one segment")
    }

    pub(crate) fn active_mut(&mut self) -> &mut LogSegment {
        self.last_mut().expect("a log has at least one segment")
    }

    pub(crate) fn get_mut(&mut self, base_offset: i64) -> Option<&mut LogSegment> {
        let place = self.place(base_offset).ok()?;
        self.segments.get_mut(place)
    }

    /// The segment that holds `offset`, if it lies in the log.
    pub(crate) fn floor(&self, offset: i64) -> Option<&LogSegment> {
        // Who reads, reads at the end mostly.
        if let Some(last) = self.last().filter(|last| last.base_offset() <= offset) {
            return Some(last);
        }
        let after = self.after(offset);
        self.segments.get(after.checked_sub(1)?)
    }

    pub(crate) fn higher(&self, base_offset: i64) -> Option<&LogSegment> {
        self.segments.get(self.after(base_offset))
    }

    /// Base offsets of the segments with offsets from `from` on (the first holds it) to before `to`.
    pub(crate) fn bases_between(&self, from: i64, to: i64) -> Vec<i64> {
        let first = self.floor(from).map_or(from, LogSegment::base_offset);
        let bases = self.iter().map(LogSegment::base_offset);
        bases.filter(|base| (first..to).contains(base)).collect()
    }

    /// Of the segment that begins there, or of one that would.
    fn place(&self, base_offset: i64) -> Result<usize, usize> {
        self.segments
            .binary_search_by_key(&base_offset, LogSegment::base_offset)
    }

    /// The place of the first segment that begins behind this offset.
    fn after(&self, offset: i64) -> usize {
        self.segments
            .partition_point(|segment| segment.base_offset() <= offset)
    }

    pub(crate) fn size(&self) -> u64 {
        self.iter().map(LogSegment::size).sum()
    }
}

/// L10, RL8: brings `producers` to what the log says up to `last_offset`, from the newest snapshot and
/// the batches behind it, and writes snapshots at the last two segments' bases and at the end. After a
/// clean stop without any snapshot nothing is replayed. Answers the snapshot that was loaded.
pub(crate) fn rebuild_producer_state(
    disk: &mut Disk,
    producers: &mut ProducerStateManager,
    segments: &mut LogSegments,
    config: &LogConfig,
    range: Rebuild,
) -> Result<Option<i64>, LogError> {
    let Rebuild {
        log_start_offset,
        last_offset,
        after_clean_stop,
        now_ms,
    } = range;
    let newest = segments.iter().rev().take(2).map(LogSegment::base_offset);
    let newest: Vec<i64> = newest.collect();
    if !producers.has_snapshots() && after_clean_stop {
        for offset in newest.into_iter().rev().chain([last_offset]) {
            producers.update_map_end_offset(offset);
            producers.take_snapshot(disk, true)?;
        }
        return Ok(None);
    }
    let was_empty = producers.is_empty() && producers.map_end_offset() >= last_offset;
    let snapshot = producers.truncate_and_reload(disk, log_start_offset, last_offset, now_ms)?;
    if last_offset > producers.map_end_offset() && !was_empty {
        let last_base = segments.floor(last_offset).map(LogSegment::base_offset);
        for base in segments.bases_between(producers.map_end_offset(), last_offset) {
            let start = base.max(producers.map_end_offset()).max(log_start_offset);
            producers.update_map_end_offset(start);
            if newest.contains(&base) {
                producers.take_snapshot(disk, true)?;
            }
            let Some(segment) = segments.get_mut(base) else {
                continue;
            };
            segment.load_indexes(disk, config)?;
            let mut end = segment.size();
            if last_base == Some(base)
                && let Some(located) = segment.translate_offset(disk, last_offset)?
            {
                end = located.position;
            }
            if let Some(first) = segment.translate_offset(disk, start)? {
                load_producers(disk, producers, segment, first.position, end)?;
            }
        }
    }
    producers.update_map_end_offset(last_offset);
    producers.take_snapshot(disk, true)?;
    Ok(snapshot)
}

/// What to rebuild producer state for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rebuild {
    pub(crate) log_start_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) after_clean_stop: bool,
    pub(crate) now_ms: i64,
}

fn load_producers(
    disk: &mut Disk,
    producers: &mut ProducerStateManager,
    segment: &LogSegment,
    position: u64,
    end: u64,
) -> Result<(), LogError> {
    segment.for_each_batch(disk, position, end, |batch| {
        if batch.producer_id() >= 0 {
            let mut info = producers.prepare_update(batch.producer_id(), AppendOrigin::Replication);
            let completed = info.append(batch)?;
            producers.update(info);
            if let Some(completed) = completed {
                producers.complete_txn(&completed);
            }
        }
        Ok(())
    })
}
