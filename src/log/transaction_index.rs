//! `.txnindex`: the aborted transactions whose markers lie in a segment (class TransactionIndex; D13).
//! Entries of 34 bytes: {i16 version 0, i64 producer id, i64 first, i64 last, i64 last stable offset}.

use crate::kernel::disk::{Disk, DiskError};
use crate::log::producer_state::CompletedTxn;
use bytes::Bytes;

const ENTRY_SIZE: usize = 34;

/// An aborted transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbortedTxn {
    pub producer_id: i64,
    pub first_offset: i64,
    /// The marker's.
    pub last_offset: i64,
    /// Up to here everything was decided when the marker was appended.
    pub last_stable_offset: i64,
}

impl AbortedTxn {
    pub(crate) fn new(completed: &CompletedTxn, last_stable_offset: i64) -> AbortedTxn {
        AbortedTxn {
            producer_id: completed.producer_id,
            first_offset: completed.first_offset,
            last_offset: completed.last_offset,
            last_stable_offset,
        }
    }
}

/// The file exists only after an abort. A partial entry at the end is ignored.
#[derive(Clone, Debug)]
pub(crate) struct TransactionIndex {
    path: String,
    entries: Vec<AbortedTxn>,
}

impl TransactionIndex {
    pub(crate) fn open(disk: &mut Disk, path: String) -> Result<TransactionIndex, DiskError> {
        let content = if disk.exists(&path) {
            disk.read_file(&path)?
        } else {
            Bytes::new()
        };
        let entries = content.chunks_exact(ENTRY_SIZE).map(parse).collect();
        Ok(TransactionIndex { path, entries })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn renamed(&mut self, path: String) {
        self.path = path;
    }

    pub(crate) fn append(&mut self, disk: &mut Disk, txn: AbortedTxn) -> Result<(), DiskError> {
        let mut bytes = Vec::with_capacity(ENTRY_SIZE);
        bytes.extend_from_slice(&0i16.to_be_bytes());
        for field in [
            txn.producer_id,
            txn.first_offset,
            txn.last_offset,
            txn.last_stable_offset,
        ] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        let file = disk.create(&self.path)?;
        disk.append(file, bytes.into())?;
        self.entries.push(txn);
        Ok(())
    }

    /// Empties the file, if there is one.
    pub(crate) fn reset(&mut self, disk: &mut Disk) -> Result<(), DiskError> {
        self.entries.clear();
        self.cut(disk)
    }

    /// Forgets transactions whose marker lies at `offset` or beyond.
    pub(crate) fn truncate_to(&mut self, disk: &mut Disk, offset: i64) -> Result<(), DiskError> {
        let keep = self
            .entries
            .iter()
            .take_while(|txn| txn.last_offset < offset)
            .count();
        if keep == self.entries.len() {
            return Ok(());
        }
        self.entries.truncate(keep);
        self.cut(disk)
    }

    /// Transactions that a reader of these offsets must know, and whether no later segment has more.
    pub(crate) fn collect(
        &self,
        fetch_offset: i64,
        upper_bound: i64,
        out: &mut Vec<AbortedTxn>,
    ) -> bool {
        for txn in &self.entries {
            if txn.last_offset >= fetch_offset && txn.first_offset < upper_bound {
                out.push(*txn);
            }
            if txn.last_stable_offset >= upper_bound {
                return true;
            }
        }
        false
    }

    /// Whether an entry lies below the segment, which makes a start rebuild it (RL2).
    pub(crate) fn is_corrupt(&self, base_offset: i64) -> bool {
        self.entries.iter().any(|txn| txn.last_offset < base_offset)
    }

    fn cut(&self, disk: &mut Disk) -> Result<(), DiskError> {
        match disk.open(&self.path) {
            Some(file) => disk.truncate(file, (self.entries.len() * ENTRY_SIZE) as u64),
            None => Ok(()),
        }
    }
}

fn parse(entry: &[u8]) -> AbortedTxn {
    let field = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&entry[at..at + 8]);
        i64::from_be_bytes(bytes)
    };
    AbortedTxn {
        producer_id: field(2),
        first_offset: field(10),
        last_offset: field(18),
        last_stable_offset: field(26),
    }
}
