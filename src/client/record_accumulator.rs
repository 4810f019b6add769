//! Records that wait to be sent, in batches, a queue of them for each partition (class RecordAccumulator; CP15 to
//! CP25, CP31, CP33).
//!
//! Knows no connection. What it gives out belongs to the sender until that puts it back or lets go of it.

mod buffer_pool;
mod compression_ratio;
mod ready;

pub(super) use compression_ratio::CompressionRatio;

use crate::client::cluster::TopicPartitions;
use crate::client::partitioner::BuiltInPartitioner;
use crate::client::producer_batch::{Content, ProducerBatch, Unwritten};
use crate::client::transaction_manager::TransactionManager;
use crate::kernel::{Duration, Time};
use crate::log::batch::{CompressionType, Records};
use crate::protocol::config::ProducerConfig;
use crate::protocol::{BrokerId, Ctx, TopicName, TopicPartition};
use buffer_pool::BufferPool;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Debug)]
pub(super) struct RecordAccumulator {
    settings: Settings,
    topics: BTreeMap<TopicName, TopicInfo>,
    pool: BufferPool,
    next_batch: u64,
    /// Batches in queues.
    queued: usize,
    /// CP25: partitions whose next batch waits for the answer to the one before.
    muted: BTreeSet<TopicPartition>,
    /// CP23: where the next request to a broker begins to look.
    drain_index: BTreeMap<BrokerId, usize>,
    latencies: BTreeMap<BrokerId, NodeLatency>,
    /// No queued batch expires before this.
    next_expiry: Time,
    closed: bool,
    flushing: bool,
    /// CB3: some buffer was given back that a request holds which nothing was written of.
    any_unwritten: bool,
    /// What that has done to such requests since it was last asked for.
    overwritten: Vec<(Records, Records)>,
}

#[derive(Debug)]
struct Settings {
    batch_size: u64,
    compression: CompressionType,
    linger: Duration,
    delivery_timeout: Duration,
    max_request_size: u64,
    /// First and longest.
    retry_backoff_ms: (u64, u64),
    adaptive: bool,
    availability_timeout: Duration,
}

#[derive(Debug)]
struct TopicInfo {
    batches: BTreeMap<i32, VecDeque<ProducerBatch>>,
    built_in: BuiltInPartitioner,
    ratio: CompressionRatio,
}

/// CP13: since when batches could have gone to a broker, and when some last did (class NodeLatencyStats).
#[derive(Clone, Copy, Debug)]
struct NodeLatency {
    ready: Time,
    drained: Time,
}

/// A record on its way into a batch.
pub(super) struct Append<'a> {
    pub(super) send: u64,
    pub(super) topic: &'a TopicName,
    /// `None`: the built-in partitioner decides.
    pub(super) partition: Option<i32>,
    pub(super) content: &'a Content,
    /// Who is asked before a batch is begun (`abortOnNewBatch`).
    pub(super) tells_of_new_batch: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Appended {
    /// `wakes`: the sender has something to do (CP1).
    Into { partition: i32, wakes: bool },
    /// It would begin a batch of this partition.
    NewBatch,
    /// There is no memory for a batch of this partition.
    NoMemory { partition: i32 },
}

impl RecordAccumulator {
    pub(super) fn new(config: &ProducerConfig) -> RecordAccumulator {
        // CP9: as if 0 were 1.
        let batch_size = config.batch_size.max(1);
        RecordAccumulator {
            settings: Settings {
                batch_size,
                compression: config.compression_type,
                linger: Duration::from_millis(config.linger_ms),
                delivery_timeout: Duration::from_millis(config.delivery_timeout_ms),
                max_request_size: config.max_request_size,
                retry_backoff_ms: (
                    config.common.retry_backoff_ms,
                    config.common.retry_backoff_max_ms,
                ),
                adaptive: config.adaptive_partitioning && config.partitioner.is_built_in(),
                availability_timeout: Duration::from_millis(
                    config.partitioner_availability_timeout_ms,
                ),
            },
            topics: BTreeMap::new(),
            pool: BufferPool::new(config.buffer_memory, batch_size),
            next_batch: 0,
            queued: 0,
            muted: BTreeSet::new(),
            drain_index: BTreeMap::new(),
            latencies: BTreeMap::new(),
            next_expiry: Time::MAX,
            closed: false,
            flushing: false,
            any_unwritten: false,
            overwritten: Vec::new(),
        }
    }

