//! What an observer may see of a broker and its replicas.

use super::Broker;
use super::partition::Partition;
use crate::log::UnifiedLog;
use crate::protocol::{BrokerId, NO_LEADER, TopicPartition};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplicaRole {
    /// The replica was told of no leader yet.
    Idle,
    Leader,
    Follower,
}

/// What a broker believes of one of its replicas.
#[derive(Clone, Debug)]
pub struct ReplicaView<'a> {
    pub role: ReplicaRole,
    /// `NO_LEADER` if there is none.
    pub leader: BrokerId,
    pub leader_epoch: i32,
    /// zkVersion of the state that it knows.
    pub partition_epoch: i32,
    /// The committed ISR, in the controller's order; empty unless this broker leads.
    pub isr: &'a [BrokerId],
    pub replicas: &'a [BrokerId],
    pub log_start_offset: i64,
    pub high_watermark: i64,
    pub log_end_offset: i64,
}

impl Broker {
    /// Requests are answered.
    pub fn is_serving(&self) -> bool {
        self.serving
    }

    /// Every replica whose log a controller has assigned to this broker in this life of the process,
    /// sorted by partition.
    pub fn replicas(&self) -> impl Iterator<Item = (&TopicPartition, ReplicaView<'_>)> {
        self.replicas
            .partitions()
            .filter_map(|(name, partition)| Some((name, view(partition)?)))
    }

    /// One of them.
    pub fn replica(&self, partition: &TopicPartition) -> Option<ReplicaView<'_>> {
        view(self.replicas.partition(partition)?)
    }

    /// The log of one of them.
    pub fn replica_log(&self, partition: &TopicPartition) -> Option<(ReplicaRole, &UnifiedLog)> {
        let partition = self.replicas.partition(partition)?;
        Some((role(partition), partition.log()?))
    }
}

/// What the broker is to a partition.
fn role(partition: &Partition) -> ReplicaRole {
    match partition.leader() {
        None => ReplicaRole::Idle,
        Some(_) if partition.is_leader() => ReplicaRole::Leader,
        Some(_) => ReplicaRole::Follower,
    }
}

/// `None` while the replica has no log.
fn view(partition: &Partition) -> Option<ReplicaView<'_>> {
    let log = partition.log()?;
    Some(ReplicaView {
        role: role(partition),
        leader: partition.leader().unwrap_or(NO_LEADER),
        leader_epoch: partition.leader_epoch(),
        partition_epoch: partition.partition_epoch(),
        isr: partition.isr(),
        replicas: partition.replicas(),
        log_start_offset: log.log_start_offset(),
        high_watermark: log.high_watermark(),
        log_end_offset: log.log_end_offset(),
    })
}
