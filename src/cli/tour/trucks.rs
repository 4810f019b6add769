//! The first picture: who sends what, and where it is stored. Same key, same partition.

use super::nothing_of;
use crate::cli::page::Page;
use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::{Fact, TopicPartition};
use crate::report::stored_batches;
use crate::run::{Report, run};
use crate::scenario::Diagnostic;
use serde_json::Value;
use std::collections::BTreeMap;

/// So many reports are listed, and of each partition so many are drawn.
const LISTED: usize = 6;
const DRAWN: usize = 5;

/// A report that was stored.
struct Stored {
    time: Time,
    sender: String,
    key: String,
    latitude: String,
    longitude: String,
    partition: TopicPartition,
    offset: i64,
}

pub(super) fn page(plan: &Plan) -> Result<Page, Diagnostic> {
    let report = run(plan, plan.seed)
        .map_err(|error| Diagnostic::about_file(plan.name.as_str(), error.to_string()))?;
    let stored = stored(&report);
    let Some(first) = stored.first() else {
        return Err(nothing_of("stored report"));
    };
    let mut page = Page::titled("1 of 6: three trucks say where they are");
    page.text(
        "Kafka stores records, messages that programs send. Here three trucks send one a second each. A broker, Kafka's server, \
         adds it to the end of a log, a partition, where it gets the next number, its offset. Such logs together are a topic; \
         trucks_gps has three. The key, here the truck, decides which one it is.",
    );
    page.gap();
    page.line("seconds  sender    key       latitude   longitude  stored in    offset");
    for it in stored.iter().take(LISTED) {
        page.line(format!(
            "{:>7}  {:<8}  {:<8}  {:<9}  {:<9}  partition {}  {:>6}",
            millis_of(it.time),
            it.sender,
            it.key,
            it.latitude,
            it.longitude,
            it.partition.partition,
            it.offset
        ));
    }
    page.gap();
    let mut logs: BTreeMap<&TopicPartition, Vec<&str>> = BTreeMap::new();
    for it in &stored {
        logs.entry(&it.partition).or_default().push(&it.key);
    }
    for (partition, keys) in logs {
        let drawn: Vec<String> = keys
            .iter()
            .take(DRAWN)
            .map(|key| format!("| {key} "))
            .collect();
        page.line(format!(
            "partition {}  {}| ...",
            partition.partition,
            drawn.concat()
        ));
    }
    page.gap();
    page.text(&format!(
        "Same key, same partition: all of {} is in one log, and is read in the order in which it was sent. Other keys may \
         share the log. Between partitions there is no order. Add partitions later, and most keys go to others; what is stored stays.",
        first.key
    ));
    Ok(page)
}

/// Seconds with two digits.
fn millis_of(time: Time) -> String {
    let hundredths = time.as_millis() / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// In the order in which they were acknowledged, as they lie on a broker's disk.
fn stored(report: &Report) -> Vec<Stored> {
    let view = report.view();
    let broker = view.running_brokers().first().copied();
    let mut stored = Vec::new();
    for entry in &report.trace {
        let Fact::Acked {
            partition, offset, ..
        } = &entry.fact
        else {
            continue;
        };
        let batches =
            broker.map(|broker| stored_batches(&view, broker, partition, (*offset, *offset)));
        let records = batches.iter().flatten().flat_map(|batch| batch.records());
        let found = records
            .map_while(Result::ok)
            .find(|record| record.offset == *offset);
        let Some(record) = found else {
            continue;
        };
        let object: Value =
            serde_json::from_slice(&record.value.unwrap_or_default()).unwrap_or_default();
        stored.push(Stored {
            time: entry.time,
            sender: entry.node.to_string(),
            key: String::from_utf8_lossy(&record.key.unwrap_or_default()).into_owned(),
            latitude: number(&object, "latitude"),
            longitude: number(&object, "longitude"),
            partition: partition.clone(),
            offset: *offset,
        });
    }
    stored
}

fn number(object: &Value, field: &str) -> String {
    object.get(field).map(Value::to_string).unwrap_or_default()
}
