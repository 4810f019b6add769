//! How a group shares its partitions out: time runs down, a row a moment at which something changes, a column a
//! partition. A bar is a member, by its colour and its letter; between two bars nobody reads. So what members give up
//! all at once (EAGER) is a gap through all columns, and what moves alone (COOPERATIVE) a gap in a few.
//!
//! Rows are not to scale, since a hand-over takes milliseconds and what lies between takes minutes: how long nobody read
//! is written into the gap.

mod strip;

use super::picture::{Anchor, Picture, Style};
use super::words::{lasted, moment};
use super::{Nothing, Recording, Wanted, letters};
use crate::kernel::Time;
use crate::protocol::counted;
use strip::{Cell, Row, Strip};

const LEFT: i32 = 128;
const RIGHT: i32 = 928;
/// Of all columns together, at most.
const COLUMNS: i32 = 460;
const MOST_PARTITIONS: usize = 10;
const MOST_ROWS: usize = 24;
const MOST_GROUPS: usize = 2;
const LINE: i32 = 13;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let strips: Vec<Strip<'_>> = Strip::of_all(&recording.facts)
        .into_iter()
        .filter(|strip| strip.partitions.iter().any(|it| wanted.shows(it)))
        .collect();
    if strips.is_empty() {
        return Err(Nothing {
            found: "no group has shared partitions out in this run".to_owned(),
            expected: "consumers with a group that reads a topic".to_owned(),
        });
    }
    let mut picture = Picture::new(
        format!("{}: who of the group reads what", recording.name),
        "Time runs down, a row for each change, not to scale. A column a partition; a bar is the member that reads it, by \
         letter and colour. Where there is no bar nobody reads. Lines across are generations of the group.",
    );
    picture.text((12, 24), picture.title.clone(), Style::Strong);
    let mut top = 48;
    for strip in strips.iter().take(MOST_GROUPS) {
        top = push_strip(&mut picture, top, strip, recording.end, wanted) + 16;
    }
    let mut notes = vec![
        "rows are not to scale; the time in a box without a letter: nobody read for so long. White: its reader is gone, and the \
         group does not know; red: nobody's; two letters: both read it"
            .to_owned(),
    ];
    if strips.len() > MOST_GROUPS {
        let groups = counted(strips.len() - MOST_GROUPS, "more group");
        notes.push(format!(
            "{groups} not shown: --topic chooses those that read a topic"
        ));
    }
    for (line, note) in (0..).zip(notes) {
        picture.text((12, top + 14 * line), note, Style::Faint);
    }
    picture.fit(12);
    Ok(picture)
}

/// Where the columns of a group stand, and its rows.
struct Grid<'a> {
    columns: Vec<usize>,
    rows: &'a [Row],
    /// Upper edges, and the lower edge of the last.
    edges: Vec<i32>,
    pitch: i32,
    from: Time,
    end: Time,
}

/// A part of a column that stays the same.
struct Bar<'a> {
    first: usize,
    end: usize,
    from: Time,
    until: Time,
    cell: &'a Cell,
    twice: usize,
}

fn push_strip(
    picture: &mut Picture,
    top: i32,
    strip: &Strip<'_>,
    end: Time,
    wanted: &Wanted,
) -> i32 {
    let (from, until) = (
        wanted.from.unwrap_or(Time::ZERO),
        wanted.until.unwrap_or(end),
    );
    let first = strip.rows.partition_point(|row| row.time < from);
    let behind = strip.rows.partition_point(|row| row.time <= until);
    let rows = &strip.rows[first.min(behind)..behind];
    let hidden = rows.len().saturating_sub(MOST_ROWS);
    let rows = &rows[hidden..];
    let columns = columns(strip, rows, wanted);
    let left_out = strip.partitions.len() - columns.len();
    let count = i32::try_from(columns.len()).unwrap_or(1).max(1);
    let mut grid = Grid {
        pitch: (COLUMNS / count).clamp(44, 72),
        columns,
        rows,
        edges: Vec::new(),
        from,
        end: until,
    };
    let mut title = format!("group {}", strip.group);
    if !strip.assignors.is_empty() {
        title += &format!(", assignor {}", strip.assignors.join(", then "));
    }
    if hidden > 0 {
        title += &format!("; {} before are not shown", counted(hidden, "change"));
    }
    if left_out > 0 {
        title += &format!("; {} not shown", counted(left_out, "more partition"));
    }
    picture.text((12, top), title, Style::Ink);
    let y = push_legend(picture, top + 8, strip) + 6;
    push_heads(picture, y, strip, &grid);
    push_rows(picture, y + 24, strip, &mut grid);
    push_sums(picture, &grid)
}

