//! What the queue holds: one entry an event, at most 64 bytes.
//!
//! Messages are not in here: they wait in their connection, and an entry says only that the next one
//! arrives. So an entry stays small whatever a domain's messages are.

use super::{ConnId, DiskError, Domain, NodeId};
use std::fmt;

pub(super) enum Entry<D: Domain> {
    /// A timer that was cancelled, or armed anew elsewhere; dropped when it comes up.
    Cancelled,
    Timer {
        node: NodeId,
        /// Counts all timers: tells this one from an earlier one in the same slot, and a process's
        /// own from those of the process before.
        serial: u64,
        timer: D::Timer,
    },
    Started {
        node: NodeId,
        incarnation: u32,
    },
    Terminate {
        node: NodeId,
        incarnation: u32,
    },
    /// A busy thread has done its charged work.
    Wake {
        node: NodeId,
        incarnation: u32,
        thread: u16,
    },
    /// The service manager tries again.
    Supervise {
        node: NodeId,
        incarnation: u32,
    },
    /// The next packet reaches this end of a connection.
    Arrive {
        to: ConnId,
        epoch: u32,
    },
    /// Bytes towards this end of a connection were not acknowledged in time.
    Retransmit {
        to: ConnId,
    },
    /// The device has done a background operation of a node.
    DiskDone {
        node: NodeId,
        job: u64,
    },
    /// A process hears of the end of a background operation.
    DiskResult {
        node: NodeId,
        incarnation: u32,
        token: u64,
        result: Result<(), DiskError>,
    },
}

/// What stands in the digest as the kind of an event.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Timer = 1,
    Started,
    Terminate,
    Wake,
    Supervise,
    Arrive,
    Retransmit,
    DiskDone,
    DiskResult,
    Accepted,
    Connected,
    Closed,
    /// Plus the message's own kind in the upper half.
    Message,
}

impl<D: Domain> Entry<D> {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Cancelled | Self::Timer { .. } => Kind::Timer,
            Self::Started { .. } => Kind::Started,
            Self::Terminate { .. } => Kind::Terminate,
            Self::Wake { .. } => Kind::Wake,
            Self::Supervise { .. } => Kind::Supervise,
            Self::Arrive { .. } => Kind::Arrive,
            Self::Retransmit { .. } => Kind::Retransmit,
            Self::DiskDone { .. } => Kind::DiskDone,
            Self::DiskResult { .. } => Kind::DiskResult,
        }
    }
}

impl<D: Domain> fmt::Debug for Entry<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timer { timer, .. } => write!(f, "timer {timer:?}"),
            Self::Cancelled => f.write_str("cancelled timer"),
            Self::Started { .. } => f.write_str("start"),
            Self::Terminate { .. } => f.write_str("request to stop"),
            Self::Wake { .. } => f.write_str("end of work"),
            Self::Supervise { .. } => f.write_str("restart by the supervisor"),
            Self::Arrive { .. } => f.write_str("packet"),
            Self::Retransmit { .. } => f.write_str("retransmission"),
            Self::DiskDone { .. } | Self::DiskResult { .. } => f.write_str("disk operation"),
        }
    }
}
