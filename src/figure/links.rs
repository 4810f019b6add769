//! Who speaks with whom, twice: wired to each other every source needs a link to every target that hears it, N x M of
//! them; around a log everybody has one, N + M. And what a target that is down means for the others: wired, whoever has
//! to say something to it waits; around the log nobody does.
//!
//! Only links over which something came: a target that never read a record of a source is not linked to it. May not know
//! how programs would be wired without a log; it assumes calls that wait for their answers, and says so.

use super::picture::{Anchor, Picture, Style};
use super::words::moment;
use super::{Nothing, Recording, Wanted, letters};
use crate::kernel::Time;
use crate::protocol::counted;
use crate::protocol::{Fact, TopicPartition, is_internal_topic};
use petgraph::Direction;
use petgraph::graphmap::DiGraphMap;
use std::collections::{BTreeMap, BTreeSet};

/// So many sources, and so many targets, are shown.
const MOST: usize = 12;
const ROW: i32 = 30;
const BOX: (i32, i32) = (118, 20);
const TOP: i32 = 84;
/// Of the sources, the log and the targets, wired and around the log: left edges.
const WIRED: (i32, i32) = (12, 312);
const AROUND: (i32, i32, i32) = (490, 667, 812);
const LOG: i32 = 86;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let said = Said::of(recording, wanted);
    match said.graph.edge_count() {
        0 => Err(Nothing {
            found: "no record of a producer was acknowledged and read in this run".to_owned(),
            expected: "a run with producers, and consumers that read what they write".to_owned(),
        }),
        _ => Ok(said.picture(recording)),
    }
}

/// A program as a source, or as a target: one that does both stands on both sides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Side<'a> {
    Source(&'a str),
    Target(&'a str),
}

impl<'a> Side<'a> {
    fn name(self) -> &'a str {
        match self {
            Side::Source(name) | Side::Target(name) => name,
        }
    }
}

/// What facts say of it.
#[derive(Default)]
struct Said<'a> {
    /// From each source to each target that has read a record of it.
    graph: DiGraphMap<Side<'a>, ()>,
    topics: BTreeSet<&'a str>,
    /// When a record was acknowledged, by whom it was made, and how long that took.
    acked: Vec<(Time, &'a str, u64)>,
    /// When each process was down first.
    down: BTreeMap<&'a str, (Time, Option<Time>)>,
}

