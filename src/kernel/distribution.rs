//! Random lengths of time in integers: a distribution is a table of quantiles.
//!
//! No float and no library distribution: a table gives the same nanoseconds on every machine. A draw
//! picks a quantile of the body (64 steps, interpolated) or, one time in 64, of the tail, where every
//! further step is half as likely, down to one in a million.

use super::{Duration, Stream};
use std::sync::Arc;

/// A distribution of lengths of time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Distribution {
    /// Always the same; draws nothing.
    Constant(Duration),
    /// Any length between the two, both included.
    Uniform { low: Duration, high: Duration },
    /// By quantiles; see `log_normal`, `long_tail`.
    Quantiles(Arc<Quantiles>),
}

impl Distribution {
    /// Log-normal: the logarithm is normal around that of `median` with a standard deviation of
    /// `sigma_percent` / 100. With 25, one in a hundred is above 1.8 medians, one in a million above 3.3.
    pub fn log_normal(median: Duration, sigma_percent: u32) -> Self {
        Self::Quantiles(Arc::new(Quantiles::log_normal(median, sigma_percent)))
    }

    /// As log-normal with `sigma_percent` 25 up to one in 64; beyond, a draw that is half as likely
    /// takes 1.6 times as long: one in a thousand takes about 10 medians, one in a million 1,000.
    pub fn long_tail(median: Duration) -> Self {
        Self::Quantiles(Arc::new(Quantiles::long_tail(median)))
    }

    #[inline]
    pub fn sample(&self, random: &mut Stream) -> Duration {
        match self {
            Self::Constant(length) => *length,
            Self::Uniform { low, high } if low < high => {
                Duration(low.0 + random.below((high.0 - low.0).saturating_add(1)))
            }
            Self::Uniform { low, .. } => *low,
            Self::Quantiles(table) => table.sample(random.next_u64()),
        }
    }
}

const BODY: usize = 64;
const TAIL: usize = 15;

/// Nanoseconds at the quantiles i/64 for i below 64, and at 1 - 2^-k for k from 6 to 20.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quantiles {
    body: [u64; BODY],
    tail: [u64; TAIL],
}

impl Quantiles {
    fn log_normal(median: Duration, sigma_percent: u32) -> Self {
        let at = |z: i64| {
            let exponent = z * i64::from(sigma_percent) / 100 * LOG2_E / (1 << 16);
            scale(median.0, exponent)
        };
        Self {
            body: NORMAL_BODY.map(at),
            tail: NORMAL_TAIL.map(at),
        }
    }

    fn long_tail(median: Duration) -> Self {
        let mut table = Self::log_normal(median, 25);
        for k in 1..TAIL {
            table.tail[k] = table.tail[k - 1].saturating_mul(8) / 5;
        }
        table
    }

    /// The top six bits choose the step, the others the place within it.
    #[inline]
    fn sample(&self, bits: u64) -> Duration {
        let (step, within) = ((bits >> 58) as usize, (bits >> 26) as u32);
        if step < BODY - 1 {
            return between(self.body[step], self.body[step + 1], within);
        }
        // The last step is halved again and again by the lower bits, which place the draw as well.
        let rest = (bits << 6) | 0x3f;
        let halving = (rest.leading_ones() as usize).min(TAIL - 2);
        between(
            self.tail[halving],
            self.tail[halving + 1],
            (rest << (halving + 1) >> 32) as u32,
        )
    }
}

#[inline]
fn between(low: u64, high: u64, place: u32) -> Duration {
    Duration(low + ((u128::from(high - low) * u128::from(place)) >> 32) as u64)
}

/// `n` times two to the power of `exponent / 65536`.
fn scale(n: u64, exponent: i64) -> u64 {
    let mut factor: u128 = 1 << 32;
    for (bit, root) in (0..16).rev().zip(ROOTS_OF_TWO) {
        if exponent & (1 << bit) != 0 {
            factor = (factor * u128::from(root)) >> 32;
        }
    }
    let whole = exponent >> 16;
    let product = u128::from(n) * factor;
    let shifted = if whole >= 0 {
        product.saturating_mul(1 << whole.min(40)) >> 32
    } else {
        product >> (32 - whole.max(-90))
    };
    u64::try_from(shifted).unwrap_or(u64::MAX)
}

