//! The partitions that a broker hosts, and the requests that go to them (class `ReplicaManager`):
//! produce, fetch, ListOffsets, parked requests, ISR expiry, checkpointed offsets.
//!
//! Knows no connection, no timer and no other broker: see `outbox`.

mod fetch;

use super::log_manager::LogManager;
use super::outbox::{Env, Outbox, take_tasks};
use super::partition::Partition;
use super::purgatory::{Answer, OpId, Pending, Purgatory, Watchers};
use crate::kernel::Time;
use crate::log::{LogAppendInfo, Records, UnifiedLog};
use crate::protocol::config::{BrokerConfig, Properties};
use crate::protocol::{
    AlterPartitionData, AlterPartitionResult, BrokerId, CONSUMER_REPLICA_ID, EpochEndOffset,
    ErrorCode, Fact, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicPartition, is_internal_topic,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A request that has to wait, and for how long at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Parked {
    pub(crate) op: OpId,
    pub(crate) timeout_ms: i32,
}

/// What became of each partition's records, and whether the high watermark has moved with them.
#[derive(Debug)]
pub(crate) struct Appended(Vec<(Result<LogAppendInfo, ErrorCode>, bool)>);

/// All replicas of a broker.
#[derive(Debug)]
pub(crate) struct ReplicaManager {
    local_broker: BrokerId,
    config: Rc<BrokerConfig>,
    partitions: BTreeMap<TopicPartition, Partition>,
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
            partitions: BTreeMap::new(),
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

    pub(crate) fn remove(&mut self, name: &TopicPartition) -> Option<Partition> {
        self.partitions.remove(name)
    }

    #[cfg(test)]
    pub(crate) fn insert_for_test(&mut self, partition: Partition) {
        self.partitions.insert(super::testing::t0(), partition);
    }

    /// What a broker without the partition answers (`getPartitionOrError`).
    fn absent(env: &Env<'_>, name: &TopicPartition) -> ErrorCode {
        if env.cache.partition(name).is_some() {
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::UnknownTopicOrPartition
        }
    }

    // ---- produce

    /// P1: appends what a produce brings.
    pub(crate) fn append_records(
        &mut self,
        env: &mut Env<'_>,
        request: &ProduceRequest,
    ) -> Appended {
        let mut appended = Vec::with_capacity(request.data.len());
        for (name, records) in &request.data {
            let one = self.append(env, name, records, request.acks);
            // LK1: not before the flush that an append may ask for is done.
            let moved = one.is_ok() && !env.disk.has_waited() && self.advance(env, name);
            appended.push((one, moved));
        }
        Appended(appended)
    }

    /// P2 to P4, P7, RK17, with the records in the log. Answers at once unless acks=all has to wait.
    pub(crate) fn finish_produce(
        &mut self,
        env: &mut Env<'_>,
        now: Time,
        to: Pending,
        request: &ProduceRequest,
        appended: Appended,
    ) -> Option<Parked> {
        let mut responses = Vec::with_capacity(request.data.len());
        let mut required = Vec::with_capacity(request.data.len());
        let mut moved = Vec::new();
        let data = request.data.iter().zip(appended.0);
        for (place, ((name, _), (one, high_watermark_moved))) in data.enumerate() {
            if high_watermark_moved {
                moved.push(place);
            }
            let (response, wait_for) = match one {
                Ok(info) => (produced(name, &info), Some(info.last_offset + 1)),
                Err(error) => {
                    env.out.facts.push(Fact::ProduceRefused {
                        partition: name.clone(),
                        error,
                    });
                    (not_produced(name, error), None)
                }
            };
            responses.push(response);
            required.push(wait_for);
        }
        let failed = required.iter().any(Option::is_none);
        let parked = match request.acks {
            0 => {
                env.out.answers.push(Answer {
                    to,
                    timer: None,
                    response: None,
                    close: failed,
                });
                None
            }
            -1 => self.wait_for_replicas(env, now, to, request, responses, required),
            _ => {
                env.out
                    .answers
                    .push(Answer::now(to, produce_response(responses)));
                None
            }
        };
        for (place, (name, _)) in request.data.iter().enumerate() {
            self.complete(env, name, moved.contains(&place), true);
        }
        parked
    }

    fn append(
        &mut self,
        env: &mut Env<'_>,
        name: &TopicPartition,
        records: &Records,
        acks: i16,
    ) -> Result<LogAppendInfo, ErrorCode> {
        if env.cache.partition(name).is_none() {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        // Since Produce version 3 a partition's records are exactly one batch.
        if records.batches().len() != 1 {
            return Err(ErrorCode::InvalidRecord);
        }
        if !matches!(acks, -1..=1) {
            return Err(ErrorCode::InvalidRequiredAcks);
        }
        if is_internal_topic(&name.topic) {
            return Err(ErrorCode::InvalidTopicException);
        }
        match self.partitions.get_mut(name) {
            None => Err(ErrorCode::NotLeaderOrFollower),
            Some(partition) => partition.append_records_to_leader(env, records, acks),
        }
    }

    fn advance(&mut self, env: &mut Env<'_>, name: &TopicPartition) -> bool {
        let partition = self.partitions.get_mut(name);
        partition.is_some_and(|it| it.maybe_increment_leader_high_watermark(env))
    }

    /// LK1: the flush is done, what was appended counts.
    pub(crate) fn on_flushed(
        &mut self,
        env: &mut Env<'_>,
        request: &ProduceRequest,
        appended: &mut Appended,
    ) {
        for ((name, _), (one, moved)) in request.data.iter().zip(&mut appended.0) {
            *moved |= one.is_ok() && self.advance(env, name);
        }
    }

    /// LK3: what a follower has acknowledged counts.
    pub(crate) fn on_acknowledged(&mut self, env: &mut Env<'_>, name: &TopicPartition) {
        if self.advance(env, name) {
            self.complete(env, name, true, true);
        }
    }

    /// P2: parks the produce unless every partition's outcome is known already.
    fn wait_for_replicas(
        &mut self,
        env: &mut Env<'_>,
        now: Time,
        to: Pending,
        request: &ProduceRequest,
        mut responses: Vec<PartitionProduceResponse>,
        mut required: Vec<Option<i64>>,
    ) -> Option<Parked> {
        for (response, wait_for) in responses.iter_mut().zip(&mut required) {
            let Some(offset) = *wait_for else {
                continue;
            };
            let outcome = self
                .partitions
                .get(&response.partition)
                .and_then(|partition| partition.check_enough_replicas_reach_offset(offset));
            match outcome {
                None => response.error = ErrorCode::RequestTimedOut,
                Some(error) => {
                    *wait_for = None;
                    response.error = error;
                }
            }
        }
        if required.iter().all(Option::is_none) {
            env.out
                .answers
                .push(Answer::now(to, produce_response(responses)));
            return None;
        }
        let op = self.purgatory.take_number();
        for ((name, _), offset) in request.data.iter().zip(&required) {
            if let (Some(offset), Some(partition)) = (*offset, self.partitions.get_mut(name)) {
                partition.watchers.produce.push((offset, op));
            }
        }
        self.purgatory
            .park_produce(op, to, now, responses, required);
        Some(Parked {
            op,
            timeout_ms: request.timeout_ms,
        })
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
        let Some(partition) = self.partitions.get_mut(name) else {
            return;
        };
        if produce && !partition.watchers.produce.is_empty() {
            let mut waiting = std::mem::take(&mut partition.watchers.produce);
            waiting.retain(|(offset, op)| {
                let Some(outcome) = partition.check_enough_replicas_reach_offset(*offset) else {
                    return true;
                };
                resolve(&mut self.purgatory, env, *op, name, outcome);
                false
            });
            partition.watchers.produce = waiting;
        }
        if fetch && !partition.watchers.fetch.is_empty() {
            let mut waiting = std::mem::take(&mut partition.watchers.fetch);
            waiting.retain(|op| {
                let Some(delayed) = self.purgatory.fetch(*op) else {
                    return false;
                };
                if !self.is_satisfied(env, &delayed.request) {
                    return true;
                }
                self.answer_fetch(env, *op);
                false
            });
            if let Some(partition) = self.partitions.get_mut(name) {
                partition.watchers.fetch = waiting;
            }
        }
    }

    /// The partition is gone from this broker: nothing can wait for it any more.
    pub(crate) fn complete_removed(
        &mut self,
        env: &mut Env<'_>,
        name: &TopicPartition,
        watchers: Watchers,
    ) {
        let error = Self::absent(env, name);
        for (_, op) in watchers.produce {
            resolve(&mut self.purgatory, env, op, name, error);
        }
        for op in watchers.fetch {
            self.answer_fetch(env, op);
        }
    }

    /// P3, F3: the time of a parked request is up.
    pub(crate) fn expire(&mut self, env: &mut Env<'_>, op: OpId) {
        if let Some(answer) = self.purgatory.take_produce(op) {
            if let Some(crate::protocol::Response::Produce(produce)) = &answer.response {
                for response in &produce.responses {
                    if response.error == ErrorCode::RequestTimedOut {
                        env.out.facts.push(Fact::ProduceRefused {
                            partition: response.partition.clone(),
                            error: response.error,
                        });
                    }
                }
            }
            env.out.answers.push(answer);
        } else {
            self.answer_fetch(env, op);
        }
    }

    /// CT33: states why produces that were parked before `before` still wait. The time at which the
    /// oldest of the others was parked.
    pub(crate) fn tell_stalls(&mut self, env: &mut Env<'_>, before: Time) -> Option<Time> {
        let mut next: Option<Time> = None;
        for produce in self.purgatory.produces() {
            if produce.since > before {
                next = Some(next.map_or(produce.since, |at| at.min(produce.since)));
                continue;
            }
            for (response, required) in produce.responses.iter().zip(&produce.required) {
                if let (Some(offset), Some(partition)) =
                    (*required, self.partitions.get_mut(&response.partition))
                {
                    partition.tell_stall(env, offset);
                }
            }
        }
        next
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
                    None => Err(Self::absent(env, &asked.partition)),
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
                None => Err(Self::absent(env, &asked.partition)),
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

    /// `kafka-log-retention`: L4 on every log, on leaders and followers alike.
    pub(crate) fn delete_old_segments(&mut self, env: &mut Env<'_>) {
        for (name, log) in self.named_logs_mut() {
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
    }

    /// `kafka-log-flusher`: `flush.ms`.
    pub(crate) fn flush_dirty_logs(&mut self, env: &mut Env<'_>) {
        for (name, log) in self.named_logs_mut() {
            log.flush_if_due(env.disk, env.now_ms);
            take_tasks(name, log, env.out);
        }
    }

    /// Takes what loading has left for the scheduler.
    pub(crate) fn take_log_tasks(&mut self, out: &mut Outbox) {
        for (name, log) in self.named_logs_mut() {
            take_tasks(name, log, out);
        }
    }

    pub(crate) fn log_mut(&mut self, name: &TopicPartition) -> Option<&mut UnifiedLog> {
        match self.partitions.get_mut(name).and_then(Partition::log_mut) {
            Some(log) => Some(log),
            None => self.logs.log_mut(name),
        }
    }

    fn named_logs_mut(&mut self) -> impl Iterator<Item = (&TopicPartition, &mut UnifiedLog)> {
        let hosted = self.partitions.iter_mut();
        hosted
            .filter_map(|(name, partition)| Some((name, partition.log_mut()?)))
            .chain(self.logs.named_logs_mut())
    }

    /// Every log, of a partition or not.
    pub(crate) fn all_logs_mut(&mut self) -> impl Iterator<Item = &mut UnifiedLog> {
        self.partitions
            .values_mut()
            .filter_map(Partition::log_mut)
            .chain(self.logs.logs_mut())
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

fn resolve(
    purgatory: &mut Purgatory,
    env: &mut Env<'_>,
    op: OpId,
    name: &TopicPartition,
    outcome: ErrorCode,
) {
    if !outcome.is_none() {
        env.out.facts.push(Fact::ProduceRefused {
            partition: name.clone(),
            error: outcome,
        });
    }
    let answer = purgatory.resolve_produce(op, name, outcome);
    env.out.answers.extend(answer);
}

pub(super) fn produce_response(responses: Vec<PartitionProduceResponse>) -> ProduceResponse {
    ProduceResponse {
        responses,
        node_endpoints: Vec::new(),
    }
}

fn produced(name: &TopicPartition, info: &LogAppendInfo) -> PartitionProduceResponse {
    PartitionProduceResponse {
        partition: name.clone(),
        error: ErrorCode::None,
        current_leader: None,
        base_offset: info.first_offset,
        log_append_time_ms: info.log_append_time,
        log_start_offset: info.log_start_offset,
    }
}

fn not_produced(name: &TopicPartition, error: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse {
        partition: name.clone(),
        error,
        current_leader: None,
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::testing::*;
    use crate::kernel::ConnId;
    use crate::protocol::{FetchPartition, FetchRequest, Response, TopicId};

    /// Broker 1's replica manager with t-0, led by it unless said otherwise.
    fn manager(world: &mut World, isr: &[BrokerId], min_insync_replicas: i32) -> ReplicaManager {
        let mut manager = ReplicaManager::new(1, Rc::new(BrokerConfig::default()));
        let partition = world.leader(isr, min_insync_replicas);
        manager.partitions.insert(t0(), partition);
        world.facts();
        manager
    }

    fn to(conn: u64) -> Pending {
        Pending {
            conn: ConnId(conn),
            correlation_id: 7,
        }
    }

    fn produce(
        world: &mut World,
        manager: &mut ReplicaManager,
        conn: u64,
        acks: i16,
    ) -> Option<Parked> {
        let request = ProduceRequest {
            acks,
            timeout_ms: 3000,
            data: vec![(t0(), batch(2))],
        };
        let appended = manager.append_records(&mut world.env(), &request);
        manager.finish_produce(&mut world.env(), Time::ZERO, to(conn), &request, appended)
    }

    fn fetch(
        world: &mut World,
        manager: &mut ReplicaManager,
        conn: u64,
        replica: BrokerId,
        partition: FetchPartition,
    ) -> Option<Parked> {
        let request = FetchRequest {
            replica_id: replica,
            replica_epoch: -1,
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 10_485_760,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            partitions: vec![partition],
            forgotten: vec![],
            rack_id: None,
        };
        manager.fetch(&mut world.env(), to(conn), Box::new(request))
    }

    /// Answers since the last call: connection, error, and offset (of a produce the base, of a fetch
    /// the end of its records).
    fn answers(world: &mut World) -> Vec<(u64, ErrorCode, i64)> {
        std::mem::take(&mut world.out.answers)
            .into_iter()
            .map(|answer| {
                let (error, offset) = match answer.response {
                    Some(Response::Produce(produce)) => {
                        let partition = &produce.responses[0];
                        (partition.error, partition.base_offset)
                    }
                    Some(Response::Fetch(fetch)) => {
                        let partition = &fetch.responses[0];
                        (
                            partition.error,
                            partition.records.next_offset().unwrap_or(-1),
                        )
                    }
                    other => panic!("neither produce nor fetch: {other:?}"),
                };
                (answer.to.conn.0, error, offset)
            })
            .collect()
    }

    #[test]
    fn p3_acks_all_waits_for_the_isr_and_is_answered_by_the_fetch_that_acknowledges() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        let parked = produce(&mut world, &mut manager, 10, -1);
        assert_eq!(parked.map(|parked| parked.timeout_ms), Some(3000));
        assert_eq!(answers(&mut world), []);
        fetch(&mut world, &mut manager, 20, 2, fetch_at(0, 0, -1));
        assert_eq!(answers(&mut world), [(20, ErrorCode::None, 2)]);
        fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
        assert_eq!(answers(&mut world), [(10, ErrorCode::None, 0)]);
    }

    #[test]
    fn p3_at_the_timeout_the_data_stays_and_the_answer_is_request_timed_out() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        let parked = produce(&mut world, &mut manager, 10, -1).expect("waits");
        manager.expire(&mut world.env(), parked.op);
        assert_eq!(answers(&mut world), [(10, ErrorCode::RequestTimedOut, 0)]);
        let log = manager.partition(&t0()).and_then(Partition::log);
        assert_eq!(log.map(UnifiedLog::log_end_offset), Some(2));
        fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
        assert_eq!(answers(&mut world), [], "answered once");
    }

    #[test]
    fn p3_lost_leadership_answers_what_is_parked() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        produce(&mut world, &mut manager, 10, -1);
        fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
        assert!(produce(&mut world, &mut manager, 11, -1).is_some());
        answers(&mut world);
        fetch(&mut world, &mut manager, 21, 2, fetch_at(4, 0, 0));
        answers(&mut world);
        produce(&mut world, &mut manager, 12, -1);
        assert!(fetch(&mut world, &mut manager, 30, -1, consume_at(4)).is_some());
        answers(&mut world);
        manager
            .get_or_create(&t0())
            .make_follower(&mut world.env(), &state(2, 1, 1, &[1, 2]));
        manager.complete(&mut world.env(), &t0(), true, true);
        let answers = answers(&mut world);
        assert_eq!(answers, [(12, ErrorCode::NotLeaderOrFollower, 4)]);
    }

    #[test]
    fn p4_acks_1_is_answered_at_once_acks_0_only_by_closing_on_error() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        assert_eq!(produce(&mut world, &mut manager, 10, 1), None);
        assert_eq!(answers(&mut world), [(10, ErrorCode::None, 0)]);
        assert_eq!(produce(&mut world, &mut manager, 10, 0), None);
        let answer = world.out.answers.pop().expect("an end of the request");
        assert!(answer.response.is_none() && !answer.close);
        manager
            .get_or_create(&t0())
            .make_follower(&mut world.env(), &state(2, 1, 1, &[1, 2]));
        produce(&mut world, &mut manager, 10, 0);
        let answer = world.out.answers.pop().expect("an end of the request");
        assert!(answer.response.is_none() && answer.close);
    }

    #[test]
    fn hw6_a_parked_follower_fetch_is_woken_by_data_not_by_the_high_watermark() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2, 3], 1);
        produce(&mut world, &mut manager, 10, 1);
        assert!(fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0)).is_some());
        answers(&mut world);
        assert!(fetch(&mut world, &mut manager, 30, 3, fetch_at(2, 0, 0)).is_some());
        assert_eq!(answers(&mut world), [], "the high watermark moved to 2");
        produce(&mut world, &mut manager, 10, 1);
        assert_eq!(
            answers(&mut world),
            [
                (10, ErrorCode::None, 2),
                (20, ErrorCode::None, 4),
                (30, ErrorCode::None, 4)
            ],
            "in the event of the append"
        );
    }

    #[test]
    fn f2_a_consumer_waits_for_the_high_watermark_and_an_error_for_nothing() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        assert!(fetch(&mut world, &mut manager, 40, -1, consume_at(0)).is_some());
        produce(&mut world, &mut manager, 10, 1);
        assert_eq!(answers(&mut world), [(10, ErrorCode::None, 0)]);
        fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
        assert_eq!(answers(&mut world), [(40, ErrorCode::None, 2)]);
        assert_eq!(fetch(&mut world, &mut manager, 41, -1, consume_at(9)), None);
        assert_eq!(answers(&mut world), [(41, ErrorCode::OffsetOutOfRange, -1)]);
    }

    #[test]
    fn f3_above_the_high_watermark_a_consumer_is_answered_at_once_with_nothing() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        produce(&mut world, &mut manager, 10, 1);
        answers(&mut world);
        assert_eq!(fetch(&mut world, &mut manager, 40, -1, consume_at(1)), None);
        assert_eq!(answers(&mut world), [(40, ErrorCode::None, -1)]);
    }

    #[test]
    fn f3_a_new_epoch_ends_the_wait_of_fetches_in_the_old_one() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        fetch(&mut world, &mut manager, 20, 2, fetch_at(0, 0, -1));
        manager
            .get_or_create(&t0())
            .make_leader(&mut world.env(), &state(1, 1, 1, &[1, 2]))
            .expect("a log");
        manager.complete(&mut world.env(), &t0(), true, true);
        assert_eq!(
            answers(&mut world),
            [(20, ErrorCode::FencedLeaderEpoch, -1)]
        );
    }

    #[test]
    fn rk16_a_fetch_by_an_id_that_the_cache_does_not_know_is_unknown_topic_id() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        let mut partition = fetch_at(0, 0, -1);
        partition.topic_id = TopicId([9; 16]);
        fetch(&mut world, &mut manager, 20, 2, partition);
        assert_eq!(answers(&mut world), [(20, ErrorCode::UnknownTopicId, -1)]);
    }

    #[test]
    fn unknown_partitions_and_absent_replicas_are_told_apart_by_the_cache() {
        let mut world = World::new();
        let mut manager = ReplicaManager::new(1, Rc::new(BrokerConfig::default()));
        produce(&mut world, &mut manager, 10, 1);
        assert_eq!(
            answers(&mut world),
            [(10, ErrorCode::NotLeaderOrFollower, -1)]
        );
        world.cache = crate::broker::MetadataCache::default();
        produce(&mut world, &mut manager, 10, 1);
        assert_eq!(
            answers(&mut world),
            [(10, ErrorCode::UnknownTopicOrPartition, -1)]
        );
    }

    #[test]
    fn a_list_of_waiting_fetches_does_not_grow_with_time() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2], 1);
        for conn in 0..10_000 {
            let parked = fetch(&mut world, &mut manager, conn, 2, fetch_at(0, 0, -1));
            manager.expire(&mut world.env(), parked.expect("nothing to read").op);
        }
        world.out.answers.clear();
        let watchers = &manager.partition(&t0()).expect("hosted").watchers;
        assert!(watchers.fetch.len() < 200, "{}", watchers.fetch.len());
    }
}
