//! The orders in which Scala's maps are walked: of the records of a commit and of answers (CG33), of a group's members
//! (CG18, CG23) and of the assignors that they vote for (CG24).
//!
//! A commit's partitions are put into a `mutable.HashMap` and copied from that into an immutable one; committed
//! offsets are looked up into an immutable one at once. An immutable map of up to four keeps the order in which it
//! was filled; a larger one is a tree of hashes, walked level by level.

use crate::protocol::{TopicPartition, java_hash_code};

/// So many an immutable map holds as they come.
const SMALL: usize = 4;

/// In the order of an immutable map that was filled with these, each once.
pub fn as_immutable_map<T>(items: Vec<(TopicPartition, T)>) -> Vec<(TopicPartition, T)> {
    let hashed = |item: (TopicPartition, T)| (improved(hash_of_partition(&item.0)), item);
    match items.len() <= SMALL {
        true => items,
        false => walked(items.into_iter().map(hashed).collect(), 0),
    }
}

/// In the order of an immutable map that was filled from a mutable one; what was asked for twice counts as it
/// was asked for last. Partitions have ids of topics here, which are all zero.
pub fn as_committed<T>(items: Vec<(TopicPartition, T)>) -> Vec<(TopicPartition, T)> {
    let mut once: Vec<(TopicPartition, T)> = Vec::new();
    for (partition, value) in items {
        match once.iter_mut().find(|(known, _)| *known == partition) {
            Some(known) => known.1 = value,
            None => once.push((partition, value)),
        }
    }
    match once.len() <= SMALL {
        true => {
            once.sort_by_key(|(partition, _)| place_of_hash(with_topic_id(partition), BUCKETS));
            once
        }
        false => {
            let hashed = |item: (TopicPartition, T)| (improved(with_topic_id(&item.0)), item);
            walked(once.into_iter().map(hashed).collect(), 0)
        }
    }
}

/// Where a key stands in a `mutable.HashMap` with so many buckets: keys are walked from the lowest place on.
pub fn place_in_mutable_map(key: &str, buckets: u32) -> (u32, i32) {
    place_of_hash(java_hash_code(key), buckets)
}

fn place_of_hash(hash: i32, buckets: u32) -> (u32, i32) {
    let spread = hash ^ ((hash as u32) >> 16) as i32;
    (spread as u32 % buckets, spread)
}

/// The buckets of a `mutable.HashMap` as it comes to hold so many entries: it grows before it is full, and never shrinks.
pub fn buckets_for(entries: usize, buckets: u32) -> u32 {
    match entries as u64 >= u64::from(buckets) * 3 / 4 {
        true => buckets * 2,
        false => buckets,
    }
}

/// In the order of an `immutable.HashMap` of these, each once; not of the small maps that keep theirs.
pub fn as_immutable_hash_map<K: AsRef<str>, T>(items: Vec<(K, T)>) -> Vec<(K, T)> {
    let hashed = |item: (K, T)| (improved(java_hash_code(item.0.as_ref())), item);
    walked(items.into_iter().map(hashed).collect(), 0)
}

/// Of a `mutable.HashMap` that is new.
pub const BUCKETS: u32 = 16;

/// `TopicPartition.hashCode`.
fn hash_of_partition(partition: &TopicPartition) -> i32 {
    let number = 31_i32.wrapping_add(partition.partition).wrapping_mul(31);
    number.wrapping_add(java_hash_code(&partition.topic))
}

/// `TopicIdPartition.hashCode`, with `Uuid.ZERO_UUID`.
fn with_topic_id(partition: &TopicPartition) -> i32 {
    (31 * 31_i32).wrapping_add(hash_of_partition(partition))
}

/// `scala.collection.Hashing.improve`.
fn improved(hash: i32) -> u32 {
    let mut hash = hash as u32;
    hash = hash.wrapping_add(!(hash << 9));
    hash ^= hash >> 14;
    hash = hash.wrapping_add(hash << 4);
    hash ^ (hash >> 10)
}

