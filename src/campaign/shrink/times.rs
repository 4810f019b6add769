//! When things happen and how long they last: earlier, shorter, in whole seconds.

use super::Change;
use super::parts::remove;
use super::question::Kept;
use super::timeline::begins;
use crate::kernel::{Duration, Time};
use crate::plan::{Plan, When};
use std::collections::BTreeSet;

const SECOND: Duration = Duration::from_secs(1);

/// A smaller plan may break it so much later than the plan before.
pub(super) const SLACK: Duration = Duration::from_secs(5);

/// Rounded up.
pub(super) fn whole_seconds(at: Time) -> Duration {
    Duration(at.0.div_ceil(SECOND.0).max(1) * SECOND.0)
}

/// The plan ends here, and what would come after it is left out.
pub(super) fn ending(end: Duration) -> Change {
    remove(move |plan| end_at(plan, end))
}

fn end_at(plan: &mut Plan, end: Duration) {
    if end >= plan.end() || end == Duration::ZERO {
        return;
    }
    plan.duration = end;
    plan.until = None;
    plan.timeline.retain(|entry| begins(entry) <= end);
    for entry in &mut plan.timeline {
        if let When::Every { until, .. } = &mut entry.when {
            *until = until.filter(|until| *until < end);
        }
    }
    plan.producers
        .retain(|it| it.start.is_none_or(|start| start < end));
    plan.consumers
        .retain(|it| it.start.is_none_or(|start| start < end));
    for producer in &mut plan.producers {
        producer.stop = producer.stop.filter(|stop| *stop < end);
    }
    for consumer in &mut plan.consumers {
        consumer.stop = consumer.stop.filter(|stop| *stop < end);
    }
}

/// For what only the end shows.
pub(super) fn earlier_ends(plan: &Plan, _: &Kept) -> Vec<Change> {
    let now = plan.end();
    let whole = |time: u64| Duration(time / SECOND.0 * SECOND.0);
    let ends = [
        whole(now.0 / 2),
        whole(now.0 / 4 * 3),
        whole(now.saturating_sub(Duration::from_secs(5)).0),
        whole(now.saturating_sub(SECOND).0),
    ];
    ends.into_iter().map(ending).collect()
}

/// Nothing happens in some stretch of time: without it all that follows comes earlier, and the end too.
pub(super) fn without_a_stretch(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    if kept.copies {
        return changes;
    }
    let mut plan = plan.clone();
    let times: BTreeSet<Duration> = moments(&mut plan).into_iter().map(|it| *it).collect();
    let mut before = Duration::ZERO;
    for time in times {
        let gap = time.saturating_sub(before);
        let whole = Duration(gap.0.saturating_sub(1) / SECOND.0 * SECOND.0);
        let half = Duration(gap.0 / 2 / SECOND.0 * SECOND.0);
        let mut cuts = vec![whole, half, SECOND];
        cuts.retain(|cut| *cut > Duration::ZERO && *cut < gap);
        cuts.dedup();
        changes.extend(cuts.into_iter().map(|cut| {
            remove(move |plan: &mut Plan| {
                for it in moments(plan) {
                    if *it >= time {
                        *it = it.saturating_sub(cut);
                    }
                }
                plan.duration = plan.duration.saturating_sub(cut);
                plan.until = plan.until.map(|until| until.saturating_sub(cut));
            })
        }));
        before = time;
    }
    changes
}

/// Faults, and what waits for a moment, that last less.
pub(super) fn shorter(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    if kept.copies {
        return changes;
    }
    let mut plan = plan.clone();
    for (place, length) in lengths(&mut plan).into_iter().enumerate() {
        let length = *length;
        let half = length.0 / 2;
        let least = match half < SECOND.0 {
            true => Duration(half / HUNDREDTH * HUNDREDTH),
            false => Duration(half / SECOND.0 * SECOND.0),
        };
        let mut shorter = vec![least, length.saturating_sub(SECOND)];
        shorter.retain(|it| *it > Duration::ZERO);
        shorter.dedup();
        changes.extend(shorter.into_iter().map(|shorter| {
            remove(move |plan: &mut Plan| {
                if let Some(length) = lengths(plan).into_iter().nth(place)
                    && *length > shorter
                {
                    *length = shorter;
                }
            })
        }));
    }
    changes
}

const HUNDREDTH: u64 = SECOND.0 / 100;

/// What a time may be a multiple of, the roundest first.
const UNITS: [u64; 4] = [SECOND.0, SECOND.0 / 2, SECOND.0 / 10, HUNDREDTH];

/// Times and lengths in whole seconds, or tenths.
pub(super) fn rounder(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    if kept.copies {
        return changes;
    }
    for all in [moments, lengths] {
        let count = all(&mut plan.clone()).len();
        for place in 0..count {
            for unit in UNITS {
                for up in [false, true] {
                    changes.push(remove(move |plan: &mut Plan| {
                        if let Some(time) = all(plan).into_iter().nth(place) {
                            round(time, unit, up);
                        }
                    }));
                }
            }
        }
    }
    changes
}

/// To a multiple of this, unless it is one of more already.
fn round(time: &mut Duration, unit: u64, up: bool) {
    let rounded = match up {
        true => time.0.div_ceil(unit) * unit,
        false => time.0 / unit * unit,
    };
    let is_rounder = UNITS
        .iter()
        .any(|it| *it >= unit && time.0.is_multiple_of(*it));
    if rounded > 0 && !is_rounder {
        *time = Duration(rounded);
    }
}

/// Every moment that a plan names, in one order.
fn moments(plan: &mut Plan) -> Vec<&mut Duration> {
    let mut found = Vec::new();
    for entry in &mut plan.timeline {
        match &mut entry.when {
            When::At(at) => found.push(at),
            When::Every { from, until, .. } => {
                found.push(from);
                found.extend(until);
            }
            When::On { from, .. } => found.push(from),
        }
    }
    for producer in &mut plan.producers {
        found.extend(&mut producer.start);
        found.extend(&mut producer.stop);
    }
    for consumer in &mut plan.consumers {
        found.extend(&mut consumer.start);
        found.extend(&mut consumer.stop);
    }
    found
}

/// Every length of time that says how long a fault lasts, in one order.
fn lengths(plan: &mut Plan) -> Vec<&mut Duration> {
    let mut found = Vec::new();
    for entry in &mut plan.timeline {
        if let When::On { after, .. } = &mut entry.when {
            found.push(after);
        }
        found.extend(&mut entry.lasting);
    }
    found
}
