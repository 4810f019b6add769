//! The content of a file: an ordered list of shared immutable chunks.
//!
//! Three replicas of a batch hold three handles of one allocation; reading and cutting copy nothing.

use bytes::Bytes;

/// Zeros to extend files with; shared, so that a preallocated index costs no memory.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    /// In order, adjacent and none empty: each with the position where it begins.
    chunks: Vec<(u64, Bytes)>,
    len: u64,
}

impl Rope {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            let begin = self.len;
            self.len += length(&chunk);
            self.chunks.push((begin, chunk));
        }
    }

    /// Cuts, or extends with zeros.
    pub(super) fn resize(&mut self, len: u64) {
        while self.len < len {
            let n = (len - self.len).min(length(&ZEROS));
            self.push(Bytes::from_static(&ZEROS[..index(n)]));
        }
        if len < self.len {
            let keep = self.split_at(len);
            self.chunks.truncate(keep);
            self.len = len;
        }
    }

    /// Overwrites from `position` on, extending with zeros up to there if need be.
    pub(super) fn write(&mut self, position: u64, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        if position >= self.len {
            self.resize(position);
            return self.push(chunk);
        }
        let end = position + length(&chunk);
        let first = self.split_at(position);
        let last = if end < self.len {
            self.split_at(end)
        } else {
            self.chunks.len()
        };
        self.len = self.len.max(end);
        self.chunks.splice(first..last, [(position, chunk)]);
    }

    /// The bytes of `position..position + len`, as far as there are any, in shared pieces.
    pub(super) fn read(&self, position: u64, len: u64) -> Vec<Bytes> {
        let end = position.saturating_add(len).min(self.len);
        if position >= end {
            return Vec::new();
        }
        let first = self.chunk_at(position);
        let mut pieces = Vec::new();
        for (begin, chunk) in &self.chunks[first..] {
            if *begin >= end {
                break;
            }
            let from = index(position.saturating_sub(*begin));
            let to = chunk.len().min(index(end - begin));
            pieces.push(if from == 0 && to == chunk.len() {
                chunk.clone()
            } else {
                chunk.slice(from..to)
            });
        }
        pieces
    }

    pub(super) fn flip(&mut self, position: u64, bit: u8) {
        if position < self.len {
            let (begin, chunk) = &self.chunks[self.chunk_at(position)];
            let byte = chunk[index(position - begin)] ^ (1 << (bit & 7));
            self.write(position, Bytes::copy_from_slice(&[byte]));
        }
    }

    /// The chunk that holds `position`, which lies within the content.
    fn chunk_at(&self, position: u64) -> usize {
        // Most readers are near the end: look there first, in steps that double.
        let mut from = self.chunks.len();
        let mut to = from;
        let mut step = 1;
        while from > 0 {
            from = from.saturating_sub(step);
            if self.chunks[from].0 <= position {
                break;
            }
            to = from;
            step *= 2;
        }
        from + self.chunks[from..to].partition_point(|(begin, _)| *begin <= position) - 1
    }

    /// Makes a chunk begin at `position` (within the content); returns its index.
    fn split_at(&mut self, position: u64) -> usize {
        let at = self.chunks.partition_point(|(begin, _)| *begin < position);
        if self
            .chunks
            .get(at)
            .is_some_and(|(begin, _)| *begin == position)
            || at == 0
        {
            return at;
        }
        let (begin, chunk) = &mut self.chunks[at - 1];
        let tail = chunk.split_off(index(position - *begin));
        if !tail.is_empty() {
            self.chunks.insert(at, (position, tail));
        }
        at
    }
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

/// Positions within one chunk, which lies in memory.
fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;

    fn content(rope: &Rope) -> Vec<u8> {
        rope.read(0, u64::MAX).concat()
    }

    /// The same operations on a plain vector of bytes must come to the same content.
    #[test]
    fn a_rope_is_a_vector_of_bytes() {
        for seed in 0..300 {
            let mut random = Stream::named(seed, "rope");
            let (mut rope, mut plain) = (Rope::default(), Vec::<u8>::new());
            for _ in 0..40 {
                let bytes: Vec<u8> = (0..random.below(9))
                    .map(|_| random.below(256) as u8)
                    .collect();
                let position = random.below(30);
                match random.below(4) {
                    0 => {
                        plain.extend(&bytes);
                        rope.push(bytes.into());
                    }
                    1 => {
                        let at = index(position);
                        if !bytes.is_empty() {
                            plain.resize(plain.len().max(at + bytes.len()), 0);
                            plain[at..at + bytes.len()].copy_from_slice(&bytes);
                        }
                        rope.write(position, bytes.into());
                    }
                    2 => {
                        plain.resize(index(position), 0);
                        rope.resize(position);
                    }
                    _ => {
                        if let Some(byte) = plain.get_mut(index(position)) {
                            *byte ^= 4;
                        }
                        rope.flip(position, 2);
                    }
                }
                assert_eq!(content(&rope), plain, "seed {seed}");
                let (from, len) = (random.below(40), random.below(40));
                let end = index(from + len).min(plain.len());
                assert_eq!(
                    rope.read(from, len).concat(),
                    plain[index(from).min(end)..end]
                );
            }
        }
    }

    #[test]
    fn whole_chunks_are_shared_not_copied() {
        let chunk = Bytes::from(vec![1, 2, 3]);
        let mut rope = Rope::default();
        rope.push(Bytes::from_static(b"before"));
        rope.push(chunk.clone());
        let read = rope.read(6, 3);
        assert_eq!(read[0].as_ptr(), chunk.as_ptr());
    }
}
