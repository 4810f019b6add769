//! What a fetcher makes of an answer (class `AbstractFetcherThread`; rules E7 to E9, E11, HW5, CT30, LK12).
//!
//! A Fetch may be answered for several partitions. They have their turn one after the other: data, the flush that
//! they may ask for, the leader's offsets; and logs that diverge are cut once all others have had theirs. Whoever
//! calls takes the locks of a turn and waits between two of them.
//!
//! May not know how logs and leaders work: it tells partitions what the leader said.

use super::{OutOfRange, ReplicaFetcher, UnderWay};
use crate::broker::outbox::Env;
use crate::broker::purgatory::WatchKey;
use crate::broker::replica_manager::ReplicaManager;
use crate::kernel::Time;
use crate::log::{LogError, UnifiedLog};
use crate::network_client::Disconnected;
use crate::protocol::rules::{DivergingBeforeHw, Truncation};
use crate::protocol::{
    EpochEndOffset, ErrorCode, Fact, FetchPartitionResponse, FetchResponse, FetchSessionFact,
    ListOffsetsResponse, Response, TopicPartition,
};
use std::collections::VecDeque;

/// A Fetch's answer, as far as it is not taken in yet.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    left: VecDeque<FetchPartitionResponse>,
    /// Its data are stored and wait for their flush.
    flushes: Option<FetchPartitionResponse>,
    diverging: VecDeque<(FetchPartitionResponse, EpochEndOffset)>,
    with_error: Vec<TopicPartition>,
    /// Somebody waits for the high watermark of these, and it has moved.
    with_new_high_watermark: Vec<TopicPartition>,
}

impl Fetched {
    fn next_partition(&self) -> Option<&TopicPartition> {
        let next = self.flushes.as_ref().or(self.left.front());
        let next = next.or(self.diverging.front().map(|(data, _)| data));
        next.map(|data| &data.partition)
    }
}

impl ReplicaFetcher {
    pub(in crate::broker) fn on_completed(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        backoff_end: Time,
        result: Result<Response, Disconnected>,
    ) {
        match (
            std::mem::replace(&mut self.under_way, UnderWay::Nothing),
            result,
        ) {
            (UnderWay::Fetch, Ok(Response::Fetch(response))) => {
                self.on_fetched(env, backoff_end, *response);
            }
            (UnderWay::Offsets(question), Ok(Response::ListOffsets(response))) => {
                self.on_offset(env, replicas, backoff_end, question, &response);
            }
            (UnderWay::Offsets(question), Err(_)) => self.delay(&question.partition, backoff_end),
            // The connection is lost, or was not made.
            _ => {
                self.session.handle_error();
                self.delay_all(backoff_end);
            }
        }
    }

    /// LK12: whose turn it is of those that a Fetch was answered for.
    pub(in crate::broker) fn next_partition(&self) -> Option<&TopicPartition> {
        match &self.under_way {
            UnderWay::Fetched(fetched) => fetched.next_partition(),
            _ => None,
        }
    }

    /// Takes in what the answer says of the next partition; if it waits for a flush then, it has the next turn too.
    pub(in crate::broker) fn take_in_next(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
    ) {
        // What is under way is a part of what it changes.
        let UnderWay::Fetched(mut fetched) =
            std::mem::replace(&mut self.under_way, UnderWay::Nothing)
        else {
            return;
        };
        if let Some(data) = fetched.flushes.take() {
            let done = self.follow_offsets(env, replicas, &data, &mut fetched);
            self.done(env, &mut fetched, &data.partition, done);
        } else if let Some(data) = fetched.left.pop_front() {
            self.take_in(env, replicas, data, &mut fetched);
        } else if let Some((data, end)) = fetched.diverging.pop_front() {
            let done = self.truncate_to_epoch(env, replicas, &data, end);
            self.done(env, &mut fetched, &data.partition, done);
        }
        self.under_way = UnderWay::Fetched(fetched);
    }

    /// All partitions of an answer have had their turn.
    pub(in crate::broker) fn finish_answer(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        backoff_end: Time,
    ) {
        let UnderWay::Fetched(fetched) = &mut self.under_way else {
            return;
        };
        assert!(
            fetched.next_partition().is_none(),
            "a fetcher goes on before it has taken in all that it was answered"
        );
        let fetched = std::mem::take(fetched);
        self.under_way = UnderWay::Nothing;
        for partition in &fetched.with_error {
            self.delay(partition, backoff_end);
        }
        for partition in &fetched.with_new_high_watermark {
            replicas.complete(env, partition, false, true);
        }
    }

