//! Replicas, their leaders, the ISR and what producers are told of it.

use super::matcher::{RUN, partition, replica};
use super::{Situation, Step, situation};
use crate::protocol::{ErrorCode, Fact, IsrChange, StateWriteReason};

pub(super) const SITUATIONS: &[Situation] = &[
    situation(
        "a follower ahead of a new leader cuts its log",
        &[ANOTHER_LEADER, CUT],
    ),
    situation(
        "a broker that led a partition cuts its log",
        &[LEADS, CUTS_ITS],
    ),
    situation("a replica cuts its log twice", &[CUTS_ITS, CUTS_ITS]),
    situation(
        "a log is cut to nothing",
        &[|entry, hit| {
            if let Fact::Truncated {
                partition: of,
                to: 0,
                ..
            } = &entry.fact
            {
                hit(partition(of));
            }
        }],
    ),
    situation(
        "a follower with an older leader epoch is refused",
        &[|entry, hit| {
            fetch_refused(entry, hit, ErrorCode::FencedLeaderEpoch, true);
        }],
    ),
    situation(
        "a follower knows of a leader epoch before its leader does",
        &[|entry, hit| {
            fetch_refused(entry, hit, ErrorCode::UnknownLeaderEpoch, true);
        }],
    ),
    situation(
        "a follower asks one that leads no longer",
        &[|entry, hit| {
            fetch_refused(entry, hit, ErrorCode::NotLeaderOrFollower, true);
        }],
    ),
    situation(
        "a consumer asks one that leads no longer",
        &[|entry, hit| {
            fetch_refused(entry, hit, ErrorCode::NotLeaderOrFollower, false);
        }],
    ),
    situation(
        "a fetch is out of range",
        &[|entry, hit| {
            if let Fact::FetchRefused {
                partition: of,
                error: ErrorCode::OffsetOutOfRange,
                ..
            } = &entry.fact
            {
                hit(partition(of));
            }
        }],
    ),
    situation(
        "the ISR is one broker",
        &[TWO_IN_SYNC, |entry, hit| {
            if let Fact::StateWritten {
                partition: of, isr, ..
            } = &entry.fact
                && isr.len() == 1
            {
                hit(partition(of));
            }
        }],
    ),
    situation("the ISR shrinks and grows again", &[SHRINKS, GROWS]),
    situation("the ISR shrinks twice in a row", &[SHRINKS, SHRINKS]),
    situation(
        "the high watermark is held below min.insync.replicas, until the ISR grows",
        &[
            |entry, hit| {
                if let Fact::HighWatermarkHeld { partition: of, .. } = &entry.fact {
                    hit(partition(of));
                }
            },
            GROWS,
        ],
    ),
    situation(
        "a write is refused, since too few are in sync",
        &[|entry, hit| {
            produce_refused(entry, hit, ErrorCode::NotEnoughReplicas);
        }],
    ),
    situation(
        "a write waits in purgatory until its time is over",
        &[|entry, hit| {
            produce_refused(entry, hit, ErrorCode::RequestTimedOut);
        }],
    ),
    situation(
        "a write meets a broker that leads no longer",
        &[|entry, hit| {
            produce_refused(entry, hit, ErrorCode::NotLeaderOrFollower);
        }],
    ),
    situation(
        "a partition is led by four, one after the other",
        &[LED, LED, LED, LED],
    ),
    situation(
        "a broker leads, follows, and leads again",
        &[LEADS, FOLLOWS, LEADS],
    ),
    situation(
        "a partition has no leader, and then one again",
        &[
            |entry, hit| {
                if let Fact::StateWritten {
                    partition: of,
                    leader: -1,
                    ..
                } = &entry.fact
                {
                    hit(partition(of));
                }
            },
            |entry, hit| {
                if let Fact::StateWritten {
                    partition: of,
                    leader: 0..,
                    ..
                } = &entry.fact
                {
                    hit(partition(of));
                }
            },
        ],
    ),
    situation(
        "nobody can be elected",
        &[|entry, hit| {
            if let Fact::ElectionFailed { partition: of, .. } = &entry.fact {
                hit(partition(of));
            }
        }],
    ),
    situation(
        "the preferred replica is given its leadership back",
        &[|entry, hit| {
            written(entry, hit, StateWriteReason::PreferredElection);
        }],
    ),
    situation(
        "leaderships are out of balance, and are given back",
        &[
            |entry, hit| {
                if let Fact::LeadersImbalanced { .. } = &entry.fact {
                    hit(RUN);
                }
            },
            |entry, hit| {
                if let Fact::StateWritten {
                    reason: StateWriteReason::PreferredElection,
                    ..
                } = &entry.fact
                {
                    hit(RUN);
                }
            },
        ],
    ),
    situation(
        "a leader is elected, and dies before it has led long",
        &[
            |entry, hit| written(entry, hit, StateWriteReason::OfflineElection),
            |entry, hit| written(entry, hit, StateWriteReason::OfflineElection),
        ],
    ),
    situation(
        "a change of an ISR is refused as one of an older state",
        &[|entry, hit| {
            alter_refused(entry, hit, ErrorCode::InvalidUpdateVersion);
        }],
    ),
    situation(
        "a change of an ISR is refused as one of an older leader epoch",
        &[|entry, hit| {
            alter_refused(entry, hit, ErrorCode::FencedLeaderEpoch);
        }],
    ),
    situation(
        "a broker that is gone is refused in an ISR",
        &[|entry, hit| {
            alter_refused(entry, hit, ErrorCode::IneligibleReplica);
        }],
    ),
];

