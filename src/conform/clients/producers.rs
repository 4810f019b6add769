//! What recorded producers asked and were answered, and what the logs hold that they wrote, in one form for both sides.
//!
//! Compared: of each producer its InitProducerId and Produce requests with all their fields, in their order; of a
//! partition each batch with its numbers, and each record with its value. Not compared: whom it asked for its id, which
//! is drawn, times, checksums, and the recorder's own producer, which filled the topics.

use crate::log::batch::RecordBatch;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The requests of these producers, in the shape in which differences are told.
pub(super) fn asked(requests: &[Value], producers: &BTreeSet<&str>) -> Value {
    let mut of: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for request in requests {
        let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        let (client, api) = (text("client"), text("api"));
        if !producers.contains(client) {
            continue;
        }
        let mut response = request.get("response").cloned().unwrap_or_default();
        if let Value::Object(fields) = &mut response {
            fields.remove("throttleTimeMs");
        }
        let mut shown = json!({"request": request.get("request"), "response": response});
        if api == "PRODUCE" {
            shown["to"] = json!(text("to"));
        }
        let all = of.entry(client).or_default();
        all.insert(format!("{:02} {api}", all.len() + 1), shown);
    }
    json!(of)
}

/// A batch's line of the dump tool, as far as it is compared.
const HEADER: [&str; 10] = [
    "baseOffset",
    "lastOffset",
    "count",
    "baseSequence",
    "lastSequence",
    "producerId",
    "producerEpoch",
    "partitionLeaderEpoch",
    "isTransactional",
    "size",
];

/// The dump tool's lines.
pub(super) fn recorded_log(lines: &[String]) -> Value {
    let mut shown = Map::new();
    for line in lines {
        let place = format!("line {}", shown.len() + 1);
        let words: Vec<&str> = line.split(' ').collect();
        let value = |name: &str| {
            let place = (words.iter()).position(|word| word.strip_suffix(':') == Some(name))?;
            serde_json::from_str::<Value>(words.get(place + 1)?).ok()
        };
        let line = match line.split_once(" payload: ") {
            Some((_, payload)) => json!({"offset": value("offset"), "sequence": value("sequence"),
                                         "value": payload}),
            None => {
                let fields = HEADER.map(|name| (name.to_owned(), json!(value(name))));
                Value::from(Map::from_iter(fields))
            }
        };
        shown.insert(place, line);
    }
    Value::from(shown)
}

/// The files of our leader's log.
pub(super) fn our_log(files: &[(String, Vec<Bytes>)]) -> Value {
    let mut lines: Vec<Value> = Vec::new();
    for (_, content) in files {
        let bytes = Bytes::from(content.concat());
        for batch in RecordBatch::parse_run(bytes).unwrap_or_default() {
            lines.push(json!({
                "baseOffset": batch.base_offset(), "lastOffset": batch.last_offset(),
                "count": batch.records_count(), "baseSequence": batch.base_sequence(),
                "lastSequence": batch.last_sequence(), "producerId": batch.producer_id(),
                "producerEpoch": batch.producer_epoch(),
                "partitionLeaderEpoch": batch.partition_leader_epoch(),
                "isTransactional": batch.is_transactional(), "size": batch.size(),
            }));
            let base = batch.base_sequence();
            for (place, record) in (0..).zip(batch.records().filter_map(Result::ok)) {
                let value = record.value.as_deref().map(String::from_utf8_lossy);
                let sequence = if base < 0 { -1 } else { base + place };
                lines.push(json!({"offset": record.offset, "sequence": sequence, "value": value}));
            }
        }
    }
    let numbered = (1..).zip(lines);
    let numbered = numbered.map(|(place, line)| (format!("line {place}"), line));
    Value::from(numbered.collect::<Map<_, _>>())
}
