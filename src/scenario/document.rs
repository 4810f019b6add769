//! The document: what a scenario file may say, key by key. Meaning is given to it in `lower` and `raise`.

mod entry;

pub(super) use entry::Entry;

use super::de::mismatch;
use super::words::{OneOrMany, Ordered, Percent, Rate, SignedTime, Size, Time};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
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
    pub(super) producers: Ordered<Producer>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) consumers: Ordered<Consumer>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) zookeeper_clients: Ordered<ZooKeeperClient>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) timeline: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) expect: Vec<Expected>,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) assignment: Vec<Vec<i32>>,
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
    pub(super) start: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acks: Option<String>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) config: Ordered<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bootstrap: Option<OneOrMany>,
}

/// A word such as `truck_id`, or exactly one of the fields of `Made`.
#[derive(Clone, PartialEq)]
pub(super) enum Content {
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map that describes a consumer")]
pub(super) struct Consumer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u32>,
    pub(super) topics: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seek: Option<i64>,
    #[serde(default, skip_serializing_if = "Ordered::is_empty")]
    pub(super) config: Ordered<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bootstrap: Option<OneOrMany>,
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

/// A sentence, or a map of one with its window: `no record is lost`, `acknowledged records lost: 5`,
/// `{that: no election happens, until: 30s}`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Expected {
    pub(super) sentence: String,
    pub(super) from: Option<Time>,
    pub(super) until: Option<Time>,
    pub(super) because: Option<String>,
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sentence;
        impl<'de> Visitor<'de> for Sentence {
            type Value = Expected;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sentence, or a map such as {that: no election happens, until: 30s}")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Expected, E> {
                Ok(Expected {
                    sentence: text.to_string(),
                    from: None,
                    until: None,
                    because: None,
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expected, A::Error> {
                let mut sentence: Option<String> = None;
                let (mut from, mut until, mut because) = (None, None, None);
                while let Some(key) = map.next_key::<String>()? {
                    let said = match key.as_str() {
                        "from" => {
                            from = Some(map.next_value()?);
                            continue;
                        }
                        "until" => {
                            until = Some(map.next_value()?);
                            continue;
                        }
                        "because" => {
                            because = Some(map.next_value()?);
                            continue;
                        }
                        "that" => map.next_value::<String>()?,
                        _ => format!("{key}: {}", map.next_value::<String>()?),
                    };
                    if let Some(first) = &sentence {
                        let found = format!("\"{said}\" beside \"{first}\"");
                        return Err(de::Error::custom(mismatch(
                            found,
                            "one expectation an item, with from, until and because",
                        )));
                    }
                    sentence = Some(said);
                }
                let sentence = sentence.ok_or_else(|| {
                    de::Error::custom(mismatch(
                        "no expectation in this item",
                        "a sentence, under \"that\"",
                    ))
                })?;
                Ok(Expected {
                    sentence,
                    from,
                    until,
                    because,
                })
            }
        }
        deserializer.deserialize_any(Sentence)
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.sentence.split_once(": ");
        let extras = [
            self.from.is_some(),
            self.until.is_some(),
            self.because.is_some(),
        ]
        .iter()
        .filter(|x| **x)
        .count();
        if parts.is_none() && extras == 0 {
            return serializer.serialize_str(&self.sentence);
        }
        let mut map = serializer.serialize_map(Some(1 + extras))?;
        match parts {
            Some((key, value)) => map.serialize_entry(key, value)?,
            None => map.serialize_entry("that", &self.sentence)?,
        }
        if let Some(from) = &self.from {
            map.serialize_entry("from", from)?;
        }
        if let Some(until) = &self.until {
            map.serialize_entry("until", until)?;
        }
        if let Some(because) = &self.because {
            map.serialize_entry("because", because)?;
        }
        map.end()
    }
}

/// An enum of a scalar and a collection: serde's untagged enums would lose the place of what is wrong.
macro_rules! scalar_or {
    ($name:ty, [$($generic:ident)?], $scalar:ident = $read:ty, $other:ident, $expecting:literal, $($visit:ident: $type:ty),+) => {
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
                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                        Deserialize::deserialize(de::value::MapAccessDeserializer::new(map)).map(Self::Value::$other)
                    }
                    fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                        Deserialize::deserialize(de::value::SeqAccessDeserializer::new(items)).map(Self::Value::$other)
                    }
                }
                deserializer.deserialize_any(Either(std::marker::PhantomData))
            }
        }

        impl $(<$generic: Serialize>)? Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::$scalar(value) => value.serialize(serializer),
                    Self::$other(value) => value.serialize(serializer),
                }
            }
        }
    };
}

scalar_or!(NumberOr<T>, [T], Number = u32, Said, "a number of equal servers, or what is special about them", visit_u64: u64, visit_i64: i64);
scalar_or!(Latency, [], Constant = Time, Spread, "a time such as 500us, or a distribution such as {log_normal: 500us, sigma_percent: 25}", visit_str: &str);
scalar_or!(Content, [], Word = String, Made, "a word, or a map such as {text: ...}", visit_str: &str);

fn one() -> u64 {
    1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
