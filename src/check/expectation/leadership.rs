//! Expectations about who leads: partitions, the controller, and the sessions on which both rest.

use super::history::{History, is, seconds, topic_partition, within};
use super::{Verdict, verdict_of};
use crate::kernel::{Duration, Time};
use crate::plan::{EventRef, Partition};
use crate::protocol::{BrokerId, Fact, NO_LEADER, StateWriteReason, TopicPartition};
use std::collections::BTreeMap;

pub(super) fn another_leader(
    history: &History<'_>,
    partition: &Partition,
    limit: Duration,
    event: &EventRef,
) -> Verdict {
    let event = history.event(event)?;
    let before = history
        .state_before(partition, event)
        .map_or(NO_LEADER, |state| state.leader);
    let other = history.states(partition).find(|(index, state)| {
        *index > event && state.leader > NO_LEADER && state.leader != before
    });
    match other {
        None => Err(format!("{} to the end", led_by(before))),
        Some((_, state)) => within(
            history.time(event),
            state.time,
            limit,
            &led_by(state.leader),
        ),
    }
}

pub(super) fn led_at_the_end(
    history: &History<'_>,
    partition: &Partition,
    id: BrokerId,
) -> Verdict {
    match history.end.partition(&topic_partition(partition)) {
        None => Err("there is no such partition".to_owned()),
        Some(state) => verdict_of(state.leader == id, led_by(state.leader)),
    }
}

pub(super) fn keeps_leader(history: &History<'_>, partition: &Partition) -> Verdict {
    let changes = leader_changes(history, |written| is(written, partition));
    let led = history.states(partition).next().is_some();
    if !led {
        return Err("it never had one".to_owned());
    }
    none(&changes, "it never changed")
}

pub(super) fn no_election(history: &History<'_>) -> Verdict {
    none(&leader_changes(history, |_| true), "no leader changed")
}

pub(super) fn no_unclean_election(history: &History<'_>) -> Verdict {
    none(
        &unclean_elections(history, |_| true),
        "every leader came from the ISR",
    )
}

pub(super) fn unclean_election(history: &History<'_>, partition: &Partition) -> Verdict {
    let elections = unclean_elections(history, |written| is(written, partition));
    match elections.first() {
        None => Err("every leader came from the ISR".to_owned()),
        Some(first) => Ok(first.clone()),
    }
}

pub(super) fn another_controller(
    history: &History<'_>,
    limit: Duration,
    event: &EventRef,
) -> Verdict {
    let event = history.event(event)?;
    let mut before = None;
    for (index, entry) in history.entries.iter().enumerate() {
        if !matches!(entry.fact, Fact::ControllerElected { .. }) {
            continue;
        }
        if index > event && before != Some(&entry.node) {
            let what = format!("{} was elected", entry.node);
            return within(history.time(event), entry.time, limit, &what);
        }
        before = Some(&entry.node);
    }
    Err("nobody else was elected".to_owned())
}

pub(super) fn keeps_controller(history: &History<'_>) -> Verdict {
    let elected =
        |entry: &&crate::trace::TraceEntry| matches!(entry.fact, Fact::ControllerElected { .. });
    let first = history
        .entries
        .iter()
        .find(elected)
        .map(|entry| entry.event);
    let later: Vec<String> = history
        .window()
        .filter(elected)
        .filter(|entry| Some(entry.event) != first)
        .map(|entry| format!("{} was elected", entry.node))
        .collect();
    none(&later, "nobody else was elected")
}

pub(super) fn no_session_expires(history: &History<'_>) -> Verdict {
    let expired = history.window().filter_map(|entry| match &entry.fact {
        Fact::SessionExpired { ephemerals, .. } => Some(format!(
            "one expired at {}, with {} ephemeral nodes",
            seconds(entry.time.since(Time::ZERO)),
            ephemerals.len()
        )),
        _ => None,
    });
    none(&expired.collect::<Vec<_>>(), "none did")
}

pub(super) fn session_expires(history: &History<'_>, limit: Duration, event: &EventRef) -> Verdict {
    let event = history.event(event)?;
    let expired = history.entries[event..]
        .iter()
        .find(|entry| matches!(entry.fact, Fact::SessionExpired { .. }));
    match expired {
        None => Err("none did".to_owned()),
        Some(entry) => within(history.time(event), entry.time, limit, "it expired"),
    }
}

/// Every change to another leader in the window, after a partition's first.
fn leader_changes(history: &History<'_>, which: impl Fn(&TopicPartition) -> bool) -> Vec<String> {
    let mut leaders: BTreeMap<&TopicPartition, BrokerId> = BTreeMap::new();
    let mut changes = Vec::new();
    for entry in history.entries {
        let Fact::StateWritten {
            partition, leader, ..
        } = &entry.fact
        else {
            continue;
        };
        if *leader <= NO_LEADER || !which(partition) {
            continue;
        }
        let before = leaders.insert(partition, *leader);
        if before.is_some_and(|before| before != *leader) && history.in_window(entry.time) {
            changes.push(format!("{partition} {}", led_by(*leader)));
        }
    }
    changes
}

fn unclean_elections(
    history: &History<'_>,
    which: impl Fn(&TopicPartition) -> bool,
) -> Vec<String> {
    let elections = history.window().filter_map(|entry| match &entry.fact {
        Fact::StateWritten {
            partition,
            leader,
            reason: StateWriteReason::UncleanElection,
            ..
        } if which(partition) => Some(format!("broker-{leader} was elected for {partition}")),
        _ => None,
    });
    elections.collect()
}

/// Holds if nothing was found.
fn none(found: &[String], quiet: &str) -> Verdict {
    match found {
        [] => Ok(quiet.to_owned()),
        [only] => Err(only.clone()),
        [first, rest @ ..] => Err(format!("{first}, and {} more", rest.len())),
    }
}

fn led_by(leader: BrokerId) -> String {
    if leader > NO_LEADER {
        format!("led by broker-{leader}")
    } else {
        "led by nobody".to_owned()
    }
}