impl<'a> Said<'a> {
    fn of(recording: &'a Recording, wanted: &Wanted) -> Said<'a> {
        let mut said = Said::default();
        let mut stored: BTreeMap<(&TopicPartition, i64), &str> = BTreeMap::new();
        for entry in &recording.facts {
            if let Fact::Acked {
                record,
                partition,
                offset,
                latency_ns,
                ..
            } = &entry.fact
                && wanted.shows(partition)
            {
                stored.insert((partition, *offset), &record.producer);
                said.acked.push((entry.time, &record.producer, *latency_ns));
            }
        }
        for entry in &recording.facts {
            let (node, time) = (&*entry.node, entry.time);
            match &entry.fact {
                Fact::Consumed {
                    partition, offset, ..
                } if !is_internal_topic(&partition.topic) => {
                    if let Some(source) = stored.get(&(partition, *offset)) {
                        let (from, to) = (Side::Source(source), Side::Target(node));
                        said.graph.add_edge(from, to, ());
                        said.topics.insert(&partition.topic);
                    }
                }
                Fact::Crashed | Fact::PowerFailed | Fact::Paused => {
                    said.down.entry(node).or_insert((time, None));
                }
                Fact::Started | Fact::Resumed => {
                    if let Some((_, end)) = said.down.get_mut(node) {
                        end.get_or_insert(time);
                    }
                }
                _ => {}
            }
        }
        said
    }

    /// By name, sources and targets.
    fn sides(&self) -> (Vec<Side<'a>>, Vec<Side<'a>>) {
        let all: BTreeSet<Side<'a>> = self.graph.nodes().collect();
        all.into_iter()
            .partition(|it| matches!(it, Side::Source(_)))
    }

    /// The target that was down first.
    fn dead(&self, targets: &[Side<'a>]) -> Option<Dead<'a>> {
        let of = |target: &Side<'a>| {
            let (from, until) = *self.down.get(target.name())?;
            Some((from, *target, until))
        };
        let (from, target, until) = targets.iter().filter_map(of).min()?;
        let sources = self
            .graph
            .neighbors_directed(target, Direction::Incoming)
            .map(Side::name);
        Some(Dead {
            target,
            from,
            until,
            waiting: sources.collect(),
        })
    }

    fn picture(&self, recording: &Recording) -> Picture {
        let (mut sources, mut targets) = self.sides();
        let dead = self.dead(&targets);
        let links = self.graph.edge_count();
        let ends = self.graph.node_count();
        let mut picture = Picture::new(
            format!("{}: wired to each other, and around a log", recording.name),
            format!(
                "{}, {}. Wired to each other they need {}; around a log {}. A box with an X: a program that was down; \
                 thick lines lead to it, and whoever is wired to it would wait.",
                counted(sources.len(), "source"),
                counted(targets.len(), "target"),
                counted(links, "link"),
                counted(ends, "link"),
            ),
        );
        picture.text((12, 24), picture.title.clone(), Style::Strong);
        let wired = format!(
            "wired: {} ({} x {})",
            counted(links, "link"),
            sources.len(),
            targets.len()
        );
        let wired = match links == sources.len() * targets.len() {
            true => wired,
            // Not everybody hears everybody.
            false => format!("wired: {}, one for each that hears", counted(links, "link")),
        };
        let around = format!(
            "around a log: {} ({} + {})",
            counted(ends, "link"),
            sources.len(),
            targets.len()
        );
        for (x, text, why) in [
            (
                WIRED.0,
                wired,
                "counted: a link for each source and each target that has read a record of it",
            ),
            (
                AROUND.0,
                around,
                "each program knows the log and nobody else: bootstrap.servers is all that it is told",
            ),
        ] {
            picture.text((x, 48), text, Style::Ink).because(why);
        }
        let left_out = [
            cut(&mut sources, dead.as_ref(), "source"),
            cut(&mut targets, dead.as_ref(), "target"),
        ];
        let rows = i32::try_from(sources.len().max(targets.len())).unwrap_or(0);
        self.push_wired(&mut picture, (&sources, &targets), rows, dead.as_ref());
        self.push_around(&mut picture, (&sources, &targets), rows, dead.as_ref());
        let mut y = TOP + rows * ROW + 16;
        if let Some(dead) = &dead {
            y = self.push_consequences(&mut picture, y, dead);
        }
        for note in left_out.into_iter().flatten() {
            picture.text((12, y), note, Style::Faint);
            y += 14;
        }
        picture.text(
            (12, y),
            "wired: assumes a call for each message, whose caller waits for the answer",
            Style::Faint,
        );
        picture.fit(12);
        picture
    }

    fn push_wired(
        &self,
        picture: &mut Picture,
        (sources, targets): (&[Side<'a>], &[Side<'a>]),
        rows: i32,
        dead: Option<&Dead<'a>>,
    ) {
        for (place, source) in sources.iter().enumerate() {
            let from = (WIRED.0 + BOX.0, middle(place, sources.len(), rows));
            for (other, target) in targets.iter().enumerate() {
                if !self.graph.contains_edge(*source, *target) {
                    continue;
                }
                let to = (WIRED.1, middle(other, targets.len(), rows));
                let is_cut = dead.is_some_and(|it| it.target == *target);
                let style = if is_cut { Style::Lost } else { Style::Message };
                let (source, target) = (source.name(), target.name());
                picture
                    .line(from, to, style)
                    .because(format!("{target} has read records of {source}"));
            }
        }
        for (place, source) in sources.iter().enumerate() {
            let waits = dead.is_some_and(|it| it.waiting.contains(source.name()));
            let style = if waits { Style::Waiting } else { Style::Frame };
            let why = match waits {
                true => "it has something to say to a program that is down, and waits",
                false => "it says something",
            };
            let y = middle(place, sources.len(), rows);
            push_box(picture, (WIRED.0, y), *source, style, why);
        }
        push_targets(picture, WIRED.1, targets, rows, dead);
    }

    fn push_around(
        &self,
        picture: &mut Picture,
        (sources, targets): (&[Side<'a>], &[Side<'a>]),
        rows: i32,
        dead: Option<&Dead<'a>>,
    ) {
        let (top, height) = (TOP, rows * ROW);
        let into = |place: usize, count: usize| middle(place, count, rows);
        for (place, source) in sources.iter().enumerate() {
            let y = into(place, sources.len());
            picture.arrow((AROUND.0 + BOX.0, y), (AROUND.1, y), Style::Message);
            let why = "it sends to the log, and hears of no target";
            push_box(picture, (AROUND.0, y), *source, Style::Good, why);
        }
        for (place, target) in targets.iter().enumerate() {
            let y = into(place, targets.len());
            let is_cut = dead.is_some_and(|it| it.target == *target);
            let style = if is_cut { Style::Lost } else { Style::Message };
            picture.arrow((AROUND.1 + LOG, y), (AROUND.2, y), style);
        }
        picture
            .rect((AROUND.1, top), (LOG, height), Style::Epoch(0))
            .because("what is written stays for everybody who asks, at any time: retention.ms");
        let middle_of_log = AROUND.1 + LOG / 2;
        let names: Vec<&str> = self.topics.iter().copied().take(3).collect();
        let more = self.topics.len() - names.len();
        let mut lines = vec!["the log".to_owned()];
        lines.extend(names.iter().map(|it| letters::cut(it, 11, LOG - 8)));
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        let count = i32::try_from(lines.len()).unwrap_or(0);
        let mut y = top + height / 2 - count * 7 + 11;
        for line in lines {
            // A log of one row has room for its name alone.
            if y < top + height {
                picture.text_at((middle_of_log, y), Anchor::Middle, line, Style::Epoch(0));
            }
            y += 14;
        }
        push_targets(picture, AROUND.2, targets, rows, dead);
    }

    /// What it means that a target is down: below each half. Where the next may stand.
    fn push_consequences(&self, picture: &mut Picture, top: i32, dead: &Dead<'a>) -> i32 {
        let name = dead.target.name();
        let until = dead.until.unwrap_or(Time(u64::MAX));
        let meanwhile = self
            .acked
            .iter()
            .filter(|(time, source, _)| {
                (dead.from..until).contains(time) && dead.waiting.contains(source)
            })
            .map(|(_, _, latency)| *latency);
        let (count, slowest) =
            meanwhile.fold((0, 0), |(count, most), it| (count + 1, it.max(most)));
        let back = match dead.until {
            Some(until) => format!("until {}", moment(until)),
            None => "to the end".to_owned(),
        };
        let waiting = counted(dead.waiting.len(), "source");
        let names: Vec<&str> = dead.waiting.iter().copied().collect();
        let halves = [
            (
                WIRED.0,
                [
                    format!("{name} is down from {} {back}", moment(dead.from)),
                    format!("{waiting} would wait for it: {}", names.join(", ")),
                ],
                "a caller of a program that is down has no answer until that is back, or gives up",
            ),
            (
                AROUND.0,
                [
                    format!("{name} is down, and 0 sources wait:"),
                    format!(
                        "{} acknowledged meanwhile, the slowest after {}.{} ms",
                        counted(count, "record"),
                        slowest / 1_000_000,
                        slowest / 100_000 % 10
                    ),
                ],
                "a produce request waits for replicas in sync (acks), never for a consumer; what it missed waits in the log",
            ),
        ];
        for (x, lines, why) in halves {
            for (line, y) in lines.into_iter().zip([top, top + 16]) {
                let line = letters::cut(&line, 11, 450);
                picture.text((x, y), line, Style::Ink).because(why);
            }
        }
        top + 38
    }
}

/// A target that was down.
struct Dead<'a> {
    target: Side<'a>,
    from: Time,
    until: Option<Time>,
    /// Sources that have something to say to it.
    waiting: BTreeSet<&'a str>,
}

/// Leaves as many as there is room for, the dead one among them; says how many it leaves out.
fn cut<'a>(sides: &mut Vec<Side<'a>>, dead: Option<&Dead<'a>>, what: &str) -> Option<String> {
    let left_out = sides.len().checked_sub(MOST + 1)? + 1;
    if let Some(place) = sides
        .iter()
        .position(|it| dead.is_some_and(|dead| dead.target == *it))
        && place >= MOST
    {
        sides.swap(MOST - 1, place);
    }
    sides.truncate(MOST);
    let what = counted(left_out, &format!("more {what}"));
    Some(format!("{what} counted and not shown (--topic chooses)"))
}

