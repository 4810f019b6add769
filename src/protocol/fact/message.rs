//! What becomes of messages in clients: objects that are made bytes, bytes that are made objects or cannot be,
//! and the schemas by which that is done.

use super::{Fact, RecordId};
use crate::protocol::TopicPartition;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// What happens to a message, or to a schema.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "fact")]
pub enum MessageFact {
    /// By a producer: `send` has made bytes of a record's objects.
    #[serde(rename = "serialized")]
    Serialized {
        record: RecordId,
        key: Box<Serialized>,
        value: Box<Serialized>,
        /// Names and values, as text.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(Rc<str>, Rc<str>)>,
    },
    /// By a producer: `send` throws, since an object is not what its serializer writes, or its schema is refused.
    #[serde(rename = "not-serialized")]
    NotSerialized {
        record: RecordId,
        part: Part,
        why: Rc<str>,
    },
    /// By a consumer: it has made objects of a record's bytes.
    #[serde(rename = "deserialized")]
    Deserialized {
        partition: TopicPartition,
        offset: i64,
        key: Rc<str>,
        value: Rc<str>,
        /// What a registry calls the schema by which it was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<u32>,
        /// Nothing was read before, or nothing by this schema.
        first: bool,
    },
    /// By a consumer: `poll` throws, since bytes are not what its deserializer reads.
    #[serde(rename = "not-deserialized")]
    NotDeserialized {
        partition: TopicPartition,
        offset: i64,
        part: Part,
        expected: Rc<str>,
        found: Rc<str>,
        /// How often it has thrown for this record, in this life.
        times: u32,
    },
    /// By a consumer: its application seeks past a record that it cannot read.
    #[serde(rename = "poison-skipped")]
    PoisonSkipped {
        partition: TopicPartition,
        offset: i64,
    },
    /// By a consumer: its application has sent a record that it cannot read to another topic, and it was
    /// acknowledged there.
    #[serde(rename = "dead-lettered")]
    DeadLettered {
        partition: TopicPartition,
        offset: i64,
        to: TopicPartition,
        to_offset: i64,
    },
    /// By a consumer: that was not acknowledged.
    #[serde(rename = "dead-letter-failed")]
    DeadLetterFailed {
        partition: TopicPartition,
        offset: i64,
        exception: Rc<str>,
    },
    /// By a schema registry: a subject has a new version.
    #[serde(rename = "schema-registered")]
    SchemaRegistered {
        subject: Rc<str>,
        version: u32,
        id: u32,
        /// Who asked.
        client: Rc<str>,
    },
    /// By a schema registry: a subject does not get this version.
    #[serde(rename = "schema-refused")]
    SchemaRefused {
        subject: Rc<str>,
        compatibility: Rc<str>,
        why: Rc<str>,
        client: Rc<str>,
    },
    /// By a schema registry: it was asked for a schema by its id, or for the id of one that it has.
    #[serde(rename = "schema-asked")]
    SchemaAsked { id: u32, client: Rc<str> },
    /// By a client: the registry did not answer.
    #[serde(rename = "registry-not-reached")]
    RegistryNotReached { what: Rc<str>, why: Rc<str> },
}

/// What a serializer made of an object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Serialized {
    /// The serializer's short name.
    pub by: Rc<str>,
    pub object: Rc<str>,
    /// -1: null.
    pub size: i64,
    /// Two digits a byte; of long ones the beginning.
    pub bytes: Rc<str>,
}

impl Serialized {
    /// The bytes, where all of them are told.
    pub fn whole(&self) -> Option<Option<Bytes>> {
        let digits = self.bytes.split_ascii_whitespace();
        let bytes: Option<Vec<u8>> = digits.map(|it| u8::from_str_radix(it, 16).ok()).collect();
        match usize::try_from(self.size) {
            Err(_) => Some(None),
            Ok(size) => bytes
                .filter(|it| it.len() == size)
                .map(|it| Some(it.into())),
        }
    }
}

/// Of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Key,
    Value,
}

impl Part {
    pub const fn name(self) -> &'static str {
        match self {
            Part::Key => "key",
            Part::Value => "value",
        }
    }
}

impl From<MessageFact> for Fact {
    fn from(fact: MessageFact) -> Fact {
        Fact::Message(fact)
    }
}
