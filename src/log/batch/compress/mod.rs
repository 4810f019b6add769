//! The codecs of batches (class CompressionType, package compress; CM1, CM2): Kafka's framing of each,
//! unpacked as a stream and packed in one piece.
//!
//! Knows bytes only. What unpacks never holds more than its input and the codec's window: 32 KiB for
//! gzip, one chunk for snappy, one block of at most 4 MiB for lz4, at most 128 MiB for zstd, as far as
//! the stream fills it.

mod gzip;
mod lz4;
mod snappy;
mod zstd;

use bytes::Bytes;
use std::fmt;
use std::io::{self, Read};

/// How a batch's records are packed (`compression.type`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum CompressionType {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl CompressionType {
    pub const ALL: [CompressionType; 5] = [
        CompressionType::None,
        CompressionType::Gzip,
        CompressionType::Snappy,
        CompressionType::Lz4,
        CompressionType::Zstd,
    ];

    /// The type that a batch's attributes name with `id`; none above 4.
    pub fn from_id(id: u8) -> Option<CompressionType> {
        CompressionType::ALL.get(usize::from(id)).copied()
    }

    /// The type of that name, as in a client's configuration.
    pub fn from_name(name: &str) -> Option<CompressionType> {
        CompressionType::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// As in a batch's attributes.
    pub const fn id(self) -> u8 {
        self as u8
    }

    pub const fn name(self) -> &'static str {
        match self {
            CompressionType::None => "none",
            CompressionType::Gzip => "gzip",
            CompressionType::Snappy => "snappy",
            CompressionType::Lz4 => "lz4",
            CompressionType::Zstd => "zstd",
        }
    }

    /// Packs bytes as a batch's records section holds them.
    pub(crate) fn pack(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            CompressionType::None => bytes.to_vec(),
            CompressionType::Gzip => gzip::pack(bytes),
            CompressionType::Snappy => snappy::pack(bytes),
            CompressionType::Lz4 => lz4::pack(bytes),
            CompressionType::Zstd => zstd::pack(bytes),
        }
    }

    /// Reads what is packed in `bytes`, piece by piece.
    pub(crate) fn unpack(self, bytes: Bytes) -> Box<dyn Read> {
        match self {
            CompressionType::None => Box::new(bytes::Buf::reader(bytes)),
            CompressionType::Gzip => Box::new(gzip::Unpack::new(bytes)),
            CompressionType::Snappy => Box::new(snappy::Unpack::new(bytes)),
            CompressionType::Lz4 => Box::new(lz4::Unpack::new(bytes)),
            CompressionType::Zstd => Box::new(zstd::Unpack::new(bytes)),
        }
    }
}

impl CompressionType {
    /// The same of what a message of an old format wraps: in format 0 a frame of lz4 has a wrong checksum of
    /// its header, which nobody looks at.
    pub(crate) fn unpack_message(self, bytes: Bytes, magic: u8) -> Box<dyn Read> {
        match (self, magic) {
            (CompressionType::Lz4, 0) => Box::new(lz4::Unpack::new_unchecked(bytes)),
            _ => self.unpack(bytes),
        }
    }
}

