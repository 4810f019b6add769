//! What an answer brings of one partition, taken apart (class CompletedFetch; CC13, CC18).

use super::membership::Buffered;
use super::{ConsumerRecord, KafkaConsumer, Polled};
use crate::client::subscription_state::{FetchPosition, LogBounds, State};
use crate::log::batch::{CorruptBatch, RecordBatch};
use crate::protocol::{AbortedTransaction, FetchPartitionResponse, NO_PRODUCER_ID, TopicPartition};
use std::collections::{BTreeSet, VecDeque};

impl KafkaConsumer {
    /// Hands records from the position on to the application, up to the first batch that is not what
    /// its CRC says, or the first record that cannot be read.
    pub(super) fn take_records(
        &mut self,
        partition: &TopicPartition,
        mut position: FetchPosition,
        answer: &FetchPartitionResponse,
    ) {
        let batches = answer.records.batches();
        let bounds = LogBounds {
            log_start_offset: answer.log_start_offset,
            high_watermark: answer.high_watermark,
            last_stable_offset: answer.last_stable_offset,
        };
        let asked = position.offset;
        let mut aborted = Aborted::of(answer, self.config.read_committed);
        for batch in batches {
            let is_sound = !self.config.check_crcs || batch.is_valid();
            if is_sound && aborted.leaves_out(batch) {
                position.offset = position.offset.max(batch.next_offset());
                position.offset_epoch = batch.partition_leader_epoch();
                continue;
            }
            if !is_sound || self.take_batch(partition, &mut position, batch).is_err() {
                if self.group.is_none() {
                    self.subscriptions.set(partition, State::Fetching(position));
                }
                self.stuck = true;
                self.throw(partition, "KafkaException");
                return;
            }
        }
        // Behind the last batch, also where the records before it lie higher: only damage makes them fall.
        if let Some(last) = batches.last() {
            position.offset = asked.max(last.next_offset());
            position.offset_epoch = last.partition_leader_epoch();
        }
        assert!(asked <= position.offset, "{partition}: reading went back");
        match &mut self.group {
            Some(group) if position.offset > asked => {
                group.buffer.push_back(Buffered {
                    partition: partition.clone(),
                    at: asked,
                    bounds: Some(bounds),
                    records: std::mem::take(&mut self.taken),
                    end: position,
                });
            }
            Some(_) => self.subscriptions.saw_bounds(partition, bounds),
            None => {
                self.subscriptions.saw_bounds(partition, bounds);
                self.subscriptions.set(partition, State::Fetching(position));
            }
        }
    }

    fn take_batch(
        &mut self,
        partition: &TopicPartition,
        position: &mut FetchPosition,
        batch: &RecordBatch,
    ) -> Result<(), CorruptBatch> {
        let leader_epoch = batch.partition_leader_epoch();
        let is_data = !batch.is_control();
        for record in batch.records() {
            let record = record?;
            if is_data && record.offset >= position.offset {
                position.offset = record.offset.saturating_add(1);
                position.offset_epoch = leader_epoch;
                let record = ConsumerRecord {
                    partition: partition.clone(),
                    offset: record.offset,
                    leader_epoch,
                    timestamp_ms: record.timestamp,
                    key: record.key,
                    value: record.value,
                    headers: record.headers,
                };
                match self.group {
                    Some(_) => self.taken.push_back(record),
                    None => self.polled.push_back(Polled::Record(record)),
                }
            }
        }
        Ok(())
    }
}

/// Transactions of an answer that came to nothing.
struct Aborted {
    /// That begin further on, in the order of their first offsets.
    ahead: VecDeque<AbortedTransaction>,
    /// Whose batches are left out.
    producers: BTreeSet<i64>,
    reads_committed: bool,
}

impl Aborted {
    fn of(answer: &FetchPartitionResponse, reads_committed: bool) -> Aborted {
        let told = answer.aborted_transactions.iter().flatten().copied();
        let mut ahead: Vec<AbortedTransaction> = told.collect();
        ahead.sort_by_key(|it| it.first_offset);
        Aborted {
            ahead: ahead.into(),
            producers: BTreeSet::new(),
            reads_committed,
        }
    }

    /// CC18: a batch of a transaction that was aborted. Its marker ends it.
    fn leaves_out(&mut self, batch: &RecordBatch) -> bool {
        if !self.reads_committed || batch.producer_id() == NO_PRODUCER_ID {
            return false;
        }
        let begins = |it: &mut AbortedTransaction| it.first_offset <= batch.last_offset();
        while let Some(begun) = self.ahead.pop_front_if(begins) {
            self.producers.insert(begun.producer_id);
        }
        let producer = batch.producer_id();
        match is_abort_marker(batch) {
            true => {
                self.producers.remove(&producer);
                false
            }
            false => batch.is_transactional() && self.producers.contains(&producer),
        }
    }
}

fn is_abort_marker(batch: &RecordBatch) -> bool {
    let first = batch.records().next().filter(|_| batch.is_control());
    let key = first.and_then(Result::ok).and_then(|record| record.key);
    key.is_some_and(|key| matches!(key[..], [_, _, 0, 0, ..]))
}
