//! R5: two running replicas of a partition hold the same records below the lower of their high watermarks.
//!
//! Looks at the bytes on disk at the end. Not above the high watermark, where replicas may differ until
//! the next leader epoch; not at what retention was allowed to delete and has
//! deleted on one of them; not at replicas that do not
//! run, whose high watermark nobody knows.
//!
//! Kafka promises it as long as fewer than all in-sync replicas lose what they had not synced. Where all do
//! at once, the leader may go on in the same epoch from a shorter log, and a follower whose page cache was
//! written back further keeps records that nobody else has. A plan that brings that about says `offsets at
//! which replicas differ`, which takes this property's place.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::stored_log::StoredRecord;
use crate::node::view::ReplicaView;
use crate::protocol::{BrokerId, Routine, TopicPartition, counted};
use std::fmt;
use std::rc::Rc;

const NAME: &str = "replicas are equal below the high watermark";

#[derive(Debug, Default)]
pub(super) struct LogsEqualBelowHighWatermark {
    compared: u64,
}

impl Property for LogsEqualBelowHighWatermark {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut comparison = Comparison::default();
        comparison.of_replicas(partition, end);
        self.compared += comparison.compared;
        let mut differences = comparison.differences;
        // The first of each pair of replicas.
        differences.dedup_by(|a, b| (&a.partition, a.brokers) == (&b.partition, b.brokers));
        let violations = differences.iter().map(|difference| {
            Violation::finally(NAME, difference.to_string())
                .of(&difference.partition)
                .with(difference.brokers)
        });
        violations.collect()
    }

    fn figures(&self) -> String {
        format!("{} of records compared", counted(self.compared, "pair"))
    }
}

/// The running replicas of every partition, compared below their high watermarks.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Pairs of records that are equal.
    pub(super) compared: u64,
    /// By partition, pair of replicas and offset.
    pub(super) differences: Vec<Difference>,
}

/// An offset at which two replicas differ.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) partition: TopicPartition,
    pub(super) offset: i64,
    brokers: [BrokerId; 2],
    records: [Option<StoredRecord>; 2],
}

impl Comparison {
    pub(super) fn of(end: &EndOfRun<'_>) -> Self {
        let mut comparison = Comparison::default();
        for partition in end.partitions() {
            comparison.of_replicas(&partition, end);
        }
        comparison
    }

    fn of_replicas(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) {
        let mut replicas: Vec<&ReplicaView> = end.replicas(partition).iter().collect();
        // Equality is transitive: all are compared with the one that knows the most.
        replicas.sort_by_key(|replica| (-replica.high_watermark, replica.broker));
        if let [first, others @ ..] = replicas.as_slice() {
            for other in others {
                self.compare(end, first, other);
            }
        }
    }

    fn compare(&mut self, end: &EndOfRun<'_>, a: &ReplicaView, b: &ReplicaView) {
        let partition = &a.partition;
        let begins = a.log_start_offset.max(b.log_start_offset);
        let from = begins.min(end.may_begin_at(partition));
        let to = a.high_watermark.min(b.high_watermark);
        let (log_a, log_b) = (end.log(a.broker, partition), end.log(b.broker, partition));
        let within = |record: &&StoredRecord| (from..to).contains(&record.offset);
        if Rc::ptr_eq(&log_a, &log_b) {
            // They share every byte in memory.
            self.compared += log_a.records.iter().filter(within).count() as u64;
            return;
        }
        let mut in_a = log_a.records.iter().filter(within).peekable();
        let mut in_b = log_b.records.iter().filter(within).peekable();
        loop {
            let next = [in_a.peek(), in_b.peek()];
            let Some(offset) = next.into_iter().flatten().map(|r| r.offset).min() else {
                return;
            };
            let records = [
                in_a.next_if(|record| record.offset == offset).copied(),
                in_b.next_if(|record| record.offset == offset).copied(),
            ];
            if records[0] == records[1] {
                self.compared += 1;
            } else {
                self.differences.push(Difference {
                    partition: partition.clone(),
                    offset,
                    brokers: [a.broker, b.broker],
                    records,
                });
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |record: Option<StoredRecord>| match record {
            None => "nothing".to_owned(),
            Some(r) => format!("a record of epoch {} ({:016x})", r.leader_epoch, r.content),
        };
        let ([a, b], [x, y]) = (self.brokers, self.records);
        write!(
            f,
            "{} offset {}: broker-{a} holds {}, broker-{b} holds {}",
            self.partition,
            self.offset,
            at(x),
            at(y)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, batch};

    fn scene(a: Vec<u8>, b: Vec<u8>, high_watermark: i64) -> Scene {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1, 2]);
        for (broker, bytes) in [(1, a), (2, b)] {
            scene.store(broker, "t-0", bytes);
            let replica = scene.replica_mut(broker, "t-0");
            (replica.log_end_offset, replica.high_watermark) = (3, high_watermark);
        }
        scene
    }

    #[test]
    fn r5_fires_where_two_replicas_hold_different_records() {
        let same = [batch(0, 1, &["a", "b"]), batch(2, 1, &["c"])].concat();
        let other = [batch(0, 1, &["a", "b"]), batch(2, 2, &["d"])].concat();
        let mut property = alone(LogsEqualBelowHighWatermark::default());
        assert_eq!(
            property.at_end(&EndOfRun::new(&scene(same.clone(), same.clone(), 3))),
            []
        );
        assert_eq!(property.figures(), "3 pairs of records compared");
        assert_eq!(
            property.at_end(&EndOfRun::new(&scene(same.clone(), other.clone(), 2))),
            []
        );
        let found = property.at_end(&EndOfRun::new(&scene(same, other, 3)));
        assert!(
            found[0]
                .sentence
                .starts_with("t-0 offset 2: broker-1 holds a record of epoch 1")
        );
    }

    #[test]
    fn r5_fires_where_one_replica_misses_a_record() {
        let whole = [batch(0, 1, &["a", "b"]), batch(2, 1, &["c"])].concat();
        let short = batch(0, 1, &["a", "b"]);
        let found = alone(LogsEqualBelowHighWatermark::default())
            .at_end(&EndOfRun::new(&scene(whole, short, 3)));
        assert!(
            found[0].sentence.ends_with("broker-2 holds nothing"),
            "{found:?}"
        );
    }

    /// A broker that says that its log begins later hides nothing by that.
    #[test]
    fn r5_fires_where_a_replica_alone_says_that_a_record_was_deleted() {
        let whole = [batch(0, 1, &["a", "b"]), batch(2, 1, &["c"])].concat();
        let mut scene = scene(whole.clone(), batch(2, 1, &["c"]), 3);
        scene.replica_mut(2, "t-0").log_start_offset = 2;
        let found = |end: &EndOfRun<'_>| alone(LogsEqualBelowHighWatermark::default()).at_end(end);
        assert_eq!(found(&EndOfRun::new(&scene)).len(), 1);
        assert_eq!(found(&scene.end_where_logs_begin_at("t-0", 2)), []);
    }

    #[test]
    fn every_offset_is_compared_beyond_the_first_that_differs() {
        let one = batch(0, 1, &["a", "b", "c", "d"]);
        let other = [batch(0, 1, &["a", "x"]), batch(3, 1, &["d"])].concat();
        let comparison = Comparison::of(&EndOfRun::new(&scene(one, other, 4)));
        let offsets: Vec<i64> = comparison.differences.iter().map(|d| d.offset).collect();
        assert_eq!((comparison.compared, offsets), (2, vec![1, 2]));
    }
}
