//! ZK-a: agreement, total order and prefix consistency: under one zxid every server applies the same
//! transaction, in the order of zxids, and none leaves one out.
//!
//! Looks at what members apply while they serve, and at what a new leader takes over. What a member has
//! logged and nobody committed may differ, and is not looked at.

use super::history::{Added, History};
use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::zookeeper::Zxid;
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "ZooKeeper's servers apply the same transactions in the same order";

#[derive(Debug, Default)]
pub struct ServersAgree {
    history: History,
    /// How far each serving member is.
    at: BTreeMap<Rc<str>, Zxid>,
    applied: u64,
}

impl ServersAgree {
    fn look(&mut self, entry: &TraceEntry) -> Option<String> {
        match &entry.fact {
            Fact::TxnApplied { txn } => {
                self.applied += 1;
                if let Added::Wrong(why) = self.history.add(txn) {
                    return Some(format!("{}: {why}", entry.node));
                }
                let at = self.at.get_mut(&entry.node)?;
                let before = std::mem::replace(at, txn.zxid);
                let next = self.history.next_after(before);
                (next != Some(txn.zxid)).then(|| {
                    format!(
                        "{} applies 0x{:x} after 0x{before:x}, and leaves 0x{:x} out",
                        entry.node,
                        txn.zxid,
                        next.unwrap_or_default()
                    )
                })
            }
            Fact::ZooKeeperLeads { last_zxid, .. } => {
                self.at.insert(entry.node.clone(), *last_zxid);
                let last = self.history.last();
                // Its own log is what is committed now: nothing may be missing.
                (*last_zxid < last).then(|| {
                    format!(
                        "{} leads with 0x{last_zxid:x}, though 0x{last:x} was committed",
                        entry.node
                    )
                })
            }
            Fact::ZooKeeperFollows { last_zxid, .. } => {
                self.at.insert(entry.node.clone(), *last_zxid);
                None
            }
            Fact::ZooKeeperLooks { .. }
            | Fact::ZooKeeperLeaves { .. }
            | Fact::Crashed
            | Fact::PowerFailed
            | Fact::Started
            | Fact::Exiting { .. } => {
                self.at.remove(&entry.node);
                None
            }
            _ => None,
        }
    }
}

impl Property for ServersAgree {
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
        format!(
            "{}, applied {}",
            counted(self.history.len(), "transaction"),
            counted(self.applied, "time")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::check::zookeeper::testing::{applied, creates, sets};

    fn follows(scene: &Scene, node: &str, last_zxid: Zxid) -> TraceEntry {
        let (leader, epoch) = (1, 1);
        scene.fact(
            node,
            Fact::ZooKeeperFollows {
                leader,
                epoch,
                last_zxid,
            },
        )
    }

    const FIRST: Zxid = (1 << 32) + 1;

    #[test]
    fn zk_a_fires_when_two_servers_differ() {
        let scene = Scene::new();
        let mut property = alone(ServersAgree::default());
        let fine = [
            follows(&scene, "zookeeper-1", 0),
            follows(&scene, "zookeeper-2", 0),
            applied(&scene, "zookeeper-1", FIRST, 1, creates("/a", false)),
            applied(&scene, "zookeeper-2", FIRST, 1, creates("/a", false)),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let _ = property.after_event(
            &[applied(&scene, "zookeeper-1", FIRST + 1, 2, sets("/a", 1))],
            &scene,
        );
        let other = [applied(&scene, "zookeeper-2", FIRST + 1, 2, sets("/a", 2))];
        assert_eq!(
            property.after_event(&other, &scene).unwrap().sentence,
            "zookeeper-2: 0x100000002 is \"setData /a version 2\" here and was \"setData /a version 1\" elsewhere"
        );
    }

    #[test]
    fn zk_a_fires_when_a_server_leaves_one_out() {
        let scene = Scene::new();
        let mut property = alone(ServersAgree::default());
        let facts = [
            follows(&scene, "zookeeper-1", 0),
            follows(&scene, "zookeeper-2", 0),
            applied(&scene, "zookeeper-1", FIRST, 1, creates("/a", false)),
            applied(&scene, "zookeeper-1", FIRST + 1, 2, sets("/a", 1)),
            applied(&scene, "zookeeper-2", FIRST + 1, 2, sets("/a", 1)),
        ];
        let violation = property.after_event(&facts, &scene).unwrap();
        assert!(violation.sentence.ends_with("leaves 0x100000001 out"));
    }

    #[test]
    fn zk_a_fires_when_a_leader_lacks_what_was_committed() {
        let scene = Scene::new();
        let mut property = alone(ServersAgree::default());
        let facts = [
            follows(&scene, "zookeeper-1", 0),
            applied(&scene, "zookeeper-1", FIRST, 1, creates("/a", false)),
            scene.fact(
                "zookeeper-2",
                Fact::ZooKeeperLeads {
                    epoch: 2,
                    last_zxid: 0,
                    synchronised: vec![2, 3],
                },
            ),
        ];
        assert!(property.after_event(&facts, &scene).is_some());
    }
}
