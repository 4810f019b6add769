//! Releases of Apache Kafka, by which defaults differ.

use super::client_config::DEFAULT_PARTITIONER;
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
    pub const V3_0: KafkaVersion = KafkaVersion::new(3, 0);
    pub const V3_3: KafkaVersion = KafkaVersion::new(3, 3);
    pub const V3_7: KafkaVersion = KafkaVersion::new(3, 7);
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

    /// Where this release's defaults for clients are not those of 3.9: what 3.9 must be told to behave
    /// alike. Settings of the client itself go over these.
    pub fn client_defaults(self, scope: Scope) -> Properties {
        let mut defaults = Properties::new();
        let mut set = |key: &str, value: &str| defaults.insert(key.to_string(), value.to_string());
        if self < Self::V3_0 && scope == Scope::Producer {
            // KIP-679.
            set("acks", "1");
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
            set("retry.backoff.max.ms", "100");
        }
        defaults
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
