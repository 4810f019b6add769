//! Files for other viewers, read back as they read them.

use super::played;
use kafka_trial::figure::{Export, Recording, Wanted};
use kafka_trial::kernel::{Cause, Time};
use kafka_trial::protocol::{Fact, GroupFact, TopicPartition};
use kafka_trial::trace::{CauseEntry, SentEntry, TraceEntry};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const NAMES: [&str; 3] = [
    "leader-crash",
    "member-crashes",
    "leader-cut-from-followers",
];

fn text(export: Export, recording: &Recording) -> String {
    let text = export.text(recording, &Wanted::default());
    text.unwrap_or_else(|nothing| panic!("{nothing:?}"))
}

// ---- ShiViz

type Clock = BTreeMap<String, u64>;

/// A line, taken apart as the regular expression in the first line has it.
struct Line {
    time: f64,
    host: String,
    clock: Clock,
    event: String,
}

fn lines(log: &str) -> Vec<Line> {
    let mut lines = log.lines();
    let pattern = r"(?<time>[0-9.]+) (?<host>\S+) (?<clock>\{[^}]*\}) (?<event>.*)";
    assert_eq!(lines.next(), Some(pattern));
    assert_eq!(lines.next(), Some(""));
    let line = |line: &str| {
        let (time, rest) = line.split_once(' ').unwrap();
        let (host, rest) = rest.split_once(' ').unwrap();
        let (clock, event) = rest.split_once("} ").unwrap();
        Line {
            time: time.parse().unwrap(),
            host: host.to_owned(),
            clock: serde_json::from_str(&format!("{clock}}}")).unwrap(),
            event: event.to_owned(),
        }
    };
    lines.map(line).collect()
}

#[test]
fn clocks_are_such_as_shiviz_takes() {
    for name in NAMES {
        let lines = lines(&text(Export::Shiviz, &played(name)));
        assert!(lines.len() > 100, "{name}");
        let mut of_host: BTreeMap<&str, Vec<&Clock>> = BTreeMap::new();
        let mut now = 0.0;
        for line in &lines {
            assert!(line.time >= now && !line.event.is_empty(), "{name}");
            now = line.time;
            let own = line.clock[&line.host];
            let before = of_host.entry(&line.host).or_default();
            assert_eq!(own, before.len() as u64 + 1, "{name}: {}", line.event);
            before.push(&line.clock);
            for (host, count) in &line.clock {
                // What it knows of has happened, and it knows all that was known there.
                let known = of_host[host.as_str()][usize::try_from(*count).unwrap() - 1];
                for (third, count) in known {
                    assert!(line.clock[third] >= *count, "{name}: {}", line.event);
                }
            }
        }
    }
}

#[test]
fn who_reads_a_message_knows_what_its_sender_knew() {
    for name in NAMES {
        let recording = played(name);
        let lines = lines(&text(Export::Shiviz, &recording));
        let stated = recording
            .facts
            .chunk_by(|a, b| a.event == b.event && a.node == b.node);
        let stated: Vec<(u64, &str)> = stated
            .map(|facts| (facts[0].event, &*facts[0].node))
            .collect();
        assert_eq!(stated.len(), lines.len());
        let mut of_host: BTreeMap<&str, Vec<(u64, &Clock)>> = BTreeMap::new();
        for ((event, node), line) in stated.into_iter().zip(&lines) {
            assert_eq!(node, line.host);
            of_host.entry(node).or_default().push((event, &line.clock));
        }
        let nodes: BTreeMap<u64, &str> = recording
            .causes
            .iter()
            .map(|it| (it.event, &*it.node))
            .collect();
        let mut messages = 0;
        for cause in &recording.causes {
            let Cause::Packet { sent_in } = cause.cause else {
                continue;
            };
            let Some(sender) = nodes.get(&sent_in) else {
                continue;
            };
            let lines_of = |node: &str| of_host.get(node).map_or(&[][..], Vec::as_slice);
            let sent = lines_of(sender);
            let known = sent.partition_point(|(event, _)| *event <= sent_in) as u64;
            let read = lines_of(&cause.node);
            let after = read.partition_point(|(event, _)| *event < cause.event);
            if let Some((_, clock)) = read.get(after)
                && known > 0
            {
                assert!(clock[*sender] >= known, "{name}: event {}", cause.event);
                messages += 1;
            }
        }
        assert!(messages > 100, "{name}: {messages}");
    }
}