/// Five bits of the hash a level: what is alone at its place comes first, then what shares one.
fn walked<T>(items: Vec<(u32, T)>, shift: u32) -> Vec<T> {
    if shift >= u32::BITS {
        return items.into_iter().map(|(_, item)| item).collect();
    }
    let mut places: Vec<Vec<(u32, T)>> = std::iter::repeat_with(Vec::new).take(32).collect();
    for (hash, item) in items {
        places[(hash >> shift & 31) as usize].push((hash, item));
    }
    let (alone, shared): (Vec<_>, Vec<_>) = places.into_iter().partition(|it| it.len() <= 1);
    let mut order: Vec<T> = alone.into_iter().flatten().map(|(_, item)| item).collect();
    for place in shared {
        order.extend(walked(place, shift + 5));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(of: &[(&str, i32)]) -> Vec<(TopicPartition, ())> {
        let named = |(topic, p): &(&str, i32)| (TopicPartition::new(*topic, *p), ());
        of.iter().map(named).collect()
    }

    fn names(of: Vec<(TopicPartition, ())>) -> String {
        let names: Vec<String> = of.iter().map(|(it, ())| it.to_string()).collect();
        names.join(" ")
    }

    /// As recorded of Kafka 3.9.1: commits in the log, and committed offsets in answers.
    #[test]
    fn cg33_commits_and_answers_stand_in_the_order_of_scalas_maps() {
        let six: Vec<(&str, i32)> = (0..6).rev().map(|p| ("t", p)).collect();
        let mut eight = six.clone();
        eight.extend([("u", 1), ("u", 0)]);
        let five = [("t", 5), ("t", 4), ("t", 3), ("u", 3), ("u", 2)];
        for (asked, committed, looked_up) in [
            (
                &six[..],
                "t-3 t-2 t-0 t-5 t-1 t-4",
                "t-5 t-4 t-3 t-2 t-1 t-0",
            ),
            (
                &eight[..],
                "t-3 u-0 t-2 t-0 t-5 t-1 t-4 u-1",
                "u-0 t-5 u-1 t-4 t-3 t-2 t-1 t-0",
            ),
            (&five[..], "t-3 u-3 t-5 u-2 t-4", "t-5 t-4 t-3 u-3 u-2"),
            (&six[3..], "t-2 t-1 t-0", "t-2 t-1 t-0"),
        ] {
            assert_eq!(names(as_committed(partitions(asked))), committed);
            assert_eq!(names(as_immutable_map(partitions(asked))), looked_up);
        }
    }

    #[test]
    fn what_a_commit_names_twice_is_stored_once_as_said_last() {
        let twice = vec![
            (TopicPartition::new("t", 0), 1),
            (TopicPartition::new("t", 1), 2),
            (TopicPartition::new("t", 0), 3),
        ];
        let stored: Vec<i32> = as_committed(twice).into_iter().map(|it| it.1).collect();
        assert_eq!(stored, [2, 3]);
    }

    /// As Scala 2.13 hands them out: members of a mutable map that grows, assignors of an immutable one.
    #[test]
    fn cg18_cg23_cg24_members_and_assignors_stand_in_the_order_of_scalas_maps() {
        for (count, order) in [
            (3, "1 2 0"),
            (5, "1 2 0 3 4"),
            (11, "1 2 0 5 6 3 4 9 10 7 8"),
            (12, "5 6 3 4 9 11 10 7 8 1 2 0"),
            (
                30,
                "19 18 17 16 5 15 6 14 3 13 4 12 9 11 10 7 8 29 28 27 26 25 24 23 22 21 20 1 2 0",
            ),
        ] {
            let buckets = (1..=count).fold(BUCKETS, |buckets, n| buckets_for(n, buckets));
            let mut members: Vec<usize> = (0..count).collect();
            members.sort_by_key(|n| place_in_mutable_map(&format!("member-{n}"), buckets));
            let members: Vec<String> = members.iter().map(ToString::to_string).collect();
            assert_eq!(members.join(" "), order);
        }
        let assignors = ["range", "roundrobin", "sticky", "cooperative-sticky"];
        let order = as_immutable_hash_map(assignors.map(|name| (name, ())).to_vec());
        let order: Vec<&str> = order.into_iter().map(|(name, ())| name).collect();
        assert_eq!(
            order,
            ["cooperative-sticky", "roundrobin", "range", "sticky"]
        );
    }

    #[test]
    fn partitions_of_one_hash_stay_as_they_came() {
        let same = (0..40).map(|n| (7_u32, n)).collect();
        assert_eq!(walked(same, 0), (0..40).collect::<Vec<_>>());
    }
}
