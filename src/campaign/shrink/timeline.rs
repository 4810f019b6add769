//! The timeline: its lines, what they are for, and two that are one.

use super::Change;
use super::parts::{effective, remove};
use super::question::{Kept, mends};
use crate::kernel::Duration;
use crate::plan::{Action, Entry, Plan, Targets, When};

/// When a line is carried out first, or from when on it waits.
pub(super) fn begins(entry: &Entry) -> Duration {
    match entry.when {
        When::At(from) | When::Every { from, .. } | When::On { from, .. } => from,
    }
}

/// When it is carried out last, as far as one can say, and is over.
pub(super) fn is_over(entry: &Entry, end: Duration) -> Duration {
    let last = match entry.when {
        When::At(at) => at,
        When::Every { until, .. } => until.unwrap_or(end),
        When::On { after, from, .. } => from + after,
    };
    last + entry.lasting.unwrap_or(Duration::ZERO)
}

/// Each line.
pub(super) fn entries(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let places = (0..plan.timeline.len()).filter(|it| !kept.keeps_entry(&plan.timeline[*it]));
    places
        .map(|place| remove(move |plan| drop(plan.timeline.remove(place))))
        .collect()
}

/// Of each line that it may fit nobody, that it ends, whom it was found to be for, and each of those whom it is for
/// beside another.
pub(super) fn details(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, entry) in plan.timeline.iter().enumerate() {
        let mut change = |change: fn(&mut Entry)| {
            changes.push(remove(move |plan| change(&mut plan.timeline[place])));
        };
        change(|entry| entry.roles.clear());
        change(|entry| entry.optional = false);
        if !kept.keeps_ends() {
            change(|entry| entry.lasting = None);
        }
        if kept.keeps_entry(entry) {
            continue;
        }
        let mut action = entry.action.clone();
        for (set, targets) in action.targets_mut().into_iter().enumerate() {
            let roles = 0..targets.0.len();
            let roles = roles.filter(|_| targets.0.len() > 1);
            changes.extend(roles.map(|role| remove(move |plan| drop_role(plan, place, set, role))));
        }
        if let Action::Partition(sets) = &entry.action {
            let sets = (0..sets.len()).filter(|_| sets.len() > 2);
            changes.extend(sets.map(|set| remove(move |plan| drop_set(plan, place, set))));
        }
    }
    effective(plan, changes)
}

fn drop_role(plan: &mut Plan, place: usize, set: usize, role: usize) {
    let mut sets = plan.timeline[place].action.targets_mut();
    let Targets(roles) = &mut *sets[set];
    // One is left at least, however many are tried at once.
    if roles.len() > 1 && role < roles.len() {
        roles.remove(role);
    }
}

fn drop_set(plan: &mut Plan, place: usize, set: usize) {
    if let Action::Partition(sets) = &mut plan.timeline[place].action
        && sets.len() > 2
        && set < sets.len()
    {
        sets.remove(set);
    }
}

/// A fault and what ends it by a line of its own: it lasts so long instead.
pub(super) fn joined(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    for (first, fault) in plan.timeline.iter().enumerate() {
        let When::At(from) = fault.when else { continue };
        if !fault.action.can_last() || fault.lasting.is_some() {
            continue;
        }
        for (second, end) in plan.timeline.iter().enumerate() {
            let When::At(to) = end.when else { continue };
            if to > from && mends(&end.action) && !kept.keeps_entry(end) {
                let lasting = to.saturating_sub(from);
                changes.push(remove(move |plan| join(plan, first, second, lasting)));
            }
        }
    }
    // After the first that succeeds the places of the others have moved: those behind it are found in the next round.
    changes.reverse();
    changes
}

fn join(plan: &mut Plan, first: usize, second: usize, lasting: Duration) {
    let (Some(fault), Some(end)) = (plan.timeline.get(first), plan.timeline.get(second)) else {
        return;
    };
    let is_there = |entry: &Entry, at: Duration| entry.when == When::At(at);
    let When::At(from) = fault.when else { return };
    if fault.lasting.is_none()
        && fault.action.can_last()
        && mends(&end.action)
        && is_there(end, from + lasting)
    {
        plan.timeline[first].lasting = Some(lasting);
        plan.timeline.remove(second);
    }
}

/// Once, of what happens again and again: the first time, or the second …
pub(super) fn once(plan: &Plan, _: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, entry) in plan.timeline.iter().enumerate() {
        let When::Every { every, from, until } = entry.when else {
            continue;
        };
        let until = until.unwrap_or(plan.end());
        let times = until.saturating_sub(from).0 / every.0.max(1);
        for time in 0..=times.min(MOST_TIMES) {
            let at = from + every.saturating_mul(time);
            changes.push(remove(move |plan| {
                let entry = &mut plan.timeline[place];
                if matches!(entry.when, When::Every { .. }) {
                    entry.when = When::At(at);
                }
            }));
        }
    }
    changes
}

/// So many times of a line are tried.
const MOST_TIMES: u64 = 15;
