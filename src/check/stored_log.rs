//! A reader of segment files of its own, so that a bug in `log` cannot hide itself.
//!
//! Record batches, format 2, as `DefaultRecordBatch` and `DefaultRecord` lay them out, and messages of the
//! formats before (`old_messages`). It verifies lengths and CRC-32C; a batch that the file ends in the middle of is no record, as for any
//! reader. Held against `tests/vectors/record_batches_v2.json`.

use crate::check::old_messages;
use crate::check::unpack::unpack;
use crate::protocol::content_of;
use bytes::Bytes;
use std::rc::Rc;

/// Bytes of a batch before its records.
const BATCH_HEADER: usize = 61;
/// Bytes before what `batch_length` counts.
pub(super) const BEFORE_LENGTH_COUNTS: usize = 12;
/// Where every format has its magic.
const MAGIC: usize = 16;
/// Where the bytes that the CRC covers begin.
const CRC_COVERS_FROM: usize = 21;

/// One data record of a partition, as it stands in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredRecord {
    pub offset: i64,
    /// `partitionLeaderEpoch` of its batch.
    pub leader_epoch: i32,
    /// As `protocol::content_of`.
    pub content: u64,
}

/// A batch, as it stands in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredBatch {
    pub base_offset: i64,
    pub last_offset_delta: i32,
    pub leader_epoch: i32,
    /// Of whose records it is a part, where these are numbered.
    pub producer: Option<StoredProducer>,
}

/// What a batch says of an idempotent producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredProducer {
    pub id: i64,
    pub epoch: i16,
    /// Sequence number of the first record.
    pub base_sequence: i32,
}

impl StoredBatch {
    pub fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }
}

/// What the files of one replica hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoredLog {
    /// Data records in the order of the files.
    pub records: Vec<StoredRecord>,
    /// In the order of the files.
    pub batches: Vec<StoredBatch>,
    /// Why reading stopped before the end; nothing behind that place is in `records`.
    pub damage: Option<String>,
}

/// Reads the logs of one partition's replicas. Replicas share their bytes in memory: what was read of
/// the last one is not read again of the next.
#[derive(Debug, Default)]
pub struct ReplicaReader {
    /// The chunks of the last log after which no batch had only begun, from its start.
    known: Vec<Known>,
    last: Rc<StoredLog>,
}

/// How many records and batches a log holds up to the end of a chunk.
#[derive(Debug)]
struct Known {
    chunk: Bytes,
    records: usize,
    batches: usize,
}

impl ReplicaReader {
    /// Reads segment files in the order of their base offsets.
    pub fn read(&mut self, files: &[(String, Vec<Bytes>)]) -> Rc<StoredLog> {
        let chunks = files.iter().flat_map(|(_, chunks)| chunks);
        let same = |(chunk, known): &(&Bytes, &Known)| {
            chunk.as_ptr() == known.chunk.as_ptr() && chunk.len() == known.chunk.len()
        };
        let shared = chunks.zip(&self.known).take_while(same).count();
        self.known.truncate(shared);
        let (records, batches) = (self.last.records.len(), self.last.batches.len());
        let known_to_the_end = self.known.last().is_some_and(|known| {
            (known.records, known.batches) == (records, batches) && self.last.damage.is_none()
        });
        let in_all: usize = files.iter().map(|(_, chunks)| chunks.len()).sum();
        if known_to_the_end && shared == in_all {
            return Rc::clone(&self.last);
        }
        let mut log = StoredLog::default();
        if let Some(known) = self.known.last() {
            log.records.extend(&self.last.records[..known.records]);
            log.batches.extend(&self.last.batches[..known.batches]);
        }
        let (mut skip, mut all_known) = (shared, true);
        for (name, chunks) in files {
            let read_before = skip.min(chunks.len());
            skip -= read_before;
            if let Err(damage) =
                log.read_file(&chunks[read_before..], &mut self.known, &mut all_known)
            {
                log.damage = Some(format!("{name}: {damage}"));
                break;
            }
        }
        self.last = Rc::new(log);
        Rc::clone(&self.last)
    }
}

impl StoredLog {
    /// Reads segment files in the order of their base offsets.
    pub fn read(files: &[(String, Vec<Bytes>)]) -> StoredLog {
        let log = ReplicaReader::default().read(files);
        Rc::unwrap_or_clone(log)
    }

    /// The record at an offset. Offsets rise along a log; if they do not, `epochs_and_offsets_rise` says so.
    pub fn at(&self, offset: i64) -> Option<&StoredRecord> {
        let place = self
            .records
            .binary_search_by_key(&offset, |record| record.offset);
        place.ok().map(|index| &self.records[index])
    }

    /// Offset behind the last batch; `None` if there is no batch.
    pub fn end_offset(&self) -> Option<i64> {
        self.batches.last().map(|batch| batch.last_offset() + 1)
    }

