//! One record batch v2: its header, read where it lies, and its bytes, shared and never copied on
//! their way (class DefaultRecordBatch). A message of an older format stands for a batch too (`legacy`): what
//! its header does not have reads as "none".
//!
//! Layout, big-endian: base offset i64, length i32 (of what follows), partition leader epoch i32,
//! magic i8, CRC-32C u32 (of what follows), attributes i16, last offset delta i32, base timestamp i64,
//! max timestamp i64, producer id i64, producer epoch i16, base sequence i32, record count i32, records.

use crate::log::batch::{BatchProblem, CorruptBatch, RecordIter, legacy};
use bytes::Bytes;

/// Bytes before the first record.
pub const HEADER_SIZE: usize = 61;
/// Base offset and length: what a batch's length does not count.
const LOG_OVERHEAD: usize = 12;
/// The part of the header that lies before magic and CRC: a leader changes only this.
const HEAD: usize = 16;
/// The least length that a batch v2 says, and that any format has had.
const LEAST_LENGTH: i32 = (HEADER_SIZE - LOG_OVERHEAD) as i32;
const LEAST_LENGTH_EVER: i32 = 14;
/// The first format of today's layout.
const V2: i8 = 2;
/// Batches up to this size are copied when their head changes, since two chunks would cost more.
const COPY_UP_TO: usize = 512;

const CRC: usize = 17;
const ATTRIBUTES: usize = 21;
const LAST_OFFSET_DELTA: usize = 23;
const BASE_TIMESTAMP: usize = 27;
const MAX_TIMESTAMP: usize = 35;
const PRODUCER_ID: usize = 43;
const PRODUCER_EPOCH: usize = 51;
const BASE_SEQUENCE: usize = 53;
const RECORDS_COUNT: usize = 57;

// Of a message of format 0 or 1.
const LEGACY_CRC: usize = 12;
const LEGACY_ATTRIBUTES: usize = 17;
const LEGACY_TIMESTAMP: usize = 18;

const CODEC_MASK: i16 = 0x07;
pub(crate) const APPEND_TIME_BIT: i16 = 0x08;
pub(crate) const TRANSACTIONAL_BIT: i16 = 0x10;
pub(crate) const CONTROL_BIT: i16 = 0x20;
pub(crate) const DELETE_HORIZON_BIT: i16 = 0x40;

/// What a record's timestamp means (`message.timestamp.type`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// A whole batch of at least a header's size, or a message of an old format. Cheap to clone.
#[derive(Clone)]
pub struct RecordBatch {
    /// The first 16 bytes, where they do not lie before the rest in memory.
    head: Option<Bytes>,
    /// The whole batch, or all but the first 16 bytes if `head` is there.
    rest: Bytes,
    /// What readers ask for most, read once.
    is_legacy: bool,
    last_offset: i64,
}

impl RecordBatch {
    /// One whole batch and nothing more, with its length, magic and CRC checked.
    pub fn parse(bytes: Bytes) -> Result<RecordBatch, CorruptBatch> {
        let batch = RecordBatch::parse_unchecked(bytes)?;
        batch.ensure_valid()?;
        Ok(batch)
    }

    /// One whole batch and nothing more; only its length is checked, as by one who passes bytes on.
    pub fn parse_unchecked(bytes: Bytes) -> Result<RecordBatch, CorruptBatch> {
        let size = RecordBatch::size_at_start(&bytes)?;
        let found = bytes.len() as u64;
        if found < size {
            return Err(corrupt(
                BatchProblem::Truncated {
                    needed: size,
                    found,
                },
                found,
                base_offset_of(&bytes),
            ));
        }
        if found > size {
            return Err(corrupt(
                BatchProblem::Trailing {
                    bytes: found - size,
                },
                size,
                base_offset_of(&bytes),
            ));
        }
        Ok(RecordBatch::of(None, bytes))
    }

    /// All batches of a contiguous run. A trailing partial batch is ignored, as by a consumer, whose
    /// fetch may end anywhere.
    pub fn parse_run(mut bytes: Bytes) -> Result<Vec<RecordBatch>, CorruptBatch> {
        let mut batches = Vec::new();
        while bytes.len() > HEAD {
            let size = RecordBatch::size_at_start(&bytes)?;
            if size > bytes.len() as u64 {
                break;
            }
            batches.push(RecordBatch::of(None, bytes.split_to(size as usize)));
        }
        Ok(batches)
    }

    /// A whole batch that is known to be one.
    pub(crate) fn whole(bytes: Bytes) -> RecordBatch {
        debug_assert!(bytes.len() >= least_size(bytes.get(HEAD)));
        RecordBatch::of(None, bytes)
    }

