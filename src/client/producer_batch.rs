//! Records of one partition that are sent, and answered, together (class ProducerBatch; CP16, CP20, CP21, CP31).
//!
//! Knows no other batch and no broker.

use crate::client::delivery::Sends;
use crate::client::record_accumulator::CompressionRatio;
use crate::client::transaction_manager::ProducerState;
use crate::kernel::{Duration, Time};
use crate::log::batch::{
    BatchBuilder, CompressionType, HEADER_SIZE, Headers, Record, RecordBatch, Records, add_sequence,
};
use crate::protocol::TopicPartition;
use bytes::Bytes;

/// What of a record goes into a batch.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: Headers,
}

impl Content {
    /// What a batch of this record alone takes at most (`estimateSizeInBytesUpperBound`).
    pub(super) fn size_upper_bound(&self) -> u64 {
        BatchBuilder::size_upper_bound(self.key.as_deref(), self.value.as_deref(), &self.headers)
    }
}

impl From<Record> for Content {
    fn from(record: Record) -> Content {
        Content {
            timestamp_ms: record.timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
        }
    }
}

/// What requests that no connection has taken hold of a buffer: it lies there in place of what was to be sent (CB3).
#[derive(Clone, Default, Debug)]
pub(super) struct Unwritten(pub(super) Vec<Records>);

#[derive(Debug)]
pub(super) struct ProducerBatch {
    /// Its own number: batches that are made later have higher ones.
    pub(super) id: u64,
    pub(super) partition: TopicPartition,
    /// Its records, in order, by what `send` answered.
    pub(super) sends: Sends,
    pub(super) created: Time,
    /// Attempts that failed.
    pub(super) attempts: u32,
    last_attempt: Time,
    /// What it has from the buffer pool; nothing if it was split off.
    pub(super) buffer: u64,
    /// What else lies in that.
    pub(super) unwritten: Unwritten,
    /// Its estimated size may not grow above this.
    write_limit: u64,
    /// By which its size is guessed until it is packed.
    ratio: CompressionRatio,
    compression: CompressionType,
    bytes: BatchBytes,
    /// With idempotence, once it was sent.
    producer: Option<ProducerState>,
    /// Its sequence numbers were changed since it was last sent (`sequenceHasBeenReset`).
    rewritten: bool,
    /// Once it is closed.
    pub(super) packed: Option<Packed>,
    leader_epoch: Option<i32>,
    attempts_when_leader_changed: Option<u32>,
}

#[derive(Debug)]
enum BatchBytes {
    /// It takes records as long as there is room.
    Open(BatchBuilder),
    /// It takes no more.
    Full(BatchBuilder),
    /// As it is sent.
    Closed(Records),
}