fn push_targets(
    picture: &mut Picture,
    x: i32,
    targets: &[Side<'_>],
    rows: i32,
    dead: Option<&Dead<'_>>,
) {
    for (place, target) in targets.iter().enumerate() {
        let is_dead = dead.is_some_and(|it| it.target == *target);
        let (style, why) = match is_dead {
            true => (Style::Bad, "its process was down"),
            false => (Style::Frame, "it has read what the sources say"),
        };
        let y = middle(place, targets.len(), rows);
        push_box(picture, (x, y), *target, style, why);
        if is_dead {
            let (left, right) = (x + BOX.0 - 14, x + BOX.0 - 6);
            picture.line((left, y - 4), (right, y + 4), Style::Ink);
            picture.line((left, y + 4), (right, y - 4), Style::Ink);
        }
    }
}

/// `at`: the middle of its left edge.
fn push_box(picture: &mut Picture, at: (i32, i32), side: Side<'_>, style: Style, why: &str) {
    let corner = (at.0, at.1 - BOX.1 / 2);
    picture.rect(corner, BOX, style).because(why);
    let name = letters::cut(side.name(), 11, BOX.0 - 24);
    picture
        .text((at.0 + 6, at.1 + 4), name, style_of_text(style))
        .because(side.name());
}

fn style_of_text(style: Style) -> Style {
    match style {
        Style::Frame => Style::Ink,
        other => other,
    }
}

/// Of a box: they stand spread over the rows.
fn middle(place: usize, count: usize, rows: i32) -> i32 {
    let (place, count) = (
        i32::try_from(place).unwrap_or(0),
        i32::try_from(count.max(1)).unwrap_or(1),
    );
    TOP + rows * ROW * (2 * place + 1) / (2 * count)
}
