//! The operations of a recording, and what each may come to, as plain values.

use crate::client::{AdminCommand, AdminOutcome};
use crate::protocol::config::Properties;
use crate::protocol::{BrokerId, TopicName, TopicPartition};
use std::collections::BTreeMap;
use std::rc::Rc;

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
