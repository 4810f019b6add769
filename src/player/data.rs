//! The page's data: columns of events and messages, what each event changed, and the words for all of it, as JSON.
//! Times are whole microseconds, each as the distance from the one before.

use super::changes::Changes;
use super::flights::{Flights, flights};
use super::nodes::Nodes;
use super::questions::questions;
use super::replay::Replay;
use super::thinning::Thinning;
use super::words::Words;
use crate::figure::{Recording, Why, name_of, tag, why};
use crate::kernel::Time;
use crate::protocol::{Fact, GroupFact, Routine};
use crate::trace::{Importance, Sentence, Sentences, TraceEntry};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// So many events at most.
const MOST: u64 = 10_000;

/// What an event is to who jumps: bits of its `marks`.
const FAULT: u64 = 1;
const TURN: u64 = 2;
/// The sentence's importance stands above the bits.
const IMPORTANCE: u64 = 4;

/// Of one page.
pub fn data(recording: &Recording) -> Value {
    let nodes = Nodes::of(recording);
    let mut words = Words::default();
    let flights = flights(recording, &nodes, &mut words);
    let mut events = Events {
        recording,
        nodes: &nodes,
        flights: &flights,
        words,
        kinds: Words::default(),
        columns: Default::default(),
        last: 0,
    };
    let mut counts = BTreeMap::new();
    let mut sentences = Sentences::default();
    for entry in &recording.facts {
        let said = sentences.say(entry);
        let stalls = said.before.len() + said.after.len();
        *counts.entry(STALL).or_default() += stalls as u64;
        *counts
            .entry(class(entry, said.of_fact.importance))
            .or_default() += 1;
    }
    let mut thinning = Thinning::new(&counts, MOST);
    let mut sentences = Sentences::default();
    let keeps = |entry| thinning.keeps(class(entry, sentences.say(entry).of_fact.importance));
    let is_shown: Vec<bool> = recording.facts.iter().map(keeps).collect();
    let replay = Replay::of(recording, &is_shown);
    let tables = replay.as_ref().map(|it| &it.tables);
    let mut sentences = Sentences::default();
    let mut changes = Changes::default();
    let mut left_out: BTreeMap<String, u64> = BTreeMap::new();
    for ((place, entry), is_shown) in recording.facts.iter().enumerate().zip(is_shown) {
        let said = sentences.say(entry);
        for stall in said.before {
            events.push_stall(&stall, &mut changes);
        }
        changes.learn(entry);
        let told = tables.and_then(|tables| tables.get(&place));
        changes.learn_tables(told.into_iter().flatten(), &mut events.words);
        if let Some(watches) = replay.as_ref().and_then(|it| it.watches.get(&place)) {
            changes.learn_watches(watches);
        }
        match is_shown {
            true => events.push(entry, &said.of_fact, &mut changes),
            false => *left_out.entry(tag(&entry.fact)).or_default() += 1,
        }
        for stall in said.after {
            events.push_stall(&stall, &mut changes);
        }
    }
    // What came after the last event that is there.
    let at_end = replay.iter().flat_map(|it| &it.at_end);
    changes.learn_tables(at_end, &mut events.words);
    let rest = changes.slots.take_changes();
    let [
        time,
        node,
        kind,
        text,
        marks,
        of,
        message,
        record,
        from,
        to,
        changed,
    ] = events.columns;
    let whys = events.kinds.into_list();
    let whys: Vec<Value> = whys.into_iter().map(|kind| kind_of(&kind)).collect();
    let kinds: BTreeSet<&str> = recording.sent.iter().map(|sent| &*sent.kind).collect();
    let message_whys: BTreeMap<&str, Value> = kinds
        .into_iter()
        .filter_map(|kind| Some((kind, in_parts(why(kind)?))))
        .collect();
    let asked = replay.as_ref().map(|it| questions(it.plan, &it.verdicts));
    let batches = replay.map(|it| it.batches.into_json(&mut events.words));
    // A run may send nothing; a trace that has causes would have messages too.
    let has_messages =
        recording.played.is_some() || !recording.sent.is_empty() || !recording.causes.is_empty();
    json!({
        "format": 2,
        "name": recording.name,
        "about": recording.about,
        "seed": recording.seed.to_string(),
        "end": recording.end.0 / 1_000,
        "has_messages": has_messages,
        "nodes": nodes.as_json(),
        "kinds": whys,
        "message_whys": message_whys,
        "words": events.words.into_list(),
        "slots": changes.slots.into_names(),
        "events": {
            "time": time, "node": node, "kind": kind, "text": text, "marks": marks, "of": of,
            "message": message, "record": record, "from": from, "to": to, "changes": changed,
        },
        "rest": rest,
        "questions": asked,
        "batches": batches,
        "messages": flights.json,
        "left_out": left_out,
        "messages_left_out": flights.left_out,
    })
}

/// A kind of event, and the rule behind it if the table has one: it may have several for a kind.
fn kind_of(name: &str) -> Value {
    let kind = name.split_once(' ').map_or(name, |(kind, _)| kind);
    json!([kind, why(name).map(in_parts)])
}

fn in_parts(why: &Why) -> Value {
    json!([why.words, why.key, why.source, why.rule])
}

