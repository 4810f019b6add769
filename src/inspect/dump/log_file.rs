//! A segment's batches and records (DL2, DL3, DL4), and messages of old formats (OF1).

use super::{Decoder, Dump, File, Unreadable, java_text, optional_long};
use super::{coordinator_records, transaction_log};
use crate::log::batch::legacy::{self, Message};
use crate::log::batch::{
    CompressionType, HEADER_SIZE, Record, RecordBatch, TimestampType, add_sequence,
};
use crate::serialization::base64;
use bytes::Bytes;
use serde_json::{Value, json};

/// Base offset and length: what a batch's length does not count.
const LOG_OVERHEAD: usize = 12;
/// Offset, length, leader epoch and magic: with no more left, nothing more is read.
const UP_TO_MAGIC: usize = 17;
/// The smallest length that any format of records has had.
const LEAST_LENGTH: i32 = 14;

/// A batch where it lies in a file, however broken.
pub(super) struct Found {
    pub(super) position: usize,
    pub(super) size: usize,
    /// The batch; if it says that it is smaller than a header, with bytes of the next one.
    pub(super) batch: RecordBatch,
    crc_matches: bool,
}

impl Found {
    fn is_whole(&self) -> bool {
        self.size >= HEADER_SIZE || self.batch.is_legacy()
    }

    fn is_valid(&self) -> bool {
        self.is_whole() && self.crc_matches
    }

    pub(super) fn codec(&self) -> Result<CompressionType, Unreadable> {
        if self.batch.magic() < 0 {
            let magic = self.batch.magic();
            return Err(Unreadable(format!("a message has the magic {magic}")));
        }
        let codec = self.batch.codec();
        CompressionType::from_id(codec)
            .ok_or_else(|| Unreadable(format!("unknown compression type id: {codec}")))
    }

    /// The records, which a batch smaller than its header has none of; checksums of packed messages are not
    /// looked at.
    pub(super) fn records(
        &self,
    ) -> Result<Box<dyn Iterator<Item = Result<Record, Unreadable>>>, Unreadable> {
        if !self.is_whole() {
            let size = self.size;
            return Err(Unreadable(format!(
                "a batch of {size} bytes has no records"
            )));
        }
        self.codec()?;
        if self.batch.is_legacy() {
            let record = |message: Result<Message, Unreadable>| message.and_then(|m| read(&m));
            return Ok(Box::new(self.messages().map(record)));
        }
        let empty = self.batch.records_count() == 0;
        let records = (!empty).then(|| self.batch.records());
        let records = records.into_iter().flatten();
        Ok(Box::new(
            records.map(|record| record.map_err(Unreadable::from)),
        ))
    }

    /// The messages of an old format.
    fn messages(&self) -> impl Iterator<Item = Result<Message, Unreadable>> + use<> {
        let (messages, problem) = legacy::messages(&self.batch);
        let problem = problem.map(|(problem, _)| Err(Unreadable::from(problem)));
        messages.into_iter().map(Ok).chain(problem)
    }
}

/// The batch at a position of a file, as Kafka's FileLogInputStream finds it; none where it stops. Only
/// what lies before `end` is looked at.
pub(super) fn batch_at(
    file: &Bytes,
    position: usize,
    end: usize,
) -> Result<Option<Found>, Unreadable> {
    if position + UP_TO_MAGIC >= end {
        return Ok(None);
    }
    let length = super::array(file, position + 8).map_or(0, i32::from_be_bytes);
    if length < LEAST_LENGTH {
        return Err(Unreadable(format!(
            "a batch at byte {position} has the length {length}, the least is {LEAST_LENGTH}"
        )));
    }
    let size = length as usize + LOG_OVERHEAD;
    if size > end - position {
        return Ok(None);
    }
    let is_legacy = (file[position + UP_TO_MAGIC - 1] as i8) < 2;
    let least = if is_legacy { size } else { HEADER_SIZE };
    if file.len() - position < least {
        return Err(Unreadable(format!(
            "a batch at byte {position} ends within its header"
        )));
    }
    let batch = RecordBatch::whole(file.slice(position..position + size.max(least)));
    let crc_matches = batch.ensure_crc().is_ok();
    Ok(Some(Found {
        position,
        size,
        batch,
        crc_matches,
    }))
}

