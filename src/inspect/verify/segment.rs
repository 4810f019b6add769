//! The batches of one segment's file, and its indexes against them.

use super::Verifier;
use crate::log::batch::{HEADER_SIZE, RecordBatch};
use crate::protocol::counted;
use bytes::Bytes;

/// With no more bytes left, a reader stops without a word (RL3).
const UP_TO_MAGIC: usize = 17;
const LOG_OVERHEAD: usize = 12;
/// The smallest length that any format of records has had.
const LEAST_LENGTH: i32 = 14;

/// Bytes of an entry of a time index.
const TIME_ENTRY: usize = 12;

/// A batch and its position in the file.
pub(super) type Located = (u64, RecordBatch);

/// Where and why reading ends before the end of the file.
pub(super) struct Stop {
    pub(super) position: u64,
    pub(super) what: String,
    /// The length is none at all: who reads so far gets an error, and does not just end there.
    pub(super) is_error: bool,
}

/// Whole batches, up to the first place where no batch can begin.
pub(super) fn batches(content: &Bytes) -> Vec<Located> {
    read(content).0
}

/// The batches, and where reading them ends before the end of the file.
pub(super) fn read(content: &Bytes) -> (Vec<Located>, Option<Stop>) {
    let mut batches = Vec::new();
    let mut position = 0;
    loop {
        let left = content.len() - position;
        let at = position as u64;
        let stop = |what: String, is_error: bool| Stop {
            position: at,
            what,
            is_error,
        };
        if left == 0 {
            return (batches, None);
        }
        if left <= UP_TO_MAGIC {
            let left = counted(left, "byte");
            let what = format!("no batch begins in the {left} that are left");
            return (batches, Some(stop(what, false)));
        }
        let length = content[position + 8..position + LOG_OVERHEAD]
            .iter()
            .fold(0i32, |length, byte| length << 8 | i32::from(*byte));
        if length < LEAST_LENGTH {
            let what = format!("a batch says a length of {length}");
            return (batches, Some(stop(what, true)));
        }
        let size = LOG_OVERHEAD + length as usize;
        if size > left {
            let what = format!("a batch of {size} bytes is torn after {left}");
            return (batches, Some(stop(what, false)));
        }
        let is_legacy = (content[position + UP_TO_MAGIC - 1] as i8) < 2;
        if size < HEADER_SIZE && !is_legacy {
            let what = format!("a batch of {size} bytes is shorter than its header");
            return (batches, Some(stop(what, false)));
        }
        let bytes = content.slice(position..position + size);
        match RecordBatch::parse_unchecked(bytes) {
            Ok(batch) => batches.push((at, batch)),
            Err(problem) => return (batches, Some(stop(problem.to_string(), false))),
        }
        position += size;
    }
}

/// A segment's index files against its batches.
pub(super) struct Indexes<'a> {
    pub(super) path: &'a str,
    pub(super) base: i64,
    pub(super) batches: &'a [Located],
    /// The next start makes them anew.
    pub(super) rebuilt: bool,
    /// The last segment: its indexes may end in zeros while it is written to.
    pub(super) active: bool,
    pub(super) clean: bool,
}

