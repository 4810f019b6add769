//! Who sent what to whom, and when: a lane a process, time downwards, a row for everything that happens. A lane is thick
//! while its process leads the partition, and dotted while it is down; a message that nobody read ends between lanes.
//!
//! Rows are in the order of time and not to its scale: what takes a microsecond and what takes ten seconds are one row
//! each, with their times beside them.

use super::picture::{Anchor, Picture, Point, Shape, Style};
use super::short::{epoch_of, moment, short, tag};
use super::slice::{Around, NEAR, Passed, Slice, slice};
use super::why::{Why, why_of, why_of_message};
use super::words::lasted;
use super::{Nothing, Recording, Wanted, letters};
use crate::kernel::{Duration, Time};
use crate::protocol::{Fact, RecordId, TopicPartition, counted, may_be_about};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

const TOP: i32 = 84;
const ROW: i32 = 20;
/// Where the first lane stands, and how far from the one before each stands.
const FIRST: i32 = 150;
const WIDE: i32 = 165;
const NARROW: i32 = 128;
const NARROWEST: i32 = 112;
/// Room for the rule behind a row, and how far the lines of one stand apart: with several the row is higher.
const WORDS: i32 = 370;
const LINE: i32 = 12;
/// What takes as long has a row that says so.
const LONG: Duration = Duration::from_millis(300);

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let around = match &wanted.around {
        Some(around) => around.clone(),
        None => chosen(recording)?,
    };
    let slice = slice(recording, &around)?;
    let lanes = lanes(&slice);
    let rows = rows(&slice);
    if rows.is_empty() {
        return Err(Nothing {
            found: "nothing but routine happened there".to_owned(),
            expected: "a record, or a moment at which something is sent or stated (trial run tells of them)".to_owned(),
        });
    }
    Ok(Drawing::new(recording, &slice, &lanes, &rows).picture(&around))
}

/// Of the records that were acknowledged after the first fault of a broker the one that waited longest for it; without
/// such a fault one of the first.
fn chosen(recording: &Recording) -> Result<Around, Nothing> {
    let fault = recording.facts.iter().position(|it| {
        let ends = matches!(it.fact, Fact::Crashed | Fact::PowerFailed | Fact::Paused);
        ends && it.node.starts_with("broker-")
    });
    let acknowledged = acknowledged(&recording.facts[fault.unwrap_or(0)..]);
    let waited = acknowledged.map(|(record, latency)| (latency, record));
    let record = match fault {
        // The first of equals.
        Some(_) => waited.fold(None, |most: Option<(u64, &RecordId)>, it| match most {
            Some(most) if most.0 >= it.0 => Some(most),
            _ => Some(it),
        }),
        // Not the very first: what is set up for it would be most of the picture.
        None => waited.take(8).last(),
    };
    let around = record.map(|(_, it)| Around::Record(it.clone()));
    around.ok_or_else(|| Nothing {
        found: "no record was acknowledged in this run".to_owned(),
        expected: "--around event:NUMBER, or --around TIME such as 12s".to_owned(),
    })
}

fn acknowledged(facts: &[TraceEntry]) -> impl Iterator<Item = (&RecordId, u64)> {
    facts.iter().filter_map(|entry| match &entry.fact {
        Fact::Acked {
            record,
            offset: 0..,
            latency_ns,
            ..
        } => Some((record, *latency_ns)),
        _ => None,
    })
}

/// Processes from left to right: who writes, brokers, ZooKeeper, who reads.
fn lanes(slice: &Slice<'_>) -> Vec<Rc<str>> {
    let mut lanes: Vec<Rc<str>> = Vec::new();
    let senders = slice
        .messages
        .iter()
        .flat_map(|it| [&it.sent.node, &it.sent.to]);
    let nodes = slice.events.iter().map(|it| &it.node).chain(senders);
    for node in nodes {
        if &**node != "operator" && !lanes.contains(node) {
            lanes.push(node.clone());
        }
    }
    let writes = |node: &Rc<str>| {
        slice.events.iter().any(|it| {
            it.node == *node
                && it
                    .facts
                    .iter()
                    .any(|it| matches!(it.fact, Fact::RecordCreated { .. }))
        })
    };
    lanes.sort_by_key(|node| {
        let number = node
            .rsplit_once('-')
            .and_then(|(_, number)| number.parse::<u64>().ok());
        let place = match &**node {
            _ if writes(node) => 0,
            name if name.starts_with("broker-") => 1,
            name if name.starts_with("zookeeper-") => 2,
            _ => 3,
        };
        (place, number, node.clone())
    });
    lanes
}

