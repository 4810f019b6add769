//! Abstract states of partitions, groups and ensembles.

use crate::protocol::{Fact, GroupFact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use twox_hash::XxHash3_64;

#[derive(Default)]
pub(super) struct States {
    seen: BTreeSet<u64>,
    partitions: BTreeMap<TopicPartition, PartitionSeen>,
    ensemble: BTreeMap<Rc<str>, Server>,
}

#[derive(Default)]
struct PartitionSeen {
    replicas: BTreeMap<Rc<str>, Replica>,
    isr: usize,
    has_leader: bool,
}

#[derive(Clone, Copy, Default)]
struct Replica {
    role: u8,
    leader_epoch: i64,
    log_end: i64,
    high_watermark: i64,
    log_start: i64,
}

const LEADS: u8 = 1;
const FOLLOWS: u8 = 2;
const DOWN: u8 = 3;
const LOOKS: u8 = 4;

#[derive(Clone, Copy, Default)]
struct Server {
    role: u8,
    zxid: i64,
}

impl States {
    pub(super) fn finish(self) -> Vec<u64> {
        self.seen.into_iter().collect()
    }

    pub(super) fn fact(&mut self, entry: &TraceEntry) {
        match &entry.fact {
            // Frequent ones are only noted: what they make of it shows with the next change of another kind.
            Fact::Appended {
                partition,
                last_offset,
                ..
            } => self.replica(entry, partition).log_end = last_offset + 1,
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                ..
            } => self.replica(entry, partition).high_watermark = *high_watermark,
            Fact::BecameLeader {
                partition,
                leader_epoch,
                log_end_offset,
                high_watermark,
                ..
            } => {
                self.begins(
                    entry,
                    partition,
                    LEADS,
                    *leader_epoch,
                    (*log_end_offset, *high_watermark),
                );
            }
            Fact::BecameFollower {
                partition,
                leader_epoch,
                log_end_offset,
                high_watermark,
                ..
            } => {
                self.begins(
                    entry,
                    partition,
                    FOLLOWS,
                    *leader_epoch,
                    (*log_end_offset, *high_watermark),
                );
            }
            Fact::Truncated { partition, to, .. } => {
                self.replica(entry, partition).log_end = *to;
                self.note(partition);
            }
            Fact::LogStartMoved {
                partition,
                log_start_offset,
                ..
            }
            | Fact::SegmentsDeleted {
                partition,
                log_start_offset,
                ..
            } => {
                self.replica(entry, partition).log_start = *log_start_offset;
                self.note(partition);
            }
            Fact::StateWritten {
                partition,
                leader,
                isr,
                ..
            } => {
                let seen = self.partitions.entry(partition.clone()).or_default();
                (seen.isr, seen.has_leader) = (isr.len(), *leader >= 0);
                self.note(partition);
            }
            Fact::IsrChanged { partition, .. }
            | Fact::ProduceRefused { partition, .. }
            | Fact::FetchRefused { partition, .. } => self.note(partition),
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => self.ends(entry),
            Fact::Group(GroupFact::Changed {
                state,
                generation,
                members,
                ..
            }) => {
                let few = members.len().min(4);
                self.see(("group", &**state, few, (*generation).clamp(0, 3)));
            }
            Fact::ZooKeeperLooks { last_zxid, .. } => self.server(entry, LOOKS, *last_zxid),
            Fact::ZooKeeperLeads { last_zxid, .. } => self.server(entry, LEADS, *last_zxid),
            Fact::ZooKeeperFollows { last_zxid, .. } => self.server(entry, FOLLOWS, *last_zxid),
            _ => {}
        }
    }

    fn replica(&mut self, entry: &TraceEntry, partition: &TopicPartition) -> &mut Replica {
        if !self.partitions.contains_key(partition) {
            self.partitions
                .insert(partition.clone(), PartitionSeen::default());
        }
        let seen = self.partitions.get_mut(partition).expect("it is there now");
        seen.replicas.entry(Rc::clone(&entry.node)).or_default()
    }

    fn begins(
        &mut self,
        entry: &TraceEntry,
        partition: &TopicPartition,
        role: u8,
        leader_epoch: i32,
        (log_end, high_watermark): (i64, i64),
    ) {
        let replica = self.replica(entry, partition);
        *replica = Replica {
            role,
            leader_epoch: i64::from(leader_epoch),
            log_end,
            high_watermark,
            log_start: replica.log_start,
        };
        self.note(partition);
    }

    fn ends(&mut self, entry: &TraceEntry) {
        let mut touched = Vec::new();
        for (partition, seen) in &mut self.partitions {
            if let Some(replica) = seen.replicas.get_mut(&entry.node) {
                replica.role = DOWN;
                touched.push(partition.clone());
            }
        }
        touched.iter().for_each(|partition| self.note(partition));
        if let Some(server) = self.ensemble.get_mut(&entry.node) {
            server.role = DOWN;
            self.note_ensemble();
        }
    }

    fn server(&mut self, entry: &TraceEntry, role: u8, zxid: i64) {
        let server = Server { role, zxid };
        self.ensemble.insert(Rc::clone(&entry.node), server);
        self.note_ensemble();
    }

    fn note(&mut self, partition: &TopicPartition) {
        let Some(seen) = self.partitions.get(partition) else {
            return;
        };
        let all: Vec<&Replica> = seen.replicas.values().collect();
        let epochs = ranks(all.iter().map(|it| it.leader_epoch));
        let ends = ranks(all.iter().map(|it| it.log_end));
        let marks = ranks(all.iter().map(|it| it.high_watermark));
        let starts = ranks(all.iter().map(|it| it.log_start));
        // Nobody knows of its mark what its end says: whether all is committed.
        let mut replicas: Vec<_> = (0..all.len())
            .map(|it| {
                let whole = all[it].log_end == all[it].high_watermark;
                (
                    all[it].role,
                    epochs[it],
                    ends[it],
                    marks[it],
                    starts[it],
                    whole,
                )
            })
            .collect();
        replicas.sort_unstable();
        let state = ("partition", replicas, seen.isr, seen.has_leader);
        self.see(state);
    }

    fn note_ensemble(&mut self) {
        let all: Vec<&Server> = self.ensemble.values().collect();
        let zxids = ranks(all.iter().map(|it| it.zxid));
        let mut servers: Vec<(u8, usize)> = all.iter().map(|it| it.role).zip(zxids).collect();
        servers.sort_unstable();
        self.see(("ensemble", servers));
    }

    fn see(&mut self, state: impl Hash) {
        let mut hasher = XxHash3_64::with_seed(0);
        state.hash(&mut hasher);
        self.seen.insert(hasher.finish());
    }
}

/// The place of each among them all: equal ones have one.
fn ranks(values: impl Iterator<Item = i64> + Clone) -> Vec<usize> {
    let mut order: Vec<i64> = values.clone().collect();
    order.sort_unstable();
    order.dedup();
    values
        .map(|value| order.binary_search(&value).unwrap_or(0))
        .collect()
}
