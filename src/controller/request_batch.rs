//! What one call of a state machine tells the brokers (`ControllerBrokerRequestBatch`, CT7).

use super::context::ControllerContext;
use crate::metadata::{LeaderIsrAndControllerEpoch, ReplicaAssignment};
use crate::protocol::{
    BrokerId, LeaderAndIsrPartitionState, LeaderAndIsrRequest, RegisteredBroker, Request,
    StopReplicaPartitionState, StopReplicaRequest, TopicId, TopicName, TopicPartition,
    UpdateMetadataPartitionState, UpdateMetadataRequest,
};
use std::collections::{BTreeMap, BTreeSet};

/// Leader epoch of a StopReplica for a partition of which no state is known (`LeaderAndIsr.NoEpoch`).
const NO_EPOCH: i32 = -1;

/// Collected while states change, turned into requests at the end: the last word on a partition
/// counts.
#[derive(Debug, Default)]
pub(super) struct RequestBatch {
    leader_and_isr: BTreeMap<BrokerId, BTreeMap<TopicPartition, LeaderAndIsrPartitionState>>,
    stop_replica: BTreeMap<BrokerId, BTreeMap<TopicPartition, StopReplicaPartitionState>>,
    update_metadata_brokers: BTreeSet<BrokerId>,
    update_metadata: BTreeMap<TopicPartition, UpdateMetadataPartitionState>,
}

impl RequestBatch {
    /// Tells `brokers` of the partition's state, and everybody by an UpdateMetadata.
    pub fn add_leader_and_isr(
        &mut self,
        context: &ControllerContext,
        brokers: &[BrokerId],
        partition: &TopicPartition,
        state: &LeaderIsrAndControllerEpoch,
        assignment: &ReplicaAssignment,
        is_new: bool,
    ) {
        let leader_and_isr = &state.leader_and_isr;
        for broker in brokers.iter().filter(|id| **id >= 0) {
            let states = self.leader_and_isr.entry(*broker).or_default();
            let already_new = states.get(partition).is_some_and(|state| state.is_new);
            states.insert(
                partition.clone(),
                LeaderAndIsrPartitionState {
                    partition: partition.clone(),
                    controller_epoch: state.controller_epoch,
                    leader: leader_and_isr.leader,
                    leader_epoch: leader_and_isr.leader_epoch,
                    isr: leader_and_isr.isr.clone(),
                    partition_epoch: leader_and_isr.partition_epoch,
                    replicas: assignment.replicas.clone(),
                    adding_replicas: assignment.adding_replicas.clone(),
                    removing_replicas: assignment.removing_replicas.clone(),
                    is_new: is_new || already_new,
                    leader_recovery_state: leader_and_isr.leader_recovery_state,
                },
            );
        }
        let everybody = context.live_or_shutting_down_broker_ids();
        self.add_update_metadata(context, &everybody, std::slice::from_ref(partition));
    }

    /// The leader epoch is the one known now, before whatever this batch's writes make of it.
    pub fn add_stop_replica(
        &mut self,
        context: &ControllerContext,
        broker: BrokerId,
        partition: &TopicPartition,
        delete_partition: bool,
    ) {
        let leader_epoch = context
            .leadership(partition)
            .map_or(NO_EPOCH, |state| state.leader_and_isr.leader_epoch);
        let states = self.stop_replica.entry(broker).or_default();
        let already_delete = states
            .get(partition)
            .is_some_and(|state| state.delete_partition);
        states.insert(
            partition.clone(),
            StopReplicaPartitionState {
                partition: partition.clone(),
                leader_epoch,
                delete_partition: delete_partition || already_delete,
            },
        );
    }

    /// All partitions of a batch go to all brokers of the batch. A partition without state is left out.
    pub fn add_update_metadata(
        &mut self,
        context: &ControllerContext,
        brokers: &[BrokerId],
        partitions: &[TopicPartition],
    ) {
        self.update_metadata_brokers
            .extend(brokers.iter().filter(|id| **id >= 0));
        for partition in partitions {
            let Some(state) = context.leadership(partition) else {
                continue;
            };
            let replicas = context.replicas(partition).to_vec();
            let offline_replicas = replicas
                .iter()
                .copied()
                .filter(|id| !context.is_replica_online(*id, partition))
                .collect();
            self.update_metadata.insert(
                partition.clone(),
                UpdateMetadataPartitionState {
                    partition: partition.clone(),
                    controller_epoch: state.controller_epoch,
                    leader: state.leader_and_isr.leader,
                    leader_epoch: state.leader_and_isr.leader_epoch,
                    isr: state.leader_and_isr.isr.clone(),
                    zk_version: state.leader_and_isr.partition_epoch,
                    replicas,
                    offline_replicas,
                },
            );
        }
    }

    /// The requests in the order in which they are queued: all LeaderAndIsr, all UpdateMetadata, all
    /// StopReplica; nothing for brokers that are not registered. Broker epochs are those of now.
    pub fn into_requests(
        self,
        context: &ControllerContext,
        controller_id: BrokerId,
    ) -> Vec<(BrokerId, Request)> {
        let mut requests = Vec::new();
        let controller_epoch = context.epoch;
        for (broker, states) in self.leader_and_isr {
            let Some(broker_epoch) = context.broker_epoch(broker) else {
                continue;
            };
            let leaders: BTreeSet<BrokerId> = states.values().map(|state| state.leader).collect();
            let request = LeaderAndIsrRequest {
                controller_id,
                controller_epoch,
                broker_epoch,
                topic_ids: topic_ids(context, states.keys(), true),
                live_leaders: live_brokers(context, |id| leaders.contains(&id))
                    .iter()
                    .filter_map(|broker| broker.node(&context.inter_broker_listener))
                    .collect(),
                partition_states: states.into_values().collect(),
            };
            requests.push((broker, request.into()));
        }
        for broker in &self.update_metadata_brokers {
            let Some(broker_epoch) = context.broker_epoch(*broker) else {
                continue;
            };
            let request = UpdateMetadataRequest {
                controller_id,
                controller_epoch,
                broker_epoch,
                topic_ids: topic_ids(context, self.update_metadata.keys(), false),
                partition_states: self.update_metadata.values().cloned().collect(),
                live_brokers: live_brokers(context, |_| true),
            };
            requests.push((*broker, request.into()));
        }
        for (broker, states) in self.stop_replica {
            let Some(broker_epoch) = context.broker_epoch(broker) else {
                continue;
            };
            let request = StopReplicaRequest {
                controller_id,
                controller_epoch,
                broker_epoch,
                partition_states: states.into_values().collect(),
            };
            requests.push((broker, request.into()));
        }
        requests
    }
}

/// Ids of the partitions' topics; those without one as `ZERO`, or not at all.
fn topic_ids<'a>(
    context: &ControllerContext,
    partitions: impl Iterator<Item = &'a TopicPartition>,
    zero_for_unknown: bool,
) -> Vec<(TopicName, TopicId)> {
    let topics: BTreeSet<&TopicName> = partitions.map(|partition| &partition.topic).collect();
    topics
        .into_iter()
        .filter_map(|topic| match context.topic_ids.get(topic) {
            Some(id) => Some((topic.clone(), *id)),
            None => zero_for_unknown.then(|| (topic.clone(), TopicId::ZERO)),
        })
        .collect()
}

fn live_brokers(
    context: &ControllerContext,
    wanted: impl Fn(BrokerId) -> bool,
) -> Vec<RegisteredBroker> {
    context
        .live_or_shutting_down_brokers()
        .filter(|(broker, _)| wanted(broker.id))
        .map(|(broker, _)| broker.clone())
        .collect()
}
