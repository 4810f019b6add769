//! What charts over time have in common: their span, the faults that fell into it, and words below.

use super::panel::{self, Axes, Panel};
use crate::figure::picture::{Picture, Style};
use crate::figure::{Recording, Wanted, letters};
use crate::kernel::Time;
use crate::protocol::Fact;

/// Of all charts, with a margin.
pub(super) const WIDTH: i32 = 916;
pub(super) const MARGIN: i32 = 12;
/// Between two lines of words.
pub(super) const LINE: i32 = 14;
/// So many faults are told below.
const TOLD: usize = 8;

/// The time that is shown, in milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) until: i64,
}

/// A line of the plan's timeline that was carried out.
struct Fault<'a> {
    entry: u32,
    text: &'a str,
    from: i64,
    /// If what it began was ended by itself.
    until: Option<i64>,
}

pub(super) struct Faults<'a>(Vec<Fault<'a>>);

pub(super) fn millis(time: Time) -> i64 {
    i64::try_from(time.0 / 1_000_000).unwrap_or(i64::MAX)
}

/// `12 s`, `12.5 s`
pub(super) fn seconds(millis: i64) -> String {
    let (whole, part) = (millis / 1_000, millis % 1_000);
    match part {
        0 => format!("{whole} s"),
        _ => format!("{whole}.{} s", format!("{part:03}").trim_end_matches('0')),
    }
}

impl Span {
    pub(super) fn of(recording: &Recording, wanted: &Wanted) -> Span {
        let from = wanted.from.map_or(0, millis);
        let until = millis(wanted.until.unwrap_or(recording.end));
        Span {
            from,
            until: until.max(from + 1),
        }
    }

    pub(super) fn has(self, millis: i64) -> bool {
        (self.from..=self.until).contains(&millis)
    }

    /// Which of so many equal parts of it a moment lies in.
    pub(super) fn part(self, millis: i64, parts: usize) -> usize {
        let part = (millis - self.from) * parts as i64 / (self.until - self.from);
        usize::try_from(part).unwrap_or(0).min(parts - 1)
    }

    /// The first moment of one of so many parts.
    pub(super) fn start(self, part: usize, parts: usize) -> i64 {
        self.from + (self.until - self.from) * part as i64 / parts as i64
    }

    /// So many whole seconds are counted together that there are not more parts than a chart has room for.
    pub(super) fn seconds_together(self) -> i64 {
        const MOST: i64 = 240;
        let count = (self.until - self.from) / 1_000;
        let steps = (0..15).flat_map(|power| [1, 2, 5].map(|step| step * 10_i64.pow(power)));
        let mut enough = steps.skip_while(|step| count / step > MOST);
        enough.next().unwrap_or(count)
    }

    /// A field over this time.
    pub(super) fn panel(
        self,
        picture: &mut Picture,
        at: (i32, i32),
        size: (i32, i32),
        most: i64,
        name_up: &dyn Fn(i64) -> String,
    ) -> Panel {
        let axes = Axes {
            at,
            size,
            across: self.from..self.until,
            // Air above the most.
            up: 0..most + most / 12 + 1,
            names: (usize::try_from(size.0 / 64).unwrap_or(1), 5),
            name_across: &seconds,
            name_up,
        };
        Panel::draw(picture, &axes)
    }
}

impl<'a> Faults<'a> {
    pub(super) fn of(recording: &'a Recording, span: Span) -> Self {
        let mut faults: Vec<Fault<'a>> = Vec::new();
        for it in &recording.facts {
            let Fact::TimelineEvent { entry, end, text } = &it.fact else {
                continue;
            };
            let time = millis(it.time);
            let of_entry = |fault: &&mut Fault<'_>| fault.entry == *entry && fault.until.is_none();
            match faults.iter_mut().rev().find(of_entry).filter(|_| *end) {
                Some(began) => began.until = Some(time),
                None => faults.push(Fault {
                    entry: *entry,
                    text,
                    from: time,
                    until: None,
                }),
            }
        }
        if let Some(time) = recording.parts_at {
            faults.push(Fault {
                entry: u32::MAX,
                text: "here the runs part",
                from: millis(time),
                until: None,
            });
        }
        faults.retain(|it| it.from <= span.until && it.until.unwrap_or(it.from) >= span.from);
        Faults(faults)
    }

    /// Each as a line, or as a field while it lasts; its number stands above, as far as there is room.
    pub(super) fn draw(&self, picture: &mut Picture, panel: &Panel) {
        let mut free = i32::MIN;
        for (place, fault) in self.0.iter().enumerate() {
            let why = fault.in_words();
            match fault.until {
                Some(until) => panel.shade(picture, (fault.from, until), Style::Fault),
                None => panel.rule(picture, fault.from, Style::Lost),
            }
            .because(why);
            let number = (place + 1).to_string();
            let left = panel.x(fault.from) + 2;
            if left > free {
                free = left + letters::width(&number, 10) + 2;
                picture.text((left, panel.top() + 9), number, Style::Faint);
            }
        }
    }

    /// What the numbers stand for, a line each.
    pub(super) fn list(&self, picture: &mut Picture, mut y: i32) -> i32 {
        for (place, fault) in self.0.iter().take(TOLD).enumerate() {
            let text = format!("{}  {}", place + 1, fault.in_words());
            let text = letters::cut(&text, 10, WIDTH);
            picture.text((MARGIN, y), text, Style::Faint);
            y += LINE;
        }
        if self.0.len() > TOLD {
            let more = format!("and {} more", self.0.len() - TOLD);
            picture.text((MARGIN, y), more, Style::Faint);
            y += LINE;
        }
        y
    }
}

impl Fault<'_> {
    fn in_words(&self) -> String {
        let from = seconds(self.from);
        match self.until {
            Some(until) => format!("{from} to {}: {}", seconds(until), self.text),
            None => format!("{from}: {}", self.text),
        }
    }
}

/// A sample of each line and its name, one after the other.
pub(super) fn legend(picture: &mut Picture, (mut x, y): (i32, i32), names: &[(Style, &str)]) {
    for (style, name) in names {
        picture.line((x, y - 4), (x + 26, y - 4), *style);
        picture.text((x + 32, y), *name, Style::Ink);
        x += 32 + letters::width(name, 11) + 24;
    }
}

/// The head of a chart; where its first field may begin.
pub(super) fn head(picture: &mut Picture) -> i32 {
    let title = letters::cut(&picture.title, 14, WIDTH);
    picture.text((MARGIN, 24), title, Style::Strong);
    36
}

/// One field as wide as the chart.
pub(super) const FULL: (i32, i32) = (WIDTH, 240 + panel::BELOW);
