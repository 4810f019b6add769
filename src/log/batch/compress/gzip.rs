//! gzip as Java's streams read and write it (RFC 1952): default level; members may follow each other,
//! and what follows the last one is ignored.

use super::bad;
use bytes::{Buf, Bytes, buf};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, Read, Write};

const MAGIC: &[u8] = &[0x1f, 0x8b];

pub(super) struct Unpack {
    /// What no member was begun of.
    input: Bytes,
    member: Option<GzDecoder<buf::Reader<Bytes>>>,
    started: bool,
}

impl Unpack {
    pub(super) fn new(input: Bytes) -> Unpack {
        Unpack {
            input,
            member: None,
            started: false,
        }
    }
}

impl Read for Unpack {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(member) = &mut self.member {
                let count = member.read(to)?;
                if count > 0 {
                    return Ok(count);
                }
            }
            if let Some(member) = self.member.take() {
                self.input = member.into_inner().into_inner();
            }
            if !self.input.starts_with(MAGIC) {
                return if self.started {
                    Ok(0)
                } else {
                    Err(bad("this is no gzip stream"))
                };
            }
            self.started = true;
            let input = std::mem::take(&mut self.input);
            self.member = Some(GzDecoder::new(input.reader()));
        }
    }
}

pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to a vector cannot fail.
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .unwrap_or_default()
}
