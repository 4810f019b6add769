//! What a broker knows of the cluster, all of it from UpdateMetadata (`ZkMetadataCache`, CT31). One for each
//! broker; who keeps a copy keeps a snapshot, which is cheap to take.
//!
//! May not know the partitions that this broker hosts: those come by LeaderAndIsr.

use crate::protocol::{
    BrokerEndpoint, BrokerId, ErrorCode, LEADER_DURING_DELETE, ListenerName, MetadataRequest,
    MetadataResponse, NO_LEADER, PartitionMetadata, RegisteredBroker, TopicId, TopicMetadata,
    TopicName, TopicPartition, UpdateMetadataPartitionState, UpdateMetadataRequest,
    is_internal_topic, is_topic_name,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Live brokers, the controller, and every partition's last known state.
#[derive(Clone, Debug, Default)]
pub struct MetadataCache {
    controller_id: Option<BrokerId>,
    live_brokers: BTreeMap<BrokerId, RegisteredBroker>,
    /// Shared with snapshots until a topic changes.
    topics: BTreeMap<TopicName, Rc<BTreeMap<i32, UpdateMetadataPartitionState>>>,
    topic_ids: BTreeMap<TopicName, TopicId>,
}

impl MetadataCache {
    /// Takes an UpdateMetadata in: the live brokers replace the old ones, the partitions merge;
    /// leader -2 removes one. Answers the partitions that were removed.
    pub fn update(&mut self, request: &UpdateMetadataRequest) -> Vec<TopicPartition> {
        self.controller_id = (request.controller_id >= 0).then_some(request.controller_id);
        self.live_brokers = request
            .live_brokers
            .iter()
            .map(|broker| (broker.id, broker.clone()))
            .collect();
        for (topic, id) in &request.topic_ids {
            if *id != TopicId::ZERO {
                self.topic_ids.insert(topic.clone(), *id);
            }
        }
        let mut removed = Vec::new();
        for state in &request.partition_states {
            let TopicPartition { topic, partition } = &state.partition;
            if state.leader == LEADER_DURING_DELETE {
                self.remove(topic, *partition);
                removed.push(state.partition.clone());
            } else {
                let partitions = self.topics.entry(topic.clone()).or_default();
                Rc::make_mut(partitions).insert(*partition, state.clone());
            }
        }
        removed
    }

    fn remove(&mut self, topic: &TopicName, partition: i32) {
        if let Some(partitions) = self.topics.get_mut(topic) {
            let partitions = Rc::make_mut(partitions);
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.topics.remove(topic);
                self.topic_ids.remove(topic);
            }
        }
    }

    pub fn controller_id(&self) -> Option<BrokerId> {
        self.controller_id
    }

    /// Live and shutting-down brokers (I6), by id.
    pub fn live_brokers(&self) -> impl Iterator<Item = &RegisteredBroker> {
        self.live_brokers.values()
    }

    pub fn broker(&self, id: BrokerId) -> Option<&RegisteredBroker> {
        self.live_brokers.get(&id)
    }

    pub fn is_alive(&self, id: BrokerId) -> bool {
        self.live_brokers.contains_key(&id)
    }

    pub fn topics(&self) -> impl Iterator<Item = &TopicName> {
        self.topics.keys()
    }

    /// Partitions of a topic by number; empty for an unknown one.
    pub fn partitions(&self, topic: &str) -> impl Iterator<Item = &UpdateMetadataPartitionState> {
        self.topics
            .get(topic)
            .into_iter()
            .flat_map(|partitions| partitions.values())
    }

    pub fn all_partitions(&self) -> impl Iterator<Item = &UpdateMetadataPartitionState> {
        let topics = self.topics.values();
        topics.flat_map(|partitions| partitions.values())
    }

    pub fn partition(&self, partition: &TopicPartition) -> Option<&UpdateMetadataPartitionState> {
        self.topics.get(&partition.topic)?.get(&partition.partition)
    }

    /// Whether a partition is known; who asks about many of one topic, one after the other, looks that up once.
    pub fn contains_each(&self) -> impl FnMut(&TopicPartition) -> bool {
        let mut last: Option<(&TopicName, &BTreeMap<_, _>)> = None;
        move |partition| {
            if last.is_none_or(|(topic, _)| *topic != partition.topic) {
                let found = self.topics.get_key_value(&partition.topic);
                last = found.map(|(topic, partitions)| (topic, &**partitions));
            }
            last.is_some_and(|(_, partitions)| partitions.contains_key(&partition.partition))
        }
    }

    pub fn contains_topic(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    pub fn topic_id(&self, topic: &str) -> Option<TopicId> {
        self.topic_ids.get(topic).copied()
    }

    /// The answer to a Metadata request, from here only. Errors: a topic that is not here
    /// (`UNKNOWN_TOPIC_OR_PARTITION`) or cannot be (`INVALID_TOPIC_EXCEPTION`), a partition whose leader is not
    /// alive (`LEADER_NOT_AVAILABLE` with leader -1) or has no such listener (`LISTENER_NOT_FOUND`). ISR and replicas are not filtered.
    ///
    /// CT34: whoever asks by a listener is told where the brokers are to be reached by the listener of that
    /// name; those that have none are left out.
    pub fn metadata(
        &self,
        request: &MetadataRequest,
        cluster_id: &Rc<str>,
        listener: &ListenerName,
    ) -> MetadataResponse {
        let topics = match &request.topics {
            None => self
                .topics
                .keys()
                .map(|t| self.topic(t, listener))
                .collect(),
            Some(names) => names.iter().map(|t| self.topic(t, listener)).collect(),
        };
        let brokers = self.live_brokers.values();
        MetadataResponse {
            brokers: brokers.filter_map(|broker| broker.node(listener)).collect(),
            cluster_id: Some(cluster_id.clone()),
            controller_id: self.controller_id.unwrap_or(-1),
            topics,
        }
    }

    /// Where a live broker is to be reached by the listener of this name.
    pub fn endpoint(&self, id: BrokerId, listener: &ListenerName) -> Option<BrokerEndpoint> {
        self.live_brokers.get(&id)?.node(listener)
    }

    fn topic(&self, name: &TopicName, listener: &ListenerName) -> TopicMetadata {
        let (name, partitions, error) = match self.topics.get_key_value(name) {
            None if is_topic_name(name) => (name, None, ErrorCode::UnknownTopicOrPartition),
            None => (name, None, ErrorCode::InvalidTopicException),
            Some((name, partitions)) => (name, Some(partitions), ErrorCode::None),
        };
        TopicMetadata {
            error,
            name: name.clone(),
            topic_id: self.topic_id(name).unwrap_or(TopicId::ZERO),
            is_internal: is_internal_topic(name),
            partitions: partitions
                .into_iter()
                .flat_map(|partitions| partitions.values())
                .map(|state| self.partition_metadata(state, listener))
                .collect(),
        }
    }

    fn partition_metadata(
        &self,
        state: &UpdateMetadataPartitionState,
        listener: &ListenerName,
    ) -> PartitionMetadata {
        let error = match self.live_brokers.get(&state.leader) {
            None => ErrorCode::LeaderNotAvailable,
            Some(leader) if leader.node(listener).is_none() => ErrorCode::ListenerNotFound,
            Some(_) => ErrorCode::None,
        };
        PartitionMetadata {
            error,
            partition: state.partition.partition,
            leader: match error {
                ErrorCode::None => state.leader,
                _ => NO_LEADER,
            },
            leader_epoch: state.leader_epoch,
            replicas: state.replicas.clone(),
            isr: state.isr.clone(),
            offline_replicas: state.offline_replicas.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::BrokerEndpoint;

    fn t0() -> TopicPartition {
        TopicPartition::new("t", 0)
    }

    /// Partition 0 of t, led by broker 1 of 1 to 3, while these brokers live.
    fn update(alive: &[BrokerId]) -> UpdateMetadataRequest {
        let endpoint = |id: &BrokerId| RegisteredBroker::from(BrokerEndpoint::usual(*id));
        UpdateMetadataRequest {
            controller_id: 3,
            controller_epoch: 1,
            broker_epoch: -1,
            topic_ids: vec![("t".into(), TopicId([7; 16]))],
            partition_states: vec![UpdateMetadataPartitionState {
                partition: t0(),
                controller_epoch: 1,
                leader: 1,
                leader_epoch: 0,
                isr: vec![1, 2, 3],
                zk_version: 0,
                replicas: vec![1, 2, 3],
                offline_replicas: vec![],
            }],
            live_brokers: alive.iter().map(endpoint).collect(),
        }
    }

    fn leader_of_t0(cache: &MetadataCache) -> (ErrorCode, BrokerId) {
        let request = MetadataRequest {
            topics: None,
            allow_auto_topic_creation: false,
        };
        let response = cache.metadata(&request, &"cluster".into(), &ListenerName::default());
        let partition = &response.topics[0].partitions[0];
        assert_eq!(partition.isr, [1, 2, 3], "never filtered");
        assert_eq!(partition.replicas, [1, 2, 3], "never filtered");
        (partition.error, partition.leader)
    }

    #[test]
    fn ct31_live_brokers_replace_the_old_ones_and_a_dead_leader_is_not_named() {
        let mut cache = MetadataCache::default();
        cache.update(&update(&[1, 2, 3]));
        assert_eq!(leader_of_t0(&cache), (ErrorCode::None, 1));
        cache.update(&update(&[2, 3]));
        assert_eq!(leader_of_t0(&cache), (ErrorCode::LeaderNotAvailable, -1));
        cache.update(&update(&[1, 3]));
        assert_eq!(leader_of_t0(&cache), (ErrorCode::None, 1));
        assert!(!cache.is_alive(2));
    }

    #[test]
    fn ct31_partitions_merge_and_leader_minus_2_removes_one() {
        let mut cache = MetadataCache::default();
        cache.update(&update(&[]));
        let mut update = update(&[]);
        update.partition_states[0].partition = TopicPartition::new("t", 1);
        cache.update(&update);
        assert_eq!(cache.partitions("t").count(), 2);
        assert_eq!(cache.topic_id("t"), Some(TopicId([7; 16])));
        update.partition_states[0].leader = LEADER_DURING_DELETE;
        assert_eq!(cache.update(&update), [TopicPartition::new("t", 1)]);
        assert_eq!(cache.partitions("t").count(), 1);
        update.topic_ids.clear();
        update.partition_states[0].partition = t0();
        cache.update(&update);
        assert!(!cache.contains_topic("t"));
        assert_eq!(cache.topic_id("t"), None);
    }

    #[test]
    fn ct24_what_is_not_there_and_what_cannot_be_are_told_apart() {
        let request = MetadataRequest {
            topics: Some(vec!["u".into(), "a b".into(), "..".into()]),
            allow_auto_topic_creation: false,
        };
        let response = MetadataCache::default().metadata(
            &request,
            &"cluster".into(),
            &ListenerName::default(),
        );
        let errors: Vec<ErrorCode> = response.topics.iter().map(|topic| topic.error).collect();
        let invalid = ErrorCode::InvalidTopicException;
        assert_eq!(
            errors,
            [ErrorCode::UnknownTopicOrPartition, invalid, invalid]
        );
    }

    #[test]
    fn a_snapshot_stays_what_it_was() {
        let mut cache = MetadataCache::default();
        cache.update(&update(&[1]));
        let snapshot = cache.clone();
        let mut update = update(&[2]);
        update.partition_states[0].leader = 2;
        cache.update(&update);
        assert_eq!(leader_of_t0(&snapshot), (ErrorCode::None, 1));
        assert_eq!(leader_of_t0(&cache), (ErrorCode::None, 2));
    }
}
