//! R13 and, at the end, R6: a record whose producer was told that it is stored stands at its offset in the
//! log that counts, that of the partition's leader.
//!
//! Looks at every acknowledgement and at the bytes on the leader's disk. An offset holds one record: where two
//! were acknowledged, only one can be there, even if both have the same content. Not lost is what
//! retention was allowed to delete. Records sent with acks=0 are never acknowledged (their offset is -1): how
//! many of them no log holds is told, and held against nobody. Whether a consumer got the record is
//! `consumers_read_without_gaps`' affair.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, RecordId, Routine, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "no acknowledged record is lost";

/// Lost records that a sentence names.
const NAMED: usize = 3;

#[derive(Debug, Default)]
pub(super) struct NoAcknowledgedRecordLost {
    acknowledged: Acknowledged,
    /// What has become of them, once the end has been looked at.
    became: Option<String>,
    /// Records sent with acks=0 that no log holds.
    nowhere: u64,
}

impl Property for NoAcknowledgedRecordLost {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Acked]
    }

    fn after_event(&mut self, facts: &[TraceEntry], _: &dyn ClusterView) -> Option<Violation> {
        for entry in facts {
            self.acknowledged.learn(&entry.fact);
        }
        None
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut lost_in_all = 0;
        for (partition, lost) in self.acknowledged.lost(end) {
            lost_in_all += lost.len() as u64;
            let holder = end.authority(&partition).map(|(broker, _)| broker);
            let mut names: Vec<String> = lost
                .iter()
                .take(NAMED)
                .map(|(offset, record)| {
                    format!("{}#{} at {offset}", record.producer, record.number)
                })
                .collect();
            if lost.len() > NAMED {
                names.push(format!("{} more", lost.len() - NAMED));
            }
            let held_by = match holder {
                Some(broker) => format!("broker-{broker}, whose log counts, does not hold them"),
                None => "no replica is left whose log counts".to_owned(),
            };
            let sentence = format!("{partition} has lost {}: {held_by}", names.join(", "));
            violations.push(
                Violation::finally(NAME, sentence)
                    .of(&partition)
                    .with(holder),
            );
        }
        self.became = Some(self.acknowledged.figures(lost_in_all, end));
        self.nowhere = self.acknowledged.sent_and_nowhere(end);
        violations
    }

    fn remark(&self) -> Option<String> {
        (self.nowhere > 0).then(|| {
            format!(
                "of {} records sent with acks=0, {} are in no log: nobody had promised to keep them, and no producer knows",
                self.acknowledged.sent_in_all(),
                self.nowhere
            )
        })
    }

    fn figures(&self) -> String {
        let so_far = || format!("{} acknowledged", self.acknowledged.count);
        self.became.clone().unwrap_or_else(so_far)
    }
}

/// What producers were told.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    by_partition: BTreeMap<TopicPartition, Vec<(i64, u64, RecordId)>>,
    pub(super) count: u64,
    /// Contents of what was sent with acks=0.
    sent: BTreeMap<TopicPartition, Vec<u64>>,
}

impl Acknowledged {
    pub(super) fn learn(&mut self, fact: &Fact) {
        let Fact::Acked {
            record,
            partition,
            offset,
            content,
            ..
        } = fact
        else {
            return;
        };
        if *offset < 0 {
            let sent = self.sent.entry(partition.clone()).or_default();
            return sent.push(*content);
        }
        self.count += 1;
        let acknowledged = (*offset, *content, record.clone());
        match self.by_partition.get_mut(partition) {
            Some(records) => records.push(acknowledged),
            None => {
                self.by_partition
                    .insert(partition.clone(), vec![acknowledged]);
            }
        }
    }