    /// Notes in `known` how far it came with each chunk, up to the first after which a batch had begun.
    fn read_file(
        &mut self,
        chunks: &[Bytes],
        known: &mut Vec<Known>,
        all_known: &mut bool,
    ) -> Result<(), String> {
        // What a chunk ends with, where that is not a whole batch.
        let mut begun = Vec::new();
        for chunk in chunks {
            if begun.is_empty() {
                let read = self.read_batches(chunk)?;
                begun.extend_from_slice(&chunk[read..]);
            } else {
                begun.extend_from_slice(chunk);
                let read = self.read_batches(&begun)?;
                begun.drain(..read);
            }
            *all_known &= begun.is_empty();
            if *all_known {
                known.push(Known {
                    chunk: chunk.clone(),
                    records: self.records.len(),
                    batches: self.batches.len(),
                });
            }
        }
        Ok(())
    }

    /// Reads whole batches; gives back how many bytes they take.
    fn read_batches(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let mut rest = bytes;
        while rest.len() >= BEFORE_LENGTH_COUNTS {
            let mut fields = Fields(rest);
            let base_offset = fields.i64()?;
            let length = usize::try_from(fields.i32()?).map_err(|_| "negative batch length")?;
            let size = BEFORE_LENGTH_COUNTS + length;
            let is_old = rest.get(MAGIC).is_some_and(|magic| *magic < 2);
            if rest.len() < size {
                break;
            }
            if size < BATCH_HEADER && !is_old {
                return Err(format!("batch at {base_offset} is shorter than its header"));
            }
            let batch = &rest[..size];
            let read = match is_old {
                true => old_messages::read_into(self, base_offset, batch),
                false => self.read_batch(base_offset, batch),
            };
            read.map_err(|why| format!("batch at {base_offset}: {why}"))?;
            rest = &rest[size..];
        }
        Ok(bytes.len() - rest.len())
    }

    fn read_batch(&mut self, base_offset: i64, batch: &[u8]) -> Result<(), String> {
        let mut fields = Fields(&batch[BEFORE_LENGTH_COUNTS..]);
        let leader_epoch = fields.i32()?;
        let magic = fields.take(1)?[0];
        if magic != 2 {
            return Err(format!("magic {magic}"));
        }
        let crc = fields.i32()? as u32;
        if crc != crc32c::crc32c(&batch[CRC_COVERS_FROM..]) {
            return Err("CRC does not match".to_owned());
        }
        let attributes = fields.i16()?;
        let last_offset_delta = fields.i32()?;
        let _timestamps = fields.take(8 + 8)?;
        let producer = StoredProducer {
            id: fields.i64()?,
            epoch: fields.i16()?,
            base_sequence: fields.i32()?,
        };
        let count = fields.i32()?;
        let unpacked;
        if attributes & 0x7 != 0 {
            unpacked = unpack(attributes & 0x7, fields.0)?;
            fields = Fields(&unpacked);
        }
        let is_control = attributes & 0x20 != 0;
        for _ in 0..count {
            let length = usize::try_from(fields.varint()?).map_err(|_| "negative record length")?;
            let (offset_delta, content) = read_record(fields.take(length)?)?;
            if !is_control {
                self.records.push(StoredRecord {
                    offset: base_offset + offset_delta,
                    leader_epoch,
                    content,
                });
            }
        }
        if !fields.0.is_empty() {
            return Err("more bytes than records".to_owned());
        }
        self.batches.push(StoredBatch {
            base_offset,
            last_offset_delta,
            leader_epoch,
            // A coordinator's own batches have a number and no producer.
            producer: (producer.id >= 0 && producer.base_sequence >= 0).then_some(producer),
        });
        Ok(())
    }
}

/// Offset delta and content of a record.
fn read_record(record: &[u8]) -> Result<(i64, u64), String> {
    let mut fields = Fields(record);
    let _attributes = fields.take(1)?;
    let _timestamp_delta = fields.varint()?;
    let offset_delta = fields.varint()?;
    let key = fields.optional_bytes()?;
    let value = fields.optional_bytes()?;
    for _ in 0..fields.varint()? {
        let _key = fields.optional_bytes()?;
        let _value = fields.optional_bytes()?;
    }
    if !fields.0.is_empty() {
        return Err("a record is longer than its fields".to_owned());
    }
    Ok((offset_delta, content_of(key, value)))
}

