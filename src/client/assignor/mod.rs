//! Who reads what: assignors run by the leader of a group (classes RangeAssignor, RoundRobinAssignor,
//! AbstractPartitionAssignor; `sticky` for StickyAssignor). Rules CA1 to CA3, CA7 to CA11, CA17.
//!
//! May not know who leads partitions, nor how far anybody has read.

mod sticky;
mod sticky_general;
#[cfg(test)]
mod sticky_tests;

use crate::protocol::{StickyUserData, TopicName, TopicPartition};
use std::collections::BTreeMap;
use std::rc::Rc;
pub use sticky::user_data as sticky_user_data;

/// A member, as its leader sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(test, derive(Default))]
pub struct AssignorMember {
    pub id: Rc<str>,
    pub instance: Option<Rc<str>>,
    pub topics: Vec<TopicName>,
    /// Of its subscription.
    pub generation_id: i32,
    /// What it tells the assignor that it has.
    pub claim: StickyUserData,
}

/// Partitions of each member, in the order in which it is told of them.
pub type Assigned = BTreeMap<Rc<str>, Vec<TopicPartition>>;

/// An assignor by the name that goes over the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Assignor {
    Range,
    RoundRobin,
    Sticky,
}

impl Assignor {
    pub const ALL: &'static [Assignor] = &[Assignor::Range, Assignor::RoundRobin, Assignor::Sticky];

    /// CA17.
    pub const fn name(self) -> &'static str {
        match self {
            Assignor::Range => "range",
            Assignor::RoundRobin => "roundrobin",
            Assignor::Sticky => "sticky",
        }
    }

    pub fn by_name(name: &str) -> Option<Assignor> {
        Assignor::ALL.iter().find(|it| it.name() == name).copied()
    }

    /// Every member gets an entry. Members stand as they joined; `partitions` has how many each known topic
    /// that one of them reads has, and what is not known there is as if it did not exist (CA2).
    pub fn assign(
        self,
        members: &[AssignorMember],
        partitions: &BTreeMap<TopicName, i32>,
    ) -> Assigned {
        let mut sorted: Vec<&AssignorMember> = members.iter().collect();
        sorted.sort_by_key(|member| order(member));
        let mut assigned: Assigned = members
            .iter()
            .map(|member| (Rc::clone(&member.id), Vec::new()))
            .collect();
        match self {
            Assignor::Range => range(&sorted, partitions, &mut assigned),
            Assignor::RoundRobin => round_robin(&sorted, partitions, &mut assigned),
            Assignor::Sticky => assigned = sticky::assign(members, partitions),
        }
        assigned
    }
}

/// CA1: static members first, by instance; then the others, by member id.
fn order(member: &AssignorMember) -> (bool, Rc<str>) {
    match &member.instance {
        Some(instance) => (false, Rc::clone(instance)),
        None => (true, Rc::clone(&member.id)),
    }
}

/// CA3: each topic by itself, in pieces, the first members one more.
fn range(
    sorted: &[&AssignorMember],
    partitions: &BTreeMap<TopicName, i32>,
    assigned: &mut Assigned,
) {
    for (topic, count) in partitions {
        let subscribed: Vec<_> = sorted
            .iter()
            .filter(|it| it.topics.contains(topic))
            .collect();
        let Some(members) = i32::try_from(subscribed.len()).ok().filter(|n| *n > 0) else {
            continue;
        };
        let (each, more) = (count / members, count % members);
        let mut next = 0;
        for (place, member) in (0..).zip(subscribed) {
            let end = next + each + i32::from(place < more);
            let piece = (next..end).map(|p| TopicPartition::new(TopicName::clone(topic), p));
            assigned
                .entry(Rc::clone(&member.id))
                .or_default()
                .extend(piece);
            next = end;
        }
    }
}

/// CA7: all partitions in one circle over all members, past those who do not read the topic.
fn round_robin(
    sorted: &[&AssignorMember],
    partitions: &BTreeMap<TopicName, i32>,
    assigned: &mut Assigned,
) {
    let mut turn = 0;
    for (topic, count) in partitions {
        if !sorted.iter().any(|it| it.topics.contains(topic)) {
            continue;
        }
        for partition in 0..*count {
            while !sorted[turn % sorted.len()].topics.contains(topic) {
                turn += 1;
            }
            let id = Rc::clone(&sorted[turn % sorted.len()].id);
            let partition = TopicPartition::new(TopicName::clone(topic), partition);
            assigned.entry(id).or_default().push(partition);
            turn += 1;
        }
    }
}