    /// How many were acknowledged, and what has become of them; so many were `lost`.
    pub(super) fn figures(&self, lost: u64, end: &EndOfRun<'_>) -> String {
        let count = self.count;
        let acknowledged = match (lost, self.deleted(end)) {
            (0, 0) => format!("{count} acknowledged, all {count} still there"),
            (0, deleted) => {
                let there = count - deleted;
                format!("{count} acknowledged, {there} still there, {deleted} deleted by retention")
            }
            (lost, _) => format!("{count} acknowledged, {lost} lost"),
        };
        acknowledged + &self.sent_figures(end)
    }

    /// The same for what was sent with acks=0; empty if nothing was.
    pub(super) fn sent_figures(&self, end: &EndOfRun<'_>) -> String {
        match (self.sent_in_all(), self.sent_and_nowhere(end)) {
            (0, _) => String::new(),
            (sent, 0) => format!("; all {sent} sent with acks=0 are there"),
            (sent, nowhere) => format!("; of {sent} sent with acks=0, {nowhere} are in no log"),
        }
    }

    fn sent_in_all(&self) -> u64 {
        self.sent.values().map(|sent| sent.len() as u64).sum()
    }

    /// How many that were sent with acks=0 the log that counts does not hold. Where something may be deleted
    /// nobody can tell.
    pub(super) fn sent_and_nowhere(&self, end: &EndOfRun<'_>) -> u64 {
        let mut nowhere = 0;
        for (partition, sent) in &self.sent {
            if end.may_begin_at(partition) > 0 {
                continue;
            }
            let log = end.authority(partition).map(|(_, log)| log);
            let mut stored: BTreeMap<u64, u64> = BTreeMap::new();
            for record in log.iter().flat_map(|log| &log.records) {
                *stored.entry(record.content).or_default() += 1;
            }
            for content in sent {
                match stored.get_mut(content).filter(|left| **left > 0) {
                    Some(left) => *left -= 1,
                    None => nowhere += 1,
                }
            }
        }
        nowhere
    }

    /// How many lie before the log start of their partition, where that was allowed to move over them.
    pub(super) fn deleted(&self, end: &EndOfRun<'_>) -> u64 {
        let deleted = self.by_partition.iter().map(|(partition, records)| {
            let start = end.log_start(partition).min(end.may_begin_at(partition));
            records
                .iter()
                .filter(|(offset, ..)| *offset < start)
                .count() as u64
        });
        deleted.sum()
    }

