//! Groups of consumers, in words.

use super::{Telling, episode, joined, loud, meaning, quiet};
use crate::protocol::{
    GroupFact, GroupRow, MemberGone, OwnerThen, RebalanceReason, TopicPartition, counted,
};
use crate::trace::story::Story;
use std::fmt::Write as _;
use std::rc::Rc;

pub(super) fn of_group(fact: &GroupFact, story: &Story) -> Telling {
    match fact {
        GroupFact::Changed {
            group,
            state,
            generation,
            members,
            leader,
            protocol,
            why,
        } => match &**state {
            "PreparingRebalance" => {
                let why = why.as_deref().map_or_else(String::new, reason);
                let waits = match (members.len(), why_of(fact)) {
                    (1, Some(RebalanceReason::MemberJoined { at_once: true, .. })) => {
                        "it waits for no others (group.initial.rebalance.delay.ms=0)"
                    }
                    (1, Some(RebalanceReason::MemberJoined { .. })) => {
                        "it waits a little for others (group.initial.rebalance.delay.ms)"
                    }
                    _ => "its members are to join again",
                };
                loud(format!(
                    "as coordinator begins a rebalance of group {group}, since {why}: {waits}"
                ))
            }
            "CompletingRebalance" => {
                let leader = leader.as_deref().unwrap_or("nobody");
                let protocol = protocol.as_deref().unwrap_or("nothing");
                loud(format!(
                    "as coordinator has {} of group {group} for generation {generation}: {leader} is to say who reads what (assignor: {protocol})",
                    counted(members.len(), "member")
                ))
            }
            "Stable" => loud(format!(
                "as coordinator stores who reads what in group {group} (generation {generation}) and tells each member"
            )),
            "Empty" => loud(format!(
                "as coordinator has no member of group {group} left (generation {generation}); what it has committed stays"
            )),
            _ => loud(format!("as coordinator forgets group {group}")),
        },
        GroupFact::PartitionsAssigned {
            group,
            generation,
            partitions,
            kept,
            ..
        } => loud(match (partitions.is_empty(), kept.is_empty()) {
            (true, true) => {
                format!("is idle: group {group} gives it no partition (generation {generation})")
            }
            (true, false) => format!(
                "keeps {} in group {group} and is given nothing more (generation {generation})",
                names(kept)
            ),
            (false, true) => format!(
                "is given {} by group {group} (generation {generation})",
                names(partitions)
            ),
            (false, false) => format!(
                "is given {} by group {group}, and keeps {} (generation {generation})",
                names(partitions),
                names(kept)
            ),
        }),
        GroupFact::AssignedByHand {
            group,
            partitions,
            commits_nothing,
        } => loud(match commits_nothing {
            false => format!(
                "assigns itself {} and is to commit for group {group}, of which it is no member",
                names(partitions)
            ),
            true => format!(
                "assigns itself {}, begins where group {group} has committed (unless it seeks), and commits nothing itself",
                names(partitions)
            ),
        }),
        GroupFact::PartitionsRevoked {
            group,
            partitions,
            owner_then,
        } => {
            let own = format!(
                "stops reading {}: its own onPartitionsRevoked runs, and group {group} is told nothing",
                names(partitions)
            );
            match owner_then {
                _ if partitions.is_empty() => {
                    quiet(format!("has nothing to give back to group {group}"))
                }
                OwnerThen::Nobody => {
                    loud(format!("gives {} back to group {group}", names(partitions)))
                }
                OwnerThen::Itself => loud(format!(
                    "{own}; there it stays their owner (group.instance.id) until its heartbeats are missed"
                )),
                OwnerThen::ItselfInSilence => loud(format!(
                    "{own}; there it stays their owner until its heartbeats are missed"
                )),
                OwnerThen::Another => loud(format!(
                    "{own}; there another of its group.instance.id is their owner already"
                )),
            }
        }
        GroupFact::PartitionsLost {
            group,
            partitions,
            in_rebalance,
            owner_then,
        } => {
            let own = format!(
                "stops reading {}: its own onPartitionsLost runs, since it",
                names(partitions)
            );
            loud(match (in_rebalance, owner_then) {
                (true, _) => format!("{own} closes while group {group} rebalances"),
                (false, OwnerThen::Nobody | OwnerThen::Another) => format!(
                    "learns that group {group} has taken {} from it",
                    names(partitions)
                ),
                (false, OwnerThen::Itself | OwnerThen::ItselfInSilence) => format!(
                    "{own} had forgotten its place in group {group}, which was told nothing"
                ),
            })
        }
        GroupFact::PollTimeoutExpired {
            group,
            max_poll_interval_ms,
            owner_then,
        } => {
            let why = format!(
                "its application still works on what it got, and has not called poll for max.poll.interval.ms={max_poll_interval_ms}"
            );
            loud(match owner_then {
                OwnerThen::Nobody | OwnerThen::Another => format!("leaves group {group}: {why}"),
                OwnerThen::Itself => format!(
                    "forgets its place in group {group}, which is told nothing: {why}; to its group it is a member (group.instance.id) until its heartbeats are missed"
                ),
                OwnerThen::ItselfInSilence => format!(
                    "leaves group {group}: {why}; it knows no coordinator to tell, and to its group it is a member until its heartbeats are missed"
                ),
            })
        }
        GroupFact::Processed {
            partition, offset, ..
        } => quiet(format!("is done with {partition} offset {offset}")),
        GroupFact::CommitFailed { group, exception } => episode(
            format!("could not commit how far it has read for group {group}: {exception}"),
            "",
        ),
        GroupFact::Failed { group, exception } => {
            loud(format!("poll throws {exception} (group {group})"))
        }
        GroupFact::Loaded {
            partition, groups, ..
        } => match groups.is_empty() {
            true => quiet(format!(
                "coordinates the groups of __consumer_offsets-{partition} from now on: there is none yet"
            )),
            false => loud(format!(
                "has read __consumer_offsets-{partition}, which it leads now, and is the coordinator of {}",
                groups.join(", ")
            )),
        },
        GroupFact::MemberRemoved {
            group,
            member,
            why,
            detail,
        } => {
            let why = match why {
                MemberGone::Left if detail.is_empty() => "it leaves".to_owned(),
                MemberGone::Left => format!("it leaves (\"{detail}\")"),
                MemberGone::SessionExpired => format!("no heartbeat came from it for {detail}"),
                MemberGone::DidNotJoin => format!("it did not join again within {detail}"),
                MemberGone::DidNotSync => {
                    format!("it did not ask for its partitions within {detail}")
                }
            };
            loud(format!(
                "as coordinator takes {member} out of group {group}: {why}"
            ))
        }
        GroupFact::OffsetCommitted {
            group,
            partition,
            offset,
            ..
        } => Telling {
            ..joined(
                format!("stores that group {group} has read "),
                format!("{partition} up to {offset}"),
                "",
            )
            .quiet()
        },
        // Where it begins is told of its position.
        GroupFact::Resumed { partition, .. } => quiet(format!("goes on with {partition}")),
        GroupFact::TopicRefused {
            group,
            client,
            replication_factor,
            error,
        } => {
            let telling = loud(format!(
                "cannot make __consumer_offsets, in which groups are kept, with {} (offsets.topic.replication.factor): {error}{}. Until that is otherwise no group has a coordinator: {client} of group {group} asks for it, is told COORDINATOR_NOT_AVAILABLE, and asks again",
                counted(replication_factor, "replica"),
                meaning(*error),
            ));
            match story.groups_have_no_topic() {
                true => telling.quiet(),
                false => telling,
            }
        }
        GroupFact::OffsetExpired { group, partition } => joined(
            format!("forgets how far group {group} has read "),
            partition.to_string(),
            ": nobody needed it for offsets.retention.minutes",
        ),
        GroupFact::Described { group, state, rows } => loud(described(group, state, *rows)),
        GroupFact::DescribedRow { row, .. } => loud(columns(row)),
        GroupFact::DescribeFailed {
            group,
            exception,
            message,
        } => loud(format!(
            "describe group {group}: Error: Executing consumer group command failed due to {exception}: {message}"
        )),
    }
}

