//! Messages of formats 0 and 1, which Kafka wrote before 0.11 and still reads (classes LegacyRecord,
//! AbstractLegacyRecordBatch; OF1 to OF4).
//!
//! Layout, big-endian: offset i64, size i32 (of what follows), CRC-32 u32 (of what follows), magic i8,
//! attributes i8, timestamp i64 (only format 1), key and value (i32 length, -1 for null; bytes).
//!
//! There are no batches: a message that names a codec wraps others, packed together in its value. The
//! offset of such a wrapper is that of its last message. In format 0 the wrapped messages say their own
//! offsets, in format 1 they count from 0, so that a broker need not pack them anew.

use crate::log::batch::compress::CompressionType;
use crate::log::batch::unpacker::{MAX_UNPACKED, Problem};
use crate::log::batch::{BatchProblem, Headers, Record, RecordBatch};
use bytes::Bytes;
use std::io::Read;

/// Offset and size: what a message's size does not count.
const LOG_OVERHEAD: usize = 12;
/// The least that a message of format 0 has behind its size.
const LEAST_SIZE: i32 = 14;

// Counted from the CRC.
const MAGIC: usize = 4;
const ATTRIBUTES: usize = 5;
const TIMESTAMP: usize = 6;

const CODEC_MASK: u8 = 0x07;
const APPEND_TIME_BIT: u8 = 0x08;

/// A message, wrapped in another or not.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) offset: i64,
    /// From the CRC on.
    bytes: Bytes,
    /// The append time that its wrapper says, which counts for all in it.
    append_time: Option<i64>,
}

/// The messages of a batch of an old format in order: the one, or those that it wraps; and what ends them
/// early. What a wrapper holds is unpacked to its end before the first is told, as Kafka does.
pub(crate) fn messages(batch: &RecordBatch) -> (Vec<Message>, Option<Problem>) {
    let outer = Message {
        offset: batch.head_offset(),
        bytes: batch.to_bytes().slice(LOG_OVERHEAD..),
        append_time: None,
    };
    if outer.codec_id() == CompressionType::None.id() {
        return (vec![outer], None);
    }
    match outer.wrapped() {
        Err(problem) => (Vec::new(), Some(problem)),
        Ok(mut inner) => {
            // A wrapper in a wrapper is refused when its turn comes.
            let nested = inner
                .iter()
                .position(|message| message.codec_id() != CompressionType::None.id());
            inner.truncate(nested.unwrap_or(inner.len()));
            (inner, nested.map(|_| (BatchProblem::Nested, 0)))
        }
    }
}

/// The offset of the first message in a batch of an old format; the batch's own if that cannot be told.
pub(crate) fn first_offset(batch: &RecordBatch) -> i64 {
    if batch.codec() == CompressionType::None.id() {
        return batch.head_offset();
    }
    let (messages, _) = messages(batch);
    messages
        .first()
        .map_or(batch.head_offset(), |message| message.offset)
}

/// The CRC-32 that a message with these bytes behind its CRC must have.
pub(crate) fn crc32(covered: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(covered);
    crc.sum()
}

impl Message {
    pub(crate) fn crc(&self) -> u32 {
        self.field(0).map_or(0, u32::from_be_bytes)
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.crc() == self.computed_crc()
    }

    /// -1 in format 0; the append time, if its wrapper says so.
    pub(crate) fn timestamp(&self) -> i64 {
        match (self.magic(), self.append_time) {
            (0, _) => -1,
            (_, Some(append_time)) => append_time,
            _ => self.field(TIMESTAMP).map_or(-1, i64::from_be_bytes),
        }
    }

    /// The length that the key says, negative for null.
    pub(crate) fn key_size(&self) -> Result<i32, Problem> {
        self.length_at(self.key_at())
    }

    pub(crate) fn value_size(&self) -> Result<i32, Problem> {
        self.length_at(self.value_at()?)
    }

    /// Key and value are looked at, the checksum is not.
    pub(crate) fn record(&self) -> Result<Record, Problem> {
        Ok(Record {
            offset: self.offset,
            timestamp: self.timestamp(),
            key: self.bytes_at("key", self.key_at())?,
            value: self.bytes_at("value", self.value_at()?)?,
            headers: Headers::default(),
        })
    }

    /// The record as a consumer takes it.
    pub(crate) fn sound_record(&self) -> Result<Record, Problem> {
        let (stored, computed) = (self.crc(), self.computed_crc());
        if stored != computed {
            return Err((BatchProblem::Crc { stored, computed }, 0));
        }
        self.record()
    }

    fn computed_crc(&self) -> u32 {
        crc32(self.bytes.get(MAGIC..).unwrap_or_default())
    }

