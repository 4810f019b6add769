//! Who does not come to a broker that was named to it, what for, and why.

use serde::{Deserialize, Serialize};

/// Why nobody is reached at the place that was told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotReached {
    UnknownHost,
    Refused,
    /// The attempt to connect was given up.
    TimedOut,
    /// Somebody is there, and it is who asks: another broker advertises `localhost`.
    Itself,
}

/// What a broker is to be reached for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Errand {
    /// A client's business.
    #[default]
    Client,
    /// The controller tells it who lives and who leads.
    Control,
    /// What it leads is copied from it.
    Follow,
    /// It is the controller, and is asked to change an ISR.
    AlterPartition,
    /// It is the controller, and is asked to relieve a broker that stops.
    ControlledShutdown,
    /// It is the controller, and is asked for ids of producers.
    AllocateProducerIds,
}

impl Errand {
    /// As a trace leaves it out.
    pub(super) fn is_clients(&self) -> bool {
        *self == Errand::Client
    }
}
