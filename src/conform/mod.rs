//! Plays a recording of a real cluster as a plan, and compares what both came to, step by step.

mod compare;
mod play;
mod recorder_client;
mod recording;

pub use compare::{Difference, compared_part, differences};
pub use play::{Outcome, StepDifference, play};
pub use recording::{Action, Mode, Recording, Step, TimedAction, Unreadable, read};
