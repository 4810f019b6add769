//! The controller against a small ZooKeeper and brokers that only answer: its rules by id, and its
//! writes and requests held against recordings of real Kafka 3.9.1.

mod auto_leader_rebalance;
mod batches;
mod brokers;
mod cluster;
mod compare;
mod elections;
mod failover;
mod recordings;
mod requests;
mod support;
mod topics;
mod tree;
mod unclean;
