//! A broker's settings (classes KafkaConfig, AbstractKafkaConfig).

use super::broker_keys::RACK_AWARE_REPLICA_SELECTOR;
use super::listeners::Listeners;
use super::topic_config::broker_compression_type;
use super::values::Values;
use super::{ConfigError, KafkaVersion, Properties, Scope, TopicConfig};
use crate::protocol::rules::Rules;

/// Where a leader sends consumers: `replica.selector.class`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplicaSelector {
    /// Nowhere: it serves them itself.
    Leader,
    /// To a replica in their own rack (KIP-392).
    RackAware,
}

/// What `server.properties` says, as far as it is modelled. Times in milliseconds, sizes in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerConfig {
    pub zookeeper_session_timeout_ms: u32,
    /// None: as long as the session's timeout.
    pub zookeeper_connection_timeout_ms: Option<u32>,
    pub replica_lag_time_max_ms: i64,
    pub replica_fetch_wait_max_ms: i32,
    pub replica_fetch_min_bytes: i32,
    pub replica_fetch_max_bytes: i32,
    pub replica_fetch_response_max_bytes: i32,
    pub replica_fetch_backoff_ms: u64,
    pub replica_socket_timeout_ms: u64,
    pub replica_high_watermark_checkpoint_interval_ms: u64,
    pub listeners: Listeners,
    pub auto_create_topics_enable: bool,
    pub default_replication_factor: i16,
    pub num_partitions: i32,
    pub num_io_threads: u16,
    pub num_replica_fetchers: u16,
    pub queued_max_requests: usize,
    pub background_threads: u16,
    pub controlled_shutdown_enable: bool,
    pub controlled_shutdown_max_retries: u32,
    pub controlled_shutdown_retry_backoff_ms: u64,
    pub controller_socket_timeout_ms: u64,
    pub auto_leader_rebalance_enable: bool,
    pub leader_imbalance_check_interval_seconds: u64,
    pub leader_imbalance_per_broker_percentage: i32,
    pub request_timeout_ms: u64,
    pub fetch_max_bytes: i32,
    pub max_incremental_fetch_session_cache_slots: i32,
    pub log_flush_offset_checkpoint_interval_ms: u64,
    pub log_flush_start_offset_checkpoint_interval_ms: u64,
    /// How often logs are looked at for `flush.ms`; `i64::MAX` is never (but once at the start).
    pub log_flush_scheduler_interval_ms: i64,
    pub log_retention_check_interval_ms: u64,
    pub log_initial_task_delay_ms: u64,
    pub group_initial_rebalance_delay_ms: i32,
    pub group_max_session_timeout_ms: i32,
    pub group_max_size: i32,
    pub group_min_session_timeout_ms: i32,
    pub offset_metadata_max_bytes: i32,
    pub offsets_commit_timeout_ms: i32,
    pub offsets_load_buffer_size: u32,
    pub offsets_retention_check_interval_ms: u64,
    pub offsets_retention_minutes: i32,
    pub offsets_topic_num_partitions: i32,
    pub offsets_topic_replication_factor: i16,
    pub offsets_topic_segment_bytes: i32,
    pub producer_id_expiration_check_interval_ms: u64,
    pub producer_id_expiration_ms: i64,
    pub rack: Option<String>,
    pub replica_selector: ReplicaSelector,
    /// Broker-wide defaults of topic configurations, already under the topic's keys.
    pub topic_defaults: TopicConfig,
    /// The release.
    pub version: KafkaVersion,
    /// How the release does it; no setting.
    pub rules: Rules,
}

