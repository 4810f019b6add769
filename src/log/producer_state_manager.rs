//! The producers of a log: their state, their open transactions, and the snapshots that remember them
//! (class ProducerStateManager; CP50, CP52, CP53, D1 to D4, D12, D19, L10, RL8).

use crate::kernel::disk::{Disk, DiskError, FileId};
use crate::log::producer_state::{
    BatchMetadata, CompletedTxn, LatestBatches, ProducerAppendInfo, ProducerStateEntry,
};
use crate::log::{AppendOrigin, LogError};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

const SUFFIX: &str = ".snapshot";
const VERSION: i16 = 1;
const HEADER_SIZE: usize = 10;
const ENTRY_SIZE: usize = 46;

#[derive(Clone, Debug)]
pub(crate) struct ProducerStateManager {
    dir: String,
    producer_id_expiration_ms: i64,
    producers: BTreeMap<i64, ProducerStateEntry>,
    /// First offset of each open transaction, to its producer.
    ongoing: BTreeMap<i64, i64>,
    /// First offset to the marker's of each ended transaction whose marker is not below the high
    /// watermark.
    unreplicated: BTreeMap<i64, i64>,
    /// Offsets for which there is a snapshot file.
    snapshots: BTreeSet<i64>,
    /// The state covers the log up to here.
    map_end_offset: i64,
    last_snapshot_offset: i64,
    /// Snapshots that were deleted because they could not be read, and what was wrong.
    unreadable: Vec<(i64, String)>,
}

impl ProducerStateManager {
    /// Knows nothing yet but which snapshots there are.
    pub(crate) fn open(
        disk: &Disk,
        dir: &str,
        producer_id_expiration_ms: i64,
    ) -> ProducerStateManager {
        ProducerStateManager {
            dir: dir.to_owned(),
            producer_id_expiration_ms,
            producers: BTreeMap::new(),
            ongoing: BTreeMap::new(),
            unreplicated: BTreeMap::new(),
            snapshots: list_snapshots(disk, dir),
            map_end_offset: 0,
            last_snapshot_offset: 0,
            unreadable: Vec::new(),
        }
    }

    pub(crate) fn dir_renamed(&mut self, dir: &str) {
        self.dir = dir.to_owned();
    }

    pub(crate) fn producers(&self) -> &BTreeMap<i64, ProducerStateEntry> {
        &self.producers
    }

    pub(crate) fn map_end_offset(&self) -> i64 {
        self.map_end_offset
    }

    pub(crate) fn update_map_end_offset(&mut self, offset: i64) {
        self.map_end_offset = offset;
    }

    pub(crate) fn has_snapshots(&self) -> bool {
        !self.snapshots.is_empty()
    }

    pub(crate) fn take_unreadable(&mut self) -> Vec<(i64, String)> {
        std::mem::take(&mut self.unreadable)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.producers.is_empty() && self.unreplicated.is_empty()
    }

    /// D12: the first offset that `read_committed` may not see yet.
    pub(crate) fn first_unstable_offset(&self) -> Option<i64> {
        let open = self.ongoing.keys().next();
        let unreplicated = self.unreplicated.keys().next();
        open.into_iter().chain(unreplicated).min().copied()
    }

    pub(crate) fn on_high_watermark_updated(&mut self, high_watermark: i64) {
        self.remove_unreplicated(high_watermark);
    }

    /// Begins to look at a producer's batches; `update` takes the outcome over.
    pub(crate) fn prepare_update(
        &self,
        producer_id: i64,
        origin: AppendOrigin,
    ) -> ProducerAppendInfo {
        ProducerAppendInfo::new(producer_id, self.producers.get(&producer_id), origin)
    }

    pub(crate) fn update(&mut self, info: ProducerAppendInfo) {
        assert!(
            info.producer_id >= 0,
            "{}: a state is kept of no producer",
            self.dir
        );
        for first_offset in info.started {
            self.ongoing.insert(first_offset, info.producer_id);
        }
        match self.producers.get_mut(&info.producer_id) {
            Some(entry) => entry.update(info.updated),
            None => {
                self.producers.insert(info.producer_id, info.updated);
            }
        }
    }

    /// D13: up to where everything is decided once this transaction is.
    pub(crate) fn last_stable_offset(&self, completed: &CompletedTxn) -> i64 {
        let other = self
            .ongoing
            .iter()
            .find(|(_, producer)| **producer != completed.producer_id);
        other.map_or(completed.last_offset + 1, |(first_offset, _)| *first_offset)
    }

