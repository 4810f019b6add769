//! Ids for producers, out of blocks that the controller gives (class `RPCProducerIdManager`; CP55, D20).
//!
//! Nobody waits for a block: who asks while there is none is told to ask again. May not know which ids other
//! brokers give out.

use super::Broker;
use super::connections::{Answered, Asker, Connections};
use super::node_to_controller_channel::{Ended, NodeToControllerChannel};
use crate::kernel::{Duration, Time};
use crate::metadata::MetadataCache;
use crate::protocol::config::BrokerConfig;
use crate::protocol::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, BrokerId, Ctx, ErrorCode,
    InitProducerIdRequest, InitProducerIdResponse, NO_PRODUCER_EPOCH, NO_PRODUCER_ID,
    ProducerStateFact, Response,
};

/// How much of a block is used up when the next is asked for, in percent (`PidPrefetchThreshold`).
const PREFETCH_PERCENT: i64 = 90;
/// Pause after a refusal (`RetryBackoffMs`).
const RETRY_BACKOFF: Duration = Duration::from_millis(50);

/// Ids that nobody else gives out (`ProducerIdsBlock`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ProducerIdsBlock {
    first: i64,
    size: i64,
    /// How many of them are given out.
    claimed: i64,
}

impl ProducerIdsBlock {
    const EMPTY: ProducerIdsBlock = ProducerIdsBlock {
        first: 0,
        size: 0,
        claimed: 0,
    };

    fn claim(&mut self) -> Option<i64> {
        let id = self.first + self.claimed;
        let left = self.claimed < self.size;
        self.claimed += i64::from(left);
        left.then_some(id)
    }

    /// The id with which the next block is asked for.
    fn prefetch_target(&self) -> i64 {
        self.first + self.size * PREFETCH_PERCENT / 100
    }
}

#[derive(Debug)]
pub(crate) struct ProducerIdManager {
    broker: BrokerId,
    broker_epoch: i64,
    channel: NodeToControllerChannel,
    current: ProducerIdsBlock,
    next: Option<ProducerIdsBlock>,
    /// From the question for a block until it is begun.
    request_in_flight: bool,
    backoff_until: Option<Time>,
}

impl ProducerIdManager {
    pub(crate) fn new(broker: BrokerId, config: &BrokerConfig) -> Self {
        ProducerIdManager {
            broker,
            broker_epoch: -1,
            channel: NodeToControllerChannel::new(
                Asker::Forwarding,
                Duration::from_millis(config.controller_socket_timeout_ms),
                Some(Duration::from_millis(config.request_timeout_ms)),
            ),
            current: ProducerIdsBlock::EMPTY,
            next: None,
            request_in_flight: false,
            backoff_until: None,
        }
    }

    pub(crate) fn set_broker_epoch(&mut self, broker_epoch: i64) {
        self.broker_epoch = broker_epoch;
    }

    /// The next id, or COORDINATOR_LOAD_IN_PROGRESS while a block is waited for (`generateProducerId`).
    fn generate(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) -> Result<i64, ErrorCode> {
        loop {
            if let Some(id) = self.current.claim() {
                if id == self.current.prefetch_target() {
                    self.maybe_request_next_block(ctx, connections, cache);
                }
                return Ok(id);
            }
            let Some(block) = self.next.take() else {
                self.maybe_request_next_block(ctx, connections, cache);
                return Err(ErrorCode::CoordinatorLoadInProgress);
            };
            self.current = block;
            self.request_in_flight = false;
            if block.size == 0 {
                return Err(ErrorCode::CoordinatorLoadInProgress);
            }
        }
    }

    fn maybe_request_next_block(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) {
        let backs_off = self.backoff_until.is_some_and(|until| ctx.wall() < until);
        if backs_off || self.next.is_some() || self.request_in_flight {
            return;
        }
        self.request_in_flight = true;
        self.backoff_until = None;
        let request = AllocateProducerIdsRequest {
            broker_id: self.broker,
            broker_epoch: self.broker_epoch,
        };
        if let Some(ended) = self.channel.send(ctx, connections, cache, request.into()) {
            self.on_ended(ctx, ended);
        }
    }

    /// `BrokerTimer::FindController` of its line.
    pub(crate) fn on_find_controller(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) {
        if let Some(ended) = self.channel.on_find_controller(ctx, connections, cache) {
            self.on_ended(ctx, ended);
        }
    }

    pub(crate) fn on_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
        answered: Answered,
    ) {
        if let Some(ended) = self.channel.on_answered(ctx, connections, cache, answered) {
            self.on_ended(ctx, ended);
        }
    }

    fn on_ended(&mut self, ctx: &mut Ctx<'_>, ended: Ended) {
        match ended {
            Ended::Answered(Response::AllocateProducerIds(response)) => {
                self.on_allocated(ctx, &response);
            }
            Ended::Answered(response) => {
                unreachable!("AllocateProducerIds is not answered by {}", response.name())
            }
            Ended::TimedOut => self.request_in_flight = false,
        }
    }

    fn on_allocated(&mut self, ctx: &mut Ctx<'_>, response: &AllocateProducerIdsResponse) {
        let (first, size) = (
            response.producer_id_start,
            i64::from(response.producer_id_len),
        );
        let last_of_current = self.current.first + self.current.size - 1;
        let sane = first >= last_of_current && first >= 0 && size >= 0 && first <= i64::MAX - size;
        if response.error.is_none() && sane {
            self.next = Some(ProducerIdsBlock {
                first,
                size,
                claimed: 0,
            });
            ctx.fact(
                ProducerStateFact::IdsAllocated {
                    first,
                    last: first + size - 1,
                }
                .into(),
            );
        } else {
            self.backoff_until = Some(ctx.wall() + RETRY_BACKOFF);
            self.request_in_flight = false;
        }
    }

    pub(crate) fn shutdown(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections) {
        self.channel.shutdown(ctx, connections);
    }
}

impl Broker {
    /// InitProducerId. Whoever has no transactional id is given a new identity without further questions; there
    /// is no coordinator of transactions.
    pub(super) fn init_producer_id(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &InitProducerIdRequest,
    ) -> InitProducerIdResponse {
        let (knows_id, knows_epoch) = (
            request.producer_id != NO_PRODUCER_ID,
            request.producer_epoch != NO_PRODUCER_EPOCH,
        );
        let given = match &request.transactional_id {
            _ if knows_id != knows_epoch => Err(ErrorCode::InvalidRequest),
            Some(id) if id.is_empty() => Err(ErrorCode::InvalidRequest),
            Some(_) => Err(ErrorCode::CoordinatorNotAvailable),
            None => {
                let (connections, cache) = (&mut self.connections, &self.metadata_cache);
                self.producer_ids.generate(ctx, connections, cache)
            }
        };
        match given {
            Ok(producer_id) => InitProducerIdResponse {
                error: ErrorCode::None,
                producer_id,
                producer_epoch: 0,
            },
            Err(error) => InitProducerIdResponse {
                error,
                producer_id: NO_PRODUCER_ID,
                producer_epoch: NO_PRODUCER_EPOCH,
            },
        }
    }
}