    /// CP15 to CP19: puts a record into its partition's last batch, or begins another.
    pub(super) fn append(
        &mut self,
        ctx: &mut Ctx<'_>,
        partitions: &TopicPartitions,
        append: Append<'_>,
    ) -> Appended {
        let info = self.topics.entry(TopicName::clone(append.topic));
        let info = info.or_insert_with(|| TopicInfo::new(self.settings.batch_size));
        let partition = match append.partition {
            Some(chosen) => chosen,
            None => info.sticky_partition(ctx, partitions),
        };
        let built_in = append.partition.is_none();
        if let Some((bytes, wakes)) = info.try_append(partition, &append) {
            info.produced(ctx, partitions, partition, bytes, built_in);
            if self.any_unwritten
                && let Some(batch) = info
                    .batches
                    .get_mut(&partition)
                    .and_then(VecDeque::back_mut)
            {
                self.overwritten.extend(batch.overwrite());
            }
            return Appended::Into { partition, wakes };
        }
        if append.tells_of_new_batch {
            return Appended::NewBatch;
        }
        let size = append.content.size_upper_bound();
        let size = size.max(self.settings.batch_size);
        let Some(unwritten) = self.pool.allocate(size) else {
            return Appended::NoMemory { partition };
        };
        let created = ctx.wall();
        let mut batch = ProducerBatch::new(
            self.next_batch,
            TopicPartition::new(TopicName::clone(append.topic), partition),
            created,
            size,
            self.settings.compression,
            info.ratio,
        );
        self.next_batch += 1;
        self.queued += 1;
        self.next_expiry = (self.next_expiry).min(created + self.settings.delivery_timeout);
        (batch.buffer, batch.unwritten) = (size, unwritten);
        let fits = batch.try_append(append.send, append.content);
        assert!(fits, "the first record of a batch always fits");
        self.overwritten.extend(batch.overwrite());
        let bytes = batch.estimated_size();
        info.batches.entry(partition).or_default().push_back(batch);
        info.produced(ctx, partitions, partition, bytes, built_in);
        Appended::Into {
            partition,
            wakes: true,
        }
    }

    /// True if a batch of this size can never be had.
    pub(super) fn is_beyond_memory(&self, content: &Content) -> bool {
        content.size_upper_bound().max(self.settings.batch_size) > self.pool.total()
    }

    /// A caller waits for memory no longer.
    pub(super) fn stop_waiting(&mut self) {
        self.pool.leave();
    }

    /// Nothing waits here. What is in flight is not here.
    pub(super) fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// Nothing lingers any more (CP20, CP45).
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// CP44: while somebody waits for all that there is, nothing lingers.
    pub(super) fn set_flushing(&mut self, flushing: bool) {
        self.flushing = flushing;
    }

    /// All batches that wait, whatever for.
    pub(super) fn take_all(&mut self) -> Vec<ProducerBatch> {
        self.queued = 0;
        let topics = self.topics.values_mut();
        let queues = topics.flat_map(|it| it.batches.values_mut());
        queues.flat_map(|queue| queue.drain(..)).collect()
    }

    /// CP29, CX9: to be sent again.
    pub(super) fn reenqueue(&mut self, mut batch: ProducerBatch, now: Time) {
        batch.begin_retry(now);
        self.put_back(batch);
    }