    /// From the chunks in which a batch's `chunks` were stored.
    pub(crate) fn from_chunks(head: Bytes, rest: Bytes) -> RecordBatch {
        debug_assert!(head.len() == HEAD && HEAD + rest.len() >= least_size(rest.first()));
        RecordBatch::of(Some(head), rest)
    }

    fn of(head: Option<Bytes>, rest: Bytes) -> RecordBatch {
        let (begin, body) = match &head {
            Some(head) => (&head[..], &rest[..]),
            None => rest.split_at(HEAD),
        };
        let is_legacy = (body[0] as i8) < V2;
        let mut last_offset = i64::from_be_bytes(array(begin, 0));
        if !is_legacy {
            let delta = i32::from_be_bytes(array(body, LAST_OFFSET_DELTA - HEAD));
            last_offset = last_offset.wrapping_add(i64::from(delta));
        }
        RecordBatch {
            head,
            rest,
            is_legacy,
            last_offset,
        }
    }

    /// The size in bytes that the batch at the start of `bytes` says it has.
    pub(crate) fn size_at_start(bytes: &[u8]) -> Result<u64, CorruptBatch> {
        let found = bytes.len() as u64;
        if bytes.len() < LOG_OVERHEAD {
            return Err(corrupt(
                BatchProblem::Truncated {
                    needed: HEADER_SIZE as u64,
                    found,
                },
                found,
                None,
            ));
        }
        let length = i32::from_be_bytes(array(bytes, 8));
        if length < least_length(bytes.get(HEAD)) {
            return Err(corrupt(
                BatchProblem::LengthTooSmall { length },
                8,
                base_offset_of(bytes),
            ));
        }
        Ok(length as u64 + LOG_OVERHEAD as u64)
    }

    /// Checks magic and CRC, which `parse_unchecked` and reading from a log do not.
    pub fn ensure_valid(&self) -> Result<(), CorruptBatch> {
        let magic = self.magic();
        if !(0..=V2).contains(&magic) {
            return Err(self.corrupt(BatchProblem::Magic { magic }, HEAD as u64));
        }
        self.ensure_crc()
    }

    /// Checks the CRC alone: recovery believes the magic, which lies outside of it (L7).
    pub(crate) fn ensure_crc(&self) -> Result<(), CorruptBatch> {
        let (computed, at) = if self.is_legacy() {
            (legacy::crc32(self.body()), LEGACY_CRC)
        } else {
            (crc32c::crc32c(&self.body()[ATTRIBUTES - HEAD..]), CRC)
        };
        let stored = self.crc();
        if stored != computed {
            return Err(self.corrupt(BatchProblem::Crc { stored, computed }, at as u64));
        }
        Ok(())
    }

    pub fn is_valid(&self) -> bool {
        self.ensure_valid().is_ok()
    }

    /// A message of format 0 or 1, which may wrap others.
    #[inline]
    pub fn is_legacy(&self) -> bool {
        self.is_legacy
    }

    /// Offset of the first record.
    #[inline]
    pub fn base_offset(&self) -> i64 {
        if self.is_legacy() {
            return legacy::first_offset(self);
        }
        self.head_offset()
    }

    /// The offset that the batch begins with: in an old format that of its last message.
    #[inline]
    pub(crate) fn head_offset(&self) -> i64 {
        i64::from_be_bytes(array(self.head(), 0))
    }

    /// Offset of the last record, also if compaction removed that record.
    #[inline]
    pub fn last_offset(&self) -> i64 {
        self.last_offset
    }

    /// The offset that follows the batch.
    #[inline]
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    #[inline]
    pub fn last_offset_delta(&self) -> i32 {
        if self.is_legacy() {
            return self.last_offset().wrapping_sub(self.base_offset()) as i32;
        }
        i32::from_be_bytes(self.field(LAST_OFFSET_DELTA))
    }

    /// The epoch of the leader that appended the batch; -1 before that, and in an old format.
    #[inline]
    pub fn partition_leader_epoch(&self) -> i32 {
        if self.is_legacy() {
            return -1;
        }
        i32::from_be_bytes(array(self.head(), 12))
    }

    #[inline]
    pub fn magic(&self) -> i8 {
        i8::from_be_bytes(self.field(HEAD))
    }

    /// The CRC-32C that the header says; in an old format CRC-32.
    #[inline]
    pub fn crc(&self) -> u32 {
        if self.is_legacy() {
            return u32::from_be_bytes(array(self.head(), LEGACY_CRC));
        }
        u32::from_be_bytes(self.field(CRC))
    }

    #[inline]
    pub fn attributes(&self) -> i16 {
        if self.is_legacy() {
            return i16::from(u8::from_be_bytes(self.field(LEGACY_ATTRIBUTES)));
        }
        i16::from_be_bytes(self.field(ATTRIBUTES))
    }

