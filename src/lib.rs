//! kafka-trial: a deterministic simulator and teaching sandbox that puts Apache Kafka on trial.
//!
//! A plan and a seed are the whole input of a run; the same two give the same bytes, on every machine.
//! Another project's test runs a scenario and takes a snapshot of what happened:
//!
//! ```
//! use kafka_trial::{run, trace};
//!
//! let scenario = b"
//! format: 1
//! name: two-trucks
//! about: Two trucks report to one broker.
//! duration: 10s
//! cluster: {brokers: 1}
//! topics:
//!   gps: {partitions: 2}
//! producers:
//!   trucks: {count: 2, topic: gps, key: truck_id, value: position, every: 1s}
//! consumers:
//!   dashboard: {topics: [gps]}
//! expect:
//!   - no acknowledged record is lost
//! ";
//! let plan = kafka_trial::scenario::load("two-trucks.yaml", scenario.to_vec(), &[]).unwrap().plan;
//! let report = run::run(&plan, 7).unwrap();
//! assert!(report.held());
//!
//! let transcript = trace::transcript(&report.trace, trace::Style::default());
//! assert!(transcript.contains("becomes the controller"));
//! // insta::assert_snapshot!(transcript);
//! ```
//!
//! The rooms of the crate, and what each may know, stand in `book/src/architecture.md`.
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
pub mod network_client;
pub mod node;
pub mod plan;
pub mod protocol;
pub mod report;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod zookeeper;
pub mod zookeeper_mode;
