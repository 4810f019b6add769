//! Names of places on a line, below it: as many lines of text as it takes that none covers another, nor the stroke
//! that leads up to another.

use super::letters;
use super::picture::{Picture, Style};

/// A place and its name.
pub(super) struct Marker {
    pub x: i32,
    pub text: String,
    pub why: String,
    pub mark: Mark,
}

/// What stands at the place itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A stroke.
    Edge,
    /// An arrow's head that points at it.
    Arrow,
    /// A ring.
    Ring,
}

const LINE: i32 = 13;
const SIZE: i32 = 10;

/// Draws them below `y`; how high that is.
pub(super) fn draw(picture: &mut Picture, y: i32, mut markers: Vec<Marker>) -> i32 {
    markers.sort_by(|a, b| (b.x, &a.text).cmp(&(a.x, &b.text)));
    // Where the leftmost text of each line of texts begins.
    let mut lines: Vec<i32> = Vec::new();
    for marker in markers {
        let end = marker.x + 5 + letters::width(&marker.text, SIZE);
        // Every text to its right stands in a line above, or begins behind its end; so no stroke meets a text.
        let free = lines.iter().rposition(|begins| *begins <= end);
        let line = free.map_or(0, |taken| taken + 1);
        if line == lines.len() {
            lines.push(marker.x);
        } else {
            lines[line] = marker.x;
        }
        let base = y + 12 + LINE * i32::try_from(line).unwrap_or(0);
        match marker.mark {
            Mark::Edge => picture.line((marker.x, y), (marker.x, base), Style::Ink),
            Mark::Arrow => picture.arrow((marker.x, base), (marker.x, y), Style::Ink),
            Mark::Ring => {
                picture.line((marker.x, y + 4), (marker.x, base), Style::Ink);
                picture.add(
                    super::Shape::Circle {
                        at: super::Point::new(marker.x, y),
                        radius: 4,
                    },
                    Style::Frame,
                )
            }
        }
        .because(marker.why.clone());
        picture
            .text((marker.x + 4, base), marker.text, Style::Faint)
            .because(marker.why);
    }
    10 + LINE * i32::try_from(lines.len()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_places_side_by_side_stand_below_each_other() {
        let marker = |x, text: &str| Marker {
            x,
            text: text.into(),
            why: String::new(),
            mark: Mark::Edge,
        };
        let mut picture = Picture::new("", "");
        let places = vec![
            marker(10, "log start 3"),
            marker(40, "high watermark 4"),
            marker(60, "log end 5"),
            marker(60, "another 5"),
            marker(400, "far away"),
        ];
        assert_eq!(draw(&mut picture, 10, places), 10 + 4 * LINE);
        picture.fit(5);
        assert_eq!(picture.faults(), Vec::<String>::new());
    }
}
