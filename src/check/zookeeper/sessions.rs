//! ZK-b: a session goes forward only: its answers come in the order of its requests, and never show an
//! older state than it has seen, whichever server gives them.

use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::Fact;
use crate::protocol::zookeeper::{SessionId, Zxid};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "a ZooKeeper session never goes back";

#[derive(Debug, Default)]
pub struct SessionsGoForward {
    seen: BTreeMap<SessionId, (i32, Zxid)>,
    answers: u64,
}

impl Property for SessionsGoForward {
    fn name(&self) -> &'static str {
        NAME
    }

    fn after_event(&mut self, facts: &[TraceEntry], _: &dyn ClusterView) -> Option<Violation> {
        facts.iter().find_map(|entry| {
            let Fact::ZooKeeperAnswered {
                session, xid, zxid, ..
            } = &entry.fact
            else {
                return None;
            };
            self.answers += 1;
            let seen = self.seen.entry(*session).or_insert((0, 0));
            let before = std::mem::replace(seen, (*xid, *zxid));
            let sentence = if *xid <= before.0 {
                format!(
                    "session 0x{session:x}: request {xid} is answered after {}",
                    before.0
                )
            } else if *zxid < before.1 {
                format!(
                    "session 0x{session:x} is shown 0x{zxid:x} after 0x{:x}",
                    before.1
                )
            } else {
                return None;
            };
            Some(Violation::at(NAME, entry, sentence))
        })
    }

    fn figures(&self) -> String {
        format!("{} answers to {} sessions", self.answers, self.seen.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::Scene;
    use crate::check::zookeeper::testing::answered;
    use crate::protocol::zookeeper::Code;

    #[test]
    fn zk_b_fires_when_a_session_is_shown_the_past_or_answered_out_of_turn() {
        let scene = Scene::new();
        let fails = || Err(Code::NoNode);
        let mut property = SessionsGoForward::default();
        let fine = [
            answered(&scene, 7, 1, 20, fails()),
            answered(&scene, 8, 1, 10, fails()),
            answered(&scene, 7, 2, 20, fails()),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let back = [answered(&scene, 7, 3, 19, fails())];
        assert!(property.after_event(&back, &scene).is_some());
        let turned = [answered(&scene, 8, 1, 11, fails())];
        assert!(property.after_event(&turned, &scene).is_some());
    }
}
