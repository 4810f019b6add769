//! What plotters draws on: a picture of ours.
//!
//! Its own SVG has sizes with many digits, no title, no word for who cannot see, and colours for white paper only; and
//! it cannot say which texts overlap. A picture has all that. Plotters knows colours, a picture knows what a part stands
//! for: a colour's red is the place of a style in [`STYLES`], and nothing else.

use crate::figure::letters;
use crate::figure::picture::{Anchor, Picture, Point, Shape, Style};
use plotters::style::RGBColor;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};
use std::convert::Infallible;

pub(super) struct Canvas<'a>(pub(super) &'a mut Picture);

/// A picture grows as it is drawn; plotters wants an edge.
const EDGE: u32 = 8_192;

/// What plotters is asked to draw in.
const STYLES: [Style; 2] = [Style::Ink, Style::Faint];

/// The colour that stands for a style.
pub(super) fn colour(style: Style) -> RGBColor {
    let place = STYLES.iter().position(|it| *it == style).unwrap_or(0);
    RGBColor(u8::try_from(place).unwrap_or(0), 0, 0)
}

/// Nothing, for what is not to be seen.
fn style_of(colour: BackendColor) -> Option<Style> {
    let style = STYLES.get(usize::from(colour.rgb.0));
    style.copied().filter(|_| colour.alpha > 0.0)
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (EDGE, EDGE)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_rect(at, at, &colour, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        if let Some(style) = style_of(style.color()) {
            self.0.line(from, to, style);
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        _: bool,
    ) -> Drawn {
        if let Some(style) = style_of(style.color()) {
            self.0
                .rect((left, top), (right - left, bottom - top), style);
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<Point> = points.into_iter().map(|(x, y)| Point::new(x, y)).collect();
        // A tick of no length is none.
        let goes_somewhere = points.windows(2).any(|pair| pair[0] != pair[1]);
        if let Some(style) = style_of(style.color()).filter(|_| goes_somewhere) {
            self.0.add(Shape::Path(points), style);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        _: bool,
    ) -> Drawn {
        let radius = i32::try_from(radius).unwrap_or(0);
        if let Some(style) = style_of(style.color()) {
            let at = Point::new(x, y);
            self.0.add(Shape::Circle { at, radius }, style);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        self.draw_path(points, style)
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        let Some(of) = style_of(style.color()) else {
            return Ok(());
        };
        let anchor = match style.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        // From there to the line that its letters stand on.
        let size = of.text_size();
        let down = match style.anchor().v_pos {
            VPos::Top => size * 3 / 4,
            VPos::Center => size / 3,
            VPos::Bottom => -size / 4,
        };
        self.0.text_at((x, y + down), anchor, text, of);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style_of(style.color()).unwrap_or(Style::Ink).text_size();
        let sides = [letters::width(text, size), size];
        let sides = sides.map(|side| u32::try_from(side).unwrap_or(0));
        Ok((sides[0], sides[1]))
    }
}
