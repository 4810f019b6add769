//! snappy in xerial's framing: a header, then chunks, each a big-endian length and a raw snappy block of
//! up to 32 KiB of input (classes SnappyOutputStream, SnappyInputStream). One raw block without any
//! framing, which some clients write, is read too.

use super::{bad, hand_out, take};
use bytes::{Buf, Bytes};
use snap::raw::{Decoder, Encoder, decompress_len};
use std::io::{self, Read};

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// Magic, version and oldest compatible version.
const HEADER_SIZE: usize = 16;
/// The only version there is, and the oldest that can read it.
const VERSION: i32 = 1;
/// Bytes that go into one chunk.
const CHUNK: usize = 32 << 10;
/// No snappy block unpacks to more than this many times its size: an element of 3 bytes stands for at
/// most 64.
const LARGEST_RATIO: usize = 22;

pub(super) struct Unpack {
    input: Bytes,
    started: bool,
    chunk: Vec<u8>,
    position: usize,
}

impl Unpack {
    pub(super) fn new(input: Bytes) -> Unpack {
        Unpack {
            input,
            started: false,
            chunk: Vec::new(),
            position: 0,
        }
    }

    /// Unpacks the next chunk; false at the end.
    fn next_chunk(&mut self) -> io::Result<bool> {
        if self.start() {
            let block = std::mem::take(&mut self.input);
            return Ok(!block.is_empty() && self.unpack(&block).map(|()| true)?);
        }
        loop {
            // Fewer bytes than a length are the end for Java's stream.
            if self.input.len() < 4 {
                return Ok(false);
            }
            if self.input.starts_with(&MAGIC[..4]) {
                // Another stream follows, or something that only looks like one.
                let header = take(&mut self.input, HEADER_SIZE)?;
                if !header.starts_with(&MAGIC) {
                    self.input.clear();
                    return Ok(false);
                }
                check_version(&header)?;
                continue;
            }
            let length = self.input.get_i32();
            let length = usize::try_from(length)
                .map_err(|_| bad(format!("a chunk has the length {length}")))?;
            let block = take(&mut self.input, length)?;
            return self.unpack(&block).map(|()| true);
        }
    }

    /// Looks at the first bytes: whether the input is one raw block.
    fn start(&mut self) -> bool {
        let framed = self.input.len() >= HEADER_SIZE && self.input.starts_with(&MAGIC);
        let is_raw = !self.started && !framed;
        self.started = true;
        is_raw
    }

    fn unpack(&mut self, block: &[u8]) -> io::Result<()> {
        let length = decompress_len(block).map_err(bad)?;
        if length / LARGEST_RATIO > block.len() {
            let packed = block.len();
            return Err(bad(format!(
                "a block of {packed} bytes cannot unpack to {length}"
            )));
        }
        self.position = 0;
        self.chunk.resize(length, 0);
        Decoder::new()
            .decompress(block, &mut self.chunk)
            .map_err(bad)?;
        Ok(())
    }
}

fn check_version(header: &[u8]) -> io::Result<()> {
    let version = (&header[MAGIC.len()..]).get_i32();
    if version < VERSION {
        return Err(bad(format!("version {version} is too old")));
    }
    Ok(())
}

impl Read for Unpack {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.position == self.chunk.len() {
            if !self.next_chunk()? {
                return Ok(0);
            }
        }
        Ok(hand_out(&self.chunk, &mut self.position, to))
    }
}

pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_SIZE + bytes.len() / 2);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&VERSION.to_be_bytes());
    let mut encoder = Encoder::new();
    for chunk in bytes.chunks(CHUNK) {
        // Only an input of 4 GiB is refused.
        let block = encoder.compress_vec(chunk).unwrap_or_default();
        out.extend_from_slice(&(block.len() as i32).to_be_bytes());
        out.extend_from_slice(&block);
    }
    out
}
