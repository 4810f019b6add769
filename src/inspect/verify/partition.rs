//! A partition's directory: its segments one after the other, and the files that speak of all of them.

use super::Verifier;
use super::compaction::Compaction;
use super::producers::Producers;
use super::segment::{self, Indexes, Located, long};
use crate::log::batch::RecordBatch;
use crate::log::{EpochEntry, ProducerStateEntry, parse_snapshot, partition_metadata_problem};
use crate::protocol::counted;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Range;

/// What is known of it.
pub(super) struct PartitionDir<'a> {
    pub(super) dir: &'a str,
    pub(super) files: &'a BTreeMap<&'a str, Bytes>,
    pub(super) clean: bool,
    pub(super) recovery_point: i64,
    /// As checkpointed.
    pub(super) log_start: i64,
    pub(super) high_watermark: Option<i64>,
    /// The cleaner has worked on it: gaps are to be expected.
    pub(super) compacted: bool,
}

const EPOCH_FILE: &str = "leader-epoch-checkpoint";
const METADATA_FILE: &str = "partition.metadata";
const TXN_ENTRY: usize = 34;

/// What the walk along the segments has seen.
#[derive(Default)]
struct Walk {
    next_offset: Option<i64>,
    epoch: i32,
    epochs: Vec<EpochRun>,
    compaction: Compaction,
    /// First offset of each open transaction, by producer.
    open: BTreeMap<i64, i64>,
    /// Snapshots that lie ahead, by offset, and what is known for them.
    snapshots: BTreeMap<i64, Vec<(i64, ProducerStateEntry)>>,
    producers: Producers,
    /// Nothing that was read so far may be missing or wrong.
    sound: bool,
}

/// Batches of one epoch that follow each other: the first's base offset, and what follows the last.
#[derive(Clone, Copy, Debug)]
struct EpochRun {
    epoch: i32,
    begin: i64,
    end: i64,
}

