//! Asks the controller to change ISRs: one request in flight, at most one entry a partition (classes
//! `DefaultAlterPartitionManager`, `NodeToControllerChannelManager`; rules A3, A5, CT32).
//!
//! The controller is looked up in the metadata cache once, and kept until a request fails. May not know
//! what a partition makes of an answer.

use super::MetadataCache;
use crate::kernel::{Duration, NodeId};
use crate::network_client::{Completed, NetworkClient};
use crate::protocol::config::BrokerConfig;
use crate::protocol::config::NetworkClientConfig;
use crate::protocol::{
    AlterPartitionData, AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult,
    BrokerId, BrokerTimer, Ctx, ErrorCode, Hosts, Response, Timer, TopicPartition,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Timer numbers (`BrokerTimer::Wake`).
pub(crate) const WAKE_FIND_CONTROLLER: u64 = 1;
pub(crate) const WAKE_SEND_AGAIN: u64 = 2;

/// How long to wait until the cache is asked for a controller again.
const FIND_CONTROLLER_EVERY: Duration = Duration::from_millis(100);
/// Pause after an error that concerns the whole request.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(50);

const RECONNECT_BACKOFF: Duration = Duration::from_millis(50);

/// A partition's change and what the controller said of it.
pub(crate) type Outcome = (AlterPartitionData, Result<AlterPartitionResult, ErrorCode>);

pub(crate) struct AlterPartitionManager {
    pub(crate) client: NetworkClient<()>,
    broker: BrokerId,
    broker_epoch: i64,
    hosts: Hosts,
    timeout: Duration,
    /// What is asked for or waits to be; entries of the request under way stay until its answer.
    unsent: BTreeMap<TopicPartition, AlterPartitionData>,
    /// The request under way: kept as it was built, however often it has to be sent.
    request: Option<AlterPartitionRequest>,
    controller: Option<NodeId>,
}

impl AlterPartitionManager {
    pub(crate) fn new(owner: u8, broker: BrokerId, hosts: Hosts, config: &BrokerConfig) -> Self {
        let settings = NetworkClientConfig {
            reconnect_backoff_ms: RECONNECT_BACKOFF.as_millis(),
            reconnect_backoff_max_ms: RECONNECT_BACKOFF.as_millis(),
            max_in_flight: 1,
            ..NetworkClientConfig::default()
        };
        AlterPartitionManager {
            client: NetworkClient::new(owner, Rc::from(broker.to_string()), settings),
            broker,
            broker_epoch: -1,
            hosts,
            timeout: Duration::from_millis(config.controller_socket_timeout_ms),
            unsent: BTreeMap::new(),
            request: None,
            controller: None,
        }
    }

    pub(crate) fn set_broker_epoch(&mut self, broker_epoch: i64) {
        self.broker_epoch = broker_epoch;
    }

    /// Asks for a change; false if the partition waits for one already (OPERATION_NOT_ATTEMPTED).
    pub(crate) fn submit(
        &mut self,
        ctx: &mut Ctx<'_>,
        cache: &MetadataCache,
        change: AlterPartitionData,
    ) -> bool {
        if self.unsent.contains_key(&change.partition) {
            return false;
        }
        self.unsent.insert(change.partition.clone(), change);
        self.maybe_propagate(ctx, cache);
        true
    }

    /// All that waits goes together, once the request before is done.
    fn maybe_propagate(&mut self, ctx: &mut Ctx<'_>, cache: &MetadataCache) {
        if self.request.is_none() && !self.unsent.is_empty() {
            self.request = Some(AlterPartitionRequest {
                broker_id: self.broker,
                broker_epoch: self.broker_epoch,
                partitions: self.unsent.values().cloned().collect(),
            });
            self.send(ctx, cache);
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, cache: &MetadataCache) {
        let Some(request) = &self.request else {
            return;
        };
        if self.controller.is_none() {
            self.controller = self.find_controller(cache);
        }
        match self.controller {
            None => wake(ctx, FIND_CONTROLLER_EVERY, WAKE_FIND_CONTROLLER),
            Some(node) => {
                let body = request.clone().into();
                self.client.send(ctx, node, body, self.timeout, ());
            }
        }
    }

    fn find_controller(&self, cache: &MetadataCache) -> Option<NodeId> {
        let endpoint = cache.broker(cache.controller_id()?)?;
        self.hosts.resolve(&endpoint.host)
    }

    /// `BrokerTimer::Wake` with a number of this file.
    pub(crate) fn on_wake(&mut self, ctx: &mut Ctx<'_>, cache: &MetadataCache, number: u64) {
        if number == WAKE_FIND_CONTROLLER {
            self.send(ctx, cache);
        } else {
            self.maybe_propagate(ctx, cache);
        }
    }

    /// Takes an answer, or the lack of one, in. Where there are outcomes, give each partition its own, then
    /// call [`Self::on_outcomes_given`]; where there are none (the request goes again, or the controller
    /// refused it whole), nothing may go out yet.
    pub(crate) fn on_completed(
        &mut self,
        ctx: &mut Ctx<'_>,
        cache: &MetadataCache,
        completed: Completed<()>,
    ) -> Option<Vec<Outcome>> {
        let response = match completed.result {
            Ok(Response::AlterPartition(response)) if !is_not_controller(&response) => response,
            Ok(_) => {
                self.client.close(ctx, completed.to);
                self.controller = None;
                if self.find_controller(cache) == Some(completed.to) {
                    // The cache does not know better yet; the next connection is held back.
                    wake(ctx, RECONNECT_BACKOFF, WAKE_FIND_CONTROLLER);
                } else {
                    self.send(ctx, cache);
                }
                return None;
            }
            Err(_) => {
                self.controller = None;
                self.send(ctx, cache);
                return None;
            }
        };
        let request = self.request.take()?;
        if !response.error.is_none() {
            wake(ctx, SEND_AGAIN_AFTER, WAKE_SEND_AGAIN);
            return None;
        }
        let mut outcomes = Vec::with_capacity(request.partitions.len());
        for change in request.partitions {
            let answer = response
                .partitions
                .iter()
                .find(|answer| answer.partition == change.partition);
            let Some(answer) = answer else {
                continue;
            };
            self.unsent.remove(&change.partition);
            let outcome = match answer.error {
                ErrorCode::None => Ok(answer.clone()),
                error => Err(error),
            };
            outcomes.push((change, outcome));
        }
        Some(outcomes)
    }

    /// What has gathered meanwhile goes out.
    pub(crate) fn on_outcomes_given(&mut self, ctx: &mut Ctx<'_>, cache: &MetadataCache) {
        self.maybe_propagate(ctx, cache);
    }

    pub(crate) fn shutdown(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(node) = self.controller.take() {
            self.client.close(ctx, node);
        }
        self.unsent.clear();
        self.request = None;
    }
}

impl std::fmt::Debug for AlterPartitionManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlterPartitionManager")
            .field("request", &self.request)
            .field("controller", &self.controller)
            .finish_non_exhaustive()
    }
}

/// NOT_CONTROLLER anywhere in the answer means that the wrong broker was asked.
fn is_not_controller(response: &AlterPartitionResponse) -> bool {
    response.error == ErrorCode::NotController
        || response
            .partitions
            .iter()
            .any(|partition| partition.error == ErrorCode::NotController)
}

fn wake(ctx: &mut Ctx<'_>, after: Duration, number: u64) {
    ctx.set_timer(after, Timer::Broker(BrokerTimer::Wake(number)));
}
