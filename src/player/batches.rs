//! The bytes of batches as leaders have appended them, taken apart. A follower appends the same bytes, so a replica's batch
//! is found by its place and its leader epoch.
//!
//! A page holds so many bytes of them; above that, those of internal topics go first, then of all others evenly.

use super::thinning::Thinning;
use super::words::Words;
use crate::figure::{COVERED, Dissected};
use crate::log::batch::{HEADER_SIZE, Place, RecordBatch};
use crate::node::Observed;
use crate::protocol::{BrokerId, Fact, TopicPartition, is_internal_topic};
use crate::trace::TraceEntry;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So many characters of data at most, about.
const MOST: usize = 2_500_000;
/// A longer batch is not there.
const LONGEST: usize = 16_384;

#[derive(Default)]
pub(super) struct Batches {
    /// The newest file of each leader's log, and how much of it has been looked at.
    known: BTreeMap<(BrokerId, TopicPartition), (String, u64)>,
    found: Vec<(TopicPartition, RecordBatch)>,
    too_long: u64,
}

impl Batches {
    pub(super) fn learn(&mut self, entry: &TraceEntry, view: &Observed<'_>) {
        let Fact::Appended {
            partition,
            base_offset,
            last_offset,
            as_leader: true,
            ..
        } = &entry.fact
        else {
            return;
        };
        let id = entry.node.strip_prefix("broker-");
        let Some(broker) = id.and_then(|id| id.parse().ok()) else {
            return;
        };
        // A log that was cut since begins anew, and what is known of it leads nowhere.
        let mut batches = self.newest(broker, partition, view);
        if !batches.iter().any(|it| it.base_offset() == *base_offset) {
            self.known.remove(&(broker, partition.clone()));
            batches = self.newest(broker, partition, view);
        }
        for batch in batches {
            if !(*base_offset..=*last_offset).contains(&batch.base_offset()) {
                continue;
            }
            match batch.size() > LONGEST as u64 {
                true => self.too_long += 1,
                false => self.found.push((partition.clone(), batch)),
            }
        }
    }

    /// What the newest file of a log holds that was not looked at yet.
    fn newest(
        &mut self,
        broker: BrokerId,
        partition: &TopicPartition,
        view: &Observed<'_>,
    ) -> Vec<RecordBatch> {
        let key = (broker, partition.clone());
        let known = self.known.get(&key);
        let from = |file: &str| known.filter(|it| it.0 == file).map_or(0, |it| it.1);
        let Some((file, bytes)) = view.newest_log(broker, partition, from) else {
            return Vec::new();
        };
        let end = from(&file) + bytes.iter().map(|piece| piece.len() as u64).sum::<u64>();
        self.known.insert(key, (file, end));
        RecordBatch::parse_run(joined(bytes)).unwrap_or_default()
    }

    pub(super) fn into_json(self, words: &mut Words) -> Value {
        let class = |partition: &TopicPartition| usize::from(!is_internal_topic(&partition.topic));
        let mut counts = BTreeMap::new();
        for (partition, _) in &self.found {
            *counts.entry(class(partition)).or_default() += 1;
        }
        let size: usize = self.found.iter().map(|(_, batch)| size(batch)).sum();
        let all = self.found.len() as u64;
        let most = match size > MOST {
            true => all * MOST as u64 / size as u64,
            false => all,
        };
        let mut thinning = Thinning::new(&counts, most);
        let mut fields = Fields::default();
        let mut list = Vec::new();
        for (partition, batch) in self.found {
            if thinning.keeps(class(&partition)) {
                list.push(fields.batch(&partition, batch, words));
            }
        }
        json!({
            "all": all + self.too_long,
            "covered": COVERED,
            "fields": fields.list,
            "list": list,
        })
    }
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() == 1 {
        return pieces.remove(0);
    }
    let mut bytes = BytesMut::new();
    for piece in pieces {
        bytes.extend_from_slice(&piece);
    }
    bytes.freeze()
}

/// About as many characters as it takes in the page.
fn size(batch: &RecordBatch) -> usize {
    let records = match batch.codec() {
        0 => batch.records_count().unsigned_abs() as usize,
        _ => 0,
    };
    let bytes = usize::try_from(batch.size()).unwrap_or(usize::MAX);
    // Bytes as two digits each, and what they say in words.
    (bytes.saturating_mul(3))
        .saturating_add(300)
        .saturating_add(records.saturating_mul(70))
}

/// Fields of all batches, each once: its name and what it is for.
#[derive(Default)]
struct Fields {
    numbers: BTreeMap<(&'static str, bool), usize>,
    list: Vec<Value>,
}

impl Fields {
    /// Where it lies, its bytes, what its attributes say, its fields, those of each record, and how much lies packed behind.
    fn batch(
        &mut self,
        partition: &TopicPartition,
        batch: RecordBatch,
        words: &mut Words,
    ) -> Value {
        let partition = words.number(&partition.to_string());
        let (first, last) = (batch.base_offset(), batch.last_offset());
        let epoch = batch.partition_leader_epoch();
        let hex = hex(&batch.to_bytes());
        let Some(it) = Dissected::of(batch) else {
            return json!([partition, first, last, epoch, hex]);
        };
        let bits = it.bits().map(|line| words.number(&line));
        let header = self.places(&it, &it.layout.header, words);
        let records = it.layout.records.iter();
        let records: Vec<Value> = records
            .map(|places| self.places(&it, places, words).into())
            .collect();
        let packed = it.layout.rest.len();
        json!([
            partition, first, last, epoch, hex, bits, header, records, packed
        ])
    }

    /// Field, length, what it says; and so on.
    fn places(&mut self, it: &Dissected, places: &[Place], words: &mut Words) -> Vec<Value> {
        let triple = |place: &Place| {
            let field = self.number(place);
            let says = words.number(&it.says(place));
            [field.into(), place.at.len().into(), says.into()]
        };
        places.iter().flat_map(triple).collect()
    }

    fn number(&mut self, place: &Place) -> usize {
        let list = &mut self.list;
        let of_header = place.at.start < HEADER_SIZE;
        let number = self.numbers.entry((place.name, of_header));
        *number.or_insert_with(|| {
            list.push(json!([place.name, Dissected::why(place)]));
            list.len() - 1
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|it| char::from(DIGITS[usize::from(it)]));
    bytes.iter().flat_map(digits).collect()
}