impl BrokerConfig {
    /// Settings as written, over the defaults of a release. Whatever Kafka would refuse at the start
    /// is refused; keys that are not modelled change nothing.
    pub fn from_properties(
        properties: &Properties,
        version: KafkaVersion,
    ) -> Result<BrokerConfig, ConfigError> {
        let values = Values::checked(properties, Scope::Broker)?;
        let mut config = BrokerConfig::defaults(version);
        config.listeners = Listeners::read(&values)?;
        values.number(
            "zookeeper.session.timeout.ms",
            &mut config.zookeeper_session_timeout_ms,
        )?;
        if values.text("zookeeper.connection.timeout.ms").is_some() {
            let timeout = config.zookeeper_connection_timeout_ms.insert(0);
            values.number("zookeeper.connection.timeout.ms", timeout)?;
        }
        values.number(
            "replica.lag.time.max.ms",
            &mut config.replica_lag_time_max_ms,
        )?;
        values.number(
            "replica.fetch.wait.max.ms",
            &mut config.replica_fetch_wait_max_ms,
        )?;
        values.number(
            "replica.fetch.min.bytes",
            &mut config.replica_fetch_min_bytes,
        )?;
        values.number(
            "replica.fetch.max.bytes",
            &mut config.replica_fetch_max_bytes,
        )?;
        values.number(
            "replica.fetch.response.max.bytes",
            &mut config.replica_fetch_response_max_bytes,
        )?;
        values.number(
            "replica.fetch.backoff.ms",
            &mut config.replica_fetch_backoff_ms,
        )?;
        values.number(
            "replica.socket.timeout.ms",
            &mut config.replica_socket_timeout_ms,
        )?;
        values.number(
            "replica.high.watermark.checkpoint.interval.ms",
            &mut config.replica_high_watermark_checkpoint_interval_ms,
        )?;
        values.flag(
            "auto.create.topics.enable",
            &mut config.auto_create_topics_enable,
        );
        values.number(
            "default.replication.factor",
            &mut config.default_replication_factor,
        )?;
        values.number(
            "group.initial.rebalance.delay.ms",
            &mut config.group_initial_rebalance_delay_ms,
        )?;
        values.number(
            "group.max.session.timeout.ms",
            &mut config.group_max_session_timeout_ms,
        )?;
        values.number("group.max.size", &mut config.group_max_size)?;
        values.number(
            "group.min.session.timeout.ms",
            &mut config.group_min_session_timeout_ms,
        )?;
        values.number(
            "producer.id.expiration.check.interval.ms",
            &mut config.producer_id_expiration_check_interval_ms,
        )?;
        values.number(
            "producer.id.expiration.ms",
            &mut config.producer_id_expiration_ms,
        )?;
        values.number(
            "offset.metadata.max.bytes",
            &mut config.offset_metadata_max_bytes,
        )?;
        values.number(
            "offsets.commit.timeout.ms",
            &mut config.offsets_commit_timeout_ms,
        )?;
        values.number(
            "offsets.load.buffer.size",
            &mut config.offsets_load_buffer_size,
        )?;
        values.number(
            "offsets.retention.check.interval.ms",
            &mut config.offsets_retention_check_interval_ms,
        )?;
        values.number(
            "offsets.retention.minutes",
            &mut config.offsets_retention_minutes,
        )?;
        values.number(
            "offsets.topic.num.partitions",
            &mut config.offsets_topic_num_partitions,
        )?;
        values.number(
            "offsets.topic.replication.factor",
            &mut config.offsets_topic_replication_factor,
        )?;
        values.number(
            "offsets.topic.segment.bytes",
            &mut config.offsets_topic_segment_bytes,
        )?;
        values.number("num.partitions", &mut config.num_partitions)?;
        values.number("num.io.threads", &mut config.num_io_threads)?;
        values.number("num.replica.fetchers", &mut config.num_replica_fetchers)?;
        values.number("queued.max.requests", &mut config.queued_max_requests)?;
        values.number("background.threads", &mut config.background_threads)?;
        values.flag(
            "controlled.shutdown.enable",
            &mut config.controlled_shutdown_enable,
        );
        values.number(
            "controlled.shutdown.max.retries",
            &mut config.controlled_shutdown_max_retries,
        )?;
        values.number(
            "controlled.shutdown.retry.backoff.ms",
            &mut config.controlled_shutdown_retry_backoff_ms,
        )?;
        values.number(
            "controller.socket.timeout.ms",
            &mut config.controller_socket_timeout_ms,
        )?;
        values.flag(
            "auto.leader.rebalance.enable",
            &mut config.auto_leader_rebalance_enable,
        );
        values.number(
            "leader.imbalance.check.interval.seconds",
            &mut config.leader_imbalance_check_interval_seconds,
        )?;
        values.number(
            "leader.imbalance.per.broker.percentage",
            &mut config.leader_imbalance_per_broker_percentage,
        )?;
        values.number("request.timeout.ms", &mut config.request_timeout_ms)?;
        values.number("fetch.max.bytes", &mut config.fetch_max_bytes)?;
        values.number(
            "max.incremental.fetch.session.cache.slots",
            &mut config.max_incremental_fetch_session_cache_slots,
        )?;
        values.number(
            "log.flush.offset.checkpoint.interval.ms",
            &mut config.log_flush_offset_checkpoint_interval_ms,
        )?;
        values.number(
            "log.flush.start.offset.checkpoint.interval.ms",
            &mut config.log_flush_start_offset_checkpoint_interval_ms,
        )?;
        values.number(
            "log.flush.scheduler.interval.ms",
            &mut config.log_flush_scheduler_interval_ms,
        )?;
        values.number(
            "log.retention.check.interval.ms",
            &mut config.log_retention_check_interval_ms,
        )?;
        values.number(
            "log.initial.task.delay.ms",
            &mut config.log_initial_task_delay_ms,
        )?;
        if let Some(rack) = values.text("broker.rack") {
            config.rack = Some(rack.to_string());
        }
        if values.text("replica.selector.class") == Some(RACK_AWARE_REPLICA_SELECTOR) {
            config.replica_selector = ReplicaSelector::RackAware;
        }

        let topic = &mut config.topic_defaults;
        values.number("min.insync.replicas", &mut topic.min_insync_replicas)?;
        values.flag(
            "unclean.leader.election.enable",
            &mut topic.unclean_leader_election_enable,
        );
        values.number("message.max.bytes", &mut topic.max_message_bytes)?;
        values.number("log.segment.bytes", &mut topic.segment_bytes)?;
        values.first_in_ms(
            &[("log.roll.ms", 1), ("log.roll.hours", HOUR)],
            &mut topic.segment_ms,
        );
        values.number("log.index.size.max.bytes", &mut topic.segment_index_bytes)?;
        values.number("log.index.interval.bytes", &mut topic.index_interval_bytes)?;
        values.first_in_ms(
            &[
                ("log.retention.ms", 1),
                ("log.retention.minutes", MINUTE),
                ("log.retention.hours", HOUR),
            ],
            &mut topic.retention_ms,
        );
        values.number("log.retention.bytes", &mut topic.retention_bytes)?;
        values.number("log.flush.interval.messages", &mut topic.flush_messages)?;
        values.first_in_ms(
            &[
                ("log.flush.interval.ms", 1),
                ("log.flush.scheduler.interval.ms", 1),
            ],
            &mut topic.flush_ms,
        );
        values.number(
            "log.segment.delete.delay.ms",
            &mut topic.file_delete_delay_ms,
        )?;
        if let Some(name) = values.text("compression.type") {
            topic.compression_type = broker_compression_type(name);
        }
        if let Some(kind) = values.text("log.message.timestamp.type") {
            topic.message_timestamp_type_log_append_time = kind == "LogAppendTime";
        }
        values.number(
            "log.message.timestamp.difference.max.ms",
            &mut topic.message_timestamp_difference_max_ms,
        )?;
        values.number(
            "log.message.timestamp.before.max.ms",
            &mut topic.message_timestamp_before_max_ms,
        )?;
        values.number(
            "log.message.timestamp.after.max.ms",
            &mut topic.message_timestamp_after_max_ms,
        )?;
        config.topic_defaults = config.topic_defaults.with_difference_of_timestamps();
        config.consistent()
    }

