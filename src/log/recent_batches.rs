//! Where the last appended batches of a segment lie, so that readers at its end scan nothing.
//!
//! Kafka scans from the nearest index entry, which its page cache makes cheap; here the scan would be
//! the largest single cost of a caught-up fetch. What is not remembered is found by the index as ever.

use crate::log::batch::RecordBatch;
use std::collections::VecDeque;

/// As many small batches as lie between a few index entries.
const CAPACITY: usize = 64;

/// The last batches that were appended to one file, in order and adjacent.
#[derive(Debug, Default)]
pub(crate) struct RecentBatches {
    /// Last offset of each batch, and the position where it begins.
    batches: VecDeque<(i64, u64)>,
}

impl RecentBatches {
    /// Notes batches that were appended at `position`, behind all noted before.
    pub(crate) fn note(&mut self, batches: &[RecordBatch], mut position: u64) {
        for batch in batches {
            self.note_one(batch.last_offset(), position);
            position += batch.size();
        }
    }

    /// Forgets all: the file was cut, or a write failed half way.
    pub(crate) fn clear(&mut self) {
        self.batches.clear();
    }

    /// Where the batch begins that is the first whose last offset is at least `offset`, if that is known.
    pub(crate) fn position_of(&self, offset: i64) -> Option<u64> {
        let (oldest, _) = self.batches.front()?;
        if offset <= *oldest {
            // An older batch, which is not known, may hold it.
            return None;
        }
        // Readers are near the end.
        let from_end = self.batches.iter().rev();
        let reach_it = from_end.take_while(|(last, _)| *last >= offset);
        reach_it.last().map(|(_, position)| *position)
    }

    fn note_one(&mut self, last_offset: i64, position: u64) {
        if self.batches.len() == CAPACITY {
            self.batches.pop_front();
        }
        self.batches.push_back((last_offset, position));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_behind_a_known_batch_is_known() {
        let mut recent = RecentBatches::default();
        assert_eq!(recent.position_of(0), None);
        recent.note_one(4, 100);
        recent.note_one(9, 200);
        recent.note_one(12, 300);
        assert_eq!(recent.position_of(4), None);
        assert_eq!(recent.position_of(5), Some(200));
        assert_eq!(recent.position_of(9), Some(200));
        assert_eq!(recent.position_of(10), Some(300));
        assert_eq!(recent.position_of(13), None);
        recent.clear();
        assert_eq!(recent.position_of(5), None);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recent = RecentBatches::default();
        for n in 0..=CAPACITY as i64 {
            recent.note_one(n, n as u64);
        }
        assert_eq!(recent.position_of(1), None);
        assert_eq!(recent.position_of(2), Some(2));
    }
}
