//! Which broker setting stands behind which topic setting (`ServerTopicConfigSynonyms`), in the order in
//! which Kafka's tools print a topic's settings (recorded from kafka-topics 3.9.1, where it is known).

use super::Properties;

/// Topic's key and broker's key.
const SYNONYMS: [(&str, &str); 24] = [
    ("compression.type", "compression.type"),
    (
        "message.downconversion.enable",
        "log.message.downconversion.enable",
    ),
    ("cleanup.policy", "log.cleanup.policy"),
    ("min.insync.replicas", "min.insync.replicas"),
    ("segment.jitter.ms", "log.roll.jitter.ms"),
    ("flush.ms", "log.flush.interval.ms"),
    ("segment.bytes", "log.segment.bytes"),
    ("retention.ms", "log.retention.ms"),
    ("flush.messages", "log.flush.interval.messages"),
    ("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"),
    ("file.delete.delay.ms", "log.segment.delete.delay.ms"),
    ("max.message.bytes", "message.max.bytes"),
    ("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"),
    ("message.timestamp.type", "log.message.timestamp.type"),
    ("preallocate", "log.preallocate"),
    (
        "min.cleanable.dirty.ratio",
        "log.cleaner.min.cleanable.ratio",
    ),
    ("index.interval.bytes", "log.index.interval.bytes"),
    (
        "unclean.leader.election.enable",
        "unclean.leader.election.enable",
    ),
    ("retention.bytes", "log.retention.bytes"),
    ("delete.retention.ms", "log.cleaner.delete.retention.ms"),
    (
        "message.timestamp.before.max.ms",
        "log.message.timestamp.before.max.ms",
    ),
    (
        "message.timestamp.after.max.ms",
        "log.message.timestamp.after.max.ms",
    ),
    ("segment.ms", "log.roll.ms"),
    ("segment.index.bytes", "log.index.size.max.bytes"),
];

/// What kafka-topics shows as a topic's settings: its own, then what stands in its broker's
/// `server.properties`, in Kafka's order.
pub fn described_topic_configs(topic: &Properties, broker: &Properties) -> Vec<(String, String)> {
    let known = SYNONYMS.iter().filter_map(|(topic_key, broker_key)| {
        let value = topic.get(*topic_key).or_else(|| broker.get(*broker_key))?;
        Some((topic_key.to_string(), value.clone()))
    });
    let others = topic
        .iter()
        .filter(|(key, _)| !SYNONYMS.iter().any(|(topic_key, _)| topic_key == key));
    known
        .chain(others.map(|(key, value)| (key.clone(), value.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tools.zookeeper.json: topics of a cluster whose brokers set three log settings.
    #[test]
    fn settings_print_in_the_order_of_kafkas_tools() {
        let properties = |pairs: &[(&str, &str)]| -> Properties {
            pairs
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect()
        };
        let broker = properties(&[
            ("log.index.size.max.bytes", "4096"),
            ("log.message.timestamp.after.max.ms", "9223372036854775807"),
            ("log.segment.delete.delay.ms", "1000"),
            ("zookeeper.session.timeout.ms", "6000"),
        ]);
        let printed = |topic: &[(&str, &str)]| -> String {
            let configs = described_topic_configs(&properties(topic), &broker);
            let configs: Vec<String> = configs.iter().map(|(k, v)| format!("{k}={v}")).collect();
            configs.join(",")
        };
        assert_eq!(
            printed(&[("retention.ms", "-1"), ("min.insync.replicas", "2")]),
            "min.insync.replicas=2,retention.ms=-1,file.delete.delay.ms=1000,\
             message.timestamp.after.max.ms=9223372036854775807,segment.index.bytes=4096"
        );
        assert_eq!(
            printed(&[
                ("segment.bytes", "104857600"),
                ("compression.type", "producer"),
                ("cleanup.policy", "compact")
            ]),
            "compression.type=producer,cleanup.policy=compact,segment.bytes=104857600,\
             file.delete.delay.ms=1000,message.timestamp.after.max.ms=9223372036854775807,\
             segment.index.bytes=4096"
        );
    }
}
