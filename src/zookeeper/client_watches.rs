//! The watches that a client has asked for (`ZKWatchManager`): kept to be set again on another
//! server, and taken when they fire.

use crate::protocol::zookeeper::{Answer, Code, Op, Path, WatchType, WatchedEvent, Zxid};
use std::collections::BTreeSet;

/// Paths watched, by what was asked.
#[derive(Clone, Debug, Default)]
pub struct ClientWatches {
    data: BTreeSet<Path>,
    exist: BTreeSet<Path>,
    child: BTreeSet<Path>,
}

impl ClientWatches {
    /// A request was answered: if it asked for a watch, and got it, the watch counts from here.
    pub fn answered(&mut self, op: &Op, result: &Result<Answer, Code>) {
        match (op, result) {
            (Op::GetData { path, watch: true }, Ok(_))
            | (Op::Exists { path, watch: true }, Ok(_)) => {
                self.data.insert(path.clone());
            }
            (Op::Exists { path, watch: true }, Err(Code::NoNode)) => {
                self.exist.insert(path.clone());
            }
            (Op::GetChildren { path, watch: true }, Ok(_)) => {
                self.child.insert(path.clone());
            }
            _ => {}
        }
    }

    /// Takes what an event fires. False if nobody watches for it any more.
    pub fn fire(&mut self, event: &WatchedEvent) -> bool {
        let path = &*event.path;
        match event.kind {
            WatchType::NodeCreated | WatchType::NodeDataChanged => {
                self.data.remove(path) | self.exist.remove(path)
            }
            WatchType::NodeChildrenChanged => self.child.remove(path),
            WatchType::NodeDeleted => {
                self.data.remove(path) | self.exist.remove(path) | self.child.remove(path)
            }
        }
    }

    /// What is watched: whether for children, and the path.
    pub fn all(&self) -> impl Iterator<Item = (bool, &Path)> {
        let data = self.data.union(&self.exist).map(|path| (false, path));
        data.chain(self.child.iter().map(|path| (true, path)))
    }

    pub fn is_empty(&self) -> bool {
        self.data.is_empty() && self.exist.is_empty() && self.child.is_empty()
    }

    /// The request that sets them all on a new connection; `None` if there are none.
    pub fn set_watches(&self, relative_zxid: Zxid) -> Option<Op> {
        if self.is_empty() {
            return None;
        }
        let paths = |paths: &BTreeSet<Path>| paths.iter().cloned().collect();
        Some(Op::SetWatches {
            relative_zxid,
            data: paths(&self.data),
            exist: paths(&self.exist),
            child: paths(&self.child),
        })
    }
}
