//! Expectations about records: acknowledged, failed, lost, and how long it took.

use super::history::{History, within};
use super::tally::{After, Found};
use super::{Verdict, verdict_of};
use crate::check::latency::millis;
use crate::kernel::Duration;
use crate::plan::{Count, EventRef, Percentile, TimeBound};
use crate::protocol::Fact;

pub(super) fn none_lost(history: &History<'_>) -> Verdict {
    let Found::Acknowledged(acknowledged) = &history.tally.found else {
        return not_tallied();
    };
    let fate = acknowledged.fates(history.end);
    verdict_of(fate.lost == 0, acknowledged.figures(&fate))
}

pub(super) fn lost(history: &History<'_>, count: Count) -> Verdict {
    let Found::Acknowledged(acknowledged) = &history.tally.found else {
        return not_tallied();
    };
    let fate = acknowledged.fates(history.end);
    let (lost, all) = (fate.lost, acknowledged.count);
    let sent = acknowledged.sent_figures(&fate);
    verdict_of(count.holds(lost), format!("{lost} of {all}{sent}"))
}

pub(super) fn acknowledged(history: &History<'_>, count: Count) -> Verdict {
    let (Found::AcknowledgedBy(found) | Found::AcknowledgedIn(_, found)) = history.tally.found
    else {
        return not_tallied();
    };
    verdict_of(count.holds(found), found.to_string())
}

pub(super) fn failed(history: &History<'_>, producer: &str, count: Count) -> Verdict {
    let members = history.members(producer);
    let failures = history.window().filter(|entry| {
        let is_member = members.iter().any(|name| **name == *entry.node);
        is_member && matches!(entry.fact, Fact::Failed { .. })
    });
    let found = failures.count() as u64;
    verdict_of(count.holds(found), found.to_string())
}

pub(super) fn produce_latency(
    history: &History<'_>,
    percentile: Percentile,
    bound: TimeBound,
) -> Verdict {
    let Found::Latencies(latencies) = &history.tally.found else {
        return not_tallied();
    };
    match latencies.at(percentile.per_mille) {
        None => Err("no record was acknowledged".to_owned()),
        Some(found) => verdict_of(
            bound.holds(found),
            format!("{}; {latencies}", millis(found)),
        ),
    }
}

pub(super) fn not_acknowledged(history: &History<'_>) -> Verdict {
    let Found::AcknowledgedIn(_, count) = history.tally.found else {
        return not_tallied();
    };
    verdict_of(count == 0, format!("{count} acknowledged"))
}

pub(super) fn acknowledged_again(
    history: &History<'_>,
    limit: Duration,
    event: &EventRef,
) -> Verdict {
    let event = history.event(event)?;
    match history.tally.found {
        Found::AcknowledgedAfter(
            _,
            After {
                first: Some(time), ..
            },
        ) => within(history.time(event), time, limit, "the first was"),
        _ => Err("none was".to_owned()),
    }
}

/// An expectation was given what another one counts.
pub(super) fn not_tallied() -> Verdict {
    unreachable!("what an expectation counts is chosen by the expectation (`Tally::of`)")
}
