//! Who reads what: assignors run by the leader of a group (classes RoundRobinAssignor,
//! AbstractPartitionAssignor; `range` for RangeAssignor, `sticky` for StickyAssignor, `cooperative_sticky` for CooperativeStickyAssignor).
//! Rules CA1, CA2, CA7 to CA12, CA17, CC48.
//!
//! May not know who leads partitions, nor how far anybody has read.

mod cooperative_sticky;
mod range;
mod sticky;
mod sticky_general;
#[cfg(test)]
mod sticky_tests;

use crate::protocol::{StickyUserData, Subscription, TopicName, TopicPartition};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A member, as its leader sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(test, derive(Default))]
pub struct AssignorMember {
    pub id: Rc<str>,
    pub instance: Option<Rc<str>>,
    pub topics: Vec<TopicName>,
    /// Of its subscription, as what follows.
    pub generation_id: i32,
    pub owned_partitions: Vec<TopicPartition>,
    /// What it tells the assignor that it has.
    pub claim: StickyUserData,
    /// Its `client.rack`, if it has one.
    pub rack: Option<Rack>,
}

/// Where a machine stands, as `broker.rack` and `client.rack` name it.
pub type Rack = Rc<str>;

/// Of each partition of a topic, from 0 on: racks of its replicas, where brokers have any.
pub type TopicRacks = BTreeMap<TopicName, Vec<BTreeSet<Rack>>>;

/// What members of a group do when it shares its partitions anew (`RebalanceProtocol`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RebalanceProtocol {
    /// They give everything up before they join.
    Eager,
    /// They keep reading, and give up what the new assignment does not leave them.
    Cooperative,
}

impl RebalanceProtocol {
    /// CC48: the last one that all of these assignors support, by their names. They all support the first.
    pub fn of(assignors: &[&str]) -> RebalanceProtocol {
        let mut known = assignors.iter().filter_map(|it| Assignor::by_name(it));
        match !assignors.is_empty() && known.all(|it| it == Assignor::CooperativeSticky) {
            true => RebalanceProtocol::Cooperative,
            false => RebalanceProtocol::Eager,
        }
    }
}

/// Partitions of each member, in the order in which it is told of them.
pub type Assigned = BTreeMap<Rc<str>, Vec<TopicPartition>>;

/// An assignor by the name that goes over the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Assignor {
    Range,
    RoundRobin,
    Sticky,
    CooperativeSticky,
}

impl Assignor {
    pub const ALL: &'static [Assignor] = &[
        Assignor::Range,
        Assignor::RoundRobin,
        Assignor::Sticky,
        Assignor::CooperativeSticky,
    ];

    /// CA17.
    pub const fn name(self) -> &'static str {
        match self {
            Assignor::Range => "range",
            Assignor::RoundRobin => "roundrobin",
            Assignor::Sticky => "sticky",
            Assignor::CooperativeSticky => "cooperative-sticky",
        }
    }

    pub fn by_name(name: &str) -> Option<Assignor> {
        Assignor::ALL.iter().find(|it| it.name() == name).copied()
    }

    /// Every member gets an entry. Members stand as they joined; `partitions` has how many each known topic
    /// that one of them reads has, and what is not known there is as if it did not exist (CA2). `Range` looks at racks.
    pub fn assign(
        self,
        members: &[AssignorMember],
        partitions: &BTreeMap<TopicName, i32>,
        racks: &TopicRacks,
    ) -> Assigned {
        let mut sorted: Vec<&AssignorMember> = members.iter().collect();
        sorted.sort_by_key(|member| order(member));
        let mut assigned: Assigned = members
            .iter()
            .map(|member| (Rc::clone(&member.id), Vec::new()))
            .collect();
        match self {
            Assignor::Range => range::assign(&sorted, partitions, racks, &mut assigned),
            Assignor::RoundRobin => round_robin(&sorted, partitions, &mut assigned),
            Assignor::Sticky => assigned = sticky::assign(members, partitions).assigned,
            Assignor::CooperativeSticky => {
                assigned = cooperative_sticky::assign(members, partitions);
            }
        }
        assigned
    }

    /// CA8: what a member of this subscription has, as this assignor is told of it.
    pub fn claim(self, subscription: &Subscription) -> StickyUserData {
        match self {
            Assignor::CooperativeSticky => cooperative_sticky::claim(subscription),
            _ => StickyUserData::from_bytes(subscription.user_data.as_ref()),
        }
    }

    /// `onAssignment`: what a member that was given this puts into its next subscriptions, if anything.
    pub fn memory(self, assigned: &[TopicPartition], generation: i32) -> Option<Bytes> {
        match self {
            Assignor::Range | Assignor::RoundRobin => None,
            Assignor::Sticky => Some(sticky::user_data(assigned, generation)),
            Assignor::CooperativeSticky => Some(cooperative_sticky::user_data(generation)),
        }
    }

    /// The same of a member that this assignor was never asked about.
    pub fn first_memory(self) -> Option<Bytes> {
        match self {
            Assignor::CooperativeSticky => Some(cooperative_sticky::user_data(-1)),
            _ => None,
        }
    }
}

/// CA1: static members first, by instance; then the others, by member id.
fn order(member: &AssignorMember) -> (bool, Rc<str>) {
    match &member.instance {
        Some(instance) => (false, Rc::clone(instance)),
        None => (true, Rc::clone(&member.id)),
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
                let got = assignor.assign(&members, &partitions, &TopicRacks::new());
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
        let assigned = Assignor::Range.assign(
            &members,
            &BTreeMap::from([("t".into(), 3)]),
            &TopicRacks::new(),
        );
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
            let assigned = assignor.assign(
                &members,
                &BTreeMap::from([("t".into(), 1)]),
                &TopicRacks::new(),
            );
            assert_eq!(assigned["m"], [TopicPartition::new("t", 0)]);
        }
    }

    #[test]
    fn ca17_assignors_have_the_names_that_go_over_the_wire() {
        for name in ["range", "roundrobin", "sticky", "cooperative-sticky"] {
            assert_eq!(Assignor::by_name(name).map(Assignor::name), Some(name));
        }
        assert_eq!(Assignor::by_name("RangeAssignor"), None);
    }

    #[test]
    fn cc48_a_client_is_cooperative_where_all_its_assignors_are() {
        use RebalanceProtocol::{Cooperative, Eager};
        for (assignors, protocol) in [
            (&["range"][..], Eager),
            (&["range", "cooperative-sticky"], Eager),
            (&["cooperative-sticky", "sticky"], Eager),
            (&["cooperative-sticky"], Cooperative),
            (&[], Eager),
        ] {
            assert_eq!(RebalanceProtocol::of(assignors), protocol, "{assignors:?}");
        }
    }
}