/// log2(e) * 65536.
const LOG2_E: i64 = 94_548;

/// 2^(1/2), 2^(1/4), ... 2^(1/65536), times 2^32.
const ROOTS_OF_TWO: [u64; 16] = [
    6074000999, 5107605667, 4683695047, 4485121743, 4389014833, 4341736423, 4318288543, 4306612133,
    4300785773, 4297875550, 4296421177, 4295694174, 4295330720, 4295149004, 4295058149, 4295012722,
];

/// Quantiles of the standard normal distribution at i/64, times 65536 (the first at 2^-13).
const NORMAL_BODY: [i64; BODY] = [
    -240408, -141156, -122076, -109834, -100540, -92917, -86377, -80600, -75389, -70616, -66191,
    -62048, -58140, -54428, -50884, -47482, -44203, -41032, -37954, -34958, -32032, -29170, -26362,
    -23601, -20882, -18199, -15545, -12917, -10310, -7718, -5139, -2567, 0, 2567, 5139, 7718,
    10310, 12917, 15545, 18199, 20882, 23601, 26362, 29170, 32032, 34958, 37954, 41032, 44203,
    47482, 50884, 54428, 58140, 62048, 66191, 70616, 75389, 80600, 86377, 92917, 100540, 109834,
    122076, 141156,
];

/// The same at 1 - 2^-k for k from 6 to 20.
const NORMAL_TAIL: [i64; TAIL] = [
    141156, 158437, 174330, 189113, 202983, 216085, 228531, 240408, 251785, 262719, 273257, 283438,
    293295, 302857, 312148,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(distribution: &Distribution, n: usize) -> Vec<u64> {
        let mut random = Stream::named(11, "distribution");
        let mut drawn: Vec<u64> = (0..n).map(|_| distribution.sample(&mut random).0).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn log_normal_has_the_quantiles_of_its_formula() {
        let drawn = sorted(
            &Distribution::log_normal(Duration::from_micros(150), 25),
            1_000_000,
        );
        // 150 µs * exp(0.25 * z) for z = -1.2816, 0, 1.2816, 2.3263, 3.0902, 4.2649.
        for (per_million, expected) in [
            (100_000, 108_880),
            (500_000, 150_000),
            (900_000, 206_650),
            (990_000, 268_330),
            (999_000, 324_790),
            (999_990, 435_700),
        ] {
            let found = drawn[per_million];
            assert!(
                found.abs_diff(expected) < expected / 20,
                "{per_million}: {found} is not {expected}"
            );
        }
    }

    #[test]
    fn long_tail_has_a_normal_body_and_rare_very_long_draws() {
        let drawn = sorted(
            &Distribution::long_tail(Duration::from_micros(100)),
            1_000_000,
        );
        assert!(drawn[500_000].abs_diff(100_000) < 2_000);
        assert!(drawn[900_000] < 150_000);
        assert!(
            (800_000..1_400_000).contains(&drawn[999_000]),
            "{}",
            drawn[999_000]
        );
        assert!(drawn[999_990] > 5_000_000);
    }

    #[test]
    fn uniform_covers_its_range_and_constant_draws_nothing() {
        let drawn = sorted(
            &Distribution::Uniform {
                low: Duration(10),
                high: Duration(13),
            },
            1_000,
        );
        assert_eq!((drawn[0], drawn[999]), (10, 13));
        assert!((10..=13).all(|n| drawn.contains(&n)));

        let (mut used, mut unused) = (Stream::named(1, "x"), Stream::named(1, "x"));
        assert_eq!(
            Distribution::Constant(Duration(5)).sample(&mut used),
            Duration(5)
        );
        assert_eq!(used.next_u64(), unused.next_u64());
    }

    #[test]
    fn powers_of_two_are_exact() {
        assert_eq!(scale(1_000, 3 << 16), 8_000);
        assert_eq!(scale(1_000, -(2 << 16)), 250);
        assert_eq!(scale(1_000_000_000, 1 << 15), 1_414_213_562);
    }
}
