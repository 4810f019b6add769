//! C-2 and C-3: a commit counts in the generation that made it and in no later one, and what was committed stays so,
//! also when another broker takes the group over: no member begins before it.
//!
//! Looks at what coordinators say that they have stored, of which generation and in which; and at where members
//! begin that begin where their group has committed. That one begins behind it (C-4) is no lie of the coordinator: a
//! commit that was answered with an error may be found in the log. Nor is it one where a consumer that names its
//! partitions itself begins before what another of its group has committed since it was answered: no generation keeps
//! that one from committing. Not asked of plans in which commits may be lost with a disk, or by an unclean election.

use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::plan::{Action, ConsumerPlan, Plan};
use crate::protocol::{Fact, GroupFact, Routine, TopicPartition, counted};
use crate::trace::{ByNode, TraceEntry};
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "groups go on where they have committed";

#[derive(Default)]
pub(super) struct GroupsGoOnWhereTheyCommitted {
    /// All that have a group.
    consumers: Vec<ConsumerPlan>,
    /// Who names its partitions itself.
    by_hand: ByNode<bool>,
    committed: BTreeMap<(Rc<str>, TopicPartition), i64>,
    commits: u64,
    resumed: u64,
}

impl GroupsGoOnWhereTheyCommitted {
    /// `None` where commits may be lost with what keeps them.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let consumers = plan.consumers.iter();
        (!may_lose_what_is_stored(plan)).then(|| GroupsGoOnWhereTheyCommitted {
            consumers: consumers
                .filter(|it| it.group_id().is_some())
                .cloned()
                .collect(),
            ..Self::default()
        })
    }

    /// More than one consumer of the group may read the partition.
    fn is_shared(&self, group: &str, partition: &TopicPartition) -> bool {
        let of_group = self.consumers.iter().filter(|it| {
            it.group_id() == Some(group) && it.may_read(&partition.topic, partition.partition)
        });
        of_group.map(|it| it.count.unwrap_or(1)).sum::<u32>() > 1
    }
}

/// What a coordinator has stored may be lost with a disk, or by an unclean election.
pub(super) fn may_lose_what_is_stored(plan: &Plan) -> bool {
    let unclean = plan.cluster.config.get("unclean.leader.election.enable");
    let loses = |action: &Action| {
        matches!(
            action,
            Action::PowerFailure(_)
                | Action::WipeDisk(_)
                | Action::FlipBit { .. }
                | Action::DeleteFile { .. }
                | Action::TruncateFile { .. }
                | Action::WriteFile { .. }
                | Action::ElectUnclean(_)
        )
    };
    let mut actions = plan.timeline.iter().map(|entry| &entry.action);
    unclean.is_some_and(|it| it != "false") || actions.any(loses)
}

impl Property for GroupsGoOnWhereTheyCommitted {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::Group(GroupFact::OffsetCommitted {
                group,
                partition,
                offset,
                of_generation,
                in_generation,
            }) => {
                self.commits += 1;
                let place = (Rc::clone(group), partition.clone());
                self.committed.insert(place, *offset);
                (of_generation != in_generation && *of_generation >= 0).then(|| {
                    let sentence = format!(
                        "{} has taken a commit of generation {of_generation} in generation {in_generation} of group {group}",
                        entry.node
                    );
                    Violation::at(NAME, entry, sentence).of(partition)
                })
            }
            Fact::Group(GroupFact::OffsetExpired { group, partition }) => {
                let place = (Rc::clone(group), partition.clone());
                self.committed.remove(&place);
                None
            }
            Fact::Group(GroupFact::AssignedByHand { .. }) => {
                *self.by_hand.of(&entry.node) = true;
                None
            }
            Fact::Group(GroupFact::Resumed {
                group,
                partition,
                offset,
            }) => {
                if *self.by_hand.of(&entry.node) && self.is_shared(group, partition) {
                    return None;
                }
                self.resumed += 1;
                let place = (Rc::clone(group), partition.clone());
                let committed = self.committed.get(&place).copied()?;
                (*offset < committed).then(|| {
                    let sentence = format!(
                        "{} begins at {partition} offset {offset}, and group {group} had committed {committed}",
                        entry.node
                    );
                    Violation::at(NAME, entry, sentence).of(partition)
                })
            }
            _ => None,
        }
    }

    fn figures(&self) -> String {
        format!(
            "{} and {}",
            counted(self.commits, "commit"),
            counted(self.resumed, "resumed reading")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::plan::{Assign, Partition};

    fn committed(offset: i64, of_generation: i32, in_generation: i32) -> Fact {
        Fact::Group(GroupFact::OffsetCommitted {
            group: "g".into(),
            partition: TopicPartition::new("t", 0),
            offset,
            of_generation,
            in_generation,
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
        let entries: Vec<_> = facts
            .into_iter()
            .map(|fact| scene.fact("n", fact))
            .collect();
        let mut property = alone(GroupsGoOnWhereTheyCommitted::default());
        let violation = property.after_event(&entries, &scene);
        violation.map(|it| it.sentence)
    }

    #[test]
    fn fires_when_a_commit_of_an_older_generation_is_taken() {
        assert_eq!(look(vec![committed(4, 2, 2), committed(3, -1, 2)]), None);
        assert_eq!(
            look(vec![committed(4, 1, 2)]).unwrap(),
            "n has taken a commit of generation 1 in generation 2 of group g"
        );
    }

    #[test]
    fn fires_when_a_member_begins_before_what_was_committed() {
        assert_eq!(look(vec![committed(4, 1, 1), resumed(4), resumed(5)]), None);
        assert_eq!(
            look(vec![committed(4, 1, 1), resumed(3)]).unwrap(),
            "n begins at t-0 offset 3, and group g had committed 4"
        );
        let forgotten = Fact::Group(GroupFact::OffsetExpired {
            group: "g".into(),
            partition: TopicPartition::new("t", 0),
        });
        assert_eq!(look(vec![committed(4, 1, 1), forgotten, resumed(3)]), None);
    }

    #[test]
    fn who_names_its_partitions_itself_is_held_to_it_where_it_reads_alone() {
        let by_hand = |name: &str, topic: &str| {
            let mut consumer = ConsumerPlan::new(name, topic).config("group.id", "g");
            consumer.assign = Some(Assign::All);
            consumer
        };
        let member = |topic: &str| ConsumerPlan::new("m", topic).config("group.id", "g");
        let look = |consumers: Vec<ConsumerPlan>| {
            let plan = consumers.into_iter().fold(Plan::new("p"), Plan::consumer);
            let assigned = Fact::Group(GroupFact::AssignedByHand {
                group: "g".into(),
                commits_nothing: false,
                partitions: vec![TopicPartition::new("t", 0)],
            });
            let scene = Scene::new();
            let facts = [assigned, committed(4, -1, 0), resumed(3)];
            let entries = facts.map(|fact| scene.fact("n", fact));
            let property = GroupsGoOnWhereTheyCommitted::of(&plan).expect("a plan without losses");
            alone(property).after_event(&entries, &scene).is_some()
        };
        let mut one_of_two = by_hand("o", "t");
        one_of_two.assign = Some(Assign::These(vec![Partition::new("t", 1)]));
        assert!(look(vec![by_hand("n", "t")]));
        assert!(look(vec![by_hand("n", "t"), member("u")]));
        assert!(look(vec![by_hand("n", "t"), one_of_two]));
        assert!(!look(vec![by_hand("n", "t").count(2)]));
        assert!(!look(vec![by_hand("n", "t"), by_hand("o", "t")]));
        assert!(!look(vec![by_hand("n", "t"), member("t")]));
    }
}
