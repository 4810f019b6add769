//! ZooKeeper forgets nothing; and what lives on its past is not held to it once that is lost.
//!
//! A server that serves, or leads an ensemble, with fewer transactions than were committed has lost the past.
//! A plan that wipes a disk of ZooKeeper's may bring that about; in every other run it breaks the property.
//! Afterwards epochs begin anew and sessions come twice: properties of that kind (`WhileRemembered`) say no
//! more, and the run goes on, as real brokers do.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::plan::{Action, Plan, Role};
use crate::protocol::zookeeper::Zxid;
use crate::protocol::{Fact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;

const NAME: &str = "ZooKeeper forgets nothing";

/// What was committed, as servers told of it.
#[derive(Debug, Default)]
pub(super) struct Past {
    last: Zxid,
    txns: u64,
}

impl Past {
    /// How much of it a server lacks that has come to serve.
    pub(super) fn learn(&mut self, fact: &Fact) -> Option<String> {
        match fact {
            Fact::TxnApplied { txn } => {
                self.txns += u64::from(txn.zxid > self.last);
                self.last = self.last.max(txn.zxid);
                None
            }
            Fact::ZooKeeperServing { last_zxid } | Fact::ZooKeeperLeads { last_zxid, .. } => {
                let before = std::mem::replace(&mut self.last, *last_zxid);
                (*last_zxid < before).then(|| {
                    format!("serves up to 0x{last_zxid:x}, and 0x{before:x} was committed")
                })
            }
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct ZooKeeperForgetsNothing {
    past: Past,
    may_lose_it: bool,
    lost: u64,
}

impl ZooKeeperForgetsNothing {
    pub(super) fn new(plan: &Plan) -> Self {
        ZooKeeperForgetsNothing {
            past: Past::default(),
            may_lose_it: may_be_lost(plan),
            lost: 0,
        }
    }
}

/// Whether a plan may bring that about.
pub(super) fn may_be_lost(plan: &Plan) -> bool {
    plan.timeline
        .iter()
        .any(|entry| wipes_zookeeper(&entry.action))
}

fn wipes_zookeeper(action: &Action) -> bool {
    let Action::WipeDisk(targets) = action else {
        return false;
    };
    targets.0.iter().any(|role| {
        matches!(
            role,
            Role::ZooKeeper { .. }
                | Role::ZooKeeperLeader
                | Role::ZooKeeperFollower
                | Role::ZooKeeperFollowers
                | Role::AllZooKeepers
                | Role::Everyone
        )
    })
}

impl Property for ZooKeeperForgetsNothing {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let wrong = self.past.learn(&entry.fact)?;
        self.lost += 1;
        let sentence = format!("{} {wrong}", entry.node);
        (!self.may_lose_it).then(|| Violation::at(NAME, entry, sentence))
    }

    fn figures(&self) -> String {
        let txns = self.past.txns;
        match self.lost {
            0 => counted(txns, "transaction"),
            _ => format!(
                "{}; its past was lost, since the plan wipes its disk",
                counted(txns, "transaction")
            ),
        }
    }
}

/// A property that lives on ZooKeeper's past, for as long as that lasts.
pub(super) struct WhileRemembered {
    property: Box<dyn Property>,
    past: Past,
    is_lost: bool,
}

impl WhileRemembered {
    pub(super) fn new(property: Box<dyn Property>) -> Self {
        WhileRemembered {
            property,
            past: Past::default(),
            is_lost: false,
        }
    }
}

impl Property for WhileRemembered {
    fn name(&self) -> &'static str {
        self.property.name()
    }

    fn routine(&self) -> &'static [Routine] {
        self.property.routine()
    }

    fn after_event(&mut self, facts: &[TraceEntry], view: &dyn ClusterView) -> Option<Violation> {
        for entry in facts {
            self.is_lost |= self.past.learn(&entry.fact).is_some();
        }
        match self.is_lost {
            true => None,
            false => self.property.after_event(facts, view),
        }
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.property.partitions()
    }

    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        match self.is_lost {
            true => Vec::new(),
            false => self.property.at_end_of(partition, end),
        }
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        match self.is_lost {
            true => Vec::new(),
            false => self.property.at_end(end),
        }
    }

    fn figures(&self) -> String {
        let figures = self.property.figures();
        match self.is_lost {
            true => format!("{figures}, until ZooKeeper's past was lost"),
            false => figures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::epochs_never_fall::EpochsNeverFall;
    use crate::check::testing::{Scene, alone};
    use crate::check::zookeeper::testing::{applied, creates};
    use crate::kernel::Duration;

    fn serving(scene: &Scene, last_zxid: Zxid) -> TraceEntry {
        scene.fact("zookeeper-1", Fact::ZooKeeperServing { last_zxid })
    }

    fn wipes() -> Plan {
        let wipe = Action::WipeDisk(Role::AllZooKeepers.into());
        Plan::new("p").at(Duration::from_secs(1), wipe)
    }

    #[test]
    fn zk_a_fires_when_a_server_serves_without_what_was_committed() {
        let scene = Scene::new();
        for (plan, fires) in [(Plan::new("p"), true), (wipes(), false)] {
            let mut property = alone(ZooKeeperForgetsNothing::new(&plan));
            let fine = [
                serving(&scene, 0),
                applied(&scene, "zookeeper-1", 1, 1, creates("/a", false)),
                serving(&scene, 1),
            ];
            assert_eq!(property.after_event(&fine, &scene), None);
            let fired = property.after_event(&[serving(&scene, 0)], &scene);
            assert_eq!(fired.is_some(), fires);
        }
    }

    #[test]
    fn epochs_may_begin_anew_once_the_past_is_lost() {
        let scene = Scene::new();
        let elected = || {
            let fact = Fact::ControllerElected {
                controller_epoch: 1,
            };
            [scene.fact("broker-1", fact)]
        };
        for lost in [false, true] {
            let property = Box::new(EpochsNeverFall::default());
            let mut property = alone(WhileRemembered::new(property));
            let txn = [applied(&scene, "zookeeper-1", 1, 1, creates("/a", false))];
            assert_eq!(property.after_event(&txn, &scene), None);
            assert_eq!(property.after_event(&elected(), &scene), None);
            if lost {
                let wiped = [serving(&scene, 0)];
                assert_eq!(property.after_event(&wiped, &scene), None);
            }
            assert_eq!(property.after_event(&elected(), &scene).is_none(), lost);
        }
    }
}
