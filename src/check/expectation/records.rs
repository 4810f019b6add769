//! Expectations about records: acknowledged, failed, lost, and how long it took.

use super::history::{History, is, within};
use super::{Verdict, verdict_of};
use crate::check::latency::{Latencies, millis};
use crate::check::no_acknowledged_record_lost::{Acknowledged, figures};
use crate::kernel::Duration;
use crate::plan::{Count, EventRef, Partition, Percentile};
use crate::protocol::Fact;
use crate::trace::TraceEntry;

pub(super) fn none_lost(history: &History<'_>) -> Verdict {
    let (acknowledged, lost) = acknowledged_and_lost(history);
    let deleted = acknowledged.deleted(history.end);
    verdict_of(lost == 0, figures(acknowledged.count, lost, deleted))
}

pub(super) fn lost(history: &History<'_>, count: Count) -> Verdict {
    let (acknowledged, lost) = acknowledged_and_lost(history);
    let all = acknowledged.count;
    verdict_of(count.holds(lost), format!("{lost} of {all}"))
}

pub(super) fn acknowledged(history: &History<'_>, producer: &str, count: Count) -> Verdict {
    count_of(history, producer, count, |fact| {
        matches!(fact, Fact::Acked { .. })
    })
}

pub(super) fn failed(history: &History<'_>, producer: &str, count: Count) -> Verdict {
    count_of(history, producer, count, |fact| {
        matches!(fact, Fact::Failed { .. })
    })
}

pub(super) fn produce_latency(
    history: &History<'_>,
    percentile: Percentile,
    most: Duration,
) -> Verdict {
    let latencies = Latencies::of(history.window());
    match latencies.at(percentile.per_mille) {
        None => Err("no record was acknowledged".to_owned()),
        Some(found) => verdict_of(found <= most, format!("{}; {latencies}", millis(found))),
    }
}

pub(super) fn not_acknowledged(history: &History<'_>, partition: &Partition) -> Verdict {
    let count = history
        .window()
        .filter(|entry| acknowledges(entry, partition))
        .count();
    verdict_of(count == 0, format!("{count} acknowledged"))
}

pub(super) fn acknowledged_again(
    history: &History<'_>,
    partition: &Partition,
    limit: Duration,
    event: &EventRef,
) -> Verdict {
    let event = history.event(event)?;
    let since = history.time(event);
    let again = history.entries[event..].iter().find(|entry| {
        // What was handed over before the event may have been on its way.
        let Fact::Acked { latency_ns, .. } = entry.fact else {
            return false;
        };
        acknowledges(entry, partition) && entry.time.0.saturating_sub(latency_ns) >= since.0
    });
    match again {
        None => Err("none was".to_owned()),
        Some(entry) => within(since, entry.time, limit, "the first was"),
    }
}

fn acknowledges(entry: &TraceEntry, partition: &Partition) -> bool {
    matches!(&entry.fact, Fact::Acked { partition: acked, .. } if is(acked, partition))
}

fn acknowledged_and_lost(history: &History<'_>) -> (Acknowledged, u64) {
    let mut acknowledged = Acknowledged::default();
    for entry in history.entries {
        acknowledged.learn(&entry.fact);
    }
    let lost = acknowledged.lost(history.end);
    let lost = lost.values().map(|records| records.len() as u64).sum();
    (acknowledged, lost)
}

fn count_of(
    history: &History<'_>,
    producer: &str,
    count: Count,
    which: impl Fn(&Fact) -> bool,
) -> Verdict {
    let members = history.members(producer);
    let found = history
        .window()
        .filter(|entry| which(&entry.fact) && members.iter().any(|name| **name == *entry.node))
        .count() as u64;
    verdict_of(count.holds(found), found.to_string())
}
