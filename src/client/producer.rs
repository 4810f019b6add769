//! A producer node: an application that hands its workload's records to a `KafkaProducer` and states
//! what became of each.

mod sending;

use crate::client::Bootstrap;
use crate::client::delivery::Delivery;
use crate::client::kafka_producer::{KafkaProducer, ProducerRecord};
use crate::client::serializers::SchemaOptions;
use crate::client::workload::{Pace, Source, Workload};
use crate::kernel::{Duration, Time};
use crate::log::batch::Headers;
use crate::protocol::config::{ConfigError, ProducerConfig, Properties, SerializerConfig};
use crate::protocol::rules::{AppResend, Rules};
use crate::protocol::{
    ClientTimer, Ctx, Event, Fact, RecordId, Timer, TopicName, TopicPartition, content_of,
};
use bytes::Bytes;
use sending::Sending;
use std::collections::VecDeque;
use std::rc::Rc;

/// What a producer node is built from.
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// Also its `client.id`, and the producer in its records' ids.
    pub name: String,
    pub bootstrap: Bootstrap,
    pub properties: Properties,
    pub topic: TopicName,
    pub workload: Workload,
    pub schemas: SchemaOptions,
    /// Of each record.
    pub headers: Headers,
    pub rules: Rules,
}

#[derive(Debug)]
pub struct Producer {
    options: ProducerOptions,
    config: ProducerConfig,
    name: Rc<str>,
    source: Source,
    sending: Sending,
    library: KafkaProducer,
    on_the_way: OnTheWay,
    started: Time,
    /// A record fell due while `send` was blocked.
    overdue: bool,
    /// Numbers, keys and values of records that were given up and are handed over again (`AppResend`).
    again: VecDeque<(u64, Option<Bytes>, Option<Bytes>)>,
    /// `flush` is to be called once `send` has returned.
    flush_due: bool,
    /// It has been asked to stop.
    closing: bool,
}

/// Records that were handed over and are not settled, by the library's numbers, which rise by one.
#[derive(Debug, Default)]
struct OnTheWay {
    /// Number of the first.
    first: u64,
    records: VecDeque<Option<Outstanding>>,
    count: usize,
}

type KeyAndValue = (Option<Bytes>, Option<Bytes>);

#[derive(Debug)]
struct Outstanding {
    number: u64,
    created: Time,
    content: u64,
    queued: bool,
    /// Its key and value, where its application would hand it over again.
    resend: Option<Box<KeyAndValue>>,
}

/// The exception of a record that was given up when its time was over.
const TIMED_OUT: &str = "TimeoutException";
/// The library's number among those of this node.
const OWNER: u8 = 0;
/// Pause of an application that goes as fast as it can, after nothing could be sent at all.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(100);

impl Producer {
    pub fn new(options: ProducerOptions) -> Result<Producer, ConfigError> {
        let config = ProducerConfig::parse(&options.properties)?;
        SerializerConfig::of_producer(&options.properties)?;
        Ok(Producer::fresh(options, config, Source::default()))
    }

    /// A fresh process. Its workload goes on: it is the world outside.
    pub fn rebooted(&self) -> Producer {
        Producer::fresh(
            self.options.clone(),
            self.config.clone(),
            self.source.clone(),
        )
    }

    fn fresh(options: ProducerOptions, config: ProducerConfig, source: Source) -> Producer {
        let library = KafkaProducer::new(OWNER, &options.name, &options.bootstrap, &config);
        Producer {
            name: options.name.as_str().into(),
            sending: Sending::new(&options),
            library: library.keeping(options.rules),
            options,
            config,
            source,
            on_the_way: OnTheWay::default(),
            started: Time::ZERO,
            overdue: false,
            again: VecDeque::new(),
            flush_due: false,
            closing: false,
        }
    }

