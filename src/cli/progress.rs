//! How far a long run has come, for people who wait for it at a terminal.

// What people wait for is told by their own clock; no run sees it.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use super::terminal::Terminal;
use crate::kernel::{Duration, Time};
use crate::run::Run;
use crate::trace::{Keep, Observer};
use std::time::Instant;

/// A run is looked at after so much simulated time.
const SLICE: Duration = Duration::from_millis(100);
/// A run that takes less needs no progress.
const FIRST_AFTER: std::time::Duration = std::time::Duration::from_secs(1);
const AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(500);

/// Plays a run to its end, telling people how far it is. Nothing of its trace is kept but what the observer
/// keeps.
pub(super) fn to_the_end(
    run: &mut Run,
    name: &str,
    observer: &mut impl Observer,
    terminal: &mut Terminal,
) {
    run.keep(Keep::Nothing);
    let mut progress = Progress::of(name, run.end());
    while run.now() < run.end() && !run.is_over() {
        run.until_watched((run.now() + SLICE).min(run.end()), observer);
        progress.tell(run.now(), run.events(), terminal);
    }
    // What happens at the last instant.
    run.until_watched(run.end(), observer);
    terminal.clear_status();
}

struct Progress {
    name: String,
    end: Time,
    due: Instant,
    told: Instant,
    events: u64,
}

impl Progress {
    fn of(name: &str, end: Time) -> Self {
        let now = Instant::now();
        Progress {
            name: name.to_owned(),
            end,
            due: now + FIRST_AFTER,
            told: now,
            events: 0,
        }
    }

    fn tell(&mut self, now: Time, events: u64, terminal: &mut Terminal) {
        let clock = Instant::now();
        if clock < self.due {
            return;
        }
        let passed = clock.duration_since(self.told).as_millis().max(1);
        let speed = u128::from(events - self.events) * 1_000 / passed;
        let tenths = |time: Time| {
            let tenths = time.as_millis() / 100;
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        terminal.status(&format!(
            "{}: {} of {} s simulated, {speed} events a second",
            self.name,
            tenths(now),
            tenths(self.end),
        ));
        self.due = clock + AGAIN_AFTER;
        (self.told, self.events) = (clock, events);
    }
}
