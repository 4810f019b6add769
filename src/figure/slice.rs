//! A causal slice of a run: what belongs to one record, one event or one moment, and the messages that led from one to
//! the next, on the graph of what happened before what (Lamport 1978: a process's own order, and from sending to
//! reading).
//!
//! About forty events at most; what is left out is counted. May not guess: an arrow is drawn where the kernel says that
//! an event read a message, and nowhere else.

mod moment;

use super::{Nothing, Recording};
use crate::kernel::{Cause, Duration, Time};
use crate::protocol::{Fact, GroupFact, RecordId, TopicPartition, may_be_about};
use crate::trace::{CauseEntry, SentEntry, TraceEntry};
pub(super) use moment::NEAR;
use moment::of_moment;
use petgraph::Direction;
use petgraph::graphmap::DiGraphMap;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// So many events at most.
const MOST: usize = 40;
/// From an event that is of concern back to the one that led to it: not through more than so many others.
const STEPS: usize = 8;

/// What is sent so shortly before the end may be on its way, and is not said to be lost.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// So many readers of a record are shown, and groups that go on behind it.
const READERS: usize = 2;

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

/// Each time that its producer sent something to the partition until it was told: the first two, and the last; with
/// what their readers appended then.
fn attempts<'a>(
    recording: &'a Recording,
    facts: &mut OfConcern<'a>,
    partition: &TopicPartition,
) -> BTreeSet<u64> {
    let made = facts
        .iter()
        .find(|it| matches!(it.fact, Fact::RecordCreated { .. }));
    let told = facts
        .iter()
        .find(|it| matches!(it.fact, Fact::Acked { .. } | Fact::Failed { .. }));
    let (Some(made), Some(told)) = (made, told) else {
        return BTreeSet::new();
    };
    let from = recording.sent.partition_point(|it| it.time < made.time);
    let sends: Vec<&SentEntry> = recording.sent[from..]
        .iter()
        .take_while(|it| it.time <= told.time)
        .filter(|it| it.node == made.node && &*it.kind == "Produce")
        .filter(|it| may_be_about(&it.message, partition))
        .collect();
    let shown = sends.iter().take(2).chain(sends.iter().skip(2).next_back());
    let mut events = BTreeSet::new();
    for sent in shown {
        events.insert(sent.event);
        let from = recording.causes.partition_point(|it| it.time < sent.time);
        let mut later = recording.causes[from..]
            .iter()
            .take_while(|it| it.time <= told.time);
        if let Some(reading) = later.find(|it| it.message == Some(sent.number)) {
            events.insert(reading.event);
        }
    }
    let appended = recording.facts.iter().filter(|it| {
        let appends = matches!(&it.fact, Fact::Appended { partition: at, as_leader: true, .. } if at == partition);
        appends && events.contains(&it.event)
    });
    for entry in appended {
        if !facts.iter().any(|it| std::ptr::eq(*it, entry)) {
            facts.push(entry);
        }
    }
    facts.sort_by_key(|it| it.event);
    events
}

type OfConcern<'a> = Vec<&'a TraceEntry>;

