//! R13 and, at the end, R6: a record whose producer was told that it is stored stands at its offset in the
//! log that counts, that of the partition's leader.
//!
//! Looks at every acknowledgement and at the bytes on the leader's disk. An offset holds one record: where two
//! were acknowledged, only one can be there, even if both have the same content. Not lost is what
//! retention was allowed to delete, or DeleteRecords asked to. Records sent with acks=0 are never acknowledged (their offset is -1): how
//! many of them no log holds is told, and held against nobody. Whether a consumer got the record is
//! `consumers_read_without_gaps`' affair.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, LogStartReason, RecordId, Routine, TopicPartition};
use crate::trace::{ByNode, TraceEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// It is given up by settings, on purpose.
pub const NAME: &str = "no acknowledged record is lost";

/// Lost records that a sentence names.
const NAMED: usize = 3;

#[derive(Debug, Default)]
pub(super) struct NoAcknowledgedRecordLost {
    acknowledged: Acknowledged,
    /// What has become of them, partition by partition.
    fate: Fate,
    /// The end has been looked at.
    ended: bool,
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
            self.acknowledged.learn(entry);
        }
        None
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.acknowledged.partitions()
    }

    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        // A first look at an end that turns out not to be the last counts for nothing.
        if std::mem::take(&mut self.ended) {
            self.fate = Fate::default();
        }
        let (fate, lost) = self.acknowledged.fate(partition, end);
        self.fate.add(&fate);
        if lost.is_empty() {
            return Vec::new();
        }
        let holder = end.authority(partition).map(|(broker, _)| broker);
        let mut names: Vec<String> = lost
            .iter()
            .take(NAMED)
            .map(|(offset, record)| format!("{}#{} at {offset}", record.producer, record.number))
            .collect();
        if lost.len() > NAMED {
            names.push(format!("{} more", lost.len() - NAMED));
        }
        let held_by = match holder {
            Some(broker) => format!("broker-{broker}, whose log counts, does not hold them"),
            None => "no replica is left whose log counts".to_owned(),
        };
        let sentence = format!("{partition} has lost {}: {held_by}", names.join(", "));
        vec![
            Violation::finally(NAME, sentence)
                .of(partition)
                .with(holder),
        ]
    }

    fn at_end(&mut self, _: &EndOfRun<'_>) -> Vec<Violation> {
        self.ended = true;
        Vec::new()
    }

    fn remark(&self) -> Option<String> {
        let nowhere = self.fate.nowhere;
        (nowhere > 0).then(|| {
            format!(
                "of {} records sent with acks=0, {nowhere} are in no log: nobody had promised to keep them, and no producer knows",
                self.acknowledged.sent_in_all(),
            )
        })
    }

    fn figures(&self) -> String {
        match self.ended {
            false => format!("{} acknowledged", self.acknowledged.count),
            true => self.acknowledged.figures(&self.fate),
        }
    }
}

/// What producers were told.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    by_partition: BTreeMap<TopicPartition, Vec<Ack>>,
    pub(super) count: u64,
    /// How far each partition was cleared, and what for, in the order in which it was.
    cleared: BTreeMap<TopicPartition, Vec<Cleared>>,
    /// Contents of what was sent with acks=0.
    sent: BTreeMap<TopicPartition, Vec<u64>>,
    /// Names of producers, and whose process each is.
    producers: Vec<Producer>,
    /// The place there of each that runs.
    places: ByNode<Option<u32>>,
}

/// A log begins here now.
#[derive(Clone, Copy, Debug)]
struct Cleared {
    up_to: i64,
    on_request: bool,
}

/// A producer in one process: in the next its records may be numbered anew.
#[derive(Debug)]
struct Producer {
    name: Rc<str>,
    node: Rc<str>,
}

/// A record that was acknowledged at an offset. Small, since there is one for every record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ack {
    offset: i64,
    content: u64,
    /// Its place in `producers`.
    producer: u32,
    /// Its number among that producer's records; a run makes some ten million at most.
    number: u32,
}

impl Ack {
    /// Whether both are of one record at one offset.
    fn is(&self, other: &Ack) -> bool {
        let record = |ack: &Ack| (ack.offset, ack.producer, ack.number);
        record(self) == record(other)
    }
}

/// What has become of records, in figures.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    pub(super) lost: u64,
    /// Lie before the log start of their partition, where that was allowed to move over them; and of these what
    /// DeleteRecords had asked for, before retention came to it.
    deleted: u64,
    on_request: u64,
    /// Were sent with acks=0 and are in no log that counts. Where something may be deleted nobody can tell.
    pub(super) nowhere: u64,
}

impl Fate {
    fn add(&mut self, other: &Fate) {
        self.lost += other.lost;
        self.deleted += other.deleted;
        self.on_request += other.on_request;
        self.nowhere += other.nowhere;
    }
}

