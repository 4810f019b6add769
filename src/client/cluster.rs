//! The partitions of a client's picture, in the order in which Java's clients walk them (class Cluster):
//! that of a hash map by topic and partition (CN31). A partitioner's draw is a place in such a list, and a
//! producer fills its requests along one.

use crate::client::java_hash_map::JavaHashMap;
use crate::client::metadata::Metadata;
use crate::network_client::Node;
use crate::protocol::{BrokerId, TopicName, TopicPartition};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// Of the metadata that it was made from.
    version: Option<u64>,
    topics: BTreeMap<TopicName, TopicPartitions>,
    by_leader: BTreeMap<BrokerId, Vec<TopicPartition>>,
}

/// The partitions of one topic.
#[derive(Debug, Default)]
pub(super) struct TopicPartitions {
    pub(super) all: Vec<i32>,
    /// Those whose leader is known.
    pub(super) available: Vec<i32>,
    /// By partition number.
    leaders: Vec<Option<Leader>>,
}

/// Who leads a partition, and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leader {
    pub(super) id: BrokerId,
    pub(super) node: Node,
    pub(super) epoch: i32,
}

impl TopicPartitions {
    pub(super) fn leader(&self, partition: i32) -> Option<Leader> {
        let index = usize::try_from(partition).ok()?;
        *self.leaders.get(index)?
    }
}

impl Cluster {
    /// Takes over what has changed.
    pub(super) fn refresh(&mut self, metadata: &Metadata) {
        if self.version == Some(metadata.version()) {
            return;
        }
        self.version = Some(metadata.version());
        self.topics.clear();
        self.by_leader.clear();
        let count = metadata.topics().map(|topic| topic.partitions.len()).sum();
        let mut order = JavaHashMap::with_capacity(count);
        for topic in metadata.topics() {
            for number in 0..topic.partitions.len() as i32 {
                let name = TopicName::clone(&topic.name);
                order.insert(TopicPartition::new(name, number), ());
            }
        }
        for (partition, ()) in order.iter() {
            let topic = self.topics.entry(TopicName::clone(&partition.topic));
            let topic = topic.or_default();
            topic.all.push(partition.partition);
            if let Some((leader, ..)) = metadata.leader(partition) {
                topic.available.push(partition.partition);
                let led = self.by_leader.entry(leader).or_default();
                led.push(partition.clone());
            }
        }
        for (name, topic) in &mut self.topics {
            let numbers = 0..topic.all.len() as i32;
            let leader = |number| {
                let partition = TopicPartition::new(TopicName::clone(name), number);
                let (id, node, epoch) = metadata.leader(&partition)?;
                Some(Leader { id, node, epoch })
            };
            topic.leaders = numbers.map(leader).collect();
        }
    }

    pub(super) fn topic(&self, topic: &str) -> Option<&TopicPartitions> {
        self.topics.get(topic)
    }

    pub(super) fn led_by(&self, broker: BrokerId) -> &[TopicPartition] {
        self.by_leader.get(&broker).map_or(&[], |led| led)
    }
}
