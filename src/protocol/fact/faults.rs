//! What the run does to machines and to the network, as its facts name it.

use serde::{Deserialize, Serialize};

/// What may hold up a machine while its process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineFault {
    DiskHangs,
    DiskSlow,
    MachineSlow,
}

/// What may hold up messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkFault {
    Cut,
    Stalled,
    Slow,
    Throttled,
}
