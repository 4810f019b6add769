//! `.index`: sparse map from offsets to positions in a segment (class OffsetIndex; RL5).

use crate::kernel::disk::{Disk, DiskError, FileId};
use crate::log::abstract_index::{AbstractIndex, IndexEntry};

/// The last offset of an append, and the position at which the append begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OffsetPosition {
    pub(crate) offset: i64,
    pub(crate) position: u64,
}

#[derive(Debug)]
pub(crate) struct OffsetIndex {
    base_offset: i64,
    index: AbstractIndex<Entry>,
}

/// {i32 offset - base, i32 position}.
#[derive(Clone, Copy, Debug)]
struct Entry {
    relative_offset: i32,
    position: i32,
}

impl IndexEntry for Entry {
    const SIZE: usize = 8;

    fn parse(bytes: &[u8]) -> Self {
        let (mut relative_offset, mut position) = ([0; 4], [0; 4]);
        relative_offset.copy_from_slice(&bytes[..4]);
        position.copy_from_slice(&bytes[4..]);
        Entry {
            relative_offset: i32::from_be_bytes(relative_offset),
            position: i32::from_be_bytes(position),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }
}

impl OffsetIndex {
    /// Opens what is there, or creates a preallocated file.
    pub(crate) fn open(
        disk: &mut Disk,
        path: &str,
        base_offset: i64,
        max_bytes: u32,
    ) -> Result<Self, DiskError> {
        Ok(OffsetIndex {
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
        Ok(OffsetIndex {
            base_offset,
            index: AbstractIndex::open_reset(disk, path, max_bytes)?,
        })
    }

    pub(crate) fn file(&self) -> FileId {
        self.index.file()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.index.entries().len() >= self.index.max_entries()
    }

    /// The largest entry at or below `offset`; the segment's beginning if there is none.
    pub(crate) fn lookup(&self, offset: i64) -> OffsetPosition {
        let slot = self
            .index
            .largest_lower_bound(offset, |entry| self.offset(entry));
        slot.map_or(
            OffsetPosition {
                offset: self.base_offset,
                position: 0,
            },
            |slot| {
                let entry = &self.index.entries()[slot];
                OffsetPosition {
                    offset: self.offset(entry),
                    position: entry.position.max(0) as u64,
                }
            },
        )
    }

    /// The offset of the first entry at this position or behind it (`fetchUpperBoundOffset`).
    pub(crate) fn upper_bound(&self, position: u64) -> Option<i64> {
        let entries = self.index.entries();
        let first = entries.partition_point(|it| (it.position.max(0) as u64) < position);
        entries.get(first).map(|entry| self.offset(entry))
    }

    /// Offset of the last entry, or the base offset.
    pub(crate) fn last_offset(&self) -> i64 {
        self.index
            .entries()
            .last()
            .map_or(self.base_offset, |entry| self.offset(entry))
    }

    /// Whether an entry for `offset` would rise above those that are there.
    pub(crate) fn accepts(&self, offset: i64) -> bool {
        self.index.entries().is_empty() || offset > self.last_offset()
    }

    /// Adds an entry; the caller has asked `accepts` and `is_full`.
    pub(crate) fn append(
        &mut self,
        disk: &mut Disk,
        offset: i64,
        position: u64,
    ) -> Result<(), DiskError> {
        assert!(self.accepts(offset), "entries of an offset index rise");
        let relative_offset = (offset - self.base_offset) as i32;
        self.index.push(
            disk,
            Entry {
                relative_offset,
                position: position as i32,
            },
        )
    }

    /// Forgets entries at `offset` and beyond.
    pub(crate) fn truncate_to(&mut self, offset: i64) {
        let slot = self
            .index
            .largest_lower_bound(offset, |entry| self.offset(entry));
        let keep = slot.map_or(0, |slot| {
            slot + usize::from(self.offset(&self.index.entries()[slot]) != offset)
        });
        self.index.truncate(keep);
    }

    pub(crate) fn resize(&mut self, disk: &mut Disk, max_bytes: u32) -> Result<(), DiskError> {
        self.index.resize(disk, max_bytes)
    }

    pub(crate) fn trim(&mut self, disk: &mut Disk) -> Result<(), DiskError> {
        self.index.trim(disk)
    }

    fn offset(&self, entry: &Entry) -> i64 {
        self.base_offset + i64::from(entry.relative_offset)
    }
}
