//! The document: what a scenario file may say, key by key. Meaning is given to it in `lower` and `raise`.

mod entry;
mod predict;

pub(super) use entry::Entry;
pub(super) use predict::{Answer, Choice, Predict, Reason, Recall, Reveal};

use super::de::OfList;
use super::expected::Expected;
use super::words::{self, OneOrMany, Ordered, Percent, Rate, SignedTime, Size, Time};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The format that this version reads and writes.
pub(super) const FORMAT: u32 = 1;

/// A scenario file.
#[derive(Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map of keys, which begins with \"format: 1\""
)]
pub(super) struct Document {
    pub(super) format: u32,
    pub(super) name: String,
    pub(super) about: String,
    #[serde(default = "one")]
    pub(super) seed: u64,
    pub(super) duration: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Time>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) cluster: Cluster,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) network: Network,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) disk: Disk,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) buggify: Option<Percent>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) topics: Ordered<Topic>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) schemas: Ordered<Schema>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schema_registry: Option<SchemaRegistry>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) producers: Ordered<Producer>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) consumers: Ordered<Consumer>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) zookeeper_clients: Ordered<ZooKeeperClient>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) services: Ordered<Service>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) timeline: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) expect: Vec<Expected>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) predict: Vec<Predict>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) rules: Ordered<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<Found>,
}

/// What a campaign found.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map of what was found")]
pub(super) struct Found {
    pub(super) broken: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<u64>,
    pub(super) digest: String,
    pub(super) version: String,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map that describes the servers"
)]
pub(super) struct Cluster {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kafka_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) coordination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) zookeeper: Option<NumberOr<ZooKeeper>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) brokers: Option<NumberOr<Vec<Broker>>>,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) config: Ordered<String>,
}

/// A number of equal things, or what is said of them.
#[derive(Clone, PartialEq)]
pub(super) enum NumberOr<T> {
    Number(u32),
    Said(T),
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a number of ZooKeeper servers, or a map"
)]
pub(super) struct ZooKeeper {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) servers: Option<u32>,
    #[serde(rename = "tickTime", skip_serializing_if = "Option::is_none")]
    pub(super) tick_time: Option<u32>,
    #[serde(rename = "minSessionTimeout", skip_serializing_if = "Option::is_none")]
    pub(super) min_session_timeout: Option<u32>,
    #[serde(rename = "maxSessionTimeout", skip_serializing_if = "Option::is_none")]
    pub(super) max_session_timeout: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) machine: Option<Machine>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map that describes a broker, such as {id: 1, rack: a}"
)]
pub(super) struct Broker {
    pub(super) id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rack: Option<String>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) config: Ordered<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) machine: Option<Machine>,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map that describes a machine"
)]
pub(super) struct Machine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slowness: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clock_skew: Option<SignedTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clock_drift_ppm: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supervisor: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_after: Option<Time>,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) down_at_start: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) disk_capacity: Option<Size>,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) files: Ordered<File>,
}

/// A file's content: exactly one of its fields.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "{text: ...} or {hex: ...}")]
pub(super) struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hex: Option<String>,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map that describes the network"
)]
pub(super) struct Network {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) other_rack: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bandwidth: Option<Rate>,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) names: Ordered<OneOrMany>,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map that describes the disks"
)]
pub(super) struct Disk {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sync: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bandwidth: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) capacity: Option<Size>,
}

/// A length of time, or how lengths of time are spread.
#[derive(Clone, PartialEq)]
pub(super) enum Latency {
    Constant(Time),
    Spread(Spread),
}

/// Exactly one distribution.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a time such as 500us, or a distribution such as {log_normal: 500us, sigma_percent: 25}"
)]
pub(super) struct Spread {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uniform: Option<(Time, Time)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_normal: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sigma_percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) long_tail: Option<Time>,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map that describes a topic, such as {partitions: 3, replication.factor: 3}"
)]
pub(super) struct Topic {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partitions: Option<u32>,
    #[serde(rename = "replication.factor", skip_serializing_if = "Option::is_none")]
    pub(super) replication_factor: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assignment: Option<Vec<Vec<i32>>>,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) config: Ordered<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map that describes a producer")]
pub(super) struct Producer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u32>,
    pub(super) topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) partition: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) every: Option<Time>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) saturate: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) on_the_way: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) flush: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key_schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value_schema: Option<String>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) headers: Ordered<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acks: Option<String>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) config: Ordered<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bootstrap: Option<OneOrMany>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rack: Option<String>,
}

/// A word such as `truck_id`, nothing at all where `null` is said, or exactly one of the fields of `Made`.
#[derive(Clone, PartialEq)]
pub(super) enum Content {
    Null,
    Word(String),
    Made(Made),
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a word, or a map such as {text: ...}"
)]
pub(super) struct Made {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cycle: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<Size>,
}