/// What has a row of its own.
enum Row<'a> {
    /// So long nothing of this happens.
    Passes(Duration),
    Sends(usize),
    Reads(usize),
    States(&'a TraceEntry),
    /// What the run does, in words.
    Does(&'a str),
}

fn rows<'a>(slice: &'a Slice<'a>) -> Vec<(Time, Row<'a>)> {
    // Within one moment and event: it reads, states, and sends.
    let mut rows: Vec<((Time, u64, u8, usize), Row<'a>)> = Vec::new();
    for (place, message) in slice.messages.iter().enumerate() {
        let sent = (message.sent.time, message.sent.event, 2, place);
        rows.push((sent, Row::Sends(place)));
        if let Some(time) = message.read {
            let reader = slice
                .events
                .iter()
                .find(|it| it.time == time && it.node == message.sent.to);
            let states =
                reader.is_some_and(|it| it.facts.iter().any(|it| short(&it.fact).is_some()));
            // Where it states something its arrow ends in that row.
            if !states {
                let event = reader.map_or(u64::MAX, |it| it.event);
                rows.push(((time, event, 0, place), Row::Reads(place)));
            }
        }
    }
    for event in &slice.events {
        for (place, fact) in event.facts.iter().enumerate() {
            if let Fact::TimelineEvent { text, .. } = &fact.fact {
                rows.push(((event.time, event.event, 0, place), Row::Does(text)));
            } else if short(&fact.fact).is_some() {
                rows.push(((event.time, event.event, 1, place), Row::States(fact)));
            }
        }
    }
    rows.sort_by_key(|(key, _)| *key);
    let mut all: Vec<(Time, Row<'a>)> = Vec::new();
    for ((time, ..), row) in rows {
        let passed = all.last().map(|(before, _)| time.since(*before));
        all.extend(
            passed
                .filter(|it| *it >= LONG)
                .map(|it| (time, Row::Passes(it))),
        );
        all.push((time, row));
    }
    all
}

/// What a process is while its lane is drawn.
#[derive(Clone, Copy, Default)]
struct LaneState {
    leads: bool,
    is_down: bool,
}

impl LaneState {
    fn learn(&mut self, fact: &Fact, of: Option<&TopicPartition>) {
        match fact {
            Fact::Paused => self.is_down = true,
            Fact::Resumed => self.is_down = false,
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                (self.leads, self.is_down) = (false, true);
            }
            Fact::Started => self.is_down = false,
            Fact::BecameLeader { partition, .. } if of == Some(partition) => self.leads = true,
            Fact::BecameFollower { partition, .. } if of == Some(partition) => self.leads = false,
            _ => {}
        }
    }

    const fn style(self) -> Style {
        match (self.is_down, self.leads) {
            (true, _) => Style::DownLane,
            (false, true) => Style::LeaderLane,
            (false, false) => Style::Lane,
        }
    }
}

struct Drawing<'a> {
    recording: &'a Recording,
    slice: &'a Slice<'a>,
    lanes: &'a [Rc<str>],
    rows: &'a [(Time, Row<'a>)],
    /// Where each row begins, and the last one ends.
    tops: Vec<i32>,
    pitch: i32,
}

