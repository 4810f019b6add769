//! The map of trucks: where each was last heard of and the way that it seems to have driven, as each group, or consumer
//! without one, has read it up to a moment. Where all positions of a truck lie in one partition that is its way; where
//! they lie in several the truck jumps back and forth, since each partition is read in order and all together are not.
//!
//! Positions stand in records, which a trace does not hold: a run is played, and its brokers' disks are looked at. Reads
//! JSON with a truck, its number, latitude and longitude, and says how many records are something else.

mod seen;

use super::picture::{Picture, Point, Shape, Style};
use super::why::why;
use super::words::moment;
use super::{Nothing, Recording, Wanted, letters};
use crate::protocol::counted;
use seen::{Seen, Sighting, Trucks};
use std::collections::BTreeSet;

/// So many readers, and so many trucks of each, and of each truck so many positions, the last ones.
const READERS: usize = 3;
const TRUCKS: usize = 3;
const POSITIONS: usize = 400;
/// A map's side, and from one to the next.
const SIDE: i32 = 288;
const LEFT: i32 = 14;
const PITCH: i32 = SIDE + 22;
/// Streets of the town in which the workload `position` drives, in millionths of a degree: one of them, and how far it
/// is to the next. Either way it is as far in metres.
const STREET: (i64, i64) = (52_520_000, 13_405_000);
const BLOCK: (i64, i64) = (1_000, 1_644);
/// So many streets are drawn at most, each way.
const STREETS: i64 = 14;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let asked = wanted.moment(recording);
    let said = asked.map_or_else(|| "the end".to_owned(), moment);
    let seen = Seen::until(recording, wanted, asked.unwrap_or(recording.end));
    let seen = seen.ok_or_else(|| Nothing::in_a_trace("what records say"))?;
    let Some(town) = side(&seen) else {
        return Err(Nothing {
            found: format!("nobody has read a truck's position by {said}"),
            expected: "producers with value: position, and consumers that read them".to_owned(),
        });
    };
    let mut picture = Picture::new(
        format!("{}: where readers see the trucks at {said}", recording.name),
        about(&seen),
    );
    picture.text((12, 24), picture.title.clone(), Style::Strong);
    let mut y = 32;
    for (of, trucks) in seen.views.iter().take(READERS) {
        y = push_reader(&mut picture, y, town, &of.to_string(), trucks);
    }
    let mut notes = vec![
        "blue: from one position to the next, as it was read, the circle at the last; red arrow: to an earlier position than \
         the one before"
            .to_owned(),
        "dashed: as it was driven; a line across blocks: what was driven between was not read, or not yet".to_owned(),
    ];
    let views = seen.views.len();
    if views > READERS {
        let more = counted(views - READERS, "more reader");
        notes.push(format!("{more} not shown (--topic chooses)"));
    }
    if seen.others > 0 {
        notes.push(format!(
            "{} that were read say no position in JSON, or are in no log any more",
            counted(seen.others, "record")
        ));
    }
    for note in notes {
        y += 14;
        picture.text((12, y), letters::cut(&note, 10, 920), Style::Faint);
    }
    picture.fit(12);
    Ok(picture)
}

fn about(seen: &Seen<'_>) -> String {
    let said = seen.views.iter().take(READERS).map(|(of, trucks)| {
        let back: usize = trucks.values().map(|it| times_back(it)).sum();
        let back = match back {
            0 => "no truck ever jumps back".to_owned(),
            _ => format!("trucks jump back {}", counted(back, "time")),
        };
        format!("{of}: {back}")
    });
    let said: Vec<String> = said.collect();
    format!(
        "A map for each reader: a line from one position of a truck to the next in the order in which it was read, a \
         circle at the last. {}.",
        said.join("; ")
    )
}

/// How often what was read is no later than what was read before.
fn times_back(way: &[Sighting]) -> usize {
    let pairs = way.windows(2);
    pairs.filter(|it| it[1].number <= it[0].number).count()
}

/// Of all maps, so that one can be held against another, in millionths of a degree of latitude: what any truck has driven
/// through, and a street more on each side.
fn side(seen: &Seen<'_>) -> Option<i64> {
    let readers = seen.views.values().take(READERS);
    let ways = readers.flat_map(|it| shown(it).map(|(_, way)| way));
    let widest = ways.filter_map(|way| {
        let (south, north, west, east) = bounds(last(way))?;
        Some((north - south).max((east - west) * BLOCK.0 / BLOCK.1))
    });
    Some(widest.max()? + 2 * BLOCK.0)
}

fn bounds(way: &[Sighting]) -> Option<(i64, i64, i64, i64)> {
    let latitudes = || way.iter().map(|it| it.latitude);
    let longitudes = || way.iter().map(|it| it.longitude);
    Some((
        latitudes().min()?,
        latitudes().max()?,
        longitudes().min()?,
        longitudes().max()?,
    ))
}

/// In the order of their names, by number.
fn shown(trucks: &Trucks) -> impl Iterator<Item = (&str, &[Sighting])> {
    let mut all: Vec<_> = trucks.iter().collect();
    all.sort_by_key(|(name, _)| (name.len(), *name));
    let all = all.into_iter().take(TRUCKS);
    all.map(|(name, way)| (name.as_str(), way.as_slice()))
}

/// The part of the town around one truck's way, and where on the picture it stands.
struct Town {
    south: i64,
    west: i64,
    side: i64,
    left: i32,
    top: i32,
}

impl Town {
    fn around(way: &[Sighting], side: i64, (left, top): (i32, i32)) -> Option<Town> {
        let (south, north, west, east) = bounds(way)?;
        Some(Town {
            south: (north + south - side) / 2,
            west: (east + west - side * BLOCK.1 / BLOCK.0) / 2,
            side,
            left,
            top,
        })
    }

