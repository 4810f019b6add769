//! C-4, J13: a group goes on nowhere behind what its members were given. What is committed by a member, and where one
//! begins again, some member was given everything before it, or was set behind it by its reset policy or its
//! application.
//!
//! Looks at what members get and where they are set, at what coordinators say that members have committed, and at
//! where members begin that begin where their group has committed. So nothing below a group's offsets was given to
//! nobody; whether it was processed too is counted by expectations.
//!
//! A consumer that names its partitions itself reads for its group where nobody is a member of it. Beside members it
//! reads for itself, and what it commits while none is there is all that they go on behind. A coordinator that reads
//! the group's log may find such a commit in it whose answer nobody got.

use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, GroupFact, Routine, TopicPartition, counted};
use crate::trace::{ByNode, TraceEntry};
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "a group goes on nowhere behind what it was given";

#[derive(Default)]
pub(super) struct GroupsSkipNothing {
    readers: ByNode<Option<Reader>>,
    groups: Vec<Group>,
    looked_at: u64,
}

/// What a client is in one of the groups.
#[derive(Clone, Copy)]
struct Reader {
    group: usize,
    is: Is,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Member,
    /// It names its partitions itself.
    ByHand {
        commits: bool,
    },
}

struct Group {
    name: Rc<str>,
    /// It has or has had some.
    has_members: bool,
    given: BTreeMap<TopicPartition, Given>,
}

