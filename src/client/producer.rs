//! A producer node: an application that hands its workload's records to a `KafkaProducer` and states
//! what became of each.

mod sending;

use crate::client::Bootstrap;
use crate::client::delivery::Delivery;
use crate::client::kafka_producer::{KafkaProducer, ProducerRecord};
use crate::client::outstanding::Outstanding;
use crate::client::serializers::SchemaOptions;
use crate::client::workload::{Pace, Source, Workload};
use crate::kernel::{Duration, Time};
use crate::log::batch::Headers;
use crate::protocol::config::{
    ConfigError, KafkaVersion, ProducerConfig, Properties, SerializerConfig,
};
use crate::protocol::rules::{AppResend, Rules};
use crate::protocol::{ClientTimer, Ctx, Event, Fact, Timer, TopicName};
use bytes::Bytes;
use sending::Sending;
use std::collections::{BTreeMap, VecDeque};
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
    pub release: KafkaVersion,
}

#[derive(Debug)]
pub struct Producer {
    options: ProducerOptions,
    config: ProducerConfig,
    name: Rc<str>,
    source: Source,
    sending: Sending,
    library: KafkaProducer,
    on_the_way: Outstanding,
    started: Time,
    /// A record fell due while `send` was blocked.
    overdue: bool,
    /// Numbers, keys and values of records that were given up and are handed over again (`AppResend`).
    again: VecDeque<(u64, KeyAndValue)>,
    /// Those of records on their way that will be handed over again if their time is over, by the library's numbers.
    kept: BTreeMap<u64, (u64, KeyAndValue)>,
    /// `flush` is to be called once `send` has returned.
    flush_due: bool,
    /// It has been asked to stop.
    closing: bool,
}

type KeyAndValue = (Option<Bytes>, Option<Bytes>);

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
        let name: Rc<str> = options.name.as_str().into();
        let library = KafkaProducer::new(OWNER, &options.name, &options.bootstrap, &config);
        Producer {
            on_the_way: Outstanding::new(Rc::clone(&name)),
            name,
            sending: Sending::new(&options),
            library: library.keeping(options.rules).of_release(options.release),
            options,
            config,
            source,
            started: Time::ZERO,
            overdue: false,
            again: VecDeque::new(),
            kept: BTreeMap::new(),
            flush_due: false,
            closing: false,
        }
    }

    /// Records made so far, over all lives of the process.
    pub fn records_made(&self) -> u64 {
        self.source.made()
    }

    /// Key and value of a record that was made, as the world stands now.
    pub fn made(&self, number: u64) -> Option<(Option<Bytes>, Option<Bytes>)> {
        self.source.again(&self.options.workload, number)
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
        let is_idle = self.on_the_way.count() == 0 && !self.sending.is_waiting();
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
            && let Some((number, key_and_value)) = self.again.pop_front()
        {
            // That it was made is said.
            self.send_record(ctx, (number, ctx.now()), None, key_and_value, true);
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
            if self.on_the_way.count() >= in_flight as usize
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
        self.send(ctx, (number, ctx.now()), timestamp_ms, key, value);
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

    /// Its number, and when its application has called `send`.
    fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        record: (u64, Time),
        timestamp_ms: Option<i64>,
        key: Option<Bytes>,
        value: Option<Bytes>,
    ) {
        self.send_record(ctx, record, timestamp_ms, (key, value), false);
    }

    fn send_record(
        &mut self,
        ctx: &mut Ctx<'_>,
        (number, called): (u64, Time),
        timestamp_ms: Option<i64>,
        (key, value): KeyAndValue,
        again: bool,
    ) {
        let content = Outstanding::content(ctx, key.as_deref(), value.as_deref());
        let resends = self.options.rules.app_resend == AppResend::AfterTimeout;
        let kept = resends.then(|| (number, (key.clone(), value.clone())));
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
        self.kept.extend(kept.map(|kept| (send, kept)));
        match again {
            true => self.on_the_way.push_again(ctx, send, number, content),
            false => self
                .on_the_way
                .push_called(ctx, called, send, number, content),
        }
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
            self.on_the_way.state(ctx, &delivery);
            if !self.kept.is_empty() {
                self.may_hand_over_again(&delivery);
            }
        }
    }

    fn may_hand_over_again(&mut self, delivery: &Delivery) {
        let (sends, resends) = match delivery {
            Delivery::Queued { .. } | Delivery::Retrying { .. } => return,
            Delivery::Stored { sends, .. } => (sends, false),
            Delivery::Failed {
                sends, exception, ..
            } => (sends, **exception == *TIMED_OUT),
        };
        for send in sends {
            let kept = self.kept.remove(send);
            self.again.extend(kept.filter(|_| resends));
        }
    }

    fn set_next(&self, ctx: &mut Ctx<'_>, after: Duration) {
        ctx.set_timer(after, Timer::Client(ClientTimer::NextRecord));
    }
}
