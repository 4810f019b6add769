//! Asks the controller to change ISRs: one request in flight, at most one entry a partition (class
//! `DefaultAlterPartitionManager`; rules A3, A5, CT32).
//!
//! May not know what a partition makes of an answer, nor who the controller is.

use super::connections::{Answered, Asker, Connections};
use super::node_to_controller_channel::{Ended, NodeToControllerChannel};
use crate::kernel::Duration;
use crate::metadata::MetadataCache;
use crate::protocol::config::BrokerConfig;
use crate::protocol::rules::AlterPartitionReset;
use crate::protocol::{
    AlterPartitionData, AlterPartitionRequest, AlterPartitionResult, BrokerId, BrokerTimer, Ctx,
    ErrorCode, Response, Timer, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};

/// Pause after an error that concerns the whole request.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A partition's change and what the controller said of it.
pub(crate) type Outcome = (AlterPartitionData, Result<AlterPartitionResult, ErrorCode>);

#[derive(Debug)]
pub(crate) struct AlterPartitionManager {
    broker: BrokerId,
    broker_epoch: i64,
    reset: AlterPartitionReset,
    channel: NodeToControllerChannel,
    /// What is asked for or waits to be; entries of the request under way stay until its answer.
    unsent: BTreeMap<TopicPartition, AlterPartitionData>,
    /// The request under way, until each partition has been given its outcome.
    request: Option<AlterPartitionRequest>,
    /// Outcomes that are yet to be given.
    outcomes: VecDeque<Outcome>,
}

impl AlterPartitionManager {
    pub(crate) fn new(broker: BrokerId, config: &BrokerConfig) -> Self {
        let timeout = Duration::from_millis(config.controller_socket_timeout_ms);
        AlterPartitionManager {
            broker,
            broker_epoch: -1,
            reset: config.rules.alter_partition_reset,
            channel: NodeToControllerChannel::new(Asker::AlterPartition, timeout, None),
            unsent: BTreeMap::new(),
            request: None,
            outcomes: VecDeque::new(),
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

    /// Forgets what a partition asked for, though it be under way.
    pub(crate) fn drop_change(&mut self, partition: &TopicPartition) {
        self.unsent.remove(partition);
    }

    /// All that waits goes together, once the request before is done.
    fn maybe_propagate(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) {
        if self.request.is_none() && !self.unsent.is_empty() {
            let request = AlterPartitionRequest {
                broker_id: self.broker,
                broker_epoch: self.broker_epoch,
                partitions: self.unsent.values().cloned().collect(),
            };
            let body = request.clone().into();
            self.request = Some(request);
            let ended = self.channel.send(ctx, connections, cache, body);
            assert!(ended.is_none(), "an ISR change is asked for ever");
        }
    }

    /// `BrokerTimer::SendAlterPartition`.
    pub(crate) fn on_send(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) {
        self.maybe_propagate(ctx, connections, cache);
    }

    /// `BrokerTimer::FindController` of its line.
    pub(crate) fn on_find_controller(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) {
        let ended = self.channel.on_find_controller(ctx, connections, cache);
        assert!(ended.is_none(), "an ISR change is asked for ever");
    }

    /// Takes an answer, or the lack of one, in. Where there are outcomes (true), give each partition its own
    /// ([`Self::next_outcome`]), then call [`Self::on_outcomes_given`]; where there are none (the request goes
    /// again, or the controller refused it whole), nothing may go out yet.
    pub(crate) fn on_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
        answered: Answered,
    ) -> bool {
        let ended = self.channel.on_answered(ctx, connections, cache, answered);
        let Some(ended) = ended else {
            return false;
        };
        let Ended::Answered(Response::AlterPartition(response)) = ended else {
            unreachable!("AlterPartition is answered by its response, for ever sent again")
        };
        if !response.error.is_none() {
            self.request = None;
            let again = Timer::Broker(BrokerTimer::SendAlterPartition);
            ctx.set_timer(SEND_AGAIN_AFTER, again);
            return false;
        }
        let Some(request) = &self.request else {
            return false;
        };
        assert!(
            self.outcomes.is_empty(),
            "an AlterPartition is answered while another's outcomes are given"
        );
        for change in &request.partitions {
            let answer = response
                .partitions
                .iter()
                .find(|answer| answer.partition == change.partition);
            let Some(answer) = answer else {
                continue;
            };
            let outcome = match answer.error {
                ErrorCode::None => Ok(answer.clone()),
                error => Err(error),
            };
            self.outcomes.push_back((change.clone(), outcome));
        }
        true
    }

    /// LK14: whose turn it is to hear what the controller said of it.
    pub(crate) fn next_partition(&self) -> Option<&TopicPartition> {
        self.outcomes.front().map(|(change, _)| &change.partition)
    }

    pub(crate) fn next_outcome(&mut self) -> Option<Outcome> {
        let (change, outcome) = self.outcomes.pop_front()?;
        let waited = self.unsent.remove(&change.partition);
        // An entry of the request under way stays until its answer, and nobody may replace it.
        assert!(
            self.reset == AlterPartitionReset::ByLeaderAndIsr
                || waited.is_some_and(|waited| waited == change),
            "{}: the controller answers what was not asked",
            change.partition
        );
        Some((change, outcome))
    }

    /// What has gathered meanwhile goes out.
    pub(crate) fn on_outcomes_given(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) {
        self.request = None;
        self.maybe_propagate(ctx, connections, cache);
    }

    pub(crate) fn shutdown(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections) {
        self.channel.shutdown(ctx, connections);
        self.unsent.clear();
        self.outcomes.clear();
        self.request = None;
    }
}
