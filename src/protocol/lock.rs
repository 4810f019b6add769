//! The locks of a broker process that a thread may hold while it waits for a disk or for another lock.

use super::{FetcherId, TopicPartition};
use std::cmp::Ordering;

/// Named after what they are in Kafka. They are taken in this order, a partition's before those of the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lock {
    /// `ReplicaManager.replicaStateChangeLock`.
    ReplicaStateChange,
    /// A fetcher's `AbstractFetcherThread.partitionMapLock`: who takes a partition away waits until
    /// the answer at hand is taken in.
    PartitionMap(FetcherId),
    /// A partition's `leaderIsrUpdateLock`: shared by appends and reads, alone for whoever changes
    /// its leadership or its ISR.
    LeaderIsrUpdate(TopicPartition),
    /// The lock of a `UnifiedLog`: appends (through the flush that they may ask for), truncations,
    /// moves of its high watermark and its start. Reads need none.
    Log(TopicPartition),
}

impl Lock {
    /// Whose it is, if it is not of the whole process or a fetcher.
    pub fn partition(&self) -> Option<&TopicPartition> {
        match self {
            Lock::ReplicaStateChange | Lock::PartitionMap(_) => None,
            Lock::LeaderIsrUpdate(partition) | Lock::Log(partition) => Some(partition),
        }
    }

    fn rank(&self) -> (Option<&TopicPartition>, u8, Option<FetcherId>) {
        let (kind, fetcher) = match self {
            Lock::ReplicaStateChange => (0, None),
            Lock::PartitionMap(fetcher) => (1, Some(*fetcher)),
            Lock::LeaderIsrUpdate(_) => (2, None),
            Lock::Log(_) => (3, None),
        };
        (self.partition(), kind, fetcher)
    }
}

impl Ord for Lock {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Lock {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lk4_a_partitions_locks_come_before_those_of_the_next() {
        let t = |partition| TopicPartition::new("t", partition);
        let fetcher = FetcherId {
            leader: 1,
            number: 0,
        };
        let in_order = [
            Lock::ReplicaStateChange,
            Lock::PartitionMap(fetcher),
            Lock::LeaderIsrUpdate(t(0)),
            Lock::Log(t(0)),
            Lock::LeaderIsrUpdate(t(1)),
            Lock::Log(t(1)),
        ];
        let mut sorted = in_order.clone();
        sorted.reverse();
        sorted.sort();
        assert_eq!(sorted, in_order);
    }
}
