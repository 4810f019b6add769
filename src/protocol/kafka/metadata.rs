//! `Metadata`: which brokers there are, and who leads what, as the asked broker knows it.

use super::WireBytes;
use crate::protocol::{BrokerId, ErrorCode, TopicId, TopicName};
use std::rc::Rc;

#[derive(Clone, Debug, Hash)]
pub struct MetadataRequest {
    /// `None` asks for all topics, an empty list for brokers only.
    pub topics: Option<Vec<TopicName>>,
    pub allow_auto_topic_creation: bool,
}

impl WireBytes for MetadataRequest {
    fn wire_bytes(&self) -> u64 {
        4 + self
            .topics
            .iter()
            .flatten()
            .map(|t| 2 + t.len() as u64)
            .sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct MetadataResponse {
    pub brokers: Vec<BrokerEndpoint>,
    pub cluster_id: Option<Rc<str>>,
    /// -1 if the broker knows none.
    pub controller_id: BrokerId,
    pub topics: Vec<TopicMetadata>,
}

impl WireBytes for MetadataResponse {
    fn wire_bytes(&self) -> u64 {
        32 + self.brokers.len() as u64 * 32
            + self
                .topics
                .iter()
                .map(|t| 32 + t.partitions.len() as u64 * 48)
                .sum::<u64>()
    }
}

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerEndpoint {
    pub id: BrokerId,
    pub host: Rc<str>,
    pub port: i32,
    pub rack: Option<Rc<str>>,
}

#[derive(Clone, Debug, Hash)]
pub struct TopicMetadata {
    pub error: ErrorCode,
    pub name: TopicName,
    pub topic_id: TopicId,
    pub is_internal: bool,
    pub partitions: Vec<PartitionMetadata>,
}

#[derive(Clone, Debug, Hash)]
pub struct PartitionMetadata {
    pub error: ErrorCode,
    pub partition: i32,
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub replicas: Vec<BrokerId>,
    pub isr: Vec<BrokerId>,
    pub offline_replicas: Vec<BrokerId>,
}
