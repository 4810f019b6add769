//! The bytes of one batch as they lie on a broker's disk: to the left the bytes, to the right the tree of its fields, each
//! with its number and colour in both. Header, and one of its records.
//!
//! What a trace does not hold: a run is played, and its brokers' disks are looked at. May not know more of the format
//! than `log::batch` reads.

mod fields;
mod tree;

use super::picture::{Anchor, Picture, Style};
use super::{Around, Nothing, Recording, Wanted, letters};
use crate::kernel::Time;
use crate::log::batch::{HEADER_SIZE, Place, RecordBatch, Says};
use crate::node::view::ClusterView;
use crate::protocol::counted;
use crate::protocol::{BrokerId, Fact, TopicPartition};
use crate::report::stored_batches;
pub(crate) use fields::{COVERED, Dissected};
use std::ops::Range;

/// The left edge of the bytes, from one to the next, and how many stand in a row.
const LEFT: i32 = 46;
const PITCH: i32 = 21;
const COLUMNS: usize = 16;
const ROW: i32 = 30;
const TOP: i32 = 62;
/// So many bytes of a field are shown.
const MOST: usize = 96;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    if recording.played.is_none() {
        return Err(Nothing::in_a_trace("the bytes on brokers' disks"));
    }
    let (partition, offset, time) = place(recording, wanted)?;
    let find = |view: &dyn ClusterView| stored(view, &partition, offset);
    let at_end = recording.look(recording.end, find).flatten();
    // It may have been there, and is deleted since.
    let before = || time.and_then(|time| recording.look(time, find).flatten());
    let (broker, batch) = at_end.or_else(before).ok_or_else(|| Nothing {
        found: format!("{partition} offset {offset} lies on no broker's disk"),
        expected: "a record that is stored at the end".to_owned(),
    })?;
    let of = Dissected::of(batch).ok_or_else(|| Nothing {
        found: format!("{partition} offset {offset} lies in a message of an older format"),
        expected: "a batch of format 2, Kafka's since 0.11".to_owned(),
    })?;
    let shown = Shown {
        partition,
        offset,
        broker,
        of,
    };
    Ok(shown.picture(recording))
}

/// Which record is meant, and when it was acknowledged.
fn place(
    recording: &Recording,
    wanted: &Wanted,
) -> Result<(TopicPartition, i64, Option<Time>), Nothing> {
    if let Some(Around::Offset(partition, offset)) = &wanted.around {
        return Ok((partition.clone(), *offset, None));
    }
    let from = wanted.moment(recording).unwrap_or(Time::ZERO);
    let found = recording.facts.iter().find_map(|entry| match &entry.fact {
        Fact::Acked {
            record,
            partition,
            offset: offset @ 0..,
            ..
        } => {
            let fits = match &wanted.around {
                Some(Around::Record(it)) => it == record,
                _ => entry.time >= from && wanted.shows(partition),
            };
            fits.then(|| (partition.clone(), *offset, Some(entry.time)))
        }
        _ => None,
    });
    found.ok_or_else(|| match &wanted.around {
        Some(Around::Record(it)) => Nothing {
            found: format!(
                "{}#{} was not acknowledged with an offset, so no fact says where it lies",
                it.producer, it.number
            ),
            expected: "a record that was, or a place such as record:t-0@17".to_owned(),
        },
        _ => Nothing {
            found: "no record was acknowledged with an offset in this run, or after that moment"
                .to_owned(),
            expected: "a run with producers whose acks are not 0".to_owned(),
        },
    })
}

/// The batch with this offset, and the broker on whose disk it is looked at: the leader, or another that has it.
fn stored(
    view: &dyn ClusterView,
    partition: &TopicPartition,
    offset: i64,
) -> Option<(BrokerId, RecordBatch)> {
    let committed = view.committed();
    let state = committed.iter().find(|it| it.partition == *partition)?;
    let mut brokers = vec![state.leader];
    brokers.extend(state.replicas.iter().filter(|it| **it != state.leader));
    brokers.into_iter().find_map(|broker| {
        let batches = stored_batches(view, broker, partition, (offset, offset));
        Some((broker, batches.into_iter().next()?))
    })
}

struct Shown {
    partition: TopicPartition,
    offset: i64,
    broker: BrokerId,
    of: Dissected,
}

/// A field with its number.
struct Numbered<'a> {
    number: u32,
    place: &'a Place,
}

