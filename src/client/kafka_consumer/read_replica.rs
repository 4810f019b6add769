//! Which replica of a partition a consumer reads from: its leader, or one that its leader has named (KIP-392; classes
//! SubscriptionState, AbstractFetch; CC16, CC22, CC28).
//!
//! The leader's word holds for `metadata.max.age.ms`: after that it is asked again, which costs one round trip. It
//! ends before where the replica does not answer, is not known to be up, or has another answer than records.

use super::{KafkaConsumer, Polled};
use crate::client::subscription_state::Assigned;
use crate::kernel::{Duration, Time};
use crate::network_client::Node;
use crate::protocol::{BrokerId, Ctx, TopicPartition};

impl KafkaConsumer {
    /// The node to fetch a partition from, and what there is against the replica that was named.
    pub(super) fn select_read_replica(
        &self,
        partition: &TopicPartition,
        assigned: &Assigned,
        leader: Node,
        now: Time,
    ) -> (Node, Option<&'static str>) {
        let Some(replica) = assigned.preferred_read_replica(now) else {
            return (leader, None);
        };
        match self.client.metadata.replica_if_online(partition, replica) {
            None => (leader, Some("it is down, as metadata say")),
            // CC22: a fetch that waits for a connection fails with it.
            Some(node)
                if self.connecting.contains(&replica) && self.client.is_backing_off(node) =>
            {
                (leader, Some("it cannot be reached"))
            }
            Some(node) => (node, None),
        }
    }

    /// The leader has named this replica.
    pub(super) fn read_from(
        &mut self,
        ctx: &Ctx<'_>,
        partition: &TopicPartition,
        replica: BrokerId,
    ) {
        let now = ctx.wall();
        let until = now + Duration::from_millis(self.config.common.metadata_max_age_ms);
        if self.subscriptions.prefer(partition, replica, now, until) {
            self.polled.push_back(Polled::ReadReplicaChosen {
                partition: partition.clone(),
                replica,
                why: "its leader says that it is in the same rack".into(),
            });
        }
    }

    /// False if the leader is read from as it is.
    pub(super) fn read_from_leader(&mut self, partition: &TopicPartition, why: &str) -> bool {
        let Some(before) = self.subscriptions.clear_preferred(partition) else {
            return false;
        };
        self.connecting.remove(&before);
        self.say_from_leader(partition, before, why);
        true
    }

    /// It has another leader now than the one that named the replica.
    pub(super) fn say_from_leader(
        &mut self,
        partition: &TopicPartition,
        before: BrokerId,
        why: &str,
    ) {
        let leader = self.client.metadata.partition(partition);
        self.polled.push_back(Polled::ReadReplicaChosen {
            partition: partition.clone(),
            replica: leader.map_or(-1, |known| known.leader),
            why: format!("its leader, instead of broker-{before}: {why}").into(),
        });
    }
}
