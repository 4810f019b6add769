//! A picture as SVG: whole coordinates, a fixed order of elements and attributes, no script, text as text, a title and
//! a description for screen readers, light and dark as the reader's system has it.

use super::picture::{Anchor, Part, Picture, Point, Shape, Style};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Colours that people who see few colours tell apart (Okabe and Ito, 2008; their dark blue is a light green here, so that
/// dark letters stand on each), for epochs one after the other.
pub const EPOCHS: [&str; 8] = [
    "#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#b2df8a", "#d55e00", "#999999",
];

/// Of lines of values: colour on white, on black, and dashes.
const SERIES: [[&str; 3]; 4] = [
    ["#0072b2", "#56b4e9", "none"],
    ["#b04a00", "#ffa366", "7 3"],
    ["#00724f", "#2fd6a5", "2 3"],
    ["#9c4577", "#f0a6cf", "9 3 2 3"],
];

/// How things look on white paper; and on black, where that is asked for.
const LIGHT: &str = "\
text{font-family:'DejaVu Sans',Verdana,sans-serif;fill:#1a1a1a}\
text.faint{fill:#595959}.line.faint{stroke:#d0d0d0;stroke-width:1;fill:none}\
text.strong{font-weight:bold}text.mono{font-family:'DejaVu Sans Mono',Menlo,monospace}\
.line{fill:none;stroke:#1a1a1a;stroke-width:1}\
.lane{stroke:#8c8c8c;stroke-width:1}.leaderlane{stroke:#1a1a1a;stroke-width:3}\
.downlane{stroke:#8c8c8c;stroke-width:1;stroke-dasharray:2 4}\
.line.message{stroke:#1a1a1a}.line.answer{stroke:#595959;stroke-dasharray:5 2}.line.lost,.box.lost{stroke:#b3261e;stroke-width:2}\
.box{stroke:#1a1a1a;stroke-width:1}.box.good{fill:#cfe8d5}.box.bad{fill:#f6cfca}.box.waiting{fill:#fbe9c0}\
.box.fault{fill:#f6cfca;fill-opacity:.45;stroke:none}.box.frame{fill:none}.box.paper{fill:#ffffff;stroke:none}\
.page{fill:#ffffff}text{stroke:none}text.lost{fill:#b3261e}";
const DARK: &str = "\
text{fill:#f0f0f0}text.faint{fill:#b3b3b3}.line.faint{stroke:#4d4d4d}.line{stroke:#f0f0f0}\
.lane,.downlane{stroke:#999999}.leaderlane{stroke:#f0f0f0}.line.message{stroke:#f0f0f0}.line.answer{stroke:#b3b3b3}\
.line.lost,.box.lost{stroke:#ff8a80}.box{stroke:#f0f0f0}.box.good{fill:#1f5130}.box.bad{fill:#7a2620}.box.waiting{fill:#6b5310}\
.box.fault{fill:#7a2620}.box.paper,.page{fill:#121212}text.lost{fill:#ff8a80}text.onepoch{fill:#1a1a1a}";

/// The whole file.
pub fn to_svg(picture: &Picture) -> String {
    let (width, height) = (picture.width, picture.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title about\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"about\">{}</desc>\n",
        escaped(&picture.title),
        escaped(&picture.about)
    );
    push_style(&mut out, picture);
    let _ = writeln!(
        out,
        "<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>"
    );
    for part in &picture.parts {
        push_part(&mut out, part);
    }
    out.push_str("</svg>\n");
    out
}

/// Only the colours and hatchings that the picture has.
fn push_style(out: &mut String, picture: &Picture) {
    let styles = || picture.parts.iter().map(|part| part.style);
    let filled: BTreeSet<usize> = styles()
        .filter_map(|style| match style {
            Style::Epoch(epoch) => Some(colour_of(epoch)),
            _ => None,
        })
        .collect();
    let hatched: BTreeSet<usize> = styles()
        .filter_map(|style| match style {
            Style::Uncommitted(epoch) => Some(colour_of(epoch)),
            _ => None,
        })
        .collect();
    let series: BTreeSet<usize> = styles()
        .filter_map(|style| match style {
            Style::Series(number) => Some(series_of(number)),
            _ => None,
        })
        .collect();
    let mut epochs = String::new();
    let mut hatches = String::new();
    let mut dark = String::new();
    for number in series {
        let [on_white, on_black, dashes] = SERIES[number];
        let _ = write!(
            epochs,
            ".line.s{number}{{stroke:{on_white};stroke-width:2;stroke-dasharray:{dashes}}}.box.s{number}{{fill:{on_white}}}"
        );
        let _ = write!(
            dark,
            ".line.s{number}{{stroke:{on_black}}}.box.s{number}{{fill:{on_black}}}"
        );
    }
    for number in filled {
        let _ = write!(epochs, ".e{number}{{fill:{}}}", EPOCHS[number]);
    }
    for number in hatched {
        let _ = write!(epochs, ".u{number}{{fill:url(#h{number})}}");
        let _ = write!(
            hatches,
            "<pattern id=\"h{number}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <path d=\"M0 6L6 0\" stroke=\"{}\" stroke-width=\"2\"/></pattern>",
            EPOCHS[number]
        );
    }
    let _ = writeln!(
        out,
        "<style>{LIGHT}{epochs}@media (prefers-color-scheme:dark){{{DARK}{dark}}}</style>"
    );
    let has_arrows = |part: &Part| matches!(part.shape, Shape::Arrow { .. });
    let arrows = match picture.parts.iter().any(has_arrows) {
        true => {
            "<marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto-start-reverse\" markerUnits=\"userSpaceOnUse\">\
             <path d=\"M0 0L8 4L0 8z\" fill=\"context-stroke\"/></marker>"
        }
        false => "",
    };
    if !arrows.is_empty() || !hatches.is_empty() {
        let _ = writeln!(out, "<defs>{arrows}{hatches}</defs>");
    }
}

fn push_part(out: &mut String, part: &Part) {
    let class = class_of(part);
    let (tag, rest) = match &part.shape {
        Shape::Rect { at, width, height } => (
            "rect",
            format!(
                " x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\"",
                at.x, at.y
            ),
        ),
        Shape::Line { from, to } => ("path", format!(" d=\"{}\"", path(&[*from, *to]))),
        Shape::Arrow { from, to } => (
            "path",
            format!(" d=\"{}\" marker-end=\"url(#head)\"", path(&[*from, *to])),
        ),
        Shape::Path(points) => ("path", format!(" d=\"{}\"", path(points))),
        Shape::Circle { at, radius } => (
            "circle",
            format!(" cx=\"{}\" cy=\"{}\" r=\"{radius}\"", at.x, at.y),
        ),
        Shape::Cross { at, radius } => {
            let (left, right) = (at.x - radius, at.x + radius);
            let (top, bottom) = (at.y - radius, at.y + radius);
            (
                "path",
                format!(" d=\"M{left} {top}L{right} {bottom}M{right} {top}L{left} {bottom}\""),
            )
        }
        Shape::Text {
            at,
            anchor,
            size,
            text,
        } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let why = why(part);
            let _ = writeln!(
                out,
                "<text class=\"{class}\" x=\"{}\" y=\"{}\" font-size=\"{size}\"{anchor}>{why}{}</text>",
                at.x,
                at.y,
                escaped(text)
            );
            return;
        }
    };
    let _ = match why(part).as_str() {
        "" => writeln!(out, "<{tag} class=\"{class}\"{rest}/>"),
        why => writeln!(out, "<{tag} class=\"{class}\"{rest}>{why}</{tag}>"),
    };
}

