//! What a partition of `__consumer_offsets` holds, in one form for both sides.
//!
//! Compared: every record of a group, in order, without its time and its members' hosts; of each partition the
//! last commit (what was committed before anything was read is a matter of time); and the order of the partitions in a commit, with what its batch says
//! of its producer, where both sides have a commit of these partitions. How often the same is committed is a
//! matter of time.

use super::requests::Aliases;
use crate::coordinator::group::records::{GroupValue, Key, OffsetAndMetadata};
use crate::log::batch::RecordBatch;
use crate::protocol::{Assignment, Subscription, TopicPartition};
use crate::serialization::base64;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A batch, as the dump tool shows it.
#[derive(Debug, Default)]
struct Batch {
    header: Map<String, Value>,
    /// Keys and values as JSON; no value for a tombstone.
    records: Vec<(Value, Value)>,
}

/// The dump tool's lines.
pub(super) fn recorded(lines: &[String]) -> Log {
    let mut batches: Vec<Batch> = Vec::new();
    for line in lines {
        match line.strip_prefix("| ") {
            None => batches.push(Batch {
                header: header_of(line),
                records: Vec::new(),
            }),
            Some(record) => {
                let record = record.split_once(" key: ").and_then(|(_, rest)| {
                    let (key, payload) = rest.split_once(" payload: ")?;
                    let key = serde_json::from_str(key).ok()?;
                    Some((key, serde_json::from_str(payload).unwrap_or_default()))
                });
                if let (Some(batch), Some(record)) = (batches.last_mut(), record) {
                    batch.records.push(record);
                }
            }
        }
    }
    Log { batches }
}

const HEADER: [&str; 5] = [
    "baseSequence",
    "lastSequence",
    "producerId",
    "producerEpoch",
    "isTransactional",
];

fn header_of(line: &str) -> Map<String, Value> {
    let words: Vec<&str> = line.split(' ').collect();
    let value = |name: &str| {
        let place = words
            .iter()
            .position(|word| word.strip_suffix(':') == Some(name))?;
        words.get(place + 1).copied()
    };
    let named = HEADER.iter().filter_map(|name| {
        let value = value(name)?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Some(((*name).to_owned(), value))
    });
    named.collect()
}

/// The files of our leader's log.
pub(super) fn ours(files: &[(String, Vec<Bytes>)]) -> Log {
    let mut batches = Vec::new();
    for (_, content) in files {
        let bytes = Bytes::from(content.concat());
        for batch in RecordBatch::parse_run(bytes).unwrap_or_default() {
            let records = batch.records().filter_map(Result::ok);
            let records = records.filter_map(|it| shown(it.key.as_ref()?, it.value.as_ref()));
            let records: Vec<_> = records.collect();
            let last = batch.base_sequence() + records.len() as i32 - 1;
            let base = batch.base_sequence();
            let header = json!({
                "baseSequence": base,
                "lastSequence": if base < 0 { -1 } else { last },
                "producerId": batch.producer_id(),
                "producerEpoch": batch.producer_epoch(),
                "isTransactional": batch.is_transactional(),
            });
            batches.push(Batch {
                header: header.as_object().cloned().unwrap_or_default(),
                records,
            });
        }
    }
    Log { batches }
}

fn shown(key: &Bytes, value: Option<&Bytes>) -> Option<(Value, Value)> {
    Some(match Key::from_bytes(key)? {
        Key::Offset(group, partition) => {
            let key =
                json!({"group": group, "topic": partition.topic, "partition": partition.partition});
            let value = value.and_then(OffsetAndMetadata::from_bytes).map(|it| {
                json!({"version": "3", "data": {
                    "offset": it.offset, "leaderEpoch": it.leader_epoch, "metadata": it.metadata}})
            });
            (json!({"type": "1", "data": key}), value.unwrap_or_default())
        }
        Key::Group(group) => {
            let value = value
                .and_then(GroupValue::from_bytes)
                .map(|it| json!({"version": "3", "data": group_shown(&it)}));
            (
                json!({"type": "2", "data": {"group": group}}),
                value.unwrap_or_default(),
            )
        }
    })
}

fn group_shown(group: &GroupValue) -> Value {
    let members = group.members.iter().map(|it| {
        let subscription = Subscription::from_bytes(&it.subscription).unwrap_or_default();
        let assignment = Assignment::from_bytes(&it.assignment).unwrap_or_default();
        json!({
            "memberId": it.member_id, "groupInstanceId": it.group_instance_id,
            "clientId": it.client_id, "rebalanceTimeout": it.rebalance_timeout_ms,
            "sessionTimeout": it.session_timeout_ms,
            "subscription": {
                "topics": subscription.topics,
                "userData": subscription.user_data.as_ref().map(|it| base64(it)),
                "ownedPartitions": by_topic(&subscription.owned_partitions),
                "generationId": subscription.generation_id,
                "rackId": subscription.rack_id,
            },
            "assignment": {
                "assignedPartitions": by_topic(&assignment.partitions),
                "userData": assignment.user_data.as_ref().map(|it| base64(it)),
            },
        })
    });
    json!({
        "protocolType": group.protocol_type, "generation": group.generation,
        "protocol": group.protocol, "leader": group.leader,
        "members": members.collect::<Vec<_>>(),
    })
}

