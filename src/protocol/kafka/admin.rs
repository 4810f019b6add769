//! Administrators' requests: topics, configurations, elections.

use super::WireBytes;
use crate::protocol::{BrokerId, ErrorCode, TopicId, TopicName, TopicPartition};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

#[derive(Clone, Debug, Hash)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl WireBytes for CreateTopicsRequest {
    fn wire_bytes(&self) -> u64 {
        12 + self.topics.len() as u64 * 96
    }
}

#[derive(Clone, Debug, Hash)]
pub struct CreatableTopic {
    pub name: TopicName,
    /// -1: the broker's default, or given by `assignments`.
    pub num_partitions: i32,
    pub replication_factor: i16,
    /// Replicas of each partition, or empty: the broker places them (CT21).
    pub assignments: Vec<(i32, Vec<BrokerId>)>,
    pub configs: Vec<(Rc<str>, Rc<str>)>,
}

#[derive(Clone, Debug, Hash)]
pub struct CreateTopicsResponse {
    pub topics: Vec<CreatableTopicResult>,
}

impl WireBytes for CreateTopicsResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.topics.len() as u64 * 64
    }
}

#[derive(Clone, Debug, Hash)]
pub struct CreatableTopicResult {
    pub name: TopicName,
    pub topic_id: TopicId,
    pub error: ErrorCode,
    pub error_message: Option<Rc<str>>,
}

#[derive(Clone, Debug, Hash)]
pub struct CreatePartitionsRequest {
    pub topics: Vec<CreatePartitionsTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl WireBytes for CreatePartitionsRequest {
    fn wire_bytes(&self) -> u64 {
        12 + self.topics.len() as u64 * 32
    }
}

/// How many partitions a topic shall have.
#[derive(Clone, Debug, Hash)]
pub struct CreatePartitionsTopic {
    pub name: TopicName,
    /// In all.
    pub count: i32,
    /// Replicas of each new one, or `None`: the broker places them.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
}

#[derive(Clone, Debug, Hash)]
pub struct CreatePartitionsResponse {
    pub results: Vec<(TopicName, ErrorCode, Option<Rc<str>>)>,
}

impl WireBytes for CreatePartitionsResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.results.len() as u64 * 32
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ElectionType {
    Preferred,
    Unclean,
}

#[derive(Clone, Debug, Hash)]
pub struct ElectLeadersRequest {
    pub election_type: ElectionType,
    /// `None`: all partitions.
    pub partitions: Option<Vec<TopicPartition>>,
    pub timeout_ms: i32,
}

impl WireBytes for ElectLeadersRequest {
    fn wire_bytes(&self) -> u64 {
        12 + self.partitions.as_ref().map_or(0, |p| p.len() as u64 * 20)
    }
}

#[derive(Clone, Debug, Hash)]
pub struct ElectLeadersResponse {
    pub error: ErrorCode,
    pub results: Vec<(TopicPartition, ErrorCode)>,
}

impl WireBytes for ElectLeadersResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.results.len() as u64 * 24
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigResource {
    Topic,
    Broker,
}

#[derive(Clone, Debug, Hash)]
pub enum AlterConfigOp {
    Set(Rc<str>),
    Delete,
}

#[derive(Clone, Debug, Hash)]
pub struct IncrementalAlterConfigsRequest {
    pub resources: Vec<AlterConfigsResource>,
    pub validate_only: bool,
}

impl WireBytes for IncrementalAlterConfigsRequest {
    fn wire_bytes(&self) -> u64 {
        8 + self.resources.len() as u64 * 64
    }
}

#[derive(Clone, Debug, Hash)]
pub struct AlterConfigsResource {
    pub resource: ConfigResource,
    /// The topic's name, or the broker's id in digits.
    pub name: Rc<str>,
    pub configs: Vec<(Rc<str>, AlterConfigOp)>,
}

#[derive(Clone, Debug, Hash)]
pub struct IncrementalAlterConfigsResponse {
    pub responses: Vec<AlterConfigsResult>,
}

impl WireBytes for IncrementalAlterConfigsResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.responses.len() as u64 * 32
    }
}

/// What came of one resource: its kind, its name, the error and its message.
pub type AlterConfigsResult = (ConfigResource, Rc<str>, ErrorCode, Option<Rc<str>>);
