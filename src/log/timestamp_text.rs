//! A record's timestamp for people: with its date, and with the date that it would be in another unit, since
//! seconds or microseconds given for milliseconds are the usual cause of records that go too early, or never.

use crate::log::broker_metadata_checkpoint::java_date;

/// Units other than milliseconds: their name, which numbers are dates from 2001 to 2286 in them, and how many
/// milliseconds one has, as a fraction.
const OTHER_UNITS: [(&str, i64, (i64, i64)); 3] = [
    ("seconds", 1_000_000_000, (1_000, 1)),
    ("microseconds", 1_000_000_000_000_000, (1, 1_000)),
    ("nanoseconds", 1_000_000_000_000_000_000, (1, 1_000_000)),
];

/// The number, its date, and the date in the unit that was likely meant.
pub(super) fn in_words(timestamp: i64) -> String {
    let plain = format!("{timestamp}, {}", java_date(timestamp));
    let meant = OTHER_UNITS
        .iter()
        .find(|(_, first, _)| (*first..first.saturating_mul(10)).contains(&timestamp));
    match meant {
        Some((unit, _, (times, by))) => {
            let date = java_date(timestamp / by * times);
            format!("{plain} (in {unit} it would be {date})")
        }
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_in_another_unit_is_told_as_such() {
        for (timestamp, told) in [
            (1_717_401_600_000, "Mon Jun 03 08:00:00 UTC 2024"),
            (-1, "Wed Dec 31 23:59:59 UTC 1969"),
            (
                1_717_401_600,
                "Tue Jan 20 21:03:21 UTC 1970 (in seconds it would be Mon Jun 03 08:00:00 UTC 2024)",
            ),
            (
                1_717_401_600_000_000,
                "Thu Apr 16 08:00:00 UTC 56392 (in microseconds it would be Mon Jun 03 08:00:00 UTC 2024)",
            ),
        ] {
            assert_eq!(in_words(timestamp), format!("{timestamp}, {told}"));
        }
        for timestamp in [i64::MIN, i64::MAX] {
            assert!(in_words(timestamp).starts_with(&timestamp.to_string()));
        }
    }
}
