//! The producer's second thread: sends what is ready, and hears what became of it (class Sender; CP26, CP28 to CP33, P4 to P7).
//!
//! Its loop runs when something happens or a time is up, and then as often as Java's does without waiting. It
//! may not know whether a request that got no answer was carried out.

use crate::client::cluster::Cluster;
use crate::client::cluster_client::ClusterClient;
use crate::client::metadata::Metadata;
use crate::client::producer_batch::ProducerBatch;
use crate::client::record_accumulator::RecordAccumulator;
use crate::kernel::{Duration, Time};
use crate::network_client::{Completed, Disconnected};
use crate::protocol::config::ProducerConfig;
use crate::protocol::{
    Ctx, ErrorCode, Event, LeaderIdAndEpoch, PartitionProduceResponse, ProduceRequest,
    ProduceResponse, Response, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// A record's way, in the order in which it happens. The numbers are what `send` answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The record waits in a batch of its partition: `send` has returned.
    Queued {
        send: u64,
        partition: TopicPartition,
    },
    /// The batch of these records will be sent again.
    Retrying {
        sends: Vec<u64>,
        partition: TopicPartition,
        error: ErrorCode,
        attempts: u32,
    },
    /// Their futures are done; each has the offset after the one before. -1 with acks=0.
    Stored {
        sends: Vec<u64>,
        partition: TopicPartition,
        base_offset: i64,
        attempts: u32,
    },
    /// Their futures are done with this exception (Java's simple name).
    Failed {
        sends: Vec<u64>,
        partition: TopicPartition,
        exception: Rc<str>,
        attempts: u32,
    },
}

/// A batch in a request: all that is left of it here if it expired on the way.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    batch: u64,
    partition: TopicPartition,
}

#[derive(Debug)]
pub(super) struct Sender {
    acks: i16,
    retries: u32,
    request_timeout: Duration,
    delivery_timeout: Duration,
    /// CP25
    guarantees_order: bool,
    client: ClusterClient<Vec<Sent>>,
    pub(super) accumulator: RecordAccumulator,
    cluster: Cluster,
    /// Of each partition in the order of sending.
    in_flight: BTreeMap<TopicPartition, VecDeque<ProducerBatch>>,
    /// No batch in flight expires before this.
    next_expiry: Time,
    deliveries: VecDeque<Delivery>,
}

/// What one round of the loop came to.
struct Round {
    /// Something was sent, or a back-off that is nearly over will be drawn again: the next begins at once.
    goes_on: bool,
    again_in: Option<Duration>,
}

