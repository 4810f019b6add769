//! What all runs of a campaign have shown, and what that says of the next.

use crate::campaign::coverage::{CELLS, Looked};
use crate::campaign::situations;
use std::collections::{BTreeMap, BTreeSet};

/// The sum of what runs have shown. As large as there are states, however many runs there are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sightings {
    /// Of each situation, in the order of `situations::all`.
    pub situations: Vec<Came>,
    /// Of each abstract state: the first seed that showed it, and how many did.
    pub states: BTreeMap<u64, (u64, u64)>,
    /// Runs in which a fault fell into a phase, by number (`coverage::cell_name`).
    pub cells: BTreeMap<u16, u64>,
}

/// How far runs came in a situation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Came {
    pub best: u8,
    /// Runs that reached it.
    pub reached: u64,
}

impl Default for Sightings {
    fn default() -> Self {
        Sightings {
            situations: situations::all().map(|_| Came::default()).collect(),
            states: BTreeMap::new(),
            cells: BTreeMap::new(),
        }
    }
}

impl Sightings {
    pub(super) fn add(&mut self, seed: u64, looked: &Looked) {
        let steps = situations::all().map(|it| it.steps.len());
        let came = self.situations.iter_mut().zip(&looked.situations);
        for ((came, best), steps) in came.zip(steps) {
            came.best = came.best.max(*best);
            came.reached += u64::from(usize::from(*best) == steps);
        }
        for state in &looked.states {
            put(&mut self.states, *state, (seed, 1));
        }
        for cell in &looked.cells {
            *self.cells.entry(*cell).or_default() += 1;
        }
    }

    pub(super) fn merge(&mut self, other: Sightings) {
        for (came, other) in self.situations.iter_mut().zip(other.situations) {
            came.best = came.best.max(other.best);
            came.reached += other.reached;
        }
        for (state, seen) in other.states {
            put(&mut self.states, state, seen);
        }
        for (cell, count) in other.cells {
            *self.cells.entry(cell).or_default() += count;
        }
    }

    /// Seeds of which it is known that without them something would not have been seen: so many of `runs` is the
    /// chance that the next seed shows something new.
    ///
    /// The estimate of Good and Turing (Good 1953) for samples that show several things each: what was seen in one
    /// sample only stands for what was not seen yet (Chao and Colwell 2017). It is of the seeds, not of the states: left
    /// out one after the other, these are the ones that the others would not have foreseen.
    pub fn surprising(&self) -> u64 {
        let once = self.states.values().filter(|(_, count)| *count == 1);
        let seeds: BTreeSet<u64> = once.map(|(first, _)| *first).collect();
        seeds.len() as u64
    }

    /// How many states were known before each of these seeds.
    pub fn known_before(&self, seeds: &[u64]) -> Vec<u64> {
        let mut firsts: Vec<u64> = self.states.values().map(|(first, _)| *first).collect();
        firsts.sort_unstable();
        let before = seeds
            .iter()
            .map(|seed| firsts.partition_point(|it| it < seed) as u64);
        before.collect()
    }

    /// Pairs of a fault and a phase that no run has shown.
    pub fn never(&self) -> Vec<u16> {
        (0..CELLS)
            .filter(|cell| !self.cells.contains_key(cell))
            .collect()
    }
}

fn put(states: &mut BTreeMap<u64, (u64, u64)>, state: u64, (first, count): (u64, u64)) {
    let seen = states.entry(state).or_insert((first, 0));
    seen.0 = seen.0.min(first);
    seen.1 += count;
}
