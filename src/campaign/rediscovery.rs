//! How many random plans it takes to find a bug of the catalogue again, with nothing but its rules switched on.

use super::catalogue::Entry;
use super::judged::{Failure, play};
use super::target::{Source, Target};
use crate::protocol::rules::words;

/// A first find.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Find {
    /// Seeds that were played, the finding one included.
    pub seeds: u64,
    pub seed: u64,
    /// Lines of its plan's timeline.
    pub size: usize,
    pub failure: Failure,
}

/// What an entry is looked for with; `None`: it takes settings, or an application's order, and no rule.
pub fn target(entry: &Entry) -> Option<Target> {
    let rules: Vec<(String, String)> = (words(entry.rules).flatten())
        .map(|(rule, value)| (rule.into(), value.into()))
        .collect();
    (!rules.is_empty()).then_some(Target {
        source: Source::Swarm,
        rules,
    })
}

/// Plays seeds from `first` on, `most` of them, until one fails.
pub fn first_find(target: &Target, first: u64, most: u64) -> Option<Find> {
    (0..most).find_map(|number| {
        let seed = first + number;
        let plan = target.plan(seed);
        let failure = play(&plan, seed).failure?;
        Some(Find {
            seeds: number + 1,
            seed,
            size: plan.timeline.len(),
            failure,
        })
    })
}
