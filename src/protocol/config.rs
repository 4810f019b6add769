//! Typed configuration under Kafka's own keys, with defaults per Kafka version (kafka-truth 1).
//!
//! Values come as text under Kafka's keys, as in a properties file, and are parsed once.

use std::collections::BTreeMap;

/// Configuration as written: Kafka's key to its value as text.
pub type Properties = BTreeMap<String, String>;

/// A release of Apache Kafka, by which defaults differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct KafkaVersion {
    pub major: u8,
    pub minor: u8,
}

impl KafkaVersion {
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
}

impl std::fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What `server.properties` says, as far as it is modelled. Times in milliseconds, sizes in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerConfig {
    pub zookeeper_session_timeout_ms: u32,
    pub replica_lag_time_max_ms: i64,
    pub replica_fetch_wait_max_ms: i32,
    pub replica_fetch_min_bytes: i32,
    pub replica_fetch_max_bytes: i32,
    pub replica_fetch_response_max_bytes: i32,
    pub replica_fetch_backoff_ms: u64,
    pub replica_socket_timeout_ms: u64,
    pub replica_high_watermark_checkpoint_interval_ms: u64,
    pub default_replication_factor: i16,
    pub num_partitions: i32,
    pub auto_create_topics_enable: bool,
    pub auto_leader_rebalance_enable: bool,
    pub controlled_shutdown_enable: bool,
    pub controlled_shutdown_max_retries: u32,
    pub controlled_shutdown_retry_backoff_ms: u64,
    pub controller_socket_timeout_ms: u64,
    pub request_timeout_ms: u64,
    pub fetch_max_bytes: i32,
    pub log_flush_offset_checkpoint_interval_ms: u64,
    pub log_flush_start_offset_checkpoint_interval_ms: u64,
    pub log_retention_check_interval_ms: u64,
    pub log_initial_task_delay_ms: u64,
    pub rack: Option<String>,
    /// Broker-wide defaults of topic configurations, already under the topic's keys.
    pub topic_defaults: TopicConfig,
}

/// A topic's effective configuration (`LogConfig`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicConfig {
    pub min_insync_replicas: i32,
    pub unclean_leader_election_enable: bool,
    pub max_message_bytes: i32,
    pub segment_bytes: i32,
    pub segment_ms: i64,
    pub segment_index_bytes: i32,
    pub index_interval_bytes: i32,
    pub retention_ms: i64,
    pub retention_bytes: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub file_delete_delay_ms: i64,
    /// False: CreateTime, true: LogAppendTime.
    pub message_timestamp_type_log_append_time: bool,
}

impl Default for BrokerConfig {
    /// Kafka 3.9.
    fn default() -> Self {
        BrokerConfig {
            zookeeper_session_timeout_ms: 18_000,
            replica_lag_time_max_ms: 30_000,
            replica_fetch_wait_max_ms: 500,
            replica_fetch_min_bytes: 1,
            replica_fetch_max_bytes: 1_048_576,
            replica_fetch_response_max_bytes: 10_485_760,
            replica_fetch_backoff_ms: 1_000,
            replica_socket_timeout_ms: 30_000,
            replica_high_watermark_checkpoint_interval_ms: 5_000,
            default_replication_factor: 1,
            num_partitions: 1,
            auto_create_topics_enable: true,
            auto_leader_rebalance_enable: true,
            controlled_shutdown_enable: true,
            controlled_shutdown_max_retries: 3,
            controlled_shutdown_retry_backoff_ms: 5_000,
            controller_socket_timeout_ms: 30_000,
            request_timeout_ms: 30_000,
            fetch_max_bytes: 57_671_680,
            log_flush_offset_checkpoint_interval_ms: 60_000,
            log_flush_start_offset_checkpoint_interval_ms: 60_000,
            log_retention_check_interval_ms: 300_000,
            log_initial_task_delay_ms: 30_000,
            rack: None,
            topic_defaults: TopicConfig::default(),
        }
    }
}

impl Default for TopicConfig {
    /// Kafka 3.9.
    fn default() -> Self {
        TopicConfig {
            min_insync_replicas: 1,
            unclean_leader_election_enable: false,
            max_message_bytes: 1_048_588,
            segment_bytes: 1_073_741_824,
            segment_ms: 604_800_000,
            segment_index_bytes: 10_485_760,
            index_interval_bytes: 4_096,
            retention_ms: 604_800_000,
            retention_bytes: -1,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            file_delete_delay_ms: 60_000,
            message_timestamp_type_log_append_time: false,
        }
    }
}
