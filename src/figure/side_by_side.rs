//! Runs side by side: the same figure of each, so that they are read together. Where time runs to the right they stand
//! below each other, on one scale; where it runs downwards beside each other. Never one after the other: what moves is
//! not compared (see the book).

use super::picture::{Anchor, Picture, Point, Shape, Style};

/// How several pictures stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stand {
    Beside,
    Below,
}

/// One picture of several, each with its name above.
pub fn side_by_side(title: &str, pictures: Vec<(String, Picture)>, stand: Stand) -> Picture {
    let names: Vec<&str> = pictures.iter().map(|(name, _)| name.as_str()).collect();
    let abouts = pictures.first().map_or("", |(_, it)| it.about.as_str());
    let mut whole = Picture::new(
        title,
        format!("{}, side by side. {abouts}", names.join(" and ")),
    );
    whole.text((12, 24), title, Style::Strong);
    let (mut x, mut y) = (0, 40);
    for (name, picture) in pictures {
        whole.text_at((x + 12, y + 16), Anchor::Start, name, Style::Strong);
        let (dx, dy) = (x, y + 20);
        let (width, height) = (picture.width, picture.height);
        for mut part in picture.parts {
            part.shape.shift(dx, dy);
            whole.parts.push(part);
        }
        match stand {
            Stand::Beside => x += width + 20,
            Stand::Below => y += height + 30,
        }
    }
    whole.fit(12);
    whole
}

impl Shape {
    /// Moves it to the right and downwards.
    pub(super) fn shift(&mut self, dx: i32, dy: i32) {
        let move_point = |point: &mut Point| {
            point.x += dx;
            point.y += dy;
        };
        match self {
            Shape::Rect { at, .. }
            | Shape::Circle { at, .. }
            | Shape::Cross { at, .. }
            | Shape::Text { at, .. } => move_point(at),
            Shape::Line { from, to } | Shape::Arrow { from, to } => {
                move_point(from);
                move_point(to);
            }
            Shape::Path(points) => points.iter_mut().for_each(move_point),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let mut picture = Picture::new("one", "About it.");
        picture.text((12, 24), "one", Style::Strong);
        picture.rect((10, 40), (100, 50), Style::Good);
        picture.fit(10);
        picture
    }

    #[test]
    fn pictures_stand_beside_or_below_each_other() {
        let both = || {
            vec![
                ("acks=1".to_owned(), picture()),
                ("acks=all".to_owned(), picture()),
            ]
        };
        let beside = side_by_side("two runs", both(), Stand::Beside);
        let below = side_by_side("two runs", both(), Stand::Below);
        for whole in [&beside, &below] {
            assert_eq!(whole.faults(), Vec::<String>::new());
            assert_eq!(whole.about, "acks=1 and acks=all, side by side. About it.");
        }
        assert!(beside.width > below.width && below.height > beside.height);
    }
}
