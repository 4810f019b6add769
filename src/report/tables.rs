//! Tables as Kafka's own tools print them, to the character (`TopicCommand`, `GetOffsetShell`).
//!
//! Held against `tests/vectors/kafka/tools.zookeeper.json`. Topics come by name; the tools print them in
//! the order of a hash map.

use crate::node::view::{ClusterView, CommittedPartition, Described};
use crate::protocol::config::KafkaVersion;
use crate::protocol::{BrokerId, NO_LEADER, TopicName, is_internal_topic};

/// In place of a table while no broker runs and serves.
const NOBODY_ANSWERS: &str = "(no broker runs that would answer)\n";

/// `kafka-topics --describe`, a line a topic and a line a partition. Topic ids are printed from 2.8 on, the
/// columns of eligible leader replicas from 3.7 on (without that feature they say `N/A`).
pub fn kafka_topics_describe(
    view: &dyn ClusterView,
    version: KafkaVersion,
    exclude_internal: bool,
) -> String {
    topics_describe(view.described().as_ref(), version, exclude_internal)
}

/// As brokers describe them; nothing where none answers.
pub(super) fn topics_describe(
    described: Option<&Described>,
    version: KafkaVersion,
    exclude_internal: bool,
) -> String {
    let has_topic_ids = version >= KafkaVersion::new(2, 8);
    let elr = if version >= KafkaVersion::V3_7 {
        "\tElr: N/A\tLastKnownElr: N/A"
    } else {
        ""
    };
    let Some(described) = described else {
        return NOBODY_ANSWERS.to_owned();
    };
    let mut text = String::new();
    let is_shown = |topic: &TopicName| !(exclude_internal && is_internal_topic(topic));
    for topic in described.topics.iter().filter(|it| is_shown(&it.name)) {
        let id = if has_topic_ids {
            format!("TopicId: {}\t", topic.topic_id)
        } else {
            String::new()
        };
        let configs: Vec<String> = topic
            .configs
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        text.push_str(&format!(
            "Topic: {}\t{id}PartitionCount: {}\tReplicationFactor: {}\tConfigs: {}\n",
            topic.name,
            topic.partition_count,
            topic.replication_factor,
            configs.join(",")
        ));
        for state in of_topic(&described.partitions, &topic.name) {
            text.push_str(&format!(
                "\tTopic: {}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}{elr}\n",
                topic.name,
                state.partition.partition,
                leader(state.leader),
                ids(&state.replicas),
                ids(&state.isr)
            ));
        }
    }
    text
}

/// `kafka-get-offsets`: `topic:partition:latest`, where latest is what a consumer may read up to. Of a
/// partition without a running leader it tells nothing; the real tool waits for an answer, and then leaves
/// it out. That is said in a line that begins with `#`.
pub fn kafka_get_offsets(view: &dyn ClusterView, exclude_internal: bool) -> String {
    get_offsets(view, view.described().as_ref(), exclude_internal)
}

/// As brokers describe them; nothing where none answers.
pub(super) fn get_offsets(
    view: &dyn ClusterView,
    described: Option<&Described>,
    exclude_internal: bool,
) -> String {
    let Some(described) = described else {
        return NOBODY_ANSWERS.to_owned();
    };
    let mut text = String::new();
    let mut left_out = String::new();
    let is_shown = |state: &&CommittedPartition| {
        !(exclude_internal && is_internal_topic(&state.partition.topic))
    };
    for state in described.partitions.iter().filter(is_shown) {
        let (topic, partition) = (&state.partition.topic, state.partition.partition);
        let leader = view.replica(state.leader, &state.partition);
        match leader.filter(|replica| replica.is_leader) {
            Some(replica) => {
                text.push_str(&format!("{topic}:{partition}:{}\n", replica.high_watermark));
            }
            None if state.leader == NO_LEADER => left_out.push_str(&format!(
                "# {topic}:{partition} is left out: it has no leader\n"
            )),
            None => left_out.push_str(&format!(
                "# {topic}:{partition} is left out: broker-{}, its leader, does not answer\n",
                state.leader
            )),
        }
    }
    text + &left_out
}

fn of_topic<'a>(
    committed: &'a [CommittedPartition],
    topic: &str,
) -> impl Iterator<Item = &'a CommittedPartition> {
    committed
        .iter()
        .filter(move |state| *state.partition.topic == *topic)
}

fn leader(leader: BrokerId) -> String {
    if leader > NO_LEADER {
        leader.to_string()
    } else {
        "none".to_owned()
    }
}

