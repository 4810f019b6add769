//! `.timeindex`: sparse map from timestamps to offsets in a segment (class TimeIndex; RL5).

use crate::kernel::disk::{Disk, DiskError, FileId};
use crate::log::abstract_index::{AbstractIndex, IndexEntry};

/// The largest timestamp up to an offset, and the last offset of the first batch that has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimestampOffset {
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
}

#[derive(Debug)]
pub(crate) struct TimeIndex {
    base_offset: i64,
    index: AbstractIndex<Entry>,
}

/// {i64 timestamp, i32 offset - base}.
#[derive(Clone, Copy, Debug)]
struct Entry {
    timestamp: i64,
    relative_offset: i32,
}

impl IndexEntry for Entry {
    const SIZE: usize = 12;

    fn parse(bytes: &[u8]) -> Self {
        let (mut timestamp, mut relative_offset) = ([0; 8], [0; 4]);
        timestamp.copy_from_slice(&bytes[..8]);
        relative_offset.copy_from_slice(&bytes[8..]);
        Entry {
            timestamp: i64::from_be_bytes(timestamp),
            relative_offset: i32::from_be_bytes(relative_offset),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
    }
}

impl TimeIndex {
    /// Opens what is there, or creates a preallocated file.
    pub(crate) fn open(
        disk: &mut Disk,
        path: &str,
        base_offset: i64,
        max_bytes: u32,
    ) -> Result<Self, DiskError> {
        Ok(TimeIndex {
            base_offset,
            index: AbstractIndex::open(disk, path, max_bytes)?,
        })
    }

    /// Empty and preallocated, whatever the file held.
    pub(crate) fn open_reset(
        disk: &mut Disk,
        path: &str,
        base_offset: i64,
        max_bytes: u32,
    ) -> Result<Self, DiskError> {
        Ok(TimeIndex {
            base_offset,
            index: AbstractIndex::open_reset(disk, path, max_bytes)?,
        })
    }

    pub(crate) fn file(&self) -> FileId {
        self.index.file()
    }

    /// One entry stays free for the one that rolling adds.
    pub(crate) fn is_full(&self) -> bool {
        self.index.entries().len() + 1 >= self.index.max_entries()
    }

    /// The last entry; timestamp -1 at the base offset if there is none.
    pub(crate) fn last_entry(&self) -> TimestampOffset {
        self.index
            .entries()
            .last()
            .map_or(self.none(), |entry| self.timestamp_offset(entry))
    }

    /// The largest entry whose timestamp is at most `timestamp`.
    pub(crate) fn lookup(&self, timestamp: i64) -> TimestampOffset {
        let slot = self
            .index
            .largest_lower_bound(timestamp, |entry| entry.timestamp);
        slot.map_or(self.none(), |slot| {
            self.timestamp_offset(&self.index.entries()[slot])
        })
    }

    /// Adds an entry if its timestamp is larger than the last one's.
    pub(crate) fn maybe_append(
        &mut self,
        disk: &mut Disk,
        new: TimestampOffset,
    ) -> Result<(), DiskError> {
        let last = self.last_entry();
        let falls = !self.index.entries().is_empty() && new.offset < last.offset;
        if new.timestamp <= last.timestamp || falls {
            return Ok(());
        }
        let relative_offset = (new.offset - self.base_offset) as i32;
        self.index.push(
            disk,
            Entry {
                timestamp: new.timestamp,
                relative_offset,
            },
        )
    }

    /// Forgets entries whose offset is `offset` or beyond.
    pub(crate) fn truncate_to(&mut self, offset: i64) {
        assert!(
            offset >= self.base_offset,
            "the time index of {} is cut to {offset}: its segment is to go",
            self.base_offset
        );
        let relative = offset - self.base_offset;
        let slot = self
            .index
            .largest_lower_bound(relative, |entry| i64::from(entry.relative_offset));
        let at = |slot: usize| i64::from(self.index.entries()[slot].relative_offset);
        let keep = slot.map_or(0, |slot| slot + usize::from(at(slot) != relative));
        self.index.truncate(keep);
    }

    pub(crate) fn resize(&mut self, disk: &mut Disk, max_bytes: u32) -> Result<(), DiskError> {
        self.index.resize(disk, max_bytes)
    }

    pub(crate) fn trim(&mut self, disk: &mut Disk) -> Result<(), DiskError> {
        self.index.trim(disk)
    }

    fn none(&self) -> TimestampOffset {
        TimestampOffset {
            timestamp: -1,
            offset: self.base_offset,
        }
    }

    fn timestamp_offset(&self, entry: &Entry) -> TimestampOffset {
        TimestampOffset {
            timestamp: entry.timestamp,
            offset: self.base_offset + i64::from(entry.relative_offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(disk: &mut Disk, entries: &[(i64, i64)]) -> TimeIndex {
        let mut index = TimeIndex::open(disk, "t-0/10.timeindex", 10, 1_200).expect("a new file");
        for &(timestamp, offset) in entries {
            let entry = TimestampOffset { timestamp, offset };
            index.maybe_append(disk, entry).expect("there is room");
        }
        index
    }

    fn all(index: &TimeIndex) -> Vec<(i64, i64)> {
        let entries = index.index.entries().iter();
        let entries = entries.map(|entry| index.timestamp_offset(entry));
        entries.map(|it| (it.timestamp, it.offset)).collect()
    }

    #[test]
    fn entries_rise_and_are_cut_by_offset() {
        let mut disk = Disk::new();
        let mut index = index(&mut disk, &[(5, 12), (5, 13), (4, 14), (8, 20), (9, 19)]);
        assert_eq!(all(&index), [(5, 12), (8, 20)]);
        index.truncate_to(20);
        assert_eq!(all(&index), [(5, 12)]);
        index.truncate_to(10);
        assert_eq!(all(&index), []);
    }

    #[test]
    #[should_panic(expected = "its segment is to go")]
    fn a_cut_below_the_segment_is_noticed() {
        let mut disk = Disk::new();
        index(&mut disk, &[(5, 12)]).truncate_to(9);
    }
}
