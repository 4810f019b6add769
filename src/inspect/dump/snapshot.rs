//! Producers of a snapshot (DL7, D19; class ProducerStateManager).

use super::{Dump, File, Unreadable, optional_long};
use crate::log::parse_snapshot;
use serde_json::json;

impl Dump<'_> {
    /// A corrupt snapshot is no reason to stop for Kafka's tool.
    pub(super) fn snapshot(&mut self, file: &File) -> Result<(), Unreadable> {
        let content = self.io.read(&file.path)?;
        let producers = match parse_snapshot(&content) {
            Ok(producers) => producers,
            Err(problem) if self.json() => return Err(Unreadable(problem)),
            Err(problem) => {
                let line = format!("{}: {problem}", file.path);
                self.io.complain(&line);
                return Ok(());
            }
        };
        for (producer_id, entry) in producers {
            let batch = entry.batches.first();
            // The number before 0 is 2147483647.
            let first_sequence = batch.map(|batch| {
                let first = i64::from(batch.last_sequence) - i64::from(batch.offset_delta);
                first & i64::from(i32::MAX)
            });
            if self.json() {
                self.print_object(&json!({
                    "file": file.path, "producerId": producer_id,
                    "producerEpoch": entry.producer_epoch,
                    "coordinatorEpoch": entry.coordinator_epoch,
                    "currentTxnFirstOffset": entry.current_txn_first_offset,
                    "lastTimestamp": entry.last_timestamp,
                    "firstSequence": first_sequence,
                    "lastSequence": batch.map(|batch| batch.last_sequence),
                    "lastOffset": batch.map(|batch| batch.last_offset),
                    "offsetDelta": batch.map(|batch| batch.offset_delta),
                    "timestamp": batch.map(|batch| batch.timestamp),
                }));
                continue;
            }
            self.print(&format!(
                "producerId: {producer_id} producerEpoch: {} coordinatorEpoch: {} \
                 currentTxnFirstOffset: {} lastTimestamp: {} ",
                entry.producer_epoch,
                entry.coordinator_epoch,
                optional_long(entry.current_txn_first_offset),
                entry.last_timestamp,
            ));
            if let Some((batch, first_sequence)) = batch.zip(first_sequence) {
                self.print(&format!(
                    "firstSequence: {first_sequence} lastSequence: {} lastOffset: {} offsetDelta: {} \
                     timestamp: {}",
                    batch.last_sequence, batch.last_offset, batch.offset_delta, batch.timestamp,
                ));
            }
            self.print("\n");
        }
        Ok(())
    }
}