impl Dump<'_> {
    pub(super) fn log(&mut self, file: &File) -> Result<(), Unreadable> {
        let start = file.base_offset()?;
        if !self.json() {
            self.print(&format!("Log starting offset: {start}\n"));
        }
        let content = self.io.read(&file.path)?;
        if self.json() {
            self.log_objects(file, &content);
            return Ok(());
        }
        let deep = self.options.deep_iteration || self.prints_data();
        let mut gaps = Vec::new();
        let mut last_offset = -1i64;
        let mut position = 0;
        while let Some(found) = batch_at(&content, position, content.len())? {
            self.print_batch(&found)?;
            let mut note = |offset: i64| {
                if last_offset != -1 && offset != last_offset.wrapping_add(1) {
                    gaps.push((last_offset, offset));
                }
                last_offset = offset;
            };
            if deep && found.batch.is_legacy() {
                for message in found.messages() {
                    let message = message?;
                    note(message.offset);
                    self.print_message(&found.batch, &message)?;
                }
            } else if deep {
                // Kafka unpacks a compressed batch to its end before it shows the first record.
                if found.codec()? != CompressionType::None {
                    found.records()?.try_for_each(|record| record.map(drop))?;
                }
                for record in found.records()? {
                    let record = record?;
                    note(record.offset);
                    self.print_record(&found.batch, &record)?;
                }
            }
            position += found.size;
        }
        if position < content.len() {
            let (invalid, name) = (content.len() - position, &file.name);
            self.print(&format!(
                "Found {invalid} invalid bytes at the end of {name}\n"
            ));
        }
        if !gaps.is_empty() {
            let title = format!("Non-consecutive offsets in {}", file.path);
            self.inconsistencies.push(title);
            // Kafka tells the last one first.
            let line = |(first, second): &(i64, i64)| format!("  {first} is followed by {second}");
            self.inconsistencies.extend(gaps.iter().rev().map(line));
        }
        Ok(())
    }

    fn print_batch(&mut self, found: &Found) -> Result<(), Unreadable> {
        let batch = &found.batch;
        if batch.is_legacy() {
            self.print(&format!("offset: {}", batch.last_offset()));
            return self.print_rest_of_batch(found);
        }
        self.print(&format!(
            "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} \
             producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: {}",
            batch.base_offset(),
            batch.last_offset(),
            batch.records_count(),
            batch.base_sequence(),
            batch.last_sequence(),
            batch.producer_id(),
            batch.producer_epoch(),
            batch.partition_leader_epoch(),
            batch.is_transactional(),
            batch.is_control(),
            optional_long(batch.delete_horizon_ms()),
        ));
        self.print_rest_of_batch(found)
    }

    /// What is told of every format.
    fn print_rest_of_batch(&mut self, found: &Found) -> Result<(), Unreadable> {
        let batch = &found.batch;
        let codec = found.codec()?;
        self.print(&format!(
            " position: {} {}: {} size: {} magic: {} compresscodec: {codec} crc: {} isvalid: {}\n",
            found.position,
            timestamp_type(batch),
            batch.max_timestamp(),
            found.size,
            batch.magic(),
            batch.crc(),
            found.is_valid(),
        ));
        Ok(())
    }

    fn print_record(&mut self, batch: &RecordBatch, record: &Record) -> Result<(), Unreadable> {
        let mut prefix = "| ";
        if !self.options.skip_record_metadata {
            let names: Vec<_> = record
                .headers
                .iter()
                .map(|(name, _)| java_text::utf8(&name))
                .collect();
            self.print(&format!(
                "| offset: {} {}: {} keySize: {} valueSize: {} sequence: {} headerKeys: [{}]",
                record.offset,
                timestamp_type(batch),
                record.timestamp,
                size(&record.key),
                size(&record.value),
                sequence(batch, record),
                names.join(","),
            ));
            prefix = " ";
            if batch.is_control() {
                let marker = control(record)?;
                self.print(&marker);
            }
        }
        if self.prints_data() && !batch.is_control() {
            self.print_data(prefix, record)?;
        }
        self.print("\n");
        Ok(())
    }

    /// A message of an old format; the brace is Kafka's own.
    fn print_message(&mut self, batch: &RecordBatch, message: &Message) -> Result<(), Unreadable> {
        let mut prefix = "| ";
        if !self.options.skip_record_metadata {
            let sizes = message
                .key_size()
                .and_then(|key| Ok((key, message.value_size()?)));
            let (key, value) = sizes.map_err(|(problem, _)| Unreadable::from(problem))?;
            self.print(&format!(
                "| offset: {} {}: {} keySize: {key} valueSize: {value} isValid: {} crc: {}}}",
                message.offset,
                timestamp_type(batch),
                message.timestamp(),
                message.is_valid(),
                message.crc(),
            ));
            prefix = " ";
        }
        if self.prints_data() {
            self.print_data(prefix, &read(message)?)?;
        }
        self.print("\n");
        Ok(())
    }

    fn print_data(&mut self, prefix: &str, record: &Record) -> Result<(), Unreadable> {
        let (key, payload) = self.decode(record)?;
        if let Some(key) = key {
            self.print(&format!("{prefix}key: {key}"));
        }
        if let Some(payload) = payload {
            self.print(&format!(" payload: {payload}"));
        }
        Ok(())
    }

    /// Key and value as text.
    fn decode(&self, record: &Record) -> Result<(Option<String>, Option<String>), Unreadable> {
        match self.options.decoder {
            Decoder::Text => {
                let text = |bytes: &Option<Bytes>| bytes.as_deref().map(java_text::utf8);
                Ok((text(&record.key), text(&record.value)))
            }
            Decoder::Offsets => coordinator_records::format(record),
            Decoder::TransactionLog => transaction_log::format(record),
        }
    }

    /// One object a batch.
    fn log_objects(&mut self, file: &File, content: &Bytes) {
        let mut position = 0;
        loop {
            match batch_at(content, position, content.len()) {
                Ok(Some(found)) if found.is_whole() => {
                    let object = self.batch_object(file, &found);
                    self.print_object(&object);
                    position += found.size;
                }
                Ok(Some(found)) => {
                    let what = format!("a batch of {} bytes", found.size);
                    return self.trash_begins(file, position as u64, &what);
                }
                Ok(None) if position < content.len() => {
                    let left = content.len() - position;
                    let what = format!("{left} bytes are no whole batch");
                    return self.trash_begins(file, position as u64, &what);
                }
                Ok(None) => return,
                Err(Unreadable(what)) => return self.trash_begins(file, position as u64, &what),
            }
        }
    }

    /// As Kafka's tool, a decoder has a payload where others have a value.
    fn record_object(&self, batch: &RecordBatch, record: &Record) -> Result<Value, Unreadable> {
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|(name, value)| json!({"key": text_or_base64(&Some(name)), "value": text_or_base64(&value)}))
            .collect();
        let is_decoded = self.options.decoder != Decoder::Text && !batch.is_control();
        let (key, name, value) = match is_decoded {
            true => {
                let (key, payload) = self.decode(record)?;
                (object_or_text(key), "payload", object_or_text(payload))
            }
            false => (
                text_or_base64(&record.key),
                "value",
                text_or_base64(&record.value),
            ),
        };
        Ok(json!({
            "offset": record.offset,
            "timestamp": record.timestamp,
            "sequence": sequence(batch, record),
            "key": key,
            name: value,
            "headers": headers,
        }))
    }

    fn batch_object(&mut self, file: &File, found: &Found) -> Value {
        let batch = &found.batch;
        let mut records = Vec::new();
        let mut problem = None;
        match found.records() {
            Ok(found) => {
                for record in found {
                    match record.and_then(|record| self.record_object(batch, &record)) {
                        Ok(record) => records.push(record),
                        Err(Unreadable(what)) => problem = Some(what),
                    }
                }
            }
            Err(Unreadable(what)) => problem = Some(what),
        }
        if let Some(what) = &problem {
            self.trash_begins(file, found.position as u64, what);
        }
        json!({
            "file": file.path,
            "position": found.position,
            "size": found.size,
            "baseOffset": batch.base_offset(),
            "lastOffset": batch.last_offset(),
            "partitionLeaderEpoch": batch.partition_leader_epoch(),
            "magic": batch.magic(),
            "crc": batch.crc(),
            "isValid": found.is_valid(),
            "attributes": batch.attributes(),
            "compression": found.codec().map_or_else(|_| Value::Null, |codec| codec.name().into()),
            "timestampType": timestamp_type(batch),
            "isTransactional": batch.is_transactional(),
            "isControl": batch.is_control(),
            "deleteHorizonMs": batch.delete_horizon_ms(),
            "baseTimestamp": batch.base_timestamp(),
            "maxTimestamp": batch.max_timestamp(),
            "producerId": batch.producer_id(),
            "producerEpoch": batch.producer_epoch(),
            "baseSequence": batch.base_sequence(),
            "lastSequence": batch.last_sequence(),
            "count": batch.records_count(),
            "records": records,
            "problem": problem,
        })
    }
}