    /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd: the id of a `CompressionType`, if there is one.
    #[inline]
    pub fn codec(&self) -> u8 {
        (self.attributes() & CODEC_MASK) as u8
    }

    #[inline]
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes() & APPEND_TIME_BIT == 0 || self.magic() == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    #[inline]
    pub fn is_transactional(&self) -> bool {
        !self.is_legacy() && self.attributes() & TRANSACTIONAL_BIT != 0
    }

    #[inline]
    pub fn is_control(&self) -> bool {
        !self.is_legacy() && self.attributes() & CONTROL_BIT != 0
    }

    /// When the batch's tombstones and markers may be removed, in milliseconds since 1970 (RL14).
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        let has_one = !self.is_legacy() && self.attributes() & DELETE_HORIZON_BIT != 0;
        has_one.then(|| self.base_timestamp())
    }

    /// The base of the records' timestamps (with a delete horizon: that), in milliseconds since 1970.
    #[inline]
    pub fn base_timestamp(&self) -> i64 {
        if self.is_legacy() {
            return self.max_timestamp();
        }
        i64::from_be_bytes(self.field(BASE_TIMESTAMP))
    }

    /// The largest timestamp, or the append time; -1 if none, as in format 0.
    #[inline]
    pub fn max_timestamp(&self) -> i64 {
        match self.magic() {
            V2.. => {}
            1 => return i64::from_be_bytes(self.field(LEGACY_TIMESTAMP)),
            _ => return -1,
        }
        i64::from_be_bytes(self.field(MAX_TIMESTAMP))
    }

    /// The timestamp of a record that says this delta.
    pub(crate) fn record_timestamp(&self, delta: i64) -> i64 {
        match self.timestamp_type() {
            TimestampType::CreateTime => self.base_timestamp().wrapping_add(delta),
            TimestampType::LogAppendTime => self.max_timestamp(),
        }
    }

    /// -1 without idempotence.
    #[inline]
    pub fn producer_id(&self) -> i64 {
        if self.is_legacy() {
            return -1;
        }
        i64::from_be_bytes(self.field(PRODUCER_ID))
    }

    pub fn producer_epoch(&self) -> i16 {
        if self.is_legacy() {
            return -1;
        }
        i16::from_be_bytes(self.field(PRODUCER_EPOCH))
    }

    /// Sequence number of the first record, -1 without idempotence.
    pub fn base_sequence(&self) -> i32 {
        if self.is_legacy() {
            return -1;
        }
        i32::from_be_bytes(self.field(BASE_SEQUENCE))
    }

    /// Sequence number of the last record; after 2147483647 follows 0.
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence() {
            -1 => -1,
            base => add_sequence(base, self.last_offset_delta()),
        }
    }

    /// Number of records that the header says, not checked; an old format's says none, and counts as 1.
    #[inline]
    pub fn records_count(&self) -> i32 {
        if self.is_legacy() {
            return 1;
        }
        i32::from_be_bytes(self.field(RECORDS_COUNT))
    }

    /// Bytes of the whole batch.
    #[inline]
    pub fn size(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.len() as u64) + self.rest.len() as u64
    }

    /// The records in order. An error ends the iteration.
    pub fn records(&self) -> RecordIter {
        RecordIter::new(self)
    }

    /// The same batch at another offset and of another leader epoch; its records are shared.
    pub fn with_offset_and_epoch(&self, base_offset: i64, leader_epoch: i32) -> RecordBatch {
        if self.base_offset() == base_offset && self.partition_leader_epoch() == leader_epoch {
            return self.clone();
        }
        let body = self.body();
        let mut head = Vec::with_capacity(if body.len() + HEAD <= COPY_UP_TO {
            body.len() + HEAD
        } else {
            HEAD
        });
        head.extend_from_slice(&base_offset.to_be_bytes());
        head.extend_from_slice(&self.head()[8..12]);
        head.extend_from_slice(&leader_epoch.to_be_bytes());
        if body.len() + HEAD <= COPY_UP_TO {
            head.extend_from_slice(body);
            return RecordBatch::of(None, head.into());
        }
        let rest = if self.head.is_some() {
            self.rest.clone()
        } else {
            self.rest.slice(HEAD..)
        };
        RecordBatch::of(Some(head.into()), rest)
    }

    /// The same batch as another producer, epoch or sequence number would have it; the bytes are copied.
    pub fn with_producer(&self, id: i64, epoch: i16, base_sequence: i32) -> RecordBatch {
        let mut bytes = self.to_bytes().to_vec();
        bytes[PRODUCER_ID..PRODUCER_ID + 8].copy_from_slice(&id.to_be_bytes());
        bytes[PRODUCER_EPOCH..PRODUCER_EPOCH + 2].copy_from_slice(&epoch.to_be_bytes());
        bytes[BASE_SEQUENCE..BASE_SEQUENCE + 4].copy_from_slice(&base_sequence.to_be_bytes());
        RecordBatch::with_new_crc(bytes)
    }

    /// The same batch with every record's timestamp being the append time; the bytes are copied.
    pub fn with_append_time(&self, now_ms: i64) -> RecordBatch {
        self.with_timestamps(self.attributes() | APPEND_TIME_BIT, now_ms)
    }

    /// The same batch with the records' own timestamps, of which `largest` is the largest; the bytes are
    /// copied if the header says otherwise.
    pub fn with_create_time(&self, largest: i64) -> RecordBatch {
        self.with_timestamps(self.attributes() & !APPEND_TIME_BIT, largest)
    }

    fn with_timestamps(&self, attributes: i16, max_timestamp: i64) -> RecordBatch {
        if self.attributes() == attributes && self.max_timestamp() == max_timestamp {
            return self.clone();
        }
        let mut bytes = self.to_bytes().to_vec();
        bytes[ATTRIBUTES..ATTRIBUTES + 2].copy_from_slice(&attributes.to_be_bytes());
        bytes[MAX_TIMESTAMP..MAX_TIMESTAMP + 8].copy_from_slice(&max_timestamp.to_be_bytes());
        RecordBatch::with_new_crc(bytes)
    }

    fn with_new_crc(mut bytes: Vec<u8>) -> RecordBatch {
        let crc = crc32c::crc32c(&bytes[ATTRIBUTES..]);
        bytes[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
        RecordBatch::of(None, bytes.into())
    }

    /// The whole batch in one piece; copied only if its head was changed.
    pub fn to_bytes(&self) -> Bytes {
        match &self.head {
            None => self.rest.clone(),
            Some(head) => [head.as_ref(), self.rest.as_ref()].concat().into(),
        }
    }

    /// The pieces of memory that make up the batch, in order.
    pub fn chunks(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.head.iter().chain(std::iter::once(&self.rest)).cloned()
    }

    /// The records section, compressed as it lies there.
    pub(crate) fn records_bytes(&self) -> Bytes {
        self.rest.slice(self.records_at()..)
    }

    /// The same, not shared.
    pub(crate) fn records_slice(&self) -> &[u8] {
        &self.rest[self.records_at()..]
    }

    fn records_at(&self) -> usize {
        HEADER_SIZE - self.rest_begins_at()
    }

    pub(crate) fn corrupt(&self, problem: BatchProblem, position: u64) -> CorruptBatch {
        corrupt(problem, position, Some(self.base_offset()))
    }

    #[inline]
    fn head(&self) -> &[u8] {
        self.head.as_ref().unwrap_or(&self.rest)
    }

    /// The batch from its magic on.
    #[inline]
    fn body(&self) -> &[u8] {
        if self.head.is_some() {
            &self.rest
        } else {
            &self.rest[HEAD..]
        }
    }

    #[inline]
    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        array(&self.rest, at - self.rest_begins_at())
    }

    /// Where `rest` begins in the batch.
    #[inline]
    fn rest_begins_at(&self) -> usize {
        if self.head.is_some() { HEAD } else { 0 }
    }
}