/// Those partitions first whose reader changes most.
fn columns(strip: &Strip<'_>, rows: &[Row], wanted: &Wanted) -> Vec<usize> {
    let changes = |place: usize| {
        rows.windows(2)
            .filter(|pair| pair[0].cells[place] != pair[1].cells[place])
            .count()
    };
    let mut columns: Vec<usize> = (0..strip.partitions.len())
        .filter(|place| wanted.shows(strip.partitions[*place]))
        .collect();
    if columns.len() > MOST_PARTITIONS {
        columns.sort_by_key(|place| usize::MAX - changes(*place));
        columns.truncate(MOST_PARTITIONS);
        columns.sort_unstable();
    }
    columns
}

fn push_legend(picture: &mut Picture, top: i32, strip: &Strip<'_>) -> i32 {
    let (mut x, mut y) = (12, top);
    for (place, member) in strip.members.iter().enumerate() {
        let letter = Strip::letter(place);
        let width = 24 + letters::width(member, 11) + 18;
        if x + width > RIGHT {
            (x, y) = (12, y + 20);
        }
        picture.rect((x, y), (18, 16), colour(place));
        picture.text_at((x + 9, y + 12), Anchor::Middle, letter, colour(place));
        picture.text((x + 24, y + 12), *member, Style::Ink);
        x += width;
    }
    y + 16
}

fn push_heads(picture: &mut Picture, y: i32, strip: &Strip<'_>, grid: &Grid<'_>) {
    let topic = strip.partitions.first().map(|it| &it.topic);
    let is_one = strip.partitions.iter().all(|it| Some(&it.topic) == topic);
    if let Some(topic) = topic.filter(|_| is_one) {
        let name = letters::cut(topic, 11, LEFT - 20);
        picture.text((12, y + 16), name, Style::Ink);
    }
    for (column, place) in grid.columns.iter().enumerate() {
        let partition = strip.partitions[*place];
        let name = match is_one {
            true => partition.partition.to_string(),
            false => letters::cut(&partition.to_string(), 11, grid.pitch - 4),
        };
        let x = grid.left(column) + grid.pitch / 2;
        picture.text_at((x, y + 16), Anchor::Middle, name, Style::Ink);
    }
}

fn push_rows(picture: &mut Picture, top: i32, strip: &Strip<'_>, grid: &mut Grid<'_>) {
    let right = grid.left(grid.columns.len());
    let texts = (right + 12, RIGHT - right - 12);
    let mut y = top;
    for (place, row) in grid.rows.iter().enumerate() {
        grid.edges.push(y);
        let generation = row.generation.map(|it| format!("gen {it}"));
        let style = match generation {
            Some(_) => Style::Ink,
            None => Style::Faint,
        };
        picture.line((12, y), (right, y), style);
        picture.text((12, y + LINE), moment(row.time), Style::Faint);
        if let Some(generation) = generation {
            picture
                .text_at((LEFT - 8, y + LINE), Anchor::End, generation, Style::Ink)
                .because("generation: counts the rebalances; who speaks for an older one is refused (ILLEGAL_GENERATION)");
        }
        let lines = wrapped(&row.said, texts.1);
        let whys: Vec<&str> = row.said.iter().map(|(_, why)| *why).collect();
        for (line, text) in (1..).zip(&lines) {
            picture
                .text((texts.0, y + LINE * line), text.clone(), Style::Faint)
                .because(whys.join(". "));
        }
        let next = grid.rows.get(place + 1).map_or(grid.end, |it| it.time);
        let lasts = next.0.saturating_sub(row.time.0) / 1_000_000;
        let waits = match lasts {
            0..10 => 0,
            10..1_000 => 6,
            1_000..10_000 => 14,
            _ => 22,
        };
        let has_twice = grid.columns.iter().any(|it| row.twice[*it] > 0);
        let texts = LINE * i32::try_from(lines.len()).unwrap_or(1) + 6;
        y += texts.max(if has_twice { 34 } else { 20 }) + waits;
    }
    grid.edges.push(y);
    for column in 0..grid.columns.len() {
        push_column(picture, strip, grid, column);
    }
    picture.line((12, y), (right, y), Style::Faint);
    picture.text((12, y + LINE), moment(grid.end), Style::Faint);
}

