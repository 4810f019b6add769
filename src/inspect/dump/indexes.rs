//! Offset, time and transaction index (DL5, DL6, DL8).

use super::log_file::batch_at;
use super::{Dump, File, Unreadable};
use bytes::Bytes;
use serde_json::json;

/// What Kafka's tool looks at of the log behind an entry, in bytes (`--max-message-size`).
const MAX_MESSAGE_SIZE: usize = 5 << 20;
const OFFSET_ENTRY: usize = 8;
const TIME_ENTRY: usize = 12;
const ABORTED_TXN: usize = 34;
/// Bytes of the index's end in which Kafka looks first.
const WARM_BYTES: usize = 8192;

/// Entries of an offset index: offset and position.
struct OffsetIndex {
    content: Bytes,
    base_offset: i64,
}

impl OffsetIndex {
    fn len(&self) -> usize {
        self.content.len() / OFFSET_ENTRY
    }

    fn entry(&self, i: usize) -> (i64, i32) {
        let field =
            |at| super::array(&self.content, i * OFFSET_ENTRY + at).map_or(0, i32::from_be_bytes);
        let offset = self.base_offset.wrapping_add(i64::from(field(0)));
        (offset, field(4))
    }

    /// The position of the last entry that does not lie behind `offset`; 0 if there is none. Zeros that
    /// a crash left mislead it as they mislead Kafka's (class AbstractIndex).
    fn lookup(&self, offset: i64) -> i32 {
        if self.len() == 0 {
            return 0;
        }
        let warm = (self.len() - 1).saturating_sub(WARM_BYTES / OFFSET_ENTRY);
        let (mut low, mut high) = if self.entry(warm).0 < offset {
            (warm, self.len() - 1)
        } else if self.entry(0).0 > offset {
            return 0;
        } else {
            (0, warm)
        };
        while low < high {
            let middle = (low + high).div_ceil(2);
            match self.entry(middle).0.cmp(&offset) {
                std::cmp::Ordering::Greater => high = middle - 1,
                std::cmp::Ordering::Less => low = middle,
                std::cmp::Ordering::Equal => return self.entry(middle).1,
            }
        }
        self.entry(low).1
    }
}

