//! S-5: after a start that had to check its logs, what was checked is a prefix, batch by batch and each
//! with a right checksum, of what the crash left on the disk.
//!
//! Reads a broker's files when it crashes and when its logs are loaded. Below the recovery point nothing
//! is checked by a start, and damage may stay there unnoticed: a partition in which it does is left out, and so
//! is one whose files the plan has changed by hand since.

use super::changed_by_hand::ChangedByHand;
use super::property::{Property, Violation};
use super::replica_key::broker_id;
use super::stored_log::StoredLog;
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::{BrokerId, Fact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "a recovered log is a valid prefix of what the crash left";

#[derive(Debug, Default)]
pub(super) struct RecoveryLeavesAValidPrefix {
    /// What crashes left.
    left: BTreeMap<(BrokerId, TopicPartition), StoredLog>,
    /// The lowest segment that the start under way has checked.
    checked_from: BTreeMap<(BrokerId, TopicPartition), i64>,
    by_hand: ChangedByHand,
    looked_at: u64,
}

impl Property for RecoveryLeavesAValidPrefix {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) -> Option<Violation> {
        self.by_hand.learn(&entry.fact);
        match &entry.fact {
            Fact::Crashed | Fact::PowerFailed => {
                self.note_crash(broker_id(&entry.node)?, view);
                None
            }
            Fact::SegmentScanned {
                partition,
                base_offset,
                ..
            } => {
                let key = (broker_id(&entry.node)?, partition.clone());
                let from = self.checked_from.entry(key).or_insert(*base_offset);
                *from = (*from).min(*base_offset);
                None
            }
            Fact::LogsLoaded { .. } => self.compare(entry, broker_id(&entry.node)?, view),
            _ => None,
        }
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "recovered log")
    }
}

impl RecoveryLeavesAValidPrefix {
    pub(super) fn new(plan: &Plan) -> Self {
        RecoveryLeavesAValidPrefix {
            by_hand: ChangedByHand::of(plan),
            ..RecoveryLeavesAValidPrefix::default()
        }
    }

    fn note_crash(&mut self, broker: BrokerId, view: &dyn ClusterView) {
        for state in view.committed() {
            let key = (broker, state.partition);
            self.checked_from.remove(&key);
            if state.replicas.contains(&broker) {
                let log = StoredLog::read(&view.log_files(broker, &key.1));
                self.left.insert(key, log);
            }
        }
    }

    fn compare(
        &mut self,
        entry: &TraceEntry,
        broker: BrokerId,
        view: &dyn ClusterView,
    ) -> Option<Violation> {
        let mut broken = None;
        let of_it = |(id, _): &(BrokerId, TopicPartition)| *id == broker;
        let keys: Vec<_> = self.left.keys().filter(|key| of_it(key)).cloned().collect();
        for key in keys {
            let Some(left) = self.left.remove(&key) else {
                continue;
            };
            let Some(checked_from) = self.checked_from.remove(&key) else {
                continue;
            };
            let found = StoredLog::read(&view.log_files(broker, &key.1));
            let reached = |log: &StoredLog| log.end_offset().unwrap_or(0) >= checked_from;
            if found.damage.is_some() && !reached(&found) {
                continue;
            }
            self.looked_at += 1;
            let wrong = match &found.damage {
                Some(damage) => Some(format!("it still holds damage: {damage}")),
                None if !left.records.starts_with(&found.records) => Some(format!(
                    "it holds {} records that are not the first of the {} sound ones that were left",
                    found.records.len(),
                    left.records.len()
                )),
                None => None,
            };
            if let Some(wrong) = wrong
                && !self.by_hand.explains(&key.1)
            {
                let sentence = format!("{} recovered {}: {wrong}", entry.node, key.1);
                broken.get_or_insert(Violation::at(NAME, entry, sentence).of(&key.1));
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, batch, tp};

    fn told(scene: &Scene) -> [TraceEntry; 2] {
        let scanned = Fact::SegmentScanned {
            partition: tp("t-0"),
            base_offset: 0,
            bytes: 1,
        };
        let loaded = Fact::LogsLoaded {
            partitions: 1,
            recovered: 1,
        };
        [
            scene.fact("broker-1", scanned),
            scene.fact("broker-1", loaded),
        ]
    }

    /// What the property says of a broker that crashed with `before` on its disk and loaded `after`.
    fn says(before: Vec<u8>, after: Vec<u8>) -> Option<String> {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", before);
        let mut property = alone(RecoveryLeavesAValidPrefix::default());
        let crash = [scene.fact("broker-1", Fact::Crashed)];
        assert_eq!(property.after_event(&crash, &scene), None);
        scene.store(1, "t-0", after);
        let violation = property.after_event(&told(&scene), &scene);
        assert_eq!(property.figures(), "1 recovered log");
        violation.map(|violation| violation.sentence)
    }

    #[test]
    fn s5_a_prefix_is_right_and_anything_else_fires() {
        let (a, b) = (batch(0, 1, &["a"]), batch(1, 1, &["b"]));
        let both = [a.clone(), b.clone()].concat();
        assert_eq!(says(both.clone(), both.clone()), None);
        assert_eq!(says(both.clone(), a.clone()), None);
        assert_eq!(says(both.clone(), Vec::new()), None);
        let other = says(a.clone(), both.clone()).unwrap();
        assert!(
            other.contains("2 records that are not the first of the 1"),
            "{other}"
        );
        assert!(says(both.clone(), batch(0, 1, &["x"])).is_some());
        let mut flipped = both;
        *flipped.last_mut().unwrap() ^= 1;
        let damaged = says([a, b].concat(), flipped).unwrap();
        assert!(damaged.contains("it still holds damage"), "{damaged}");
    }
}
