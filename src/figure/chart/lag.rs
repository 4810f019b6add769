//! How far readers are behind, over time: a field for each group and partition, all of one height, so that who is
//! behind more than others is seen. A group's lag is what is committed in the log and not by the group; of a consumer
//! without a group, what it has not read.
//!
//! Each column of a field shows the most of its time: what rises and falls within one is not lost.

use super::over_time::{self, Faults, MARGIN, Span, WIDTH, millis, seconds};
use crate::check::CommittedOffsets;
use crate::figure::picture::{Anchor, Picture, Style};
use crate::figure::{Nothing, Recording, Wanted, letters};
use crate::protocol::{Fact, GroupFact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// So many fields at most: those who were behind most.
const MOST: usize = 12;
/// Beside each other.
const COLUMNS: usize = 2;
const SIZE: (i32, i32) = ((WIDTH - 16) / 2, 110);
/// Of a row of fields, with their names.
const ROW: i32 = SIZE.1 + 26;
/// Parts of the time that are told apart.
const PARTS: usize = 380;

pub(crate) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let span = Span::of(recording, wanted);
    let mut told = Told {
        span,
        in_groups: in_groups(recording),
        committed: CommittedOffsets::default(),
        partitions: BTreeMap::new(),
        rebalances: Vec::new(),
    };
    for entry in &recording.facts {
        told.learn(entry, wanted);
    }
    let lags = told.finish();
    match lags.is_empty() {
        true => Err(Nothing {
            found: "nobody read, or committed, anything of that in this run".to_owned(),
            expected: "a run with consumers, and a topic that they read".to_owned(),
        }),
        false => Ok(picture(recording, span, lags, &told.rebalances)),
    }
}

/// What facts say of it.
struct Told<'a> {
    span: Span,
    /// Consumers whose groups say how far they are.
    in_groups: BTreeSet<&'a str>,
    committed: CommittedOffsets,
    partitions: BTreeMap<&'a TopicPartition, Partition>,
    /// When members of a group were to join again: time, group, generation.
    rebalances: Vec<(i64, &'a str, i32)>,
}

/// A partition's end for readers, and who reads it.
#[derive(Default)]
struct Partition {
    end: i64,
    readers: BTreeMap<Rc<str>, Lag>,
}

/// Of one reader in one partition.
#[derive(Default)]
struct Lag {
    /// Offset of what it reads next.
    next: i64,
    /// The lag now; none if its place is not known.
    now: Option<i64>,
    /// The most in each part of the time, as far as that has come.
    most: Vec<Option<i64>>,
}

/// A field to be drawn.
struct Shown<'a> {
    reader: Rc<str>,
    partition: &'a TopicPartition,
    most: Vec<Option<i64>>,
}

/// Who reads with a group that knows how far it is.
fn in_groups(recording: &Recording) -> BTreeSet<&str> {
    let facts = recording.facts.iter();
    let members = facts.filter(|entry| {
        let Fact::Group(fact) = &entry.fact else {
            return false;
        };
        match fact {
            GroupFact::PartitionsAssigned { .. } => true,
            GroupFact::AssignedByHand {
                commits_nothing, ..
            } => !commits_nothing,
            _ => false,
        }
    });
    members.map(|entry| &*entry.node).collect()
}

