//! The ZooKeeper-mode controller, and the code of a broker that talks to ZooKeeper.
//!
//! Kafka's controller is one thread with a first-in first-out queue of events that blocks on
//! ZooKeeper; here that thread is a coroutine. Everything is pure: what it wants of ZooKeeper it
//! asks through `ZkCalls`, what it wants of the world it returns as outputs, and its node does both.
//! It knows no kernel event, no clock and no session client.

pub mod admin;
mod admin_zk_client;
mod broker_change;
mod channel_manager;
pub mod config_watcher;
mod context;
mod election;
mod event_manager;
mod failover;
mod kafka_controller;
mod partition_state_machine;
pub mod registration;
mod replica_state_machine;
mod request_batch;
mod requests;
mod topic_change;
mod zk_client;
mod zookeeper_client;

pub use event_manager::{Controller, ControllerInput, ControllerOutput, ControllerView, Elected};

use crate::kernel::task::Calls;
use crate::protocol::zookeeper::{Answer, Code, Op};

/// Requests to ZooKeeper and their answers, in the order in which they were asked. One table serves
/// all coroutines of a broker, as one `ZooKeeperClient` serves all of Kafka's threads.
///
/// An answer is never `ConnectionLoss`: the node sends such a request again once connected (CT11).
/// When the session is gone, every open request is answered `SessionExpired`.
pub type ZkCalls = Calls<Op, Result<Answer, Code>>;
