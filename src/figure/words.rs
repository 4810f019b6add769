//! Moments and how long things lasted, as figures write them.

use crate::kernel::Time;

/// Seconds since the start, to the millisecond.
pub(super) fn moment(time: Time) -> String {
    let millis = time.0 / 1_000_000;
    format!("{}.{:03} s", millis / 1_000, millis % 1_000)
}

/// Three or four digits of it, in the unit that suits.
pub(super) fn lasted(from: Time, until: Time) -> String {
    let nanos = until.0.saturating_sub(from.0);
    match nanos {
        10_000_000_000.. => format!("{}.{} s", nanos / 1_000_000_000, nanos / 100_000_000 % 10),
        1_000_000_000.. => format!(
            "{}.{:02} s",
            nanos / 1_000_000_000,
            nanos / 10_000_000 % 100
        ),
        10_000_000.. => format!("{} ms", nanos / 1_000_000),
        1_000_000.. => format!("{}.{} ms", nanos / 1_000_000, nanos / 100_000 % 10),
        _ => format!("{}.{:02} ms", nanos / 1_000_000, nanos / 10_000 % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasted_long_is_said_more_roughly() {
        let said = |nanos: u64| lasted(Time(5), Time(5 + nanos));
        assert_eq!(said(14_001_555_000), "14.0 s");
        assert_eq!(said(2_345_000_000), "2.34 s");
        assert_eq!(said(45_678_000), "45 ms");
        assert_eq!(said(1_234_000), "1.2 ms");
        assert_eq!(said(195_000), "0.19 ms");
        assert_eq!(moment(Time(44_003_352_520)), "44.003 s");
    }
}
