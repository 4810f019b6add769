//! How much smaller the records of a topic get by compression, as far as one has seen (class
//! CompressionRatioEstimator; CP16): by it a batch guesses its size before it is packed.

use crate::client::producer_batch::Packed;

/// In millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::client) struct CompressionRatio(u64);

const ONE: u64 = 1_000_000;
/// A batch that came out larger than guessed counts at least so much.
const DETERIORATE_STEP: u64 = 50_000;
/// One that came out smaller at most so much.
const IMPROVING_STEP: u64 = 5_000;

impl CompressionRatio {
    /// Before anything was packed.
    pub(in crate::client) const INITIAL: CompressionRatio = CompressionRatio(ONE);

    fn of_one(packed: Packed) -> CompressionRatio {
        CompressionRatio(packed.to.saturating_mul(ONE) / packed.from.max(1))
    }

    /// What so many bytes are guessed to come to: 5 % more than by the ratio.
    pub(in crate::client) fn of(self, bytes: u64) -> u64 {
        let by_ratio = u128::from(bytes) * u128::from(self.0) / u128::from(ONE);
        (by_ratio * 105 / 100) as u64
    }

    /// A batch was packed.
    pub(super) fn saw(&mut self, packed: Packed) {
        let seen = CompressionRatio::of_one(packed).0;
        if seen > self.0 {
            self.0 = seen.max(self.0 + DETERIORATE_STEP);
        } else if seen < self.0 {
            self.0 = seen.max(self.0.saturating_sub(IMPROVING_STEP));
        }
    }

    /// A batch was too large for its broker: the next ones are guessed no smaller than they are.
    pub(super) fn reset(&mut self, packed: Packed) {
        *self = CompressionRatio::of_one(packed).max(CompressionRatio::INITIAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cp16_the_guess_falls_slowly_and_rises_at_once() {
        let mut ratio = CompressionRatio::INITIAL;
        assert_eq!(ratio.of(1_000), 1_050);
        ratio.saw(Packed { from: 100, to: 30 });
        assert_eq!(ratio, CompressionRatio(995_000));
        for _ in 0..200 {
            ratio.saw(Packed { from: 100, to: 30 });
        }
        assert_eq!(ratio, CompressionRatio(300_000));
        ratio.saw(Packed { from: 100, to: 31 });
        assert_eq!(ratio, CompressionRatio(350_000));
        ratio.saw(Packed { from: 100, to: 90 });
        assert_eq!(ratio, CompressionRatio(900_000));
        ratio.reset(Packed { from: 100, to: 40 });
        assert_eq!(ratio, CompressionRatio::INITIAL);
        ratio.reset(Packed { from: 100, to: 120 });
        assert_eq!(ratio, CompressionRatio(1_200_000));
    }
}
