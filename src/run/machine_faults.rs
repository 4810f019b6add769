//! Faults of single machines: disks, clocks, processors; each with what ends it.

use crate::kernel::{Disk, Duration, Fault, NodeId};
use crate::plan::{Action, Targets, write_duration};
use crate::protocol::{Fact, MachineFault};
use std::fmt;

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

/// What a fault of single files wants of them.
#[derive(Clone, Copy)]
pub struct WantedFiles<'a> {
    /// A part of the path.
    file: &'a str,
    /// The file is longer than so many bytes.
    longer_than: Option<u64>,
}

/// Which files a fault is about; `None` if it is about whole machines.
pub fn wanted_files(action: &Action) -> Option<WantedFiles<'_>> {
    match action {
        Action::FailReads { file, .. } => Some(WantedFiles {
            file,
            longer_than: None,
        }),
        Action::FlipBit { file, position, .. } => Some(WantedFiles {
            file,
            longer_than: Some(*position),
        }),
        _ => None,
    }
}

impl WantedFiles<'_> {
    /// The paths of those that a disk has, sorted.
    pub fn of(&self, disk: &Disk) -> Vec<String> {
        let mut paths: Vec<String> = disk
            .files()
            .into_iter()
            .filter(|(path, id)| {
                path.contains(self.file) && self.longer_than.is_none_or(|n| disk.len(*id) > n)
            })
            .map(|(path, _)| path)
            .collect();
        paths.sort();
        paths
    }
}

impl fmt::Display for WantedFiles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no file with \"{}\" in its path", self.file)?;
        match self.longer_than {
            Some(n) => write!(f, " and more than {n} bytes"),
            None => Ok(()),
        }
    }
}

/// The line of the transcript: to whom, and by how much. `files` are those that it is about, if any.
pub fn machine_words(action: &Action, who: &str, files: &str) -> String {
    match action {
        Action::SlowDisk { times, .. } => {
            format!("slow disk of {who}: all takes {times} times as long")
        }
        Action::SlowMachine { times, .. } => {
            format!("slow machine {who}: all its work takes {times} times as long")
        }
        Action::JumpClock { by_ms, .. } => {
            let length = write_duration(Duration::from_millis(by_ms.unsigned_abs()));
            match *by_ms {
                ..0 => format!("the clock of {who} jumps back by {length}"),
                0.. => format!("the clock of {who} jumps ahead by {length}"),
            }
        }
        Action::DriftClock { ppm, .. } => format!(
            "the clock of {who} drifts: {} µs too {} each second",
            ppm.unsigned_abs(),
            if *ppm < 0 { "few" } else { "many" }
        ),
        other => format!("{} of {who}{files}", other.noun()),
    }
}

/// The fault on one machine, and what ends it; `path` is that of the file, where it is about one, and
/// `own_ppm` says how fast the machine's clock runs by itself.
pub fn machine_fault_of(
    action: &Action,
    node: NodeId,
    path: &str,
    own_ppm: i32,
) -> Option<(Fault, Option<Fault>)> {
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
        Action::FailReads { .. } => (
            Fault::DiskReadError {
                node,
                path: path.to_string(),
                on: true,
            },
            Some(Fault::DiskReadError {
                node,
                path: path.to_string(),
                on: false,
            }),
        ),
        Action::FlipBit { position, bit, .. } => (
            Fault::DiskFlip {
                node,
                path: path.to_string(),
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
            Some(Fault::ClockDrift { node, ppm: own_ppm }),
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

/// What the trace is told of a fault of a machine or of its end, where that may hold others up.
pub fn machine_fact(fault: &Fault) -> Option<(NodeId, Fact)> {
    let (node, fault, on) = match fault {
        Fault::DiskSyncStuck { node, on } => (*node, MachineFault::DiskHangs, *on),
        Fault::DiskSlow { node, times } => (*node, MachineFault::DiskSlow, *times > 1),
        Fault::CpuSlow { node, times } => (*node, MachineFault::MachineSlow, *times > 1),
        _ => return None,
    };
    Some((node, Fact::MachineFault { fault, on }))
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