    /// CP31: a batch that is too large for its broker goes on as several.
    pub(super) fn split_and_reenqueue(
        &mut self,
        batch: ProducerBatch,
        transactions: Option<&mut TransactionManager>,
    ) {
        let next_batch = &mut self.next_batch;
        let mut ratio = CompressionRatio::INITIAL;
        if let (Some(info), Some(packed)) =
            (self.topics.get_mut(&batch.partition.topic), batch.packed)
        {
            info.ratio.reset(packed);
            ratio = info.ratio;
        }
        let parts = batch.split(self.settings.batch_size, ratio, || {
            *next_batch += 1;
            *next_batch - 1
        });
        self.let_go(&batch);
        if let Some(transactions) = transactions {
            transactions.remove_in_flight(&batch);
            parts
                .iter()
                .for_each(|part| transactions.add_in_flight(part));
        }
        for part in parts.into_iter().rev() {
            self.put_back(part);
        }
    }

    /// To the front of its queue; if it has sequence numbers, behind those that have lower ones.
    fn put_back(&mut self, batch: ProducerBatch) {
        self.queued += 1;
        self.next_expiry = (self.next_expiry).min(batch.created + self.settings.delivery_timeout);
        let info = self.topics.entry(TopicName::clone(&batch.partition.topic));
        let info = info.or_insert_with(|| TopicInfo::new(self.settings.batch_size));
        let queue = info.batches.entry(batch.partition.partition).or_default();
        let place = batch.producer_state().map_or(0, |own| {
            let precedes = |other: &ProducerBatch| {
                let state = other.producer_state();
                state.is_some_and(|it| it.base_sequence < own.base_sequence)
            };
            queue.iter().take_while(|other| precedes(other)).count()
        });
        queue.insert(place, batch);
    }

    /// The batch of this number, if it is in a queue.
    pub(super) fn find(
        &mut self,
        partition: &TopicPartition,
        id: u64,
    ) -> Option<&mut ProducerBatch> {
        let info = self.topics.get_mut(&partition.topic)?;
        let queue = info.batches.get_mut(&partition.partition)?;
        queue.iter_mut().find(|batch| batch.id == id)
    }

    /// A batch is done with: its memory is free.
    pub(super) fn let_go(&mut self, batch: &ProducerBatch) {
        if batch.buffer > 0 {
            self.any_unwritten |= !batch.unwritten.0.is_empty();
            self.pool.deallocate(batch.buffer, batch.unwritten.clone());
        }
    }

    /// CB3: what requests hold that no connection has taken has become something else.
    pub(super) fn take_overwritten(&mut self) -> Vec<(Records, Records)> {
        std::mem::take(&mut self.overwritten)
    }

    /// CB3: whether there is anything to overwrite, or to forget.
    pub(super) fn any_unwritten(&self) -> bool {
        self.any_unwritten
    }

    /// CB3: of the buffers only those parts are still lent that `is_held` says so of, here and in these batches.
    pub(super) fn retain_unwritten<'a>(
        &mut self,
        in_flight: impl Iterator<Item = &'a mut ProducerBatch>,
        is_held: impl Fn(&Records) -> bool,
    ) {
        let mut any = false;
        let mut retain = |unwritten: &mut Unwritten| {
            unwritten.0.retain(&is_held);
            any |= !unwritten.0.is_empty();
        };
        let queues = self.topics.values_mut();
        let queued = queues.flat_map(|it| it.batches.values_mut()).flatten();
        queued.for_each(|batch| retain(&mut batch.unwritten));
        in_flight.for_each(|batch| retain(&mut batch.unwritten));
        self.pool.free_blocks().for_each(retain);
        self.any_unwritten = any;
    }

    pub(super) fn mute(&mut self, partition: &TopicPartition) {
        self.muted.insert(partition.clone());
    }

    pub(super) fn unmute(&mut self, partition: &TopicPartition) {
        self.muted.remove(partition);
    }

    /// CP33: batches that were not sent in time, each queue from its front to the first that is young enough.
    pub(super) fn expired_batches(&mut self, now: Time) -> Vec<ProducerBatch> {
        let mut expired = Vec::new();
        if now < self.next_expiry {
            return expired;
        }
        let timeout = self.settings.delivery_timeout;
        self.next_expiry = Time::MAX;
        let queues = self
            .topics
            .values_mut()
            .flat_map(|it| it.batches.values_mut());
        for queue in queues {
            let old = queue.iter().take_while(|it| it.has_reached(timeout, now));
            let old = old.count();
            expired.extend(queue.drain(..old));
            if let Some(first) = queue.front() {
                self.next_expiry = self.next_expiry.min(first.created + timeout);
            }
        }
        self.queued -= expired.len();
        expired
    }

    /// When to look for expired batches again.
    pub(super) fn next_expiry(&self) -> Time {
        self.next_expiry
    }
}

