//! ZK-b: a watch tells of a change before any answer can show it, and tells once a registration.
//!
//! Holds the events that a client gets against the watches that it set and the changes that were
//! committed. What a client that was away missed, it is told when it sets its watches again; a node that
//! came and went meanwhile is not told of (ZK7).

use super::history::{Added, History};
use super::model::Model;
use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::zookeeper::{Answer, Code, Op, SessionId, WatchType, Zxid};
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "ZooKeeper's watches fire once, and before the change can be seen";

#[derive(Debug, Default)]
pub struct WatchesFireOnceAndFirst {
    history: History,
    model: Model,
    asked: BTreeMap<(SessionId, i32), Rc<Op>>,
    /// By session and path: since when its data, and its children, are watched.
    watches: BTreeMap<SessionId, BTreeMap<Rc<str>, Watch>>,
    /// Watches that are being set again.
    setting: BTreeMap<SessionId, Rc<Op>>,
    fired: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Watch {
    data: Option<Zxid>,
    children: Option<Zxid>,
}

impl WatchesFireOnceAndFirst {
    fn look(&mut self, entry: &TraceEntry) -> Option<String> {
        match &entry.fact {
            Fact::TxnApplied { txn } => {
                if self.history.add(txn) == Added::New {
                    let asked = self.asked.get(&(txn.session, txn.cxid)).cloned();
                    // Whether it should have been so is another property's affair.
                    let _ = self.model.apply(txn, asked.as_deref());
                }
                None
            }
            Fact::ZooKeeperAsked { session, xid, op } => {
                if let Op::SetWatches { .. } = **op {
                    self.setting.insert(*session, op.clone());
                }
                self.asked.insert((*session, *xid), op.clone());
                None
            }
            Fact::ZooKeeperWatchFired { session, change } => {
                self.fired += 1;
                let watches = self.watches.entry(*session).or_default();
                let watch = watches.get_mut(&change.path);
                let was_set = watch.is_some_and(|watch| match change.kind {
                    WatchType::NodeCreated | WatchType::NodeDataChanged => {
                        watch.data.take().is_some()
                    }
                    WatchType::NodeChildrenChanged => watch.children.take().is_some(),
                    WatchType::NodeDeleted => {
                        watch.data.take().is_some() | watch.children.take().is_some()
                    }
                });
                (!was_set && !self.is_setting_again(*session, &change.path)).then(|| {
                    format!(
                        "session 0x{session:x} is told {:?} {} without a watch on it",
                        change.kind, change.path
                    )
                })
            }
            Fact::ZooKeeperAnswered {
                session,
                xid,
                zxid,
                result,
            } => {
                let op = self.asked.remove(&(*session, *xid))?;
                if let Op::SetWatches { .. } = *op {
                    self.setting.remove(session);
                    self.set_again(*session, *zxid);
                    return None;
                }
                let missed = self.missed(*session, *zxid);
                self.register(*session, *zxid, &op, result);
                missed
            }
            Fact::ZooKeeperSessionLost { session }
            | Fact::ZooKeeperWatchesForgotten { session } => {
                self.watches.remove(session);
                None
            }
            _ => None,
        }
    }

    /// A node that is gone is told of twice if both its data and its children were watched.
    fn is_setting_again(&self, session: SessionId, path: &Rc<str>) -> bool {
        self.setting.get(&session).is_some_and(|op| match &**op {
            Op::SetWatches { data, child, .. } => data.contains(path) && child.contains(path),
            _ => false,
        })
    }

    /// A change that the session can see now and was not told of.
    fn missed(&self, session: SessionId, zxid: Zxid) -> Option<String> {
        self.watches.get(&session)?.iter().find_map(|(path, watch)| {
            let data = watch
                .data
                .and_then(|since| self.model.data_changed_after(path, since));
            let children = watch
                .children
                .and_then(|since| self.model.children_changed_after(path, since));
            let changed = [data, children].into_iter().flatten().min()?;
            (changed <= zxid).then(|| {
                format!(
                    "session 0x{session:x} sees 0x{zxid:x} and was not told that 0x{changed:x} changed {path}"
                )
            })
        })
    }