impl Sender {
    pub(super) fn new(config: &ProducerConfig, client: ClusterClient<Vec<Sent>>) -> Sender {
        Sender {
            acks: config.acks.code(),
            retries: config.retries,
            request_timeout: config.common.request_timeout(),
            delivery_timeout: Duration::from_millis(config.delivery_timeout_ms),
            guarantees_order: config.common.network.max_in_flight == 1,
            client,
            accumulator: RecordAccumulator::new(config),
            cluster: Cluster::default(),
            in_flight: BTreeMap::new(),
            next_expiry: Time::MAX,
            deliveries: VecDeque::new(),
        }
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
            let round = self.send_producer_data(ctx);
            if round.goes_on || (!owed && self.client.owes_metadata(ctx)) {
                continue;
            }
            let again = round.again_in.map_or(Time::MAX, |wait| ctx.wall() + wait);
            let expiry = self.next_expiry.min(self.accumulator.next_expiry());
            return again.min(expiry).min(metadata_at.unwrap_or(Time::MAX));
        }
    }

    // ---- sendProducerData

    fn send_producer_data(&mut self, ctx: &mut Ctx<'_>) -> Round {
        let now = ctx.wall();
        let mut round = Round {
            goes_on: false,
            again_in: None,
        };
        let mut requests = Vec::new();
        if self.accumulator.is_empty() {
            self.accumulator.nothing_ready();
        } else {
            self.cluster.refresh(&self.client.metadata);
            let check = self.accumulator.ready(ctx, &self.client.metadata);
            if check.leader_unknown {
                self.client.metadata.request_update();
            }
            round.again_in = check.again_in;
            round.goes_on = check.again_in == Some(Duration::ZERO);
            for (broker, node) in check.nodes {
                let takes = self.client.ready(ctx, node) && !self.client.owes_metadata(ctx);
                self.accumulator.saw_node(broker, now, takes);
                if !takes {
                    continue;
                }
                let (batches, passed_over) =
                    self.accumulator
                        .drain(ctx, &self.client.metadata, &self.cluster, broker);
                round.goes_on |= passed_over || !batches.is_empty();
                if !batches.is_empty() {
                    requests.push((node, self.add_to_in_flight(batches)));
                }
            }
        }
        self.expire(ctx);
        for (node, (data, sent)) in requests {
            let request = ProduceRequest {
                acks: self.acks,
                timeout_ms: self.request_timeout.as_millis() as i32,
                data,
            };
            let timeout = self.request_timeout;
            self.client.send(ctx, node, request.into(), timeout, sent);
        }
        round
    }

    /// What a request carries of these batches, and what is known by when its answer comes.
    fn add_to_in_flight(
        &mut self,
        batches: Vec<ProducerBatch>,
    ) -> (Vec<(TopicPartition, crate::log::Records)>, Vec<Sent>) {
        let mut data = Vec::with_capacity(batches.len());
        let mut sent = Vec::with_capacity(batches.len());
        for batch in batches {
            data.push((batch.partition.clone(), batch.records()));
            sent.push(Sent {
                batch: batch.id,
                partition: batch.partition.clone(),
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

    /// CP33: batches older than `delivery.timeout.ms` fail, also those in flight, whose outcome is unknown (P6).
    /// Those that were never sent fail first.
    fn expire(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.wall();
        for batch in self.accumulator.expired_batches(now) {
            self.fail(batch, "TimeoutException", 0);
        }
        if now < self.next_expiry {
            return;
        }
        let timeout = self.delivery_timeout;
        self.next_expiry = Time::MAX;
        let mut expired = Vec::new();
        for in_flight in self.in_flight.values_mut() {
            let old = in_flight
                .iter()
                .take_while(|it| it.has_reached(timeout, now));
            let old = old.count();
            expired.extend(in_flight.drain(..old));
            if let Some(first) = in_flight.front() {
                self.next_expiry = self.next_expiry.min(first.created + timeout);
            }
        }
        for batch in expired {
            self.fail(batch, "TimeoutException", 1);
        }
    }

    // ---- handleProduceResponse

    fn take_completed(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(Completed { tag, result, .. }) = self.client.next_completed() {
            match result {
                Ok(Response::Produce(response)) => self.on_response(ctx, &tag, *response),
                Ok(_) => self.complete_all(ctx, &tag, ErrorCode::UnknownServerError),
                // CP28
                Err(Disconnected::UnsupportedVersion) => {
                    self.complete_all(ctx, &tag, ErrorCode::UnsupportedVersion);
                }
                Err(Disconnected::TimedOut) => {
                    self.complete_all(ctx, &tag, ErrorCode::RequestTimedOut);
                }
                Err(Disconnected::InFlight(_) | Disconnected::NotSent(_)) => {
                    self.complete_all(ctx, &tag, ErrorCode::NetworkException);
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
                current_leader,
                ..
            } = answer;
            if let Some(sent) = sent.iter().find(|sent| sent.partition == partition) {
                self.complete(ctx, sent, error, base_offset);
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

    fn complete_all(&mut self, ctx: &mut Ctx<'_>, sent: &[Sent], error: ErrorCode) {
        for sent in sent {
            self.complete(ctx, sent, error, -1);
        }
    }

    /// `completeBatch`. A batch that expired in flight is not known here any more.
    fn complete(&mut self, ctx: &mut Ctx<'_>, sent: &Sent, error: ErrorCode, offset: i64) {
        if let Some(batch) = self.take_in_flight(sent) {
            if error.is_none() {
                self.succeed(batch, offset);
            } else if error == ErrorCode::MessageTooLarge && batch.sends.len() > 1 {
                self.accumulator.split_and_reenqueue(batch);
            } else if self.can_retry(ctx, &batch, error) {
                self.reenqueue(ctx, batch, error);
            } else {
                self.fail(batch, error.exception(), 1);
            }
        }
        // CP30
        if error.is_invalid_metadata() {
            self.client.metadata.request_update();
        }
        if self.guarantees_order {
            self.accumulator.unmute(&sent.partition);
        }
    }

    /// CP29
    fn can_retry(&self, ctx: &Ctx<'_>, batch: &ProducerBatch, error: ErrorCode) -> bool {
        !batch.has_reached(self.delivery_timeout, ctx.wall())
            && batch.attempts < self.retries
            && error.is_retriable()
    }

    fn reenqueue(&mut self, ctx: &Ctx<'_>, batch: ProducerBatch, error: ErrorCode) {
        self.deliveries.push_back(Delivery::Retrying {
            sends: batch.sends.clone(),
            partition: batch.partition.clone(),
            error,
            attempts: batch.attempts + 1,
        });
        self.accumulator.reenqueue(batch, ctx.wall());
    }

    fn succeed(&mut self, batch: ProducerBatch, base_offset: i64) {
        self.accumulator.let_go(&batch);
        self.deliveries.push_back(Delivery::Stored {
            sends: batch.sends,
            partition: batch.partition,
            base_offset,
            attempts: batch.attempts + 1,
        });
    }

    /// `attempt`: 1 if it failed, or expired, while one was under way.
    fn fail(&mut self, batch: ProducerBatch, exception: &str, attempt: u32) {
        self.accumulator.let_go(&batch);
        self.deliveries.push_back(Delivery::Failed {
            attempts: batch.attempts + attempt,
            sends: batch.sends,
            partition: batch.partition,
            exception: exception.into(),
        });
    }

    fn take_in_flight(&mut self, sent: &Sent) -> Option<ProducerBatch> {
        let in_flight = self.in_flight.get_mut(&sent.partition)?;
        let place = in_flight.iter().position(|batch| batch.id == sent.batch)?;
        in_flight.remove(place)
    }
}
