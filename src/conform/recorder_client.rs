//! The recorder's client (class Driver of the lab): its commands as operations, its answers as JSON.

use crate::client::{
    AdminCommand, AdminOutcome, DriverOperation, DriverRecord, DriverResult, OffsetAnswer,
    Produced, ReadFrom,
};
use crate::protocol::config::Properties;
use crate::protocol::{ConfigResource, ElectionType, TopicPartition};
use crate::run::Unbuildable;
use serde_json::{Map, Value, json};
use std::rc::Rc;

/// The driver's operation for a recorded command (class Driver of the lab).
pub fn operation_of(command: &Value) -> Result<DriverOperation, Unbuildable> {
    let text = |key: &str| command.get(key).and_then(Value::as_str);
    let number = |key: &str| command.get(key).and_then(Value::as_i64);
    let missing = |key: &str| Unbuildable(format!("the command {command} has no usable `{key}`"));
    let topic = || {
        text("topic")
            .map(Rc::<str>::from)
            .ok_or_else(|| missing("topic"))
    };
    let partition = || number("partition").and_then(|n| i32::try_from(n).ok());
    let properties = |key: &str| strings(command.get(key));
    Ok(match text("op").unwrap_or_default() {
        "create_topic" => DriverOperation::Admin(AdminCommand::CreateTopic {
            topic: topic()?,
            partitions: number("partitions")
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or(-1),
            replication_factor: number("rf")
                .and_then(|n| i16::try_from(n).ok())
                .unwrap_or(-1),
            assignment: assignment(command.get("assignment")),
            configs: properties("configs"),
        }),
        "create_partitions" => DriverOperation::Admin(AdminCommand::CreatePartitions {
            topic: topic()?,
            count: number("count")
                .and_then(|n| i32::try_from(n).ok())
                .ok_or_else(|| missing("count"))?,
        }),
        "alter_config" => {
            let (resource, name) = match (text("topic"), command.get("broker")) {
                (Some(topic), _) => (ConfigResource::Topic, topic.to_string()),
                (None, Some(broker)) => (ConfigResource::Broker, broker.to_string()),
                (None, None) => return Err(missing("topic")),
            };
            DriverOperation::Admin(AdminCommand::AlterConfigs {
                resource,
                name,
                set: properties("set"),
                delete: Vec::new(),
            })
        }
        "elect" => {
            let unclean = command
                .get("unclean")
                .and_then(Value::as_bool)
                .unwrap_or(false);
            let partitions = match text("topic") {
                None => None,
                Some(topic) => {
                    let number = partition().ok_or_else(|| missing("partition"))?;
                    Some(vec![TopicPartition::new(topic, number)])
                }
            };
            let election_type = if unclean {
                ElectionType::Unclean
            } else {
                ElectionType::Preferred
            };
            DriverOperation::Admin(AdminCommand::ElectLeaders {
                election_type,
                partitions,
            })
        }
        "delete_records" => DriverOperation::Admin(AdminCommand::DeleteRecords {
            partition: TopicPartition::new(
                topic()?,
                partition().ok_or_else(|| missing("partition"))?,
            ),
            before: number("before").ok_or_else(|| missing("before"))?,
        }),
        "produce" if command.get("together") == Some(&Value::Bool(true)) => {
            return Err(Unbuildable(
                "producing several records together is not modelled yet".to_string(),
            ));
        }
        "produce" if has_headers(command) => {
            return Err(Unbuildable(
                "producing records with headers is not modelled yet".to_string(),
            ));
        }
        "produce" => DriverOperation::Produce {
            topic: topic()?,
            partition: partition(),
            producer: text("producer").unwrap_or("default").to_string(),
            properties: properties("props"),
            records: command
                .get("records")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|record| DriverRecord {
                    key: record
                        .get("key")
                        .and_then(Value::as_str)
                        .map(str::to_string),
                    value: record
                        .get("value")
                        .and_then(Value::as_str)
                        .map(str::to_string),
                    timestamp_ms: record.get("timestamp").and_then(Value::as_i64),
                })
                .collect(),
        },
        "read" => DriverOperation::Read {
            partition: TopicPartition::new(
                topic()?,
                partition().ok_or_else(|| missing("partition"))?,
            ),
            from: match command.get("from") {
                Some(Value::String(_)) => ReadFrom::Beginning,
                from => match from.and_then(Value::as_i64).unwrap_or(0) {
                    offset @ 0.. => ReadFrom::Offset(offset),
                    offset => return Err(Unbuildable(format!("no consumer seeks to {offset}"))),
                },
            },
            ms: command.get("ms").and_then(Value::as_u64).unwrap_or(1500),
            properties: properties("props"),
        },
        other => {
            return Err(Unbuildable(format!(
                "the operation `{other}` is not modelled yet"
            )));
        }
    })
}