/// By topic and number.
fn all(partitions: &BTreeMap<TopicName, i32>) -> impl Iterator<Item = TopicPartition> {
    let of = |(topic, count): (&TopicName, &i32)| {
        let topic = TopicName::clone(topic);
        (0..*count).map(move |p| TopicPartition::new(TopicName::clone(&topic), p))
    };
    partitions.iter().flat_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn rc(value: &Value) -> Rc<str> {
        value.as_str().unwrap().into()
    }

    /// Cases on which independent implementations agree with Java's classes.
    #[test]
    fn ca3_ca7_range_and_round_robin_assign_as_java_does() {
        let text = include_str!("../../../tests/vectors/range_roundrobin.json");
        let file: Value = serde_json::from_str(text).unwrap();
        let cases = file["cases"].as_array().unwrap();
        assert!(cases.len() > 50, "{}", cases.len());
        for case in cases {
            let topics = case["topics"].as_object().unwrap().iter();
            let partitions: BTreeMap<TopicName, i32> = topics
                .map(|(name, count)| (name.as_str().into(), count.as_i64().unwrap() as i32))
                .collect();
            let members: Vec<AssignorMember> = case["members"]
                .as_array()
                .unwrap()
                .iter()
                .map(|member| AssignorMember {
                    id: rc(&member["id"]),
                    instance: member["group_instance_id"].as_str().map(Into::into),
                    topics: member["subscription"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(rc)
                        .collect(),
                    ..AssignorMember::default()
                })
                .collect();
            for assignor in [Assignor::Range, Assignor::RoundRobin] {
                let got = assignor.assign(&members, &partitions);
                for (member, of_topics) in case[assignor.name()].as_object().unwrap() {
                    let mut expected: Vec<TopicPartition> = Vec::new();
                    for (topic, numbers) in of_topics.as_object().unwrap() {
                        let numbers = numbers.as_array().unwrap().iter();
                        expected.extend(numbers.map(|p| {
                            TopicPartition::new(topic.as_str(), p.as_i64().unwrap() as i32)
                        }));
                    }
                    let mut got = got[&**member].clone();
                    got.sort();
                    expected.sort();
                    assert_eq!(got, expected, "case {} {}", case["id"], assignor.name());
                }
            }
        }
    }

    #[test]
    fn ca1_static_members_come_first_and_ids_are_compared_as_text() {
        let member = |id: &str, instance: Option<&str>| AssignorMember {
            id: id.into(),
            instance: instance.map(Into::into),
            topics: vec!["t".into()],
            ..AssignorMember::default()
        };
        let members = [
            member("c9", None),
            member("c10", None),
            member("zz", Some("a")),
        ];
        let assigned = Assignor::Range.assign(&members, &BTreeMap::from([("t".into(), 3)]));
        assert_eq!(assigned["zz"], [TopicPartition::new("t", 0)]);
        assert_eq!(assigned["c10"], [TopicPartition::new("t", 1)]);
        assert_eq!(assigned["c9"], [TopicPartition::new("t", 2)]);
    }

    #[test]
    fn ca2_a_topic_without_metadata_counts_as_not_there() {
        let members = [AssignorMember {
            id: "m".into(),
            instance: None,
            topics: vec!["gone".into(), "t".into()],
            ..AssignorMember::default()
        }];
        for assignor in Assignor::ALL {
            let assigned = assignor.assign(&members, &BTreeMap::from([("t".into(), 1)]));
            assert_eq!(assigned["m"], [TopicPartition::new("t", 0)]);
        }
    }

    #[test]
    fn ca17_assignors_have_the_names_that_go_over_the_wire() {
        for name in ["range", "roundrobin"] {
            assert_eq!(Assignor::by_name(name).map(Assignor::name), Some(name));
        }
        assert_eq!(Assignor::by_name("RangeAssignor"), None);
    }
}
