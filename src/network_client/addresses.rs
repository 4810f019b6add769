//! The addresses of a host: one is tried with each attempt to connect (CN11; `NodeConnectionState`).
//!
//! May not know which of them are alive.

use crate::kernel::{Address, NodeId};
use crate::protocol::{Hosts, Place};

/// What a host's name was resolved to, and how far that was tried.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Empty: the name is to be resolved (anew).
    machines: Vec<NodeId>,
    index: usize,
    last_attempted: Option<NodeId>,
}

impl Addresses {
    /// The next attempt begins. `None`: the host is unknown.
    pub(super) fn next(&mut self, hosts: &Hosts, place: Place) -> Option<Address> {
        self.index += 1;
        if self.index >= self.machines.len() {
            self.machines = hosts.machines(place.host);
            // Whom it has just lost, or failed to reach, is not tried twice in a row.
            let is_last = self.machines.first().copied() == self.last_attempted;
            self.index = usize::from(is_last && self.machines.len() > 1);
        }
        self.last_attempted = self.machines.get(self.index).copied();
        self.last_attempted(place)
    }

    /// A connection that was up is lost: its host may have other addresses by now.
    pub(super) fn forget(&mut self) {
        self.machines.clear();
    }

    pub(super) fn last_attempted(&self, place: Place) -> Option<Address> {
        Some(Address::new(self.last_attempted?, place.port))
    }
}
