//! The digest of a run: a rolling 64-bit hash over everything that the kernel dispatches.
//!
//! A folded 64 by 64 bit multiplication a word pair (as wyhash and XXH3 mix): the same on every
//! machine, and a few cycles an event.

use super::event::Kind;
use super::world::World;
use super::{Domain, NodeId};

#[derive(Clone, Copy, Debug)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x2d35_8dcc_aa6c_78a5)
    }

    /// One dispatched event: `kind` tells what it was, `length` and `content` what it carried.
    #[inline]
    pub(super) fn mix(
        &mut self,
        time: u64,
        seq: u64,
        node: u32,
        kind: u32,
        length: u64,
        content: u64,
    ) {
        let place = u64::from(node) << 32 | u64::from(kind);
        let when = fold(time ^ 0x8bb8_4b93_962e_acc9, seq ^ 0x4b33_a62e_d433_d4a3);
        let what = fold(
            place ^ 0x4d5a_2da5_1de1_aa47,
            length ^ content ^ 0xa076_1d64_78bd_642f,
        );
        self.0 = fold(
            self.0 ^ when,
            what ^ content.rotate_left(32) ^ 0xe703_7ed1_a0b4_28db,
        );
    }

    pub(super) const fn value(self) -> u64 {
        self.0
    }
}

impl<D: Domain> World<D> {
    #[inline]
    pub(super) fn record(&mut self, seq: u64, node: NodeId, kind: Kind, length: u64, content: u64) {
        self.digest
            .mix(self.now.0, seq, node.0, kind as u32, length, content);
    }

    #[inline]
    pub(super) fn record_message(
        &mut self,
        seq: u64,
        node: NodeId,
        kind: u16,
        bytes: u64,
        content: u64,
    ) {
        let kind = Kind::Message as u32 | u32::from(kind) << 16;
        self.digest
            .mix(self.now.0, seq, node.0, kind, bytes, content);
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_and_the_order_matter() {
        let digest = |events: &[[u64; 6]]| {
            let mut digest = Digest::new(1);
            for e in events {
                digest.mix(e[0], e[1], e[2] as u32, e[3] as u32, e[4], e[5]);
            }
            digest.value()
        };
        let plain = [1, 2, 3, 4, 5, 6];
        for word in 0..6 {
            let mut other = plain;
            other[word] += 1;
            assert_ne!(digest(&[plain]), digest(&[other]), "word {word}");
            assert_ne!(digest(&[plain, other]), digest(&[other, plain]));
        }
        assert_ne!(digest(&[]), digest(&[plain]));
    }
}
