//! ZooKeeper: a server and the session client, knowing nothing of Kafka.
//!
//! The server is the request pipeline of ZooKeeper 3.8 (`PrepRequestProcessor`, `SyncRequestProcessor`,
//! `FinalRequestProcessor`) around a pure `DataTree`; the client is `ClientCnxn` with its
//! `StaticHostProvider`. Rules: ZK5 to ZK11, ZB11 to ZB16, section 1.8 of the truth table.

mod data_tree;
pub mod server;
pub mod session;

pub use data_tree::DataTree;
pub use server::{Server, ServerConfig, SessionView};
pub use session::Session;
