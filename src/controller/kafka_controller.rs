//! The controller's thread (`KafkaController`): it takes events from the queue, one at a time, and
//! is active or not.
//!
//! Here stand the events themselves, the election and the resignation; what an active controller
//! does lies in `failover`, `broker_change`, `topic_change`, `requests` and `auto_leader_rebalance`, and
//! in the two state machines.

use super::context::ControllerContext;
use super::event_manager::{
    ControllerEvent, ControllerOutput, ControllerView, LeaderElection, Shared,
};
use super::request_batch::RequestBatch;
use crate::metadata::{LeaderAndIsr, znode};
use crate::protocol::config::{BrokerConfig, Properties};
use crate::protocol::zookeeper::{Code, SessionId};
use crate::protocol::{
    BrokerId, Fact, NO_LEADER, RegisteredBroker, StateWriteReason, TopicPartition,
};
use crate::zookeeper_mode::ZkCalls;
use crate::zookeeper_mode::{Abandoned, EpochZkVersion, KafkaZkClient};
use crate::zookeeper_mode::{BrokerInfo, RegistrationError, registration};
use std::rc::Rc;

/// See the module's doc.
pub(super) struct KafkaController {
    pub broker: RegisteredBroker,
    pub config: Rc<BrokerConfig>,
    pub calls: ZkCalls,
    pub zk: KafkaZkClient,
    pub shared: Rc<Shared>,
    pub context: ControllerContext,
    active_controller_id: BrokerId,
    /// The session that the broker registered in last.
    registered_session: SessionId,
}

impl KafkaController {
    pub fn new(
        broker: RegisteredBroker,
        config: Rc<BrokerConfig>,
        calls: ZkCalls,
        shared: Rc<Shared>,
    ) -> Self {
        let context = ControllerContext::speaking_by(&config.listeners.inter_broker);
        KafkaController {
            broker,
            zk: KafkaZkClient::new(
                calls.clone(),
                Rc::clone(&shared.handlers),
                config.rules.controller_zk_fencing,
            ),
            config,
            calls,
            shared,
            context,
            active_controller_id: NO_LEADER,
            registered_session: 0,
        }
    }

    pub async fn run(mut self) {
        loop {
            let event = self.shared.events.take().await;
            let outcome = self.process(event).await;
            if outcome == Err(Abandoned::ControllerMoved) {
                // What keeps it from finding out who the controller is will come as an event.
                let _ = self.maybe_resign("another controller was elected").await;
            }
        }
    }

    async fn process(&mut self, event: ControllerEvent) -> Result<(), Abandoned> {
        match event {
            ControllerEvent::Startup { session } => {
                self.registered_session = session;
                self.zk
                    .register_node_handler_and_check_existence(znode::CONTROLLER.into())
                    .await?;
                self.elect().await
            }
            ControllerEvent::Expire => {
                self.set_active_controller(NO_LEADER);
                self.resign("its ZooKeeper session expired");
                self.output(ControllerOutput::ReopenSession);
                Ok(())
            }
            ControllerEvent::RegisterBrokerAndReelect { session } => {
                self.register_broker(session).await?;
                self.reelect().await
            }
            ControllerEvent::ControllerChange => self.maybe_resign("/controller has changed").await,
            ControllerEvent::Reelect => self.reelect().await,
            ControllerEvent::ControlledShutdown { token, request } => {
                self.controlled_shutdown(token, &request).await;
                Ok(())
            }
            ControllerEvent::AlterPartition { token, request } => {
                self.alter_partition(token, &request).await;
                Ok(())
            }
            ControllerEvent::AllocateProducerIds { token, request } => {
                self.allocate_producer_ids(token, &request).await;
                Ok(())
            }
            ControllerEvent::ReplicaLeaderElection(LeaderElection::AdminClientTriggered {
                token,
                request,
                deadline_ms,
            }) => {
                self.elect_leaders_for_admin(token, *request, deadline_ms)
                    .await
            }
            _ if !self.is_active() => Ok(()),
            ControllerEvent::ReplicaLeaderElection(LeaderElection::ZkTriggered) => {
                self.elect_leaders_for_zk().await
            }
            ControllerEvent::AutoPreferredReplicaLeaderElection => {
                self.auto_preferred_replica_leader_election().await
            }
            ControllerEvent::BrokerChange => self.broker_change().await,
            ControllerEvent::BrokerModifications(id) => self.broker_modifications(id).await,
            ControllerEvent::TopicChange => self.topic_change().await,
            ControllerEvent::PartitionModifications(topic) => {
                self.partition_modifications(topic).await
            }
            ControllerEvent::IsrChangeNotification => self.isr_change_notification().await,
            ControllerEvent::LogDirEventNotification => self.log_dir_event_notification().await,
            ControllerEvent::TopicUncleanLeaderElectionEnable(topic) => {
                self.trigger_online_partition_state_change(Some(&topic))
                    .await?;
                Ok(())
            }
            ControllerEvent::LeaderAndIsrResponse { broker, response } => {
                self.leader_and_isr_response(broker, &response).await
            }
        }
    }

    // ---- who is the controller

    async fn reelect(&mut self) -> Result<(), Abandoned> {
        self.maybe_resign("/controller was deleted").await?;
        self.elect().await
    }

    /// Arms the watch on /controller again, reads who it is, and resigns if it is another than
    /// before (CT3).
    async fn maybe_resign(&mut self, why: &str) -> Result<(), Abandoned> {
        let was_active = self.is_active();
        self.zk
            .register_node_handler_and_check_existence(znode::CONTROLLER.into())
            .await?;
        let id = self.zk.controller_id().await?.unwrap_or(NO_LEADER);
        self.set_active_controller(id);
        if was_active && !self.is_active() {
            self.resign(why);
        }
        Ok(())
    }

