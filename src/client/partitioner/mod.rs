//! Which partition a record goes to (CP7 to CP14): the one that the application names; else by a partitioner
//! that the configuration names; else by the hash of its key; else the accumulator decides, by the built-in
//! partitioner.
//!
//! May not know whether a leader lives, only who was named.

mod built_in;

pub(super) use built_in::BuiltInPartitioner;

use crate::client::cluster::TopicPartitions;
use crate::protocol::config::PartitionerClass;
use crate::protocol::{Ctx, TopicName};
use std::collections::BTreeMap;

/// What `partitioner.class` names, and what it remembers (CP14).
#[derive(Debug)]
pub(super) enum Partitioner {
    /// None: keys count unless `partitioner.ignore.keys` says otherwise.
    BuiltIn { ignore_keys: bool },
    /// RoundRobinPartitioner: each record to the next partition, whatever its key.
    RoundRobin(BTreeMap<TopicName, u32>),
    /// UniformStickyPartitioner, and DefaultPartitioner, for which `keys` count: until a batch is full, all
    /// records without a key go to one partition.
    Sticky {
        keys: bool,
        sticky: BTreeMap<TopicName, i32>,
    },
}

impl Partitioner {
    pub(super) fn new(class: PartitionerClass, ignore_keys: bool) -> Partitioner {
        let sticky = |keys| Partitioner::Sticky {
            keys,
            sticky: BTreeMap::new(),
        };
        match class {
            PartitionerClass::BuiltIn => Partitioner::BuiltIn { ignore_keys },
            PartitionerClass::RoundRobin => Partitioner::RoundRobin(BTreeMap::new()),
            PartitionerClass::Default => sticky(true),
            PartitionerClass::UniformSticky => sticky(false),
        }
    }

    /// True if it is told of new batches, and asked again for their first record. It costs RoundRobinPartitioner
    /// a turn: with one record a batch every second partition is passed over (CB4, mended in 3.9.2).
    pub(super) fn is_told_of_new_batches(&self) -> bool {
        !matches!(self, Partitioner::BuiltIn { .. })
    }

    /// The partition for a record with this key, or `None`: the accumulator decides. The topic has at least
    /// one partition.
    pub(super) fn partition(
        &mut self,
        ctx: &mut Ctx<'_>,
        topic: &TopicName,
        partitions: &TopicPartitions,
        key: Option<&[u8]>,
    ) -> Option<i32> {
        let by_key = key.map(|key| partition_for_key(key, partitions.all.len() as u32));
        match self {
            Partitioner::BuiltIn { ignore_keys: true } => None,
            Partitioner::BuiltIn { ignore_keys: false } => by_key,
            Partitioner::RoundRobin(counters) => {
                let counter = counters.entry(TopicName::clone(topic)).or_default();
                let turn = *counter & 0x7fff_ffff;
                *counter = counter.wrapping_add(1);
                Some(in_turn(partitions, u64::from(turn)))
            }
            Partitioner::Sticky { keys: true, .. } if by_key.is_some() => by_key,
            Partitioner::Sticky { sticky, .. } => Some(match sticky.get(topic) {
                Some(known) => *known,
                None => next_sticky(ctx, topic, partitions, sticky),
            }),
        }
    }

    /// The first record of a batch was on its way to `previous`.
    pub(super) fn on_new_batch(
        &mut self,
        ctx: &mut Ctx<'_>,
        topic: &TopicName,
        partitions: &TopicPartitions,
        previous: i32,
    ) {
        if let Partitioner::Sticky { sticky, .. } = self
            && sticky.get(topic).is_none_or(|known| *known == previous)
        {
            next_sticky(ctx, topic, partitions, sticky);
        }
    }
}

/// Draws until another comes out than before (StickyPartitionCache).
fn next_sticky(
    ctx: &mut Ctx<'_>,
    topic: &TopicName,
    partitions: &TopicPartitions,
    sticky: &mut BTreeMap<TopicName, i32>,
) -> i32 {
    let before = sticky.get(topic).copied();
    let next = match partitions.available[..] {
        [only] => only,
        _ => loop {
            let drawn = in_turn(partitions, draw(ctx));
            if partitions.available.is_empty() || Some(drawn) != before {
                break drawn;
            }
        },
    };
    sticky.insert(TopicName::clone(topic), next);
    next
}

/// The available partition that has this turn; of all, if none is available.
fn in_turn(partitions: &TopicPartitions, turn: u64) -> i32 {
    let among = match &partitions.available[..] {
        [] => &partitions.all[..],
        available => available,
    };
    among[(turn % among.len() as u64) as usize]
}

/// `toPositive(nextInt())`
fn draw(ctx: &mut Ctx<'_>) -> u64 {
    ctx.random().below(1 << 31)
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

    /// Hashes and partitions that the Java client and four other clients agree on.
    #[test]
    fn cp7_keys_hash_to_the_partitions_that_kafka_chooses() {
        let text = include_str!("../../../tests/vectors/murmur2_partitions.json");
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
}
