//! The content of a file: an ordered list of chunks, most of them shared and immutable.
//!
//! Three replicas of a batch hold three handles of one allocation; reading and cutting copy nothing. Of a
//! preallocated file only what was written is held.

use bytes::Bytes;

/// What a file holds where nothing was written.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
/// Writes of up to so many bytes (entries of an index) are copied into pages: a chunk each would take
/// several times what they hold.
const SMALL: usize = 12;
const PAGE: usize = 4096;

#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    /// In order, adjacent and none empty: each with the position where it begins.
    chunks: Vec<(u64, Chunk)>,
    /// Where the chunks end. From there on there are zeros.
    written: u64,
    len: u64,
}

#[derive(Clone, Debug)]
enum Chunk {
    Shared(Bytes),
    Page(Vec<u8>),
}

impl Rope {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Where the zeros begin that the content ends in because nothing was written there.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Writes where nothing was written yet.
    pub(super) fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        let begin = self.written;
        self.written += length(&chunk);
        self.len = self.len.max(self.written);
        if chunk.len() > SMALL {
            return self.add(begin, Chunk::Shared(chunk));
        }
        match self.chunks.last_mut() {
            Some((_, Chunk::Page(page))) if page.len() + chunk.len() <= PAGE => {
                page.extend_from_slice(&chunk);
            }
            _ => self.add(begin, Chunk::Page(chunk.to_vec())),
        }
    }

    /// Cuts, or extends with zeros.
    pub(super) fn resize(&mut self, len: u64) {
        if len < self.written {
            let keep = self.split_at(len);
            self.chunks.truncate(keep);
            self.written = len;
        }
        self.len = len;
    }

    /// Cuts what was written at `written` (or before), and the content at `len`, or extends it.
    pub(super) fn keep(&mut self, written: u64, len: u64) {
        self.resize(written.min(self.written));
        self.resize(len);
    }

    /// Overwrites from `position` on, extending with zeros up to there if need be.
    pub(super) fn write(&mut self, position: u64, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        while self.written < position {
            let n = (position - self.written).min(length(&ZEROS));
            let zeros = Bytes::from_static(&ZEROS[..index(n)]);
            self.add(self.written, Chunk::Shared(zeros));
            self.written += n;
        }
        if position == self.written {
            return self.push(chunk);
        }
        let end = position + length(&chunk);
        let first = self.split_at(position);
        let last = if end < self.written {
            self.split_at(end)
        } else {
            self.chunks.len()
        };
        self.written = self.written.max(end);
        self.len = self.len.max(end);
        self.chunks
            .splice(first..last, [(position, Chunk::Shared(chunk))]);
    }

    /// The bytes of `position..position + len`, as far as there are any, in pieces, shared where they
    /// were written as one.
    pub(super) fn read(&self, position: u64, len: u64) -> Vec<Bytes> {
        let end = position.saturating_add(len).min(self.len);
        if position >= end {
            return Vec::new();
        }
        let mut chunks: &[_] = &[];
        if position < self.written {
            chunks = &self.chunks[self.chunk_at(position)..];
            chunks = &chunks[..chunks.partition_point(|(begin, _)| *begin < end)];
        }
        let mut pieces = Vec::with_capacity(chunks.len());
        for (begin, chunk) in chunks {
            let from = index(position.saturating_sub(*begin));
            let to = chunk.len().min(index(end - begin));
            pieces.push(chunk.slice(from, to));
        }
        let mut hole = self.written.max(position);
        while hole < end {
            let n = (end - hole).min(length(&ZEROS));
            pieces.push(Bytes::from_static(&ZEROS[..index(n)]));
            hole += n;
        }
        pieces
    }

    pub(super) fn flip(&mut self, position: u64, bit: u8) {
        if position < self.len {
            let byte = self.read(position, 1).concat()[0] ^ (1 << (bit & 7));
            self.write(position, Bytes::copy_from_slice(&[byte]));
        }
    }

    fn add(&mut self, begin: u64, chunk: Chunk) {
        let full = self.chunks.len();
        if full == self.chunks.capacity() {
            // Doubling would leave half of a long list empty.
            self.chunks.reserve_exact((full / 8).max(4));
        }
        self.chunks.push((begin, chunk));
    }

    /// The chunk that holds `position`, where something was written.
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

    /// Makes a chunk begin at `position` (before the end of what was written); returns its index.
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
        if tail.len() > 0 {
            self.chunks.insert(at, (position, tail));
        }
        at
    }
}

impl Chunk {
    fn len(&self) -> usize {
        match self {
            Chunk::Shared(bytes) => bytes.len(),
            Chunk::Page(page) => page.len(),
        }
    }

    fn slice(&self, from: usize, to: usize) -> Bytes {
        match self {
            Chunk::Shared(bytes) if from == 0 && to == bytes.len() => bytes.clone(),
            Chunk::Shared(bytes) => bytes.slice(from..to),
            Chunk::Page(page) => Bytes::copy_from_slice(&page[from..to]),
        }
    }

    fn split_off(&mut self, at: usize) -> Chunk {
        match self {
            Chunk::Shared(bytes) => Chunk::Shared(bytes.split_off(at)),
            Chunk::Page(page) => Chunk::Page(page.split_off(at)),
        }
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
                let bytes: Vec<u8> = (0..random.below(16))
                    .map(|_| random.below(256) as u8)
                    .collect();
                let position = random.below(30);
                match random.below(4) {
                    0 => {
                        plain.resize(plain.len().max(index(rope.written()) + bytes.len()), 0);
                        let at = index(rope.written());
                        plain[at..at + bytes.len()].copy_from_slice(&bytes);
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
        let chunk = Bytes::from(vec![1; SMALL + 1]);
        let mut rope = Rope::default();
        rope.push(Bytes::from_static(b"before"));
        rope.push(chunk.clone());
        let read = rope.read(6, 100);
        assert_eq!(read[0].as_ptr(), chunk.as_ptr());
    }
}
