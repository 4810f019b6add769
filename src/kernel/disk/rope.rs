//! The content of a file: an ordered list of chunks, most of them shared and immutable.
//!
//! Three replicas of a batch hold three handles of one allocation; reading and cutting copy nothing. Small chunks
//! are put together when a block of them is full. Of a preallocated file only what was written is held.

use super::sealed::Sealed;
use bytes::Bytes;

/// What a file holds where nothing was written.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
/// Writes of up to so many bytes (entries of an index) are copied into pages: a chunk each would take
/// several times what they hold.
const SMALL: usize = 12;
const PAGE: usize = 4096;

/// Chunks of a block: one list of all would be copied and leave holes behind while it grows.
const BLOCK: usize = if cfg!(test) { 3 } else { 64 };

#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    /// In order and adjacent.
    blocks: Vec<Block>,
    /// Where the chunks end. From there on there are zeros.
    written: u64,
    len: u64,
}

/// Chunks in order, adjacent and none empty; at least one.
#[derive(Clone, Debug)]
struct Block {
    begin: u64,
    chunks: Vec<Chunk>,
    /// What comes next goes to a block of its own.
    closed: bool,
}

/// Where a chunk stands in the list.
#[derive(Clone, Copy)]
struct Place {
    block: usize,
    chunk: usize,
    begin: u64,
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
        let last = self.blocks.last_mut().and_then(|b| b.chunks.last_mut());
        match last {
            Some(Chunk::Page(page)) if page.len() + chunk.len() <= PAGE => {
                page.extend_from_slice(&chunk);
            }
            _ => self.add(begin, Chunk::Page(chunk.to_vec())),
        }
    }

    /// Puts the chunks of the last block together if it has just become full and they are small. Later they are read
    /// as one piece.
    pub(super) fn seal(&mut self, sealed: &mut Sealed) {
        let Some(block) = self.blocks.last_mut() else {
            return;
        };
        if block.closed || block.chunks.len() < BLOCK {
            return;
        }
        block.closed = true;
        let shared = block.chunks.iter().map(|chunk| match chunk {
            Chunk::Shared(bytes) => Some(bytes),
            Chunk::Page(_) => None,
        });
        if shared.clone().all(|chunk| chunk.is_some())
            && let Some(piece) = sealed.together(shared.flatten())
        {
            block.chunks = vec![Chunk::Shared(piece)];
        }
    }

    /// Cuts, or extends with zeros.
    pub(super) fn resize(&mut self, len: u64) {
        if len < self.written {
            let end = self.split_at(len);
            self.blocks.truncate(end.block + 1);
            if end.chunk == 0 {
                self.blocks.pop();
            } else {
                self.blocks[end.block].chunks.truncate(end.chunk);
            }
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
        if end < self.written {
            let last = self.split_at(end);
            let block = &mut self.blocks[last.block];
            if first.block == last.block {
                block.chunks.drain(first.chunk + 1..last.chunk);
            } else {
                block.chunks.drain(..last.chunk);
                block.begin = end;
                self.blocks.drain(first.block + 1..last.block);
                self.blocks[first.block].chunks.truncate(first.chunk + 1);
            }
        } else {
            self.blocks.truncate(first.block + 1);
            self.blocks[first.block].chunks.truncate(first.chunk + 1);
            self.written = end;
            self.len = self.len.max(end);
        }
        self.blocks[first.block].chunks[first.chunk] = Chunk::Shared(chunk);
    }

    /// The bytes of `position..position + len`, as far as there are any, in pieces, shared where they
    /// were written as one.
    pub(super) fn read(&self, position: u64, len: u64) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        self.read_each(position, len, |piece| pieces.push(piece));
        pieces
    }

    /// Like `read`; each piece is given to `take`.
    pub(super) fn read_each(&self, position: u64, len: u64, mut take: impl FnMut(Bytes)) {
        let end = position.saturating_add(len).min(self.len);
        if position >= end {
            return;
        }
        if position < self.written {
            let first = self.chunk_at(position);
            let (mut begin, mut skip) = (first.begin, first.chunk);
            'blocks: for block in &self.blocks[first.block..] {
                for chunk in &block.chunks[skip..] {
                    if begin >= end {
                        break 'blocks;
                    }
                    let from = index(position.saturating_sub(begin));
                    let to = chunk.len().min(index(end - begin));
                    take(chunk.slice(from, to));
                    begin += chunk.len() as u64;
                }
                skip = 0;
            }
        }
        let mut hole = self.written.max(position);
        while hole < end {
            let n = (end - hole).min(length(&ZEROS));
            take(Bytes::from_static(&ZEROS[..index(n)]));
            hole += n;
        }
    }

    pub(super) fn flip(&mut self, position: u64, bit: u8) {
        if position < self.len {
            let byte = self.read(position, 1).concat()[0] ^ (1 << (bit & 7));
            self.write(position, Bytes::copy_from_slice(&[byte]));
        }
    }

    fn add(&mut self, begin: u64, chunk: Chunk) {
        match self.blocks.last_mut() {
            Some(block) if block.chunks.len() < BLOCK && !block.closed => block.chunks.push(chunk),
            _ => {
                // A file that fills no block is likely to be small.
                let capacity = if self.blocks.is_empty() { 1 } else { BLOCK };
                let mut chunks = Vec::with_capacity(capacity);
                chunks.push(chunk);
                self.blocks.push(Block {
                    begin,
                    chunks,
                    closed: false,
                });
            }
        }
    }

    /// The chunk that holds `position`, where something was written.
    fn chunk_at(&self, position: u64) -> Place {
        let behind = match self.blocks.last() {
            // Most readers are near the end.
            Some(last) if last.begin <= position => self.blocks.len(),
            _ => self.blocks.partition_point(|block| block.begin <= position),
        };
        let block = behind - 1;
        let mut begin = self
            .blocks
            .get(behind)
            .map_or(self.written, |next| next.begin);
        let mut chunk = self.blocks[block].chunks.len();
        while begin > position {
            chunk -= 1;
            begin -= self.blocks[block].chunks[chunk].len() as u64;
        }
        Place {
            block,
            chunk,
            begin,
        }
    }

    /// Makes a chunk begin at `position` (before the end of what was written); returns its place.
    fn split_at(&mut self, position: u64) -> Place {
        let at = self.chunk_at(position);
        if at.begin == position {
            return at;
        }
        let chunks = &mut self.blocks[at.block].chunks;
        let tail = chunks[at.chunk].split_off(index(position - at.begin));
        chunks.insert(at.chunk + 1, tail);
        Place {
            chunk: at.chunk + 1,
            begin: position,
            ..at
        }
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
            let mut sealed = Sealed::default();
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
                        if seed % 2 == 0 {
                            rope.seal(&mut sealed);
                        }
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
    fn replicas_hold_the_blocks_that_are_full_once() {
        let mut sealed = Sealed::default();
        let (mut leader, mut follower) = (Rope::default(), Rope::default());
        for n in 0..10 {
            let chunk = Bytes::from(vec![n; SMALL + 1]);
            for rope in [&mut leader, &mut follower] {
                rope.push(chunk.clone());
                rope.seal(&mut sealed);
            }
        }
        let of_leader = leader.read(0, u64::MAX);
        assert_eq!(of_leader.len(), 10 / BLOCK + 10 % BLOCK);
        let addresses =
            |pieces: Vec<Bytes>| -> Vec<_> { pieces.iter().map(|piece| piece.as_ptr()).collect() };
        assert_eq!(addresses(of_leader), addresses(follower.read(0, u64::MAX)));
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
