//! A sequential ZooKeeper: what requests would answer if there were one server and one request at a
//! time. It shares no code with the simulated servers.
//!
//! Every node keeps its past, so that a read can be held against the moment at which it was made.

use crate::protocol::zab::{Txn, TxnBody};
use crate::protocol::zookeeper::{
    Answer, Code, CreateMode, MultiAnswer, MultiOp, Op, SessionId, Stat, Zxid,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A node at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    data: Bytes,
    czxid: Zxid,
    mzxid: Zxid,
    pzxid: Zxid,
    version: i32,
    aversion: i32,
    /// Children ever made.
    made: i32,
    owner: SessionId,
    children: BTreeSet<Rc<str>>,
}

impl Node {
    fn new(data: Bytes, zxid: Zxid, owner: SessionId) -> Self {
        Node {
            data,
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            version: 0,
            aversion: 0,
            made: 0,
            owner,
            children: BTreeSet::new(),
        }
    }

    /// Does an answer show this node? Times are the servers' own.
    fn shows(&self, stat: &Stat) -> bool {
        let children = self.children.len() as i32;
        *stat
            == Stat {
                czxid: self.czxid,
                mzxid: self.mzxid,
                ctime: stat.ctime,
                mtime: stat.mtime,
                version: self.version,
                cversion: self.made * 2 - children,
                aversion: self.aversion,
                ephemeral_owner: self.owner,
                data_length: self.data.len() as i32,
                num_children: children,
                pzxid: self.pzxid,
            }
    }
}

/// What a node was, and since when; `None`: there was none.
type Past = Vec<(Zxid, Option<Rc<Node>>)>;

/// The tree with its past.
#[derive(Debug)]
pub struct Model {
    nodes: BTreeMap<Rc<str>, Past>,
    /// What a multi under way has changed so far.
    trial: Option<BTreeMap<Rc<str>, Option<Node>>>,
}

impl Default for Model {
    fn default() -> Self {
        let mut model = Model {
            nodes: BTreeMap::new(),
            trial: None,
        };
        let mut root = Node::new(Bytes::new(), 0, 0);
        root.children.insert("zookeeper".into());
        model.put("/", 0, Some(root));
        let mut own = Node::new(Bytes::new(), 0, 0);
        own.children = ["config", "quota"].map(Rc::from).into();
        model.put("/zookeeper", 0, Some(own));
        model.put("/zookeeper/quota", 0, Some(Node::new(Bytes::new(), 0, 0)));
        let mut config = Node::new(Bytes::new(), 0, 0);
        config.aversion = -1;
        model.put("/zookeeper/config", 0, Some(config));
        model
    }
}

impl Model {
    /// A node as it was when `zxid` was the last transaction.
    pub fn at(&self, path: &str, zxid: Zxid) -> Option<&Rc<Node>> {
        let past = self.nodes.get(path)?;
        let end = past.partition_point(|(changed, _)| *changed <= zxid);
        past[..end].last()?.1.as_ref()
    }

    /// The first time after `zxid` at which the data of a node (or whether it is there) changed.
    pub fn data_changed_after(&self, path: &str, zxid: Zxid) -> Option<Zxid> {
        self.changed_after(path, zxid, |before, after| match (before, after) {
            (Some(before), Some(after)) => before.mzxid != after.mzxid,
            (before, after) => before.is_some() != after.is_some(),
        })
    }

    /// The first time after `zxid` at which a node's children changed, or it went.
    pub fn children_changed_after(&self, path: &str, zxid: Zxid) -> Option<Zxid> {
        self.changed_after(path, zxid, |before, after| match (before, after) {
            (Some(before), Some(after)) => {
                before.made != after.made || before.children != after.children
            }
            (before, after) => before.is_some() && after.is_none(),
        })
    }

    fn changed_after(
        &self,
        path: &str,
        zxid: Zxid,
        differs: impl Fn(Option<&Node>, Option<&Node>) -> bool,
    ) -> Option<Zxid> {
        let past = self.nodes.get(path)?;
        let first = past.partition_point(|(changed, _)| *changed <= zxid);
        let mut before = first
            .checked_sub(1)
            .and_then(|last| past[last].1.as_deref());
        for (changed, after) in &past[first..] {
            if differs(before, after.as_deref()) {
                return Some(*changed);
            }
            before = after.as_deref();
        }
        None
    }

    /// Ephemerals of a session that are there.
    pub fn ephemerals(&self, session: SessionId) -> Vec<Rc<str>> {
        let owned = |(path, past): (&Rc<str>, &Past)| {
            let node = past.last()?.1.as_ref()?;
            (node.owner == session).then(|| path.clone())
        };
        self.nodes.iter().filter_map(owned).collect()
    }

