//! How far a run comes in each situation.

use super::{Situation, all};
use crate::protocol::TopicPartition;
use crate::trace::{Observer, TraceEntry};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use twox_hash::XxHash3_64;

/// Looks at a run's facts.
pub struct Watcher {
    situations: Vec<Progress>,
}

struct Progress {
    of: &'static Situation,
    /// Steps taken, by whom.
    taken: BTreeMap<u64, usize>,
    best: usize,
}

impl Default for Watcher {
    fn default() -> Self {
        let progress = |of| Progress {
            of,
            taken: BTreeMap::new(),
            best: 0,
        };
        Watcher {
            situations: all().map(progress).collect(),
        }
    }
}

impl Watcher {
    /// The best number of steps of each situation, in the order of `all`.
    pub fn best(&self) -> Vec<u8> {
        let best = self.situations.iter();
        best.map(|it| u8::try_from(it.best).unwrap_or(u8::MAX))
            .collect()
    }
}

impl Observer for Watcher {
    fn fact(&mut self, entry: &TraceEntry) {
        // What happens to every record is no situation.
        if entry.fact.is_routine() {
            return;
        }
        for progress in &mut self.situations {
            progress.look(entry);
        }
    }
}

impl Progress {
    fn look(&mut self, entry: &TraceEntry) {
        let steps = self.of.steps;
        if self.best == steps.len() {
            return;
        }
        // Furthest first: one fact is one step of one.
        for place in (0..=self.best.min(steps.len() - 1)).rev() {
            let taken = &mut self.taken;
            let mut stepped = false;
            steps[place](entry, &mut |key| {
                if taken.get(&key).copied().unwrap_or(0) == place {
                    taken.insert(key, place + 1);
                    stepped = true;
                }
            });
            if stepped {
                self.best = self.best.max(place + 1);
                return;
            }
        }
    }
}

/// The run as a whole.
pub(super) const RUN: u64 = 0;

fn key(of: impl Hash) -> u64 {
    let mut hasher = XxHash3_64::with_seed(0);
    of.hash(&mut hasher);
    hasher.finish()
}

/// A partition.
pub(super) fn partition(of: &TopicPartition) -> u64 {
    key((&*of.topic, of.partition))
}

/// A node.
pub(super) fn node(entry: &TraceEntry) -> u64 {
    key(&*entry.node)
}

/// A node's replica of a partition.
pub(super) fn replica(entry: &TraceEntry, of: &TopicPartition) -> u64 {
    key((&*entry.node, &*of.topic, of.partition))
}

/// A group.
pub(super) fn group(name: &str) -> u64 {
    key(("group", name))
}
