//! Moves replicas through their states (`ZkReplicaStateMachine`; CT5, CT6, RK4 to RK6).

use super::context::{PartitionAndReplica, ReplicaState};
use super::kafka_controller::KafkaController;
use super::request_batch::RequestBatch;
use crate::metadata::{LeaderAndIsr, LeaderIsrAndControllerEpoch};
use crate::protocol::zookeeper::Code;
use crate::protocol::{BrokerId, NO_LEADER, StateWriteReason, TopicPartition};
use crate::zookeeper_mode::Abandoned;
use std::collections::BTreeMap;

impl KafkaController {
    /// States at the start of a term (CT5): online replicas are told their partitions, the others
    /// leave the ISR.
    pub(super) async fn startup_replica_states(&mut self) -> Result<(), Abandoned> {
        let (online, offline) = self.context.online_and_offline_replicas();
        for replica in &online {
            self.context
                .put_replica_state(replica.clone(), ReplicaState::Online);
        }
        for replica in &offline {
            self.context
                .put_replica_state(replica.clone(), ReplicaState::DeletionIneligible);
        }
        self.replicas_to_online(&online);
        self.replicas_to_offline(&offline).await
    }

    /// Moves to `New`. A replica of a partition that has a leader already is told at once.
    pub(super) fn replicas_to_new(&mut self, replicas: &[PartitionAndReplica]) {
        let mut batch = RequestBatch::default();
        for replica in self.valid(replicas, ReplicaState::New) {
            if let Some(state) = self.context.leadership(&replica.partition).cloned() {
                if state.leader_and_isr.leader == replica.replica {
                    // A new replica can only follow: the move fails.
                    continue;
                }
                self.add_leader_and_isr(
                    &mut batch,
                    &[replica.replica],
                    &replica.partition,
                    &state,
                    true,
                );
            }
            self.context.put_replica_state(replica, ReplicaState::New);
        }
        self.send(batch);
    }

    /// Moves to `Online`: the replica's broker is told the partition's current state, unless the
    /// replica is new, for then it was told with the election.
    pub(super) fn replicas_to_online(&mut self, replicas: &[PartitionAndReplica]) {
        let mut batch = RequestBatch::default();
        for replica in self.valid(replicas, ReplicaState::Online) {
            if self.context.replica_state(&replica) != ReplicaState::New
                && let Some(state) = self.context.leadership(&replica.partition).cloned()
            {
                self.add_leader_and_isr(
                    &mut batch,
                    &[replica.replica],
                    &replica.partition,
                    &state,
                    false,
                );
            }
            self.context
                .put_replica_state(replica, ReplicaState::Online);
        }
        self.send(batch);
    }

    /// Moves to `Offline`: the replica is stopped if its broker still lives, and leaves the ISR; the
    /// partition's other replicas are told, even if nothing changed (RK5). One batch.
    pub(super) async fn replicas_to_offline(
        &mut self,
        replicas: &[PartitionAndReplica],
    ) -> Result<(), Abandoned> {
        let mut by_broker: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
        for replica in self.valid(replicas, ReplicaState::Offline) {
            by_broker
                .entry(replica.replica)
                .or_default()
                .push(replica.partition);
        }
        let mut batch = RequestBatch::default();
        for (broker, partitions) in by_broker {
            for partition in &partitions {
                batch.add_stop_replica(&self.context, broker, partition, false);
            }
            let (with_leadership, without): (Vec<_>, Vec<_>) = partitions
                .into_iter()
                .partition(|partition| self.context.leadership(partition).is_some());
            for (partition, state) in self
                .remove_replicas_from_isr(broker, with_leadership)
                .await?
            {
                let recipients: Vec<BrokerId> = self
                    .context
                    .replicas(&partition)
                    .iter()
                    .copied()
                    .filter(|id| *id != broker)
                    .collect();
                self.add_leader_and_isr(&mut batch, &recipients, &partition, &state, false);
                self.mark_offline(broker, partition);
            }
            for partition in without {
                let everybody = self.context.live_or_shutting_down_broker_ids();
                batch.add_update_metadata(
                    &self.context,
                    &everybody,
                    std::slice::from_ref(&partition),
                );
                self.mark_offline(broker, partition);
            }
        }
        self.send(batch);
        Ok(())
    }

