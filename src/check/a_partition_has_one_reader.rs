//! C-1: in a generation of a group a partition is one member's; and who is given one, or keeps one, does not find it
//! in the hands of another who is of that generation too.
//!
//! Looks at what members say that they are given, keep, give up and lose, and at whom a coordinator counts in. A
//! member is known by its `group.instance.id`, or by its member id: a static one that comes back has a new id and its old
//! place. Nor is a static one that is away asked to give anything up before its group goes on (KIP-345). Who is not of the
//! generation may believe in an older one, and reads on until it hears of it: that is legal.

use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, GroupFact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const NAME: &str = "a partition has one reader a generation";

#[derive(Debug, Default)]
pub(super) struct APartitionHasOneReader {
    /// By group and generation, whose each partition is.
    given: BTreeMap<(Rc<str>, i32), BTreeMap<TopicPartition, Rc<str>>>,
    /// By group, the generation that its coordinator last closed, and the members in it.
    joined: BTreeMap<Rc<str>, (i32, BTreeSet<Rc<str>>)>,
    hands: Hands,
    looked_at: u64,
}

/// Who has what, and has not given it up: looked up both ways, for groups may be large.
#[derive(Debug, Default)]
struct Hands {
    /// By group and client, as which member it has what.
    owned: BTreeMap<(Rc<str>, Rc<str>), Owned>,
    /// By group and partition, the clients that have it.
    owners: BTreeMap<(Rc<str>, TopicPartition), BTreeSet<Rc<str>>>,
}

/// A member, and what it has.
type Owned = (Rc<str>, BTreeSet<TopicPartition>);

impl Property for APartitionHasOneReader {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::Group(fact) => self.of_group(entry, fact),
            Fact::Started | Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                self.hands.empty_those_of(&entry.node);
                None
            }
            _ => None,
        }
    }

    fn figures(&self) -> String {
        format!(
            "{} given in {}",
            counted(self.looked_at, "partition"),
            counted(self.given.len(), "generation")
        )
    }
}

impl APartitionHasOneReader {
    fn of_group(&mut self, entry: &TraceEntry, fact: &GroupFact) -> Option<Violation> {
        match fact {
            GroupFact::Changed {
                group,
                state,
                generation,
                members,
                ..
            } if **state == *"CompletingRebalance" => {
                let joined = (*generation, members.iter().cloned().collect());
                self.joined.insert(Rc::clone(group), joined);
                // A coordinator that could not store the last one counts it anew.
                self.given.remove(&(Rc::clone(group), *generation));
                None
            }
            GroupFact::PartitionsRevoked {
                group, partitions, ..
            }
            | GroupFact::PartitionsLost {
                group, partitions, ..
            } => {
                self.hands.give_up(group, &entry.node, partitions);
                None
            }
            GroupFact::PartitionsAssigned {
                group,
                generation,
                member,
                instance,
                partitions,
                kept,
            } => {
                let who = instance.as_ref().unwrap_or(member);
                let given: Vec<_> = partitions.iter().chain(kept.iter()).cloned().collect();
                let held = self.held_by_another(entry, group, *generation, &given);
                let generation = (Rc::clone(group), *generation);
                let mut taken = None;
                for partition in partitions.iter().chain(kept.iter()) {
                    self.looked_at += 1;
                    let given = self.given.entry(generation.clone()).or_default();
                    let first = given
                        .entry(partition.clone())
                        .or_insert_with(|| Rc::clone(who));
                    if first != who {
                        taken.get_or_insert((partition.clone(), Rc::clone(first)));
                    }
                }
                if instance.is_none() {
                    let owned = partitions.iter().chain(kept.iter()).cloned().collect();
                    self.hands
                        .take(group, &entry.node, (Rc::clone(member), owned));
                }
                let taken = taken.map(|(partition, first)| {
                    let sentence = format!(
                        "{} is given {partition} in generation {} of group {group}, in which it is {first}'s",
                        entry.node, generation.1
                    );
                    Violation::at(NAME, entry, sentence).of(&partition)
                });
                taken.or(held)
            }
            _ => None,
        }
    }

    /// Another member of that generation has it and has not given it up.
    fn held_by_another(
        &self,
        entry: &TraceEntry,
        group: &Rc<str>,
        generation: i32,
        partitions: &[TopicPartition],
    ) -> Option<Violation> {
        let (joined, members) = self.joined.get(group)?;
        if *joined != generation {
            return None;
        }
        for partition in partitions {
            let of_it = self.hands.owners_of(group, partition);
            let mut others =
                of_it.filter(|(other, member)| **other != entry.node && members.contains(*member));
            if let Some((other, _)) = others.next() {
                let sentence = format!(
                    "{} is given {partition} in generation {generation} of group {group}, and {other}, which is in it too, has not given it up",
                    entry.node
                );
                return Some(Violation::at(NAME, entry, sentence).of(partition));
            }
        }
        None
    }
}

impl Hands {
    /// A client has this and nothing else of its group's.
    fn take(&mut self, group: &Rc<str>, client: &Rc<str>, owned: Owned) {
        self.empty(group, client);
        for partition in &owned.1 {
            let owners = self.owners.entry((Rc::clone(group), partition.clone()));
            owners.or_default().insert(Rc::clone(client));
        }
        self.owned
            .insert((Rc::clone(group), Rc::clone(client)), owned);
    }

