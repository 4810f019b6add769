//! What both index files of a segment have in common (class AbstractIndex; RL5, RL6): fixed-size
//! entries in rising order, and a length that is preallocated while the segment is active.
//!
//! The entries are kept in memory, as Kafka keeps them mapped; every change goes to the file too.

use crate::kernel::disk::{Disk, DiskError, FileId};
use bytes::Bytes;

/// One entry, with offsets relative to the segment's base.
pub(crate) trait IndexEntry: Copy {
    const SIZE: usize;
    /// From exactly `SIZE` bytes.
    fn parse(bytes: &[u8]) -> Self;
    fn write(&self, out: &mut Vec<u8>);
}

#[derive(Debug)]
pub(crate) struct AbstractIndex<E> {
    file: FileId,
    entries: Vec<E>,
    /// Bytes of the file: entries and what is preallocated.
    length: u64,
}

impl<E: IndexEntry> AbstractIndex<E> {
    /// Opens the file, whose whole length counts as entries (RL6), or creates it preallocated.
    pub(crate) fn open(disk: &mut Disk, path: &str, max_bytes: u32) -> Result<Self, DiskError> {
        let Some(file) = disk.open(path) else {
            return Self::open_reset(disk, path, max_bytes);
        };
        let content = disk.read_contiguous(file, 0, u64::MAX)?;
        let entries = content.chunks_exact(E::SIZE).map(E::parse).collect();
        Ok(AbstractIndex {
            file,
            entries,
            length: content.len() as u64,
        })
    }

    /// Opens or creates the file as an empty preallocated index, whatever it held.
    pub(crate) fn open_reset(
        disk: &mut Disk,
        path: &str,
        max_bytes: u32,
    ) -> Result<Self, DiskError> {
        let file = disk.create(path)?;
        let mut index = AbstractIndex {
            file,
            entries: Vec::new(),
            length: disk.len(file),
        };
        index.resize(disk, max_bytes)?;
        Ok(index)
    }

    pub(crate) fn file(&self) -> FileId {
        self.file
    }

    pub(crate) fn entries(&self) -> &[E] {
        &self.entries
    }

    /// How many entries fit into the file's length.
    pub(crate) fn max_entries(&self) -> usize {
        self.length as usize / E::SIZE
    }

    pub(crate) fn push(&mut self, disk: &mut Disk, entry: E) -> Result<(), DiskError> {
        let mut bytes = Vec::with_capacity(E::SIZE);
        entry.write(&mut bytes);
        disk.write_at(self.file, self.used(), Bytes::from(bytes))?;
        self.entries.push(entry);
        self.length = self.length.max(self.used());
        Ok(())
    }

    /// Forgets entries from the one numbered `keep` on; their bytes stay until trimmed or reused.
    pub(crate) fn truncate(&mut self, keep: usize) {
        self.entries.truncate(keep);
    }

    /// Gives the file a preallocated length, rounded down to whole entries.
    pub(crate) fn resize(&mut self, disk: &mut Disk, max_bytes: u32) -> Result<(), DiskError> {
        let whole = max_bytes as usize / E::SIZE * E::SIZE;
        self.set_length(disk, (whole as u64).max(self.used()))
    }

    /// Cuts the file to its entries.
    pub(crate) fn trim(&mut self, disk: &mut Disk) -> Result<(), DiskError> {
        self.set_length(disk, self.used())
    }

    /// The last entry whose key is at most `target`. Kafka's search, step by step (it looks at the
    /// last 8 KiB first): what it finds in an index that does not rise is part of what it does.
    pub(crate) fn largest_lower_bound(
        &self,
        target: i64,
        key: impl Fn(&E) -> i64,
    ) -> Option<usize> {
        let key = |slot: usize| key(&self.entries[slot]);
        let last = self.entries.len().checked_sub(1)?;
        let first_hot = last.saturating_sub(8192 / E::SIZE);
        if key(first_hot) < target {
            return Some(search(first_hot, last, target, key));
        }
        if key(0) > target {
            return None;
        }
        Some(search(0, first_hot, target, key))
    }

    fn set_length(&mut self, disk: &mut Disk, length: u64) -> Result<(), DiskError> {
        if length != self.length {
            disk.truncate(self.file, length)?;
            self.length = length;
        }
        Ok(())
    }

    fn used(&self) -> u64 {
        (self.entries.len() * E::SIZE) as u64
    }
}

fn search(mut low: usize, mut high: usize, target: i64, key: impl Fn(usize) -> i64) -> usize {
    while low < high {
        let middle = (low + high).div_ceil(2);
        match key(middle).cmp(&target) {
            std::cmp::Ordering::Greater => high = middle - 1,
            std::cmp::Ordering::Less => low = middle,
            std::cmp::Ordering::Equal => return middle,
        }
    }
    // Whatever a damaged file holds: the search begins at one that is not beyond.
    assert!(
        key(low) <= target,
        "what an index finds for {target} lies beyond it"
    );
    low
}

#[cfg(test)]
mod tests {
    use super::search;

    #[test]
    fn a_search_finds_the_last_that_is_not_beyond() {
        let keys = [1, 4, 9];
        let found = |target| search(0, 2, target, |slot| keys[slot]);
        assert_eq!([1, 3, 4, 8, 9, 50].map(found), [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    #[should_panic(expected = "lies beyond it")]
    fn a_search_that_begins_beyond_its_target_is_noticed() {
        search(0, 1, 3, |_| 4);
    }
}
