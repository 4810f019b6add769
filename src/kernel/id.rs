//! Plain identifiers of the kernel; may be used everywhere.

/// A node (machine and the process on it), numbered from 0 in the order in which nodes were added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

/// Where to connect to: a machine, and a port of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    pub node: NodeId,
    /// 0: whoever runs there, whatever its ports.
    pub port: u16,
}

impl Address {
    pub const fn new(node: NodeId, port: u16) -> Address {
        Address { node, port }
    }

    /// As one number, for timers.
    pub const fn to_bits(self) -> u64 {
        (self.port as u64) << 32 | self.node.0 as u64
    }

    pub const fn from_bits(bits: u64) -> Address {
        Address {
            node: NodeId(bits as u32),
            port: (bits >> 32) as u16,
        }
    }
}

impl From<NodeId> for Address {
    fn from(node: NodeId) -> Address {
        Address { node, port: 0 }
    }
}

/// One end's handle of a connection. Never reused within a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(pub u64);

/// A timer that has been set. Never reused within a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimerId(pub u64);
