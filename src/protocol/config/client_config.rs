//! Typed configuration of clients under Kafka's own keys (classes ProducerConfig, ConsumerConfig,
//! AdminClientConfig), with the defaults of Kafka 3.9.
//!
//! Values come as text, as in a properties file, and are parsed once. Keys that are not modelled
//! are left alone here: whoever reads a scenario warns about them, or refuses them.

use super::group_membership::GroupMembership;
use super::{ConfigError, NetworkClientConfig, Properties};
use crate::kernel::Duration;
use crate::log::batch::CompressionType;
use crate::protocol::rules::Rules;

/// What every client has (CommonClientConfigs). Times in milliseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommonConfig {
    /// `reconnect.backoff.ms`, `reconnect.backoff.max.ms`, `socket.connection.setup.timeout.ms`,
    /// `socket.connection.setup.timeout.max.ms`, `max.in.flight.requests.per.connection`
    pub network: NetworkClientConfig,
    /// `request.timeout.ms`
    pub request_timeout_ms: u64,
    /// `retry.backoff.ms`
    pub retry_backoff_ms: u64,
    /// `retry.backoff.max.ms`
    pub retry_backoff_max_ms: u64,
    /// `metadata.max.age.ms`
    pub metadata_max_age_ms: u64,
    /// `metadata.max.idle.ms`, which only producers have.
    pub metadata_max_idle_ms: Option<u64>,
    /// `metadata.recovery.strategy` is `rebootstrap` (KIP-899), not `none`.
    pub rebootstrap: bool,
    /// `client.dns.lookup` is `resolve_canonical_bootstrap_servers_only`, not `use_all_dns_ips`.
    pub resolve_canonical: bool,
    /// Brokers may make topics that are asked about: always for a producer, by `allow.auto.create.topics` for a
    /// consumer.
    pub allow_auto_create_topics: bool,
}

/// `acks`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acks {
    None,
    Leader,
    All,
}

impl Acks {
    /// As in a Produce request.
    pub const fn code(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

/// Settings of a producer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerConfig {
    pub common: CommonConfig,
    /// `acks`
    pub acks: Acks,
    /// `enable.idempotence`, unless other settings forbid it (CP35).
    pub enable_idempotence: bool,
    /// `retries`
    pub retries: u32,
    /// `delivery.timeout.ms`
    pub delivery_timeout_ms: u64,
    /// `max.block.ms`
    pub max_block_ms: u64,
    /// `buffer.memory`, bytes
    pub buffer_memory: u64,
    /// `max.request.size`, bytes
    pub max_request_size: u64,
    /// `compression.type`
    pub compression_type: CompressionType,
    /// `batch.size`, bytes
    pub batch_size: u64,
    /// `linger.ms`
    pub linger_ms: u64,
    /// `partitioner.class`
    pub partitioner: PartitionerClass,
    /// `partitioner.ignore.keys`
    pub partitioner_ignore_keys: bool,
    /// `partitioner.adaptive.partitioning.enable`
    pub adaptive_partitioning: bool,
    /// `partitioner.availability.timeout.ms`, 0 if brokers may be as slow as they are.
    pub partitioner_availability_timeout_ms: u64,
}

/// What `partitioner.class` may name; without it, the built-in one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartitionerClass {
    BuiltIn,
    RoundRobin,
    /// That of Kafka 2.4 to 3.2: records without a key stay with one partition for a batch.
    Default,
    /// The same for all records.
    UniformSticky,
}

impl PartitionerClass {
    const NAMES: [(&'static str, PartitionerClass); 3] = [
        (ROUND_ROBIN, PartitionerClass::RoundRobin),
        (DEFAULT_PARTITIONER, PartitionerClass::Default),
        (UNIFORM_STICKY, PartitionerClass::UniformSticky),
    ];

    pub fn is_built_in(self) -> bool {
        self == PartitionerClass::BuiltIn
    }
}

/// Each record goes to the next partition that has a leader.
pub const ROUND_ROBIN: &str = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
pub(super) const DEFAULT_PARTITIONER: &str =
    "org.apache.kafka.clients.producer.internals.DefaultPartitioner";
pub(super) const UNIFORM_STICKY: &str =
    "org.apache.kafka.clients.producer.UniformStickyPartitioner";

/// `auto.offset.reset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AutoOffsetReset {
    Latest,
    Earliest,
    None,
}