impl Shown {
    fn picture(&self, recording: &Recording) -> Picture {
        let Shown {
            partition, offset, ..
        } = self;
        let mut picture = Picture::new(
            format!(
                "{}: the bytes of {partition} offset {offset}",
                recording.name
            ),
            format!(
                "The batch of {} with this record, as it lies on the disk of broker-{}. To the left its bytes, two digits \
                 each; to the right its fields in their order, with the same numbers and colours. A line under bytes: the \
                 checksum covers them.",
                counted(self.of.layout.bytes.len(), "byte"),
                self.broker
            ),
        );
        picture.text((12, 24), picture.title.clone(), Style::Strong);
        let place = format!(
            "on the disk of broker-{}, file {partition}/*.log",
            self.broker
        );
        picture.text((12, 42), place, Style::Faint);
        let rest = Place {
            name: "records",
            at: self.of.layout.rest.clone(),
            says: Says::Bytes,
        };
        let header = self.of.layout.header.iter();
        let record = self.record();
        let fields = record.map_or(&[][..], |(_, fields)| fields).iter();
        let packed = (record.is_none() && !rest.at.is_empty()).then_some(&rest);
        let numbers = 1..;
        let all: Vec<Numbered<'_>> = numbers
            .zip(header.chain(fields).chain(packed))
            .map(|(number, place)| Numbered { number, place })
            .collect();
        let bytes_end = self.push_bytes(&mut picture, &all);
        let tree_end = self.push_tree(&mut picture, &all);
        let y = bytes_end.max(tree_end) + 8;
        let note = "left of a row: its place in the batch; above a byte: the number of the field that begins or goes on there; \
                    a line below: covered by the checksum";
        picture.text((12, y), note, Style::Faint);
        picture.fit(12);
        picture
    }

    /// The one that is meant, and its place among the others.
    fn record(&self) -> Option<(usize, &[Place])> {
        let delta = self.offset - self.of.batch.base_offset();
        let records = self.of.layout.records.iter().enumerate();
        let is_meant = |fields: &&Vec<Place>| {
            let has = |it: &Place| it.name == "offsetDelta" && it.says == Says::Varint(delta);
            fields.iter().any(has)
        };
        let mut found = records.filter(|(_, fields)| is_meant(fields));
        found.next().map(|(place, fields)| (place, &fields[..]))
    }

    /// Where the next may begin.
    fn push_bytes(&self, picture: &mut Picture, all: &[Numbered<'_>]) -> i32 {
        let mut y = TOP;
        let mut end = 0;
        for run in runs(all) {
            if run.start > end {
                picture.text((LEFT, y + 10), self.gap(end..run.start), Style::Faint);
                y += 18;
            }
            end = run.end;
            let mut from = run.start;
            while from < run.end {
                let until = run.end.min(from + COLUMNS);
                self.push_row(picture, y, from..until, all);
                y += ROW;
                from = until;
            }
        }
        if end < self.of.layout.bytes.len() {
            let words = self.gap(end..self.of.layout.bytes.len());
            picture.text((LEFT, y + 10), words, Style::Faint);
            y += 18;
        }
        y
    }

    fn gap(&self, gap: Range<usize>) -> String {
        let records = self.of.layout.records.iter();
        let begin = records.filter(|it| {
            it.first()
                .is_some_and(|first| gap.contains(&first.at.start))
        });
        let bytes = counted(gap.len(), "byte");
        match begin.count() {
            0 => format!(".. {bytes} more, not shown"),
            count => format!(".. {bytes} not shown, with {}", counted(count, "record")),
        }
    }

    fn push_row(&self, picture: &mut Picture, y: i32, row: Range<usize>, all: &[Numbered<'_>]) {
        let x = |at: usize| LEFT + PITCH * i32::try_from(at - row.start).unwrap_or(0);
        let place = row.start.to_string();
        picture.text_at((LEFT - 6, y + 23), Anchor::End, place, Style::Faint);
        for field in all {
            let (start, end) = (
                field.place.at.start.max(row.start),
                field.place.at.end.min(row.end),
            );
            if start >= end {
                continue;
            }
            let style = Style::Epoch(field.number - 1);
            let size = (x(end) - x(start) - 1, 15);
            picture
                .rect((x(start), y + 12), size, style)
                .because(Dissected::why(field.place));
            let number = field.number.to_string();
            picture.text((x(start) + 1, y + 9), number, Style::Faint);
            for at in start..end {
                let digits = format!("{:02x}", self.of.layout.bytes[at]);
                let middle = x(at) + PITCH / 2;
                picture.text_at((middle, y + 23), Anchor::Middle, digits, style);
            }
        }
        let covered = row.start.max(COVERED);
        if covered < row.end {
            let (from, to) = ((x(covered), y + 29), (x(row.end) - 1, y + 29));
            picture.line(from, to, Style::Ink).because(
                "the CRC-32C covers everything from the attributes to the end of the batch",
            );
        }
    }
}

/// Which bytes are shown: of each field the first ones.
fn runs(all: &[Numbered<'_>]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for field in all {
        let at = &field.place.at;
        let end = at.end.min(at.start + MOST);
        match runs.last_mut() {
            // A record begins a row of its own.
            Some(last) if last.end == at.start && at.start != HEADER_SIZE => last.end = end,
            _ => runs.push(at.start..end),
        }
    }
    runs
}

/// Cut so that it ends in the picture.
fn cut(text: &str, from: i32) -> String {
    letters::cut(text, 11, 940 - from)
}