    pub(crate) fn complete_txn(&mut self, completed: &CompletedTxn) {
        self.ongoing.remove(&completed.first_offset);
        self.unreplicated
            .insert(completed.first_offset, completed.last_offset);
    }

    /// CP50. Says whom it has forgotten.
    pub(crate) fn remove_expired(&mut self, now_ms: i64) -> Vec<i64> {
        let limit = self.producer_id_expiration_ms;
        let gone = |_: &i64, entry: &mut ProducerStateEntry| is_expired(entry, now_ms, limit);
        let expired = self.producers.extract_if(.., gone);
        expired.map(|(id, _)| id).collect()
    }

    pub(crate) fn on_log_start_offset_incremented(&mut self, log_start_offset: i64) {
        self.remove_unreplicated(log_start_offset);
        self.map_end_offset = self.map_end_offset.max(log_start_offset);
        self.last_snapshot_offset = self.snapshots.last().copied().unwrap_or(log_start_offset);
    }

    /// Goes back to what was known at the last snapshot that lies within the log.
    pub(crate) fn truncate_and_reload(
        &mut self,
        disk: &mut Disk,
        log_start_offset: i64,
        log_end_offset: i64,
        now_ms: i64,
    ) -> Result<Option<i64>, LogError> {
        let outside = |offset: &i64| *offset > log_end_offset || *offset <= log_start_offset;
        for offset in self
            .snapshots
            .iter()
            .copied()
            .filter(outside)
            .collect::<Vec<_>>()
        {
            self.delete_snapshot(disk, offset)?;
        }
        if log_end_offset == self.map_end_offset {
            self.on_log_start_offset_incremented(log_start_offset);
            return Ok(None);
        }
        self.forget();
        while let Some(&offset) = self.snapshots.last() {
            let path = self.path(offset);
            let content = disk.read_file(&path).map_err(LogError::disk(&path))?;
            let entries = match parse_snapshot(&content) {
                Ok(entries) => entries,
                Err(problem) => {
                    self.unreadable.push((offset, problem));
                    self.delete_snapshot(disk, offset)?;
                    continue;
                }
            };
            for (producer_id, entry) in entries {
                if !is_expired(&entry, now_ms, self.producer_id_expiration_ms) {
                    if let Some(first_offset) = entry.current_txn_first_offset {
                        self.ongoing.insert(first_offset, producer_id);
                    }
                    self.producers.insert(producer_id, entry);
                }
            }
            (self.last_snapshot_offset, self.map_end_offset) = (offset, offset);
            return Ok(Some(offset));
        }
        (self.last_snapshot_offset, self.map_end_offset) = (log_start_offset, log_start_offset);
        Ok(None)
    }

    /// Forgets everything, snapshots too.
    pub(crate) fn truncate_fully_and_start_at(
        &mut self,
        disk: &mut Disk,
        offset: i64,
    ) -> Result<(), LogError> {
        self.forget();
        for snapshot in std::mem::take(&mut self.snapshots) {
            self.delete_file(disk, snapshot)?;
        }
        (self.last_snapshot_offset, self.map_end_offset) = (0, offset);
        Ok(())
    }

    /// What is known reaches to the end of the log, which is appended to from there on, and no snapshot beyond.
    pub(crate) fn assert_at(&self, log_end_offset: i64) {
        assert!(
            self.map_end_offset >= log_end_offset,
            "{}: producers are known up to {}, and the log ends at {log_end_offset}",
            self.dir,
            self.map_end_offset
        );
        assert!(
            self.snapshots
                .last()
                .is_none_or(|last| *last <= self.map_end_offset),
            "{}: a snapshot of producers lies beyond {}, to which they are known",
            self.dir,
            self.map_end_offset
        );
    }

    /// Writes a snapshot at the end of what is known, if that moved since the last one (RL8).
    pub(crate) fn take_snapshot(
        &mut self,
        disk: &mut Disk,
        sync: bool,
    ) -> Result<Option<FileId>, LogError> {
        if self.map_end_offset <= self.last_snapshot_offset {
            return Ok(None);
        }
        let path = self.path(self.map_end_offset);
        let content = format_snapshot(&self.producers);
        let write = || -> Result<FileId, DiskError> {
            let file = disk.create(&path)?;
            // Kafka opens without truncating: a longer file that is there keeps its tail.
            disk.write_at(file, 0, content)?;
            if sync {
                disk.sync(file)?;
            }
            Ok(file)
        };
        let file = write().map_err(LogError::disk(&path))?;
        self.snapshots.insert(self.map_end_offset);
        self.last_snapshot_offset = self.map_end_offset;
        Ok(Some(file))
    }

