//! What brokers and administrators ask of the controller: ControlledShutdown (Z7, CT19, RK7),
//! AlterPartition (A4, CT15), AllocateProducerIds (D20) and ElectLeaders (RK18).
//!
//! May not know how far a follower is: that a leader asks for it is enough.

use super::Elected;
use super::context::PartitionAndReplica;
use super::election::ElectionStrategy;
use super::event_manager::ControllerOutput;
use super::kafka_controller::KafkaController;
use super::partition_state_machine::ElectionError;
use super::request_batch::RequestBatch;
use crate::metadata::{LeaderAndIsr, znode};
use crate::protocol::rules::IsrEligibility;
use crate::protocol::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, AlterPartitionData,
    AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult, BrokerId,
    ControlledShutdownRequest, ControlledShutdownResponse, ElectLeadersRequest, ElectionType,
    ErrorCode, Fact, LeaderRecoveryState, NO_LEADER, StateWriteReason, TopicId, TopicPartition,
};
use crate::zookeeper_mode::{Abandoned, new_producer_id_block};
use std::collections::BTreeMap;

/// A sender that does not know its broker epoch (`AbstractControlRequest.UNKNOWN_BROKER_EPOCH`).
const UNKNOWN_BROKER_EPOCH: i64 = -1;

impl KafkaController {
    // ---- ControlledShutdown

    pub(super) async fn controlled_shutdown(
        &mut self,
        token: u64,
        request: &ControlledShutdownRequest,
    ) {
        let body = match self.do_controlled_shutdown(request).await {
            Ok(remaining_partitions) => ControlledShutdownResponse {
                error: ErrorCode::None,
                remaining_partitions,
            },
            Err(error) => ControlledShutdownResponse {
                error,
                remaining_partitions: Vec::new(),
            },
        };
        self.respond(token, body);
    }

    /// Gives the partitions that the broker still leads.
    async fn do_controlled_shutdown(
        &mut self,
        request: &ControlledShutdownRequest,
    ) -> Result<Vec<TopicPartition>, ErrorCode> {
        let id = request.broker_id;
        if !self.is_active() {
            // The error that stands for `ControllerMovedException`.
            return Err(ErrorCode::StaleControllerEpoch);
        }
        let known_epoch = self.context.broker_epoch(id);
        if request.broker_epoch != UNKNOWN_BROKER_EPOCH {
            match known_epoch {
                None => return Err(ErrorCode::UnknownServerError),
                Some(known) if request.broker_epoch < known => {
                    return Err(ErrorCode::StaleBrokerEpoch);
                }
                Some(_) => {}
            }
        }
        if known_epoch.is_none() {
            return Err(ErrorCode::BrokerNotAvailable);
        }
        self.context.shutting_down_brokers.insert(id);
        // A partition with one replica can go nowhere.
        let mut led = Vec::new();
        let mut followed = Vec::new();
        for partition in self.context.partitions_on_broker(id) {
            if self.context.replicas(&partition).len() <= 1
                || self.context.leadership(&partition).is_none()
            {
                continue;
            }
            match self.context.leader(&partition) == id {
                true => led.push(partition),
                false => followed.push(partition),
            }
        }
        self.move_off(id, &led, &followed)
            .await
            .map_err(|why| match why {
                Abandoned::ControllerMoved => ErrorCode::StaleControllerEpoch,
                Abandoned::ZooKeeper(_) | Abandoned::IllegalState(_) => {
                    ErrorCode::UnknownServerError
                }
            })?;
        Ok(self.context.partition_leaders_on_broker(id))
    }