    fn register(&mut self, session: SessionId, zxid: Zxid, op: &Op, result: &Result<Answer, Code>) {
        let watches = self.watches.entry(session).or_default();
        match op {
            Op::GetData { path, watch: true } if result.is_ok() => {
                watches.entry(path.clone()).or_default().data = Some(zxid);
            }
            Op::Exists { path, watch: true } if matches!(result, Ok(_) | Err(Code::NoNode)) => {
                watches.entry(path.clone()).or_default().data = Some(zxid);
            }
            Op::GetChildren { path, watch: true } if result.is_ok() => {
                watches.entry(path.clone()).or_default().children = Some(zxid);
            }
            _ => {}
        }
    }

    /// What has not fired by now is set as of this state.
    fn set_again(&mut self, session: SessionId, zxid: Zxid) {
        for watch in self.watches.entry(session).or_default().values_mut() {
            watch.data = watch.data.map(|_| zxid);
            watch.children = watch.children.map(|_| zxid);
        }
    }
}

impl Property for WatchesFireOnceAndFirst {
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
        counted(self.fired, "event")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Alone, Scene, alone};
    use crate::check::zookeeper::testing::{answered, applied, asked, creates, data, get_op, sets};
    use crate::protocol::zookeeper::{Stat, WatchedEvent};

    const FIRST: Zxid = (1 << 32) + 1;

    fn scene_with_a_watch(property: &mut Alone) -> Scene {
        let scene = Scene::new();
        let facts = [
            applied(&scene, "zookeeper-1", FIRST, 9, creates("/a", false)),
            asked(&scene, 8, 1, get_op("/a", true)),
            answered(&scene, 8, 1, FIRST, data(Stat::default())),
            applied(&scene, "zookeeper-1", FIRST + 1, 10, sets("/a", 1)),
            // Stale: it cannot see the change yet.
            asked(&scene, 8, 2, get_op("/a", false)),
            answered(&scene, 8, 2, FIRST, data(Stat::default())),
            asked(&scene, 8, 3, get_op("/a", false)),
        ];
        assert_eq!(property.after_event(&facts, &scene), None);
        scene
    }

    fn event(scene: &Scene) -> TraceEntry {
        let change = WatchedEvent {
            kind: WatchType::NodeDataChanged,
            path: "/a".into(),
        };
        scene.fact("client", Fact::ZooKeeperWatchFired { session: 8, change })
    }

    #[test]
    fn zk_b_fires_when_the_change_is_seen_before_the_event() {
        let mut property = alone(WatchesFireOnceAndFirst::default());
        let scene = scene_with_a_watch(&mut property);
        let seen = [answered(&scene, 8, 3, FIRST + 1, data(Stat::default()))];
        assert!(property.after_event(&seen, &scene).is_some());
    }

    #[test]
    fn zk_b_expects_nothing_for_what_a_client_has_forgotten() {
        let mut property = alone(WatchesFireOnceAndFirst::default());
        let scene = scene_with_a_watch(&mut property);
        let fine = [
            scene.fact("client", Fact::ZooKeeperWatchesForgotten { session: 8 }),
            answered(&scene, 8, 3, FIRST + 1, data(Stat::default())),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        assert!(property.after_event(&[event(&scene)], &scene).is_some());
    }

    #[test]
    fn zk_b_fires_when_a_watch_fires_twice() {
        let mut property = alone(WatchesFireOnceAndFirst::default());
        let scene = scene_with_a_watch(&mut property);
        let fine = [
            event(&scene),
            answered(&scene, 8, 3, FIRST + 1, data(Stat::default())),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        assert!(property.after_event(&[event(&scene)], &scene).is_some());
    }
}