impl fmt::Display for CompressionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The stream is not what the codec writes.
fn bad(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// Takes the next `count` bytes of the input.
fn take(input: &mut Bytes, count: usize) -> io::Result<Bytes> {
    if input.len() < count {
        let found = input.len();
        return Err(bad(format!("{} needed, {found} left", super::bytes(count))));
    }
    Ok(input.split_to(count))
}

/// Hands out what `window` still holds from `position` on.
fn hand_out(window: &[u8], position: &mut usize, to: &mut [u8]) -> usize {
    let count = to.len().min(window.len() - *position);
    to[..count].copy_from_slice(&window[*position..*position + count]);
    *position += count;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Vec<u8> {
        (0..length)
            .map(|i| (i * i / 7 % 251) as u8 >> (i / 1000 % 4))
            .collect()
    }

    #[test]
    fn what_is_packed_unpacks_to_the_same() {
        for kind in CompressionType::ALL {
            for length in [0, 1, 100, 32 << 10, (64 << 10) + 1, 300_000] {
                let bytes = text(length);
                let mut unpacked = Vec::new();
                kind.unpack(kind.pack(&bytes).into())
                    .read_to_end(&mut unpacked)
                    .unwrap_or_else(|e| panic!("{kind} {length}: {e}"));
                assert!(unpacked == bytes, "{kind} {length}");
            }
        }
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        for kind in CompressionType::ALL.into_iter().skip(1) {
            let packed = kind.pack(&text(100_000));
            for left in [1, 5, 20, packed.len() / 2, packed.len() - 5] {
                let cut = Bytes::copy_from_slice(&packed[..left]);
                let outcome = kind.unpack(cut).read_to_end(&mut Vec::new());
                assert!(outcome.is_err(), "{kind} cut to {left}: {outcome:?}");
            }
        }
    }

    #[test]
    fn cm2_streams_are_framed_as_kafka_frames_them() {
        let bytes = text(100_000);
        let snappy = CompressionType::Snappy.pack(&bytes);
        assert_eq!(snappy[..16], *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
        let lz4 = CompressionType::Lz4.pack(&bytes);
        // Independent blocks of at most 64 KiB, no checksums, no content size; and the end mark.
        assert_eq!(lz4[..7], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
        assert_eq!(lz4[lz4.len() - 4..], [0; 4]);
        assert_eq!(CompressionType::Gzip.pack(&bytes)[..3], [0x1f, 0x8b, 8]);
        let zstd = CompressionType::Zstd.pack(&bytes);
        assert_eq!(zstd[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    }

    #[test]
    fn streams_may_follow_each_other_where_kafka_reads_on() {
        for kind in [
            CompressionType::Gzip,
            CompressionType::Snappy,
            CompressionType::Zstd,
        ] {
            let twice = [kind.pack(b"one "), kind.pack(b"two")].concat();
            let mut unpacked = Vec::new();
            kind.unpack(twice.into())
                .read_to_end(&mut unpacked)
                .unwrap();
            assert_eq!(unpacked, b"one two", "{kind}");
        }
    }

    #[test]
    fn a_snappy_block_without_the_frame_is_read() {
        let raw = snap::raw::Encoder::new()
            .compress_vec(b"abcabcabc")
            .unwrap();
        let mut unpacked = Vec::new();
        CompressionType::Snappy
            .unpack(raw.into())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, b"abcabcabc");
    }

    #[test]
    fn a_snappy_header_that_is_cut_or_false_ends_the_stream() {
        let unpack = |behind: &[u8]| {
            let mut packed = CompressionType::Snappy.pack(b"abc");
            packed.extend_from_slice(behind);
            let mut unpacked = Vec::new();
            let outcome = CompressionType::Snappy
                .unpack(packed.into())
                .read_to_end(&mut unpacked);
            outcome.map(|_| unpacked).map_err(|error| error.to_string())
        };
        assert_eq!(
            unpack(b"\x82SNAPPY\0").unwrap_err(),
            "16 bytes needed, 8 left"
        );
        assert_eq!(unpack(b"\x82SNAppy\0        ").unwrap(), b"abc");
        assert_eq!(
            unpack(b"\x82SNAPPY\0\0\0\0\0\0\0\0\0").unwrap_err(),
            "version 0 is too old"
        );
        assert_eq!(unpack(b"\x82SN").unwrap(), b"abc");
    }

    #[test]
    fn snappy_lengths_that_cannot_be_are_refused_before_memory_is_taken() {
        let claims_a_gibibyte = Bytes::from_static(&[0x80, 0x80, 0x80, 0x80, 4, 0, b'x']);
        let outcome = CompressionType::Snappy
            .unpack(claims_a_gibibyte)
            .read_to_end(&mut Vec::new());
        assert!(outcome.unwrap_err().to_string().contains("1073741824"));
    }
}
