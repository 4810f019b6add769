//! Jute, ZooKeeper's serialization: big-endian numbers, strings and buffers behind their length.

use bytes::Bytes;
use std::rc::Rc;

/// Writes records into a growing buffer.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }
    pub fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }
    pub fn bool(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }
    pub fn count(&mut self, count: usize) {
        self.i32(i32::try_from(count).expect("no record has 2^31 parts"));
    }
    pub fn buffer(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }
    pub fn string(&mut self, text: &str) {
        self.buffer(text.as_bytes());
    }
}

/// Reads records; every read answers `None` where the bytes end too early or make no sense.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }
    pub fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
    pub fn i64(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }
    pub fn bool(&mut self) -> Option<bool> {
        Some(self.take(1)?[0] != 0)
    }
    /// How many parts follow; a null vector (-1) has none.
    pub fn count(&mut self) -> Option<usize> {
        match self.i32()? {
            -1 => Some(0),
            count => usize::try_from(count).ok(),
        }
    }
    pub fn buffer(&mut self) -> Option<Bytes> {
        let len = self.count()?;
        Some(Bytes::copy_from_slice(self.take(len)?))
    }
    pub fn string(&mut self) -> Option<Rc<str>> {
        let len = self.count()?;
        Some(Rc::from(std::str::from_utf8(self.take(len)?).ok()?))
    }
}

/// The checksum of ZooKeeper's logs and snapshots (RFC 1950).
pub fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65_521;
    // So many bytes can be summed up before 32 bits overflow.
    const RUN: usize = 5_552;
    let (mut a, mut b) = (1u32, 0u32);
    for run in bytes.chunks(RUN) {
        // Sixteen at a time and without checks (nothing overflows within a run): so compilers make wide
        // instructions of it.
        let (wide, rest) = run.as_chunks::<16>();
        for bytes in wide {
            let (mut sum, mut weighted) = (0u32, 0u32);
            for (place, byte) in bytes.iter().enumerate() {
                let byte = u32::from(*byte);
                sum = sum.wrapping_add(byte);
                weighted = weighted.wrapping_add(byte.wrapping_mul(16 - place as u32));
            }
            b = b.wrapping_add(a.wrapping_mul(16)).wrapping_add(weighted);
            a = a.wrapping_add(sum);
        }
        for byte in rest {
            a = a.wrapping_add(u32::from(*byte));
            b = b.wrapping_add(a);
        }
        a %= BASE;
        b %= BASE;
    }
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler32_of_the_examples_in_the_rfc_and_of_long_runs() {
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&[0xff; 100_000]), {
            let (mut a, mut b) = (1u64, 0u64);
            for _ in 0..100_000 {
                a = (a + 0xff) % 65_521;
                b = (b + a) % 65_521;
            }
            (b * 65_536 + a) as u32
        });
    }

    #[test]
    fn what_is_written_is_read_and_short_bytes_are_refused() {
        let mut writer = Writer::default();
        writer.i64(-7);
        writer.string("/é");
        writer.buffer(b"xyz");
        writer.bool(true);
        let mut reader = Reader(&writer.0);
        assert_eq!(reader.i64(), Some(-7));
        assert_eq!(reader.string().as_deref(), Some("/é"));
        assert_eq!(reader.buffer().as_deref(), Some(&b"xyz"[..]));
        assert_eq!(reader.bool(), Some(true));
        assert_eq!(reader.bool(), None);
        assert_eq!(Reader(&[0, 0, 0, 9, 1]).buffer(), None);
        assert_eq!(Reader(&[0x80, 0, 0, 0]).count(), None);
    }
}