    fn at(&self, latitude: i64, longitude: i64) -> Point {
        let east = (longitude - self.west) * BLOCK.0 / BLOCK.1;
        let scaled = |along: i64| {
            let scaled = along * i64::from(SIDE) / self.side;
            i32::try_from(scaled).unwrap_or(0).clamp(0, SIDE)
        };
        let north = scaled(latitude - self.south);
        Point::new(self.left + scaled(east), self.top + SIDE - north)
    }

    fn of(&self, it: &Sighting) -> Point {
        self.at(it.latitude, it.longitude)
    }

    /// Every street, or each second, fifth and so on, where there are too many.
    fn push_streets(&self, picture: &mut Picture) {
        let (left, top) = (self.left, self.top);
        let count = self.side / BLOCK.0;
        let steps = [1, 2, 5, 10, 20, 50];
        let step = steps.into_iter().find(|step| count / step <= STREETS);
        let step = step.unwrap_or(count);
        let first = |from: i64, street: i64, every: i64| from + (street - from).rem_euclid(every);
        let (every, across) = (step * BLOCK.0, step * BLOCK.1);
        let mut latitude = first(self.south, STREET.0, every);
        while latitude < self.south + self.side {
            let y = self.at(latitude, self.west).y;
            picture.line((left, y), (left + SIDE, y), Style::Faint);
            latitude += every;
        }
        let mut longitude = first(self.west, STREET.1, across);
        while longitude < self.west + self.side * BLOCK.1 / BLOCK.0 {
            let x = self.at(self.south, longitude).x;
            picture.line((x, top), (x, top + SIDE), Style::Faint);
            longitude += across;
        }
    }
}

/// Where the next may begin.
fn push_reader(picture: &mut Picture, top: i32, side: i64, of: &str, trucks: &Trucks) -> i32 {
    let y = top + 20;
    let more = trucks.len().saturating_sub(TRUCKS);
    let more = match more {
        0 => String::new(),
        _ => format!(" ({} not shown)", counted(more, "more truck")),
    };
    let name = letters::cut(&format!("{of}{more}"), 11, 3 * PITCH);
    picture
        .text((LEFT, y), name, Style::Ink)
        .because(why("consumed").map_or_else(String::new, |it| it.in_a_line()));
    for (place, (name, way)) in (0..).zip(shown(trucks)) {
        let (left, top) = (LEFT + place * PITCH, y + 8);
        if let Some(town) = Town::around(last(way), side, (left, top)) {
            town.push_streets(picture);
            picture.rect((left, top), (SIDE, SIDE), Style::Frame);
            push_driven(picture, &town, way);
            push_way(picture, &town, name, way);
        }
        for (line, text) in [name.to_owned(), said(way)].iter().enumerate() {
            let style = if line == 0 { Style::Ink } else { Style::Faint };
            let text = letters::cut(text, style.text_size(), SIDE);
            let y = top + SIDE + 15 + 14 * i32::try_from(line).unwrap_or(0);
            picture.text((left, y), text, style);
        }
    }
    y + 8 + SIDE + 36
}

/// As its positions are numbered, whoever read them when.
fn push_driven(picture: &mut Picture, town: &Town, way: &[Sighting]) {
    let mut driven: Vec<&Sighting> = last(way).iter().collect();
    driven.sort_by_key(|it| it.number);
    let points = driven.iter().map(|it| town.of(it)).collect();
    push_points(picture, points, Style::Answer);
}

fn push_way(picture: &mut Picture, town: &Town, name: &str, way: &[Sighting]) {
    let mut points: Vec<Point> = Vec::new();
    let mut jumps = Vec::new();
    for pair in last(way).windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        if to.number > from.number {
            if points.is_empty() {
                points.push(town.of(from));
            }
            points.push(town.of(to));
        } else {
            push_points(picture, std::mem::take(&mut points), Style::Series(0));
            jumps.push((from, to));
        }
    }
    push_points(picture, points, Style::Series(0));
    // Above all lines, so that none is hidden.
    for (from, to) in jumps {
        let said = format!(
            "{name}: its position {} is read after its position {}: each partition is read in order, several are not",
            to.number, from.number
        );
        let (start, end) = (town.of(from), town.of(to));
        picture
            .arrow((start.x, start.y), (end.x, end.y), Style::Lost)
            .because(said);
    }
    if let Some(newest) = last(way).last() {
        let at = town.of(newest);
        let said = format!(
            "{name}: its position {} is the last that was read",
            newest.number
        );
        picture
            .add(Shape::Circle { at, radius: 6 }, Style::Series(0))
            .because(said);
    }
}

fn push_points(picture: &mut Picture, mut points: Vec<Point>, style: Style) {
    points.dedup();
    if points.len() > 1 {
        picture.add(Shape::Path(points), style);
    }
}

/// How many, from where, and how often it jumped.
fn said(way: &[Sighting]) -> String {
    let partitions: BTreeSet<i32> = way.iter().map(|it| it.partition).collect();
    let numbers: Vec<String> = partitions.iter().map(i32::to_string).collect();
    let partitions = match numbers.as_slice() {
        [one] => format!("partition {one}"),
        several => format!("partitions {}", several.join(", ")),
    };
    let back = match times_back(way) {
        0 => "never back".to_owned(),
        back => format!("{} back", counted(back, "time")),
    };
    let positions = counted(way.len(), "position");
    format!("{positions} of {partitions}, {back}")
}

fn last(way: &[Sighting]) -> &[Sighting] {
    &way[way.len().saturating_sub(POSITIONS)..]
}
