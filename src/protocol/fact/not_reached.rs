//! Why a client does not come to a broker that was named to it.

use serde::{Deserialize, Serialize};

/// Why a client does not come to a broker at the place that it was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotReached {
    UnknownHost,
    Refused,
}