const ANOTHER_LEADER: Step = |entry, hit| {
    if let Fact::StateWritten {
        partition: of,
        reason,
        ..
    } = &entry.fact
        && !matches!(
            reason,
            StateWriteReason::NewPartition | StateWriteReason::AlterPartition
        )
    {
        hit(partition(of));
    }
};

const CUT: Step = |entry, hit| {
    if let Fact::Truncated { partition: of, .. } = &entry.fact {
        hit(partition(of));
    }
};

const CUTS_ITS: Step = |entry, hit| {
    if let Fact::Truncated { partition: of, .. } = &entry.fact {
        hit(replica(entry, of));
    }
};

const LED: Step = |entry, hit| {
    if let Fact::BecameLeader { partition: of, .. } = &entry.fact {
        hit(partition(of));
    }
};

const LEADS: Step = |entry, hit| {
    if let Fact::BecameLeader { partition: of, .. } = &entry.fact {
        hit(replica(entry, of));
    }
};

const FOLLOWS: Step = |entry, hit| {
    if let Fact::BecameFollower { partition: of, .. } = &entry.fact {
        hit(replica(entry, of));
    }
};

const SHRINKS: Step = |entry, hit| asked(entry, hit, IsrChange::Shrink);
const GROWS: Step = |entry, hit| asked(entry, hit, IsrChange::Expand);

const TWO_IN_SYNC: Step = |entry, hit| {
    if let Fact::StateWritten {
        partition: of, isr, ..
    } = &entry.fact
        && isr.len() >= 2
    {
        hit(partition(of));
    }
};

type Entry<'a> = &'a crate::trace::TraceEntry;
type Hit<'a> = &'a mut dyn FnMut(u64);

fn asked(entry: Entry<'_>, hit: Hit<'_>, which: IsrChange) {
    if let Fact::IsrChangeAsked {
        partition: of,
        change,
        ..
    } = &entry.fact
        && *change == which
    {
        hit(partition(of));
    }
}

fn written(entry: Entry<'_>, hit: Hit<'_>, why: StateWriteReason) {
    if let Fact::StateWritten {
        partition: of,
        reason,
        ..
    } = &entry.fact
        && *reason == why
    {
        hit(partition(of));
    }
}

fn fetch_refused(entry: Entry<'_>, hit: Hit<'_>, why: ErrorCode, by_follower: bool) {
    if let Fact::FetchRefused {
        partition: of,
        replica,
        error,
    } = &entry.fact
        && *error == why
        && (*replica >= 0) == by_follower
    {
        hit(partition(of));
    }
}

fn produce_refused(entry: Entry<'_>, hit: Hit<'_>, why: ErrorCode) {
    if let Fact::ProduceRefused {
        partition: of,
        error,
    } = &entry.fact
        && *error == why
    {
        hit(partition(of));
    }
}

fn alter_refused(entry: Entry<'_>, hit: Hit<'_>, why: ErrorCode) {
    if let Fact::AlterPartitionRefused {
        partition: of,
        error,
        ..
    } = &entry.fact
        && *error == why
    {
        hit(partition(of));
    }
}
