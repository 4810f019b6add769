//! What a leader must know of all records of a batch together, read in one go (class LogValidator).
//!
//! Every record that a broker takes passes here, so this is the log's hottest loop: the records that
//! almost all are take a way of their own.

use crate::log::batch::{CompressionType, CorruptBatch, RecordBatch, scan_records_from};

/// The records of a batch, all of which can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Summary {
    /// Of the records' timestamps; without records `i64::MAX` and -1.
    pub(crate) min_timestamp: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) all_have_keys: bool,
    /// The offsets are the base offset, the next one, and so on.
    pub(crate) offsets_rise_by_one: bool,
}

/// Reads every record, as strictly as iterating does.
pub(crate) fn summarize(batch: &RecordBatch) -> Result<Summary, CorruptBatch> {
    let mut summary = Summary {
        min_timestamp: i64::MAX,
        max_timestamp: -1,
        all_have_keys: true,
        offsets_rise_by_one: true,
    };
    let mut usual = UsualRecords::default();
    if batch.codec() == CompressionType::None.id() {
        usual = UsualRecords::at_start(batch.records_slice(), batch.records_count());
        if usual.count > 0 {
            summary.note_timestamp(batch.record_timestamp(i64::from(usual.min_delta)));
            summary.note_timestamp(batch.record_timestamp(i64::from(usual.max_delta)));
            summary.all_have_keys = usual.keys & 1 == 0;
            summary.offsets_rise_by_one = usual.surprises == 0;
        }
    }
    let mut expected = usual.count;
    scan_records_from(batch, usual.count, usual.end, |record| {
        summary.note_timestamp(record.timestamp);
        summary.all_have_keys &= record.has_key;
        summary.offsets_rise_by_one &= record.offset_delta == expected;
        expected = expected.wrapping_add(1);
    })?;
    Ok(summary)
}

impl Summary {
    fn note_timestamp(&mut self, timestamp: i64) {
        self.min_timestamp = self.min_timestamp.min(timestamp);
        self.max_timestamp = self.max_timestamp.max(timestamp);
    }
}

/// A run of records without headers and without a varint of more than two bytes.
#[derive(Default)]
struct UsualRecords {
    count: i32,
    /// Where the run ends.
    end: usize,
    min_delta: i32,
    max_delta: i32,
    /// All key lengths as they are written, ored: odd if one is null.
    keys: u32,
    /// What distinguishes offset deltas from 0, 1, 2 and so on, ored.
    surprises: u32,
}

impl UsualRecords {
    /// The longest run of at most `count` records that the records section begins with.
    fn at_start(records: &[u8], count: i32) -> UsualRecords {
        let mut run = UsualRecords {
            min_delta: i32::MAX,
            max_delta: i32::MIN,
            ..UsualRecords::default()
        };
        while run.count < count {
            let Some((end, timestamp, offset, key)) = usual_record(records, run.end) else {
                break;
            };
            let delta = (timestamp >> 1) as i32 ^ -((timestamp & 1) as i32);
            run.min_delta = run.min_delta.min(delta);
            run.max_delta = run.max_delta.max(delta);
            run.keys |= key;
            run.surprises |= offset ^ (run.count as u32) << 1;
            run.end = end;
            run.count += 1;
        }
        run
    }
}

/// Where the record at `at` ends, and both deltas and the key's length as they are written.
#[inline(always)]
fn usual_record(records: &[u8], at: usize) -> Option<(usize, u32, u32, u32)> {
    let rest = records.get(at..)?;
    let head = Head::read(u64::from_le_bytes(*rest.first_chunk()?))?;
    let mut i = head.taken + length(head.key);
    let value = short(rest, &mut i)?;
    i += length(value);
    let end = head.size_taken + head.size as usize / 2;
    let ends = head.size & 1 == 0 && i + 1 == end && *rest.get(i)? == 0;
    ends.then_some((at + end, head.timestamp, head.offset, head.key))
}

/// A record up to its key, as it is written, and how many bytes that and its size take.
struct Head {
    size: u32,
    size_taken: usize,
    timestamp: u32,
    offset: u32,
    key: u32,
    taken: usize,
}

/// The bit that says that a varint goes on, of the first bytes of a word.
const GOES_ON: u64 = 0x8080_8080_8080_8080;

impl Head {
    /// Takes a word apart. Where each varint ends is told by one look at all bits that say so; only key
    /// lengths of one byte are usual.
    #[inline(always)]
    fn read(word: u64) -> Option<Head> {
        let (size, size_taken) = if word & 0x80 == 0 {
            (word as u32 & 0x7f, 1)
        } else if word & 0x8000 == 0 {
            (two(word), 2)
        } else {
            return None;
        };
        // Behind the attributes.
        let word = word >> (8 * size_taken + 8);
        let goes_on = word & GOES_ON;
        let byte = |n: u32| (word >> (8 * n)) as u32 & 0xff;
        let (timestamp, offset, key, taken) = if goes_on & 0xff_ffff == 0 {
            (byte(0), byte(1), byte(2), 3)
        } else if goes_on & 0xffff_ffff == 0x8000 {
            (byte(0), two(word >> 8), byte(3), 4)
        } else if goes_on & 0xffff_ffff == 0x80 {
            (two(word), byte(2), byte(3), 4)
        } else if goes_on & 0xff_ffff_ffff == 0x80_0080 {
            (two(word), two(word >> 16), byte(4), 5)
        } else {
            return None;
        };
        Some(Head {
            size,
            size_taken,
            timestamp,
            offset,
            key,
            taken: size_taken + 1 + taken,
        })
    }
}

/// A varint of two bytes.
#[inline(always)]
fn two(word: u64) -> u32 {
    (word & 0x7f | word >> 1 & 0x3f80) as u32
}

/// A varint of one byte or two, as it is written.
#[inline(always)]
fn short(bytes: &[u8], i: &mut usize) -> Option<u32> {
    let first = u32::from(*bytes.get(*i)?);
    *i += 1;
    if first < 0x80 {
        return Some(first);
    }
    let second = u32::from(*bytes.get(*i)?);
    *i += 1;
    (second < 0x80).then_some(first & 0x7f | second << 7)
}

/// The length that a field's varint says; null has none.
#[inline(always)]
fn length(zigzag: u32) -> usize {
    if zigzag & 1 == 0 {
        (zigzag >> 1) as usize
    } else {
        0
    }
}
