//! Which replica a property remembers something of.

use crate::protocol::{BrokerId, TopicName, TopicPartition};
use std::cmp::Ordering;
use std::rc::Rc;

/// A replica, ordered by what is cheapest to compare.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ReplicaKey {
    partition: i32,
    broker: BrokerId,
    topic: TopicName,
}

impl Ord for ReplicaKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let by_numbers = (self.partition, self.broker).cmp(&(other.partition, other.broker));
        by_numbers.then_with(|| match Rc::ptr_eq(&self.topic, &other.topic) {
            true => Ordering::Equal,
            false => self.topic.cmp(&other.topic),
        })
    }
}

impl PartialOrd for ReplicaKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl ReplicaKey {
    pub(super) fn new(broker: BrokerId, partition: &TopicPartition) -> Self {
        ReplicaKey {
            partition: partition.partition,
            broker,
            topic: partition.topic.clone(),
        }
    }

    pub(super) const fn broker(&self) -> BrokerId {
        self.broker
    }
}

/// The broker that a node is, by the name that it has in every plan.
pub(super) fn broker_id(node: &str) -> Option<BrokerId> {
    node.strip_prefix("broker-")?.parse().ok()
}
