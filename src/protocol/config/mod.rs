//! Typed configuration under Kafka's own keys, with defaults per Kafka version.
//!
//! Values come as text under Kafka's keys, as in a properties file, and are parsed once. Every key that
//! Kafka 3.9 has is known by name, type and range, the ones that the simulator does not act on too: those
//! that only tune are taken with a warning, those that would change what is read, written or promised are
//! refused.

mod broker_config;
mod broker_keys;
mod client_config;
mod client_keys;
mod group_membership;
mod key;
mod lack;
mod listeners;
mod meanings;
mod nearest;
mod network_client_config;
mod security_keys;
mod serializers;
mod synonyms;
mod topic_config;
mod topic_keys;
mod values;
mod version;

pub use broker_config::{BrokerConfig, ReplicaSelector};
pub use client_config::{
    Acks, AdminConfig, AutoOffsetReset, CommonConfig, ConsumerConfig, PartitionerClass,
    ProducerConfig, ROUND_ROBIN,
};
pub use group_membership::{GroupMembership, unfit_group_id};
pub use key::{ConfigError, Effect, Key, Kind, Scope, Unmodelled, asks_for_compaction, in_a_line};
pub use lack::Lack;
pub use listeners::Listeners;
pub use meanings::meaning;
pub(crate) use nearest::distance;
pub use nearest::nearest;
pub use network_client_config::NetworkClientConfig;
pub use serializers::SerializerConfig;
pub use synonyms::described_topic_configs;
pub use topic_config::TopicConfig;
pub use version::KafkaVersion;

use std::collections::BTreeMap;

/// Configuration as written: Kafka's key to its value as text.
pub type Properties = BTreeMap<String, String>;
