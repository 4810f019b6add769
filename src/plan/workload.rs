//! Workload: producers, what they write and how often; consumers and what they read.

use super::application::{Commit, CrashAt, EachRecord, ListenerThrows};
use super::role::Partition;
use super::step::Step;
use crate::kernel::{Config, Duration};
use crate::protocol::config::Properties;
use crate::protocol::{TopicPattern, is_internal_topic};
use crate::serialization::{Compatibility, SchemaType};
use std::fmt;

/// One producer, or a group of equal ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerPlan {
    /// With a count, the members are called `<name>-1` and so on; else the one is called `<name>`.
    pub name: String,
    /// For the reader: who this is.
    pub about: Option<String>,
    pub count: Option<u32>,
    pub topic: String,
    /// Of each record, whatever its key; none: the producer's partitioner decides.
    pub partition: Option<i32>,
    pub key: Key,
    pub value: Value,
    pub timestamp: Timestamp,
    /// A record each so often. The members of a group start spread over this interval.
    pub every: Duration,
    /// Records are handed to the producer as fast as it takes them, `every` notwithstanding.
    pub saturate: bool,
    /// Of one that saturates: so many records are on their way at most; none: as many as requests may be in flight.
    pub on_the_way: Option<u32>,
    /// First record; none: when topics are there and have settled (2 s).
    pub start: Option<Duration>,
    /// No record after this.
    pub stop: Option<Duration>,
    /// So many records of each member at most.
    pub limit: Option<u64>,
    /// Each member's application calls `flush` whenever it has made so many records more.
    pub flush: Option<u64>,
    /// Names of `Plan::schemas`, for serializers that write by one.
    pub key_schema: Option<String>,
    pub value_schema: Option<String>,
    /// Of each record, in order.
    pub headers: Vec<(String, String)>,
    /// None: `acks` of `config`, else the version's default.
    pub acks: Option<Acks>,
    /// Under the producer's keys.
    pub config: Properties,
    /// `host:port` of the servers to ask first; none: all brokers.
    pub bootstrap: Option<Vec<String>>,
    /// Where its machine stands; none: as near to all brokers as one in their rack. What it says of itself is
    /// `client.rack`.
    pub rack: Option<String>,
}

impl ProducerPlan {
    /// One producer, a record a second without key, numbers as values.
    pub fn new(name: impl Into<String>, topic: impl Into<String>) -> Self {
        ProducerPlan {
            name: name.into(),
            about: None,
            count: None,
            topic: topic.into(),
            partition: None,
            key: Key::None,
            value: Value::Number,
            timestamp: Timestamp::default(),
            every: Duration::from_secs(1),
            saturate: false,
            on_the_way: None,
            start: None,
            stop: None,
            limit: None,
            flush: None,
            key_schema: None,
            value_schema: None,
            headers: Vec::new(),
            acks: None,
            config: Properties::new(),
            bootstrap: None,
            rack: None,
        }
    }

