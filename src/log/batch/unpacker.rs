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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::{BatchBuilder, Record};

    /// A batch that claims `count` records and packs this.
    fn batch(kind: CompressionType, count: u32, packed: &[u8]) -> RecordBatch {
        let mut bytes = BatchBuilder::new().build().to_bytes().to_vec();
        bytes.extend_from_slice(packed);
        let length = bytes.len() as i32 - 12;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[22] = kind.id();
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        RecordBatch::whole(bytes.into())
    }

    /// One record with a value of a mebibyte, as it lies in a batch.
    fn mebibyte() -> Vec<u8> {
        let mut builder = BatchBuilder::new();
        builder.append(0, None, Some(&vec![0; (1 << 20) - 11]), &[]);
        let records = builder.build().records_bytes().to_vec();
        assert_eq!(records.len(), 1 << 20);
        records
    }

    /// `times` times the same, packed: streams of these codecs may follow each other.
    fn repeated(kind: CompressionType, times: usize) -> Vec<u8> {
        let packed = kind.pack(&mebibyte());
        match kind {
            // One frame: header, blocks, end mark.
            CompressionType::Lz4 => {
                let (header, blocks) = packed.split_at(7);
                let (blocks, end) = blocks.split_at(blocks.len() - 4);
                [header, &blocks.repeat(times), end].concat()
            }
            _ => packed.repeat(times),
        }
    }

    #[test]
    fn a_batch_may_unpack_to_100_mib_and_not_to_more() {
        for kind in CompressionType::ALL.into_iter().skip(1) {
            let most = batch(kind, 100, &repeated(kind, 100));
            assert_eq!(most.records().filter(Result::is_ok).count(), 100, "{kind}");
            let more = batch(kind, 101, &repeated(kind, 101));
            let last = more.records().last().map(|record| record.map(drop));
            let Some(Err(error)) = last else {
                panic!("{kind}: {last:?}")
            };
            assert_eq!(error.problem, BatchProblem::TooLarge { limit: 100 << 20 });
            assert_eq!(
                error.to_string().split(',').next(),
                Some("records unpack to more than 104857600 bytes")
            );
        }
    }

    #[test]
    fn a_record_that_claims_too_much_is_refused_at_once() {
        let mut record = Vec::new();
        varint::write(&mut record, i64::from(i32::MAX));
        let packed = CompressionType::Gzip.pack(&record);
        let outcome = batch(CompressionType::Gzip, 1, &packed).records().next();
        let error = outcome.and_then(Result::err).map(|error| error.problem);
        let limit = MAX_UNPACKED;
        assert_eq!(error, Some(BatchProblem::TooLarge { limit }));
    }

    #[test]
    fn problems_are_placed_in_the_unpacked_records() {
        let mut builder = BatchBuilder::new();
        builder.append(0, Some(b"k"), Some(b"value"), &[]);
        let one = builder.build().records_bytes().to_vec();
        let mut two = [one.as_slice(), &one].concat();
        // The second record's key claims a byte too many.
        two[one.len() + 4] += 2;
        let packed = CompressionType::Zstd.pack(&two);
        let read: Vec<_> = batch(CompressionType::Zstd, 2, &packed).records().collect();
        assert_eq!(read.len(), 2);
        assert_eq!(
            read[0].as_ref().map(|record: &Record| record.key.clone()),
            Ok(Some(Bytes::from_static(b"k")))
        );
        let error = read[1].as_ref().unwrap_err();
        assert!(error.position >= one.len() as u64, "{error}");
    }
}
