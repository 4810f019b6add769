//! D-1: in a log, the records of an idempotent producer have sequence numbers that follow each other: none is there
//! twice, none is left out, and no older epoch comes after a newer one.
//!
//! Looks at the bytes on disk at the end, of each running replica and of the log that counts. Where a producer's
//! numbers begin is not looked at: a leader that knows nothing of it takes any (CP51), and what is deleted is gone.
//! Nor is a producer that a replica says it has forgotten, nor a log that somebody has changed by hand. Not asked of plans in which a log may forget one without
//! saying so, when it is loaded (CP50): clocks that are a day apart, records that are older than they are, another
//! `producer.id.expiration.ms`.

use super::changed_by_hand::ChangedByHand;
use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::stored_log::{StoredBatch, StoredLog, StoredProducer};
use crate::kernel::Duration;
use crate::node::view::ClusterView;
use crate::plan::{Action, Plan, Timestamp};
use crate::protocol::{Fact, ProducerStateFact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "a producer's sequence numbers follow each other";

/// A clock that is wrong by less makes no producer as old as Kafka forgets it.
const HALF_A_DAY: Duration = Duration::from_secs(12 * 60 * 60);

#[derive(Debug, Default)]
pub(super) struct SequencesFollowEachOther {
    forgotten: BTreeSet<(TopicPartition, i64)>,
    changed: ChangedByHand,
    batches: u64,
}

impl SequencesFollowEachOther {
    /// `None` where a log may forget a producer when it is loaded.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let far = |by_ms: i64| by_ms.unsigned_abs() >= HALF_A_DAY.as_millis();
        let brokers = &plan.cluster.brokers;
        let clocks = brokers.iter().any(|it| far(it.machine.clock_skew_ms))
            || plan.timeline.iter().any(|entry| match &entry.action {
                Action::JumpClock { by_ms, .. } => far(*by_ms),
                _ => false,
            });
        let old_records = plan.producers.iter().any(|it| match it.timestamp {
            Timestamp::Clock { ahead_ms } => far(ahead_ms),
            _ => true,
        });
        let key = "producer.id.expiration.ms";
        let expiration = plan.cluster.config.contains_key(key)
            || brokers.iter().any(|it| it.config.contains_key(key))
            || plan.timeline.iter().any(|entry| match &entry.action {
                Action::Upgrade { set, .. } => set.contains_key(key),
                _ => false,
            });
        let may_forget = clocks || old_records || expiration || plan.duration >= HALF_A_DAY;
        (!may_forget).then(|| SequencesFollowEachOther {
            changed: ChangedByHand::of(plan),
            ..Self::default()
        })
    }

    /// What is wrong in a log.
    fn disorder(&mut self, partition: &TopicPartition, log: &StoredLog) -> Option<String> {
        let mut known: BTreeMap<i64, &StoredBatch> = BTreeMap::new();
        for batch in &log.batches {
            let Some(producer) = batch.producer else {
                continue;
            };
            if self.forgotten.contains(&(partition.clone(), producer.id)) {
                continue;
            }
            self.batches += 1;
            let before = known.insert(producer.id, batch);
            let wrong = before.and_then(|before| parts_from(before, producer));
            if let Some(wrong) = wrong {
                return Some(format!(
                    "at offset {} of {partition}, producer {}: {wrong}",
                    batch.base_offset, producer.id
                ));
            }
        }
        None
    }
}

impl Property for SequencesFollowEachOther {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        self.changed.learn(&entry.fact);
        if let Fact::ProducerState(ProducerStateFact::Forgotten {
            partition,
            producer_ids,
        }) = &entry.fact
        {
            let forgotten = producer_ids.iter().map(|id| (partition.clone(), *id));
            self.forgotten.extend(forgotten);
        }
        None
    }

    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        if self.changed.is_about(partition) {
            return Vec::new();
        }
        let running = end.replicas(partition).iter().map(|it| it.broker);
        let mut brokers: BTreeSet<_> = running.collect();
        brokers.extend(end.authority(partition).map(|(broker, _)| broker));
        let violations = brokers.into_iter().filter_map(|broker| {
            let disorder = self.disorder(partition, &end.log(broker, partition))?;
            let sentence = format!("broker-{broker} holds, {disorder}");
            Some(
                Violation::finally(NAME, sentence)
                    .of(partition)
                    .with([broker]),
            )
        });
        violations.take(1).collect()
    }

    fn figures(&self) -> String {
        counted(self.batches, "numbered batch")
    }
}

/// What a batch's numbers have against those of the one before of the same producer.
fn parts_from(before: &StoredBatch, producer: StoredProducer) -> Option<String> {
    let known = before.producer?;
    if producer.epoch != known.epoch {
        let (epoch, older) = (producer.epoch, producer.epoch < known.epoch);
        return older.then(|| format!("epoch {epoch} after epoch {}", known.epoch));
    }
    let records = i64::from(before.last_offset_delta) + 1;
    // After 2,147,483,647 comes 0.
    let next = (i64::from(known.base_sequence) + records) % (i64::from(i32::MAX) + 1);
    let found = i64::from(producer.base_sequence);
    (found != next).then(|| {
        format!(
            "sequence number {found} of epoch {}, where {next} follows",
            known.epoch
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, numbered, tp};

    fn found(facts: &[Fact], log: &[Vec<u8>]) -> Vec<String> {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", log.concat());
        scene.replica_mut(1, "t-0");
        let mut property = alone(SequencesFollowEachOther::default());
        let facts: Vec<_> = facts
            .iter()
            .map(|it| scene.fact("broker-1", it.clone()))
            .collect();
        property.after_event(&facts, &scene);
        let violations = property.at_end(&EndOfRun::new(&scene));
        violations.into_iter().map(|it| it.sentence).collect()
    }

    #[test]
    fn d_1_holds_where_each_producers_numbers_follow_each_other_in_each_epoch() {
        let log = [
            numbered(0, 1, (7, 0, 5), &["a", "b"]),
            numbered(2, 1, (8, 0, 0), &["c"]),
            numbered(3, 1, (7, 0, 7), &["d"]),
            numbered(4, 1, (7, 1, 0), &["e"]),
            numbered(5, 1, (8, 0, 1), &["f"]),
        ];
        assert!(found(&[], &log).is_empty());
        let committed = |offset| numbered(offset, 1, (-1, -1, 0), &["offset"]);
        assert!(found(&[], &[committed(0), committed(1)]).is_empty());
        let last = numbered(0, 1, (7, 0, i32::MAX), &["a"]);
        assert!(found(&[], &[last, numbered(1, 1, (7, 0, 0), &["b"])]).is_empty());
    }

    #[test]
    fn d_1_fires_where_a_batch_is_there_twice_or_left_out_or_of_an_older_epoch() {
        let first = numbered(0, 1, (7, 1, 0), &["a", "b"]);
        for (second, told) in [
            ((7, 1, 0), "sequence number 0 of epoch 1, where 2 follows"),
            ((7, 1, 3), "sequence number 3 of epoch 1, where 2 follows"),
            ((7, 0, 2), "epoch 0 after epoch 1"),
        ] {
            let log = [first.clone(), numbered(2, 1, second, &["c"])];
            assert_eq!(
                found(&[], &log),
                [format!(
                    "broker-1 holds, at offset 2 of t-0, producer 7: {told}"
                )]
            );
            let forgotten = ProducerStateFact::Forgotten {
                partition: tp("t-0"),
                producer_ids: vec![7],
            };
            assert!(found(&[forgotten.into()], &log).is_empty());
        }
    }
}