    /// New leaders for what it leads, a stop for what it follows, and out of those ISRs; the last
    /// step stops them once more (CT19).
    async fn move_off(
        &mut self,
        id: BrokerId,
        led: &[TopicPartition],
        followed: &[TopicPartition],
    ) -> Result<(), Abandoned> {
        self.partitions_to_online(led, ElectionStrategy::ControlledShutdown)
            .await?;
        let mut batch = RequestBatch::default();
        for partition in followed {
            batch.add_stop_replica(&self.context, id, partition, false);
        }
        self.send(batch);
        let replicas: Vec<PartitionAndReplica> = followed
            .iter()
            .map(|partition| PartitionAndReplica {
                replica: id,
                partition: partition.clone(),
            })
            .collect();
        self.replicas_to_offline(&replicas).await
    }

    // ---- AlterPartition

    pub(super) async fn alter_partition(&mut self, token: u64, request: &AlterPartitionRequest) {
        let body = match self.try_alter_partition(request).await {
            Ok(partitions) => AlterPartitionResponse {
                error: ErrorCode::None,
                partitions,
            },
            Err(error) => AlterPartitionResponse {
                error,
                partitions: Vec::new(),
            },
        };
        self.respond(token, body);
    }

    async fn try_alter_partition(
        &mut self,
        request: &AlterPartitionRequest,
    ) -> Result<Vec<AlterPartitionResult>, ErrorCode> {
        if !self.is_active() {
            return Err(ErrorCode::NotController);
        }
        if self.context.broker_epoch(request.broker_id) != Some(request.broker_epoch) {
            return Err(ErrorCode::StaleBrokerEpoch);
        }
        let mut results: BTreeMap<TopicPartition, Result<LeaderAndIsr, ErrorCode>> =
            BTreeMap::new();
        let mut asked = Vec::new();
        let mut updates = Vec::new();
        for data in &request.partitions {
            let partition = &data.partition;
            if data.topic_id != TopicId::ZERO && self.context.topic_with_id(data.topic_id).is_none()
            {
                results.insert(partition.clone(), Err(ErrorCode::UnknownTopicId));
                continue;
            }
            asked.push(partition.clone());
            match self.validate_alter_partition(request.broker_id, data) {
                Ok(Validated::Standing(current)) => {
                    results.insert(partition.clone(), Ok(current));
                }
                Ok(Validated::Change(new)) => updates.push((partition.clone(), new)),
                Err(error) => {
                    results.insert(partition.clone(), Err(error));
                }
            }
        }
        self.write_altered(updates, &asked, &mut results)
            .await
            .map_err(|_| ErrorCode::UnknownServerError)?;
        Ok(results
            .into_iter()
            .map(|(partition, result)| self.alter_partition_result(partition, result, request))
            .collect())
    }

    /// The ZooKeeper controller's checks, in its order (A4).
    fn validate_alter_partition(
        &self,
        from: BrokerId,
        data: &AlterPartitionData,
    ) -> Result<Validated, ErrorCode> {
        let current = match self.context.leadership(&data.partition) {
            Some(state) => &state.leader_and_isr,
            None => return Err(ErrorCode::UnknownTopicOrPartition),
        };
        let new = LeaderAndIsr {
            leader: from,
            leader_epoch: data.leader_epoch,
            isr: data.new_isr.iter().map(|(id, _)| *id).collect(),
            leader_recovery_state: data.leader_recovery_state,
            partition_epoch: data.partition_epoch,
        };
        use LeaderRecoveryState::{Recovered, Recovering};
        if new.partition_epoch > current.partition_epoch || new.leader_epoch > current.leader_epoch
        {
            // The leader has heard of a newer controller.
            Err(ErrorCode::NotController)
        } else if new.leader_epoch < current.leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else if new.equals_allow_stale_partition_epoch(current) {
            Ok(Validated::Standing(current.clone()))
        } else if new.partition_epoch < current.partition_epoch {
            Err(ErrorCode::InvalidUpdateVersion)
        } else if new.leader_recovery_state == Recovering
            && (new.isr.len() > 1 || current.leader_recovery_state == Recovered)
        {
            Err(ErrorCode::InvalidRequest)
        } else if self.config.rules.isr_eligibility == IsrEligibility::Live
            && new.isr.iter().any(|id| !self.context.is_live_broker(*id))
        {
            Err(ErrorCode::IneligibleReplica)
        } else {
            Ok(Validated::Change(new))
        }
    }

