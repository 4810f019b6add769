//! ZK-a: at most one server is ever established as the leader of an epoch, and epochs strictly grow.
//!
//! Looks at what established leaders state. Does not look at candidates that no quorum followed.

use crate::check::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use std::rc::Rc;

const NAME: &str = "a ZooKeeper epoch has one leader, and epochs grow";

#[derive(Debug, Default)]
pub struct OneLeaderAZooKeeperEpoch {
    last: Option<(i64, Rc<str>)>,
    leaders: u64,
}

impl Property for OneLeaderAZooKeeperEpoch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let Fact::ZooKeeperLeads { epoch, .. } = &entry.fact else {
            return None;
        };
        self.leaders += 1;
        let before = self.last.replace((*epoch, entry.node.clone()))?;
        (*epoch <= before.0).then(|| {
            let sentence = format!(
                "{} leads epoch {epoch} after {} led epoch {}",
                entry.node, before.1, before.0
            );
            Violation::at(NAME, entry, sentence)
        })
    }

    fn figures(&self) -> String {
        counted(self.leaders, "leader")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};

    #[test]
    fn zk_a_fires_when_an_epoch_is_led_twice() {
        let scene = Scene::new();
        let leads = |node: &str, epoch| {
            scene.fact(
                node,
                Fact::ZooKeeperLeads {
                    epoch,
                    last_zxid: 0,
                    synchronised: vec![1, 2],
                },
            )
        };
        let mut property = alone(OneLeaderAZooKeeperEpoch::default());
        let fine = [leads("zookeeper-1", 1), leads("zookeeper-1", 2)];
        assert_eq!(property.after_event(&fine, &scene), None);
        let twice = [leads("zookeeper-3", 2)];
        assert_eq!(
            property.after_event(&twice, &scene).unwrap().sentence,
            "zookeeper-3 leads epoch 2 after zookeeper-1 led epoch 2"
        );
    }

    #[test]
    fn zk_a_fires_when_an_epoch_is_lower_than_one_before() {
        let scene = Scene::new();
        let leads = |epoch| Fact::ZooKeeperLeads {
            epoch,
            last_zxid: 0,
            synchronised: vec![1, 2],
        };
        let mut property = alone(OneLeaderAZooKeeperEpoch::default());
        let fell = [
            scene.fact("zookeeper-1", leads(3)),
            scene.fact("zookeeper-2", leads(2)),
        ];
        assert!(property.after_event(&fell, &scene).is_some());
    }
}