impl Indexes<'_> {
    /// RL5, RL6: {offset - base, position}; an append's last offset and its beginning. A follower appends
    /// several batches at once.
    pub(super) fn offset_index(&self, content: &[u8], verifier: &mut Verifier) {
        let entries = self.entries::<8>(content, verifier);
        let mut last = self.base - 1;
        for (number, entry) in entries.iter().enumerate() {
            let (relative, position) = (int(&entry[..4]), int(&entry[4..]));
            let offset = self.base + i64::from(relative);
            let found = self
                .batches
                .binary_search_by_key(&(position as u64), |(at, _)| *at);
            let what = match found {
                _ if offset <= last && number > 0 => "offsets do not rise".to_owned(),
                Err(_) => format!("no batch begins at position {position}"),
                Ok(at) if !ends(&self.batches[at..], offset) => format!(
                    "offset {offset} is not at position {position}, where a batch ends at {}",
                    self.batches[at].1.last_offset()
                ),
                Ok(_) => {
                    last = offset;
                    continue;
                }
            };
            return self.wrong(number, &what, verifier);
        }
    }

    /// RL5: {timestamp, offset - base}; the last offset of the first batch with that largest timestamp.
    pub(super) fn time_index(&self, content: &[u8], verifier: &mut Verifier) {
        let entries = self.entries::<TIME_ENTRY>(content, verifier);
        let mut last = i64::MIN;
        for (number, entry) in entries.iter().enumerate() {
            let timestamp = long(&entry[..8]);
            let offset = self.base + i64::from(int(&entry[8..]));
            let holds = |(_, batch): &&Located| batch.last_offset() == offset;
            let batch = self.batches.iter().find(holds);
            // An empty segment's entry says that there is no timestamp.
            let none = timestamp == -1 && offset == self.base;
            let what = match batch {
                _ if timestamp < last => "timestamps fall".to_owned(),
                Some((_, batch)) if batch.max_timestamp() != timestamp => format!(
                    "{timestamp} is not the largest timestamp of the batch at offset {offset}, {}",
                    batch.max_timestamp()
                ),
                None if !none => format!("no batch ends at offset {offset}"),
                _ => {
                    last = timestamp;
                    continue;
                }
            };
            return self.wrong(number, &what, verifier);
        }
    }

    /// The entries up to the zeros with which an active index is preallocated.
    fn entries<'c, const SIZE: usize>(
        &self,
        content: &'c [u8],
        verifier: &mut Verifier,
    ) -> Vec<&'c [u8; SIZE]> {
        let (entries, rest) = content.as_chunks::<SIZE>();
        if !rest.is_empty() && !self.rebuilt {
            let what = format!("{} behind the last entry", counted(rest.len(), "byte"));
            verifier.find(self.path, &what, "nobody notices");
        }
        let zeros = entries
            .iter()
            .rev()
            .take_while(|entry| entry.iter().all(|byte| *byte == 0))
            .count();
        // The very first entry of the first segment may be zeros and right.
        let real = entries.len() - zeros;
        if zeros > 0 && !self.rebuilt && (self.clean || !self.active) {
            let what = format!("it ends in {} of zeros", counted(zeros, "entry"));
            let broker = if SIZE == TIME_ENTRY {
                "they count as entries of 1970: retention by time takes the segment for that old"
            } else if self.active {
                "they count as entries: the index is full, and the next append rolls the segment"
            } else {
                "they count as entries, and look-ups may begin at the segment's beginning"
            };
            verifier.find(self.path, &what, broker);
        }
        entries[..real].iter().collect()
    }

    fn wrong(&self, number: usize, what: &str, verifier: &mut Verifier) {
        let broker = if self.rebuilt {
            "the next start makes the index anew"
        } else {
            "nobody notices; look-ups read from a wrong place, or fail"
        };
        verifier.find(self.path, &format!("entry {number}: {what}"), broker);
    }
}

/// One of these batches, which follow each other, ends at `offset`.
fn ends(batches: &[Located], offset: i64) -> bool {
    let ends = batches.iter().map(|(_, batch)| batch.last_offset());
    ends.take_while(|last| *last <= offset)
        .any(|last| last == offset)
}

fn int(bytes: &[u8]) -> i32 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | i32::from(*byte))
}

pub(super) fn long(bytes: &[u8]) -> i64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::BatchBuilder;

    /// What is found of an index whose only entry is `offset` at `position`; batches end at 1 and at 3.
    fn found(offset: i32, position: i32) -> Vec<String> {
        let batch = |base| {
            let mut builder = BatchBuilder::new().base_offset(base);
            builder.append(0, None, Some(b"a"), &[]);
            builder.append(0, None, Some(b"b"), &[]);
            builder.build()
        };
        let (first, second) = (batch(0), batch(2));
        let at = first.size();
        let indexes = Indexes {
            path: "0.index",
            base: 0,
            batches: &[(0, first), (at, second)],
            rebuilt: false,
            active: false,
            clean: true,
        };
        let position = match position {
            0 => 0,
            _ => at as i32,
        };
        let entry = [offset.to_be_bytes(), position.to_be_bytes()].concat();
        let mut verifier = Verifier {
            clean: true,
            findings: Vec::new(),
        };
        indexes.offset_index(&entry, &mut verifier);
        let findings = verifier.findings.into_iter();
        findings.map(|finding| finding.what).collect()
    }

    #[test]
    fn rl5_an_entry_holds_the_last_offset_of_an_append_and_where_it_begins() {
        assert_eq!(found(1, 0), [""; 0]);
        assert_eq!(found(3, 1), [""; 0]);
        // Both batches came in one append of a follower.
        assert_eq!(found(3, 0), [""; 0]);
        assert_eq!(found(2, 0).len(), 1);
        assert_eq!(found(1, 1).len(), 1);
    }
}
