//! What each replica of a partition has at a moment, and how far readers are, from what they have stated themselves.

use crate::check::CommittedOffsets;
use crate::kernel::Time;
use crate::protocol::{BrokerId, Fact, GroupFact, StateWriteReason, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

/// All partitions, and who is up.
#[derive(Default)]
pub(super) struct Cluster<'a> {
    pub partitions: BTreeMap<&'a TopicPartition, Partition<'a>>,
    /// Which processes are not there, or stand still, since when.
    pub down: BTreeMap<&'a str, (Time, Down)>,
    pub committed: CommittedOffsets,
    /// All of which something is known.
    pub groups: BTreeSet<&'a str>,
    /// The group of a consumer.
    pub group_of: BTreeMap<&'a str, &'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Down {
    Ended,
    /// It starts, and has not said yet what its disk has.
    Loading,
    Paused,
}

#[derive(Default)]
pub(super) struct Partition<'a> {
    /// By the name of the broker.
    pub replicas: BTreeMap<&'a str, Replica>,
    /// As the controller has written it last.
    pub state: Option<State<'a>>,
    /// Who has left the ISR, when and why.
    pub out: BTreeMap<BrokerId, (Time, StateWriteReason)>,
    /// By the name of the consumer: the next offset that it reads.
    pub positions: BTreeMap<&'a str, i64>,
}

#[derive(Clone, Copy)]
pub(super) struct State<'a> {
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub isr: &'a [BrokerId],
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Replica {
    pub role: Role,
    pub leader_epoch: i32,
    pub start: i64,
    /// `None` from a start until it is told its role: it has said nothing of it.
    pub high_watermark: Option<i64>,
    pub end: i64,
    /// What follows each other and was written in the same leader epoch, first to last.
    pub runs: Vec<Run>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Leads,
    Follows(BrokerId),
    Stopped,
    /// Its log is loaded, and no controller has told it what it is.
    Untold,
}

/// Offsets from `first` to below `end`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub first: i64,
    pub end: i64,
    /// `None`: the recording does not say who wrote it.
    pub leader_epoch: Option<i32>,
}

impl<'a> Cluster<'a> {
    /// As it is at this moment.
    pub(super) fn at(facts: &'a [TraceEntry], at: Time) -> Self {
        let mut cluster = Cluster::default();
        for entry in facts.iter().take_while(|it| it.time <= at) {
            cluster.learn(entry);
        }
        cluster
    }

    fn learn(&mut self, entry: &'a TraceEntry) {
        let (node, time) = (&*entry.node, entry.time);
        match &entry.fact {
            Fact::Started if self.has_replicas(node) => {
                self.down.insert(node, (time, Down::Loading));
            }
            Fact::Started | Fact::Resumed | Fact::LogsLoaded { .. } => {
                self.down.remove(node);
            }
            Fact::Paused => {
                self.down.insert(node, (time, Down::Paused));
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                self.down.insert(node, (time, Down::Ended));
                for partition in self.partitions.values_mut() {
                    partition.positions.remove(node);
                }
            }
            Fact::StateWritten {
                partition,
                leader,
                leader_epoch,
                isr,
                reason,
                ..
            } => {
                let known = self.partition(partition);
                let before = known.state.map_or(&[][..], |it| it.isr);
                for gone in before.iter().filter(|it| !isr.contains(it)) {
                    known.out.insert(*gone, (time, *reason));
                }
                known.out.retain(|broker, _| !isr.contains(broker));
                known.state = Some(State {
                    leader: *leader,
                    leader_epoch: *leader_epoch,
                    isr,
                });
            }
            Fact::PositionSet {
                partition, offset, ..
            } => {
                self.partition(partition).positions.insert(node, *offset);
            }
            Fact::Consumed {
                partition, offset, ..
            } => {
                let next = *offset + 1;
                self.partition(partition).positions.insert(node, next);
            }
            Fact::Group(fact) => self.learn_of_group(node, fact),
            fact => self.learn_of_replica(node, fact),
        }
    }

