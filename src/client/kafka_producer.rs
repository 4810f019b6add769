//! The producer library (class KafkaProducer; CP1 to CP4, CP6, CP7).
//!
//! `send` takes a record as Java's does: it may block its caller (`is_blocked`) for `max.block.ms` until the topic
//! is known and there is memory for a batch; from then on the record belongs to its partition's queue, and the
//! sender's thread to that. That thread has its turn when its application has handed over all that it has for the
//! moment (`run_sender`).

mod blocked;

use crate::client::Bootstrap;
use crate::client::cluster_client::ClusterClient;
use crate::client::delivery::{Delivery, Sends};
use crate::client::partitioner::Partitioner;
use crate::client::record_accumulator::{Append, Appended};
use crate::client::sender::Sender;
use crate::kernel::{Duration, Time};
use crate::log::batch::Headers;
use crate::protocol::config::{KafkaVersion, ProducerConfig};
use crate::protocol::rules::Rules;
use crate::protocol::{Ctx, ErrorCode, Event, TopicName, TopicPartition};
use blocked::{Blocked, Chosen, Refused, Wait};
use bytes::Bytes;

/// Partition of a record that failed before one was chosen (`RecordMetadata.UNKNOWN_PARTITION`).
pub const UNKNOWN_PARTITION: i32 = -1;

/// What an application hands over.
#[derive(Clone, Debug)]
pub struct ProducerRecord {
    pub topic: TopicName,
    /// `None`: the partitioner decides.
    pub partition: Option<i32>,
    /// `None`: the producer's clock.
    pub timestamp_ms: Option<i64>,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Headers,
}

#[derive(Debug)]
pub struct KafkaProducer {
    max_block: Duration,
    max_request_size: u64,
    buffer_memory: u64,
    partitioner: Partitioner,
    sender: Sender,
    next_send: u64,
    blocked: Option<Blocked>,
    /// A call of `flush` has not returned.
    flushing: bool,
    /// The sender has something to look at.
    woken: bool,
}

impl KafkaProducer {
    /// `owner`: see `ClusterClient`.
    pub fn new(
        owner: u8,
        client_id: &str,
        bootstrap: &Bootstrap,
        config: &ProducerConfig,
    ) -> KafkaProducer {
        let client = ClusterClient::new(owner, client_id, bootstrap, config.common.clone());
        KafkaProducer {
            max_block: Duration::from_millis(config.max_block_ms),
            max_request_size: config.max_request_size,
            buffer_memory: config.buffer_memory,
            partitioner: Partitioner::new(config.partitioner, config.partitioner_ignore_keys),
            sender: Sender::new(config, client),
            next_send: 0,
            blocked: None,
            flushing: false,
            woken: false,
        }
    }

    /// Keeps to these rules.
    pub fn keeping(mut self, rules: Rules) -> KafkaProducer {
        self.sender.keep(rules);
        self
    }

    /// Of this release (CB3).
    pub fn of_release(mut self, release: KafkaVersion) -> KafkaProducer {
        self.sender.is_of_release(release);
        self
    }

