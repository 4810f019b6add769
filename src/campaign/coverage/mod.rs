//! What a run has shown of the protocols, in a form in which runs can be counted: abstract states, pairs of a fault and
//! a phase that it fell into, and situations (`situations`).
//!
//! An abstract state leaves out what makes no difference: which node it is, and by how much. Of a partition it has each
//! replica's role, the order of their leader epochs, log ends, high watermarks and log starts, and the size of the ISR; of a
//! group its state, how many members and whether it has come far; of an ensemble each server's role, and the order of
//! their transactions. It is known from facts alone, so nothing of a run changes by being looked at.

mod phase;
mod state;

pub use phase::{CELLS, Fault, Phase, cell_name};

use super::situations::Watcher;
use crate::trace::{Observer, TraceEntry};
use phase::Phases;
use state::States;

/// Looks at one run.
#[derive(Default)]
pub struct Watch {
    situations: Watcher,
    states: States,
    phases: Phases,
}

/// What it has shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Looked {
    /// The best number of steps of each situation, in the order of `situations::all`.
    pub situations: Vec<u8>,
    /// Abstract states, as hashes; in order, each once.
    pub states: Vec<u64>,
    /// Faults and the phases into which they fell, as numbers below `CELLS`; in order, each once.
    pub cells: Vec<u16>,
}

impl Watch {
    pub fn finish(self) -> Looked {
        Looked {
            situations: self.situations.best(),
            states: self.states.finish(),
            cells: self.phases.finish(),
        }
    }
}

impl Observer for Watch {
    fn fact(&mut self, entry: &TraceEntry) {
        self.situations.fact(entry);
        self.states.fact(entry);
        self.phases.fact(entry);
    }
}
