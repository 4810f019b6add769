//! What makes a producer idempotent: its identity, and a sequence number for each record of a partition (class
//! TransactionManager as far as there are no transactions; CP27, CP36 to CP43).
//!
//! Knows batches by their numbers. May not know what of a batch without an answer is stored: where it cannot find
//! that out it begins anew, with the next epoch of its identity.

use crate::client::producer_batch::ProducerBatch;
use crate::kernel::{Duration, Time};
use crate::log::batch::add_sequence;
use crate::protocol::{
    EpochBumpReason, ErrorCode, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, TopicPartition,
};
use std::collections::BTreeMap;

/// A producer's name among brokers, and which life of it is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ProducerIdAndEpoch {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

impl ProducerIdAndEpoch {
    const NONE: ProducerIdAndEpoch = ProducerIdAndEpoch {
        id: NO_PRODUCER_ID,
        epoch: NO_PRODUCER_EPOCH,
    };
}

/// What a batch says of its producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ProducerState {
    pub(super) producer: ProducerIdAndEpoch,
    pub(super) base_sequence: i32,
}

/// The identity as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Identity {
    /// To be asked for, no sooner than this.
    Missing {
        not_before: Time,
    },
    /// It has been asked for.
    Asked,
    Known,
    /// There will be none: whatever the producer is handed fails with this exception.
    Lost(&'static str),
}

/// A new epoch.
#[derive(Debug)]
pub(super) struct EpochBump {
    pub(super) producer: ProducerIdAndEpoch,
    /// For whose sake, and why.
    pub(super) partitions: BTreeMap<TopicPartition, EpochBumpReason>,
    pub(super) rewrites: Vec<Rewrite>,
}

/// A batch that gets another epoch and other sequence numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rewrite {
    pub(super) partition: TopicPartition,
    pub(super) batch: u64,
    pub(super) state: ProducerState,
}

#[derive(Debug)]
pub(super) struct TransactionManager {
    retry_backoff: Duration,
    identity: Identity,
    producer: ProducerIdAndEpoch,
    partitions: BTreeMap<TopicPartition, PartitionEntry>,
    /// CP41: with the sequence number that follows the batch of which nobody knows.
    unresolved: BTreeMap<TopicPartition, i32>,
    /// Partitions for which a new epoch is wanted (`partitionsToRewriteSequences`), and why it was first.
    wants_epoch: BTreeMap<TopicPartition, EpochBumpReason>,
}

#[derive(Debug)]
struct PartitionEntry {
    producer: ProducerIdAndEpoch,
    next_sequence: i32,
    last_acked_sequence: Option<i32>,
    /// By sequence number: sent and not done with, on the way or back in the queue.
    in_flight: Vec<InFlight>,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    base_sequence: i32,
    batch: u64,
    records: i32,
}

impl TransactionManager {
    pub(super) fn new(retry_backoff: Duration) -> TransactionManager {
        TransactionManager {
            retry_backoff,
            identity: Identity::Missing {
                not_before: Time::ZERO,
            },
            producer: ProducerIdAndEpoch::NONE,
            partitions: BTreeMap::new(),
            unresolved: BTreeMap::new(),
            wants_epoch: BTreeMap::new(),
        }
    }

    // ---- the identity

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn asked(&mut self) {
        self.identity = Identity::Asked;
    }

    pub(super) fn got(&mut self, producer: ProducerIdAndEpoch) {
        self.identity = Identity::Known;
        self.producer = producer;
    }

    /// CP27: asked again after `retry.backoff.ms`.
    pub(super) fn got_nothing(&mut self, now: Time) {
        self.identity = Identity::Missing {
            not_before: now + self.retry_backoff,
        };
    }

    /// CP27: no try would help.
    pub(super) fn lose(&mut self, exception: &'static str) {
        self.identity = Identity::Lost(exception);
    }

