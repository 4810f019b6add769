//! Paths and payloads of Kafka's znodes (`ZkData`), with Kafka's exact text and key order (12 C).
//!
//! Writers give the bytes that Kafka 3.9 writes. Readers are tolerant: unknown keys are passed over,
//! and what cannot be read is `None`.

use super::java_json::{hash_map_order, quoted};
use super::{LeaderAndIsr, LeaderIsrAndControllerEpoch, ReplicaAssignment};
use crate::protocol::config::Properties;
use crate::protocol::zookeeper::Path;
use crate::protocol::{
    BrokerId, LeaderRecoveryState, Listener, ListenerName, RegisteredBroker, TopicId,
    TopicPartition,
};
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;

pub const CONTROLLER: &str = "/controller";
pub const CONTROLLER_EPOCH: &str = "/controller_epoch";
pub const FEATURE: &str = "/feature";
pub const CLUSTER_ID: &str = "/cluster/id";
pub const BROKER_IDS: &str = "/brokers/ids";
pub const TOPICS: &str = "/brokers/topics";
pub const CONFIG_CHANGES: &str = "/config/changes";
pub const TOPIC_CONFIGS: &str = "/config/topics";
pub const DELETE_TOPICS: &str = "/admin/delete_topics";
pub const PREFERRED_REPLICA_ELECTION: &str = "/admin/preferred_replica_election";
pub const ISR_CHANGE_NOTIFICATION: &str = "/isr_change_notification";
pub const LATEST_PRODUCER_ID_BLOCK: &str = "/latest_producer_id_block";
pub const LOG_DIR_EVENT_NOTIFICATION: &str = "/log_dir_event_notification";

/// Prefix of change notices under `CONFIG_CHANGES`; ZooKeeper adds ten digits.
pub const CONFIG_CHANGE_PREFIX: &str = "config_change_";

/// What every broker makes at its start, in this order (`ZkData.PersistentZkPaths`, RK1).
pub const PERSISTENT_PATHS: [&str; 14] = [
    "/consumers",
    BROKER_IDS,
    TOPICS,
    CONFIG_CHANGES,
    DELETE_TOPICS,
    "/brokers/seqid",
    ISR_CHANGE_NOTIFICATION,
    LATEST_PRODUCER_ID_BLOCK,
    LOG_DIR_EVENT_NOTIFICATION,
    TOPIC_CONFIGS,
    "/config/clients",
    "/config/users",
    "/config/brokers",
    "/config/ips",
];

// ---- paths

pub fn broker_path(id: BrokerId) -> Path {
    format!("{BROKER_IDS}/{id}").into()
}

pub fn topic_path(topic: &str) -> Path {
    format!("{TOPICS}/{topic}").into()
}

pub fn topic_partitions_path(topic: &str) -> Path {
    format!("{TOPICS}/{topic}/partitions").into()
}

pub fn topic_partition_path(partition: &TopicPartition) -> Path {
    format!(
        "{TOPICS}/{}/partitions/{}",
        partition.topic, partition.partition
    )
    .into()
}

pub fn topic_partition_state_path(partition: &TopicPartition) -> Path {
    format!(
        "{TOPICS}/{}/partitions/{}/state",
        partition.topic, partition.partition
    )
    .into()
}

/// `entity`: `topics/t`, `brokers/1`, as change notices name it.
pub fn config_entity_path(entity: &str) -> Path {
    format!("/config/{entity}").into()
}

pub fn topic_config_path(topic: &str) -> Path {
    format!("{TOPIC_CONFIGS}/{topic}").into()
}

pub fn delete_topic_path(topic: &str) -> Path {
    format!("{DELETE_TOPICS}/{topic}").into()
}

// ---- payloads

/// What stands in /controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ControllerZNode {
    pub broker_id: BrokerId,
}

impl ControllerZNode {
    pub fn encode(broker_id: BrokerId, timestamp_ms: i64) -> Bytes {
        format!(
            r#"{{"version":2,"brokerid":{broker_id},"timestamp":"{timestamp_ms}","kraftControllerEpoch":-1}}"#
        )
        .into()
    }

    pub fn decode(data: &[u8]) -> Option<ControllerZNode> {
        let broker_id = int(json(data)?.get("brokerid")?)?;
        Some(ControllerZNode { broker_id })
    }
}

/// What stands in /controller_epoch: the epoch in digits.
pub fn encode_controller_epoch(epoch: i32) -> Bytes {
    epoch.to_string().into()
}

pub fn decode_controller_epoch(data: &[u8]) -> Option<i32> {
    std::str::from_utf8(data).ok()?.parse().ok()
}