    /// Deletes snapshots that belong to no segment, but for the newest one if it lies behind the last
    /// segment's base.
    pub(crate) fn remove_stray_snapshots(
        &mut self,
        disk: &mut Disk,
        base_offsets: &[i64],
    ) -> Result<(), LogError> {
        self.snapshots = list_snapshots(disk, &self.dir);
        let mut stray: Vec<i64> = self
            .snapshots
            .iter()
            .copied()
            .filter(|offset| !base_offsets.contains(offset))
            .collect();
        if let (Some(latest), Some(last_base)) = (stray.pop(), base_offsets.iter().max())
            && latest < *last_base
        {
            stray.push(latest);
        }
        for offset in stray {
            self.delete_snapshot(disk, offset)?;
        }
        Ok(())
    }

    /// Renames the snapshot at `offset` to be deleted; its path then.
    pub(crate) fn mark_deleted(
        &mut self,
        disk: &mut Disk,
        offset: i64,
    ) -> Result<Option<String>, LogError> {
        if !self.snapshots.remove(&offset) {
            return Ok(None);
        }
        let path = self.path(offset);
        let deleted = format!("{path}.deleted");
        match disk.rename(&path, &deleted) {
            Ok(()) => Ok(Some(deleted)),
            Err(DiskError::NotFound) => Ok(None),
            Err(error) => Err(LogError::Disk { path, error }),
        }
    }

    fn forget(&mut self) {
        self.producers.clear();
        self.ongoing.clear();
        self.unreplicated.clear();
    }

    fn remove_unreplicated(&mut self, offset: i64) {
        self.unreplicated
            .retain(|_, last_offset| *last_offset >= offset);
    }

    fn delete_snapshot(&mut self, disk: &mut Disk, offset: i64) -> Result<(), LogError> {
        self.snapshots.remove(&offset);
        self.delete_file(disk, offset)
    }

    fn delete_file(&self, disk: &mut Disk, offset: i64) -> Result<(), LogError> {
        let path = self.path(offset);
        if disk.exists(&path) {
            disk.delete(&path).map_err(LogError::disk(&path))?;
        }
        Ok(())
    }

    fn path(&self, offset: i64) -> String {
        format!("{}/{offset:020}{SUFFIX}", self.dir)
    }
}

fn list_snapshots(disk: &Disk, dir: &str) -> BTreeSet<i64> {
    let offset = |name: String| name.strip_suffix(SUFFIX)?.parse().ok();
    disk.list(dir).into_iter().filter_map(offset).collect()
}

fn is_expired(entry: &ProducerStateEntry, now_ms: i64, limit: i64) -> bool {
    entry.current_txn_first_offset.is_none() && now_ms.saturating_sub(entry.last_timestamp) >= limit
}

/// D19: only the last batch of each producer is written.
fn format_snapshot(producers: &BTreeMap<i64, ProducerStateEntry>) -> Bytes {
    let mut entries = Vec::with_capacity(4 + producers.len() * ENTRY_SIZE);
    entries.extend_from_slice(&(producers.len() as i32).to_be_bytes());
    for producer_id in in_hash_order(producers.keys().copied().collect()) {
        let entry = &producers[&producer_id];
        let last = entry.batches.last();
        entries.extend_from_slice(&producer_id.to_be_bytes());
        entries.extend_from_slice(&entry.producer_epoch.to_be_bytes());
        entries.extend_from_slice(&entry.last_sequence().to_be_bytes());
        entries.extend_from_slice(&last.map_or(-1, |batch| batch.last_offset).to_be_bytes());
        entries.extend_from_slice(&last.map_or(0, |batch| batch.offset_delta).to_be_bytes());
        entries.extend_from_slice(&entry.last_timestamp.to_be_bytes());
        entries.extend_from_slice(&entry.coordinator_epoch.to_be_bytes());
        entries.extend_from_slice(&entry.current_txn_first_offset.unwrap_or(-1).to_be_bytes());
    }
    let mut out = Vec::with_capacity(6 + entries.len());
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&crc32c::crc32c(&entries).to_be_bytes());
    out.extend_from_slice(&entries);
    out.into()
}

