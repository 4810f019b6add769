//! What a compacted log looks like (RL18): batches and records are missing, and nothing is wrong.
//!
//! Whether a topic is compacted is not written in its directory. But the cleaner leaves each key once in all
//! that it has been over, and no record without a key: where that holds of everything before a gap, the gap may
//! be its work; where it does not, records were lost.

use crate::log::batch::{Record, RecordBatch};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::ops::Range;

/// What the log so far says of compaction.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    keys: BTreeSet<Bytes>,
    /// A record without a key, or a key that was there before.
    ruled_out: bool,
    holes: Vec<Range<i64>>,
    /// A batch holds fewer records than it had.
    has_thinned: bool,
}

impl Compaction {
    /// Whether it may have left the gap that comes here.
    pub(super) fn explains_a_gap(&self) -> bool {
        !self.ruled_out
    }

    pub(super) fn note_gap(&mut self, offsets: Range<i64>) {
        if !offsets.is_empty() {
            self.holes.push(offsets);
        }
    }

    pub(super) fn note_batch(&mut self, batch: &RecordBatch) {
        let had = i64::from(batch.last_offset_delta()) + 1;
        self.has_thinned |= !batch.is_legacy() && i64::from(batch.records_count()) < had;
    }

    pub(super) fn note_record(&mut self, record: &Record) {
        let is_new = |key: &Bytes| self.keys.insert(key.clone());
        self.ruled_out |= !record.key.as_ref().is_some_and(is_new);
    }

    /// Something is missing so far.
    pub(super) fn has_begun(&self) -> bool {
        self.has_thinned || !self.holes.is_empty()
    }

    /// What stood at this offset is gone.
    pub(super) fn removed(&self, offset: i64) -> bool {
        self.holes.iter().any(|hole| hole.contains(&offset))
    }
}