/// What stands in /latest_producer_id_block: who was given which ids last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerIdBlockZNode {
    pub broker: BrokerId,
    pub block_start: i64,
    pub block_end: i64,
}

impl ProducerIdBlockZNode {
    pub fn encode(&self) -> Bytes {
        let ProducerIdBlockZNode {
            broker,
            block_start,
            block_end,
        } = self;
        format!(
            r#"{{"version":1,"broker":{broker},"block_start":"{block_start}","block_end":"{block_end}"}}"#
        )
        .into()
    }

    pub fn decode(data: &[u8]) -> Option<ProducerIdBlockZNode> {
        let node = json(data)?;
        let number = |name: &str| node.get(name)?.as_str()?.parse().ok();
        Some(ProducerIdBlockZNode {
            broker: int(node.get("broker")?)?,
            block_start: number("block_start")?,
            block_end: number("block_end")?,
        })
    }
}

/// What the first controller writes into /feature; nothing that is modelled changes it.
pub fn encode_feature() -> Bytes {
    Bytes::from_static(br#"{"features":{},"version":2,"status":1}"#)
}

pub fn encode_cluster_id(id: &str) -> Bytes {
    format!(r#"{{"version":"1","id":{}}}"#, quoted(id)).into()
}

pub fn decode_cluster_id(data: &[u8]) -> Option<String> {
    Some(json(data)?.get("id")?.as_str()?.to_owned())
}

/// What stands in `/brokers/ids/<id>` (`BrokerIdZNode`, version 5). Host and port are those of the first listener,
/// for old clients. (Kafka's own order of more than four listeners is that of a hash map.)
pub fn encode_broker(broker: &RegisteredBroker, timestamp_ms: i64) -> Bytes {
    let all = |text: &dyn Fn(&Listener) -> String| {
        let texts: Vec<String> = broker.listeners.iter().map(text).collect();
        texts.join(",")
    };
    let protocols = all(&|it| format!(r#"{}:"PLAINTEXT""#, quoted(&it.name.0)));
    let endpoints = all(&|it| quoted(&format!("{}://{}:{}", it.name.0, it.host, it.port)));
    let first = broker.listeners.first();
    let host = quoted(first.map_or("", |it| &it.host));
    let port = first.map_or(-1, |it| it.port);
    let rack = match &broker.rack {
        Some(rack) => format!(r#""rack":{},"#, quoted(rack)),
        None => String::new(),
    };
    format!(
        r#"{{"features":{{}},"listener_security_protocol_map":{{{protocols}}},"endpoints":[{endpoints}],{rack}"jmx_port":-1,"port":{port},"host":{host},"version":5,"timestamp":"{timestamp_ms}"}}"#
    )
    .into()
}

pub fn decode_broker(id: BrokerId, data: &[u8]) -> Option<RegisteredBroker> {
    let node = json(data)?;
    let listener = |text: &Value| {
        let (name, place) = text.as_str()?.split_once("://")?;
        let (host, port) = place.rsplit_once(':')?;
        Some(Listener {
            name: ListenerName(name.into()),
            host: host.into(),
            port: port.parse().ok()?,
        })
    };
    let endpoints = node.get("endpoints")?.as_array()?.iter();
    Some(RegisteredBroker {
        id,
        listeners: endpoints.map(listener).collect::<Option<_>>()?,
        rack: node.get("rack").and_then(Value::as_str).map(Into::into),
    })
}

/// What stands in `/brokers/topics/<topic>` (`TopicZNode`, version 3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicZNode {
    /// `None` for topics older than KIP-516.
    pub topic_id: Option<TopicId>,
    pub assignment: BTreeMap<i32, ReplicaAssignment>,
}

impl TopicZNode {
    pub fn encode(&self) -> Bytes {
        let replicas = |of: fn(&ReplicaAssignment) -> &Vec<BrokerId>, even_empty: bool| {
            let mut partitions: Vec<String> = self
                .assignment
                .iter()
                .filter(|(_, assignment)| even_empty || !of(assignment).is_empty())
                .map(|(partition, _)| partition.to_string())
                .collect();
            hash_map_order(&mut partitions, 16);
            let entries: Vec<String> = partitions
                .iter()
                .filter_map(|name| {
                    let assignment = self.assignment.get(&name.parse().ok()?)?;
                    Some(format!(r#""{name}":{}"#, ids(of(assignment))))
                })
                .collect();
            format!("{{{}}}", entries.join(","))
        };
        let topic_id = match self.topic_id {
            Some(id) => format!(r#""topic_id":"{id}","#),
            None => String::new(),
        };
        format!(
            r#"{{"partitions":{},{topic_id}"adding_replicas":{},"removing_replicas":{},"version":3}}"#,
            replicas(|a| &a.replicas, true),
            replicas(|a| &a.adding_replicas, false),
            replicas(|a| &a.removing_replicas, false),
        )
        .into()
    }

    pub fn decode(data: &[u8]) -> Option<TopicZNode> {
        let node = json(data)?;
        let other = |key: &str, partition: &str| {
            node.get(key)
                .and_then(|replicas| replicas.get(partition))
                .and_then(id_list)
                .unwrap_or_default()
        };
        let mut assignment = BTreeMap::new();
        if let Some(partitions) = node.get("partitions").and_then(Value::as_object) {
            for (name, replicas) in partitions {
                assignment.insert(
                    name.parse().ok()?,
                    ReplicaAssignment {
                        replicas: id_list(replicas)?,
                        adding_replicas: other("adding_replicas", name),
                        removing_replicas: other("removing_replicas", name),
                    },
                );
            }
        }
        let topic_id = match node.get("topic_id") {
            Some(id) => Some(TopicId::parse(id.as_str()?)?),
            None => None,
        };
        Some(TopicZNode {
            topic_id,
            assignment,
        })
    }
}

/// What stands in a partition's state node (`TopicPartitionStateZNode`).
pub fn encode_partition_state(state: &LeaderIsrAndControllerEpoch) -> Bytes {
    let LeaderIsrAndControllerEpoch {
        leader_and_isr,
        controller_epoch,
    } = state;
    let recovery = match leader_and_isr.leader_recovery_state {
        LeaderRecoveryState::Recovered => "",
        LeaderRecoveryState::Recovering => r#""leader_recovery_state":1,"#,
    };
    format!(
        r#"{{"controller_epoch":{controller_epoch},"leader":{},"version":1,{recovery}"leader_epoch":{},"isr":{}}}"#,
        leader_and_isr.leader,
        leader_and_isr.leader_epoch,
        ids(&leader_and_isr.isr),
    )
    .into()
}

/// `version` is the node's version, which is the partition epoch.
pub fn decode_partition_state(data: &[u8], version: i32) -> Option<LeaderIsrAndControllerEpoch> {
    let node = json(data)?;
    let leader_recovery_state = match node.get("leader_recovery_state").and_then(int) {
        Some(1) => LeaderRecoveryState::Recovering,
        _ => LeaderRecoveryState::Recovered,
    };
    Some(LeaderIsrAndControllerEpoch {
        leader_and_isr: LeaderAndIsr {
            leader: int(node.get("leader")?)?,
            leader_epoch: int(node.get("leader_epoch")?)?,
            isr: id_list(node.get("isr")?)?,
            leader_recovery_state,
            partition_epoch: version,
        },
        controller_epoch: int(node.get("controller_epoch")?)?,
    })
}

/// What stands in `/config/topics/<topic>` and its like (`ConfigEntityZNode`).
pub fn encode_config(config: &Properties) -> Bytes {
    let mut keys: Vec<&String> = config.keys().collect();
    hash_map_order(&mut keys, 16);
    let entries: Vec<String> = keys
        .iter()
        .map(|key| format!("{}:{}", quoted(key), quoted(&config[*key])))
        .collect();
    format!(r#"{{"version":1,"config":{{{}}}}}"#, entries.join(",")).into()
}

/// Empty for what cannot be read, as in Kafka.
pub fn decode_config(data: &[u8]) -> Properties {
    let Some(node) = json(data) else {
        return Properties::new();
    };
    let Some(config) = node.get("config").and_then(Value::as_object) else {
        return Properties::new();
    };
    config
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// What stands in a change notice; `entity` as in `config_entity_path`.
pub fn encode_config_change(entity: &str) -> Bytes {
    format!(r#"{{"version":2,"entity_path":{}}}"#, quoted(entity)).into()
}

pub fn decode_config_change(data: &[u8]) -> Option<String> {
    Some(json(data)?.get("entity_path")?.as_str()?.to_owned())
}

/// Partitions named in /admin/preferred_replica_election or in a notice of an ISR change.
pub fn decode_partition_list(data: &[u8]) -> Vec<TopicPartition> {
    let Some(node) = json(data) else {
        return Vec::new();
    };
    let Some(partitions) = node.get("partitions").and_then(Value::as_array) else {
        return Vec::new();
    };
    partitions
        .iter()
        .filter_map(|entry| {
            let topic = entry.get("topic")?.as_str()?;
            Some(TopicPartition::new(topic, int(entry.get("partition")?)?))
        })
        .collect()
}

/// The broker that left a notice under `LOG_DIR_EVENT_NOTIFICATION`.
pub fn decode_log_dir_event(data: &[u8]) -> Option<BrokerId> {
    int(json(data)?.get("broker")?)
}

fn json(data: &[u8]) -> Option<Value> {
    serde_json::from_slice(data).ok()
}

fn int(value: &Value) -> Option<i32> {
    value.as_i64()?.try_into().ok()
}

fn id_list(value: &Value) -> Option<Vec<BrokerId>> {
    value.as_array()?.iter().map(int).collect()
}

fn ids(ids: &[BrokerId]) -> String {
    let texts: Vec<String> = ids.iter().map(BrokerId::to_string).collect();
    format!("[{}]", texts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_controller_node_is_kafkas_text() {
        let data = ControllerZNode::encode(3, 1_795_330_000_000);
        assert_eq!(
            text(&data),
            r#"{"version":2,"brokerid":3,"timestamp":"1795330000000","kraftControllerEpoch":-1}"#
        );
        assert_eq!(ControllerZNode::decode(&data).unwrap().broker_id, 3);
        assert_eq!(
            decode_controller_epoch(&encode_controller_epoch(12)),
            Some(12)
        );
    }

    #[test]
    fn rk14_a_partition_state_is_kafkas_text_both_ways() {
        let recorded = [
            r#"{"controller_epoch":1,"leader":-1,"version":1,"leader_epoch":2,"isr":[1]}"#,
            r#"{"controller_epoch":1,"leader":2,"version":1,"leader_recovery_state":1,"leader_epoch":3,"isr":[2]}"#,
        ];
        for recorded in recorded {
            let state = decode_partition_state(recorded.as_bytes(), 7).unwrap();
            assert_eq!(state.leader_and_isr.partition_epoch, 7);
            assert_eq!(text(&encode_partition_state(&state)), recorded);
        }
        assert_eq!(decode_partition_state(b"{}", 0), None);
        assert_eq!(decode_partition_state(b"not json", 0), None);
    }

    #[test]
    fn rk9_a_topic_node_is_kafkas_text_both_ways() {
        let recorded = [
            r#"{"partitions":{"0":[1,2,3],"1":[2,3,1],"2":[3,1,2]},"topic_id":"9RIVpw4dR12C0dQd1-zmFg","adding_replicas":{},"removing_replicas":{},"version":3}"#,
            r#"{"partitions":{"0":[3,2,1]},"topic_id":"cFTBu7NCQ4aiLIOboJo9PA","adding_replicas":{"0":[3]},"removing_replicas":{"0":[1]},"version":3}"#,
        ];
        for recorded in recorded {
            let node = TopicZNode::decode(recorded.as_bytes()).unwrap();
            assert_eq!(text(&node.encode()), recorded);
        }
    }

    #[test]
    fn ct17_a_registration_is_kafkas_text_both_ways() {
        let listener = |name: &str, host: &str, port| Listener {
            name: ListenerName(name.into()),
            host: host.into(),
            port,
        };
        let mut endpoint = RegisteredBroker {
            id: 3,
            listeners: vec![listener("PLAINTEXT", "127.0.0.1", 19093)],
            rack: None,
        };
        let data = encode_broker(&endpoint, 1_795_359_508_300);
        assert_eq!(
            text(&data),
            r#"{"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"endpoints":["PLAINTEXT://127.0.0.1:19093"],"jmx_port":-1,"port":19093,"host":"127.0.0.1","version":5,"timestamp":"1795359508300"}"#
        );
        assert_eq!(decode_broker(3, &data), Some(endpoint.clone()));
        endpoint.rack = Some("rack a".into());
        endpoint
            .listeners
            .push(listener("EXTERNAL", "localhost", 29093));
        let data = encode_broker(&endpoint, 0);
        assert_eq!(decode_broker(3, &data), Some(endpoint));
    }

    #[test]
    fn rk10_configurations_and_notices_are_kafkas_text_both_ways() {
        let empty = Properties::new();
        assert_eq!(text(&encode_config(&empty)), r#"{"version":1,"config":{}}"#);
        let config = Properties::from([("min.insync.replicas".to_owned(), "2".to_owned())]);
        let data = encode_config(&config);
        assert_eq!(
            text(&data),
            r#"{"version":1,"config":{"min.insync.replicas":"2"}}"#
        );
        assert_eq!(decode_config(&data), config);
        assert_eq!(decode_config(b""), empty);
        let notice = encode_config_change("topics/t");
        assert_eq!(text(&notice), r#"{"version":2,"entity_path":"topics/t"}"#);
        assert_eq!(decode_config_change(&notice).as_deref(), Some("topics/t"));
        assert_eq!(
            decode_cluster_id(&encode_cluster_id("Gfhlh7fqQeO7R3nXArfhkA")).as_deref(),
            Some("Gfhlh7fqQeO7R3nXArfhkA")
        );
    }
}