/// The class of stalls, and of all else that is a line of the story: the last to go.
const STALL: usize = 10;

/// From what goes first in a run that is too long.
fn class(entry: &TraceEntry, importance: Importance) -> usize {
    match (entry.fact.routine(), importance) {
        (Some(Routine::Processed), _) => 0,
        (Some(Routine::RecordCreated), _) => 1,
        (Some(Routine::Consumed), _) => 2,
        (Some(Routine::HighWatermarkMoved), _) => 3,
        (Some(Routine::Appended), _) => 4,
        (Some(Routine::Acked), _) => 5,
        (None, Importance::Detail) => 6,
        (None, Importance::Again) => 7,
        (None, Importance::Story) => STALL,
    }
}

/// What the run does, or nodes say, at which the course of things turns.
fn marks(fact: &Fact) -> u64 {
    match fact {
        Fact::TimelineEvent { .. } => FAULT,
        Fact::Crashed
        | Fact::PowerFailed
        | Fact::Paused
        | Fact::Resumed
        | Fact::Exiting { .. }
        | Fact::ControllerElected { .. }
        | Fact::ControllerResigned { .. }
        | Fact::StateWritten { .. }
        | Fact::ElectionFailed { .. }
        | Fact::BecameLeader { .. }
        | Fact::IsrChanged { .. }
        | Fact::Truncated { .. }
        | Fact::HighWatermarkHeld { .. }
        | Fact::SessionExpired { .. }
        | Fact::ZooKeeperLeads { .. }
        | Fact::ZooKeeperLeaves { .. }
        | Fact::Group(GroupFact::Changed { .. } | GroupFact::MemberRemoved { .. }) => TURN,
        _ => 0,
    }
}

struct Events<'a> {
    recording: &'a Recording,
    nodes: &'a Nodes,
    flights: &'a Flights,
    words: Words,
    kinds: Words,
    columns: [Vec<Value>; 11],
    last: u64,
}

/// What an event is about, as far as its fact says so.
#[derive(Default)]
struct About<'a> {
    /// A partition or a topic.
    of: Option<&'a str>,
    record: Option<&'a str>,
    /// Offsets, from the first to behind the last.
    offsets: Option<(i64, i64)>,
    /// The place of the message that was read in it.
    message: Option<usize>,
}

impl Events<'_> {
    fn push(&mut self, entry: &TraceEntry, said: &Sentence, changes: &mut Changes) {
        let fact = serde_json::to_value(&entry.fact).unwrap_or_default();
        let word = |key: &str| fact.get(key).and_then(Value::as_str);
        let causes = &self.recording.causes;
        let cause = causes.binary_search_by_key(&entry.event, |cause| cause.event);
        let message = cause.ok().and_then(|place| causes[place].message);
        let message = message.and_then(|number| self.flights.places.get(&number));
        let about = About {
            of: word("partition").or_else(|| word("topic")),
            record: word("record"),
            offsets: offsets(&entry.fact),
            message: message.copied(),
        };
        self.row(
            said,
            &name_of(&entry.fact),
            marks(&entry.fact),
            &about,
            changes,
        );
    }

    fn push_stall(&mut self, said: &Sentence, changes: &mut Changes) {
        self.row(said, "stall", TURN, &About::default(), changes);
    }

    fn row(
        &mut self,
        said: &Sentence,
        kind: &str,
        marks: u64,
        about: &About<'_>,
        changes: &mut Changes,
    ) {
        let importance = match said.importance {
            Importance::Story => 0,
            Importance::Again => 1,
            Importance::Detail => 2,
        };
        let Time(nanos) = said.time;
        let time = (nanos / 1_000).max(self.last);
        let row = [
            Value::from(time - self.last),
            self.nodes.number(&said.node).into(),
            self.kinds.number(kind).into(),
            self.words.number(&said.text).into(),
            (marks + importance * IMPORTANCE).into(),
            about.of.map(|of| self.words.number(of)).into(),
            about.message.into(),
            about.record.map(|record| self.words.number(record)).into(),
            about.offsets.map(|(from, _)| from).into(),
            about.offsets.map(|(_, to)| to).into(),
            changes.slots.take_changes().into(),
        ];
        self.last = time;
        let columns = self.columns.iter_mut();
        columns
            .zip(row)
            .for_each(|(column, value)| column.push(value));
    }
}

/// The offsets that a fact is about, from the first to behind the last, for who follows one record.
fn offsets(fact: &Fact) -> Option<(i64, i64)> {
    match fact {
        Fact::Appended {
            base_offset,
            last_offset,
            ..
        } => Some((*base_offset, last_offset + 1)),
        Fact::Acked { offset, .. } | Fact::Consumed { offset, .. } if *offset >= 0 => {
            Some((*offset, offset + 1))
        }
        Fact::Group(GroupFact::Processed { offset, .. }) => Some((*offset, offset + 1)),
        // All before it.
        Fact::HighWatermarkMoved { high_watermark, .. } => Some((0, *high_watermark)),
        Fact::Group(GroupFact::OffsetCommitted { offset, .. }) => Some((0, *offset)),
        Fact::Truncated { from, to, .. } => Some((*to, *from)),
        _ => None,
    }
}
