//! Records that a group goes on behind, and that nobody of it was ever done with: acknowledged, between where the group
//! began and what it has committed last, and in the hands of no member that still runs. The expectation `records never
//! processed by group g` counts them, and `trial compare` those of every group of a run.

use super::committed_offsets::CommittedOffsets;
use crate::protocol::{Fact, GroupFact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

type Offsets = BTreeMap<TopicPartition, BTreeSet<i64>>;

#[derive(Debug, Default)]
pub struct Unprocessed {
    acknowledged: Offsets,
    groups: BTreeMap<Rc<str>, Group>,
    committed: CommittedOffsets,
    /// The group of each member that was given partitions.
    group_of: BTreeMap<Rc<str>, Rc<str>>,
    /// What `poll` gave each process that still runs.
    given: BTreeMap<Rc<str>, Offsets>,
}

#[derive(Debug, Default)]
struct Group {
    began: BTreeMap<TopicPartition, i64>,
    processed: Offsets,
}

impl Unprocessed {
    pub fn learn(&mut self, entry: &TraceEntry) {
        let node = &entry.node;
        match &entry.fact {
            Fact::Acked {
                partition, offset, ..
            } if *offset >= 0 => add(&mut self.acknowledged, partition, *offset),
            Fact::Consumed {
                partition, offset, ..
            } => add(
                self.given.entry(node.clone()).or_default(),
                partition,
                *offset,
            ),
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                self.given.remove(node);
            }
            Fact::PositionSet {
                partition, offset, ..
            } => {
                if let Some(group) = self.group_of.get(node) {
                    let began = &mut self.groups.entry(group.clone()).or_default().began;
                    began.entry(partition.clone()).or_insert(*offset);
                }
            }
            Fact::Group(
                GroupFact::PartitionsAssigned { group, .. }
                | GroupFact::AssignedByHand { group, .. },
            ) => {
                self.group_of.insert(node.clone(), group.clone());
            }
            Fact::Group(GroupFact::Processed {
                group,
                partition,
                offset,
            }) => {
                let group = self.groups.entry(group.clone()).or_default();
                add(&mut group.processed, partition, *offset);
            }
            Fact::Group(fact) => self.committed.learn(fact),
            _ => {}
        }
    }

    /// Of all groups together.
    pub fn count(&self) -> u64 {
        self.groups.keys().map(|group| self.count_of(group)).sum()
    }

    pub fn count_of(&self, name: &str) -> u64 {
        let Some(group) = self.groups.get(name) else {
            return 0;
        };
        let is_of_it = |node| self.group_of.get(node).is_some_and(|of| **of == *name);
        let members = self.given.iter().filter(|(node, _)| is_of_it(*node));
        let in_work: Vec<&Offsets> = members.map(|(_, given)| given).collect();
        let is_in = |offsets: &Offsets, partition: &TopicPartition, offset: &i64| {
            let offsets = offsets.get(partition);
            offsets.is_some_and(|offsets| offsets.contains(offset))
        };
        let mut count = 0;
        for (partition, committed) in self.committed.of_group(name) {
            let (Some(began), Some(acknowledged)) =
                (group.began.get(partition), self.acknowledged.get(partition))
            else {
                continue;
            };
            let passed = acknowledged
                .iter()
                .filter(|it| *began <= **it && **it < committed);
            let never = passed.filter(|offset| {
                let mut had = in_work.iter().copied().chain([&group.processed]);
                !had.any(|offsets| is_in(offsets, partition, offset))
            });
            count += never.count() as u64;
        }
        count
    }
}

fn add(offsets: &mut Offsets, partition: &TopicPartition, offset: i64) {
    match offsets.get_mut(partition) {
        Some(known) => {
            known.insert(offset);
        }
        None => {
            offsets.insert(partition.clone(), BTreeSet::from([offset]));
        }
    }
}
