//! Expectations about groups: what their members are done with, in all and how often, who has which
//! partition, when a group is stable again, and how far behind it is.
//!
//! A record counts when the application is done with it (`Processed`), not when `poll` gave it out.

use super::consumers::ON_ITS_WAY;
use super::history::{History, seconds, within};
use super::{Verdict, verdict_of};
use crate::check::committed_offsets::CommittedOffsets;
use crate::check::unprocessed::Unprocessed;
use crate::kernel::{Duration, Time};
use crate::plan::{ConsumerPlan, Count, EventRef};
use crate::protocol::{Fact, GroupFact, OwnerThen, TopicPartition, counted};
use std::collections::{BTreeMap, BTreeSet};

type Place<'a> = (&'a TopicPartition, i64);

/// Every acknowledged record of its topics, but for those of the last moment.
pub(super) fn processes_everything(history: &History<'_>, group: &str) -> Verdict {
    let readers = readers(history, group);
    let processed = processed(history, group);
    let (mut due, mut on_its_way) = (0, 0);
    for (time, place) in acknowledged(history) {
        if !may_read(&readers, place.0) {
            continue;
        }
        if processed.contains_key(&place) {
            due += 1;
        } else if history.last.since(time) < ON_ITS_WAY {
            on_its_way += 1;
        } else {
            let (partition, offset) = place;
            return Err(format!("{partition} offset {offset} was not processed"));
        }
    }
    let late = match on_its_way {
        0 => String::new(),
        late => format!(
            ", and {late} of the last {} are on their way",
            seconds(ON_ITS_WAY)
        ),
    };
    verdict_of(due > 0, format!("{due} processed{late}"))
}

pub(super) fn processed_twice(history: &History<'_>, group: &str, count: Count) -> Verdict {
    let again: u64 = processed(history, group)
        .values()
        .map(|times| times - 1)
        .sum();
    verdict_of(count.holds(again), format!("{again} processed again"))
}

/// See [`Unprocessed`].
pub(super) fn never_processed(history: &History<'_>, group: &str, count: Count) -> Verdict {
    let mut unprocessed = Unprocessed::default();
    history
        .entries
        .iter()
        .for_each(|entry| unprocessed.learn(entry));
    let never = unprocessed.count_of(group);
    let figures = format!("{never} committed and never processed");
    verdict_of(count.holds(never), figures)
}

/// Acknowledged records of its topics that no member was ever given (J13), but for those of the last moment.
pub(super) fn never_read(history: &History<'_>, group: &str, count: Count) -> Verdict {
    let readers = readers(history, group);
    let members: BTreeSet<String> = readers.iter().flat_map(|it| it.members()).collect();
    let read: BTreeSet<Place<'_>> = history
        .entries
        .iter()
        .filter(|entry| members.contains(&*entry.node))
        .filter_map(|entry| match &entry.fact {
            Fact::Consumed {
                partition, offset, ..
            } => Some((partition, *offset)),
            _ => None,
        })
        .collect();
    let never = acknowledged(history)
        .filter(|(time, _)| history.last.since(*time) >= ON_ITS_WAY)
        .filter(|(_, place)| may_read(&readers, place.0) && !read.contains(place))
        .count() as u64;
    verdict_of(count.holds(never), format!("{never} never given to it"))
}

/// All members of this name together.
pub(super) fn partitions_at_the_end(
    history: &History<'_>,
    consumer: &str,
    count: Count,
) -> Verdict {
    let mut figures = Vec::new();
    let mut all = 0;
    for member in history.members(consumer) {
        let mut owned: BTreeSet<&TopicPartition> = BTreeSet::new();
        for entry in history.entries {
            if *entry.node != *member {
                continue;
            }
            match &entry.fact {
                Fact::Group(
                    GroupFact::PartitionsAssigned { partitions, .. }
                    | GroupFact::AssignedByHand { partitions, .. },
                ) => {
                    owned.extend(partitions);
                }
                Fact::Group(
                    GroupFact::PartitionsRevoked { partitions, .. }
                    | GroupFact::PartitionsLost { partitions, .. },
                ) => owned.retain(|it| !partitions.contains(it)),
                Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => owned.clear(),
                _ => {}
            }
        }
        all += owned.len() as u64;
        figures.push(format!("{member} has {}", owned.len()));
    }
    verdict_of(count.holds(all), figures.join(", "))
}

