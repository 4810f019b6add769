//! Track events as JSON, which ui.perfetto.dev and chrome://tracing open: who led and was in sync as slices, messages as
//! flows, lags as counters, faults as marks.
//!
//! Of two slices of one track that overlap without one being in the other, that viewer leaves one out: each replica,
//! each fault that lasts and each process has a track of its own. Times are microseconds with three digits behind the
//! point, so that no nanosecond is lost. Of a long run the most frequent kinds of messages are left out, and named in
//! `otherData`.

use super::has_no_causes;
use crate::figure::lags;
use crate::figure::{Nothing, Recording, Wanted};
use crate::kernel::Time;
use crate::protocol::{BrokerId, Fact, TopicPartition};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

pub(super) fn text(recording: &Recording, wanted: &Wanted) -> Result<String, Nothing> {
    if recording.facts.is_empty() {
        return Err(Nothing {
            found: "nothing happened in this run".to_owned(),
            expected: "a run with brokers".to_owned(),
        });
    }
    let mut events = Events {
        from: wanted.from.unwrap_or(Time::ZERO),
        until: wanted.until.unwrap_or(recording.end),
        ..Events::default()
    };
    faults(&mut events, recording);
    controllers(&mut events, recording);
    replicas(&mut events, recording, wanted);
    lag(&mut events, recording, wanted);
    let left_out = most_frequent(recording);
    messages(&mut events, recording, &left_out);
    let mut about = json!({"scenario": recording.name, "seed": recording.seed.to_string()});
    if !left_out.is_empty() {
        about["messages that are left out"] = json!(left_out);
    }
    if recording.causes.is_empty() {
        about["missing"] = has_no_causes().found.into();
    }
    Ok(format!(
        "{{\"displayTimeUnit\":\"ns\",\"otherData\":{about},\"traceEvents\":[\n{}\n]}}\n",
        events.lines
    ))
}

/// A run with more messages is thinned: no browser shows so many.
const MOST: usize = 100_000;

/// Lines of the file, and who has which number.
#[derive(Default)]
struct Events {
    from: Time,
    until: Time,
    lines: String,
    /// What the viewer calls processes: things that have tracks.
    things: BTreeMap<String, u32>,
    tracks: u32,
}

/// A track's place: the number of its thing, and its own, which no other track has.
#[derive(Clone, Copy)]
struct Track {
    thing: u32,
    number: u32,
}

impl Events {
    /// A track, with the name of what it belongs to and its own.
    fn track(&mut self, thing: &str, name: &str) -> Track {
        let count = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        let known = self.things.get(thing).copied();
        let number = known.unwrap_or(count + 1);
        if known.is_none() {
            self.things.insert(thing.to_owned(), number);
            let line =
                json!({"ph": "M", "pid": number, "name": "process_name", "args": {"name": thing}});
            self.line(&line.to_string());
            let order = json!({"ph": "M", "pid": number, "name": "process_sort_index", "args": {"sort_index": number}});
            self.line(&order.to_string());
        }
        self.tracks += 1;
        // Far from the numbers of things: a track that has its thing's number would be its main one.
        let track = Track {
            thing: number,
            number: 1_000_000 + self.tracks,
        };
        let args = json!({"name": name});
        let line = json!({"ph": "M", "pid": number, "tid": track.number, "name": "thread_name", "args": args});
        self.line(&line.to_string());
        track
    }

    /// Something that lasts, as much of it as falls into the time that is shown.
    fn slice(&mut self, track: Track, (from, until): (Time, Time), name: &str, args: Value) {
        let (from, until) = (from.max(self.from), until.min(self.until));
        if from <= until {
            let lasts = Time(until.0 - from.0);
            let rest = format!("\"dur\":{},\"args\":{args}", micros(lasts));
            self.push("X", track, from, name, &rest);
        }
    }

