//! What the cluster agrees on, as data: paths and payloads of znodes, and where replicas are placed.
//!
//! Pure values and functions: no time, no messages, no randomness but what is passed in.

pub mod placement;
pub mod znode;