    /// Offset and name of what is gone, by partition; partitions that lost nothing are left out.
    pub(super) fn lost(
        &self,
        end: &EndOfRun<'_>,
    ) -> BTreeMap<TopicPartition, Vec<(i64, RecordId)>> {
        let mut all = BTreeMap::new();
        for (partition, records) in &self.by_partition {
            let log = end.authority(partition).map(|(_, log)| log);
            let start = end.may_begin_at(partition);
            let there = |offset: i64, content: u64| {
                let stored = log.as_ref().and_then(|log| log.at(offset));
                offset < start || stored.is_some_and(|stored| stored.content == content)
            };
            // Of equal records at one offset, the one that was acknowledged last.
            let mut stored: Vec<(i64, &RecordId)> = records
                .iter()
                .filter(|(at, content, _)| there(*at, *content))
                .map(|(offset, _, record)| (*offset, record))
                .collect();
            stored.sort_by_key(|(offset, _)| *offset);
            let is_stored = |offset: i64, record: &RecordId| {
                let up_to = stored.partition_point(|(at, _)| *at <= offset);
                stored[..up_to].last() == Some(&(offset, record))
            };
            let lost: Vec<_> = records
                .iter()
                .filter(|(offset, _, record)| !is_stored(*offset, record))
                .map(|(offset, _, record)| (*offset, record.clone()))
                .collect();
            if !lost.is_empty() {
                all.insert(partition.clone(), lost);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, acked, alone, batch};

    #[test]
    fn r6_r13_fires_when_the_leader_lacks_an_acknowledged_record() {
        let mut scene = Scene::new();
        scene.commit("t-0", 2, &[2]);
        scene.store(1, "t-0", batch(0, 1, &["a", "b", "c"]));
        scene.store(2, "t-0", batch(0, 1, &["a", "b"]));
        let mut property = alone(NoAcknowledgedRecordLost::default());
        let told = [
            scene.fact("p", acked("p#0", "t-0", 0, "a")),
            scene.fact("p", acked("p#1", "t-0", 1, "b")),
        ];
        property.after_event(&told, &scene);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)), []);
        assert_eq!(property.figures(), "2 acknowledged, all 2 still there");
        let told = [scene.fact("p", acked("p#2", "t-0", 2, "c"))];
        property.after_event(&told, &scene);
        let found = property.at_end(&EndOfRun::new(&scene));
        assert_eq!(
            found[0].sentence,
            "t-0 has lost p#2 at 2: broker-2, whose log counts, does not hold them"
        );
        assert_eq!(property.figures(), "3 acknowledged, 1 lost");
    }

    #[test]
    fn r13_fires_when_another_record_stands_there() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", batch(0, 1, &["other"]));
        let mut property = alone(NoAcknowledgedRecordLost::default());
        property.after_event(&[scene.fact("p", acked("p#0", "t-0", 0, "a"))], &scene);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)).len(), 1);
    }

    #[test]
    fn r13_fires_when_an_equal_record_was_acknowledged_in_its_place() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", batch(0, 1, &["hello", "hello"]));
        let mut property = alone(NoAcknowledgedRecordLost::default());
        let told = [
            scene.fact("p", acked("p#0", "t-0", 0, "hello")),
            scene.fact("p", acked("p#1", "t-0", 1, "hello")),
            scene.fact("p", acked("p#2", "t-0", 1, "hello")),
        ];
        property.after_event(&told, &scene);
        assert_eq!(property.figures(), "3 acknowledged");
        let found = property.at_end(&EndOfRun::new(&scene));
        assert!(found[0].sentence.starts_with("t-0 has lost p#1 at 1:"));
        assert_eq!(property.figures(), "3 acknowledged, 1 lost");
    }

    #[test]
    fn what_retention_deleted_is_not_lost_though_no_leader_runs() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store_segment(1, "t-0", 5, batch(5, 1, &["f"]));
        let mut property = alone(NoAcknowledgedRecordLost::default());
        let told = [
            scene.fact("p", acked("p#0", "t-0", 0, "a")),
            scene.fact("p", acked("p#5", "t-0", 5, "f")),
        ];
        property.after_event(&told, &scene);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)).len(), 1);
        let end = scene.end_where_logs_begin_at("t-0", 5);
        assert_eq!(property.at_end(&end), []);
    }

    /// What a leader says of its log start excuses nothing.
    #[test]
    fn what_retention_deleted_is_not_lost_and_a_dead_leader_still_counts() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", batch(5, 1, &["f"]));
        scene.replica_mut(1, "t-0").log_start_offset = 5;
        let mut property = alone(NoAcknowledgedRecordLost::default());
        let told = [
            scene.fact("p", acked("p#0", "t-0", 0, "a")),
            scene.fact("p", acked("p#5", "t-0", 5, "f")),
        ];
        property.after_event(&told, &scene);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)).len(), 1);
        let end = scene.end_where_logs_begin_at("t-0", 5);
        assert_eq!(property.at_end(&end), []);
        assert_eq!(
            property.figures(),
            "2 acknowledged, 1 still there, 1 deleted by retention"
        );
    }

    #[test]
    fn what_was_sent_with_acks_0_and_is_nowhere_is_told() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", batch(0, 1, &["a", "b"]));
        let mut property = alone(NoAcknowledgedRecordLost::default());
        for value in ["a", "b", "c"] {
            let facts = [scene.fact("p", acked("p#0", "t-0", -1, value))];
            property.after_event(&facts, &scene);
        }
        assert_eq!(property.at_end(&EndOfRun::new(&scene)), []);
        assert_eq!(
            property.figures(),
            "0 acknowledged, all 0 still there; of 3 sent with acks=0, 1 are in no log"
        );
    }
}
