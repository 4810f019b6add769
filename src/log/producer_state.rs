//! What a log knows of one idempotent or transactional producer, and what its next batch does to that
//! (classes ProducerStateEntry, ProducerAppendInfo; D1 to D4, D11).

use crate::log::batch::{RecordBatch, add_sequence};
use crate::log::{AppendOrigin, LogError};
use std::ops::Deref;

/// How many of a producer's latest batches are remembered to answer duplicates.
const BATCHES_TO_RETAIN: usize = 5;

/// One remembered batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BatchMetadata {
    pub last_sequence: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
}

impl BatchMetadata {
    pub fn first_sequence(&self) -> i32 {
        add_sequence(self.last_sequence, -self.offset_delta)
    }

    pub fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}

/// A producer's latest batches, oldest first. They stand where they are: each append makes such a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LatestBatches {
    batches: [BatchMetadata; BATCHES_TO_RETAIN],
    count: usize,
}

impl LatestBatches {
    fn push(&mut self, batch: BatchMetadata) {
        if self.count == BATCHES_TO_RETAIN {
            self.batches.copy_within(1.., 0);
            self.count -= 1;
        }
        self.batches[self.count] = batch;
        self.count += 1;
    }
}

impl From<BatchMetadata> for LatestBatches {
    fn from(batch: BatchMetadata) -> LatestBatches {
        let mut batches = LatestBatches::default();
        batches.push(batch);
        batches
    }
}

impl Deref for LatestBatches {
    type Target = [BatchMetadata];

    fn deref(&self) -> &[BatchMetadata] {
        &self.batches[..self.count]
    }
}

/// One producer's state in one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerStateEntry {
    /// -1 while nothing is known.
    pub producer_epoch: i16,
    /// -1 before the first transaction marker.
    pub coordinator_epoch: i32,
    pub last_timestamp: i64,
    /// Where the open transaction began.
    pub current_txn_first_offset: Option<i64>,
    pub batches: LatestBatches,
}

impl ProducerStateEntry {
    fn empty() -> ProducerStateEntry {
        ProducerStateEntry {
            producer_epoch: -1,
            coordinator_epoch: -1,
            last_timestamp: -1,
            current_txn_first_offset: None,
            batches: LatestBatches::default(),
        }
    }

    /// -1 if no batch is remembered.
    pub fn last_sequence(&self) -> i32 {
        self.batches.last().map_or(-1, |batch| batch.last_sequence)
    }

    /// D2: the remembered batch with the same epoch and sequences.
    pub(crate) fn find_duplicate(&self, batch: &RecordBatch) -> Option<BatchMetadata> {
        let same = |known: &&BatchMetadata| {
            known.first_sequence() == batch.base_sequence()
                && known.last_sequence == batch.last_sequence()
        };
        if batch.producer_epoch() == self.producer_epoch {
            self.batches.iter().find(same).copied()
        } else {
            None
        }
    }

    fn set_epoch(&mut self, epoch: i16) {
        if self.producer_epoch != epoch {
            self.batches = LatestBatches::default();
            self.producer_epoch = epoch;
        }
    }

    /// Takes over what an append came to.
    pub(crate) fn update(&mut self, next: ProducerStateEntry) {
        self.set_epoch(next.producer_epoch);
        for batch in next.batches.iter() {
            self.batches.push(*batch);
        }
        self.coordinator_epoch = next.coordinator_epoch;
        self.current_txn_first_offset = next.current_txn_first_offset;
        self.last_timestamp = next.last_timestamp;
    }
}

/// A transaction whose marker has been appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompletedTxn {
    pub producer_id: i64,
    pub first_offset: i64,
    /// The marker's.
    pub last_offset: i64,
    pub is_aborted: bool,
}

/// What an append would make of a producer's state; taken over once the batches are written.
#[derive(Clone, Debug)]
pub(crate) struct ProducerAppendInfo {
    pub(crate) producer_id: i64,
    /// The epoch and the last sequence number that are known.
    current: Option<(i16, i32)>,
    pub(crate) updated: ProducerStateEntry,
    origin: AppendOrigin,
    /// First offsets of transactions that these batches begin.
    pub(crate) started: Vec<i64>,
}

impl ProducerAppendInfo {
    pub(crate) fn new(
        producer_id: i64,
        current: Option<&ProducerStateEntry>,
        origin: AppendOrigin,
    ) -> Self {
        let updated =
            current.map_or_else(ProducerStateEntry::empty, |current| ProducerStateEntry {
                batches: LatestBatches::default(),
                ..*current
            });
        ProducerAppendInfo {
            producer_id,
            current: current.map(|it| (it.producer_epoch, it.last_sequence())),
            updated,
            origin,
            started: Vec::new(),
        }
    }

