//! What lies on a broker's disk.

use super::Entry;

pub(super) const ENTRIES: &[Entry] = &[];
