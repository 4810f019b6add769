//! What was missing when the run had waited long enough for its servers.

use crate::protocol::BrokerId;
use serde::{Deserialize, Serialize};

/// One thing for which the run's start waited in vain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "lack", rename_all = "kebab-case")]
pub enum Lack {
    /// Not all servers of ZooKeeper that run serve.
    ZooKeeper,
    /// No broker is the controller.
    Controller,
    /// This broker's process has ended, or is not up.
    Broker { broker: BrokerId },
    /// This broker serves, and was not told of all that live.
    Knowledge {
        broker: BrokerId,
        /// Whom it takes for the controller.
        controller: Option<BrokerId>,
        /// Who lives, and it does not know.
        unknown: Vec<BrokerId>,
    },
}
