//! Builds a batch record by record, straight into its final bytes (class MemoryRecordsBuilder).

use crate::log::batch::record_batch::{
    APPEND_TIME_BIT, CONTROL_BIT, DELETE_HORIZON_BIT, HEADER_SIZE, RecordBatch, TRANSACTIONAL_BIT,
};
use crate::log::batch::{CompressionType, Headers, Record, TimestampType, varint};
use bytes::{BufMut, Bytes};

/// A batch in the making. Offsets start at the base offset and rise by one unless told otherwise.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    /// Header and records; empty until there is a record.
    bytes: Vec<u8>,
    /// What the batch is expected to come to, if it gets a second record.
    expected: usize,
    base_offset: i64,
    next_offset: i64,
    leader_epoch: i32,
    attributes: i16,
    compression: CompressionType,
    base_timestamp: Option<i64>,
    largest_timestamp: i64,
    max_timestamp: Option<i64>,
    append_time: Option<i64>,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    records_count: i32,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        BatchBuilder::new()
    }
}

impl BatchBuilder {
    /// As a plain producer sends it: base offset 0, no leader epoch (-1), create time, no producer id.
    pub fn new() -> BatchBuilder {
        BatchBuilder {
            bytes: Vec::new(),
            expected: 0,
            base_offset: 0,
            next_offset: 0,
            leader_epoch: -1,
            attributes: 0,
            compression: CompressionType::None,
            base_timestamp: None,
            largest_timestamp: -1,
            max_timestamp: None,
            append_time: None,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records_count: 0,
        }
    }

    /// To be set before the first record.
    pub fn base_offset(mut self, offset: i64) -> Self {
        self.base_offset = offset;
        self.next_offset = offset;
        self
    }

    pub fn leader_epoch(mut self, epoch: i32) -> Self {
        self.leader_epoch = epoch;
        self
    }

