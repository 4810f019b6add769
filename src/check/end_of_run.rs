//! What checks at the end of a run look at: views, and the logs as they stand on disk.

use super::stored_log::{ReplicaReader, StoredLog};
use crate::node::view::{ClusterView, CommittedPartition};
use crate::protocol::{BrokerId, NO_LEADER, TopicPartition};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The end of a run. Logs are read from disk once, when a check first asks.
pub struct EndOfRun<'a> {
    pub view: &'a dyn ClusterView,
    committed: BTreeMap<TopicPartition, CommittedPartition>,
    logs: RefCell<BTreeMap<(BrokerId, TopicPartition), Rc<StoredLog>>>,
    readers: RefCell<BTreeMap<TopicPartition, ReplicaReader>>,
}

impl<'a> EndOfRun<'a> {
    pub fn new(view: &'a dyn ClusterView) -> Self {
        let committed = view.committed().into_iter();
        EndOfRun {
            view,
            committed: committed.map(|p| (p.partition.clone(), p)).collect(),
            logs: RefCell::default(),
            readers: RefCell::default(),
        }
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

    /// The log that counts: that of the committed leader; without a leader, the longest of the ISR.
    pub fn authority(&self, partition: &TopicPartition) -> Option<(BrokerId, Rc<StoredLog>)> {
        let committed = self.partition(partition)?;
        if committed.leader != NO_LEADER {
            return Some((committed.leader, self.log(committed.leader, partition)));
        }
        let isr = committed
            .isr
            .iter()
            .map(|id| (*id, self.log(*id, partition)));
        isr.max_by_key(|(_, log)| log.end_offset())
    }

    /// First offset that retention has left: as the running leader says, else where the oldest segment of
    /// the log that counts begins (records deleted from the middle of a segment still stand in it).
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