    /// Checks one batch against what came before, and takes it in.
    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<Option<CompletedTxn>, LogError> {
        if batch.is_control() {
            return self.append_marker(batch);
        }
        let first_offset = batch.base_offset();
        self.check_epoch(batch.producer_epoch())?;
        if self.origin == AppendOrigin::Client {
            self.check_sequence(batch.producer_epoch(), batch.base_sequence(), first_offset)?;
        }
        self.updated.set_epoch(batch.producer_epoch());
        self.updated.batches.push(BatchMetadata {
            last_sequence: batch.last_sequence(),
            last_offset: batch.last_offset(),
            offset_delta: batch.last_offset_delta(),
            timestamp: batch.max_timestamp(),
        });
        self.updated.last_timestamp = batch.max_timestamp();
        match (
            self.updated.current_txn_first_offset,
            batch.is_transactional(),
        ) {
            (Some(_), false) => Err(LogError::InvalidTxnState {
                producer_id: self.producer_id,
                offset: first_offset,
            }),
            (None, true) => {
                self.updated.current_txn_first_offset = Some(first_offset);
                self.started.push(first_offset);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn append_marker(&mut self, batch: &RecordBatch) -> Result<Option<CompletedTxn>, LogError> {
        let Some(record) = batch.records().next() else {
            return Ok(None);
        };
        let record = record?;
        let Some((is_aborted, coordinator_epoch)) =
            parse_marker(record.key.as_deref(), record.value.as_deref())
        else {
            return Err(LogError::InvalidRecord(format!(
                "the control record at offset {} is no transaction marker",
                record.offset
            )));
        };
        self.check_epoch(batch.producer_epoch())?;
        let known = self.updated.coordinator_epoch;
        if known > coordinator_epoch && self.origin != AppendOrigin::Replication {
            return Err(LogError::CoordinatorFenced {
                producer_id: self.producer_id,
                known,
                found: coordinator_epoch,
            });
        }
        let completed = self
            .updated
            .current_txn_first_offset
            .take()
            .map(|first_offset| CompletedTxn {
                producer_id: self.producer_id,
                first_offset,
                last_offset: batch.base_offset(),
                is_aborted,
            });
        self.updated.set_epoch(batch.producer_epoch());
        self.updated.coordinator_epoch = coordinator_epoch;
        self.updated.last_timestamp = record.timestamp;
        Ok(completed)
    }

    /// D3, D4: a replicated batch is believed.
    fn check_epoch(&self, epoch: i16) -> Result<(), LogError> {
        let known = self.updated.producer_epoch;
        if epoch < known && self.origin != AppendOrigin::Replication {
            return Err(LogError::InvalidProducerEpoch {
                producer_id: self.producer_id,
                known,
                found: epoch,
            });
        }
        Ok(())
    }

    /// D3, CP51.
    fn check_sequence(&self, epoch: i16, first: i32, offset: i64) -> Result<(), LogError> {
        let refuse = |expected| {
            Err(LogError::OutOfOrderSequence {
                producer_id: self.producer_id,
                offset,
                expected,
                found: first,
            })
        };
        if epoch != self.updated.producer_epoch {
            let known = self.updated.producer_epoch != -1;
            return if first != 0 && known {
                refuse(0)
            } else {
                Ok(())
            };
        }
        let (current_epoch, current_last) = self.current.unwrap_or((-1, -1));
        let last = match self.updated.batches.is_empty() {
            false => self.updated.last_sequence(),
            true if current_epoch == epoch => current_last,
            true => -1,
        };
        let next = add_sequence(last, 1);
        if current_epoch == -1 || first == next {
            Ok(())
        } else {
            refuse(next)
        }
    }
}

/// Whether the transaction was aborted, and the coordinator's epoch (12 A: the control record).
fn parse_marker(key: Option<&[u8]>, value: Option<&[u8]>) -> Option<(bool, i32)> {
    let &[_, _, high, low] = key?.first_chunk::<4>()?;
    let is_aborted = match i16::from_be_bytes([high, low]) {
        0 => true,
        1 => false,
        _ => return None,
    };
    let [_, _, epoch @ ..] = value?.first_chunk::<6>()?;
    Some((is_aborted, i32::from_be_bytes(*epoch)))
}
