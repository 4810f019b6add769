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
                self.reads(entry.time, partition, &entry.node, Some(offset + 1));
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
                self.reads(now, partition, group, next);
            }
            // What a coordinator has loaded is what counts from now on.
            GroupFact::Loaded { .. } => {
                for (partition, known) in &mut self.partitions {
                    for (reader, place) in &mut known.readers {
                        if let Some(next) = self.committed.of(reader, partition) {
                            place.next = Some(next);
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
            }
            _ => {}
        }
    }

    /// It goes on from there.
    fn reads(
        &mut self,
        now: Time,
        partition: &'a TopicPartition,
        reader: &Rc<str>,
        next: Option<i64>,
    ) {
        let known = self.partitions.entry(partition).or_default();
        if !known.readers.contains_key(reader) {
            known.readers.insert(Rc::clone(reader), Place::default());
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