    /// Records made so far, over all lives of the process.
    pub fn records_made(&self) -> u64 {
        self.source.made()
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => {
                // Drawn before anything else, so that no message moves a truck.
                let seed = ctx.random().next_u64();
                self.source.seed_once(|| seed);
                self.started = ctx.now();
                self.library.start(ctx);
                self.set_next(ctx, self.options.workload.start_after);
            }
            Event::Terminate => {
                self.closing = true;
                self.library.close();
            }
            Event::Timer(Timer::Client(ClientTimer::NextRecord)) => self.on_next_record(ctx),
            other => {
                if let Some(other) = self.on_registry_event(other, ctx) {
                    // What is not the library's is of no concern to this node.
                    let _ = self.library.on_event(other, ctx);
                }
            }
        }
        self.after_event(ctx);
    }

    fn on_next_record(&mut self, ctx: &mut Ctx<'_>) {
        self.overdue = true;
        if let Pace::Every(period) = self.options.workload.pace
            && !self.is_over(ctx.now())
        {
            self.set_next(ctx, period);
        }
    }

    /// Hands over what is due, and lets the library work. What that gives up makes room, once.
    fn after_event(&mut self, ctx: &mut Ctx<'_>) {
        for _ in 0..2 {
            self.state_deliveries(ctx);
            self.hand_over(ctx);
            self.library.run_sender(ctx);
            if !self.library.has_deliveries() {
                break;
            }
        }
        self.state_deliveries(ctx);
        let saturates = matches!(
            self.options.workload.pace,
            Pace::AsFastAsAcknowledged { .. }
        );
        let is_idle = self.on_the_way.is_empty() && !self.sending.is_waiting();
        if saturates && self.overdue && is_idle && !self.is_over(ctx.now()) {
            self.overdue = false;
            self.set_next(ctx, PAUSE_AFTER_REFUSAL);
        }
        if self.closing && is_idle {
            ctx.fact(Fact::Exiting {
                status: 0,
                why: "asked to stop".into(),
            });
            ctx.exit(0);
        }
    }

    fn hand_over(&mut self, ctx: &mut Ctx<'_>) {
        while !self.is_blocked()
            && let Some((number, key, value)) = self.again.pop_front()
        {
            // That it was made is said.
            self.send_record(ctx, number, None, (key, value), true);
        }
        self.flush_if_due();
        match self.options.workload.pace {
            Pace::Every(_) => {
                if self.overdue && !self.is_blocked() {
                    self.overdue = false;
                    self.make_record(ctx);
                }
            }
            Pace::AsFastAsAcknowledged { in_flight } => self.refill(ctx, in_flight),
        }
    }

    /// Keeps `in_flight` records on the way once the first has fallen due.
    fn refill(&mut self, ctx: &mut Ctx<'_>, in_flight: u32) {
        if !self.overdue {
            return;
        }
        for _ in 0..in_flight {
            if self.on_the_way.count >= in_flight as usize
                || self.is_blocked()
                || !self.make_record(ctx)
            {
                return;
            }
        }
    }

    /// False if the workload is over.
    fn make_record(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if self.is_over(ctx.now()) {
            return false;
        }
        let workload = &self.options.workload;
        let now_ms = ctx.wall_ms();
        let timestamp_ms = workload.timestamp.at(now_ms);
        let next = self.source.made() + 1;
        self.flush_due |= workload.flush.is_some_and(|n| next.is_multiple_of(n));
        if self.sending.serializes() {
            let (number, objects) = self.source.next_objects(workload, &self.name, now_ms);
            self.serialize(ctx, number, objects, timestamp_ms);
            self.flush_if_due();
            return true;
        }
        let (number, key, value) = self.source.next(workload, &self.name, now_ms);
        self.send(ctx, number, timestamp_ms, key, value);
        self.flush_if_due();
        true
    }

    fn flush_if_due(&mut self) {
        if self.flush_due && !self.is_blocked() {
            self.flush_due = false;
            self.library.flush();
        }
    }

    /// A call of `send` has not returned: it waits for the library, or its serializer for a registry.
    fn is_blocked(&self) -> bool {
        self.library.is_blocked() || self.sending.is_waiting()
    }

    fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        number: u64,
        timestamp_ms: Option<i64>,
        key: Option<Bytes>,
        value: Option<Bytes>,
    ) {
        self.send_record(ctx, number, timestamp_ms, (key, value), false);
    }

    fn send_record(
        &mut self,
        ctx: &mut Ctx<'_>,
        number: u64,
        timestamp_ms: Option<i64>,
        (key, value): KeyAndValue,
        queued: bool,
    ) {
        // Facts only need it.
        let content = if ctx.states_routine() {
            content_of(key.as_deref(), value.as_deref())
        } else {
            0
        };
        let created = ctx.now();
        let resends = self.options.rules.app_resend == AppResend::AfterTimeout;
        let resend = resends.then(|| Box::new((key.clone(), value.clone())));
        let send = self.library.send(
            ctx,
            ProducerRecord {
                topic: TopicName::clone(&self.options.topic),
                partition: self.options.workload.partition,
                timestamp_ms,
                key,
                value,
                headers: self.options.headers.clone(),
            },
        );
        let outstanding = Outstanding {
            number,
            created,
            content,
            queued,
            resend,
        };
        self.on_the_way.push(send, outstanding);
        self.state_deliveries(ctx);
    }

    fn is_over(&self, now: Time) -> bool {
        let workload = &self.options.workload;
        let has_made_all = |limit| self.source.made() >= limit;
        let is_late = |stop| self.started + stop <= now;
        self.closing
            || workload.limit.is_some_and(has_made_all)
            || workload.stop_after.is_some_and(is_late)
    }

    fn state_deliveries(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(delivery) = self.library.next_delivery() {
            match delivery {
                Delivery::Queued { send, partition } => self.state_created(ctx, send, &partition),
                Delivery::Retrying {
                    sends,
                    partition,
                    error,
                    attempts,
                    idempotent,
                } => {
                    for send in sends {
                        if let Some(outstanding) = self.on_the_way.get(send) {
                            ctx.fact(Fact::Retrying {
                                record: self.record_id(outstanding.number),
                                partition: partition.clone(),
                                error,
                                attempts,
                                idempotent,
                            });
                        }
                    }
                }
                Delivery::Stored {
                    sends,
                    partition,
                    base_offset,
                    attempts,
                } => {
                    // CP46: in order.
                    for (index, send) in (0..).zip(sends) {
                        if let Some(outstanding) = self.on_the_way.take(send)
                            && ctx.states_routine()
                        {
                            ctx.fact(Fact::Acked {
                                record: self.record_id(outstanding.number),
                                partition: partition.clone(),
                                // CP47
                                offset: if base_offset < 0 {
                                    -1
                                } else {
                                    base_offset + index
                                },
                                content: outstanding.content,
                                latency_ns: ctx.now().since(outstanding.created).0,
                                attempts,
                            });
                        }
                    }
                }
                Delivery::Failed {
                    sends,
                    partition,
                    exception,
                    attempts,
                } => {
                    for send in sends {
                        self.state_created(ctx, send, &partition);
                        if let Some(outstanding) = self.on_the_way.take(send) {
                            ctx.fact(Fact::Failed {
                                record: self.record_id(outstanding.number),
                                partition: partition.clone(),
                                exception: Rc::clone(&exception),
                                attempts,
                            });
                            let resend = outstanding.resend.filter(|_| *exception == *TIMED_OUT);
                            let resend = resend.map(|it| (outstanding.number, it.0, it.1));
                            self.again.extend(resend);
                        }
                    }
                }
            }
        }
    }

    /// Once for each record: when it is in a batch, or when it failed before.
    fn state_created(&mut self, ctx: &mut Ctx<'_>, send: u64, partition: &TopicPartition) {
        let Some(outstanding) = self.on_the_way.get_mut(send) else {
            return;
        };
        if std::mem::replace(&mut outstanding.queued, true) || !ctx.states_routine() {
            return;
        }
        let (number, content) = (outstanding.number, outstanding.content);
        ctx.fact(Fact::RecordCreated {
            record: self.record_id(number),
            partition: partition.clone(),
            content,
        });
    }

    fn record_id(&self, number: u64) -> RecordId {
        RecordId {
            producer: Rc::clone(&self.name),
            number,
        }
    }

    fn set_next(&self, ctx: &mut Ctx<'_>, after: Duration) {
        ctx.set_timer(after, Timer::Client(ClientTimer::NextRecord));
    }
}

impl OnTheWay {
    fn push(&mut self, send: u64, record: Outstanding) {
        assert_eq!(
            self.first + self.records.len() as u64,
            send,
            "one after the other"
        );
        self.records.push_back(Some(record));
        self.count += 1;
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn get(&self, send: u64) -> Option<&Outstanding> {
        let place = send.checked_sub(self.first)?;
        self.records.get(place as usize)?.as_ref()
    }

    fn get_mut(&mut self, send: u64) -> Option<&mut Outstanding> {
        let place = send.checked_sub(self.first)?;
        self.records.get_mut(place as usize)?.as_mut()
    }

    /// It is settled.
    fn take(&mut self, send: u64) -> Option<Outstanding> {
        let place = send.checked_sub(self.first)?;
        let taken = self.records.get_mut(place as usize)?.take();
        self.count -= usize::from(taken.is_some());
        while let Some(None) = self.records.front() {
            self.records.pop_front();
            self.first += 1;
        }
        taken
    }
}
