//! A deterministic simulator that puts Apache Kafka on trial: brokers, ZooKeeper and clients in one thread
//! and virtual time, with crashes, cut networks and failing disks whenever you say.
//!
//! A test of yours runs a [`Scenario`] and looks at the [`Report`]: whether what must hold held, and what
//! happened, as text that is the same on every machine and so makes a snapshot.
//!
//! ```
//! use kafka_trial::Scenario;
//!
//! let scenario = Scenario::from_str(
//!     "
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
//! ",
//! )?;
//! let report = scenario.run()?;
//! report.assert_held();
//! assert!(report.transcript().contains("becomes the controller"));
//! // insta::assert_snapshot!(report.tables());
//! # Ok::<(), kafka_trial::ScenarioError>(())
//! ```
//!
//! A run is a function of scenario, seed and version, and the seed is the scenario's own unless
//! [`Scenario::with_seed`] gives another. What is modelled and what is not, how a scenario is written, and how
//! the simulator is built stand in its book (`book/` in the repository). The `trial` command runs the same
//! scenarios from a terminal.
#![forbid(unsafe_code)]

mod facade;

pub use facade::{Report, Scenario, ScenarioError};

// The rooms of the house. Public for the command, the tests and the benches; not for others.
#[doc(hidden)]
pub mod broker;
#[doc(hidden)]
pub mod campaign;
#[doc(hidden)]
pub mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod client;
#[doc(hidden)]
pub mod conform;
#[doc(hidden)]
pub mod controller;
#[doc(hidden)]
pub mod coordinator;
#[doc(hidden)]
pub mod figure;
#[doc(hidden)]
pub mod inspect;
#[doc(hidden)]
pub mod kernel;
#[doc(hidden)]
pub mod log;
#[doc(hidden)]
pub mod metadata;
#[doc(hidden)]
pub mod network_client;
#[doc(hidden)]
pub mod node;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod player;
#[doc(hidden)]
pub mod protocol;
#[doc(hidden)]
pub mod purgatory;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod scenario;
#[doc(hidden)]
pub mod schema_registry;
#[doc(hidden)]
pub mod serialization;
#[doc(hidden)]
pub mod service;
#[doc(hidden)]
pub mod trace;
#[doc(hidden)]
pub mod zookeeper;
#[doc(hidden)]
pub mod zookeeper_mode;
