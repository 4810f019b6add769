//! The fields of one record, read where they lie (class DefaultRecord).
//!
//! Layout: length (varint), attributes i8, timestamp delta (varlong), offset delta (varint), key and
//! value (varint length, negative for null; bytes), header count (varint), headers (name, value).

use crate::log::batch::BatchProblem;
use crate::log::batch::varint::{self, VarintError};

/// A cursor over the fields of one record, which never leaves it.
///
/// Its methods say in a few bytes what is wrong, since they run for every field; `problem` tells it in
/// full, with what the cursor remembers.
pub(crate) struct Fields<'a> {
    /// Everything up to the record's end.
    bytes: &'a [u8],
    start: usize,
    position: usize,
    /// Where the last field began, and what its varint said.
    field_at: usize,
    said: i32,
}

/// What is wrong with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    VarintTooLong,
    VarintCut,
    /// The attributes' byte is not there.
    NoAttributes,
    Length(Field),
    HeaderCount,
    /// The fields do not fill the record.
    Size,
}

/// What has a length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    Record,
    Key,
    Value,
    HeaderKey,
    HeaderValue,
}

impl Field {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Field::Record => "record",
            Field::Key => "key",
            Field::Value => "value",
            Field::HeaderKey => "header key",
            Field::HeaderValue => "header value",
        }
    }
}

impl<'a> Fields<'a> {
    /// A record's fields without its length.
    #[inline(always)]
    pub(crate) fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields {
            bytes,
            start: 0,
            position: 0,
            field_at: 0,
            said: 0,
        }
    }

    /// Makes the cursor one over the record at its place, whose length it reads.
    #[inline(always)]
    pub(crate) fn enter(&mut self, at: usize) -> Result<(), Flaw> {
        self.position = at;
        let said = self.varint()?;
        self.start = self.position;
        match usize::try_from(said) {
            Ok(length) if length <= self.bytes.len() - self.position => {
                self.bytes = &self.bytes[..self.position + length];
                Ok(())
            }
            _ => Err(Flaw::Length(Field::Record)),
        }
    }

    #[inline(always)]
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Where the record ends.
    #[inline(always)]
    pub(crate) fn end(&self) -> usize {
        self.bytes.len()
    }

    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<i32, Flaw> {
        self.field_at = self.position;
        let value = varint::read_i32(self.bytes, &mut self.position).map_err(Flaw::from)?;
        self.said = value;
        Ok(value)
    }

    #[inline(always)]
    pub(crate) fn varlong(&mut self) -> Result<i64, Flaw> {
        self.field_at = self.position;
        varint::read_i64(self.bytes, &mut self.position).map_err(Flaw::from)
    }

    #[inline(always)]
    pub(crate) fn skip_attributes(&mut self) -> Result<(), Flaw> {
        if self.position == self.bytes.len() {
            return Err(Flaw::NoAttributes);
        }
        self.position += 1;
        Ok(())
    }

    /// How many headers follow: at most as many as bytes.
    #[inline(always)]
    pub(crate) fn header_count(&mut self) -> Result<usize, Flaw> {
        let count = self.varint()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.bytes.len() - self.position => Ok(count),
            _ => Err(Flaw::HeaderCount),
        }
    }

    #[inline(always)]
    pub(crate) fn skip_headers(&mut self, count: usize) -> Result<(), Flaw> {
        for _ in 0..count {
            if self.nullable(Field::HeaderKey)?.is_none() {
                return Err(Flaw::Length(Field::HeaderKey));
            }
            self.nullable(Field::HeaderValue)?;
        }
        Ok(())
    }

    /// The record must end here.
    #[inline(always)]
    pub(crate) fn finish(&self) -> Result<(), Flaw> {
        if self.position == self.bytes.len() {
            Ok(())
        } else {
            Err(Flaw::Size)
        }
    }

    /// A length and so many bytes: their range. A negative length is null.
    #[inline(always)]
    pub(crate) fn nullable(&mut self, field: Field) -> Result<Option<(usize, usize)>, Flaw> {
        let length = self.varint()?;
        if length < 0 {
            return Ok(None);
        }
        let start = self.position;
        if length as usize > self.bytes.len() - start {
            return Err(Flaw::Length(field));
        }
        self.position = start + length as usize;
        Ok(Some((start, self.position)))
    }

    /// What is wrong, and where in the bytes.
    #[cold]
    pub(crate) fn problem(&self, flaw: Flaw) -> (BatchProblem, usize) {
        let left = (self.bytes.len() - self.position) as u64;
        match flaw {
            Flaw::VarintTooLong => (BatchProblem::Varint, self.position),
            Flaw::VarintCut | Flaw::NoAttributes => {
                let (needed, found) = (left + 1, left);
                (BatchProblem::Truncated { needed, found }, self.position)
            }
            Flaw::Length(field) => {
                let (field, length) = (field.name(), i64::from(self.said));
                (BatchProblem::FieldLength { field, length }, self.field_at)
            }
            Flaw::HeaderCount => (BatchProblem::Count { count: self.said }, self.position),
            Flaw::Size => {
                let said = (self.bytes.len() - self.start) as i64;
                let used = (self.position - self.start) as u64;
                (BatchProblem::RecordSize { said, used }, self.position)
            }
        }
    }
}

impl From<VarintError> for Flaw {
    #[inline(always)]
    fn from(error: VarintError) -> Self {
        match error {
            VarintError::TooLong => Flaw::VarintTooLong,
            VarintError::Truncated => Flaw::VarintCut,
        }
    }
}
