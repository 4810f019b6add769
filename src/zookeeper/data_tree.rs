//! The tree of znodes with the sessions that own ephemerals (`DataTree`, `ZKDatabase`): pure state,
//! changed by transactions only.
//!
//! It checks nothing: a transaction's conditions were checked when it was prepared. Applying one
//! twice does no harm, so that a log may be replayed over a snapshot that holds some of it (ZB11).
//!
//! May not know the time, connections, or what a znode means.

use crate::protocol::zab::{Txn, TxnBody};
use crate::protocol::zookeeper::{
    Acl, Acls, Answer, Code, MultiAnswer, Path, SessionId, Stat, Zxid,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The znodes and sessions of one server, as its last applied transaction left them.
#[derive(Clone, Debug)]
pub struct DataTree {
    nodes: BTreeMap<Path, DataNode>,
    ephemerals: BTreeMap<SessionId, BTreeSet<Path>>,
    sessions: BTreeMap<SessionId, u32>,
    last_processed_zxid: Zxid,
}

/// A znode as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataNode {
    pub data: Bytes,
    pub acl: Acls,
    pub children: BTreeSet<Rc<str>>,
    pub stat: StatPersisted,
}

/// The counters that are stored (`StatPersisted`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StatPersisted {
    pub czxid: Zxid,
    pub mzxid: Zxid,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    /// Children ever created; clients see creates plus deletes (ZK10).
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: SessionId,
    pub pzxid: Zxid,
}

/// What a transaction came to.
#[derive(Debug)]
pub struct Applied {
    /// What its client is told; `None` where the answer is not one of the tree's (createSession).
    pub answer: Result<Option<Answer>, Code>,
    /// What watches may see, in the order in which it happened.
    pub changes: Vec<Change>,
}

/// A change that fires watches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Created(Path),
    Deleted(Path),
    DataChanged(Path),
}

impl Default for DataTree {
    fn default() -> Self {
        Self::new()
    }
}

impl DataTree {
    /// The tree of an ensemble that never served: the root and ZooKeeper's own nodes, which were
    /// there before any count began.
    pub fn new() -> Self {
        let open: Acls = Rc::from([Acl::open()]);
        let node = |children: &[&str]| DataNode {
            data: Bytes::new(),
            acl: open.clone(),
            children: children.iter().map(|name| Rc::from(*name)).collect(),
            stat: StatPersisted::default(),
        };
        let mut config = node(&[]);
        config.stat.aversion = -1;
        DataTree {
            nodes: BTreeMap::from([
                (Rc::from("/"), node(&["zookeeper"])),
                (Rc::from("/zookeeper"), node(&["config", "quota"])),
                (Rc::from("/zookeeper/config"), config),
                (Rc::from("/zookeeper/quota"), node(&[])),
            ]),
            ephemerals: BTreeMap::new(),
            sessions: BTreeMap::new(),
            last_processed_zxid: 0,
        }
    }

    /// A tree out of a snapshot. `None` if a node's parent is missing.
    pub(super) fn from_parts(
        nodes: BTreeMap<Path, DataNode>,
        sessions: BTreeMap<SessionId, u32>,
        last_processed_zxid: Zxid,
    ) -> Option<Self> {
        let mut tree = DataTree {
            nodes,
            ephemerals: BTreeMap::new(),
            sessions,
            last_processed_zxid,
        };
        tree.nodes.get("/")?;
        let paths: Vec<Path> = tree.nodes.keys().cloned().collect();
        for path in paths.iter().filter(|path| &***path != "/") {
            let (parent, name) = split_path(path);
            tree.nodes.get_mut(parent)?.children.insert(Rc::from(name));
            let owner = tree.nodes[path].stat.ephemeral_owner;
            if owner != 0 {
                tree.ephemerals
                    .entry(owner)
                    .or_default()
                    .insert(path.clone());
            }
        }
        Some(tree)
    }

    /// Data and counters of a node.
    pub fn get(&self, path: &str) -> Option<(&Bytes, Stat)> {
        let node = self.nodes.get(path)?;
        Some((&node.data, node.stat()))
    }

