//! Replicas of a log hold the same bytes: one copy in memory serves all.
//!
//! A handle of a small batch and the allocation behind it take nearly as much as a third of the batch. So chunks
//! are put together once there are enough, by all disks of a simulation into the same piece. Which memory is shared
//! changes nothing that anybody can see.

use bytes::Bytes;
use std::collections::VecDeque;

/// Chunks of more than so many bytes together keep an allocation each.
const SMALL: usize = 32 * 1024;
/// So many pieces are remembered: replicas come to the same bytes one soon after the other.
const REMEMBERED: usize = 64;

/// The pieces that were put together last.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    /// With the address of what was their first chunk; only a hint, since memory is used again.
    pieces: VecDeque<(usize, Bytes)>,
}

impl Sealed {
    /// What adjacent chunks hold, as one piece; `None` if they are better left alone.
    pub(super) fn together<'a>(
        &mut self,
        chunks: impl Iterator<Item = &'a Bytes> + Clone,
    ) -> Option<Bytes> {
        let first = chunks.clone().next()?.as_ptr().addr();
        let len: usize = chunks.clone().map(Bytes::len).sum();
        if len > SMALL {
            return None;
        }
        let same = |piece: &Bytes| {
            let mut rest = &piece[..];
            let all = chunks.clone().all(|chunk| {
                let begins = rest.strip_prefix(&chunk[..]);
                begins.is_some_and(|behind| {
                    rest = behind;
                    true
                })
            });
            all && rest.is_empty()
        };
        let known = self
            .pieces
            .iter()
            .filter(|(address, piece)| *address == first || piece.as_ptr().addr() == first);
        let mut known = known.filter(|(_, piece)| same(piece));
        if let Some((_, piece)) = known.next() {
            return Some(piece.clone());
        }
        let mut piece = Vec::with_capacity(len);
        for chunk in chunks {
            piece.extend_from_slice(chunk);
        }
        let piece = Bytes::from(piece.into_boxed_slice());
        self.pieces.truncate(REMEMBERED - 1);
        self.pieces.push_front((first, piece.clone()));
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_chunks_become_the_same_piece() {
        let mut sealed = Sealed::default();
        let chunks: Vec<Bytes> = (0..4).map(|n| Bytes::from(vec![n; 10])).collect();
        let first = sealed.together(chunks.iter()).unwrap();
        assert_eq!(first, chunks.concat());
        let second = sealed.together(chunks.iter()).unwrap();
        assert_eq!(first.as_ptr(), second.as_ptr());
        // A follower that was behind got slices of the piece.
        let slices = [first.slice(..15), first.slice(15..)];
        let third = sealed.together(slices.iter()).unwrap();
        assert_eq!(first.as_ptr(), third.as_ptr());
    }

    #[test]
    fn what_only_begins_alike_becomes_another_piece() {
        let mut sealed = Sealed::default();
        let (a, b, c) = (
            Bytes::from_static(b"aa"),
            Bytes::from_static(b"bb"),
            Bytes::from_static(b"cc"),
        );
        let one = sealed.together([&a, &b].into_iter()).unwrap();
        let other = sealed.together([&a, &c].into_iter()).unwrap();
        let less = sealed.together([&a].into_iter()).unwrap();
        assert_eq!(
            (&one[..], &other[..], &less[..]),
            (&b"aabb"[..], &b"aacc"[..], &b"aa"[..])
        );
    }

    #[test]
    fn large_chunks_are_left_alone() {
        let mut sealed = Sealed::default();
        let large = Bytes::from(vec![0; SMALL]);
        assert!(sealed.together([&large, &large].into_iter()).is_none());
        assert!(sealed.pieces.is_empty());
    }

    #[test]
    fn few_pieces_are_remembered() {
        let mut sealed = Sealed::default();
        for n in 0..1_000u32 {
            let chunk = Bytes::from(n.to_be_bytes().to_vec());
            sealed.together([&chunk].into_iter());
        }
        assert_eq!(sealed.pieces.len(), REMEMBERED);
    }
}