    /// CP42: the next epoch, if one is wanted, and the partitions for whose sake it is; what of these is in flight
    /// begins at 0 again. After the last epoch there is a new identity.
    pub(super) fn bump_epoch_if_wanted(&mut self) -> Option<EpochBump> {
        if self.wants_epoch.is_empty() || self.identity != Identity::Known {
            return None;
        }
        let partitions = std::mem::take(&mut self.wants_epoch);
        let Some(epoch) = self.producer.epoch.checked_add(1) else {
            self.producer = ProducerIdAndEpoch::NONE;
            self.identity = Identity::Missing {
                not_before: Time::ZERO,
            };
            self.wants_epoch = partitions;
            return None;
        };
        self.producer.epoch = epoch;
        let mut rewrites = Vec::new();
        for partition in partitions.keys() {
            self.unresolved.remove(partition);
            let (producer, mut sequence) = (self.producer, 0);
            if let Some(entry) = self.entry(partition) {
                for one in &mut entry.in_flight {
                    one.base_sequence = sequence;
                    let base_sequence = sequence;
                    rewrites.push(Rewrite {
                        partition: partition.clone(),
                        batch: one.batch,
                        state: ProducerState {
                            producer,
                            base_sequence,
                        },
                    });
                    sequence = add_sequence(sequence, one.records);
                }
                entry.begin_at(producer, sequence);
            }
        }
        Some(EpochBump {
            producer: self.producer,
            partitions,
            rewrites,
        })
    }

    fn entry(&mut self, partition: &TopicPartition) -> Option<&mut PartitionEntry> {
        self.partitions.get_mut(partition)
    }

    fn entry_or_new(&mut self, partition: &TopicPartition) -> &mut PartitionEntry {
        let entry = self.partitions.entry(partition.clone());
        entry.or_insert_with(PartitionEntry::new)
    }

    // ---- batches that are sent

    /// CP36: the batch that stands first in its queue may not be sent now.
    pub(super) fn keeps_back(&self, first: &ProducerBatch) -> bool {
        if self.identity != Identity::Known {
            return true;
        }
        let entry = self.partitions.get(&first.partition);
        let first_in_flight = entry.and_then(|entry| entry.in_flight.first());
        match first.producer_state() {
            // It is tried again: those before it go first.
            Some(state) => {
                first_in_flight.is_some_and(|it| it.base_sequence != state.base_sequence)
            }
            None => {
                let is_stale = entry.is_some_and(|entry| entry.producer != self.producer);
                (first_in_flight.is_some() && is_stale)
                    || self.unresolved.contains_key(&first.partition)
            }
        }
    }

    /// CP37: gives a batch its place, at its first time.
    pub(super) fn number(&mut self, batch: &mut ProducerBatch) {
        if batch.producer_state().is_some() {
            return;
        }
        let producer = self.producer;
        let entry = self.entry_or_new(&batch.partition);
        if entry.producer != producer {
            assert!(entry.in_flight.is_empty(), "two epochs of a partition");
            entry.begin_at(producer, 0);
        }
        let base_sequence = entry.next_sequence;
        entry.next_sequence = add_sequence(base_sequence, batch.records_count());
        batch.set_producer_state(ProducerState {
            producer,
            base_sequence,
        });
        self.add_in_flight(batch);
    }

    /// `retry_sequence=new`: a retry gets the next place, as if it had none.
    pub(super) fn number_again(&mut self, batch: &mut ProducerBatch) {
        self.remove_in_flight(batch);
        let (producer, records) = (self.producer, batch.records_count());
        let entry = self.entry_or_new(&batch.partition);
        let base_sequence = entry.next_sequence;
        entry.next_sequence = add_sequence(base_sequence, records);
        batch.rewrite_producer_state(ProducerState {
            producer,
            base_sequence,
        });
        self.add_in_flight(batch);
    }

    /// Also what was split off a batch, which has its sequence numbers from that.
    pub(super) fn add_in_flight(&mut self, batch: &ProducerBatch) {
        let Some(state) = batch.producer_state() else {
            return;
        };
        let added = InFlight {
            base_sequence: state.base_sequence,
            batch: batch.id,
            records: batch.records_count(),
        };
        let in_flight = &mut self.entry_or_new(&batch.partition).in_flight;
        let place = in_flight.partition_point(|it| it.base_sequence < added.base_sequence);
        in_flight.insert(place, added);
    }

    pub(super) fn remove_in_flight(&mut self, batch: &ProducerBatch) {
        if let Some(entry) = self.entry(&batch.partition) {
            entry.in_flight.retain(|it| it.batch != batch.id);
        }
    }