    pub fn count(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    pub fn key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    pub fn value(mut self, value: Value) -> Self {
        self.value = value;
        self
    }

    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    pub fn saturate(mut self) -> Self {
        self.saturate = true;
        self
    }

    pub fn start(mut self, start: Duration) -> Self {
        self.start = Some(start);
        self
    }

    pub fn stop(mut self, stop: Duration) -> Self {
        self.stop = Some(stop);
        self
    }

    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    pub fn flush(mut self, records: u64) -> Self {
        self.flush = Some(records);
        self
    }

    pub fn value_schema(mut self, name: impl Into<String>) -> Self {
        self.value_schema = Some(name.into());
        self
    }

    pub fn acks(mut self, acks: Acks) -> Self {
        self.acks = Some(acks);
        self
    }

    pub fn config(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.config.insert(key.into(), value.to_string());
        self
    }

    pub fn bootstrap(mut self, servers: Vec<String>) -> Self {
        self.bootstrap = Some(servers);
        self
    }

    pub fn rack(mut self, rack: impl Into<String>) -> Self {
        self.rack = Some(rack.into());
        self
    }

    /// Names of the members, in order.
    pub fn members(&self) -> Vec<String> {
        members(&self.name, self.count)
    }
}

/// One consumer, or a group of equal ones; without a `group.id` each reads every partition of its topics by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerPlan {
    /// With a count, the members are called `<name>-1` and so on; else the one is called `<name>`.
    pub name: String,
    /// For the reader: who this is.
    pub about: Option<String>,
    pub count: Option<u32>,
    pub topics: Vec<String>,
    /// It subscribes to all that match, which no `topics` name then.
    pub pattern: Option<TopicPattern>,
    /// Its application names its partitions itself; none: it does so only without a group, all of them.
    pub assign: Option<Assign>,
    /// First poll; none: when topics are there and have settled (2 s).
    pub start: Option<Duration>,
    /// Closed at this time.
    pub stop: Option<Duration>,
    /// The application begins every partition at this offset (`seek`); none: by `auto.offset.reset`.
    pub seek: Option<i64>,
    /// What a member of a group takes for each record, beside reading it; none: no time.
    pub processing: Option<Duration>,
    /// None: the library commits by itself, or nobody does, as `enable.auto.commit` says.
    pub commit: Option<Commit>,
    /// What the application of a member of a group does with a record; none: it counts.
    pub each_record: Option<EachRecord>,
    /// While it works it has its partitions paused, and goes on calling `poll`.
    pub pauses: bool,
    /// What it does to its consumer between two records.
    pub steps: Vec<Step>,
    /// It throws at this record, counted from 1, once in a run: it closes its consumer and ends.
    pub fails_on: Option<u64>,
    /// Its listener throws, once in a run.
    pub listener: Option<ListenerThrows>,
    /// Its process is gone at a point of its loop, once in a run.
    pub crashes: Option<CrashAt>,
    /// Names of `Plan::schemas`: what the reader has for its own, whatever was written.
    pub key_schema: Option<String>,
    pub value_schema: Option<String>,
    /// What the application does with a record that cannot be deserialized; none: it is stuck.
    pub poison: Option<Poison>,
    /// Under the consumer's keys.
    pub config: Properties,
    /// `host:port` of the servers to ask first; none: all brokers.
    pub bootstrap: Option<Vec<String>>,
    /// Where its machine stands; none: as near to all brokers as one in their rack. What it says of itself is
    /// `client.rack`.
    pub rack: Option<String>,
}

/// Which partitions of its topics an application assigns itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Assign {
    All,
    These(Vec<Partition>),
}

/// What an application does with a record that its deserializer cannot read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Poison {
    /// It calls `poll` again and again.
    Stuck,
    /// It seeks past it.
    Skip,
    /// It sends it to this topic, and seeks past it once that is acknowledged.
    DeadLetter(String),
}

/// A schema that clients name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaPlan {
    pub name: String,
    pub language: SchemaType,
    pub text: String,
}

/// A schema registry. Its node is called `schema-registry`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SchemaRegistryPlan {
    pub about: Option<String>,
    pub compatibility: Compatibility,
    /// Subjects, such as `t-value`, with a rule of their own.
    pub subjects: Vec<(String, Compatibility)>,
}

/// The name of a schema registry's node.
pub const SCHEMA_REGISTRY: &str = "schema-registry";

impl ConsumerPlan {
    /// The group that it is a member of, or commits under.
    pub fn group_id(&self) -> Option<&str> {
        self.config.get("group.id").map(|id| id.as_str())
    }

    /// The group that says which partitions it reads.
    pub fn subscribes_in(&self) -> Option<&str> {
        self.group_id().filter(|_| self.assign.is_none())
    }

    /// It may come to read this partition.
    pub fn may_read(&self, topic: &str, partition: i32) -> bool {
        let is_one = |it: &Partition| it.topic == topic && it.partition == partition;
        match &self.assign {
            Some(Assign::These(partitions)) => partitions.iter().any(is_one),
            Some(Assign::All) | None => self.reads_topic(topic),
        }
    }

