//! The ZooKeeper-mode controller: who leads each partition.
//!
//! Kafka's controller is one thread with a first-in first-out queue of events that blocks on
//! ZooKeeper; here that thread is a coroutine. Everything is pure: what it wants of ZooKeeper it
//! asks through `ZkCalls`, what it wants of the world it returns as outputs, and its node does both.
//! It may not know a kernel event, a clock, a session client, or what a log holds: who leads is decided by
//! znodes alone.

mod auto_leader_rebalance;
mod broker_change;
mod channel_manager;
mod context;
mod elected;
mod election;
mod event_manager;
mod failover;
mod kafka_controller;
mod partition_state_machine;
mod replica_state_machine;
mod request_batch;
mod requests;
mod topic_change;

pub use elected::Elected;
pub use event_manager::{Controller, ControllerInput, ControllerOutput, ControllerView};