pub(super) fn stable_again(
    history: &History<'_>,
    group: &str,
    limit: Duration,
    event: &EventRef,
) -> Verdict {
    let event = history.event(event)?;
    let stable = history.entries[event..].iter().find_map(|entry| {
        let (state, _) = changed(&entry.fact, group)?;
        (state == "Stable").then_some(entry.time)
    });
    match stable {
        Some(time) => within(history.time(event), time, limit, "it was stable again"),
        None => still_stable(history, group, event),
    }
}

/// It was when the event took place, and nothing came between.
fn still_stable(history: &History<'_>, group: &str, event: usize) -> Verdict {
    let (before, after) = history.entries.split_at(event);
    let mut changes = after.iter().filter_map(|entry| changed(&entry.fact, group));
    let (is, was) = (
        changes.next_back(),
        before
            .iter()
            .rev()
            .find_map(|entry| changed(&entry.fact, group)),
    );
    match (is, was) {
        (None, Some(("Stable", generation))) => Ok(format!(
            "nobody joined again: it was stable all along, in generation {generation}"
        )),
        (Some((state, _)), _) | (None, Some((state, _))) => {
            Err(format!("it was not: its last state is {state}"))
        }
        (None, None) => Err("there was no such group".to_owned()),
    }
}

pub(super) fn keeps_generation(history: &History<'_>, group: &str) -> Verdict {
    let begun = history.window().find_map(|entry| {
        let (state, _) = changed(&entry.fact, group)?;
        (state == "PreparingRebalance").then_some(entry.time)
    });
    let mut generations = history.entries.iter().filter_map(|entry| {
        let (_, generation) = changed(&entry.fact, group)?;
        Some(generation)
    });
    match begun {
        Some(time) => Err(format!(
            "a rebalance began at {}",
            seconds(time.since(Time::ZERO))
        )),
        None => {
            let last = generations.next_back();
            let figures = last.map(|it| format!("the last generation of all is {it}"));
            // A group of which all consumers assign is there, and has nobody to join again.
            let no_member = || is_used(history, group).then(|| "it never had a member".to_owned());
            let figures = figures.or_else(no_member);
            figures.ok_or_else(|| "there was no such group".to_owned())
        }
    }
}

/// Somebody begins or commits under its name, though it may have no member.
fn is_used(history: &History<'_>, group: &str) -> bool {
    history.entries.iter().any(|entry| match &entry.fact {
        Fact::Group(
            GroupFact::AssignedByHand { group: of, .. }
            | GroupFact::OffsetCommitted { group: of, .. },
        ) => **of == *group,
        _ => false,
    })
}

/// Each time a member gives a partition up, or learns that it was taken, counts: nobody of the group reads it
/// then until somebody is given it.
pub(super) fn stops_reading(history: &History<'_>, group: &str, count: Count) -> Verdict {
    let mut times = 0;
    for entry in history.window() {
        if let Fact::Group(
            GroupFact::PartitionsRevoked {
                group: of,
                partitions,
                ..
            }
            | GroupFact::PartitionsLost {
                group: of,
                partitions,
                ..
            },
        ) = &entry.fact
            && **of == *group
        {
            times += partitions.len() as u64;
        }
    }
    verdict_of(count.holds(times), format!("{times} given up or taken"))
}

pub(super) fn poll_timeouts(history: &History<'_>, group: &str, count: Count) -> Verdict {
    let (mut times, mut stay) = (Vec::new(), Vec::new());
    for entry in history.window() {
        if let Fact::Group(GroupFact::PollTimeoutExpired {
            group: of,
            owner_then,
            ..
        }) = &entry.fact
            && **of == *group
        {
            let who = format!(
                "{} at {}",
                entry.node,
                seconds(entry.time.since(Time::ZERO))
            );
            match owner_then {
                OwnerThen::Itself => stay.push(who),
                _ => times.push(who),
            }
        }
    }
    let mut figures = match times.is_empty() {
        true => "nobody did".to_owned(),
        false => times.join(", "),
    };
    if !stay.is_empty() {
        let stay = stay.join(", ");
        figures += &format!("; static members did not poll either, and do not leave: {stay}");
    }
    verdict_of(count.holds(times.len() as u64), figures)
}

