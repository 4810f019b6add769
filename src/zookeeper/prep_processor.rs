//! Requests become transactions (`PrepRequestProcessor`): conditions are checked, in ZooKeeper's
//! order and with its codes, against the tree as it will be once everything before is applied.

use super::DataTree;
use super::data_tree::split_path;
use super::session_expiry::SessionTracker;
use crate::protocol::rules::{Rules, ZkCloseSession, ZkSessionOwnerCheck};
use crate::protocol::zab::{ServerId, Txn, TxnBody, counter_of};
use crate::protocol::zookeeper::{Acl, Acls, Code, CreateMode, MultiOp, Op, Path, SessionId, Zxid};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Gives out zxids and remembers the changes that are prepared and not yet applied.
#[derive(Clone, Debug)]
pub struct PrepProcessor {
    zxid: Zxid,
    outstanding: VecDeque<(Zxid, Path)>,
    by_path: BTreeMap<Path, ChangeRecord>,
    open_acl: Acls,
    close_session: ZkCloseSession,
    owner_check: ZkSessionOwnerCheck,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub session: SessionId,
    pub cxid: i32,
    /// Milliseconds since 1970 on the server's clock.
    pub time: i64,
    /// The server that the session speaks with.
    pub server: ServerId,
}

/// A node as it will be.
#[derive(Clone, Copy, Debug)]
struct ChangeRecord {
    zxid: Zxid,
    /// `None`: it will be gone.
    node: Option<NodeState>,
}

#[derive(Clone, Copy, Debug)]
struct NodeState {
    version: i32,
    /// Children ever created.
    cversion: i32,
    aversion: i32,
    ephemeral_owner: SessionId,
    child_count: u32,
}

/// A write on its way to a transaction.
struct Step<'a> {
    session: SessionId,
    zxid: Zxid,
    tree: &'a DataTree,
    /// What a failed multi must take back.
    undo: Vec<(Path, Option<ChangeRecord>)>,
}

impl PrepProcessor {
    /// `zxid` is the last one used.
    pub fn new(zxid: Zxid, rules: &Rules) -> Self {
        PrepProcessor {
            zxid,
            outstanding: VecDeque::new(),
            by_path: BTreeMap::new(),
            open_acl: Rc::from([Acl::open()]),
            close_session: rules.zk_close_session,
            owner_check: rules.zk_session_owner_check,
        }
    }

    /// A new session's transaction.
    pub fn create_session(&mut self, origin: Origin, timeout_ms: u32) -> Txn {
        let timeout_ms = i32::try_from(timeout_ms).unwrap_or(i32::MAX);
        self.txn(origin, TxnBody::CreateSession { timeout_ms })
    }

    /// The end of a session, asked for or expired: with all its ephemerals.
    pub fn close_session(&mut self, origin: Origin, tree: &DataTree) -> Txn {
        let zxid = self.next_zxid();
        let mut paths: Vec<Path> = tree
            .ephemerals(origin.session)
            .filter(|path| !self.by_path.contains_key(*path))
            .cloned()
            .collect();
        let pending = self.by_path.iter().filter(|(_, record)| {
            record
                .node
                .is_some_and(|node| node.ephemeral_owner == origin.session)
        });
        paths.extend(pending.map(|(path, _)| path.clone()));
        paths.sort();
        if self.close_session == ZkCloseSession::Nothing {
            paths.clear();
        }
        let mut step = Step::new(origin.session, zxid, tree);
        for path in &paths {
            self.forget_child_of(path, &mut step);
            self.change(path, None, &mut step);
        }
        Txn {
            session: origin.session,
            cxid: origin.cxid,
            zxid,
            time: origin.time,
            body: TxnBody::CloseSession { paths },
        }
    }

    /// A write's transaction; one that fails is an `Error` transaction, which uses its
    /// zxid too. `None` for a read. `Err`: a read that the session's state forbids.
    pub fn request(
        &mut self,
        origin: Origin,
        op: &Op,
        tree: &DataTree,
        sessions: &mut SessionTracker,
    ) -> Result<Option<Txn>, Code> {
        let allowed = match sessions.check(origin.session, origin.server) {
            Err(Code::SessionMoved) if self.owner_check == ZkSessionOwnerCheck::Off => Ok(()),
            allowed => allowed,
        };
        if !op.is_write() {
            return allowed.map(|()| None);
        }
        let zxid = self.next_zxid();
        let mut step = Step::new(origin.session, zxid, tree);
        let body = match op {
            Op::Multi(ops) => self.multi(ops, allowed, &mut step),
            op => allowed
                .and_then(|()| self.write(op, &mut step))
                .unwrap_or_else(TxnBody::Error),
        };
        Ok(Some(Txn {
            session: origin.session,
            cxid: origin.cxid,
            zxid,
            time: origin.time,
            body,
        }))
    }

