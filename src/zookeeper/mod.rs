//! ZooKeeper: a server and the session client, knowing nothing of Kafka.
//!
//! The server is the request pipeline of ZooKeeper 3.8 (`PrepRequestProcessor`, `SyncRequestProcessor`,
//! `FinalRequestProcessor`) around a pure `DataTree`; the client is `ClientCnxn` with its
//! `StaticHostProvider`. Rules: ZK5 to ZK11, ZB11 to ZB16, section 1.8 of the truth table.

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
mod request;
pub mod server;
pub mod session;
mod session_tracker;
mod sync_processor;
mod txn;
mod watch_manager;

pub use config::ServerConfig;
pub use data_tree::DataTree;
pub use server::{Server, SessionView};
pub use session::Session;
