//! A scenario with another schedule of faults: what the scenario does is kept in kind, and comes at other times, lasts
//! otherwise, or does not come; and a few other faults join it, each of which ends.
//!
//! Distributions. Each line with a time is left out with 15 %, and kept at its time with 25 %; otherwise it comes
//! uniformly between the first eighth of the run and its last quarter. A length is kept with 50 %, otherwise uniform
//! from a quarter to twice of it. None to three faults are added, equally likely, at uniform times before the run's
//! middle, for 0.2 to 15 s. What the scenario expects is asked where it holds for any schedule: that nothing is
//! lost, that logs are equal, that nobody skips; figures and times are not.

use super::swarm::Random;
use crate::kernel::Duration;
use crate::plan::{Action, Entry, Expectation, Plan, Role, Targets, When};

/// The plan of a seed.
pub fn vary(base: &Plan, seed: u64) -> Plan {
    let mut plan = base.clone();
    let random = &mut Random(seed ^ OF_SCHEDULES);
    let end = plan.end().0;
    let mut timeline = Vec::new();
    for entry in std::mem::take(&mut plan.timeline) {
        timeline.extend(varied(entry, random, end));
    }
    for _ in 0..random.range(0..4) {
        timeline.push(added(&plan, random, end));
    }
    plan.timeline = timeline;
    plan.predict.clear();
    let any_schedule = |what: &Expectation| matches!(what, Expectation::NoneLost);
    plan.expect.retain(|expected| {
        any_schedule(&expected.what) && expected.from.is_none() && expected.until.is_none()
    });
    plan
}

/// Schedules are drawn from a stream of their own.
const OF_SCHEDULES: u64 = 0x7363_6865_6475_6c65;

fn varied(mut entry: Entry, random: &mut Random, end: u64) -> Option<Entry> {
    // Whom it was meant for may be gone by then, or never have been away.
    entry.optional = true;
    let When::At(_) = entry.when else {
        return Some(entry);
    };
    // An administrator's work is what the scenario is made of.
    if !entry.action.can_last() {
        return Some(entry);
    }
    if random.percent(15) {
        return None;
    }
    if random.percent(75) {
        entry.when = When::At(Duration(random.range(end / 8..end / 4 * 3)));
    }
    if let Some(lasting) = &mut entry.lasting
        && random.percent(50)
    {
        *lasting = Duration(random.range(lasting.0 / 4 + 1..lasting.0 * 2 + 2));
    }
    Some(entry)
}

fn added(plan: &Plan, random: &mut Random, end: u64) -> Entry {
    let ids: Vec<i32> = plan.cluster.brokers.iter().map(|it| it.id).collect();
    let broker = |random: &mut Random| -> Targets { Role::broker(*random.of(&ids)).into() };
    let one = broker(random);
    let action = match random.range(0..8) {
        0 | 1 => Action::Crash(one),
        2 => Action::Pause(one),
        3 => Action::Isolate(one),
        4 => Action::Cut {
            from: one,
            to: Role::AllZooKeepers.into(),
            both: true,
        },
        // One by itself has no link to others of its kind.
        5 if ids.len() > 1 => Action::Cut {
            from: one,
            to: Role::AllBrokers.into(),
            both: random.percent(60),
        },
        6 => Action::SlowLink {
            a: one,
            b: Role::Everyone.into(),
            by: Duration::from_millis(random.range(5..2_000)),
        },
        _ => Action::SlowDisk {
            targets: one,
            times: u32::try_from(random.range(2..60)).unwrap_or(2),
        },
    };
    let at = Duration(random.range(end / 8..end / 2));
    let lasting = Duration::from_millis(random.range(200..15_000));
    Entry::new(When::At(at), action).lasting(lasting).optional()
}
