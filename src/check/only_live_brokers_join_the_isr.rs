//! R14 (KAFKA-14140, KIP-841; I6): nobody joins a committed ISR whom the controller that writes it knows to be
//! dead, or has just relieved of its leaderships.
//!
//! Looks at what the controller states. What a controller knew before it was elected is not held against the
//! next one, which learns of a broker's end anew.

use super::property::{Property, Violation};
use super::replica_key::ReplicaKey;
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Fact, Routine, StateWriteReason, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const NAME: &str = "only live brokers join an ISR";

#[derive(Debug, Default)]
pub(super) struct OnlyLiveBrokersJoinTheIsr {
    /// Who is gone, as each controller has stated it.
    gone: BTreeMap<Rc<str>, BTreeSet<BrokerId>>,
    /// Under broker 0.
    isrs: BTreeMap<ReplicaKey, Vec<BrokerId>>,
    joined: u64,
}

impl Property for OnlyLiveBrokersJoinTheIsr {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::ControllerElected { .. } => {
                self.gone.remove(&entry.node);
                None
            }
            Fact::BrokersChanged { new, dead, bounced } => {
                let gone = self.gone.entry(entry.node.clone()).or_default();
                gone.extend(dead);
                gone.retain(|id| !new.contains(id) && !bounced.contains(id));
                None
            }
            Fact::StateWritten {
                partition,
                isr,
                reason,
                ..
            } => self.written(entry, partition, isr, *reason),
            _ => None,
        }
    }

    fn figures(&self) -> String {
        format!("{} joined", self.joined)
    }
}

impl OnlyLiveBrokersJoinTheIsr {
    fn written(
        &mut self,
        entry: &TraceEntry,
        partition: &TopicPartition,
        isr: &[BrokerId],
        reason: StateWriteReason,
    ) -> Option<Violation> {
        let key = ReplicaKey::new(0, partition);
        let before = self.isrs.insert(key, isr.to_vec()).unwrap_or_default();
        let gone = self.gone.entry(entry.node.clone()).or_default();
        if reason == StateWriteReason::ControlledShutdown {
            gone.extend(before.iter().filter(|id| !isr.contains(id)));
        }
        if reason != StateWriteReason::AlterPartition {
            return None;
        }
        let mut joined = isr.iter().filter(|id| !before.contains(id));
        self.joined += 1;
        let dead = *joined.find(|id| gone.contains(id))?;
        let sentence = format!(
            "broker-{dead} joins the ISR {isr:?} of {partition}, though the controller, {}, knows it to be gone",
            entry.node
        );
        let violation = Violation::at(NAME, entry, sentence).of(partition);
        Some(violation.with([dead]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, tp};

    #[test]
    fn r14_fires_when_a_dead_broker_joins() {
        let scene = Scene::new();
        let changed = |new: &[BrokerId], dead: &[BrokerId]| Fact::BrokersChanged {
            new: new.to_vec(),
            dead: dead.to_vec(),
            bounced: Vec::new(),
        };
        let isr = |isr: &[BrokerId], reason| Fact::StateWritten {
            partition: tp("t-0"),
            leader: 1,
            leader_epoch: 1,
            isr: isr.to_vec(),
            partition_epoch: 1,
            controller_epoch: 1,
            reason,
        };
        use StateWriteReason::{AlterPartition, ReplicaOffline};
        let mut property = alone(OnlyLiveBrokersJoinTheIsr::default());
        let fine = [
            isr(&[1, 2], AlterPartition),
            changed(&[], &[2]),
            isr(&[1], ReplicaOffline),
            changed(&[2], &[]),
            isr(&[1, 2], AlterPartition),
            changed(&[], &[2]),
            isr(&[1], ReplicaOffline),
        ]
        .map(|fact| scene.fact("broker-3", fact));
        assert_eq!(property.after_event(&fine, &scene), None);
        let bad = [scene.fact("broker-3", isr(&[1, 2], AlterPartition))];
        assert!(property.after_event(&bad, &scene).is_some());
    }
}
