//! What checks at the end of a run look at: views, and the logs as they stand on disk.

use super::log_starts_move_as_allowed::AllowedStarts;
use super::stored_log::{ReplicaReader, StoredLog};
use crate::node::view::{ClusterView, CommittedPartition};
use crate::protocol::{BrokerId, NO_LEADER, TopicPartition};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The end of a run. Logs are read from disk once, when a check first asks.
pub struct EndOfRun<'a> {
    pub view: &'a dyn ClusterView,
    allowed_starts: AllowedStarts,
    committed: BTreeMap<TopicPartition, CommittedPartition>,
    logs: RefCell<BTreeMap<(BrokerId, TopicPartition), Rc<StoredLog>>>,
    readers: RefCell<BTreeMap<TopicPartition, ReplicaReader>>,
}

impl<'a> EndOfRun<'a> {
    pub fn new(view: &'a dyn ClusterView) -> Self {
        let committed = view.committed().into_iter();
        EndOfRun {
            view,
            allowed_starts: AllowedStarts::default(),
            committed: committed.map(|p| (p.partition.clone(), p)).collect(),
            logs: RefCell::default(),
            readers: RefCell::default(),
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

    /// A replica's log as it stands on its broker's disk, whether that runs or not.
    pub fn log(&self, broker: BrokerId, partition: &TopicPartition) -> Rc<StoredLog> {
        let key = (broker, partition.clone());
        let known = self.logs.borrow().get(&key).cloned();
        known.unwrap_or_else(|| {
            let files = self.view.log_files(broker, partition);
            let mut readers = self.readers.borrow_mut();
            let log = readers.entry(partition.clone()).or_default().read(&files);
            self.logs.borrow_mut().insert(key, log.clone());
            log
        })
    }

    /// The log that counts: that of the committed leader; without a leader, the longest of the ISR. Where
    /// ZooKeeper has forgotten the partition, that of the running leader with the highest epoch: brokers
    /// go on to serve it.
    pub fn authority(&self, partition: &TopicPartition) -> Option<(BrokerId, Rc<StoredLog>)> {
        let Some(committed) = self.partition(partition) else {
            let leads = self.view.replicas().into_iter();
            let leads = leads.filter(|it| it.is_leader && it.partition == *partition);
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
