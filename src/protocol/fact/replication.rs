//! What facts of the controller and of leaders say of changes of a partition's state.

use serde::{Deserialize, Serialize};

/// Why a partition's state was written by the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateWriteReason {
    NewPartition,
    OfflineElection,
    UncleanElection,
    PreferredElection,
    ControlledShutdown,
    /// A dead or stopping broker leaves the ISR (replica state machine).
    ReplicaOffline,
    /// The leader asked (AlterPartition).
    AlterPartition,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsrChange {
    Expand,
    Shrink,
}

/// Why a log begins elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogStartReason {
    /// A leader's: DeleteRecords asks for it.
    Asked,
    /// A follower's: its leader's begins there.
    Leader,
    /// A follower's: nothing of it is its leader's, and it begins anew where that begins.
    Emptied,
}
