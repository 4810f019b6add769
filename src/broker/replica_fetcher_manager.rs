//! All that a broker follows (class `ReplicaFetcherManager`, `AbstractFetcherManager`; rules CT27, CT29, LK6):
//! `num.replica.fetchers` for each broker that leads, each of which ends with its last partition.
//!
//! May not know whether a leader lives: it fetches until it is told another one.

use super::connections::{Asker, Connections};
use super::outbox::Env;
use super::replica_fetcher::{InitialFetchState, Line, ReplicaFetcher, Settings};
use super::replica_manager::ReplicaManager;
use crate::kernel::{Duration, Time};
use crate::log::UnifiedLog;
use crate::network_client::{Disconnected, Node};
use crate::protocol::config::BrokerConfig;
use crate::protocol::{BrokerId, Ctx, FetcherId, Response, TopicPartition, java_hash_code};
use std::collections::BTreeMap;
use std::rc::Rc;

/// All fetchers of a broker.
#[derive(Debug)]
pub(crate) struct ReplicaFetcherManager {
    settings: Settings,
    fetchers: BTreeMap<FetcherId, ReplicaFetcher>,
}

impl ReplicaFetcherManager {
    pub(crate) fn new(local_broker: BrokerId, config: Rc<BrokerConfig>) -> Self {
        ReplicaFetcherManager {
            settings: Settings {
                local_broker,
                broker_epoch: -1,
                config,
            },
            fetchers: BTreeMap::new(),
        }
    }

    pub(crate) fn set_broker_epoch(&mut self, broker_epoch: i64) {
        self.settings.broker_epoch = broker_epoch;
    }

    /// Begins to follow.
    pub(crate) fn add(&mut self, initial: &InitialFetchState, log: &UnifiedLog) {
        let id = FetcherId {
            leader: initial.leader,
            number: number_of(
                &initial.partition,
                self.settings.config.num_replica_fetchers,
            ),
        };
        let fetcher = self
            .fetchers
            .entry(id)
            .or_insert_with(|| ReplicaFetcher::new(initial.node));
        fetcher.add(initial, log, self.settings.config.rules.truncation);
    }

    /// Stops following a partition, from whomever.
    pub(crate) fn remove(&mut self, partition: &TopicPartition) {
        for fetcher in self.fetchers.values_mut() {
            fetcher.remove(partition);
        }
    }

    /// Ends fetchers without partitions, and their connections.
    pub(crate) fn shutdown_idle(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections) {
        self.fetchers.retain(|id, fetcher| {
            if fetcher.is_empty() {
                connections.close(ctx, Asker::Fetcher(*id), fetcher.node);
                fetcher.shutdown(ctx);
            }
            !fetcher.is_empty()
        });
    }

    pub(crate) fn shutdown(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections) {
        for (id, mut fetcher) in std::mem::take(&mut self.fetchers) {
            connections.close(ctx, Asker::Fetcher(id), fetcher.node);
            fetcher.shutdown(ctx);
        }
    }

    /// Those that follow somebody.
    pub(crate) fn ids(&self) -> impl Iterator<Item = FetcherId> {
        self.fetchers.keys().copied()
    }

    /// Where the broker runs that is followed.
    pub(crate) fn node_of(&self, id: FetcherId) -> Option<Node> {
        self.fetchers.get(&id).map(|fetcher| fetcher.node)
    }

    /// Takes an answer, or the lack of one, in; of a Fetch's, only that it is there. Call [`Self::next_partition`]
    /// next.
    pub(crate) fn on_answered(
        &mut self,
        now: Time,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        id: FetcherId,
        result: Result<Response, Disconnected>,
    ) {
        let backoff_end = self.backoff_end(now);
        if let Some(fetcher) = self.fetchers.get_mut(&id) {
            fetcher.on_completed(env, replicas, backoff_end, result);
        }
    }

    /// LK12: the partition whose turn it is of those that a fetcher's Fetch was answered for.
    pub(crate) fn next_partition(&self, id: FetcherId) -> Option<&TopicPartition> {
        self.fetchers.get(&id)?.next_partition()
    }

    /// Its turn: see there.
    pub(crate) fn take_in_next(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        id: FetcherId,
    ) {
        if let Some(fetcher) = self.fetchers.get_mut(&id) {
            fetcher.take_in_next(env, replicas);
        }
    }

    /// All of them have had it. Call [`Self::run`] next.
    pub(crate) fn finish_answer(
        &mut self,
        now: Time,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        id: FetcherId,
    ) {
        let backoff_end = self.backoff_end(now);
        if let Some(fetcher) = self.fetchers.get_mut(&id) {
            fetcher.finish_answer(env, replicas, backoff_end);
        }
    }

    fn backoff_end(&self, now: Time) -> Time {
        now + Duration::from_millis(self.settings.config.replica_fetch_backoff_ms)
    }

    /// Sends the next request of each fetcher that is free.
    pub(crate) fn run(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        replicas: &ReplicaManager,
    ) {
        for (id, fetcher) in &mut self.fetchers {
            if fetcher.is_free() {
                let line = Line {
                    id: *id,
                    node: fetcher.node,
                    settings: &self.settings,
                    connections,
                };
                fetcher.send_next(ctx, line, replicas);
            }
        }
    }

    /// CT29: logs without epochs are cut to the high watermark before they are fetched into.
    pub(crate) fn truncate_to_high_watermarks(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
    ) {
        for fetcher in self.fetchers.values_mut() {
            fetcher.truncate_to_high_watermarks(env, replicas);
        }
    }

    /// `BrokerTimer::FetcherBackoff`. Call [`Self::run`] next.
    pub(crate) fn on_backoff(&mut self, id: FetcherId) {
        if let Some(fetcher) = self.fetchers.get_mut(&id) {
            fetcher.on_backoff();
        }
    }
}

/// LK6: which of `count` fetchers has a partition (`getFetcherId`), by Java's hash of the topic's name.
fn number_of(partition: &TopicPartition, count: u16) -> u16 {
    let of_topic = java_hash_code(&partition.topic).wrapping_mul(31);
    let hash = of_topic.wrapping_add(partition.partition);
    // Utils.abs: the one number without a positive counterpart is 0.
    let positive = hash.checked_abs().unwrap_or(0).unsigned_abs();
    (positive % u32::from(count)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lk6_a_partitions_fetcher_is_its_hash_modulo_the_number_of_fetchers() {
        let number = |topic: &str, partition, count| {
            number_of(&TopicPartition::new(topic, partition), count)
        };
        // "t".hashCode() is 116; 31 * 116 is 3596.
        assert_eq!(
            (0..5).map(|p| number("t", p, 4)).collect::<Vec<_>>(),
            [0, 1, 2, 3, 0]
        );
        // "polygenelubricants".hashCode() is Integer.MIN_VALUE; so is 31 times it, whose absolute value is 0.
        assert_eq!(number("polygenelubricants", 0, 7), 0);
        // MIN_VALUE + 3: its absolute value is 2147483645.
        assert_eq!(
            u32::from(number("polygenelubricants", 3, 7)),
            2_147_483_645 % 7
        );
        assert_eq!(number("any", 12, 1), 0);
    }
}