    /// `KafkaConfig.validateValues`, as far as it concerns what is modelled.
    fn consistent(self) -> Result<BrokerConfig, ConfigError> {
        let refuse = |key: &'static str, value: i64, expected: &str| {
            Err(ConfigError::Value {
                key,
                value: value.to_string(),
                expected: expected.to_string(),
            })
        };
        let wait = i64::from(self.replica_fetch_wait_max_ms);
        if wait > self.replica_socket_timeout_ms as i64 {
            return refuse(
                "replica.fetch.wait.max.ms",
                wait,
                &format!(
                    "at most replica.socket.timeout.ms, which is {}",
                    self.replica_socket_timeout_ms
                ),
            );
        }
        if wait > self.replica_lag_time_max_ms {
            return refuse(
                "replica.fetch.wait.max.ms",
                wait,
                &format!(
                    "at most replica.lag.time.max.ms, which is {}",
                    self.replica_lag_time_max_ms
                ),
            );
        }
        if self.topic_defaults.segment_ms < 1 {
            return refuse(
                "log.roll.ms",
                self.topic_defaults.segment_ms,
                "a whole number, at least 1",
            );
        }
        if self.topic_defaults.retention_ms == 0 {
            return refuse("log.retention.ms", 0, "-1 (unlimited), or at least 1");
        }
        Ok(self)
    }

    fn defaults(version: KafkaVersion) -> BrokerConfig {
        let mut config = BrokerConfig {
            version,
            ..BrokerConfig::default()
        };
        if version < KafkaVersion::V2_5 {
            // KIP-537.
            config.zookeeper_session_timeout_ms = 6_000;
            config.replica_lag_time_max_ms = 10_000;
        }
        config
    }
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

