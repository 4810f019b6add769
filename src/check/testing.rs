//! A made-up cluster in which checks can be seen to fire.

use super::log_starts_move_as_allowed::AllowedStarts;
use super::{Checks, EndOfRun, Property, Violation};
use crate::kernel::{Duration, Time};
use crate::node::view::{
    ClusterView, CommittedPartition, GroupView, ReplicaOffsets, ReplicaView, TopicView,
};
use crate::protocol::{BrokerId, Fact, RecordId, StateWriteReason, TopicPartition, content_of};
use crate::trace::TraceEntry;
use bytes::Bytes;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Name and bytes of a segment's file.
type Segment = (String, Vec<Bytes>);

/// One property behind the dispatcher that every run has: what this keeps from it, it does not see here.
/// No test calls a property by itself (`tests/tidy.rs`).
pub(crate) fn alone(property: impl Property + 'static) -> Alone {
    Alone(Checks::of(vec![Box::new(property)]))
}

pub(crate) struct Alone(Checks);

impl Alone {
    pub(crate) fn after_event(
        &mut self,
        facts: &[TraceEntry],
        view: &dyn ClusterView,
    ) -> Option<Violation> {
        self.0.after_event(facts, view)
    }

    pub(crate) fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        self.0.at_end(end)
    }

    pub(crate) fn figures(&self) -> String {
        let figures = self.0.figures().into_iter();
        figures.map(|(_, figures)| figures).collect()
    }
}

/// Views that a test sets, and entries in order.
#[derive(Default)]
pub(crate) struct Scene {
    replicas: BTreeMap<(BrokerId, TopicPartition), ReplicaView>,
    committed: BTreeMap<TopicPartition, CommittedPartition>,
    files: BTreeMap<(BrokerId, TopicPartition), Vec<Segment>>,
    topics: Vec<TopicView>,
    pub(crate) groups: Vec<GroupView>,
    epochs: BTreeMap<(BrokerId, TopicPartition), Vec<(i32, i64)>>,
    events: Cell<u64>,
    /// Beside a millisecond an event.
    passed: Duration,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Scene::default()
    }

    /// The next entry of the trace, a millisecond after the one before.
    pub(crate) fn fact(&self, node: &str, fact: Fact) -> TraceEntry {
        let event = self.events.get() + 1;
        self.events.set(event);
        TraceEntry {
            event,
            time: Time(event * 1_000_000) + self.passed,
            node: node.into(),
            fact,
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.passed = Duration(self.passed.0 + time.0);
    }

    /// A replica of a running broker, to be changed.
    pub(crate) fn replica_mut(&mut self, broker: BrokerId, partition: &str) -> &mut ReplicaView {
        let partition = tp(partition);
        let key = (broker, partition.clone());
        self.replicas.entry(key).or_insert_with(|| ReplicaView {
            broker,
            partition,
            is_leader: false,
            leader: -1,
            leader_epoch: 0,
            partition_epoch: 0,
            isr: Vec::new(),
            log_start_offset: 0,
            high_watermark: 0,
            log_end_offset: 0,
        })
    }

    /// Sets a partition's committed state; the replicas are the ISR's members and the leader.
    pub(crate) fn commit(&mut self, partition: &str, leader: BrokerId, isr: &[BrokerId]) {
        let partition = tp(partition);
        let state = CommittedPartition {
            partition: partition.clone(),
            leader,
            leader_epoch: 0,
            isr: isr.to_vec(),
            replicas: isr.to_vec(),
            controller_epoch: 1,
            partition_epoch: 0,
            recovering: false,
        };
        self.committed.insert(partition, state);
    }

    pub(crate) fn group(&mut self, group: GroupView) {
        self.groups.push(group);
    }

    pub(crate) fn set_replicas(&mut self, partition: &str, replicas: &[BrokerId]) {
        let state = self
            .committed
            .get_mut(&tp(partition))
            .expect("committed first");
        state.replicas = replicas.to_vec();
    }

    /// Sets the bytes of a replica's log.
    pub(crate) fn store(&mut self, broker: BrokerId, partition: &str, bytes: Vec<u8>) {
        self.store_segment(broker, partition, 0, bytes);
    }

    /// Sets the bytes of a replica's log, whose first segment has this base offset.
    pub(crate) fn store_segment(
        &mut self,
        broker: BrokerId,
        partition: &str,
        base_offset: i64,
        bytes: Vec<u8>,
    ) {
        let segment = (format!("{base_offset:020}.log"), vec![Bytes::from(bytes)]);
        self.files.insert((broker, tp(partition)), vec![segment]);
    }

    /// Sets where each leader epoch begins, as a replica's cache has it.
    pub(crate) fn cache_epochs(
        &mut self,
        broker: BrokerId,
        partition: &str,
        epochs: &[(i32, i64)],
    ) {
        self.epochs.insert((broker, tp(partition)), epochs.to_vec());
    }

    /// The end of a run in which the log of one partition may begin there.
    pub(crate) fn end_where_logs_begin_at(&self, partition: &str, start: i64) -> EndOfRun<'_> {
        let starts = AllowedStarts::default();
        starts.allow(&tp(partition), start);
        EndOfRun::new(self).allowing(starts)
    }

    pub(crate) fn topic(&mut self, topic: TopicView) {
        self.topics.push(topic);
    }
}

