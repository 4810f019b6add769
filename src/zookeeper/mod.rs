//! ZooKeeper: servers and the session client, knowing nothing of Kafka.
//!
//! A server is the request pipeline of ZooKeeper 3.8 (`PrepRequestProcessor`, `SyncRequestProcessor`,
//! `FinalRequestProcessor`) around a pure `DataTree`; the members of
//! an ensemble (`quorum`) put leader election and atomic broadcast between them. The client is `ClientCnxn` with its
//! `StaticHostProvider`. Their rules are the book's ZK and ZB.
//!
//! A server may not know what its znodes mean, nor the clocks of its peers.

mod client_watches;
mod config;
mod connections;
mod data_tree;
mod file_snap;
mod file_txn_log;
mod final_processor;
mod host_provider;
mod jute;
mod prep_processor;
mod quorum;
mod request;
pub mod server;
pub mod session;
mod session_expiry;
mod standalone;
mod sync_processor;
mod txn;
mod watch_manager;
mod zookeeper_server;

pub use config::{QuorumConfig, ServerConfig};
pub use data_tree::DataTree;
pub use quorum::{QuorumRole, QuorumView};
pub use server::{Server, SessionView};
pub use session::Session;
