//! The locks of a broker process that a thread may hold while it waits for a disk or for another lock.

use super::{FetcherId, TopicPartition};

/// Named after what they are in Kafka. They are taken in this order, those of one kind by partition.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
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
