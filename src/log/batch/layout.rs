//! Where each field of a batch v2 lies and what it says, for who looks at its bytes (class DefaultRecordBatch and
//! DefaultRecord; the names are those of Kafka's page on its message format).

use super::{HEADER_SIZE, RecordBatch, varint};
use bytes::Bytes;
use std::ops::Range;

/// A batch taken apart.
pub(crate) struct Layout {
    pub bytes: Bytes,
    pub header: Vec<Place>,
    /// Of each record that lies there as it is.
    pub records: Vec<Vec<Place>>,
    /// What lies behind them: packed by a codec, or no record.
    pub rest: Range<usize>,
}

/// A field.
pub(crate) struct Place {
    pub name: &'static str,
    pub at: Range<usize>,
    pub says: Says,
}

/// What a field says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Says {
    /// Big-endian, of a fixed size.
    Number(i64),
    /// As a zig-zag varint.
    Varint(i64),
    /// So many bytes, of which each means what its owner says.
    Bytes,
}

/// Name and size of each field of the header.
const HEADER: [(&str, usize); 13] = [
    ("baseOffset", 8),
    ("batchLength", 4),
    ("partitionLeaderEpoch", 4),
    ("magic", 1),
    ("crc", 4),
    ("attributes", 2),
    ("lastOffsetDelta", 4),
    ("baseTimestamp", 8),
    ("maxTimestamp", 8),
    ("producerId", 8),
    ("producerEpoch", 2),
    ("baseSequence", 4),
    ("recordsCount", 4),
];

/// `None` of a message of an older format, and of one that has no whole header.
pub(crate) fn layout(batch: &RecordBatch) -> Option<Layout> {
    let bytes = batch.to_bytes();
    if batch.is_legacy() || bytes.len() < HEADER_SIZE {
        return None;
    }
    let mut header = Reader::new(&bytes, 0);
    for (name, size) in HEADER {
        header.number(name, size)?;
    }
    let mut records = Vec::new();
    let mut at = header.at;
    while batch.codec() == 0 && at < bytes.len() {
        let mut reader = Reader::new(&bytes, at);
        if reader.record().is_none() {
            break;
        }
        at = reader.at;
        records.push(reader.places);
    }
    Some(Layout {
        header: header.places,
        records,
        rest: at..bytes.len(),
        bytes,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    places: Vec<Place>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Reader<'a> {
        let places = Vec::new();
        Reader { bytes, at, places }
    }

    fn record(&mut self) -> Option<()> {
        let length = self.varint("length")?;
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        self.number("attributes", 1)?;
        self.varint("timestampDelta")?;
        self.varint("offsetDelta")?;
        self.field("keyLength", "key")?;
        self.field("valueLength", "value")?;
        for _ in 0..self.varint("headersCount")? {
            self.field("headerKeyLength", "headerKey")?;
            self.field("headerValueLength", "headerValue")?;
        }
        (self.at == end).then_some(())
    }

    /// A length, and so many bytes; -1: null.
    fn field(&mut self, length: &'static str, name: &'static str) -> Option<()> {
        match self.varint(length)? {
            -1 => Some(()),
            size => self.push(name, usize::try_from(size).ok()?, Says::Bytes),
        }
    }

    fn number(&mut self, name: &'static str, size: usize) -> Option<()> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(size)?)?;
        let sign = match bytes.first()? {
            0x80.. => -1,
            _ => 0,
        };
        let number = bytes
            .iter()
            .fold(sign, |number: i64, byte| number << 8 | i64::from(*byte));
        self.push(name, size, Says::Number(number))
    }

    fn varint(&mut self, name: &'static str) -> Option<i64> {
        let mut end = self.at;
        let number = varint::read_i64(self.bytes, &mut end).ok()?;
        self.push(name, end - self.at, Says::Varint(number))?;
        Some(number)
    }

    fn push(&mut self, name: &'static str, size: usize, says: Says) -> Option<()> {
        let at = self.at..self.at.checked_add(size)?;
        self.bytes.get(at.clone())?;
        self.at = at.end;
        self.places.push(Place { name, at, says });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::{BatchBuilder, Headers};

    /// Every byte belongs to one field, and what the batch reads is what its fields say.
    #[test]
    fn fields_lie_side_by_side_and_say_what_the_batch_reads() {
        let mut builder = BatchBuilder::new().base_offset(7);
        let name: &[u8] = b"trip";
        let headers = Headers::from_iter([(name, Some(name)), (name, None)]);
        builder.append_with(1_000, Some(b"truck-1"), Some(&[0xff; 200]), &headers);
        builder.append(900, None, Some(b""), &[]);
        let batch = builder.build();
        let it = layout(&batch).unwrap();
        let mut end = 0;
        for place in it.header.iter().chain(it.records.iter().flatten()) {
            assert_eq!(place.at.start, end, "{}", place.name);
            end = place.at.end;
        }
        assert_eq!((end, it.rest.len()), (it.bytes.len(), 0));
        let says = |name| it.header.iter().find(|it| it.name == name).unwrap().says;
        assert_eq!(says("magic"), Says::Number(2));
        assert_eq!(says("producerId"), Says::Number(-1));
        assert_eq!(
            says("crc"),
            Says::Number(i64::from(batch.crc().cast_signed()))
        );
        let records: Vec<_> = batch.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), it.records.len());
        for (record, places) in records.iter().zip(&it.records) {
            let value = places.iter().find(|it| it.name == "value").unwrap();
            assert_eq!(record.value.as_deref(), Some(&it.bytes[value.at.clone()]));
        }
    }
}
