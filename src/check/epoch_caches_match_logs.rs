//! R9, its second half: a log's epoch cache says where each of its leader epochs begins, and a leader knows from
//! its first moment on where its own does.
//!
//! Looks at each new leader's cache, and at the end at the cache and the bytes of every replica that runs. A cache
//! forgets what is deleted at once, and a log only with its next checkpoint: after a crash it may begin before its
//! cache does. What the cache is for, finding where two logs part, is judged by others (`logs_equal_below_high_watermark`).

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::replica_key::broker_id;
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;

const NAME: &str = "a log's epoch cache says where its epochs begin";

#[derive(Debug, Default)]
pub(super) struct EpochCachesMatchLogs {
    looked_at: u64,
}

impl Property for EpochCachesMatchLogs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) -> Option<Violation> {
        let Fact::BecameLeader {
            partition,
            leader_epoch,
            log_end_offset,
            ..
        } = &entry.fact
        else {
            return None;
        };
        let epochs = view.leader_epochs(broker_id(&entry.node)?, partition)?;
        self.looked_at += 1;
        let last = epochs.last().copied();
        let known =
            last.is_some_and(|(epoch, start)| epoch == *leader_epoch && start <= *log_end_offset);
        (!known).then(|| {
            let sentence = format!(
                "{} leads {partition} in epoch {leader_epoch} from offset {log_end_offset} on, \
                     and its epoch cache ends with {last:?}",
                entry.node
            );
            Violation::at(NAME, entry, sentence).of(partition)
        })
    }

    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        for replica in end.replicas(partition) {
            let broker = replica.broker;
            let Some(epochs) = end.view.leader_epochs(broker, partition) else {
                continue;
            };
            self.looked_at += 1;
            let log = end.log(broker, partition);
            let wrong = log.batches.iter().find(|batch| {
                let first = batch.base_offset.max(replica.log_start_offset);
                let covering = epochs.iter().rev().find(|(_, start)| *start <= first);
                let is_right = match covering {
                    Some((covering, _)) => *covering == batch.leader_epoch,
                    None => epochs
                        .first()
                        .is_some_and(|(oldest, _)| batch.leader_epoch <= *oldest),
                };
                batch.last_offset() >= replica.log_start_offset && !is_right
            });
            if let Some(batch) = wrong {
                let (base, epoch) = (batch.base_offset, batch.leader_epoch);
                let sentence = format!(
                    "broker-{broker}: the batch at {base} of {partition} is of epoch {epoch}, and the \
                     epoch cache says {epochs:?}"
                );
                let violation = Violation::finally(NAME, sentence);
                violations.push(violation.of(partition).with([broker]));
            }
        }
        violations
    }

    fn figures(&self) -> String {
        format!("{} at caches", counted(self.looked_at, "look"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, batch, became_leader};

    #[test]
    fn r9_fires_when_a_new_leader_does_not_know_where_its_epoch_begins() {
        let mut scene = Scene::new();
        let fired = |scene: &Scene| {
            let mut property = alone(EpochCachesMatchLogs::default());
            let elected = scene.fact("broker-1", became_leader("t-0", 4, 7, 7));
            let found = property.after_event(&[elected], scene);
            found.map(|violation| violation.sentence)
        };
        scene.cache_epochs(1, "t-0", &[(2, 0), (4, 7)]);
        assert_eq!(fired(&scene), None);
        scene.cache_epochs(1, "t-0", &[(2, 0)]);
        let expected = "broker-1 leads t-0 in epoch 4 from offset 7 on, and its epoch cache ends with \
             Some((2, 0))";
        assert_eq!(fired(&scene).as_deref(), Some(expected));
    }

    #[test]
    fn r9_fires_when_a_batch_is_of_another_epoch_than_the_cache_says() {
        let mut scene = Scene::new();
        let fired = |scene: &Scene| -> Vec<String> {
            let violations = alone(EpochCachesMatchLogs::default()).at_end(&EndOfRun::new(scene));
            violations.into_iter().map(|v| v.sentence).collect()
        };
        scene.replica_mut(1, "t-0").log_end_offset = 3;
        scene.store(
            1,
            "t-0",
            [batch(0, 2, &["a", "b"]), batch(2, 4, &["c"])].concat(),
        );
        scene.cache_epochs(1, "t-0", &[(2, 0), (4, 2)]);
        assert!(fired(&scene).is_empty());
        scene.cache_epochs(1, "t-0", &[(2, 0)]);
        let expected =
            "broker-1: the batch at 2 of t-0 is of epoch 4, and the epoch cache says [(2, 0)]";
        assert_eq!(fired(&scene), [expected]);
    }

    #[test]
    fn r9_bears_a_cache_that_begins_after_its_log() {
        let mut scene = Scene::new();
        scene.replica_mut(1, "t-0").log_end_offset = 3;
        let stored = [batch(0, 2, &["a", "b"]), batch(2, 4, &["c"])].concat();
        scene.store(1, "t-0", stored);
        let broken = |scene: &Scene| {
            let violations = alone(EpochCachesMatchLogs::default()).at_end(&EndOfRun::new(scene));
            violations.len()
        };
        scene.cache_epochs(1, "t-0", &[(2, 1), (4, 2)]);
        assert_eq!(broken(&scene), 0);
        scene.cache_epochs(1, "t-0", &[(4, 2)]);
        assert_eq!(broken(&scene), 0);
        scene.cache_epochs(1, "t-0", &[(1, 1), (4, 2)]);
        assert_eq!(broken(&scene), 1, "an older epoch than the log's first");
    }
}
