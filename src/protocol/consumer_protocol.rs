//! What members of a consumer group tell each other through their coordinator (class `ConsumerProtocol`;
//! message files ConsumerProtocolSubscription and ConsumerProtocolAssignment; StickyAssignor's schemas). Rules
//! CA8, CA13, CA14, CA16.
//!
//! Written as version 3; a newer version is read as far as 3 goes.

use super::wire::{WireReader, put_nullable_bytes, put_nullable_string, put_string};
use super::{TopicName, TopicPartition};
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Protocol type of groups of consumers.
pub const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

const VERSION: i16 = 3;

/// What a member wants, and has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subscription {
    pub topics: Vec<TopicName>,
    /// The assignor's own.
    pub user_data: Option<Bytes>,
    /// Empty from members that have given everything up before they join.
    pub owned_partitions: Vec<TopicPartition>,
    /// Generation in which it got them, -1 if none.
    pub generation_id: i32,
    pub rack_id: Option<Rc<str>>,
}

/// What a member is given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assignment {
    pub partitions: Vec<TopicPartition>,
    pub user_data: Option<Bytes>,
}

/// What a member tells the sticky assignor that it was last given, and in which generation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StickyUserData {
    pub partitions: Vec<TopicPartition>,
    /// Version 0 has none.
    pub generation: Option<i32>,
}

impl Subscription {
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(VERSION);
        let mut topics = self.topics.clone();
        topics.sort();
        out.put_i32(topics.len() as i32);
        topics.iter().for_each(|topic| put_string(&mut out, topic));
        put_nullable_bytes(&mut out, self.user_data.as_ref());
        let mut owned = self.owned_partitions.clone();
        owned.sort();
        put_partitions(&mut out, &owned);
        out.put_i32(self.generation_id);
        put_nullable_string(&mut out, self.rack_id.as_deref());
        out.freeze()
    }

    /// `None` if these are no such bytes.
    pub fn from_bytes(bytes: &Bytes) -> Option<Subscription> {
        let mut from = WireReader::new(bytes);
        let version = from.i16().filter(|version| *version >= 0)?;
        let topics = (0..from.array_length()?).map(|_| from.string());
        let topics = topics.collect::<Option<Vec<TopicName>>>()?;
        let user_data = from.nullable_bytes()?;
        let owned_partitions = match version {
            0 => Vec::new(),
            _ => partitions(&mut from)?,
        };
        let generation_id = if version >= 2 { from.i32()? } else { -1 };
        let rack_id = if version >= 3 {
            from.nullable_string()?
        } else {
            None
        };
        Some(Subscription {
            topics,
            user_data,
            owned_partitions,
            generation_id,
            rack_id,
        })
    }
}

impl Assignment {
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(VERSION);
        put_partitions(&mut out, &self.partitions);
        put_nullable_bytes(&mut out, self.user_data.as_ref());
        out.freeze()
    }

    /// Zero bytes, from a leader that gave this member nothing, are no partitions (CA14). `None` if these
    /// are no such bytes.
    pub fn from_bytes(bytes: &Bytes) -> Option<Assignment> {
        if bytes.is_empty() {
            return Some(Assignment::default());
        }
        let mut from = WireReader::new(bytes);
        from.i16().filter(|version| *version >= 0)?;
        Some(Assignment {
            partitions: partitions(&mut from)?,
            user_data: from.nullable_bytes()?,
        })
    }
}

impl StickyUserData {
    /// Version 1.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        put_partitions(&mut out, &self.partitions);
        out.put_i32(self.generation.unwrap_or(-1));
        out.freeze()
    }

    /// What nobody can read is as if the member had never had anything.
    pub fn from_bytes(bytes: Option<&Bytes>) -> StickyUserData {
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
            return StickyUserData::default();
        };
        let mut from = WireReader::new(bytes);
        match partitions(&mut from) {
            Some(partitions) => StickyUserData {
                partitions,
                generation: from.i32(),
            },
            None => StickyUserData {
                partitions: Vec::new(),
                generation: Some(-1),
            },
        }
    }
}

/// By topic, topics in the order of their first partition.
fn put_partitions(out: &mut BytesMut, partitions: &[TopicPartition]) {
    let mut order: Vec<&TopicName> = Vec::new();
    let mut by_topic: BTreeMap<&TopicName, Vec<i32>> = BTreeMap::new();
    for TopicPartition { topic, partition } in partitions {
        let of_topic = by_topic.entry(topic).or_default();
        if of_topic.is_empty() {
            order.push(topic);
        }
        of_topic.push(*partition);
    }
    out.put_i32(order.len() as i32);
    for topic in order {
        put_string(out, topic);
        out.put_i32(by_topic[topic].len() as i32);
        by_topic[topic]
            .iter()
            .for_each(|partition| out.put_i32(*partition));
    }
}

