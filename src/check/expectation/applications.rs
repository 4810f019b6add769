//! Expectations about what applications do with records: what they send on, and how often services are called.

use super::history::History;
use super::{Verdict, verdict_of};
use crate::plan::Count;
use crate::protocol::{ApplicationFact, Fact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::BTreeSet;

pub(super) fn forwarded(history: &History<'_>, consumer: &str, count: Count) -> Verdict {
    let number = sent_on(history, consumer, history.window()).count() as u64;
    verdict_of(count.holds(number), format!("{number}"))
}

pub(super) fn forwarded_twice(history: &History<'_>, consumer: &str, count: Count) -> Verdict {
    let again = repeated(sent_on(history, consumer, history.entries.iter()));
    verdict_of(count.holds(again), format!("{again} sent on again"))
}

pub(super) fn called(history: &History<'_>, service: &str, count: Count) -> Verdict {
    let number = calls(history.window(), service).count() as u64;
    verdict_of(count.holds(number), format!("{number}"))
}

pub(super) fn called_twice(history: &History<'_>, service: &str, count: Count) -> Verdict {
    let again = repeated(calls(history.entries.iter(), service));
    verdict_of(count.holds(again), format!("{again} for the same record"))
}

type Place<'a> = (&'a TopicPartition, i64);

fn sent_on<'a>(
    history: &History<'a>,
    consumer: &str,
    entries: impl Iterator<Item = &'a TraceEntry>,
) -> impl Iterator<Item = Place<'a>> {
    let members = history.members(consumer);
    entries.filter_map(move |entry| match &entry.fact {
        Fact::Application(ApplicationFact::Forwarded {
            partition, offset, ..
        }) if members.iter().any(|member| **member == *entry.node) => Some((partition, *offset)),
        _ => None,
    })
}

fn calls<'a>(
    entries: impl Iterator<Item = &'a TraceEntry>,
    service: &str,
) -> impl Iterator<Item = Place<'a>> {
    entries.filter_map(move |entry| match &entry.fact {
        Fact::Application(ApplicationFact::ServiceCalled {
            partition, offset, ..
        }) if *entry.node == *service => Some((partition, *offset)),
        _ => None,
    })
}

/// How many of them had been there before.
fn repeated<'a>(places: impl Iterator<Item = Place<'a>>) -> u64 {
    let mut seen = BTreeSet::new();
    places.filter(|place| !seen.insert(*place)).count() as u64
}
