//! What a record is: who made it, its key and value as objects and as bytes, its headers, its partition and why.
//!
//! Bytes are those of a log. Of a record that is in none they are what its application has made, or what it had read
//! and sends on.

use super::Walk;
use super::stored::find_at;
use super::words::{beginning, object, part};
use crate::client::{murmur2, partition_for_key};
use crate::node::view::ClusterView;
use crate::plan::ProducerPlan;
use crate::protocol::config::{
    PartitionerClass, ProducerConfig, Properties, Scope, SerializerConfig,
};
use crate::protocol::{Serialized, TopicPartition, content_of, counted};
use bytes::Bytes;

/// As far as nobody has stored them.
pub(super) type KeyAndValue = (Option<Bytes>, Option<Bytes>);

impl Walk<'_> {
    pub(super) fn describe(&mut self) {
        let made = &self.found.made;
        let by = match (self.found.lives, made.life) {
            (2.., life) => format!("process {life} of {}", made.node),
            _ => made.node.to_string(),
        };
        if made.node != made.record.producer {
            let by = format!("made by    {by}, which has a producer of its own");
            self.what.push(by);
        } else if self.found.lives > 1 {
            self.what.push(format!("made by    {by}"));
        }
        let origin = self.read.origin.iter();
        self.what
            .extend(origin.map(|origin| format!("copy of    {origin}")));
        let Some(partition) = &self.made.partition else {
            return;
        };
        let key_and_value = self.key_and_value();
        let headers = self.kept.bytes.iter().flat_map(|it| &it.headers);
        let headers = headers.map(|(name, value)| {
            let value = part(value.as_deref());
            format!("header     {name}: {value}")
        });
        let why = match partition.partition {
            0.. => format!("{partition}: {}", self.why_there(partition)),
            _ => format!("none of {}: it got none{}", partition.topic, self.would()),
        };
        let why = format!("partition  {why}");
        let what: Vec<String> = (key_and_value.into_iter())
            .chain(headers)
            .chain([why])
            .collect();
        self.what.extend(what);
    }

    fn key_and_value(&self) -> Vec<String> {
        let two = |key: String, value: String| {
            vec![format!("key        {key}"), format!("value      {value}")]
        };
        let objects = self.made.serialized.as_ref();
        let of_key = object(objects.map(|(key, _)| key));
        let of_value = object(objects.map(|(_, value)| value));
        let stored = self.kept.bytes.as_ref();
        let stored = stored.map(|it| (&it.key, &it.value));
        let made = self.made.bytes.as_ref().map(|(key, value)| (key, value));
        match (stored.or(made), objects) {
            (Some((key, value)), None) if self.made.not_serialized.is_some() => {
                let text = |object: &Option<Bytes>| match object {
                    None => "none".to_owned(),
                    Some(text) => {
                        let text = String::from_utf8_lossy(text);
                        format!("{}  (no bytes were made of it)", beginning(&text))
                    }
                };
                two(text(key), text(value))
            }
            (Some((key, value)), _) => {
                let (key, value) = (part(key.as_deref()), part(value.as_deref()));
                two(of_key + &key, of_value + &value)
            }
            (None, Some((key, value))) => {
                let bytes = |it: &Serialized| match it.size {
                    ..0 => "none".to_owned(),
                    size => format!("({}: {})", counted(size as u64, "byte"), it.bytes),
                };
                two(of_key + &bytes(key), of_value + &bytes(value))
            }
            (None, None) => Vec::new(),
        }
    }

    /// The bytes of its key, as far as they are known.
    fn key(&self) -> Option<Option<Bytes>> {
        let stored = self.kept.bytes.as_ref().map(|it| &it.key);
        let made = self.made.bytes.as_ref().map(|(key, _)| key);
        let is_text = || {
            let config = self.config();
            let class = SerializerConfig::of_producer(&config).unwrap_or_default();
            class.key.is_none_or(|it| it.to_string() == "string")
        };
        let made = made.filter(|_| self.made.not_serialized.is_none() || is_text());
        let whole = || {
            self.made
                .serialized
                .as_ref()
                .and_then(|(key, _)| key.whole())
        };
        stored.or(made).cloned().or_else(whole)
    }

    fn why_there(&self, partition: &TopicPartition) -> String {
        let producer = self.producer();
        if producer.is_some_and(|it| it.partition == Some(partition.partition)) {
            return "its application named it".to_owned();
        }
        let Some(key) = self.key() else {
            return "nobody knows its key any more".to_owned();
        };
        let partitioner = self.partitioner();
        let Some(key) = key.filter(|_| partitioner.keys_count()) else {
            return partitioner.chose(self.has_key());
        };
        // A producer may not have heard yet that there are more.
        let counts = self.made.counts.iter().rev();
        let known = counts
            .copied()
            .find(|count| partition_for_key(&key, *count) == partition.partition);
        match (known, self.made.counts.last()) {
            (Some(count), Some(now)) if count < *now => format!(
                "{}; its producer did not know yet that there are {now}",
                by_key(&key, count)
            ),
            (Some(count), _) => by_key(&key, count),
            (None, _) => "not by its key".to_owned(),
        }
    }

    /// Where its producer would have sent it, had it come so far.
    fn would(&self) -> String {
        let partitioner = self.partitioner();
        let topic = self.made.partition.as_ref().map(|it| &it.topic);
        let (Some(key), Some(topic)) = (self.key(), topic) else {
            return String::new();
        };
        let key = key.filter(|_| partitioner.keys_count());
        match (key, self.made.counts.last()) {
            (Some(key), Some(count)) => {
                let partition = partition_for_key(&key, *count);
                format!(
                    "; its key would lead to {topic}-{partition}: {}",
                    by_key(&key, *count)
                )
            }
            (Some(_), None) => "; its key decides, once there are partitions".to_owned(),
            (None, _) => format!("; {}", partitioner.chose(self.has_key())),
        }
    }

    fn has_key(&self) -> bool {
        matches!(self.key(), Some(Some(_)))
    }

    /// Who made it, unless an application sent it on.
    pub(super) fn producer(&self) -> Option<&ProducerPlan> {
        let mut producers = self.plan.producers.iter();
        let made_it = |name: &String| **name == *self.record().producer;
        producers.find(|it| it.members().iter().any(made_it))
    }

    /// Its producer's settings, with what its version adds.
    fn config(&self) -> Properties {
        let said = self.producer().map(|it| it.config.clone());
        let version = self.plan.cluster.kafka_version;
        version.client_properties(Scope::Producer, &said.unwrap_or_default())
    }

    fn partitioner(&self) -> Partitioner {
        let config = ProducerConfig::parse(&self.config()).ok();
        config.map_or(Partitioner::NONE, |config| Partitioner {
            class: config.partitioner,
            ignores_keys: config.partitioner_ignore_keys,
        })
    }

    /// Its application has it, and its producer is not told of it yet.
    pub(super) fn looks_at_application(&mut self, view: &dyn ClusterView) {
        let record = &self.found.made.record;
        let made = view.made(&record.producer, record.number);
        let is_it = |(key, value): &KeyAndValue| {
            content_of(key.as_deref(), value.as_deref()) == self.found.made.content
        };
        self.made.bytes = made.filter(is_it);
    }

    /// Its application has read what it will send on: it is the same bytes.
    pub(super) fn looks_at_origin(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        view: &dyn ClusterView,
    ) {
        let mut brokers = view.running_brokers().into_iter();
        let stored = brokers.find_map(|broker| find_at(view, broker, partition, offset));
        if let Some(stored) = stored.filter(|it| it.content == self.found.made.content) {
            self.made.bytes = Some((stored.key, stored.value));
        }
    }
}

