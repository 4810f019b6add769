//! The recorder's client: runs the operations of a recording of real Kafka one after the other,
//! with the settings that the recorder used (class Driver of the lab; "The clients" of the README
//! of the recordings).

use crate::client::kafka_admin_client::{Call, Failure, KafkaAdminClient};
use crate::client::kafka_consumer::{KafkaConsumer, Polled, ResetTo};
use crate::client::kafka_producer::{Delivery, KafkaProducer, ProducerRecord, UNKNOWN_PARTITION};
use crate::client::{
    AdminCommand, AdminConfig, AdminOutcome, Bootstrap, ConfigError, ConsumerConfig, ProducerConfig,
};
use crate::kernel::{Duration, Time, TimerId};
use crate::protocol::config::Properties;
use crate::protocol::{
    BrokerId, ClientTimer, Ctx, EARLIEST_TIMESTAMP, Event, Fact, LATEST_TIMESTAMP, MAX_TIMESTAMP,
    RecordId, Response, Timer, TopicName, TopicPartition, content_of,
};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// What the recorder's client is built from.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    pub name: String,
    pub bootstrap: Bootstrap,
    /// `Timer::Command(n)` runs the n-th of these, after those before it have ended.
    pub operations: Vec<DriverOperation>,
}

/// One recorded request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DriverOperation {
    /// `create_topic`, `elect`, `alter_config`
    Admin(AdminCommand),
    Produce {
        topic: TopicName,
        partition: Option<i32>,
        /// One producer lives through the recording for each name.
        producer: String,
        /// Taken when the producer is made.
        properties: Properties,
        /// Each is sent after the answer to the one before.
        records: Vec<DriverRecord>,
    },
    Read {
        partition: TopicPartition,
        from: ReadFrom,
        /// How long the consumer polls, in milliseconds.
        ms: u64,
        properties: Properties,
    },
    /// Leader, replicas and ISR of a topic's partitions, as a client is told.
    Describe { topic: TopicName },
    /// Earliest, latest, last stable offset and that of the largest timestamp of each partition.
    Offsets { topic: TopicName },
    /// Controller and brokers, as a client is told.
    Cluster,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DriverRecord {
    pub key: Option<String>,
    pub value: Option<String>,
    pub timestamp_ms: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadFrom {
    Beginning,
    Offset(i64),
}

/// What an operation came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DriverResult {
    Admin(AdminOutcome),
    Produced(Vec<Produced>),
    Read {
        records: Vec<ReadRecord>,
        /// The consumer's position at the end, `None` if reading failed.
        position: Option<i64>,
        /// The exception that ended the reading.
        exception: Option<Rc<str>>,
    },
    Described(BTreeMap<i32, DescribedPartition>),
    Offsets(BTreeMap<i32, PartitionOffsets>),
    /// `controller` is -1 if none is known.
    Cluster {
        controller: BrokerId,
        nodes: Vec<BrokerId>,
    },
    /// A question failed with this exception.
    Failed {
        exception: Rc<str>,
    },
}