impl Acknowledged {
    pub(super) fn learn(&mut self, entry: &TraceEntry) {
        let (record, partition, offset, content) = match &entry.fact {
            Fact::Acked {
                record,
                partition,
                offset,
                content,
                ..
            } => (record, partition, offset, content),
            Fact::Started => return self.starts(&entry.node),
            Fact::SegmentsDeleted {
                partition,
                log_start_offset,
                ..
            } => return self.is_cleared(partition, *log_start_offset, false),
            Fact::LogStartMoved {
                partition,
                log_start_offset,
                reason: LogStartReason::Asked,
            } => return self.is_cleared(partition, *log_start_offset, true),
            _ => return,
        };
        if *offset < 0 {
            let sent = self.sent.entry(partition.clone()).or_default();
            return sent.push(*content);
        }
        self.count += 1;
        let ack = Ack {
            offset: *offset,
            content: *content,
            producer: self.producer(&record.producer, &entry.node),
            number: u32::try_from(record.number).expect("a run makes fewer records than that"),
        };
        match self.by_partition.get_mut(partition) {
            Some(acks) => acks.push(ack),
            None => {
                self.by_partition.insert(partition.clone(), vec![ack]);
            }
        }
    }

    /// Where anything was sent to.
    fn partitions(&self) -> Vec<TopicPartition> {
        let all = self.by_partition.keys().chain(self.sent.keys());
        all.cloned().collect()
    }

    /// How many were acknowledged, and what has become of them.
    pub(super) fn figures(&self, fate: &Fate) -> String {
        let count = self.count;
        let acknowledged = match (fate.lost, fate.deleted) {
            (0, 0) => format!("{count} acknowledged, all {count} still there"),
            (0, deleted) => {
                let there = count - deleted;
                let by_retention = deleted - fate.on_request;
                let how = match (by_retention, fate.on_request) {
                    (by_retention, 0) => format!("{by_retention} deleted by retention"),
                    (0, on_request) => format!("{on_request} deleted on request"),
                    (by_retention, on_request) => {
                        format!("{by_retention} deleted by retention and {on_request} on request")
                    }
                };
                format!("{count} acknowledged, {there} still there, {how}")
            }
            (lost, _) => format!("{count} acknowledged, {lost} lost"),
        };
        acknowledged + &self.sent_figures(fate)
    }

    /// The same for what was sent with acks=0; empty if nothing was.
    pub(super) fn sent_figures(&self, fate: &Fate) -> String {
        match (self.sent_in_all(), fate.nowhere) {
            (0, _) => String::new(),
            (sent, 0) => format!("; all {sent} sent with acks=0 are there"),
            (sent, nowhere) => format!("; of {sent} sent with acks=0, {nowhere} are in no log"),
        }
    }

    /// What has become of all.
    pub(super) fn fates(&self, end: &EndOfRun<'_>) -> Fate {
        let partitions: BTreeSet<TopicPartition> = self.partitions().into_iter().collect();
        let mut fates = Fate::default();
        for partition in &partitions {
            fates.add(&self.fate(partition, end).0);
        }
        fates
    }

    /// What has become of a partition's, and what of them is lost.
    fn fate(&self, partition: &TopicPartition, end: &EndOfRun<'_>) -> (Fate, Vec<(i64, RecordId)>) {
        let lost = self.lost(partition, end);
        let (deleted, on_request) = self.deleted(partition, end);
        let fate = Fate {
            lost: lost.len() as u64,
            deleted,
            on_request,
            nowhere: self.sent_and_nowhere(partition, end),
        };
        (fate, lost)
    }

    fn sent_in_all(&self) -> u64 {
        self.sent.values().map(|sent| sent.len() as u64).sum()
    }

    fn sent_and_nowhere(&self, partition: &TopicPartition, end: &EndOfRun<'_>) -> u64 {
        let Some(sent) = self.sent.get(partition) else {
            return 0;
        };
        if end.may_begin_at(partition) > 0 {
            return 0;
        }
        let log = end.authority(partition).map(|(_, log)| log);
        let mut stored: BTreeMap<u64, u64> = BTreeMap::new();
        for record in log.iter().flat_map(|log| &log.records) {
            *stored.entry(record.content).or_default() += 1;
        }
        let mut nowhere = 0;
        for content in sent {
            match stored.get_mut(content).filter(|left| **left > 0) {
                Some(left) => *left -= 1,
                None => nowhere += 1,
            }
        }
        nowhere
    }

    /// The first log that begins there tells why: the others follow.
    fn is_cleared(&mut self, partition: &TopicPartition, up_to: i64, on_request: bool) {
        let cleared = self.cleared.entry(partition.clone()).or_default();
        if cleared.last().is_none_or(|last| last.up_to < up_to) {
            cleared.push(Cleared { up_to, on_request });
        }
    }