    fn learn_of_replica(&mut self, node: &'a str, fact: &'a Fact) {
        match fact {
            Fact::BecameLeader {
                partition,
                leader_epoch,
                log_end_offset,
                high_watermark,
                ..
            } => {
                let replica = self.replica(node, partition);
                (replica.role, replica.leader_epoch) = (Role::Leads, *leader_epoch);
                replica.ends_at(*log_end_offset);
                replica.high_watermark = Some(*high_watermark);
            }
            Fact::BecameFollower {
                partition,
                leader,
                leader_epoch,
                log_end_offset,
                high_watermark,
            } => {
                let replica = self.replica(node, partition);
                (replica.role, replica.leader_epoch) = (Role::Follows(*leader), *leader_epoch);
                replica.ends_at(*log_end_offset);
                replica.high_watermark = Some(*high_watermark);
            }
            Fact::Appended {
                partition,
                base_offset,
                last_offset,
                leader_epoch,
                ..
            } => {
                let replica = self.replica(node, partition);
                replica.append(*base_offset, *last_offset + 1, Some(*leader_epoch));
            }
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                ..
            } => self.replica(node, partition).high_watermark = Some(*high_watermark),
            Fact::LogLoaded {
                partition,
                log_start_offset,
                log_end_offset,
                ..
            } => {
                let replica = self.replica(node, partition);
                replica.role = Role::Untold;
                replica.ends_at(*log_end_offset);
                replica.starts_at(*log_start_offset);
                replica.high_watermark = None;
            }
            Fact::Truncated { partition, to, .. } => self.replica(node, partition).ends_at(*to),
            Fact::LogStartMoved {
                partition,
                log_start_offset,
                ..
            }
            | Fact::SegmentsDeleted {
                partition,
                log_start_offset,
                ..
            } => self.replica(node, partition).starts_at(*log_start_offset),
            Fact::ReplicaStopped { partition, deleted } => match deleted {
                true => {
                    self.partition(partition).replicas.remove(node);
                }
                false => self.replica(node, partition).role = Role::Stopped,
            },
            _ => {}
        }
    }

    fn learn_of_group(&mut self, node: &'a str, fact: &'a GroupFact) {
        self.committed.learn(fact);
        match fact {
            GroupFact::OffsetCommitted { group, .. } => {
                self.groups.insert(group);
            }
            GroupFact::Loaded { committed, .. } => {
                self.groups.extend(committed.iter().map(|it| &*it.group));
            }
            GroupFact::PartitionsAssigned { group, .. }
            | GroupFact::AssignedByHand { group, .. } => {
                self.groups.insert(group);
                self.group_of.insert(node, group);
            }
            GroupFact::PartitionsRevoked { partitions, .. }
            | GroupFact::PartitionsLost { partitions, .. } => {
                for partition in partitions {
                    self.partition(partition).positions.remove(node);
                }
            }
            _ => {}
        }
    }

    fn has_replicas(&self, node: &str) -> bool {
        let mut partitions = self.partitions.values();
        partitions.any(|it| it.replicas.contains_key(node))
    }

    fn partition(&mut self, partition: &'a TopicPartition) -> &mut Partition<'a> {
        self.partitions.entry(partition).or_default()
    }

    fn replica(&mut self, node: &'a str, partition: &'a TopicPartition) -> &mut Replica {
        let replicas = &mut self.partition(partition).replicas;
        replicas.entry(node).or_insert(Replica {
            role: Role::Stopped,
            leader_epoch: 0,
            start: 0,
            high_watermark: Some(0),
            end: 0,
            runs: Vec::new(),
        })
    }
}

impl Partition<'_> {
    /// All replicas are in sync and have the same, and all of it is committed.
    pub(super) fn is_calm(&self) -> bool {
        let mut replicas = self.replicas.values();
        let first = replicas.next();
        self.out.is_empty()
            && first.is_none_or(|it| it.high_watermark == Some(it.end))
            && replicas.all(|it| {
                first.is_none_or(|first| {
                    (it.end, it.high_watermark, &it.runs)
                        == (first.end, first.high_watermark, &first.runs)
                })
            })
    }
}

impl Replica {
    pub(super) fn epoch_at(&self, offset: i64) -> Option<i32> {
        let holds = |it: &&Run| (it.first..it.end).contains(&offset);
        self.runs.iter().find(holds)?.leader_epoch
    }

    fn append(&mut self, first: i64, end: i64, leader_epoch: Option<i32>) {
        match self.runs.last_mut() {
            Some(run) if run.leader_epoch == leader_epoch && run.end == first => run.end = end,
            _ => self.runs.push(Run {
                first,
                end,
                leader_epoch,
            }),
        }
        if self.start == self.end && self.runs.len() == 1 {
            self.start = first;
        }
        self.end = end;
    }

    /// What was there behind it is gone; what is there now, and nobody has stated, is there.
    fn ends_at(&mut self, end: i64) {
        let had = self.end;
        self.runs.retain(|run| run.first < end);
        if let Some(last) = self.runs.last_mut() {
            last.end = last.end.min(end);
        }
        if end > had {
            self.append(had, end, None);
        }
        self.end = end;
        self.start = self.start.min(end);
        self.high_watermark = self.high_watermark.map(|it| it.min(end));
    }

    fn starts_at(&mut self, start: i64) {
        self.start = start;
        self.end = self.end.max(start);
        self.runs.retain(|run| run.end > start);
        if let Some(first) = self.runs.first_mut() {
            first.first = first.first.max(start);
        }
    }
}