/// What happened to a record, and to its partition meanwhile.
fn of_record<'a>(
    recording: &'a Recording,
    record: &RecordId,
) -> Result<(OfConcern<'a>, Option<TopicPartition>), Nothing> {
    let mut made = None;
    let mut stored = None;
    let mut appended: BTreeMap<i64, i32> = BTreeMap::new();
    for (place, entry) in recording.facts.iter().enumerate() {
        match &entry.fact {
            Fact::RecordCreated {
                record: it,
                partition,
                content,
                ..
            } if it == record => made = Some((place, partition, *content)),
            Fact::Appended {
                partition,
                base_offset,
                last_offset,
                leader_epoch,
                as_leader: true,
                ..
            } if made.is_some_and(|(_, of, _)| of == partition) && stored.is_none() => {
                let offsets = *base_offset..=*last_offset;
                appended.extend(offsets.map(|it| (it, *leader_epoch)));
            }
            Fact::Acked {
                record: it,
                offset: at,
                ..
            } if it == record && *at >= 0 => {
                let epoch = appended.get(at).copied();
                stored = epoch.map(|epoch| (*at, epoch));
            }
            _ => {}
        }
    }
    let offset = stored.map(|(offset, _)| offset);
    let Some((first, partition, content)) = made else {
        return Err(Nothing {
            found: format!(
                "{}#{} is not made in this run",
                record.producer, record.number
            ),
            expected: known_records(recording),
        });
    };
    let mut found: OfConcern<'a> = leaders_end(&recording.facts[..first], partition)
        .into_iter()
        .collect();
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut is_told = false;
    // It is committed, or gone.
    let mut is_settled = false;
    let mut last_read = None;
    for entry in &recording.facts[first..] {
        let fact = &entry.fact;
        let node = &*entry.node;
        // Another record may have its offset in a later epoch.
        let holds = |base: i64, last: i64, of: i32| {
            stored.is_some_and(|(it, epoch)| base <= it && it <= last && of == epoch)
        };
        let has_it = || seen.contains(&(node, "appended"));
        let once = match fact {
            Fact::RecordCreated { record: it, .. } | Fact::Retrying { record: it, .. }
                if it == record =>
            {
                found.push(entry);
                continue;
            }
            Fact::Acked { record: it, .. } | Fact::Failed { record: it, .. } if it == record => {
                is_told = true;
                found.push(entry);
                continue;
            }
            Fact::Appended {
                partition: at,
                base_offset,
                last_offset,
                leader_epoch,
                ..
            } if at == partition && holds(*base_offset, *last_offset, *leader_epoch) => "appended",
            Fact::HighWatermarkMoved {
                partition: at,
                high_watermark,
                as_leader: true,
            } if at == partition && offset.is_some_and(|it| it < *high_watermark) && has_it() => {
                is_settled = true;
                "committed"
            }
            Fact::Consumed {
                partition: at,
                offset: it,
                content: of,
                ..
            } if at == partition && Some(*it) == offset && *of == content => {
                last_read = Some(entry.time);
                "consumed"
            }
            Fact::Group(GroupFact::OffsetCommitted {
                partition: at,
                offset: it,
                ..
            }) if at == partition
                && offset.is_some_and(|offset| offset < *it)
                && last_read.is_some() =>
            {
                "goes on"
            }
            // What came between, until its producer knows, and it is known what became of it.
            Fact::Crashed | Fact::PowerFailed | Fact::Paused | Fact::SessionExpired { .. }
                if !(is_told && is_settled) =>
            {
                "fault"
            }
            Fact::BecameLeader { partition: at, .. }
            | Fact::StateWritten { partition: at, .. }
            | Fact::ProduceRefused { partition: at, .. }
                if at == partition && !(is_told && is_settled) =>
            {
                found.push(entry);
                continue;
            }
            Fact::Truncated {
                partition: at, to, ..
            } if at == partition && offset.is_some_and(|it| *to <= it) && has_it() => {
                is_settled = true;
                "cut"
            }
            _ => continue,
        };
        let is_one_of_many = matches!(once, "consumed" | "goes on");
        let others = seen.iter().filter(|(_, it)| is_one_of_many && *it == once);
        if others.count() < READERS && seen.insert((node, once)) {
            found.push(entry);
        }
    }
    // What is long after the last reader is another story.
    if let Some(last) = last_read {
        const LATER: u64 = 10_000_000_000;
        found.retain(|entry| entry.time.0 <= last.0 + LATER);
    }
    Ok((found, Some(partition.clone())))
}

/// What has ended the partition's leader, if it is down.
fn leaders_end<'a>(facts: &'a [TraceEntry], partition: &TopicPartition) -> Option<&'a TraceEntry> {
    let mut leader = None;
    let mut ended = None;
    for entry in facts {
        let is_leader = leader.is_some_and(|it: &str| *it == *entry.node);
        match &entry.fact {
            Fact::BecameLeader { partition: at, .. } if at == partition => {
                (leader, ended) = (Some(&*entry.node), None);
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Paused | Fact::Exiting { .. }
                if is_leader =>
            {
                ended = Some(entry);
            }
            Fact::Started | Fact::Resumed if is_leader => ended = None,
            _ => {}
        }
    }
    ended
}

fn known_records(recording: &Recording) -> String {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &recording.facts {
        if let Fact::RecordCreated { record, .. } = &entry.fact {
            let number = last.entry(&record.producer).or_default();
            *number = record.number.max(*number);
        }
    }
    let known = last
        .iter()
        .take(6)
        .map(|(producer, number)| format!("{producer}#0 to #{number}"));
    match last.is_empty() {
        true => "a run with producers".to_owned(),
        false => format!("a record such as {}", known.collect::<Vec<_>>().join(", ")),
    }
}

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
