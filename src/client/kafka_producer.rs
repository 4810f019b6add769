//! The producer library (classes KafkaProducer, RecordAccumulator, Sender; P4 to P7):
//! one record a batch, no idempotence, so retries may duplicate.
//!
//! `send` takes a record as `KafkaProducer.send` does: it may block its caller (`is_blocked`) for
//! `max.block.ms` until the topic is known and the buffer has room; from then on the record belongs
//! to its partition's queue. Records of a partition leave in order; they arrive in order only if
//! `max.in.flight.requests.per.connection` is 1 or nothing is retried (P5).
//!
//! May not know whether a request that got no answer was carried out.

mod blocked;

use crate::client::Bootstrap;
use crate::client::cluster_client::ClusterClient;
use crate::client::partitioner::Partitioner;
use crate::kernel::{Address, Duration, Time};
use crate::log::batch::{BatchBuilder, Records};
use crate::network_client::{Completed, Disconnected};
use crate::protocol::config::ProducerConfig;
use crate::protocol::{
    Ctx, ErrorCode, Event, ProduceRequest, Response, TopicName, TopicPartition, exponential,
};
use blocked::{Blocked, Refused, Wait};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Partition of a record that failed before one was chosen (`RecordMetadata.UNKNOWN_PARTITION`).
pub const UNKNOWN_PARTITION: i32 = -1;

/// What an application hands over.
#[derive(Clone, Debug)]
pub struct ProducerRecord {
    pub topic: TopicName,
    /// `None`: by key, or in turn.
    pub partition: Option<i32>,
    /// `None`: the producer's clock.
    pub timestamp_ms: Option<i64>,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
}

/// A record's way, in the order in which it happens. `id` is what `send` answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The record waits in its partition's queue: `send` has returned.
    Queued { id: u64, partition: TopicPartition },
    /// It will be sent again.
    Retrying {
        id: u64,
        partition: TopicPartition,
        error: ErrorCode,
        attempts: u32,
    },
    /// Its future is done. Offset -1 with acks=0.
    Stored {
        id: u64,
        partition: TopicPartition,
        offset: i64,
        attempts: u32,
    },
    /// Its future is done with this exception (Java's simple name).
    Failed {
        id: u64,
        partition: TopicPartition,
        exception: Rc<str>,
        attempts: u32,
    },
}

#[derive(Debug)]
pub struct KafkaProducer {
    config: ProducerConfig,
    /// The tag of a request: its batches.
    client: ClusterClient<Vec<u64>>,
    partitioner: Partitioner,
    next_id: u64,
    blocked: Option<Blocked>,
    queues: BTreeMap<TopicPartition, PartitionQueue>,
    /// By id.
    in_flight: VecDeque<Batch>,
    /// Batches that wait or are in flight.
    buffered: usize,
    buffered_bytes: u64,
    /// No batch expires before this.
    next_expiry: Time,
    /// Who may be sent what, for `send_what_is_ready`, which is asked all the time.
    ready: Vec<(Address, TopicPartition)>,
    deliveries: VecDeque<Delivery>,
}

#[derive(Debug, Default)]
struct PartitionQueue {
    waiting: VecDeque<Batch>,
    in_flight: u32,
}

#[derive(Debug)]
struct Batch {
    id: u64,
    partition: TopicPartition,
    records: Records,
    created: Time,
    /// Attempts that failed.
    attempts: u32,
    /// Not to be sent again before this, unless a new leader has been learnt of since.
    retry_at: Time,
    leader_epoch: i32,
    attempts_when_leader_changed: Option<u32>,
}

impl Batch {
    fn after_another_attempt(self) -> Batch {
        Batch {
            attempts: self.attempts + 1,
            ..self
        }
    }

    /// `maybeUpdateLeaderEpoch`
    fn saw_leader_epoch(&mut self, leader_epoch: i32) {
        if leader_epoch > self.leader_epoch {
            self.leader_epoch = leader_epoch;
            self.attempts_when_leader_changed = Some(self.attempts);
        }
    }

    /// A retry waits, but not once its partition has got a new leader (KAFKA-15415).
    fn is_backing_off(&self, now: Time) -> bool {
        self.attempts > 0
            && now < self.retry_at
            && self.attempts_when_leader_changed != Some(self.attempts)
    }
}

impl KafkaProducer {
    /// `owner`: see `ClusterClient`.
    pub fn new(
        owner: u8,
        client_id: &str,
        bootstrap: &Bootstrap,
        config: ProducerConfig,
    ) -> KafkaProducer {
        KafkaProducer {
            client: ClusterClient::new(owner, client_id, bootstrap, config.common.clone()),
            partitioner: Partitioner::new(config.partitioner_ignore_keys),
            config,
            next_id: 0,
            blocked: None,
            queues: BTreeMap::new(),
            in_flight: VecDeque::new(),
            buffered: 0,
            buffered_bytes: 0,
            next_expiry: Time::MAX,
            ready: Vec::new(),
            deliveries: VecDeque::new(),
        }
    }