/// The least length of a format.
fn least_length(magic: Option<&u8>) -> i32 {
    match magic {
        Some(magic) if (*magic as i8) < V2 => LEAST_LENGTH_EVER,
        _ => LEAST_LENGTH,
    }
}

/// What a batch of this format takes at least.
fn least_size(magic: Option<&u8>) -> usize {
    LOG_OVERHEAD + least_length(magic) as usize
}

/// The sequence number `delta` after `sequence`: it wraps from 2147483647 to 0.
pub(crate) fn add_sequence(sequence: i32, delta: i32) -> i32 {
    ((i64::from(sequence) + i64::from(delta)) & i64::from(i32::MAX)) as i32
}

#[inline]
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn base_offset_of(bytes: &[u8]) -> Option<i64> {
    bytes.first_chunk().map(|b| i64::from_be_bytes(*b))
}

fn corrupt(problem: BatchProblem, position: u64, base_offset: Option<i64>) -> CorruptBatch {
    CorruptBatch {
        problem,
        position,
        base_offset,
    }
}

impl PartialEq for RecordBatch {
    /// Equal bytes.
    fn eq(&self, other: &Self) -> bool {
        self.head()[..HEAD] == other.head()[..HEAD] && self.body() == other.body()
    }
}

impl Eq for RecordBatch {}

impl std::fmt::Debug for RecordBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "RecordBatch({}..={} epoch {} {} records {} bytes)",
            self.base_offset(),
            self.last_offset(),
            self.partition_leader_epoch(),
            self.records_count(),
            self.size()
        )
    }
}