/// Producer ids in the order in which Java's HashMap hands them out (but for those of one bucket).
fn in_hash_order(mut ids: Vec<i64>) -> Vec<i64> {
    let mut buckets = 16u32;
    while ids.len() as u64 > u64::from(buckets) * 3 / 4 {
        buckets *= 2;
    }
    ids.sort_by_key(|id| {
        let hash = (id ^ (*id as u64 >> 32) as i64) as u32;
        ((hash ^ hash >> 16) & (buckets - 1), *id)
    });
    ids
}

/// The producers of a snapshot, or what is wrong with it.
pub fn parse_snapshot(content: &[u8]) -> Result<Vec<(i64, ProducerStateEntry)>, String> {
    if content.len() < HEADER_SIZE {
        return Err(format!(
            "too short for one: {}",
            super::batch::bytes(content.len())
        ));
    }
    let (header, mut entries) = content.split_at(HEADER_SIZE);
    let version = i16::from_be_bytes([header[0], header[1]]);
    if version != VERSION {
        return Err(format!("unknown version {version}"));
    }
    let stored = u32::from_be_bytes([header[2], header[3], header[4], header[5]]);
    let computed = crc32c::crc32c(&content[6..]);
    if stored != computed {
        return Err(format!(
            "crc mismatch: {stored} stored, {computed} computed"
        ));
    }
    let count = i32::from_be_bytes([header[6], header[7], header[8], header[9]]);
    let fits = entries.len() / ENTRY_SIZE;
    if count < 0 || count as usize > fits {
        return Err(format!("{count} entries said, {fits} found"));
    }
    let mut producers = Vec::with_capacity(count as usize);
    for _ in 0..count {
        producers.push(parse_entry(&mut entries));
    }
    Ok(producers)
}

fn parse_entry(bytes: &mut &[u8]) -> (i64, ProducerStateEntry) {
    let producer_id = i64::from_be_bytes(take(bytes));
    let producer_epoch = i16::from_be_bytes(take(bytes));
    let last_sequence = i32::from_be_bytes(take(bytes));
    let last_offset = i64::from_be_bytes(take(bytes));
    let offset_delta = i32::from_be_bytes(take(bytes));
    let timestamp = i64::from_be_bytes(take(bytes));
    let coordinator_epoch = i32::from_be_bytes(take(bytes));
    let txn_first_offset = i64::from_be_bytes(take(bytes));
    let batch = BatchMetadata {
        last_sequence,
        last_offset,
        offset_delta,
        timestamp,
    };
    let entry = ProducerStateEntry {
        producer_epoch,
        coordinator_epoch,
        last_timestamp: timestamp,
        current_txn_first_offset: (txn_first_offset >= 0).then_some(txn_first_offset),
        batches: if last_offset >= 0 {
            batch.into()
        } else {
            LatestBatches::default()
        },
    };
    (producer_id, entry)
}

/// The next `N` bytes; zeros beyond the end, which the caller has excluded.
fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (taken, rest) = bytes.split_first_chunk().unwrap_or((&[0; N], &[]));
    *bytes = rest;
    *taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager() -> ProducerStateManager {
        ProducerStateManager::open(&Disk::new(), "t-0", 86_400_000)
    }

    #[test]
    fn producers_known_to_the_end_of_the_log_are_as_they_should_be() {
        let mut manager = manager();
        manager.assert_at(0);
        manager.update_map_end_offset(7);
        manager.snapshots.insert(7);
        manager.assert_at(7);
    }

    #[test]
    #[should_panic(expected = "the log ends at 8")]
    fn producers_that_lag_behind_the_log_are_noticed() {
        let mut manager = manager();
        manager.update_map_end_offset(7);
        manager.assert_at(8);
    }

    #[test]
    #[should_panic(expected = "a snapshot of producers lies beyond 7")]
    fn a_snapshot_from_the_future_is_noticed() {
        let mut manager = manager();
        manager.update_map_end_offset(7);
        manager.snapshots.insert(8);
        manager.assert_at(7);
    }

    #[test]
    #[should_panic(expected = "a state is kept of no producer")]
    fn a_state_of_no_producer_is_noticed() {
        let mut manager = manager();
        let info = manager.prepare_update(-1, AppendOrigin::Client);
        manager.update(info);
    }
}