/// Of a partition, the first offset that was not given.
#[derive(Clone, Copy, Default)]
struct Given {
    /// To a member; or committed by who is none.
    members: Option<i64>,
    by_hand: Option<i64>,
    /// Of that, what its reader may have committed.
    may_be_committed: Option<i64>,
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
            Fact::Group(GroupFact::PartitionsAssigned { group, .. }) => {
                let group = self.place(group);
                self.groups[group].has_members = true;
                let is = Is::Member;
                *self.readers.of(&entry.node) = Some(Reader { group, is });
                None
            }
            Fact::Group(GroupFact::AssignedByHand {
                group,
                commits_nothing,
                ..
            }) => {
                let group = self.place(group);
                let commits = !commits_nothing;
                let is = Is::ByHand { commits };
                *self.readers.of(&entry.node) = Some(Reader { group, is });
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
                of_generation,
                ..
            }) => {
                if *of_generation >= 0 {
                    return self.held_against(entry, group, partition, *offset, "commits");
                }
                let group = self.place(group);
                self.raise(group, partition, |given| {
                    given.members = given.members.max(Some(*offset));
                });
                None
            }
            Fact::Group(GroupFact::Loaded { committed, .. }) => {
                for found in committed {
                    let group = self.place(&found.group);
                    self.raise(group, &found.partition, |given| {
                        let by_hand = given.may_be_committed.min(Some(found.offset));
                        given.members = given.members.max(by_hand);
                    });
                }
                None
            }
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
                has_members: false,
                given: BTreeMap::new(),
            });
            self.groups.len() - 1
        })
    }

    fn raise(&mut self, group: usize, partition: &TopicPartition, raise: impl Fn(&mut Given)) {
        let given = &mut self.groups[group].given;
        match given.get_mut(partition) {
            Some(known) => raise(known),
            None => raise(given.entry(partition.clone()).or_default()),
        }
    }

    fn is_given(&mut self, entry: &TraceEntry, partition: &TopicPartition, up_to: i64) {
        let Some(Reader { group, is }) = *self.readers.of(&entry.node) else {
            return;
        };
        let up_to = Some(up_to);
        self.raise(group, partition, |given| match is {
            Is::Member => given.members = given.members.max(up_to),
            Is::ByHand { commits } => {
                given.by_hand = given.by_hand.max(up_to);
                if commits {
                    given.may_be_committed = given.may_be_committed.max(up_to);
                }
            }
        });
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
        let of_group = &self.groups[place];
        let known = of_group.given.get(partition).copied().unwrap_or_default();
        let (given, whom) = match of_group.has_members {
            true => (known.members, "its members were"),
            false => (known.by_hand, "who reads for it was"),
        };
        (given.unwrap_or(0) < offset).then(|| {
            let given = given.map_or_else(
                || "nothing".to_owned(),
                |given| format!("nothing from offset {given} on"),
            );
            let sentence = format!(
                "group {group} {does} {partition} offset {offset}, and {whom} given {given}"
            );
            Violation::at(NAME, entry, sentence).of(partition)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, consumed, position};
    use crate::protocol::LoadedOffset;

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

    fn by_hand(commits_nothing: bool) -> Fact {
        Fact::Group(GroupFact::AssignedByHand {
            group: "g".into(),
            partitions: vec![TopicPartition::new("t", 0)],
            commits_nothing,
        })
    }

    fn loaded(offset: i64) -> Fact {
        let found = LoadedOffset {
            group: "g".into(),
            partition: TopicPartition::new("t", 0),
            offset,
        };
        Fact::Group(GroupFact::Loaded {
            partition: 0,
            of_partitions: 1,
            groups: vec!["g".into()],
            committed: vec![found],
        })
    }

    /// What `a`, who names its partitions itself, and `m` do in their order.
    fn look_at_both(facts: Vec<(&str, Fact)>) -> Option<String> {
        let scene = Scene::new();
        let entries = facts.into_iter().map(|(node, fact)| scene.fact(node, fact));
        let entries: Vec<_> = entries.collect();
        let mut property = alone(GroupsSkipNothing::default());
        property.after_event(&entries, &scene).map(|it| it.sentence)
    }

    #[test]
    fn who_names_its_partitions_itself_reads_for_its_group_where_that_has_no_members() {
        let reads = || vec![by_hand(false), position("t-0", 4), consumed("t-0", 4, "a")];
        assert_eq!(look([reads(), vec![resumed(5)]].concat()), None);
        // What somebody commits there is no reading.
        let behind = look([reads(), vec![committed(7, -1), resumed(7)]].concat());
        assert_eq!(
            behind.unwrap(),
            "group g goes on at t-0 offset 7, and who reads for it was given nothing from offset 5 on"
        );
    }

    #[test]
    fn fires_when_members_go_on_behind_what_only_another_has_read_by_hand() {
        let both = |last: Vec<(&'static str, Fact)>| {
            let reads = vec![
                ("a", by_hand(false)),
                ("a", position("t-0", 4)),
                ("a", consumed("t-0", 6, "a")),
                ("m", joins()),
                ("m", consumed("t-0", 4, "a")),
            ];
            look_at_both([reads, last].concat())
        };
        let given = "its members were given nothing from offset 5 on";
        assert_eq!(both(vec![("b", committed(5, 1))]), None);
        assert_eq!(
            both(vec![("b", committed(6, 1))]).unwrap(),
            format!("group g commits t-0 offset 6, and {given}")
        );
        assert_eq!(
            both(vec![("m", resumed(6))]).unwrap(),
            format!("group g goes on at t-0 offset 6, and {given}")
        );
        let is_set = both(vec![
            ("a", position("t-0", 9)),
            ("a", consumed("t-0", 9, "a")),
            ("b", committed(6, 1)),
        ]);
        assert_eq!(
            is_set.unwrap(),
            format!("group g commits t-0 offset 6, and {given}")
        );
        // It was committed while nobody was a member, and that much.
        assert_eq!(both(vec![("b", committed(7, -1)), ("m", resumed(7))]), None);
        assert!(both(vec![("b", committed(6, -1)), ("m", resumed(7))]).is_some());
    }

    #[test]
    fn a_commit_by_hand_may_be_found_in_the_log_that_nobody_answered() {
        let found = |commits_nothing: bool, in_log: i64, offset: i64| {
            look_at_both(vec![
                ("a", by_hand(commits_nothing)),
                ("a", position("t-0", 4)),
                ("a", consumed("t-0", 6, "a")),
                ("b", loaded(in_log)),
                ("a", consumed("t-0", 7, "a")),
                ("m", joins()),
                ("m", resumed(offset)),
            ])
        };
        assert_eq!(found(false, 7, 7), None);
        assert!(found(false, 6, 7).is_some(), "so much is not in the log");
        assert!(found(false, 8, 8).is_some(), "nobody had read so much");
        assert!(found(true, 7, 7).is_some(), "it commits nothing");
    }
}
