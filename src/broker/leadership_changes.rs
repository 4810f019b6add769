//! What a state change did to this broker's leaderships, for whoever hosts something on partitions: the
//! coordinators of groups and of transactions (`RequestHandlerHelper.onLeadershipChange`; CT27, Z8).
//!
//! May not know who hosts what: all partitions are named, in the order of the request.

use crate::protocol::TopicPartition;

/// The changes of one LeaderAndIsr or StopReplica.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeadershipChanges {
    /// Led from now on and not before, with the leader epoch.
    pub gained: Vec<(TopicPartition, i32)>,
    /// Followed in this leader epoch, or deleted here, for which a request may name none.
    pub lost: Vec<(TopicPartition, Option<i32>)>,
}
