//! HW3 (KAFKA-15583; what KIP-966 builds on): a leader's high watermark rises only while its ISR has
//! min.insync.replicas members, or all replicas where there are fewer.
//!
//! Knows the setting from the plan: of topics whose setting changes on the way it says nothing. Knows a leader's
//! ISR from what it states.

use super::property::{Property, Violation};
use super::replica_key::{ReplicaKey, broker_id};
use crate::node::view::ClusterView;
use crate::plan::{Action, Plan};
use crate::protocol::config::Properties;
use crate::protocol::{BrokerId, Fact, Routine, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "the high watermark rises only with min.insync.replicas";
const KEY: &str = "min.insync.replicas";

#[derive(Debug, Default)]
pub(super) struct HighWatermarkNeedsMinIsr {
    /// Of topics with a setting of their own.
    topics: BTreeMap<String, usize>,
    /// Of topics without.
    brokers: BTreeMap<BrokerId, usize>,
    /// Nobody knows which setting holds when.
    changing: BTreeSet<String>,
    /// Members of the ISR, as each leader states it; only those that are fewer than asked for.
    too_small: BTreeMap<ReplicaKey, usize>,
    looked_at: u64,
}

impl HighWatermarkNeedsMinIsr {
    /// `None` if brokers change their defaults on the way.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let set_in = |properties: &Properties| properties.get(KEY)?.trim().parse::<usize>().ok();
        let default = set_in(&plan.cluster.config).unwrap_or(1);
        let mut property = HighWatermarkNeedsMinIsr::default();
        for broker in &plan.cluster.brokers {
            let own = set_in(&broker.config).unwrap_or(default);
            property.brokers.insert(broker.id, own);
        }
        let mut topics: Vec<_> = plan.topics.iter().collect();
        for entry in &plan.timeline {
            match &entry.action {
                Action::CreateTopic(topic) => topics.push(topic),
                Action::Upgrade { set, .. } if set.contains_key(KEY) => return None,
                Action::AlterTopic { topic, set, delete }
                    if set.contains_key(KEY) || delete.iter().any(|key| key == KEY) =>
                {
                    property.changing.insert(topic.clone());
                }
                _ => {}
            }
        }
        for topic in topics {
            if let Some(own) = set_in(&topic.config) {
                property.topics.insert(topic.name.clone(), own);
            }
        }
        Some(property)
    }

    fn isr_is(&mut self, broker: BrokerId, partition: &TopicPartition, isr: &[BrokerId]) {
        self.looked_at += 1;
        let topic = &*partition.topic;
        let own = self.topics.get(topic).or(self.brokers.get(&broker));
        let asked_for = own.copied().unwrap_or(1);
        let key = ReplicaKey::new(broker, partition);
        if isr.len() < asked_for && !self.changing.contains(topic) {
            self.too_small.insert(key, isr.len());
        } else {
            self.too_small.remove(&key);
        }
    }
}

impl Property for HighWatermarkNeedsMinIsr {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::HighWatermarkMoved]
    }

    fn after_fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::BecameLeader { partition, isr, .. } | Fact::IsrChanged { partition, isr, .. } => {
                self.isr_is(broker_id(&entry.node)?, partition, isr);
                None
            }
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            } if !self.too_small.is_empty() => {
                let key = ReplicaKey::new(broker_id(&entry.node)?, partition);
                let members = *self.too_small.get(&key)?;
                let committed = view.committed();
                let replicas = committed.iter().find(|p| p.partition == *partition)?;
                (members < replicas.replicas.len()).then(|| {
                    let sentence = format!(
                        "{}: the high watermark of {partition} rose to {high_watermark}, with {members} \
                         in the ISR, which is too few",
                        entry.node
                    );
                    Violation::at(NAME, entry, sentence).of(partition)
                })
            }
            _ => None,
        }
    }

    fn figures(&self) -> String {
        format!("{} ISRs", self.looked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, became_leader, high_watermark, tp};
    use crate::plan::TopicPlan;

    fn asks_for(members: u32) -> Plan {
        let topic = TopicPlan::new("t")
            .replication_factor(3)
            .config(KEY, members);
        Plan::new("p").brokers(3).topic(topic)
    }

    /// What it says when broker 1 leads with this ISR, and its high watermark rises.
    fn fired(plan: &Plan, replicas: &[BrokerId], isr: &[BrokerId]) -> Option<String> {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, isr);
        scene.set_replicas("t-0", replicas);
        let shrinks = Fact::IsrChanged {
            partition: tp("t-0"),
            isr: isr.to_vec(),
            partition_epoch: 2,
        };
        let facts = [
            became_leader("t-0", 1, 5, 5),
            shrinks,
            high_watermark("t-0", 6, true),
        ];
        let entries = facts.map(|fact| scene.fact("broker-1", fact));
        let mut property = alone(HighWatermarkNeedsMinIsr::of(plan)?);
        let found = property.after_event(&entries, &scene);
        found.map(|violation| violation.sentence)
    }

    #[test]
    fn hw3_fires_when_the_high_watermark_rises_with_too_few_in_the_isr() {
        let expected =
            "broker-1: the high watermark of t-0 rose to 6, with 1 in the ISR, which is too few";
        assert_eq!(
            fired(&asks_for(2), &[1, 2, 3], &[1]).as_deref(),
            Some(expected)
        );
        assert_eq!(fired(&asks_for(2), &[1, 2, 3], &[1, 2]), None);
        assert_eq!(fired(&asks_for(1), &[1, 2, 3], &[1]), None);
        // It asks for more than there are.
        assert_eq!(fired(&asks_for(2), &[1], &[1]), None);
    }

    #[test]
    fn hw3_says_nothing_of_a_setting_that_changes() {
        let changes = Action::AlterTopic {
            topic: "t".into(),
            set: [(KEY.to_string(), "1".to_string())].into(),
            delete: Vec::new(),
        };
        let plan = asks_for(2).at(crate::kernel::Duration::from_secs(9), changes);
        assert_eq!(fired(&plan, &[1, 2, 3], &[1]), None);
    }
}
