//! The partitions that a broker hosts, and the requests that go to them (class `ReplicaManager`):
//! produce, fetch, ListOffsets, parked requests, ISR expiry, checkpointed offsets.
//!
//! Knows no connection, no timer and no other broker: see `outbox`.

mod fetch;
mod produce;
#[cfg(test)]
mod tests;

pub(crate) use fetch::{DelayedFetch, refused};
pub(crate) use produce::{Appended, DelayedProduce};

use super::log_manager::LogManager;
use super::outbox::{Env, Outbox, take_tasks};
use super::partition::Partition;
use super::purgatory::{Delayed, Hosted, Purgatory, WatchKey};
use crate::log::UnifiedLog;
use crate::metadata::MetadataCache;
use crate::protocol::config::{BrokerConfig, Properties};
use crate::protocol::{
    AlterPartitionData, AlterPartitionResult, BrokerId, CONSUMER_REPLICA_ID, EpochEndOffset,
    ErrorCode, Fact, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    ProducerStateFact, TopicPartition,
};
use crate::purgatory::OperationId;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A request that has to wait, and for how long at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Parked {
    pub(crate) op: OperationId,
    pub(crate) timeout_ms: i32,
}

/// The partitions that a broker hosts, by name.
pub(crate) type HostedPartitions = BTreeMap<TopicPartition, Partition>;

/// All replicas of a broker.
#[derive(Debug)]
pub(crate) struct ReplicaManager {
    local_broker: BrokerId,
    config: Rc<BrokerConfig>,
    partitions: HostedPartitions,
    pub(crate) logs: LogManager,
    pub(crate) purgatory: Purgatory,
    /// The highest seen in a request of a controller (Z4).
    pub(crate) controller_epoch: i32,
}