fn push_column(picture: &mut Picture, strip: &Strip<'_>, grid: &Grid<'_>, column: usize) {
    let x = grid.left(column);
    for bar in grid.bars(column) {
        let (up, down) = (grid.edges[bar.first], grid.edges[bar.end]);
        let lasting = lasted(bar.from, bar.until);
        let (style, text, why) = match bar.cell {
            Cell::Untouched => continue,
            Cell::Read(members) => {
                let names: Vec<&str> = members.iter().map(|it| strip.members[*it]).collect();
                let names = names.join(" and ");
                let many = members.len() > 1;
                let letters: Vec<String> = members.iter().map(|it| Strip::letter(*it)).collect();
                (
                    if many {
                        Style::Waiting
                    } else {
                        colour(members[0])
                    },
                    letters.join("+"),
                    match many {
                        true => {
                            format!("{names} both read it: one does not know that it is another's")
                        }
                        false => format!("{names} reads it for {lasting}"),
                    },
                )
            }
            Cell::Held(member) => (
                Style::Frame,
                lasting.clone(),
                format!(
                    "nobody reads for {lasting}: it is {}'s for the group until session.timeout.ms is over, or it is back",
                    strip.members[*member]
                ),
            ),
            Cell::Nobody => (
                Style::Bad,
                lasting.clone(),
                format!(
                    "nobody reads for {lasting}: it was given up, and is not given out yet (rebalance)"
                ),
            ),
        };
        picture
            .rect((x + 2, up), (grid.pitch - 4, down - up), style)
            .because(why.clone());
        let fits = letters::width(&text, 11) <= grid.pitch - 4;
        let ink = match style {
            Style::Epoch(_) => style,
            _ => Style::Ink,
        };
        if fits {
            picture
                .text_at((x + grid.pitch / 2, up + 14), Anchor::Middle, text, ink)
                .because(why);
        }
        if bar.twice > 0 {
            let many = format!("{} twice", bar.twice);
            let many = letters::cut(&many, 11, grid.pitch - 6);
            picture
                .text_at((x + grid.pitch / 2, up + 28), Anchor::Middle, many, ink)
                .because(
                    "processed before, and not committed before the partition changed hands: at least once \
                     (enable.auto.commit, auto.commit.interval.ms)",
                );
        }
    }
}

/// For how long nobody read, and how much was processed twice; where the next may begin.
fn push_sums(picture: &mut Picture, grid: &Grid<'_>) -> i32 {
    let y = grid.edges.last().copied().unwrap_or(0) + LINE * 2;
    picture
        .text_at((LEFT - 8, y), Anchor::End, "nobody read", Style::Faint)
        .because("from the moment at which it was first given to a member");
    picture.text_at(
        (LEFT - 8, y + LINE),
        Anchor::End,
        "processed twice",
        Style::Faint,
    );
    for column in 0..grid.columns.len() {
        let (mut idle, mut twice) = (0, 0);
        for bar in grid.bars(column) {
            if matches!(bar.cell, Cell::Held(_) | Cell::Nobody) {
                idle += bar.until.0.saturating_sub(bar.from.0);
            }
            twice += bar.twice;
        }
        let x = grid.left(column) + grid.pitch / 2;
        let idle = match idle {
            0 => "0".to_owned(),
            _ => lasted(Time(0), Time(idle)),
        };
        picture.text_at((x, y), Anchor::Middle, idle, Style::Faint);
        picture.text_at(
            (x, y + LINE),
            Anchor::Middle,
            twice.to_string(),
            Style::Faint,
        );
    }
    y + LINE * 2
}

impl<'a> Grid<'a> {
    fn left(&self, column: usize) -> i32 {
        LEFT + self.pitch * i32::try_from(column).unwrap_or(0)
    }

    fn bars(&self, column: usize) -> Vec<Bar<'a>> {
        let place = self.columns[column];
        let mut bars: Vec<Bar<'a>> = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let cell = &row.cells[place];
            let twice = row.twice[place];
            // What is processed twice begins a bar of its own: it is written at its head.
            if let Some(bar) = bars.last_mut().filter(|it| it.cell == cell && twice == 0) {
                bar.end = number + 1;
                continue;
            }
            let from = match bars.last() {
                Some(bar) if bar.cell == cell => row.time,
                _ => row.since[place].max(self.from),
            };
            if let Some(bar) = bars.last_mut() {
                bar.until = from;
            }
            bars.push(Bar {
                first: number,
                end: number + 1,
                from,
                until: self.end,
                cell,
                twice,
            });
        }
        bars
    }
}

fn colour(member: usize) -> Style {
    Style::Epoch(u32::try_from(member).unwrap_or(0))
}

/// As many lines as it takes, each as wide at most.
fn wrapped(said: &[(String, &'static str)], width: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (words, _) in said {
        let words = letters::cut(words, 10, width - 6);
        let joined = lines.last().map(|line| format!("{line}; {words}"));
        match joined.filter(|it| letters::width(it, 10) <= width) {
            Some(joined) => {
                if let Some(last) = lines.last_mut() {
                    *last = joined;
                }
            }
            None => lines.push(words),
        }
    }
    lines
}
