//! Faults as data: what the nemesis does to nodes, links, disks and clocks.

use super::{Duration, NodeId};

/// Handle of a lasting network rule, to heal it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaultId(pub u32);

/// A fault, applied at the moment it is given to the kernel. Speaks of nodes, links, files and times only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// kill -9: memory gone, page cache kept. Who is in an fsync that hangs is gone only when that returns.
    Crash(NodeId),
    /// Memory and everything not synced gone (a legal cut of it), silence on the network.
    PowerFailure(NodeId),
    /// Starts the process of a node that is down; once the one before is gone.
    Start(NodeId),
    /// SIGTERM.
    Terminate(NodeId),
    /// SIGSTOP and SIGCONT.
    Pause(NodeId),
    Resume(NodeId),
    /// No bytes from any of `from` to any of `to` (and back, if `both`) until healed.
    Cut {
        from: Vec<NodeId>,
        to: Vec<NodeId>,
        both: bool,
    },
    /// Adds latency to every trip between the two groups, both ways.
    SlowLink {
        a: Vec<NodeId>,
        b: Vec<NodeId>,
        extra: Duration,
    },
    /// Bandwidth between the groups in bytes a second.
    Throttle {
        a: Vec<NodeId>,
        b: Vec<NodeId>,
        bytes_per_second: u64,
    },
    /// Messages are held; delivered in order when healed.
    Stall {
        a: Vec<NodeId>,
        b: Vec<NodeId>,
    },
    /// Resets every connection between the groups, once.
    Reset {
        a: Vec<NodeId>,
        b: Vec<NodeId>,
    },
    /// Loses the next message from a to b; its connection is reset.
    LoseOne {
        from: NodeId,
        to: NodeId,
    },
    /// Ends a lasting network rule; `None` ends all.
    Heal(Option<FaultId>),
    /// Every disk operation takes `times` as long (1 heals).
    DiskSlow {
        node: NodeId,
        times: u32,
    },
    /// Writes fail with `Full` (until false).
    DiskFull {
        node: NodeId,
        on: bool,
    },
    /// Reads of files whose path contains `path` fail with `Io` (until false).
    DiskReadError {
        node: NodeId,
        path: String,
        on: bool,
    },
    /// One bit of a stored file flips.
    DiskFlip {
        node: NodeId,
        path: String,
        position: u64,
        bit: u8,
    },
    /// fsync hangs (until false).
    DiskSyncStuck {
        node: NodeId,
        on: bool,
    },
    /// fsync fails with `Io` (until false).
    DiskSyncFails {
        node: NodeId,
        on: bool,
    },
    /// Each fsync returns so much later than the device has done it (zero heals).
    DiskSyncSlow {
        node: NodeId,
        extra: Duration,
    },
    /// Everything on the disk is gone (the process should be down).
    DiskWiped(NodeId),
    /// The wall clock jumps.
    ClockJump {
        node: NodeId,
        by_ms: i64,
    },
    /// The node's clocks run at (1,000,000 + ppm) / 1,000,000 of true time from now on.
    ClockDrift {
        node: NodeId,
        ppm: i32,
    },
    /// Work on this node takes `times` as long (1 heals).
    CpuSlow {
        node: NodeId,
        times: u32,
    },
}

impl Fault {
    /// Two groups cannot reach each other.
    pub fn partition(a: &[NodeId], b: &[NodeId]) -> Self {
        Self::Cut {
            from: a.to_vec(),
            to: b.to_vec(),
            both: true,
        }
    }

    /// A node reaches none of `all` (itself excepted) and none of them reaches it.
    pub fn isolate(node: NodeId, all: &[NodeId]) -> Self {
        Self::partition(&[node], all)
    }
}
