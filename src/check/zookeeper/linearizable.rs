//! ZK-b: writes are linearizable: in the order of zxids each came to what a single server would have
//! come to, no write takes effect before it was asked for, and one that was asked for after another was
//! answered stands behind it. Answers show the tree as it was at their zxid.
//!
//! Holds the clients' requests and answers against a sequential model. A request of which nobody told
//! (a client that speaks by hand) is taken as the servers took it.

use super::history::{Added, History};
use super::model::Model;
use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::Fact;
use crate::protocol::zookeeper::{Op, SessionId, Zxid};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "ZooKeeper's writes are linearizable";

#[derive(Debug, Default)]
pub struct WritesAreLinearizable {
    history: History,
    model: Model,
    asked: BTreeMap<(SessionId, i32), Asked>,
    /// The latest write that was answered.
    answered: Zxid,
    judged: u64,
}

#[derive(Debug)]
struct Asked {
    op: Rc<Op>,
    /// What had been answered by then.
    after: Zxid,
}

impl WritesAreLinearizable {
    fn look(&mut self, entry: &TraceEntry) -> Option<String> {
        match &entry.fact {
            Fact::ZooKeeperAsked { session, xid, op } => {
                let (op, after) = (op.clone(), self.answered);
                self.asked.insert((*session, *xid), Asked { op, after });
                None
            }
            Fact::TxnApplied { txn } => {
                if self.history.add(txn) != Added::New {
                    return None;
                }
                let asked = self.asked.get(&(txn.session, txn.cxid));
                if let Some(asked) = asked
                    && txn.zxid <= asked.after
                {
                    return Some(format!(
                        "0x{:x} was asked for after 0x{:x} was answered",
                        txn.zxid, asked.after
                    ));
                }
                let op = asked.map(|asked| asked.op.clone());
                self.judged += 1;
                let judged = self.model.apply(txn, op.as_deref());
                judged.err().map(|why| format!("0x{:x}: {why}", txn.zxid))
            }
            Fact::ZooKeeperAnswered {
                session,
                xid,
                zxid,
                result,
            } => {
                let asked = self.asked.remove(&(*session, *xid))?;
                let is_write = !matches!(
                    *asked.op,
                    Op::GetData { .. }
                        | Op::Exists { .. }
                        | Op::GetChildren { .. }
                        | Op::GetAcl { .. }
                        | Op::Sync { .. }
                        | Op::SetWatches { .. }
                );
                if is_write {
                    self.answered = self.answered.max((*zxid).min(self.history.last()));
                }
                self.judged += 1;
                let judged = self.model.judge(&asked.op, *zxid, result);
                judged
                    .err()
                    .map(|why| format!("{} at 0x{zxid:x}: {why}", asked.op.name()))
            }
            _ => None,
        }
    }
}

impl Property for WritesAreLinearizable {
    fn name(&self) -> &'static str {
        NAME
    }

    fn looks_at_routine(&self) -> bool {
        false
    }

    fn after_event(&mut self, facts: &[TraceEntry], _: &dyn ClusterView) -> Option<Violation> {
        facts.iter().find_map(|entry| {
            let sentence = self.look(entry)?;
            Some(Violation::at(NAME, entry, sentence))
        })
    }

    fn figures(&self) -> String {
        format!("{} writes and answers", self.judged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::Scene;
    use crate::check::zookeeper::testing::{
        answered, applied, asked, create_op, creates, data, get_op, sets,
    };
    use crate::protocol::zab::TxnBody;
    use crate::protocol::zookeeper::{Code, Stat};

    const FIRST: Zxid = (1 << 32) + 1;

    #[test]
    fn zk_b_fires_when_a_write_fails_that_should_have_worked() {
        let scene = Scene::new();
        let mut property = WritesAreLinearizable::default();
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
        let mut property = WritesAreLinearizable::default();
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
    fn zk_b_fires_when_a_later_write_stands_before_one_that_was_answered() {
        let scene = Scene::new();
        let mut property = WritesAreLinearizable::default();
        let facts = [
            asked(&scene, 8, 1, create_op("/a")),
            applied(&scene, "zookeeper-1", FIRST, 9, creates("/b", false)),
            applied(&scene, "zookeeper-1", FIRST + 1, 10, creates("/a", false)),
            answered(&scene, 8, 1, FIRST + 1, Err(Code::NodeExists)),
            asked(&scene, 7, 11, create_op("/c")),
        ];
        assert_eq!(property.after_event(&facts, &scene), None);
        property.answered = FIRST + 5;
        property.asked.get_mut(&(7, 11)).unwrap().after = FIRST + 5;
        let early = [applied(
            &scene,
            "zookeeper-1",
            FIRST + 2,
            11,
            creates("/c", false),
        )];
        assert!(property.after_event(&early, &scene).is_some());
    }
}
