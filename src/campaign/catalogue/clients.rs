//! Producers, consumers and groups.

use super::Entry;

pub(super) const ENTRIES: &[Entry] = &[];
