//! Asks the controller to change ISRs: one request in flight, at most one entry a partition (classes
//! `DefaultAlterPartitionManager`, `NodeToControllerChannelManager`; rules A3, A5, CT32).
//!
//! The controller is looked up in the metadata cache once, and kept until a request fails. May not know
//! what a partition makes of an answer.

use super::connections::{Answered, Asker, CONTROLLER_RECONNECT_BACKOFF, Connections};
use crate::kernel::{Address, Duration};
use crate::metadata::MetadataCache;
use crate::protocol::config::BrokerConfig;
use crate::protocol::{
    AlterPartitionData, AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult,
    BrokerId, BrokerTimer, Ctx, Errand, ErrorCode, Response, Timer, TopicPartition,
};
use std::collections::BTreeMap;

/// How long to wait until the cache is asked for a controller again.
const FIND_CONTROLLER_EVERY: Duration = Duration::from_millis(100);
/// Pause after an error that concerns the whole request.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A partition's change and what the controller said of it.
pub(crate) type Outcome = (AlterPartitionData, Result<AlterPartitionResult, ErrorCode>);

#[derive(Debug)]
pub(crate) struct AlterPartitionManager {
    broker: BrokerId,
    broker_epoch: i64,
    timeout: Duration,
    /// What is asked for or waits to be; entries of the request under way stay until its answer.
    unsent: BTreeMap<TopicPartition, AlterPartitionData>,
    /// The request under way: kept as it was built, however often it has to be sent.
    request: Option<AlterPartitionRequest>,
    controller: Option<Address>,
}

impl AlterPartitionManager {
    pub(crate) fn new(broker: BrokerId, config: &BrokerConfig) -> Self {
        AlterPartitionManager {
            broker,
            broker_epoch: -1,
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
        connections: &mut Connections,
        cache: &MetadataCache,
        change: AlterPartitionData,
    ) -> bool {
        if self.unsent.contains_key(&change.partition) {
            return false;
        }
        self.unsent.insert(change.partition.clone(), change);
        self.maybe_propagate(ctx, connections, cache);
        true
    }

    /// All that waits goes together, once the request before is done.
    fn maybe_propagate(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) {
        if self.request.is_none() && !self.unsent.is_empty() {
            self.request = Some(AlterPartitionRequest {
                broker_id: self.broker,
                broker_epoch: self.broker_epoch,
                partitions: self.unsent.values().cloned().collect(),
            });
            self.send(ctx, connections, cache);
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections, cache: &MetadataCache) {
        let Some(request) = &self.request else {
            return;
        };
        if self.controller.is_none() {
            self.controller = connections.controller(ctx, cache, Errand::AlterPartition);
        }
        match self.controller {
            None => wake(ctx, FIND_CONTROLLER_EVERY, BrokerTimer::FindController),
            Some(node) => {
                let body = request.clone().into();
                connections.send(ctx, Asker::AlterPartition, node, body, self.timeout);
            }
        }
    }

    /// `BrokerTimer::FindController` or `SendAlterPartition`.
    pub(crate) fn on_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
        timer: &BrokerTimer,
    ) {
        if *timer == BrokerTimer::FindController {
            self.send(ctx, connections, cache);
        } else {
            self.maybe_propagate(ctx, connections, cache);
        }
    }

    /// Takes an answer, or the lack of one, in. Where there are outcomes, give each partition its own, then
    /// call [`Self::on_outcomes_given`]; where there are none (the request goes again, or the controller
    /// refused it whole), nothing may go out yet.
    pub(crate) fn on_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
        answered: Answered,
    ) -> Option<Vec<Outcome>> {
        let response = match answered.result {
            Ok(Response::AlterPartition(response)) if !is_not_controller(&response) => response,
            Ok(_) => {
                connections.close(ctx, answered.tag, answered.to);
                self.controller = None;
                let controller = connections.controller(ctx, cache, Errand::AlterPartition);
                if controller == Some(answered.to) {
                    // The cache does not know better yet; the next connection is held back.
                    wake(
                        ctx,
                        CONTROLLER_RECONNECT_BACKOFF,
                        BrokerTimer::FindController,
                    );
                } else {
                    self.send(ctx, connections, cache);
                }
                return None;
            }
            Err(_) => {
                self.controller = None;
                self.send(ctx, connections, cache);
                return None;
            }
        };
        let request = self.request.take()?;
        if !response.error.is_none() {
            wake(ctx, SEND_AGAIN_AFTER, BrokerTimer::SendAlterPartition);
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
            let waited = self.unsent.remove(&change.partition);
            // An entry of the request under way stays until its answer, and nobody may replace it.
            assert!(
                waited.is_some_and(|waited| waited == change),
                "{}: the controller answers what was not asked",
                change.partition
            );
            let outcome = match answer.error {
                ErrorCode::None => Ok(answer.clone()),
                error => Err(error),
            };
            outcomes.push((change, outcome));
        }
        Some(outcomes)
    }

    /// What has gathered meanwhile goes out.
    pub(crate) fn on_outcomes_given(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) {
        self.maybe_propagate(ctx, connections, cache);
    }

    pub(crate) fn shutdown(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections) {
        if let Some(node) = self.controller.take() {
            connections.close(ctx, Asker::AlterPartition, node);
        }
        self.unsent.clear();
        self.request = None;
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

fn wake(ctx: &mut Ctx<'_>, after: Duration, timer: BrokerTimer) {
    ctx.set_timer(after, Timer::Broker(timer));
}
