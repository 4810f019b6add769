//! kafka-trial: a deterministic simulator and teaching sandbox that puts Apache Kafka on trial.
#![forbid(unsafe_code)]

pub mod broker;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
pub mod conform;
pub mod controller;
pub mod kernel;
pub mod log;
pub mod metadata;
pub mod node;
pub mod plan;
pub mod protocol;
pub mod report;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod zookeeper;
