//! One record, and the records of a batch in order (class DefaultRecord).

use crate::log::batch::record_batch::{HEADER_SIZE, RecordBatch};
use crate::log::batch::varint::{self, VarintError};
use crate::log::batch::{BatchProblem, CorruptBatch, TimestampType};
use bytes::Bytes;

/// A record as an application sees it. Bytes are shared with the batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub offset: i64,
    /// Milliseconds since 1970; the append time if the batch says so; -1 for none.
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    /// Names may repeat; values may be null.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

/// Iterates over a batch's records; after an error it ends.
#[derive(Clone, Debug)]
pub struct RecordIter {
    records: Bytes,
    position: usize,
    /// Records read so far, and how many there should be.
    read: i32,
    count: i32,
    base_offset: i64,
    base_timestamp: i64,
    append_time: Option<i64>,
    failed: Option<CorruptBatch>,
}

impl RecordIter {
    pub(crate) fn new(batch: &RecordBatch) -> RecordIter {
        let count = batch.records_count();
        let mut failed = None;
        let mut records = Bytes::new();
        if count < 0 {
            failed = Some(batch.corrupt(BatchProblem::Count { count }, HEADER_SIZE as u64 - 4));
        } else if batch.codec() != 0 {
            failed = Some(batch.corrupt(
                BatchProblem::UnknownCodec {
                    codec: batch.codec(),
                },
                21,
            ));
        } else {
            records = batch.records_bytes();
        }
        RecordIter {
            records,
            position: 0,
            read: 0,
            count,
            base_offset: batch.base_offset(),
            base_timestamp: batch.base_timestamp(),
            append_time: (batch.timestamp_type() == TimestampType::LogAppendTime)
                .then(|| batch.max_timestamp()),
            failed,
        }
    }

    fn read_record(&mut self) -> Result<Record, (BatchProblem, usize)> {
        let Frame {
            start,
            end,
            timestamp_delta,
            offset_delta,
        } = self.read_frame()?;
        let mut fields = Fields {
            bytes: &self.records,
            position: self.position,
            end,
        };
        let key = fields
            .nullable("key")?
            .map(|(a, b)| self.records.slice(a..b));
        let value = fields
            .nullable("value")?
            .map(|(a, b)| self.records.slice(a..b));
        let count = fields.header_count()?;
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            let (a, b) = fields.required("header key")?;
            let value = fields
                .nullable("header value")?
                .map(|(a, b)| self.records.slice(a..b));
            headers.push((self.records.slice(a..b), value));
        }
        fields.finish(start)?;
        self.position = end;
        Ok(Record {
            offset: self.base_offset.wrapping_add(i64::from(offset_delta)),
            timestamp: self
                .append_time
                .unwrap_or(self.base_timestamp.wrapping_add(timestamp_delta)),
            key,
            value,
            headers,
        })
    }

    fn skip_record(&mut self) -> Result<Scanned, (BatchProblem, usize)> {
        let Frame {
            start,
            end,
            timestamp_delta,
            ..
        } = self.read_frame()?;
        let mut fields = Fields {
            bytes: &self.records,
            position: self.position,
            end,
        };
        let has_key = fields.nullable("key")?.is_some();
        fields.nullable("value")?;
        for _ in 0..fields.header_count()? {
            fields.required("header key")?;
            fields.nullable("header value")?;
        }
        fields.finish(start)?;
        self.position = end;
        let timestamp = self
            .append_time
            .unwrap_or(self.base_timestamp.wrapping_add(timestamp_delta));
        Ok(Scanned { timestamp, has_key })
    }

    /// Reads a record's length, attributes and deltas.
    fn read_frame(&mut self) -> Result<Frame, (BatchProblem, usize)> {
        let at = self.position;
        let whole = Fields {
            bytes: &self.records,
            position: at,
            end: self.records.len(),
        };
        let mut fields = whole;
        let said = fields.varint()?;
        let start = fields.position;
        if said < 0 || said as usize > fields.end - start {
            return Err((
                BatchProblem::FieldLength {
                    field: "record",
                    length: i64::from(said),
                },
                at,
            ));
        }
        fields.end = start + said as usize;
        let end = fields.end;
        fields.skip_attributes()?;
        let timestamp_delta = fields.varlong()?;
        let offset_delta = fields.varint()?;
        self.position = fields.position;
        Ok(Frame {
            start,
            end,
            timestamp_delta,
            offset_delta,
        })
    }

    fn fail(&mut self, problem: BatchProblem, position: usize) -> CorruptBatch {
        self.read = self.count;
        self.position = self.records.len();
        CorruptBatch {
            problem,
            position: (HEADER_SIZE + position) as u64,
            base_offset: Some(self.base_offset),
        }
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, CorruptBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failed) = self.failed.take() {
            self.read = self.count;
            return Some(Err(failed));
        }
        if self.read >= self.count {
            let bytes = (self.records.len() - self.position) as u64;
            if bytes == 0 {
                return None;
            }
            let problem = BatchProblem::RecordsRemain {
                said: self.count,
                bytes,
            };
            return Some(Err(self.fail(problem, self.position)));
        }
        if self.position == self.records.len() {
            let problem = BatchProblem::TooFewRecords {
                said: self.count,
                found: self.read,
            };
            return Some(Err(self.fail(problem, self.position)));
        }
        self.read += 1;
        match self.read_record() {
            Ok(record) => Some(Ok(record)),
            Err((problem, position)) => Some(Err(self.fail(problem, position))),
        }
    }
}

