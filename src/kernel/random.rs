//! Seeded random streams: ChaCha8, one independent stream a stable name.
//!
//! Streams are keyed by the seed and a name ("conn trucks-7→broker-2"), never by the order in which
//! they are made, so that a draw more in one place shifts no draw elsewhere. Bounded integers are
//! drawn by code of our own, since a library may change the values of its distributions.

use rand_chacha::ChaCha8Core;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::rand_core::block::Generator;
use twox_hash::XxHash3_64;

/// An independent stream of random bits, keyed by the run's seed and a stable name.
#[derive(Clone, Debug)]
pub struct Stream {
    core: ChaCha8Core,
    words: [u32; WORDS],
    next: usize,
}

/// Four blocks, which ChaCha makes at a time.
const WORDS: usize = 64;

impl Stream {
    /// The stream `name` of the run with `seed`; equal arguments give equal streams on every machine.
    pub fn named(seed: u64, name: &str) -> Self {
        let mut key = [0u8; 32];
        for (lane, word) in (0u64..).zip(key.chunks_exact_mut(8)) {
            let lane_seed = seed.wrapping_add(lane.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            word.copy_from_slice(
                &XxHash3_64::oneshot_with_seed(lane_seed, name.as_bytes()).to_le_bytes(),
            );
        }
        // The seed itself is part of the key too: two seeds never share a stream by a collision alone.
        for (byte, seed_byte) in key.iter_mut().zip(seed.to_le_bytes()) {
            *byte ^= seed_byte;
        }
        Self {
            core: ChaCha8Core::from_seed(key),
            words: [0; WORDS],
            next: WORDS,
        }
    }

    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        if self.next >= WORDS {
            self.core.generate(&mut self.words);
            self.next = 0;
        }
        let [low, high] = [self.words[self.next], self.words[self.next + 1]];
        self.next += 2;
        u64::from(high) << 32 | u64::from(low)
    }

    /// Uniform in `0..bound`, without bias. Panics if `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a draw below 0");
        // Lemire: the high half of a product is uniform once the low halves that come up
        // one time too often are drawn again.
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let too_often = bound.wrapping_neg() % bound;
            while (product as u64) < too_often {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// True with probability `num / den`; never if `num` is 0, always if it is `den` or more.
    /// Panics if `den` is 0.
    #[inline]
    pub fn chance(&mut self, num: u64, den: u64) -> bool {
        self.below(den) < num
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_give_equal_streams_and_others_differ() {
        let draws = |seed, name: &str| {
            let mut stream = Stream::named(seed, name);
            [stream.next_u64(), stream.next_u64(), stream.next_u64()]
        };
        assert_eq!(draws(7, "conn a→b"), draws(7, "conn a→b"));
        assert_ne!(draws(7, "conn a→b"), draws(8, "conn a→b"));
        assert_ne!(draws(7, "conn a→b"), draws(7, "conn b→a"));
    }

    #[test]
    fn a_stream_is_the_same_on_every_machine() {
        let mut stream = Stream::named(1, "golden");
        let drawn = [
            stream.next_u64(),
            stream.below(1_000),
            stream.below(u64::MAX),
            stream.below(3),
        ];
        assert_eq!(drawn, GOLDEN);
    }
    const GOLDEN: [u64; 4] = [
        17_265_236_537_724_526_865,
        753,
        5_188_373_976_635_534_610,
        2,
    ];

    #[test]
    fn bounded_draws_are_uniform() {
        let mut stream = Stream::named(3, "uniform");
        let mut seen = [0u32; 6];
        for _ in 0..60_000 {
            seen[usize::try_from(stream.below(6)).unwrap()] += 1;
        }
        assert!(
            seen.iter().all(|&n| (9_600..10_400).contains(&n)),
            "{seen:?}"
        );
        // A bound just above half of the range is where a draw without rejection is most biased.
        let bound = (1u64 << 63) + 1;
        assert!((0..1_000).all(|_| stream.below(bound) < bound));
    }

    #[test]
    fn chances_are_kept() {
        let mut stream = Stream::named(5, "chance");
        let hits = (0..100_000).filter(|_| stream.chance(1, 10)).count();
        assert!((9_600..10_400).contains(&hits), "{hits}");
        assert!((0..100).all(|_| !stream.chance(0, 7) && stream.chance(7, 7)));
    }
}
