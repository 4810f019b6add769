//! How far readers are behind, over time: a field for each group and partition, all of one height, so that who is
//! behind more than others is seen.
//!
//! Each column of a field shows the most of its time: what rises and falls within one is not lost.

use super::over_time::{self, Faults, MARGIN, Span, WIDTH, millis, seconds};
use crate::figure::picture::{Anchor, Picture, Style};
use crate::figure::{Nothing, Recording, Wanted, lags, letters};
use crate::protocol::{Fact, GroupFact, TopicPartition};
use std::collections::BTreeMap;
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
    let mut fields: BTreeMap<(Rc<str>, &TopicPartition), Lag> = BTreeMap::new();
    for change in lags::changes(recording, wanted) {
        let part = span.part(millis(change.time), PARTS);
        let lag = fields.entry((change.reader, change.partition)).or_default();
        lag.becomes(part, change.lag);
        if span.has(millis(change.time)) {
            lag.changes.push((millis(change.time), change.lag));
        }
    }
    let lags: Vec<Shown<'_>> = fields
        .into_iter()
        .map(|((reader, partition), mut lag)| {
            lag.becomes(PARTS - 1, lag.now);
            Shown {
                reader,
                partition,
                most: lag.most,
                changes: lag.changes,
            }
        })
        .collect();
    match lags.is_empty() {
        true => Err(Nothing {
            found: "no consumer read or committed anything in what is to be shown".to_owned(),
            expected: "a run with consumers, and a topic that they read".to_owned(),
        }),
        false => Ok(picture(recording, span, lags, &rebalances(recording, span))),
    }
}

/// Of one reader in one partition.
#[derive(Default)]
struct Lag {
    now: Option<i64>,
    /// The most in each part of the time, as far as that has come.
    most: Vec<Option<i64>>,
    /// What it is from which millisecond on.
    changes: Vec<(i64, Option<i64>)>,
}

/// A field to be drawn.
struct Shown<'a> {
    reader: Rc<str>,
    partition: &'a TopicPartition,
    most: Vec<Option<i64>>,
    changes: Vec<(i64, Option<i64>)>,
}

impl Lag {
    /// Up to this part of the time it was as before.
    fn becomes(&mut self, part: usize, lag: Option<i64>) {
        while self.most.len() <= part {
            self.most.push(self.now);
        }
        self.most[part] = self.most[part].max(lag);
        self.now = lag;
    }
}

/// When members of a group were to join again: time, group, generation.
fn rebalances(recording: &Recording, span: Span) -> Vec<(i64, &str, i32)> {
    let facts = recording.facts.iter();
    let begun = facts.filter_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::Changed {
            group,
            state,
            generation,
            ..
        }) if &**state == "PreparingRebalance" => Some((millis(entry.time), &**group, *generation)),
        _ => None,
    });
    begun.filter(|(time, ..)| span.has(*time)).collect()
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
                "{}: the group rebalances after generation {generation}: all its members join again (PreparingRebalance, GroupCoordinator; max.poll.interval.ms)",
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
                    let why = "the high watermark less what is committed: it falls with each commit (LAG of kafka-consumer-groups; auto.commit.interval.ms)";
                    panel.line(picture, &values, Style::Series(0), why);
                }
            }
        }
    }

    /// The most, and how long it took to be as usual again: to the millisecond, and not to a column.
    fn in_words(&self, span: Span) -> String {
        let peak = self.peak();
        let reaches = |it: &&(i64, Option<i64>)| it.1 == Some(peak);
        let when = self.changes.iter().find(reaches);
        // It may have been so before what is drawn begins.
        let when = when.map_or(span.start(0, PARTS), |it| it.0);
        let mut all: Vec<i64> = self.most.iter().flatten().copied().collect();
        all.sort_unstable();
        let usual = all.get(all.len() / 2).copied().unwrap_or(0);
        let told = format!("most {peak} at {}", seconds(when));
        // What goes up and down with each commit is no backlog.
        if peak < 3 * usual + 2 {
            return if peak == 0 {
                "never behind".to_owned()
            } else {
                told
            };
        }
        let mut after = self.changes.iter().filter(|it| it.0 >= when);
        let back = after.find(|it| it.1.is_some_and(|lag| lag <= usual));
        match back {
            Some((time, _)) => {
                let took = seconds(time - when);
                format!("{told}, drained to the usual {usual} in {took}")
            }
            None => format!("{told}, not drained to the usual {usual} at the end"),
        }
    }
}
