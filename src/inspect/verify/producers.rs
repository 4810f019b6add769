//! Producer snapshots against the batches below them (RL8, RL18, D19).
//!
//! Follows the producers along the log by itself. What a snapshot cannot be held against is left out:
//! producers whose last batch lies before the log or was compacted away, what a batch loses with its records,
//! and producers that it does not name, unless it names one
//! that has been silent for longer (a broker forgets the silent ones first).

use super::compaction::Compaction;
use crate::log::ProducerStateEntry;
use crate::log::batch::RecordBatch;
use std::collections::BTreeMap;

/// What the batches so far say of each producer.
#[derive(Debug, Default)]
pub(super) struct Producers {
    by_id: BTreeMap<i64, Producer>,
}

/// What a snapshot writes down of a producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Producer {
    epoch: i16,
    coordinator_epoch: i32,
    last_sequence: i32,
    last_offset: i64,
    offset_delta: i32,
    timestamp: i64,
    open_transaction: Option<i64>,
}

impl Producers {
    pub(super) fn note(&mut self, batch: &RecordBatch) {
        if batch.producer_id() < 0 {
            return;
        }
        let epoch = batch.producer_epoch();
        let marker = batch.records().next().and_then(Result::ok);
        if batch.is_control() && marker.is_none() {
            return;
        }
        let known = self.by_id.entry(batch.producer_id()).or_insert(Producer {
            epoch,
            coordinator_epoch: -1,
            last_sequence: -1,
            last_offset: -1,
            offset_delta: 0,
            timestamp: -1,
            open_transaction: None,
        });
        if known.epoch != epoch {
            (known.epoch, known.last_sequence) = (epoch, -1);
            (known.last_offset, known.offset_delta) = (-1, 0);
        }
        match marker.filter(|_| batch.is_control()) {
            Some(marker) => {
                known.timestamp = marker.timestamp;
                known.open_transaction = None;
                // {i16 version 0, i32 coordinator epoch}
                let value = marker.value.as_deref().unwrap_or_default();
                if let Some([_, _, epoch @ ..]) = value.first_chunk::<6>() {
                    known.coordinator_epoch = i32::from_be_bytes(*epoch);
                }
            }
            None => {
                known.last_sequence = batch.last_sequence();
                known.last_offset = batch.last_offset();
                known.offset_delta = batch.last_offset_delta();
                known.timestamp = batch.max_timestamp();
                if batch.is_transactional() {
                    known.open_transaction.get_or_insert(batch.base_offset());
                }
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// What a snapshot taken here says otherwise, of a log that begins at `first`.
    pub(super) fn differ(
        &self,
        first: i64,
        compaction: &Compaction,
        snapshot: &[(i64, ProducerStateEntry)],
    ) -> Option<String> {
        let named: BTreeMap<i64, &ProducerStateEntry> =
            snapshot.iter().map(|(id, entry)| (*id, entry)).collect();
        for (id, entry) in &named {
            let last = entry.batches.last();
            let said = Producer {
                epoch: entry.producer_epoch,
                coordinator_epoch: entry.coordinator_epoch,
                last_sequence: entry.last_sequence(),
                last_offset: last.map_or(-1, |batch| batch.last_offset),
                offset_delta: last.map_or(0, |batch| batch.offset_delta),
                timestamp: entry.last_timestamp,
                open_transaction: entry.current_txn_first_offset,
            };
            let only_markers = said.last_offset < 0 && compaction.has_begun();
            if only_markers || compaction.removed(said.last_offset) {
                continue;
            }
            match self.by_id.get(id) {
                None if said.last_offset >= first => {
                    let offset = said.last_offset;
                    return Some(format!(
                        "it says that producer {id} wrote up to offset {offset}, no batch of it stands there"
                    ));
                }
                Some(known) => {
                    if let Some((what, said, found)) = known.differs(&said, first, compaction) {
                        return Some(format!(
                            "of producer {id} it says the {what} {said}, the batches say {found}"
                        ));
                    }
                }
                None => {}
            }
        }
        let oldest = named.values().map(|entry| entry.last_timestamp).min()?;
        let forgotten = |(id, known): &(&i64, &Producer)| {
            !named.contains_key(*id)
                && (known.timestamp > oldest || known.open_transaction.is_some())
        };
        let (id, known) = self.by_id.iter().find(forgotten)?;
        Some(format!(
            "it does not name producer {id}, whose last batch ends at offset {}",
            known.last_offset
        ))
    }
}

impl Producer {
    /// The first difference: what it is, what a snapshot says, what the batches say.
    fn differs(
        &self,
        said: &Producer,
        first: i64,
        compaction: &Compaction,
    ) -> Option<(&'static str, i64, i64)> {
        let offset = |open: Option<i64>| open.unwrap_or(-1);
        // With its records a batch loses timestamps; transactions and markers go on their own.
        let is_complete = !compaction.has_begun();
        // A transaction may have begun before the log, and so may the last marker.
        let open = offset(said.open_transaction) != offset(self.open_transaction)
            && said.open_transaction.is_none_or(|at| at >= first)
            && is_complete;
        let coordinator = self.coordinator_epoch >= 0
            && said.coordinator_epoch != self.coordinator_epoch
            && is_complete;
        let wide = |value: i32| i64::from(value);
        let written = self.last_offset >= 0;
        [
            ("epoch", i64::from(said.epoch), i64::from(self.epoch), true),
            ("last offset", said.last_offset, self.last_offset, written),
            (
                "last sequence",
                wide(said.last_sequence),
                wide(self.last_sequence),
                written,
            ),
            (
                "offset delta",
                wide(said.offset_delta),
                wide(self.offset_delta),
                written,
            ),
            ("timestamp", said.timestamp, self.timestamp, is_complete),
            (
                "coordinator epoch",
                wide(said.coordinator_epoch),
                wide(self.coordinator_epoch),
                coordinator,
            ),
            (
                "open transaction's first offset",
                offset(said.open_transaction),
                offset(self.open_transaction),
                open,
            ),
        ]
        .into_iter()
        .find(|(_, said, found, counts)| *counts && said != found)
        .map(|(what, said, found, _)| (what, said, found))
    }
}
