//! Moves partitions through their states (`ZkPartitionStateMachine`; CT5, CT6, CT10, CT16).

use super::context::PartitionState;
use super::election::{self, ElectionResult, ElectionStrategy};
use super::kafka_controller::KafkaController;
use super::request_batch::RequestBatch;
use crate::metadata::{LeaderAndIsr, LeaderIsrAndControllerEpoch};
use crate::protocol::rules::{LeaderEpochBump, OfflineElection};
use crate::protocol::zookeeper::Code;
use crate::protocol::{Fact, StateWriteReason, TopicName, TopicPartition};
use crate::zookeeper_mode::Abandoned;
use std::collections::{BTreeMap, BTreeSet};

/// Why a partition's election came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ElectionError {
    /// `StateChangeFailedException`: nobody can lead, or the state is missing or another's.
    StateChangeFailed,
    ZooKeeper(Code),
}

/// What elections came to, by partition.
pub(super) type Elections = BTreeMap<TopicPartition, Result<LeaderAndIsr, ElectionError>>;

impl KafkaController {
    /// States at the start of a term (CT5), then an election for every partition without leader.
    pub(super) async fn startup_partition_states(&mut self) -> Result<(), Abandoned> {
        let partitions: Vec<TopicPartition> = self.context.all_partitions().cloned().collect();
        for partition in partitions {
            let state = match self.context.leadership(&partition) {
                Some(state)
                    if self
                        .context
                        .is_replica_online(state.leader_and_isr.leader, &partition) =>
                {
                    PartitionState::Online
                }
                Some(_) => PartitionState::Offline,
                None => PartitionState::New,
            };
            self.context.put_partition_state(partition, state);
        }
        self.trigger_online_partition_state_change(None).await?;
        Ok(())
    }

    /// An election for every new or offline partition, of one topic if it is given.
    pub(super) async fn trigger_online_partition_state_change(
        &mut self,
        topic: Option<&TopicName>,
    ) -> Result<Elections, Abandoned> {
        let mut partitions = self.context.offline_and_new_partitions();
        partitions.retain(|partition| topic.is_none_or(|topic| partition.topic == *topic));
        let strategy = ElectionStrategy::Offline {
            allow_unclean: false,
        };
        self.partitions_to_online(&partitions, strategy).await
    }

    /// Moves to `New` or `Offline`: states in memory only, nobody is told.
    pub(super) fn mark_partitions(&mut self, partitions: &[TopicPartition], to: PartitionState) {
        for partition in partitions {
            if self.context.partition_state(partition).may_become(to) {
                self.context.move_partition(partition.clone(), to);
            }
        }
    }

    /// Moves to `Online`: a first state for new partitions, an election for the others. One batch.
    pub(super) async fn partitions_to_online(
        &mut self,
        partitions: &[TopicPartition],
        strategy: ElectionStrategy,
    ) -> Result<Elections, Abandoned> {
        let mut uninitialized = Vec::new();
        let mut to_elect = Vec::new();
        for partition in partitions {
            match self.context.partition_state(partition) {
                PartitionState::New => uninitialized.push(partition.clone()),
                PartitionState::Online | PartitionState::Offline => {
                    to_elect.push(partition.clone());
                }
                // An illegal move: passed over.
                PartitionState::NonExistent => {}
            }
        }
        let mut batch = RequestBatch::default();
        if !uninitialized.is_empty() {
            self.initialize_leader_and_isr(uninitialized, &mut batch)
                .await?;
        }
        let mut elections = Elections::new();
        if !to_elect.is_empty() {
            elections = self.elect_leaders(to_elect, strategy, &mut batch).await?;
            for (partition, result) in &elections {
                if result.is_ok() {
                    self.context
                        .move_partition(partition.clone(), PartitionState::Online);
                }
            }
        }
        self.send(batch);
        Ok(elections)
    }

