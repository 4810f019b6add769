//! Numbers that say more than they have to.

use super::Change;
use super::parts::remove;
use super::question::Kept;
use crate::kernel::Duration;
use crate::plan::{Action, Plan};
use crate::protocol::config::Properties;

/// One digit and zeros, in settings, in what faults come to, and in how often records are made.
pub(super) fn numbers(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    let count = properties(&mut plan.clone()).len();
    for place in 0..count {
        let keys: Vec<String> = properties(&mut plan.clone())[place]
            .keys()
            .cloned()
            .collect();
        for key in keys.into_iter().filter(|key| !kept.keeps_setting(key)) {
            for up in [false, true] {
                let key = key.clone();
                changes.push(remove(move |plan| {
                    let mut all = properties(plan);
                    let value = all.get_mut(place).and_then(|it| it.get_mut(&key));
                    if let Some((value, number)) =
                        value.and_then(|value| value.parse().ok().map(|number| (value, number)))
                    {
                        *value = one_digit(number, up).to_string();
                    }
                }));
            }
        }
    }
    for place in 0..plan.timeline.len() {
        for up in [false, true] {
            changes.push(remove(move |plan| {
                of_action(&mut plan.timeline[place].action, up)
            }));
        }
    }
    for place in 0..plan.producers.len() {
        for up in [false, true] {
            changes.push(remove(move |plan| {
                let every = &mut plan.producers[place].every;
                *every = Duration(one_digit(every.0, up));
            }));
        }
    }
    changes
}

fn properties(plan: &mut Plan) -> Vec<&mut Properties> {
    let mut found = vec![&mut plan.cluster.config];
    found.extend(plan.cluster.brokers.iter_mut().map(|it| &mut it.config));
    found.extend(plan.topics.iter_mut().map(|it| &mut it.config));
    found.extend(plan.producers.iter_mut().map(|it| &mut it.config));
    found.extend(plan.consumers.iter_mut().map(|it| &mut it.config));
    found
}

fn of_action(action: &mut Action, up: bool) {
    match action {
        Action::SlowLink { by, .. } => by.0 = one_digit(by.0, up),
        Action::ThrottleNetwork { rate, .. } => *rate = one_digit(*rate, up),
        Action::SlowDisk { times, .. } | Action::SlowMachine { times, .. } => {
            *times = one_digit(u64::from(*times), up) as u32;
        }
        Action::JumpClock { by_ms, .. } => {
            *by_ms = by_ms.signum() * one_digit(by_ms.unsigned_abs(), up) as i64;
        }
        Action::DriftClock { ppm, .. } => {
            *ppm = ppm.signum() * one_digit(u64::from(ppm.unsigned_abs()), up) as i32;
        }
        _ => {}
    }
}

/// The nearest number below (or above) of which all digits but the first are 0.
fn one_digit(number: u64, up: bool) -> u64 {
    let scale = number
        .checked_ilog10()
        .map_or(1, |digits| 10u64.pow(digits));
    match up {
        true => number.div_ceil(scale).saturating_mul(scale),
        false => number / scale * scale,
    }
}

#[cfg(test)]
mod tests {
    use super::one_digit;

    #[test]
    fn numbers_keep_their_first_digit() {
        for (number, below, above) in [
            (0, 0, 0),
            (7, 7, 7),
            (15, 10, 20),
            (6_000, 6_000, 6_000),
            (9_501, 9_000, 10_000),
            (u64::MAX, 10_000_000_000_000_000_000, u64::MAX),
        ] {
            assert_eq!(
                (one_digit(number, false), one_digit(number, true)),
                (below, above)
            );
        }
    }
}