/// A sent record's future.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Produced {
    /// Offset -1 with acks=0.
    Stored {
        partition: i32,
        offset: i64,
    },
    Failed {
        exception: Rc<str>,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadRecord {
    pub offset: i64,
    pub key: Option<String>,
    pub value: Option<String>,
    /// -1: none
    pub leader_epoch: i32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribedPartition {
    /// -1: none
    pub leader: BrokerId,
    pub replicas: Vec<BrokerId>,
    pub isr: Vec<BrokerId>,
}

/// An offset, or the exception that answered the question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OffsetAnswer {
    Offset(i64),
    Failed { exception: Rc<str> },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionOffsets {
    pub earliest: OffsetAnswer,
    pub latest: OffsetAnswer,
    /// `latest` as read_committed.
    pub latest_committed: OffsetAnswer,
    pub max_timestamp: OffsetAnswer,
    /// With `latest`; -1: none. `None` if `latest` failed.
    pub leader_epoch: Option<i32>,
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
    results: BTreeMap<u32, DriverResult>,
}

#[derive(Debug)]
struct LivingProducer {
    library: KafkaProducer,
    records: u64,
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
    /// The record on its way.
    sent: Option<Sent>,
    results: Vec<Produced>,
}

#[derive(Debug)]
struct Sent {
    record: RecordId,
    created: Time,
    content: u64,
}

#[derive(Debug)]
struct Read {
    library: KafkaConsumer,
    partition: TopicPartition,
    /// The loop around `poll` ends with the first call that returns after this.
    end: Time,
    /// How long `position` may then wait for a position.
    position_deadline: Time,
    poll_returns: TimerId,
    records: Vec<ReadRecord>,
    exception: Option<Rc<str>>,
}

#[derive(Debug)]
struct Offsets {
    topic: TopicName,
    /// Questions that are still to be asked; the first is being asked. Empty until the topic is
    /// described.
    questions: VecDeque<(i32, Question)>,
    described: bool,
    answers: BTreeMap<i32, PartitionOffsets>,
}

#[derive(Clone, Copy, Debug)]
enum Question {
    Earliest,
    Latest,
    LatestCommitted,
    MaxTimestamp,
}

/// The libraries' numbers on this node.
const ADMIN: u8 = 0;
const READER: u8 = 1;
const FIRST_PRODUCER: u8 = 2;
/// The recorder's own timer: a call of `poll` returns.
const POLL_RETURNS: ClientTimer = ClientTimer::Wake(u64::MAX);
const POLL_TIMEOUT: Duration = Duration::from_millis(200);
/// `default.api.timeout.ms` of the recorder's consumers.
const POSITION_TIMEOUT: Duration = Duration::from_secs(60);

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
            results: BTreeMap::new(),
        }
    }

    /// Appends an operation; `Timer::Command` with the number that is returned runs it.
    pub fn push(&mut self, operation: DriverOperation) -> u32 {
        self.options.operations.push(operation);
        self.options.operations.len() as u32 - 1
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
        self.take_answers(ctx);
        while self.running.is_none()
            && let Some(number) = self.queue.pop_front()
        {
            if let Some(operation) = self.options.operations.get(number as usize).cloned() {
                self.begin(ctx, number, operation);
                self.take_answers(ctx);
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
            // What is nobody's is of no concern to this node.
            let _ = read.library.on_event(event, ctx);
        }
    }

    fn begin(&mut self, ctx: &mut Ctx<'_>, number: u32, operation: DriverOperation) {
        match operation {
            DriverOperation::Admin(command) => self.begin_call(ctx, number, Call::Command(command)),
            DriverOperation::Describe { topic } => {
                self.begin_call(ctx, number, Call::DescribeTopic(topic));
            }
            DriverOperation::Cluster => self.begin_call(ctx, number, Call::DescribeCluster),
            DriverOperation::Offsets { topic } => {
                let describe = Call::DescribeTopic(TopicName::clone(&topic));
                let offsets = Offsets {
                    topic,
                    questions: VecDeque::new(),
                    described: false,
                    answers: BTreeMap::new(),
                };
                self.running = Some((number, Running::Offsets(offsets)));
                self.admin.call(ctx, describe);
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
            } => match self.reader(ctx, partition, from, ms, &properties) {
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
        self.admin.call(ctx, call);
    }

    fn take_admin_answers(&mut self, ctx: &mut Ctx<'_>) {
        while let Some((_, answer)) = self.admin.next_answer() {
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
                ctx.fact(AdminOutcome::fact(command, &answer));
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
        if offsets.described {
            if let Some((partition, question)) = offsets.questions.pop_front() {
                offsets.take(partition, question, answer);
            }
        } else {
            match answer {
                Ok(Response::Metadata(metadata)) => {
                    offsets.described = true;
                    let count: usize = metadata.topics.iter().map(|t| t.partitions.len()).sum();
                    offsets.ask_about(count as i32);
                }
                Ok(_) => return self.end(number, failed("UnknownServerException")),
                Err(failure) => return self.end(number, failed(failure.exception())),
            }
        }
        match offsets.next_call() {
            Some(call) => {
                self.running = Some((number, Running::Offsets(offsets)));
                self.admin.call(ctx, call);
            }
            None => self.end(number, DriverResult::Offsets(offsets.answers)),
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
        let mut library = KafkaProducer::new(owner, name, &self.options.bootstrap, config);
        library.start(ctx);
        self.producers.insert(
            name.to_owned(),
            LivingProducer {
                library,
                records: 0,
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
        producer.records += 1;
        let key = record.key.map(Bytes::from);
        let value = record.value.map(Bytes::from);
        produce.sent = Some(Sent {
            record: RecordId {
                producer: produce.producer.as_str().into(),
                number: producer.records,
            },
            created: ctx.now(),
            content: content_of(key.as_deref(), value.as_deref()),
        });
        producer.library.send(
            ctx,
            ProducerRecord {
                topic: TopicName::clone(&produce.topic),
                partition: produce.partition,
                timestamp_ms: record.timestamp_ms,
                key,
                value,
            },
        );
    }

    fn take_deliveries(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(delivery) = self.next_delivery() {
            let Some((_, Running::Produce(produce))) = &mut self.running else {
                continue;
            };
            let Some(sent) = &produce.sent else {
                continue;
            };
            let record = sent.record.clone();
            match delivery {
                Delivery::Queued { partition, .. } => ctx.fact(Fact::RecordCreated {
                    record,
                    partition,
                    content: sent.content,
                }),
                Delivery::Retrying {
                    partition,
                    error,
                    attempts,
                    ..
                } => ctx.fact(Fact::Retrying {
                    record,
                    partition,
                    error,
                    attempts,
                }),
                Delivery::Stored {
                    partition,
                    offset,
                    attempts,
                    ..
                } => {
                    produce.results.push(Produced::Stored {
                        partition: partition.partition,
                        offset,
                    });
                    ctx.fact(Fact::Acked {
                        record,
                        partition,
                        offset,
                        content: sent.content,
                        latency_ns: ctx.now().since(sent.created).0,
                        attempts,
                    });
                    self.send_next(ctx);
                }
                Delivery::Failed {
                    partition,
                    exception,
                    attempts,
                    ..
                } => {
                    produce.results.push(Produced::Failed {
                        exception: Rc::clone(&exception),
                    });
                    if partition.partition == UNKNOWN_PARTITION {
                        ctx.fact(Fact::RecordCreated {
                            record: record.clone(),
                            partition: partition.clone(),
                            content: sent.content,
                        });
                    }
                    ctx.fact(Fact::Failed {
                        record,
                        partition,
                        exception,
                        attempts,
                    });
                    self.send_next(ctx);
                }
            }
        }
    }

    fn next_delivery(&mut self) -> Option<Delivery> {
        self.producers
            .values_mut()
            .find_map(|producer| producer.library.next_delivery())
    }

    // ---- reading

    fn reader(
        &self,
        ctx: &mut Ctx<'_>,
        partition: TopicPartition,
        from: ReadFrom,
        ms: u64,
        chosen: &Properties,
    ) -> Result<Read, ConfigError> {
        let mut all = properties(&[
            ("auto.offset.reset", "none"),
            ("enable.auto.commit", "false"),
        ]);
        all.extend(chosen.clone());
        let config = ConsumerConfig::parse(&all)?;
        let mut library = KafkaConsumer::new(READER, "reader", &self.options.bootstrap, config);
        library.assign(partition.clone());
        match from {
            ReadFrom::Beginning => library.seek_to(&partition, ResetTo::Earliest),
            ReadFrom::Offset(offset) => {
                library.seek(&partition, offset);
                ctx.fact(Fact::PositionSet {
                    partition: partition.clone(),
                    offset,
                    why: crate::protocol::BY_APPLICATION.into(),
                });
            }
        }
        library.start(ctx);
        let end = ctx.now() + Duration::from_millis(ms);
        Ok(Read {
            library,
            partition,
            end,
            position_deadline: end + POSITION_TIMEOUT,
            poll_returns: set_poll_timer(ctx),
            records: Vec::new(),
            exception: None,
        })
    }

    fn poll_returns(&mut self, ctx: &mut Ctx<'_>) {
        self.take_polled(ctx);
        let Some((_, Running::Read(read))) = &mut self.running else {
            return;
        };
        let now = ctx.now();
        let is_over = now >= read.end;
        let has_position = read.library.positions().contains_key(&read.partition);
        if is_over && (has_position || now >= read.position_deadline) {
            if !has_position {
                read.exception = Some("TimeoutException".into());
            }
            self.end_read(ctx);
        } else {
            read.poll_returns = set_poll_timer(ctx);
        }
    }

    fn take_polled(&mut self, ctx: &mut Ctx<'_>) {
        let Some((_, Running::Read(read))) = &mut self.running else {
            return;
        };
        while let Some(polled) = read.library.next_polled() {
            match polled {
                Polled::PositionSet {
                    partition,
                    offset,
                    why,
                } => ctx.fact(Fact::PositionSet {
                    partition,
                    offset,
                    why,
                }),
                Polled::Record(record) => {
                    read.records.push(ReadRecord {
                        offset: record.offset,
                        key: record.key.as_deref().map(text),
                        value: record.value.as_deref().map(text),
                        leader_epoch: record.leader_epoch,
                    });
                    ctx.fact(Fact::Consumed {
                        content: content_of(record.key.as_deref(), record.value.as_deref()),
                        partition: record.partition,
                        offset: record.offset,
                        leader_epoch: record.leader_epoch,
                    });
                }
                Polled::Exception {
                    partition,
                    exception,
                } => {
                    ctx.fact(Fact::ConsumerError {
                        partition,
                        exception: exception.into(),
                    });
                    read.exception = Some(exception.into());
                    return self.end_read(ctx);
                }
            }
        }
    }

    fn end_read(&mut self, ctx: &mut Ctx<'_>) {
        let Some((number, Running::Read(mut read))) = self.running.take() else {
            return;
        };
        let position = read.library.positions().get(&read.partition).copied();
        read.library.close(ctx);
        ctx.cancel_timer(read.poll_returns);
        self.end(
            number,
            DriverResult::Read {
                records: read.records,
                position: position.filter(|_| read.exception.is_none()),
                exception: read.exception,
            },
        );
    }
}

impl Offsets {
    fn ask_about(&mut self, partitions: i32) {
        use Question::{Earliest, Latest, LatestCommitted, MaxTimestamp};
        for partition in 0..partitions {
            for question in [Earliest, Latest, LatestCommitted, MaxTimestamp] {
                self.questions.push_back((partition, question));
            }
        }
    }

    fn next_call(&self) -> Option<Call> {
        let (partition, question) = self.questions.front()?;
        let timestamp = match question {
            Question::Earliest => EARLIEST_TIMESTAMP,
            Question::Latest | Question::LatestCommitted => LATEST_TIMESTAMP,
            Question::MaxTimestamp => MAX_TIMESTAMP,
        };
        Some(Call::ListOffsets {
            partition: TopicPartition::new(TopicName::clone(&self.topic), *partition),
            timestamp,
            read_committed: matches!(question, Question::LatestCommitted),
        })
    }

    fn take(&mut self, partition: i32, question: Question, answer: Result<Response, Failure>) {
        let unanswered = || OffsetAnswer::Failed {
            exception: "UnknownServerException".into(),
        };
        let entry = self
            .answers
            .entry(partition)
            .or_insert_with(|| PartitionOffsets {
                earliest: unanswered(),
                latest: unanswered(),
                latest_committed: unanswered(),
                max_timestamp: unanswered(),
                leader_epoch: None,
            });
        let (answer, leader_epoch) = match answer {
            Ok(Response::ListOffsets(response)) => match response.partitions.first() {
                Some(found) => (OffsetAnswer::Offset(found.offset), Some(found.leader_epoch)),
                None => (unanswered(), None),
            },
            Ok(_) => (unanswered(), None),
            Err(failure) => {
                let exception = failure.exception().into();
                (OffsetAnswer::Failed { exception }, None)
            }
        };
        match question {
            Question::Earliest => entry.earliest = answer,
            Question::Latest => {
                entry.latest = answer;
                entry.leader_epoch = leader_epoch;
            }
            Question::LatestCommitted => entry.latest_committed = answer,
            Question::MaxTimestamp => entry.max_timestamp = answer,
        }
    }
}

fn set_poll_timer(ctx: &mut Ctx<'_>) -> TimerId {
    ctx.set_timer(POLL_TIMEOUT, Timer::Client(POLL_RETURNS))
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