    /// The first state of new partitions: ISR = live replicas, the first of them leads. A partition
    /// without live replica gets nothing and stays new.
    async fn initialize_leader_and_isr(
        &mut self,
        partitions: Vec<TopicPartition>,
        batch: &mut RequestBatch,
    ) -> Result<(), Abandoned> {
        let mut states = Vec::new();
        for partition in partitions {
            let live: Vec<_> = self
                .context
                .replicas(&partition)
                .iter()
                .copied()
                .filter(|id| self.context.is_replica_online(*id, &partition))
                .collect();
            match live.first() {
                Some(leader) => states.push((
                    partition,
                    LeaderIsrAndControllerEpoch {
                        leader_and_isr: LeaderAndIsr::initial(*leader, live),
                        controller_epoch: self.context.epoch,
                    },
                )),
                None => self.state_election_failed(
                    &partition,
                    StateWriteReason::NewPartition,
                    Vec::new(),
                ),
            }
        }
        let fence = self.fence()?;
        let created = self
            .zk
            .create_topic_partition_states(fence, &states)
            .await?;
        for ((partition, state), created) in states.into_iter().zip(created) {
            if created.is_err() {
                continue;
            }
            self.context
                .put_leadership(partition.clone(), state.clone());
            self.state_written(
                &partition,
                &state.leader_and_isr,
                StateWriteReason::NewPartition,
            );
            let assignment = self.context.assignment(&partition);
            batch.add_leader_and_isr(
                &self.context,
                &state.leader_and_isr.isr,
                &partition,
                &state,
                &assignment,
                true,
            );
            self.context
                .move_partition(partition, PartitionState::Online);
        }
        Ok(())
    }

    /// Elects until no write was beaten by another (CT10).
    async fn elect_leaders(
        &mut self,
        partitions: Vec<TopicPartition>,
        strategy: ElectionStrategy,
        batch: &mut RequestBatch,
    ) -> Result<Elections, Abandoned> {
        let mut elections = Elections::new();
        let mut remaining = partitions;
        while !remaining.is_empty() {
            remaining = self
                .do_elect_leaders(&remaining, strategy, batch, &mut elections)
                .await?;
        }
        Ok(elections)
    }

