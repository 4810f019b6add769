//! The sticky assignor for members that keep reading while they join (class CooperativeStickyAssignor). Rules
//! CA8, CA12.
//!
//! What changes hands is given to nobody at first: who has it learns so that it is to give it up, joins once more
//! without it, and then it is free for the other. So nobody reads it while another still does.

use super::sticky;
use super::{Assigned, AssignorMember};
use crate::protocol::{StickyUserData, Subscription, TopicName, TopicPartition};
use bytes::{Buf, Bytes};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub(super) fn assign(
    members: &[AssignorMember],
    partitions: &BTreeMap<TopicName, i32>,
) -> Assigned {
    let shared = sticky::assign(members, partitions);
    let mut assigned = shared.assigned;
    let changing_owner = shared
        .changing_owner
        .unwrap_or_else(|| changing_owner(members, &assigned));
    for (partition, to) in changing_owner {
        let given = assigned.entry(to).or_default();
        given.retain(|it| *it != partition);
    }
    assigned
}

/// What a member says that it owns, in the generation of its subscription or, if that has none, of its data.
pub(super) fn claim(subscription: &Subscription) -> StickyUserData {
    let generation = match subscription.generation_id {
        generation @ 0.. => Some(generation),
        _ => subscription
            .user_data
            .clone()
            .map(|mut data| data.try_get_i32().unwrap_or(-1)),
    };
    StickyUserData {
        partitions: subscription.owned_partitions.clone(),
        generation,
    }
}

/// The generation in which it was last given anything.
pub(super) fn user_data(generation: i32) -> Bytes {
    Bytes::copy_from_slice(&generation.to_be_bytes())
}

/// What one member gets anew and another owns and does not keep.
fn changing_owner(
    members: &[AssignorMember],
    assigned: &Assigned,
) -> BTreeMap<TopicPartition, Rc<str>> {
    let mut added = BTreeMap::new();
    let mut revoked = BTreeSet::new();
    for member in members {
        let given: &[TopicPartition] = assigned.get(&member.id).map_or(&[], |it| it);
        let is_new = |it: &&TopicPartition| !member.owned_partitions.contains(it);
        let to = given
            .iter()
            .filter(is_new)
            .map(|it| (it.clone(), Rc::clone(&member.id)));
        added.extend(to);
        let is_lost = |it: &&TopicPartition| !given.contains(it);
        revoked.extend(member.owned_partitions.iter().filter(is_lost));
    }
    added.retain(|partition, _| revoked.contains(partition));
    added
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::assignor::Assignor;

    fn partitions(topic: &str, numbers: &[i32]) -> Vec<TopicPartition> {
        let named = |p: &i32| TopicPartition::new(topic, *p);
        numbers.iter().map(named).collect()
    }

    fn member(id: &str, topics: &[&str], owned: &[i32], generation: i32) -> AssignorMember {
        let subscription = Subscription {
            topics: topics.iter().map(|it| (*it).into()).collect(),
            user_data: Some(user_data(generation)),
            owned_partitions: partitions("t", owned),
            generation_id: generation,
            rack_id: None,
        };
        AssignorMember {
            id: id.into(),
            instance: None,
            claim: claim(&subscription),
            topics: subscription.topics,
            generation_id: generation,
            owned_partitions: subscription.owned_partitions,
            rack: None,
        }
    }

    fn given(members: &[AssignorMember], topics: &[(&str, i32)]) -> BTreeMap<String, Vec<i32>> {
        let topics = topics.iter().map(|(topic, n)| ((*topic).into(), *n));
        let assigned =
            Assignor::CooperativeSticky.assign(members, &topics.collect(), &BTreeMap::new());
        let numbers = |of: Vec<TopicPartition>| {
            let mut numbers: Vec<i32> = of.iter().map(|it| it.partition).collect();
            numbers.sort_unstable();
            numbers
        };
        let of_each = assigned.into_iter();
        of_each
            .map(|(id, of)| (id.to_string(), numbers(of)))
            .collect()
    }

    fn expected(of: &[(&str, &[i32])]) -> BTreeMap<String, Vec<i32>> {
        let of_each = of.iter();
        of_each
            .map(|(id, numbers)| ((*id).to_owned(), numbers.to_vec()))
            .collect()
    }

    /// CX5: the first generation in which two are leaves what moves with nobody, the second gives it away.
    #[test]
    fn ca12_what_moves_between_members_takes_two_generations() {
        let topics = [("t", 6)];
        let has_all = member("a", &["t"], &[0, 1, 2, 3, 4, 5], 1);
        let first = given(&[has_all, member("b", &["t"], &[], -1)], &topics);
        assert_eq!(first, expected(&[("a", &[0, 1, 2]), ("b", &[])]));
        let gave_up = member("a", &["t"], &[0, 1, 2], 2);
        let second = given(&[gave_up, member("b", &["t"], &[], 2)], &topics);
        assert_eq!(second, expected(&[("a", &[0, 1, 2]), ("b", &[3, 4, 5])]));
    }

    #[test]
    fn ca12_what_nobody_claims_is_given_at_once() {
        let left = [
            member("a", &["t"], &[0, 1], 3),
            member("c", &["t"], &[4, 5], 3),
        ];
        let got = given(&left, &[("t", 6)]);
        assert_eq!(got, expected(&[("a", &[0, 1, 2]), ("c", &[3, 4, 5])]));
    }

    /// KAFKA-12984: of two that claim the same in one generation neither keeps it, nor gets it at once.
    #[test]
    fn ca12_what_two_claim_is_given_to_nobody_at_first() {
        let both = [
            member("a", &["t"], &[0, 1], 5),
            member("b", &["t"], &[0, 2], 5),
        ];
        let got = given(&both, &[("t", 4)]);
        let all: Vec<i32> = got.values().flatten().copied().collect();
        assert_eq!((all.len(), all.contains(&0)), (3, false), "{got:?}");
    }

    /// Where subscriptions differ, too.
    #[test]
    fn ca12_what_moves_is_withheld_where_subscriptions_differ() {
        let topics = [("t", 4), ("u", 1)];
        let members = [
            member("a", &["t", "u"], &[0, 1, 2, 3], 1),
            member("b", &["t"], &[], -1),
        ];
        let subscribed: BTreeMap<TopicName, i32> = [("t".into(), 4), ("u".into(), 1)].into();
        let sticky = sticky::assign(&members, &subscribed).assigned;
        assert!(!sticky["b"].is_empty(), "{sticky:?}");
        assert_eq!(given(&members, &topics)["b"], Vec::<i32>::new());
    }

    #[test]
    fn ca8_a_member_without_a_generation_is_believed_its_own_memory() {
        let mut subscription = Subscription {
            user_data: Some(user_data(7)),
            generation_id: -1,
            ..Subscription::default()
        };
        assert_eq!(claim(&subscription).generation, Some(7));
        subscription.generation_id = 9;
        assert_eq!(claim(&subscription).generation, Some(9));
        subscription.generation_id = -1;
        subscription.user_data = Some(Bytes::from_static(&[1]));
        assert_eq!(claim(&subscription).generation, Some(-1));
        subscription.user_data = None;
        assert_eq!(claim(&subscription).generation, None);
    }
}
