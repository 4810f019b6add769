//! Pictures as the pages of one PDF. Letters are outlines of the fonts that are bundled for PNG, so that every machine shows
//! the same; nothing in the file tells when or where it was made.

use super::png;
use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, TextStr};
use resvg::tiny_skia::{Path, PathSegment, Transform};
use resvg::usvg::{Fill, FillRule, Group, LineCap, LineJoin, Node, Paint, Pattern, Stroke, Tree};
use std::collections::BTreeSet;
use std::io::Write;

/// The size of each page, in points: 16 by 9.
const PAGE: (f32, f32) = (960.0, 540.0);

/// Draws SVGs of this room, one a page, as large as the page allows.
///
/// # Errors
/// Why one cannot be drawn.
pub fn to_pdf(title: &str, svgs: &[String]) -> Result<Vec<u8>, String> {
    let mut pdf = Pdf::new();
    let (catalog, pages, info) = (Ref::new(1), Ref::new(2), Ref::new(3));
    let id = |place: usize, part: i32| {
        let place = i32::try_from(place).unwrap_or(i32::MAX / 4);
        Ref::new(4 + place * 2 + part)
    };
    pdf.catalog(catalog).pages(pages);
    pdf.document_info(info).title(TextStr(title));
    let kids: Vec<Ref> = (0..svgs.len()).map(|place| id(place, 0)).collect();
    let count = i32::try_from(kids.len()).unwrap_or(i32::MAX);
    pdf.pages(pages).kids(kids).count(count);
    for (place, svg) in svgs.iter().enumerate() {
        let tree = png::tree(svg)?;
        let mut drawing = Drawing::of(&tree);
        drawing.group(tree.root(), 1.0);
        let stream = packed(&drawing.content.finish());
        pdf.stream(id(place, 1), &stream)
            .filter(Filter::FlateDecode);
        let mut page = pdf.page(id(place, 0));
        page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1));
        page.parent(pages);
        page.contents(id(place, 1));
        let mut resources = page.resources();
        let mut states = resources.ext_g_states();
        for percent in &drawing.opacities {
            let mut state = states
                .insert(Name(name_of(*percent).as_bytes()))
                .start::<pdf_writer::writers::ExtGraphicsState<'_>>();
            state.non_stroking_alpha(f32::from(*percent) / 100.0);
            state.stroking_alpha(f32::from(*percent) / 100.0);
        }
        states.finish();
        resources.finish();
        page.finish();
    }
    Ok(pdf.finish())
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    // A list of bytes takes what it is given.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn name_of(percent: u8) -> String {
    format!("a{percent}")
}

/// One page.
struct Drawing {
    content: Content,
    /// In percent, of what is not opaque.
    opacities: BTreeSet<u8>,
}

impl Drawing {
    fn of(tree: &Tree) -> Drawing {
        let size = tree.size();
        let scale = (PAGE.0 / size.width()).min(PAGE.1 / size.height());
        let (left, top) = (
            (PAGE.0 - size.width() * scale) / 2.0,
            (PAGE.1 + size.height() * scale) / 2.0,
        );
        let mut content = Content::new();
        // Upwards, as a PDF has it.
        content.transform([scale, 0.0, 0.0, -scale, left, top]);
        Drawing {
            content,
            opacities: BTreeSet::new(),
        }
    }

    /// Markers are cut to their box, which they fill; nothing else in these pictures is clipped or masked.
    fn group(&mut self, group: &Group, opacity: f32) {
        let opacity = opacity * group.opacity().get();
        for node in group.children() {
            match node {
                Node::Group(inner) => self.group(inner, opacity),
                Node::Text(text) => self.group(text.flattened(), opacity),
                Node::Path(path) if path.is_visible() => {
                    self.content.save_state();
                    self.transform(path.abs_transform());
                    if let Some(fill) = path.fill() {
                        self.fill(path.data(), fill, opacity);
                    }
                    if let Some(stroke) = path.stroke() {
                        self.stroke(path.data(), stroke, opacity);
                    }
                    self.content.restore_state();
                }
                Node::Path(_) | Node::Image(_) => {}
            }
        }
    }

    fn transform(&mut self, it: Transform) {
        if !it.is_identity() {
            self.content
                .transform([it.sx, it.ky, it.kx, it.sy, it.tx, it.ty]);
        }
    }

    fn fill(&mut self, path: &Path, fill: &Fill, opacity: f32) {
        match fill.paint() {
            Paint::Color(colour) => {
                self.opacity(opacity * fill.opacity().get());
                self.content
                    .set_fill_rgb(part(colour.red), part(colour.green), part(colour.blue));
                self.path(path);
                match fill.rule() {
                    FillRule::NonZero => self.content.fill_nonzero(),
                    FillRule::EvenOdd => self.content.fill_even_odd(),
                };
            }
            Paint::Pattern(pattern) => self.tiles(path, pattern, opacity * fill.opacity().get()),
            Paint::LinearGradient(_) | Paint::RadialGradient(_) => {}
        }
    }

