//! A field with two axes, in which values are drawn. Plotters finds the steps of the axes and where a value lies; all
//! values are whole numbers.

use super::canvas::{Canvas, colour};
use crate::figure::letters;
use crate::figure::picture::{Anchor, Part, Picture, Point, Shape, Style};
use plotters::coord::CoordTranslate;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordi64;
use plotters::drawing::{DrawingAreaErrorKind, IntoDrawingArea};
use plotters::prelude::ChartBuilder;
use plotters::style::{IntoFont, TRANSPARENT};
use std::convert::Infallible;
use std::ops::Range;

/// What a field shows, and where.
pub(in crate::figure) struct Axes<'a> {
    /// The upper left corner, and the sides, of the field with the names at its axes.
    pub(in crate::figure) at: (i32, i32),
    pub(in crate::figure) size: (i32, i32),
    /// From left to right, from below to above.
    pub(in crate::figure) across: Range<i64>,
    pub(in crate::figure) up: Range<i64>,
    /// At most so many values are named at each; below, none means that the figure names them itself.
    pub(in crate::figure) names: (usize, usize),
    pub(in crate::figure) name_across: &'a dyn Fn(i64) -> String,
    pub(in crate::figure) name_up: &'a dyn Fn(i64) -> String,
}

/// What was drawn, and where values lie in it.
pub(in crate::figure) struct Panel {
    scale: Scale,
    across: Range<i64>,
    up: Range<i64>,
}

type Scale = Cartesian2d<RangedCoordi64, RangedCoordi64>;

/// Room for the names at the axes.
pub(in crate::figure) const LEFT: i32 = 52;
pub(in crate::figure) const BELOW: i32 = 20;
/// Between a name and its axis.
const TICK: i32 = 3;

impl Panel {
    /// Draws the axes, the lines of their steps and the names of these.
    pub(in crate::figure) fn draw(picture: &mut Picture, axes: &Axes<'_>) -> Panel {
        let (across, up) = (axes.across.clone(), axes.up.clone());
        // A picture takes whatever is drawn; only a field without sides has no axes.
        let scale = draw_mesh(picture, axes).unwrap_or_else(|_| {
            let (x, y) = axes.at;
            let (width, height) = axes.size;
            let field = (x + LEFT..x + width, y + height - BELOW..y);
            Cartesian2d::new(across.clone(), up.clone(), field)
        });
        let panel = Panel { scale, across, up };
        if axes.names.0 == 0 {
            let (left, right) = (panel.x(axes.across.start), panel.x(axes.across.end));
            let y = panel.bottom();
            picture.line((left, y), (right, y), Style::Ink);
        }
        panel
    }

    pub(in crate::figure) fn x(&self, value: i64) -> i32 {
        self.point((value, self.up.start)).x
    }

    pub(in crate::figure) fn y(&self, value: i64) -> i32 {
        self.point((self.across.start, value)).y
    }

    pub(in crate::figure) fn top(&self) -> i32 {
        self.y(self.up.end)
    }

    pub(in crate::figure) fn bottom(&self) -> i32 {
        self.y(self.up.start)
    }

    /// A time from top to bottom; it has a width, however short it was.
    pub(in crate::figure) fn shade<'p>(
        &self,
        picture: &'p mut Picture,
        (from, until): (i64, i64),
        style: Style,
    ) -> &'p mut Part {
        let (left, right) = (self.x(from), self.x(until));
        let size = ((right - left).max(1), self.bottom() - self.top());
        picture.rect((left, self.top()), size, style)
    }

    /// A line from top to bottom.
    pub(in crate::figure) fn rule<'p>(
        &self,
        picture: &'p mut Picture,
        at: i64,
        style: Style,
    ) -> &'p mut Part {
        let x = self.x(at);
        picture.line((x, self.top()), (x, self.bottom()), style)
    }

    /// A bar that stands on the axis.
    pub(in crate::figure) fn bar<'p>(
        &self,
        picture: &'p mut Picture,
        (from, until): (i64, i64),
        height: i64,
        style: Style,
    ) -> &'p mut Part {
        let (left, right) = (self.x(from) + 1, self.x(until) - 1);
        let top = self.y(height);
        let size = ((right - left).max(1), self.bottom() - top);
        picture.rect((left, top), size, style)
    }

    /// From value to value; one alone is a dot.
    pub(in crate::figure) fn line(
        &self,
        picture: &mut Picture,
        values: &[(i64, i64)],
        style: Style,
        why: &str,
    ) {
        let mut points: Vec<Point> = values.iter().map(|value| self.point(*value)).collect();
        points.dedup();
        let shape = match points.as_slice() {
            [] => return,
            [at] => Shape::Circle { at: *at, radius: 2 },
            _ => Shape::Path(points),
        };
        picture.add(shape, style).because(why);
    }

    /// A number above a bar, on a piece of paper, so that no line of the grid goes through it.
    pub(in crate::figure) fn number(&self, picture: &mut Picture, middle: i32, value: i64) {
        let (text, y) = (value.to_string(), self.y(value) - 4);
        let width = letters::width(&text, Style::Faint.text_size());
        let size = (width + 4, 11);
        picture.rect((middle - width / 2 - 2, y - 9), size, Style::Paper);
        picture.text_at((middle, y), Anchor::Middle, text, Style::Faint);
    }

    fn point(&self, (across, up): (i64, i64)) -> Point {
        let across = across.clamp(self.across.start, self.across.end);
        let up = up.clamp(self.up.start, self.up.end);
        let (x, y) = self.scale.translate(&(across, up));
        Point::new(x, y)
    }
}

fn draw_mesh(
    picture: &mut Picture,
    axes: &Axes<'_>,
) -> Result<Scale, DrawingAreaErrorKind<Infallible>> {
    let area = Canvas(picture).into_drawing_area();
    let area = area.shrink(axes.at, axes.size);
    let mut builder = ChartBuilder::on(&area);
    builder.y_label_area_size(LEFT);
    match axes.names.0 {
        0 => builder.margin_bottom(BELOW),
        _ => builder.x_label_area_size(BELOW),
    };
    let mut chart = builder.build_cartesian_2d(axes.across.clone(), axes.up.clone())?;
    let text = || ("sans-serif", 10).into_font().color(&colour(Style::Faint));
    let mut mesh = chart.configure_mesh();
    if axes.names.0 == 0 {
        mesh.disable_x_mesh();
    }
    // It never comes to an end of looking for no names at all.
    mesh.x_labels(axes.names.0.max(1))
        .y_labels(axes.names.1)
        .x_label_formatter(&|value| (axes.name_across)(*value))
        .y_label_formatter(&|value| (axes.name_up)(*value))
        .label_style(text())
        .axis_style(colour(Style::Ink))
        .bold_line_style(colour(Style::Faint))
        .light_line_style(TRANSPARENT)
        .set_all_tick_mark_size(TICK)
        .draw()?;
    Ok(chart.as_coord_spec().clone())
}
