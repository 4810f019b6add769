//! The transaction log on disk (`FileTxnLog`): one file from each snapshot on, named by its first
//! zxid, one checksummed entry a transaction.

use super::jute::{Reader, Writer, adler32};
use super::txn;
use crate::kernel::{Disk, DiskError, FileId};
use crate::protocol::zab::Txn;
use crate::protocol::zookeeper::Zxid;
use bytes::Bytes;
use std::fmt;
use std::rc::Rc;

/// The log's open end.
#[derive(Clone, Debug)]
pub struct FileTxnLog {
    dir: String,
    file: Option<FileId>,
    /// Room to write an entry in.
    entry: Vec<u8>,
}

/// Why a log or snapshot directory cannot be used: real ZooKeeper refuses to start on these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadError {
    Disk(DiskError),
    /// An entry that is there whole has a wrong checksum, or makes no sense.
    Corrupt {
        file: String,
    },
    /// There are logs, and no snapshot that can be read.
    NoValidSnapshot,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Disk(error) => write!(f, "the data directory cannot be used: {error}"),
            LoadError::Corrupt { file } => {
                write!(f, "the transaction log {file} is damaged: wrong checksum")
            }
            LoadError::NoValidSnapshot => {
                f.write_str("there are transaction logs and no valid snapshot")
            }
        }
    }
}

impl FileTxnLog {
    /// A log that goes on in a new file.
    pub fn new(dir: &str) -> Self {
        FileTxnLog {
            dir: dir.to_owned(),
            file: None,
            entry: Vec::new(),
        }
    }

    /// Writes a transaction; it is durable after a sync of the answered file.
    pub fn append(&mut self, disk: &mut Disk, txn: &Txn) -> Result<FileId, DiskError> {
        let file = match self.file {
            Some(file) => file,
            None => self.begin_file(disk, txn.zxid)?,
        };
        let mut entry = Writer(std::mem::take(&mut self.entry));
        entry.0.clear();
        entry.0.resize(CHECKSUM_AND_LENGTH, 0);
        txn::encode(txn, &mut entry);
        let (head, record) = entry.0.split_at_mut(CHECKSUM_AND_LENGTH);
        head[..8].copy_from_slice(&i64::from(adler32(record)).to_be_bytes());
        head[8..].copy_from_slice(&(record.len() as i32).to_be_bytes());
        entry.0.push(END_OF_RECORD);
        disk.append(file, Bytes::copy_from_slice(&entry.0))?;
        self.entry = entry.0;
        Ok(file)
    }

    /// The next transaction begins a new file (after a snapshot).
    pub fn roll(&mut self) {
        self.file = None;
    }

    fn begin_file(&mut self, disk: &mut Disk, zxid: Zxid) -> Result<FileId, DiskError> {
        let file = disk.create(&format!("{}/{}{zxid:x}", self.dir, LOG_PREFIX))?;
        // What stands there is a torn entry that nobody was ever told of.
        disk.truncate(file, 0)?;
        let mut header = Writer::default();
        header.i32(MAGIC);
        header.i32(VERSION);
        header.i64(0);
        disk.append(file, Bytes::from(header.0))?;
        self.file = Some(file);
        Ok(file)
    }
}

/// Every logged transaction after `after`, in order, with the reading charged.
pub fn read_after(disk: &mut Disk, dir: &str, after: Zxid) -> Result<Vec<Rc<Txn>>, LoadError> {
    let mut files = files_by_zxid(disk, dir, LOG_PREFIX);
    // The last file that begins at or before the first transaction wanted may hold it.
    let first = files
        .partition_point(|(zxid, _)| *zxid <= after + 1)
        .saturating_sub(1);
    let mut txns: Vec<Rc<Txn>> = Vec::new();
    for (_, name) in files.drain(first..) {
        let bytes = disk
            .read_file(&format!("{dir}/{name}"))
            .map_err(LoadError::Disk)?;
        let entries = read_entries(&bytes).ok_or(LoadError::Corrupt { file: name })?;
        let last = txns.last().map_or(after, |txn| txn.zxid);
        let newer = entries.into_iter().filter(|(txn, _)| txn.zxid > last);
        txns.extend(newer.map(|(txn, _)| Rc::new(txn)));
    }
    Ok(txns)
}

