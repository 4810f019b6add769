//! The producer's second thread: sends what is ready, and hears what became of it (class
//! Sender; CP26 to CP33, CX1, P4 to P7).
//!
//! Its loop runs when something happens or a time is up, and then as often as Java's does without waiting. It
//! may not know whether a request that got no answer was carried out.

mod failing;
mod unwritten;

use crate::client::cluster::Cluster;
use crate::client::cluster_client::{ClusterClient, LeastLoaded};
use crate::client::delivery::Delivery;
use crate::client::metadata::Metadata;
use crate::client::producer_batch::ProducerBatch;
use crate::client::record_accumulator::RecordAccumulator;
use crate::client::transaction_manager::{
    EpochBump, Identity, ProducerIdAndEpoch, Rewrite, TransactionManager,
};
use crate::kernel::{Duration, Time};
use crate::log::Records;
use crate::network_client::{Completed, Disconnected, Node};
use crate::protocol::config::ProducerConfig;
use crate::protocol::rules::RetrySequence;
use crate::protocol::rules::Rules;
use crate::protocol::{
    BrokerId, Ctx, ErrorCode, Event, InitProducerIdRequest, InitProducerIdResponse,
    LeaderIdAndEpoch, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, PartitionProduceResponse, ProduceRequest,
    ProduceResponse, ProducerStateFact, Response, TopicPartition,
};
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};

/// What a request is for.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    ProducerId,
    /// Of each batch what is left here if it expires on the way.
    Produce(ManySent),
}

type ManySent = SmallVec<[Sent; 1]>;

#[derive(Clone, Debug)]
pub(super) struct Sent {
    batch: u64,
    partition: TopicPartition,
    /// With idempotence: its first sequence number, and how many there are.
    sequences: Option<(i32, i32)>,
}

/// How a batch was answered.
#[derive(Clone, Copy)]
struct Outcome<'a> {
    error: ErrorCode,
    base_offset: i64,
    log_start_offset: i64,
    record_errors: &'a [i32],
}

impl Outcome<'_> {
    fn without_answer(error: ErrorCode) -> Outcome<'static> {
        Outcome {
            error,
            base_offset: -1,
            log_start_offset: -1,
            record_errors: &[],
        }
    }
}

#[derive(Debug)]
pub(super) struct Sender {
    acks: i16,
    retries: u32,
    request_timeout: Duration,
    delivery_timeout: Duration,
    retry_backoff: Duration,
    /// CP25
    guarantees_order: bool,
    client: ClusterClient<Asked>,
    pub(super) accumulator: RecordAccumulator,
    cluster: Cluster,
    /// With idempotence.
    transactions: Option<TransactionManager>,
    retry_sequence: RetrySequence,
    /// CB3
    gives_back_unwritten: bool,
    /// Of each partition in the order of sending.
    in_flight: BTreeMap<TopicPartition, VecDeque<ProducerBatch>>,
    /// No batch in flight expires before this.
    next_expiry: Time,
    deliveries: VecDeque<Delivery>,
    /// Room for the batches of the request that is being made, for the requests of a round, and for whom they go to;
    /// empty between two.
    drained: Vec<ProducerBatch>,
    requests: Vec<(Node, Data, ManySent)>,
    nodes: Vec<(BrokerId, Node)>,
}

/// What a request carries.
type Data = Vec<(TopicPartition, Records)>;

/// What one round of the loop came to.
struct Round {
    /// Something was sent, or a back-off that is nearly over will be drawn again: the next begins at once.
    goes_on: bool,
    again_in: Option<Duration>,
}

