//! The controller against a small ZooKeeper and brokers that only answer: its rules by id, and its
//! writes and requests held against recordings of real Kafka 3.9.1.

mod cluster;
mod recordings;
mod rules;
mod tree;