#[test]
fn a_trace_without_causes_has_no_clocks() {
    let recording = Recording {
        causes: Vec::new(),
        ..played("leader-crash")
    };
    let nothing = Export::Shiviz.text(&recording, &Wanted::default());
    assert!(nothing.unwrap_err().expected.contains("--causes"));
    let document: Value = serde_json::from_str(&text(Export::Perfetto, &recording)).unwrap();
    assert!(document["otherData"]["missing"].is_string());
}

#[test]
fn a_long_run_is_thinned_and_says_so() {
    let node: Rc<str> = "c".into();
    let entry = |event: u64| TraceEntry {
        event,
        time: Time(event),
        node: node.clone(),
        fact: match event % 100 {
            0 => Fact::Started,
            _ => Fact::Consumed {
                partition: TopicPartition::new("t", 0),
                offset: 0,
                leader_epoch: 0,
                content: 0,
            },
        },
    };
    let cause = CauseEntry {
        event: 1,
        time: Time(1),
        node: node.clone(),
        cause: Cause::Outside,
        message: None,
    };
    let sent = |number: u64| SentEntry {
        number,
        event: number,
        time: Time(number),
        node: node.clone(),
        to: "b".into(),
        kind: if number.is_multiple_of(100) {
            "Produce"
        } else {
            "Fetch"
        }
        .into(),
        message: "t-0".into(),
    };
    let recording = Recording {
        facts: (1..=60_000).map(entry).collect(),
        causes: vec![cause],
        sent: (1..=110_000).map(sent).collect(),
        end: Time(110_000),
        ..Recording::default()
    };
    let log = text(Export::Shiviz, &recording);
    // Two lines of head, one for each start, and what is left out.
    assert_eq!(log.lines().count(), 2 + 600 + 1);
    let said = log.lines().last();
    assert_eq!(
        said,
        Some("# 59400 events that every record brings are left out")
    );
    let document: Value = serde_json::from_str(&text(Export::Perfetto, &recording)).unwrap();
    let left_out = &document["otherData"]["messages that are left out"];
    assert_eq!(*left_out, serde_json::json!({"Fetch": 108_900}));
    let kept = events(&document).iter().filter(|it| it["ph"] == "X");
    assert_eq!(kept.count(), 1_100);
}

// ---- Perfetto

struct Slice {
    track: u64,
    thing: u64,
    from: f64,
    until: f64,
    name: String,
}

fn events(document: &Value) -> &[Value] {
    document["traceEvents"].as_array().unwrap()
}

fn slices(document: &Value) -> Vec<Slice> {
    let slices = events(document).iter().filter(|it| it["ph"] == "X");
    let slice = |it: &Value| {
        let from = it["ts"].as_f64().unwrap();
        Slice {
            track: it["tid"].as_u64().unwrap(),
            thing: it["pid"].as_u64().unwrap(),
            from,
            until: from + it["dur"].as_f64().unwrap(),
            name: it["name"].as_str().unwrap().to_owned(),
        }
    };
    slices.map(slice).collect()
}

#[test]
fn slices_end_after_they_begin_and_one_leads_at_a_time() {
    for name in NAMES {
        let document: Value = serde_json::from_str(&text(Export::Perfetto, &played(name))).unwrap();
        let slices = slices(&document);
        let things: BTreeMap<u64, u64> = slices.iter().map(|it| (it.track, it.thing)).collect();
        let mut ends: BTreeMap<u64, f64> = BTreeMap::new();
        let mut leads: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
        for it in &slices {
            assert!(it.until >= it.from, "{name}: {}", it.name);
            // A track belongs to one thing, and its slices do not overlap: the viewer would leave one out.
            assert_eq!(things[&it.track], it.thing);
            let end = ends.entry(it.track).or_insert(0.0);
            let lasts = it.until > it.from;
            assert!(!lasts || it.from >= *end - 0.0005, "{name}: {}", it.name);
            *end = end.max(it.until);
            if it.name.starts_with("leads") {
                leads.entry(it.thing).or_default().push((it.from, it.until));
            }
        }
        assert!(!leads.is_empty(), "{name}");
        for times in leads.values_mut() {
            times.sort_by(|a, b| a.partial_cmp(b).unwrap());
            for pair in times.windows(2) {
                assert!(pair[0].1 <= pair[1].0 + 0.0005, "{name}: {pair:?}");
            }
        }
    }
}

