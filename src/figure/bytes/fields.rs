//! What each field of a batch and of its records says, and what it is for; for the picture, and for the page that plays a
//! run.

use crate::log::batch::{
    CompressionType, HEADER_SIZE, Layout, Place, RecordBatch, Says, TimestampType, layout,
};
use crate::protocol::counted;

/// Covered by the checksum: from the attributes on.
pub(crate) const COVERED: usize = 21;

/// A batch, and where each of its fields lies.
pub(crate) struct Dissected {
    pub(crate) batch: RecordBatch,
    pub(crate) layout: Layout,
}

impl Dissected {
    /// `None` of a message of an older format.
    pub(crate) fn of(batch: RecordBatch) -> Option<Dissected> {
        let layout = layout(&batch)?;
        Some(Dissected { batch, layout })
    }

    /// What the attributes of the batch say.
    pub(crate) fn bits(&self) -> [String; 4] {
        let batch = &self.batch;
        let codec = CompressionType::from_id(batch.codec());
        let codec = codec.map_or("unknown", CompressionType::name);
        let time = match batch.timestamp_type() {
            TimestampType::CreateTime => "0: CreateTime, the producer's clock",
            TimestampType::LogAppendTime => "1: LogAppendTime, the broker's clock",
        };
        let bit = |is_set: bool, name: &str| match is_set {
            true => format!("1: {name}"),
            false => format!("0: not {name}"),
        };
        [
            format!("bits 0-2 = {}: compression {codec}", batch.codec()),
            format!("bit 3 = {time}"),
            format!("bit 4 = {}", bit(batch.is_transactional(), "transactional")),
            format!("bit 5 = {}", bit(batch.is_control(), "a control batch")),
        ]
    }

    pub(crate) fn says(&self, place: &Place) -> String {
        let bytes = &self.layout.bytes[place.at.clone()];
        match (place.name, place.says) {
            ("crc", _) => {
                let fits = match self.batch.is_valid() {
                    true => "and is right",
                    false => "and does not fit them",
                };
                let end = self.layout.bytes.len() - 1;
                format!(
                    "{:08x}: of bytes {COVERED} to {end}, {fits}",
                    self.batch.crc()
                )
            }
            ("attributes", Says::Number(bits)) if place.at.len() == 2 => {
                format!("{:016b}", bits & 0xffff)
            }
            ("records", _) => counted(bytes.len(), "packed byte"),
            (_, Says::Bytes) => text_of(bytes),
            (_, Says::Varint(-1)) if place.name.ends_with("Length") => "-1: null".to_owned(),
            (_, Says::Varint(number)) => number.to_string(),
            ("producerId" | "producerEpoch" | "baseSequence", Says::Number(-1)) => {
                "-1: the producer is not idempotent".to_owned()
            }
            ("baseTimestamp" | "maxTimestamp", Says::Number(ms)) => {
                format!("{ms}: milliseconds since 1970")
            }
            ("batchLength", Says::Number(length)) => format!("{length}: of what follows"),
            (_, Says::Number(number)) => number.to_string(),
        }
    }

    /// What a field is for.
    pub(crate) fn why(place: &Place) -> String {
        let words = match (place.name, place.at.start < HEADER_SIZE) {
            ("baseOffset", _) => {
                "offset of the first record; the leader writes it, the producer has sent 0"
            }
            ("batchLength", _) => "bytes that follow this field",
            ("partitionLeaderEpoch", _) => {
                "the epoch of the leader that appended it; outside of the checksum, so that the leader can write it (KIP-101)"
            }
            ("magic", _) => "version of the format: 2 since Kafka 0.11 (KIP-98)",
            ("crc", _) => {
                "CRC-32C from the attributes on; offset, length, epoch and magic are not covered"
            }
            ("attributes", true) => {
                "compression.type, message.timestamp.type, transactional, control: a bit or three each"
            }
            ("attributes", false) => "no bit of a record is used yet",
            ("lastOffsetDelta", _) => {
                "offset of the last record, less the first; it stays when compaction removes records"
            }
            ("baseTimestamp", _) => "of the first record; the others say how much later they are",
            ("maxTimestamp", _) => "the largest of all: by it retention.ms and the time index go",
            ("producerId" | "producerEpoch" | "baseSequence", _) => {
                "by these a broker knows a batch that is sent again: enable.idempotence (KIP-98)"
            }
            ("recordsCount", _) => "how many records there are; compaction makes it fewer",
            ("length", _) => "bytes of the record that follow, as a zig-zag varint",
            ("timestampDelta" | "offsetDelta", _) => {
                "added to what the header says: small numbers take one byte as a zig-zag varint"
            }
            ("keyLength" | "valueLength" | "headerValueLength", _) => {
                "a zig-zag varint: 1 byte up to 63, 2 up to 8191; -1 is null"
            }
            ("headerKeyLength", _) => "a zig-zag varint: 1 byte up to 63, 2 up to 8191",
            ("key", _) => "what the key's serializer made; no broker looks into it",
            ("value", _) => "what the value's serializer made; no broker looks into it",
            ("headersCount", _) => "how many headers follow (KIP-82)",
            ("headerKey" | "headerValue", _) => {
                "names are text; what a value is, its readers must know (KIP-82)"
            }
            ("records", _) => "all records of the batch packed as one: compression.type",
            _ => "a field of the batch",
        };
        format!("{}: {words}", place.name)
    }
}

/// As text where it is text.
fn text_of(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).ok();
    match text.filter(|it| !it.is_empty() && !it.chars().any(char::is_control)) {
        Some(text) => format!("\"{text}\""),
        None if bytes.is_empty() => "empty".to_owned(),
        None => format!("{}, no text", counted(bytes.len(), "byte")),
    }
}
