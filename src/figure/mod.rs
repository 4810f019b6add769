//! Figures: pictures of a run as plain SVG, each a pure function of what the run stated.
//!
//! Colour is leader epoch, term or generation; shape is role; hatching is not committed yet; nothing is said by colour
//! alone. Figures are small and causal: a slice of a run, and they say what they leave out. The same recording gives
//! the same bytes on every machine.
//!
//! May not know more than facts, their causes and messages, and the plan. Designs: what the field's best pictures have
//! in common stands in the book (`book/src/figures.md`).

mod bytes;
#[cfg(feature = "charts")]
mod chart;
mod choice;
mod export;
mod gantt;
mod index;
mod kind;
mod lags;
mod letters;
mod links;
mod logs;
mod map;
mod markers;
mod message;
mod outage;
#[cfg(feature = "pdf")]
mod pdf;
mod picture;
#[cfg(feature = "png")]
mod png;
mod rebalance;
mod recording;
mod several;
mod short;
mod side_by_side;
mod slice;
mod slide;
mod space_time;
mod svg;
mod timescale;
mod why;
mod words;
mod znodes;

pub(crate) use bytes::{COVERED, Dissected};
pub use choice::chosen;
pub use export::Export;
pub use index::index_page;
pub use kind::{Kind, Nothing, Wanted};
#[cfg(feature = "pdf")]
pub use pdf::to_pdf;
pub use picture::{Anchor, Part, Picture, Point, Shape, Style};
#[cfg(feature = "png")]
pub use png::to_png;
pub use recording::Recording;
pub use several::{Played, Settings, Several};
pub use short::tag;
pub use side_by_side::{Stand, side_by_side};
pub use slice::Around;
pub use slide::{Words, asking, saying, showing};
pub use svg::to_svg;
pub use why::{TABLE, Why, name_of, why, why_of, why_of_message};
