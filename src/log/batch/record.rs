//! One record, and the records of a batch in order (class DefaultRecord).

use crate::log::batch::fields::{Fields, frame};
use crate::log::batch::unpacker::{Problem, Unpacker};
use crate::log::batch::{
    BatchProblem, CorruptBatch, HEADER_SIZE, Headers, RecordBatch, TimestampType,
};
use bytes::Bytes;

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
    /// Records read so far, and how many there should be.
    read: i32,
    count: i32,
    state: State,
}

enum Source {
    Plain { records: Bytes, position: usize },
    Packed(Box<Unpacker>),
}

enum State {
    /// Nothing was looked at.
    Fresh,
    Reading,
    Ended,
    /// To be said next.
    Failed(BatchProblem, u64),
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

    fn timestamp(&self, delta: i64) -> i64 {
        self.append_time
            .unwrap_or(self.timestamp.wrapping_add(delta))
    }

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

impl RecordIter {
    pub(crate) fn new(batch: &RecordBatch) -> RecordIter {
        let count = batch.records_count();
        let mut state = State::Fresh;
        if count < 0 {
            state = State::Failed(BatchProblem::Count { count }, HEADER_SIZE as u64 - 4);
        }
        let mut records = Bytes::new();
        let source = match Unpacker::of(batch) {
            Ok(Some(unpacker)) => Source::Packed(Box::new(unpacker)),
            Ok(None) => {
                records = batch.records_bytes();
                Source::Plain {
                    records,
                    position: 0,
                }
            }
            Err(problem) => {
                state = State::Failed(problem, 21);
                Source::Plain {
                    records,
                    position: 0,
                }
            }
        };
        RecordIter {
            source,
            base: Base::of(batch),
            read: 0,
            count,
            state,
        }
    }

    /// The next record, whatever the count says; none at the end of the bytes.
    fn read_record(&mut self) -> Result<Option<Record>, Problem> {
        match &mut self.source {
            Source::Plain { records, position } => {
                if *position == records.len() {
                    return Ok(None);
                }
                let (start, end) = frame(records, *position).map_err(plain)?;
                let record = read_fields(self.base, records, start, end).map_err(plain)?;
                *position = end;
                Ok(Some(record))
            }
            Source::Packed(unpacker) => {
                let mut body = Vec::new();
                if unpacker.next(&mut body)?.is_none() {
                    return Ok(None);
                }
                let origin = unpacker.position() - body.len() as u64;
                let body = Bytes::from(body);
                read_fields(self.base, &body, 0, body.len())
                    .map(Some)
                    .map_err(|(problem, at)| (problem, origin + at as u64))
            }
        }
    }

    /// There must be nothing behind the last record.
    fn ensure_none_remain(&mut self) -> Result<(), Problem> {
        let (at, bytes) = match &mut self.source {
            Source::Plain { records, position } => (
                (HEADER_SIZE + *position) as u64,
                (records.len() - *position) as u64,
            ),
            Source::Packed(unpacker) => (unpacker.position(), unpacker.rest()?),
        };
        none_remain(self.count, bytes, at)
    }

    fn step(&mut self) -> Result<Option<Record>, Problem> {
        match std::mem::replace(&mut self.state, State::Reading) {
            State::Failed(problem, at) => return Err((problem, at)),
            State::Ended => return Ok(None),
            State::Fresh if self.count == 0 => {
                self.ensure_none_remain()?;
                return Ok(None);
            }
            State::Fresh | State::Reading => {}
        }
        let Some(record) = self.read_record()? else {
            let (said, found) = (self.count, self.read);
            let at = match &self.source {
                Source::Plain { position, .. } => (HEADER_SIZE + position) as u64,
                Source::Packed(unpacker) => unpacker.position(),
            };
            return Err((BatchProblem::TooFewRecords { said, found }, at));
        };
        self.read += 1;
        if self.read == self.count {
            self.ensure_none_remain()?;
            self.state = State::Ended;
        }
        Ok(Some(record))
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, CorruptBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.state = State::Ended;
        }
        step.map_err(|problem| self.base.corrupt(problem))
            .transpose()
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
    let base = Base::of(batch);
    let count = batch.records_count();
    let outcome = match Unpacker::of(batch) {
        _ if count < 0 => Err((BatchProblem::Count { count }, HEADER_SIZE as u64 - 4)),
        Err(problem) => Err((problem, 21)),
        Ok(None) => scan_plain(base, &batch.records_bytes(), count, visit).map_err(plain),
        Ok(Some(unpacker)) => scan_packed(base, unpacker, count, visit),
    };
    outcome.map_err(|problem| base.corrupt(problem))
}

fn scan_plain(
    base: Base,
    records: &[u8],
    count: i32,
    mut visit: impl FnMut(Scanned),
) -> Result<(), (BatchProblem, usize)> {
    let mut position = 0;
    for found in 0..count {
        if position == records.len() {
            return Err((BatchProblem::TooFewRecords { said: count, found }, position));
        }
        let (start, end) = frame(records, position)?;
        visit(scan_fields(base, records, start, end)?);
        position = end;
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
        let scanned = scan_fields(base, &body, 0, body.len())
            .map_err(|(problem, at)| (problem, origin + at as u64))?;
        visit(scanned);
    }
    let at = unpacker.position();
    none_remain(count, unpacker.rest()?, at)
}

fn none_remain(said: i32, bytes: u64, at: u64) -> Result<(), Problem> {
    if bytes == 0 {
        Ok(())
    } else {
        Err((BatchProblem::RecordsRemain { said, bytes }, at))
    }
}

/// A place in the records section, told from the batch's start.
fn plain((problem, position): (BatchProblem, usize)) -> Problem {
    (problem, (HEADER_SIZE + position) as u64)
}

/// The record whose fields fill `start..end`.
fn read_fields(
    base: Base,
    bytes: &Bytes,
    start: usize,
    end: usize,
) -> Result<Record, (BatchProblem, usize)> {
    let mut fields = Fields::new(bytes, start, end);
    fields.skip_attributes()?;
    let timestamp_delta = fields.varlong()?;
    let offset_delta = fields.varint()?;
    let slice = |(from, to)| bytes.slice(from..to);
    let key = fields.nullable("key")?.map(slice);
    let value = fields.nullable("value")?.map(slice);
    let count = fields.header_count()?;
    let headers = if count == 0 {
        Headers::default()
    } else {
        let from = fields.position();
        fields.skip_headers(count)?;
        Headers::encoded(bytes.slice(from..fields.position()), count)
    };
    fields.finish(start)?;
    Ok(Record {
        offset: base.offset(offset_delta),
        timestamp: base.timestamp(timestamp_delta),
        key,
        value,
        headers,
    })
}

fn scan_fields(
    base: Base,
    bytes: &[u8],
    start: usize,
    end: usize,
) -> Result<Scanned, (BatchProblem, usize)> {
    let mut fields = Fields::new(bytes, start, end);
    fields.skip_attributes()?;
    let timestamp_delta = fields.varlong()?;
    let offset_delta = fields.varint()?;
    let has_key = fields.nullable("key")?.is_some();
    fields.nullable("value")?;
    let count = fields.header_count()?;
    fields.skip_headers(count)?;
    fields.finish(start)?;
    Ok(Scanned {
        offset_delta,
        timestamp: base.timestamp(timestamp_delta),
        has_key,
    })
}
