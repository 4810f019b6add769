//! Which replica a property remembers something of.

use crate::protocol::{BrokerId, TopicName, TopicPartition};
use std::cmp::Ordering;
use std::rc::Rc;

/// A replica, ordered by what is cheapest to compare.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ReplicaKey {
    /// Partition and broker, to be compared at once.
    numbers: i64,
    topic: TopicName,
}

impl Ord for ReplicaKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let by_numbers = self.numbers.cmp(&other.numbers);
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
            numbers: i64::from(partition.partition) << 32 | i64::from(broker.cast_unsigned()),
            topic: partition.topic.clone(),
        }
    }

    pub(super) const fn broker(&self) -> BrokerId {
        self.numbers as BrokerId
    }
}

/// The broker that a node is, by the name that it has in every plan.
pub(super) fn broker_id(node: &str) -> Option<BrokerId> {
    let number = node.strip_prefix("broker-")?;
    match number.as_bytes() {
        // Most have one digit, and facts are many.
        [digit @ b'0'..=b'9'] => Some(BrokerId::from(digit - b'0')),
        _ => number.parse().ok(),
    }
}
