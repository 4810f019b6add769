//! The player: one page that plays a run in a browser, from its file alone, without a network.
//!
//! What the page shows is data that is made here from a recording: events in the transcript's words, messages, and what
//! each event changed in a flat list of states, so that the page can go to any moment, forwards and back. The page itself
//! lies in `page/` as plain HTML, CSS and modules, and is joined into one file.
//!
//! May not know more than facts, their causes and messages: a state that nobody stated is not shown. Where the run was
//! played for it, also what Kafka's tools would print, and the bytes on brokers' disks; a trace holds neither.

mod batches;
mod changes;
mod data;
mod flights;
mod join;
mod nodes;
mod questions;
mod replay;
mod slots;
mod thinning;
mod words;
mod znodes;

pub use data::data;

use crate::figure::Recording;

/// The whole file. The same recording gives the same bytes.
pub fn page(recording: &Recording) -> String {
    join::joined(&recording.name, &data(recording))
}