impl Dump<'_> {
    pub(super) fn offset_index(&mut self, file: &File) -> Result<(), Unreadable> {
        let base_offset = file.base_offset()?;
        let log = self.io.read(&file.neighbour("log"))?;
        let content = self.io.read(&file.path)?;
        let size = content.len();
        let index = OffsetIndex {
            content,
            base_offset,
        };
        if index.len() == 0 {
            self.say(&format!("{} is empty.\n", file.path));
            return Ok(());
        }
        if self.options.index_sanity_check {
            let (last_offset, _) = index.entry(index.len() - 1);
            return self.sane(file, size % OFFSET_ENTRY, last_offset < base_offset);
        }
        let mut mismatches = Vec::new();
        for i in 0..index.len() {
            let (offset, position) = index.entry(i);
            if i > 0 && offset == base_offset {
                break;
            }
            let start = usize::try_from(position).ok().filter(|at| *at <= log.len());
            let Some(start) = start else {
                return Err(Unreadable(format!(
                    "an entry points to byte {position} of a log of {} bytes",
                    log.len()
                )));
            };
            let end = log.len().min(start + MAX_MESSAGE_SIZE);
            let Some(found) = batch_at(&log, start, end)? else {
                return Err(Unreadable(format!(
                    "there is no batch at byte {start} of the log"
                )));
            };
            let last_offset = found.batch.last_offset();
            if last_offset != offset {
                mismatches.push(format!(
                    "  Index offset: {offset}, log offset: {last_offset}"
                ));
            }
            if self.json() {
                self.print_object(
                    &json!({"file": file.path, "offset": offset, "position": position}),
                );
            } else if !self.options.verify_index_only {
                self.print(&format!("offset: {offset} position: {position}\n"));
            }
        }
        if !mismatches.is_empty() {
            self.inconsistencies
                .push(format!("Mismatches in :{}", file.path));
            self.inconsistencies.extend(mismatches.into_iter().rev());
        }
        Ok(())
    }

    pub(super) fn time_index(&mut self, file: &File) -> Result<(), Unreadable> {
        let base_offset = file.base_offset()?;
        let log = self.io.read(&file.neighbour("log"))?;
        let offsets = OffsetIndex {
            content: self.io.read(&file.neighbour("index"))?,
            base_offset,
        };
        let content = self.io.read(&file.path)?;
        let entry = |i: usize| {
            let timestamp = super::array(&content, i * TIME_ENTRY).map_or(0, i64::from_be_bytes);
            let offset = super::array(&content, i * TIME_ENTRY + 8).map_or(0, i32::from_be_bytes);
            (timestamp, base_offset.wrapping_add(i64::from(offset)))
        };
        let entries = content.len() / TIME_ENTRY;
        if self.options.index_sanity_check {
            let wrong = entries > 0 && {
                let (last, first) = (entry(entries - 1), entry(0));
                last.0 < first.0 || last.1 < base_offset
            };
            return self.sane(file, content.len() % TIME_ENTRY, wrong);
        }
        let mut previous = -1;
        let (mut mismatches, mut disorder, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..entries {
            let (timestamp, offset) = entry(i);
            if i > 0 && offset == base_offset {
                break;
            }
            match self.batch_with(&log, offsets.lookup(offset), offset)? {
                Some((last_offset, largest)) if last_offset == offset => {
                    if largest != timestamp {
                        mismatches.push(format!(
                            "  Index timestamp: {timestamp}, log timestamp: {largest}"
                        ));
                    }
                    if previous >= timestamp {
                        disorder.push(format!(
                            "  Index timestamp: {timestamp}, Previously indexed timestamp: {previous}"
                        ));
                    }
                }
                other => {
                    let found = other.map_or(-1, |(last_offset, _)| last_offset);
                    missing.push(format!(
                        "Indexed offset: {offset}, found log offset: {found}"
                    ));
                }
            }
            if self.json() {
                self.print_object(
                    &json!({"file": file.path, "timestamp": timestamp, "offset": offset}),
                );
            } else if !self.options.verify_index_only {
                self.print(&format!("timestamp: {timestamp} offset: {offset}\n"));
            }
            previous = timestamp;
        }
        for (title, lines) in [
            (
                format!("Found timestamp mismatch in :{}", file.path),
                mismatches,
            ),
            (
                format!("Found out of order timestamp in :{}", file.path),
                disorder,
            ),
            (
                "The following indexed offsets are not found in the log.".to_owned(),
                missing,
            ),
        ] {
            if !lines.is_empty() {
                self.inconsistencies.push(title);
                self.inconsistencies.extend(lines);
            }
        }
        Ok(())
    }

    /// Last offset and largest timestamp of the first batch from `position` on that ends at `offset` or
    /// behind.
    fn batch_with(
        &mut self,
        log: &Bytes,
        position: i32,
        offset: i64,
    ) -> Result<Option<(i64, i64)>, Unreadable> {
        let Some(mut at) = usize::try_from(position).ok().filter(|at| *at <= log.len()) else {
            return Err(Unreadable(format!(
                "an entry points to byte {position} of a log of {} bytes",
                log.len()
            )));
        };
        while let Some(found) = batch_at(log, at, log.len())? {
            let last_offset = found.batch.last_offset();
            if last_offset > offset {
                return Ok(Some((last_offset, -1)));
            }
            if last_offset == offset {
                let mut largest = -1;
                for record in found.records()? {
                    largest = largest.max(record?.timestamp);
                }
                return Ok(Some((last_offset, largest)));
            }
            at += found.size;
        }
        Ok(None)
    }

    pub(super) fn transaction_index(&mut self, file: &File) -> Result<(), Unreadable> {
        file.base_offset()?;
        let content = self.io.read(&file.path)?;
        for entry in content.chunks_exact(ABORTED_TXN) {
            let version = super::array(entry, 0).map_or(0, i16::from_be_bytes);
            if version > 0 {
                return Err(Unreadable(format!(
                    "an aborted transaction has the version {version}, known is 0"
                )));
            }
            let field = |at| super::array(entry, at).map_or(0, i64::from_be_bytes);
            let (producer_id, first, last, stable) = (field(2), field(10), field(18), field(26));
            if self.json() {
                self.print_object(&json!({
                    "file": file.path, "version": version, "producerId": producer_id,
                    "firstOffset": first, "lastOffset": last, "lastStableOffset": stable,
                }));
            } else {
                self.print(&format!(
                    "version: {version} producerId: {producer_id} firstOffset: {first} \
                     lastOffset: {last} lastStableOffset: {stable}\n"
                ));
            }
        }
        let partial = content.len() % ABORTED_TXN;
        if self.json() && partial > 0 {
            let at = (content.len() - partial) as u64;
            self.trash_begins(file, at, &format!("{partial} bytes are no whole entry"));
        }
        Ok(())
    }

    /// The check that a broker's start makes of an index.
    fn sane(&mut self, file: &File, remainder: usize, wrong: bool) -> Result<(), Unreadable> {
        if wrong {
            return Err(Unreadable(
                "the index is corrupt: its last entry lies before its first".into(),
            ));
        }
        if remainder != 0 {
            return Err(Unreadable(
                "the index is corrupt: its size is no multiple of an entry's".into(),
            ));
        }
        self.say(&format!("{} passed sanity check.\n", file.path));
        Ok(())
    }

    /// Text that has no place in JSON.
    fn say(&mut self, text: &str) {
        if !self.json() {
            self.print(text);
        }
    }
}
