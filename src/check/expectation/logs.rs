//! Expectations about logs on disk: what retention deletes, what a start repairs, disks that fail.

use super::history::{History, is, seconds};
use super::{Verdict, verdict_of};
use crate::kernel::Time;
use crate::plan::Partition;
use crate::protocol::{BrokerId, Fact};

pub(super) fn segments_deleted(history: &History<'_>, partition: &Partition) -> Verdict {
    let mut log_start_offset = None;
    let mut count = 0;
    for entry in history.window() {
        if let Fact::SegmentsDeleted {
            partition: of,
            segments,
            log_start_offset: start,
            ..
        } = &entry.fact
            && is(of, partition)
        {
            count += u64::from(*segments);
            log_start_offset = log_start_offset.max(Some(*start));
        }
    }
    match log_start_offset {
        None => Err("none were".to_owned()),
        Some(start) => Ok(format!(
            "{count} on all brokers together; the log starts at {start}"
        )),
    }
}

pub(super) fn repaired(history: &History<'_>, partition: &Partition) -> Verdict {
    let repair = history.window().find_map(|entry| match &entry.fact {
        Fact::LogRepaired {
            partition: of,
            what,
        } if is(of, partition) => Some(format!("on {}: {what}", entry.node)),
        _ => None,
    });
    repair.ok_or_else(|| "none was".to_owned())
}

pub(super) fn none_repaired(history: &History<'_>) -> Verdict {
    let repair = history.window().find_map(|entry| match &entry.fact {
        Fact::LogRepaired { partition, what } => {
            Some(format!("{partition} on {}: {what}", entry.node))
        }
        _ => None,
    });
    verdict_of(repair.is_none(), repair.unwrap_or("none was".to_owned()))
}

pub(super) fn log_dir_fails(history: &History<'_>, id: BrokerId) -> Verdict {
    let name = format!("broker-{id}");
    let failure = history.window().find_map(|entry| match &entry.fact {
        Fact::LogDirFailed { why } if *entry.node == *name => Some(format!(
            "at {}: {why}",
            seconds(entry.time.since(Time::ZERO))
        )),
        _ => None,
    });
    failure.ok_or_else(|| "it did not".to_owned())
}

/// It starts, and ends with an error before it serves.
pub(super) fn refuses_to_start(history: &History<'_>, id: BrokerId) -> Verdict {
    let broker = format!("broker-{id}");
    let mut serves = false;
    for entry in history.entries.iter().filter(|it| *it.node == *broker) {
        match &entry.fact {
            Fact::Started => serves = false,
            Fact::Serving => serves = true,
            Fact::Exiting { status: 1.., why } if !serves && history.in_window(entry.time) => {
                return Ok(format!(
                    "{why}, at {}",
                    seconds(entry.time.since(Time::ZERO))
                ));
            }
            _ => {}
        }
    }
    Err("it did not".to_owned())
}