fn has_headers(command: &Value) -> bool {
    let mut records = command
        .get("records")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    records.any(|record| record.get("headers").is_some())
}

fn assignment(value: Option<&Value>) -> Vec<Vec<i32>> {
    let lists = value.and_then(Value::as_array).into_iter().flatten();
    lists
        .map(|replicas| {
            let ids = replicas.as_array().into_iter().flatten();
            ids.filter_map(|id| id.as_i64().and_then(|id| i32::try_from(id).ok()))
                .collect()
        })
        .collect()
}

fn strings(value: Option<&Value>) -> Properties {
    let fields = value.and_then(Value::as_object).into_iter().flatten();
    fields
        .map(|(key, value)| {
            (
                key.clone(),
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_string),
            )
        })
        .collect()
}

/// An offset, or the name of the exception that answered.
pub fn offset(answer: &OffsetAnswer) -> Value {
    match answer {
        OffsetAnswer::Offset(offset) => json!(offset),
        OffsetAnswer::Failed { exception } => Value::from(&**exception),
    }
}

/// A result as the recorder wrote it.
pub fn result_in_recorded_shape(result: &DriverResult) -> Value {
    match result {
        DriverResult::Admin(AdminOutcome::Done) => json!({}),
        DriverResult::Admin(AdminOutcome::Deleted { low_watermark }) => {
            json!({ "low_watermark": low_watermark })
        }
        DriverResult::Admin(AdminOutcome::Elected(partitions)) => {
            let elected: Map<String, Value> = partitions
                .iter()
                .map(|(partition, exception)| {
                    (
                        partition.to_string(),
                        Value::from(exception.as_deref().unwrap_or("ok")),
                    )
                })
                .collect();
            json!({ "elected": elected })
        }
        DriverResult::Admin(AdminOutcome::Failed { exception, .. })
        | DriverResult::Failed { exception } => {
            json!({ "error": &**exception })
        }
        DriverResult::Produced(records) => records
            .iter()
            .map(|record| match record {
                Produced::Stored { partition, offset } => {
                    json!({ "partition": partition, "offset": offset })
                }
                Produced::Failed { exception } => json!({ "error": &**exception }),
            })
            .collect(),
        DriverResult::Read {
            records,
            position,
            exception,
        } => {
            let records: Vec<Value> = records
                .iter()
                .map(|record| {
                    json!({
                        "offset": record.offset, "key": record.key, "value": record.value,
                        "leader_epoch": record.leader_epoch
                    })
                })
                .collect();
            let mut shown = Map::new();
            shown.insert("records".to_string(), Value::from(records));
            if let Some(position) = position {
                shown.insert("position".to_string(), json!(position));
            }
            if let Some(exception) = exception {
                shown.insert("error".to_string(), Value::from(&**exception));
            }
            Value::Object(shown)
        }
        DriverResult::Described(_) | DriverResult::Offsets(_) | DriverResult::Cluster { .. } => {
            Value::Null
        }
    }
}