    /// Connects and asks for the brokers, as the library does when it is made.
    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.sender.start(ctx);
        self.woken = true;
    }

    /// True while a call of `send` or `flush` has not returned: its caller can do nothing else.
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some() || self.flushing
    }

    /// Takes a record; what becomes of it is told by `next_delivery`, under the number that is answered: one
    /// more than that of the record before, from 0 on. Not to be called while blocked.
    pub fn send(&mut self, ctx: &mut Ctx<'_>, record: ProducerRecord) -> u64 {
        assert!(!self.is_blocked(), "send has not returned yet");
        let send = self.next_send;
        self.next_send += 1;
        self.sender.metadata().add_topic(&record.topic, ctx.wall());
        self.try_send(ctx, Blocked::new(ctx, send, record, self.max_block));
        // CP2: who waits for metadata wakes the sender, which asks for them; who waits for memory does not.
        let waits = self.blocked.as_ref();
        self.woken |= waits.is_some_and(|it| it.waits_for(Wait::Metadata));
        send
    }

    /// CP44: sends all that it has, and returns when that is answered, however long it takes: see `is_blocked`.
    pub fn flush(&mut self) {
        assert!(!self.is_blocked(), "send or flush has not returned yet");
        self.flushing = true;
        self.sender.accumulator.set_flushing(true);
        self.woken = true;
    }

    /// What has happened to records, in order.
    pub fn next_delivery(&mut self) -> Option<Delivery> {
        self.sender.next_delivery()
    }

    pub fn has_deliveries(&self) -> bool {
        self.sender.has_deliveries()
    }

    /// Takes an event that is this producer's; gives back one that is not.
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        self.sender.on_event(event, ctx)?;
        self.woken = true;
        self.go_on(ctx);
        self.end_flush();
        Ok(())
    }

    /// The sender's turn, if anything has woken it: to be given after each event.
    pub fn run_sender(&mut self, ctx: &mut Ctx<'_>) {
        let mut wake = Time::MAX;
        while std::mem::take(&mut self.woken) {
            wake = self.sender.run(ctx);
            // Records that were given up have made room.
            self.go_on(ctx);
        }
        self.end_flush();
        if let Some(blocked) = &self.blocked {
            wake = wake.min(ctx.wall() + blocked.left(ctx));
        }
        if wake < Time::MAX {
            self.sender.wake_at(ctx, wake);
        }
    }

    /// CP45: nothing lingers any more. Whoever closes waits until all records are answered.
    pub fn close(&mut self) {
        self.sender.accumulator.close();
        self.woken = true;
    }

    /// Whoever called it has sent nothing since: it waits for all that there is.
    fn end_flush(&mut self) {
        if self.flushing && !self.sender.has_incomplete() {
            self.flushing = false;
            self.sender.accumulator.set_flushing(false);
        }
    }

    // ---- doSend

    /// Lets a blocked `send` return, if it can.
    fn go_on(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(blocked) = self.blocked.take() {
            self.try_send(ctx, blocked);
        }
    }

    fn try_send(&mut self, ctx: &mut Ctx<'_>, mut blocked: Blocked) {
        match self.do_send(ctx, &mut blocked) {
            Ok(()) => {}
            Err(Refused::Failed(exception)) => self.fail_send(&blocked, exception),
            Err(Refused::NotYet(why)) if blocked.left(ctx) == Duration::ZERO => {
                self.sender.accumulator.stop_waiting();
                self.fail_send(&blocked, why.exception());
            }
            Err(Refused::NotYet(why)) => {
                blocked.wait_for(why, ctx);
                self.blocked = Some(blocked);
            }
        }
    }

    fn do_send(&mut self, ctx: &mut Ctx<'_>, blocked: &mut Blocked) -> Result<(), Refused> {
        if blocked.chosen.is_none() {
            self.wait_on_metadata(blocked)?;
            let partition = self.partition(ctx, blocked);
            self.ensure_valid_record_size(blocked)?;
            // CP5: after the wait.
            let timestamp_ms = blocked.content.timestamp_ms;
            if timestamp_ms == NO_TIMESTAMP {
                blocked.content.timestamp_ms = ctx.wall_ms();
            }
            blocked.chosen = Some(Chosen {
                partition,
                tells_of_new_batch: self.partitioner.is_told_of_new_batches(),
            });
        }
        self.append(ctx, blocked)
    }

    /// CP2, CX2: the topic, and the partition that the record names.
    fn wait_on_metadata(&mut self, blocked: &Blocked) -> Result<(), Refused> {
        let metadata = self.sender.metadata();
        let invalid = ErrorCode::InvalidTopicException;
        if metadata.topic_error(&blocked.topic) == Some(invalid) {
            return Err(Refused::Failed(invalid.exception()));
        }
        let wanted = blocked.partition.map_or(0, i64::from);
        let known = metadata.topic(&blocked.topic);
        if known.is_some_and(|it| wanted < it.partitions.len() as i64) {
            return Ok(());
        }
        metadata.request_update();
        Err(Refused::NotYet(Wait::Metadata))
    }

    /// CP7: `None` if the built-in partitioner is to decide.
    fn partition(&mut self, ctx: &mut Ctx<'_>, blocked: &Blocked) -> Option<i32> {
        if blocked.partition.is_some() {
            return blocked.partition;
        }
        let (_, cluster, _) = self.sender.append_to();
        let partitions = cluster.topic(&blocked.topic)?;
        let key = blocked.content.key.as_deref();
        let partitioner = &mut self.partitioner;
        partitioner.partition(ctx, &blocked.topic, partitions, key)
    }

    /// CP4
    fn ensure_valid_record_size(&self, blocked: &Blocked) -> Result<(), Refused> {
        let size = blocked.content.size_upper_bound();
        if size > self.max_request_size || size > self.buffer_memory {
            return Err(Refused::Failed("RecordTooLargeException"));
        }
        // CP18: a batch takes batch.size at least.
        if self.sender.accumulator.is_beyond_memory(&blocked.content) {
            return Err(Refused::Failed("IllegalArgumentException"));
        }
        Ok(())
    }

    fn append(&mut self, ctx: &mut Ctx<'_>, blocked: &mut Blocked) -> Result<(), Refused> {
        loop {
            let Some(chosen) = blocked.chosen else {
                return Err(Refused::NotYet(Wait::Metadata));
            };
            let (metadata, cluster, accumulator) = self.sender.append_to();
            // As the metadata share it, so that brokers find its partitions fast.
            let (Some(known), Some(partitions)) = (
                metadata.topic(&blocked.topic),
                cluster.topic(&blocked.topic),
            ) else {
                return Err(Refused::NotYet(Wait::Metadata));
            };
            let append = Append {
                send: blocked.send,
                topic: &known.name,
                partition: chosen.partition,
                content: &blocked.content,
                tells_of_new_batch: chosen.tells_of_new_batch,
            };
            match accumulator.append(ctx, partitions, append) {
                Appended::Into { partition, wakes } => {
                    self.woken |= wakes;
                    let topic = ctx.states_routine().then(|| TopicName::clone(&known.name));
                    self.sender.overwrite_unwritten(ctx);
                    if let Some(topic) = topic {
                        self.sender.tell(Delivery::Queued {
                            send: blocked.send,
                            partition: TopicPartition::new(topic, partition),
                        });
                    }
                    return Ok(());
                }
                Appended::NoMemory { partition } => {
                    blocked.last_partition = partition;
                    return Err(Refused::NotYet(Wait::Memory));
                }
                // CP14
                Appended::NewBatch => {
                    let previous = chosen.partition.unwrap_or(UNKNOWN_PARTITION);
                    let topic = &blocked.topic;
                    let partitioner = &mut self.partitioner;
                    partitioner.on_new_batch(ctx, topic, partitions, previous);
                    let partition = self.partition(ctx, blocked);
                    blocked.chosen = Some(Chosen {
                        partition,
                        tells_of_new_batch: false,
                    });
                }
            }
        }
    }

    /// CP6
    fn fail_send(&mut self, blocked: &Blocked, exception: &str) {
        let topic = TopicName::clone(&blocked.topic);
        self.sender.tell(Delivery::Failed {
            sends: Sends::from_slice(&[blocked.send]),
            partition: TopicPartition::new(topic, blocked.last_partition),
            exception: exception.into(),
            attempts: 0,
        });
    }
}

/// Of a record for which the application has said none.
const NO_TIMESTAMP: i64 = -1;
