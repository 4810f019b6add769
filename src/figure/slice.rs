//! A causal slice of a run: what belongs to one record, one event or one moment, and the messages that led from one to
//! the next, on the graph of what happened before what (Lamport 1978: a process's own order, and from sending to
//! reading).
//!
//! About forty events at most; what is left out is counted. May not guess: an arrow is drawn where the kernel says that
//! an event read a message, and nowhere else.

mod attempts;
mod moment;
mod record;

use super::{Nothing, Recording};
use crate::kernel::{Cause, Duration, Time};
use crate::protocol::{Fact, RecordId, TopicPartition, may_be_about};
use crate::trace::{CauseEntry, SentEntry, TraceEntry};
use attempts::attempts;
pub(super) use moment::NEAR;
use moment::of_moment;
use petgraph::Direction;
use petgraph::graphmap::DiGraphMap;
use record::of_record;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// So many events at most.
const MOST: usize = 40;
/// From an event that is of concern back to the one that led to it: not through more than so many others.
const STEPS: usize = 8;

/// What is sent so shortly before the end may be on its way, and is not said to be lost.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// What a slice is around.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Around {
    Record(RecordId),
    Offset(TopicPartition, i64),
    /// A number of an event.
    Event(u64),
    Moment(Time),
}

/// What happened, in its order.
#[derive(Debug, Default)]
pub(super) struct Slice<'a> {
    pub events: Vec<Happened<'a>>,
    pub messages: Vec<Passed<'a>>,
    pub left_out: usize,
    /// The partition that it is about, if it is about one.
    pub partition: Option<TopicPartition>,
}

/// An event of a process, with what it stated of concern.
#[derive(Clone, Debug)]
pub(super) struct Happened<'a> {
    pub event: u64,
    pub time: Time,
    pub node: Rc<str>,
    pub facts: Vec<&'a TraceEntry>,
}

/// A message of the slice; unread if it has no reading.
#[derive(Clone, Debug)]
pub(super) struct Passed<'a> {
    pub sent: &'a SentEntry,
    pub read: Option<Time>,
}

pub(super) fn slice<'a>(recording: &'a Recording, around: &Around) -> Result<Slice<'a>, Nothing> {
    if recording.causes.is_empty() {
        return Err(Nothing {
            found: "this trace was written without causes and messages".to_owned(),
            expected: "a scenario, or a trace of \"trial run --out DIR --causes\"".to_owned(),
        });
    }
    let mut unshown = 0;
    let (facts, partition) = match around {
        Around::Record(record) => of_record(recording, record)?,
        Around::Offset(partition, offset) => {
            let acked = recording.facts.iter().find_map(|entry| match &entry.fact {
                Fact::Acked {
                    record,
                    partition: at,
                    offset: stored,
                    ..
                } if at == partition && stored == offset => Some(record),
                _ => None,
            });
            let record = acked.ok_or_else(|| Nothing {
                found: format!("no record was acknowledged at {partition} offset {offset}"),
                expected: "an offset at which one was".to_owned(),
            })?;
            of_record(recording, record)?
        }
        Around::Event(event) => (of_event(recording, *event)?, None),
        Around::Moment(time) => {
            let found = of_moment(recording, *time)?;
            unshown = found.left_out;
            (found.facts, found.partition)
        }
    };
    let mut facts = facts;
    let mut besides = BTreeSet::new();
    if let Some(partition) = &partition {
        besides = fetches_that_acknowledge(recording, &facts, partition);
        besides.extend(attempts(recording, &mut facts, partition));
    }
    let mut slice = joined(recording, &facts, &besides, partition);
    slice.left_out += unshown;
    Ok(slice)
}