fn ids(brokers: &[BrokerId]) -> String {
    let words: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::Scene;
    use crate::node::view::{Described, ReplicaOffsets, ReplicaView, TopicView};
    use crate::protocol::{TopicId, TopicPartition};
    use serde_json::Value;
    use std::collections::BTreeMap;

    fn tools() -> Vec<Value> {
        let text = include_str!("../../tests/vectors/kafka/tools.zookeeper.json");
        serde_json::from_str(text).unwrap()
    }

    /// The fields of a line of `kafka-topics --describe`.
    fn fields(line: &str) -> BTreeMap<&str, &str> {
        line.trim_start_matches('\t')
            .split('\t')
            .filter_map(|field| field.split_once(": "))
            .collect()
    }

    fn ids_of(text: &str) -> Vec<BrokerId> {
        text.split(',').map(|id| id.parse().unwrap()).collect()
    }

    /// Builds what a real cluster printed, prints it again, and compares topic by topic.
    fn describes_as_kafka_did(out: &str) {
        let mut scene = Scene::new();
        for line in out.lines() {
            let fields = fields(line);
            if line.starts_with("Topic") {
                scene.topic(TopicView {
                    name: fields["Topic"].into(),
                    topic_id: TopicId::parse(fields["TopicId"]).unwrap(),
                    partition_count: fields["PartitionCount"].parse().unwrap(),
                    replication_factor: fields["ReplicationFactor"].parse().unwrap(),
                    configs: fields["Configs"]
                        .split(',')
                        .map(|config| {
                            let (key, value) = config.split_once('=').unwrap();
                            (key.to_owned(), value.to_owned())
                        })
                        .collect(),
                });
            } else {
                let partition = format!("{}-{}", fields["Topic"], fields["Partition"]);
                let leader = fields["Leader"].parse().unwrap_or(NO_LEADER);
                scene.commit(&partition, leader, &ids_of(fields["Isr"]));
                scene.set_replicas(&partition, &ids_of(fields["Replicas"]));
            }
        }
        let ours = kafka_topics_describe(&scene, KafkaVersion::V3_9, false);
        assert_eq!(ours.trim_end_matches('\n'), out);
    }

    #[test]
    fn kafka_topics_describe_prints_what_kafka_printed() {
        let describes = tools().into_iter().filter(|run| {
            let args = run["args"].as_array().unwrap();
            let filters = [
                "--under-replicated-partitions",
                "--unavailable-partitions",
                "--under-min-isr-partitions",
                "--at-min-isr-partitions",
                "--topics-with-overrides",
            ];
            run["tool"] == "kafka-topics"
                && run["exit"] == 0
                && args.contains(&"--describe".into())
                && !args
                    .iter()
                    .any(|arg| filters.contains(&arg.as_str().unwrap()))
        });
        let mut states = Vec::new();
        for run in describes {
            describes_as_kafka_did(run["out"].as_str().unwrap());
            states.push(run["state"].as_str().unwrap().to_owned());
        }
        assert!(
            states.contains(&"healthy".to_owned()) && states.contains(&"broker 1 down".to_owned())
        );
    }

    #[test]
    fn kafka_get_offsets_prints_what_kafka_printed() {
        let tools = tools();
        let run = tools
            .iter()
            .find(|run| run["tool"] == "kafka-get-offsets" && run["exit"] == 0)
            .unwrap();
        let out = run["out"].as_str().unwrap();
        let mut scene = Scene::new();
        for line in out.lines() {
            let [topic, partition, offset] = line.split(':').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let partition = format!("{topic}-{partition}");
            scene.commit(&partition, 1, &[1]);
            scene.replica_mut(1, &partition).high_watermark = offset.parse().unwrap();
            scene.replica_mut(1, &partition).log_end_offset = 99;
            scene.replica_mut(1, &partition).is_leader = true;
        }
        scene.commit("without-0", NO_LEADER, &[1]);
        let told = kafka_get_offsets(&scene, false);
        let (said, told): (Vec<&str>, Vec<&str>) =
            told.lines().partition(|line| line.starts_with('#'));
        assert_eq!(told.join("\n"), out);
        assert_eq!(said, ["# without:0 is left out: it has no leader"]);
    }

    /// A cluster without a broker that serves.
    struct Dark;

    impl ClusterView for Dark {
        fn running_brokers(&self) -> Vec<BrokerId> {
            Vec::new()
        }
        fn replica(&self, _: BrokerId, _: &TopicPartition) -> Option<ReplicaView> {
            None
        }
        fn replica_offsets(&self, _: BrokerId, _: &TopicPartition) -> Option<ReplicaOffsets> {
            None
        }
        fn replicas(&self) -> Vec<ReplicaView> {
            Vec::new()
        }
        fn committed(&self) -> Vec<CommittedPartition> {
            vec![CommittedPartition {
                partition: TopicPartition::new("t", 0),
                leader: 1,
                leader_epoch: 0,
                isr: vec![1],
                replicas: vec![1],
                controller_epoch: 1,
                partition_epoch: 0,
                recovering: false,
            }]
        }
        fn log_files(&self, _: BrokerId, _: &TopicPartition) -> Vec<(String, Vec<bytes::Bytes>)> {
            Vec::new()
        }
        fn controller(&self) -> Option<(BrokerId, i32)> {
            None
        }
        fn topics(&self) -> Vec<TopicView> {
            Vec::new()
        }
        fn described(&self) -> Option<Described> {
            None
        }
    }

    #[test]
    fn a_tool_learns_nothing_where_no_broker_answers() {
        for text in [
            kafka_topics_describe(&Dark, KafkaVersion::V3_9, false),
            kafka_get_offsets(&Dark, false),
        ] {
            assert_eq!(text, NOBODY_ANSWERS);
        }
    }

    #[test]
    fn older_versions_print_fewer_columns() {
        let mut scene = Scene::new();
        scene.topic(TopicView {
            name: "t".into(),
            topic_id: TopicId([1; 16]),
            partition_count: 1,
            replication_factor: 1,
            configs: Vec::new(),
        });
        scene.commit("t-0", 1, &[1]);
        assert_eq!(
            kafka_topics_describe(&scene, KafkaVersion::new(2, 5), false),
            "Topic: t\tPartitionCount: 1\tReplicationFactor: 1\tConfigs: \n\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1\n"
        );
    }
}
