//! The transactions committed last, kept in memory to bring a learner up to date without a snapshot
//! (`ZKDatabase.committedLog`; ZB7).

use crate::protocol::zab::Txn;
use crate::protocol::zookeeper::Zxid;
use std::collections::VecDeque;
use std::rc::Rc;

#[derive(Clone, Debug, Default)]
pub struct CommittedLog {
    txns: VecDeque<Rc<Txn>>,
}

impl CommittedLog {
    /// A transaction is in the tree: the oldest one gives way.
    pub fn push(&mut self, txn: Rc<Txn>) {
        if self.max().is_some_and(|max| txn.zxid <= max) {
            return;
        }
        if self.txns.len() == COMMIT_LOG_COUNT {
            self.txns.pop_front();
        }
        self.txns.push_back(txn);
    }

    pub fn clear(&mut self) {
        self.txns.clear();
    }

    pub fn min(&self) -> Option<Zxid> {
        self.txns.front().map(|txn| txn.zxid)
    }

    pub fn max(&self) -> Option<Zxid> {
        self.txns.back().map(|txn| txn.zxid)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Rc<Txn>> {
        self.txns.iter()
    }
}

/// `zookeeper.commitLogCount`
const COMMIT_LOG_COUNT: usize = 500;
