//! The one order of transactions, as the servers' statements show it.

use crate::protocol::zab::{Txn, counter_of, epoch_of};
use crate::protocol::zookeeper::Zxid;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

/// Every transaction that a serving member has applied.
#[derive(Debug, Default)]
pub struct History {
    txns: BTreeMap<Zxid, Rc<Txn>>,
}

/// What a statement adds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Added {
    New,
    /// The same was stated before.
    Known,
    /// It does not fit; why.
    Wrong(String),
}

impl History {
    pub fn add(&mut self, txn: &Rc<Txn>) -> Added {
        if let Some(known) = self.txns.get(&txn.zxid) {
            return match known == txn {
                true => Added::Known,
                false => Added::Wrong(format!(
                    "0x{:x} is \"{}\" here and was \"{}\" elsewhere",
                    txn.zxid, txn.body, known.body
                )),
            };
        }
        let last = self.last();
        let follows = match epoch_of(txn.zxid) == epoch_of(last) {
            true => txn.zxid == last + 1,
            false => txn.zxid > last && counter_of(txn.zxid) == 1,
        };
        if !follows {
            return Added::Wrong(format!(
                "0x{:x} is committed after 0x{last:x}, and is not the next",
                txn.zxid
            ));
        }
        self.txns.insert(txn.zxid, txn.clone());
        Added::New
    }

    pub fn last(&self) -> Zxid {
        self.txns.last_key_value().map_or(0, |(zxid, _)| *zxid)
    }

    pub fn len(&self) -> usize {
        self.txns.len()
    }

    /// The first transaction after `zxid`.
    pub fn next_after(&self, zxid: Zxid) -> Option<Zxid> {
        let after = (Bound::Excluded(zxid), Bound::Unbounded);
        self.txns.range(after).next().map(|(next, _)| *next)
    }
}
