//! Figures with axes: how far readers are behind, how much is sent, how long it takes. Axes and their steps are
//! plotters', everything else is as in the other figures.
//!
//! May not know more than the rest of the room: facts of one run, or of several what they came to.

mod canvas;
pub(super) mod lag;
pub(super) mod latency;
mod logarithm;
mod over_time;
pub(super) mod panel;
pub(super) mod throughput;