/// What packing a batch made of its records, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl ProducerBatch {
    /// An empty batch. `write_limit` is what was allocated for it.
    pub(super) fn new(
        id: u64,
        partition: TopicPartition,
        created: Time,
        write_limit: u64,
        compression: CompressionType,
        ratio: CompressionRatio,
    ) -> ProducerBatch {
        ProducerBatch {
            id,
            partition,
            sends: Sends::new(),
            created,
            attempts: 0,
            last_attempt: created,
            buffer: 0,
            unwritten: Unwritten::default(),
            write_limit,
            ratio,
            compression,
            bytes: BatchBytes::Open(
                BatchBuilder::new()
                    .compression(compression)
                    .expecting(write_limit),
            ),
            producer: None,
            rewritten: false,
            packed: None,
            leader_epoch: None,
            attempts_when_leader_changed: None,
        }
    }

    /// CP16: the first record always has room.
    pub(super) fn try_append(&mut self, send: u64, record: &Content) -> bool {
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        if !self.sends.is_empty() {
            let BatchBytes::Open(builder) = &self.bytes else {
                return false;
            };
            let size = self.estimated_size();
            let more = builder.size_of_next(record.timestamp_ms, key, value, &record.headers);
            if self.write_limit <= size || self.write_limit < size + more {
                return false;
            }
        }
        let BatchBytes::Open(builder) = &mut self.bytes else {
            return false;
        };
        builder.append_with(record.timestamp_ms, key, value, &record.headers);
        if self.sends.len() == 1 {
            // Where there is a second there are mostly many.
            self.sends.reserve(63);
        }
        self.sends.push(send);
        true
    }

    /// `closeForRecordAppends`: it had no room for a record, and is not asked again.
    pub(super) fn close_for_record_appends(&mut self) {
        if let BatchBytes::Open(builder) = &mut self.bytes {
            self.bytes = BatchBytes::Full(std::mem::take(builder));
        }
    }

    pub(super) fn is_full(&self) -> bool {
        match self.bytes {
            BatchBytes::Open(_) => {
                !self.sends.is_empty() && self.write_limit <= self.estimated_size()
            }
            BatchBytes::Full(_) | BatchBytes::Closed(_) => true,
        }
    }

    /// Exact without compression, and once it is closed.
    pub(super) fn estimated_size(&self) -> u64 {
        match &self.bytes {
            BatchBytes::Open(builder) | BatchBytes::Full(builder) => match self.compression {
                CompressionType::None => builder.size(),
                _ => HEADER + self.ratio.of(builder.size() - HEADER),
            },
            BatchBytes::Closed(records) => records.size_in_bytes(),
        }
    }

    /// Packs it, unless that is done already; says what came of it.
    pub(super) fn close(&mut self) -> Option<Packed> {
        self.rewritten = false;
        let (BatchBytes::Open(builder) | BatchBytes::Full(builder)) = &mut self.bytes else {
            return None;
        };
        let mut builder = std::mem::take(builder);
        let from = builder.size() - HEADER;
        if let Some(ProducerState {
            producer,
            base_sequence,
        }) = self.producer
        {
            builder = builder.producer(producer.id, producer.epoch, base_sequence);
        }
        let records = Records::from(builder.build());
        let to = records.size_in_bytes() - HEADER;
        self.bytes = BatchBytes::Closed(records);
        self.packed = Some(Packed { from, to });
        self.packed
    }

    /// As they are sent; none before it is closed.
    pub(super) fn records(&self) -> Records {
        match &self.bytes {
            BatchBytes::Closed(records) => records.clone(),
            BatchBytes::Open(_) | BatchBytes::Full(_) => Records::empty(),
        }
    }

    /// CB3: what its buffer held for others has changed with what it has written so far; each of that as it was, and as it
    /// is. A batch's header is written when it is closed.
    pub(super) fn overwrite(&mut self) -> Vec<(Records, Records)> {
        if self.unwritten.0.is_empty() {
            return Vec::new();
        }
        let (from, written) = match &self.bytes {
            BatchBytes::Closed(records) => (0, bytes_of(records)),
            BatchBytes::Open(builder) | BatchBytes::Full(builder) => {
                let bytes = match self.compression {
                    CompressionType::None => builder.clone().build().to_bytes(),
                    // It is packed when it is closed.
                    _ => Bytes::new(),
                };
                (HEADER_SIZE, bytes.slice(HEADER_SIZE.min(bytes.len())..))
            }
        };
        let overwritten = |old: &mut Records| {
            let before = old.clone();
            *old = overwritten(old, from, &written);
            (before, old.clone())
        };
        self.unwritten.0.iter_mut().map(overwritten).collect()
    }

    pub(super) fn records_count(&self) -> i32 {
        self.sends.len() as i32
    }

    pub(super) fn producer_state(&self) -> Option<ProducerState> {
        self.producer
    }

    /// Before it is closed.
    pub(super) fn set_producer_state(&mut self, state: ProducerState) {
        self.producer = Some(state);
    }

    /// CP42: in what is packed already.
    pub(super) fn rewrite_producer_state(&mut self, state: ProducerState) {
        self.producer = Some(state);
        self.rewritten = true;
        if let BatchBytes::Closed(records) = &mut self.bytes {
            let ProducerState {
                producer,
                base_sequence,
            } = state;
            let batches = records.batches().iter();
            let rewritten =
                batches.map(|it| it.with_producer(producer.id, producer.epoch, base_sequence));
            *records = Records::from(rewritten.collect::<Vec<_>>());
        }
    }

    pub(super) fn has_been_rewritten(&self) -> bool {
        self.rewritten
    }

    pub(super) fn waited(&self, now: Time) -> Duration {
        now.since(self.last_attempt)
    }

    /// CP33.
    pub(super) fn has_reached(&self, delivery_timeout: Duration, now: Time) -> bool {
        self.created + delivery_timeout <= now
    }

    /// `reenqueued`
    pub(super) fn begin_retry(&mut self, now: Time) {
        self.attempts += 1;
        self.last_attempt = self.last_attempt.max(now);
    }

    /// `maybeUpdateLeaderEpoch`
    pub(super) fn saw_leader_epoch(&mut self, leader_epoch: i32) {
        if self.leader_epoch.is_none_or(|known| known < leader_epoch) {
            self.leader_epoch = Some(leader_epoch);
            self.attempts_when_leader_changed = Some(self.attempts);
        }
    }

    /// CP21: a retry waits, but not once its partition has got a new leader (KAFKA-15415).
    pub(super) fn has_leader_changed_for_the_ongoing_retry(&self) -> bool {
        self.attempts > 0 && self.attempts_when_leader_changed == Some(self.attempts)
    }

    /// CP31: the same records in batches of at most `batch_size` bytes, as far as one record fits into
    /// that. They are as old as this one, have its sequence numbers, and were not tried yet.
    pub(super) fn split(
        &self,
        batch_size: u64,
        ratio: CompressionRatio,
        mut next_id: impl FnMut() -> u64,
    ) -> Vec<ProducerBatch> {
        let mut batches: Vec<ProducerBatch> = Vec::new();
        let records = self.records();
        // What this process has packed, it can read.
        for (record, send) in records.records().flatten().zip(&self.sends) {
            let content = Content::from(record);
            if let Some(last) = batches.last_mut() {
                if last.try_append(*send, &content) {
                    continue;
                }
                last.close_for_record_appends();
            }
            let limit = batch_size.max(content.size_upper_bound());
            let mut batch = ProducerBatch::new(
                next_id(),
                self.partition.clone(),
                self.created,
                limit,
                self.compression,
                ratio,
            );
            batch.try_append(*send, &content);
            batches.push(batch);
        }
        let kept: usize = batches.iter().map(|batch| batch.sends.len()).sum();
        assert_eq!(kept, self.sends.len(), "a split loses no record");
        if let Some(last) = batches.last_mut() {
            last.close_for_record_appends();
        }
        if let Some(mut state) = self.producer {
            for batch in &mut batches {
                batch.set_producer_state(state);
                state.base_sequence = add_sequence(state.base_sequence, batch.records_count());
            }
        }
        batches
    }
}

