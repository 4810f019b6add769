//! Time from left to right: where a moment lies, and which moments are named below.

use super::picture::{Anchor, Picture, Style};
use crate::kernel::Time;

#[derive(Clone, Copy, Debug)]
pub(super) struct Timescale {
    from: u64,
    until: u64,
    left: i32,
    width: i32,
}

/// Distances between two moments that are named, in nanoseconds: 1, 2 and 5 of each power of ten.
const STEPS: [u64; 3] = [1, 2, 5];
/// So far apart at least.
const APART: u64 = 60;

impl Timescale {
    pub(super) fn new(from: Time, until: Time, left: i32, width: i32) -> Self {
        Timescale {
            from: from.0,
            until: until.0.max(from.0 + 1),
            left,
            width,
        }
    }

    /// Where it lies; what is before or behind lies at the edge.
    pub(super) fn x(&self, time: Time) -> i32 {
        let time = time.0.clamp(self.from, self.until);
        let part = u128::from(time - self.from) * u128::from(self.width.unsigned_abs());
        let x = part / u128::from(self.until - self.from);
        self.left + i32::try_from(x).unwrap_or(self.width)
    }

    pub(super) fn has(&self, time: Time) -> bool {
        (self.from..=self.until).contains(&time.0)
    }

    /// A line and a name for some moments, between `top` and `bottom`.
    pub(super) fn draw(&self, picture: &mut Picture, top: i32, bottom: i32) {
        let step = self.step();
        let mut time = self.from.div_ceil(step) * step;
        while time <= self.until {
            let x = self.x(Time(time));
            picture.line((x, top), (x, bottom), Style::Faint);
            picture.text_at(
                (x, bottom + 14),
                Anchor::Middle,
                self.named(time, step),
                Style::Faint,
            );
            time += step;
        }
    }

    fn step(&self) -> u64 {
        let most = u64::from(self.width.unsigned_abs()) / APART;
        let least = (self.until - self.from) / most.max(1);
        let mut power = 1_000;
        loop {
            for step in STEPS {
                if step * power >= least {
                    return step * power;
                }
            }
            power *= 10;
        }
    }

    fn named(&self, time: u64, step: u64) -> String {
        const SECOND: u64 = 1_000_000_000;
        let whole = time / SECOND;
        match step {
            SECOND.. => format!("{whole} s"),
            1_000_000.. => format!("{whole}.{:03} s", time % SECOND / 1_000_000),
            _ => format!("{whole}.{:06} s", time % SECOND / 1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_named_so_that_their_names_have_room() {
        for (from, until) in [
            (0, 120_000_000_000),
            (11_999_000_000, 12_010_000_000),
            (5, 6),
        ] {
            let scale = Timescale::new(Time(from), Time(until), 100, 800);
            let mut picture = Picture::new("", "");
            scale.draw(&mut picture, 10, 40);
            picture.fit(40);
            assert_eq!(picture.faults(), Vec::<String>::new());
        }
        let scale = Timescale::new(Time(0), Time(100), 10, 50);
        assert_eq!(
            (scale.x(Time(0)), scale.x(Time(50)), scale.x(Time(101))),
            (10, 35, 60)
        );
    }
}