impl Sender {
    pub(super) fn new(config: &ProducerConfig, client: ClusterClient<Asked>) -> Sender {
        Sender {
            acks: config.acks.code(),
            retries: config.retries,
            request_timeout: config.common.request_timeout(),
            delivery_timeout: Duration::from_millis(config.delivery_timeout_ms),
            retry_backoff: Duration::from_millis(config.common.retry_backoff_ms),
            guarantees_order: config.common.network.max_in_flight == 1,
            client,
            accumulator: RecordAccumulator::new(config),
            cluster: Cluster::default(),
            transactions: config.enable_idempotence.then(|| {
                TransactionManager::new(Duration::from_millis(config.common.retry_backoff_ms))
            }),
            retry_sequence: RetrySequence::Kept,
            gives_back_unwritten: true,
            in_flight: BTreeMap::new(),
            next_expiry: Time::MAX,
            deliveries: VecDeque::new(),
            drained: Vec::new(),
            requests: Vec::new(),
            nodes: Vec::new(),
        }
    }

    pub(super) fn keep(&mut self, rules: Rules) {
        self.retry_sequence = rules.retry_sequence;
    }

    pub(super) fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.client.start(ctx);
    }

    pub(super) fn metadata(&mut self) -> &mut Metadata {
        &mut self.client.metadata
    }

    /// The cluster as it is known now, beside what is needed to put a record into a batch.
    pub(super) fn append_to(&mut self) -> (&Metadata, &Cluster, &mut RecordAccumulator) {
        self.cluster.refresh(&self.client.metadata);
        (&self.client.metadata, &self.cluster, &mut self.accumulator)
    }

    pub(super) fn wake_at(&mut self, ctx: &mut Ctx<'_>, at: Time) {
        self.client.wake_at(ctx, at);
    }

    pub(super) fn tell(&mut self, delivery: Delivery) {
        self.deliveries.push_back(delivery);
    }

    /// What has happened to records, in order.
    pub(super) fn next_delivery(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    pub(super) fn has_deliveries(&self) -> bool {
        !self.deliveries.is_empty()
    }

    /// Something waits, or is on its way.
    pub(super) fn has_incomplete(&self) -> bool {
        !self.accumulator.is_empty() || self.in_flight.values().any(|queue| !queue.is_empty())
    }

    /// Takes an event of its connections and timers; gives back one that is not.
    pub(super) fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        self.client.on_event(event, ctx)?;
        self.take_completed(ctx);
        Ok(())
    }

    /// CP26, until there is nothing left to do without waiting. Answers when to run again.
    pub(super) fn run(&mut self, ctx: &mut Ctx<'_>) -> Time {
        self.client.time_out(ctx);
        self.take_completed(ctx);
        loop {
            let metadata_at = self.client.maybe_update_metadata(ctx);
            let owed = self.client.owes_metadata(ctx);
            // Nothing else goes on while there is no identity, not even expiry.
            if let Some(wait_until) = self.wait_for_producer_id(ctx) {
                return wait_until.min(metadata_at.unwrap_or(Time::MAX));
            }
            let round = self.send_producer_data(ctx);
            if round.goes_on || (!owed && self.client.owes_metadata(ctx)) {
                continue;
            }
            let again = round.again_in.map_or(Time::MAX, |wait| ctx.wall() + wait);
            let expiry = self.next_expiry.min(self.accumulator.next_expiry());
            return again.min(expiry).min(metadata_at.unwrap_or(Time::MAX));
        }
    }

    // ---- the identity of an idempotent producer

    /// CP26, CP27: until when nothing is sent for want of a producer id, which is asked for as soon as somebody can be
    /// asked. Before that, a new epoch is begun if one is wanted.
    fn wait_for_producer_id(&mut self, ctx: &mut Ctx<'_>) -> Option<Time> {
        let transactions = self.transactions.as_mut()?;
        transactions.maybe_resolve_sequences();
        if let Identity::Lost(exception) = transactions.identity() {
            self.abort_batches(exception);
            return Some(Time::MAX);
        }
        if let Some(bump) = transactions.bump_epoch_if_wanted() {
            self.rewrite(ctx, bump);
        }
        let transactions = self.transactions.as_mut()?;
        match transactions.identity() {
            Identity::Known => None,
            Identity::Asked | Identity::Lost(_) => Some(Time::MAX),
            Identity::Missing { not_before } if ctx.wall() < not_before => Some(not_before),
            Identity::Missing { .. } => {
                let LeastLoaded::Node(node) = self.client.least_loaded_node(ctx) else {
                    return Some(ctx.wall() + self.retry_backoff.max(Duration::from_millis(1)));
                };
                if self.client.ready(ctx, node) && !self.client.owes_metadata(ctx) {
                    let request = InitProducerIdRequest {
                        transactional_id: None,
                        transaction_timeout_ms: i32::MAX,
                        producer_id: NO_PRODUCER_ID,
                        producer_epoch: NO_PRODUCER_EPOCH,
                    };
                    let (timeout, tag) = (self.request_timeout, Asked::ProducerId);
                    self.client.send(ctx, node, request.into(), timeout, tag);
                    transactions.asked();
                }
                Some(Time::MAX)
            }
        }
    }

    /// CP27
    fn on_producer_id(
        &mut self,
        ctx: &mut Ctx<'_>,
        answer: Result<InitProducerIdResponse, Disconnected>,
    ) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        match answer {
            Ok(answer) if answer.error.is_none() => {
                let producer = ProducerIdAndEpoch {
                    id: answer.producer_id,
                    epoch: answer.producer_epoch,
                };
                transactions.got(producer);
                ctx.fact(
                    ProducerStateFact::IdGiven {
                        producer_id: producer.id,
                        producer_epoch: producer.epoch,
                    }
                    .into(),
                );
            }
            Ok(answer) if !answer.error.is_retriable() => transactions.lose("KafkaException"),
            Err(Disconnected::UnsupportedVersion) => {
                transactions.lose(ErrorCode::UnsupportedVersion.exception());
            }
            _ => transactions.got_nothing(ctx.wall()),
        }
    }

    /// CP42: what is in flight, or waits to be sent again, has other sequence numbers now.
    fn rewrite(&mut self, ctx: &mut Ctx<'_>, bump: EpochBump) {
        for Rewrite {
            partition,
            batch,
            state,
        } in bump.rewrites
        {
            let in_flight = self.in_flight.get_mut(&partition);
            let in_flight = in_flight.and_then(|all| all.iter_mut().find(|it| it.id == batch));
            let found = match in_flight {
                Some(found) => Some(found),
                None => self.accumulator.find(&partition, batch),
            };
            let found = found.expect("a batch is in flight, or waits");
            found.rewrite_producer_state(state);
        }
        ctx.fact(
            ProducerStateFact::EpochBumped {
                producer_id: bump.producer.id,
                producer_epoch: bump.producer.epoch,
                partitions: bump.partitions,
            }
            .into(),
        );
    }

    // ---- sendProducerData

    fn send_producer_data(&mut self, ctx: &mut Ctx<'_>) -> Round {
        let now = ctx.wall();
        let mut round = Round {
            goes_on: false,
            again_in: None,
        };
        let mut requests = std::mem::take(&mut self.requests);
        if self.accumulator.is_empty() {
            self.accumulator.nothing_ready();
        } else {
            self.cluster.refresh(&self.client.metadata);
            let nodes = std::mem::take(&mut self.nodes);
            let mut check = self.accumulator.ready(ctx, &self.cluster, nodes);
            // CN29: it may be long ago that they were used.
            for topic in &check.leader_unknown {
                self.client.metadata.add_topic(topic, now);
                self.client.metadata.request_update();
            }
            round.again_in = check.again_in;
            round.goes_on = check.again_in == Some(Duration::ZERO);
            for (broker, node) in check.nodes.drain(..) {
                let takes = self.client.ready(ctx, node) && !self.client.owes_metadata(ctx);
                self.accumulator.saw_node(broker, now, takes);
                if !takes {
                    continue;
                }
                let passed_over = self.accumulator.drain(
                    ctx,
                    &self.cluster,
                    self.transactions.as_mut(),
                    broker,
                    &mut self.drained,
                );
                round.goes_on |= passed_over || !self.drained.is_empty();
                if !self.drained.is_empty() {
                    let (data, sent) = self.add_drained_to_in_flight();
                    requests.push((node, data, sent));
                }
            }
            self.nodes = check.nodes;
        }
        // With idempotence the next round looks at what that leaves unknown.
        round.goes_on |= self.expire(ctx) && self.transactions.is_some();
        for (node, data, sent) in requests.drain(..) {
            let request = ProduceRequest {
                acks: self.acks,
                timeout_ms: self.request_timeout.as_millis() as i32,
                data,
            };
            let timeout = self.request_timeout;
            let tag = Asked::Produce(sent);
            self.client.send(ctx, node, request.into(), timeout, tag);
        }
        self.requests = requests;
        self.overwrite_unwritten(ctx);
        round
    }

    /// What a request carries of these batches, and what is known by when its answer comes.
    fn add_drained_to_in_flight(&mut self) -> (Data, ManySent) {
        let mut data = Vec::with_capacity(self.drained.len());
        let mut sent = ManySent::with_capacity(self.drained.len());
        for batch in self.drained.drain(..) {
            data.push((batch.partition.clone(), batch.records()));
            sent.push(Sent {
                batch: batch.id,
                partition: batch.partition.clone(),
                sequences: batch
                    .producer_state()
                    .map(|it| (it.base_sequence, batch.records_count())),
            });
            if self.guarantees_order {
                self.accumulator.mute(&batch.partition);
            }
            self.next_expiry = (self.next_expiry).min(batch.created + self.delivery_timeout);
            let in_flight = match self.in_flight.get_mut(&batch.partition) {
                Some(in_flight) => in_flight,
                None => self.in_flight.entry(batch.partition.clone()).or_default(),
            };
            // P5: who asks for order is sent nothing new before the answer.
            assert!(
                in_flight.is_empty() || !self.guarantees_order,
                "{}: two under way",
                batch.partition
            );
            in_flight.push_back(batch);
        }
        (data, sent)
    }

    // ---- handleProduceResponse

    fn take_completed(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(Completed { tag, result, .. }) = self.client.next_completed() {
            match (tag, result) {
                (Asked::ProducerId, Ok(Response::InitProducerId(answer))) => {
                    self.on_producer_id(ctx, Ok(*answer));
                }
                (Asked::ProducerId, Err(why)) => self.on_producer_id(ctx, Err(why)),
                // An answer to something else.
                (Asked::ProducerId, Ok(_)) => {}
                (Asked::Produce(sent), Ok(Response::Produce(response))) => {
                    self.on_response(ctx, &sent, *response);
                }
                // CP28
                (Asked::Produce(sent), result) => {
                    let error = match result {
                        Err(Disconnected::UnsupportedVersion) => ErrorCode::UnsupportedVersion,
                        Err(Disconnected::TimedOut) => ErrorCode::RequestTimedOut,
                        Err(_) => ErrorCode::NetworkException,
                        Ok(_) => ErrorCode::UnknownServerError,
                    };
                    let outcome = Outcome::without_answer(error);
                    sent.iter()
                        .for_each(|sent| self.complete(ctx, sent, outcome));
                }
            }
        }
    }

    fn on_response(&mut self, ctx: &mut Ctx<'_>, sent: &[Sent], response: ProduceResponse) {
        let mut leaders: Vec<(TopicPartition, LeaderIdAndEpoch)> = Vec::new();
        for answer in response.responses {
            let PartitionProduceResponse {
                partition,
                error,
                base_offset,
                log_start_offset,
                current_leader,
                record_errors,
                ..
            } = answer;
            let outcome = Outcome {
                error,
                base_offset,
                log_start_offset,
                record_errors: &record_errors,
            };
            if let Some(sent) = sent.iter().find(|sent| sent.partition == partition) {
                self.complete(ctx, sent, outcome);
            }
            leaders.extend(current_leader.map(|leader| (partition, leader)));
        }
        // CN28, CP30: after all partitions of the answer.
        for (partition, leader) in leaders {
            let endpoints = &response.node_endpoints;
            let metadata = &mut self.client.metadata;
            metadata.update_leader(&partition, leader, endpoints);
        }
    }

    /// `completeBatch`. A batch that expired in flight is not known here any more; that it is stored counts all the
    /// same.
    fn complete(&mut self, ctx: &mut Ctx<'_>, sent: &Sent, outcome: Outcome<'_>) {
        let error = outcome.error;
        match self.take_in_flight(sent) {
            Some(batch) => self.complete_batch(ctx, batch, outcome),
            None if error.is_none() => {
                if let (Some(transactions), Some((base, records))) =
                    (&mut self.transactions, sent.sequences)
                {
                    transactions.completed(&sent.partition, base, records);
                }
            }
            None => {}
        }
        // CP30
        if error.is_invalid_metadata() {
            self.client.metadata.request_update();
        }
        if self.guarantees_order {
            self.accumulator.unmute(&sent.partition);
        }
    }

    fn complete_batch(&mut self, ctx: &mut Ctx<'_>, batch: ProducerBatch, outcome: Outcome<'_>) {
        let error = outcome.error;
        if error.is_none() {
            return self.succeed(batch, outcome.base_offset);
        }
        if error == ErrorCode::MessageTooLarge && batch.sends.len() > 1 {
            let transactions = self.transactions.as_mut();
            return self.accumulator.split_and_reenqueue(batch, transactions);
        }
        let in_time = !batch.has_reached(self.delivery_timeout, ctx.wall());
        let more_attempts = batch.attempts < self.retries;
        let retries = in_time
            && more_attempts
            && match &mut self.transactions {
                Some(it) => it.can_retry(&batch, error, outcome.log_start_offset),
                None => error.is_retriable(),
            };
        if retries {
            self.reenqueue(ctx, batch, error);
        } else if error == ErrorCode::DuplicateSequenceNumber {
            self.succeed(batch, outcome.base_offset);
        } else {
            if let Some(transactions) = &mut self.transactions {
                transactions.failed(&batch, error, more_attempts);
            }
            self.fail_each(batch, error, outcome.record_errors);
        }
    }

    /// CP29
    fn reenqueue(&mut self, ctx: &Ctx<'_>, mut batch: ProducerBatch, error: ErrorCode) {
        if let (RetrySequence::New, Some(it)) = (self.retry_sequence, &mut self.transactions) {
            it.number_again(&mut batch);
        }
        self.deliveries.push_back(Delivery::Retrying {
            sends: batch.sends.clone(),
            partition: batch.partition.clone(),
            error,
            attempts: batch.attempts + 1,
            idempotent: batch.producer_state().is_some(),
        });
        self.accumulator.reenqueue(batch, ctx.wall());
    }

    fn succeed(&mut self, batch: ProducerBatch, base_offset: i64) {
        if let (Some(transactions), Some(state)) = (&mut self.transactions, batch.producer_state())
        {
            let records = batch.records_count();
            transactions.completed(&batch.partition, state.base_sequence, records);
            transactions.remove_in_flight(&batch);
        }
        self.accumulator.let_go(&batch);
        self.deliveries.push_back(Delivery::Stored {
            sends: batch.sends,
            partition: batch.partition,
            base_offset,
            attempts: batch.attempts + 1,
        });
    }

    fn take_in_flight(&mut self, sent: &Sent) -> Option<ProducerBatch> {
        let in_flight = self.in_flight.get_mut(&sent.partition)?;
        let place = in_flight.iter().position(|batch| batch.id == sent.batch)?;
        in_flight.remove(place)
    }
}