    fn line(&mut self, line: &str) {
        if !self.lines.is_empty() {
            self.lines.push_str(",\n");
        }
        self.lines.push_str(line);
    }

    fn has(&self, time: Time) -> bool {
        self.from <= time && time <= self.until
    }

    fn push(&mut self, phase: &str, track: Track, time: Time, name: &str, rest: &str) {
        let name = Value::from(name);
        let (Track { thing, number }, at) = (track, micros(time));
        let mut line = String::new();
        let _ = write!(
            line,
            "{{\"ph\":\"{phase}\",\"pid\":{thing},\"tid\":{number},\"ts\":{at},\"name\":{name},{rest}}}"
        );
        self.line(&line);
    }
}

fn micros(time: Time) -> String {
    format!("{}.{:03}", time.0 / 1_000, time.0 % 1_000)
}

/// What the plan's timeline did: as long as it lasted, or a mark through all tracks.
fn faults(events: &mut Events, recording: &Recording) {
    let mut begun: Vec<(u32, Time, &str, Option<Time>)> = Vec::new();
    for it in &recording.facts {
        let Fact::TimelineEvent { entry, end, text } = &it.fact else {
            continue;
        };
        let open = begun
            .iter_mut()
            .rev()
            .find(|(of, _, _, until)| of == entry && until.is_none());
        match open.filter(|_| *end) {
            Some((.., until)) => *until = Some(it.time),
            None => begun.push((*entry, it.time, text, None)),
        }
    }
    for (entry, from, text, until) in begun {
        let track = events.track("timeline", &format!("line {}", entry + 1));
        match until {
            Some(until) => events.slice(track, (from, until), text, json!({})),
            None if events.has(from) => events.push("i", track, from, text, "\"s\":\"g\""),
            None => {}
        }
    }
}

/// Who was the controller.
fn controllers(events: &mut Events, recording: &Recording) {
    let elected = recording.facts.iter().filter_map(|it| match &it.fact {
        Fact::ControllerElected { controller_epoch } => {
            Some((it.time, &*it.node, *controller_epoch))
        }
        _ => None,
    });
    let elected: Vec<_> = elected.collect();
    if elected.is_empty() {
        return;
    }
    let track = events.track("controller", "controller");
    let ends = elected.iter().skip(1).map(|(time, ..)| *time);
    let ends = ends.chain([recording.end]);
    for ((from, node, epoch), until) in elected.iter().zip(ends) {
        let args = json!({"controller epoch": epoch});
        let name = format!("{node}, epoch {epoch}");
        events.slice(track, (*from, until), &name, args);
    }
}

/// A partition as its controller has written it.
struct State<'a> {
    from: Time,
    leader: BrokerId,
    epoch: i32,
    isr: &'a [BrokerId],
}

/// Who led each partition, and who was in sync.
fn replicas(events: &mut Events, recording: &Recording, wanted: &Wanted) {
    let mut partitions: BTreeMap<&TopicPartition, Vec<State<'_>>> = BTreeMap::new();
    for it in &recording.facts {
        if let Fact::StateWritten {
            partition,
            leader,
            leader_epoch,
            isr,
            ..
        } = &it.fact
            && wanted.shows(partition)
        {
            partitions.entry(partition).or_default().push(State {
                from: it.time,
                leader: *leader,
                epoch: *leader_epoch,
                isr,
            });
        }
    }
    for (partition, states) in partitions {
        let members = states.iter().flat_map(|it| it.isr.iter().copied());
        let members: BTreeSet<BrokerId> = members.collect();
        for replica in members {
            let track = events.track(&partition.to_string(), &format!("broker-{replica}"));
            let ends = states.iter().skip(1).map(|it| it.from);
            let mut bars: Vec<(Time, Time, bool, i32)> = Vec::new();
            for (state, until) in states.iter().zip(ends.chain([recording.end])) {
                let leads = state.leader == replica;
                match bars.last_mut() {
                    _ if !state.isr.contains(&replica) => {}
                    Some(last) if (last.1, last.2, last.3) == (state.from, leads, state.epoch) => {
                        last.1 = until;
                    }
                    _ => bars.push((state.from, until, leads, state.epoch)),
                }
            }
            for (from, until, leads, epoch) in bars {
                let does = if leads { "leads" } else { "in sync" };
                let args = json!({"leader epoch": epoch});
                events.slice(
                    track,
                    (from, until),
                    &format!("{does}, epoch {epoch}"),
                    args,
                );
            }
        }
    }
}