fn partitions(from: &mut WireReader) -> Option<Vec<TopicPartition>> {
    let mut all = Vec::new();
    for _ in 0..from.array_length()? {
        let topic = from.string()?;
        for _ in 0..from.array_length()? {
            all.push(TopicPartition::new(Rc::clone(&topic), from.i32()?));
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &Bytes) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// CA13: the recorded bytes of a first join.
    #[test]
    fn ca13_a_first_subscription_is_24_bytes() {
        let first = Subscription {
            topics: vec!["t".into()],
            generation_id: -1,
            ..Subscription::default()
        };
        let bytes = first.to_bytes();
        assert_eq!(
            hex(&bytes),
            "000300000001000174ffffffff00000000ffffffffffff"
        );
        assert_eq!(Subscription::from_bytes(&bytes), Some(first));
    }

    #[test]
    fn ca13_topics_and_owned_partitions_are_written_in_order() {
        let subscription = Subscription {
            topics: vec!["b".into(), "a".into()],
            user_data: Some(Bytes::from_static(&[1])),
            owned_partitions: vec![TopicPartition::new("b", 1), TopicPartition::new("a", 0)],
            generation_id: 7,
            rack_id: Some("r".into()),
        };
        let read = Subscription::from_bytes(&subscription.to_bytes()).unwrap();
        assert_eq!(read.topics, ["a".into(), "b".into()] as [TopicName; 2]);
        assert_eq!(
            read.owned_partitions,
            [TopicPartition::new("a", 0), TopicPartition::new("b", 1)]
        );
        assert_eq!((read.generation_id, read.rack_id), (7, Some("r".into())));
    }

    /// CA14: sizes as recorded; nothing given is zero bytes.
    #[test]
    fn ca14_assignments_have_the_recorded_sizes() {
        for (count, size) in [(6, 41), (3, 29), (2, 25)] {
            let partitions = (0..count).map(|p| TopicPartition::new("t", p)).collect();
            let assignment = Assignment {
                partitions,
                user_data: None,
            };
            let bytes = assignment.to_bytes();
            assert_eq!(bytes.len(), size);
            assert_eq!(Assignment::from_bytes(&bytes), Some(assignment));
        }
        assert_eq!(
            Assignment::from_bytes(&Bytes::new()),
            Some(Assignment::default())
        );
    }

    /// CA8: `t-1`, `t-0` of generation 5, byte by byte; version 0 lacks the generation.
    #[test]
    fn ca8_a_member_tells_the_sticky_assignor_what_it_had_and_since_when() {
        let had = StickyUserData {
            partitions: vec![TopicPartition::new("t", 1), TopicPartition::new("t", 0)],
            generation: Some(5),
        };
        let bytes = had.to_bytes();
        assert_eq!(
            hex(&bytes),
            "00000001000174000000020000000100000000".to_owned() + "00000005"
        );
        assert_eq!(StickyUserData::from_bytes(Some(&bytes)), had);
        let oldest = bytes.slice(..bytes.len() - 4);
        let read = StickyUserData::from_bytes(Some(&oldest));
        assert_eq!((read.partitions, read.generation), (had.partitions, None));
        let foreign = Bytes::from_static(&[1, 2, 3]);
        assert_eq!(
            StickyUserData::from_bytes(Some(&foreign)).generation,
            Some(-1)
        );
        assert_eq!(StickyUserData::from_bytes(None).generation, None);
    }

    /// CA16: a newer version is read as far as it is known; older ones lack what came later.
    #[test]
    fn ca16_other_versions_are_read() {
        let mut newer = Subscription {
            topics: vec!["t".into()],
            generation_id: 4,
            ..Subscription::default()
        }
        .to_bytes()
        .to_vec();
        newer[1] = 9;
        newer.extend([1, 2, 3]);
        assert_eq!(
            Subscription::from_bytes(&newer.into())
                .unwrap()
                .generation_id,
            4
        );
        let oldest = Bytes::from_static(&[0, 0, 0, 0, 0, 1, 0, 1, b't', 255, 255, 255, 255]);
        let read = Subscription::from_bytes(&oldest).unwrap();
        assert_eq!((read.topics.len(), read.generation_id), (1, -1));
    }

    #[test]
    fn cut_or_foreign_bytes_are_nothing() {
        let whole = Subscription {
            topics: vec!["topic".into()],
            ..Subscription::default()
        }
        .to_bytes();
        for end in 0..whole.len() {
            assert_eq!(Subscription::from_bytes(&whole.slice(..end)), None, "{end}");
        }
        assert_eq!(
            Subscription::from_bytes(&Bytes::from_static(&[255, 255])),
            None
        );
    }
}
