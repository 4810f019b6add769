//! Texts and bytes as Kafka's serialised structures hold them (classes `ByteBufferAccessor`, `Readable`,
//! `Writable`): lengths before contents, and from a flexible version on as varints (KIP-482).
//!
//! For what clients and coordinators keep as bytes. A reader gives nothing where the bytes do not fit: who
//! reads says what that means.

use bytes::{BufMut, Bytes, BytesMut};
use std::rc::Rc;

pub fn put_string(out: &mut BytesMut, text: &str) {
    out.put_i16(text.len() as i16);
    out.put_slice(text.as_bytes());
}

pub fn put_nullable_string(out: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_string(out, text),
        None => out.put_i16(-1),
    }
}

pub fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(bytes.len() as i32);
    out.put_slice(bytes);
}

pub fn put_nullable_bytes(out: &mut BytesMut, bytes: Option<&Bytes>) {
    match bytes {
        Some(bytes) => put_bytes(out, bytes),
        None => out.put_i32(-1),
    }
}

pub struct WireReader {
    rest: Bytes,
    /// Lengths are compact.
    flexible: bool,
}

impl WireReader {
    pub fn new(bytes: &Bytes) -> WireReader {
        WireReader {
            rest: bytes.clone(),
            flexible: false,
        }
    }

    /// From here on lengths are compact, or are not.
    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    pub fn i16(&mut self) -> Option<i16> {
        let bytes = self.take(2)?;
        Some(i16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn i32(&mut self) -> Option<i32> {
        let bytes = self.take(4)?;
        Some(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub fn i64(&mut self) -> Option<i64> {
        let bytes: [u8; 8] = self.take(8)?.as_ref().try_into().ok()?;
        Some(i64::from_be_bytes(bytes))
    }

    pub fn string(&mut self) -> Option<Rc<str>> {
        self.nullable_string()?
    }

    pub fn nullable_string(&mut self) -> Option<Option<Rc<str>>> {
        let length = match self.flexible {
            true => self.compact()?,
            false => i32::from(self.i16()?),
        };
        if length == -1 {
            return Some(None);
        }
        let bytes = self.take(usize::try_from(length).ok()?)?;
        Some(Some(std::str::from_utf8(&bytes).ok()?.into()))
    }

    pub fn bytes(&mut self) -> Option<Bytes> {
        self.nullable_bytes()?
    }

    pub fn nullable_bytes(&mut self) -> Option<Option<Bytes>> {
        match self.long_length()? {
            -1 => Some(None),
            length => Some(Some(self.take(usize::try_from(length).ok()?)?)),
        }
    }

    /// Of an array; no longer than what is left could hold.
    pub fn array_length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.long_length()?).ok()?;
        (length <= self.rest.len()).then_some(length)
    }

    /// Of what is flexible: the fields that a later release may have added. None is known.
    pub fn tagged_fields(&mut self) -> Option<()> {
        if self.flexible {
            self.compact()?;
        }
        Some(())
    }

    fn long_length(&mut self) -> Option<i32> {
        match self.flexible {
            true => self.compact(),
            false => self.i32(),
        }
    }

    /// A compact length, one less than what is written; -1 for null.
    fn compact(&mut self) -> Option<i32> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return i32::try_from(value).ok()?.checked_sub(1);
            }
        }
        None
    }

    fn take(&mut self, n: usize) -> Option<Bytes> {
        (self.rest.len() >= n).then(|| self.rest.split_to(n))
    }
}