impl TopicInfo {
    fn new(batch_size: u64) -> TopicInfo {
        TopicInfo {
            batches: BTreeMap::new(),
            built_in: BuiltInPartitioner::new(batch_size),
            ratio: CompressionRatio::INITIAL,
        }
    }

    /// CP10: a change that was put off, since it would have cut a batch, is made up for.
    fn sticky_partition(&mut self, ctx: &mut Ctx<'_>, partitions: &TopicPartitions) -> i32 {
        loop {
            let partition = self.built_in.current(ctx, partitions);
            let may_switch = self.all_batches_full(partition);
            if !may_switch || !self.built_in.produced(ctx, partitions, 0, true) {
                return partition;
            }
        }
    }

    /// By how much the last batch has grown, and whether the sender can do something with it; none if it has
    /// no room.
    fn try_append(&mut self, partition: i32, append: &Append<'_>) -> Option<(u64, bool)> {
        let queue = self.batches.entry(partition).or_default();
        let several = queue.len() > 1;
        let last = queue.back_mut()?;
        let before = last.estimated_size();
        if !last.try_append(append.send, append.content) {
            last.close_for_record_appends();
            return None;
        }
        let grown = last.estimated_size().saturating_sub(before);
        Some((grown, several || last.is_full()))
    }

    /// CP8: counts for the built-in partitioner, if that has chosen.
    fn produced(
        &mut self,
        ctx: &mut Ctx<'_>,
        partitions: &TopicPartitions,
        partition: i32,
        bytes: u64,
        built_in: bool,
    ) {
        if built_in {
            let may_switch = self.all_batches_full(partition);
            self.built_in.produced(ctx, partitions, bytes, may_switch);
        }
    }

    /// Only the last one may take more.
    fn all_batches_full(&self, partition: i32) -> bool {
        let last = self.batches.get(&partition).and_then(VecDeque::back);
        last.is_none_or(ProducerBatch::is_full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::BatchBuilder;
    use crate::protocol::config::Properties;

    #[test]
    fn cb3_what_no_request_holds_any_more_is_forgotten_wherever_it_lies() {
        let config = ProducerConfig::parse(&Properties::default()).expect("settings");
        let mut accumulator = RecordAccumulator::new(&config);
        let mut lent = || {
            let size = config.batch_size;
            accumulator.pool.allocate(size).expect("memory");
            let partition = TopicPartition::new("t", 0);
            let (codec, ratio) = (CompressionType::None, CompressionRatio::INITIAL);
            let mut batch = ProducerBatch::new(0, partition, Time(7), size, codec, ratio);
            let mut held = BatchBuilder::new();
            held.append(0, None, Some(b"v"), &[]);
            batch.unwritten.0.push(Records::from(held.build()));
            batch.buffer = size;
            batch
        };
        let (free, queued, mut in_flight) = (lent(), lent(), lent());
        let of_queued = queued.unwritten.0[0].clone();
        accumulator.let_go(&free);
        accumulator.reenqueue(queued, Time(7));
        assert!(accumulator.any_unwritten());
        accumulator.retain_unwritten(std::iter::once(&mut in_flight), |it| it.is(&of_queued));
        assert!(accumulator.any_unwritten(), "the queued batch's");
        assert!(in_flight.unwritten.0.is_empty());
        let mut free = accumulator.pool.free_blocks();
        assert!(free.all(|block| block.0.is_empty()));
        drop(free);
        accumulator.retain_unwritten(std::iter::empty(), |_| false);
        assert!(!accumulator.any_unwritten());
        assert!(accumulator.take_all()[0].unwritten.0.is_empty());
    }
}
