//! The recorder's client: runs the operations of a recording of real Kafka one after the other,
//! with the settings that the recorder used (class Driver of the lab; "The clients" of the README
//! of the recordings).

mod offsets;
mod operation;
mod read;

pub use operation::{
    DescribedPartition, DriverOperation, DriverRecord, DriverResult, OffsetAnswer,
    PartitionOffsets, Produced, ReadFrom, ReadRecord,
};

use crate::client::delivery::Delivery;
use crate::client::driver::offsets::Offsets;
use crate::client::driver::read::{POLL_RETURNS, Read};
use crate::client::kafka_admin_client::KafkaAdminClient;
use crate::client::kafka_admin_client::call::{Call, Failure};
use crate::client::kafka_producer::{KafkaProducer, ProducerRecord};
use crate::client::outstanding::Outstanding;
use crate::client::{AdminOutcome, Bootstrap};
use crate::kernel::Duration;
use crate::log::batch::Headers;
use crate::protocol::config::{AdminConfig, ConfigError, ProducerConfig, Properties};
use crate::protocol::{BrokerId, Ctx, Event, Response, Timer, TopicName};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// What the recorder's client is built from.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    pub name: String,
    pub bootstrap: Bootstrap,
    /// `Timer::Command(n)` runs the n-th of these, after those before it have ended.
    pub operations: Vec<DriverOperation>,
}

#[derive(Debug)]
pub struct Driver {
    options: DriverOptions,
    admin_config: AdminConfig,
    admin: KafkaAdminClient,
    /// By their name in the recording; owners from `FIRST_PRODUCER` on.
    producers: BTreeMap<String, LivingProducer>,
    queue: VecDeque<u32>,
    running: Option<(u32, Running)>,
    /// The administrator's call whose answer the running operation waits for.
    awaited: Option<u64>,
    results: BTreeMap<u32, DriverResult>,
}

#[derive(Debug)]
struct LivingProducer {
    library: KafkaProducer,
    outstanding: Outstanding,
}

/// The operation that runs.
#[derive(Debug)]
enum Running {
    /// One call of the administrator is the whole operation.
    Call(Call),
    Produce(Produce),
    Read(Box<Read>),
    Offsets(Offsets),
}

#[derive(Debug)]
struct Produce {
    topic: TopicName,
    partition: Option<i32>,
    producer: String,
    records: VecDeque<DriverRecord>,
    /// The record on its way, by the library's number.
    sent: Option<u64>,
    results: Vec<Produced>,
}

/// The libraries' numbers on this node.
const ADMIN: u8 = 0;
/// `read::OWNER` lies between.
const FIRST_PRODUCER: u8 = 2;
impl Driver {
    pub fn new(options: DriverOptions) -> Result<Driver, ConfigError> {
        let admin_config = AdminConfig::parse(&properties(&[
            ("request.timeout.ms", "10000"),
            ("default.api.timeout.ms", "20000"),
            ("metadata.recovery.strategy", "rebootstrap"),
        ]))?;
        Ok(Driver::fresh(options, admin_config))
    }

    pub fn rebooted(&self) -> Driver {
        Driver::fresh(self.options.clone(), self.admin_config.clone())
    }

    fn fresh(options: DriverOptions, admin_config: AdminConfig) -> Driver {
        Driver {
            admin: KafkaAdminClient::new(
                ADMIN,
                &options.name,
                &options.bootstrap,
                admin_config.clone(),
            ),
            options,
            admin_config,
            producers: BTreeMap::new(),
            queue: VecDeque::new(),
            running: None,
            awaited: None,
            results: BTreeMap::new(),
        }
    }

    /// Appends an operation; `Timer::Command` with the number that is returned runs it.
    pub fn push(&mut self, operation: DriverOperation) -> u32 {
        self.options.operations.push(operation);
        self.options.operations.len() as u32 - 1
    }

    /// No longer waits for an operation to end: the next may begin. What it asked goes its way.
    pub fn abandon(&mut self, number: u32) {
        self.queue.retain(|queued| *queued != number);
        if self
            .running
            .as_ref()
            .is_some_and(|(running, _)| *running == number)
        {
            self.running = None;
        }
    }

    /// What each operation that has ended came to.
    pub fn results(&self) -> &BTreeMap<u32, DriverResult> {
        &self.results
    }

