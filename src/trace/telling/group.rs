//! Groups of consumers, in words.

use super::{Telling, joined, loud, quiet};
use crate::protocol::{GroupFact, MemberGone, TopicPartition, counted};

pub(super) fn of_group(fact: &GroupFact) -> Telling {
    match fact {
        GroupFact::Changed {
            group,
            state,
            generation,
            members,
            leader,
            protocol,
        } => match &**state {
            "PreparingRebalance" => loud(format!(
                "begins a rebalance of group {group}: its members shall join again (generation {generation} ends)"
            )),
            "CompletingRebalance" => {
                let leader = leader.as_deref().unwrap_or("nobody");
                let protocol = protocol.as_deref().unwrap_or("nothing");
                loud(format!(
                    "has {} of group {group} together for generation {generation}: {leader} shall assign partitions by {protocol}",
                    counted(members.len(), "member")
                ))
            }
            "Stable" => loud(format!(
                "has stored the assignments of group {group}, generation {generation}: the group is stable"
            )),
            "Empty" => loud(format!(
                "has no member of group {group} left (generation {generation})"
            )),
            _ => loud(format!("forgets group {group}")),
        },
        GroupFact::PartitionsAssigned {
            group,
            generation,
            partitions,
        } => match partitions.is_empty() {
            true => loud(format!(
                "is given no partition by group {group} (generation {generation}): there are more members than partitions"
            )),
            false => loud(format!(
                "is given {} by group {group} (generation {generation})",
                names(partitions)
            )),
        },
        GroupFact::PartitionsRevoked { group, partitions } => match partitions.is_empty() {
            true => quiet(format!("has nothing to give back to group {group}")),
            false => loud(format!("gives {} back to group {group}", names(partitions))),
        },
        GroupFact::PartitionsLost { group, partitions } => loud(format!(
            "learns that group {group} has taken {} from it",
            names(partitions)
        )),
        GroupFact::CommitFailed { group, exception } => loud(format!(
            "could not commit how far it has read for group {group}: {exception}"
        )),
        GroupFact::Failed { group, exception } => {
            loud(format!("ends: poll threw {exception} (group {group})"))
        }
        GroupFact::Loaded { partition, groups } => match groups.is_empty() {
            true => quiet(format!(
                "coordinates the groups of __consumer_offsets-{partition} from now on: there is none yet"
            )),
            false => loud(format!(
                "coordinates from now on what __consumer_offsets-{partition} tells of: {}",
                groups.join(", ")
            )),
        },
        GroupFact::MemberRemoved { group, member, why } => {
            let why = match why {
                MemberGone::Left => "it has left",
                MemberGone::SessionExpired => "nothing was heard of it for its session timeout",
                MemberGone::DidNotJoin => "it did not join the others in time",
                MemberGone::DidNotSync => "it did not ask for its assignment in time",
            };
            loud(format!("takes {member} out of group {group}: {why}"))
        }
        GroupFact::OffsetCommitted {
            group,
            partition,
            offset,
        } => Telling {
            ..joined(
                format!("stores that group {group} has read "),
                format!("{partition} up to {offset}"),
                "",
            )
            .quiet()
        },
        GroupFact::OffsetExpired { group, partition } => joined(
            format!("forgets how far group {group} has read "),
            partition.to_string(),
            ": nobody needed it for offsets.retention.minutes",
        ),
    }
}

fn names(partitions: &[TopicPartition]) -> String {
    let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
    names.join(", ")
}