    /// Producer id, its epoch and the sequence number of the first record.
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        (self.producer_id, self.producer_epoch, self.base_sequence) = (id, epoch, base_sequence);
        self
    }

    /// How `build` packs the records.
    pub fn compression(mut self, compression: CompressionType) -> Self {
        self.compression = compression;
        self
    }

    /// Makes room for so many bytes of records.
    pub fn reserve(mut self, bytes: usize) -> Self {
        self.make_room(bytes);
        self
    }

    /// A batch of more than one record will come to about so many bytes: room for them is made once.
    pub fn expecting(mut self, bytes: u64) -> Self {
        self.expected = usize::try_from(bytes).unwrap_or(0).min(MOST_EXPECTED);
        self
    }

    pub fn transactional(mut self) -> Self {
        self.attributes |= TRANSACTIONAL_BIT;
        self
    }

    pub fn control(mut self) -> Self {
        self.attributes |= CONTROL_BIT;
        self
    }

    /// The batch as a broker with `message.timestamp.type=LogAppendTime` stores it at `now_ms`.
    pub fn append_time(mut self, now_ms: i64) -> Self {
        self.attributes |= APPEND_TIME_BIT;
        self.append_time = Some(now_ms);
        self
    }

    /// The base of timestamps; without it, it is the first record's. To be set before the first record.
    pub fn base_timestamp(mut self, timestamp: i64) -> Self {
        self.base_timestamp = Some(timestamp);
        self
    }

    /// What the header says is the largest timestamp; without it, it is the records'.
    pub fn max_timestamp(mut self, timestamp: i64) -> Self {
        self.max_timestamp = Some(timestamp);
        self
    }

    /// As the cleaner marks a batch with tombstones (RL14). To be set before the first record.
    pub fn delete_horizon_ms(mut self, horizon: i64) -> Self {
        self.attributes |= DELETE_HORIZON_BIT;
        self.base_timestamp(horizon)
    }

    /// Adds a record at the next offset.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(Bytes, Option<Bytes>)],
    ) -> &mut Self {
        self.append_at(self.next_offset, timestamp, key, value, headers)
    }

    /// The same with headers as records have them.
    pub fn append_with(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers,
    ) -> &mut Self {
        let (count, encoded) = (headers.len(), headers.as_encoded());
        self.append_encoded(self.next_offset, timestamp, key, value, count, encoded)
    }

    /// Bytes that `append_with` would add, without compression.
    pub fn size_of_next(
        &self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers,
    ) -> u64 {
        let timestamp_delta = timestamp.wrapping_sub(self.base_timestamp.unwrap_or(timestamp));
        let offset_delta = self.next_offset - self.base_offset;
        let size = 1
            + varint::size(timestamp_delta)
            + varint::size(offset_delta)
            + fields_size(key, value, headers);
        (varint::size(size as i64) + size) as u64
    }

    /// What a batch of one such record takes at most (`estimateSizeInBytesUpperBound`).
    pub fn size_upper_bound(key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) -> u64 {
        (HEADER_SIZE + MAX_RECORD_OVERHEAD + fields_size(key, value, headers)) as u64
    }

    /// Adds a record with its own offset.
    pub fn append_record(&mut self, record: &Record) -> &mut Self {
        self.append_encoded(
            record.offset,
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            record.headers.len(),
            record.headers.as_encoded(),
        )
    }

    /// Adds a record at an offset, which must lie behind those before (gaps come from compaction).
    pub fn append_at(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(Bytes, Option<Bytes>)],
    ) -> &mut Self {
        if headers.is_empty() {
            return self.append_encoded(offset, timestamp, key, value, 0, &[]);
        }
        let headers: Headers = headers
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_deref()))
            .collect();
        let (count, encoded) = (headers.len(), headers.as_encoded());
        self.append_encoded(offset, timestamp, key, value, count, encoded)
    }

    fn append_encoded(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers_count: usize,
        headers: &[u8],
    ) -> &mut Self {
        let base_timestamp = *self.base_timestamp.get_or_insert(timestamp);
        let timestamp_delta = timestamp.wrapping_sub(base_timestamp);
        let offset_delta = offset - self.base_offset;
        let size = 1
            + varint::size(timestamp_delta)
            + varint::size(offset_delta)
            + varint::field_size(key)
            + varint::field_size(value)
            + varint::size(headers_count as i64)
            + headers.len();
        self.make_room(varint::size(size as i64) + size);
        let out = &mut self.bytes;
        varint::write(out, size as i64);
        out.push(0);
        varint::write(out, timestamp_delta);
        varint::write(out, offset_delta);
        varint::write_field(out, key);
        varint::write_field(out, value);
        varint::write(out, headers_count as i64);
        if headers_count > 0 {
            out.extend_from_slice(headers);
        }
        self.largest_timestamp = self.largest_timestamp.max(timestamp);
        self.next_offset = offset + 1;
        self.records_count += 1;
        self
    }

    pub fn records_count(&self) -> i32 {
        self.records_count
    }

    /// Bytes of the batch if it were built now, without compression.
    pub fn size(&self) -> u64 {
        self.bytes.len().max(HEADER_SIZE) as u64
    }

    /// The batch, ending with the last record appended.
    pub fn build(self) -> RecordBatch {
        let last_offset = self.next_offset - 1;
        self.build_until(last_offset)
    }

    /// The batch, ending at `last_offset` even if its last records are gone (compaction).
    pub fn build_until(mut self, last_offset: i64) -> RecordBatch {
        self.make_room(0);
        if self.compression != CompressionType::None {
            let packed = self.compression.pack(&self.bytes[HEADER_SIZE..]);
            self.bytes.truncate(HEADER_SIZE);
            self.bytes.extend_from_slice(&packed);
            self.attributes |= i16::from(self.compression.id());
        }
        let length = (self.bytes.len() - 12) as i32;
        let max_timestamp = self
            .append_time
            .or(self.max_timestamp)
            .unwrap_or(self.largest_timestamp);
        let (mut header, _) = self.bytes.split_at_mut(HEADER_SIZE);
        header.put_i64(self.base_offset);
        header.put_i32(length);
        header.put_i32(self.leader_epoch);
        header.put_i8(2);
        header.put_u32(0);
        header.put_i16(self.attributes);
        header.put_i32((last_offset - self.base_offset) as i32);
        header.put_i64(self.base_timestamp.unwrap_or(-1));
        header.put_i64(max_timestamp);
        header.put_i64(self.producer_id);
        header.put_i16(self.producer_epoch);
        header.put_i32(self.base_sequence);
        header.put_i32(self.records_count);
        let crc = crc32c::crc32c(&self.bytes[21..]);
        self.bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        // It may lie in logs for long.
        if self.bytes.capacity() - self.bytes.len() > self.bytes.len() / 4 {
            self.bytes.shrink_to_fit();
        }
        RecordBatch::whole(self.bytes.into())
    }

    /// A batch of one record, as most are, takes exactly the room that it needs.
    fn make_room(&mut self, bytes: usize) {
        if self.bytes.is_empty() {
            self.bytes.reserve_exact(HEADER_SIZE + bytes);
            self.bytes.resize(HEADER_SIZE, 0);
        } else {
            let length = self.bytes.len();
            let few_steps = self.expected.min(4 * length);
            if self.bytes.capacity() < length + bytes && length + bytes < few_steps {
                self.bytes.reserve_exact(few_steps - length);
            }
            self.bytes.reserve(bytes);
        }
    }

    /// Whether the builder stamps append time.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.append_time.is_some() {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }
}

/// Nobody fills more than this at once without a few steps between.
const MOST_EXPECTED: usize = 64 << 10;
/// Length, attributes, timestamp and offset of a record at their longest.
const MAX_RECORD_OVERHEAD: usize = 21;

/// Key, value and headers as they lie in a record.
fn fields_size(key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) -> usize {
    varint::field_size(key)
        + varint::field_size(value)
        + varint::size(headers.len() as i64)
        + headers.as_encoded().len()
}