/// A word such as `skip`, or where records that cannot be read are sent.
#[derive(Clone, PartialEq)]
pub(super) enum Poison {
    Word(String),
    Sent(DeadLetter),
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "stuck, skip, or a map such as {dead_letter: t.dead}"
)]
pub(super) struct DeadLetter {
    pub(super) dead_letter: String,
}

/// A schema: exactly one of its fields.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "{avro: ...}, {protobuf: ...} or {connect-json: ...}"
)]
pub(super) struct Schema {
    #[serde(
        deserialize_with = "words::json_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) avro: Option<String>,
    #[serde(
        deserialize_with = "words::proto_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) protobuf: Option<String>,
    #[serde(
        rename = "connect-json",
        deserialize_with = "words::json_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) connect_json: Option<String>,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map that describes a schema registry, such as {compatibility: backward}"
)]
pub(super) struct SchemaRegistry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compatibility: Option<String>,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) subjects: Ordered<String>,
}

/// A word, or to whom each record goes.
#[derive(Clone, PartialEq)]
pub(super) enum EachRecord {
    Word(String),
    Goes(Goes),
}

/// Exactly one of its fields.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "count, or a map such as {forward: t2} or {call: sms}"
)]
pub(super) struct Goes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) forward: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<String>,
}

/// Something that an application does once.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map such as {when: 30s, do: seek all to the beginning}"
)]
pub(super) struct Step {
    pub(super) when: String,
    #[serde(rename = "do")]
    pub(super) what: String,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map that describes a service, such as {takes: 20ms}"
)]
pub(super) struct Service {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) takes: Option<Time>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map that describes a consumer")]
pub(super) struct Consumer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u32>,
    pub(super) topics: Topics,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) assign: Option<OneOrMany>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seek: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) processing: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) each_record: Option<EachRecord>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) pauses: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) steps: Vec<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fails_on: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) listener: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) crashes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key_schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value_schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) poison: Option<Poison>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) config: Ordered<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bootstrap: Option<OneOrMany>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rack: Option<String>,
}

/// What a consumer reads.
#[derive(Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Topics {
    Named(Vec<String>),
    Matching(Matching),
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map such as {pattern: \"trucks_.*\"}"
)]
pub(super) struct Matching {
    pub(super) pattern: String,
}

impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrMap;
        impl<'de> Visitor<'de> for ListOrMap {
            type Value = Topics;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or a map such as {pattern: \"trucks_.*\"}")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<Topics, A::Error> {
                Deserialize::deserialize(de::value::SeqAccessDeserializer::new(items))
                    .map(Topics::Named)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Topics, A::Error> {
                Deserialize::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(Topics::Matching)
            }
        }
        deserializer.deserialize_any(ListOrMap)
    }
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map that describes a client of ZooKeeper, such as {servers: zookeeper-1}"
)]
pub(super) struct ZooKeeperClient {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) servers: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_timeout: Option<Time>,
}

/// An enum of a scalar and a collection: serde's untagged enums would lose the place of what is wrong.
macro_rules! scalar_or {
    ($name:ty, [$($generic:ident)?], $scalar:ident = $read:ty, $other:ident, $expecting:literal, $($visit:ident: $type:ty),+ $(; null = $null:ident)? $(; list = $list:ident)?) => {
        impl<'de $(, $generic: Deserialize<'de>)?> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Either<X>(std::marker::PhantomData<X>);
                impl<'de $(, $generic: Deserialize<'de>)?> Visitor<'de> for Either<$name> {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    $(fn $visit<E: de::Error>(self, value: $type) -> Result<Self::Value, E> {
                        <$read>::deserialize(de::IntoDeserializer::into_deserializer(value)).map(Self::Value::$scalar)
                    })+
                    $(fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                        Ok(Self::Value::$null)
                    })?
                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                        Deserialize::deserialize(de::value::MapAccessDeserializer::new(map)).map(Self::Value::$other)
                    }
                    $(fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                        Deserialize::deserialize(OfList(items)).map(Self::Value::$list)
                    })?
                }
                deserializer.deserialize_any(Either(std::marker::PhantomData))
            }
        }

        impl $(<$generic: Serialize>)? Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$null => serializer.serialize_unit(),)?
                    Self::$scalar(value) => value.serialize(serializer),
                    Self::$other(value) => value.serialize(serializer),
                }
            }
        }
    };
}

scalar_or!(NumberOr<T>, [T], Number = u32, Said, "a number of equal servers, or what is special about them", visit_u64: u64, visit_i64: i64; list = Said);
scalar_or!(Latency, [], Constant = Time, Spread, "a time such as 500us, or a distribution such as {log_normal: 500us, sigma_percent: 25}", visit_str: &str);
scalar_or!(Poison, [], Word = String, Sent, "stuck, skip, or a map such as {dead_letter: t.dead}", visit_str: &str);
scalar_or!(EachRecord, [], Word = String, Goes, "count, or a map such as {forward: t2} or {call: sms}", visit_str: &str);
scalar_or!(Content, [], Word = String, Made, "a word, or a map such as {text: ...}", visit_str: &str; null = Null);

fn one() -> u64 {
    1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
