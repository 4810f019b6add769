//! What the sticky assignor owes: recorded lives of groups and random ones, by their properties.

use super::{Assigned, Assignor, AssignorMember, TopicRacks};
use crate::protocol::{StickyUserData, TopicName, TopicPartition};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const NOWHERE: TopicRacks = TopicRacks::new();

type Topics = BTreeMap<TopicName, i32>;
type Subscriptions = BTreeMap<Rc<str>, Vec<TopicName>>;

fn member(id: &str, topics: &[&str], owned: &[(&str, i32)], generation: i32) -> AssignorMember {
    AssignorMember {
        id: id.into(),
        topics: topics.iter().map(|it| (*it).into()).collect(),
        generation_id: generation,
        claim: StickyUserData {
            partitions: owned
                .iter()
                .map(|(topic, p)| TopicPartition::new(*topic, *p))
                .collect(),
            generation: Some(generation),
        },
        ..AssignorMember::default()
    }
}

/// The next generation of a group that was given this.
fn next(
    subscriptions: &Subscriptions,
    topics: &Topics,
    had: &Assigned,
    generation: i32,
) -> Assigned {
    let members: Vec<AssignorMember> = subscriptions
        .iter()
        .map(|(id, topics)| AssignorMember {
            id: Rc::clone(id),
            topics: topics.clone(),
            generation_id: had.get(id).map_or(-1, |_| generation),
            claim: had
                .get(id)
                .map_or_else(StickyUserData::default, |owned| StickyUserData {
                    partitions: owned.clone(),
                    generation: Some(generation),
                }),
            ..AssignorMember::default()
        })
        .collect();
    let read: BTreeSet<&TopicName> = subscriptions.values().flatten().collect();
    let topics = topics.iter().filter(|(topic, _)| read.contains(topic));
    let topics = topics.map(|(topic, n)| (Rc::clone(topic), *n)).collect();
    Assignor::Sticky.assign(&members, &topics, &NOWHERE)
}

fn assert_owed(
    what: &str,
    subscriptions: &Subscriptions,
    topics: &Topics,
    had: &Assigned,
    got: &Assigned,
) {
    assert!(got.keys().eq(subscriptions.keys()), "{what}: {got:?}");
    let mut owner: BTreeMap<&TopicPartition, &Rc<str>> = BTreeMap::new();
    for (id, partitions) in got {
        for partition in partitions {
            assert!(subscriptions[id].contains(&partition.topic), "{what}");
            assert!((0..topics[&partition.topic]).contains(&partition.partition));
            assert_eq!(owner.insert(partition, id), None, "{what}: {partition:?}");
        }
    }
    let read: BTreeSet<&TopicName> = subscriptions.values().flatten().collect();
    let owed: i32 = read.iter().filter_map(|it| topics.get(*it)).sum();
    assert_eq!(owner.len(), owed as usize, "{what}: all are given out");
    for (partition, id) in &owner {
        for (other, subscribed) in subscriptions {
            let could = subscribed.contains(&partition.topic);
            let fair = got[other].len() + 1 >= got[*id].len();
            assert!(
                fair || !could,
                "{what}: {other} has two fewer than {id}: {got:?}"
            );
        }
    }
    let first = subscriptions.values().next();
    if subscriptions.values().all(|it| Some(it) == first) {
        let lost = |id: &Rc<str>| {
            let exists = |it: &&TopicPartition| owner.contains_key(*it);
            let had: Vec<_> = had[id].iter().filter(exists).collect();
            (had.len(), had.iter().filter(|it| owner[**it] != id).count())
        };
        let survivors: Vec<(usize, usize)> = subscriptions
            .keys()
            .filter(|id| had.contains_key(*id))
            .map(lost)
            .collect();
        let (min, over) = (owner.len() / got.len(), owner.len() % got.len());
        let too_many = survivors.iter().map(|(had, _)| had.saturating_sub(min));
        let may_keep_one = survivors.iter().filter(|(had, _)| *had > min).count();
        let least = too_many.sum::<usize>() - may_keep_one.min(over);
        let moved: usize = survivors.iter().map(|(_, lost)| lost).sum();
        assert_eq!(moved, least, "{what}: {had:?} to {got:?}");
    }
}

