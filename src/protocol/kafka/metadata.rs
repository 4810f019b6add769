//! `Metadata`: which brokers there are, and who leads what, as the asked broker knows it.

use super::WireBytes;
use crate::protocol::{BrokerId, ErrorCode, TopicId, TopicName};
use std::hash::{Hash, Hasher};
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

/// A listener's name, as `listeners` has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ListenerName(pub Rc<str>);

impl Default for ListenerName {
    /// The one that a broker has unless told otherwise.
    fn default() -> Self {
        ListenerName("PLAINTEXT".into())
    }
}

/// Where one of a broker's listeners is to be reached, as it says itself (`EndPoint`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listener {
    pub name: ListenerName,
    pub host: Rc<str>,
    pub port: i32,
}

/// A broker as it has registered (`kafka.cluster.Broker`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredBroker {
    pub id: BrokerId,
    /// Not empty.
    pub listeners: Vec<Listener>,
    pub rack: Option<Rc<str>>,
}

impl RegisteredBroker {
    /// Where it is to be reached by that listener, if it has one of the name (`Broker.node`).
    pub fn node(&self, listener: &ListenerName) -> Option<BrokerEndpoint> {
        let found = self.listeners.iter().find(|it| it.name == *listener)?;
        Some(BrokerEndpoint {
            id: self.id,
            host: Rc::clone(&found.host),
            port: found.port,
            rack: self.rack.clone(),
        })
    }
}

impl Hash for RegisteredBroker {
    /// The common broker, with its one listener, is its endpoint.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.listeners[..] {
            [only] if only.name == ListenerName::default() => {
                (self.id, &only.host, only.port, &self.rack).hash(state);
            }
            several => (self.id, several, &self.rack).hash(state),
        }
    }
}

impl From<BrokerEndpoint> for RegisteredBroker {
    /// With the one listener that a broker has unless told otherwise.
    fn from(endpoint: BrokerEndpoint) -> Self {
        RegisteredBroker {
            id: endpoint.id,
            listeners: vec![Listener {
                name: ListenerName::default(),
                host: endpoint.host,
                port: endpoint.port,
            }],
            rack: endpoint.rack,
        }
    }
}

/// Where a broker is to be reached by one of its listeners.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerEndpoint {
    pub id: BrokerId,
    pub host: Rc<str>,
    pub port: i32,
    pub rack: Option<Rc<str>>,
}

impl BrokerEndpoint {
    /// On its own machine, by Kafka's own port.
    #[cfg(test)]
    pub(crate) fn usual(id: BrokerId) -> Self {
        BrokerEndpoint {
            id,
            host: format!("broker-{id}").into(),
            port: 9092,
            rack: None,
        }
    }

    /// `broker-1:9092`
    pub fn place(&self) -> Rc<str> {
        format!("{}:{}", self.host, self.port).into()
    }
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