impl<'a> Told<'a> {
    fn learn(&mut self, entry: &'a TraceEntry, wanted: &Wanted) {
        let now = millis(entry.time);
        match &entry.fact {
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            }
            | Fact::BecameLeader {
                partition,
                high_watermark,
                ..
            } if wanted.shows(partition) => {
                let part = self.span.part(now, PARTS);
                let known = self.partitions.entry(partition).or_default();
                known.end = *high_watermark;
                for lag in known.readers.values_mut() {
                    lag.changes(part, known.end);
                }
            }
            Fact::Consumed {
                partition, offset, ..
            } if wanted.shows(partition) && !self.in_groups.contains(&*entry.node) => {
                self.reads(now, partition, &entry.node, Some(offset + 1));
            }
            Fact::Group(fact) => self.group(now, fact, wanted),
            _ => {}
        }
    }

    fn group(&mut self, now: i64, fact: &'a GroupFact, wanted: &Wanted) {
        self.committed.learn(fact);
        match fact {
            GroupFact::OffsetCommitted {
                group, partition, ..
            }
            | GroupFact::OffsetExpired { group, partition }
                if wanted.shows(partition) =>
            {
                let next = self.committed.of(group, partition);
                self.reads(now, partition, group, next);
            }
            // What a coordinator has loaded is what counts from now on.
            GroupFact::Loaded { .. } => {
                let part = self.span.part(now, PARTS);
                for (partition, known) in &mut self.partitions {
                    let end = known.end;
                    for (reader, lag) in &mut known.readers {
                        if let Some(next) = self.committed.of(reader, partition) {
                            lag.next = next;
                            lag.changes(part, end);
                        }
                    }
                }
            }
            GroupFact::Changed {
                group,
                state,
                generation,
                ..
            } if &**state == "PreparingRebalance" && self.span.has(now) => {
                self.rebalances.push((now, group, *generation));
            }
            _ => {}
        }
    }

    /// It goes on from there.
    fn reads(
        &mut self,
        now: i64,
        partition: &'a TopicPartition,
        reader: &Rc<str>,
        next: Option<i64>,
    ) {
        let part = self.span.part(now, PARTS);
        let known = self.partitions.entry(partition).or_default();
        if !known.readers.contains_key(reader) {
            known.readers.insert(Rc::clone(reader), Lag::default());
        }
        let Some(lag) = known.readers.get_mut(reader) else {
            return;
        };
        match next {
            Some(next) => {
                lag.next = next;
                lag.now = lag.now.or(Some(0));
                lag.changes(part, known.end);
            }
            None => lag.now = None,
        }
    }

    /// In the order of readers, those with the most lag if they are many.
    fn finish(&mut self) -> Vec<Shown<'a>> {
        let mut all = Vec::new();
        for (partition, known) in std::mem::take(&mut self.partitions) {
            for (reader, mut lag) in known.readers {
                lag.changes(PARTS - 1, known.end);
                all.push(Shown {
                    reader,
                    partition,
                    most: lag.most,
                });
            }
        }
        all.retain(|it| it.most.iter().any(Option::is_some));
        all.sort_by(|a, b| (&a.reader, a.partition).cmp(&(&b.reader, b.partition)));
        all
    }
}

impl Lag {
    /// Up to this part of the time it was as before; now the partition ends there.
    fn changes(&mut self, part: usize, end: i64) {
        while self.most.len() <= part {
            self.most.push(self.now);
        }
        if self.now.is_some() {
            // A new leader may know of less than a group has committed.
            let now = (end - self.next).max(0);
            self.now = Some(now);
            self.most[part] = self.most[part].max(Some(now));
        }
    }
}