    /// The next transaction, which is this request. `Err`: what an answer must be instead of it.
    pub fn apply(&mut self, txn: &Txn, op: Option<&Op>) -> Result<(), String> {
        match (&txn.body, op) {
            (TxnBody::CloseSession { .. }, _) => {
                for path in self.ephemerals(txn.session) {
                    let _ = self.delete(&path, -1, txn.zxid);
                }
                Ok(())
            }
            (TxnBody::CreateSession { .. }, _) => Ok(()),
            // The session is over, or another server's: the request was not even looked at.
            (TxnBody::Error(Code::SessionExpired | Code::SessionMoved), _) => Ok(()),
            (TxnBody::Multi(bodies), Some(Op::Multi(ops))) => self.multi(txn, bodies, ops),
            (body, Some(op)) => {
                let ours = self.write(txn, op);
                match (ours, body) {
                    (Err(ours), TxnBody::Error(theirs)) if ours == *theirs => Ok(()),
                    (Ok(()), TxnBody::Error(theirs)) => Err(format!(
                        "{} should have worked and failed: {theirs}",
                        op.name()
                    )),
                    (Err(ours), _) => Err(format!("{} should have failed: {ours}", op.name())),
                    (Ok(()), _) => Ok(()),
                }
            }
            (body, None) => {
                // Nobody has told what was asked: the outcome is taken as it is.
                self.take(txn, body);
                Ok(())
            }
        }
    }

    fn multi(&mut self, txn: &Txn, bodies: &[TxnBody], ops: &[MultiOp]) -> Result<(), String> {
        let moved = |body: &TxnBody| {
            matches!(
                body,
                TxnBody::Error(Code::SessionExpired | Code::SessionMoved)
            )
        };
        if bodies.iter().any(moved) {
            return Ok(());
        }
        self.trial = Some(BTreeMap::new());
        let mut failed = None;
        for (place, op) in ops.iter().enumerate() {
            if let Err(code) = self.write_part(txn, op) {
                failed = Some((place, code));
                break;
            }
        }
        let changed = self.trial.take().unwrap_or_default();
        let theirs = bodies
            .iter()
            .enumerate()
            .find_map(|(place, body)| match body {
                TxnBody::Error(code) => Some((place, *code)),
                _ => None,
            });
        if failed != theirs {
            return Err(format!(
                "a multi should have failed as {failed:?} and failed as {theirs:?}"
            ));
        }
        if failed.is_none() {
            for (path, node) in changed {
                self.put(&path, txn.zxid, node);
            }
        }
        Ok(())
    }

    fn write(&mut self, txn: &Txn, op: &Op) -> Result<(), Code> {
        match op {
            Op::Create { path, data, mode } => self.create(txn, path, data, *mode),
            Op::Delete { path, version } => self.delete(path, *version, txn.zxid),
            Op::SetData {
                path,
                data,
                version,
            } => self.set(path, data, *version, txn.zxid),
            Op::SetAcl { path, version, .. } => {
                let mut node = self.now(path)?;
                if *version != -1 && *version != node.aversion {
                    return Err(Code::BadVersion);
                }
                node.aversion += 1;
                self.put(path, txn.zxid, Some(node));
                Ok(())
            }
            _ => Err(Code::Unimplemented),
        }
    }

    fn write_part(&mut self, txn: &Txn, op: &MultiOp) -> Result<(), Code> {
        match op {
            MultiOp::Create { path, data, mode } => self.create(txn, path, data, *mode),
            MultiOp::Delete { path, version } => self.delete(path, *version, txn.zxid),
            MultiOp::SetData {
                path,
                data,
                version,
            } => self.set(path, data, *version, txn.zxid),
            MultiOp::Check { path, version } => {
                let node = self.now(path)?;
                match *version == -1 || *version == node.version {
                    true => Ok(()),
                    false => Err(Code::BadVersion),
                }
            }
        }
    }

    /// An outcome, without the request.
    fn take(&mut self, txn: &Txn, body: &TxnBody) {
        let _ = match body {
            TxnBody::Create {
                path,
                data,
                ephemeral,
                ..
            } => self.create(
                txn,
                path,
                data,
                CreateMode {
                    ephemeral: *ephemeral,
                    sequential: false,
                },
            ),
            TxnBody::Delete { path } => self.delete(path, -1, txn.zxid),
            TxnBody::SetData { path, data, .. } => self.set(path, data, -1, txn.zxid),
            TxnBody::SetAcl { path, version, .. } => self.now(path).map(|mut node| {
                node.aversion = *version;
                self.put(path, txn.zxid, Some(node));
            }),
            TxnBody::Multi(bodies) => {
                if !bodies.iter().any(|body| matches!(body, TxnBody::Error(_))) {
                    bodies.iter().for_each(|body| self.take(txn, body));
                }
                Ok(())
            }
            TxnBody::CreateSession { .. }
            | TxnBody::CloseSession { .. }
            | TxnBody::Check { .. }
            | TxnBody::Error(_) => Ok(()),
        };
    }

