//! Slides: pictures of 16 by 9 that hold words, a figure, or a question. A figure is not made smaller: the slide is made as
//! large as it needs, with letters to match, and scaled by whoever shows it.

use super::letters;
use super::picture::{Anchor, Picture, Point, Shape, Style};

/// What stands on every slide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words<'a> {
    pub title: &'a str,
    /// Below: where it comes from, how to run it.
    pub foot: &'a str,
}

/// A slide of words.
const WIDTH: i32 = 1_600;
const HEIGHT: i32 = 900;
const MARGIN: i32 = 90;
/// The largest letters of a text, down to those of one that nobody should put on a slide.
const SIZES: [i32; 9] = [42, 38, 34, 30, 26, 22, 18, 14, 10];
/// No figure is enlarged to more than what a slide of this width shows.
const LEAST: i32 = 880;

/// Paragraphs.
pub fn saying(words: &Words<'_>, paragraphs: &[String]) -> Picture {
    let entries: Vec<(&str, &str)> = paragraphs.iter().map(|it| ("", it.as_str())).collect();
    with_entries(words, &entries)
}

/// A question, and its options with a letter each.
pub fn asking(words: &Words<'_>, question: &str, options: &[(String, String)]) -> Picture {
    let options = options
        .iter()
        .map(|(letter, say)| (letter.as_str(), say.as_str()));
    let entries: Vec<(&str, &str)> = [("", question)].into_iter().chain(options).collect();
    with_entries(words, &entries)
}

/// A figure.
pub fn showing(words: &Words<'_>, figure: Picture) -> Picture {
    // A ninth for the title and a twelfth for the foot: the rest is the figure's.
    let for_height = (figure.height * 9 / 7 + 1) * 16 / 9;
    let for_width = figure.width * 16 / 15 + 1;
    let unit = (for_height.max(for_width).max(LEAST) + 15) / 16;
    let (width, height) = (unit * 16, unit * 9);
    let mut slide = framed(words, &figure.about, (width, height));
    let (top, bottom) = (height / 8, height * 11 / 12);
    let dx = (width - figure.width) / 2;
    let dy = top + (bottom - top - figure.height).max(0) / 2;
    for mut part in figure.parts {
        part.shape.shift(dx, dy);
        slide.parts.push(part);
    }
    slide
}

fn with_entries(words: &Words<'_>, entries: &[(&str, &str)]) -> Picture {
    let about: Vec<&str> = entries.iter().map(|(_, text)| *text).collect();
    let mut slide = framed(words, &about.join(" "), (WIDTH, HEIGHT));
    let (top, bottom) = (HEIGHT / 6, HEIGHT * 8 / 9);
    let lines_at = |size: i32| -> Vec<(usize, String, String)> {
        let mut lines = Vec::new();
        for (number, (name, text)) in entries.iter().enumerate() {
            let indent = indent(name, size);
            let mut name = *name;
            for line in letters::lines(text, size, WIDTH - 2 * MARGIN - indent) {
                lines.push((number, std::mem::take(&mut name).to_owned(), line));
            }
        }
        lines
    };
    let high =
        |size: i32, lines: usize| (lines as i32 * size * 3 / 2) + entries.len() as i32 * size;
    let fits = |size: &i32| top + high(*size, lines_at(*size).len()) <= bottom;
    let size = SIZES
        .into_iter()
        .find(fits)
        .unwrap_or(SIZES[SIZES.len() - 1]);
    let mut y = top;
    let mut last = None;
    for (number, name, line) in lines_at(size) {
        if last.replace(number) != Some(number) {
            y += size;
        }
        y += size * 3 / 2;
        let x = MARGIN + indent(entries[number].0, size);
        if !name.is_empty() {
            text(&mut slide, (MARGIN, y), size, Style::Strong, name);
        }
        text(&mut slide, (x, y), size, Style::Ink, line);
    }
    slide
}

/// Where the text of an option begins.
fn indent(name: &str, size: i32) -> i32 {
    match name.is_empty() {
        true => 0,
        false => size * 2,
    }
}

fn framed(words: &Words<'_>, about: &str, (width, height): (i32, i32)) -> Picture {
    let mut slide = Picture::new(words.title, about);
    (slide.width, slide.height) = (width, height);
    let margin = width / 18;
    let title_size = height / 18;
    let title = fitting(words.title, title_size, width - 2 * margin);
    text(
        &mut slide,
        (margin, height / 10),
        title_size,
        Style::Strong,
        title,
    );
    let foot_size = height / 45;
    let foot = letters::cut(words.foot, foot_size, width - 2 * margin);
    text(
        &mut slide,
        (margin, height * 24 / 25),
        foot_size,
        Style::Faint,
        foot,
    );
    slide
}

/// Bold letters are wider than those of the table.
fn fitting(title: &str, size: i32, most: i32) -> String {
    letters::cut(title, size, most * 7 / 8)
}

fn text(slide: &mut Picture, (x, y): (i32, i32), size: i32, style: Style, text: impl Into<String>) {
    let shape = Shape::Text {
        at: Point::new(x, y),
        anchor: Anchor::Start,
        size,
        text: text.into(),
    };
    slide.add(shape, style);
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words<'static> = Words {
        title: "A title",
        foot: "trial run x",
    };

    #[test]
    fn a_question_of_any_length_fits_its_slide() {
        for repeat in [1, 10, 40] {
            let question = "What becomes of the records? ".repeat(repeat);
            let options: Vec<_> = ["A", "B", "C", "D"]
                .map(|letter| {
                    (
                        letter.to_owned(),
                        "They are kept by those that are in sync. ".repeat(repeat / 10 + 1),
                    )
                })
                .into();
            let slide = asking(&WORDS, &question, &options);
            assert_eq!((slide.width, slide.height), (1_600, 900));
            assert_eq!(slide.faults(), Vec::<String>::new(), "{repeat}");
        }
    }

    #[test]
    fn a_figure_of_any_shape_stands_within_16_by_9() {
        for (width, height) in [(40, 30), (900, 200), (300, 1_500), (1_111, 600)] {
            let mut figure = Picture::new("f", "about");
            figure.rect((0, 0), (width, height), Style::Good);
            figure.fit(0);
            let slide = showing(&WORDS, figure);
            assert_eq!(slide.width * 9, slide.height * 16);
            assert_eq!(slide.faults(), Vec::<String>::new());
            let Some(Shape::Rect { at, .. }) = slide.parts.last().map(|part| part.shape.clone())
            else {
                panic!("the figure comes last");
            };
            assert!(
                at.y >= slide.height / 8 && at.y + height <= slide.height * 11 / 12 + 1,
                "{at:?}"
            );
        }
    }
}
