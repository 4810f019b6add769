//! What is compared of a step, field by field, and how a difference is named.
//!
//! The rules are the recordings' README ("What to compare"): state, metadata, offsets without the
//! largest timestamp, results without messages, and every broker's leader-epoch files; less what the
//! step's `varies` excepts.

use serde_json::{Map, Value};

/// One field that differs.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Path into the step, e.g. `state.partitions.t-0.leader_epoch`.
    pub field: String,
    /// What real Kafka had; `None` where it had no such field.
    pub kafka: Option<Value>,
    pub ours: Option<Value>,
}

/// The part of a step that is compared, as a document of the same shape.
pub fn compared_part(step: &Value) -> Value {
    let mut part = Map::new();
    for field in ["state", "metadata"] {
        if let Some(value) = step.get(field) {
            part.insert(field.to_string(), value.clone());
        }
    }
    for field in ["result", "results"] {
        if let Some(value) = step.get(field) {
            part.insert(
                field.to_string(),
                without(value, &["message", "times", "asked"]),
            );
        }
    }
    if let Some(offsets) = step.get("offsets") {
        part.insert("offsets".to_string(), without(offsets, &["max_timestamp"]));
    }
    if let Some(files) = step.get("files").and_then(Value::as_object) {
        let mut epochs = Map::new();
        for (broker, files) in files {
            if let Some(leader_epochs) = files.get("leader_epochs") {
                epochs.insert(
                    broker.clone(),
                    Value::from_iter([("leader_epochs", leader_epochs.clone())]),
                );
            }
        }
        if !epochs.is_empty() {
            part.insert("files".to_string(), Value::Object(epochs));
        }
    }
    Value::Object(part)
}

/// Every difference between two compared parts, in the order of their paths.
pub fn differences(kafka: &Value, ours: &Value, varies: &[String]) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(String::new(), Some(kafka), Some(ours), varies, &mut found);
    found
}

fn walk(
    at: String,
    kafka: Option<&Value>,
    ours: Option<&Value>,
    varies: &[String],
    found: &mut Vec<Difference>,
) {
    if kafka == ours
        || varies
            .iter()
            .any(|path| at == *path || at.starts_with(&format!("{path}.")))
    {
        return;
    }
    if let (Some(Value::Object(a)), Some(Value::Object(b))) = (kafka, ours) {
        let mut keys: Vec<&String> = a
            .keys()
            .chain(b.keys().filter(|key| !a.contains_key(*key)))
            .collect();
        keys.sort();
        for key in keys {
            let at = if at.is_empty() {
                key.clone()
            } else {
                format!("{at}.{key}")
            };
            walk(at, a.get(key), b.get(key), varies, found);
        }
        return;
    }
    found.push(Difference {
        field: at,
        kafka: kafka.cloned(),
        ours: ours.cloned(),
    });
}

fn without(value: &Value, keys: &[&str]) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !keys.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), without(value, keys)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| without(item, keys)).collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_is_named_by_its_path() {
        let kafka = json!({"state": {"partitions": {"t-0": {"leader": 1, "leader_epoch": 2}}, "controller": 3}});
        let ours = json!({"state": {"partitions": {"t-0": {"leader": 1, "leader_epoch": 1}}, "controller": 2}});
        let all = differences(&kafka, &ours, &[]);
        assert_eq!(
            all.iter().map(|d| d.field.as_str()).collect::<Vec<_>>(),
            ["state.controller", "state.partitions.t-0.leader_epoch"]
        );
        let varied = differences(&kafka, &ours, &["state.controller".to_string()]);
        assert_eq!(varied.len(), 1);
        assert_eq!(varied[0].kafka, Some(json!(2)));
    }

    #[test]
    fn messages_timestamps_and_other_files_are_left_out() {
        let step = json!({
            "do": "produce", "lasted": 1.0,
            "results": [{"error": "TimeoutException", "message": "Expiring 1 record(s)"}],
            "offsets": {"t": {"0": {"latest": 1, "max_timestamp": 0}}},
            "files": {"1": {"replication-offset-checkpoint": ["t 0 1"], "leader_epochs": {"t-0": ["0 0"]}}}
        });
        assert_eq!(
            compared_part(&step),
            json!({
                "results": [{"error": "TimeoutException"}],
                "offsets": {"t": {"0": {"latest": 1}}},
                "files": {"1": {"leader_epochs": {"t-0": ["0 0"]}}}
            })
        );
    }

    #[test]
    fn a_field_that_one_side_lacks_is_a_difference() {
        let kafka = json!({"offsets": {"t": {"0": {"latest": 1}}}});
        let all = differences(&kafka, &json!({}), &[]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].ours, None);
    }
}