    /// CT30.
    fn delay_all(&mut self, until: Time) {
        for state in self.partitions.values_mut() {
            state.delayed_until.get_or_insert(until);
        }
    }

    fn delay(&mut self, partition: &TopicPartition, until: Time) {
        if let Some(state) = self.partitions.get_mut(partition) {
            state.delayed_until.get_or_insert(until);
        }
    }

    pub(super) fn on_fetched(
        &mut self,
        env: &mut Env<'_>,
        backoff_end: Time,
        response: FetchResponse,
    ) {
        let session = self.session.session_id();
        if !self.session.handle_response(&response) {
            let (broker, error) = (self.node.id, response.error);
            if !error.is_none() {
                let lost = FetchSessionFact::Lost {
                    broker,
                    session,
                    error,
                };
                env.out.facts.push(lost.into());
            }
            if error == ErrorCode::FetchSessionTopicIdError {
                self.delay_all(backoff_end);
            }
            return;
        }
        self.under_way = UnderWay::Fetched(Fetched {
            left: response.responses.into(),
            ..Fetched::default()
        });
    }

    fn take_in(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        data: FetchPartitionResponse,
        fetched: &mut Fetched,
    ) {
        let Some(asked) = self.session.asked(&data.partition) else {
            return;
        };
        let (fetch_offset, request_epoch) = (asked.fetch_offset, asked.current_leader_epoch);
        let current = self.partitions.get(&data.partition).is_some_and(|state| {
            state.fetch_offset == fetch_offset && state.delayed_until.is_none() && !state.truncating
        });
        if !current {
            return;
        }
        match (data.error, data.diverging_epoch) {
            (ErrorCode::None, Some(end)) => fetched.diverging.push_back((data, end)),
            (ErrorCode::None, None) => {
                let done = match self.append(env, replicas, &data) {
                    Ok(()) if env.disk.has_waited() => {
                        fetched.flushes = Some(data);
                        return;
                    }
                    Ok(()) => self.follow_offsets(env, replicas, &data, fetched),
                    Err(error) => Err(error),
                };
                self.done(env, fetched, &data.partition, done);
            }
            (ErrorCode::OffsetOutOfRange, _) => self.out_of_range.push_back(OutOfRange {
                partition: data.partition,
                request_epoch,
                leader_end: None,
            }),
            (ErrorCode::FencedLeaderEpoch, _) => {
                if self.on_fenced(&data.partition, request_epoch) {
                    fetched.with_error.push(data.partition);
                }
            }
            _ => fetched.with_error.push(data.partition),
        }
    }

    fn done(
        &mut self,
        env: &mut Env<'_>,
        fetched: &mut Fetched,
        partition: &TopicPartition,
        done: Result<(), LogError>,
    ) {
        match done {
            Ok(()) => {}
            Err(LogError::Corrupt(_) | LogError::InvalidRecord(_)) => {
                fetched.with_error.push(partition.clone());
            }
            Err(error) => self.fail(env, partition, &error),
        }
    }

    /// `markPartitionFailed`.
    pub(super) fn fail(&mut self, env: &mut Env<'_>, partition: &TopicPartition, error: &LogError) {
        env.out.log_error(error);
        self.partitions.remove(partition);
        if !error.takes_directory_offline() {
            env.out.facts.push(Fact::FetcherPartitionFailed {
                partition: partition.clone(),
                why: error.to_string(),
            });
        }
    }

    /// E11: fenced in the epoch that it still has, a partition waits for the next LeaderAndIsr. True
    /// if it has a newer one by now, with which it tries again.
    pub(super) fn on_fenced(&mut self, partition: &TopicPartition, request_epoch: i32) -> bool {
        let same = self
            .partitions
            .get(partition)
            .is_some_and(|state| state.current_leader_epoch == request_epoch);
        if same {
            self.partitions.remove(partition);
        }
        !same
    }

