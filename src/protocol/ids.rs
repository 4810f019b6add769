//! Identifiers of Kafka's world.

use super::java_hash_code;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// Kafka's int32 broker id (`broker.id`).
pub type BrokerId = i32;

/// Leader of a partition that has none (`LeaderAndIsr.NoLeader`).
pub const NO_LEADER: BrokerId = -1;
/// Leader of a partition whose topic is being deleted (`LeaderAndIsr.LeaderDuringDelete`).
pub const LEADER_DURING_DELETE: BrokerId = -2;

/// One of the fetchers that follow a broker (`BrokerIdAndFetcherId`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FetcherId {
    pub leader: BrokerId,
    /// Below `num.replica.fetchers`.
    pub number: u16,
}

/// A topic's name, shared.
pub type TopicName = Rc<str>;

/// Where groups of consumers are kept.
pub const GROUP_METADATA_TOPIC: &str = "__consumer_offsets";

/// CG2: where in that topic a group is kept, `Utils.abs(group.hashCode()) % partitions`.
pub fn partition_for(group: &str, partitions: i32) -> i32 {
    java_hash_code(group).checked_abs().unwrap_or(0) % partitions.max(1)
}

/// A topic that brokers themselves write (`Topic.isInternal`).
pub fn is_internal_topic(topic: &str) -> bool {
    matches!(topic, GROUP_METADATA_TOPIC | "__transaction_state")
}

/// A name that Kafka lets a topic have (`Topic.validate`).
pub fn is_topic_name(name: &str) -> bool {
    const MOST: usize = 249;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !matches!(name, "" | "." | "..") && name.len() <= MOST && name.chars().all(legal)
}

/// A partition of a topic; prints as `trucks_gps-0`. Ordered by name, then by number.
#[derive(Clone, Eq)]
pub struct TopicPartition {
    pub topic: TopicName,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: impl Into<TopicName>, partition: i32) -> Self {
        TopicPartition {
            topic: topic.into(),
            partition,
        }
    }
}

impl Ord for TopicPartition {
    /// Partitions are looked up all the time, and mostly share their topic's name.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let by_number = self.partition.cmp(&other.partition);
        if Rc::ptr_eq(&self.topic, &other.topic) {
            by_number
        } else {
            self.topic.cmp(&other.topic).then(by_number)
        }
    }
}

impl PartialEq for TopicPartition {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.partition == other.partition
            && (Rc::ptr_eq(&self.topic, &other.topic) || self.topic == other.topic)
    }
}

impl Hash for TopicPartition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.topic.hash(state);
        self.partition.hash(state);
    }
}

impl PartialOrd for TopicPartition {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TopicPartition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.partition {
            0.. => serializer.collect_str(self),
            // A minus would pass for the end of the topic's name.
            _ => serializer.collect_str(&format_args!("{}-?", self.topic)),
        }
    }
}

impl<'de> Deserialize<'de> for TopicPartition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.rsplit_once('-');
        let read = parts.and_then(|(topic, number)| {
            let partition = match number {
                "?" => -1,
                digits => digits.parse().ok()?,
            };
            Some(TopicPartition::new(topic, partition))
        });
        read.ok_or_else(|| D::Error::custom(format!("\"{text}\" is no partition, such as t-0")))
    }
}

/// A topic's UUID (KIP-516); prints as Kafka's 22 characters of URL-safe base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    /// `Uuid.ZERO_UUID`: no id.
    pub const ZERO: TopicId = TopicId([0; 16]);

    /// Reads Kafka's 22 characters.
    pub fn parse(text: &str) -> Option<TopicId> {
        if text.len() != 22 {
            return None;
        }
        let mut bits: u128 = 0;
        let last = text.len() - 1;
        for (i, c) in text.bytes().enumerate() {
            let value = BASE64_URL.iter().position(|b| *b == c)? as u128;
            if i == last {
                // The last character carries two bits; the rest is padding and must be zero.
                if value & 0x0f != 0 {
                    return None;
                }
                bits = (bits << 2) | (value >> 4);
            } else {
                bits = (bits << 6) | value;
            }
        }
        Some(TopicId(bits.to_be_bytes()))
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        for i in 0..21 {
            let index = (bits >> (128 - 6 * (i + 1))) & 0x3f;
            write!(f, "{}", BASE64_URL[index as usize] as char)?;
        }
        write!(f, "{}", BASE64_URL[((bits & 0x3) << 4) as usize] as char)
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_reads_and_prints_as_kafka_does() {
        for text in [
            "1CW_f_eiRJuna4MKNhqpvQ",
            "UG_6ZH83TsSR2fh3YCu-Vw",
            "AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(
                TopicId::parse(text).map(|id| id.to_string()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(TopicId::parse("AAAAAAAAAAAAAAAAAAAAAB"), None);
        assert_eq!(TopicId::parse("short"), None);
    }
}
