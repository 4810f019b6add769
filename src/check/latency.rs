//! How long acknowledged records took from their hand-over to the producer, in whole nanoseconds.

use crate::kernel::Duration;
use crate::protocol::Fact;
use crate::trace::TraceEntry;
use std::fmt;

/// Latencies of acknowledged records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    /// Those of all acknowledgements among these entries; with acks=0 (offset -1) nobody acknowledges.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a TraceEntry>) -> Self {
        let acked = entries.into_iter().filter_map(|entry| match entry.fact {
            Fact::Acked {
                latency_ns, offset, ..
            } if offset >= 0 => Some(latency_ns),
            _ => None,
        });
        Latencies(acked.collect())
    }

    pub fn push(&mut self, nanos: u64) {
        self.0.push(nanos);
    }

    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The smallest latency that so many thousandths of all do not exceed (nearest rank); `None` if there
    /// is none.
    pub fn at(&self, per_mille: u16) -> Option<Duration> {
        let rank = (self.count() * u64::from(per_mille)).div_ceil(1_000).max(1);
        let index = usize::try_from(rank - 1).ok()?;
        let mut all = self.0.clone();
        let found = (index < all.len()).then(|| *all.select_nth_unstable(index).1);
        found.map(Duration::from_nanos)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no record");
        }
        let at = |per_mille| millis(self.at(per_mille).unwrap_or_default());
        let (p50, p90, p99, max) = (at(500), at(900), at(990), at(1_000));
        write!(
            f,
            "p50 {p50}, p90 {p90}, p99 {p99}, max {max} ({} acknowledged)",
            self.count()
        )
    }
}

/// `3.412 ms`.
pub fn millis(duration: Duration) -> String {
    let micros = duration.0 / 1_000;
    format!("{}.{:03} ms", micros / 1_000, micros % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred = Latencies((1..=100).collect());
        let nanos = |per_mille| hundred.at(per_mille).map(|d| d.0);
        assert_eq!(
            [nanos(1), nanos(500), nanos(505), nanos(990), nanos(1_000)],
            [Some(1), Some(50), Some(51), Some(99), Some(100)]
        );
        assert_eq!(Latencies(vec![7]).at(500), Some(Duration(7)));
        assert_eq!(Latencies::default().at(500), None);
    }

    #[test]
    fn prints_with_thousandths_of_a_millisecond() {
        let latencies = Latencies(vec![3_412_900, 12_000_000]);
        assert_eq!(
            latencies.to_string(),
            "p50 3.412 ms, p90 12.000 ms, p99 12.000 ms, max 12.000 ms (2 acknowledged)"
        );
    }
}
