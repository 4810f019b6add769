//! Records of `__consumer_offsets` (message files OffsetCommitKey, OffsetCommitValue, GroupMetadataKey,
//! GroupMetadataValue). Rules CG30 to CG35.
//!
//! Written as Kafka 3.9 writes them; read in every version. What cannot be read is nothing, as in Kafka.

use super::group_metadata::GroupMetadata;
use crate::protocol::wire::{WireReader, put_bytes, put_nullable_string, put_string};
use crate::protocol::{Subscription, TopicName, TopicPartition};
use bytes::{BufMut, Bytes, BytesMut};
use std::rc::Rc;

/// From this version on lengths are compact and fields are tagged.
const FLEXIBLE: i16 = 4;

/// A committed offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffsetAndMetadata {
    pub offset: i64,
    /// -1: unknown.
    pub leader_epoch: i32,
    pub metadata: Rc<str>,
    /// The coordinator's wall clock, in ms.
    pub commit_timestamp: i64,
    /// Of values of version 1: when it goes, whatever else.
    pub expire_timestamp: Option<i64>,
}

/// What a record is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    Offset(Rc<str>, TopicPartition),
    Group(Rc<str>),
}

/// A group as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupValue {
    pub protocol_type: Rc<str>,
    pub generation: i32,
    pub protocol: Option<Rc<str>>,
    pub leader: Option<Rc<str>>,
    pub current_state_timestamp: i64,
    pub members: Vec<MemberValue>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberValue {
    pub member_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
    pub client_id: Rc<str>,
    pub client_host: Rc<str>,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// Its bytes for the chosen protocol.
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Key {
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Key::Offset(group, TopicPartition { topic, partition }) => {
                out.put_i16(1);
                put_string(&mut out, group);
                put_string(&mut out, topic);
                out.put_i32(*partition);
            }
            Key::Group(group) => {
                out.put_i16(2);
                put_string(&mut out, group);
            }
        }
        out.freeze()
    }

    pub fn from_bytes(bytes: &Bytes) -> Option<Key> {
        let mut from = WireReader::new(bytes);
        match from.i16()? {
            0 | 1 => {
                let (group, topic) = (from.string()?, from.string()?);
                let partition = TopicPartition::new(topic, from.i32()?);
                Some(Key::Offset(group, partition))
            }
            2 => Some(Key::Group(from.string()?)),
            _ => None,
        }
    }
}

impl OffsetAndMetadata {
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(3);
        out.put_i64(self.offset);
        out.put_i32(self.leader_epoch);
        put_string(&mut out, &self.metadata);
        out.put_i64(self.commit_timestamp);
        out.freeze()
    }

    pub fn from_bytes(bytes: &Bytes) -> Option<OffsetAndMetadata> {
        let mut from = WireReader::new(bytes);
        let version = value_version(&mut from)?;
        let offset = from.i64()?;
        let leader_epoch = if version >= 3 { from.i32()? } else { -1 };
        let metadata = from.string()?;
        let commit_timestamp = from.i64()?;
        let expire_timestamp = match version {
            1 => Some(from.i64()?).filter(|at| *at >= 0),
            _ => None,
        };
        Some(OffsetAndMetadata {
            offset,
            leader_epoch,
            metadata,
            commit_timestamp,
            expire_timestamp,
        })
    }
}

impl GroupValue {
    /// The group as it is now, with what its members told the chosen assignor.
    pub fn of(group: &GroupMetadata, assignment: impl Fn(&str) -> Bytes) -> GroupValue {
        let protocol = group.protocol_name.clone();
        let members = group.members_in_order().into_iter();
        let members = members.map(|member| MemberValue {
            member_id: Rc::clone(&member.member_id),
            group_instance_id: member.group_instance_id.clone(),
            client_id: Rc::clone(&member.client_id),
            client_host: Rc::clone(&member.client_host),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: protocol
                .as_deref()
                .map_or_else(Bytes::new, |name| member.metadata(name)),
            assignment: assignment(&member.member_id),
        });
        GroupValue {
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            generation: group.generation_id,
            leader: group.leader_id.clone(),
            current_state_timestamp: group.current_state_timestamp,
            members: members.collect(),
            protocol,
        }
    }

    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(3);
        put_string(&mut out, &self.protocol_type);
        out.put_i32(self.generation);
        put_nullable_string(&mut out, self.protocol.as_deref());
        put_nullable_string(&mut out, self.leader.as_deref());
        out.put_i64(self.current_state_timestamp);
        out.put_i32(self.members.len() as i32);
        for member in &self.members {
            put_string(&mut out, &member.member_id);
            put_nullable_string(&mut out, member.group_instance_id.as_deref());
            put_string(&mut out, &member.client_id);
            put_string(&mut out, &member.client_host);
            out.put_i32(member.rebalance_timeout_ms);
            out.put_i32(member.session_timeout_ms);
            put_bytes(&mut out, &member.subscription);
            put_bytes(&mut out, &member.assignment);
        }
        out.freeze()
    }

    pub fn from_bytes(bytes: &Bytes) -> Option<GroupValue> {
        let mut from = WireReader::new(bytes);
        let version = value_version(&mut from)?;
        let protocol_type = from.string()?;
        let generation = from.i32()?;
        let (protocol, leader) = (from.nullable_string()?, from.nullable_string()?);
        let current_state_timestamp = if version >= 2 { from.i64()? } else { -1 };
        let members = (0..from.array_length()?).map(|_| member(&mut from, version));
        Some(GroupValue {
            protocol_type,
            generation,
            protocol,
            leader,
            current_state_timestamp,
            members: members.collect::<Option<_>>()?,
        })
    }
}

/// Topics of a consumer's subscription.
pub fn subscribed_topics(bytes: &Bytes) -> Option<Vec<TopicName>> {
    Subscription::from_bytes(bytes).map(|it| it.topics)
}

fn value_version(from: &mut WireReader) -> Option<i16> {
    let version = from.i16().filter(|version| *version >= 0)?;
    from.set_flexible(version >= FLEXIBLE);
    Some(version)
}

fn member(from: &mut WireReader, version: i16) -> Option<MemberValue> {
    let member_id = from.string()?;
    let group_instance_id = if version >= 3 {
        from.nullable_string()?
    } else {
        None
    };
    let (client_id, client_host) = (from.string()?, from.string()?);
    let rebalance = if version >= 1 {
        Some(from.i32()?)
    } else {
        None
    };
    let session_timeout_ms = from.i32()?;
    let (subscription, assignment) = (from.bytes()?, from.bytes()?);
    from.tagged_fields()?;
    Some(MemberValue {
        member_id,
        group_instance_id,
        client_id,
        client_host,
        rebalance_timeout_ms: rebalance.unwrap_or(session_timeout_ms),
        session_timeout_ms,
        subscription,
        assignment,
    })
}
