//! Names of machines: what DNS is to real Kafka. Static, the same for every node, never protocol state.

use crate::kernel::NodeId;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Host name to machine.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Rc<BTreeMap<Rc<str>, NodeId>>);

impl Hosts {
    pub fn new(hosts: impl IntoIterator<Item = (String, NodeId)>) -> Self {
        Hosts(Rc::new(
            hosts
                .into_iter()
                .map(|(name, node)| (Rc::from(name), node))
                .collect(),
        ))
    }

    /// The machine called `host`; `None` is an unknown host.
    pub fn resolve(&self, host: &str) -> Option<NodeId> {
        self.0.get(host).copied()
    }
}
