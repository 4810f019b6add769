//! The records of a compressed batch, one after the other: never more in memory than the input, one
//! record and the codec's window (class DefaultRecordBatch.StreamRecordIterator).

use crate::log::batch::compress::CompressionType;
use crate::log::batch::varint::{self, VarintError};
use crate::log::batch::{BatchProblem, RecordBatch};
use bytes::Bytes;
use std::io::Read;

/// Bytes to which a batch's records may unpack. Kafka has no such limit; no honest batch comes near.
pub const MAX_UNPACKED: u64 = 100 << 20;

/// What is taken from the codec at a time.
const CHUNK: usize = 16 << 10;

/// A problem, and where it is in the unpacked records.
pub(crate) type Problem = (BatchProblem, u64);

/// Reads length-prefixed records off a codec's stream.
pub(crate) struct Unpacker {
    codec: CompressionType,
    stream: Box<dyn Read>,
    buffer: Vec<u8>,
    /// The part of `buffer` that was not taken yet.
    start: usize,
    end: usize,
    /// Where `start` is in the unpacked records.
    position: u64,
}

impl Unpacker {
    pub(crate) fn new(codec: CompressionType, packed: Bytes) -> Unpacker {
        Unpacker {
            codec,
            stream: codec.unpack(packed),
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            position: 0,
        }
    }

    /// For a batch that says that it is compressed; none if it does not.
    pub(crate) fn of(batch: &RecordBatch) -> Result<Option<Unpacker>, BatchProblem> {
        let codec = batch.codec();
        match CompressionType::from_id(codec) {
            None => Err(BatchProblem::UnknownCodec { codec }),
            Some(CompressionType::None) => Ok(None),
            Some(kind) => Ok(Some(Unpacker::new(kind, batch.records_bytes()))),
        }
    }

    /// Where the next byte is in the unpacked records.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Reads the next record's fields, without its length, into `record`. None at the end.
    pub(crate) fn next(&mut self, record: &mut Vec<u8>) -> Result<Option<()>, Problem> {
        if self.start == self.end && !self.fill()? {
            return Ok(None);
        }
        let at = self.position;
        let length = self.read_length()?;
        let too_long = |problem| Err((problem, at));
        let Ok(size) = usize::try_from(length) else {
            return too_long(no_record(length));
        };
        if size as u64 > MAX_UNPACKED {
            return too_long(BatchProblem::TooLarge {
                limit: MAX_UNPACKED,
            });
        }
        record.clear();
        while record.len() < size {
            if self.start == self.end && !self.fill()? {
                return too_long(no_record(length));
            }
            let count = (size - record.len()).min(self.end - self.start);
            record.extend_from_slice(&self.buffer[self.start..self.start + count]);
            self.take(count);
        }
        Ok(Some(()))
    }

    /// Reads to the end: how many bytes there were.
    pub(crate) fn rest(&mut self) -> Result<u64, Problem> {
        let from = self.position;
        loop {
            self.take(self.end - self.start);
            if !self.fill()? {
                return Ok(self.position - from);
            }
        }
    }

    /// Reads a record's length, at most 5 bytes.
    fn read_length(&mut self) -> Result<i32, Problem> {
        let at = self.position;
        let (mut bytes, mut count) = ([0; 5], 0);
        while count < bytes.len() {
            if self.start == self.end && !self.fill()? {
                break;
            }
            bytes[count] = self.buffer[self.start];
            self.take(1);
            count += 1;
            if bytes[count - 1] < 0x80 {
                break;
            }
        }
        varint::read_i32(&bytes[..count], &mut 0).map_err(|error| {
            let problem = match error {
                VarintError::TooLong => BatchProblem::Varint,
                VarintError::Truncated => BatchProblem::Truncated {
                    needed: count as u64 + 1,
                    found: count as u64,
                },
            };
            (problem, at)
        })
    }

    fn take(&mut self, count: usize) {
        self.start += count;
        self.position += count as u64;
    }

    /// Unpacks the next bytes once all were taken; false at the end of the stream.
    fn fill(&mut self) -> Result<bool, Problem> {
        let codec = self.codec.name();
        let count = self.stream.read(&mut self.buffer).map_err(|error| {
            let problem = error.to_string();
            (
                BatchProblem::Decompression { codec, problem },
                self.position,
            )
        })?;
        (self.start, self.end) = (0, count);
        if self.position + count as u64 > MAX_UNPACKED {
            let limit = MAX_UNPACKED;
            return Err((BatchProblem::TooLarge { limit }, self.position));
        }
        Ok(count > 0)
    }
}

fn no_record(length: i32) -> BatchProblem {
    BatchProblem::FieldLength {
        field: "record",
        length: i64::from(length),
    }
}