impl<'a> Drawing<'a> {
    fn new(
        recording: &'a Recording,
        slice: &'a Slice<'a>,
        lanes: &'a [Rc<str>],
        rows: &'a [(Time, Row<'a>)],
    ) -> Self {
        let pitch = match lanes.len() {
            0..=4 => WIDE,
            5 => NARROW,
            _ => NARROWEST,
        };
        let mut drawing = Drawing {
            recording,
            slice,
            lanes,
            rows,
            tops: vec![TOP],
            pitch,
        };
        let mut top = TOP;
        for (_, row) in rows {
            let rule = drawing.rule(row);
            let lines = rule.map_or(1, |it| letters::lines(it.words, 10, WORDS).len());
            top += ROW + LINE * (i32::try_from(lines).unwrap_or(1) - 1).max(0);
            drawing.tops.push(top);
        }
        drawing
    }

    fn rule(&self, row: &Row<'_>) -> Option<&'static Why> {
        match row {
            Row::Sends(place) => {
                let sent = self.slice.messages[*place].sent;
                why_of_message(&sent.kind, &sent.message)
            }
            Row::States(entry) => why_of(&entry.fact),
            Row::Passes(_) | Row::Reads(_) | Row::Does(_) => None,
        }
    }

    fn picture(&self, around: &Around) -> Picture {
        let name = &self.recording.name;
        let what = match around {
            Around::Record(record) => format!("record {}#{}", record.producer, record.number),
            Around::Offset(partition, offset) => format!("{partition} offset {offset}"),
            Around::Event(event) => format!("event {event}"),
            Around::Moment(time) => format!("{} s", moment(*time)),
        };
        let of = self.slice.partition.as_ref();
        let of = of.map_or_else(String::new, |partition| format!(" ({partition})"));
        let unread = self.slice.messages.iter().any(|it| it.read.is_none());
        let unread = if unread {
            "; a red one nobody read"
        } else {
            ""
        };
        let mut picture = Picture::new(
            format!("{name}: {what}{of}"),
            format!(
                "A lane a process, time downwards. Arrows are messages; a dashed one answers{unread}. \
                 A thick lane leads the partition, a dotted one is down."
            ),
        );
        picture.text((12, 24), picture.title.clone(), Style::Strong);
        picture.text((12, 42), "s, ms, µs", Style::Faint);
        let bottom = self.tops[self.rows.len()];
        self.push_lanes(&mut picture, bottom);
        self.push_messages(&mut picture);
        self.push_rows(&mut picture);
        let mut said =
            "rows are in order, not to scale; hatched: stored and not committed".to_owned();
        if let Some(time) = self.recording.parts_at {
            let row = self.rows.partition_point(|(at, _)| *at < time);
            if row == 0 {
                said += &format!("; the runs part before, at {} s", moment(time));
            } else {
                said += &format!("; thick line: here the runs part, at {} s", moment(time));
                let y = self.tops[row];
                let right = FIRST + i32::try_from(self.lanes.len()).unwrap_or(1) * self.pitch;
                picture.line((FIRST - 40, y), (right, y), Style::LeaderLane);
            }
        }
        if self.slice.left_out > 0 {
            said += &format!("; {} left out", counted(self.slice.left_out, "event"));
        }
        picture.text((12, bottom + 26), said, Style::Faint);
        if matches!(around, Around::Moment(_)) {
            let seconds = NEAR.0 / 1_000_000_000;
            let said = format!(
                "around a moment: what is not routine within {seconds} s of it, few of a sort, and the record that waited longest"
            );
            picture.text((12, bottom + 40), said, Style::Faint);
        }
        picture.fit(12);
        picture
    }

    fn x(&self, node: &str) -> i32 {
        let place = self.lanes.iter().position(|it| **it == *node);
        FIRST + place.and_then(|it| i32::try_from(it).ok()).unwrap_or(0) * self.pitch
    }

    fn y(&self, row: usize) -> i32 {
        self.tops[row] + ROW / 2
    }

    /// Each in pieces, as it leads, follows or is down.
    fn push_lanes(&self, picture: &mut Picture, bottom: i32) {
        for node in self.lanes {
            let x = self.x(node);
            let name = letters::cut(node, 11, self.pitch - 8);
            picture.text_at((x, TOP - 22), Anchor::Middle, name, Style::Ink);
            let mut state = LaneState::default();
            let mut from = TOP - 14;
            for entry in self.recording.facts.iter().filter(|it| it.node == *node) {
                let before = state;
                state.learn(&entry.fact, self.slice.partition.as_ref());
                let row = self.rows.partition_point(|(time, _)| *time < entry.time);
                if row == self.rows.len() {
                    state = before;
                    break;
                }
                let is_seen = row > 0 || self.rows[0].0 == entry.time;
                if state.style() != before.style() && is_seen {
                    let y = self.y(row);
                    picture.line((x, from), (x, y), before.style());
                    from = y;
                }
            }
            picture.line((x, from), (x, bottom + 6), state.style());
        }
    }

    /// Arrows first, so that words stand on them.
    fn push_messages(&self, picture: &mut Picture) {
        let ends = self.ends();
        for (place, message) in self.slice.messages.iter().enumerate() {
            let Some((from, to)) = ends.get(&place) else {
                continue;
            };
            let style = match message.read {
                None => Style::Lost,
                Some(_) if answers(message) => Style::Answer,
                Some(_) => Style::Message,
            };
            let sent = message.sent;
            let rule = why_of_message(&sent.kind, &sent.message).map(|it| it.in_a_line());
            let said = format!(
                "{} to {}: {}{}",
                message.sent.node,
                message.sent.to,
                message.sent.message,
                rule.map_or_else(String::new, |rule| format!(". {rule}"))
            );
            match message.read {
                Some(_) => picture
                    .arrow((from.x, from.y), (to.x, to.y), style)
                    .because(said),
                None => {
                    picture
                        .line((from.x, from.y), (to.x, to.y), style)
                        .because(said);
                    let cross = Shape::Cross { at: *to, radius: 5 };
                    picture.add(cross, Style::Lost).because("nobody read it");
                }
            }
        }
        for (place, message) in self.slice.messages.iter().enumerate() {
            if let Some((from, to)) = ends.get(&place) {
                self.push_label(picture, message, *from, *to);
            }
        }
    }

    /// Beside its sender, in its own row.
    fn push_label(&self, picture: &mut Picture, message: &Passed<'_>, from: Point, to: Point) {
        let room = self.pitch - 16;
        let text = letters::cut(&self.without_partition(&message.sent.message), 11, room);
        let width = letters::width(&text, 11);
        // Left of the first lane stand the moments.
        let left = match from.x - 8 - width {
            left if to.x < from.x && left > FIRST - 60 => left,
            _ => from.x + 8,
        };
        picture.rect((left - 2, from.y - 7), (width + 4, 14), Style::Paper);
        picture.text((left, from.y + 4), text, Style::Ink);
    }

    /// The partition that all of it is about comes first, and need not be named.
    fn without_partition(&self, label: &str) -> String {
        match &self.slice.partition {
            Some(partition) => own_first(label, partition)
                .replace(&format!("{partition}@"), "@")
                .replace(&format!("{partition} "), "")
                .replace(&format!(" {partition}"), ""),
            None => label.to_owned(),
        }
    }

    /// Where each message's arrow begins and ends.
    fn ends(&self) -> BTreeMap<usize, (Point, Point)> {
        let mut begins: BTreeMap<usize, Point> = BTreeMap::new();
        let mut ends: BTreeMap<usize, Point> = BTreeMap::new();
        for (row, (time, what)) in self.rows.iter().enumerate() {
            match what {
                Row::Passes(_) | Row::Does(_) => {}
                Row::Sends(place) => {
                    let x = self.x(&self.slice.messages[*place].sent.node);
                    begins.insert(*place, Point::new(x, self.y(row)));
                }
                Row::Reads(place) => {
                    let x = self.x(&self.slice.messages[*place].sent.to);
                    ends.insert(*place, Point::new(x, self.y(row)));
                }
                Row::States(entry) => {
                    for (place, message) in self.slice.messages.iter().enumerate() {
                        let here = message.read == Some(*time) && message.sent.to == entry.node;
                        if here {
                            let x = self.x(&entry.node);
                            let edge = self.pill(entry).map_or(0, |(_, width)| width / 2);
                            let comes_from_the_left = self.x(&message.sent.node) <= x;
                            let x = if comes_from_the_left {
                                x - edge
                            } else {
                                x + edge
                            };
                            let end = Point::new(x, self.y(row));
                            ends.entry(place).or_insert(end);
                        }
                    }
                }
            }
        }
        let messages = self.slice.messages.iter().enumerate();
        let found = messages.filter_map(|(place, message)| {
            let from = *begins.get(&place)?;
            let to = match message.read {
                Some(_) => *ends.get(&place)?,
                None => {
                    // Between its lane and the next, where no lane is.
                    let towards = if self.x(&message.sent.to) >= from.x {
                        1
                    } else {
                        -1
                    };
                    Point::new(from.x + towards * self.pitch * 2 / 3, from.y + ROW * 2 / 3)
                }
            };
            Some((place, (from, to)))
        });
        found.collect()
    }

    fn push_rows(&self, picture: &mut Picture) {
        let words =
            FIRST + i32::try_from(self.lanes.len()).unwrap_or(1) * self.pitch - self.pitch / 2 + 4;
        let mut last = None;
        for (place, (time, row)) in self.rows.iter().enumerate() {
            let y = self.y(place);
            if let Row::Passes(passed) = row {
                let text = format!("{} pass", lasted(Time::ZERO, Time::ZERO + *passed));
                picture.text((12, y + 4), text, Style::Ink);
                picture.line((FIRST - 20, y), (words - 20, y), Style::Faint);
                continue;
            }
            if last != Some(*time) {
                picture.text((12, y + 4), moment(*time), Style::Faint);
                last = Some(*time);
            }
            match row {
                Row::Does(text) => {
                    let room = words - FIRST - 40;
                    let text = letters::cut(text, 11, room);
                    let size = (letters::width(&text, 11) + 8, 16);
                    picture.rect((FIRST - 4, y - 8), size, Style::Paper);
                    picture.text((FIRST, y + 4), text, Style::Lost);
                }
                Row::States(entry) => self.push_pill(picture, entry, y),
                Row::Sends(_) | Row::Passes(_) | Row::Reads(_) => {}
            }
            let Some(rule) = self.rule(row) else { continue };
            for (line, text) in (0..).zip(letters::lines(rule.words, 10, WORDS)) {
                picture
                    .text((words, y + 4 + line * LINE), text, Style::Faint)
                    .because(rule.in_a_line());
            }
        }
    }

    /// What stands in a fact's frame, and how wide that is.
    fn pill(&self, entry: &TraceEntry) -> Option<(String, i32)> {
        let room = match self.x(&entry.node) {
            // The moments stand beside it.
            FIRST => 2 * (FIRST - 82) - 22,
            _ => self.pitch,
        };
        let text = letters::cut(&short(&entry.fact)?, 11, room.min(self.pitch - 26));
        let width = letters::width(&text, 11) + 22;
        Some((text, width))
    }

    /// What a process states, on its lane: an edge in the colour of its epoch, hatched while it is not committed.
    fn push_pill(&self, picture: &mut Picture, entry: &TraceEntry, y: i32) {
        let Some((text, width)) = self.pill(entry) else {
            return;
        };
        let left = self.x(&entry.node) - width / 2;
        let rule = why_of(&entry.fact).map(|it| it.in_a_line());
        let said = rule.unwrap_or_else(|| tag(&entry.fact));
        picture.rect((left, y - 8), (width, 16), Style::Paper);
        picture
            .rect((left, y - 8), (width, 16), Style::Frame)
            .because(said);
        let edge = match (&entry.fact, epoch_of(&entry.fact)) {
            (Fact::Appended { .. }, Some(epoch)) => Some(Style::Uncommitted(epoch)),
            (Fact::Crashed | Fact::PowerFailed | Fact::Paused | Fact::Failed { .. }, _) => {
                Some(Style::Bad)
            }
            (_, Some(epoch)) => Some(Style::Epoch(epoch)),
            _ => None,
        };
        if let Some(style) = edge {
            picture.rect((left, y - 8), (12, 16), style);
        }
        picture.text((left + 16, y + 4), text, Style::Ink);
    }
}

/// Of Kafka's messages those that are called so, of ZooKeeper's the replies.
fn answers(message: &Passed<'_>) -> bool {
    message.sent.kind.ends_with("Response") || &*message.sent.message == "reply"
}

/// Of a label's parts the one that is about this partition before the others.
fn own_first(label: &str, partition: &TopicPartition) -> String {
    let parts = label.split(", ");
    let (own, others): (Vec<&str>, Vec<&str>) = parts.partition(|it| may_be_about(it, partition));
    [own, others].concat().join(", ")
}