    /// A hatching, tile by tile, within the path.
    fn tiles(&mut self, path: &Path, pattern: &Pattern, opacity: f32) {
        self.content.save_state();
        self.path(path);
        self.content.clip_nonzero();
        self.content.end_path();
        self.transform(pattern.transform());
        let (tile, bounds) = (pattern.rect(), path.bounds());
        // Tiles begin at multiples of their size, as SVG lays them.
        let first =
            |from: f32, origin: f32, size: f32| origin + ((from - origin) / size).floor() * size;
        let mut y = first(bounds.top(), tile.y(), tile.height());
        while y < bounds.bottom() {
            let mut x = first(bounds.left(), tile.x(), tile.width());
            while x < bounds.right() {
                self.content.save_state();
                self.transform(Transform::from_translate(x, y));
                self.group(pattern.root(), opacity);
                self.content.restore_state();
                x += tile.width();
            }
            y += tile.height();
        }
        self.content.restore_state();
    }

    fn stroke(&mut self, path: &Path, stroke: &Stroke, opacity: f32) {
        let Paint::Color(colour) = stroke.paint() else {
            return;
        };
        self.opacity(opacity * stroke.opacity().get());
        self.content
            .set_stroke_rgb(part(colour.red), part(colour.green), part(colour.blue));
        self.content.set_line_width(stroke.width().get());
        self.content.set_line_cap(match stroke.linecap() {
            LineCap::Butt => LineCapStyle::ButtCap,
            LineCap::Round => LineCapStyle::RoundCap,
            LineCap::Square => LineCapStyle::ProjectingSquareCap,
        });
        self.content.set_line_join(match stroke.linejoin() {
            LineJoin::Round => LineJoinStyle::RoundJoin,
            LineJoin::Bevel => LineJoinStyle::BevelJoin,
            LineJoin::Miter | LineJoin::MiterClip => LineJoinStyle::MiterJoin,
        });
        let dashes = stroke.dasharray().unwrap_or_default();
        self.content
            .set_dash_pattern(dashes.iter().copied(), stroke.dashoffset());
        self.path(path);
        self.content.stroke();
    }

    fn opacity(&mut self, opacity: f32) {
        // Of a hundred steps nobody sees more.
        let percent = (opacity * 100.0).round().clamp(0.0, 100.0) as u8;
        self.opacities.insert(percent);
        self.content
            .set_parameters(Name(name_of(percent).as_bytes()));
    }

    fn path(&mut self, path: &Path) {
        let mut at = (0.0, 0.0);
        let content = &mut self.content;
        for segment in path.segments() {
            match segment {
                PathSegment::MoveTo(to) => {
                    content.move_to(short(to.x), short(to.y));
                    at = (to.x, to.y);
                }
                PathSegment::LineTo(to) => {
                    content.line_to(short(to.x), short(to.y));
                    at = (to.x, to.y);
                }
                PathSegment::QuadTo(by, to) => {
                    let towards = |from: f32, by: f32| short(from + (by - from) * 2.0 / 3.0);
                    content.cubic_to(
                        towards(at.0, by.x),
                        towards(at.1, by.y),
                        towards(to.x, by.x),
                        towards(to.y, by.y),
                        short(to.x),
                        short(to.y),
                    );
                    at = (to.x, to.y);
                }
                PathSegment::CubicTo(one, two, to) => {
                    content.cubic_to(
                        short(one.x),
                        short(one.y),
                        short(two.x),
                        short(two.y),
                        short(to.x),
                        short(to.y),
                    );
                    at = (to.x, to.y);
                }
                PathSegment::Close => {
                    content.close_path();
                }
            }
        }
    }
}

/// A part of a colour.
fn part(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

/// With three digits: the eye sees no more, and files are half as long.
fn short(number: f32) -> f32 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Picture, Style, to_svg};

    #[test]
    fn the_same_pictures_make_the_same_pages() {
        let mut picture = Picture::new("A title", "About it.");
        picture.text((10, 20), "letters", Style::Ink);
        picture.rect((10, 30), (40, 20), Style::Uncommitted(1));
        picture.rect((60, 30), (40, 20), Style::Fault);
        picture.arrow((10, 70), (90, 80), Style::Answer);
        picture.fit(10);
        let svgs = [to_svg(&picture), to_svg(&picture)];
        let pdf = to_pdf("two", &svgs).expect("they can be drawn");
        assert!(pdf.starts_with(b"%PDF-"));
        let pages = pdf.windows(11).filter(|it| it == b"/Type /Page").count();
        // Two, and the tree that holds them.
        assert_eq!(pages, 3);
        assert_eq!(to_pdf("two", &svgs), Ok(pdf));
    }

    #[test]
    fn hatchings_and_what_shines_through_are_drawn() {
        let mut picture = Picture::new("A title", "About it.");
        picture.rect((0, 0), (12, 12), Style::Uncommitted(1));
        picture.rect((0, 0), (12, 12), Style::Fault);
        picture.fit(0);
        let tree = png::tree(&to_svg(&picture)).expect("it can be drawn");
        let mut drawing = Drawing::of(&tree);
        drawing.group(tree.root(), 1.0);
        assert!(drawing.opacities.contains(&45), "{:?}", drawing.opacities);
        let text = String::from_utf8_lossy(&drawing.content.finish()).into_owned();
        // Four tiles of six by six.
        assert_eq!(text.matches("\nW\n").count(), 1, "{text}");
        assert!(text.matches("\nS\n").count() >= 4, "{text}");
    }
}