impl Default for BrokerConfig {
    /// Kafka 3.9.
    fn default() -> Self {
        BrokerConfig {
            zookeeper_session_timeout_ms: 18_000,
            zookeeper_connection_timeout_ms: None,
            replica_lag_time_max_ms: 30_000,
            replica_fetch_wait_max_ms: 500,
            replica_fetch_min_bytes: 1,
            replica_fetch_max_bytes: 1_048_576,
            replica_fetch_response_max_bytes: 10_485_760,
            replica_fetch_backoff_ms: 1_000,
            replica_socket_timeout_ms: 30_000,
            replica_high_watermark_checkpoint_interval_ms: 5_000,
            listeners: Listeners::default(),
            auto_create_topics_enable: true,
            default_replication_factor: 1,
            num_partitions: 1,
            num_io_threads: 8,
            num_replica_fetchers: 1,
            queued_max_requests: 500,
            background_threads: 10,
            controlled_shutdown_enable: true,
            controlled_shutdown_max_retries: 3,
            controlled_shutdown_retry_backoff_ms: 5_000,
            controller_socket_timeout_ms: 30_000,
            auto_leader_rebalance_enable: true,
            leader_imbalance_check_interval_seconds: 300,
            leader_imbalance_per_broker_percentage: 10,
            request_timeout_ms: 30_000,
            fetch_max_bytes: 57_671_680,
            max_incremental_fetch_session_cache_slots: 1_000,
            log_flush_offset_checkpoint_interval_ms: 60_000,
            log_flush_start_offset_checkpoint_interval_ms: 60_000,
            log_flush_scheduler_interval_ms: i64::MAX,
            log_retention_check_interval_ms: 300_000,
            log_initial_task_delay_ms: 30_000,
            group_initial_rebalance_delay_ms: 3_000,
            group_max_session_timeout_ms: 1_800_000,
            group_max_size: i32::MAX,
            group_min_session_timeout_ms: 6_000,
            offset_metadata_max_bytes: 4_096,
            offsets_commit_timeout_ms: 5_000,
            offsets_load_buffer_size: 5_242_880,
            offsets_retention_check_interval_ms: 600_000,
            offsets_retention_minutes: 10_080,
            offsets_topic_num_partitions: 50,
            offsets_topic_replication_factor: 3,
            offsets_topic_segment_bytes: 104_857_600,
            producer_id_expiration_check_interval_ms: 600_000,
            producer_id_expiration_ms: 86_400_000,
            rack: None,
            replica_selector: ReplicaSelector::Leader,
            topic_defaults: TopicConfig::default(),
            version: KafkaVersion::V3_9,
            rules: Rules::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::config::broker_keys::BROKER;
    use crate::protocol::config::{Effect, Key, Kind};

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    fn read(pairs: &[(&str, &str)]) -> Result<BrokerConfig, ConfigError> {
        BrokerConfig::from_properties(&properties(pairs), KafkaVersion::V3_9)
    }

    #[test]
    fn every_key_that_is_called_modelled_changes_something() {
        let acted_on = |key: &&Key| matches!(key.effect, Effect::Modelled { .. });
        let two = ("listeners", "PLAINTEXT://:9092,INSIDE://:9093");
        let both = (
            "listener.security.protocol.map",
            "PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT",
        );
        for key in BROKER.iter().filter(acted_on) {
            // What a listener is called matters with others only.
            let beside: &[(&str, &str)] = match key.name {
                "inter.broker.listener.name" => &[two, both],
                "listener.security.protocol.map" => &[two],
                _ => &[],
            };
            let values: &[&str] = match key.kind {
                Kind::Text if key.name == "inter.broker.listener.name" => &["PLAINTEXT", "INSIDE"],
                Kind::Text if key.name == both.0 => &[both.1, "PLAINTEXT:PLAINTEXT"],
                Kind::Text if key.name.ends_with("listeners") => {
                    &["PLAINTEXT://:9092", "PLAINTEXT://:9093"]
                }
                Kind::Boolean => &["true", "false"],
                Kind::OneOf(choices) => choices,
                _ => &["2048", "2049"],
            };
            let read = |value: &&str| {
                let pairs = [beside, &[(key.name, *value)]].concat();
                read(&pairs).map(|config| format!("{config:?}"))
            };
            let all: Vec<_> = values.iter().map(read).collect();
            // The map decides which listeners may be there, and nothing else.
            let are_taken = all.iter().all(Result::is_ok) || key.name == both.0 && all[0].is_ok();
            assert!(are_taken, "{}: {all:?}", key.name);
            assert!(
                all.iter().any(|config| config != &all[0]),
                "{} changes nothing",
                key.name
            );
        }
    }

    #[test]
    fn the_old_name_for_how_far_timestamps_may_lie_stands_in_for_the_new_ones() {
        let limits = |pairs: &[(&str, &str)]| {
            let topic = read(pairs).unwrap().topic_defaults;
            (
                topic.message_timestamp_before_max_ms,
                topic.message_timestamp_after_max_ms,
            )
        };
        let difference = ("log.message.timestamp.difference.max.ms", "1000");
        let before = ("log.message.timestamp.before.max.ms", "5");
        assert_eq!(limits(&[]), (i64::MAX, i64::MAX));
        assert_eq!(limits(&[difference]), (1000, 1000));
        assert_eq!(limits(&[difference, before]), (5, 1000));
    }

    #[test]
    fn the_first_of_several_keys_for_one_thing_wins() {
        let config = read(&[("log.retention.hours", "2"), ("log.retention.minutes", "3")]).unwrap();
        assert_eq!(config.topic_defaults.retention_ms, 180_000);
        let config = read(&[("log.retention.hours", "-1")]).unwrap();
        assert_eq!(config.topic_defaults.retention_ms, -1);
        let config = read(&[("log.roll.hours", "1"), ("log.roll.ms", "5")]).unwrap();
        assert_eq!(config.topic_defaults.segment_ms, 5);
    }

    #[test]
    fn what_kafka_refuses_at_the_start_is_refused() {
        for (pairs, message) in [
            (
                &[("log.segment.bytes", "2")][..],
                "log.segment.bytes cannot be \"2\": expected a whole number, at least 14",
            ),
            (
                &[("replica.lag.time.max.ms", "100")][..],
                "replica.fetch.wait.max.ms cannot be \"500\": expected at most replica.lag.time.max.ms, which is 100",
            ),
            (
                &[("segment.bytes", "1000")][..],
                "Kafka has no broker configuration \"segment.bytes\"",
            ),
        ] {
            assert_eq!(read(pairs).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn kip_537_raised_two_timeouts() {
        let old =
            BrokerConfig::from_properties(&Properties::new(), KafkaVersion::new(2, 4)).unwrap();
        assert_eq!(
            (
                old.zookeeper_session_timeout_ms,
                old.replica_lag_time_max_ms
            ),
            (6_000, 10_000)
        );
        let new = read(&[]).unwrap();
        assert_eq!(
            (
                new.zookeeper_session_timeout_ms,
                new.replica_lag_time_max_ms
            ),
            (18_000, 30_000)
        );
    }
}
