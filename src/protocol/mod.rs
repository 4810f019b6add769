//! What nodes say to each other: ids, every message (named after Kafka's and ZooKeeper's requests),
//! error codes, timers, facts, typed configuration, and the variants of rules that history changed.
//!
//! Messages carry what Kafka's requests carry, so that a wire codec can be put beside them.
//!
//! May not know who sends or receives.

pub mod config;
mod consumer_protocol;
mod counted;
mod error;
mod escaped;
mod exponential_backoff;
mod fact;
mod hosts;
mod ids;
mod java_hash;
mod kafka;
mod label;
mod lock;
mod message;
pub mod rules;
mod schema_registry;
mod service;
mod timer;
mod topic_pattern;
pub mod wire;
pub mod zab;
pub mod zookeeper;

pub use consumer_protocol::{Assignment, CONSUMER_PROTOCOL_TYPE, StickyUserData, Subscription};
pub use counted::counted;
pub use error::ErrorCode;
pub use exponential_backoff::exponential;
pub use fact::{
    ApplicationFact, EpochBumpReason, Errand, Fact, FetchSessionFact, GroupFact, GroupRow,
    IsrChange, Lack, LinkFault, LoadedOffset, LogStartReason, LostCommand, MachineFault,
    MemberGone, MessageFact, NotReached, OwnerThen, Part, ProducerStateFact, RebalanceReason,
    RecordId, Routine, Serialized, ShellFact, StateWriteReason, content_of,
};
pub use hosts::{Host, Hosts, Place, is_localhost};
pub use ids::{
    BrokerId, FetcherId, GROUP_METADATA_TOPIC, LEADER_DURING_DELETE, NO_LEADER, TopicId, TopicName,
    TopicPartition, is_internal_topic, is_topic_name, partition_for,
};
pub use java_hash::java_hash_code;
pub use kafka::*;
pub use label::may_be_about;
pub use lock::Lock;
pub use message::{KafkaRequest, KafkaResponse, Message, Pending};
pub use schema_registry::{RegistryCall, RegistryRequest, RegistryResponse, SubjectSchema};
pub use service::{ServiceAnswer, ServiceCall};
pub use timer::{
    BrokerTimer, ClientTimer, ControllerTimer, GroupTimer, NetworkOwner, NetworkTimer, ServerTimer,
    SessionTimer, Timer, ZooKeeperTimer,
};
pub use topic_pattern::TopicPattern;

use crate::kernel;

/// The simulated world of Kafka: its message, timer and fact types.
#[derive(Debug)]
pub enum Cluster {}

impl kernel::Domain for Cluster {
    type Message = Message;
    type Timer = Timer;
    type Fact = Fact;
    type Lock = Lock;
}

/// A Kafka or ZooKeeper process's window on the world.
pub type Ctx<'a> = kernel::Ctx<'a, Cluster>;
/// What can happen to such a process.
pub type Event = kernel::Event<Cluster>;