impl ClusterView for Scene {
    fn running_brokers(&self) -> Vec<BrokerId> {
        let mut brokers: Vec<_> = self.replicas.keys().map(|(broker, _)| *broker).collect();
        brokers.dedup();
        brokers
    }
    fn replica(&self, broker: BrokerId, partition: &TopicPartition) -> Option<ReplicaView> {
        self.replicas.get(&(broker, partition.clone())).cloned()
    }
    fn replica_offsets(
        &self,
        broker: BrokerId,
        partition: &TopicPartition,
    ) -> Option<ReplicaOffsets> {
        let view = self.replica(broker, partition)?;
        Some(ReplicaOffsets {
            is_leader: view.is_leader,
            log_start_offset: view.log_start_offset,
            high_watermark: view.high_watermark,
            log_end_offset: view.log_end_offset,
        })
    }
    fn leader_epochs(
        &self,
        broker: BrokerId,
        partition: &TopicPartition,
    ) -> Option<Vec<(i32, i64)>> {
        self.epochs.get(&(broker, partition.clone())).cloned()
    }
    fn replicas(&self) -> Vec<ReplicaView> {
        self.replicas.values().cloned().collect()
    }
    fn committed(&self) -> Vec<CommittedPartition> {
        self.committed.values().cloned().collect()
    }
    fn log_files(&self, broker: BrokerId, partition: &TopicPartition) -> Vec<(String, Vec<Bytes>)> {
        let files = self.files.get(&(broker, partition.clone()));
        files.cloned().unwrap_or_default()
    }
    fn groups(&self) -> Vec<GroupView> {
        self.groups.clone()
    }

    fn controller(&self) -> Option<(BrokerId, i32)> {
        None
    }
    fn topics(&self) -> Vec<TopicView> {
        self.topics.clone()
    }
}

pub(crate) fn tp(text: &str) -> TopicPartition {
    let (topic, partition) = text.rsplit_once('-').expect("topic-partition");
    TopicPartition::new(topic, partition.parse().expect("a number"))
}

pub(crate) fn state(partition: &str, leader: BrokerId, epoch: i32, isr: &[BrokerId]) -> Fact {
    Fact::StateWritten {
        partition: tp(partition),
        leader,
        leader_epoch: epoch,
        isr: isr.to_vec(),
        partition_epoch: epoch,
        controller_epoch: 1,
        reason: StateWriteReason::OfflineElection,
    }
}

