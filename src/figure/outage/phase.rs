//! A part of an outage.

use crate::kernel::Time;

pub(super) struct Phase {
    pub name: &'static str,
    /// From and until; `None`: there was none, and `said` says why.
    pub span: Option<(Time, Time)>,
    /// Kafka's key that governs how long it takes, with its value where the recording has it.
    pub key: String,
    /// What happened.
    pub said: String,
    /// The rule.
    pub why: &'static str,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What users feel.
    Felt,
    /// What the cluster and its clients need.
    Work,
    /// A machine that is away, which nobody but its owner ends.
    Away,
}

/// An outage of one partition, or of ZooKeeper.
pub(super) struct Outage {
    pub title: String,
    pub phases: Vec<Phase>,
}

impl Phase {
    pub(super) fn missing(name: &'static str, said: impl Into<String>, why: &'static str) -> Self {
        Phase {
            name,
            span: None,
            key: String::new(),
            said: said.into(),
            why,
            kind: Kind::Work,
        }
    }
}
