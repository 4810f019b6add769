//! How long a campaign may take, and how fast it is, by the clock of who waits for it.

// No run sees it.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use std::time::{Duration, Instant};

pub(super) struct Clock {
    begun: Instant,
    most: Option<Duration>,
}

impl Clock {
    /// Runs from now on.
    pub(super) fn begin(minutes: Option<u32>) -> Self {
        Clock {
            begun: Instant::now(),
            most: minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.most.is_some_and(|most| self.begun.elapsed() >= most)
    }

    /// So many a second since the beginning.
    pub(super) fn rate(&self, count: u64) -> u64 {
        let millis = self.begun.elapsed().as_millis().max(1);
        u64::try_from(u128::from(count) * 1_000 / millis).unwrap_or(u64::MAX)
    }
}

/// Seconds that this thread has had a processor. Where the system does not tell it: of the clock.
pub(super) fn cpu_seconds() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    match nanos {
        Some(nanos) => nanos as f64 / 1e9,
        None => {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(0.0, |since| since.as_secs_f64())
        }
    }
}
