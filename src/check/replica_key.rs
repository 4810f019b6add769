//! Which replica a property remembers something of.

use crate::protocol::{BrokerId, TopicPartition};
use std::rc::Rc;

/// A replica, ordered by what is cheapest to compare.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ReplicaKey {
    partition: i32,
    broker: BrokerId,
    topic: Rc<str>,
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
