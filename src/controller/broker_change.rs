//! Brokers come, go, and return with another epoch (`processBrokerChange`, `onBrokerStartup`,
//! `onBrokerFailure`; Z6, Z9, CT12 to CT14, RK5, RK6, RK8).
//!
//! May not know whether a broker crashed, stopped or was cut off: its registration is there or is not.

use super::context::{PartitionAndReplica, PartitionState};
use super::kafka_controller::KafkaController;
use crate::metadata::znode;
use crate::protocol::{
    BrokerId, ErrorCode, Fact, LeaderAndIsrResponse, RegisteredBroker, TopicPartition,
};
use crate::zookeeper_mode::Abandoned;
use std::collections::BTreeMap;

impl KafkaController {
    /// /brokers/ids has changed: reads it anew and compares.
    pub(super) async fn broker_change(&mut self) -> Result<(), Abandoned> {
        let current = self.zk.all_brokers_and_epochs().await?;
        let known = self.context.live_or_shutting_down_broker_ids();
        let mut new = Vec::new();
        let mut bounced = Vec::new();
        for (id, (_, epoch)) in &current {
            match self.context.broker_epoch(*id) {
                None => new.push(*id),
                Some(known) if *epoch > known => bounced.push(*id),
                Some(_) => {}
            }
        }
        let dead: Vec<BrokerId> = known
            .into_iter()
            .filter(|id| !current.contains_key(id))
            .collect();
        if new.is_empty() && bounced.is_empty() && dead.is_empty() {
            return Ok(());
        }
        self.fact(Fact::BrokersChanged {
            new: new.clone(),
            dead: dead.clone(),
            bounced: bounced.clone(),
        });
        for id in bounced.iter().chain(&dead) {
            let closed = self.shared.channels.borrow_mut().remove_broker(*id);
            self.shared.channel_output(closed);
        }
        for id in new.iter().chain(&bounced) {
            let (endpoint, _) = &current[id];
            self.shared
                .channels
                .borrow_mut()
                .add_broker(endpoint, &self.config.listeners.inter_broker);
        }
        if !new.is_empty() {
            self.add_live_brokers(&current, &new);
            self.on_broker_startup(&new).await?;
        }
        if !bounced.is_empty() {
            self.remove_live_brokers(&bounced);
            self.on_broker_failure(&bounced).await?;
            self.add_live_brokers(&current, &bounced);
            self.on_broker_startup(&bounced).await?;
        }
        if !dead.is_empty() {
            self.remove_live_brokers(&dead);
            self.on_broker_failure(&dead).await?;
        }
        Ok(())
    }

    /// A registration was overwritten: everybody is told if the broker listens elsewhere now.
    pub(super) async fn broker_modifications(&mut self, id: BrokerId) -> Result<(), Abandoned> {
        let Some(now) = self.zk.broker(id).await? else {
            return Ok(());
        };
        let Some(before) = self.context.live_or_shutting_down_broker(id) else {
            return Ok(());
        };
        if now.listeners != before.listeners {
            let epoch = self.context.broker_epoch(id).unwrap_or_default();
            self.context.add_live_broker(now, epoch);
            let everybody = self.context.live_or_shutting_down_broker_ids();
            self.send_update_metadata(&everybody, &[]);
        }
        Ok(())
    }

    async fn on_broker_startup(&mut self, new: &[BrokerId]) -> Result<(), Abandoned> {
        for id in new {
            self.context.replicas_on_offline_dirs.remove(id);
        }
        let mut others = self.context.live_or_shutting_down_broker_ids();
        others.retain(|id| !new.contains(id));
        self.send_update_metadata(&others, &[]);
        let partitions = self.context.partitions_with_leaders();
        self.send_update_metadata(new, &partitions);
        let replicas = self.context.replicas_on_brokers(new);
        self.replicas_to_online(&replicas);
        self.trigger_online_partition_state_change(None).await?;
        self.register_broker_modifications(new).await
    }

    async fn on_broker_failure(&mut self, dead: &[BrokerId]) -> Result<(), Abandoned> {
        for id in dead {
            self.context.replicas_on_offline_dirs.remove(id);
            self.context.shutting_down_brokers.remove(id);
        }
        let replicas = self.context.replicas_on_brokers(dead);
        self.on_replicas_become_offline(&replicas).await?;
        for id in dead {
            self.zk.unregister_node_handler(&znode::broker_path(*id));
        }
        Ok(())
    }

    /// First new leaders for what has none, then the replicas leave their ISRs (Z6, RK6).
    async fn on_replicas_become_offline(
        &mut self,
        replicas: &[PartitionAndReplica],
    ) -> Result<(), Abandoned> {
        let leaderless = self.context.partitions_with_offline_leader();
        self.mark_partitions(&leaderless, PartitionState::Offline);
        let elections = self.trigger_online_partition_state_change(None).await?;
        self.replicas_to_offline(replicas).await?;
        // Nobody was told anything: then at least who lives (CT14).
        if replicas.is_empty() && elections.values().all(Result::is_err) {
            let everybody = self.context.live_or_shutting_down_broker_ids();
            self.send_update_metadata(&everybody, &[]);
        }
        Ok(())
    }

    /// Replicas whose broker answers KAFKA_STORAGE_ERROR are offline, those answered without error
    /// are not.
    pub(super) async fn leader_and_isr_response(
        &mut self,
        broker: BrokerId,
        response: &LeaderAndIsrResponse,
    ) -> Result<(), Abandoned> {
        if !response.error.is_none() {
            return Ok(());
        }
        let offline = self
            .context
            .replicas_on_offline_dirs
            .entry(broker)
            .or_default();
        let mut newly_offline: Vec<TopicPartition> = Vec::new();
        for (partition, error) in &response.partition_errors {
            match error {
                ErrorCode::None => {
                    offline.remove(partition);
                }
                ErrorCode::KafkaStorageError if offline.insert(partition.clone()) => {
                    newly_offline.push(partition.clone());
                }
                _ => {}
            }
        }
        if newly_offline.is_empty() {
            return Ok(());
        }
        let replicas: Vec<PartitionAndReplica> = newly_offline
            .into_iter()
            .map(|partition| PartitionAndReplica {
                replica: broker,
                partition,
            })
            .collect();
        self.on_replicas_become_offline(&replicas).await
    }

    fn add_live_brokers(
        &mut self,
        current: &BTreeMap<BrokerId, (RegisteredBroker, i64)>,
        ids: &[BrokerId],
    ) {
        for id in ids {
            let (endpoint, epoch) = &current[id];
            self.context.add_live_broker(endpoint.clone(), *epoch);
        }
    }

    fn remove_live_brokers(&mut self, ids: &[BrokerId]) {
        for id in ids {
            self.context.remove_live_broker(*id);
        }
    }
}
