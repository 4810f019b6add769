//! Tools for a broker's data directory, ours or a real one's: what lies in its files (`dump`), whether they
//! hold together (`verify`), and what a broker's start and clean stop make of them (`recover`).
//!
//! Knows bytes and names. May not know where they come from: who calls it reads and writes files. A run's
//! reports are another room.

pub mod dump;
mod recover;
pub mod verify;

pub use recover::{DataDirectory, Recovered, recover};