fn lag(events: &mut Events, recording: &Recording, wanted: &Wanted) {
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    for change in lags::changes(recording, wanted) {
        // Where nobody knows it there is no sample: the viewer has no other word for it.
        let Some(lag) = change.lag.filter(|_| events.has(change.time)) else {
            continue;
        };
        let thing = format!("lag of {}", change.reader);
        if !tracks.contains_key(&thing) {
            let track = events.track(&thing, &thing);
            tracks.insert(thing.clone(), track);
        }
        if let Some(track) = tracks.get(&thing) {
            let name = change.partition.to_string();
            let args = json!({"records": lag});
            let rest = format!("\"args\":{args}");
            events.push("C", *track, change.time, &name, &rest);
        }
    }
}

/// Each message where it was sent and where it was read, bound by its number. Nobody read one that has one end only.
fn messages(events: &mut Events, recording: &Recording, left_out: &BTreeMap<&str, usize>) {
    let causes = recording.causes.iter();
    let read = causes.filter_map(|it| Some((it.message?, (it.time, &*it.node))));
    let read: BTreeMap<u64, (Time, &str)> = read.collect();
    let mut tracks: BTreeMap<&str, Track> = BTreeMap::new();
    let nodes = recording.sent.iter().map(|it| &*it.node);
    let nodes: BTreeSet<&str> = nodes.chain(read.values().map(|(_, node)| *node)).collect();
    for node in nodes {
        let track = events.track(node, "messages");
        tracks.insert(node, track);
    }
    for sent in &recording.sent {
        let read = read.get(&sent.number);
        let shown = events.has(sent.time)
            && read.is_none_or(|(time, _)| events.has(*time))
            && !left_out.contains_key(&*sent.kind);
        let (Some(track), true) = (tracks.get(&*sent.node), shown) else {
            continue;
        };
        let bound = |way: &str| {
            let number = sent.number;
            format!("\"dur\":0,\"bind_id\":\"0x{number:x}\",\"{way}\":true")
        };
        let name = &*sent.message;
        match read {
            Some((time, by)) => {
                let args = json!({"to": by});
                let rest = format!("{},\"args\":{args}", bound("flow_out"));
                events.push("X", *track, sent.time, name, &rest);
                if let Some(track) = tracks.get(by) {
                    let args = json!({"from": &*sent.node});
                    let rest = format!("{},\"args\":{args}", bound("flow_in"));
                    events.push("X", *track, *time, name, &rest);
                }
            }
            None => {
                let args = json!({"to": &*sent.to});
                let rest = format!("\"dur\":0,\"args\":{args}");
                let name = format!("{name}: nobody reads it");
                events.push("X", *track, sent.time, &name, &rest);
            }
        }
    }
}

/// Kinds of messages that a long run is shown without, and how many there were.
fn most_frequent(recording: &Recording) -> BTreeMap<&str, usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for sent in &recording.sent {
        *counts.entry(&*sent.kind).or_default() += 1;
    }
    let mut by_count: Vec<(&str, usize)> = counts.into_iter().collect();
    // Of equals the last by name goes first.
    by_count.sort_by_key(|(_, count)| *count);
    let mut left = recording.sent.len();
    let mut left_out = BTreeMap::new();
    while left > MOST
        && let Some((kind, count)) = by_count.pop()
    {
        left -= count;
        left_out.insert(kind, count);
    }
    left_out
}
