//! The trace: the facts of a run in their order, as JSON lines and as a transcript for
//! reading.
//!
//! Everything here is a function of facts. Nothing looks at a node, so a trace that was written to a
//! file tells all that the run could tell.

mod counts;
mod diff;
mod entry;
mod json_lines;
mod legend;
mod story;
mod telling;
mod transcript;

pub use diff::{Difference, diff};
pub use entry::TraceEntry;
pub use json_lines::{FORMAT, TraceFileError, TraceHeader, VERSION, write_json_lines};
pub use transcript::{Style, Transcript, excerpt, last_lines, transcript};
