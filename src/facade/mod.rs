//! The front door for another project's tests: a scenario, a run of it, and what came of that.
//!
//! Everything else that the crate has is built for this and for the command line, and may change with any
//! version. May not know how a run is made or told, only whom to ask.
#![deny(missing_docs)]

mod error;
mod report;
mod scenario;

pub use error::ScenarioError;
pub use report::Report;
pub use scenario::Scenario;
