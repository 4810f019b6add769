//! The plan: topology, workload, faults and expectations as plain types, with builders for Rust users.
//!
//! A plan and a seed are the whole input of a run. YAML lowers into a plan (`scenario`), the fuzzer
//! generates plans, and a plan can always be written back as YAML. Everything here is data and can
//! be sent between threads; what a role means is found out by `run` while the simulation runs.
//!
//! May not know what a run came to, nor which node a role will mean.

mod application;
mod cluster;
mod expectation;
mod misconception;
mod predict;
mod problem;
mod role;
mod sentence;
mod step;
mod timeline;
mod unit;
mod validate;
mod workload;
mod zookeeper_client;

pub use application::{
    Callback, Commit, CommitWhen, CrashAt, CrashPoint, EachRecord, ListenerThrows, ServicePlan,
};
pub use cluster::{
    AUTO_CREATE, BrokerPlan, ClusterPlan, Coordination, DiskPlan, Latency, Machine, NetworkPlan,
    TopicPlan, ZooKeeperPlan,
};
pub use expectation::{
    Count, ErrorName, ExceptionName, Expectation, Expected, GroupName, Percentile, TimeBound,
};
pub use misconception::{MISCONCEPTIONS, misconception};
pub use predict::{Choice, Prediction, Question, Recall, Reveal};
pub use problem::Problem;
pub use role::{Number, Partition, Record, Role, Targets};
pub use sentence::{Sentence, SentenceError, Slot, Within, escaped};
pub use step::{Call, OffsetApi, Step, StepWhen};
pub use timeline::{Action, Entry, EventRef, Healing, Moment, When};
pub use unit::{
    Misnumbered, duration_pattern, misnumbered, parse_duration, parse_size, size_pattern,
    write_duration, write_size,
};
pub use validate::{MOST_BROKERS, MOST_RECORDS};
pub use workload::{
    Acks, Assign, ConsumerPlan, Key, Poison, PositionField, ProducerPlan, SCHEMA_REGISTRY,
    SchemaPlan, SchemaRegistryPlan, Timestamp, Value, truck_name,
};
pub use zookeeper_client::{ZooKeeperAnswer, ZooKeeperClientPlan, ZooKeeperCommand};

use crate::kernel::Duration;
use crate::protocol::rules::Rules;
use crate::serialization::SchemaType;

/// Everything that a run is made of, but its seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Unique among shipped scenarios: lower-case letters, digits and hyphens.
    pub name: String,
    /// One or two sentences for the reader: what happens, and what to watch.
    pub about: String,
    /// The seed that is used where the command line names none.
    pub seed: u64,
    /// How long the run lasts. Not zero.
    pub duration: Duration,
    /// The run is cut short at this time, before its end; its expectations are then not judged.
    pub until: Option<Duration>,
    pub cluster: ClusterPlan,
    pub network: NetworkPlan,
    pub disk: DiskPlan,
    /// How likely, in percent, each rare but legal path is where one could be taken (a fetch cut short,
    /// a late retry, an early checkpoint). 0: none is.
    pub buggify: u8,
    /// How brokers, clients and ZooKeeper servers do their work, where it is not as today.
    pub rules: Rules,
    /// Made by an administrator before clients start (the timeline can make others later).
    pub topics: Vec<TopicPlan>,
    pub schemas: Vec<SchemaPlan>,
    pub schema_registry: Option<SchemaRegistryPlan>,
    pub producers: Vec<ProducerPlan>,
    pub consumers: Vec<ConsumerPlan>,
    pub zookeeper_clients: Vec<ZooKeeperClientPlan>,
    /// Programs outside of Kafka that applications call.
    pub services: Vec<ServicePlan>,
    pub timeline: Vec<Entry>,
    pub expect: Vec<Expected>,
    /// What learners are asked.
    pub predict: Vec<Prediction>,
    /// What a campaign found with this plan.
    pub found: Option<Found>,
}

/// What broke when a campaign played a plan, and by which it is known again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The property or expectation, or what ended the run, as a sentence.
    pub broken: String,
    /// The first event that shows it; `None`: only the end does.
    pub event: Option<u64>,
    /// The digest of the run, in hexadecimal digits as `trial run` prints it.
    pub digest: String,
    /// The version of trial that found it.
    pub version: String,
}

impl Plan {
    /// One ZooKeeper server, one broker, no topic, one minute, seed 1.
    pub fn new(name: impl Into<String>) -> Self {
        Plan {
            name: name.into(),
            about: String::new(),
            seed: 1,
            duration: Duration::from_secs(60),
            until: None,
            cluster: ClusterPlan::default(),
            network: NetworkPlan::default(),
            disk: DiskPlan::default(),
            buggify: 0,
            rules: Rules::default(),
            topics: Vec::new(),
            schemas: Vec::new(),
            schema_registry: None,
            producers: Vec::new(),
            consumers: Vec::new(),
            zookeeper_clients: Vec::new(),
            services: Vec::new(),
            timeline: Vec::new(),
            expect: Vec::new(),
            predict: Vec::new(),
            found: None,
        }
    }

    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// When the run ends.
    pub fn end(&self) -> Duration {
        self.until.unwrap_or(self.duration)
    }

    /// So many brokers with ids from 1 and nothing of their own.
    pub fn brokers(mut self, count: u32) -> Self {
        self.cluster.brokers = (1..=count).map(|id| BrokerPlan::new(id as i32)).collect();
        self
    }

    /// A broker with its own settings, in place of the one with the same id or beside the others.
    pub fn broker(mut self, broker: BrokerPlan) -> Self {
        let brokers = &mut self.cluster.brokers;
        match brokers.binary_search_by_key(&broker.id, |b| b.id) {
            Ok(place) => brokers[place] = broker,
            Err(place) => brokers.insert(place, broker),
        }
        self
    }

    /// A line of every broker's `server.properties`.
    pub fn config(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.cluster.config.insert(key.into(), value.to_string());
        self
    }

    pub fn topic(mut self, topic: TopicPlan) -> Self {
        self.topics.push(topic);
        self
    }

    pub fn schema(mut self, name: &str, language: SchemaType, text: &str) -> Self {
        self.schemas.push(SchemaPlan {
            name: name.to_owned(),
            language,
            text: text.to_owned(),
        });
        self
    }

    pub fn schema_registry(mut self, registry: SchemaRegistryPlan) -> Self {
        self.schema_registry = Some(registry);
        self
    }

    pub fn producer(mut self, producer: ProducerPlan) -> Self {
        self.producers.push(producer);
        self
    }

    pub fn consumer(mut self, consumer: ConsumerPlan) -> Self {
        self.consumers.push(consumer);
        self
    }

    pub fn zookeeper_client(mut self, client: ZooKeeperClientPlan) -> Self {
        self.zookeeper_clients.push(client);
        self
    }

    pub fn service(mut self, service: ServicePlan) -> Self {
        self.services.push(service);
        self
    }

    pub fn entry(mut self, entry: Entry) -> Self {
        self.timeline.push(entry);
        self
    }

    /// `action` at a time since the start.
    pub fn at(self, time: Duration, action: Action) -> Self {
        self.entry(Entry::new(When::At(time), action))
    }

    /// What the plan's author should know, a line each: it stands in every report of a run.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.validate().unwrap_or_default();
        warnings.iter().map(Problem::to_string).collect()
    }

    pub fn expect(mut self, expected: impl Into<Expected>) -> Self {
        self.expect.push(expected.into());
        self
    }
}

/// Plans go from one thread to another.
const fn _goes_between_threads<T: Send + Sync>() {}
const _: () = _goes_between_threads::<Plan>();