    /// Everything up to `zxid` is in the tree now.
    pub fn applied(&mut self, zxid: Zxid) {
        while let Some((change, _)) = self.outstanding.front()
            && *change <= zxid
        {
            if let Some((_, path)) = self.outstanding.pop_front()
                && self
                    .by_path
                    .get(&path)
                    .is_some_and(|latest| latest.zxid <= zxid)
            {
                self.by_path.remove(&path);
            }
        }
    }

    fn next_zxid(&mut self) -> Zxid {
        self.zxid += 1;
        assert!(
            counter_of(self.zxid) != 0,
            "an epoch's counter is used up at 0x{:x}",
            self.zxid
        );
        self.zxid
    }

    fn txn(&mut self, origin: Origin, body: TxnBody) -> Txn {
        Txn {
            session: origin.session,
            cxid: origin.cxid,
            zxid: self.next_zxid(),
            time: origin.time,
            body,
        }
    }

    fn multi(
        &mut self,
        ops: &[MultiOp],
        allowed: Result<(), Code>,
        step: &mut Step<'_>,
    ) -> TxnBody {
        let mark = self.outstanding.len();
        let mut failed = false;
        let bodies = ops.iter().map(|op| {
            if failed {
                return TxnBody::Error(Code::RuntimeInconsistency);
            }
            let body = allowed.and_then(|()| match op {
                MultiOp::Create { path, data, mode } => self.create(path, data, *mode, step),
                MultiOp::Delete { path, version } => self.delete(path, *version, step),
                MultiOp::SetData {
                    path,
                    data,
                    version,
                } => self.set_data(path, data, *version, step),
                MultiOp::Check { path, version } => self.check(path, *version, step),
            });
            body.unwrap_or_else(|code| {
                failed = true;
                self.roll_back(mark, step);
                TxnBody::Error(code)
            })
        });
        TxnBody::Multi(bodies.collect())
    }

    fn roll_back(&mut self, mark: usize, step: &mut Step<'_>) {
        self.outstanding.truncate(mark);
        for (path, before) in step.undo.drain(..).rev() {
            match before {
                Some(record) => self.by_path.insert(path, record),
                None => self.by_path.remove(&path),
            };
        }
    }

    fn write(&mut self, op: &Op, step: &mut Step<'_>) -> Result<TxnBody, Code> {
        match op {
            Op::Create { path, data, mode } => self.create(path, data, *mode, step),
            Op::Delete { path, version } => self.delete(path, *version, step),
            Op::SetData {
                path,
                data,
                version,
            } => self.set_data(path, data, *version, step),
            Op::SetAcl { path, acl, version } => {
                validate_path(path)?;
                let mut node = self.node(path, step.tree)?;
                node.aversion = next_version(node.aversion, *version)?;
                self.change(path, Some(node), step);
                Ok(TxnBody::SetAcl {
                    path: path.clone(),
                    acl: acl.clone(),
                    version: node.aversion,
                })
            }
            _ => Err(Code::Unimplemented),
        }
    }

    fn create(
        &mut self,
        path: &Path,
        data: &Bytes,
        mode: CreateMode,
        step: &mut Step<'_>,
    ) -> Result<TxnBody, Code> {
        if !path.contains('/') || path.contains('\0') {
            return Err(Code::BadArguments);
        }
        let parent_path: Path = Rc::from(split_path(path).0);
        let mut parent = self.node(&parent_path, step.tree)?;
        let path: Path = if mode.sequential {
            Rc::from(format!("{path}{:010}", parent.cversion))
        } else {
            path.clone()
        };
        validate_path(&path)?;
        if self.node(&path, step.tree).is_ok() {
            return Err(Code::NodeExists);
        }
        if parent.ephemeral_owner != 0 {
            return Err(Code::NoChildrenForEphemerals);
        }
        parent.cversion = parent.cversion.wrapping_add(1);
        parent.child_count += 1;
        self.change(&parent_path, Some(parent), step);
        let node = NodeState {
            version: 0,
            cversion: 0,
            aversion: 0,
            ephemeral_owner: if mode.ephemeral { step.session } else { 0 },
            child_count: 0,
        };
        self.change(&path, Some(node), step);
        Ok(TxnBody::Create {
            path,
            data: data.clone(),
            acl: self.open_acl.clone(),
            ephemeral: mode.ephemeral,
            parent_cversion: parent.cversion,
        })
    }

