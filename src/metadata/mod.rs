//! What the cluster agrees on, as data: the state of a partition, paths and payloads of znodes, where
//! replicas are placed, and what a broker knows of it all.
//!
//! Pure values and functions: no time, no messages, no randomness but what is passed in.
//!
//! May not know who asks: a controller, a broker and a test get the same values.

mod java_json;
mod leader_and_isr;
mod metadata_cache;
pub mod placement;
pub mod znode;

pub use leader_and_isr::{LeaderAndIsr, LeaderIsrAndControllerEpoch, ReplicaAssignment};
pub use metadata_cache::MetadataCache;
