//! Where each leader epoch starts in a log, and the file that remembers it (class LeaderEpochFileCache;
//! rules E2, E4, E8, RL7).

use crate::kernel::disk::Disk;
use crate::log::{LogError, LogRules, checkpoint_file};

const FILE: &str = "leader-epoch-checkpoint";

/// An epoch and the offset of its first record (or the log end, if it has none yet).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EpochEntry {
    pub epoch: i32,
    pub start_offset: i64,
}

impl EpochEntry {
    /// The entries of a leader-epoch-checkpoint as they stand in the file; the problem in words if it is
    /// malformed.
    pub fn parse_file(content: &[u8]) -> Result<Vec<EpochEntry>, String> {
        let entries = checkpoint_file::parse(content, EpochEntry::parse)?;
        match entries.iter().find(|e| e.epoch < 0 || e.start_offset < 0) {
            None => Ok(entries),
            Some(entry) => Err(format!(
                "invalid leader epoch entry {} {}",
                entry.epoch, entry.start_offset
            )),
        }
    }

    fn parse(line: &str) -> Option<EpochEntry> {
        let mut words = checkpoint_file::words(line)?;
        let entry = EpochEntry {
            epoch: words.next()?.parse().ok()?,
            start_offset: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(entry)
    }
}

/// The answer to "where does this epoch end": -1 and -1 if that cannot be told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

impl EpochEndOffset {
    pub const UNDEFINED: EpochEndOffset = EpochEndOffset {
        epoch: -1,
        end_offset: -1,
    };
}

/// Ordered entries, epochs and start offsets both strictly rising. Every change is written at once.
#[derive(Clone, Debug)]
pub(crate) struct LeaderEpochCache {
    path: String,
    entries: Vec<EpochEntry>,
    /// Its file is synced where entries were cut from it, too.
    syncs_cuts: bool,
}

impl LeaderEpochCache {
    /// Reads the file of the log in `dir`, or begins an empty one.
    pub(crate) fn open(
        disk: &mut Disk,
        dir: &str,
        rules: LogRules,
    ) -> Result<LeaderEpochCache, LogError> {
        let path = format!("{dir}/{FILE}");
        let mut cache = LeaderEpochCache {
            path,
            entries: Vec::new(),
            syncs_cuts: rules.checkpoint_fsync,
        };
        if disk.exists(&cache.path) {
            let path = cache.path.as_str();
            let content = disk.read_file(path).map_err(LogError::disk(path))?;
            let entries = EpochEntry::parse_file(&content);
            for entry in entries.map_err(|problem| LogError::Malformed {
                path: path.to_owned(),
                problem,
            })? {
                cache.put(entry);
            }
        } else {
            disk.create(&cache.path)
                .map_err(LogError::disk(&cache.path))?;
        }
        Ok(cache)
    }

    pub(crate) fn dir_renamed(&mut self, dir: &str) {
        self.path = format!("{dir}/{FILE}");
    }

