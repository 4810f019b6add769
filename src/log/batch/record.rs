//! One record, and the records of a batch in order (class DefaultRecord).

use crate::log::batch::fields::{Field, Fields, Flaw};
use crate::log::batch::unpacker::{Problem, Unpacker};
use crate::log::batch::{
    BatchProblem, CorruptBatch, HEADER_SIZE, Headers, RecordBatch, TimestampType, legacy,
};
use bytes::Bytes;
use std::ops::Range;
use std::vec::IntoIter;

/// A record as an application sees it. Bytes are shared with the batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub offset: i64,
    /// Milliseconds since 1970; the append time if the batch says so; -1 for none.
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Headers,
}

/// Iterates over a batch's records, unpacking one at a time; after an error it ends. An error about
/// the end of the records comes in place of the last one.
pub struct RecordIter {
    source: Source,
    base: Base,
    /// Records not read yet, and how many there were.
    left: i32,
    count: i32,
    state: State,
}

enum Source {
    Plain {
        records: Bytes,
        position: usize,
    },
    Packed(Box<Unpacker>),
    /// Of an old format, unpacked already; and what comes when they are read.
    Legacy(IntoIter<Result<Record, Problem>>),
}

enum State {
    Reading,
    Ended,
    /// To be said next.
    Failed(Box<Problem>),
}

impl RecordIter {
    pub(crate) fn new(batch: &RecordBatch) -> RecordIter {
        if batch.is_legacy() {
            return RecordIter::of_messages(batch);
        }
        let count = batch.records_count();
        let (source, failed) = match Unpacker::of(batch) {
            _ if count < 0 => (Source::empty(), Some(impossible_count(count))),
            Err(problem) => (Source::empty(), Some((problem, ATTRIBUTES_AT))),
            Ok(Some(unpacker)) => (Source::Packed(Box::new(unpacker)), None),
            Ok(None) => {
                let (records, position) = (batch.records_bytes(), 0);
                (Source::Plain { records, position }, None)
            }
        };
        RecordIter {
            source,
            base: Base::of(batch),
            left: count,
            count,
            state: failed.map_or(State::Reading, |problem| State::Failed(Box::new(problem))),
        }
    }

    fn of_messages(batch: &RecordBatch) -> RecordIter {
        let (messages, problem) = legacy::messages(batch);
        let records = messages.iter().map(legacy::Message::sound_record);
        let records: Vec<_> = records.chain(problem.map(Err)).collect();
        let count = i32::try_from(records.len()).unwrap_or(i32::MAX);
        RecordIter {
            source: Source::Legacy(records.into_iter()),
            base: Base::of(batch),
            left: count,
            count,
            state: State::Reading,
        }
    }

    /// The next record, whatever the count says; none at the end of the bytes.
    fn read_record(&mut self) -> Result<Option<Record>, Problem> {
        match &mut self.source {
            Source::Plain { records, position } => {
                if *position == records.len() {
                    return Ok(None);
                }
                let mut fields = Fields::new(records);
                let record = fields
                    .enter(*position)
                    .and_then(|()| read_fields(self.base, records, &mut fields))
                    .map_err(|flaw| plain(fields.problem(flaw)))?;
                *position = fields.end();
                Ok(Some(record))
            }
            Source::Packed(unpacker) => {
                let mut body = Vec::new();
                if unpacker.next(&mut body)?.is_none() {
                    return Ok(None);
                }
                let origin = unpacker.position() - body.len() as u64;
                let body = Bytes::from(body);
                let mut fields = Fields::new(&body);
                read_fields(self.base, &body, &mut fields)
                    .map(Some)
                    .map_err(|flaw| from(origin, fields.problem(flaw)))
            }
            Source::Legacy(records) => records.next().transpose(),
        }
    }

    /// There must be nothing behind the last record.
    fn ensure_none_remain(&mut self) -> Result<(), Problem> {
        let at = self.source.position();
        let bytes = match &mut self.source {
            Source::Plain { records, position } => (records.len() - *position) as u64,
            Source::Packed(unpacker) => unpacker.rest()?,
            Source::Legacy(_) => 0,
        };
        none_remain(self.count, bytes, at)
    }