    /// It names the topic, or its pattern matches it: brokers' own are left out (`exclude.internal.topics`).
    pub fn reads_topic(&self, topic: &str) -> bool {
        let matches = |it: &TopicPattern| it.matches(topic) && !is_internal_topic(topic);
        self.pattern.as_ref().is_some_and(matches) || self.topics.iter().any(|it| it == topic)
    }

    /// One consumer of one topic; add others with `reads`.
    pub fn new(name: impl Into<String>, topic: impl Into<String>) -> Self {
        ConsumerPlan {
            name: name.into(),
            about: None,
            count: None,
            topics: vec![topic.into()],
            pattern: None,
            assign: None,
            start: None,
            stop: None,
            seek: None,
            processing: None,
            commit: None,
            each_record: None,
            pauses: false,
            steps: Vec::new(),
            fails_on: None,
            listener: None,
            crashes: None,
            key_schema: None,
            value_schema: None,
            poison: None,
            config: Properties::new(),
            bootstrap: None,
            rack: None,
        }
    }

    pub fn count(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    pub fn value_schema(mut self, name: impl Into<String>) -> Self {
        self.value_schema = Some(name.into());
        self
    }

    pub fn poison(mut self, poison: Poison) -> Self {
        self.poison = Some(poison);
        self
    }

    /// Of all topics that match, instead of some.
    pub fn pattern(mut self, pattern: TopicPattern) -> Self {
        self.topics.clear();
        self.pattern = Some(pattern);
        self
    }

    pub fn reads(mut self, topic: impl Into<String>) -> Self {
        self.topics.push(topic.into());
        self
    }

    pub fn assign(mut self, assign: Assign) -> Self {
        self.assign = Some(assign);
        self
    }

    pub fn seek(mut self, offset: i64) -> Self {
        self.seek = Some(offset);
        self
    }

    pub fn start(mut self, start: Duration) -> Self {
        self.start = Some(start);
        self
    }

    pub fn stop(mut self, stop: Duration) -> Self {
        self.stop = Some(stop);
        self
    }

    pub fn config(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.config.insert(key.into(), value.to_string());
        self
    }

    pub fn bootstrap(mut self, servers: Vec<String>) -> Self {
        self.bootstrap = Some(servers);
        self
    }

    pub fn rack(mut self, rack: impl Into<String>) -> Self {
        self.rack = Some(rack.into());
        self
    }

    /// Names of the members, in order.
    pub fn members(&self) -> Vec<String> {
        members(&self.name, self.count)
    }
}

/// What a record's key is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Key {
    /// No key: the producer's partitioner chooses.
    #[default]
    None,
    /// The truck's name: see `truck_name`.
    TruckId,
    /// The same text every time.
    Constant(String),
    /// `key-1` to `key-<n>` in turn.
    Cycle(u32),
    /// The number in the truck's name.
    TruckNumber,
}

impl Key {
    /// The key, as text, of a member's record: member and record are counted from 1.
    pub fn of(&self, member: u32, record: u64) -> Option<String> {
        match self {
            Key::None => None,
            Key::TruckId => Some(truck_name(member)),
            Key::TruckNumber => Some(member.to_string()),
            Key::Constant(text) => Some(text.clone()),
            Key::Cycle(keys) => {
                let turn = (record - 1) % u64::from((*keys).max(1)) + 1;
                Some(format!("key-{turn}"))
            }
        }
    }
}

/// The name of the truck that is a producer's member number `n` (1 for a single producer): `truck 1`. By
/// murmur2 the first three have a partition of three each, and the first two one of two.
pub fn truck_name(n: u32) -> String {
    format!("truck {n}")
}

/// A field of a truck's position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionField {
    Truck,
    Number,
    Time,
    Latitude,
    Longitude,
}