const HEADER: u64 = HEADER_SIZE as u64;
/// Base offset and length of a batch.
const LOG_OVERHEAD: usize = 12;

fn bytes_of(records: &Records) -> Bytes {
    let batches = records.batches().iter();
    batches.flat_map(|batch| batch.to_bytes()).collect()
}

/// `old`, after `written` was written over it. Where it would say another length than the request has room for, its
/// reader finds no batch; here it finds one whose checksum is wrong.
fn overwritten(old: &Records, from: usize, written: &[u8]) -> Records {
    let before = bytes_of(old);
    let mut mixed = before.to_vec();
    let end = mixed.len().min(from + written.len());
    if from < end {
        mixed[from..end].copy_from_slice(&written[..end - from]);
    }
    let parsed = RecordBatch::parse_unchecked(Bytes::from(mixed.clone()));
    let parsed = parsed.or_else(|_| {
        mixed[..LOG_OVERHEAD].copy_from_slice(&before[..LOG_OVERHEAD]);
        RecordBatch::parse_unchecked(Bytes::from(mixed))
    });
    parsed.map_or_else(|_| old.clone(), Records::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(write_limit: u64, records: u64) -> ProducerBatch {
        let mut batch = ProducerBatch::new(
            0,
            TopicPartition::new("t", 0),
            Time(7),
            write_limit,
            CompressionType::None,
            CompressionRatio::INITIAL,
        );
        for send in 0..records {
            let content = Content {
                timestamp_ms: 1_000 + send as i64,
                key: Some(format!("key-{send}").into()),
                value: (send % 3 != 0).then(|| vec![b'v'; 100].into()),
                headers: [(&b"h"[..], None)].into_iter().collect(),
            };
            assert!(batch.try_append(send, &content));
        }
        batch
    }

    fn contents(batches: &[ProducerBatch]) -> Vec<(i64, Option<Bytes>, Option<Bytes>, Headers)> {
        let records = batches.iter().map(ProducerBatch::records);
        let records: Vec<Record> = records
            .flat_map(|of_one| of_one.records().map(Result::unwrap).collect::<Vec<_>>())
            .collect();
        let content = |r: Record| (r.timestamp, r.key, r.value, r.headers);
        records.into_iter().map(content).collect()
    }

    #[test]
    fn cp31_a_split_keeps_every_record_and_the_age_of_all() {
        let mut large = batch(10_000, 30);
        large.close();
        let before = contents(std::slice::from_ref(&large));
        let mut parts = large.split(500, CompressionRatio::INITIAL, || 1);
        assert!(parts.len() > 4);
        for part in &mut parts {
            assert!(part.is_full() && part.estimated_size() <= 500);
            assert_eq!((part.created, part.attempts, part.buffer), (Time(7), 0, 0));
            part.close();
        }
        assert_eq!(contents(&parts), before);
        let sends: Vec<u64> = parts.iter().flat_map(|part| part.sends.clone()).collect();
        assert_eq!(sends, large.sends[..]);
    }

    #[test]
    fn cb3_who_writes_into_a_buffer_writes_over_what_was_there() {
        let mut expired = batch(1_000, 2);
        expired.close();
        let held = expired.records();
        let mut next = batch(1_000, 0);
        next.unwritten.0.push(held.clone());
        assert!(next.overwrite()[0].1 == held, "nothing is written yet");
        let content = |record: Result<Record, _>| Content::from(record.unwrap());
        for (send, record) in held.records().enumerate() {
            let other = Content {
                key: Some(format!("kez-{send}").into()),
                ..content(record)
            };
            assert!(next.try_append(send as u64, &other));
        }
        let [(_, open)] = &next.overwrite()[..] else {
            panic!("one request holds it");
        };
        assert!(
            !open.batches()[0].is_valid(),
            "records under another's header"
        );
        next.close();
        let changed = next.overwrite();
        assert!(changed[0].0.is(open));
        assert!(changed[0].1 == next.records() && changed[0].1.batches()[0].is_valid());
        // One of another size leaves its reader nothing that can be read.
        let mut longer = batch(1_000, 5);
        longer.close();
        longer.unwritten.0.push(held.clone());
        let [(_, mixed)] = &longer.overwrite()[..] else {
            panic!("one request holds it");
        };
        assert_eq!(mixed.size_in_bytes(), held.size_in_bytes());
        assert!(!mixed.batches()[0].is_valid());
    }

    #[test]
    fn cp16_a_batch_is_full_once_its_estimate_reaches_the_limit() {
        let mut one = batch(100, 0);
        assert!(!one.is_full(), "it has no record");
        let content = Content {
            timestamp_ms: 0,
            key: None,
            value: Some(vec![b'v'; 32].into()),
            headers: Headers::default(),
        };
        assert!(one.try_append(0, &content));
        assert_eq!((one.estimated_size(), one.is_full()), (100, true));
        assert!(!one.try_append(1, &content));
    }

    #[test]
    fn cp21_a_new_leader_ends_the_back_off_of_the_ongoing_retry_only() {
        let mut batch = batch(1_000, 1);
        batch.saw_leader_epoch(3);
        assert!(
            !batch.has_leader_changed_for_the_ongoing_retry(),
            "no retry"
        );
        batch.begin_retry(Time(8));
        batch.saw_leader_epoch(3);
        assert!(!batch.has_leader_changed_for_the_ongoing_retry());
        batch.saw_leader_epoch(4);
        assert!(batch.has_leader_changed_for_the_ongoing_retry());
        batch.begin_retry(Time(9));
        assert!(
            !batch.has_leader_changed_for_the_ongoing_retry(),
            "the next"
        );
        batch.saw_leader_epoch(2);
        assert!(
            !batch.has_leader_changed_for_the_ongoing_retry(),
            "an older one"
        );
    }
}
