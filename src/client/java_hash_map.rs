//! A map that is walked in the order of Java's `HashMap`, where that order can be seen from outside: in
//! requests, and in what assignors make of equals. Rule CN31.
//!
//! Buckets of more than seven keys, which Java makes trees of, are walked as chains here.

use crate::protocol::{TopicName, TopicPartition, java_hash_code};
use std::rc::Rc;

/// `hashCode`.
pub trait JavaHash {
    fn hash_code(&self) -> i32;
}

impl JavaHash for Rc<str> {
    fn hash_code(&self) -> i32 {
        java_hash_code(self)
    }
}

impl JavaHash for TopicPartition {
    fn hash_code(&self) -> i32 {
        let number = 31_i32.wrapping_add(self.partition).wrapping_mul(31);
        number.wrapping_add(self.topic.hash_code())
    }
}

#[derive(Clone, Debug)]
pub struct JavaHashMap<K, V> {
    /// Their number is a power of two.
    buckets: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for JavaHashMap<K, V> {
    fn default() -> Self {
        JavaHashMap {
            buckets: chains(16),
            len: 0,
        }
    }
}

impl<K: JavaHash + PartialEq, V> JavaHashMap<K, V> {
    /// With room for so many keys, as Java counts it: it doubles early all the same.
    pub fn with_capacity(keys: usize) -> Self {
        JavaHashMap {
            buckets: chains(keys.max(1).next_power_of_two()),
            len: 0,
        }
    }

    pub fn insert(&mut self, key: K, value: V) {
        let bucket = self.bucket(&key);
        let chain = &mut self.buckets[bucket];
        if let Some(entry) = chain.iter_mut().find(|(known, _)| *known == key) {
            entry.1 = value;
            return;
        }
        chain.push((key, value));
        self.len += 1;
        if self.len > self.buckets.len() * 3 / 4 {
            self.double();
        }
    }

    pub fn remove(&mut self, key: &K) {
        let bucket = self.bucket(key);
        let chain = &mut self.buckets[bucket];
        let before = chain.len();
        chain.retain(|(known, _)| known != key);
        self.len -= before - chain.len();
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let all = self.buckets.iter().flatten();
        all.map(|(key, value)| (key, value))
    }

    fn bucket(&self, key: &K) -> usize {
        bucket(key.hash_code(), self.buckets.len())
    }

    fn double(&mut self) {
        let wider = chains(self.buckets.len() * 2);
        for (key, value) in std::mem::replace(&mut self.buckets, wider)
            .into_iter()
            .flatten()
        {
            let bucket = self.bucket(&key);
            self.buckets[bucket].push((key, value));
        }
    }
}

/// Topic by topic, in the order of a `HashMap` that is keyed by topics; partitions of one stay as they come.
pub fn by_topic(partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
    let mut topics: JavaHashMap<TopicName, ()> = JavaHashMap::default();
    for partition in &partitions {
        topics.insert(Rc::clone(&partition.topic), ());
    }
    let of_topic = |topic: &TopicName| {
        let topic = Rc::clone(topic);
        partitions.iter().filter(move |it| it.topic == topic)
    };
    let in_order = topics.iter().flat_map(|(topic, ())| of_topic(topic));
    in_order.cloned().collect()
}

/// In the order of a `HashMap` that is keyed by them.
pub fn in_hash_order(partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
    let mut map = JavaHashMap::default();
    for partition in partitions {
        map.insert(partition, ());
    }
    map.iter()
        .map(|(partition, ())| partition.clone())
        .collect()
}

/// Where a key goes; `buckets` is a power of two.
pub fn bucket(hash_code: i32, buckets: usize) -> usize {
    let hash = hash_code as u32;
    (hash ^ (hash >> 16)) as usize & (buckets - 1)
}

fn chains<K, V>(count: usize) -> Vec<Vec<(K, V)>> {
    std::iter::repeat_with(Vec::new).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(topic: &str, partitions: impl Iterator<Item = i32>) -> Vec<i32> {
        let mut map = JavaHashMap::default();
        partitions.for_each(|p| map.insert(TopicPartition::new(topic, p), ()));
        map.iter().map(|(key, ())| key.partition).collect()
    }

    /// As recorded: what clients ask and commit of a topic with a short name comes out backwards.
    #[test]
    fn cn31_six_partitions_of_a_one_letter_topic_are_walked_backwards() {
        assert_eq!(order("t", 0..6), [5, 4, 3, 2, 1, 0]);
    }

    /// 1077, 1108 and 1139 in four buckets; with 1170 there are eight.
    #[test]
    fn cn31_a_map_made_for_few_keys_has_few_buckets() {
        for (partitions, walked) in [(3, &[1, 0, 2][..]), (4, &[3, 2, 1, 0])] {
            let mut map = JavaHashMap::with_capacity(partitions as usize);
            (0..partitions).for_each(|p| map.insert(TopicPartition::new("t", p), ()));
            let order: Vec<i32> = map.iter().map(|(key, ())| key.partition).collect();
            assert_eq!(order, walked);
        }
    }

    /// Values that Java's documentation of `String.hashCode` yields.
    #[test]
    fn cn31_strings_hash_as_in_java() {
        let hash = |text: &str| Rc::<str>::from(text).hash_code();
        assert_eq!((hash(""), hash("t"), hash("hello")), (0, 116, 99_162_322));
        assert_eq!(hash("polygenelubricants"), i32::MIN);
    }

    #[test]
    fn cn31_keys_of_one_bucket_stay_in_order_when_the_map_grows() {
        let ids: Vec<Rc<str>> = (0..40).map(|n| format!("m{n:02}").into()).collect();
        let mut map = JavaHashMap::default();
        ids.iter().for_each(|id| map.insert(Rc::clone(id), ()));
        let bucket = |id: &Rc<str>| {
            let hash = id.hash_code() as u32;
            (hash ^ (hash >> 16)) & 63
        };
        let mut expected = ids.clone();
        expected.sort_by_key(bucket);
        let walked: Vec<Rc<str>> = map.iter().map(|(id, ())| Rc::clone(id)).collect();
        assert_eq!(walked, expected);
        ids.iter().for_each(|id| map.remove(id));
        assert!(map.is_empty() && map.iter().next().is_none());
    }
}