/// Settings of a consumer with assigned partitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerConfig {
    pub common: CommonConfig,
    /// `auto.offset.reset`
    pub auto_offset_reset: AutoOffsetReset,
    /// `fetch.min.bytes`
    pub fetch_min_bytes: i32,
    /// `fetch.max.bytes`
    pub fetch_max_bytes: i32,
    /// `fetch.max.wait.ms`
    pub fetch_max_wait_ms: i32,
    /// `max.partition.fetch.bytes`
    pub max_partition_fetch_bytes: i32,
    /// `isolation.level` is `read_committed`.
    pub read_committed: bool,
    /// `check.crcs`
    pub check_crcs: bool,
    /// `client.rack`, empty if none
    pub client_rack: String,
    /// `max.poll.records`
    pub max_poll_records: usize,
    /// `default.api.timeout.ms`
    pub default_api_timeout_ms: u64,
    /// With `group.id`.
    pub group: Option<GroupMembership>,
    /// How the library does its work; no setting.
    pub rules: Rules,
}

/// Settings of an administrator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminConfig {
    pub common: CommonConfig,
    /// `default.api.timeout.ms`
    pub default_api_timeout_ms: u64,
    /// `retries`
    pub retries: u32,
}

impl CommonConfig {
    fn parse(keys: &mut Keys<'_>) -> Result<CommonConfig, ConfigError> {
        let request_timeout_ms = keys.number("request.timeout.ms", 0, 30_000)?;
        let network = NetworkClientConfig {
            reconnect_backoff_ms: keys.number("reconnect.backoff.ms", 0, 50)?,
            reconnect_backoff_max_ms: keys.number("reconnect.backoff.max.ms", 0, 1_000)?,
            connection_setup_timeout_ms: keys.number(
                "socket.connection.setup.timeout.ms",
                0,
                10_000,
            )?,
            connection_setup_timeout_max_ms: keys.number(
                "socket.connection.setup.timeout.max.ms",
                0,
                30_000,
            )?,
            max_in_flight: 100,
            request_timeout_ms,
            connections_max_idle_ms: keys.idle(540_000)?,
            discover_broker_versions: true,
        };
        Ok(CommonConfig {
            network,
            request_timeout_ms,
            retry_backoff_ms: keys.number("retry.backoff.ms", 0, 100)?,
            retry_backoff_max_ms: keys.number("retry.backoff.max.ms", 0, 1_000)?,
            metadata_max_age_ms: keys.number("metadata.max.age.ms", 0, 300_000)?,
            metadata_max_idle_ms: None,
            rebootstrap: keys.one_of(
                "metadata.recovery.strategy",
                &[("none", false), ("rebootstrap", true)],
                false,
            )?,
            resolve_canonical: keys.one_of(
                "client.dns.lookup",
                &[
                    ("use_all_dns_ips", false),
                    ("resolve_canonical_bootstrap_servers_only", true),
                ],
                false,
            )?,
            allow_auto_create_topics: keys.flag("allow.auto.create.topics", true)?,
        })
    }

    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }
}

impl ProducerConfig {
    pub fn parse(properties: &Properties) -> Result<ProducerConfig, ConfigError> {
        let mut keys = Keys(properties);
        let mut common = CommonConfig::parse(&mut keys)?;
        common.network.max_in_flight =
            keys.number("max.in.flight.requests.per.connection", 1, 5)? as u32;
        common.metadata_max_idle_ms = Some(keys.number("metadata.max.idle.ms", 5_000, 300_000)?);
        let config = ProducerConfig {
            acks: keys.one_of(
                "acks",
                &[
                    ("all", Acks::All),
                    ("-1", Acks::All),
                    ("1", Acks::Leader),
                    ("0", Acks::None),
                ],
                Acks::All,
            )?,
            enable_idempotence: keys.flag(IDEMPOTENCE, true)?,
            retries: keys.number("retries", 0, u64::from(i32::MAX as u32))? as u32,
            delivery_timeout_ms: keys.number("delivery.timeout.ms", 0, 120_000)?,
            max_block_ms: keys.number("max.block.ms", 0, 60_000)?,
            buffer_memory: keys.number("buffer.memory", 0, 33_554_432)?,
            max_request_size: keys.number("max.request.size", 0, 1_048_576)?,
            compression_type: keys.one_of(
                "compression.type",
                &CompressionType::ALL.map(|kind| (kind.name(), kind)),
                CompressionType::None,
            )?,
            batch_size: keys.number("batch.size", 0, 16_384)?,
            linger_ms: keys.number("linger.ms", 0, 0)?,
            partitioner: keys.one_of(
                "partitioner.class",
                &PartitionerClass::NAMES,
                PartitionerClass::BuiltIn,
            )?,
            partitioner_ignore_keys: keys.flag("partitioner.ignore.keys", false)?,
            adaptive_partitioning: keys.flag("partitioner.adaptive.partitioning.enable", true)?,
            partitioner_availability_timeout_ms: keys.number(
                "partitioner.availability.timeout.ms",
                0,
                0,
            )?,
            common,
        };
        config
            .with_consistent_delivery_timeout(properties)?
            .with_consistent_idempotence(properties)
    }

