//! Watches of the clients of one server (`WatchManager`, `DataTree.triggerWatch`; ZK6, ZK7,
//! ZK8): kept in memory, per connection, gone when it is.

use super::DataTree;
use super::data_tree::{Change, split_path};
use crate::kernel::ConnId;
use crate::protocol::zookeeper::{Path, WatchType, WatchedEvent, Zxid};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Data (and existence) watches and child watches of all connections.
#[derive(Clone, Debug, Default)]
pub struct WatchManager {
    data: Watches,
    child: Watches,
}

/// A client's watches that it wants to have again (`SetWatches`).
#[derive(Clone, Copy, Debug)]
pub struct Rewatch<'a> {
    /// What the client has seen last: changes after it are told at once.
    pub relative_zxid: Zxid,
    pub data: &'a [Path],
    pub exist: &'a [Path],
    pub child: &'a [Path],
}

impl WatchManager {
    /// A getData or exists watch.
    pub fn watch_data(&mut self, conn: ConnId, path: &Path) {
        self.data.add(conn, path);
    }

    /// A getChildren watch.
    pub fn watch_children(&mut self, conn: ConnId, path: &Path) {
        self.child.add(conn, path);
    }

    /// Forgets a connection.
    pub fn remove(&mut self, conn: ConnId) {
        self.data.remove(conn);
        self.child.remove(conn);
    }

    /// What is watched, by kind and path: whether for children, and on which connection.
    pub fn all(&self) -> impl Iterator<Item = (bool, &Path, ConnId)> {
        let data = self.data.by_path.iter().map(|of| (false, of));
        let child = self.child.by_path.iter().map(|of| (true, of));
        let all = data.chain(child);
        all.flat_map(|(children, (path, conns))| {
            conns.iter().map(move |conn| (children, path, *conn))
        })
    }

    /// Takes the watches that a change fires and tells whom to tell what, in order.
    pub fn trigger(&mut self, change: &Change) -> Vec<(ConnId, WatchedEvent)> {
        let mut events = Vec::new();
        let mut tell = |conns: BTreeSet<ConnId>, kind, path: &Path| {
            events.extend(conns.into_iter().map(|conn| {
                let path = path.clone();
                (conn, WatchedEvent { kind, path })
            }));
        };
        match change {
            Change::DataChanged(path) => {
                tell(self.data.take(path), WatchType::NodeDataChanged, path);
            }
            Change::Created(path) => {
                tell(self.data.take(path), WatchType::NodeCreated, path);
                self.children_changed(path, &mut tell);
            }
            Change::Deleted(path) => {
                // One event a connection, however it watched the node.
                let mut conns = self.data.take(path);
                conns.append(&mut self.child.take(path));
                tell(conns, WatchType::NodeDeleted, path);
                self.children_changed(path, &mut tell);
            }
        }
        events
    }

    fn children_changed(
        &mut self,
        path: &Path,
        tell: &mut impl FnMut(BTreeSet<ConnId>, WatchType, &Path),
    ) {
        let conns = self.child.take(split_path(path).0);
        if !conns.is_empty() {
            let parent: Path = Rc::from(split_path(path).0);
            tell(conns, WatchType::NodeChildrenChanged, &parent);
        }
    }

    /// Sets a returning client's watches, or answers at once the events that it missed.
    pub fn set_watches(
        &mut self,
        conn: ConnId,
        tree: &DataTree,
        watches: &Rewatch<'_>,
    ) -> Vec<WatchedEvent> {
        let mut missed = Vec::new();
        let mut miss = |kind, path: &Path| {
            let path = path.clone();
            missed.push(WatchedEvent { kind, path });
        };
        for path in watches.data {
            match tree.get(path) {
                None => miss(WatchType::NodeDeleted, path),
                Some((_, stat)) if stat.mzxid > watches.relative_zxid => {
                    miss(WatchType::NodeDataChanged, path);
                }
                Some(_) => self.data.add(conn, path),
            }
        }
        for path in watches.exist {
            match tree.get(path) {
                Some(_) => miss(WatchType::NodeCreated, path),
                None => self.data.add(conn, path),
            }
        }
        for path in watches.child {
            match tree.get(path) {
                None => miss(WatchType::NodeDeleted, path),
                Some((_, stat)) if stat.pzxid > watches.relative_zxid => {
                    miss(WatchType::NodeChildrenChanged, path);
                }
                Some(_) => self.child.add(conn, path),
            }
        }
        missed
    }
}

/// One kind of watches, found by path and by connection.
#[derive(Clone, Debug, Default)]
struct Watches {
    by_path: BTreeMap<Path, BTreeSet<ConnId>>,
    by_conn: BTreeMap<ConnId, BTreeSet<Path>>,
}

impl Watches {
    fn add(&mut self, conn: ConnId, path: &Path) {
        self.by_path.entry(path.clone()).or_default().insert(conn);
        self.by_conn.entry(conn).or_default().insert(path.clone());
    }

    /// The watches on a path: one shot, so they are gone.
    fn take(&mut self, path: &str) -> BTreeSet<ConnId> {
        let conns = self.by_path.remove(path).unwrap_or_default();
        for conn in &conns {
            if let Some(paths) = self.by_conn.get_mut(conn) {
                paths.remove(path);
            }
        }
        conns
    }

    fn remove(&mut self, conn: ConnId) {
        for path in self.by_conn.remove(&conn).unwrap_or_default() {
            if let Some(conns) = self.by_path.get_mut(&path) {
                conns.remove(&conn);
                if conns.is_empty() {
                    self.by_path.remove(&path);
                }
            }
        }
    }
}
