//! The fields of a batch and of a record in it, below each other: number, name, size, and what it says.

use super::{COVERED, Numbered, Shown, cut, text_of};
use crate::figure::picture::{Anchor, Picture, Style};
use crate::log::batch::{CompressionType, HEADER_SIZE, Place, Says, TimestampType};
use crate::protocol::counted;

/// Of numbers, names and values: left edges; of sizes the right one.
const NUMBERS: i32 = 404;
const NAMES: i32 = 434;
const SIZES: i32 = 606;
const VALUES: i32 = 616;
const ROW: i32 = 17;
const TOP: i32 = 62;

impl Shown {
    /// Where the next may begin.
    pub(super) fn push_tree(&self, picture: &mut Picture, all: &[Numbered<'_>]) -> i32 {
        let mut y = TOP + 10;
        let head = format!("batch header, {HEADER_SIZE} bytes");
        picture.text((NUMBERS, y), head, Style::Ink);
        for field in all {
            let place = field.place;
            if place.at.start == HEADER_SIZE || place.name == "length" {
                y += ROW + 4;
                picture.text((NUMBERS, y), self.records_in_words(), Style::Ink);
            }
            y += ROW;
            let why = self.why(place);
            let style = Style::Epoch(field.number - 1);
            picture
                .rect((NUMBERS, y - 12), (24, 15), style)
                .because(why.clone());
            let number = field.number.to_string();
            picture.text_at((NUMBERS + 12, y), Anchor::Middle, number, style);
            picture
                .text((NAMES, y), place.name, Style::Ink)
                .because(why);
            let size = place.at.len().to_string() + " B";
            picture.text_at((SIZES, y), Anchor::End, size, Style::Faint);
            picture.text((VALUES, y), cut(&self.says(place), VALUES), Style::Ink);
            if place.name == "attributes" && place.at.start < HEADER_SIZE {
                for line in self.bits() {
                    y += ROW;
                    picture.text((NAMES + 14, y), cut(&line, NAMES + 14), Style::Faint);
                }
            }
        }
        y + ROW
    }

    fn records_in_words(&self) -> String {
        let count = self.batch.records_count();
        match self.record() {
            Some((place, fields)) => {
                let begin = fields.first().map_or(0, |it| it.at.start);
                let end = fields.last().map_or(0, |it| it.at.end);
                let size = counted(end - begin, "byte");
                format!("record {} of {count}, {size}", place + 1)
            }
            None => format!("its {count} records, packed together"),
        }
    }

    /// What the attributes of the batch say.
    fn bits(&self) -> [String; 4] {
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

    fn says(&self, place: &Place) -> String {
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
    pub(super) fn why(&self, place: &Place) -> String {
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