/// CG48, in the words of `kafka-consumer-groups`, which says nothing beside a table of a stable group.
fn described(group: &str, state: &str, rows: u32) -> String {
    let said = match state {
        "Dead" => {
            return format!(
                "describe group {group}: Error: Consumer group '{group}' does not exist."
            );
        }
        "Empty" => format!("Consumer group '{group}' has no active members."),
        "Stable" => "all its members have joined (Stable).".to_owned(),
        _ => format!("Warning: Consumer group '{group}' is rebalancing."),
    };
    let none = match rows {
        0 => " Nothing is committed, and nobody has a partition.",
        _ => "",
    };
    format!("describe group {group}: {said}{none}")
}

/// A line of its table.
fn columns(row: &GroupRow) -> String {
    let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let text = |text: &Option<Rc<str>>| text.as_deref().unwrap_or("-").to_owned();
    format!(
        "  {}: CURRENT-OFFSET {}, LOG-END-OFFSET {}, LAG {}, CONSUMER-ID {}, HOST {}, CLIENT-ID {}",
        row.partition,
        number(row.committed),
        number(row.log_end),
        number(row.lag()),
        text(&row.member),
        text(&row.host),
        text(&row.client),
    )
}

fn why_of(fact: &GroupFact) -> Option<&RebalanceReason> {
    match fact {
        GroupFact::Changed { why, .. } => why.as_deref(),
        _ => None,
    }
}