/// A decoder's words: an object where they are JSON.
fn object_or_text(words: Option<String>) -> Value {
    words.map_or(Value::Null, |words| match words.starts_with('{') {
        true => serde_json::from_str(&words).unwrap_or(Value::String(words)),
        false => Value::String(words),
    })
}

/// A string if the bytes are UTF-8, else an object with them in base64.
fn text_or_base64(bytes: &Option<Bytes>) -> Value {
    match bytes.as_deref() {
        None => Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => json!({"base64": base64(bytes)}),
        },
    }
}

fn read(message: &Message) -> Result<Record, Unreadable> {
    message
        .record()
        .map_err(|(problem, _)| Unreadable::from(problem))
}

fn timestamp_type(batch: &RecordBatch) -> &'static str {
    if batch.magic() == 0 {
        return "NoTimestampType";
    }
    match batch.timestamp_type() {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    }
}

fn size(bytes: &Option<Bytes>) -> i64 {
    bytes.as_ref().map_or(-1, |bytes| bytes.len() as i64)
}

fn sequence(batch: &RecordBatch, record: &Record) -> i32 {
    match batch.base_sequence() {
        base if base < 0 => -1,
        base => add_sequence(base, record.offset.wrapping_sub(batch.base_offset()) as i32),
    }
}

