//! Campaigns: many plans, drawn from seeds or made one after the other, each played and judged; and what is done with
//! those that fail.
//!
//! One run stays one thread's (`run::spread`); what a campaign comes to does not depend on how many there are. Rules of
//! the protocol as an old release had them come in with a plan (`protocol::rules`), and nothing here looks at them.
//!
//! May not know how anything is printed, nor read or write files: that is `cli`'s.

pub mod catalogue;
pub mod coverage;
mod findings;
mod fuzz;
mod judged;
mod limits;
mod rediscovery;
pub mod shrink;
pub mod situations;
pub mod swarm;
mod target;
mod vary;

pub use findings::{Apart, Came, Example, Findings, Group, Kind, Seeds, Sightings, Unreadable};
pub use fuzz::{BATCH, digests, failing_plan, play_batch};
pub use judged::{Failure, Judged, play, play_watched};
pub use limits::Limit;
pub use rediscovery::{Find, first_find, target as rediscovered_with};
pub use target::{Source, Target};
