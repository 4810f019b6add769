//! A partition of cardboard: its batches, and what their numbers say of those to come.

use kafka_trial::log::batch::RecordBatch;
use kafka_trial::protocol::{BrokerId, EpochEndOffset, ErrorCode};
use std::cmp::Ordering;

#[derive(Default)]
pub(super) struct Partition {
    pub(super) leader: BrokerId,
    pub(super) leader_epoch: i32,
    pub(super) batches: Vec<RecordBatch>,
}

impl Partition {
    pub(super) fn end(&self) -> i64 {
        self.batches.last().map_or(0, RecordBatch::next_offset)
    }

    pub(super) fn epoch_end(&self, epoch: i32) -> EpochEndOffset {
        let of_epoch = |b: &&RecordBatch| b.partition_leader_epoch() <= epoch;
        let last = self.batches.iter().rev().find(of_epoch);
        last.map_or(
            EpochEndOffset {
                epoch: -1,
                end_offset: -1,
            },
            |batch| EpochEndOffset {
                epoch: batch.partition_leader_epoch(),
                end_offset: batch.next_offset(),
            },
        )
    }

    /// The offset of a batch that is there already, or why it is refused. Five batches are remembered.
    pub(super) fn check_sequence(&self, batch: &RecordBatch) -> Result<Option<i64>, ErrorCode> {
        let id = batch.producer_id();
        let mut of_producer = self
            .batches
            .iter()
            .rev()
            .filter(|it| it.producer_id() == id);
        let last = match of_producer.clone().next() {
            Some(last) if id >= 0 => last,
            _ => return Ok(None),
        };
        let (epoch, base) = (batch.producer_epoch(), batch.base_sequence());
        let known = of_producer.by_ref().take(5);
        let same = |it: &&RecordBatch| {
            it.producer_epoch() == epoch
                && (it.base_sequence(), it.last_sequence()) == (base, batch.last_sequence())
        };
        if let Some(duplicate) = known.into_iter().find(same) {
            return Ok(Some(duplicate.base_offset()));
        }
        let expected = match epoch.cmp(&last.producer_epoch()) {
            Ordering::Less => return Err(ErrorCode::InvalidProducerEpoch),
            Ordering::Equal => last.last_sequence() + 1,
            Ordering::Greater => 0,
        };
        if base == expected {
            Ok(None)
        } else {
            Err(ErrorCode::OutOfOrderSequenceNumber)
        }
    }
}
