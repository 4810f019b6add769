//! How far readers are behind, fact by fact. A group's lag is what is committed in the log and not by the group; of a
//! consumer without a group, what it has not read.

use super::{Recording, Wanted};
use crate::check::CommittedOffsets;
use crate::kernel::Time;
use crate::protocol::{Fact, GroupFact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// From then on a reader is so far behind.
pub(super) struct Change<'a> {
    pub(super) time: Time,
    /// A group, or a consumer that has none.
    pub(super) reader: Rc<str>,
    pub(super) partition: &'a TopicPartition,
    /// None: nobody knows where it would go on.
    pub(super) lag: Option<i64>,
}

/// All changes in their order.
pub(super) fn changes<'a>(recording: &'a Recording, wanted: &Wanted) -> Vec<Change<'a>> {
    let mut told = Told {
        in_groups: in_groups(recording),
        ..Told::default()
    };
    for entry in &recording.facts {
        told.learn(entry, wanted);
    }
    told.changes
}

/// What facts say of it.
#[derive(Default)]
struct Told<'a> {
    /// Consumers whose groups say how far they are.
    in_groups: BTreeSet<&'a str>,
    committed: CommittedOffsets,
    partitions: BTreeMap<&'a TopicPartition, Partition>,
    changes: Vec<Change<'a>>,
}

/// A partition's end for readers, and who reads it.
#[derive(Default)]
struct Partition {
    end: i64,
    readers: BTreeMap<Rc<str>, Place>,
}

/// Of a reader in a partition.
#[derive(Default)]
struct Place {
    /// Its coordinator says how far it is.
    is_group: bool,
    /// Offset of what it reads next, if that is known.
    next: Option<i64>,
    lag: Option<i64>,
}

/// Who reads with a group that knows how far it is.
fn in_groups(recording: &Recording) -> BTreeSet<&str> {
    let facts = recording.facts.iter();
    let members = facts.filter(|entry| match &entry.fact {
        Fact::Group(GroupFact::PartitionsAssigned { .. }) => true,
        Fact::Group(GroupFact::AssignedByHand {
            commits_nothing, ..
        }) => !commits_nothing,
        _ => false,
    });
    members.map(|entry| &*entry.node).collect()
}

impl<'a> Told<'a> {
    fn learn(&mut self, entry: &'a TraceEntry, wanted: &Wanted) {
        match &entry.fact {
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            }
            // A new leader may know of less than the one before it.
            | Fact::BecameLeader {
                partition,
                high_watermark,
                ..
            } if wanted.shows(partition) => {
                let known = self.partitions.entry(partition).or_default();
                known.end = *high_watermark;
                for (reader, place) in &mut known.readers {
                    note(&mut self.changes, entry.time, (reader, partition), place, known.end);
                }
            }
            Fact::Consumed {
                partition, offset, ..
            } if wanted.shows(partition) && !self.in_groups.contains(&*entry.node) => {
                let next = Some(offset + 1);
                self.reads(entry.time, partition, (&entry.node, false), next);
            }
            Fact::Group(fact) => self.group(entry.time, fact, wanted),
            _ => {}
        }
    }

    fn group(&mut self, now: Time, fact: &'a GroupFact, wanted: &Wanted) {
        self.committed.learn(fact);
        match fact {
            GroupFact::OffsetCommitted {
                group, partition, ..
            }
            | GroupFact::OffsetExpired { group, partition }
                if wanted.shows(partition) =>
            {
                let next = self.committed.of(group, partition);
                self.reads(now, partition, (group, true), next);
            }
            // What a coordinator has loaded is what counts from now on: what it has not found is lost.
            GroupFact::Loaded { .. } => {
                for (partition, known) in &mut self.partitions {
                    let groups = known.readers.iter_mut().filter(|(_, it)| it.is_group);
                    for (reader, place) in groups {
                        place.next = self.committed.of(reader, partition);
                        let of = (reader, *partition);
                        note(&mut self.changes, now, of, place, known.end);
                    }
                }
            }
            _ => {}
        }
    }

    /// It goes on from there.
    fn reads(
        &mut self,
        now: Time,
        partition: &'a TopicPartition,
        (reader, is_group): (&Rc<str>, bool),
        next: Option<i64>,
    ) {
        let known = self.partitions.entry(partition).or_default();
        if !known.readers.contains_key(reader) {
            let place = Place {
                is_group,
                ..Place::default()
            };
            known.readers.insert(Rc::clone(reader), place);
        }
        if let Some(place) = known.readers.get_mut(reader) {
            place.next = next;
            note(
                &mut self.changes,
                now,
                (reader, partition),
                place,
                known.end,
            );
        }
    }
}

fn note<'a>(
    changes: &mut Vec<Change<'a>>,
    time: Time,
    (reader, partition): (&Rc<str>, &'a TopicPartition),
    place: &mut Place,
    end: i64,
) {
    let lag = place.next.map(|next| (end - next).max(0));
    if lag != place.lag {
        place.lag = lag;
        changes.push(Change {
            time,
            reader: Rc::clone(reader),
            partition,
            lag,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::LoadedOffset;

    fn entry(node: &str, fact: Fact) -> TraceEntry {
        TraceEntry {
            event: 1,
            time: Time(0),
            node: node.into(),
            fact,
        }
    }

    /// After these commits a coordinator reads that its group goes on there, or nothing; `reader` has no group.
    fn after(found: Option<i64>) -> Vec<(String, Option<i64>)> {
        let partition = || TopicPartition::new("t", 0);
        let committed = GroupFact::OffsetCommitted {
            group: "g".into(),
            partition: partition(),
            offset: 8,
            of_generation: 1,
            in_generation: 1,
        };
        let found = found.map(|offset| LoadedOffset {
            group: "g".into(),
            partition: partition(),
            offset,
        });
        let loaded = GroupFact::Loaded {
            partition: 0,
            of_partitions: 1,
            groups: Vec::new(),
            committed: found.into_iter().collect(),
        };
        let moved = Fact::HighWatermarkMoved {
            partition: partition(),
            high_watermark: 10,
            as_leader: true,
        };
        let consumed = Fact::Consumed {
            partition: partition(),
            offset: 4,
            leader_epoch: 0,
            content: 0,
        };
        let facts = vec![
            entry("broker-1", moved),
            entry("reader", consumed),
            entry("broker-1", Fact::Group(committed)),
            entry("broker-1", Fact::Group(loaded)),
        ];
        let recording = Recording {
            facts,
            ..Recording::default()
        };
        let changes = changes(&recording, &Wanted::default());
        let told = changes.iter().map(|it| (it.reader.to_string(), it.lag));
        told.collect()
    }

    #[test]
    fn what_a_coordinator_does_not_find_counts_in_no_lag() {
        let before = [("reader".to_owned(), Some(5)), ("g".to_owned(), Some(2))];
        let and = |lag| [&before[..], &[("g".to_owned(), lag)]].concat();
        assert_eq!(after(Some(8)), before);
        assert_eq!(after(Some(3)), and(Some(7)));
        assert_eq!(after(None), and(None));
    }
}
