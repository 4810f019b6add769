//! Faults of single machines: disks, clocks, processors; each with what ends it.

use crate::kernel::{Fault, NodeId};
use crate::plan::{Action, Targets};

/// Whom a fault of disks, clocks and processors is for; `None` for other actions.
pub fn machine_targets(action: &Action) -> Option<&Targets> {
    match action {
        Action::SlowDisk { targets, .. }
        | Action::FillDisk(targets)
        | Action::FailReads { targets, .. }
        | Action::FlipBit { targets, .. }
        | Action::HangSync(targets)
        | Action::FailSync(targets)
        | Action::WipeDisk(targets)
        | Action::JumpClock { targets, .. }
        | Action::DriftClock { targets, .. }
        | Action::SlowMachine { targets, .. } => Some(targets),
        _ => None,
    }
}

/// The fault on one machine, and what ends it.
pub fn machine_fault_of(action: &Action, node: NodeId) -> Option<(Fault, Option<Fault>)> {
    Some(match action {
        Action::SlowDisk { times, .. } => (
            Fault::DiskSlow {
                node,
                times: *times,
            },
            Some(Fault::DiskSlow { node, times: 1 }),
        ),
        Action::FillDisk(_) => (
            Fault::DiskFull { node, on: true },
            Some(Fault::DiskFull { node, on: false }),
        ),
        Action::FailReads { file, .. } => (
            Fault::DiskReadError {
                node,
                path: file.clone(),
                on: true,
            },
            Some(Fault::DiskReadError {
                node,
                path: file.clone(),
                on: false,
            }),
        ),
        Action::FlipBit {
            file,
            position,
            bit,
            ..
        } => (
            Fault::DiskFlip {
                node,
                path: file.clone(),
                position: *position,
                bit: *bit,
            },
            None,
        ),
        Action::HangSync(_) => (
            Fault::DiskSyncStuck { node, on: true },
            Some(Fault::DiskSyncStuck { node, on: false }),
        ),
        Action::FailSync(_) => (
            Fault::DiskSyncFails { node, on: true },
            Some(Fault::DiskSyncFails { node, on: false }),
        ),
        Action::WipeDisk(_) => (Fault::DiskWiped(node), None),
        Action::JumpClock { by_ms, .. } => (
            Fault::ClockJump {
                node,
                by_ms: *by_ms,
            },
            None,
        ),
        Action::DriftClock { ppm, .. } => (
            Fault::ClockDrift { node, ppm: *ppm },
            Some(Fault::ClockDrift { node, ppm: 0 }),
        ),
        Action::SlowMachine { times, .. } => (
            Fault::CpuSlow {
                node,
                times: *times,
            },
            Some(Fault::CpuSlow { node, times: 1 }),
        ),
        _ => return None,
    })
}

/// The node that a cure mends.
pub fn cured_node(cure: &Fault) -> Option<NodeId> {
    match cure {
        Fault::Start(node) | Fault::Resume(node) => Some(*node),
        Fault::DiskSlow { node, .. }
        | Fault::DiskFull { node, .. }
        | Fault::DiskReadError { node, .. }
        | Fault::DiskSyncStuck { node, .. }
        | Fault::DiskSyncFails { node, .. }
        | Fault::ClockDrift { node, .. }
        | Fault::CpuSlow { node, .. } => Some(*node),
        _ => None,
    }
}