/// `partitioner.class`, and whether keys are to be ignored.
struct Partitioner {
    class: PartitionerClass,
    ignores_keys: bool,
}

impl Partitioner {
    const NONE: Partitioner = Partitioner {
        class: PartitionerClass::BuiltIn,
        ignores_keys: false,
    };

    fn keys_count(&self) -> bool {
        match self.class {
            PartitionerClass::BuiltIn => !self.ignores_keys,
            PartitionerClass::Default => true,
            PartitionerClass::RoundRobin | PartitionerClass::UniformSticky => false,
        }
    }

    /// How it chooses where no key does.
    fn chose(&self, has_key: bool) -> String {
        let (who, how) = match self.class {
            PartitionerClass::BuiltIn => (
                "the built-in partitioner",
                "stays with one partition for batch.size bytes, then draws another",
            ),
            PartitionerClass::RoundRobin => (
                "RoundRobinPartitioner",
                "gives each record to the next partition",
            ),
            PartitionerClass::Default => (
                "DefaultPartitioner (Kafka's until 3.2)",
                "stays with one partition until a batch is full, then draws another",
            ),
            PartitionerClass::UniformSticky => (
                "UniformStickyPartitioner",
                "stays with one partition until a batch is full, then draws another",
            ),
        };
        let key = match (has_key, self.ignores_keys) {
            (false, _) => "it has no key",
            (true, true) => "its key does not count (partitioner.ignore.keys)",
            (true, false) => "its key does not count",
        };
        format!("{key}: {who} {how}")
    }
}

fn by_key(key: &[u8], count: u32) -> String {
    let hash = murmur2(key);
    let positive = hash & 0x7fff_ffff;
    format!(
        "murmur2 of its key is {:#010x}, without the sign {positive}, modulo {} = {}",
        hash as u32,
        counted(count, "partition"),
        partition_for_key(key, count)
    )
}
