//! C-4, J13: a group goes on nowhere behind what its members were given. What is committed by a member, and where one
//! begins again, some member was given everything before it, or was set behind it by its reset policy or its
//! application.
//!
//! Looks at what members get and where they are set, at what coordinators say that members have committed, and at
//! where members begin that begin where their group has committed. So nothing below a group's offsets was given to
//! nobody; whether it was processed too is counted by expectations.

use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, GroupFact, Routine, TopicPartition, counted};
use crate::trace::{ByNode, TraceEntry};
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "a group goes on nowhere behind what it was given";

#[derive(Default)]
pub(super) struct GroupsSkipNothing {
    /// Of which of the groups a client is.
    members: ByNode<Option<usize>>,
    groups: Vec<Group>,
    looked_at: u64,
}

struct Group {
    name: Rc<str>,
    /// The first offset that no member was given.
    given: BTreeMap<TopicPartition, i64>,
}

impl Property for GroupsSkipNothing {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Consumed]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::Group(
                GroupFact::PartitionsAssigned { group, .. }
                | GroupFact::AssignedByHand { group, .. },
            ) => {
                let place = self.place(group);
                *self.members.of(&entry.node) = Some(place);
                None
            }
            Fact::Consumed {
                partition, offset, ..
            } => {
                self.is_given(entry, partition, offset + 1);
                None
            }
            Fact::PositionSet {
                partition, offset, ..
            } => {
                self.is_given(entry, partition, *offset);
                None
            }
            Fact::Group(GroupFact::OffsetCommitted {
                group,
                partition,
                offset,
                of_generation: 0..,
                ..
            }) => self.held_against(entry, group, partition, *offset, "commits"),
            Fact::Group(GroupFact::Resumed {
                group,
                partition,
                offset,
            }) => self.held_against(entry, group, partition, *offset, "goes on at"),
            _ => None,
        }
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "offset")
    }
}

impl GroupsSkipNothing {
    fn place(&mut self, group: &Rc<str>) -> usize {
        let known = self.groups.iter().position(|it| it.name == *group);
        known.unwrap_or_else(|| {
            self.groups.push(Group {
                name: Rc::clone(group),
                given: BTreeMap::new(),
            });
            self.groups.len() - 1
        })
    }

    fn is_given(&mut self, entry: &TraceEntry, partition: &TopicPartition, up_to: i64) {
        let Some(place) = *self.members.of(&entry.node) else {
            return;
        };
        let given = &mut self.groups[place].given;
        match given.get_mut(partition) {
            Some(known) => *known = (*known).max(up_to),
            None => {
                given.insert(partition.clone(), up_to);
            }
        }
    }

    fn held_against(
        &mut self,
        entry: &TraceEntry,
        group: &Rc<str>,
        partition: &TopicPartition,
        offset: i64,
        does: &str,
    ) -> Option<Violation> {
        self.looked_at += 1;
        let place = self.place(group);
        let given = self.groups[place].given.get(partition).copied();
        (given.unwrap_or(0) < offset).then(|| {
            let given = given.map_or_else(
                || "nothing".to_owned(),
                |given| format!("nothing from offset {given} on"),
            );
            let sentence = format!(
                "group {group} {does} {partition} offset {offset}, and its members were given {given}"
            );
            Violation::at(NAME, entry, sentence).of(partition)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, consumed, position};

    fn joins() -> Fact {
        Fact::Group(GroupFact::PartitionsAssigned {
            group: "g".into(),
            generation: 1,
            member: "m".into(),
            instance: None,
            partitions: Vec::new(),
            kept: [].into(),
        })
    }

    fn committed(offset: i64, of_generation: i32) -> Fact {
        Fact::Group(GroupFact::OffsetCommitted {
            group: "g".into(),
            partition: TopicPartition::new("t", 0),
            offset,
            of_generation,
            in_generation: 1,
        })
    }

    fn resumed(offset: i64) -> Fact {
        Fact::Group(GroupFact::Resumed {
            group: "g".into(),
            partition: TopicPartition::new("t", 0),
            offset,
        })
    }

    fn look(facts: Vec<Fact>) -> Option<String> {
        let scene = Scene::new();
        let entries: Vec<_> = facts.into_iter().map(|it| scene.fact("c", it)).collect();
        let mut property = alone(GroupsSkipNothing::default());
        property.after_event(&entries, &scene).map(|it| it.sentence)
    }

    #[test]
    fn fires_when_more_is_committed_than_was_given() {
        let given = || vec![joins(), position("t-0", 4), consumed("t-0", 4, "a")];
        assert_eq!(look([given(), vec![committed(5, 1)]].concat()), None);
        assert_eq!(
            look([given(), vec![committed(6, 1)]].concat()).unwrap(),
            "group g commits t-0 offset 6, and its members were given nothing from offset 5 on"
        );
        // An administrator may.
        assert_eq!(look([given(), vec![committed(6, -1)]].concat()), None);
    }

    #[test]
    fn fires_when_a_member_goes_on_behind_what_others_were_given() {
        let given = || vec![joins(), position("t-0", 4), consumed("t-0", 4, "a")];
        assert_eq!(look([given(), vec![resumed(5)]].concat()), None);
        assert_eq!(
            look([given(), vec![resumed(7)]].concat()).unwrap(),
            "group g goes on at t-0 offset 7, and its members were given nothing from offset 5 on"
        );
        assert_eq!(
            look(vec![joins(), resumed(7)]).unwrap(),
            "group g goes on at t-0 offset 7, and its members were given nothing"
        );
    }

    #[test]
    fn what_others_read_without_the_group_counts_for_nobody() {
        let alone = vec![consumed("t-0", 4, "a"), joins(), committed(5, 1)];
        assert!(look(alone).is_some());
    }
}
