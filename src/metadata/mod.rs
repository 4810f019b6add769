//! What the cluster agrees on, as data: the state of a partition, paths and payloads of znodes, and
//! where replicas are placed.
//!
//! Pure values and functions: no time, no messages, no randomness but what is passed in.

mod java_json;
mod leader_and_isr;
pub mod placement;
pub mod znode;

pub use leader_and_isr::{LeaderAndIsr, LeaderIsrAndControllerEpoch, ReplicaAssignment};
