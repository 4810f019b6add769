//! Reports: what people, other programs and Kafka's own tools would say of a finished run.
//!
//! Every report is a function of an `Ending`: the plan, the trace, views, outcomes. Nothing here runs or
//! decides anything.

mod ending;
mod failure;
mod json;
mod junit;
pub mod log_dump;
pub mod log_verify;
mod output;
mod summary;
mod tables;
mod zookeeper;

pub use ending::{ClientTotals, Ending};
pub use json::json;
pub use junit::{Suite, junit};
pub use output::{OutputFile, output_files};
pub use summary::{summary, tables, verdict_line};
pub use tables::{kafka_get_offsets, kafka_topics_describe};

#[cfg(test)]
mod tests;
