//! What the active controller holds in memory (`ControllerContext`), and the states that its state
//! machines move partitions and replicas through (CT6).
//!
//! May not know what has changed since it was read: the version of each state tells when it is written.

use crate::metadata::znode::TopicZNode;
use crate::metadata::{LeaderIsrAndControllerEpoch, ReplicaAssignment};
use crate::protocol::{
    BrokerId, ListenerName, RegisteredBroker, TopicId, TopicName, TopicPartition,
};
use crate::zookeeper_mode::EpochZkVersion;
use std::collections::{BTreeMap, BTreeSet};

/// Where a partition stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PartitionState {
    NonExistent,
    /// Known, but without a leader so far.
    New,
    /// A leader was elected, and as far as known it lives.
    Online,
    /// Its leader is gone.
    Offline,
}

impl PartitionState {
    pub fn may_become(self, target: PartitionState) -> bool {
        use PartitionState::*;
        match target {
            New => self == NonExistent,
            Online | Offline => self != NonExistent,
            NonExistent => self == Offline,
        }
    }
}

/// Where a replica stands. The states of a deletion that goes on are not among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReplicaState {
    NonExistent,
    New,
    Online,
    Offline,
    /// Found on a dead broker when the controller took over.
    DeletionIneligible,
}

impl ReplicaState {
    pub fn may_become(self, target: ReplicaState) -> bool {
        use ReplicaState::*;
        match target {
            New => self == NonExistent,
            Online | Offline => self != NonExistent,
            DeletionIneligible => self == Offline,
            NonExistent => false,
        }
    }
}

/// A replica: a partition on a broker. Ordered by broker first, as batches are made broker by broker.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct PartitionAndReplica {
    pub replica: BrokerId,
    pub partition: TopicPartition,
}

/// See the module's doc.
#[derive(Debug, Default)]
pub(super) struct ControllerContext {
    /// 0 while not active.
    pub epoch: i32,
    pub fence: Option<EpochZkVersion>,
    pub shutting_down_brokers: BTreeSet<BrokerId>,
    live_brokers: BTreeMap<BrokerId, (RegisteredBroker, i64)>,
    /// By which brokers speak to each other.
    pub inter_broker_listener: ListenerName,
    pub all_topics: BTreeSet<TopicName>,
    pub topic_ids: BTreeMap<TopicName, TopicId>,
    assignments: BTreeMap<TopicPartition, ReplicaAssignment>,
    leadership: BTreeMap<TopicPartition, LeaderIsrAndControllerEpoch>,
    partition_states: BTreeMap<TopicPartition, PartitionState>,
    replica_states: BTreeMap<PartitionAndReplica, ReplicaState>,
    /// Replicas whose broker answered KAFKA_STORAGE_ERROR for them.
    pub replicas_on_offline_dirs: BTreeMap<BrokerId, BTreeSet<TopicPartition>>,
}

impl ControllerContext {
    // ---- brokers

    /// Of a controller whose brokers speak to each other by this listener.
    pub fn speaking_by(listener: &ListenerName) -> Self {
        ControllerContext {
            inter_broker_listener: listener.clone(),
            ..ControllerContext::default()
        }
    }

    pub fn set_live_brokers(&mut self, brokers: BTreeMap<BrokerId, (RegisteredBroker, i64)>) {
        self.live_brokers = brokers;
    }

    pub fn add_live_broker(&mut self, endpoint: RegisteredBroker, epoch: i64) {
        self.live_brokers.insert(endpoint.id, (endpoint, epoch));
    }

    pub fn remove_live_broker(&mut self, id: BrokerId) {
        self.live_brokers.remove(&id);
    }

