//! Which partition a record goes to (classes BuiltInPartitioner, RoundRobinPartitioner): keyed records by hash over all partitions, leaderless or not; the others in turn over
//! the partitions that have a leader.
//!
//! May not know whether a leader lives, only who was named.

use crate::client::metadata::Topic;
use crate::protocol::TopicName;
use std::collections::BTreeMap;

/// Chooses partitions.
#[derive(Debug)]
pub struct Partitioner {
    ignore_keys: bool,
    counters: BTreeMap<TopicName, u32>,
}

impl Partitioner {
    /// `ignore_keys` is `partitioner.ignore.keys`.
    pub fn new(ignore_keys: bool) -> Partitioner {
        Partitioner {
            ignore_keys,
            counters: BTreeMap::new(),
        }
    }

    /// The partition for a record with this key. `is_available` says of a partition whether its leader
    /// is known; the topic has at least one partition.
    pub fn partition(
        &mut self,
        topic: &Topic,
        key: Option<&[u8]>,
        is_available: impl Fn(i32) -> bool + Copy,
    ) -> i32 {
        let count = topic.partitions.len() as u32;
        match key {
            Some(key) if !self.ignore_keys => partition_for_key(key, count),
            _ => {
                let counter = self
                    .counters
                    .entry(TopicName::clone(&topic.name))
                    .or_default();
                let turn = *counter & 0x7fff_ffff;
                *counter = counter.wrapping_add(1);
                let mut available = (0..count as i32).filter(|p| is_available(*p));
                match available.clone().count() as u32 {
                    // None or all.
                    n if n == 0 || n == count => (turn % count) as i32,
                    n => available.nth((turn % n) as usize).unwrap_or_default(),
                }
            }
        }
    }
}

/// `toPositive(murmur2(key)) % partitions`. `partitions` is at least 1.
pub fn partition_for_key(key: &[u8], partitions: u32) -> i32 {
    ((murmur2(key) as u32 & 0x7fff_ffff) % partitions) as i32
}

/// The 32-bit MurmurHash2 with Kafka's seed (Utils.murmur2).
pub fn murmur2(data: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut h = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let mut tail = [0; 4];
        tail[..rest.len()].copy_from_slice(rest);
        h = (h ^ u32::from_le_bytes(tail)).wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    (h ^ (h >> 15)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::metadata::Partition;
    use crate::protocol::{NO_LEADER, TopicId};

    /// Hashes and partitions that the Java client and four other clients agree on.
    #[test]
    fn keys_hash_to_the_partitions_that_kafka_chooses() {
        let text = include_str!("../../tests/vectors/murmur2_partitions.json");
        let file: serde_json::Value = serde_json::from_str(text).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert!(vectors.len() > 10);
        for vector in vectors {
            let hex = vector["key_hex"].as_str().unwrap();
            let key: Vec<u8> = (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
                .collect();
            assert_eq!(
                i64::from(murmur2(&key)),
                vector["murmur2"].as_i64().unwrap(),
                "{hex}"
            );
            for (count, partition) in vector["partition"].as_object().unwrap() {
                assert_eq!(
                    i64::from(partition_for_key(&key, count.parse().unwrap())),
                    partition.as_i64().unwrap(),
                    "{hex} over {count}"
                );
            }
        }
    }

    #[test]
    fn keys_go_to_a_partition_without_leader_too_and_records_without_key_do_not() {
        let partition = Partition {
            leader: NO_LEADER,
            leader_epoch: 0,
            replicas: Vec::new(),
            isr: Vec::new(),
        };
        let topic = Topic {
            name: "t".into(),
            topic_id: TopicId::ZERO,
            partitions: vec![partition; 3],
        };
        let mut partitioner = Partitioner::new(false);
        let without_1 = |p: i32| p != 1;
        let turns: Vec<i32> = (0..4)
            .map(|_| partitioner.partition(&topic, None, without_1))
            .collect();
        assert_eq!(turns, [0, 2, 0, 2]);
        let keyed: Vec<i32> = (0u8..9)
            .map(|key| partitioner.partition(&topic, Some(&[key]), without_1))
            .collect();
        assert!(keyed.contains(&1), "{keyed:?}");
    }
}
