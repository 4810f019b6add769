//! A figure as PNG, for slides and for programs that show no SVG: light colours, two pixels for one of the figure's
//! units, and letters from the fonts that are bundled here, never from those of the machine.
//!
//! Pixels are found with numbers that are not whole. Nothing is decided by them: a PNG is the end of the way, made from
//! an SVG of whole numbers, and read by eyes only.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};
use std::sync::Arc;

/// Parts of DejaVu 2.37 (letters of European languages, Greek, Cyrillic, arrows, signs) without hinting and features.
const FONTS: [&[u8]; 3] = [
    include_bytes!("fonts/DejaVuSans.ttf"),
    include_bytes!("fonts/DejaVuSans-Bold.ttf"),
    include_bytes!("fonts/DejaVuSansMono.ttf"),
];
const ZOOM: u16 = 2;

/// Draws an SVG of this room.
///
/// # Errors
/// Why it cannot be drawn: it is larger than memory, say.
pub fn to_png(svg: &str) -> Result<Vec<u8>, String> {
    let tree = tree(svg)?;
    let size = tree.size().to_int_size();
    let sides = [size.width(), size.height()].map(|side| side * u32::from(ZOOM));
    let mut pixels = Pixmap::new(sides[0], sides[1])
        .ok_or_else(|| format!("{} by {} pixels are too many", sides[0], sides[1]))?;
    let zoom = Transform::from_scale(f32::from(ZOOM), f32::from(ZOOM));
    resvg::render(&tree, zoom, &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}

/// An SVG of this room with its styles resolved, and its texts in the fonts above.
pub(super) fn tree(svg: &str) -> Result<Tree, String> {
    let mut fonts = Database::new();
    for font in FONTS {
        fonts.load_font_data(font.to_vec());
    }
    let options = Options {
        font_family: "DejaVu Sans".to_owned(),
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    Tree::from_str(svg, &options).map_err(|error| error.to_string())
}