    /// The next record with all that there is to check around it.
    fn step(&mut self) -> Result<Option<Record>, Problem> {
        match std::mem::replace(&mut self.state, State::Reading) {
            State::Failed(problem) => return Err(*problem),
            State::Ended => return Ok(None),
            State::Reading if self.count == 0 => {
                self.ensure_none_remain()?;
                return Ok(None);
            }
            State::Reading => {}
        }
        let Some(record) = self.read_record()? else {
            let (said, found) = (self.count, self.count - self.left);
            let problem = BatchProblem::TooFewRecords { said, found };
            return Err((problem, self.source.position()));
        };
        self.left -= 1;
        if self.left == 0 {
            self.ensure_none_remain()?;
            self.state = State::Ended;
        }
        Ok(Some(record))
    }

    #[cold]
    fn next_checked(&mut self) -> Option<Result<Record, CorruptBatch>> {
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.state = State::Ended;
        }
        step.map_err(|problem| self.base.corrupt(problem))
            .transpose()
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, CorruptBatch>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.state, State::Ended) {
            return None;
        }
        // A record that is neither packed nor flawed, and has nothing behind it if it is the last, takes the
        // short way.
        if self.left > 0
            && let (State::Reading, Source::Plain { records, position }) =
                (&self.state, &mut self.source)
        {
            let mut fields = Fields::new(records);
            if fields.enter(*position).is_ok()
                && let Ok(record) = read_fields(self.base, records, &mut fields)
                && (self.left > 1 || fields.end() == records.len())
            {
                *position = fields.end();
                self.left -= 1;
                if self.left == 0 {
                    self.state = State::Ended;
                }
                return Some(Ok(record));
            }
        }
        self.next_checked()
    }
}

impl Source {
    fn empty() -> Source {
        let (records, position) = (Bytes::new(), 0);
        Source::Plain { records, position }
    }

    /// Where the next record begins: in the batch, or in the unpacked records.
    fn position(&self) -> u64 {
        match self {
            Source::Plain { position, .. } => (HEADER_SIZE + position) as u64,
            Source::Packed(unpacker) => unpacker.position(),
            Source::Legacy(_) => 0,
        }
    }
}

/// What the header tells of every record.
#[derive(Clone, Copy)]
struct Base {
    offset: i64,
    timestamp: i64,
    append_time: Option<i64>,
}

impl Base {
    fn of(batch: &RecordBatch) -> Base {
        let append = batch.timestamp_type() == TimestampType::LogAppendTime;
        Base {
            offset: batch.base_offset(),
            timestamp: batch.base_timestamp(),
            append_time: append.then(|| batch.max_timestamp()),
        }
    }

    #[inline(always)]
    fn timestamp(&self, delta: i64) -> i64 {
        self.append_time
            .unwrap_or(self.timestamp.wrapping_add(delta))
    }

    #[inline(always)]
    fn offset(&self, delta: i32) -> i64 {
        self.offset.wrapping_add(i64::from(delta))
    }

    fn corrupt(&self, (problem, position): Problem) -> CorruptBatch {
        CorruptBatch {
            problem,
            position,
            base_offset: Some(self.offset),
        }
    }
}

/// What a scan tells of a record.
pub(crate) struct Scanned {
    pub(crate) offset_delta: i32,
    pub(crate) timestamp: i64,
    pub(crate) has_key: bool,
}

/// Reads every record of a batch as strictly as iterating does, without taking anything out of it.
pub(crate) fn scan_records(
    batch: &RecordBatch,
    visit: impl FnMut(Scanned),
) -> Result<(), CorruptBatch> {
    scan_records_from(batch, 0, 0, visit)
}

/// Reads the records of a batch from the one of number `first` on, which begins at `position` of the
/// records section (0 if that is compressed).
pub(crate) fn scan_records_from(
    batch: &RecordBatch,
    first: i32,
    position: usize,
    visit: impl FnMut(Scanned),
) -> Result<(), CorruptBatch> {
    let base = Base::of(batch);
    let count = batch.records_count();
    let outcome = match Unpacker::of(batch) {
        _ if count < 0 => Err(impossible_count(count)),
        Err(problem) => Err((problem, ATTRIBUTES_AT)),
        Ok(None) => {
            scan_plain(base, batch.records_slice(), first..count, position, visit).map_err(plain)
        }
        Ok(Some(unpacker)) => scan_packed(base, unpacker, count, visit),
    };
    outcome.map_err(|problem| base.corrupt(problem))
}