impl ReplicaManager {
    pub(crate) fn new(local_broker: BrokerId, config: Rc<BrokerConfig>) -> Self {
        ReplicaManager {
            local_broker,
            logs: LogManager::new(local_broker, Rc::clone(&config)),
            config,
            partitions: HostedPartitions::new(),
            purgatory: Purgatory::default(),
            controller_epoch: 0,
        }
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = (&TopicPartition, &Partition)> {
        self.partitions.iter()
    }

    /// How many partitions this broker leads.
    pub(crate) fn led(&self) -> u32 {
        let led = self.partitions.values().filter(|it| it.is_leader());
        u32::try_from(led.count()).unwrap_or(u32::MAX)
    }

    /// Those of which it has the only replica.
    pub(crate) fn led_alone(&self) -> Vec<TopicPartition> {
        let alone = self.partitions().filter(|(_, it)| it.is_alone());
        alone.map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn partition(&self, name: &TopicPartition) -> Option<&Partition> {
        self.partitions.get(name)
    }

    pub(crate) fn partition_mut(&mut self, name: &TopicPartition) -> Option<&mut Partition> {
        self.partitions.get_mut(name)
    }

    /// The partition, made if this is the first time that a controller names it.
    pub(crate) fn get_or_create(&mut self, name: &TopicPartition) -> &mut Partition {
        self.partitions.entry(name.clone()).or_insert_with(|| {
            Partition::new(
                name.clone(),
                self.local_broker,
                self.config.replica_lag_time_max_ms,
                self.config.rules,
            )
        })
    }

    #[cfg(test)]
    pub(crate) fn insert_for_test(&mut self, partition: Partition) {
        self.partitions.insert(super::testing::t0(), partition);
    }

    // ---- parked requests

    /// Looks at the requests that wait for a partition: produces after the high watermark moved,
    /// fetches after anything.
    pub(crate) fn complete(
        &mut self,
        env: &mut Env<'_>,
        name: &TopicPartition,
        produce: bool,
        fetch: bool,
    ) {
        if produce {
            self.check_and_complete(env, &WatchKey::Replication(name.clone()));
        }
        if fetch {
            self.check_and_complete(env, &WatchKey::Data(name.clone()));
        }
    }

    pub(crate) fn check_and_complete(&mut self, env: &mut Env<'_>, key: &WatchKey) {
        let partitions = &mut self.partitions;
        let mut hosted = Hosted { partitions, env };
        self.purgatory.check_and_complete(key, &mut hosted);
    }

    /// Answers at once, or parks for as long as `timeout_ms`.
    pub(crate) fn complete_or_park(
        &mut self,
        env: &mut Env<'_>,
        delayed: Delayed,
        keys: impl IntoIterator<Item = WatchKey>,
        timeout_ms: i32,
    ) -> Option<Parked> {
        let partitions = &mut self.partitions;
        let mut hosted = Hosted { partitions, env };
        let op = self
            .purgatory
            .try_complete_else_watch(delayed, keys, &mut hosted)?;
        Some(Parked { op, timeout_ms })
    }

    /// P3, F3: the time of a parked request is up.
    pub(crate) fn expire(&mut self, env: &mut Env<'_>, op: OperationId) {
        let partitions = &mut self.partitions;
        let mut hosted = Hosted { partitions, env };
        self.purgatory.expire(op, &mut hosted);
    }

    /// Gives a partition up: nothing can wait for it any more.
    pub(crate) fn remove(&mut self, env: &mut Env<'_>, name: &TopicPartition) {
        self.partitions.remove(name);
        let partitions = &mut self.partitions;
        let mut hosted = Hosted { partitions, env };
        for key in [
            WatchKey::Replication(name.clone()),
            WatchKey::Data(name.clone()),
        ] {
            self.purgatory.complete_and_forget(&key, &mut hosted);
        }
    }

    // ---- the rest

    pub(crate) fn list_offsets(
        &mut self,
        env: &mut Env<'_>,
        request: &ListOffsetsRequest,
    ) -> ListOffsetsResponse {
        let isolation =
            (request.replica_id == CONSUMER_REPLICA_ID).then_some(request.isolation_level);
        let partitions = request
            .partitions
            .iter()
            .map(|asked| {
                let found = match self.partitions.get(&asked.partition) {
                    None => Err(absent(env.cache, &asked.partition)),
                    Some(partition) => partition.fetch_offset_for_timestamp(
                        env,
                        asked.timestamp,
                        isolation,
                        asked.current_leader_epoch,
                    ),
                };
                let (error, found) = match found {
                    Ok(found) => (ErrorCode::None, found),
                    Err(error) => (error, None),
                };
                ListOffsetsPartitionResponse {
                    partition: asked.partition.clone(),
                    error,
                    timestamp: found.map_or(-1, |found| found.timestamp),
                    offset: found.map_or(-1, |found| found.offset),
                    leader_epoch: found.map_or(-1, |found| found.leader_epoch),
                }
            })
            .collect();
        ListOffsetsResponse { partitions }
    }

    /// E4, E11, for clients that validate their position.
    pub(crate) fn offset_for_leader_epoch(
        &self,
        env: &Env<'_>,
        request: &OffsetForLeaderEpochRequest,
    ) -> OffsetForLeaderEpochResponse {
        let answer = |asked: &OffsetForLeaderPartition| {
            let found = match self.partitions.get(&asked.partition) {
                None => Err(absent(env.cache, &asked.partition)),
                Some(partition) => {
                    partition.end_offset_of(asked.current_leader_epoch, asked.leader_epoch)
                }
            };
            let undefined = EpochEndOffset {
                epoch: -1,
                end_offset: -1,
            };
            let (error, end) = match found {
                Ok(end) => (ErrorCode::None, end),
                Err(error) => (error, undefined),
            };
            (asked.partition.clone(), error, end)
        };
        OffsetForLeaderEpochResponse {
            partitions: request.partitions.iter().map(answer).collect(),
        }
    }

    /// RK10.
    pub(crate) fn apply_topic_config(&mut self, topic: &str, overrides: &Properties) {
        let config = self.logs.topic_config(overrides);
        self.logs.apply_topic_config(topic, &config);
        for (name, partition) in &mut self.partitions {
            if *name.topic == *topic {
                partition.apply_config(&config);
            }
        }
    }

    // ---- what the log manager's tasks do

    /// `kafka-log-retention`: L4 on one log, be it a leader's or a follower's.
    pub(crate) fn delete_old_segments(&mut self, env: &mut Env<'_>, name: &TopicPartition) {
        let Some(log) = self.log_mut(name) else {
            return;
        };
        let started_at = log.log_start_offset();
        match log.delete_old_segments(env.disk, env.now_ms) {
            Ok(deleted) => {
                let mut rules = deleted.chunk_by(|(_, a), (_, b)| a == b).peekable();
                while let Some(same) = rules.next() {
                    // Where this rule left the log start: at what the next one took first.
                    let next = rules.peek().map(|next| next[0].0.max(started_at));
                    env.out.facts.push(Fact::SegmentsDeleted {
                        partition: name.clone(),
                        segments: u32::try_from(same.len()).unwrap_or(u32::MAX),
                        log_start_offset: next.unwrap_or(log.log_start_offset()),
                        why: same[0].1.to_string().into(),
                    });
                }
            }
            Err(error) => {
                env.out.log_error(&error);
            }
        }
        take_tasks(name, log, env.out);
    }

    /// CP50: `PeriodicProducerExpirationCheck` of all logs.
    pub(crate) fn remove_expired_producers(&mut self, env: &mut Env<'_>) {
        for (name, log) in self.all_logs_mut() {
            let producer_ids = log.remove_expired_producers(env.now_ms);
            if !producer_ids.is_empty() {
                let partition = name.clone();
                let fact = ProducerStateFact::Forgotten {
                    partition,
                    producer_ids,
                };
                env.out.facts.push(fact.into());
            }
        }
    }

    /// `kafka-log-flusher`: `flush.ms`.
    pub(crate) fn flush_dirty_logs(&mut self, env: &mut Env<'_>) {
        for (name, log) in self.all_logs_mut() {
            log.flush_if_due(env.disk, env.now_ms);
            take_tasks(name, log, env.out);
        }
    }

    /// Takes what loading has left for the scheduler.
    pub(crate) fn take_log_tasks(&mut self, out: &mut Outbox) {
        for (name, log) in self.all_logs_mut() {
            take_tasks(name, log, out);
        }
    }

    pub(crate) fn log_mut(&mut self, name: &TopicPartition) -> Option<&mut UnifiedLog> {
        match self.partitions.get_mut(name).and_then(Partition::log_mut) {
            Some(log) => Some(log),
            None => self.logs.log_mut(name),
        }
    }

    /// Whose logs lie here.
    pub(crate) fn current_logs(&self) -> impl Iterator<Item = &TopicPartition> {
        let hosted = self.partitions.iter();
        let hosted = hosted.filter_map(|(name, partition)| partition.log().map(|_| name));
        hosted.chain(self.logs.current_logs())
    }

    /// Every log, of a partition or not.
    pub(crate) fn all_logs_mut(
        &mut self,
    ) -> impl Iterator<Item = (&TopicPartition, &mut UnifiedLog)> {
        hosted(&mut self.partitions).chain(self.logs.logs_mut())
    }

    /// I7: the `isr-expiration` task.
    pub(crate) fn maybe_shrink_isr(&mut self, env: &mut Env<'_>, but: &[TopicPartition]) {
        for (name, partition) in &mut self.partitions {
            if !but.contains(name) {
                partition.maybe_shrink_isr(env);
            }
        }
    }

    /// Partitions whose ISR would shrink.
    pub(crate) fn out_of_sync(&self, env: &Env<'_>) -> Vec<TopicPartition> {
        let all = self.partitions();
        let lagging = all.filter(|(_, partition)| !partition.out_of_sync(env).is_empty());
        lagging.map(|(name, _)| name.clone()).collect()
    }

    /// A5.
    pub(crate) fn on_alter_partition_answer(
        &mut self,
        env: &mut Env<'_>,
        sent: &AlterPartitionData,
        answer: Result<&AlterPartitionResult, ErrorCode>,
    ) {
        let moved = self
            .partitions
            .get_mut(&sent.partition)
            .is_some_and(|partition| partition.on_alter_partition_answer(env, sent, answer));
        if moved {
            self.complete(env, &sent.partition, true, true);
        }
    }
}

/// What a broker without the partition answers (`getPartitionOrError`).
pub(crate) fn absent(cache: &MetadataCache, name: &TopicPartition) -> ErrorCode {
    if cache.partition(name).is_some() {
        ErrorCode::NotLeaderOrFollower
    } else {
        ErrorCode::UnknownTopicOrPartition
    }
}

/// The logs of partitions.
fn hosted(
    partitions: &mut BTreeMap<TopicPartition, Partition>,
) -> impl Iterator<Item = (&TopicPartition, &mut UnifiedLog)> {
    let logs = partitions.iter_mut();
    logs.filter_map(|(name, partition)| Some((name, partition.log_mut()?)))
}