/// I1: the next fetch of each follower that has appended it, where it was sent and where it was read.
fn fetches_that_acknowledge(
    recording: &Recording,
    facts: &[&TraceEntry],
    partition: &TopicPartition,
) -> BTreeSet<u64> {
    let last = facts.last().map_or(0, |it| it.event);
    let leads = |it: &&&TraceEntry| {
        matches!(
            it.fact,
            Fact::Appended {
                as_leader: true,
                ..
            }
        )
    };
    let leaders: BTreeSet<&str> = facts.iter().filter(leads).map(|it| &*it.node).collect();
    let appended = facts.iter().filter(|it| {
        matches!(
            it.fact,
            Fact::Appended {
                as_leader: false,
                ..
            }
        )
    });
    let mut events = BTreeSet::new();
    for entry in appended {
        let from = recording.sent.partition_point(|it| it.time < entry.time);
        let fetch = recording.sent[from..].iter().find(|it| {
            it.event >= entry.event
                && it.node == entry.node
                && leaders.contains(&*it.to)
                && &*it.kind == "Fetch"
                && may_be_about(&it.message, partition)
        });
        let Some(fetch) = fetch.filter(|it| it.event <= last) else {
            continue;
        };
        let from = recording.causes.partition_point(|it| it.time < fetch.time);
        let mut later = recording.causes[from..]
            .iter()
            .take_while(|it| it.event <= last);
        if let Some(reading) = later.find(|it| it.message == Some(fetch.number)) {
            events.extend([fetch.event, reading.event]);
        }
    }
    events
}

type OfConcern<'a> = Vec<&'a TraceEntry>;

/// The events before and after one that is not there.
fn near(event: u64, known: impl Iterator<Item = u64>) -> String {
    let known: BTreeSet<u64> = known.filter(|it| *it > 0).collect();
    let before = known.range(..event).next_back();
    let after = known.range(event..).next();
    match (before, after) {
        (Some(before), Some(after)) => format!("event {before} or {after}, which are the nearest"),
        (Some(one), None) => format!("event {one}, which is the last"),
        (None, Some(one)) => format!("event {one}, which is the first"),
        (None, None) => "a run in which anything happens".to_owned(),
    }
}

/// An event, what led to it, and what it led to, the nearest first.
fn of_event(recording: &Recording, event: u64) -> Result<OfConcern<'_>, Nothing> {
    let graph = graph(&recording.causes);
    let has = |it: &TraceEntry| it.event == event;
    if !graph.contains_node(event) && !recording.facts.iter().any(has) {
        return Err(Nothing {
            found: format!("no process handled event {event} in this run"),
            expected: near(
                event,
                graph
                    .nodes()
                    .chain(recording.facts.iter().map(|it| it.event)),
            ),
        });
    }
    let mut near = BTreeSet::from([event]);
    for direction in [Direction::Incoming, Direction::Outgoing] {
        let mut edge = vec![event];
        let most = near.len() + MOST / 2;
        while near.len() < most && !edge.is_empty() {
            let next: BTreeSet<u64> = edge
                .iter()
                .flat_map(|it| graph.neighbors_directed(*it, direction))
                .filter(|it| !near.contains(it))
                .collect();
            edge = next.into_iter().take(most - near.len()).collect();
            near.extend(edge.iter().copied());
        }
    }
    let facts = recording.facts.iter();
    Ok(facts.filter(|it| near.contains(&it.event)).collect())
}

/// An edge from each event to those that it brought about.
fn graph(causes: &[CauseEntry]) -> DiGraphMap<u64, ()> {
    let mut graph = DiGraphMap::with_capacity(causes.len(), causes.len());
    for cause in causes {
        graph.add_node(cause.event);
        if let Some(of) = cause.cause.event() {
            graph.add_edge(of, cause.event, ());
        }
    }
    graph
}