impl PositionField {
    /// By the word that a scenario says.
    pub const WORDS: [(&str, PositionField); 5] = [
        ("position.truck", PositionField::Truck),
        ("position.number", PositionField::Number),
        ("position.time", PositionField::Time),
        ("position.latitude", PositionField::Latitude),
        ("position.longitude", PositionField::Longitude),
    ];

    pub fn parse(word: &str) -> Option<PositionField> {
        let known = PositionField::WORDS
            .iter()
            .find(|(known, _)| *known == word);
        known.map(|(_, field)| *field)
    }
}

impl fmt::Display for PositionField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = PositionField::WORDS.iter().find(|(_, field)| field == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// What a record's value is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Value {
    /// A truck's position in degrees, moving along streets.
    Position,
    /// One field of it, by its name.
    PositionField(PositionField),
    /// None: a record with a key and no value is a tombstone.
    Null,
    /// The record's number as text, from 1.
    #[default]
    Number,
    /// The same text every time.
    Constant(String),
    /// So many bytes that differ from record to record.
    Bytes(u64),
}

/// What timestamp the application gives a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timestamp {
    /// The producer's clock and so many milliseconds; negative is the past.
    Clock { ahead_ms: i64 },
    /// The producer's clock in seconds, which Kafka takes for milliseconds.
    Seconds,
    /// The producer's clock in microseconds.
    Microseconds,
    /// The same every time: milliseconds since 1970.
    Fixed(i64),
}

impl Timestamp {
    /// How it is written.
    pub const EXPECTED: &'static str = "clock, seconds, microseconds, a length of time off the clock such as -8d or +2h, or milliseconds since 1970";

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Timestamp> {
        match text {
            "clock" => return Some(Timestamp::default()),
            "seconds" => return Some(Timestamp::Seconds),
            "microseconds" => return Some(Timestamp::Microseconds),
            _ => {}
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(Timestamp::Fixed);
        }
        let (sign, length) = match text.strip_prefix('-') {
            Some(length) => (-1, length),
            None => (1, text.strip_prefix('+')?),
        };
        let length = i64::try_from(super::parse_duration(length)?.as_millis()).ok()?;
        Some(Timestamp::Clock {
            ahead_ms: sign * length,
        })
    }
}

impl Timestamp {
    /// Java's `ProducerRecord` throws at a timestamp below 0.
    pub fn leads_before_1970(self) -> bool {
        let begins = Config::default().calendar_start_ms;
        matches!(self, Timestamp::Clock { ahead_ms } if begins.saturating_add(ahead_ms) < 0)
    }
}

impl Default for Timestamp {
    fn default() -> Self {
        Timestamp::Clock { ahead_ms: 0 }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Timestamp::Clock { ahead_ms: 0 } => f.write_str("clock"),
            Timestamp::Clock { ahead_ms } => {
                let sign = if *ahead_ms < 0 { '-' } else { '+' };
                let length = Duration::from_millis(ahead_ms.unsigned_abs());
                write!(f, "{sign}{}", super::write_duration(length))
            }
            Timestamp::Seconds => f.write_str("seconds"),
            Timestamp::Microseconds => f.write_str("microseconds"),
            Timestamp::Fixed(timestamp_ms) => write!(f, "{timestamp_ms}"),
        }
    }
}

/// When a produce request is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acks {
    None,
    Leader,
    All,
}

impl Acks {
    /// Kafka's number: 0, 1, -1.
    pub const fn number(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }

    /// Reads `0`, `1`, `all`, `-1`.
    pub fn parse(text: &str) -> Option<Acks> {
        match text {
            "0" => Some(Acks::None),
            "1" => Some(Acks::Leader),
            "all" | "-1" => Some(Acks::All),
            _ => None,
        }
    }
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Acks::None => "0",
            Acks::Leader => "1",
            Acks::All => "all",
        })
    }
}

fn members(name: &str, count: Option<u32>) -> Vec<String> {
    match count {
        None => vec![name.to_string()],
        Some(count) => (1..=count).map(|n| format!("{name}-{n}")).collect(),
    }
}
