//! Steps of ten: from a millisecond to a minute on one axis. Whole numbers, since a logarithm of the machine's is not
//! the same on every machine.

/// A thousand times the logarithm of 1 to 10.
const OF_DIGITS: [i64; 10] = [0, 301, 477, 602, 699, 778, 845, 903, 954, 1_000];

/// A thousand times the decimal logarithm, straight between whole digits; of nothing as of 1.
pub(super) fn thousand_log10(value: u64) -> i64 {
    let value = value.max(1);
    let power = value.ilog10();
    let unit = 10_u64.pow(power);
    let digit = value / unit;
    let place = usize::try_from(digit - 1).unwrap_or(0);
    let (below, above) = (OF_DIGITS[place], OF_DIGITS[place + 1]);
    let rest = u128::from(value % unit) * u128::from((above - below).unsigned_abs());
    let part = i64::try_from(rest / u128::from(unit)).unwrap_or(0);
    i64::from(power) * 1_000 + below + part
}

/// `10 ms`: what a whole step of the axis stands for, in nanoseconds.
pub(super) fn name_of_step(thousand_log10: i64) -> String {
    let power = u32::try_from(thousand_log10 / 1_000).unwrap_or(0);
    name(10_u64.pow(power.min(18)))
}

/// A time of one digit and zeros.
pub(super) fn name(nanos: u64) -> String {
    match nanos {
        1_000_000_000.. => format!("{} s", nanos / 1_000_000_000),
        1_000_000.. => format!("{} ms", nanos / 1_000_000),
        1_000.. => format!("{} us", nanos / 1_000),
        _ => format!("{nanos} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_grow_and_tens_are_whole_steps() {
        let values = [1, 2, 9, 10, 11, 99, 100, 950, 1_000, u64::MAX];
        let logs = values.map(thousand_log10);
        assert!(logs.is_sorted());
        assert_eq!(logs[..4], [0, 301, 954, 1_000]);
        assert_eq!(thousand_log10(150), 2_150);
        assert_eq!(thousand_log10(0), 0);
        assert_eq!(name_of_step(7_000), "10 ms");
        assert_eq!(name_of_step(9_000), "1 s");
    }
}
