//! One fact with its place in the run.

use crate::kernel::{FactEntry, Time};
use crate::protocol::Fact;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::rc::Rc;

/// A fact, and when and by whom it was stated. The order of a trace is the order in which facts were
/// stated; `event` and `time` never decrease along it.
pub type TraceEntry = FactEntry<Fact>;

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Line<N, F> {
    event: u64,
    time_ns: u64,
    node: N,
    #[serde(flatten)]
    fact: F,
}

impl Serialize for TraceEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = Line {
            event: self.event,
            time_ns: self.time.0,
            node: &*self.node,
            fact: &self.fact,
        };
        line.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TraceEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = Line::<Rc<str>, Fact>::deserialize(deserializer)?;
        Ok(Self {
            event: line.event,
            time: Time(line.time_ns),
            node: line.node,
            fact: line.fact,
        })
    }
}