    /// Takes a broker out of the ISRs that it is in, until no write was beaten by another. Gives the
    /// state of each partition, changed or not.
    async fn remove_replicas_from_isr(
        &mut self,
        broker: BrokerId,
        partitions: Vec<TopicPartition>,
    ) -> Result<BTreeMap<TopicPartition, LeaderIsrAndControllerEpoch>, Abandoned> {
        let mut states = BTreeMap::new();
        let mut remaining = partitions;
        while !remaining.is_empty() {
            let mut updates = Vec::new();
            for (partition, read) in self.zk.topic_partition_states_raw(&remaining).await {
                match read {
                    Ok(Some(state)) if state.controller_epoch <= self.context.epoch => {
                        let leader_and_isr = state.leader_and_isr;
                        if leader_and_isr.isr.contains(&broker) {
                            updates.push((partition, without_replica(&leader_and_isr, broker)));
                        } else {
                            let state = self.take_leadership(&partition, leader_and_isr);
                            states.insert(partition, state);
                        }
                    }
                    Err(Code::SessionExpired) => return Err(Code::SessionExpired.into()),
                    // No state, another controller's, or unreadable: this move fails.
                    Ok(_) | Err(_) => {}
                }
            }
            let result = self
                .zk
                .update_leader_and_isr(self.fence()?, self.context.epoch, updates)
                .await;
            for (partition, written) in result.finished {
                if let Ok(leader_and_isr) = written {
                    self.state_written(
                        &partition,
                        &leader_and_isr,
                        StateWriteReason::ReplicaOffline,
                    );
                    let state = self.take_leadership(&partition, leader_and_isr);
                    states.insert(partition, state);
                }
            }
            if let Some(why) = result.abandoned {
                return Err(why);
            }
            remaining = result.to_retry;
        }
        Ok(states)
    }

    /// Keeps the state in memory under this controller's epoch, as if it had written it (RK5).
    fn take_leadership(
        &mut self,
        partition: &TopicPartition,
        leader_and_isr: LeaderAndIsr,
    ) -> LeaderIsrAndControllerEpoch {
        let state = LeaderIsrAndControllerEpoch {
            leader_and_isr,
            controller_epoch: self.context.epoch,
        };
        self.context
            .put_leadership(partition.clone(), state.clone());
        state
    }

    fn valid(
        &self,
        replicas: &[PartitionAndReplica],
        target: ReplicaState,
    ) -> Vec<PartitionAndReplica> {
        replicas
            .iter()
            .filter(|replica| self.context.replica_state(replica).may_become(target))
            .cloned()
            .collect()
    }

    fn mark_offline(&mut self, replica: BrokerId, partition: TopicPartition) {
        let replica = PartitionAndReplica { replica, partition };
        let before = self.context.replica_state(&replica);
        assert!(
            before.may_become(ReplicaState::Offline),
            "{replica:?} was {before:?}"
        );
        self.context
            .put_replica_state(replica, ReplicaState::Offline);
    }

    fn add_leader_and_isr(
        &self,
        batch: &mut RequestBatch,
        brokers: &[BrokerId],
        partition: &TopicPartition,
        state: &LeaderIsrAndControllerEpoch,
        is_new: bool,
    ) {
        let assignment = self.context.assignment(partition);
        batch.add_leader_and_isr(
            &self.context,
            brokers,
            partition,
            state,
            &assignment,
            is_new,
        );
    }
}

/// The next state without `broker`: the last ISR member stays in it, without leading (N1).
fn without_replica(current: &LeaderAndIsr, broker: BrokerId) -> LeaderAndIsr {
    let leader = match current.leader == broker {
        true => NO_LEADER,
        false => current.leader,
    };
    let isr = match current.isr.len() {
        1 => current.isr.clone(),
        _ => current
            .isr
            .iter()
            .copied()
            .filter(|id| *id != broker)
            .collect(),
    };
    current.new_leader_and_isr(leader, isr)
}
