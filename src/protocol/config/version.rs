//! Releases of Apache Kafka, by which defaults differ.

use super::client_config::{DEFAULT_PARTITIONER, IDEMPOTENCE};
use super::{Properties, Scope};
use std::fmt;

/// A release, by its first two numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct KafkaVersion {
    pub major: u8,
    pub minor: u8,
}

impl KafkaVersion {
    pub const V2_5: KafkaVersion = KafkaVersion::new(2, 5);
    pub const V2_8: KafkaVersion = KafkaVersion::new(2, 8);
    pub const V3_0: KafkaVersion = KafkaVersion::new(3, 0);
    pub const V3_3: KafkaVersion = KafkaVersion::new(3, 3);
    pub const V3_7: KafkaVersion = KafkaVersion::new(3, 7);
    pub const V3_8: KafkaVersion = KafkaVersion::new(3, 8);
    pub const V3_9: KafkaVersion = KafkaVersion::new(3, 9);

    pub const fn new(major: u8, minor: u8) -> Self {
        KafkaVersion { major, minor }
    }

    /// Reads `3.9`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
            true => text.parse().ok(),
            false => None,
        };
        Some(KafkaVersion::new(number(major)?, number(minor)?))
    }

    /// What a client of this release is told that is told this: where defaults are not those of 3.9, they are said.
    pub fn client_properties(self, scope: Scope, said: &Properties) -> Properties {
        let mut all = said.clone();
        let mut set = |key: &str, value: &str| {
            all.entry(key.to_string())
                .or_insert_with(|| value.to_string());
        };
        if self < Self::V3_0 && scope == Scope::Producer {
            // KIP-679. Before it, acks were all for who asked for idempotence, unless they were said.
            if said.get(IDEMPOTENCE).is_none_or(|it| it != "true") {
                set("acks", "1");
            }
            set(IDEMPOTENCE, "false");
        }
        if self < Self::V3_3 && scope == Scope::Producer {
            // Before KIP-794.
            set("partitioner.class", DEFAULT_PARTITIONER);
        }
        if self < Self::V3_0 && scope == Scope::Consumer {
            // KIP-735.
            set("session.timeout.ms", "10000");
            // KAFKA-12477: the cooperative sticky assignor came second in 3.0.
            let range = "org.apache.kafka.clients.consumer.RangeAssignor";
            set("partition.assignment.strategy", range);
        }
        if self < Self::V3_7 {
            // KIP-580: back-off did not grow.
            let pause = said.get("retry.backoff.ms");
            set("retry.backoff.max.ms", pause.map_or("100", String::as_str));
        }
        all
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::config::{Acks, PartitionerClass, ProducerConfig};

    fn producer(version: KafkaVersion, said: &[(&str, &str)]) -> ProducerConfig {
        let said = said.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        let all = version.client_properties(Scope::Producer, &said.collect());
        ProducerConfig::parse(&all).unwrap()
    }

    #[test]
    fn producers_are_idempotent_by_themselves_from_3_0_on() {
        let old = producer(KafkaVersion::new(2, 8), &[]);
        assert_eq!((old.acks, old.enable_idempotence), (Acks::Leader, false));
        assert_eq!(old.partitioner, PartitionerClass::Default);
        let new = producer(KafkaVersion::V3_0, &[]);
        assert_eq!((new.acks, new.enable_idempotence), (Acks::All, true));
    }

    #[test]
    fn before_3_0_who_asks_for_idempotence_need_not_say_acks() {
        let asked = producer(KafkaVersion::new(2, 8), &[(IDEMPOTENCE, "true")]);
        assert_eq!((asked.acks, asked.enable_idempotence), (Acks::All, true));
    }

    #[test]
    fn before_3_7_the_pause_between_attempts_does_not_grow() {
        let pause = ("retry.backoff.ms", "300");
        let old = producer(KafkaVersion::new(3, 6), &[pause]);
        assert_eq!(old.common.retry_backoff_max_ms, 300);
        let new = producer(KafkaVersion::V3_9, &[pause]);
        assert_eq!(new.common.retry_backoff_max_ms, 1_000);
    }
}