/// What a scan tells of a record.
pub(crate) struct Scanned {
    pub(crate) timestamp: i64,
    pub(crate) has_key: bool,
}

/// Reads every record of a batch as strictly as iterating does, without taking anything out of it.
pub(crate) fn scan_records(
    batch: &RecordBatch,
    mut visit: impl FnMut(Scanned),
) -> Result<(), CorruptBatch> {
    let mut iter = RecordIter::new(batch);
    if let Some(failed) = iter.failed.take() {
        return Err(failed);
    }
    for found in 0..iter.count {
        if iter.position == iter.records.len() {
            let problem = BatchProblem::TooFewRecords {
                said: iter.count,
                found,
            };
            return Err(iter.fail(problem, iter.position));
        }
        match iter.skip_record() {
            Ok(record) => visit(record),
            Err((problem, position)) => return Err(iter.fail(problem, position)),
        }
    }
    match iter.records.len() - iter.position {
        0 => Ok(()),
        bytes => {
            let problem = BatchProblem::RecordsRemain {
                said: iter.count,
                bytes: bytes as u64,
            };
            Err(iter.fail(problem, iter.position))
        }
    }
}

/// Where a record lies in the records section, and the deltas that stand first in it.
struct Frame {
    start: usize,
    end: usize,
    timestamp_delta: i64,
    offset_delta: i32,
}

/// A cursor over the fields of one record, which never leaves it.
struct Fields<'a> {
    bytes: &'a [u8],
    position: usize,
    end: usize,
}

impl Fields<'_> {
    fn varint(&mut self) -> Result<i32, (BatchProblem, usize)> {
        let at = self.position;
        varint::read_i32(&self.bytes[..self.end], &mut self.position)
            .map_err(|e| self.no_varint(e, at))
    }

    fn varlong(&mut self) -> Result<i64, (BatchProblem, usize)> {
        let at = self.position;
        varint::read_i64(&self.bytes[..self.end], &mut self.position)
            .map_err(|e| self.no_varint(e, at))
    }

    fn no_varint(&self, error: VarintError, at: usize) -> (BatchProblem, usize) {
        match error {
            VarintError::TooLong => (BatchProblem::Varint, at),
            VarintError::Truncated => {
                let found = (self.end - at) as u64;
                (
                    BatchProblem::Truncated {
                        needed: found + 1,
                        found,
                    },
                    at,
                )
            }
        }
    }

    fn skip_attributes(&mut self) -> Result<(), (BatchProblem, usize)> {
        if self.position == self.end {
            return Err((
                BatchProblem::Truncated {
                    needed: 1,
                    found: 0,
                },
                self.position,
            ));
        }
        self.position += 1;
        Ok(())
    }

    /// How many headers follow: at most as many as bytes.
    fn header_count(&mut self) -> Result<usize, (BatchProblem, usize)> {
        let count = self.varint()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.end - self.position => Ok(count),
            _ => Err((BatchProblem::Count { count }, self.position)),
        }
    }

    /// The record must end here.
    fn finish(&self, start: usize) -> Result<(), (BatchProblem, usize)> {
        if self.position == self.end {
            return Ok(());
        }
        let (said, used) = ((self.end - start) as i64, (self.position - start) as u64);
        Err((BatchProblem::RecordSize { said, used }, self.position))
    }

    fn required(&mut self, field: &'static str) -> Result<(usize, usize), (BatchProblem, usize)> {
        let at = self.position;
        self.nullable(field)?
            .ok_or((BatchProblem::FieldLength { field, length: -1 }, at))
    }

    /// A length and so many bytes: their range. A negative length is null.
    fn nullable(
        &mut self,
        field: &'static str,
    ) -> Result<Option<(usize, usize)>, (BatchProblem, usize)> {
        let at = self.position;
        let length = self.varint()?;
        if length < 0 {
            return Ok(None);
        }
        let start = self.position;
        if length as usize > self.end - start {
            return Err((
                BatchProblem::FieldLength {
                    field,
                    length: i64::from(length),
                },
                at,
            ));
        }
        self.position = start + length as usize;
        Ok(Some((start, self.position)))
    }
}
