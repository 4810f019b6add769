//! A picture before it is written: shapes with whole coordinates, in the order in which they are drawn.
//!
//! Kept apart from SVG so that a test can ask a picture what no eye should have to find: two texts that overlap,
//! something outside of the picture ([`Picture::faults`]).

use super::letters;

/// A picture, `width` by `height`, from the upper left corner, in units of the SVG.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    pub width: i32,
    pub height: i32,
    /// What it shows, for who cannot see it: a name, and a sentence or two.
    pub title: String,
    pub about: String,
    pub parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    pub shape: Shape,
    pub style: Style,
    /// The rule behind it in words, shown when it is pointed at.
    pub why: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    Rect {
        at: Point,
        width: i32,
        height: i32,
    },
    Line {
        from: Point,
        to: Point,
    },
    /// A line that ends in an arrow's head.
    Arrow {
        from: Point,
        to: Point,
    },
    /// Straight lines from point to point.
    Path(Vec<Point>),
    Circle {
        at: Point,
        radius: i32,
    },
    /// An X.
    Cross {
        at: Point,
        radius: i32,
    },
    /// `at`: the middle of its base line, or its left or right end.
    Text {
        at: Point,
        anchor: Anchor,
        size: i32,
        text: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// What a part stands for; how that looks is a stylesheet's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Style {
    /// Text, and lines as strong.
    Ink,
    /// Text beside the matter, grid lines.
    Faint,
    /// A heading.
    Strong,
    /// Text in a fixed width: bytes, offsets.
    Mono,
    /// A process's line in time, and that of one that leads; one that is down is dotted.
    Lane,
    LeaderLane,
    DownLane,
    /// A message, an answer, one that nobody read.
    Message,
    Answer,
    Lost,
    /// Filled by a number that grows: leader epoch, term, generation.
    Epoch(u32),
    /// The same for what is not committed yet: hatched.
    Uncommitted(u32),
    /// Writes, or members, that are served; and that are not.
    Good,
    Bad,
    /// Something between.
    Waiting,
    /// While a fault lasts.
    Fault,
    /// A box without a fill.
    Frame,
    /// Behind a text that would not be read otherwise.
    Paper,
    /// A line of values, one of several: each has a colour and dashes of its own.
    Series(u32),
}

impl Point {
    pub const fn new(x: i32, y: i32) -> Point {
        Point { x, y }
    }
}

impl Picture {
    pub fn new(title: impl Into<String>, about: impl Into<String>) -> Picture {
        Picture {
            width: 0,
            height: 0,
            title: title.into(),
            about: about.into(),
            parts: Vec::new(),
        }
    }

    pub fn add(&mut self, shape: Shape, style: Style) -> &mut Part {
        self.parts.push(Part {
            shape,
            style,
            why: None,
        });
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    pub fn rect(
        &mut self,
        (x, y): (i32, i32),
        (width, height): (i32, i32),
        style: Style,
    ) -> &mut Part {
        let at = Point::new(x, y);
        self.add(Shape::Rect { at, width, height }, style)
    }

    pub fn line(&mut self, from: (i32, i32), to: (i32, i32), style: Style) -> &mut Part {
        let (from, to) = (Point::new(from.0, from.1), Point::new(to.0, to.1));
        self.add(Shape::Line { from, to }, style)
    }

    pub fn arrow(&mut self, from: (i32, i32), to: (i32, i32), style: Style) -> &mut Part {
        let (from, to) = (Point::new(from.0, from.1), Point::new(to.0, to.1));
        self.add(Shape::Arrow { from, to }, style)
    }

    /// Text of the usual size, from this point on.
    pub fn text(&mut self, (x, y): (i32, i32), text: impl Into<String>, style: Style) -> &mut Part {
        self.text_at((x, y), Anchor::Start, text, style)
    }

    pub fn text_at(
        &mut self,
        (x, y): (i32, i32),
        anchor: Anchor,
        text: impl Into<String>,
        style: Style,
    ) -> &mut Part {
        let shape = Shape::Text {
            at: Point::new(x, y),
            anchor,
            size: style.text_size(),
            text: text.into(),
        };
        self.add(shape, style)
    }

    /// Makes it so large that everything fits, with a margin.
    pub fn fit(&mut self, margin: i32) {
        let boxes = self.parts.iter().map(|part| part.shape.bounds(part.style));
        let (right, bottom) = boxes.fold((0, 0), |(right, bottom), it| {
            (right.max(it.right), bottom.max(it.bottom))
        });
        (self.width, self.height) = (right + margin, bottom + margin);
    }

    /// What should not be in a picture, in words; nothing if it is well made.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let all = self
            .parts
            .iter()
            .map(|part| (part, part.shape.bounds(part.style)));
        for (part, bounds) in all {
            let inside = bounds.left >= 0
                && bounds.top >= 0
                && bounds.right <= self.width
                && bounds.bottom <= self.height;
            if !inside {
                faults.push(format!("outside of the picture: {:?}", part.shape));
            }
        }
        let texts: Vec<(&str, Bounds)> = self
            .parts
            .iter()
            .filter_map(|part| match &part.shape {
                Shape::Text { text, .. } => Some((text.as_str(), part.shape.bounds(part.style))),
                _ => None,
            })
            .collect();
        for (place, (text, bounds)) in texts.iter().enumerate() {
            for (other, its) in &texts[place + 1..] {
                if bounds.overlaps(its) {
                    faults.push(format!("\"{text}\" and \"{other}\" overlap"));
                }
            }
        }
        faults
    }
}

