//! Logs on disks: starts after unclean stops, retention, disks that fail.

use super::matcher::{node, partition, replica};
use super::{Situation, Step, situation};
use crate::protocol::{Fact, LogStartReason};

pub(super) const SITUATIONS: &[Situation] = &[
    situation(
        "a broker starts after it was killed, and scans its logs",
        &[KILLED, SCANNED],
    ),
    situation(
        "a broker is killed while it scans its logs",
        &[SCANS, KILLED],
    ),
    situation(
        "a broker loses its power, and starts again",
        &[POWER, LOADED],
    ),
    situation(
        "a broker loses its power twice",
        &[POWER, LOADED, POWER, LOADED],
    ),
    situation(
        "what a log's directory holds is repaired",
        &[|entry, hit| {
            if let Fact::LogRepaired { partition: of, .. } = &entry.fact {
                hit(replica(entry, of));
            }
        }],
    ),
    situation(
        "retention deletes segments",
        &[|entry, hit| {
            if let Fact::SegmentsDeleted { partition: of, .. } = &entry.fact {
                hit(replica(entry, of));
            }
        }],
    ),
    situation(
        "an administrator deletes records",
        &[|entry, hit| {
            if let Fact::RecordsDeleted { partition: of, .. } = &entry.fact {
                hit(partition(of));
            }
        }],
    ),
    situation(
        "a follower's log begins where its leader's does now",
        &[|entry, hit| {
            start_moved(entry, hit, LogStartReason::Leader);
        }],
    ),
    situation(
        "a follower begins anew, since nothing of it is its leader's",
        &[|entry, hit| {
            start_moved(entry, hit, LogStartReason::Emptied);
        }],
    ),
    situation(
        "an append waits for its flush, with its log locked",
        &[|entry, hit| {
            if let Fact::FlushWaited { partition: of, .. } = &entry.fact {
                hit(replica(entry, of));
            }
        }],
    ),
    situation(
        "a broker's disk fails, and it ends",
        &[
            |entry, hit| {
                if let Fact::LogDirFailed { .. } = &entry.fact {
                    hit(node(entry));
                }
            },
            |entry, hit| {
                if let Fact::Exiting { .. } = &entry.fact {
                    hit(node(entry));
                }
            },
        ],
    ),
    situation(
        "who is killed in an fsync that hangs lingers until it returns",
        &[
            |entry, hit| {
                if let Fact::Lingers = &entry.fact {
                    hit(node(entry));
                }
            },
            |entry, hit| {
                if let Fact::Gone = &entry.fact {
                    hit(node(entry));
                }
            },
        ],
    ),
];

type Entry<'a> = &'a crate::trace::TraceEntry;
type Hit<'a> = &'a mut dyn FnMut(u64);

const KILLED: Step = |entry, hit| {
    if let Fact::Crashed = &entry.fact {
        hit(node(entry));
    }
};
const POWER: Step = |entry, hit| {
    if let Fact::PowerFailed = &entry.fact {
        hit(node(entry));
    }
};
const SCANS: Step = |entry, hit| {
    if let Fact::SegmentScanned { .. } = &entry.fact {
        hit(node(entry));
    }
};
const SCANNED: Step = |entry, hit| {
    if let Fact::LogsLoaded { recovered: 1.., .. } = &entry.fact {
        hit(node(entry));
    }
};
const LOADED: Step = |entry, hit| {
    if let Fact::LogsLoaded { .. } = &entry.fact {
        hit(node(entry));
    }
};

fn start_moved(entry: Entry<'_>, hit: Hit<'_>, why: LogStartReason) {
    if let Fact::LogStartMoved {
        partition: of,
        reason,
        ..
    } = &entry.fact
        && *reason == why
    {
        hit(replica(entry, of));
    }
}
