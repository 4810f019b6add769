//! All that a broker follows, by the broker that leads it (class `ReplicaFetcherManager`; rules CT27,
//! CT29): one fetcher each, which ends with its last partition.
//!
//! May not know whether a leader lives: it fetches until it is told another one.

use super::outbox::Env;
use super::replica_fetcher::{InitialFetchState, Line, ReplicaFetcher, Settings};
use super::replica_manager::ReplicaManager;
use crate::kernel::{ConnId, Duration, NodeId, Time};
use crate::log::UnifiedLog;
use crate::network_client::{Completed, NetworkClient};
use crate::protocol::config::BrokerConfig;
use crate::protocol::config::NetworkClientConfig;
use crate::protocol::{BrokerId, Ctx, TopicPartition};
use std::collections::BTreeMap;
use std::rc::Rc;

/// All fetchers of a broker.
pub(crate) struct ReplicaFetcherManager {
    pub(crate) client: NetworkClient<BrokerId>,
    settings: Settings,
    fetchers: BTreeMap<BrokerId, ReplicaFetcher>,
}

impl ReplicaFetcherManager {
    pub(crate) fn new(owner: u8, local_broker: BrokerId, config: Rc<BrokerConfig>) -> Self {
        let settings = NetworkClientConfig {
            reconnect_backoff_ms: 0,
            reconnect_backoff_max_ms: 0,
            max_in_flight: 1,
            ..NetworkClientConfig::default()
        };
        let client_id = format!("broker-{local_broker}-fetcher-0").into();
        ReplicaFetcherManager {
            client: NetworkClient::new(owner, client_id, settings),
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
        let fetcher = self
            .fetchers
            .entry(initial.leader)
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
    pub(crate) fn shutdown_idle(&mut self, ctx: &mut Ctx<'_>) {
        let client = &mut self.client;
        self.fetchers.retain(|_, fetcher| {
            if fetcher.is_empty() {
                fetcher.shutdown(ctx, client);
            }
            !fetcher.is_empty()
        });
    }

    pub(crate) fn shutdown(&mut self, ctx: &mut Ctx<'_>) {
        for fetcher in self.fetchers.values_mut() {
            fetcher.shutdown(ctx, &mut self.client);
        }
        self.fetchers.clear();
    }

    /// Whom this broker follows.
    pub(crate) fn leaders(&self) -> impl Iterator<Item = BrokerId> {
        self.fetchers.keys().copied()
    }

    /// Where the broker runs that is followed.
    pub(crate) fn node_of(&self, leader: BrokerId) -> Option<NodeId> {
        self.fetchers.get(&leader).map(|fetcher| fetcher.node)
    }

    pub(crate) fn owns(&self, conn: ConnId) -> bool {
        self.client.owns(conn)
    }

    /// Takes an answer, or the lack of one, in. Call [`Self::run`] next.
    pub(crate) fn on_completed(
        &mut self,
        now: Time,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        completed: Completed<BrokerId>,
    ) {
        let backoff_end =
            now + Duration::from_millis(self.settings.config.replica_fetch_backoff_ms);
        if let Some(fetcher) = self.fetchers.get_mut(&completed.tag) {
            fetcher.on_completed(env, replicas, backoff_end, completed.result);
        }
    }

    /// Sends the next request of each fetcher that is free.
    pub(crate) fn run(&mut self, ctx: &mut Ctx<'_>, replicas: &ReplicaManager) {
        for (leader, fetcher) in &mut self.fetchers {
            if fetcher.is_free() {
                let line = Line {
                    leader: *leader,
                    node: fetcher.node,
                    settings: &self.settings,
                    client: &mut self.client,
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
    pub(crate) fn on_backoff(&mut self, leader: BrokerId) {
        if let Some(fetcher) = self.fetchers.get_mut(&leader) {
            fetcher.on_backoff();
        }
    }
}

impl std::fmt::Debug for ReplicaFetcherManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplicaFetcherManager")
            .field("fetchers", &self.fetchers)
            .finish_non_exhaustive()
    }
}
