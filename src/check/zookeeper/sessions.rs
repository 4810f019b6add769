//! ZK-b: a session goes forward only: its answers come in the order of its requests, and never show an
//! older state than it has seen, whichever server gives them; and its writes take effect in the order in which it
//! asked for them, those that were not answered among them.

use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::zab::{Txn, TxnBody};
use crate::protocol::zookeeper::{SessionId, Zxid};
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, VecDeque};

const NAME: &str = "a ZooKeeper session never goes back";

#[derive(Debug, Default)]
pub struct SessionsGoForward {
    sessions: BTreeMap<SessionId, Seen>,
    answers: u64,
}

#[derive(Debug, Default)]
struct Seen {
    /// The latest state that an answer showed.
    zxid: Zxid,
    /// Requests on this connection that are not answered yet.
    asked: VecDeque<i32>,
    /// Its newest write that took effect: the transaction, and which of its requests that was.
    written: (Zxid, i32),
}

impl SessionsGoForward {
    fn look(&mut self, fact: &Fact) -> Option<String> {
        match fact {
            Fact::ZooKeeperAsked { session, xid, .. } => {
                let seen = self.sessions.entry(*session).or_default();
                seen.asked.push_back(*xid);
                None
            }
            Fact::ZooKeeperDisconnected { session } | Fact::ZooKeeperConnected { session, .. } => {
                self.sessions.entry(*session).or_default().asked.clear();
                None
            }
            Fact::ZooKeeperAnswered {
                session, xid, zxid, ..
            } => {
                self.answers += 1;
                let seen = self.sessions.entry(*session).or_default();
                let next = seen.asked.pop_front();
                let before = std::mem::replace(&mut seen.zxid, *zxid);
                if next != Some(*xid) {
                    return Some(format!(
                        "session 0x{session:x}: request {xid} is answered, and {} is the next",
                        next.map_or("none".to_owned(), |next| next.to_string())
                    ));
                }
                (*zxid < before).then(|| {
                    format!("session 0x{session:x} is shown 0x{zxid:x} after 0x{before:x}")
                })
            }
            Fact::TxnApplied { txn } => self.took_effect(txn),
            _ => None,
        }
    }

    fn took_effect(&mut self, txn: &Txn) -> Option<String> {
        // What a server does by itself is no request, and what it has refused has no effect.
        if txn.cxid == 0 || matches!(txn.body, TxnBody::Error(_)) {
            return None;
        }
        let seen = self.sessions.entry(txn.session).or_default();
        let (zxid, request) = seen.written;
        // The next server says it again.
        if txn.zxid <= zxid {
            return None;
        }
        seen.written = (txn.zxid, txn.cxid);
        (txn.cxid < request).then(|| {
            format!(
                "session 0x{:x}: its request {} took effect in 0x{:x}, after its request {request} in 0x{zxid:x}",
                txn.session, txn.cxid, txn.zxid
            )
        })
    }
}

impl Property for SessionsGoForward {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let sentence = self.look(&entry.fact)?;
        Some(Violation::at(NAME, entry, sentence))
    }

    fn figures(&self) -> String {
        format!(
            "{} to {}",
            counted(self.answers, "answer"),
            counted(self.sessions.len(), "session")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::check::zookeeper::testing::{answered, applied, asked, get_op, sets};
    use crate::protocol::zookeeper::Code;

    #[test]
    fn zk_b_fires_when_a_session_is_shown_the_past_or_answered_out_of_turn() {
        let scene = Scene::new();
        let fails = || Err(Code::NoNode);
        let mut property = alone(SessionsGoForward::default());
        let asks = |session, xid| asked(&scene, session, xid, get_op("/a", false));
        let fine = [
            asks(7, 1),
            asks(7, 2),
            asks(8, 1),
            answered(&scene, 7, 1, 20, fails()),
            answered(&scene, 8, 1, 10, fails()),
            answered(&scene, 7, 2, 20, fails()),
            asks(7, 3),
            asks(8, 2),
            asks(8, 3),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let back = [answered(&scene, 7, 3, 19, fails())];
        assert!(property.after_event(&back, &scene).is_some());
        let turned = [answered(&scene, 8, 3, 11, fails())];
        assert!(property.after_event(&turned, &scene).is_some());
    }

    #[test]
    fn zk_b_fires_when_a_write_takes_effect_after_what_was_asked_for_later() {
        let scene = Scene::new();
        let mut property = alone(SessionsGoForward::default());
        let fine = [
            applied(&scene, "zookeeper-1", 20, 4, sets("/a", 1)),
            applied(&scene, "zookeeper-1", 21, 6, sets("/a", 2)),
            applied(&scene, "zookeeper-2", 20, 4, sets("/a", 1)),
            applied(
                &scene,
                "zookeeper-1",
                22,
                5,
                TxnBody::Error(Code::SessionMoved),
            ),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let late = [applied(&scene, "zookeeper-1", 23, 5, sets("/a", 3))];
        assert!(property.after_event(&late, &scene).is_some());
    }
}
