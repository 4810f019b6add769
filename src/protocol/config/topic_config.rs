//! A topic's settings (class LogConfig): the broker's defaults with the topic's own over them.

use super::values::Values;
use super::{ConfigError, Properties, Scope};
use crate::log::batch::CompressionType;

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
    /// None: as the producer packed it.
    pub compression_type: Option<CompressionType>,
    /// False: CreateTime, true: LogAppendTime.
    pub message_timestamp_type_log_append_time: bool,
    /// The old name of the two below, which stands in for each that is unlimited (KIP-937).
    pub message_timestamp_difference_max_ms: i64,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
}

impl TopicConfig {
    /// The topic's own settings over these, as `LogConfig.fromProps` does.
    pub fn with_overrides(&self, properties: &Properties) -> Result<TopicConfig, ConfigError> {
        let values = Values::checked(properties, Scope::Topic)?;
        let mut config = self.clone();
        values.number("min.insync.replicas", &mut config.min_insync_replicas)?;
        values.flag(
            "unclean.leader.election.enable",
            &mut config.unclean_leader_election_enable,
        );
        values.number("max.message.bytes", &mut config.max_message_bytes)?;
        values.number("segment.bytes", &mut config.segment_bytes)?;
        values.number("segment.ms", &mut config.segment_ms)?;
        values.number("segment.index.bytes", &mut config.segment_index_bytes)?;
        values.number("index.interval.bytes", &mut config.index_interval_bytes)?;
        values.number("retention.ms", &mut config.retention_ms)?;
        values.number("retention.bytes", &mut config.retention_bytes)?;
        values.number("flush.messages", &mut config.flush_messages)?;
        values.number("flush.ms", &mut config.flush_ms)?;
        values.number("file.delete.delay.ms", &mut config.file_delete_delay_ms)?;
        if let Some(name) = values.text("compression.type") {
            config.compression_type = broker_compression_type(name);
        }
        if let Some(kind) = values.text("message.timestamp.type") {
            config.message_timestamp_type_log_append_time = kind == "LogAppendTime";
        }
        values.number(
            "message.timestamp.difference.max.ms",
            &mut config.message_timestamp_difference_max_ms,
        )?;
        values.number(
            "message.timestamp.before.max.ms",
            &mut config.message_timestamp_before_max_ms,
        )?;
        values.number(
            "message.timestamp.after.max.ms",
            &mut config.message_timestamp_after_max_ms,
        )?;
        Ok(config)
    }

    /// What a broker hands down to its topics (`KafkaConfig.logMessageTimestampBeforeMaxMs` and its twin).
    pub(super) fn with_difference_of_timestamps(mut self) -> Self {
        for limit in [
            &mut self.message_timestamp_before_max_ms,
            &mut self.message_timestamp_after_max_ms,
        ] {
            if *limit == i64::MAX {
                *limit = self.message_timestamp_difference_max_ms;
            }
        }
        self
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
            compression_type: None,
            message_timestamp_type_log_append_time: false,
            message_timestamp_difference_max_ms: i64::MAX,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: i64::MAX,
        }
    }
}

/// A `compression.type` of brokers and topics (class BrokerCompressionType), whose name was checked.
pub(super) fn broker_compression_type(name: &str) -> Option<CompressionType> {
    match name {
        "uncompressed" => Some(CompressionType::None),
        name => CompressionType::from_name(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::config::topic_keys::TOPIC;
    use crate::protocol::config::{Effect, Key, Kind};

    #[test]
    fn every_key_that_is_called_modelled_changes_something() {
        let acted_on = |key: &&Key| matches!(key.effect, Effect::Modelled { .. });
        for key in TOPIC.iter().filter(acted_on) {
            let values: &[&str] = match key.kind {
                Kind::Boolean => &["true", "false"],
                Kind::OneOf(choices) => choices,
                _ => &["2048", "2049"],
            };
            let read = |value: &&str| {
                TopicConfig::default().with_overrides(&Properties::from([(
                    key.name.to_string(),
                    value.to_string(),
                )]))
            };
            let all: Vec<_> = values.iter().map(read).collect();
            assert!(all.iter().all(Result::is_ok), "{}: {all:?}", key.name);
            assert!(
                all.iter().any(|config| config != &all[0]),
                "{} changes nothing",
                key.name
            );
        }
    }

    #[test]
    fn a_topics_own_settings_win_and_others_stay() {
        let broker = TopicConfig {
            min_insync_replicas: 2,
            retention_ms: 5_000,
            ..TopicConfig::default()
        };
        let own = Properties::from([("retention.ms".to_string(), " 7000 ".to_string())]);
        let topic = broker.with_overrides(&own).unwrap();
        assert_eq!((topic.min_insync_replicas, topic.retention_ms), (2, 7_000));
    }
}
