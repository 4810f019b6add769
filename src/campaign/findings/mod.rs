//! What a campaign came to: how much was played, what broke, and where the smallest plans are that show it.
//!
//! It is the same however seeds were spread over threads, processes and machines: all that is kept are sums, and the
//! least of what was found. It does not grow with the seeds that were played.

mod json;
mod seeds;
mod sightings;

pub use json::Unreadable;
pub use seeds::Seeds;
pub use sightings::{Came, Sightings};

use crate::campaign::coverage::Looked;
use crate::campaign::judged::{Failure, Judged};
use crate::campaign::limits::Limit;
use std::collections::BTreeMap;

/// The sum of a campaign, or of a part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Findings {
    /// What was played (`Target::name`), with the digest of what it was made of: others cannot be merged.
    pub target: String,
    pub version: String,
    /// Seeds that were asked for: the first, and the one behind the last.
    pub asked: (u64, u64),
    /// Those that were played, as runs of seeds that follow each other.
    pub played: Seeds,
    pub events: u64,
    /// Runs in which Kafka needs help, by what it needs.
    pub limits: BTreeMap<Limit, u64>,
    /// How often each property had nothing to look at.
    pub idle: BTreeMap<String, u64>,
    pub groups: BTreeMap<Kind, Group>,
    pub sightings: Sightings,
}

/// What failures have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Kind {
    /// The property or expectation.
    pub broken: String,
    /// The fact by which the first bad event shows it, such as `truncated`; empty: only the end does.
    pub fact: String,
}

/// Failures of one kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Seeds that failed so.
    pub count: u64,
    pub first_seed: u64,
    /// The one with the fewest faults, the first of these.
    pub smallest: Example,
}

/// A plan that fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Example {
    /// Lines of its timeline.
    pub size: usize,
    pub seed: u64,
    pub digest: u64,
    pub failure: Failure,
}

/// Why two parts are none of one campaign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Apart {
    Target(String, String),
    Version(String, String),
    Asked,
    Twice(u64),
}

impl Findings {
    pub fn new(target: String, asked: (u64, u64)) -> Self {
        Findings {
            target,
            version: env!("CARGO_PKG_VERSION").into(),
            asked,
            played: Seeds::default(),
            events: 0,
            limits: BTreeMap::new(),
            idle: BTreeMap::new(),
            groups: BTreeMap::new(),
            sightings: Sightings::default(),
        }
    }

    pub fn runs(&self) -> u64 {
        self.played.count()
    }

    /// Runs that failed.
    pub fn failed(&self) -> u64 {
        self.groups.values().map(|group| group.count).sum()
    }

    /// Adds a run; `size` are the lines of its timeline, `fact` is of its failure.
    pub(super) fn add(&mut self, judged: &Judged, looked: &Looked, size: usize, fact: String) {
        self.sightings.add(judged.seed, looked);
        self.played.add(judged.seed);
        self.events += judged.events;
        if let Some(limit) = judged.limit {
            *self.limits.entry(limit).or_default() += 1;
        }
        for (property, figures) in &judged.figures {
            if figures.starts_with("0 ") || *figures == "0" {
                *self.idle.entry((*property).into()).or_default() += 1;
            }
        }
        if let Some(failure) = &judged.failure {
            let kind = Kind {
                broken: failure.broken.clone(),
                fact,
            };
            let example = Example {
                size,
                seed: judged.seed,
                digest: judged.digest,
                failure: failure.clone(),
            };
            self.put(
                kind,
                Group {
                    count: 1,
                    first_seed: judged.seed,
                    smallest: example,
                },
            );
        }
    }

    fn put(&mut self, kind: Kind, group: Group) {
        let Some(there) = self.groups.get_mut(&kind) else {
            self.groups.insert(kind, group);
            return;
        };
        there.count += group.count;
        there.first_seed = there.first_seed.min(group.first_seed);
        let order = |example: &Example| (example.size, example.seed);
        if order(&group.smallest) < order(&there.smallest) {
            there.smallest = group.smallest;
        }
    }

    /// Takes in another part of the same campaign.
    ///
    /// # Errors
    /// It is a part of another.
    pub fn merge(&mut self, other: Findings) -> Result<(), Apart> {
        if self.target != other.target {
            return Err(Apart::Target(self.target.clone(), other.target));
        }
        if self.version != other.version {
            return Err(Apart::Version(self.version.clone(), other.version));
        }
        if self.asked != other.asked {
            return Err(Apart::Asked);
        }
        if let Some(seed) = self.played.common(&other.played) {
            return Err(Apart::Twice(seed));
        }
        self.played.join(&other.played);
        self.events += other.events;
        for (limit, count) in other.limits {
            *self.limits.entry(limit).or_default() += count;
        }
        for (property, count) in other.idle {
            *self.idle.entry(property).or_default() += count;
        }
        self.sightings.merge(other.sightings);
        for (kind, group) in other.groups {
            self.put(kind, group);
        }
        Ok(())
    }

    /// Kinds of failures, those with the smallest plans first.
    pub fn ranked(&self) -> Vec<(&Kind, &Group)> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(kind, group)| {
            let example = &group.smallest;
            (example.size, example.seed, (*kind).clone())
        });
        groups
    }
}