pub(super) fn goes_on(history: &History<'_>, group: &str, count: Count) -> Verdict {
    let places: Vec<String> = history
        .window()
        .filter_map(|entry| match &entry.fact {
            Fact::Group(GroupFact::Resumed {
                group: of,
                partition,
                offset,
            }) if **of == *group => Some(format!("{partition} from offset {offset}")),
            _ => None,
        })
        .collect();
    let figures = match &places[..] {
        [] => "it did not".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
    };
    verdict_of(count.holds(places.len() as u64), figures)
}

pub(super) fn commits_backwards(history: &History<'_>, group: &str, count: Count) -> Verdict {
    let mut last: BTreeMap<&TopicPartition, i64> = BTreeMap::new();
    let mut back = Vec::new();
    for entry in history.entries {
        if let Fact::Group(GroupFact::OffsetCommitted {
            group: of,
            partition,
            offset,
            ..
        }) = &entry.fact
            && **of == *group
            && let Some(before) = last.insert(partition, *offset)
            && before > *offset
        {
            back.push(format!("{partition} from {before} to {offset}"));
        }
    }
    let figures = match back.is_empty() {
        true => "each was for what comes later, or the same".to_owned(),
        false => back.join(", "),
    };
    verdict_of(count.holds(back.len() as u64), figures)
}

/// CG47: without a commit nobody knows it.
pub(super) fn lag(history: &History<'_>, group: &str, count: Count) -> Verdict {
    let mut committed = CommittedOffsets::default();
    for entry in history.entries {
        if let Fact::Group(fact) = &entry.fact {
            committed.learn(fact);
        }
    }
    let readers = readers(history, group);
    let mut lag = 0;
    let mut partitions = 0;
    let mut unknown = Vec::new();
    for state in history.end.committed() {
        let partition = &state.partition;
        if !may_read(&readers, partition) {
            continue;
        }
        let leader = history.end.view.replica(state.leader, partition);
        let Some(leader) = leader else {
            return Err(format!("{partition} has no leader"));
        };
        match committed.of(group, partition) {
            Some(read_to) => {
                partitions += 1;
                lag += u64::try_from(leader.high_watermark - read_to).unwrap_or(0);
            }
            // Nothing was ever there.
            None if leader.high_watermark == 0 => partitions += 1,
            None => unknown.push(partition.to_string()),
        }
    }
    let figures = format!("{lag}, over {}", counted(partitions, "partition"));
    let [first, rest @ ..] = &unknown[..] else {
        return verdict_of(count.holds(lag), figures);
    };
    let more = match rest.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    // What nobody knows only adds to it.
    let holds_anyway = matches!(count, Count::AtLeast(_)) && count.holds(lag);
    let figures = format!("{figures}; unknown in {first}{more}, where nothing is committed");
    verdict_of(holds_anyway, figures)
}

// ---- what the facts say of a group

fn changed<'a>(fact: &'a Fact, group: &str) -> Option<(&'a str, i32)> {
    match fact {
        Fact::Group(GroupFact::Changed {
            group: of,
            state,
            generation,
            ..
        }) if **of == *group => Some((state, *generation)),
        _ => None,
    }
}

/// Its members, and who commits for it.
fn readers<'a>(history: &History<'a>, group: &str) -> Vec<&'a ConsumerPlan> {
    let consumers = history.plan.consumers.iter();
    consumers
        .filter(|consumer| consumer.group_id() == Some(group))
        .collect()
}

fn may_read(readers: &[&ConsumerPlan], partition: &TopicPartition) -> bool {
    let mut readers = readers.iter();
    readers.any(|it| it.may_read(&partition.topic, partition.partition))
}

fn acknowledged<'a>(history: &History<'a>) -> impl Iterator<Item = (Time, Place<'a>)> {
    let entries = history.entries.iter();
    entries.filter_map(|entry| match &entry.fact {
        Fact::Acked {
            partition, offset, ..
        } if *offset >= 0 => Some((entry.time, (partition, *offset))),
        _ => None,
    })
}

/// How often the group was done with each record.
fn processed<'a>(history: &History<'a>, group: &str) -> BTreeMap<Place<'a>, u64> {
    let mut times = BTreeMap::new();
    for entry in history.entries {
        if let Fact::Group(GroupFact::Processed {
            group: of,
            partition,
            offset,
        }) = &entry.fact
            && **of == *group
        {
            *times.entry((partition, *offset)).or_default() += 1;
        }
    }
    times
}