fn by_topic(partitions: &[TopicPartition]) -> Vec<Value> {
    let mut topics: Vec<(&str, Vec<i32>)> = Vec::new();
    for partition in partitions {
        match topics
            .iter_mut()
            .find(|(topic, _)| *topic == &*partition.topic)
        {
            Some((_, numbers)) => numbers.push(partition.partition),
            None => topics.push((&partition.topic, vec![partition.partition])),
        }
    }
    let topics = topics.into_iter();
    topics
        .map(|(topic, of)| json!({"topic": topic, "partitions": of}))
        .collect()
}

#[derive(Debug)]
pub(super) struct Log {
    batches: Vec<Batch>,
}

impl Log {
    /// What is compared, up to the first generation after `last`, which began as the recorder stopped the brokers.
    pub(super) fn compared(&self, last: Option<i64>, aliases: &mut Aliases) -> LogCompared {
        let mut compared = LogCompared::default();
        for batch in &self.batches {
            let mut partitions = Vec::new();
            for (key, value) in &batch.records {
                let data = value.get("data").unwrap_or(&Value::Null);
                if key["type"] == "2" {
                    let generation = data.get("generation").and_then(Value::as_i64);
                    if last.is_some_and(|last| generation.is_some_and(|it| it > last)) {
                        return compared;
                    }
                    compared.groups.push(group_compared(data, aliases));
                } else {
                    let of = &key["data"];
                    let partition = format!("{}-{}", text(of, "topic"), of["partition"]);
                    let value = match data {
                        Value::Null => Value::Null,
                        it => json!([it["offset"], it["leaderEpoch"], it["metadata"]]),
                    };
                    partitions.push(partition.clone());
                    compared.commits.insert(partition, value);
                }
            }
            if !partitions.is_empty() {
                let mut sorted = partitions.clone();
                sorted.sort();
                let stored = json!({"order": partitions, "header": batch.header});
                compared.orders.entry(sorted.join(" ")).or_insert(stored);
            }
        }
        compared
    }
}

fn group_compared(data: &Value, aliases: &mut Aliases) -> Value {
    let mut group = data.clone();
    let Value::Object(fields) = &mut group else {
        return group;
    };
    fields.remove("currentStateTimestamp");
    if let Some(Value::String(leader)) = fields.get_mut("leader") {
        *leader = aliases.alias(leader);
    }
    let members = fields.get("members").and_then(Value::as_array);
    let members = members.into_iter().flatten().map(|member| {
        let mut member = member.clone();
        if let Value::Object(fields) = &mut member {
            fields.remove("clientHost");
            fields.remove("memberId");
        }
        (member, ())
    });
    let ids = data["members"].as_array().into_iter().flatten();
    let ids: Vec<String> = ids.map(|it| aliases.alias(text(it, "memberId"))).collect();
    let named = ids.into_iter().zip(members.map(|(member, ())| member));
    let named: Map<String, Value> = named.collect();
    fields.insert("members".to_owned(), Value::from(named));
    group
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[derive(Debug, Default)]
pub(super) struct LogCompared {
    groups: Vec<Value>,
    commits: BTreeMap<String, Value>,
    orders: BTreeMap<String, Value>,
}

impl LogCompared {
    /// In the shape in which differences are told; orders of commits only where the other side has such a commit.
    pub(super) fn shown(&self, other: &LogCompared) -> Value {
        let groups = (1..).zip(&self.groups);
        let groups = groups.map(|(place, group)| (format!("{place:02}"), group.clone()));
        let orders = self.orders.iter();
        let orders = orders.filter(|(partitions, _)| other.orders.contains_key(*partitions));
        let orders = orders.map(|(partitions, stored)| (partitions.clone(), stored.clone()));
        json!({
            "groups": groups.collect::<Map<_, _>>(),
            "offsets": self.commits,
            "commits": orders.collect::<Map<_, _>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_dump_tool_are_taken_apart() {
        let lines = [
            "baseOffset: 1 lastOffset: 2 count: 2 baseSequence: 0 lastSequence: 1 producerId: -1 producerEpoch: -1 partitionLeaderEpoch: 0 isTransactional: false isControl: false",
            r#"| offset: 1 keySize: 12 valueSize: 24 sequence: 0 headerKeys: [] key: {"type":"1","data":{"group":"g","topic":"t","partition":3}} payload: {"version":"3","data":{"offset":3,"leaderEpoch":0,"metadata":"","commitTimestamp":1}}"#,
            r#"| offset: 2 keySize: 12 valueSize: 24 sequence: 1 headerKeys: [] key: {"type":"1","data":{"group":"g","topic":"t","partition":2}} payload: <EMPTY>"#,
        ];
        let log = recorded(&lines.map(str::to_owned));
        assert_eq!(log.batches[0].header["producerId"], -1);
        let compared = log.compared(None, &mut Aliases::default());
        assert_eq!(compared.commits["t-3"], json!([3, 0, ""]));
        assert_eq!(compared.commits["t-2"], Value::Null);
        let stored = &compared.orders["t-2 t-3"];
        assert_eq!(stored["order"], json!(["t-3", "t-2"]));
    }
}
