//! One fact with its place in the run.

use crate::kernel::Time;
use crate::protocol::Fact;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::rc::Rc;

/// A fact, and when and by whom it was stated. The order of a trace is the order in which facts were
/// stated; `event` and `time` never decrease along it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TraceEntry {
    /// Sequence number of the dispatched event that stated it.
    pub event: u64,
    /// True time, not the node's own clock.
    #[serde(
        rename = "time_ns",
        serialize_with = "nanoseconds",
        deserialize_with = "from_nanoseconds"
    )]
    pub time: Time,
    /// Stable name of the node.
    pub node: Rc<str>,
    #[serde(flatten)]
    pub fact: Fact,
}

fn nanoseconds<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.0)
}

fn from_nanoseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    u64::deserialize(deserializer).map(Time)
}