    /// One conditional write each, the states read again, and one UpdateMetadata of everything that
    /// was asked for, changed or not (CT15).
    async fn write_altered(
        &mut self,
        updates: Vec<(TopicPartition, LeaderAndIsr)>,
        asked: &[TopicPartition],
        results: &mut BTreeMap<TopicPartition, Result<LeaderAndIsr, ErrorCode>>,
    ) -> Result<(), Abandoned> {
        let written = self
            .zk
            .update_leader_and_isr(self.fence()?, self.context.epoch, updates)
            .await;
        let mut changed = Vec::new();
        for (partition, outcome) in written.finished {
            let outcome = match outcome {
                Ok(state) => {
                    self.state_written(&partition, &state, StateWriteReason::AlterPartition);
                    changed.push(partition.clone());
                    Ok(state)
                }
                Err(_) => Err(ErrorCode::UnknownServerError),
            };
            results.insert(partition, outcome);
        }
        if let Some(why) = written.abandoned {
            return Err(why);
        }
        for partition in written.to_retry {
            results.insert(partition, Err(ErrorCode::InvalidUpdateVersion));
        }
        self.update_leader_and_isr_cache(&changed).await?;
        let everybody = self.context.live_or_shutting_down_broker_ids();
        self.send_update_metadata(&everybody, asked);
        Ok(())
    }

    fn alter_partition_result(
        &self,
        partition: TopicPartition,
        result: Result<LeaderAndIsr, ErrorCode>,
        request: &AlterPartitionRequest,
    ) -> AlterPartitionResult {
        match result {
            Ok(state) => AlterPartitionResult {
                partition,
                error: ErrorCode::None,
                leader: state.leader,
                leader_epoch: state.leader_epoch,
                isr: state.isr,
                leader_recovery_state: state.leader_recovery_state,
                partition_epoch: state.partition_epoch,
            },
            Err(error) => {
                self.fact(Fact::AlterPartitionRefused {
                    partition: partition.clone(),
                    from: request.broker_id,
                    error,
                });
                AlterPartitionResult {
                    partition,
                    error,
                    leader: 0,
                    leader_epoch: 0,
                    isr: Vec::new(),
                    leader_recovery_state: LeaderRecoveryState::Recovered,
                    partition_epoch: 0,
                }
            }
        }
    }

    // ---- AllocateProducerIds

    pub(super) async fn allocate_producer_ids(
        &mut self,
        token: u64,
        request: &AllocateProducerIdsRequest,
    ) {
        let body = match self.try_allocate_producer_ids(request).await {
            Ok((first, last)) => AllocateProducerIdsResponse {
                error: ErrorCode::None,
                producer_id_start: first,
                producer_id_len: i32::try_from(last - first + 1).unwrap_or(0),
            },
            Err(error) => AllocateProducerIdsResponse {
                error,
                producer_id_start: 0,
                producer_id_len: 0,
            },
        };
        self.respond(token, body);
    }

    async fn try_allocate_producer_ids(
        &mut self,
        request: &AllocateProducerIdsRequest,
    ) -> Result<(i64, i64), ErrorCode> {
        if !self.is_active() {
            return Err(ErrorCode::NotController);
        }
        match self.context.broker_epoch(request.broker_id) {
            None => Err(ErrorCode::BrokerIdNotRegistered),
            Some(known) if known != request.broker_epoch => Err(ErrorCode::StaleBrokerEpoch),
            Some(_) => new_producer_id_block(&self.calls, request.broker_id)
                .await
                .map_err(|_| ErrorCode::UnknownServerError),
        }
    }

    // ---- ElectLeaders

