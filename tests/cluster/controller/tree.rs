//! A ZooKeeper of one page: nodes, versions, sessions, one-shot watches, and the log of transactions
//! in words. Independent of the real one (`zookeeper::DataTree`), which is built elsewhere.

use bytes::Bytes;
use kafka_trial::protocol::zookeeper::{
    Answer, Code, CreateMode, MultiAnswer, MultiOp, Op, SessionId, Stat, WatchType, WatchedEvent,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub data: Bytes,
    pub stat: Stat,
    children_made: i32,
}

#[derive(Default)]
pub struct Tree {
    pub nodes: BTreeMap<String, Node>,
    zxid: i64,
    next_session: SessionId,
    node_watches: BTreeSet<(String, SessionId)>,
    child_watches: BTreeSet<(String, SessionId)>,
    /// Watches that have fired and are not delivered yet.
    pub fired: VecDeque<(SessionId, WatchedEvent)>,
    /// Every transaction: who, and what.
    pub log: Vec<(SessionId, String)>,
}

impl Tree {
    pub fn new() -> Self {
        let mut tree = Tree::default();
        tree.nodes.insert("/".into(), Node::default());
        tree
    }

    pub fn create_session(&mut self) -> SessionId {
        self.next_session += 1;
        self.zxid += 1;
        self.next_session
    }

