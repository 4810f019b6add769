//! The trace: the facts of a run in their order, as JSON lines and as a transcript for
//! reading.
//!
//! Everything here is a function of facts. Nothing looks at a node, so a trace that was written to a
//! file tells all that the run could tell.
//!
//! May not know a node, a disk or a plan.

mod by_node;
mod counts;
mod diff;
mod entry;
mod json_lines;
mod last_lines;
mod legend;
mod observer;
mod parting;
mod sentences;
mod sink;
mod stalls;
mod story;
mod teller;
mod telling;
mod transcript;

pub use by_node::ByNode;
pub use diff::{Difference, diff};
pub use entry::TraceEntry;
pub use json_lines::reader::{TraceLine, TraceReader};
pub use json_lines::{
    Closing, FORMAT, Group, TraceFileError, TraceHeader, TraceWriter, VERSION, write_json_lines,
};
pub use last_lines::LastLines;
pub use observer::{CauseEntry, Nobody, Observer, SentEntry};
pub use parting::{Beside, Course, Excerpt, Lines, Parting};
pub use sentences::{Importance, Said, Sentence, Sentences};
pub use sink::{Keep, RoutineCounts, Sink};
pub use stalls::{Stall, StallReader};
pub use teller::Teller;
pub use telling::meaning_of;
pub use transcript::{Style, Transcript, excerpt, transcript, with_legend, write_line};