    /// True if every operation that was handed over has ended.
    pub fn is_idle(&self) -> bool {
        self.running.is_none() && self.queue.is_empty()
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => self.admin.start(ctx),
            Event::Terminate => ctx.exit(0),
            Event::Timer(Timer::Command(number)) => self.queue.push_back(number),
            Event::Timer(Timer::Client(POLL_RETURNS)) => self.poll_returns(ctx),
            other => self.hand_on(other, ctx),
        }
        loop {
            self.take_answers(ctx);
            while self.running.is_none()
                && let Some(number) = self.queue.pop_front()
            {
                if let Some(operation) = self.options.operations.get(number as usize).cloned() {
                    self.begin(ctx, number, operation);
                    self.take_answers(ctx);
                }
            }
            let producers = self.producers.values_mut();
            producers.for_each(|producer| producer.library.run_sender(ctx));
            if !self
                .producers
                .values()
                .any(|it| it.library.has_deliveries())
            {
                return;
            }
        }
    }

    /// Gives an event to the library whose it is.
    fn hand_on(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let Err(mut event) = self.admin.on_event(event, ctx) else {
            return;
        };
        for producer in self.producers.values_mut() {
            match producer.library.on_event(event, ctx) {
                Ok(()) => return,
                Err(other) => event = other,
            }
        }
        if let Some((_, Running::Read(read))) = &mut self.running {
            read.on_event(event, ctx);
        }
    }

    fn begin(&mut self, ctx: &mut Ctx<'_>, number: u32, operation: DriverOperation) {
        match operation {
            DriverOperation::Admin(command) => {
                command.state(ctx);
                self.begin_call(ctx, number, Call::Command(command));
            }
            DriverOperation::Describe { topic } => {
                self.begin_call(ctx, number, Call::DescribeTopic(topic));
            }
            DriverOperation::Cluster => self.begin_call(ctx, number, Call::DescribeCluster),
            DriverOperation::Offsets { topic } => {
                let (offsets, describe) = Offsets::new(topic);
                self.running = Some((number, Running::Offsets(offsets)));
                self.ask_admin(ctx, describe);
            }
            DriverOperation::Produce {
                topic,
                partition,
                producer,
                properties,
                records,
            } => {
                if self.ensure_producer(ctx, &producer, &properties).is_err() {
                    self.end(number, failed("ConfigException"));
                    return;
                }
                let produce = Produce {
                    topic,
                    partition,
                    producer,
                    records: records.into(),
                    sent: None,
                    results: Vec::new(),
                };
                self.running = Some((number, Running::Produce(produce)));
                self.send_next(ctx);
            }
            DriverOperation::Read {
                partition,
                from,
                ms,
                properties,
            } => match Read::begin(
                ctx,
                &self.options.bootstrap,
                partition,
                from,
                Duration::from_millis(ms),
                &properties,
            ) {
                Ok(read) => self.running = Some((number, Running::Read(Box::new(read)))),
                Err(_) => self.end(number, failed("ConfigException")),
            },
        }
    }

    fn take_answers(&mut self, ctx: &mut Ctx<'_>) {
        self.take_admin_answers(ctx);
        self.take_deliveries(ctx);
        self.take_polled(ctx);
    }

    fn end(&mut self, number: u32, result: DriverResult) {
        self.running = None;
        self.results.insert(number, result);
    }

    // ---- the administrator's operations

    fn begin_call(&mut self, ctx: &mut Ctx<'_>, number: u32, call: Call) {
        self.running = Some((number, Running::Call(call.clone())));
        self.ask_admin(ctx, call);
    }

    fn ask_admin(&mut self, ctx: &mut Ctx<'_>, call: Call) {
        self.awaited = Some(self.admin.call(ctx, call));
    }

    fn take_admin_answers(&mut self, ctx: &mut Ctx<'_>) {
        while let Some((call, answer)) = self.admin.next_answer() {
            if self.awaited != Some(call) {
                continue;
            }
            match self.running.take() {
                Some((number, Running::Call(call))) => {
                    let result = self.result_of(ctx, &call, answer);
                    self.end(number, result);
                }
                Some((number, Running::Offsets(offsets))) => {
                    self.go_on_with_offsets(ctx, number, offsets, answer);
                }
                other => self.running = other,
            }
        }
    }

    fn result_of(
        &self,
        ctx: &mut Ctx<'_>,
        call: &Call,
        answer: Result<Response, Failure>,
    ) -> DriverResult {
        match (call, answer) {
            (Call::Command(command), answer) => {
                AdminOutcome::state(ctx, command, &answer);
                DriverResult::Admin(AdminOutcome::of(answer))
            }
            (_, Err(failure)) => failed(failure.exception()),
            (Call::DescribeCluster, Ok(Response::Metadata(metadata))) => DriverResult::Cluster {
                controller: metadata.controller_id,
                nodes: metadata.brokers.iter().map(|broker| broker.id).collect(),
            },
            (_, Ok(Response::Metadata(metadata))) => {
                let alive: Vec<BrokerId> = metadata.brokers.iter().map(|b| b.id).collect();
                let partitions = metadata.topics.into_iter().flat_map(|t| t.partitions);
                let described = partitions.map(|p| {
                    let leader = if alive.contains(&p.leader) {
                        p.leader
                    } else {
                        -1
                    };
                    let described = DescribedPartition {
                        leader,
                        replicas: p.replicas,
                        isr: p.isr,
                    };
                    (p.partition, described)
                });
                DriverResult::Described(described.collect())
            }
            (_, Ok(_)) => failed("UnknownServerException"),
        }
    }

    fn go_on_with_offsets(
        &mut self,
        ctx: &mut Ctx<'_>,
        number: u32,
        mut offsets: Offsets,
        answer: Result<Response, Failure>,
    ) {
        match offsets.go_on(answer) {
            Ok(Some(call)) => {
                self.running = Some((number, Running::Offsets(offsets)));
                self.ask_admin(ctx, call);
            }
            Ok(None) => self.end(number, DriverResult::Offsets(offsets.answers)),
            Err(failure) => self.end(number, failed(failure.exception())),
        }
    }

    // ---- producing

    fn ensure_producer(
        &mut self,
        ctx: &mut Ctx<'_>,
        name: &str,
        chosen: &Properties,
    ) -> Result<(), ConfigError> {
        if self.producers.contains_key(name) {
            return Ok(());
        }
        let mut all = properties(&[
            ("enable.idempotence", "false"),
            ("retries", "0"),
            ("request.timeout.ms", "3000"),
            ("delivery.timeout.ms", "4000"),
            ("max.block.ms", "5000"),
            ("linger.ms", "0"),
            ("metadata.recovery.strategy", "rebootstrap"),
        ]);
        all.extend(chosen.clone());
        let config = ProducerConfig::parse(&all)?;
        let owner = FIRST_PRODUCER.saturating_add(self.producers.len() as u8);
        let mut library = KafkaProducer::new(owner, name, &self.options.bootstrap, &config);
        library.start(ctx);
        self.producers.insert(
            name.to_owned(),
            LivingProducer {
                library,
                outstanding: Outstanding::new(name.into()),
            },
        );
        Ok(())
    }

    /// Sends the next record, or ends the operation after the last answer.
    fn send_next(&mut self, ctx: &mut Ctx<'_>) {
        let Some((number, Running::Produce(produce))) = &mut self.running else {
            return;
        };
        let Some(record) = produce.records.pop_front() else {
            let (number, results) = (*number, std::mem::take(&mut produce.results));
            return self.end(number, DriverResult::Produced(results));
        };
        let Some(producer) = self.producers.get_mut(&produce.producer) else {
            return;
        };
        let key = record.key.map(Bytes::from);
        let value = record.value.map(Bytes::from);
        let content = Outstanding::content(ctx, key.as_deref(), value.as_deref());
        let send = producer.library.send(
            ctx,
            ProducerRecord {
                topic: TopicName::clone(&produce.topic),
                partition: produce.partition,
                timestamp_ms: record.timestamp_ms,
                key,
                value,
                headers: Headers::default(),
            },
        );
        producer.outstanding.push(ctx, send, send + 1, content);
        produce.sent = Some(send);
    }

    fn take_deliveries(&mut self, ctx: &mut Ctx<'_>) {
        while let Some((name, delivery)) = self.next_delivery() {
            if let Some(producer) = self.producers.get_mut(&name) {
                producer.outstanding.state(ctx, &delivery);
            }
            // One record at a time: it is alone in its batch.
            let (sends, produced) = match delivery {
                Delivery::Queued { .. } | Delivery::Retrying { .. } => continue,
                Delivery::Stored {
                    sends,
                    partition,
                    base_offset: offset,
                    ..
                } => {
                    let partition = partition.partition;
                    (sends, Produced::Stored { partition, offset })
                }
                Delivery::Failed {
                    sends, exception, ..
                } => (sends, Produced::Failed { exception }),
            };
            // What an operation left behind that was abandoned is nobody's.
            if let Some((_, Running::Produce(produce))) = &mut self.running
                && produce.producer == name
                && produce.sent.is_some_and(|sent| sends.contains(&sent))
            {
                produce.results.push(produced);
                self.send_next(ctx);
            }
        }
    }

    fn next_delivery(&mut self) -> Option<(String, Delivery)> {
        self.producers.iter_mut().find_map(|(name, producer)| {
            let delivery = producer.library.next_delivery()?;
            Some((name.clone(), delivery))
        })
    }

    // ---- reading

    fn poll_returns(&mut self, ctx: &mut Ctx<'_>) {
        self.take_polled(ctx);
        if let Some((_, Running::Read(read))) = &mut self.running
            && read.poll_returns(ctx)
        {
            self.end_read(ctx);
        }
    }

    fn take_polled(&mut self, ctx: &mut Ctx<'_>) {
        if let Some((_, Running::Read(read))) = &mut self.running
            && read.take_polled(ctx)
        {
            self.end_read(ctx);
        }
    }

    fn end_read(&mut self, ctx: &mut Ctx<'_>) {
        match self.running.take() {
            Some((number, Running::Read(read))) => self.end(number, read.into_result(ctx)),
            other => self.running = other,
        }
    }
}

fn failed(exception: &str) -> DriverResult {
    DriverResult::Failed {
        exception: exception.into(),
    }
}

fn properties(pairs: &[(&str, &str)]) -> Properties {
    pairs
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}
