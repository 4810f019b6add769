//! S-5, its condition (RL1, RL2): a start checks its logs, unless the process before it had closed them all.
//!
//! Looks at what each start says that it checked, and at how the process before it ended: while it loaded its logs or
//! served (KAFKA-10471), or after its controlled shutdown. A power failure may bring back the marker of the stop before that: Kafka syncs
//! no directory when it deletes it. What checking leaves is `recovery_leaves_a_valid_prefix`'s affair.

use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const NAME: &str = "a start trusts its logs only after a clean stop";

#[derive(Debug, Default)]
pub(super) struct OnlyACleanStopIsTakenForClean {
    brokers: BTreeMap<Rc<str>, Life>,
    /// Some broker closes its logs without a controlled shutdown before.
    stops_at_once: bool,
    /// Brokers that found the marker when they started, and took it away.
    on_trust: BTreeSet<Rc<str>>,
    starts: u64,
}

/// How far a process has come, or the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    /// It has noted how the one before ended, and loads its logs.
    Loads,
    Serves,
    DiedLoading,
    DiedServing,
}

impl OnlyACleanStopIsTakenForClean {
    pub(super) fn of(plan: &Plan) -> Self {
        let own = plan.cluster.brokers.iter().map(|broker| &broker.config);
        let mut all = own.chain([&plan.cluster.config]);
        OnlyACleanStopIsTakenForClean {
            stops_at_once: all.any(|config| config.contains_key("controlled.shutdown.enable")),
            ..OnlyACleanStopIsTakenForClean::default()
        }
    }
}

impl Property for OnlyACleanStopIsTakenForClean {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let life = self.brokers.get(&entry.node).copied();
        match &entry.fact {
            Fact::Serving => {
                self.brokers.insert(entry.node.clone(), Life::Serves);
            }
            // The marker's deletion is synced by nobody: it may be back.
            Fact::PowerFailed if self.on_trust.contains(&entry.node) => {
                self.brokers.remove(&entry.node);
            }
            Fact::Crashed | Fact::PowerFailed if life == Some(Life::Serves) => {
                self.brokers.insert(entry.node.clone(), Life::DiedServing);
            }
            Fact::LogLoaded { .. } if life.is_none() => {
                self.brokers.insert(entry.node.clone(), Life::Loads);
            }
            Fact::Crashed if life == Some(Life::Loads) => {
                self.brokers.insert(entry.node.clone(), Life::DiedLoading);
            }
            Fact::PowerFailed if life == Some(Life::Loads) => {
                self.brokers.remove(&entry.node);
            }
            Fact::TerminateAsked if self.stops_at_once && life == Some(Life::Serves) => {
                self.brokers.remove(&entry.node);
            }
            // It closes its logs, or ends as it stands and says so.
            Fact::ControlledShutdownEnds { .. } | Fact::Exiting { .. } => {
                self.brokers.remove(&entry.node);
            }
            Fact::LogsLoaded {
                partitions,
                recovered,
            } => {
                self.starts += 1;
                self.brokers.remove(&entry.node);
                match recovered < partitions {
                    true => self.on_trust.insert(entry.node.clone()),
                    false => self.on_trust.remove(&entry.node),
                };
                let died = match life {
                    Some(Life::DiedLoading) => Some("loaded its logs"),
                    Some(Life::DiedServing) => Some("served"),
                    _ => None,
                };
                if let Some(died) = died
                    && recovered < partitions
                {
                    let sentence = format!(
                        "{} died while it {died}, and checked {recovered} of its {} when \
                         it started again",
                        entry.node,
                        counted(partitions, "log"),
                    );
                    return Some(Violation::at(NAME, entry, sentence));
                }
            }
            _ => {}
        }
        None
    }

    fn figures(&self) -> String {
        counted(self.starts, "start")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::plan::BrokerPlan;
    use crate::protocol::TopicPartition;

    /// What it says of a start that checks so many of two logs, after this end of the process before.
    fn fired(plan: &Plan, end: &[Fact], recovered: u32) -> Option<String> {
        let scene = Scene::new();
        let mut property = alone(OnlyACleanStopIsTakenForClean::of(plan));
        let loaded = Fact::LogsLoaded {
            partitions: 2,
            recovered,
        };
        let facts = [&[Fact::Serving], end, &[Fact::Started, loaded]].concat();
        let entries: Vec<_> = facts
            .into_iter()
            .map(|fact| scene.fact("broker-1", fact))
            .collect();
        let found = property.after_event(&entries, &scene);
        found.map(|violation| violation.sentence)
    }

    #[test]
    fn s_5_fires_when_a_start_after_a_crash_trusts_its_logs() {
        let plan = Plan::new("p");
        let expected =
            "broker-1 died while it served, and checked 0 of its 2 logs when it started again";
        for end in [Fact::Crashed, Fact::PowerFailed] {
            assert_eq!(
                fired(&plan, std::slice::from_ref(&end), 0).as_deref(),
                Some(expected)
            );
            assert_eq!(fired(&plan, &[end], 2), None);
        }
        let stopped = Fact::ControlledShutdownEnds {
            remaining: 0,
            alone: Vec::new(),
        };
        assert_eq!(fired(&plan, &[Fact::TerminateAsked, stopped], 0), None);
        let asked = [Fact::TerminateAsked, Fact::Crashed];
        assert!(
            fired(&plan, &asked, 0).is_some(),
            "killed before it had closed them"
        );
        let on_trust = |end| {
            let loaded = Fact::LogsLoaded {
                partitions: 2,
                recovered: 0,
            };
            fired(&plan, &[loaded, Fact::Serving, end], 0)
        };
        assert_eq!(on_trust(Fact::PowerFailed), None, "the marker may be back");
        assert!(on_trust(Fact::Crashed).is_some());
        let loading = |end| {
            let stopped = Fact::ControlledShutdownEnds {
                remaining: 0,
                alone: Vec::new(),
            };
            let loaded = Fact::LogLoaded {
                partition: TopicPartition::new("t", 0),
                log_start_offset: 0,
                log_end_offset: 1,
                what: "".into(),
            };
            fired(&plan, &[stopped, Fact::Started, loaded, end], 0)
        };
        assert!(loading(Fact::Crashed).is_some_and(|says| says.contains("while it loaded")));
        assert_eq!(loading(Fact::PowerFailed), None, "the marker may be back");
        let at_once = BrokerPlan::new(1).config("controlled.shutdown.enable", false);
        assert_eq!(fired(&Plan::new("p").broker(at_once), &asked, 0), None);
    }
}