/// The facts of concern with what led from one to the next.
fn joined<'a>(
    recording: &'a Recording,
    facts: &[&'a TraceEntry],
    besides: &BTreeSet<u64>,
    partition: Option<TopicPartition>,
) -> Slice<'a> {
    let (Some(first), Some(last)) = (facts.first(), facts.last()) else {
        return Slice::default();
    };
    let begin = recording
        .causes
        .partition_point(|it| it.event < first.event);
    let end = recording
        .causes
        .partition_point(|it| it.event <= last.event);
    let window = &recording.causes[begin..end];
    let graph = graph(window);
    let cause_of: BTreeMap<u64, &CauseEntry> = window.iter().map(|it| (it.event, it)).collect();
    let stated = facts.iter().map(|it| it.event);
    let of_concern: BTreeSet<u64> = stated.chain(besides.iter().copied()).collect();
    // The way back from each to another that is of concern; or one step, to show who spoke.
    let mut taken = of_concern.clone();
    for event in &of_concern {
        let mut way = Vec::new();
        let mut at = *event;
        for _ in 0..STEPS {
            let Some(before) = graph.neighbors_directed(at, Direction::Incoming).next() else {
                break;
            };
            way.push(before);
            at = before;
            if of_concern.contains(&at) {
                break;
            }
        }
        let led = way.last().is_some_and(|it| of_concern.contains(it));
        let spoke = matches!(
            cause_of.get(event).map(|it| it.cause),
            Some(Cause::Packet { .. })
        );
        let shown = if led { way.len() } else { usize::from(spoke) };
        taken.extend(way.into_iter().take(shown));
    }
    let mut chosen: Vec<u64> = of_concern.iter().copied().take(MOST).collect();
    let others = taken.iter().filter(|it| !of_concern.contains(it));
    chosen.extend(others.take(MOST - chosen.len()));
    let chosen: BTreeSet<u64> = chosen.into_iter().collect();
    let left_out = taken.len() - chosen.len();

    let mut events: BTreeMap<(u64, Rc<str>), Happened<'a>> = BTreeMap::new();
    for cause in window.iter().filter(|it| chosen.contains(&it.event)) {
        let key = (cause.event, cause.node.clone());
        events.entry(key).or_insert_with(|| Happened {
            event: cause.event,
            time: cause.time,
            node: cause.node.clone(),
            facts: Vec::new(),
        });
    }
    for fact in facts.iter().filter(|it| chosen.contains(&it.event)) {
        let key = (fact.event, fact.node.clone());
        let event = events.entry(key).or_insert_with(|| Happened {
            event: fact.event,
            time: fact.time,
            node: fact.node.clone(),
            facts: Vec::new(),
        });
        event.facts.push(fact);
    }
    let messages = messages(recording, window, &chosen, partition.as_ref(), last.time);
    Slice {
        events: events.into_values().collect(),
        messages,
        left_out,
        partition,
    }
}

/// Those that led from one chosen event to another; and those of a chosen event about the partition that nobody read.
fn messages<'a>(
    recording: &'a Recording,
    window: &[CauseEntry],
    chosen: &BTreeSet<u64>,
    partition: Option<&TopicPartition>,
    end: Time,
) -> Vec<Passed<'a>> {
    let read: BTreeMap<u64, &CauseEntry> = window
        .iter()
        .filter_map(|it| Some((it.message?, it)))
        .collect();
    let mut messages = Vec::new();
    for sent in &recording.sent {
        if sent.time > end {
            break;
        }
        if !chosen.contains(&sent.event) {
            continue;
        }
        match read.get(&sent.number) {
            Some(reading) if chosen.contains(&reading.event) => messages.push(Passed {
                sent,
                read: Some(reading.time),
            }),
            Some(_) => {}
            None => {
                let is_read_later = || {
                    let mut later = recording
                        .causes
                        .iter()
                        .rev()
                        .take_while(|it| it.time >= sent.time);
                    later.any(|it| it.message == Some(sent.number))
                };
                let is_about = partition.is_some_and(|it| may_be_about(&sent.message, it));
                let is_over = recording.end.since(sent.time) >= ON_ITS_WAY;
                if is_about && is_over && !is_read_later() {
                    messages.push(Passed { sent, read: None });
                }
            }
        }
    }
    messages
}