/// 50 groups, each through start, joins, departures, new partitions and nothing at all.
#[test]
fn ca10_ca11_lives_of_groups_are_fair_and_move_no_more_than_they_must() {
    let text = include_str!("../../../tests/vectors/sticky.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 50);
    for case in cases {
        let mut had = Assigned::new();
        for (place, step) in (0..).zip(case["steps"].as_array().unwrap()) {
            let topics: Topics = step["topics"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(topic, n)| (topic.as_str().into(), n.as_i64().unwrap() as i32))
                .collect();
            let name = |it: &Value| it.as_str().unwrap().into();
            let subscriptions: Subscriptions = step["subscriptions"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(id, of)| {
                    (
                        id.as_str().into(),
                        of.as_array().unwrap().iter().map(name).collect(),
                    )
                })
                .collect();
            let what = format!("case {} step {place}", case["id"]);
            let got = next(&subscriptions, &topics, &had, place);
            assert_owed(&what, &subscriptions, &topics, &had, &got);
            if step["event"] == "nothing" {
                assert_eq!(sorted(&got), sorted(&had), "{what}");
            }
            had = got;
        }
    }
}

fn sorted(assigned: &Assigned) -> BTreeMap<&Rc<str>, BTreeSet<&TopicPartition>> {
    assigned
        .iter()
        .map(|(id, of)| (id, of.iter().collect()))
        .collect()
}

/// The same of random groups, half of which differ in what they subscribe to.
#[test]
fn ca10_ca11_random_groups_are_fair_stable_and_move_little() {
    let mut state = 11_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for life in 0..300 {
        let names: Vec<TopicName> = (0..=draw(3)).map(|n| format!("t{n}").into()).collect();
        let mut topics: Topics = names
            .iter()
            .map(|it| (Rc::clone(it), draw(9) as i32))
            .collect();
        let mut subscriptions = Subscriptions::new();
        let mut had = Assigned::new();
        for generation in 0..8 {
            for _ in 0..=draw(2) {
                let mut of = names.clone();
                if life % 2 == 1 {
                    of.retain(|_| draw(3) > 0);
                }
                if !of.is_empty() {
                    subscriptions.insert(format!("m{}", draw(30)).into(), of);
                }
            }
            let who = subscriptions.keys().nth(draw(4) as usize).cloned();
            if let Some(leaves) = who.filter(|_| subscriptions.len() > 1) {
                subscriptions.remove(&leaves);
                had.remove(&leaves);
            }
            if draw(3) == 0 {
                topics.values_mut().for_each(|n| *n += 1);
            }
            if subscriptions.is_empty() {
                continue;
            }
            let what = format!("life {life} generation {generation}");
            let got = next(&subscriptions, &topics, &had, generation);
            assert_owed(&what, &subscriptions, &topics, &had, &got);
            let again = next(&subscriptions, &topics, &got, generation + 1);
            assert_eq!(sorted(&again), sorted(&got), "{what}: nothing happened");
            had = got;
        }
    }
}

fn of(assigned: &Assigned, id: &str) -> Vec<i32> {
    assigned[id].iter().map(|it| it.partition).collect()
}

#[test]
fn ca8_a_member_that_says_nothing_had_nothing() {
    let mut silent = member("a", &["t"], &[], 3);
    silent.claim = StickyUserData::default();
    let owner = member("b", &["t"], &[("t", 0), ("t", 1)], 3);
    let got = Assignor::Sticky.assign(&[silent, owner], &[("t".into(), 3)].into(), &NOWHERE);
    assert_eq!((of(&got, "a"), of(&got, "b")), (vec![2], vec![0, 1]));
}

#[test]
fn ca9_of_two_claims_the_later_generation_counts_and_of_equals_none() {
    let topics: Topics = [("t".into(), 4)].into();
    for (stale, kept) in [("a", "b"), ("b", "a")] {
        let old = member(stale, &["t"], &[("t", 0), ("t", 1)], 4);
        let new = member(kept, &["t"], &[("t", 0), ("t", 1)], 5);
        let got = Assignor::Sticky.assign(&[old, new], &topics, &NOWHERE);
        assert_eq!((of(&got, stale), of(&got, kept)), (vec![2, 3], vec![0, 1]));
    }
    let one = member("a", &["t"], &[("t", 3), ("t", 1)], 5);
    let other = member("b", &["t"], &[("t", 3), ("t", 0)], 5);
    let got = Assignor::Sticky.assign(&[one, other], &topics, &NOWHERE);
    assert_eq!((of(&got, "a"), of(&got, "b")), (vec![1, 2], vec![0, 3]));
}

/// Who has more than the least keeps it as long as places last, in the order of Java's map.
#[test]
fn ca10_places_for_one_more_go_to_those_who_have_it() {
    let a = member("a", &["t"], &[("t", 0), ("t", 1)], 1);
    let b = member("b", &["t"], &[("t", 2), ("t", 3)], 1);
    let c = member("c", &["t"], &[("t", 4)], 1);
    let d = member("d", &["t"], &[], 1);
    let got = Assignor::Sticky.assign(&[d, c, b, a], &[("t".into(), 5)].into(), &NOWHERE);
    let all = ["a", "b", "c", "d"].map(|id| of(&got, id));
    assert_eq!(all, [vec![0, 1], vec![2], vec![4], vec![3]]);
}

/// Of subscriptions that differ: what is owned stays, the rest goes to who has least.
#[test]
fn ca11_what_is_owned_stays_unless_another_has_two_fewer() {
    let topics: Topics = [("t".into(), 4), ("u".into(), 2)].into();
    let both = member(
        "a",
        &["t", "u"],
        &[("t", 0), ("t", 1), ("t", 2), ("t", 3)],
        1,
    );
    let one = member("b", &["t"], &[], -1);
    let got = Assignor::Sticky.assign(&[both, one], &topics, &NOWHERE);
    assert_eq!(got["a"].len() + got["b"].len(), 6);
    assert_eq!(got["b"].len(), 3, "{got:?}");
    let gave_up = member("a", &["u"], &[("t", 0), ("u", 1)], 1);
    let got = Assignor::Sticky.assign(&[gave_up, member("b", &["t"], &[], -1)], &topics, &NOWHERE);
    assert_eq!(
        (of(&got, "a"), of(&got, "b")),
        (vec![1, 0], vec![0, 1, 2, 3])
    );
}