    /// Names (not paths) of a node's children, sorted; empty if there is no such node.
    pub fn children(&self, path: &str) -> impl Iterator<Item = &Rc<str>> {
        self.nodes
            .get(path)
            .into_iter()
            .flat_map(|node| node.children.iter())
    }

    /// Every node in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Bytes, Stat)> {
        self.nodes
            .iter()
            .map(|(path, node)| (path, &node.data, node.stat()))
    }

    /// Living sessions with their timeouts in milliseconds.
    pub fn sessions(&self) -> &BTreeMap<SessionId, u32> {
        &self.sessions
    }

    /// A session's ephemeral nodes in the order of paths.
    pub fn ephemerals(&self, session: SessionId) -> impl Iterator<Item = &Path> {
        self.ephemerals.get(&session).into_iter().flatten()
    }

    pub fn last_processed_zxid(&self) -> Zxid {
        self.last_processed_zxid
    }

    /// A new epoch begins, without a transaction (`setlastProcessedZxid`).
    pub(super) fn set_last_processed_zxid(&mut self, zxid: Zxid) {
        self.last_processed_zxid = zxid;
    }

    pub(super) fn node(&self, path: &str) -> Option<&DataNode> {
        self.nodes.get(path)
    }

    pub(super) fn nodes(&self) -> &BTreeMap<Path, DataNode> {
        &self.nodes
    }

    /// Applies the next transaction.
    pub(super) fn apply(&mut self, txn: &Txn) -> Applied {
        let mut changes = Vec::new();
        let answer = match &txn.body {
            TxnBody::CreateSession { timeout_ms } => {
                self.sessions.insert(txn.session, timeout_ms.unsigned_abs());
                Ok(None)
            }
            TxnBody::CloseSession { paths } => {
                self.close_session(txn, paths, &mut changes);
                Ok(Some(Answer::SessionClosed))
            }
            TxnBody::Multi(bodies) => Ok(Some(Answer::Multi(self.apply_multi(
                txn,
                bodies,
                &mut changes,
            )))),
            TxnBody::Check { .. } => Ok(None),
            TxnBody::Error(code) => Err(*code),
            body => self.apply_one(txn, body, &mut changes).map(Some),
        };
        self.last_processed_zxid = self.last_processed_zxid.max(txn.zxid);
        Applied { answer, changes }
    }

    fn apply_one(
        &mut self,
        txn: &Txn,
        body: &TxnBody,
        changes: &mut Vec<Change>,
    ) -> Result<Answer, Code> {
        match body {
            TxnBody::Create {
                path,
                data,
                acl,
                ephemeral,
                parent_cversion,
            } => {
                let stat = self.create(txn, path, data, acl, *ephemeral, *parent_cversion)?;
                changes.push(Change::Created(path.clone()));
                Ok(Answer::Created {
                    path: path.clone(),
                    stat,
                })
            }
            TxnBody::Delete { path } => {
                self.delete(path, txn.zxid)?;
                changes.push(Change::Deleted(path.clone()));
                Ok(Answer::Deleted)
            }
            TxnBody::SetData {
                path,
                data,
                version,
            } => {
                let node = self.nodes.get_mut(path).ok_or(Code::NoNode)?;
                node.data = data.clone();
                node.stat.mzxid = txn.zxid;
                node.stat.mtime = txn.time;
                node.stat.version = *version;
                changes.push(Change::DataChanged(path.clone()));
                Ok(Answer::SetData(node.stat()))
            }
            TxnBody::SetAcl { path, acl, version } => {
                let node = self.nodes.get_mut(path).ok_or(Code::NoNode)?;
                node.acl = acl.clone();
                node.stat.aversion = *version;
                Ok(Answer::AclSet(node.stat()))
            }
            TxnBody::Error(code) => Err(*code),
            TxnBody::CreateSession { .. }
            | TxnBody::CloseSession { .. }
            | TxnBody::Multi(_)
            | TxnBody::Check { .. } => Err(Code::BadArguments),
        }
    }

    /// All or nothing; the answers tell where it failed.
    fn apply_multi(
        &mut self,
        txn: &Txn,
        bodies: &[TxnBody],
        changes: &mut Vec<Change>,
    ) -> Vec<Result<MultiAnswer, Code>> {
        if bodies.iter().any(|body| matches!(body, TxnBody::Error(_))) {
            return bodies
                .iter()
                .map(|body| match body {
                    TxnBody::Error(code) => Err(*code),
                    _ => Ok(MultiAnswer::RolledBack),
                })
                .collect();
        }
        bodies
            .iter()
            .map(|body| {
                if let TxnBody::Check { .. } = body {
                    return Ok(MultiAnswer::Checked);
                }
                match self.apply_one(txn, body, changes)? {
                    Answer::Created { path, .. } => Ok(MultiAnswer::Created(path)),
                    Answer::SetData(stat) => Ok(MultiAnswer::SetData(stat)),
                    _ => Ok(MultiAnswer::Deleted),
                }
            })
            .collect()
    }

    fn create(
        &mut self,
        txn: &Txn,
        path: &Path,
        data: &Bytes,
        acl: &Acls,
        ephemeral: bool,
        parent_cversion: i32,
    ) -> Result<Stat, Code> {
        let (parent, name) = split_path(path);
        let parent = self.nodes.get_mut(parent).ok_or(Code::NoNode)?;
        // A replay over a newer parent must not take its counters back.
        if parent_cversion > parent.stat.cversion {
            parent.stat.cversion = parent_cversion;
            parent.stat.pzxid = txn.zxid;
        }
        if !parent.children.insert(Rc::from(name)) {
            return Err(Code::NodeExists);
        }
        let owner = if ephemeral { txn.session } else { 0 };
        if ephemeral {
            self.ephemerals
                .entry(owner)
                .or_default()
                .insert(path.clone());
        }
        let node = DataNode {
            data: data.clone(),
            acl: acl.clone(),
            children: BTreeSet::new(),
            stat: StatPersisted {
                czxid: txn.zxid,
                mzxid: txn.zxid,
                ctime: txn.time,
                mtime: txn.time,
                pzxid: txn.zxid,
                ephemeral_owner: owner,
                ..StatPersisted::default()
            },
        };
        let stat = node.stat();
        self.nodes.insert(path.clone(), node);
        Ok(stat)
    }

    fn delete(&mut self, path: &str, zxid: Zxid) -> Result<(), Code> {
        let node = self.nodes.remove(path).ok_or(Code::NoNode)?;
        let owner = node.stat.ephemeral_owner;
        if let Some(owned) = self.ephemerals.get_mut(&owner) {
            owned.remove(path);
            if owned.is_empty() {
                self.ephemerals.remove(&owner);
            }
        }
        let (parent, name) = split_path(path);
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.children.remove(name);
            parent.stat.pzxid = parent.stat.pzxid.max(zxid);
        }
        Ok(())
    }

    fn close_session(&mut self, txn: &Txn, paths: &[Path], changes: &mut Vec<Change>) {
        self.sessions.remove(&txn.session);
        let mut owned = self.ephemerals.remove(&txn.session).unwrap_or_default();
        owned.extend(paths.iter().cloned());
        for path in owned {
            if self.delete(&path, txn.zxid).is_ok() {
                changes.push(Change::Deleted(path));
            }
        }
    }
}

impl DataNode {
    /// The counters as clients see them (`DataNode.copyStat`).
    pub fn stat(&self) -> Stat {
        let num_children = self.children.len() as i32;
        Stat {
            czxid: self.stat.czxid,
            mzxid: self.stat.mzxid,
            ctime: self.stat.ctime,
            mtime: self.stat.mtime,
            version: self.stat.version,
            cversion: self
                .stat
                .cversion
                .wrapping_mul(2)
                .wrapping_sub(num_children),
            aversion: self.stat.aversion,
            ephemeral_owner: self.stat.ephemeral_owner,
            data_length: self.data.len() as i32,
            num_children,
            pzxid: self.stat.pzxid,
        }
    }
}

/// A path's parent and its last name. The root is its own parent.
pub fn split_path(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((parent, name)) => (parent, name),
        None => ("/", path),
    }
}
