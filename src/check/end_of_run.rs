//! What checks at the end of a run look at: views, and the logs as they stand on disk.

use super::log_starts_move_as_allowed::AllowedStarts;
use super::stored_log::{ReplicaReader, StoredLog};
use crate::node::view::{ClusterView, CommittedPartition, ReplicaView};
use crate::protocol::{BrokerId, NO_LEADER, TopicPartition};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The end of a run. Logs are read from disk when a check first asks, and kept until one asks for another
/// partition's.
pub struct EndOfRun<'a> {
    pub view: &'a dyn ClusterView,
    allowed_starts: AllowedStarts,
    committed: BTreeMap<TopicPartition, CommittedPartition>,
    replicas: BTreeMap<TopicPartition, Vec<ReplicaView>>,
    logs: RefCell<Logs>,
}

/// The logs of one partition, as far as they were read.
#[derive(Default)]
struct Logs {
    of: Option<TopicPartition>,
    by_broker: BTreeMap<BrokerId, Rc<StoredLog>>,
    reader: ReplicaReader,
}

impl<'a> EndOfRun<'a> {
    pub fn new(view: &'a dyn ClusterView) -> Self {
        let committed = view.committed().into_iter();
        let mut replicas: BTreeMap<_, Vec<ReplicaView>> = BTreeMap::new();
        for replica in view.replicas() {
            let of_partition = replicas.entry(replica.partition.clone());
            of_partition.or_default().push(replica);
        }
        EndOfRun {
            view,
            allowed_starts: AllowedStarts::default(),
            committed: committed.map(|p| (p.partition.clone(), p)).collect(),
            replicas,
            logs: RefCell::default(),
        }
    }

    /// Logs may begin there.
    pub(super) fn allowing(mut self, starts: AllowedStarts) -> Self {
        self.allowed_starts = starts;
        self
    }

    /// What lies before this offset may be gone, by retention or because somebody asked for it. No broker
    /// says so of itself: `log_starts_move_as_allowed`.
    pub fn may_begin_at(&self, partition: &TopicPartition) -> i64 {
        self.allowed_starts.of(partition)
    }

    /// Every partition's committed state.
    pub fn committed(&self) -> impl Iterator<Item = &CommittedPartition> {
        self.committed.values()
    }

    pub fn partition(&self, partition: &TopicPartition) -> Option<&CommittedPartition> {
        self.committed.get(partition)
    }

    /// The replicas of a partition on running brokers, by broker.
    pub fn replicas(&self, partition: &TopicPartition) -> &[ReplicaView] {
        self.replicas.get(partition).map_or(&[], Vec::as_slice)
    }

    /// Every partition that the cluster knows: that has a committed state, or a replica on a running broker.
    pub fn partitions(&self) -> BTreeSet<TopicPartition> {
        let known = self.committed.keys().chain(self.replicas.keys());
        known.cloned().collect()
    }

    /// A replica's log as it stands on its broker's disk, whether that runs or not.
    pub fn log(&self, broker: BrokerId, partition: &TopicPartition) -> Rc<StoredLog> {
        let mut logs = self.logs.borrow_mut();
        if logs.of.as_ref() != Some(partition) {
            *logs = Logs {
                of: Some(partition.clone()),
                ..Logs::default()
            };
        }
        let Logs {
            by_broker, reader, ..
        } = &mut *logs;
        let log = by_broker
            .entry(broker)
            .or_insert_with(|| reader.read(&self.view.log_files(broker, partition)));
        Rc::clone(log)
    }

    /// The log that counts: that of the committed leader; without a leader, the longest of the ISR. Where
    /// ZooKeeper has forgotten the partition, that of the running leader with the highest epoch: brokers
    /// go on to serve it.
    pub fn authority(&self, partition: &TopicPartition) -> Option<(BrokerId, Rc<StoredLog>)> {
        let Some(committed) = self.partition(partition) else {
            let leads = self.replicas(partition).iter().filter(|it| it.is_leader);
            let leader = leads.max_by_key(|it| it.leader_epoch)?;
            return Some((leader.broker, self.log(leader.broker, partition)));
        };
        if committed.leader != NO_LEADER {
            return Some((committed.leader, self.log(committed.leader, partition)));
        }
        let isr = committed
            .isr
            .iter()
            .map(|id| (*id, self.log(*id, partition)));
        isr.max_by_key(|(_, log)| log.end_offset())
    }

    /// First offset that retention has left, for figures: as the running leader says, else where the oldest
    /// segment of the log that counts begins (records deleted from the middle of a segment still stand in
    /// it). What is judged goes by `may_begin_at`.
    pub fn log_start(&self, partition: &TopicPartition) -> i64 {
        let leader = self.partition(partition).map(|committed| committed.leader);
        let running = leader.and_then(|leader| self.view.replica(leader, partition));
        if let Some(replica) = running {
            return replica.log_start_offset;
        }
        let segments = self
            .authority(partition)
            .map(|(broker, _)| self.view.log_files(broker, partition));
        let oldest = segments.and_then(|files| files.into_iter().next());
        oldest
            .and_then(|(name, _)| name.strip_suffix(".log")?.parse().ok())
            .unwrap_or(0)
    }
}
