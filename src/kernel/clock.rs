//! A node's clocks: a monotonic one that drifts, and a wall clock that may also be set.

use super::{Duration, Time};

const MILLION: i128 = 1_000_000;

#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The last moment at which the rate changed, in true time and on this clock.
    base_true: Time,
    base_local: Time,
    ppm: i32,
    /// What the wall clock showed (in milliseconds since 1970) at zero on the monotonic clock.
    wall_zero_ms: i64,
    /// By how much it was set since.
    set_ms: i64,
}

/// Where `Clock::wall` stands at the start: a hundred years, so that a clock that is set back does not come
/// to zero.
const WALL_ORIGIN: Time = Time(100 * 365 * 86_400 * 1_000_000_000);
/// A monotonic clock may start so far ahead; what a wall clock is ahead beyond that, it does not show.
const FURTHEST_AHEAD_MS: i64 = 100 * 365 * 86_400 * 1_000;

impl Clock {
    pub(super) fn new(calendar_start_ms: i64, skew_ms: i64, drift_ppm: i32) -> Self {
        // The origin of a monotonic clock is arbitrary; one that starts behind zero starts at zero, and one
        // that is further ahead than it can count starts where it can.
        let ahead_ms = skew_ms.clamp(0, FURTHEST_AHEAD_MS);
        Self {
            base_true: Time::ZERO,
            base_local: Time::ZERO + Duration::from_millis(ahead_ms.unsigned_abs()),
            ppm: sane(drift_ppm),
            wall_zero_ms: calendar_start_ms.saturating_add(skew_ms - ahead_ms),
            set_ms: 0,
        }
    }

    /// What the monotonic clock shows at a true time.
    #[inline]
    pub(super) fn local(&self, now: Time) -> Time {
        let passed = now.since(self.base_true);
        if self.ppm == 0 {
            return self.base_local + passed;
        }
        let ran = i128::from(passed.0) * (MILLION + i128::from(self.ppm)) / MILLION;
        self.base_local + Duration(clamp(ran))
    }

    /// The first true time at which the monotonic clock shows `local` (or more).
    #[inline]
    pub(super) fn true_time(&self, local: Time) -> Time {
        let ahead = local.since(self.base_local);
        if self.ppm == 0 {
            return self.base_true + ahead;
        }
        let rate = MILLION + i128::from(self.ppm);
        self.base_true + Duration(clamp((i128::from(ahead.0) * MILLION + rate - 1) / rate))
    }

    /// The first true time at which `delay` has passed on the monotonic clock since the true time `from`.
    #[inline]
    pub(super) fn after(&self, from: Time, delay: Duration) -> Time {
        if self.ppm == 0 {
            return from + delay;
        }
        self.true_time(self.local(from) + delay).max(from)
    }

    pub(super) fn wall_ms(&self, now: Time) -> i64 {
        let ran = i64::try_from(self.local(now).as_millis()).unwrap_or(i64::MAX);
        self.wall_zero_ms.saturating_add(ran)
    }

    /// The wall clock as something to measure time with: its origin means nothing.
    #[inline]
    pub(super) fn wall(&self, now: Time) -> Time {
        if self.set_ms == 0 {
            return WALL_ORIGIN + self.local(now).since(Time::ZERO);
        }
        let shown = i128::from(WALL_ORIGIN.0) + i128::from(self.local(now).0);
        Time(clamp(shown + i128::from(self.set_ms) * 1_000_000))
    }

    pub(super) fn jump(&mut self, by_ms: i64) {
        self.wall_zero_ms = self.wall_zero_ms.saturating_add(by_ms);
        self.set_ms = self.set_ms.saturating_add(by_ms);
    }

    pub(super) fn drift(&mut self, now: Time, ppm: i32) {
        self.base_local = self.local(now);
        self.base_true = now;
        self.ppm = sane(ppm);
    }
}

/// A clock never stands still or runs backwards.
fn sane(ppm: i32) -> i32 {
    ppm.max(-900_000)
}

fn clamp(nanos: i128) -> u64 {
    u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_clock_shows_true_time() {
        let clock = Clock::new(1_000, 0, 0);
        assert_eq!(clock.local(Time(77)), Time(77));
        assert_eq!(clock.true_time(Time(77)), Time(77));
        assert_eq!(clock.wall_ms(Time::ZERO + Duration::from_secs(2)), 3_000);
    }

    #[test]
    fn skew_shows_on_the_wall_clock_in_both_directions() {
        assert_eq!(Clock::new(10_000, 250, 0).wall_ms(Time::ZERO), 10_250);
        assert_eq!(Clock::new(10_000, -250, 0).wall_ms(Time::ZERO), 9_750);
        assert_eq!(Clock::new(0, 250, 0).local(Time::ZERO).as_millis(), 250);
    }

    #[test]
    fn true_time_is_the_inverse_of_a_drifting_clock() {
        for ppm in [-500_000, -17, 3, 250_000] {
            let mut clock = Clock::new(0, 40, ppm);
            clock.drift(Time(999_999_999), ppm / 2);
            for local in (2_000_000_000u64..).step_by(123_456_789).take(50).map(Time) {
                let when = clock.true_time(local);
                assert!(clock.local(when) >= local, "{ppm}");
                assert!(clock.local(Time(when.0 - 2)) < local, "{ppm}");
            }
        }
    }

    #[test]
    fn time_measured_by_the_wall_clock_is_time_unless_it_is_set() {
        for (calendar, skew) in [
            (1_795_330_000_000, 0),
            (1_795_330_000_000, 1_795_330_000_000_000),
            (1_795_330_000_000, i64::MAX),
            (1_795_330_000_000, i64::MIN),
            (i64::MAX, 70),
            (i64::MIN, -70),
        ] {
            let clock = Clock::new(calendar, skew, 0);
            let passed = clock.wall(Time(12_345)).since(clock.wall(Time::ZERO));
            assert_eq!(passed, Duration(12_345), "{calendar}");
        }
        let mut clock = Clock::new(0, 0, 0);
        clock.jump(i64::MIN);
        assert_eq!(clock.wall(Time(5)), Time::ZERO);
    }

    #[test]
    fn a_jump_moves_the_wall_clock_only() {
        let mut clock = Clock::new(0, 0, 0);
        let before = clock.wall(Time(9));
        clock.jump(-5_000);
        assert_eq!(clock.wall_ms(Time::ZERO), -5_000);
        assert_eq!(clock.wall(Time(9)) + Duration::from_secs(5), before);
        assert_eq!(clock.local(Time(9)), Time(9));
    }
}
