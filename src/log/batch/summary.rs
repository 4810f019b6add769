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
            let Some((shape, word)) = Shape::of_record(records, run.end) else {
                break;
            };
            run.keys |= shape.key;
            run.note(&shape, word);
            while run.count < count
                && let Some(word) = shape.repeated(records, run.end)
            {
                run.note(&shape, word);
            }
        }
        run
    }

    /// A record of this shape that begins with this word.
    #[inline(always)]
    fn note(&mut self, shape: &Shape, word: u64) {
        let timestamp = shape.timestamp.read(word);
        let delta = (timestamp >> 1) as i32 ^ -((timestamp & 1) as i32);
        self.min_delta = self.min_delta.min(delta);
        self.max_delta = self.max_delta.max(delta);
        self.surprises |= shape.offset.read(word) ^ (self.count as u32) << 1;
        self.end += shape.size;
        self.count += 1;
    }
}

/// How long the fields of a record are. Records mostly come in runs of one shape, and that a record has
/// the shape of the one before it is told by three looks.
struct Shape {
    /// Of the first eight bytes: the bits that make up the shape, and these bits.
    fixed: u64,
    word: u64,
    timestamp: Short,
    offset: Short,
    /// The key's length as it is written.
    key: u32,
    /// Where the value's length lies, which of two bytes there are its, and these.
    value_at: usize,
    value_fixed: u16,
    value: u16,
    size: usize,
}

impl Shape {
    /// Of the record at `at`, and its first eight bytes; none if it is no usual one.
    #[inline(always)]
    fn of_record(records: &[u8], at: usize) -> Option<(Shape, u64)> {
        let rest = records.get(at..)?;
        let word = u64::from_le_bytes(*rest.first_chunk()?);
        let (size, size_taken) = if word & 0x80 == 0 {
            (word as u32 & 0x7f, 1)
        } else if word & 0x8000 == 0 {
            (two(word), 2)
        } else {
            return None;
        };
        // Behind the attributes.
        let (timestamp, at) = Short::at(word, 8 * size_taken as u32 + 8)?;
        let (offset, at) = Short::at(word, at)?;
        // Only key lengths of one byte are usual.
        let key = (word >> at) as u32 & 0xff;
        if key & 0x80 != 0 {
            return None;
        }
        let value_at = at as usize / 8 + 1 + length(key);
        let value = u16::from_le_bytes(*rest.get(value_at..)?.first_chunk()?);
        let (value_length, value_taken) = if value & 0x80 == 0 {
            (u32::from(value) & 0x7f, 1)
        } else if value & 0x8000 == 0 {
            (two(u64::from(value)), 2)
        } else {
            return None;
        };
        // No header, and that the fields fill the record.
        let last = value_at + value_taken + length(value_length);
        let end = size_taken + size as usize / 2;
        if size & 1 != 0 || last + 1 != end || end < 8 || *rest.get(last)? != 0 {
            return None;
        }
        let value_fixed = if value_taken == 1 { 0xff } else { 0xffff };
        let size_bits = (1 << (8 * size_taken)) - 1;
        let fixed = size_bits | timestamp.ends | offset.ends | 0xff << at;
        let shape = Shape {
            fixed,
            word: word & fixed,
            timestamp,
            offset,
            key,
            value_at,
            value_fixed,
            value: value & value_fixed,
            size: end,
        };
        Some((shape, word))
    }

    /// The first eight bytes of the record at `at` if it has this shape.
    #[inline(always)]
    fn repeated(&self, records: &[u8], at: usize) -> Option<u64> {
        let record = records.get(at..at + self.size)?;
        let word = u64::from_le_bytes(*record.first_chunk()?);
        let value = u16::from_le_bytes(*record.get(self.value_at..)?.first_chunk()?);
        let same = word & self.fixed == self.word
            && value & self.value_fixed == self.value
            && *record.last()? == 0;
        same.then_some(word)
    }
}

/// Where a varint of one byte or two lies in a word.
struct Short {
    shift: u32,
    /// What the second byte brings in.
    high: u32,
    /// The bits of the word that say where it ends.
    ends: u64,
}

impl Short {
    /// The varint at this bit of the word, and the bit behind it. The word must reach further.
    #[inline(always)]
    fn at(word: u64, shift: u32) -> Option<(Short, u32)> {
        let (high, ends, bits) = match word >> shift & 0x8080 {
            0x0080 => (0x3f80, 0x8080, 16),
            0x8080 => return None,
            _ => (0, 0x80, 8),
        };
        let ends = ends << shift;
        Some((Short { shift, high, ends }, shift + bits))
    }

    #[inline(always)]
    fn read(&self, word: u64) -> u32 {
        let word = (word >> self.shift) as u32;
        word & 0x7f | word >> 1 & self.high
    }
}

/// A varint of two bytes.
#[inline(always)]
fn two(word: u64) -> u32 {
    (word & 0x7f | word >> 1 & 0x3f80) as u32
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::{BatchBuilder, scan_records};

    /// The same, record by record.
    fn plainly(batch: &RecordBatch) -> Result<Summary, CorruptBatch> {
        let mut summary = Summary {
            min_timestamp: i64::MAX,
            max_timestamp: -1,
            all_have_keys: true,
            offsets_rise_by_one: true,
        };
        let mut expected = 0;
        scan_records(batch, |record| {
            summary.note_timestamp(record.timestamp);
            summary.all_have_keys &= record.has_key;
            summary.offsets_rise_by_one &= record.offset_delta == expected;
            expected += 1;
        })?;
        Ok(summary)
    }

    /// Numbers that look random (SplitMix64).
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % bound
        }
    }

    /// Batches of all shapes, half of them with a few bytes changed.
    #[test]
    fn what_the_short_way_tells_is_what_reading_every_record_tells() {
        let (mut good, mut bad) = (0, 0);
        for seed in 0..1_000 {
            let mut random = Numbers(seed << 32);
            let mut builder = BatchBuilder::new();
            let lengths = [0, 3, 60, 70, 100, 9_000];
            let shapes = 1 + random.below(2) * 5;
            for n in 0..random.below(180) {
                let mut pick = |all: &[usize]| all[random.below(all.len() as u64) as usize];
                let key = vec![b'k'; pick(&lengths[..5])];
                let value = vec![b'v'; pick(&lengths) + pick(&[0, 1])];
                let (no_key, no_value) = (pick(&[0, 0, 0, 1]) == 1, pick(&[0, 0, 0, 1]) == 1);
                let (key, value) = if n % shapes == 0 {
                    (Some(&b"key"[..]), Some(&b"some value"[..]))
                } else {
                    (
                        (!no_key).then_some(&key[..]),
                        (!no_value).then_some(&value[..]),
                    )
                };
                let timestamp = 1_000_000 + n as i64 * pick(&[0, 1, 1, 70]) as i64;
                builder.append(timestamp, key, value, &[]);
            }
            let mut bytes = builder.build().to_bytes().to_vec();
            if random.below(2) == 0 && bytes.len() > 61 {
                for _ in 0..=random.below(3) {
                    let at = 61 + random.below(bytes.len() as u64 - 61) as usize;
                    bytes[at] = random.below(256) as u8;
                }
            }
            let batch = RecordBatch::whole(bytes.into());
            let (short, plain) = (summarize(&batch), plainly(&batch));
            assert_eq!(short, plain, "seed {seed}");
            match plain {
                Ok(_) => good += 1,
                Err(_) => bad += 1,
            }
        }
        assert!(good > 250 && bad > 50, "{good} good, {bad} bad");
    }
}