/// What a control record says (classes ControlRecordType, EndTransactionMarker).
fn control(record: &Record) -> Result<String, Unreadable> {
    let key = record.key.as_deref().unwrap_or_default();
    let version = super::array(key, 0).map(i16::from_be_bytes);
    let Some((version, kind)) = version.zip(super::array(key, 2).map(i16::from_be_bytes)) else {
        return Err(Unreadable(
            "a control record's key has less than 4 bytes".into(),
        ));
    };
    if version < 0 {
        return Err(Unreadable(format!(
            "a control record's key has the version {version}"
        )));
    }
    let marker = match kind {
        0 => "ABORT",
        1 => "COMMIT",
        2 => return Ok(format!(" controlType: LEADER_CHANGE({kind})")),
        3 => return Ok(format!(" controlType: SNAPSHOT_HEADER({kind})")),
        4 => return Ok(format!(" controlType: SNAPSHOT_FOOTER({kind})")),
        5 => return Ok(format!(" controlType: KRAFT_VERSION({kind})")),
        6 => return Ok(format!(" controlType: KRAFT_VOTERS({kind})")),
        _ => return Ok(format!(" controlType: UNKNOWN({kind})")),
    };
    let value = record.value.as_deref().unwrap_or_default();
    let version = super::array(value, 0).map(i16::from_be_bytes);
    match version.zip(super::array(value, 2).map(i32::from_be_bytes)) {
        Some((0.., epoch)) => Ok(format!(" endTxnMarker: {marker} coordinatorEpoch: {epoch}")),
        Some((version, _)) => Err(Unreadable(format!(
            "a transaction marker has the version {version}"
        ))),
        None => Err(Unreadable(
            "a transaction marker has less than 6 bytes".into(),
        )),
    }
}
