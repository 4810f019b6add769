//! ZK-c: an ephemeral node exists exactly as long as its session: none is made for a session that is
//! over or never was, and the end of a session takes all of them.
//!
//! Looks at committed transactions.

use super::history::{Added, History};
use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::zab::{Txn, TxnBody};
use crate::protocol::zookeeper::SessionId;
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const NAME: &str = "a ZooKeeper ephemeral lives as long as its session";

#[derive(Debug, Default)]
pub struct EphemeralsLiveWithTheirSession {
    history: History,
    /// Living sessions with their ephemerals.
    sessions: BTreeMap<SessionId, BTreeSet<Rc<str>>>,
    made: u64,
}

impl EphemeralsLiveWithTheirSession {
    fn apply(&mut self, txn: &Txn, body: &TxnBody) -> Option<String> {
        let session = txn.session;
        match body {
            TxnBody::CreateSession { .. } => {
                self.sessions.entry(session).or_default();
                None
            }
            TxnBody::CloseSession { paths } => {
                let owned = self.sessions.remove(&session).unwrap_or_default();
                if let Some(left) = owned.iter().find(|path| !paths.contains(path)) {
                    return Some(format!("session 0x{session:x} is over and leaves {left}"));
                }
                self.sessions.iter().find_map(|(other, theirs)| {
                    let taken = paths.iter().find(|path| theirs.contains(*path))?;
                    Some(format!(
                        "session 0x{session:x} takes {taken} with it, which is of session 0x{other:x}"
                    ))
                })
            }
            TxnBody::Create {
                path,
                ephemeral: true,
                ..
            } => {
                self.made += 1;
                match self.sessions.get_mut(&session) {
                    Some(owned) => {
                        owned.insert(path.clone());
                        None
                    }
                    None => Some(format!(
                        "{path} is made for session 0x{session:x}, which is over"
                    )),
                }
            }
            TxnBody::Delete { path } => {
                self.sessions.values_mut().for_each(|owned| {
                    owned.remove(path);
                });
                None
            }
            TxnBody::Multi(bodies) => {
                if bodies.iter().any(|body| matches!(body, TxnBody::Error(_))) {
                    return None;
                }
                bodies.iter().find_map(|body| self.apply(txn, body))
            }
            _ => None,
        }
    }
}

impl Property for EphemeralsLiveWithTheirSession {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let Fact::TxnApplied { txn } = &entry.fact else {
            return None;
        };
        if self.history.add(txn) != Added::New {
            return None;
        }
        let sentence = self.apply(txn, &txn.body)?;
        Some(Violation::at(NAME, entry, sentence))
    }

    fn figures(&self) -> String {
        counted(self.made, "ephemeral")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Alone, Scene, alone};
    use crate::check::zookeeper::testing::{applied, creates};

    const FIRST: i64 = (1 << 32) + 1;

    fn begun(property: &mut Alone) -> Scene {
        let scene = Scene::new();
        let session = TxnBody::CreateSession { timeout_ms: 6000 };
        let facts = [
            applied(&scene, "zookeeper-1", FIRST, 0, session),
            applied(&scene, "zookeeper-1", FIRST + 1, 1, creates("/e", true)),
        ];
        assert_eq!(property.after_event(&facts, &scene), None);
        scene
    }

    #[test]
    fn zk_c_fires_when_a_session_leaves_an_ephemeral_behind() {
        let mut property = alone(EphemeralsLiveWithTheirSession::default());
        let scene = begun(&mut property);
        let close = TxnBody::CloseSession { paths: Vec::new() };
        let left = [applied(&scene, "zookeeper-1", FIRST + 2, 0, close)];
        assert_eq!(
            property.after_event(&left, &scene).unwrap().sentence,
            "session 0x7 is over and leaves /e"
        );
    }

    #[test]
    fn zk_c_fires_when_a_session_takes_anothers_with_it() {
        let mut property = alone(EphemeralsLiveWithTheirSession::default());
        let scene = begun(&mut property);
        let close = TxnBody::CloseSession {
            paths: vec!["/e".into()],
        };
        let Fact::TxnApplied { txn } = applied(&scene, "zookeeper-1", FIRST + 2, 0, close).fact
        else {
            panic!("not a transaction")
        };
        let txn = Rc::new(Txn {
            session: 9,
            ..(*txn).clone()
        });
        let taken = [scene.fact("zookeeper-1", Fact::TxnApplied { txn })];
        assert_eq!(
            property.after_event(&taken, &scene).unwrap().sentence,
            "session 0x9 takes /e with it, which is of session 0x7"
        );
    }

    #[test]
    fn zk_c_fires_when_a_session_that_is_over_makes_one() {
        let mut property = alone(EphemeralsLiveWithTheirSession::default());
        let scene = begun(&mut property);
        let close = TxnBody::CloseSession {
            paths: vec!["/e".into()],
        };
        let fine = [applied(&scene, "zookeeper-1", FIRST + 2, 0, close)];
        assert_eq!(property.after_event(&fine, &scene), None);
        let late = [applied(
            &scene,
            "zookeeper-1",
            FIRST + 3,
            2,
            creates("/f", true),
        )];
        assert!(property.after_event(&late, &scene).is_some());
    }
}
