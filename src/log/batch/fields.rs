//! The fields of one record, read where they lie (class DefaultRecord).
//!
//! Layout: length (varint), attributes i8, timestamp delta (varlong), offset delta (varint), key and
//! value (varint length, negative for null; bytes), header count (varint), headers (name, value).

use crate::log::batch::BatchProblem;
use crate::log::batch::varint;

/// A problem, and where it is in the bytes.
type Problem = (BatchProblem, usize);

/// Reads a record's length at `at`: where its fields start and end.
pub(crate) fn frame(records: &[u8], at: usize) -> Result<(usize, usize), Problem> {
    let mut fields = Fields::new(records, at, records.len());
    let said = fields.varint()?;
    let start = fields.position;
    match usize::try_from(said) {
        Ok(length) if length <= records.len() - start => Ok((start, start + length)),
        _ => Err((
            BatchProblem::FieldLength {
                field: "record",
                length: i64::from(said),
            },
            at,
        )),
    }
}

/// A cursor over the fields of one record, which never leaves it.
pub(crate) struct Fields<'a> {
    /// Everything up to the record's end.
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8], start: usize, end: usize) -> Fields<'a> {
        Fields {
            bytes: &bytes[..end],
            position: start,
        }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn varint(&mut self) -> Result<i32, Problem> {
        let at = self.position;
        varint::read_i32(self.bytes, &mut self.position)
            .map_err(|error| (error.problem(self.bytes.len() - at), at))
    }

    pub(crate) fn varlong(&mut self) -> Result<i64, Problem> {
        let at = self.position;
        varint::read_i64(self.bytes, &mut self.position)
            .map_err(|error| (error.problem(self.bytes.len() - at), at))
    }

    pub(crate) fn skip_attributes(&mut self) -> Result<(), Problem> {
        if self.position == self.bytes.len() {
            let problem = BatchProblem::Truncated {
                needed: 1,
                found: 0,
            };
            return Err((problem, self.position));
        }
        self.position += 1;
        Ok(())
    }

    /// How many headers follow: at most as many as bytes.
    pub(crate) fn header_count(&mut self) -> Result<usize, Problem> {
        let count = self.varint()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.bytes.len() - self.position => Ok(count),
            _ => Err((BatchProblem::Count { count }, self.position)),
        }
    }

    pub(crate) fn skip_headers(&mut self, count: usize) -> Result<(), Problem> {
        for _ in 0..count {
            self.required("header key")?;
            self.nullable("header value")?;
        }
        Ok(())
    }

    /// The record that began at `start` must end here.
    pub(crate) fn finish(&self, start: usize) -> Result<(), Problem> {
        if self.position == self.bytes.len() {
            return Ok(());
        }
        let said = (self.bytes.len() - start) as i64;
        let used = (self.position - start) as u64;
        Err((BatchProblem::RecordSize { said, used }, self.position))
    }

    fn required(&mut self, field: &'static str) -> Result<(usize, usize), Problem> {
        let at = self.position;
        self.nullable(field)?
            .ok_or((BatchProblem::FieldLength { field, length: -1 }, at))
    }

    /// A length and so many bytes: their range. A negative length is null.
    pub(crate) fn nullable(
        &mut self,
        field: &'static str,
    ) -> Result<Option<(usize, usize)>, Problem> {
        let at = self.position;
        let length = self.varint()?;
        if length < 0 {
            return Ok(None);
        }
        let start = self.position;
        if length as usize > self.bytes.len() - start {
            let length = i64::from(length);
            return Err((BatchProblem::FieldLength { field, length }, at));
        }
        self.position = start + length as usize;
        Ok(Some((start, self.position)))
    }
}