#[test]
fn every_flow_has_both_ends_and_every_message_that_was_read_is_one() {
    for name in NAMES {
        let recording = played(name);
        let document: Value = serde_json::from_str(&text(Export::Perfetto, &recording)).unwrap();
        let mut flows: BTreeMap<&str, [Option<f64>; 2]> = BTreeMap::new();
        for it in events(&document) {
            let Some(number) = it["bind_id"].as_str() else {
                continue;
            };
            for (way, end) in ["flow_out", "flow_in"].into_iter().zip(0..) {
                if it[way] == true {
                    let ends = flows.entry(number).or_default();
                    assert_eq!(ends[end], None, "{name}: message {number} twice");
                    ends[end] = it["ts"].as_f64();
                }
            }
        }
        for (number, ends) in &flows {
            let (Some(sent), Some(read)) = (ends[0], ends[1]) else {
                panic!("{name}: message {number} has one end");
            };
            assert!(sent <= read, "{name}: message {number}");
        }
        let read: BTreeSet<u64> = recording
            .causes
            .iter()
            .filter_map(|it| it.message)
            .collect();
        assert_eq!(flows.len(), read.len(), "{name}");
        let unread = |it: &&Value| {
            let name = it["name"].as_str();
            name.is_some_and(|name| name.ends_with("nobody reads it"))
        };
        let unread = events(&document).iter().filter(unread).count();
        assert_eq!(unread, recording.sent.len() - read.len(), "{name}");
    }
}

/// As that viewer wants it: names for all that it numbers, and on one track no slice that ends within another.
#[test]
fn each_track_has_a_name_and_slices_in_each_other_or_apart() {
    for name in ["leader-crash", "eager-rebalance", "zookeeper-leader-crash"] {
        let document = text(Export::Perfetto, &played(name));
        let document: Value = serde_json::from_str(&document).unwrap();
        let named = |of: &'static str| {
            let events = events(&document).iter();
            events.filter(move |it| it["ph"] == "M" && it["name"] == of)
        };
        let place = |it: &Value| (it["pid"].as_u64().unwrap(), it["tid"].as_u64().unwrap());
        let things: BTreeSet<u64> = named("process_name")
            .filter_map(|it| it["pid"].as_u64())
            .collect();
        let tracks: Vec<(u64, u64)> = named("thread_name").map(place).collect();
        let numbers: BTreeSet<u64> = tracks.iter().map(|(_, track)| *track).collect();
        assert_eq!(numbers.len(), tracks.len(), "{name}: a track of two things");
        assert!(numbers.is_disjoint(&things), "{name}: a main track");
        let mut slices: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
        for event in events(&document).iter().filter(|it| it["ph"] != "M") {
            assert!(things.contains(&place(event).0), "{name}: {event}");
            assert!(tracks.contains(&place(event)), "{name}: {event}");
            if event["ph"] == "X" {
                let nanos = |key: &str| (event[key].as_f64().unwrap() * 1_000.0).round() as u64;
                let (from, lasts) = (nanos("ts"), nanos("dur"));
                let of_track = slices.entry(place(event)).or_default();
                of_track.push((from, from + lasts));
            }
        }
        for of_track in slices.values_mut() {
            of_track.sort_by_key(|(from, until)| (*from, u64::MAX - until));
            let mut ends = 0;
            for (from, until) in of_track {
                assert!(*from >= ends || *until <= ends, "{name}: {from} to {until}");
                ends = ends.max(*until);
            }
        }
    }
}

#[test]
fn lags_are_counters() {
    let document: Value =
        serde_json::from_str(&text(Export::Perfetto, &played("member-crashes"))).unwrap();
    let counters = events(&document).iter().filter(|it| it["ph"] == "C");
    let values = counters
        .filter(|it| it["name"] == "trucks_gps-2")
        .map(|it| it["args"]["records"].as_i64().unwrap());
    let values: Vec<i64> = values.collect();
    assert!(values.iter().all(|lag| *lag >= 0));
    assert!(values.iter().any(|lag| *lag > 100), "{values:?}");
}

/// Nobody knows how far a group is behind whose commit is forgotten.
#[test]
fn what_nobody_knows_is_no_lag_of_zero() {
    let recording = played("committed-offset-expires");
    let facts = recording.facts.iter();
    let mut expired =
        facts.filter(|it| matches!(it.fact, Fact::Group(GroupFact::OffsetExpired { .. })));
    let time = expired.next().unwrap().time.0 as f64 / 1_000.0;
    let document: Value = serde_json::from_str(&text(Export::Perfetto, &recording)).unwrap();
    let counters = || events(&document).iter().filter(|it| it["ph"] == "C");
    let times = counters().map(|it| it["ts"].as_f64().unwrap());
    let then = times.filter(|it| (it - time).abs() < 0.5).count();
    assert_eq!((then, counters().count() > 10), (0, true));
}
