//! Nodes: a broker or controller wired to its ZooKeeper session, and the read-only views of them.

pub mod view;

mod kafka_server;
mod kafka_zk_client;

pub use kafka_server::{KafkaServer, ServerSetup};