/// Bytes that are still to be read.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        if self.0.len() < count {
            return Err("a field runs past the end".to_owned());
        }
        let (field, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(field)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self
            .take(N)?
            .try_into()
            .expect("as many bytes as were taken"))
    }

    fn i16(&mut self) -> Result<i16, String> {
        self.number().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, String> {
        self.number().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, String> {
        self.number().map(i64::from_be_bytes)
    }

    /// A zigzag varint of up to 64 bits.
    fn varint(&mut self) -> Result<i64, String> {
        let mut bits: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            bits |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        Err("a varint is longer than 64 bits".to_owned())
    }

    /// Length -1 is none.
    fn optional_bytes(&mut self) -> Result<Option<&'a [u8]>, String> {
        let length = self.varint()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| "negative length".to_owned())?;
        self.take(length).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/record_batches_v2.json")).unwrap()
    }

    fn unhex(hex: &Value) -> Vec<u8> {
        let text = hex.as_str().unwrap().as_bytes();
        text.chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn read(bytes: Vec<u8>) -> StoredLog {
        StoredLog::read(&[("f".to_owned(), vec![Bytes::from(bytes)])])
    }

    #[test]
    fn reads_every_vector_as_real_readers_do() {
        let mut seen = 0;
        for batch in vectors()["batches"].as_array().unwrap() {
            let header = &batch["header"];
            let log = read(unhex(&batch["hex"]));
            assert_eq!(log.damage, None, "{}", batch["name"]);
            let base = header["base_offset"].as_i64().unwrap();
            let last = base + header["last_offset_delta"].as_i64().unwrap();
            let epoch = header["partition_leader_epoch"].as_i64().unwrap() as i32;
            let [stored] = log.batches[..] else {
                panic!("{}: {:?}", batch["name"], log.batches);
            };
            let stored = (
                stored.base_offset,
                stored.last_offset(),
                stored.leader_epoch,
            );
            assert_eq!(stored, (base, last, epoch));
            let field = |field: &Value| field.is_string().then(|| unhex(field));
            let expected: Vec<_> = batch["records"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|_| header["control"] != true)
                .map(|record| StoredRecord {
                    offset: record["offset"].as_i64().unwrap(),
                    leader_epoch: epoch,
                    content: content_of(
                        field(&record["key"]).as_deref(),
                        field(&record["value"]).as_deref(),
                    ),
                })
                .collect();
            assert_eq!(log.records, expected, "{}", batch["name"]);
            seen += 1;
        }
        assert_eq!(seen, 28);
    }

    #[test]
    fn refuses_what_real_readers_refuse() {
        for case in vectors()["refuse"].as_array().unwrap() {
            let log = read(unhex(&case["hex"]));
            match case["name"].as_str().unwrap() {
                // Outside the CRC; and an incomplete last batch is no error to any reader.
                "flipped_base_offset" => assert_eq!(log.records.len(), 1),
                "truncated_body" | "empty" => assert_eq!(log, StoredLog::default()),
                name => assert!(log.damage.is_some(), "{name}"),
            }
        }
    }

    #[test]
    fn a_replica_that_shares_bytes_reads_as_if_it_were_alone() {
        let vectors = vectors();
        let whole = Bytes::from(unhex(&vectors["concatenation"]["hex"]));
        let batch = |n: usize| Bytes::from(unhex(&vectors["batches"][n]["hex"]));
        let file = |chunks: &[&Bytes]| {
            let chunks = chunks.iter().copied().cloned().collect();
            ("f".to_owned(), chunks)
        };
        let (a, b, c) = (batch(0), batch(1), batch(2));
        let (head, tail) = (whole.slice(..20), whole.slice(20..));
        let replicas = [
            vec![file(&[&a, &b]), file(&[&whole, &c])],
            vec![file(&[&a, &b]), file(&[&whole, &c])],
            vec![file(&[&a, &b, &whole])],
            vec![file(&[&a, &head, &tail, &b])],
            vec![file(&[&a, &head, &tail, &c])],
            vec![file(&[&a]), file(&[&b, &head])],
            vec![file(&[&a, &head, &tail]), file(&[&c])],
            vec![file(&[&a, &tail])],
            vec![file(&[&a]), file(&[&c])],
            vec![file(&[&b, &a])],
            vec![],
        ];
        let mut reader = ReplicaReader::default();
        for files in &replicas {
            assert_eq!(*reader.read(files), StoredLog::read(files));
        }
    }

    #[test]
    fn reads_batches_back_to_back_across_chunks_and_leaves_a_partial_tail() {
        let vectors = vectors();
        let whole = unhex(&vectors["concatenation"]["hex"]);
        let partial = unhex(&vectors["concatenation"]["with_partial_tail_hex"]);
        let log = read(whole.clone());
        assert_eq!((log.batches.len(), &log.damage), (3, &None));
        assert_eq!(read(partial), log);
        let (front, back) = whole.split_at(70);
        let chunks = vec![Bytes::copy_from_slice(front), Bytes::copy_from_slice(back)];
        assert_eq!(StoredLog::read(&[("f".to_owned(), chunks)]), log);
    }
}