impl Part {
    /// The rule behind it.
    pub fn because(&mut self, why: impl Into<String>) {
        self.why = Some(why.into());
    }
}

impl Style {
    /// Of a text of this style.
    pub const fn text_size(self) -> i32 {
        match self {
            Style::Strong => 14,
            Style::Faint => 10,
            _ => 11,
        }
    }
}

/// What a shape covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl Bounds {
    fn of(points: impl Iterator<Item = Point>) -> Bounds {
        let none = Bounds {
            left: i32::MAX,
            top: i32::MAX,
            right: i32::MIN,
            bottom: i32::MIN,
        };
        points.fold(none, |bounds, it| Bounds {
            left: bounds.left.min(it.x),
            top: bounds.top.min(it.y),
            right: bounds.right.max(it.x),
            bottom: bounds.bottom.max(it.y),
        })
    }

    fn overlaps(&self, other: &Bounds) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

impl Shape {
    pub fn bounds(&self, style: Style) -> Bounds {
        match self {
            Shape::Rect { at, width, height } => {
                Bounds::of([*at, Point::new(at.x + width, at.y + height)].into_iter())
            }
            Shape::Line { from, to } | Shape::Arrow { from, to } => {
                Bounds::of([*from, *to].into_iter())
            }
            Shape::Path(points) => Bounds::of(points.iter().copied()),
            Shape::Circle { at, radius } | Shape::Cross { at, radius } => Bounds::of(
                [
                    Point::new(at.x - radius, at.y - radius),
                    Point::new(at.x + radius, at.y + radius),
                ]
                .into_iter(),
            ),
            Shape::Text {
                at,
                anchor,
                size,
                text,
            } => {
                let width = match style {
                    Style::Mono => letters::mono_width(text, *size),
                    _ => letters::width(text, *size),
                };
                let left = match anchor {
                    Anchor::Start => at.x,
                    Anchor::Middle => at.x - width / 2,
                    Anchor::End => at.x - width,
                };
                Bounds {
                    left,
                    top: at.y - size * 3 / 4,
                    right: left + width,
                    bottom: at.y + size / 4,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_overlap_and_what_lies_outside_are_faults() {
        let mut picture = Picture::new("p", "a picture");
        picture.text((10, 20), "one two three", Style::Ink);
        picture.text((90, 20), "apart", Style::Ink);
        picture.fit(10);
        assert_eq!(picture.faults(), Vec::<String>::new());
        picture.text((40, 22), "over", Style::Ink);
        assert_eq!(picture.faults(), ["\"one two three\" and \"over\" overlap"]);
        picture.parts.pop();
        picture.line((10, 10), (picture.width + 1, 10), Style::Ink);
        assert_eq!(picture.faults().len(), 1);
        picture.fit(0);
        assert_eq!(picture.faults(), Vec::<String>::new());
    }
}