    // ---- what became of them

    /// So many records from this sequence number on are stored. Also of a batch that was given up.
    pub(super) fn completed(
        &mut self,
        partition: &TopicPartition,
        base_sequence: i32,
        records: i32,
    ) {
        if let Some(entry) = self.entry(partition) {
            let last = add_sequence(base_sequence, records - 1);
            entry.last_acked_sequence = entry.last_acked_sequence.max(Some(last));
        }
    }

    /// CP38, CP39
    pub(super) fn can_retry(
        &mut self,
        batch: &ProducerBatch,
        error: ErrorCode,
        log_start_offset: i64,
    ) -> bool {
        let partition = &batch.partition;
        match error {
            ErrorCode::UnknownProducerId => {
                if log_start_offset != -1 && !batch.has_been_rewritten() {
                    self.want_epoch(partition, EpochBumpReason::Unknown);
                }
                true
            }
            ErrorCode::OutOfOrderSequenceNumber => {
                let unresolved = self.unresolved.get(partition).copied();
                let base = batch.producer_state().map(|state| state.base_sequence);
                let is_next = base.is_some_and(|base| self.is_next_sequence(partition, base));
                match unresolved {
                    // Else an earlier batch is missing, and will come.
                    None if is_next && !batch.has_been_rewritten() => {
                        self.want_epoch(partition, EpochBumpReason::AcknowledgedIsMissing);
                    }
                    Some(next) if base == Some(next) => {
                        self.want_epoch(partition, EpochBumpReason::ExpiredIsMissing);
                    }
                    _ => {}
                }
                true
            }
            error => error.is_retriable(),
        }
    }

    /// CP40: `certain`: a broker has said so, and no retry is left out for its sake.
    pub(super) fn failed(&mut self, batch: &ProducerBatch, error: ErrorCode, certain: bool) {
        self.remove_in_flight(batch);
        match error {
            _ if matches!(self.identity, Identity::Lost(_)) => {}
            ErrorCode::UnsupportedVersion | ErrorCode::ProducerFenced => {
                self.lose(error.exception());
            }
            ErrorCode::OutOfOrderSequenceNumber => {
                self.want_epoch(&batch.partition, EpochBumpReason::GivenUp { error });
            }
            ErrorCode::UnknownProducerId => {
                self.partitions.remove(&batch.partition);
                self.unresolved.remove(&batch.partition);
            }
            _ if certain => {
                self.want_epoch(&batch.partition, EpochBumpReason::GivenUp { error });
            }
            _ => {}
        }
    }

    /// CP41: a batch was given up that had been sent and may be stored. One that expires at its first time (CB11) is not
    /// told of here: 3.9.1 forgets it.
    pub(super) fn mark_unresolved(&mut self, batch: &ProducerBatch) {
        let Some(state) = batch.producer_state() else {
            return;
        };
        let next = add_sequence(state.base_sequence, batch.records_count());
        let known = self
            .unresolved
            .entry(batch.partition.clone())
            .or_insert(next);
        *known = (*known).max(next);
    }

    /// CP41: once nothing of a partition is in flight, either all is known, or an epoch is wanted.
    pub(super) fn maybe_resolve_sequences(&mut self) {
        if self.unresolved.is_empty() {
            return;
        }
        let resolved: Vec<TopicPartition> = self
            .unresolved
            .keys()
            .filter(|partition| {
                let entry = self.partitions.get(partition);
                entry.is_none_or(|entry| entry.in_flight.is_empty())
            })
            .cloned()
            .collect();
        for partition in resolved {
            self.unresolved.remove(&partition);
            let next = self.partitions.get(&partition);
            let next = next.map_or(0, |entry| entry.next_sequence);
            if !self.is_next_sequence(&partition, next) {
                let entry = self.partitions.get(&partition);
                let acked = entry.and_then(|entry| entry.last_acked_sequence);
                let reason = EpochBumpReason::Expired {
                    first: acked.map_or(0, |last| add_sequence(last, 1)),
                    last: next.checked_sub(1).unwrap_or(i32::MAX),
                };
                self.want_epoch(&partition, reason);
            }
        }
    }

