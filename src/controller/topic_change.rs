//! Topics appear, grow and go away, and brokers leave notices (`processTopicChange`, `processPartitionModifications`;
//! CT20, RK9, CX10).

use super::context::PartitionState;
use super::election::ElectionStrategy;
use super::kafka_controller::KafkaController;
use crate::metadata::znode;
use crate::protocol::{BrokerId, Fact, TopicName, TopicPartition};
use crate::zookeeper_mode::Abandoned;
use std::collections::BTreeSet;

impl KafkaController {
    /// /brokers/topics has changed: reads it anew and compares.
    pub(super) async fn topic_change(&mut self) -> Result<(), Abandoned> {
        let topics = self.zk.all_topics().await?;
        let known = std::mem::take(&mut self.context.all_topics);
        let new: BTreeSet<TopicName> = topics.difference(&known).cloned().collect();
        let deleted: BTreeSet<TopicName> = known.difference(&topics).cloned().collect();
        self.context.all_topics = topics;
        self.register_partition_modifications(&new);
        let nodes = self.zk.topic_nodes(&new).await?;
        for topic in &deleted {
            self.zk.unregister_node_handler(&znode::topic_path(topic));
            self.context.remove_topic(topic);
        }
        let mut partitions = Vec::new();
        for (topic, node) in nodes {
            let added = self.context.add_topic(&topic, node);
            self.fact(Fact::TopicSeen {
                topic,
                partitions: added.len() as u32,
            });
            partitions.extend(added);
        }
        self.on_new_partition_creation(&partitions).await
    }

    /// Whether a topic gets more partitions is seen at its node, which is read next.
    pub(super) fn register_partition_modifications(&self, topics: &BTreeSet<TopicName>) {
        for topic in topics {
            self.zk.register_node_handler(znode::topic_path(topic));
        }
    }

    /// A topic's node has changed: partitions that were not there are made (CX10).
    pub(super) async fn partition_modifications(
        &mut self,
        topic: TopicName,
    ) -> Result<(), Abandoned> {
        let nodes = self.zk.topic_nodes(&BTreeSet::from([topic])).await?;
        let mut new = Vec::new();
        for (topic, node) in nodes {
            for (number, assignment) in node.assignment {
                let partition = TopicPartition::new(topic.clone(), number);
                if !self.context.has_partition(&partition) {
                    self.context.add_partition(&partition, assignment);
                    new.push(partition);
                }
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        self.on_new_partition_creation(&new).await
    }

    async fn on_new_partition_creation(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<(), Abandoned> {
        self.mark_partitions(partitions, PartitionState::New);
        let replicas = self.context.replicas_for_partitions(partitions);
        self.replicas_to_new(&replicas);
        let strategy = ElectionStrategy::Offline {
            allow_unclean: false,
        };
        self.partitions_to_online(partitions, strategy).await?;
        self.replicas_to_online(&replicas);
        Ok(())
    }

    /// Leaders of old have changed ISRs by themselves (A6): reads those states and passes them on.
    pub(super) async fn isr_change_notification(&mut self) -> Result<(), Abandoned> {
        let (names, contents) = self
            .zk
            .notifications(znode::ISR_CHANGE_NOTIFICATION)
            .await?;
        let partitions: Vec<TopicPartition> = contents
            .iter()
            .flat_map(|data| znode::decode_partition_list(data))
            .collect();
        if !partitions.is_empty() {
            self.update_leader_and_isr_cache(&partitions).await?;
            let everybody = self.context.live_or_shutting_down_broker_ids();
            self.send_update_metadata(&everybody, &partitions);
        }
        self.zk
            .delete_children(self.fence()?, znode::ISR_CHANGE_NOTIFICATION, &names)
            .await
    }

    /// Brokers have lost log directories: asks them, by a LeaderAndIsr, which replicas those were.
    pub(super) async fn log_dir_event_notification(&mut self) -> Result<(), Abandoned> {
        let (names, contents) = self
            .zk
            .notifications(znode::LOG_DIR_EVENT_NOTIFICATION)
            .await?;
        let brokers: Vec<BrokerId> = contents
            .iter()
            .filter_map(|data| znode::decode_log_dir_event(data))
            .collect();
        let replicas = self.context.replicas_on_brokers(&brokers);
        self.replicas_to_online(&replicas);
        self.zk
            .delete_children(self.fence()?, znode::LOG_DIR_EVENT_NOTIFICATION, &names)
            .await
    }
}