fn reason(why: &RebalanceReason) -> String {
    match why {
        RebalanceReason::MemberJoined { member, .. } => format!("{member} joins"),
        RebalanceReason::MemberRejoined { member, said } if said.is_empty() => {
            format!("{member} joins again")
        }
        RebalanceReason::MemberRejoined { member, said } => {
            format!("{member} joins again (\"{said}\")")
        }
        RebalanceReason::MemberGone { member, .. } => format!("{member} is gone"),
        RebalanceReason::AssignmentsNotStored => {
            "who reads what could not be stored in __consumer_offsets".to_owned()
        }
        RebalanceReason::TooManyMembers => "it has more members than group.max.size".to_owned(),
    }
}

/// `t-0 to t-5`, `u-0, u-1`, `v-3`.
fn names(partitions: &[TopicPartition]) -> String {
    let mut names = String::new();
    let follows = |a: &TopicPartition, b: &TopicPartition| {
        a.topic == b.topic && a.partition + 1 == b.partition
    };
    for run in partitions.chunk_by(follows) {
        let and = if names.is_empty() { "" } else { ", " };
        let written = match run {
            [one] => write!(names, "{and}{one}"),
            [first, second] => write!(names, "{and}{first}, {second}"),
            [first, .., last] => write!(names, "{and}{first} to {last}"),
            [] => Ok(()),
        };
        written.expect("a string takes everything");
    }
    names
}

/// A member's id is its client's name and a random UUID; who reads a story needs the name.
pub(super) fn without_uuids(text: String) -> String {
    const UUID: [usize; 5] = [8, 4, 4, 4, 12];
    let is_uuid = |text: &str| {
        let parts: Vec<&str> = text.split('-').collect();
        let fits = |(part, length): (&&str, &usize)| {
            part.len() == *length && part.bytes().all(|b| b.is_ascii_hexdigit())
        };
        parts.len() == UUID.len() && parts.iter().zip(&UUID).all(fits)
    };
    let mut short = String::new();
    let mut rest = text.as_str();
    while let Some(dash) = rest.find('-') {
        let id = rest.get(dash + 1..dash + 37);
        short.push_str(&rest[..dash]);
        rest = match id.is_some_and(is_uuid) {
            true => &rest[dash + 37..],
            false => {
                short.push('-');
                &rest[dash + 1..]
            }
        };
    }
    short + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_in_a_row_are_named_by_the_first_and_the_last() {
        let of = |topic: &str, numbers: &[i32]| -> Vec<TopicPartition> {
            let partitions = numbers
                .iter()
                .map(|number| TopicPartition::new(topic, *number));
            partitions.collect()
        };
        let all = [of("t", &[0, 1, 2, 4]), of("u", &[5, 6])].concat();
        assert_eq!(names(&all), "t-0 to t-2, t-4, u-5, u-6");
    }

    #[test]
    fn what_is_told_of_a_described_group_are_whole_sentences() {
        let none = "Nothing is committed, and nobody has a partition.";
        for state in ["Dead", "Empty", "Stable", "PreparingRebalance"] {
            assert!(described("g", state, 1).ends_with('.'), "{state}");
            if state != "Dead" {
                let told = described("g", state, 0);
                assert!(told.ends_with(&format!(". {none}")), "{told}");
            }
        }
        assert_eq!(
            described("g", "Stable", 0),
            format!("describe group g: all its members have joined (Stable). {none}")
        );
    }

    #[test]
    fn members_are_called_by_the_names_of_their_clients() {
        let told = "takes a-1-b92dd85d-e61b-40b7-aa6b-8c5f0a3c6ba7 out of group t-5: it leaves";
        assert_eq!(
            without_uuids(told.to_owned()),
            "takes a-1 out of group t-5: it leaves"
        );
    }
}