    pub(crate) fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    pub(crate) fn latest_epoch(&self) -> Option<i32> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// The epoch of the record at `offset`, as far as the cache knows.
    pub(crate) fn epoch_for_offset(&self, offset: i64) -> Option<i32> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.start_offset <= offset)
            .map(|entry| entry.epoch)
    }

    /// E2: a no-op if the newest entry has that epoch and starts no later; else entries that conflict
    /// are removed from the end first.
    pub(crate) fn assign(
        &mut self,
        disk: &mut Disk,
        epoch: i32,
        start_offset: i64,
    ) -> Result<(), LogError> {
        if epoch >= 0
            && start_offset >= 0
            && self.put(EpochEntry {
                epoch,
                start_offset,
            })
        {
            self.write(disk, true)?;
        }
        Ok(())
    }

    /// E4.
    pub(crate) fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> EpochEndOffset {
        if epoch < 0 {
            return EpochEndOffset::UNDEFINED;
        }
        if self.latest_epoch() == Some(epoch) {
            return EpochEndOffset {
                epoch,
                end_offset: log_end_offset,
            };
        }
        let higher = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let Some(next) = self.entries.get(higher) else {
            return EpochEndOffset::UNDEFINED;
        };
        let floor = higher
            .checked_sub(1)
            .map_or(epoch, |i| self.entries[i].epoch);
        EpochEndOffset {
            epoch: floor,
            end_offset: next.start_offset,
        }
    }

    /// E8: drops entries that start at `end_offset` or later.
    pub(crate) fn truncate_from_end(
        &mut self,
        disk: &mut Disk,
        end_offset: i64,
    ) -> Result<(), LogError> {
        let keep = self
            .entries
            .partition_point(|entry| entry.start_offset < end_offset);
        if keep < self.entries.len() {
            self.entries.truncate(keep);
            self.write(disk, self.syncs_cuts)?;
        }
        Ok(())
    }

    /// RL7: entries that start at `start_offset` or before fold into the last of them, which then
    /// starts there.
    pub(crate) fn truncate_from_start(
        &mut self,
        disk: &mut Disk,
        start_offset: i64,
    ) -> Result<(), LogError> {
        let folded = self
            .entries
            .partition_point(|entry| entry.start_offset <= start_offset);
        if folded > 0 && (folded > 1 || self.entries[0].start_offset < start_offset) {
            self.entries.drain(..folded - 1);
            self.entries[0].start_offset = start_offset;
            self.write(disk, self.syncs_cuts)?;
        }
        Ok(())
    }

    pub(crate) fn clear(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        self.entries.clear();
        self.write(disk, true)
    }

    fn put(&mut self, entry: EpochEntry) -> bool {
        if let Some(last) = self.entries.last()
            && last.epoch == entry.epoch
            && last.start_offset <= entry.start_offset
        {
            return false;
        }
        while self
            .entries
            .pop_if(|e| e.epoch >= entry.epoch || e.start_offset >= entry.start_offset)
            .is_some()
        {}
        assert!(
            self.entries.last().is_none_or(
                |last| last.epoch < entry.epoch && last.start_offset < entry.start_offset
            ),
            "{}: epoch {} at {} does not rise",
            self.path,
            entry.epoch,
            entry.start_offset
        );
        self.entries.push(entry);
        true
    }

    fn write(&self, disk: &mut Disk, sync: bool) -> Result<(), LogError> {
        let lines = self
            .entries
            .iter()
            .map(|entry| format!("{} {}", entry.epoch, entry.start_offset));
        let content = checkpoint_file::format(lines);
        match sync {
            true => checkpoint_file::replace(disk, &self.path, content),
            false => checkpoint_file::replace_unsynced(disk, &self.path, content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, i64)]) -> LeaderEpochCache {
        let mut cache = LeaderEpochCache {
            path: FILE.into(),
            entries: Vec::new(),
            syncs_cuts: true,
        };
        for &(epoch, start_offset) in entries {
            cache.put(EpochEntry {
                epoch,
                start_offset,
            });
        }
        cache
    }

    fn entries(cache: &LeaderEpochCache) -> Vec<(i32, i64)> {
        cache
            .entries
            .iter()
            .map(|e| (e.epoch, e.start_offset))
            .collect()
    }

    #[test]
    fn e2_assign_removes_what_conflicts() {
        assert_eq!(
            entries(&cache(&[(0, 0), (2, 10), (2, 12)])),
            [(0, 0), (2, 10)]
        );
        assert_eq!(
            entries(&cache(&[(0, 0), (2, 10), (2, 8)])),
            [(0, 0), (2, 8)]
        );
        assert_eq!(
            entries(&cache(&[(0, 0), (2, 10), (3, 10)])),
            [(0, 0), (3, 10)]
        );
        assert_eq!(
            entries(&cache(&[(0, 0), (2, 10), (3, 20), (1, 5)])),
            [(0, 0), (1, 5)]
        );
        assert_eq!(entries(&cache(&[(5, 7), (4, 0)])), [(4, 0)]);
    }

    #[test]
    fn e4_end_offset_for_epoch() {
        let cache = cache(&[(1, 5), (3, 10), (6, 20)]);
        let end = |epoch| {
            let end = cache.end_offset_for(epoch, 30);
            (end.epoch, end.end_offset)
        };
        assert_eq!(end(6), (6, 30), "the latest ends at the log end");
        assert_eq!(end(3), (3, 20));
        assert_eq!(end(4), (3, 20), "an unknown epoch: the one below it");
        assert_eq!(end(0), (0, 5), "below all: itself, up to the first");
        assert_eq!(end(7), (-1, -1));
        assert_eq!(end(-1), (-1, -1));
        assert_eq!(
            LeaderEpochCache {
                path: String::new(),
                entries: Vec::new(),
                syncs_cuts: true,
            }
            .end_offset_for(0, 3),
            EpochEndOffset::UNDEFINED
        );
    }
}