    /// Connects and asks for the brokers, as the library does when it is made.
    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.client.start(ctx);
        self.poll(ctx);
    }

    /// True while a call of `send` has not returned: its caller can do nothing else.
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Takes a record; what becomes of it is told by `next_delivery`. Not to be called while blocked.
    pub fn send(&mut self, ctx: &mut Ctx<'_>, record: ProducerRecord) -> u64 {
        assert!(!self.is_blocked(), "send has not returned yet");
        let id = self.next_id;
        self.next_id += 1;
        self.client.metadata.add_topic(&record.topic);
        let max_block = Duration::from_millis(self.config.max_block_ms);
        self.blocked = Some(Blocked::new(ctx, id, record, max_block));
        self.poll(ctx);
        self.client.time_out(ctx);
        if self.take_completed(ctx) {
            self.poll(ctx);
        }
        id
    }

    /// What has happened to records, in order.
    pub fn next_delivery(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// Takes an event that is this producer's; gives back one that is not.
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        self.client.on_event(event, ctx)?;
        self.take_completed(ctx);
        self.poll(ctx);
        Ok(())
    }

    /// True if a request has ended.
    fn take_completed(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let mut any = false;
        while let Some(completed) = self.client.next_completed() {
            self.on_completed(ctx, completed);
            any = true;
        }
        any
    }

    fn poll(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.wall();
        self.expire(now);
        self.try_append(ctx);
        let mut wake = self.next_expiry;
        while let Some(retry_at) = self.send_what_is_ready(ctx) {
            if retry_at > now {
                wake = wake.min(retry_at);
                break;
            }
        }
        if let Some(blocked) = &self.blocked {
            wake = wake.min(now + blocked.left(ctx));
            if blocked.waits_for(Wait::Metadata) {
                self.client.metadata.request_update();
            }
        }
        if let Some(at) = self.client.maybe_update_metadata(ctx) {
            wake = wake.min(at);
        }
        if wake < Time::MAX {
            self.client.wake_at(ctx, wake);
        }
    }

    // ---- KafkaProducer.doSend

    /// Lets a blocked `send` return, if it can.
    fn try_append(&mut self, ctx: &mut Ctx<'_>) {
        let Some(mut blocked) = self.blocked.take() else {
            return;
        };
        match self.append(ctx, &blocked) {
            Ok(()) => {}
            Err(Refused::Failed(exception)) => self.fail_send(&blocked, exception),
            Err(Refused::NotYet(why)) if blocked.left(ctx) == Duration::ZERO => {
                self.fail_send(&blocked, why.exception());
            }
            Err(Refused::NotYet(why)) => {
                blocked.wait_for(why, ctx);
                self.blocked = Some(blocked);
            }
        }
    }

    fn append(&mut self, ctx: &mut Ctx<'_>, blocked: &Blocked) -> Result<(), Refused> {
        let ProducerRecord {
            topic,
            partition,
            timestamp_ms,
            key,
            value,
        } = &blocked.record;
        let metadata = &self.client.metadata;
        if metadata.topic_error(topic) == Some(ErrorCode::InvalidTopicException) {
            return Err(Refused::Failed(
                ErrorCode::InvalidTopicException.exception(),
            ));
        }
        let known = metadata
            .topic(topic)
            .filter(|known| {
                let wanted = partition.map_or(0, i64::from);
                wanted < known.partitions.len() as i64
            })
            .ok_or(Refused::NotYet(Wait::Metadata))?;
        let partition = partition.unwrap_or_else(|| {
            self.partitioner
                .partition(known, key.as_deref(), |partition| {
                    let leader = known.partitions[partition as usize].leader;
                    metadata.node(leader).is_some()
                })
        });
        let mut builder = BatchBuilder::new().compression(self.config.compression_type);
        builder.append(
            timestamp_ms.unwrap_or_else(|| ctx.wall_ms()),
            key.as_deref(),
            value.as_deref(),
            &[],
        );
        let unpacked = builder.size();
        let records = Records::from(builder.build());
        let size = records.size_in_bytes();
        if unpacked > self.config.max_request_size || unpacked > self.config.buffer_memory {
            return Err(Refused::Failed("RecordTooLargeException"));
        }
        if self.buffered_bytes + size > self.config.buffer_memory {
            return Err(Refused::NotYet(Wait::Memory));
        }
        self.buffered += 1;
        self.buffered_bytes += size;
        let partition = TopicPartition::new(TopicName::clone(&known.name), partition);
        let created = ctx.wall();
        self.next_expiry = self.next_expiry.min(created + self.delivery_timeout());
        self.deliveries.push_back(Delivery::Queued {
            id: blocked.id,
            partition: partition.clone(),
        });
        self.queues
            .entry(partition.clone())
            .or_default()
            .waiting
            .push_back(Batch {
                id: blocked.id,
                partition,
                records,
                created,
                attempts: 0,
                retry_at: created,
                leader_epoch: -1,
                attempts_when_leader_changed: None,
            });
        Ok(())
    }

    fn fail_send(&mut self, blocked: &Blocked, exception: &str) {
        let partition = blocked.record.partition.unwrap_or(UNKNOWN_PARTITION);
        self.deliveries.push_back(Delivery::Failed {
            id: blocked.id,
            partition: TopicPartition::new(TopicName::clone(&blocked.record.topic), partition),
            exception: exception.into(),
            attempts: 0,
        });
    }

    // ---- Sender.sendProducerData

    /// Sends at most one batch of each partition. Answers when to try again: now if something was
    /// sent, later if batches back off, `None` if only an event can help.
    fn send_what_is_ready(&mut self, ctx: &mut Ctx<'_>) -> Option<Time> {
        if self.buffered == self.in_flight.len() {
            return None;
        }
        let now = ctx.wall();
        let in_order = self.config.common.network.max_in_flight == 1;
        let mut retry_at: Option<Time> = None;
        let mut ready = std::mem::take(&mut self.ready);
        let mut leader_unknown = false;
        for (partition, queue) in &mut self.queues {
            let Some(first) = queue.waiting.front_mut() else {
                continue;
            };
            if in_order && queue.in_flight > 0 {
                continue;
            }
            let Some((_, node, leader_epoch)) = self.client.metadata.leader(partition) else {
                leader_unknown = true;
                continue;
            };
            first.saw_leader_epoch(leader_epoch);
            if first.is_backing_off(now) {
                retry_at = Some(retry_at.map_or(first.retry_at, |at| at.min(first.retry_at)));
                continue;
            }
            ready.push((node, partition.clone()));
        }
        if leader_unknown {
            self.client.metadata.request_update();
        }
        ready.sort_by_key(|(node, _)| *node);
        for of_one_node in ready.chunk_by(|a, b| a.0 == b.0) {
            let node = of_one_node[0].0;
            if self.client.ready(ctx, node) {
                let partitions = of_one_node.iter().map(|(_, partition)| partition);
                self.send_produce_request(ctx, node, partitions);
                retry_at = Some(now);
            }
        }
        ready.clear();
        self.ready = ready;
        retry_at
    }

    fn send_produce_request<'a>(
        &mut self,
        ctx: &mut Ctx<'_>,
        node: Address,
        partitions: impl ExactSizeIterator<Item = &'a TopicPartition>,
    ) {
        let mut size = 0;
        let mut ids = Vec::with_capacity(partitions.len());
        let mut data = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let Some(queue) = self.queues.get_mut(partition) else {
                continue;
            };
            let Some(batch) = queue.waiting.pop_front() else {
                continue;
            };
            size += batch.records.size_in_bytes();
            if size > self.config.max_request_size && !ids.is_empty() {
                queue.waiting.push_front(batch);
                break;
            }
            queue.in_flight += 1;
            // P5: who asks for order is sent nothing new before the answer.
            let one = self.config.common.network.max_in_flight == 1;
            assert!(queue.in_flight == 1 || !one, "{partition}: two under way");
            ids.push(batch.id);
            data.push((partition.clone(), batch.records.clone()));
            let place = self.place_in_flight(batch.id);
            let place = place.expect_err("a batch is under way twice");
            self.in_flight.insert(place, batch);
        }
        let timeout = self.config.common.request_timeout();
        let request = ProduceRequest {
            acks: self.config.acks.code(),
            timeout_ms: timeout.as_millis() as i32,
            data,
        };
        self.client.send(ctx, node, request.into(), timeout, ids);
    }

    /// Batches older than `delivery.timeout.ms` fail, also those in flight, whose outcome is unknown
    /// (P6).
    fn expire(&mut self, now: Time) {
        if now < self.next_expiry {
            return;
        }
        let timeout = self.delivery_timeout();
        let is_old = |batch: &Batch| batch.created + timeout <= now;
        let mut expired: Vec<Batch> = Vec::new();
        for queue in self.queues.values_mut() {
            while queue.waiting.front().is_some_and(is_old) {
                expired.extend(queue.waiting.pop_front());
            }
        }
        let in_flight: Vec<u64> = self
            .in_flight
            .iter()
            .filter(|batch| is_old(batch))
            .map(|batch| batch.id)
            .collect();
        for id in in_flight {
            let batch = self.take_in_flight(id);
            expired.extend(batch.map(Batch::after_another_attempt));
        }
        expired.sort_by_key(|batch| batch.id);
        for batch in expired {
            self.fail(batch, "TimeoutException");
        }
        let waiting = self
            .queues
            .values()
            .filter_map(|queue| queue.waiting.front());
        self.next_expiry = waiting
            .chain(&self.in_flight)
            .map(|batch| batch.created + timeout)
            .min()
            .unwrap_or(Time::MAX);
    }

    // ---- Sender.handleProduceResponse

    fn on_completed(&mut self, ctx: &mut Ctx<'_>, completed: Completed<Vec<u64>>) {
        let ids = completed.tag;
        match completed.result {
            Ok(Response::Produce(response)) => {
                for answer in response.responses {
                    let id = ids.iter().copied().find(|id| {
                        let place = self.place_in_flight(*id);
                        place.is_ok_and(|place| self.in_flight[place].partition == answer.partition)
                    });
                    if let Some(id) = id {
                        self.complete(ctx, id, answer.error, answer.base_offset);
                    }
                    if let Some(leader) = answer.current_leader {
                        self.client.metadata.update_leader(
                            &answer.partition,
                            leader,
                            &response.node_endpoints,
                        );
                    }
                }
            }
            Ok(_) => self.complete_all(ctx, &ids, ErrorCode::UnknownServerError),
            Err(Disconnected::TimedOut) => self.complete_all(ctx, &ids, ErrorCode::RequestTimedOut),
            Err(Disconnected::InFlight(_) | Disconnected::NotSent(_)) => {
                self.complete_all(ctx, &ids, ErrorCode::NetworkException);
            }
        }
    }

    fn complete_all(&mut self, ctx: &mut Ctx<'_>, ids: &[u64], error: ErrorCode) {
        for id in ids {
            self.complete(ctx, *id, error, -1);
        }
    }

    /// `completeBatch`. A batch that expired in flight is not known here any more.
    fn complete(&mut self, ctx: &mut Ctx<'_>, id: u64, error: ErrorCode, offset: i64) {
        let Some(batch) = self.take_in_flight(id) else {
            return;
        };
        if error.is_none() {
            self.buffered -= 1;
            self.buffered_bytes -= batch.records.size_in_bytes();
            self.deliveries.push_back(Delivery::Stored {
                id: batch.id,
                partition: batch.partition,
                offset,
                attempts: batch.attempts + 1,
            });
            return;
        }
        if error.is_invalid_metadata() {
            self.client.metadata.request_update();
        }
        let in_time = ctx.wall() < batch.created + self.delivery_timeout();
        if in_time && batch.attempts < self.config.retries && error.is_retriable() {
            self.reenqueue(ctx, batch, error);
        } else {
            self.fail(batch.after_another_attempt(), error.exception());
        }
    }

    fn reenqueue(&mut self, ctx: &mut Ctx<'_>, mut batch: Batch, error: ErrorCode) {
        let common = &self.config.common;
        let pause = exponential(
            ctx,
            common.retry_backoff_ms,
            common.retry_backoff_max_ms,
            batch.attempts,
        );
        batch.attempts += 1;
        batch.retry_at = ctx.wall() + pause;
        self.deliveries.push_back(Delivery::Retrying {
            id: batch.id,
            partition: batch.partition.clone(),
            error,
            attempts: batch.attempts,
        });
        self.queues
            .entry(batch.partition.clone())
            .or_default()
            .waiting
            .push_front(batch);
    }

    fn fail(&mut self, batch: Batch, exception: &str) {
        self.buffered -= 1;
        self.buffered_bytes -= batch.records.size_in_bytes();
        self.deliveries.push_back(Delivery::Failed {
            id: batch.id,
            partition: batch.partition,
            exception: exception.into(),
            attempts: batch.attempts,
        });
    }

    fn take_in_flight(&mut self, id: u64) -> Option<Batch> {
        let place = self.place_in_flight(id).ok()?;
        let batch = self.in_flight.remove(place)?;
        if let Some(queue) = self.queues.get_mut(&batch.partition) {
            queue.in_flight -= 1;
        }
        Some(batch)
    }

    /// Where a batch is among those in flight, or would be.
    fn place_in_flight(&self, id: u64) -> Result<usize, usize> {
        self.in_flight.binary_search_by_key(&id, |batch| batch.id)
    }

    fn delivery_timeout(&self) -> Duration {
        Duration::from_millis(self.config.delivery_timeout_ms)
    }
}
