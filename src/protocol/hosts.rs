//! Names of machines: what DNS is to real Kafka. Static, never protocol state; the same for every node, but for
//! `localhost`, which is each node's own machine.
//!
//! A name is a machine's own, or one that stands for others (CN11).

use crate::kernel::{Address, NodeId};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a resolver knows.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Rc<Names>,
    localhost: Option<NodeId>,
}

#[derive(Debug, Default)]
struct Names {
    machines: BTreeMap<Rc<str>, NodeId>,
    /// Names that stand for others, with the machines of each in the order in which they are tried.
    aliases: Vec<(Rc<str>, Vec<NodeId>)>,
}

/// A host as it was named, which nobody has resolved to an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Host {
    Machine(NodeId),
    /// By its number among such names: it stands for one machine or several.
    Alias(u16),
}

/// Where somebody is said to listen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub host: Host,
    pub port: u16,
}

impl Place {
    /// A machine's port, called by that machine's own name.
    pub const fn of(address: Address) -> Place {
        Place {
            host: Host::Machine(address.node),
            port: address.port,
        }
    }
}

impl Hosts {
    pub fn new(hosts: impl IntoIterator<Item = (String, NodeId)>) -> Self {
        let named = hosts.into_iter();
        let names = Names {
            machines: named.map(|(name, node)| (Rc::from(name), node)).collect(),
            aliases: Vec::new(),
        };
        Hosts {
            names: Rc::new(names),
            localhost: None,
        }
    }

    /// The same, and names that stand for machines. One that stands for none is unknown.
    #[must_use]
    pub fn with_aliases<'a>(
        &self,
        aliases: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Self {
        let machines = self.names.machines.clone();
        let machine = |name: &String| machines.get(name.as_str()).copied();
        let aliases = aliases
            .into_iter()
            .map(|(name, of)| (Rc::from(name), of.iter().filter_map(machine).collect()))
            .filter(|(_, of): &(_, Vec<_>)| !of.is_empty())
            .collect();
        Hosts {
            names: Rc::new(Names { machines, aliases }),
            localhost: self.localhost,
        }
    }

    /// The same names, as this machine resolves them.
    #[must_use]
    pub fn seen_from(&self, machine: NodeId) -> Self {
        Hosts {
            names: Rc::clone(&self.names),
            localhost: Some(machine),
        }
    }

    /// The machine whose own name `host` is.
    pub fn resolve(&self, host: &str) -> Option<NodeId> {
        match is_localhost(host) {
            true => self.localhost,
            false => self.names.machines.get(host).copied(),
        }
    }

    /// Where that is; `None` is an unknown host, or no port.
    pub fn place(&self, host: &str, port: i32) -> Option<Place> {
        let port = u16::try_from(port).ok()?;
        let alias = || {
            let at = (self.names.aliases.iter()).position(|(name, _)| &**name == host)?;
            Some(Host::Alias(u16::try_from(at).ok()?))
        };
        let host = self.resolve(host).map(Host::Machine).or_else(alias)?;
        Some(Place { host, port })
    }

    /// All machines that a host stands for, in the order in which a resolver names them (`ClientUtils.resolve`).
    pub fn machines(&self, host: Host) -> Vec<NodeId> {
        match host {
            Host::Machine(node) => vec![node],
            Host::Alias(number) => {
                let alias = self.names.aliases.get(usize::from(number));
                alias.map_or_else(Vec::new, |(_, machines)| machines.clone())
            }
        }
    }

    /// A machine's own name (`getCanonicalHostName`).
    pub fn canonical_name(&self, machine: NodeId) -> Option<Rc<str>> {
        let mut own = self.names.machines.iter();
        own.find_map(|(name, node)| (*node == machine).then(|| Rc::clone(name)))
    }
}

/// A name by which every machine means itself.
pub fn is_localhost(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1")
}