    fn magic(&self) -> u8 {
        self.byte(MAGIC)
    }

    fn codec_id(&self) -> u8 {
        self.byte(ATTRIBUTES) & CODEC_MASK
    }

    fn key_at(&self) -> usize {
        match self.magic() {
            0 => TIMESTAMP,
            _ => TIMESTAMP + 8,
        }
    }

    fn value_at(&self) -> Result<usize, Problem> {
        let key = usize::try_from(self.key_size()?).unwrap_or(0);
        Ok(self.key_at() + 4 + key)
    }

    fn length_at(&self, at: usize) -> Result<i32, Problem> {
        let found = self.bytes.len() as u64;
        let needed = at as u64 + 4;
        self.field(at).map(i32::from_be_bytes).ok_or((
            BatchProblem::Truncated { needed, found },
            (LOG_OVERHEAD + at) as u64,
        ))
    }

    fn bytes_at(&self, field: &'static str, at: usize) -> Result<Option<Bytes>, Problem> {
        let length = self.length_at(at)?;
        let Ok(size) = usize::try_from(length) else {
            return Ok(None);
        };
        let start = at + 4;
        if size > self.bytes.len() - start {
            let length = i64::from(length);
            let problem = BatchProblem::FieldLength { field, length };
            return Err((problem, (LOG_OVERHEAD + at) as u64));
        }
        Ok(Some(self.bytes.slice(start..start + size)))
    }

    /// The messages that this one wraps, with their own offsets and timestamps.
    fn wrapped(&self) -> Result<Vec<Message>, Problem> {
        let at = (LOG_OVERHEAD + ATTRIBUTES) as u64;
        let codec = match CompressionType::from_id(self.codec_id()) {
            // zstd is younger than these formats.
            None | Some(CompressionType::Zstd) => {
                let codec = self.codec_id();
                return Err((BatchProblem::UnknownCodec { codec }, at));
            }
            Some(codec) => codec,
        };
        let packed = self.bytes_at("value", self.value_at()?)?;
        let packed = packed.ok_or((BatchProblem::EmptyWrapper, at))?;
        let mut messages = self.unpack(codec, packed)?;
        let Some(last) = messages.last() else {
            return Err((BatchProblem::EmptyWrapper, at));
        };
        if self.magic() != 0 {
            let (wrapper, inner) = (self.offset, last.offset);
            // Some producers leave the wrapper's offset at 0.
            if wrapper != 0 && wrapper < inner {
                return Err((BatchProblem::WrapperOffset { wrapper, inner }, 0));
            }
            let base = if wrapper == 0 { 0 } else { wrapper - inner };
            for message in &mut messages {
                message.offset = message.offset.wrapping_add(base);
            }
        }
        Ok(messages)
    }

    fn unpack(&self, codec: CompressionType, packed: Bytes) -> Result<Vec<Message>, Problem> {
        let mut unpacked = Vec::new();
        let stream = codec.unpack_message(packed, self.magic());
        let read = stream.take(MAX_UNPACKED + 1).read_to_end(&mut unpacked);
        let at = unpacked.len() as u64;
        read.map_err(|error| {
            let (codec, problem) = (codec.name(), error.to_string());
            (BatchProblem::Decompression { codec, problem }, at)
        })?;
        if at > MAX_UNPACKED {
            let limit = MAX_UNPACKED;
            return Err((BatchProblem::TooLarge { limit }, at));
        }
        let appended = self.byte(ATTRIBUTES) & APPEND_TIME_BIT != 0 && self.magic() != 0;
        let append_time = appended.then(|| self.timestamp());
        let mut rest = Bytes::from(unpacked);
        let mut messages = Vec::new();
        // A message that is cut ends them without a word.
        while let Some((offset, size)) = head(&rest) {
            if size < LEAST_SIZE {
                let position = at - rest.len() as u64;
                return Err((BatchProblem::LengthTooSmall { length: size }, position));
            }
            let size = size as usize;
            if size > rest.len() - LOG_OVERHEAD {
                break;
            }
            let bytes = rest.split_to(LOG_OVERHEAD + size).slice(LOG_OVERHEAD..);
            messages.push(Message {
                offset,
                bytes,
                append_time,
            });
        }
        Ok(messages)
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    fn field<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }
}

/// Offset and size of the message at the start of these bytes.
fn head(bytes: &[u8]) -> Option<(i64, i32)> {
    let (offset, rest) = bytes.split_first_chunk()?;
    let size = rest.first_chunk()?;
    Some((i64::from_be_bytes(*offset), i32::from_be_bytes(*size)))
}