    pub(super) async fn elect_leaders_for_admin(
        &mut self,
        token: u64,
        request: ElectLeadersRequest,
        deadline_ms: i64,
    ) -> Result<(), Abandoned> {
        if !self.is_active() {
            self.output(ControllerOutput::Elected(Elected::not_controller(
                token, request,
            )));
            return Ok(());
        }
        let all = request.partitions.is_none();
        let partitions = match request.partitions {
            Some(partitions) => partitions,
            None => self.context.all_partitions().cloned().collect(),
        };
        let mut results = BTreeMap::new();
        let mut electable = Vec::new();
        for partition in partitions {
            if !self.context.has_partition(&partition) {
                results.insert(partition, Err(ErrorCode::UnknownTopicOrPartition));
            } else if self.is_electable(&partition, request.election_type) {
                electable.push(partition);
            } else {
                results.insert(partition, Err(ErrorCode::ElectionNotNeeded));
            }
        }
        let strategy = match request.election_type {
            ElectionType::Preferred => ElectionStrategy::Preferred,
            ElectionType::Unclean => ElectionStrategy::Offline {
                allow_unclean: true,
            },
        };
        let nobody = match request.election_type {
            ElectionType::Preferred => ErrorCode::PreferredLeaderNotAvailable,
            ElectionType::Unclean => ErrorCode::EligibleLeadersNotAvailable,
        };
        match self.partitions_to_online(&electable, strategy).await {
            Ok(elections) => {
                for (partition, election) in elections {
                    let result = match election {
                        Ok(state) => Ok(state.leader),
                        Err(ElectionError::StateChangeFailed) => Err(nobody),
                        Err(ElectionError::ZooKeeper(_)) => Err(ErrorCode::UnknownServerError),
                    };
                    results.insert(partition, result);
                }
            }
            // As in Kafka, nobody answers then.
            Err(Abandoned::ControllerMoved) => return Err(Abandoned::ControllerMoved),
            Err(_) => {
                for partition in electable {
                    results.insert(partition, Err(ErrorCode::UnknownServerError));
                }
            }
        }
        if all {
            results.retain(|_, result| *result != Err(ErrorCode::ElectionNotNeeded));
        }
        let left_ms = deadline_ms.saturating_sub(self.shared.now_ms.get());
        self.output(ControllerOutput::Elected(Elected {
            token,
            timeout_ms: left_ms.clamp(0, i64::from(i32::MAX)) as i32,
            error: ErrorCode::None,
            results: results.into_iter().collect(),
        }));
        Ok(())
    }

    /// Elections asked for by a node in ZooKeeper, if it is there.
    pub(super) async fn elect_leaders_for_zk(&mut self) -> Result<(), Abandoned> {
        let asked = self
            .zk
            .register_node_handler_and_check_existence(znode::PREFERRED_REPLICA_ELECTION.into())
            .await?;
        if !asked {
            return Ok(());
        }
        let mut partitions = self.zk.preferred_replica_election().await?;
        partitions.retain(|partition| {
            self.context.has_partition(partition)
                && self.is_electable(partition, ElectionType::Preferred)
        });
        self.elect_preferred_for_zk(&partitions).await
    }

    /// False if the partition has already the leader that it should have.
    fn is_electable(&self, partition: &TopicPartition, election_type: ElectionType) -> bool {
        let leader = self.context.leader(partition);
        match election_type {
            ElectionType::Preferred => self.context.replicas(partition).first() != Some(&leader),
            ElectionType::Unclean => leader == NO_LEADER || !self.context.is_live_broker(leader),
        }
    }

    fn respond(&self, token: u64, body: impl Into<crate::protocol::Response>) {
        let body = body.into();
        self.output(ControllerOutput::Respond { token, body });
    }
}

/// What is to be done for an AlterPartition that is in order.
enum Validated {
    /// Nothing: it is so already.
    Standing(LeaderAndIsr),
    Change(LeaderAndIsr),
}
