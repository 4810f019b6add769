//! Shares each topic out by itself, in pieces; where racks are known, members first get partitions that have a
//! replica in their own (class RangeAssignor, KIP-881). Rules CA3 to CA6.
//!
//! May not know who leads partitions: a replica that is down counts.

use super::{Assigned, AssignorMember, Rack, TopicRacks};
use crate::protocol::{TopicName, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub(super) fn assign(
    sorted: &[&AssignorMember],
    partitions: &BTreeMap<TopicName, i32>,
    racks: &TopicRacks,
    assigned: &mut Assigned,
) {
    let mut topics: Vec<Topic<'_>> = partitions
        .iter()
        .map(|(name, count)| Topic::new(name, *count, sorted, racks))
        .collect();
    let by_rack = topics.iter().any(Topic::needs_racks);
    if by_rack {
        assign_by_rack(&mut topics, assigned);
    }
    for topic in &mut topics {
        topic.assign_pieces(|_, _| true, assigned);
    }
    if by_rack {
        assigned.values_mut().for_each(|list| list.sort());
    }
}

/// CA5, CA6: topics with the same members and as many partitions are kept together, partition by partition;
/// any other is matched by itself.
fn assign_by_rack(topics: &mut [Topic<'_>], assigned: &mut Assigned) {
    let mut groups: BTreeMap<(BTreeSet<Rc<str>>, usize), Vec<usize>> = BTreeMap::new();
    for (place, topic) in topics.iter().enumerate() {
        let members = topic.members.iter().map(|it| Rc::clone(&it.id)).collect();
        let group = groups.entry((members, topic.racks.len()));
        group.or_default().push(place);
    }
    for ((_, count), places) in groups {
        match places[..] {
            [only] if topics[only].needs_racks() => {
                let racks = topics[only].racks.clone();
                topics[only].assign_pieces(|rack, p| is_near(rack, &racks, p), assigned);
            }
            [_] => {}
            _ => assign_together(topics, &places, count, assigned),
        }
    }
}

/// CA5.
fn assign_together(
    topics: &mut [Topic<'_>],
    places: &[usize],
    count: usize,
    assigned: &mut Assigned,
) {
    let Some(first) = places.first() else {
        return;
    };
    let members = topics[*first].members.clone();
    for p in 0..count {
        let takes_all = |member: &&&AssignorMember| {
            let mut of_group = places.iter().map(|place| &topics[*place]);
            of_group.all(|topic| {
                is_near(rack_of(member), &topic.racks, p) && topic.room_for(&member.id) > 0
            })
        };
        if let Some(member) = members.iter().find(takes_all) {
            for place in places {
                topics[*place].give(&member.id, &[p], assigned);
            }
        }
    }
}

/// A topic, and how far it is shared out.
struct Topic<'a> {
    name: &'a TopicName,
    /// Who reads it, in order.
    members: Vec<&'a AssignorMember>,
    /// Of each partition: racks of its replicas. Empty if no member says where it is.
    racks: Vec<BTreeSet<Rack>>,
    free: BTreeSet<usize>,
    given: BTreeMap<Rc<str>, usize>,
    each: usize,
    /// So many members may still get one more.
    more: usize,
}

impl<'a> Topic<'a> {
    fn new(
        name: &'a TopicName,
        count: i32,
        sorted: &[&'a AssignorMember],
        racks: &TopicRacks,
    ) -> Topic<'a> {
        let count = usize::try_from(count).unwrap_or(0);
        let reads = |it: &&&AssignorMember| it.topics.contains(name);
        let members: Vec<&AssignorMember> = sorted.iter().filter(reads).copied().collect();
        let of_partitions = match members.iter().any(|it| rack_of(it).is_some()) {
            true => {
                let known = racks.get(name).map_or(&[][..], Vec::as_slice);
                let of_one = |p| known.get(p).cloned().unwrap_or_default();
                (0..count).map(of_one).collect()
            }
            false => Vec::new(),
        };
        let among = members.len().max(1);
        Topic {
            name,
            racks: of_partitions,
            free: (0..count).collect(),
            given: BTreeMap::new(),
            each: count / among,
            more: count % among,
            members,
        }
    }

    /// CA4.
    fn needs_racks(&self) -> bool {
        let all: BTreeSet<&Rack> = self.racks.iter().flatten().collect();
        let mut of_members = self.members.iter().filter_map(|it| rack_of(it));
        of_members.any(|rack| all.contains(rack))
            && self.racks.iter().any(|racks| racks.len() != all.len())
    }

    fn room_for(&self, member: &str) -> usize {
        let most = self.each + usize::from(self.more > 0);
        most.saturating_sub(self.given.get(member).copied().unwrap_or(0))
    }

    /// CA3: to each member in order as many as it may have, of those that it may have.
    fn assign_pieces(
        &mut self,
        may: impl Fn(Option<&Rack>, usize) -> bool,
        assigned: &mut Assigned,
    ) {
        for member in self.members.clone() {
            let near = self.free.iter().copied();
            let near = near.filter(|p| may(rack_of(member), *p));
            let piece: Vec<usize> = near.take(self.room_for(&member.id)).collect();
            if !piece.is_empty() {
                self.give(&member.id, &piece, assigned);
            }
        }
    }

    fn give(&mut self, member: &Rc<str>, piece: &[usize], assigned: &mut Assigned) {
        let given = self.given.entry(Rc::clone(member)).or_default();
        *given += piece.len();
        if *given > self.each {
            self.more -= 1;
        }
        for p in piece {
            self.free.remove(p);
        }
        let named = piece.iter().map(|p| {
            let number = i32::try_from(*p).unwrap_or(i32::MAX);
            TopicPartition::new(TopicName::clone(self.name), number)
        });
        assigned.entry(Rc::clone(member)).or_default().extend(named);
    }
}

/// Who does not say where it is, is near to everything.
fn is_near(rack: Option<&Rack>, racks: &[BTreeSet<Rack>], p: usize) -> bool {
    rack.is_none_or(|rack| racks.get(p).is_some_and(|of_p| of_p.contains(rack)))
}

fn rack_of(member: &AssignorMember) -> Option<&Rack> {
    member.rack.as_ref().filter(|rack| !rack.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::assignor::Assignor;
    use serde_json::Value;

    fn rack(value: &Value) -> Option<Rack> {
        value.as_str().map(Into::into)
    }

    /// Random cases, and what Java's class made of each.
    #[test]
    fn ca4_ca5_ca6_range_looks_for_racks_as_java_does() {
        let text = include_str!("../../../tests/vectors/range_racks.json");
        let cases: Vec<Value> = serde_json::from_str(text).unwrap();
        assert_eq!(cases.len(), 80);
        let mut moved = 0;
        for (number, case) in cases.iter().enumerate() {
            let mut partitions = BTreeMap::new();
            let mut racks = TopicRacks::new();
            for (topic, replicas) in case["topics"].as_object().unwrap() {
                let name = TopicName::from(topic.as_str());
                let replicas = replicas.as_array().unwrap();
                partitions.insert(name.clone(), replicas.len() as i32);
                let of_one = |ids: &Value| {
                    let ids = ids.as_array().unwrap().iter();
                    ids.filter_map(|id| rack(&case["brokers"][id.to_string()]))
                        .collect()
                };
                racks.insert(name, replicas.iter().map(of_one).collect());
            }
            let members: Vec<AssignorMember> = case["members"]
                .as_array()
                .unwrap()
                .iter()
                .map(|member| AssignorMember {
                    id: member["id"].as_str().unwrap().into(),
                    instance: member["group_instance_id"].as_str().map(Into::into),
                    topics: member["topics"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|topic| topic.as_str().unwrap().into())
                        .collect(),
                    rack: rack(&member["rack"]),
                    ..AssignorMember::default()
                })
                .collect();
            let got = Assignor::Range.assign(&members, &partitions, &racks);
            for (member, expected) in case["range"].as_object().unwrap() {
                let got: Vec<String> = got[&**member].iter().map(ToString::to_string).collect();
                let expected: Vec<&str> = expected
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it.as_str().unwrap())
                    .collect();
                assert_eq!(got, expected, "case {number}, {member}");
            }
            let without = Assignor::Range.assign(&members, &partitions, &TopicRacks::new());
            moved += usize::from(without != got);
        }
        assert!(moved > 20, "racks mattered in {moved} cases only");
    }
}
