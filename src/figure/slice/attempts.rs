//! The requests with which a record's producer may have sent it. What a request carries no fact says: it is left out where all
//! that its reader appended is known to be of other records.

use super::OfConcern;
use crate::figure::Recording;
use crate::protocol::{Fact, RecordId, TopicPartition, may_be_about};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Each time that its producer sent something to the partition until it was told, but for what is known to be of other
/// records: the first two, and the last; with what their readers appended then.
pub(super) fn attempts<'a>(
    recording: &'a Recording,
    facts: &mut OfConcern<'a>,
    partition: &TopicPartition,
) -> BTreeSet<u64> {
    let made = facts.iter().find_map(|it| match &it.fact {
        Fact::RecordCreated {
            record, content, ..
        } => Some((*it, record, *content)),
        _ => None,
    });
    let told = facts
        .iter()
        .find(|it| matches!(it.fact, Fact::Acked { .. } | Fact::Failed { .. }));
    let (Some((made, record, content)), Some(told)) = (made, told) else {
        return BTreeSet::new();
    };
    let others = offsets_of_others(recording, record, content, partition);
    let is_of_others = |event: u64| {
        let mut appended = appended_at(recording, event, partition).peekable();
        let any = appended.peek().is_some();
        any && appended.all(|(_, mut offsets)| offsets.all(|it| others.contains(&it)))
    };
    let from = recording.sent.partition_point(|it| it.time < made.time);
    let sends = recording.sent[from..]
        .iter()
        .take_while(|it| it.time <= told.time)
        .filter(|it| it.node == made.node && &*it.kind == "Produce")
        .filter(|it| may_be_about(&it.message, partition));
    let sends: BTreeMap<u64, u64> = sends.map(|it| (it.number, it.event)).collect();
    let from = recording.causes.partition_point(|it| it.time < made.time);
    let readings = recording.causes[from..].iter();
    let read: BTreeMap<u64, u64> = readings
        .filter_map(|it| Some((it.message?, it.event)))
        .filter(|(number, _)| sends.contains_key(number))
        .collect();
    let mut attempts: Vec<(u64, Option<u64>)> = Vec::new();
    for (number, sent) in sends {
        let read = read.get(&number).copied();
        if !read.is_some_and(is_of_others) {
            attempts.push((sent, read.filter(|it| *it <= told.event)));
        }
    }
    let last = attempts.iter().skip(2).next_back();
    let mut events = BTreeSet::new();
    for (sent, read) in attempts.iter().take(2).chain(last) {
        events.insert(*sent);
        if let Some(event) = *read {
            events.insert(event);
            for (entry, _) in appended_at(recording, event, partition) {
                if !facts.iter().any(|it| std::ptr::eq(*it, entry)) {
                    facts.push(entry);
                }
            }
        }
    }
    facts.sort_by_key(|it| it.event);
    events
}

/// What a leader appended to the partition in an event, and at which offsets.
fn appended_at<'a>(
    recording: &'a Recording,
    event: u64,
    partition: &TopicPartition,
) -> impl Iterator<Item = (&'a TraceEntry, RangeInclusive<i64>)> {
    let first = recording.facts.partition_point(|it| it.event < event);
    let of_event = recording.facts[first..].iter();
    of_event
        .take_while(move |it| it.event == event)
        .filter_map(move |it| match &it.fact {
            Fact::Appended {
                partition: at,
                base_offset,
                last_offset,
                as_leader: true,
                ..
            } if at == partition => Some((it, *base_offset..=*last_offset)),
            _ => None,
        })
}

/// Where others lie, as their producers were told or as readers have found.
fn offsets_of_others(
    recording: &Recording,
    record: &RecordId,
    content: u64,
    partition: &TopicPartition,
) -> BTreeSet<i64> {
    let of_others = recording.facts.iter().filter_map(|it| match &it.fact {
        Fact::Acked {
            record: of,
            partition: at,
            offset,
            ..
        } if at == partition && of != record => Some(*offset),
        Fact::Consumed {
            partition: at,
            offset,
            content: of,
            ..
        } if at == partition && *of != content => Some(*offset),
        _ => None,
    });
    of_others.collect()
}
