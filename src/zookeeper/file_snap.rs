//! Snapshots of the tree and its sessions (`FileSnap`): what a restart begins from, so that it need
//! not read the log from its beginning.

use super::DataTree;
use super::data_tree::{DataNode, StatPersisted};
use super::file_txn_log::{self, LoadError};
use super::jute::{Reader, Writer, adler32};
use super::txn::{decode_acl, encode_acl};
use crate::kernel::Disk;
use crate::protocol::zab::Txn;
use crate::protocol::zookeeper::{Acls, Path, Zxid};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Where a snapshot of the tree as it is stands.
pub fn path(dir: &str, tree: &DataTree) -> String {
    format!("{dir}/{SNAPSHOT_PREFIX}{:x}", tree.last_processed_zxid())
}

/// A snapshot's bytes.
pub fn encode(tree: &DataTree) -> Bytes {
    let mut out = Writer::default();
    out.i32(MAGIC);
    out.i32(VERSION);
    out.i64(-1);
    out.count(tree.sessions().len());
    for (session, timeout_ms) in tree.sessions() {
        out.i64(*session);
        out.i32(i32::try_from(*timeout_ms).unwrap_or(i32::MAX));
    }
    let acls: BTreeSet<&Acls> = tree.nodes().values().map(|node| &node.acl).collect();
    let acls: BTreeMap<&Acls, i64> = acls.into_iter().zip(1..).collect();
    out.count(acls.len());
    for (acl, number) in &acls {
        out.i64(*number);
        encode_acl(acl, &mut out);
    }
    for (path, node) in tree.nodes() {
        out.string(if &**path == "/" { "" } else { path });
        out.buffer(&node.data);
        out.i64(acls[&node.acl]);
        let stat = &node.stat;
        out.i64(stat.czxid);
        out.i64(stat.mzxid);
        out.i64(stat.ctime);
        out.i64(stat.mtime);
        out.i32(stat.version);
        out.i32(stat.cversion);
        out.i32(stat.aversion);
        out.i64(stat.ephemeral_owner);
        out.i64(stat.pzxid);
    }
    out.string("/");
    let checksum = adler32(&out.0);
    out.i64(i64::from(checksum));
    out.string("/");
    Bytes::from(out.0)
}

/// What a directory holds.
pub struct Restored {
    pub tree: DataTree,
    /// The transactions that were replayed over the snapshot.
    pub replayed: Vec<Rc<Txn>>,
    /// There is a snapshot that can be read.
    pub has_snapshot: bool,
}

/// The tree that log and snapshots in `dir` add up to: the newest snapshot that can be read, and
/// every later transaction, committed or not (ZB12). An empty directory is a new tree.
pub fn restore(disk: &mut Disk, dir: &str) -> Result<Restored, LoadError> {
    let mut tree = None;
    for (zxid, name) in file_txn_log::files_by_zxid(disk, dir, SNAPSHOT_PREFIX)
        .into_iter()
        .rev()
    {
        let bytes = disk
            .read_file(&format!("{dir}/{name}"))
            .map_err(LoadError::Disk)?;
        tree = decode(&bytes, zxid);
        if tree.is_some() {
            break;
        }
    }
    let after = tree
        .as_ref()
        .map_or(0, |tree: &DataTree| tree.last_processed_zxid());
    let txns = file_txn_log::read_after(disk, dir, after)?;
    if tree.is_none() && !txns.is_empty() {
        return Err(LoadError::NoValidSnapshot);
    }
    let has_snapshot = tree.is_some();
    let mut tree = tree.unwrap_or_default();
    for txn in &txns {
        tree.apply(txn);
    }
    Ok(Restored {
        tree,
        replayed: txns,
        has_snapshot,
    })
}

/// Deletes the snapshots that hold more than `zxid`: what they hold is taken back.
pub fn delete_after(disk: &mut Disk, dir: &str, zxid: Zxid) -> Result<(), LoadError> {
    for (of, name) in file_txn_log::files_by_zxid(disk, dir, SNAPSHOT_PREFIX) {
        if of > zxid {
            disk.delete(&format!("{dir}/{name}"))
                .map_err(LoadError::Disk)?;
        }
    }
    Ok(())
}

/// Size of the newest snapshot.
pub fn newest_bytes(disk: &Disk, dir: &str) -> u64 {
    file_txn_log::files_by_zxid(disk, dir, SNAPSHOT_PREFIX)
        .last()
        .and_then(|(_, name)| disk.open(&format!("{dir}/{name}")))
        .map_or(0, |file| disk.len(file))
}

const SNAPSHOT_PREFIX: &str = "snapshot.";
/// "ZKSN"
const MAGIC: i32 = 0x5a4b_534e;
const VERSION: i32 = 2;

/// `None` if the snapshot is torn or damaged.
pub fn decode(bytes: &[u8], zxid: Zxid) -> Option<DataTree> {
    let mut input = Reader(bytes);
    if input.i32()? != MAGIC || input.i32()? != VERSION {
        return None;
    }
    input.i64()?;
    let mut sessions = BTreeMap::new();
    for _ in 0..input.count()? {
        sessions.insert(input.i64()?, input.i32()?.unsigned_abs());
    }
    let mut acls: BTreeMap<i64, Acls> = BTreeMap::new();
    for _ in 0..input.count()? {
        acls.insert(input.i64()?, decode_acl(&mut input)?);
    }
    let mut nodes: BTreeMap<Path, DataNode> = BTreeMap::new();
    loop {
        let path = match &*input.string()? {
            "/" => break,
            "" => Rc::from("/"),
            path => Rc::from(path),
        };
        let node = DataNode {
            data: input.buffer()?,
            acl: acls.get(&input.i64()?)?.clone(),
            children: BTreeSet::new(),
            stat: StatPersisted {
                czxid: input.i64()?,
                mzxid: input.i64()?,
                ctime: input.i64()?,
                mtime: input.i64()?,
                version: input.i32()?,
                cversion: input.i32()?,
                aversion: input.i32()?,
                ephemeral_owner: input.i64()?,
                pzxid: input.i64()?,
            },
        };
        nodes.insert(path, node);
    }
    let checked = bytes.len() - input.0.len();
    if input.i64()? != i64::from(adler32(&bytes[..checked])) || &*input.string()? != "/" {
        return None;
    }
    DataTree::from_parts(nodes, sessions, zxid)
}