impl PartitionDir<'_> {
    pub(super) fn verify(&self, verifier: &mut Verifier) {
        self.names(verifier);
        let bases: Vec<i64> = self
            .files
            .keys()
            .filter_map(|name| name.strip_suffix(".log")?.parse().ok())
            .collect();
        // RL9, L7: the segment that holds the recovery point, and all behind it, are scanned.
        let scanned_from = bases
            .iter()
            .copied()
            .filter(|base| *base <= self.recovery_point)
            .max()
            .unwrap_or(i64::MIN);
        let first = bases.first().copied().unwrap_or(0);
        let mut walk = Walk {
            epoch: -1,
            snapshots: self.readable_snapshots(),
            sound: true,
            ..Walk::default()
        };
        for (number, base) in bases.iter().enumerate() {
            let active = number + 1 == bases.len();
            let no_index = !self.files.contains_key(&*format!("{base:020}.index"));
            let rebuilt = no_index || !self.clean && *base >= scanned_from;
            self.border(*base, first, &mut walk, verifier);
            self.segment(*base, active, rebuilt, &mut walk, verifier);
        }
        let end = walk.next_offset.unwrap_or(first);
        self.hold_against_snapshots(&mut walk, end, verifier);
        self.checkpoints(first, end, verifier);
        self.epoch_file(&walk, end, verifier);
        self.snapshots(&walk, end, verifier);
        self.topic_id(verifier);
    }

    /// What a segment's name says is where the one before ends, unless something is missing between them.
    fn border(&self, base: i64, first: i64, walk: &mut Walk, verifier: &mut Verifier) {
        let due = walk.next_offset.unwrap_or(first);
        if base > due {
            let what = format!("it begins at offset {base}, {due} was due");
            self.gap(base, due..base, &what, walk, verifier);
            walk.next_offset = Some(base);
        }
    }

    /// No batch stands at these offsets.
    fn gap(
        &self,
        segment: i64,
        offsets: Range<i64>,
        what: &str,
        walk: &mut Walk,
        verifier: &mut Verifier,
    ) {
        walk.compaction.note_gap(offsets);
        if !self.compacted && !walk.compaction.explains_a_gap() {
            walk.sound = false;
            let broker = "a start does not notice; readers skip it";
            verifier.find(&self.path(&format!("{segment:020}.log")), what, broker);
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// RL2.
    fn names(&self, verifier: &mut Verifier) {
        for name in self.files.keys() {
            let (what, broker) = if name.ends_with(".deleted") || name.ends_with(".cleaned") {
                ("a leftover", "the next start deletes it")
            } else if name.ends_with(".swap") {
                (
                    "a replacement of segments was cut off",
                    "the next start finishes it",
                )
            } else if let Some(base) = name.strip_suffix(".log") {
                if base.parse::<i64>().is_ok() {
                    continue;
                }
                ("its name is no offset", "its start ends with status 1")
            } else if [".index", ".timeindex", ".txnindex"].iter().any(|end| {
                name.strip_suffix(end)
                    .is_some_and(|base| !self.has_log(base))
            }) {
                ("there is no log for it", "the next start deletes it")
            } else {
                continue;
            };
            verifier.find(&self.path(name), what, broker);
        }
    }

    fn has_log(&self, base: &str) -> bool {
        self.files.contains_key(&*format!("{base}.log"))
    }

    fn segment(
        &self,
        base: i64,
        active: bool,
        rebuilt: bool,
        walk: &mut Walk,
        verifier: &mut Verifier,
    ) {
        let name = format!("{base:020}.log");
        let path = self.path(&name);
        let Some(content) = self.files.get(&*name) else {
            return;
        };
        let (batches, stop) = segment::read(content);
        let bad_batch = |offset: i64| match rebuilt {
            true => format!("the next start cuts the log off at offset {offset}"),
            false => format!(
                "a start does not notice; reading offset {offset} fails, on consumers and followers"
            ),
        };
        let mut aborted = Vec::new();
        for (position, batch) in &batches {
            let offset = batch.base_offset();
            self.hold_against_snapshots(walk, offset, verifier);
            let at = format!("the batch at position {position}, offset {offset}");
            if !(0..=2).contains(&batch.magic()) {
                let what = format!(
                    "{at}: magic {}, a format that does not exist",
                    batch.magic()
                );
                // A start reads what is newer as 2 and what is older as 0, and a consumer refuses it.
                let is_kept = batch.magic() > 2 || batch.ensure_crc().is_ok();
                let broker = match is_kept {
                    true => format!("a start does not notice; a consumer fails at offset {offset}"),
                    false => bad_batch(offset),
                };
                verifier.find(&path, &what, &broker);
                walk.sound = false;
                if is_kept {
                    self.order(batch, base, rebuilt, &at, walk, verifier);
                }
                continue;
            }
            if let Err(problem) = batch.ensure_valid() {
                walk.sound = false;
                verifier.find(&path, &format!("{at}: {problem}"), &bad_batch(offset));
                // Its header cannot be believed either.
                if batch.is_legacy() || offset != walk.next_offset.unwrap_or(base) {
                    continue;
                }
                self.order(batch, base, rebuilt, &at, walk, verifier);
            } else {
                self.order(batch, base, rebuilt, &at, walk, verifier);
                self.records(batch, &path, &at, walk, verifier);
            }
            note_transaction(batch, walk, &mut aborted);
            walk.producers.note(batch);
        }
        if let Some(stop) = stop {
            walk.sound = false;
            let next = walk.next_offset.unwrap_or(base);
            let what = format!("from position {} on: {}", stop.position, stop.what);
            let broker = match (rebuilt, active) {
                (true, _) => format!("the next start cuts the log off at offset {next}"),
                (false, true) if stop.is_error => {
                    "the next start looks there for the log's end, and fails".to_owned()
                }
                (false, true) => format!(
                    "a start does not notice; the next append may land behind it, and reading offset {next} then fails for ever"
                ),
                (false, false) => {
                    format!("a start does not notice; reading ends before offset {next}")
                }
            };
            verifier.find(&path, &what, &broker);
        }
        self.indexes(base, active, rebuilt, &batches, verifier);
        self.txn_index(base, rebuilt, &aborted, walk, verifier);
    }

    fn records(
        &self,
        batch: &RecordBatch,
        path: &str,
        at: &str,
        walk: &mut Walk,
        verifier: &mut Verifier,
    ) {
        walk.compaction.note_batch(batch);
        for record in batch.records() {
            match record {
                Ok(record) if !batch.is_control() => walk.compaction.note_record(&record),
                Ok(_) => {}
                Err(problem) => {
                    verifier.find(path, &format!("{at}: {problem}"), "a consumer fails there");
                }
            }
        }
    }

    /// Offsets rise by one, epochs do not fall.
    fn order(
        &self,
        batch: &RecordBatch,
        base: i64,
        rebuilt: bool,
        at: &str,
        walk: &mut Walk,
        verifier: &mut Verifier,
    ) {
        let path = &self.path(&format!("{base:020}.log"));
        let offset = batch.base_offset();
        let quietly = "a start does not notice";
        match walk.next_offset {
            Some(next) if offset < next => {
                let what = format!("{at}: offsets fall, {next} was due");
                // RL4: it is noticed where an index entry falls due.
                let broker = match rebuilt {
                    true if offset < base => "the next start ends with status 1",
                    true => "the next start may empty the segment",
                    false => quietly,
                };
                verifier.find(path, &what, broker);
            }
            Some(next) if offset > next => {
                let what = format!("{at}: there is a gap, {next} was due");
                self.gap(base, next..offset, &what, walk, verifier);
            }
            None if offset > base => walk.compaction.note_gap(base..offset),
            _ if offset < base => {
                verifier.find(path, &format!("{at}: it lies before the segment"), quietly);
            }
            _ => {}
        }
        let epoch = batch.partition_leader_epoch();
        if batch.is_legacy() {
            // It says no epoch.
        } else if epoch < walk.epoch {
            let what = format!("{at}: epoch {epoch} after epoch {}", walk.epoch);
            verifier.find(path, &what, quietly);
        } else if epoch > walk.epoch {
            let (begin, end) = (offset, offset);
            walk.epochs.push(EpochRun { epoch, begin, end });
        }
        walk.epoch = walk.epoch.max(epoch);
        walk.next_offset = Some(batch.next_offset().max(walk.next_offset.unwrap_or(0)));
        if let (Some(run), Some(next)) = (walk.epochs.last_mut(), walk.next_offset)
            && !batch.is_legacy()
        {
            run.end = next;
        }
    }

    fn indexes(
        &self,
        base: i64,
        active: bool,
        rebuilt: bool,
        batches: &[Located],
        verifier: &mut Verifier,
    ) {
        for suffix in [".index", ".timeindex"] {
            let name = format!("{base:020}{suffix}");
            let path = self.path(&name);
            let Some(content) = self.files.get(&*name) else {
                let broker = match suffix {
                    ".index" => "the next start reads the whole segment and makes it anew",
                    _ => "the next start makes an empty one; look-ups by time read more",
                };
                verifier.find(&path, "it is missing", broker);
                continue;
            };
            let indexes = Indexes {
                path: &path,
                base,
                batches,
                rebuilt,
                active,
                clean: self.clean,
            };
            match suffix {
                ".index" => indexes.offset_index(content, verifier),
                _ => indexes.time_index(content, verifier),
            }
        }
    }

    /// D13: one entry an abort marker, in the segment of the marker.
    fn txn_index(
        &self,
        base: i64,
        rebuilt: bool,
        aborted: &[(i64, Option<i64>, i64)],
        walk: &Walk,
        verifier: &mut Verifier,
    ) {
        let name = format!("{base:020}.txnindex");
        let content = self.files.get(&*name).cloned().unwrap_or_default();
        let listed: Vec<(i64, i64, i64)> = content
            .chunks_exact(TXN_ENTRY)
            .map(|entry| {
                (
                    long(&entry[2..10]),
                    long(&entry[10..18]),
                    long(&entry[18..26]),
                )
            })
            .collect();
        let broker = match rebuilt {
            true => "the next start makes it anew",
            false => "a start does not notice; read_committed may return aborted records",
        };
        for (producer, first, last) in aborted {
            // A marker of a transaction that wrote nothing here, or nothing that is left, needs none.
            let Some(first) = first else { continue };
            let is_it = |entry: &&(i64, i64, i64)| {
                entry.0 == *producer && entry.2 == *last && entry.1 == *first
            };
            if !listed.iter().any(|entry| is_it(&entry)) {
                let what =
                    format!("producer {producer} aborted at offset {last}: no entry says so");
                verifier.find(&self.path(&name), &what, broker);
            }
        }
        // A compacted log may have lost its markers.
        let compacted = self.compacted || walk.compaction.has_begun();
        for (producer, _, last) in &listed {
            let known = aborted.iter().any(|(p, _, l)| p == producer && l == last);
            if !known && !compacted {
                let what = format!("no marker stands at offset {last} for producer {producer}");
                verifier.find(&self.path(&name), &what, broker);
            }
        }
    }

    fn checkpoints(&self, first: i64, end: i64, verifier: &mut Verifier) {
        let mut find = |what: String, broker: &str| verifier.find(self.dir, &what, broker);
        if self.log_start > end {
            find(
                format!(
                    "the log start {} lies behind the log's end, {end}",
                    self.log_start
                ),
                "the next start deletes everything and begins there",
            );
        }
        if self.recovery_point > end {
            find(
                format!(
                    "the recovery point {} lies behind the log's end, {end}",
                    self.recovery_point
                ),
                "after an unclean stop only the last segment is checked",
            );
        }
        match self.high_watermark {
            Some(high) if high > end => find(
                format!("the high watermark {high} lies behind the log's end, {end}"),
                "it is lowered to the end",
            ),
            Some(high) if high < self.log_start.max(first) => find(
                format!("the high watermark {high} lies before the log's start"),
                "it is raised to the start",
            ),
            _ => {}
        }
    }

    /// E2, RL7: the file against the batches, from the log start on.
    fn epoch_file(&self, walk: &Walk, end: i64, verifier: &mut Verifier) {
        let path = self.path(EPOCH_FILE);
        let Some(content) = self.files.get(EPOCH_FILE) else {
            if !walk.epochs.is_empty() {
                let broker = "followers cannot be told where they differ; a scan adds epochs anew";
                verifier.find(&path, "it is missing", broker);
            }
            return;
        };
        let entries = match EpochEntry::parse_file(content) {
            Ok(entries) => entries,
            Err(problem) => {
                let broker = "the log is not loaded; the broker ends with status 1";
                return verifier.find(&path, &problem, broker);
            }
        };
        for pair in entries.windows(2) {
            if pair[1].epoch <= pair[0].epoch || pair[1].start_offset <= pair[0].start_offset {
                let what = format!("epoch {} does not follow {}", pair[1].epoch, pair[0].epoch);
                verifier.find(&path, &what, "earlier entries are dropped when it is read");
            }
        }
        if let Some(beyond) = entries.iter().find(|entry| entry.start_offset > end) {
            let what = format!(
                "epoch {} begins at {}, behind the log's end, {end}",
                beyond.epoch, beyond.start_offset
            );
            verifier.find(&path, &what, "the next start drops it");
        }
        for EpochRun { epoch, begin, end } in &walk.epochs {
            let (begin, end) = ((*begin).max(self.log_start), *end);
            let inside = entries.iter().map(|entry| entry.start_offset);
            let inside = inside.filter(|start| (begin + 1..end).contains(start));
            let other = std::iter::once(begin).chain(inside).find_map(|offset| {
                let said = entries
                    .iter()
                    .rev()
                    .find(|entry| entry.start_offset <= offset);
                let said = said.map(|entry| entry.epoch);
                (begin < end && said != Some(*epoch)).then_some((offset, said))
            });
            if let Some((offset, said)) = other {
                let said = said.map_or("no epoch".to_owned(), |said| format!("epoch {said}"));
                let what = format!("it says {said} for offset {offset}, the batch says {epoch}");
                verifier.find(&path, &what, "a start does not notice");
            }
        }
    }

    fn readable_snapshots(&self) -> BTreeMap<i64, Vec<(i64, ProducerStateEntry)>> {
        let snapshots = self.files.iter().filter_map(|(name, content)| {
            let offset = name.strip_suffix(".snapshot")?.parse().ok()?;
            Some((offset, parse_snapshot(content).ok()?))
        });
        snapshots.collect()
    }

    /// Snapshots at or below `offset` must say what the batches before it say.
    fn hold_against_snapshots(&self, walk: &mut Walk, offset: i64, verifier: &mut Verifier) {
        while let Some(ahead) = walk.snapshots.first_entry()
            && *ahead.key() <= offset
        {
            let newest = self.files.keys().rfind(|name| name.ends_with(".snapshot"));
            let (at, snapshot) = ahead.remove_entry();
            let name = format!("{at:020}.snapshot");
            let log = |name: &&str| name.strip_suffix(".log")?.parse().ok();
            let first = self.files.keys().find_map(log).unwrap_or(0);
            if !walk.sound {
                continue;
            }
            let due = walk.next_offset.unwrap_or(first);
            let is_explained = self.compacted || walk.compaction.explains_a_gap();
            if due < at && !is_explained {
                continue;
            }
            walk.compaction.note_gap(due..at);
            let differs = walk.producers.differ(first, &walk.compaction, &snapshot);
            if let Some(what) = differs {
                let broker = if newest == Some(&name.as_str()) {
                    "a start does not notice; it may take a batch twice, or refuse a good one"
                } else {
                    "a start does not notice unless the newer ones are gone"
                };
                verifier.find(&self.path(&name), &what, broker);
            }
        }
    }

    /// A directory without the file belongs to whichever topic has the name.
    fn topic_id(&self, verifier: &mut Verifier) {
        let path = self.path(METADATA_FILE);
        match self
            .files
            .get(METADATA_FILE)
            .map(|content| partition_metadata_problem(content))
        {
            Some(None) => {}
            Some(Some(problem)) => verifier.find(&path, &problem, "its start ends with status 1"),
            None => {
                let broker = "it is made anew once the broker is told the topic's id";
                verifier.find(&path, "it is missing", broker);
            }
        }
    }

    /// RL8.
    fn snapshots(&self, walk: &Walk, end: i64, verifier: &mut Verifier) {
        let any = self.files.keys().any(|name| name.ends_with(".snapshot"));
        let producers = walk.producers.count();
        if self.clean && !any && producers > 0 {
            let producers = counted(producers, "producer");
            let what = format!("there is no snapshot of its {producers}");
            let broker = "the next start forgets them, and may take their batches twice";
            verifier.find(self.dir, &what, broker);
        }
        for (name, content) in self.files {
            let Some(base) = name.strip_suffix(".snapshot") else {
                continue;
            };
            let problem = match base.parse::<i64>() {
                Err(_) => "its name is no offset".to_owned(),
                Ok(offset) if offset > end => {
                    format!("it is of offset {offset}, behind the log's end, {end}")
                }
                Ok(_) => match parse_snapshot(content) {
                    Ok(_) => continue,
                    Err(problem) => problem,
                },
            };
            let broker =
                "it is deleted once it would be loaded, and producers are found in the log";
            verifier.find(&self.path(name), &problem, broker);
        }
    }
}

/// Follows transactions; what a marker of this batch aborts goes to `aborted`: producer, first offset
/// (unknown if the transaction began before the log), marker.
fn note_transaction(
    batch: &RecordBatch,
    walk: &mut Walk,
    aborted: &mut Vec<(i64, Option<i64>, i64)>,
) {
    let producer = batch.producer_id();
    if !batch.is_transactional() || producer < 0 {
        return;
    }
    if !batch.is_control() {
        walk.open.entry(producer).or_insert(batch.base_offset());
        return;
    }
    let first = walk.open.remove(&producer);
    let key = batch
        .records()
        .next()
        .and_then(Result::ok)
        .and_then(|r| r.key);
    // {i16 version 0, i16 type}; type 0 aborts.
    if key.is_some_and(|key| key.get(2..4) == Some(&[0, 0][..])) {
        aborted.push((producer, first, batch.last_offset()));
    }
}