    fn want_epoch(&mut self, partition: &TopicPartition, reason: EpochBumpReason) {
        let wanted = self.wants_epoch.entry(partition.clone());
        wanted.or_insert(reason);
    }

    fn is_next_sequence(&self, partition: &TopicPartition, sequence: i32) -> bool {
        let entry = self.partitions.get(partition);
        let last = entry.and_then(|entry| entry.last_acked_sequence);
        i64::from(sequence) - last.map_or(-1, i64::from) == 1
    }
}

impl PartitionEntry {
    fn new() -> PartitionEntry {
        PartitionEntry {
            producer: ProducerIdAndEpoch::NONE,
            next_sequence: 0,
            last_acked_sequence: None,
            in_flight: Vec::new(),
        }
    }

    /// `startSequencesAtBeginning`: what is in flight has the sequence numbers before this one.
    fn begin_at(&mut self, producer: ProducerIdAndEpoch, next_sequence: i32) {
        self.producer = producer;
        self.next_sequence = next_sequence;
        self.last_acked_sequence = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::producer_batch::Content;
    use crate::client::record_accumulator::CompressionRatio;
    use crate::log::batch::{CompressionType, Headers};

    fn manager(epoch: i16) -> TransactionManager {
        let mut manager = TransactionManager::new(Duration::from_millis(100));
        manager.got(ProducerIdAndEpoch { id: 7, epoch });
        manager
    }

    fn batch(id: u64, records: u64) -> ProducerBatch {
        let partition = TopicPartition::new("t", 0);
        let (codec, ratio) = (CompressionType::None, CompressionRatio::INITIAL);
        let mut batch = ProducerBatch::new(id, partition, Time::ZERO, 100_000, codec, ratio);
        for send in 0..records {
            let content = Content {
                timestamp_ms: 0,
                key: None,
                value: Some("v".into()),
                headers: Headers::default(),
            };
            assert!(batch.try_append(send, &content));
        }
        batch
    }

    fn sent(manager: &mut TransactionManager, id: u64, records: u64) -> ProducerBatch {
        let mut batch = batch(id, records);
        assert!(!manager.keeps_back(&batch));
        manager.number(&mut batch);
        batch.close();
        batch
    }

    fn base(batch: &ProducerBatch) -> i32 {
        batch.producer_state().unwrap().base_sequence
    }

    fn reason(bump: &EpochBump) -> EpochBumpReason {
        bump.partitions[&TopicPartition::new("t", 0)]
    }

    fn acknowledge(manager: &mut TransactionManager, batch: &ProducerBatch) {
        manager.completed(&batch.partition, base(batch), batch.records_count());
        manager.remove_in_flight(batch);
    }

    #[test]
    fn cp36_a_retry_goes_when_it_is_the_first_and_new_batches_when_nothing_is_unknown() {
        let mut manager = manager(0);
        let (one, two) = (sent(&mut manager, 1, 3), sent(&mut manager, 2, 1));
        assert_eq!((base(&one), base(&two)), (0, 3));
        assert!(
            manager.keeps_back(&two),
            "it is tried again before the first"
        );
        assert!(!manager.keeps_back(&one));
        acknowledge(&mut manager, &one);
        assert!(!manager.keeps_back(&two));
        manager.mark_unresolved(&two);
        assert!(
            manager.keeps_back(&batch(3, 1)),
            "nobody knows of the second"
        );
    }

    #[test]
    fn cp36_no_batch_of_a_new_epoch_goes_while_one_of_the_old_is_in_flight() {
        let mut manager = manager(0);
        let one = sent(&mut manager, 1, 1);
        manager.got(ProducerIdAndEpoch { id: 7, epoch: 1 });
        assert!(manager.keeps_back(&batch(2, 1)));
        acknowledge(&mut manager, &one);
        assert_eq!(base(&sent(&mut manager, 2, 1)), 0);
    }

    #[test]
    fn cp37_after_the_last_sequence_number_comes_0() {
        let mut manager = manager(0);
        let one = sent(&mut manager, 1, 1);
        manager.entry_or_new(&one.partition).next_sequence = i32::MAX - 1;
        assert_eq!(base(&sent(&mut manager, 2, 3)), i32::MAX - 1);
        assert_eq!(base(&sent(&mut manager, 3, 1)), 1);
    }

    /// One of two batches has expired after a retry. That the second is stored tells that the first is.
    #[test]
    fn cp41_a_later_acknowledgement_resolves_what_was_unknown() {
        for acknowledged in [true, false] {
            let mut manager = manager(0);
            let (one, two) = (sent(&mut manager, 1, 1), sent(&mut manager, 2, 1));
            manager.failed(&one, ErrorCode::RequestTimedOut, false);
            manager.mark_unresolved(&one);
            manager.maybe_resolve_sequences();
            assert!(manager.keeps_back(&batch(3, 1)), "the second is in flight");
            if acknowledged {
                acknowledge(&mut manager, &two);
            } else {
                manager.failed(&two, ErrorCode::RequestTimedOut, false);
            }
            manager.maybe_resolve_sequences();
            let bump = manager.bump_epoch_if_wanted();
            assert_eq!(bump.is_none(), acknowledged);
            if let Some(bump) = bump {
                let expired = EpochBumpReason::Expired { first: 0, last: 1 };
                assert_eq!(reason(&bump), expired);
            }
            assert!(!manager.keeps_back(&batch(3, 1)));
        }
    }

    /// Out of order is what follows the last acknowledged batch, or one that has expired; and the first reason stays.
    #[test]
    fn cp39_a_batch_that_no_retry_helps_says_what_is_missing_before_it() {
        let out_of_order = ErrorCode::OutOfOrderSequenceNumber;
        for (expires, missing) in [
            (false, EpochBumpReason::AcknowledgedIsMissing),
            (true, EpochBumpReason::ExpiredIsMissing),
        ] {
            let mut manager = manager(0);
            let (one, two) = (sent(&mut manager, 1, 1), sent(&mut manager, 2, 1));
            if expires {
                manager.failed(&one, ErrorCode::RequestTimedOut, false);
                manager.mark_unresolved(&one);
            } else {
                acknowledge(&mut manager, &one);
            }
            assert!(manager.can_retry(&two, out_of_order, -1));
            manager.failed(&two, ErrorCode::InvalidTimestamp, true);
            let bump = manager.bump_epoch_if_wanted().unwrap();
            assert_eq!(reason(&bump), missing);
        }
    }

    /// CB2: an error that may be tried again, at the end of the time, is a certain failure; what is behind the batch
    /// gets new numbers, though both may be stored.
    #[test]
    fn cp43_cb2_an_error_at_the_end_of_the_time_begins_a_new_epoch() {
        let mut manager = manager(0);
        let (one, mut two) = (sent(&mut manager, 1, 2), sent(&mut manager, 2, 3));
        manager.failed(&one, ErrorCode::NetworkException, true);
        let bump = manager.bump_epoch_if_wanted().unwrap();
        let state = ProducerState {
            producer: ProducerIdAndEpoch { id: 7, epoch: 1 },
            base_sequence: 0,
        };
        assert_eq!(bump.rewrites[0].state, state);
        two.rewrite_producer_state(state);
        let records = two.records();
        let rewritten = &records.batches()[0];
        assert!(rewritten.is_valid());
        assert_eq!(
            (rewritten.producer_epoch(), rewritten.base_sequence()),
            (1, 0)
        );
        assert_eq!(rewritten.last_sequence(), 2);
        assert_eq!(base(&sent(&mut manager, 3, 1)), 3);
    }

    #[test]
    fn cp42_after_the_last_epoch_a_new_identity_is_asked_for() {
        let mut manager = manager(i16::MAX);
        let one = sent(&mut manager, 1, 1);
        manager.failed(&one, ErrorCode::InvalidTimestamp, true);
        assert!(manager.bump_epoch_if_wanted().is_none());
        assert!(matches!(manager.identity(), Identity::Missing { .. }));
        manager.got(ProducerIdAndEpoch { id: 8, epoch: 0 });
        let bump = manager.bump_epoch_if_wanted().unwrap();
        assert_eq!((bump.producer.id, bump.producer.epoch), (8, 1));
    }
}
