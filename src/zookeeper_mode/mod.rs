//! What a broker and its controller do through ZooKeeper, besides deciding: registration, the watch
//! over configurations, administrators' requests, and the typed reads and writes of all of these.
//!
//! Pure as the controller is: it asks ZooKeeper through `ZkCalls` and returns outputs. It may not know
//! sessions, connections or the clock: the node owns these.

mod admin_manager;
mod admin_zk_client;
mod config_watcher;
mod create_partitions;
mod kafka_zk_client;
mod producer_id_block;
pub mod registration;
mod zk_requests;

pub use admin_manager::{AdminInput, AdminManager, AdminOutput};
pub use config_watcher::{
    ConfigWatcher, ConfigWatcherInput, ConfigWatcherOutput, fetch_topic_config,
};
pub(crate) use kafka_zk_client::{Abandoned, EpochZkVersion, Handlers, KafkaZkClient};
pub(crate) use producer_id_block::new_producer_id_block;
pub use registration::{BrokerInfo, RegistrationError};

use crate::kernel::task::Calls;
use crate::protocol::zookeeper::{Answer, Code, Op};

/// Requests to ZooKeeper and their answers, in the order in which they were asked. One table serves
/// all coroutines of a broker, as one `ZooKeeperClient` serves all of Kafka's threads.
///
/// An answer is never `ConnectionLoss`: the node sends such a request again once connected (CT11).
/// When the session is gone, every open request is answered `SessionExpired`.
pub type ZkCalls = Calls<Op, Result<Answer, Code>>;
