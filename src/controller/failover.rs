//! What a controller does when it has just been elected (`onControllerFailover`; Z2, CT4, RK3).
//!
//! May not know what the controller before it had in mind, only what it had written.

use super::election::ElectionStrategy;
use super::event_manager::{ControllerEvent, LeaderElection};
use super::kafka_controller::KafkaController;
use crate::metadata::znode;
use crate::protocol::{BrokerId, TopicPartition};
use crate::zookeeper_mode::Abandoned;

impl KafkaController {
    pub(super) async fn on_controller_failover(&mut self) -> Result<(), Abandoned> {
        let fence = self.fence()?;
        self.zk.make_feature().await?;
        // Watches first: nothing that changes while the context is read may be missed.
        for path in [
            znode::BROKER_IDS,
            znode::TOPICS,
            znode::LOG_DIR_EVENT_NOTIFICATION,
            znode::ISR_CHANGE_NOTIFICATION,
        ] {
            self.zk.register_children_handler(path);
        }
        self.zk
            .register_node_handler_and_check_existence(znode::PREFERRED_REPLICA_ELECTION.into())
            .await?;
        for path in [
            znode::LOG_DIR_EVENT_NOTIFICATION,
            znode::ISR_CHANGE_NOTIFICATION,
        ] {
            self.zk.delete_notifications(fence, path).await?;
        }
        self.initialize_context().await?;
        // Brokers must know who lives before they are told what to lead and to follow (CT28).
        let everybody = self.context.live_or_shutting_down_broker_ids();
        self.send_update_metadata(&everybody, &[]);
        self.startup_replica_states().await?;
        self.startup_partition_states().await?;
        let pending = self.pending_preferred_replica_elections().await?;
        self.elect_preferred_for_zk(&pending).await?;
        self.start_auto_leader_rebalance();
        Ok(())
    }

    async fn initialize_context(&mut self) -> Result<(), Abandoned> {
        let brokers = self.zk.all_brokers_and_epochs().await?;
        self.context.set_live_brokers(brokers);
        let topics = self.zk.all_topics().await?;
        self.register_partition_modifications(&topics);
        let nodes = self.zk.topic_nodes(&topics).await?;
        self.context.all_topics = topics;
        for (topic, node) in nodes {
            self.context.add_topic(&topic, node);
        }
        let ids = self.context.live_or_shutting_down_broker_ids();
        self.register_broker_modifications(&ids).await?;
        let partitions: Vec<TopicPartition> = self.context.all_partitions().cloned().collect();
        self.update_leader_and_isr_cache(&partitions).await?;
        let mut channels = self.shared.channels.borrow_mut();
        for (endpoint, _) in self.context.live_or_shutting_down_brokers() {
            channels.add_broker(endpoint, &self.config.listeners.inter_broker);
        }
        Ok(())
    }

    pub(super) async fn update_leader_and_isr_cache(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<(), Abandoned> {
        for (partition, state) in self.zk.topic_partition_states(partitions).await? {
            self.context.put_leadership(partition, state);
        }
        Ok(())
    }

    pub(super) async fn register_broker_modifications(
        &self,
        brokers: &[BrokerId],
    ) -> Result<(), Abandoned> {
        for id in brokers {
            self.zk
                .register_node_handler_and_check_existence(znode::broker_path(*id))
                .await?;
        }
        Ok(())
    }

    /// Partitions named in /admin/preferred_replica_election that are not led as wished.
    async fn pending_preferred_replica_elections(&self) -> Result<Vec<TopicPartition>, Abandoned> {
        let mut pending = self.zk.preferred_replica_election().await?;
        pending.retain(|partition| match self.context.replicas(partition) {
            [] => false,
            [preferred, ..] => self.context.leader(partition) != *preferred,
        });
        Ok(pending)
    }

    /// Elects, then removes the node that asked for it and looks out for the next one.
    pub(super) async fn elect_preferred_for_zk(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<(), Abandoned> {
        self.partitions_to_online(partitions, ElectionStrategy::Preferred)
            .await?;
        self.zk
            .delete_preferred_replica_election(self.fence()?)
            .await?;
        self.shared
            .events
            .put(ControllerEvent::ReplicaLeaderElection(
                LeaderElection::ZkTriggered,
            ));
        Ok(())
    }
}
