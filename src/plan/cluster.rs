//! Topology: ZooKeeper servers, brokers and their machines, network, disks, topics.

use crate::kernel::Duration;
use crate::protocol::BrokerId;
use crate::protocol::config::{KafkaVersion, Properties};

/// Kafka's key for topics that brokers make when a client asks about them. A plan that does not set it has it
/// false, unlike Kafka: its topics are those that it names.
pub const AUTO_CREATE: &str = "auto.create.topics.enable";

/// The servers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterPlan {
    pub kafka_version: KafkaVersion,
    pub coordination: Coordination,
    pub zookeeper: ZooKeeperPlan,
    /// In order of ids; ids are positive and unique.
    pub brokers: Vec<BrokerPlan>,
    /// `server.properties` of every broker, under Kafka's keys.
    pub config: Properties,
}

impl Default for ClusterPlan {
    fn default() -> Self {
        ClusterPlan {
            kafka_version: KafkaVersion::V3_9,
            coordination: Coordination::ZooKeeper,
            zookeeper: ZooKeeperPlan::default(),
            brokers: vec![BrokerPlan::new(1)],
            config: Properties::new(),
        }
    }
}

/// Who keeps the cluster's metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Coordination {
    #[default]
    ZooKeeper,
}

/// ZooKeeper's `zoo.cfg`, as far as it is modelled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZooKeeperPlan {
    /// Servers `zookeeper-1` and so on: one by itself, or an ensemble of 3 to 7.
    pub servers: u32,
    /// `tickTime` in milliseconds.
    pub tick_time_ms: u32,
    /// `minSessionTimeout` in milliseconds; none is 2 ticks.
    pub min_session_timeout_ms: Option<u32>,
    /// `maxSessionTimeout` in milliseconds; none is 20 ticks.
    pub max_session_timeout_ms: Option<u32>,
    pub machine: Machine,
}

impl Default for ZooKeeperPlan {
    /// One server, tickTime 2000 as in ZooKeeper's sample configuration.
    fn default() -> Self {
        ZooKeeperPlan {
            servers: 1,
            tick_time_ms: 2_000,
            min_session_timeout_ms: None,
            max_session_timeout_ms: None,
            machine: Machine::default(),
        }
    }
}

/// A broker and its machine, called `broker-<id>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerPlan {
    /// From 1.
    pub id: BrokerId,
    /// `broker.rack`, and where its machine stands.
    pub rack: Option<String>,
    /// Settings of this broker alone; they win over the cluster's.
    pub config: Properties,
    pub machine: Machine,
}

impl BrokerPlan {
    pub fn new(id: BrokerId) -> Self {
        BrokerPlan {
            id,
            rack: None,
            config: Properties::new(),
            machine: Machine::default(),
        }
    }

    pub fn rack(mut self, rack: impl Into<String>) -> Self {
        self.rack = Some(rack.into());
        self
    }

    pub fn config(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.config.insert(key.into(), value.to_string());
        self
    }

    pub fn machine(mut self, machine: Machine) -> Self {
        self.machine = machine;
        self
    }
}

/// What may differ from machine to machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    /// Work takes so many times as long; at least 1.
    pub slowness: u32,
    /// The wall clock is so far ahead (or behind) at the start.
    pub clock_skew_ms: i64,
    /// Parts per million by which the clock runs fast (or slow).
    pub clock_drift_ppm: i32,
    /// After a crash or an exit the process is started again after this delay.
    pub supervisor: Option<Duration>,
    /// The process is started so long after those that wait for nothing. Who is started first becomes
    /// the controller.
    pub start_after: Duration,
    /// The process does not run at the start; the timeline may start it.
    pub down_at_start: bool,
    /// Bytes that fit on its disk; none: as `DiskPlan::capacity` says.
    pub disk_capacity: Option<u64>,
    /// Files on the disk before the first start: path and content. A path that ends in `/` is an empty
    /// directory.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Default for Machine {
    fn default() -> Self {
        Machine {
            slowness: 1,
            clock_skew_ms: 0,
            clock_drift_ppm: 0,
            supervisor: None,
            start_after: Duration::ZERO,
            down_at_start: false,
            disk_capacity: None,
            files: Vec::new(),
        }
    }
}

/// A distribution of lengths of time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Latency {
    Constant(Duration),
    Uniform {
        low: Duration,
        high: Duration,
    },
    /// The logarithm's standard deviation is `sigma_percent` / 100.
    LogNormal {
        median: Duration,
        sigma_percent: u32,
    },
    /// Log-normal with rare very long draws.
    LongTail {
        median: Duration,
    },
}

/// The network, where it differs from the kernel's documented default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetworkPlan {
    /// One trip within a rack, or where racks are not given.
    pub latency: Option<Latency>,
    /// One trip between racks.
    pub other_rack: Option<Latency>,
    /// Bytes a second of one connection.
    pub bandwidth: Option<u64>,
    /// Names that stand for machines, each with those machines in the order in which a resolver names them.
    pub names: Vec<(String, Vec<String>)>,
}

/// Disks, where they differ from the kernel's documented default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DiskPlan {
    /// One read that misses the page cache.
    pub read: Option<Latency>,
    /// One fsync, beside the bytes that it writes.
    pub sync: Option<Latency>,
    /// Bytes a second.
    pub bandwidth: Option<u64>,
    /// Bytes that fit; none: there is no end.
    pub capacity: Option<u64>,
}

/// A topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicPlan {
    pub name: String,
    /// For the reader: what it holds.
    pub about: Option<String>,
    /// None: the brokers' `num.partitions`, or as many as `assignment` has.
    pub partitions: Option<u32>,
    /// None: the brokers' `default.replication.factor`, or as `assignment` says.
    pub replication_factor: Option<u32>,
    /// Replicas of each partition, preferred leader first; empty: the controller's broker places them.
    pub assignment: Vec<Vec<BrokerId>>,
    /// Under the topic's keys.
    pub config: Properties,
}

impl TopicPlan {
    /// Partitions and replication as the brokers' defaults say.
    pub fn new(name: impl Into<String>) -> Self {
        TopicPlan {
            name: name.into(),
            about: None,
            partitions: None,
            replication_factor: None,
            assignment: Vec::new(),
            config: Properties::new(),
        }
    }

    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = Some(partitions);
        self
    }

    pub fn replication_factor(mut self, replication_factor: u32) -> Self {
        self.replication_factor = Some(replication_factor);
        self
    }

    pub fn assignment(mut self, assignment: Vec<Vec<BrokerId>>) -> Self {
        self.assignment = assignment;
        self
    }

    pub fn config(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.config.insert(key.into(), value.to_string());
        self
    }
}
