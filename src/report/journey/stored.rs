//! A record as it lies in a broker's log on disk.

use crate::log::batch::RecordBatch;
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, TopicPartition, content_of};
use bytes::{Bytes, BytesMut};

#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) offset: i64,
    pub(super) content: u64,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: Vec<(String, Option<Bytes>)>,
    pub(super) batch: RecordBatch,
}

/// What a broker's log has at an offset.
pub(super) fn find_at(
    view: &dyn ClusterView,
    broker: BrokerId,
    partition: &TopicPartition,
    offset: i64,
) -> Option<Stored> {
    let found = read(view, broker, partition, (offset, offset)).into_iter();
    found.into_iter().find(|stored| stored.offset == offset)
}

/// Records with this content in a broker's log, among those of `offsets` (both included).
pub(super) fn find_content(
    view: &dyn ClusterView,
    broker: BrokerId,
    partition: &TopicPartition,
    offsets: (i64, i64),
    content: u64,
) -> Vec<Stored> {
    let mut found = read(view, broker, partition, offsets);
    found.retain(|stored| stored.content == content);
    found
}

fn read(
    view: &dyn ClusterView,
    broker: BrokerId,
    partition: &TopicPartition,
    (first, last): (i64, i64),
) -> Vec<Stored> {
    let mut found = Vec::new();
    for batch in batches(view, broker, partition, (first, last)) {
        for record in batch.records().map_while(Result::ok) {
            if !(first..=last).contains(&record.offset) {
                continue;
            }
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let headers = record.headers.iter();
            found.push(Stored {
                offset: record.offset,
                content: content_of(key, value),
                headers: headers
                    .map(|(name, value)| (String::from_utf8_lossy(&name).into_owned(), value))
                    .collect(),
                key: record.key,
                value: record.value,
                batch: batch.clone(),
            });
        }
    }
    found
}

/// Batches of records in a broker's log that reach into `offsets` (both included).
pub(crate) fn batches(
    view: &dyn ClusterView,
    broker: BrokerId,
    partition: &TopicPartition,
    (first, last): (i64, i64),
) -> Vec<RecordBatch> {
    let files = view.log_files(broker, partition);
    let base = |name: &str| -> i64 {
        let digits = name.strip_suffix(".log").unwrap_or_default();
        digits.parse().unwrap_or_default()
    };
    let mut found = Vec::new();
    for (place, (name, chunks)) in files.iter().enumerate() {
        let next = files
            .get(place + 1)
            .map_or(i64::MAX, |(name, _)| base(name));
        if base(name) > last || next <= first {
            continue;
        }
        let mut bytes = BytesMut::new();
        chunks
            .iter()
            .for_each(|chunk| bytes.extend_from_slice(chunk));
        // What lies behind damage nobody can read.
        let batches = RecordBatch::parse_run(bytes.freeze()).unwrap_or_default();
        found.extend(batches.into_iter().filter(|batch| {
            let reaches = first <= batch.last_offset() && batch.base_offset() <= last;
            reaches && !batch.is_control()
        }));
    }
    found
}