    fn create(
        &mut self,
        txn: &Txn,
        path: &str,
        data: &Bytes,
        mode: CreateMode,
    ) -> Result<(), Code> {
        let (parent_path, _) = split(path);
        let mut parent = self.now(parent_path)?;
        let path = match mode.sequential {
            true => format!("{path}{:010}", parent.made),
            false => path.to_owned(),
        };
        if self.now(&path).is_ok() {
            return Err(Code::NodeExists);
        }
        if parent.owner != 0 {
            return Err(Code::NoChildrenForEphemerals);
        }
        let name = split(&path).1;
        parent.made += 1;
        parent.pzxid = txn.zxid;
        parent.children.insert(name.into());
        let owner = if mode.ephemeral { txn.session } else { 0 };
        self.put(parent_path, txn.zxid, Some(parent));
        let node = Node::new(data.clone(), txn.zxid, owner);
        self.put(&path, txn.zxid, Some(node));
        Ok(())
    }

    fn delete(&mut self, path: &str, version: i32, zxid: Zxid) -> Result<(), Code> {
        let (parent_path, name) = split(path);
        if path == "/" || path == "/zookeeper" || path.starts_with("/zookeeper/") {
            return Err(Code::BadArguments);
        }
        let mut parent = self.now(parent_path)?;
        let node = self.now(path)?;
        if version != -1 && version != node.version {
            return Err(Code::BadVersion);
        }
        if !node.children.is_empty() {
            return Err(Code::NotEmpty);
        }
        parent.pzxid = zxid;
        parent.children.remove(name);
        self.put(parent_path, zxid, Some(parent));
        self.put(path, zxid, None);
        Ok(())
    }

    fn set(&mut self, path: &str, data: &Bytes, version: i32, zxid: Zxid) -> Result<(), Code> {
        let mut node = self.now(path)?;
        if version != -1 && version != node.version {
            return Err(Code::BadVersion);
        }
        node.version += 1;
        node.mzxid = zxid;
        node.data = data.clone();
        self.put(path, zxid, Some(node));
        Ok(())
    }

    fn now(&self, path: &str) -> Result<Node, Code> {
        if let Some(node) = self.trial.as_ref().and_then(|trial| trial.get(path)) {
            return node.clone().ok_or(Code::NoNode);
        }
        let last = self.nodes.get(path).and_then(|past| past.last());
        let node = last.and_then(|(_, node)| node.as_deref());
        node.cloned().ok_or(Code::NoNode)
    }

    fn put(&mut self, path: &str, zxid: Zxid, node: Option<Node>) {
        if let Some(trial) = &mut self.trial {
            trial.insert(path.into(), node);
            return;
        }
        let past = self.nodes.entry(path.into()).or_default();
        if past.last().is_some_and(|(changed, _)| *changed == zxid) {
            past.pop();
        }
        past.push((zxid, node.map(Rc::new)));
    }

    /// Does an answer that was given when `zxid` was the last transaction show what was there?
    pub fn judge(&self, op: &Op, zxid: Zxid, result: &Result<Answer, Code>) -> Result<(), String> {
        let answer = match result {
            Ok(answer) => answer,
            Err(Code::NoNode) => {
                let read = match op {
                    Op::GetData { path, .. }
                    | Op::Exists { path, .. }
                    | Op::GetChildren { path, .. }
                    | Op::GetAcl { path } => path,
                    _ => return Ok(()),
                };
                return match self.at(read, zxid) {
                    None => Ok(()),
                    Some(_) => Err(format!("{read} was there, and the answer is NoNode")),
                };
            }
            Err(_) => return Ok(()),
        };
        let show = |path: &str, stat: &Stat| match self.at(path, zxid) {
            Some(node) if node.shows(stat) => Ok(node.clone()),
            node => Err(format!("{path} was {node:?}, and the answer is {stat:?}")),
        };
        match (op, answer) {
            (Op::GetData { path, .. }, Answer::Data { data, stat }) => {
                let node = show(path, stat)?;
                match node.data == *data {
                    true => Ok(()),
                    false => Err(format!("{path} held other data")),
                }
            }
            (Op::GetChildren { path, .. }, Answer::Children { children, stat }) => {
                let node = show(path, stat)?;
                match node.children.iter().eq(children.iter()) {
                    true => Ok(()),
                    false => Err(format!("{path} had other children")),
                }
            }
            (
                Op::Exists { path, .. } | Op::SetData { path, .. } | Op::SetAcl { path, .. },
                Answer::Exists(stat) | Answer::SetData(stat) | Answer::AclSet(stat),
            ) => show(path, stat).map(|_| ()),
            (Op::Create { .. }, Answer::Created { path, stat }) => show(path, stat).map(|_| ()),
            (Op::Delete { path, .. }, Answer::Deleted) => match self.at(path, zxid) {
                None => Ok(()),
                Some(_) => Err(format!("{path} was deleted, and is there")),
            },
            (Op::Multi(_), Answer::Multi(results)) => {
                for result in results {
                    if let Ok(MultiAnswer::Created(path)) = result
                        && !self.nodes.contains_key(path)
                    {
                        return Err(format!("{path} was never made"));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A path's parent and its last name.
fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((parent, name)) => (parent, name),
        None => ("/", path),
    }
}
