//! A producer node: an application that hands its workload's records to a `KafkaProducer` and states
//! what became of each.

use crate::client::Bootstrap;
use crate::client::kafka_producer::{Delivery, KafkaProducer, ProducerRecord, UNKNOWN_PARTITION};
use crate::client::workload::{Pace, Source, Workload};
use crate::kernel::{Duration, Time};
use crate::protocol::config::{ConfigError, ProducerConfig, Properties};
use crate::protocol::{
    ClientTimer, Ctx, Event, Fact, RecordId, Timer, TopicName, TopicPartition, content_of,
};
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
}

#[derive(Debug)]
pub struct Producer {
    options: ProducerOptions,
    config: ProducerConfig,
    name: Rc<str>,
    source: Source,
    library: KafkaProducer,
    /// Records on the way, by the library's id.
    outstanding: VecDeque<Outstanding>,
    started: Time,
    /// A record fell due while `send` was blocked.
    overdue: bool,
    /// It has been asked to stop.
    closing: bool,
}

#[derive(Debug)]
struct Outstanding {
    id: u64,
    number: u64,
    created: Time,
    content: u64,
    queued: bool,
}

/// The library's number among those of this node.
const OWNER: u8 = 0;
/// Pause of an application that goes as fast as it can, after nothing could be sent at all.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(100);

impl Producer {
    pub fn new(options: ProducerOptions) -> Result<Producer, ConfigError> {
        let config = ProducerConfig::parse(&options.properties)?;
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
        Producer {
            name: options.name.as_str().into(),
            library: KafkaProducer::new(OWNER, &options.name, &options.bootstrap, config.clone()),
            options,
            config,
            source,
            outstanding: VecDeque::new(),
            started: Time::ZERO,
            overdue: false,
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
            Event::Terminate => self.closing = true,
            Event::Timer(Timer::Client(ClientTimer::NextRecord)) => self.on_next_record(ctx),
            other => {
                // What is not the library's is of no concern to this node.
                let _ = self.library.on_event(other, ctx);
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

    fn after_event(&mut self, ctx: &mut Ctx<'_>) {
        self.state_deliveries(ctx);
        match self.options.workload.pace {
            Pace::Every(_) => {
                if self.overdue && !self.library.is_blocked() {
                    self.overdue = false;
                    self.make_record(ctx);
                }
            }
            Pace::AsFastAsAcknowledged { in_flight } => self.refill(ctx, in_flight),
        }
        if self.closing && self.outstanding.is_empty() {
            ctx.fact(Fact::Exiting {
                status: 0,
                why: "asked to stop".into(),
            });
            ctx.exit(0);
        }
    }

    /// Keeps `in_flight` records on the way once the first has fallen due.
    fn refill(&mut self, ctx: &mut Ctx<'_>, in_flight: u32) {
        if !self.overdue {
            return;
        }
        for _ in 0..in_flight {
            if self.outstanding.len() as u64 >= u64::from(in_flight)
                || self.library.is_blocked()
                || !self.make_record(ctx)
            {
                return;
            }
        }
        if self.outstanding.is_empty() {
            self.overdue = false;
            self.set_next(ctx, PAUSE_AFTER_REFUSAL);
        }
    }

    /// False if the workload is over.
    fn make_record(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if self.is_over(ctx.now()) {
            return false;
        }
        let workload = &self.options.workload;
        let now_ms = ctx.wall_ms();
        let (number, key, value) = self.source.next(workload, &self.name, now_ms);
        let timestamp_ms = workload.timestamp.at(now_ms);
        let content = content_of(key.as_deref(), value.as_deref());
        let created = ctx.now();
        let id = self.library.send(
            ctx,
            ProducerRecord {
                topic: TopicName::clone(&self.options.topic),
                partition: None,
                timestamp_ms: Some(timestamp_ms),
                key,
                value,
            },
        );
        self.outstanding.push_back(Outstanding {
            id,
            number,
            created,
            content,
            queued: false,
        });
        self.state_deliveries(ctx);
        true
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
                Delivery::Queued { id, partition } => self.state_created(ctx, id, partition),
                Delivery::Retrying {
                    id,
                    partition,
                    error,
                    attempts,
                } => {
                    if let Some(place) = self.place(id) {
                        ctx.fact(Fact::Retrying {
                            record: self.record_id(self.outstanding[place].number),
                            partition,
                            error,
                            attempts,
                        });
                    }
                }
                Delivery::Stored {
                    id,
                    partition,
                    offset,
                    attempts,
                } => {
                    if let Some(outstanding) = self.settled(id)
                        && ctx.states_routine()
                    {
                        ctx.fact(Fact::Acked {
                            record: self.record_id(outstanding.number),
                            partition,
                            offset,
                            content: outstanding.content,
                            latency_ns: ctx.now().since(outstanding.created).0,
                            attempts,
                        });
                    }
                }
                Delivery::Failed {
                    id,
                    partition,
                    exception,
                    attempts,
                } => {
                    if partition.partition == UNKNOWN_PARTITION {
                        self.state_created(ctx, id, partition.clone());
                    }
                    if let Some(outstanding) = self.settled(id) {
                        ctx.fact(Fact::Failed {
                            record: self.record_id(outstanding.number),
                            partition,
                            exception,
                            attempts,
                        });
                    }
                }
            }
        }
    }

    fn state_created(&mut self, ctx: &mut Ctx<'_>, id: u64, partition: TopicPartition) {
        let Some(place) = self.place(id) else {
            return;
        };
        let outstanding = &mut self.outstanding[place];
        if std::mem::replace(&mut outstanding.queued, true) || !ctx.states_routine() {
            return;
        }
        let (number, content) = (outstanding.number, outstanding.content);
        ctx.fact(Fact::RecordCreated {
            record: self.record_id(number),
            partition,
            content,
        });
    }

    /// Where a record on the way is.
    fn place(&self, id: u64) -> Option<usize> {
        let found = self.outstanding.binary_search_by_key(&id, |one| one.id);
        found.ok()
    }

    /// It is on the way no longer.
    fn settled(&mut self, id: u64) -> Option<Outstanding> {
        self.outstanding.remove(self.place(id)?)
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