pub(crate) fn became_leader(partition: &str, epoch: i32, end: i64, high_watermark: i64) -> Fact {
    Fact::BecameLeader {
        partition: tp(partition),
        leader_epoch: epoch,
        log_end_offset: end,
        high_watermark,
        isr: vec![1, 2, 3],
    }
}

pub(crate) fn appended(partition: &str, base: i64, last: i64, epoch: i32, as_leader: bool) -> Fact {
    Fact::Appended {
        partition: tp(partition),
        base_offset: base,
        last_offset: last,
        leader_epoch: epoch,
        as_leader,
        acks_all: false,
    }
}

pub(crate) fn high_watermark(partition: &str, high_watermark: i64, as_leader: bool) -> Fact {
    Fact::HighWatermarkMoved {
        partition: tp(partition),
        high_watermark,
        as_leader,
    }
}

/// `record` as `producer#number`; acknowledged after 5 ms.
pub(crate) fn acked(record: &str, partition: &str, offset: i64, value: &str) -> Fact {
    Fact::Acked {
        record: record_id(record),
        partition: tp(partition),
        offset,
        content: content(value),
        latency_ns: 5_000_000,
        attempts: 1,
    }
}

pub(crate) fn record_id(record: &str) -> RecordId {
    let (producer, number) = record.split_once('#').expect("producer#number");
    RecordId {
        producer: producer.into(),
        number: number.parse().expect("a number"),
    }
}

pub(crate) fn position(partition: &str, offset: i64) -> Fact {
    Fact::PositionSet {
        partition: tp(partition),
        offset,
        why: "auto.offset.reset=earliest".into(),
        by_application: false,
    }
}

/// Of epoch 1.
pub(crate) fn consumed(partition: &str, offset: i64, value: &str) -> Fact {
    Fact::Consumed {
        partition: tp(partition),
        offset,
        leader_epoch: 1,
        content: content(value),
    }
}

/// Content of a record without key.
pub(crate) fn content(value: &str) -> u64 {
    content_of(None, Some(value.as_bytes()))
}

/// The bytes of a record batch: values without keys, at consecutive offsets.
pub(crate) fn batch(base_offset: i64, leader_epoch: i32, values: &[&str]) -> Vec<u8> {
    numbered(base_offset, leader_epoch, (-1, -1, -1), values)
}

/// The same, of a producer with this id and epoch; the first record has this sequence number.
pub(crate) fn numbered(
    base_offset: i64,
    leader_epoch: i32,
    (id, epoch, base_sequence): (i64, i16, i32),
    values: &[&str],
) -> Vec<u8> {
    let mut covered = Vec::new();
    let count = values.len() as i32;
    covered.extend(0i16.to_be_bytes());
    covered.extend((count - 1).to_be_bytes());
    covered.extend([0; 16]);
    covered.extend(id.to_be_bytes());
    covered.extend(epoch.to_be_bytes());
    covered.extend(base_sequence.to_be_bytes());
    covered.extend(count.to_be_bytes());
    for (delta, value) in values.iter().enumerate() {
        let mut record = vec![0, 0];
        // Zigzag varints of one byte: fewer than 64 records of fewer than 50 bytes.
        record.extend([delta as u8 * 2, 1, value.len() as u8 * 2]);
        record.extend(value.as_bytes());
        record.push(0);
        covered.push(record.len() as u8 * 2);
        covered.extend(record);
    }
    let mut bytes = Vec::new();
    bytes.extend(base_offset.to_be_bytes());
    bytes.extend((covered.len() as i32 + 9).to_be_bytes());
    bytes.extend(leader_epoch.to_be_bytes());
    bytes.push(2);
    bytes.extend(crc32c::crc32c(&covered).to_be_bytes());
    bytes.extend(covered);
    bytes
}

/// A statement that retention has deleted a segment.
pub(crate) fn deleted(partition: &str, log_start_offset: i64) -> Fact {
    Fact::SegmentsDeleted {
        partition: tp(partition),
        segments: 1,
        log_start_offset,
        why: "retention.ms".into(),
    }
}
