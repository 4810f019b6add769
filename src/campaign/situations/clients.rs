//! Producers, consumers and their groups.

use super::matcher::{RUN, group, node, partition};
use super::{Situation, Step, situation};
use crate::protocol::{Fact, FetchSessionFact, GroupFact, MemberGone, ProducerStateFact};

pub(super) const SITUATIONS: &[Situation] = &[
    situation(
        "a batch that is there already is answered from the window of five",
        &[|entry, hit| {
            if let Fact::ProducerState(ProducerStateFact::Duplicate { partition: of, .. }) =
                &entry.fact
            {
                hit(partition(of));
            }
        }],
    ),
    situation(
        "a batch is refused, since one before it is missing",
        &[|entry, hit| {
            if let Fact::ProducerState(ProducerStateFact::OutOfOrder { partition: of, .. }) =
                &entry.fact
            {
                hit(partition(of));
            }
        }],
    ),
    situation(
        "a producer begins a new epoch",
        &[|entry, hit| {
            if let Fact::ProducerState(ProducerStateFact::EpochBumped { .. }) = &entry.fact {
                hit(node(entry));
            }
        }],
    ),
    situation(
        "a producer gives a record up, after it was sent again",
        &[
            |entry, hit| {
                if let Fact::Retrying { .. } = &entry.fact {
                    hit(node(entry));
                }
            },
            |entry, hit| {
                if let Fact::Failed { .. } = &entry.fact {
                    hit(node(entry));
                }
            },
        ],
    ),
    situation(
        "a client is bootstrapped by the second server that it asks",
        &[
            |entry, hit| {
                if let Fact::BootstrapFailed { .. } = &entry.fact {
                    hit(node(entry));
                }
            },
            |entry, hit| {
                if let Fact::Bootstrapped { .. } = &entry.fact {
                    hit(node(entry));
                }
            },
        ],
    ),
    situation(
        "a fetch session is lost",
        &[|entry, hit| {
            if let Fact::FetchSession(FetchSessionFact::Lost { .. }) = &entry.fact {
                hit(node(entry));
            }
        }],
    ),
    situation(
        "a group rebalances, and is whole again",
        &[STABLE, PREPARES, STABLE],
    ),
    situation(
        "a rebalance is cut by a new coordinator, and is made again",
        &[PREPARES, LOADED, STABLE],
    ),
    situation(
        "a coordinator loads what its group has committed, and members go on there",
        &[
            |entry, hit| {
                if let Fact::Group(GroupFact::Loaded { committed, .. }) = &entry.fact {
                    committed.iter().for_each(|it| hit(group(&it.group)));
                }
            },
            |entry, hit| {
                if let Fact::Group(GroupFact::Resumed { group: of, .. }) = &entry.fact {
                    hit(group(of));
                }
            },
        ],
    ),
    situation(
        "the same groups are loaded three times",
        &[LOADED, LOADED, LOADED],
    ),
    situation(
        "a group is empty, and whole again",
        &[STABLE, EMPTY, STABLE],
    ),
    situation(
        "a group comes to its fifth generation",
        &[|entry, hit| {
            if let Fact::Group(GroupFact::Changed {
                group: of,
                generation: 5..,
                ..
            }) = &entry.fact
            {
                hit(group(of));
            }
        }],
    ),
    situation(
        "a member's session ends",
        &[|entry, hit| removed(entry, hit, MemberGone::SessionExpired)],
    ),
    situation(
        "a member leaves, and a rebalance follows",
        &[|entry, hit| removed(entry, hit, MemberGone::Left), STABLE],
    ),
    situation(
        "a member does not join in time",
        &[|entry, hit| removed(entry, hit, MemberGone::DidNotJoin)],
    ),
    situation(
        "a member does not ask for its share in time",
        &[|entry, hit| removed(entry, hit, MemberGone::DidNotSync)],
    ),
    situation(
        "a member polls too late, and is out",
        &[|entry, hit| {
            if let Fact::Group(GroupFact::PollTimeoutExpired { group: of, .. }) = &entry.fact {
                hit(group(of));
            }
        }],
    ),
    situation(
        "a member learns that what it read is not its own any more",
        &[|entry, hit| {
            if let Fact::Group(GroupFact::PartitionsLost { group: of, .. }) = &entry.fact {
                hit(group(of));
            }
        }],
    ),
    situation(
        "a member gives partitions up, and others get them",
        &[
            |entry, hit| {
                if let Fact::Group(GroupFact::PartitionsRevoked { group: of, .. }) = &entry.fact {
                    hit(group(of));
                }
            },
            |entry, hit| {
                if let Fact::Group(GroupFact::PartitionsAssigned { group: of, .. }) = &entry.fact {
                    hit(group(of));
                }
            },
        ],
    ),
    situation(
        "a commit fails",
        &[|entry, hit| {
            if let Fact::Group(GroupFact::CommitFailed { group: of, .. }) = &entry.fact {
                hit(group(of));
            }
        }],
    ),
    situation(
        "an administrator is told of a group in the middle of a rebalance",
        &[|entry, hit| {
            if let Fact::Group(GroupFact::Described { state, .. }) = &entry.fact
                && state.ends_with("Rebalance")
            {
                hit(RUN);
            }
        }],
    ),
];

type Entry<'a> = &'a crate::trace::TraceEntry;
type Hit<'a> = &'a mut dyn FnMut(u64);

const PREPARES: Step = |entry, hit| changed(entry, hit, "PreparingRebalance");
const STABLE: Step = |entry, hit| changed(entry, hit, "Stable");
const EMPTY: Step = |entry, hit| changed(entry, hit, "Empty");
const LOADED: Step = |entry, hit| {
    if let Fact::Group(GroupFact::Loaded { groups, .. }) = &entry.fact {
        groups.iter().for_each(|name| hit(group(name)));
    }
};

fn changed(entry: Entry<'_>, hit: Hit<'_>, to: &str) {
    if let Fact::Group(GroupFact::Changed {
        group: of, state, ..
    }) = &entry.fact
        && **state == *to
    {
        hit(group(of));
    }
}

fn removed(entry: Entry<'_>, hit: Hit<'_>, how: MemberGone) {
    if let Fact::Group(GroupFact::MemberRemoved { group: of, why, .. }) = &entry.fact
        && *why == how
    {
        hit(group(of));
    }
}
