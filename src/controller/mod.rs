//! The ZooKeeper-mode controller, and the code of a broker that talks to ZooKeeper.
//!
//! Kafka's controller is one thread with a first-in first-out queue of events that blocks on
//! ZooKeeper; here that thread is a coroutine. Everything is pure: what it wants of ZooKeeper it
//! asks through `ZkCalls`, what it wants of the world it returns as outputs, and its node does both.
//! It knows no kernel event, no clock and no session client.

pub mod admin;
pub mod config_watcher;
mod event_manager;
pub mod registration;

pub use event_manager::{Controller, ControllerInput, ControllerOutput, ControllerView, Elected};

use crate::kernel::task::Calls;
use crate::protocol::zookeeper::{Answer, Code, Op};

/// Requests to ZooKeeper and their answers, in the order in which they were asked. One table serves
/// all coroutines of a broker, as one `ZooKeeperClient` serves all of Kafka's threads.
///
/// An answer is never `ConnectionLoss`: the node sends such a request again once connected (CT11).
/// When the session is gone, every open request is answered `SessionExpired`.
pub type ZkCalls = Calls<Op, Result<Answer, Code>>;