    /// One round; gives the partitions to try again.
    async fn do_elect_leaders(
        &mut self,
        partitions: &[TopicPartition],
        strategy: ElectionStrategy,
        batch: &mut RequestBatch,
        elections: &mut Elections,
    ) -> Result<Vec<TopicPartition>, Abandoned> {
        let mut current = Vec::new();
        for (partition, read) in self.zk.topic_partition_states_raw(partitions).await {
            match read {
                Ok(Some(state)) if state.controller_epoch <= self.context.epoch => {
                    current.push((partition, state.leader_and_isr));
                }
                Ok(_) => {
                    elections.insert(partition, Err(ElectionError::StateChangeFailed));
                }
                Err(Code::SessionExpired) => return Err(Code::SessionExpired.into()),
                Err(code) => {
                    elections.insert(partition, Err(ElectionError::ZooKeeper(code)));
                }
            }
        }
        let unclean = match strategy {
            ElectionStrategy::Offline { allow_unclean } => {
                self.collect_unclean(&current, allow_unclean).await?
            }
            _ => BTreeMap::new(),
        };
        let mut updates = Vec::new();
        let mut decided = BTreeMap::new();
        for (partition, state) in current {
            let result = match strategy {
                ElectionStrategy::Offline { .. } => match unclean.get(&partition) {
                    // Its configuration could not be read: no election.
                    Some(None) => {
                        elections.insert(partition, Err(ElectionError::StateChangeFailed));
                        continue;
                    }
                    allowed => {
                        let any_live = OfflineElection::AnyLive;
                        let unclean = allowed == Some(&Some(true))
                            || self.config.rules.offline_election == any_live;
                        election::leader_for_offline(&self.context, &partition, &state, unclean)
                    }
                },
                ElectionStrategy::Preferred => {
                    election::leader_for_preferred_replica(&self.context, &partition, &state)
                }
                ElectionStrategy::ControlledShutdown => {
                    election::leader_for_controlled_shutdown(&self.context, &partition, &state)
                }
            };
            let ElectionResult {
                leader_and_isr,
                recipients,
                reason,
            } = result;
            match leader_and_isr {
                Some(mut leader_and_isr) => {
                    // I9, and every strategy chooses among those that it leaves in the ISR.
                    assert!(
                        leader_and_isr.leader_epoch == state.leader_epoch + 1
                            && leader_and_isr.isr.contains(&leader_and_isr.leader),
                        "{partition}: {leader_and_isr:?} is elected after {state:?}"
                    );
                    if self.config.rules.leader_epoch_bump == LeaderEpochBump::Off {
                        leader_and_isr.leader_epoch = state.leader_epoch;
                    }
                    updates.push((partition.clone(), leader_and_isr));
                    decided.insert(partition, (recipients, reason));
                }
                None => {
                    self.state_election_failed(&partition, reason, state.isr);
                    elections.insert(partition, Err(ElectionError::StateChangeFailed));
                }
            }
        }
        let result = self
            .zk
            .update_leader_and_isr(self.fence()?, self.context.epoch, updates)
            .await;
        for (partition, written) in result.finished {
            match written {
                Ok(leader_and_isr) => {
                    let (recipients, reason) = &decided[&partition];
                    let state = LeaderIsrAndControllerEpoch {
                        leader_and_isr: leader_and_isr.clone(),
                        controller_epoch: self.context.epoch,
                    };
                    self.context
                        .put_leadership(partition.clone(), state.clone());
                    self.state_written(&partition, &leader_and_isr, *reason);
                    let assignment = self.context.assignment(&partition);
                    batch.add_leader_and_isr(
                        &self.context,
                        recipients,
                        &partition,
                        &state,
                        &assignment,
                        false,
                    );
                    elections.insert(partition, Ok(leader_and_isr));
                }
                Err(code) => {
                    elections.insert(partition, Err(ElectionError::ZooKeeper(code)));
                }
            }
        }
        match result.abandoned {
            Some(why) => Err(why),
            None => Ok(result.to_retry),
        }
    }

    /// For each partition without a live ISR member, whether a leader from outside is allowed (CT16):
    /// the topic's configuration is read now; `None` if it could not be read.
    async fn collect_unclean(
        &self,
        current: &[(TopicPartition, LeaderAndIsr)],
        allow_unclean: bool,
    ) -> Result<BTreeMap<TopicPartition, Option<bool>>, Abandoned> {
        let without_live_isr: Vec<&TopicPartition> = current
            .iter()
            .filter(|(partition, state)| {
                !state
                    .isr
                    .iter()
                    .any(|id| self.context.is_replica_online(*id, partition))
            })
            .map(|(partition, _)| partition)
            .collect();
        let mut by_topic = BTreeMap::new();
        if !allow_unclean {
            let topics: BTreeSet<TopicName> = without_live_isr
                .iter()
                .map(|partition| partition.topic.clone())
                .collect();
            for (topic, config) in self.zk.topic_configs(&topics).await {
                let allowed = match config {
                    Ok(properties) => self.unclean_leader_election_enable(&properties),
                    Err(Code::SessionExpired) => return Err(Code::SessionExpired.into()),
                    Err(_) => None,
                };
                by_topic.insert(topic, allowed);
            }
        }
        Ok(without_live_isr
            .into_iter()
            .map(|partition| {
                let allowed = match allow_unclean {
                    true => Some(true),
                    false => by_topic.get(&partition.topic).copied().flatten(),
                };
                (partition.clone(), allowed)
            })
            .collect())
    }

    fn state_election_failed(
        &self,
        partition: &TopicPartition,
        reason: StateWriteReason,
        isr: Vec<i32>,
    ) {
        self.fact(Fact::ElectionFailed {
            partition: partition.clone(),
            reason,
            live: self.context.live_broker_ids(),
            isr,
        });
    }
}