    /// HW5: data first.
    fn append(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        data: &FetchPartitionResponse,
    ) -> Result<(), LogError> {
        let turn = self.take_turn();
        let (Some(state), Some(partition)) = (
            self.partitions.get_mut(&data.partition),
            replicas.partition_mut(&data.partition),
        ) else {
            return Ok(());
        };
        let Some(log_end_offset) = partition.log().map(UnifiedLog::log_end_offset) else {
            return Ok(());
        };
        if state.fetch_offset != log_end_offset {
            return Err(LogError::UnexpectedAppendOffset {
                first_offset: state.fetch_offset,
                last_offset: state.fetch_offset,
                log_end_offset,
            });
        }
        state.compared |= partition.rules().truncation.asks_once();
        if !data.records.is_empty() {
            partition.append_records_to_follower(env, &data.records)?;
            if let Some(log) = partition.log() {
                state.fetch_offset = log.log_end_offset();
                state.last_fetched_epoch = log.latest_epoch();
            }
            state.turn = turn;
        }
        Ok(())
    }

    /// HW5: then the leader's high watermark and log start.
    fn follow_offsets(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        data: &FetchPartitionResponse,
        fetched: &mut Fetched,
    ) -> Result<(), LogError> {
        let name = &data.partition;
        let followed = self.partitions.contains_key(name);
        let Some(partition) = replicas.partition_mut(name).filter(|_| followed) else {
            return Ok(());
        };
        if partition.follow_offsets(env, data.high_watermark, data.log_start_offset)?
            && replicas.purgatory.watches(&WatchKey::Data(name.clone()))
        {
            fetched.with_new_high_watermark.push(name.clone());
        }
        Ok(())
    }

    /// E7, E8: the leader's log diverges; it says where the epoch that both may share ends.
    fn truncate_to_epoch(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        data: &FetchPartitionResponse,
        leader: EpochEndOffset,
    ) -> Result<(), LogError> {
        let name = &data.partition;
        let (Some(state), Some(partition)) =
            (self.partitions.get_mut(name), replicas.partition_mut(name))
        else {
            return Ok(());
        };
        if partition.rules().diverging_before_hw == DivergingBeforeHw::Off {
            partition.follow_offsets(env, data.high_watermark, data.log_start_offset)?;
        }
        let truncation = partition.rules().truncation;
        let Some(log) = partition.log() else {
            return Ok(());
        };
        let log_end_offset = log.log_end_offset();
        let offset = if leader.end_offset < 0 && truncation.asks_once() {
            state.compared = true;
            log.high_watermark()
        } else if leader.end_offset < 0 {
            state.fetch_offset
        } else if truncation == Truncation::EpochKip101 || leader.epoch < 0 {
            leader.end_offset.min(log_end_offset)
        } else {
            let own = log.end_offset_for_epoch(leader.epoch);
            let shared = if own.end_offset < 0 || own.epoch < 0 {
                leader.end_offset
            } else if own.epoch == leader.epoch {
                own.end_offset.min(leader.end_offset)
            } else {
                // The leader's epoch is unknown here: cut to the end of an older one, ask again.
                own.end_offset
            };
            shared.min(log_end_offset)
        };
        partition.truncate_to(env, offset)?;
        state.fetch_offset = offset;
        state.last_fetched_epoch = partition.log().and_then(UnifiedLog::latest_epoch);
        Ok(())
    }

    /// E9.
    pub(super) fn on_offset(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        backoff_end: Time,
        question: OutOfRange,
        response: &ListOffsetsResponse,
    ) {
        let name = &question.partition;
        let (Some(answer), Some(state), Some(partition)) = (
            response.partitions.first(),
            self.partitions.get_mut(name),
            replicas.partition_mut(name),
        ) else {
            return;
        };
        match answer.error {
            ErrorCode::None => {}
            ErrorCode::FencedLeaderEpoch => {
                self.on_fenced(name, question.request_epoch);
                return;
            }
            _ => {
                self.delay(name, backoff_end);
                return;
            }
        }
        let Some(log_end_offset) = partition.log().map(UnifiedLog::log_end_offset) else {
            return;
        };
        let done = match question.leader_end {
            None if answer.offset < log_end_offset => {
                state.fetch_offset = answer.offset;
                partition.truncate_to(env, answer.offset)
            }
            None => {
                self.out_of_range.push_front(OutOfRange {
                    leader_end: Some(answer.offset),
                    ..question
                });
                return;
            }
            Some(_) => {
                state.fetch_offset = answer.offset.max(log_end_offset);
                if answer.offset > log_end_offset {
                    partition.truncate_fully_and_start_at(env, answer.offset)
                } else {
                    Ok(())
                }
            }
        };
        match done {
            Ok(()) => {
                state.last_fetched_epoch = partition.log().and_then(UnifiedLog::latest_epoch);
            }
            Err(error) => {
                self.fail(env, name, &error);
            }
        }
    }
}
