//! The fields of a batch and of a record in it, below each other: number, name, size, and what it says.

use super::{Dissected, Numbered, Shown, cut};
use crate::figure::picture::{Anchor, Picture, Style};
use crate::log::batch::HEADER_SIZE;
use crate::protocol::counted;

/// Of numbers, names and values: left edges; of sizes the right one.
const NUMBERS: i32 = 404;
const NAMES: i32 = 434;
const SIZES: i32 = 606;
const VALUES: i32 = 616;
const ROW: i32 = 17;
const TOP: i32 = 62;

impl Shown {
    /// Where the next may begin.
    pub(super) fn push_tree(&self, picture: &mut Picture, all: &[Numbered<'_>]) -> i32 {
        let mut y = TOP + 10;
        let head = format!("batch header, {HEADER_SIZE} bytes");
        picture.text((NUMBERS, y), head, Style::Ink);
        for field in all {
            let place = field.place;
            if place.at.start == HEADER_SIZE || place.name == "length" {
                y += ROW + 4;
                picture.text((NUMBERS, y), self.records_in_words(), Style::Ink);
            }
            y += ROW;
            let why = Dissected::why(place);
            let style = Style::Epoch(field.number - 1);
            picture
                .rect((NUMBERS, y - 12), (24, 15), style)
                .because(why.clone());
            let number = field.number.to_string();
            picture.text_at((NUMBERS + 12, y), Anchor::Middle, number, style);
            picture
                .text((NAMES, y), place.name, Style::Ink)
                .because(why);
            let size = place.at.len().to_string() + " B";
            picture.text_at((SIZES, y), Anchor::End, size, Style::Faint);
            picture.text((VALUES, y), cut(&self.of.says(place), VALUES), Style::Ink);
            if place.name == "attributes" && place.at.start < HEADER_SIZE {
                for line in self.of.bits() {
                    y += ROW;
                    picture.text((NAMES + 14, y), cut(&line, NAMES + 14), Style::Faint);
                }
            }
        }
        y + ROW
    }

    fn records_in_words(&self) -> String {
        let count = self.of.batch.records_count();
        match self.record() {
            Some((place, fields)) => {
                let begin = fields.first().map_or(0, |it| it.at.start);
                let end = fields.last().map_or(0, |it| it.at.end);
                let size = counted(end - begin, "byte");
                format!("record {} of {count}, {size}", place + 1)
            }
            None => format!("its {count} records, packed together"),
        }
    }
}
