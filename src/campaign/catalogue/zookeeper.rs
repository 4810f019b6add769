//! ZooKeeper's servers and sessions.

use super::Entry;

pub(super) const ENTRIES: &[Entry] = &[];
