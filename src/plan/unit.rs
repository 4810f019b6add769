//! Lengths of time and sizes as people write them: `30s`, `1500ms`, `2m`, `64KiB`.

use crate::kernel::Duration;

const TIMES: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A number with a fraction, as both have.
const NUMBER: &str = r"[0-9]+(\.[0-9]{1,9})?";

/// A regular expression for lengths of time; the order of units is left to who reads it.
pub fn duration_pattern() -> String {
    let names = TIMES.map(|(name, _)| name);
    format!("({NUMBER}({}))+", names.join("|"))
}

/// A regular expression for sizes.
pub fn size_pattern() -> String {
    let names = SIZES.map(|(name, _)| name);
    format!("{NUMBER} *({})", names.join("|"))
}

/// Reads `90s`, `1m30s`, `1.5s`, `0s`. A bare number has no unit and is refused.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    let mut previous = u64::MAX;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let after = &rest[unit_at..];
        let unit_len = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (_, scale) = *TIMES.iter().find(|(name, _)| *name == &after[..unit_len])?;
        // 1m30s is a length of time; 30s1m and 1s1s are slips of the pen.
        if scale >= previous {
            return None;
        }
        previous = scale;
        total = total.checked_add(scaled(&rest[..unit_at], scale)?)?;
        rest = &after[unit_len..];
    }
    Some(Duration(total))
}

/// Reads `64KiB`, `1MiB`, `1.5MB`, `100B`. A bare number has no unit and is refused.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (_, scale) = *SIZES
        .iter()
        .find(|(name, _)| *name == text[unit_at..].trim())?;
    scaled(text[..unit_at].trim_end(), scale)
}

/// The shortest form that `parse_duration` reads back: `1m30s`, `1500ms`, `0s`.
pub fn write_duration(duration: Duration) -> String {
    let mut rest = duration.0;
    if rest == 0 {
        return "0s".into();
    }
    if !rest.is_multiple_of(1_000_000_000) {
        // Below a second one unit says it best.
        let (name, scale) = TIMES[4..]
            .iter()
            .find(|(_, scale)| rest.is_multiple_of(*scale))
            .unwrap_or(&TIMES[6]);
        return format!("{}{name}", rest / scale);
    }
    let (day, days) = TIMES[0];
    if rest.is_multiple_of(days) && rest > 3 * days {
        return format!("{}{day}", rest / days);
    }
    let mut text = String::new();
    // Few days are written as hours: 36h is plainer than 1d12h.
    for (name, scale) in &TIMES[1..4] {
        if rest >= *scale {
            text.push_str(&format!("{}{name}", rest / scale));
            rest %= scale;
        }
    }
    text
}

/// The shortest form that `parse_size` reads back: `64KiB`, `1500B`.
pub fn write_size(bytes: u64) -> String {
    let (name, scale) = SIZES[..3]
        .iter()
        .find(|(_, scale)| bytes >= *scale && bytes.is_multiple_of(*scale))
        .unwrap_or(&SIZES[6]);
    format!("{}{name}", bytes / scale)
}

/// `number` (digits, at most one decimal point) times `scale`; `None` if that is not a whole number.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || !digits(whole)
        || !digits(fraction)
        || number.ends_with('.')
        || fraction.len() > 9
    {
        return None;
    }
    let mut total = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if !fraction.is_empty() {
        let parts = 10u64.pow(fraction.len() as u32);
        let scaled = u128::from(fraction.parse::<u64>().ok()?) * u128::from(scale);
        if scaled % u128::from(parts) != 0 {
            return None;
        }
        total = total.checked_add((scaled / u128::from(parts)) as u64)?;
    }
    Some(total)
}

/// Why a text is not read that would be with other numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misnumbered {
    Negative,
    TooLarge,
    /// It is 0.
    TooSmall,
    /// Zeros stand before it, which the number of a partition has none of.
    Zeros,
}

/// What is wrong with the numbers of a text that nobody `reads`; `None`: it is not the numbers.
pub fn misnumbered(text: &str, reads: impl Fn(&str) -> bool) -> Option<Misnumbered> {
    let mut unsigned = String::new();
    // With 1 for each whole number, and as it is signed.
    let (mut small, mut small_signed) = (String::new(), String::new());
    let (mut last, mut is_fraction) = (' ', false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let begins = !last.is_ascii_alphanumeric() && !matches!(last, '-' | '.' | '_');
        if c == '-' && begins && chars.peek().is_some_and(char::is_ascii_digit) {
            small_signed.push(c);
            continue;
        }
        unsigned.push(c);
        is_fraction = c == '.' || (is_fraction && c.is_ascii_digit());
        let kept = match c.is_ascii_digit() && !is_fraction {
            true if last.is_ascii_digit() => None,
            true => Some('1'),
            false => Some(c),
        };
        small.extend(kept);
        small_signed.extend(kept);
        last = c;
    }
    if reads(text) {
        None
    } else if reads(&without_zeros(text)) {
        Some(Misnumbered::Zeros)
    } else if reads(&with_ones_for_zeros(text)) {
        Some(Misnumbered::TooSmall)
    } else if reads(&small_signed) {
        Some(Misnumbered::TooLarge)
    } else {
        (reads(&unsigned) || reads(&small)).then_some(Misnumbered::Negative)
    }
}

