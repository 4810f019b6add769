//! Situations that a campaign is to come through: each a short sequence of facts, about one partition, node or group.
//!
//! A campaign that never met one has said nothing of it. How far a run came in each is its best number of steps
//! ("2 of 3"); a situation is reached when all were taken, in order, by the same partition, node or group. Facts that
//! do not fit are passed over.
//!
//! They look at facts only, and decide nothing.

mod clients;
mod coordination;
mod matcher;
mod replication;
mod storage;

pub use matcher::Watcher;

use crate::trace::TraceEntry;

/// A situation.
pub struct Situation {
    /// As a sentence.
    pub name: &'static str,
    /// What happens, in order.
    pub steps: &'static [Step],
}

/// A step, if the fact is one: it tells the keys of those to whom it happens.
pub type Step = fn(&TraceEntry, &mut dyn FnMut(u64));

/// All of them, in the order of results.
pub fn all() -> impl Iterator<Item = &'static Situation> {
    [
        replication::SITUATIONS,
        coordination::SITUATIONS,
        storage::SITUATIONS,
        clients::SITUATIONS,
    ]
    .into_iter()
    .flatten()
}

const fn situation(name: &'static str, steps: &'static [Step]) -> Situation {
    Situation { name, steps }
}