    /// CP35, `ProducerConfig.postProcessAndValidateIdempotenceConfigs`: what it cannot be had with switches it off, and
    /// is refused if it was asked for.
    fn with_consistent_idempotence(
        mut self,
        properties: &Properties,
    ) -> Result<ProducerConfig, ConfigError> {
        if !self.enable_idempotence {
            return Ok(self);
        }
        let obstacles = [
            (self.retries == 0, "retries", "at least 1"),
            (self.acks != Acks::All, "acks", "all"),
            (
                self.common.network.max_in_flight > MOST_IN_FLIGHT,
                "max.in.flight.requests.per.connection",
                "at most 5",
            ),
        ];
        for (is_one, key, expected) in obstacles {
            if !is_one {
                continue;
            }
            if properties.contains_key(IDEMPOTENCE) {
                return Err(ConfigError::Value {
                    key,
                    value: properties.get(key).cloned().unwrap_or_default(),
                    expected: format!("{expected} with enable.idempotence: true"),
                });
            }
            self.enable_idempotence = false;
        }
        Ok(self)
    }

    /// CP34, `KafkaProducer.configureDeliveryTimeout`: a default that is too short is raised, a chosen one
    /// refused.
    fn with_consistent_delivery_timeout(
        mut self,
        properties: &Properties,
    ) -> Result<ProducerConfig, ConfigError> {
        let least = self
            .linger_ms
            .saturating_add(self.common.request_timeout_ms);
        if self.delivery_timeout_ms < least {
            if let Some(value) = properties.get("delivery.timeout.ms") {
                return Err(ConfigError::Value {
                    key: "delivery.timeout.ms",
                    value: value.clone(),
                    expected: format!("at least linger.ms + request.timeout.ms, which is {least}"),
                });
            }
            self.delivery_timeout_ms = least;
        }
        Ok(self)
    }
}

pub(super) const IDEMPOTENCE: &str = "enable.idempotence";
/// A leader remembers so many batches of a producer.
const MOST_IN_FLIGHT: u32 = 5;

impl ConsumerConfig {
    pub fn parse(properties: &Properties) -> Result<ConsumerConfig, ConfigError> {
        let mut keys = Keys(properties);
        Ok(ConsumerConfig {
            common: CommonConfig::parse(&mut keys)?,
            auto_offset_reset: keys.one_of(
                "auto.offset.reset",
                &[
                    ("latest", AutoOffsetReset::Latest),
                    ("earliest", AutoOffsetReset::Earliest),
                    ("none", AutoOffsetReset::None),
                ],
                AutoOffsetReset::Latest,
            )?,
            fetch_min_bytes: keys.int("fetch.min.bytes", 0, 1)?,
            fetch_max_bytes: keys.int("fetch.max.bytes", 0, 52_428_800)?,
            fetch_max_wait_ms: keys.int("fetch.max.wait.ms", 0, 500)?,
            max_partition_fetch_bytes: keys.int("max.partition.fetch.bytes", 0, 1_048_576)?,
            read_committed: keys.one_of(
                "isolation.level",
                &[("read_uncommitted", false), ("read_committed", true)],
                false,
            )?,
            check_crcs: keys.flag("check.crcs", true)?,
            client_rack: keys.text("client.rack"),
            max_poll_records: keys.number("max.poll.records", 1, 500)? as usize,
            default_api_timeout_ms: keys.number("default.api.timeout.ms", 0, 60_000)?,
            group: GroupMembership::parse(&mut keys)?,
            rules: Rules::default(),
        })
    }
}

impl ConsumerConfig {
    /// `default.api.timeout.ms`
    pub fn default_api_timeout(&self) -> Duration {
        Duration::from_millis(self.default_api_timeout_ms)
    }
}

impl AdminConfig {
    pub fn parse(properties: &Properties) -> Result<AdminConfig, ConfigError> {
        let mut keys = Keys(properties);
        let mut common = CommonConfig::parse(&mut keys)?;
        common.network.connections_max_idle_ms = keys.idle(300_000)?;
        Ok(AdminConfig {
            common,
            default_api_timeout_ms: keys.number("default.api.timeout.ms", 0, 60_000)?,
            retries: keys.number("retries", 0, u64::from(i32::MAX as u32))? as u32,
        })
    }
}

pub(super) struct Keys<'a>(&'a Properties);