    fn delete(&mut self, path: &Path, version: i32, step: &mut Step<'_>) -> Result<TxnBody, Code> {
        if !path.contains('/') || path.contains('\0') || SPECIAL_PATHS.contains(&&**path) {
            return Err(Code::BadArguments);
        }
        self.node(split_path(path).0, step.tree)?;
        let node = self.node(path, step.tree)?;
        next_version(node.version, version)?;
        if node.child_count > 0 {
            return Err(Code::NotEmpty);
        }
        self.forget_child_of(path, step);
        self.change(path, None, step);
        Ok(TxnBody::Delete { path: path.clone() })
    }

    fn set_data(
        &mut self,
        path: &Path,
        data: &Bytes,
        version: i32,
        step: &mut Step<'_>,
    ) -> Result<TxnBody, Code> {
        validate_path(path)?;
        let mut node = self.node(path, step.tree)?;
        node.version = next_version(node.version, version)?;
        self.change(path, Some(node), step);
        Ok(TxnBody::SetData {
            path: path.clone(),
            data: data.clone(),
            version: node.version,
        })
    }

    fn check(&mut self, path: &Path, version: i32, step: &mut Step<'_>) -> Result<TxnBody, Code> {
        validate_path(path)?;
        let node = self.node(path, step.tree)?;
        Ok(TxnBody::Check {
            path: path.clone(),
            version: next_version(node.version, version)?,
        })
    }

    /// A node as it will be (`getRecordForPath`).
    fn node(&self, path: &str, tree: &DataTree) -> Result<NodeState, Code> {
        if let Some(record) = self.by_path.get(path) {
            return record.node.ok_or(Code::NoNode);
        }
        let node = tree.node(path).ok_or(Code::NoNode)?;
        Ok(NodeState {
            version: node.stat.version,
            cversion: node.stat.cversion,
            aversion: node.stat.aversion,
            ephemeral_owner: node.stat.ephemeral_owner,
            child_count: node.children.len() as u32,
        })
    }

    fn forget_child_of(&mut self, path: &str, step: &mut Step<'_>) {
        let parent_path: Path = Rc::from(split_path(path).0);
        if let Ok(mut parent) = self.node(&parent_path, step.tree) {
            parent.child_count = parent.child_count.saturating_sub(1);
            self.change(&parent_path, Some(parent), step);
        }
    }

    fn change(&mut self, path: &Path, node: Option<NodeState>, step: &mut Step<'_>) {
        let zxid = step.zxid;
        self.outstanding.push_back((zxid, path.clone()));
        let before = self
            .by_path
            .insert(path.clone(), ChangeRecord { zxid, node });
        step.undo.push((path.clone(), before));
    }
}

impl<'a> Step<'a> {
    fn new(session: SessionId, zxid: Zxid, tree: &'a DataTree) -> Self {
        let undo = Vec::new();
        Step {
            session,
            zxid,
            tree,
            undo,
        }
    }
}

/// Nodes that nobody may delete (`ZKDatabase.isSpecialPath`).
const SPECIAL_PATHS: [&str; 4] = ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"];

/// `checkAndIncVersion`
fn next_version(current: i32, expected: i32) -> Result<i32, Code> {
    if expected != -1 && expected != current {
        return Err(Code::BadVersion);
    }
    Ok(current.wrapping_add(1))
}

/// `PathUtils.validatePath`
fn validate_path(path: &str) -> Result<(), Code> {
    let names = match path {
        "/" => return Ok(()),
        _ => path.strip_prefix('/').ok_or(Code::BadArguments)?,
    };
    let legal_char = |c: char| {
        !matches!(c,
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..)
    };
    let legal = names.split('/').all(|name| {
        !name.is_empty() && name != "." && name != ".." && name.chars().all(legal_char)
    });
    legal.then_some(()).ok_or(Code::BadArguments)
}