/// Like `read_after`, as an observer sees the log: nothing is charged, damage is passed over.
pub fn peek_after(disk: &Disk, dir: &str, after: Zxid) -> Vec<Rc<Txn>> {
    let files = files_by_zxid(disk, dir, LOG_PREFIX);
    let first = files
        .partition_point(|(zxid, _)| *zxid <= after + 1)
        .saturating_sub(1);
    let mut txns: Vec<Rc<Txn>> = Vec::new();
    for (_, name) in &files[first..] {
        let content = disk
            .open(&format!("{dir}/{name}"))
            .map(|file| disk.peek(file).concat())
            .unwrap_or_default();
        let last = txns.last().map_or(after, |txn| txn.zxid);
        let entries = read_entries(&content).unwrap_or_default();
        let newer = entries.into_iter().filter(|(txn, _)| txn.zxid > last);
        txns.extend(newer.map(|(txn, _)| Rc::new(txn)));
    }
    txns
}

/// Cuts every transaction after `zxid` off (`FileTxnLog.truncate`), so that it is durable before
/// anything else happens. Answers false if the log holds nothing to cut.
pub fn truncate(disk: &mut Disk, dir: &str, zxid: Zxid) -> Result<bool, LoadError> {
    let mut cut = None;
    for (_, name) in files_by_zxid(disk, dir, LOG_PREFIX).into_iter().rev() {
        let path = format!("{dir}/{name}");
        let bytes = disk.read_file(&path).map_err(LoadError::Disk)?;
        let entries = read_entries(&bytes).ok_or(LoadError::Corrupt { file: name })?;
        let kept = entries
            .iter()
            .take_while(|(txn, _)| txn.zxid <= zxid)
            .last();
        let Some(file) = disk.open(&path) else {
            continue;
        };
        let end = kept.map_or(HEADER_BYTES, |(_, end)| *end);
        disk.truncate(file, end).map_err(LoadError::Disk)?;
        disk.sync(file).map_err(LoadError::Disk)?;
        cut = Some(file);
        if kept.is_some() {
            break;
        }
    }
    Ok(cut.is_some())
}

/// Deletes the log.
pub fn delete_all(disk: &mut Disk, dir: &str) -> Result<(), LoadError> {
    for (_, name) in files_by_zxid(disk, dir, LOG_PREFIX) {
        disk.delete(&format!("{dir}/{name}"))
            .map_err(LoadError::Disk)?;
    }
    Ok(())
}

/// The file that is written last; `None` if there is none.
pub fn newest(disk: &Disk, dir: &str) -> Option<FileId> {
    let files = files_by_zxid(disk, dir, LOG_PREFIX);
    disk.open(&format!("{dir}/{}", files.last()?.1))
}

/// Bytes of the log's files from the one on that holds the first transaction after `after`.
pub fn bytes_after(disk: &Disk, dir: &str, after: Zxid) -> u64 {
    let files = files_by_zxid(disk, dir, LOG_PREFIX);
    let first = files
        .partition_point(|(zxid, _)| *zxid <= after + 1)
        .saturating_sub(1);
    let lens = files[first..].iter().filter_map(|(_, name)| {
        let file = disk.open(&format!("{dir}/{name}"))?;
        Some(disk.len(file))
    });
    lens.sum()
}

/// Files of a kind with the zxid in their names, in its order.
pub fn files_by_zxid(disk: &Disk, dir: &str, prefix: &str) -> Vec<(Zxid, String)> {
    let mut files: Vec<(Zxid, String)> = disk
        .list(dir)
        .into_iter()
        .filter_map(|name| {
            let zxid = Zxid::from_str_radix(name.strip_prefix(prefix)?, 16).ok()?;
            Some((zxid, name))
        })
        .collect();
    files.sort();
    files
}

pub const LOG_PREFIX: &str = "log.";
/// "ZKLG"
const MAGIC: i32 = 0x5a4b_4c47;
const VERSION: i32 = 2;
const END_OF_RECORD: u8 = b'B';
/// What stands before a record.
const CHECKSUM_AND_LENGTH: usize = 12;
/// Magic, version, database id.
const HEADER_BYTES: u64 = 16;

/// The whole entries of a log file, each with the position at which it ends: a tail that ends too early was never acknowledged and is left
/// out. `None` if an entry is there whole and wrong.
fn read_entries(bytes: &[u8]) -> Option<Vec<(Txn, u64)>> {
    let mut input = Reader(bytes);
    let mut txns = Vec::new();
    let Some(header) = input.take(16) else {
        return Some(txns);
    };
    if Reader(header).i32()? != MAGIC {
        return None;
    }
    while let (Some(checksum), Some(record), Some(end)) =
        (input.i64(), input.buffer(), input.take(1))
    {
        if record.is_empty() {
            break;
        }
        if end[0] != END_OF_RECORD || checksum != i64::from(adler32(&record)) {
            return None;
        }
        let end = (bytes.len() - input.0.len()) as u64;
        txns.push((txn::decode(&record)?, end));
    }
    Some(txns)
}