fn scan_plain(
    base: Base,
    records: &[u8],
    numbers: Range<i32>,
    mut position: usize,
    mut visit: impl FnMut(Scanned),
) -> Result<(), (BatchProblem, usize)> {
    let count = numbers.end;
    for found in numbers {
        if position == records.len() {
            return Err((BatchProblem::TooFewRecords { said: count, found }, position));
        }
        let mut fields = Fields::new(records);
        let scanned = fields
            .enter(position)
            .and_then(|()| scan_fields(base, &mut fields));
        match scanned {
            Ok(scanned) => visit(scanned),
            Err(flaw) => return Err(fields.problem(flaw)),
        }
        position = fields.end();
    }
    none_remain(count, (records.len() - position) as u64, 0)
        .map_err(|(problem, _)| (problem, position))
}

fn scan_packed(
    base: Base,
    mut unpacker: Unpacker,
    count: i32,
    mut visit: impl FnMut(Scanned),
) -> Result<(), Problem> {
    let mut body = Vec::new();
    for found in 0..count {
        if unpacker.next(&mut body)?.is_none() {
            let problem = BatchProblem::TooFewRecords { said: count, found };
            return Err((problem, unpacker.position()));
        }
        let origin = unpacker.position() - body.len() as u64;
        let mut fields = Fields::new(&body);
        let scanned =
            scan_fields(base, &mut fields).map_err(|flaw| from(origin, fields.problem(flaw)))?;
        visit(scanned);
    }
    let at = unpacker.position();
    none_remain(count, unpacker.rest()?, at)
}

/// Where a batch's codec stands in it.
const ATTRIBUTES_AT: u64 = 21;

fn impossible_count(count: i32) -> Problem {
    (BatchProblem::Count { count }, HEADER_SIZE as u64 - 4)
}

fn none_remain(said: i32, bytes: u64, at: u64) -> Result<(), Problem> {
    if bytes == 0 {
        Ok(())
    } else {
        Err((BatchProblem::RecordsRemain { said, bytes }, at))
    }
}

/// A place in the records section, told from the batch's start.
fn plain(problem: (BatchProblem, usize)) -> Problem {
    from(HEADER_SIZE as u64, problem)
}

fn from(origin: u64, (problem, position): (BatchProblem, usize)) -> Problem {
    (problem, origin + position as u64)
}

/// The record whose fields the cursor stands before.
#[inline(always)]
fn read_fields(base: Base, bytes: &Bytes, fields: &mut Fields<'_>) -> Result<Record, Flaw> {
    fields.skip_attributes()?;
    let timestamp_delta = fields.varlong()?;
    let offset_delta = fields.varint()?;
    let key = fields.nullable(Field::Key)?;
    let value = fields.nullable(Field::Value)?;
    let count = fields.header_count()?;
    let headers_at = fields.position();
    fields.skip_headers(count)?;
    fields.finish()?;
    let slice = |(from, to)| bytes.slice(from..to);
    Ok(Record {
        offset: base.offset(offset_delta),
        timestamp: base.timestamp(timestamp_delta),
        key: key.map(slice),
        value: value.map(slice),
        headers: if count == 0 {
            Headers::default()
        } else {
            Headers::encoded(bytes.slice(headers_at..fields.end()), count)
        },
    })
}

#[inline(always)]
fn scan_fields(base: Base, fields: &mut Fields<'_>) -> Result<Scanned, Flaw> {
    fields.skip_attributes()?;
    let timestamp_delta = fields.varlong()?;
    let offset_delta = fields.varint()?;
    let has_key = fields.nullable(Field::Key)?.is_some();
    fields.nullable(Field::Value)?;
    let count = fields.header_count()?;
    fields.skip_headers(count)?;
    fields.finish()?;
    Ok(Scanned {
        offset_delta,
        timestamp: base.timestamp(timestamp_delta),
        has_key,
    })
}
