//! zstd frames (RFC 8878), back to back; skippable ones are skipped, checksums are checked.

use super::{bad, take};
use bytes::{Buf, Bytes};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::{self, Read};

/// The largest window of zstd's highest level, and of the decoder that Kafka uses.
const LARGEST_WINDOW: u64 = 128 << 20;

pub(super) struct Unpack {
    input: Bytes,
    /// None between frames.
    frame: Option<Box<FrameDecoder>>,
    started: bool,
}

impl Unpack {
    pub(super) fn new(input: Bytes) -> Unpack {
        Unpack {
            input,
            frame: None,
            started: false,
        }
    }

    /// Begins the next frame; none at the end of the input.
    fn next_frame(&mut self) -> io::Result<Option<Box<FrameDecoder>>> {
        while !self.input.is_empty() || !self.started {
            self.started = true;
            let mut frame = Box::new(FrameDecoder::new());
            frame.set_max_window_size(LARGEST_WINDOW);
            match frame.init((&mut self.input).reader()) {
                Ok(()) => return Ok(Some(frame)),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => drop(take(&mut self.input, length as usize)?),
                Err(error) => return Err(bad(error)),
            }
        }
        Ok(None)
    }
}

impl Read for Unpack {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(frame) = &mut self.frame else {
                self.frame = self.next_frame()?;
                if self.frame.is_none() {
                    return Ok(0);
                }
                continue;
            };
            if frame.can_collect() > 0 {
                return frame.read(to);
            }
            if frame.is_finished() {
                let stored = frame.get_checksum_from_data();
                if stored.is_some() && stored != frame.get_calculated_checksum() {
                    return Err(bad("a frame has another checksum"));
                }
                self.frame = None;
                continue;
            }
            let input = (&mut self.input).reader();
            frame
                .decode_blocks(input, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(bad)?;
        }
    }
}

pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}