    /// Closed or expired: its ephemerals go in one transaction, its watches with it.
    pub fn close_session(&mut self, session: SessionId) {
        self.zxid += 1;
        self.node_watches.retain(|(_, owner)| *owner != session);
        self.child_watches.retain(|(_, owner)| *owner != session);
        self.fired.retain(|(owner, _)| *owner != session);
        let ephemerals: Vec<String> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.stat.ephemeral_owner == session && session != 0)
            .map(|(path, _)| path.clone())
            .collect();
        // /controller goes first, as in the recordings.
        for path in ephemerals.iter().rev() {
            self.remove(path);
        }
    }

    /// Nodes whose children this session watches.
    pub fn child_watches_of(&self, session: SessionId) -> Vec<&str> {
        let own = self.child_watches.iter();
        let own = own.filter(|(_, owner)| *owner == session);
        own.map(|(path, _)| path.as_str()).collect()
    }

    /// Nodes that this session watches.
    pub fn node_watches_of(&self, session: SessionId) -> Vec<&str> {
        let own = self.node_watches.iter();
        let own = own.filter(|(_, owner)| *owner == session);
        own.map(|(path, _)| path.as_str()).collect()
    }

    pub fn apply(&mut self, session: SessionId, op: Op) -> Result<Answer, Code> {
        match op {
            Op::GetData { path, watch } => {
                let Some(node) = self.nodes.get(&*path) else {
                    return Err(Code::NoNode);
                };
                let (data, stat) = (node.data.clone(), node.stat);
                if watch {
                    self.node_watches.insert((path.to_string(), session));
                }
                Ok(Answer::Data { data, stat })
            }
            Op::Exists { path, watch } => {
                if watch {
                    self.node_watches.insert((path.to_string(), session));
                }
                let node = self.nodes.get(&*path).ok_or(Code::NoNode)?;
                Ok(Answer::Exists(node.stat))
            }
            Op::GetChildren { path, watch } => {
                let stat = self.nodes.get(&*path).ok_or(Code::NoNode)?.stat;
                if watch {
                    self.child_watches.insert((path.to_string(), session));
                }
                let children = self.children(&path);
                Ok(Answer::Children { children, stat })
            }
            Op::Create { path, data, mode } => self.write(
                session,
                MultiOp::Create { path, data, mode },
                |answer, tree| match answer {
                    MultiAnswer::Created(path) => {
                        let stat = tree.nodes[&*path].stat;
                        Answer::Created { path, stat }
                    }
                    _ => unreachable!("a create was answered otherwise"),
                },
            ),
            Op::Delete { path, version } => {
                self.write(session, MultiOp::Delete { path, version }, |_, _| {
                    Answer::Deleted
                })
            }
            Op::SetData {
                path,
                data,
                version,
            } => self.write(
                session,
                MultiOp::SetData {
                    path,
                    data,
                    version,
                },
                |answer, _| match answer {
                    MultiAnswer::SetData(stat) => Answer::SetData(stat),
                    _ => unreachable!("a setData was answered otherwise"),
                },
            ),
            Op::Multi(ops) => Ok(Answer::Multi(self.multi(session, ops))),
            other => panic!("not asked by the controller's room: {other:?}"),
        }
    }

    fn write(
        &mut self,
        session: SessionId,
        op: MultiOp,
        answer: impl Fn(MultiAnswer, &Tree) -> Answer,
    ) -> Result<Answer, Code> {
        self.zxid += 1;
        match self.one(session, op) {
            Ok((done, text)) => {
                self.log.push((session, text));
                Ok(answer(done, self))
            }
            Err(code) => {
                self.log.push((session, format!("error {}", code.code())));
                Err(code)
            }
        }
    }

    fn multi(&mut self, session: SessionId, ops: Vec<MultiOp>) -> Vec<Result<MultiAnswer, Code>> {
        self.zxid += 1;
        let before = (
            self.nodes.clone(),
            self.node_watches.clone(),
            self.child_watches.clone(),
            self.fired.clone(),
        );
        let count = ops.len();
        let mut answers = Vec::new();
        let mut texts = Vec::new();
        for op in ops {
            match self.one(session, op) {
                Ok((answer, text)) => {
                    answers.push(Ok(answer));
                    texts.push(text);
                }
                Err(code) => {
                    (
                        self.nodes,
                        self.node_watches,
                        self.child_watches,
                        self.fired,
                    ) = before;
                    answers = vec![Ok(MultiAnswer::RolledBack); answers.len()];
                    answers.push(Err(code));
                    answers.resize(count, Err(Code::RuntimeInconsistency));
                    texts.retain(|text| text.starts_with("check"));
                    texts.push(format!("error {}", code.code()));
                    texts.resize(count, "error -2".into());
                    break;
                }
            }
        }
        self.log
            .push((session, format!("multi({})", texts.join("; "))));
        answers
    }

    /// What was done, in the log's words: a checked version shows as the version + 1.
    fn one(&mut self, session: SessionId, op: MultiOp) -> Result<(MultiAnswer, String), Code> {
        let zxid = self.zxid;
        match op {
            MultiOp::Check { path, version } => {
                let node = self.nodes.get(&*path).ok_or(Code::NoNode)?;
                if version != -1 && node.stat.version != version {
                    return Err(Code::BadVersion);
                }
                Ok((
                    MultiAnswer::Checked,
                    format!("check {path} v{}", version + 1),
                ))
            }
            MultiOp::Create { path, data, mode } => {
                let path = self.create(session, &path, data.clone(), mode)?;
                let text = format!("create {path} {}", show(&data));
                Ok((MultiAnswer::Created(path), text))
            }
            MultiOp::SetData {
                path,
                data,
                version,
            } => {
                let node = self.nodes.get_mut(&*path).ok_or(Code::NoNode)?;
                if version != -1 && node.stat.version != version {
                    return Err(Code::BadVersion);
                }
                let text = show(&data);
                node.data = data;
                node.stat.version += 1;
                node.stat.mzxid = zxid;
                let stat = node.stat;
                self.fire_node(&path, WatchType::NodeDataChanged);
                let text = format!("setData {path} v{} {text}", stat.version);
                Ok((MultiAnswer::SetData(stat), text))
            }
            MultiOp::Delete { path, version } => {
                let node = self.nodes.get(&*path).ok_or(Code::NoNode)?;
                if version != -1 && node.stat.version != version {
                    return Err(Code::BadVersion);
                }
                if !self.children(&path).is_empty() {
                    return Err(Code::NotEmpty);
                }
                self.remove(&path);
                Ok((MultiAnswer::Deleted, format!("delete {path}")))
            }
        }
    }

    fn create(
        &mut self,
        session: SessionId,
        path: &str,
        data: Bytes,
        mode: CreateMode,
    ) -> Result<Rc<str>, Code> {
        let parent = parent(path);
        let node = self.nodes.get_mut(parent).ok_or(Code::NoNode)?;
        let path = match mode.sequential {
            true => format!("{path}{:010}", node.children_made),
            false => path.to_owned(),
        };
        if self.nodes.contains_key(&path) {
            return Err(Code::NodeExists);
        }
        let node = self.nodes.get_mut(parent).ok_or(Code::NoNode)?;
        node.children_made += 1;
        node.stat.cversion += 1;
        node.stat.num_children += 1;
        let stat = Stat {
            czxid: self.zxid,
            mzxid: self.zxid,
            ctime: crate::controller::cluster::NOW_MS,
            ephemeral_owner: if mode.ephemeral { session } else { 0 },
            ..Stat::default()
        };
        let made = Node {
            data,
            stat,
            children_made: 0,
        };
        self.nodes.insert(path.clone(), made);
        self.fire_node(&path, WatchType::NodeCreated);
        self.fire_children(parent);
        Ok(path.into())
    }

    fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        let parent = parent(path).to_owned();
        if let Some(node) = self.nodes.get_mut(&parent) {
            node.stat.cversion += 1;
            node.stat.num_children -= 1;
        }
        self.fire_node(path, WatchType::NodeDeleted);
        self.fire_children(&parent);
    }

    fn children(&self, path: &str) -> Vec<Rc<str>> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        self.nodes
            .keys()
            .filter_map(|name| name.strip_prefix(&prefix))
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .map(Rc::from)
            .collect()
    }

    fn fire_node(&mut self, path: &str, kind: WatchType) {
        let fired: Vec<_> = self
            .node_watches
            .extract_if(.., |(watched, _)| watched == path)
            .collect();
        for (path, session) in fired {
            let path = path.into();
            self.fired.push_back((session, WatchedEvent { kind, path }));
        }
    }

    fn fire_children(&mut self, path: &str) {
        let fired: Vec<_> = self
            .child_watches
            .extract_if(.., |(watched, _)| watched == path)
            .collect();
        for (path, session) in fired {
            let kind = WatchType::NodeChildrenChanged;
            let path = path.into();
            self.fired.push_back((session, WatchedEvent { kind, path }));
        }
    }
}

fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(slash) => &path[..slash],
    }
}

fn show(data: &Bytes) -> String {
    String::from_utf8_lossy(data).into_owned()
}