    /// How many were deleted, and of these on request.
    fn deleted(&self, partition: &TopicPartition, end: &EndOfRun<'_>) -> (u64, u64) {
        let Some(acks) = self.by_partition.get(partition) else {
            return (0, 0);
        };
        let start = end.log_start(partition).min(end.may_begin_at(partition));
        let cleared = self.cleared.get(partition).map_or(&[][..], Vec::as_slice);
        let on_request = |ack: &&Ack| {
            let place = cleared.partition_point(|it| it.up_to <= ack.offset);
            cleared.get(place).is_some_and(|it| it.on_request)
        };
        let deleted = || acks.iter().filter(|ack| ack.offset < start);
        let count = deleted().count() as u64;
        (count, deleted().filter(on_request).count() as u64)
    }

    /// Offset and name of what is gone of a partition.
    fn lost(&self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<(i64, RecordId)> {
        let Some(acks) = self.by_partition.get(partition) else {
            return Vec::new();
        };
        let log = end.authority(partition).map(|(_, log)| log);
        let start = end.may_begin_at(partition);
        let there = |ack: &Ack| {
            let stored = log.as_ref().and_then(|log| log.at(ack.offset));
            ack.offset < start || stored.is_some_and(|stored| stored.content == ack.content)
        };
        // Of equal records at one offset, the one that was acknowledged last.
        let mut stored: Vec<&Ack> = acks.iter().filter(|ack| there(ack)).collect();
        stored.sort_by_key(|ack| ack.offset);
        let is_stored = |ack: &Ack| {
            let up_to = stored.partition_point(|other| other.offset <= ack.offset);
            let last = stored[..up_to].last();
            last.is_some_and(|last| last.is(ack))
        };
        let lost = acks.iter().filter(|ack| !is_stored(ack));
        lost.map(|ack| (ack.offset, self.record(ack))).collect()
    }

    fn record(&self, ack: &Ack) -> RecordId {
        RecordId {
            producer: self.producers[ack.producer as usize].name.clone(),
            number: u64::from(ack.number),
        }
    }

    /// The place of a name in `producers`.
    fn producer(&mut self, name: &Rc<str>, node: &Rc<str>) -> u32 {
        let place = self.places.of(name);
        *place.get_or_insert_with(|| {
            let place = u32::try_from(self.producers.len()).expect("producers are few");
            let (name, node) = (name.clone(), node.clone());
            self.producers.push(Producer { name, node });
            place
        })
    }

    /// What it makes from now on is none of what it made before.
    fn starts(&mut self, node: &str) {
        let before = self.producers.iter().filter(|it| *it.node == *node);
        before.for_each(|it| self.places.remove(&it.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, acked, alone, batch, tp};

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
    fn r13_fires_when_the_next_process_gave_an_equal_record_the_same_number_there() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", batch(0, 1, &["hello"]));
        for (starts, lost) in [(false, 0), (true, 1)] {
            let mut property = alone(NoAcknowledgedRecordLost::default());
            let again = Some(scene.fact("c", Fact::Started)).filter(|_| starts);
            let acked = || scene.fact("c", acked("c-forwarder#1", "t-0", 0, "hello"));
            let told: Vec<_> = [acked()]
                .into_iter()
                .chain(again)
                .chain([acked()])
                .collect();
            property.after_event(&told, &scene);
            assert_eq!(property.at_end(&EndOfRun::new(&scene)).len(), lost);
        }
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
    fn what_was_deleted_on_request_is_counted_apart() {
        let figures = |moves: &[(i64, bool)]| {
            let mut scene = Scene::new();
            scene.commit("t-0", 1, &[1]);
            scene.store(1, "t-0", batch(3, 1, &["d"]));
            scene.replica_mut(1, "t-0").log_start_offset = 3;
            let mut property = alone(NoAcknowledgedRecordLost::default());
            let records = (0..4).zip(["a", "b", "c", "d"]);
            let acked = records.map(|(n, value)| acked(&format!("p#{n}"), "t-0", n, value));
            let moves = moves.iter().map(|(start, asked)| {
                let (partition, log_start_offset) = (tp("t-0"), *start);
                match asked {
                    true => Fact::LogStartMoved {
                        partition,
                        log_start_offset,
                        reason: LogStartReason::Asked,
                    },
                    false => Fact::SegmentsDeleted {
                        partition,
                        segments: 1,
                        log_start_offset,
                        why: "retention.ms".into(),
                    },
                }
            });
            let facts: Vec<_> = acked.chain(moves).map(|it| scene.fact("n", it)).collect();
            property.after_event(&facts, &scene);
            let end = scene.end_where_logs_begin_at("t-0", 3);
            assert_eq!(property.at_end(&end), []);
            property.figures()
        };
        let there = "4 acknowledged, 1 still there";
        // That retention takes the segment afterwards changes nothing.
        let request = figures(&[(3, true), (3, false)]);
        assert_eq!(request, format!("{there}, 3 deleted on request"));
        let both = figures(&[(1, false), (3, true)]);
        assert_eq!(
            both,
            format!("{there}, 1 deleted by retention and 2 on request")
        );
        let retention = figures(&[(3, false), (2, true)]);
        assert_eq!(retention, format!("{there}, 3 deleted by retention"));
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