fn picture(
    recording: &Recording,
    span: Span,
    mut lags: Vec<Shown<'_>>,
    rebalances: &[(i64, &str, i32)],
) -> Picture {
    let mut picture = Picture::new(
        format!("{}: how far readers are behind", recording.name),
        "A field for each group, or consumer without one, and partition: records that are committed in the log and not \
         by the group, over time, all fields of one height. Shaded: while a fault lasts; dotted lines: rebalances.",
    );
    let all = lags.len();
    if all > MOST {
        let mut by_peak: Vec<i64> = lags.iter().map(Shown::peak).collect();
        by_peak.sort_unstable_by(|a, b| b.cmp(a));
        let (least, mut free) = (by_peak[MOST - 1], MOST);
        let above = by_peak.iter().filter(|peak| **peak > least).count();
        let mut equals = MOST - above;
        lags.retain(|it| {
            let is_equal = it.peak() == least && equals > 0;
            equals -= usize::from(is_equal);
            let kept = free > 0 && (it.peak() > least || is_equal);
            free -= usize::from(kept);
            kept
        });
    }
    let top = over_time::head(&mut picture);
    let most = lags.iter().map(Shown::peak).max().unwrap_or(0);
    let faults = Faults::of(recording, span);
    let mut bottom = top;
    for (place, shown) in lags.iter().enumerate() {
        let (row, column) = (place / COLUMNS, place % COLUMNS);
        let x = MARGIN + i32::try_from(column).unwrap_or(0) * (SIZE.0 + 16);
        let y = top + i32::try_from(row).unwrap_or(0) * ROW + 10;
        shown.draw(&mut picture, (x, y), span, most, (&faults, rebalances));
        bottom = y + ROW;
    }
    let mut said = "records; each column shows the most of its time; dotted: the group rebalances; its members join again".to_owned();
    if all > lags.len() {
        said += &format!("; {} more were behind less (--topic)", all - lags.len());
    }
    picture.text((MARGIN, bottom), said, Style::Faint);
    faults.list(&mut picture, bottom + over_time::LINE);
    picture.fit(MARGIN);
    picture
}

impl Shown<'_> {
    fn peak(&self) -> i64 {
        self.most.iter().flatten().copied().max().unwrap_or(0)
    }

    fn draw(
        &self,
        picture: &mut Picture,
        (x, y): (i32, i32),
        span: Span,
        most: i64,
        (faults, rebalances): (&Faults<'_>, &[(i64, &str, i32)]),
    ) {
        let told = self.in_words(span);
        let right = x + SIZE.0;
        let room = SIZE.0 - letters::width(&told, 10) - 12;
        let name = letters::cut(&format!("{}: {}", self.reader, self.partition), 11, room);
        picture.text((x, y), name, Style::Ink);
        picture.text_at((right, y), Anchor::End, told, Style::Faint);
        let panel = span.panel(picture, (x, y + 8), SIZE, most, &|it| it.to_string());
        faults.draw(picture, &panel);
        for (time, _, generation) in rebalances.iter().filter(|it| it.1 == &*self.reader) {
            let why = format!(
                "{}: the group rebalances after generation {generation}: all its members join again (PreparingRebalance)",
                seconds(*time)
            );
            panel.rule(picture, *time, Style::DownLane).because(why);
        }
        // Where its place was not known there is no line.
        let mut known = Vec::new();
        for (part, lag) in self.most.iter().chain([&None]).enumerate() {
            match lag {
                Some(lag) => known.push((span.start(part, PARTS), *lag)),
                None => {
                    let values = std::mem::take(&mut known);
                    let why = "lag: the high watermark less the offset that is committed";
                    panel.line(picture, &values, Style::Series(0), why);
                }
            }
        }
    }

    /// The most, and how long it took to be as usual again.
    fn in_words(&self, span: Span) -> String {
        let known = || self.most.iter().enumerate();
        let peak = self.peak();
        let at = known().find(|(_, lag)| **lag == Some(peak));
        let at = at.map_or(0, |(part, _)| part);
        let mut all: Vec<i64> = self.most.iter().flatten().copied().collect();
        all.sort_unstable();
        let usual = all.get(all.len() / 2).copied().unwrap_or(0);
        let when = span.start(at, PARTS);
        let told = format!("most {peak} at {}", seconds(when / 100 * 100));
        // What goes up and down with each commit is no backlog.
        if peak < 3 * usual + 2 {
            return if peak == 0 {
                "never behind".to_owned()
            } else {
                told
            };
        }
        let after = known().skip(at);
        let back = after
            .filter_map(|(part, lag)| Some((part, (*lag)?)))
            .find(|(_, lag)| *lag <= usual);
        match back {
            Some((part, _)) => {
                let took = span.start(part, PARTS) - when;
                let took = seconds((took / 100 * 100).max(100));
                format!("{told}, drained to the usual {usual} in {took}")
            }
            None => format!("{told}, not drained to the usual {usual} at the end"),
        }
    }
}
