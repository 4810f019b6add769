//! A run of whole batches, as it travels in Produce and Fetch messages.

use crate::log::batch::{Batches, CorruptBatch, Record, RecordBatch};
use std::rc::Rc;

/// Whole batches in order, shared by everyone who holds them. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    /// `None` if there is no batch.
    run: Option<Rc<Run>>,
}

struct Run {
    batches: Batches,
    size: u64,
    content_hash: u64,
}

impl Records {
    pub fn empty() -> Records {
        Records { run: None }
    }

    pub fn batches(&self) -> &[RecordBatch] {
        self.run.as_deref().map_or(&[], |run| &run.batches)
    }

    pub fn is_empty(&self) -> bool {
        self.run.is_none()
    }

    /// True of the same bytes at the same place in memory.
    pub fn is(&self, other: &Records) -> bool {
        match (&self.run, &other.run) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Bytes of all batches.
    pub fn size_in_bytes(&self) -> u64 {
        self.run.as_deref().map_or(0, |run| run.size)
    }

    /// A hash of what the batches say they are: CRC (which covers the records), base offset and leader
    /// epoch of each. Computed once.
    pub fn content_hash(&self) -> u64 {
        self.run.as_deref().map_or(0, |run| run.content_hash)
    }

    /// Base offset of the first batch.
    pub fn first_offset(&self) -> Option<i64> {
        self.batches().first().map(RecordBatch::base_offset)
    }

    /// The offset that follows the last batch.
    pub fn next_offset(&self) -> Option<i64> {
        self.batches().last().map(RecordBatch::next_offset)
    }

    /// The records of all batches in order; CRCs are not checked, see `RecordBatch::ensure_valid`.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, CorruptBatch>> + '_ {
        self.batches().iter().flat_map(RecordBatch::records)
    }
}

impl From<Batches> for Records {
    fn from(batches: Batches) -> Self {
        if batches.is_empty() {
            return Records::empty();
        }
        let mut size = 0;
        let mut content_hash = batches.len() as u64;
        for batch in &*batches {
            size += batch.size();
            content_hash = mix(
                content_hash,
                u64::from(batch.crc()) << 32 | u64::from(batch.partition_leader_epoch() as u32),
            );
            content_hash = mix(content_hash, batch.base_offset() as u64);
        }
        Records {
            run: Some(Rc::new(Run {
                batches,
                size,
                content_hash,
            })),
        }
    }
}

impl From<Vec<RecordBatch>> for Records {
    fn from(batches: Vec<RecordBatch>) -> Self {
        Records::from(Batches::from(batches))
    }
}

impl From<RecordBatch> for Records {
    fn from(batch: RecordBatch) -> Self {
        Records::from(Batches::from(batch))
    }
}

impl Default for Records {
    fn default() -> Self {
        Records::empty()
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        match (&self.run, &other.run) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b) || *a.batches == *b.batches,
            (a, b) => a.is_none() == b.is_none(),
        }
    }
}

impl Eq for Records {}

impl std::hash::Hash for Records {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.content_hash());
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.batches()).finish()
    }
}

/// Folds one word into a hash (the finaliser of SplitMix64).
fn mix(hash: u64, word: u64) -> u64 {
    let mut z = hash.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_add(word);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
