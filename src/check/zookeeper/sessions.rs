//! ZK-b: a session goes forward only: its answers come in the order of its requests, and never show an
//! older state than it has seen, whichever server gives them.

use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
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
            _ => None,
        }
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
    use crate::check::zookeeper::testing::{answered, asked, get_op};
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
}
