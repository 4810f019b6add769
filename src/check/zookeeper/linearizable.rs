//! ZK-b: writes are linearizable: in the order of zxids each came to what a single server would have
//! come to, and nobody is answered from a state that is not committed: what is asked for after an answer
//! then stands behind it. Answers show the tree as it was at their zxid.
//!
//! Holds the clients' requests and answers against a sequential model. A request of which nobody told
//! (a client that speaks by hand) is taken as the servers took it.

use super::history::{Added, History};
use super::model::Model;
use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::zab::counter_of;
use crate::protocol::zookeeper::{Op, SessionId};
use crate::protocol::{Fact, Routine};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "ZooKeeper's writes are linearizable";

#[derive(Debug, Default)]
pub struct WritesAreLinearizable {
    history: History,
    model: Model,
    asked: BTreeMap<(SessionId, i32), Rc<Op>>,
    judged: u64,
}

impl WritesAreLinearizable {
    fn look(&mut self, entry: &TraceEntry) -> Option<String> {
        match &entry.fact {
            Fact::ZooKeeperAsked { session, xid, op } => {
                self.asked.insert((*session, *xid), op.clone());
                None
            }
            Fact::TxnApplied { txn } => {
                if self.history.add(txn) != Added::New {
                    return None;
                }
                let op = self.asked.get(&(txn.session, txn.cxid));
                self.judged += 1;
                let judged = self.model.apply(txn, op.map(|op| &**op));
                judged.err().map(|why| format!("0x{:x}: {why}", txn.zxid))
            }
            Fact::ZooKeeperAnswered {
                session,
                xid,
                zxid,
                result,
            } => {
                let op = self.asked.remove(&(*session, *xid))?;
                let last = self.history.last();
                // An epoch begins with a number that no transaction has.
                if counter_of(*zxid) > 0 && *zxid > last {
                    return Some(format!(
                        "{} is answered at 0x{zxid:x}, and 0x{last:x} is the last that is committed",
                        op.name()
                    ));
                }
                self.judged += 1;
                let judged = self.model.judge(&op, *zxid, result);
                judged
                    .err()
                    .map(|why| format!("{} at 0x{zxid:x}: {why}", op.name()))
            }
            _ => None,
        }
    }
}

impl Property for WritesAreLinearizable {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let sentence = self.look(entry)?;
        Some(Violation::at(NAME, entry, sentence))
    }

    fn figures(&self) -> String {
        format!("{} writes and answers", self.judged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::check::zookeeper::testing::{
        answered, applied, asked, create_op, creates, data, get_op, sets,
    };
    use crate::protocol::zab::TxnBody;
    use crate::protocol::zookeeper::{Code, Stat, Zxid};

    const FIRST: Zxid = (1 << 32) + 1;

    #[test]
    fn zk_b_fires_when_a_write_fails_that_should_have_worked() {
        let scene = Scene::new();
        let mut property = alone(WritesAreLinearizable::default());
        let failed = TxnBody::Error(Code::NodeExists);
        let facts = [
            asked(&scene, 7, 1, create_op("/a")),
            applied(&scene, "zookeeper-1", FIRST, 1, failed),
        ];
        let violation = property.after_event(&facts, &scene).unwrap();
        assert_eq!(
            violation.sentence,
            "0x100000001: create should have worked and failed: NODEEXISTS"
        );
    }

    #[test]
    fn zk_b_fires_when_a_read_shows_what_was_not_there() {
        let scene = Scene::new();
        let mut property = alone(WritesAreLinearizable::default());
        let stat = Stat {
            czxid: FIRST,
            mzxid: FIRST,
            pzxid: FIRST,
            ..Stat::default()
        };
        let fine = [
            asked(&scene, 7, 1, create_op("/a")),
            applied(&scene, "zookeeper-1", FIRST, 1, creates("/a", false)),
            asked(&scene, 8, 1, get_op("/a", false)),
            answered(&scene, 8, 1, FIRST, data(stat)),
            applied(&scene, "zookeeper-1", FIRST + 1, 2, sets("/a", 1)),
            // Stale, and honest about it.
            asked(&scene, 8, 2, get_op("/a", false)),
            answered(&scene, 8, 2, FIRST, data(stat)),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let wrong = [
            asked(&scene, 8, 3, get_op("/a", false)),
            answered(&scene, 8, 3, FIRST + 1, data(stat)),
        ];
        assert!(property.after_event(&wrong, &scene).is_some());
    }

    #[test]
    fn zk_b_fires_when_a_write_is_answered_before_it_is_committed() {
        let scene = Scene::new();
        let mut property = alone(WritesAreLinearizable::default());
        let facts = [
            applied(&scene, "zookeeper-1", FIRST, 9, creates("/b", false)),
            asked(&scene, 8, 1, create_op("/b")),
            answered(&scene, 8, 1, FIRST, Err(Code::NodeExists)),
            asked(&scene, 7, 11, create_op("/b")),
        ];
        assert_eq!(property.after_event(&facts, &scene), None);
        let early = [answered(&scene, 7, 11, FIRST + 1, Err(Code::NodeExists))];
        let fired = property.after_event(&early, &scene).expect("too early");
        assert!(fired.sentence.contains("is the last that is committed"));
    }
}