    /// Tries to become the controller if there is none (CT2, RK2).
    async fn elect(&mut self) -> Result<(), Abandoned> {
        let id = self.zk.controller_id().await?.unwrap_or(NO_LEADER);
        self.set_active_controller(id);
        if id != NO_LEADER {
            return Ok(());
        }
        match self.become_controller().await {
            Ok(()) => Ok(()),
            Err(Abandoned::ControllerMoved) => {
                self.maybe_resign("another controller was elected").await
            }
            Err(_) => self.trigger_controller_move().await,
        }
    }

    async fn become_controller(&mut self) -> Result<(), Abandoned> {
        let (epoch, fence) = self
            .zk
            .register_controller_and_increment_controller_epoch(
                self.broker.id,
                self.shared.now_ms.get(),
            )
            .await?;
        self.context.epoch = epoch;
        self.context.fence = Some(fence);
        self.set_active_controller(self.broker.id);
        self.fact(Fact::ControllerElected {
            controller_epoch: epoch,
        });
        self.on_controller_failover().await
    }

    /// Gives the role up, so that somebody is elected (possibly this one again).
    async fn trigger_controller_move(&mut self) -> Result<(), Abandoned> {
        let id = self.zk.controller_id().await?.unwrap_or(NO_LEADER);
        self.set_active_controller(id);
        if !self.is_active() {
            return Ok(());
        }
        let fence = self.fence()?;
        self.set_active_controller(NO_LEADER);
        self.resign("it failed to take over");
        match self.zk.delete_controller(fence).await {
            Ok(()) | Err(Abandoned::ControllerMoved) => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// Drops everything that an active controller holds. Nothing is written.
    fn resign(&mut self, why: &str) {
        if self.context.fence.is_some() {
            self.fact(Fact::ControllerResigned {
                controller_epoch: self.context.epoch,
                why: why.into(),
            });
        }
        self.zk.unregister_controller_handlers();
        let closed = self.shared.channels.borrow_mut().shutdown();
        self.shared.channel_output(closed);
        self.context = ControllerContext::speaking_by(&self.config.listeners.inter_broker);
        self.show();
    }

    /// After an expiry: /brokers/ids/<id> again, in the new session (Z11).
    async fn register_broker(&mut self, session: SessionId) -> Result<(), Abandoned> {
        let info = BrokerInfo {
            broker: self.broker.clone(),
            timestamp_ms: self.shared.now_ms.get(),
        };
        let previous = self.registered_session;
        match registration::register_broker(&self.calls, session, previous, &info).await {
            Ok(broker_epoch) => {
                self.registered_session = session;
                self.output(ControllerOutput::Registered { broker_epoch });
                Ok(())
            }
            Err(RegistrationError::NodeExists { owner }) => {
                self.fact(Fact::RegistrationRefused { owner });
                Err(Code::NodeExists.into())
            }
            Err(RegistrationError::ZooKeeper(code)) => Err(code.into()),
        }
    }

    // ---- what the other files use

    pub fn is_active(&self) -> bool {
        self.active_controller_id == self.broker.id
    }

    /// The fence of this term's writes.
    pub fn fence(&self) -> Result<EpochZkVersion, Abandoned> {
        self.context
            .fence
            .ok_or(Abandoned::IllegalState("not the controller"))
    }

    /// Queues a batch's requests on the channels.
    pub fn send(&self, batch: RequestBatch) {
        for (broker, request) in batch.into_requests(&self.context, self.broker.id) {
            let output = self
                .shared
                .channels
                .borrow_mut()
                .send_request(broker, request);
            self.shared.channel_output(output);
        }
    }

    /// An UpdateMetadata of its own.
    pub fn send_update_metadata(&self, brokers: &[BrokerId], partitions: &[TopicPartition]) {
        let mut batch = RequestBatch::default();
        batch.add_update_metadata(&self.context, brokers, partitions);
        self.send(batch);
    }

    /// A topic's effective unclean.leader.election.enable; `None` if it is neither true nor false.
    pub fn unclean_leader_election_enable(&self, properties: &Properties) -> Option<bool> {
        match properties.get("unclean.leader.election.enable") {
            Some(value) => value.trim().to_ascii_lowercase().parse().ok(),
            None => Some(self.config.topic_defaults.unclean_leader_election_enable),
        }
    }

    pub fn state_written(
        &self,
        partition: &TopicPartition,
        state: &LeaderAndIsr,
        reason: StateWriteReason,
    ) {
        assert!(
            !state.isr.is_empty() && (state.leader < 0 || state.isr.contains(&state.leader)),
            "{partition}: {} leads, and in sync are {:?}",
            state.leader,
            state.isr
        );
        self.fact(Fact::StateWritten {
            partition: partition.clone(),
            leader: state.leader,
            leader_epoch: state.leader_epoch,
            isr: state.isr.clone(),
            partition_epoch: state.partition_epoch,
            controller_epoch: self.context.epoch,
            reason,
        });
    }

    pub fn fact(&self, fact: Fact) {
        self.output(ControllerOutput::Fact(fact));
    }

    pub fn output(&self, output: ControllerOutput) {
        self.shared.output(output);
    }

    fn set_active_controller(&mut self, id: BrokerId) {
        self.active_controller_id = id;
        self.show();
    }

    fn show(&self) {
        self.shared.view.set(ControllerView {
            is_active: self.is_active(),
            epoch: self.context.epoch,
            active_controller_id: self.active_controller_id,
        });
    }
}
