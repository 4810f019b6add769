//! Names of machines: what DNS is to real Kafka. Static, never protocol state; the same for every node, but for
//! `localhost`, which is each node's own machine.

use crate::kernel::{Address, NodeId};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Host name to machine.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Rc<BTreeMap<Rc<str>, NodeId>>,
    localhost: Option<NodeId>,
}

impl Hosts {
    pub fn new(hosts: impl IntoIterator<Item = (String, NodeId)>) -> Self {
        let named = hosts.into_iter();
        Hosts {
            names: Rc::new(named.map(|(name, node)| (Rc::from(name), node)).collect()),
            localhost: None,
        }
    }

    /// The same names, as this machine resolves them.
    pub fn seen_from(&self, machine: NodeId) -> Self {
        Hosts {
            names: Rc::clone(&self.names),
            localhost: Some(machine),
        }
    }

    /// The machine called `host`; `None` is an unknown host.
    pub fn resolve(&self, host: &str) -> Option<NodeId> {
        match is_localhost(host) {
            true => self.localhost,
            false => self.names.get(host).copied(),
        }
    }

    /// Where that is; `None` is an unknown host, or no port.
    pub fn address(&self, host: &str, port: i32) -> Option<Address> {
        Some(Address::new(self.resolve(host)?, u16::try_from(port).ok()?))
    }
}

/// A name by which every machine means itself.
pub fn is_localhost(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1")
}