fn why(part: &Part) -> String {
    let why = part.why.as_ref();
    why.map_or_else(String::new, |why| {
        format!("<title>{}</title>", escaped(why))
    })
}

fn class_of(part: &Part) -> String {
    let kind = match part.shape {
        Shape::Rect { .. } | Shape::Circle { .. } => "box ",
        Shape::Text { .. } => "",
        _ => "line ",
    };
    let name = match part.style {
        Style::Ink => "ink",
        Style::Faint => "faint",
        Style::Strong => "strong",
        Style::Mono => "mono",
        Style::Lane => "lane",
        Style::LeaderLane => "leaderlane",
        Style::DownLane => "downlane",
        Style::Message => "message",
        Style::Answer => "answer",
        Style::Lost => "lost",
        Style::Good => "good",
        Style::Bad => "bad",
        Style::Waiting => "waiting",
        Style::Fault => "fault",
        Style::Frame => "frame",
        Style::Paper => "paper",
        // Text on an epoch's colour is dark in both.
        Style::Epoch(_) | Style::Uncommitted(_) if matches!(part.shape, Shape::Text { .. }) => {
            "onepoch"
        }
        Style::Epoch(epoch) => return format!("{kind}e{}", colour_of(epoch)),
        Style::Uncommitted(epoch) => return format!("{kind}u{}", colour_of(epoch)),
        Style::Series(number) => return format!("{kind}s{}", series_of(number)),
    };
    format!("{kind}{name}")
}

/// Which of the colours an epoch has.
pub fn colour_of(epoch: u32) -> usize {
    epoch as usize % EPOCHS.len()
}

fn series_of(number: u32) -> usize {
    number as usize % SERIES.len()
}

fn path(points: &[Point]) -> String {
    let mut path = String::new();
    for (place, point) in points.iter().enumerate() {
        let letter = if place == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{} {}", point.x, point.y);
    }
    path
}

/// As XML has it. What no XML document may hold is left out.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_written_in_its_order_with_what_it_needs() {
        let mut picture = Picture::new("A <b>", "one & two");
        picture
            .rect((1, 2), (3, 4), Style::Epoch(9))
            .because("it leads");
        picture.arrow((1, 1), (9, 9), Style::Message);
        picture.text((5, 20), "<t-0>", Style::Ink);
        picture.fit(10);
        let svg = to_svg(&picture);
        let lines: Vec<&str> = svg.lines().collect();
        assert_eq!(lines[1], "<title id=\"title\">A &lt;b&gt;</title>");
        assert!(lines[3].contains(".e1{fill:#e69f00}") && !lines[3].contains(".e0{"));
        assert!(lines[4].contains("marker") && !lines[4].contains("pattern"));
        assert_eq!(
            lines[6],
            "<rect class=\"box e1\" x=\"1\" y=\"2\" width=\"3\" height=\"4\"><title>it leads</title></rect>"
        );
        assert!(lines[7].ends_with("d=\"M1 1L9 9\" marker-end=\"url(#head)\"/>"));
        assert!(lines[8].ends_with(">&lt;t-0&gt;</text>"));
        assert_eq!(lines.last(), Some(&"</svg>"));
    }
}
