//! C-2: generations of a group only grow. One whose assignments are stored is never counted again, whichever broker
//! coordinates; and no member is given anything in a generation before its last.
//!
//! Looks at generations that coordinators begin, at those that they have stored, and at what members are told. One
//! that was begun and not stored may be counted anew by the next coordinator. Not asked of plans in which what is
//! stored may be lost with a disk, or by an unclean election.

use super::groups_go_on_where_they_committed::may_lose_what_is_stored;
use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::{Fact, GroupFact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "generations of a group only grow";

#[derive(Debug, Default)]
pub(super) struct GenerationsOfGroupsGrow {
    /// The last that is stored, by group.
    stored: BTreeMap<Rc<str>, i32>,
    /// The last in which it was told of partitions, by group and member.
    told: BTreeMap<(Rc<str>, Rc<str>), i32>,
    looked_at: u64,
}

impl GenerationsOfGroupsGrow {
    /// `None` where they may be lost with what keeps them.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        (!may_lose_what_is_stored(plan)).then(Self::default)
    }

    fn begins(
        &mut self,
        entry: &TraceEntry,
        group: &Rc<str>,
        generation: i32,
    ) -> Option<Violation> {
        self.looked_at += 1;
        let stored = self.stored.get(group)?;
        (generation <= *stored).then(|| {
            let sentence = format!(
                "{} begins generation {generation} of group {group}, which has had generation {stored}",
                entry.node
            );
            Violation::at(NAME, entry, sentence)
        })
    }
}

impl Property for GenerationsOfGroupsGrow {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::Group(GroupFact::Changed {
                group,
                state,
                generation,
                ..
            }) => match &**state {
                "CompletingRebalance" | "Empty" => self.begins(entry, group, *generation),
                "Stable" => {
                    self.stored.insert(Rc::clone(group), *generation);
                    None
                }
                // A group of that name that comes later is another.
                "Dead" => {
                    self.stored.remove(group);
                    None
                }
                _ => None,
            },
            Fact::Group(GroupFact::PartitionsAssigned {
                group,
                generation,
                member,
                ..
            }) => {
                let member = (Rc::clone(group), Rc::clone(member));
                let before = self.told.insert(member, *generation)?;
                (*generation < before).then(|| {
                    let sentence = format!(
                        "{} is told of generation {generation} of group {group}, and had been of {before}",
                        entry.node
                    );
                    Violation::at(NAME, entry, sentence)
                })
            }
            _ => None,
        }
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "generation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};

    fn changed(state: &str, generation: i32) -> Fact {
        Fact::Group(GroupFact::Changed {
            group: "g".into(),
            state: state.into(),
            generation,
            members: ["m".into()].into(),
            leader: None,
            protocol: None,
            why: None,
        })
    }

    fn told(generation: i32) -> Fact {
        Fact::Group(GroupFact::PartitionsAssigned {
            group: "g".into(),
            generation,
            member: "m".into(),
            instance: None,
            partitions: Vec::new(),
            kept: [].into(),
        })
    }

    fn look(facts: Vec<Fact>) -> Option<String> {
        let scene = Scene::new();
        let entries: Vec<_> = facts.into_iter().map(|it| scene.fact("n", it)).collect();
        let mut property = alone(GenerationsOfGroupsGrow::default());
        property.after_event(&entries, &scene).map(|it| it.sentence)
    }

    #[test]
    fn fires_when_a_generation_that_was_stored_is_counted_again() {
        let begin = || vec![changed("CompletingRebalance", 1), changed("Stable", 1)];
        let again = |state| [begin(), vec![changed(state, 1)]].concat();
        let sentence = "n begins generation 1 of group g, which has had generation 1";
        assert_eq!(look(again("CompletingRebalance")).unwrap(), sentence);
        assert_eq!(look(again("Empty")).unwrap(), sentence);
        assert_eq!(look([begin(), vec![changed("Empty", 2)]].concat()), None);
        let forgotten = [begin(), vec![changed("Dead", 1)], begin()].concat();
        assert_eq!(look(forgotten), None);
    }

    #[test]
    fn one_that_was_not_stored_may_be_counted_anew() {
        let begun = || changed("CompletingRebalance", 1);
        assert_eq!(look(vec![begun(), begun(), changed("Stable", 1)]), None);
    }

    #[test]
    fn fires_when_a_member_is_told_of_an_older_one() {
        assert_eq!(look(vec![told(2), told(2), told(3)]), None);
        assert_eq!(
            look(vec![told(3), told(2)]).unwrap(),
            "n is told of generation 2 of group g, and had been of 3"
        );
    }
}