/// With 1 for each whole number that is 0.
fn with_ones_for_zeros(text: &str) -> String {
    let mut ones = String::new();
    let mut last = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let goes_on = |c: Option<&char>| c.is_some_and(|c| c.is_ascii_digit() || *c == '.');
        let is_zero = c == '0' && !goes_on(Some(&last)) && !goes_on(chars.peek());
        ones.push(if is_zero { '1' } else { c });
        last = c;
    }
    ones
}

/// Without the zeros that begin a whole number.
fn without_zeros(text: &str) -> String {
    let mut without = String::new();
    let mut chars = text.chars().peekable();
    let mut last = ' ';
    while let Some(c) = chars.next() {
        let begins = !last.is_ascii_digit() && last != '.';
        let goes_on = chars.peek().is_some_and(char::is_ascii_digit);
        if !(c == '0' && begins && goes_on) {
            without.push(c);
            last = c;
        }
    }
    without
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, nanos, written) in [
            ("30s", 30_000_000_000, "30s"),
            ("2m", 120_000_000_000, "2m"),
            ("90s", 90_000_000_000, "1m30s"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("1500ms", 1_500_000_000, "1500ms"),
            ("1.5s", 1_500_000_000, "1500ms"),
            ("250us", 250_000, "250us"),
            ("7ns", 7, "7ns"),
            ("1h", 3_600_000_000_000, "1h"),
            ("1d12h", 129_600_000_000_000, "36h"),
            ("2d", 172_800_000_000_000, "48h"),
            ("600d", 51_840_000_000_000_000, "600d"),
            ("0s", 0, "0s"),
        ] {
            assert_eq!(parse_duration(text), Some(Duration(nanos)), "{text}");
            assert_eq!(write_duration(Duration(nanos)), written);
        }
        for text in [
            "",
            "30",
            "s",
            "-3s",
            "30 s",
            "3x",
            "30s1m",
            "1s1s",
            "1.s",
            "0.5ns",
            "99999999999999h",
            "1e3s",
            "soon",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_read_and_write() {
        for (text, bytes, written) in [
            ("64KiB", 65_536, "64KiB"),
            ("1MiB", 1 << 20, "1MiB"),
            ("1.5KiB", 1_536, "1536B"),
            ("1MB", 1_000_000, "1000000B"),
            ("100B", 100, "100B"),
            ("0B", 0, "0B"),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
            assert_eq!(write_size(bytes), written);
        }
        for text in ["", "64", "KiB", "-1B", "64kib", "99999999999GiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_told_whether_a_number_is_negative_too_large_or_too_small() {
        let time = |text: &str| parse_duration(text).is_some();
        for (text, found) in [
            ("-5s", Some(Misnumbered::Negative)),
            ("999999999d", Some(Misnumbered::TooLarge)),
            ("1m99999999999999999999s", Some(Misnumbered::TooLarge)),
            ("-999999999d", Some(Misnumbered::Negative)),
            ("30s", None),
            ("30", None),
            ("30s1m", None),
            ("0.5ns", None),
            ("1.00000000001s", None),
            ("soon", None),
        ] {
            assert_eq!(misnumbered(text, time), found, "{text}");
        }
        let place = |text: &str| {
            let number = text.strip_prefix("in t-0 read ");
            number.is_some_and(|n| n.parse::<u8>().is_ok())
        };
        assert_eq!(
            misnumbered("in t-0 read -3", place),
            Some(Misnumbered::Negative)
        );
        assert_eq!(misnumbered("in t--1 read 3", place), None);
        let from_one = |text: &str| text.parse::<u8>().is_ok_and(|n| n > 0);
        assert_eq!(misnumbered("0", from_one), Some(Misnumbered::TooSmall));
        assert_eq!(misnumbered("300", from_one), Some(Misnumbered::TooLarge));
        for zeros in ["in t-00 read 3", "in t-000 read 03"] {
            assert_eq!(misnumbered(zeros, place), Some(Misnumbered::Zeros));
        }
    }
}