    fn give_up(&mut self, group: &Rc<str>, client: &Rc<str>, partitions: &[TopicPartition]) {
        let Some((_, owned)) = self.owned.get_mut(&(Rc::clone(group), Rc::clone(client))) else {
            return;
        };
        for partition in partitions {
            if owned.remove(partition)
                && let Some(owners) = self.owners.get_mut(&(Rc::clone(group), partition.clone()))
            {
                owners.remove(client);
            }
        }
    }

    fn empty(&mut self, group: &Rc<str>, client: &Rc<str>) {
        let owned = self.owned.remove(&(Rc::clone(group), Rc::clone(client)));
        for partition in owned.map(|(_, owned)| owned).unwrap_or_default() {
            if let Some(owners) = self.owners.get_mut(&(Rc::clone(group), partition)) {
                owners.remove(client);
            }
        }
    }

    /// In all groups.
    fn empty_those_of(&mut self, client: &Rc<str>) {
        let groups: Vec<Rc<str>> = (self.owned.keys())
            .filter(|(_, of)| of == client)
            .map(|(group, _)| Rc::clone(group))
            .collect();
        groups.iter().for_each(|group| self.empty(group, client));
    }

    /// Clients that have it, and as which member.
    fn owners_of(
        &self,
        group: &Rc<str>,
        partition: &TopicPartition,
    ) -> impl Iterator<Item = (&Rc<str>, &Rc<str>)> {
        let owners = self.owners.get(&(Rc::clone(group), partition.clone()));
        owners.into_iter().flatten().filter_map(|client| {
            let (member, _) = self.owned.get(&(Rc::clone(group), Rc::clone(client)))?;
            Some((client, member))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::protocol::OwnerThen;

    fn partitions(of: &[i32]) -> Vec<TopicPartition> {
        of.iter().map(|p| TopicPartition::new("t", *p)).collect()
    }

    fn given(generation: i32, member: &str, instance: Option<&str>, of: &[i32]) -> Fact {
        Fact::Group(GroupFact::PartitionsAssigned {
            group: "g".into(),
            generation,
            member: member.into(),
            instance: instance.map(Into::into),
            partitions: partitions(of),
            kept: [].into(),
        })
    }

    fn closed(generation: i32, members: &[&str]) -> Fact {
        Fact::Group(GroupFact::Changed {
            group: "g".into(),
            state: "CompletingRebalance".into(),
            generation,
            members: members.iter().map(|it| (*it).into()).collect(),
            leader: None,
            protocol: None,
            why: None,
        })
    }

    fn gives_up(of: &[i32]) -> Fact {
        Fact::Group(GroupFact::PartitionsRevoked {
            group: "g".into(),
            partitions: partitions(of),
            owner_then: OwnerThen::Nobody,
        })
    }

    fn look(facts: Vec<(&str, Fact)>) -> Option<String> {
        let scene = Scene::new();
        let entries: Vec<_> = facts
            .into_iter()
            .map(|(node, fact)| scene.fact(node, fact))
            .collect();
        let mut property = alone(APartitionHasOneReader::default());
        let violation = property.after_event(&entries, &scene);
        violation.map(|it| it.sentence)
    }

    #[test]
    fn fires_when_two_members_are_given_a_partition_in_one_generation() {
        let facts = vec![
            ("a", given(3, "a-1", None, &[0, 1])),
            ("b", given(3, "b-1", None, &[1])),
        ];
        assert_eq!(
            look(facts).unwrap(),
            "b is given t-1 in generation 3 of group g, in which it is a-1's"
        );
    }

    #[test]
    fn fires_when_a_member_of_the_generation_has_not_given_it_up() {
        let facts = |second: Option<Fact>| {
            let begin = vec![
                ("a", given(1, "a-1", None, &[0, 1])),
                ("broker-1", closed(2, &["a-1", "b-1"])),
            ];
            let second = second.map(|fact| ("a", fact));
            let end = [("b", given(2, "b-1", None, &[1]))];
            begin.into_iter().chain(second).chain(end).collect()
        };
        assert_eq!(
            look(facts(None)).unwrap(),
            "b is given t-1 in generation 2 of group g, and a, which is in it too, has not given it up"
        );
        assert_eq!(look(facts(Some(gives_up(&[1])))), None);
        assert_eq!(look(facts(Some(Fact::Crashed))), None);
    }

    #[test]
    fn a_static_member_that_comes_back_takes_its_own_place() {
        let facts = vec![
            ("a", given(3, "i-1", Some("i"), &[0])),
            ("b", given(3, "i-2", Some("i"), &[0])),
        ];
        assert_eq!(look(facts), None);
    }

    #[test]
    fn who_is_not_of_the_generation_may_believe_in_an_older_one() {
        let facts = vec![
            ("a", given(1, "a-1", None, &[0])),
            ("broker-1", closed(2, &["b-1"])),
            ("b", given(2, "b-1", None, &[0])),
        ];
        assert_eq!(look(facts), None);
    }
}
