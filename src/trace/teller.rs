//! Single facts in words, as a transcript has them, for who shows facts and no transcript.

use super::TraceEntry;
use super::story::Story;
use super::telling::tell;

/// Takes in the entries of a trace in their order: what a sentence says may depend on what was told before it.
#[derive(Debug, Default)]
pub struct Teller(Story);

impl Teller {
    /// What stands behind the name of the node that states it.
    pub fn sentence(&mut self, entry: &TraceEntry) -> String {
        let sentence = tell(entry, &self.0).sentence(&entry.node);
        self.0.learn(entry);
        sentence
    }

    /// It is not told, and known from now on.
    pub fn skip(&mut self, entry: &TraceEntry) {
        self.0.learn(entry);
    }
}
