//! R11 (ConsistentRead; Jepsen's inconsistent offsets, J5): once a consumer has seen a record at an offset,
//! no consumer ever sees another there.
//!
//! Looks at everything that consumers got, and at the end at the log that counts. An unclean election is
//! the one thing that may break it in real Kafka: what was read before one is not held against what is
//! read after it.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, StateWriteReason, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "no offset is used twice";

#[derive(Debug, Default)]
pub(super) struct NoOffsetUsedTwice {
    /// Content by offset, as consumers saw it.
    seen: BTreeMap<TopicPartition, BTreeMap<i64, u64>>,
    looked_at: u64,
}

impl Property for NoOffsetUsedTwice {
    fn name(&self) -> &'static str {
        NAME
    }

    fn after_event(&mut self, facts: &[TraceEntry], _: &dyn ClusterView) -> Option<Violation> {
        facts.iter().find_map(|entry| match &entry.fact {
            Fact::StateWritten {
                partition,
                reason: StateWriteReason::UncleanElection,
                ..
            } => {
                self.seen.remove(partition);
                None
            }
            Fact::Consumed {
                partition,
                offset,
                content,
                ..
            } => {
                self.looked_at += 1;
                if !self.seen.contains_key(partition) {
                    self.seen.insert(partition.clone(), BTreeMap::new());
                }
                let first = *self.seen.get_mut(partition)?.entry(*offset).or_insert(*content);
                (first != *content).then(|| {
                    let sentence = format!(
                        "{} read {content:016x} from {partition} offset {offset}, where {first:016x} was read before",
                        entry.node
                    );
                    Violation::at(NAME, entry, sentence).of(partition)
                })
            }
            _ => None,
        })
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (partition, seen) in &self.seen {
            let Some((broker, log)) = end.authority(partition) else {
                continue;
            };
            let other = seen.iter().find_map(|(offset, content)| {
                let stored = log.at(*offset)?;
                (stored.content != *content).then_some((offset, content, stored.content))
            });
            if let Some((offset, content, stored)) = other {
                let sentence = format!(
                    "{content:016x} was read from {partition} offset {offset}, where broker-{broker} holds {stored:016x}"
                );
                violations.push(
                    Violation::finally(NAME, sentence)
                        .of(partition)
                        .with([broker]),
                );
            }
        }
        violations
    }

    fn figures(&self) -> String {
        format!("{} reads", self.looked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, batch, consumed, state};

    #[test]
    fn r11_fires_when_two_consumers_see_different_records() {
        let scene = Scene::new();
        let mut property = NoOffsetUsedTwice::default();
        let fine = [
            scene.fact("c-1", consumed("t-0", 3, "a")),
            scene.fact("c-2", consumed("t-0", 3, "a")),
            scene.fact("c-2", consumed("t-1", 3, "b")),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let other = [scene.fact("c-2", consumed("t-0", 3, "b"))];
        assert!(property.after_event(&other, &scene).is_some());
    }

    #[test]
    fn r11_forgets_what_was_read_before_an_unclean_election() {
        let scene = Scene::new();
        let mut property = NoOffsetUsedTwice::default();
        let mut unclean = state("t-0", 2, 5, &[2]);
        if let Fact::StateWritten { reason, .. } = &mut unclean {
            *reason = StateWriteReason::UncleanElection;
        }
        let facts = [
            scene.fact("c-1", consumed("t-0", 3, "a")),
            scene.fact("broker-3", unclean),
            scene.fact("c-1", consumed("t-0", 3, "b")),
        ];
        assert_eq!(property.after_event(&facts, &scene), None);
    }

    #[test]
    fn r11_fires_when_the_log_holds_another_record_in_the_end() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", batch(0, 1, &["a", "b"]));
        let mut property = NoOffsetUsedTwice::default();
        property.after_event(&[scene.fact("c-1", consumed("t-0", 1, "b"))], &scene);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)), []);
        property.after_event(&[scene.fact("c-1", consumed("t-0", 0, "x"))], &scene);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)).len(), 1);
    }
}
