//! R5: two running replicas of a partition hold the same records below the lower of their high watermarks.
//!
//! Looks at the bytes on disk at the end. Not above the high watermark, where replicas may differ until
//! the next leader epoch; not at what retention has deleted on one of them; not at replicas that do not
//! run, whose high watermark nobody knows.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::stored_log::StoredRecord;
use crate::node::view::ReplicaView;
use crate::protocol::{BrokerId, TopicPartition};
use std::collections::BTreeMap;

const NAME: &str = "replicas are equal below the high watermark";

#[derive(Debug, Default)]
pub(super) struct LogsEqualBelowHighWatermark {
    compared: u64,
}

impl Property for LogsEqualBelowHighWatermark {
    fn name(&self) -> &'static str {
        NAME
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut partitions: BTreeMap<TopicPartition, Vec<ReplicaView>> = BTreeMap::new();
        for replica in end.view.replicas() {
            partitions
                .entry(replica.partition.clone())
                .or_default()
                .push(replica);
        }
        let mut violations = Vec::new();
        for (partition, mut replicas) in partitions {
            // Equality is transitive: all are compared with the one that knows the most.
            replicas.sort_by_key(|replica| (-replica.high_watermark, replica.broker));
            let [first, others @ ..] = replicas.as_slice() else {
                continue;
            };
            for other in others {
                if let Some(sentence) = self.compare(end, first, other) {
                    let violation = Violation::finally(NAME, sentence);
                    violations.push(violation.of(&partition).with([first.broker, other.broker]));
                }
            }
        }
        violations
    }

    fn figures(&self) -> String {
        format!("{} pairs of records compared", self.compared)
    }
}

impl LogsEqualBelowHighWatermark {
    fn compare(&mut self, end: &EndOfRun<'_>, a: &ReplicaView, b: &ReplicaView) -> Option<String> {
        let partition = &a.partition;
        let from = a.log_start_offset.max(b.log_start_offset);
        let to = a.high_watermark.min(b.high_watermark);
        let (log_a, log_b) = (end.log(a.broker, partition), end.log(b.broker, partition));
        let within = |record: &&StoredRecord| (from..to).contains(&record.offset);
        let mut in_a = log_a.records.iter().filter(within);
        let mut in_b = log_b.records.iter().filter(within);
        loop {
            let (x, y) = (in_a.next(), in_b.next());
            if x != y {
                return Some(difference(partition, (a.broker, x), (b.broker, y)));
            }
            x?;
            self.compared += 1;
        }
    }
}

fn difference(
    partition: &TopicPartition,
    (a, x): (BrokerId, Option<&StoredRecord>),
    (b, y): (BrokerId, Option<&StoredRecord>),
) -> String {
    let offset = match (x, y) {
        (Some(x), Some(y)) => x.offset.min(y.offset),
        (Some(one), None) | (None, Some(one)) => one.offset,
        (None, None) => unreachable!("both ended, so they are equal"),
    };
    let at = |record: Option<&StoredRecord>| match record.filter(|r| r.offset == offset) {
        None => "nothing".to_owned(),
        Some(r) => format!("a record of epoch {} ({:016x})", r.leader_epoch, r.content),
    };
    format!(
        "{partition} offset {offset}: broker-{a} holds {}, broker-{b} holds {}",
        at(x),
        at(y)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, batch};

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
        let mut property = LogsEqualBelowHighWatermark::default();
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
        let found =
            LogsEqualBelowHighWatermark::default().at_end(&EndOfRun::new(&scene(whole, short, 3)));
        assert!(
            found[0].sentence.ends_with("broker-2 holds nothing"),
            "{found:?}"
        );
    }
}
