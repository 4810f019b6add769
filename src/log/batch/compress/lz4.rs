//! lz4's frame format, as much of it as Kafka takes and writes (classes Lz4BlockInputStream,
//! Lz4BlockOutputStream): one frame of independent blocks. It is written with blocks of 64 KiB and
//! neither content size nor checksums; what follows the end mark is not looked at.

use super::{bad, hand_out, take};
use bytes::{Buf, Bytes};
use lz4_flex::block::{compress, decompress_into};
use std::hash::Hasher;
use std::io::{self, Read};
use twox_hash::XxHash32;

const MAGIC: u32 = 0x184d_2204;
/// Version 1, independent blocks.
const FLAGS: u8 = 0x60;
const BLOCK_CHECKSUM: u8 = 0x10;
const CONTENT_SIZE: u8 = 0x08;
const CONTENT_CHECKSUM: u8 = 0x04;
/// Blocks of at most 64 KiB.
const BLOCK_64_KIB: u8 = 4;
/// Set in a block's length if the block is stored as it is.
const STORED: u32 = 1 << 31;

pub(super) struct Unpack {
    input: Bytes,
    /// None until the header is read.
    flags: Option<u8>,
    block: Vec<u8>,
    /// The part of `block` that is filled.
    filled: usize,
    position: usize,
    ended: bool,
    checks_header: bool,
}

impl Unpack {
    pub(super) fn new(input: Bytes) -> Unpack {
        Unpack {
            input,
            flags: None,
            block: Vec::new(),
            filled: 0,
            position: 0,
            ended: false,
            checks_header: true,
        }
    }

    /// Whatever the header's checksum is.
    pub(super) fn new_unchecked(input: Bytes) -> Unpack {
        Unpack {
            checks_header: false,
            ..Unpack::new(input)
        }
    }

    fn read_header(&mut self) -> io::Result<u8> {
        if take(&mut self.input, 4)?.get_u32_le() != MAGIC {
            return Err(bad("this is no lz4 frame"));
        }
        let descriptor = self.input.clone();
        let mut head = take(&mut self.input, 2)?;
        let (flags, block_descriptor) = (head.get_u8(), head.get_u8());
        let optional = BLOCK_CHECKSUM | CONTENT_SIZE | CONTENT_CHECKSUM;
        if flags & !optional != FLAGS {
            return Err(bad(format!("the frame has the flags {flags:#04x}")));
        }
        let size = block_descriptor >> 4;
        if !(BLOCK_64_KIB..=7).contains(&size) || block_descriptor & 0x0f != 0 {
            return Err(bad(format!(
                "the frame has the block descriptor {block_descriptor:#04x}"
            )));
        }
        if flags & CONTENT_SIZE != 0 {
            take(&mut self.input, 8)?;
        }
        let described = descriptor.len() - self.input.len();
        let checksum = take(&mut self.input, 1)?.get_u8();
        if self.checks_header && checksum != header_checksum(&descriptor[..described]) {
            return Err(bad("the frame's header has another checksum"));
        }
        self.block = vec![0; 64 << 10 << (2 * (size - BLOCK_64_KIB))];
        self.flags = Some(flags);
        Ok(flags)
    }

    /// Unpacks the next block; false at the end mark.
    fn next_block(&mut self) -> io::Result<bool> {
        let flags = match self.flags {
            Some(flags) => flags,
            None => self.read_header()?,
        };
        let length = take(&mut self.input, 4)?.get_u32_le();
        let stored = length & STORED != 0;
        let length = (length & !STORED) as usize;
        if length == 0 {
            if flags & CONTENT_CHECKSUM != 0 {
                take(&mut self.input, 4)?;
            }
            return Ok(false);
        }
        let most = self.block.len();
        if length > most {
            return Err(bad(format!("a block has {length} bytes, at most {most}")));
        }
        let block = take(&mut self.input, length)?;
        if flags & BLOCK_CHECKSUM != 0 && take(&mut self.input, 4)?.get_u32_le() != xxhash32(&block)
        {
            return Err(bad("a block has another checksum"));
        }
        self.filled = if stored {
            self.block[..length].copy_from_slice(&block);
            length
        } else {
            decompress_into(&block, &mut self.block).map_err(bad)?
        };
        self.position = 0;
        Ok(true)
    }
}

impl Read for Unpack {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.position == self.filled && !self.ended {
            self.ended = !self.next_block()?;
        }
        Ok(hand_out(&self.block[..self.filled], &mut self.position, to))
    }
}

pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let descriptor = [FLAGS, BLOCK_64_KIB << 4];
    let mut out = Vec::with_capacity(bytes.len() / 2 + 16);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&descriptor);
    out.push(header_checksum(&descriptor));
    for chunk in bytes.chunks(64 << 10) {
        let packed = compress(chunk);
        let (length, block) = if packed.len() < chunk.len() {
            (packed.len() as u32, packed.as_slice())
        } else {
            (chunk.len() as u32 | STORED, chunk)
        };
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&[0; 4]);
    out
}

fn header_checksum(descriptor: &[u8]) -> u8 {
    (xxhash32(descriptor) >> 8) as u8
}

fn xxhash32(bytes: &[u8]) -> u32 {
    let mut hasher = XxHash32::with_seed(0);
    hasher.write(bytes);
    hasher.finish() as u32
}
