//! The recorder's client: runs the operations of a recording of real Kafka one after the other,
//! with the settings that the recorder used (class Driver of the lab; "The clients" of the README
//! of the recordings).

use crate::client::{AdminCommand, AdminOutcome, Bootstrap, ConfigError};
use crate::protocol::config::Properties;
use crate::protocol::{BrokerId, Ctx, Event, TopicName, TopicPartition};
use std::collections::BTreeMap;
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
    results: BTreeMap<u32, DriverResult>,
}

impl Driver {
    pub fn new(options: DriverOptions) -> Result<Driver, ConfigError> {
        Ok(Driver {
            options,
            results: BTreeMap::new(),
        })
    }
    pub fn rebooted(&self) -> Driver {
        Driver {
            options: self.options.clone(),
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
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let _ = (event, ctx);
        todo!()
    }
}
