//! What the cluster agrees on, as data: the state of a partition, paths and payloads of znodes, and
//! where replicas are placed.
//!
//! Pure values and functions: no time, no messages, no randomness but what is passed in.
//!
//! May not know who asks: a controller, a broker and a test get the same values.

mod java_json;
mod leader_and_isr;
pub mod placement;
pub mod znode;

pub use leader_and_isr::{LeaderAndIsr, LeaderIsrAndControllerEpoch, ReplicaAssignment};
