//! Which positions each reader has read, in which order: facts say which records, brokers' disks say what is in them.

use crate::figure::{Recording, Wanted};
use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::protocol::{Fact, GroupFact, TopicPartition, content_of};
use crate::report::stored_batches;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

#[derive(Default)]
pub(super) struct Seen<'a> {
    pub views: BTreeMap<Of<'a>, Trucks>,
    /// Records that are no position that can be read.
    pub others: usize,
}

/// A group, or a consumer without one, and a topic that it reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Of<'a> {
    topic: &'a str,
    reader: &'a str,
}

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} reads {}", self.reader, self.topic)
    }
}

/// By name, each with what was read of it, in that order.
pub(super) type Trucks = BTreeMap<String, Vec<Sighting>>;

/// A position, in millionths of a degree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sighting {
    /// Counts the truck's positions.
    pub number: u64,
    pub latitude: i64,
    pub longitude: i64,
    pub partition: i32,
}

/// A record that somebody has read.
struct Read<'a> {
    of: Of<'a>,
    partition: &'a TopicPartition,
    offset: i64,
    content: u64,
}

/// A record that lies in a log, and what it says of whom.
type Found = BTreeMap<i64, Vec<(u64, Option<(String, Sighting)>)>>;

impl<'a> Seen<'a> {
    /// None of a trace.
    pub(super) fn until(
        recording: &'a Recording,
        wanted: &Wanted,
        until: Time,
    ) -> Option<Seen<'a>> {
        recording.played.as_ref()?;
        let read = read(recording, wanted, until);
        let mut wanted: BTreeMap<&TopicPartition, Vec<(i64, u64)>> = BTreeMap::new();
        for it in &read {
            let offsets = wanted.entry(it.partition).or_default();
            offsets.push((it.offset, it.content));
        }
        let found = recording.look(until, |view| {
            let of = wanted.iter();
            of.map(|(partition, offsets)| (*partition, found(view, partition, offsets)))
                .collect::<BTreeMap<_, _>>()
        })?;
        let mut seen = Seen::default();
        for it in read {
            let records = found.get(it.partition).and_then(|of| of.get(&it.offset));
            let mut records = records.into_iter().flatten();
            match records.find(|(content, _)| *content == it.content) {
                Some((_, Some((truck, sighting)))) => {
                    let trucks = seen.views.entry(it.of).or_default();
                    let way = trucks.entry(truck.clone()).or_default();
                    way.push(sighting.clone());
                }
                _ => seen.others += 1,
            }
        }
        Some(seen)
    }
}

fn read<'a>(recording: &'a Recording, wanted: &Wanted, until: Time) -> Vec<Read<'a>> {
    let mut groups: BTreeMap<&str, &str> = BTreeMap::new();
    let mut read = Vec::new();
    let facts = recording.facts.iter();
    for entry in facts.take_while(|it| it.time <= until) {
        match &entry.fact {
            Fact::Group(GroupFact::PartitionsAssigned { group, .. }) => {
                groups.insert(&entry.node, group);
            }
            Fact::Consumed {
                partition,
                offset,
                content,
                ..
            } if wanted.shows(partition) => {
                let reader = groups.get(&*entry.node).copied().unwrap_or(&entry.node);
                read.push(Read {
                    of: Of {
                        topic: &partition.topic,
                        reader,
                    },
                    partition,
                    offset: *offset,
                    content: *content,
                });
            }
            _ => {}
        }
    }
    read
}

/// In the leader's log, or in the log of another replica that has what is missing there.
fn found(view: &dyn ClusterView, partition: &TopicPartition, wanted: &[(i64, u64)]) -> Found {
    let mut found = Found::new();
    let offsets = || wanted.iter().map(|(offset, _)| *offset);
    let (Some(first), Some(last)) = (offsets().min(), offsets().max()) else {
        return found;
    };
    let committed = view.committed();
    let Some(state) = committed.iter().find(|it| it.partition == *partition) else {
        return found;
    };
    let others = state.replicas.iter().filter(|it| **it != state.leader);
    for broker in [state.leader].iter().chain(others) {
        for batch in stored_batches(view, *broker, partition, (first, last)) {
            for record in batch.records().map_while(Result::ok) {
                let value = record.value.as_deref();
                let content = content_of(record.key.as_deref(), value);
                let here = found.entry(record.offset).or_default();
                if here.iter().all(|(other, _)| *other != content) {
                    let says = value.and_then(|it| position(it, partition.partition));
                    here.push((content, says));
                }
            }
        }
        let has = |(offset, content): &(i64, u64)| {
            let here = found.get(offset);
            here.is_some_and(|here| here.iter().any(|(it, _)| it == content))
        };
        if wanted.iter().all(has) {
            break;
        }
    }
    found
}

/// What a value says, as the workload `position` writes it: which truck is where.
fn position(value: &[u8], partition: i32) -> Option<(String, Sighting)> {
    let Value::Object(fields) = serde_json::from_slice(value).ok()? else {
        return None;
    };
    let sighting = Sighting {
        number: fields.get("number")?.as_u64()?,
        latitude: millionths(&fields.get("latitude")?.as_number()?.to_string())?,
        longitude: millionths(&fields.get("longitude")?.as_number()?.to_string())?,
        partition,
    };
    Some((fields.get("truck")?.as_str()?.to_owned(), sighting))
}

/// Of a number as it is written, with six digits behind the point.
fn millionths(text: &str) -> Option<i64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = rest.chars().chain("000000".chars()).take(6).collect();
    format!("{whole}{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let says =
            br#"{"truck":"red-1","number":7,"time":1,"latitude":52.520100,"longitude":-0.4}"#;
        let sighting = Sighting {
            number: 7,
            latitude: 52_520_100,
            longitude: -400_000,
            partition: 2,
        };
        assert_eq!(position(says, 2), Some(("red-1".to_owned(), sighting)));
        for other in [
            "7",
            "red",
            "{}",
            r#"{"truck":"a","number":1,"latitude":"x","longitude":1}"#,
        ] {
            assert_eq!(position(other.as_bytes(), 0), None, "{other}");
        }
    }
}