    /// Registered, stopping or not.
    pub fn live_or_shutting_down_brokers(
        &self,
    ) -> impl Iterator<Item = (&RegisteredBroker, i64)> + '_ {
        self.live_brokers
            .values()
            .map(|(endpoint, epoch)| (endpoint, *epoch))
    }

    pub fn live_or_shutting_down_broker_ids(&self) -> Vec<BrokerId> {
        self.live_brokers.keys().copied().collect()
    }

    pub fn live_or_shutting_down_broker(&self, id: BrokerId) -> Option<&RegisteredBroker> {
        self.live_brokers.get(&id).map(|(endpoint, _)| endpoint)
    }

    pub fn broker_epoch(&self, id: BrokerId) -> Option<i64> {
        self.live_brokers.get(&id).map(|(_, epoch)| *epoch)
    }

    /// Registered and not stopping.
    pub fn is_live_broker(&self, id: BrokerId) -> bool {
        self.live_brokers.contains_key(&id) && !self.shutting_down_brokers.contains(&id)
    }

    pub fn live_broker_ids(&self) -> Vec<BrokerId> {
        self.live_brokers
            .keys()
            .copied()
            .filter(|id| self.is_live_broker(*id))
            .collect()
    }

    /// Live, and the replica's directory there has not failed.
    pub fn is_replica_online(&self, id: BrokerId, partition: &TopicPartition) -> bool {
        self.is_live_broker(id) && !self.is_on_offline_dir(id, partition)
    }

    /// As `is_replica_online`, but a stopping broker counts as well.
    pub fn is_replica_online_or_shutting_down(
        &self,
        id: BrokerId,
        partition: &TopicPartition,
    ) -> bool {
        self.live_brokers.contains_key(&id) && !self.is_on_offline_dir(id, partition)
    }

    fn is_on_offline_dir(&self, id: BrokerId, partition: &TopicPartition) -> bool {
        self.replicas_on_offline_dirs
            .get(&id)
            .is_some_and(|partitions| partitions.contains(partition))
    }

    // ---- topics and assignments

    /// Takes a topic's id and assignment; gives its partitions.
    pub fn add_topic(&mut self, topic: &TopicName, node: TopicZNode) -> Vec<TopicPartition> {
        if let Some(id) = node.topic_id {
            self.topic_ids.insert(topic.clone(), id);
        }
        let mut partitions = Vec::new();
        for (partition, assignment) in node.assignment {
            let partition = TopicPartition::new(topic.clone(), partition);
            partitions.push(partition.clone());
            self.assignments.insert(partition, assignment);
        }
        partitions
    }

    pub fn add_partition(&mut self, partition: &TopicPartition, assignment: ReplicaAssignment) {
        self.assignments.insert(partition.clone(), assignment);
    }

    pub fn remove_topic(&mut self, topic: &TopicName) {
        self.all_topics.remove(topic);
        self.topic_ids.remove(topic);
        self.assignments
            .retain(|partition, _| partition.topic != *topic);
        self.leadership
            .retain(|partition, _| partition.topic != *topic);
    }

    pub fn topic_with_id(&self, id: TopicId) -> Option<&TopicName> {
        self.topic_ids
            .iter()
            .find(|(_, known)| **known == id)
            .map(|(topic, _)| topic)
    }

    pub fn all_partitions(&self) -> impl Iterator<Item = &TopicPartition> + '_ {
        self.assignments.keys()
    }

    pub fn has_partition(&self, partition: &TopicPartition) -> bool {
        self.assignments.contains_key(partition)
    }

    /// Empty for an unknown partition.
    pub fn assignment(&self, partition: &TopicPartition) -> ReplicaAssignment {
        self.assignments.get(partition).cloned().unwrap_or_default()
    }

    /// Empty for an unknown partition.
    pub fn replicas(&self, partition: &TopicPartition) -> &[BrokerId] {
        self.assignments
            .get(partition)
            .map_or(&[], |assignment| &assignment.replicas)
    }

    pub fn partitions_on_broker(&self, id: BrokerId) -> Vec<TopicPartition> {
        self.assignments
            .iter()
            .filter(|(_, assignment)| assignment.replicas.contains(&id))
            .map(|(partition, _)| partition.clone())
            .collect()
    }

    pub fn replicas_on_brokers(&self, ids: &[BrokerId]) -> Vec<PartitionAndReplica> {
        self.replicas_where(|id, _| ids.contains(&id))
    }

    pub fn replicas_for_partitions(
        &self,
        partitions: &[TopicPartition],
    ) -> Vec<PartitionAndReplica> {
        partitions
            .iter()
            .flat_map(|partition| {
                self.replicas(partition)
                    .iter()
                    .map(|replica| PartitionAndReplica {
                        replica: *replica,
                        partition: partition.clone(),
                    })
            })
            .collect()
    }

    /// All replicas of all partitions: those that are online, and the others.
    pub fn online_and_offline_replicas(
        &self,
    ) -> (Vec<PartitionAndReplica>, Vec<PartitionAndReplica>) {
        let online = self.replicas_where(|id, partition| self.is_replica_online(id, partition));
        let offline = self.replicas_where(|id, partition| !self.is_replica_online(id, partition));
        (online, offline)
    }

    fn replicas_where(
        &self,
        wanted: impl Fn(BrokerId, &TopicPartition) -> bool,
    ) -> Vec<PartitionAndReplica> {
        let mut replicas = Vec::new();
        for (partition, assignment) in &self.assignments {
            for id in &assignment.replicas {
                if wanted(*id, partition) {
                    replicas.push(PartitionAndReplica {
                        replica: *id,
                        partition: partition.clone(),
                    });
                }
            }
        }
        replicas.sort_unstable();
        replicas
    }

    // ---- leadership

    pub fn leadership(&self, partition: &TopicPartition) -> Option<&LeaderIsrAndControllerEpoch> {
        self.leadership.get(partition)
    }

    pub fn put_leadership(
        &mut self,
        partition: TopicPartition,
        leadership: LeaderIsrAndControllerEpoch,
    ) {
        self.leadership.insert(partition, leadership);
    }

    /// -1 (`NoLeader`) for a partition without state.
    pub fn leader(&self, partition: &TopicPartition) -> BrokerId {
        self.leadership
            .get(partition)
            .map_or(crate::protocol::NO_LEADER, |state| {
                state.leader_and_isr.leader
            })
    }

    /// Every partition of which a state is known, led or not (CT13).
    pub fn partitions_with_leaders(&self) -> Vec<TopicPartition> {
        self.leadership.keys().cloned().collect()
    }

    pub fn partitions_with_offline_leader(&self) -> Vec<TopicPartition> {
        self.leadership
            .iter()
            .filter(|(partition, state)| {
                !self.is_replica_online(state.leader_and_isr.leader, partition)
            })
            .map(|(partition, _)| partition.clone())
            .collect()
    }

    /// What a broker still leads, of partitions that another could lead.
    pub fn partition_leaders_on_broker(&self, id: BrokerId) -> Vec<TopicPartition> {
        self.leadership
            .iter()
            .filter(|(partition, state)| {
                state.leader_and_isr.leader == id && self.replicas(partition).len() > 1
            })
            .map(|(partition, _)| partition.clone())
            .collect()
    }

    // ---- states

    pub fn partition_state(&self, partition: &TopicPartition) -> PartitionState {
        self.partition_states
            .get(partition)
            .copied()
            .unwrap_or(PartitionState::NonExistent)
    }

    pub fn put_partition_state(&mut self, partition: TopicPartition, state: PartitionState) {
        self.partition_states.insert(partition, state);
    }

    /// Partitions that wait for a leader.
    pub fn offline_and_new_partitions(&self) -> Vec<TopicPartition> {
        self.partition_states
            .iter()
            .filter(|(_, state)| matches!(state, PartitionState::Offline | PartitionState::New))
            .map(|(partition, _)| partition.clone())
            .collect()
    }

    pub fn replica_state(&self, replica: &PartitionAndReplica) -> ReplicaState {
        self.replica_states
            .get(replica)
            .copied()
            .unwrap_or(ReplicaState::NonExistent)
    }

    /// A move of the state machine: whoever asks for one has seen that it is allowed.
    pub fn move_partition(&mut self, partition: TopicPartition, to: PartitionState) {
        let from = self.partition_state(&partition);
        assert!(
            from.may_become(to),
            "{partition} goes from {from:?} to {to:?}"
        );
        self.put_partition_state(partition, to);
    }

    pub fn put_replica_state(&mut self, replica: PartitionAndReplica, state: ReplicaState) {
        self.replica_states.insert(replica, state);
    }
}

#[cfg(test)]
mod tests {
    use super::{PartitionState, ReplicaState};

    #[test]
    fn ct6_partitions_move_as_kafka_lets_them() {
        use PartitionState::*;
        let all = [NonExistent, New, Online, Offline];
        for (from, targets) in [
            (NonExistent, vec![New]),
            (New, vec![Online, Offline]),
            (Online, vec![Online, Offline]),
            (Offline, vec![Online, Offline, NonExistent]),
        ] {
            for to in all {
                assert_eq!(
                    from.may_become(to),
                    targets.contains(&to),
                    "{from:?} to {to:?}"
                );
            }
        }
    }

    #[test]
    fn ct6_replicas_move_as_kafka_lets_them() {
        use ReplicaState::*;
        let all = [NonExistent, New, Online, Offline, DeletionIneligible];
        for (from, targets) in [
            (NonExistent, vec![New]),
            (New, vec![Online, Offline]),
            (Online, vec![Online, Offline]),
            (Offline, vec![Online, Offline, DeletionIneligible]),
            (DeletionIneligible, vec![Online, Offline]),
        ] {
            for to in all {
                assert_eq!(
                    from.may_become(to),
                    targets.contains(&to),
                    "{from:?} to {to:?}"
                );
            }
        }
    }
}