impl Keys<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.trim())
    }

    /// It is said, be it with nothing.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.get(key).unwrap_or_default().to_owned()
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        least: u64,
        default: u64,
    ) -> Result<u64, ConfigError> {
        let Some(value) = self.get(key) else {
            return Ok(default);
        };
        match value.parse::<i64>() {
            Ok(number) if number >= least as i64 => Ok(number as u64),
            _ => Err(ConfigError::Value {
                key,
                value: value.to_owned(),
                expected: format!("a whole number of at least {least}"),
            }),
        }
    }

    fn int(&mut self, key: &'static str, least: u64, default: u64) -> Result<i32, ConfigError> {
        let number = self.number(key, least, default)?;
        i32::try_from(number).map_err(|_| ConfigError::Value {
            key,
            value: number.to_string(),
            expected: format!("a whole number from {least} to {}", i32::MAX),
        })
    }

    /// Negative: for ever.
    fn idle(&mut self, default_ms: i64) -> Result<Option<u64>, ConfigError> {
        const KEY: &str = "connections.max.idle.ms";
        let value = self.get(KEY).unwrap_or_default();
        let millis = match value {
            "" => Ok(default_ms),
            _ => value.parse::<i64>(),
        };
        match millis {
            Ok(millis) => Ok(u64::try_from(millis).ok()),
            Err(_) => Err(ConfigError::Value {
                key: KEY,
                value: value.to_owned(),
                expected: "a whole number".to_owned(),
            }),
        }
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> Result<bool, ConfigError> {
        self.one_of(key, &[("true", true), ("false", false)], default)
    }

    fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
        default: T,
    ) -> Result<T, ConfigError> {
        let Some(value) = self.get(key) else {
            return Ok(default);
        };
        choices
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(value))
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
                ConfigError::Value {
                    key,
                    value: value.to_owned(),
                    expected: format!("one of {}", names.join(", ")),
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn producers_have_the_defaults_of_kafka_3_9() {
        let config = ProducerConfig::parse(&Properties::new()).unwrap();
        assert_eq!(config.acks, Acks::All);
        assert_eq!(config.retries, 2_147_483_647);
        assert_eq!(config.common.network.max_in_flight, 5);
        assert_eq!(config.common.request_timeout_ms, 30_000);
        assert_eq!(config.delivery_timeout_ms, 120_000);
        assert_eq!(config.max_block_ms, 60_000);
    }

    #[test]
    fn cp34_a_delivery_timeout_below_linger_plus_request_timeout_is_refused_if_chosen_and_raised_if_not()
     {
        let chosen = ProducerConfig::parse(&properties(&[
            ("delivery.timeout.ms", "1000"),
            ("request.timeout.ms", "3000"),
        ]));
        assert_eq!(
            chosen.unwrap_err().to_string(),
            "delivery.timeout.ms cannot be \"1000\": expected at least linger.ms + request.timeout.ms, which is 3000"
        );
        let default = ProducerConfig::parse(&properties(&[("request.timeout.ms", "200000")]));
        assert_eq!(default.unwrap().delivery_timeout_ms, 200_000);
    }

    #[test]
    fn cp35_idempotence_is_on_unless_other_settings_forbid_it_and_then_refused_if_it_was_asked_for()
    {
        let parse = |pairs: &[(&str, &str)]| ProducerConfig::parse(&properties(pairs));
        let (on, off) = ((IDEMPOTENCE, "true"), (IDEMPOTENCE, "false"));
        let in_flight = "max.in.flight.requests.per.connection";
        assert!(parse(&[]).unwrap().enable_idempotence);
        assert!(!parse(&[off]).unwrap().enable_idempotence);
        for (key, value, expected) in [
            ("acks", "1", "all"),
            ("retries", "0", "at least 1"),
            (in_flight, "6", "at most 5"),
        ] {
            assert!(!parse(&[(key, value)]).unwrap().enable_idempotence, "{key}");
            assert_eq!(
                parse(&[(key, value), on]).unwrap_err().to_string(),
                format!(
                    "{key} cannot be \"{value}\": expected {expected} with enable.idempotence: true"
                )
            );
        }
        assert!(parse(&[(in_flight, "5"), on]).unwrap().enable_idempotence);
    }

    #[test]
    fn a_wrong_value_is_named_with_what_was_expected() {
        let error = ProducerConfig::parse(&properties(&[("acks", "2")])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "acks cannot be \"2\": expected one of all, -1, 1, 0"
        );
        let error = ConsumerConfig::parse(&properties(&[("fetch.min.bytes", "-1")])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "fetch.min.bytes cannot be \"-1\": expected a whole number of at least 0"
        );
    }
}
