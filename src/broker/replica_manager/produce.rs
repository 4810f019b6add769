//! Produce requests: what they bring is appended, and with acks=all answered once it is replicated (classes
//! `ReplicaManager`, `DelayedProduce`; rules P1 to P4, P7, RK17).
//!
//! May not know who produces.

use super::{Parked, ReplicaManager, absent};
use crate::broker::outbox::Env;
use crate::broker::partition::{Partition, Refused};
use crate::broker::purgatory::{Answer, Delayed, Hosted, Operation, Requester, WatchKey};
use crate::log::{LogAppendInfo, Records};
use crate::protocol::{
    ErrorCode, Fact, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicPartition,
    is_internal_topic,
};
use smallvec::SmallVec;

/// What became of the records of the first few partitions, and whether the high watermark has moved with
/// them.
#[derive(Debug, Default)]
pub(crate) struct Appended(SmallVec<[(Result<LogAppendInfo, Refused>, bool); 1]>);

impl Appended {
    /// How many partitions have had their turn.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// A produce with acks=all.
#[derive(Debug)]
pub(crate) struct DelayedProduce {
    responses: Vec<PartitionProduceResponse>,
    required: Required,
}

/// Of each partition the offset that it waits for; `None` once its outcome is known.
type Required = SmallVec<[Option<i64>; 2]>;

impl ReplicaManager {
    /// P1: appends what a produce brings for its next partition. Only a coordinator of this broker may write
    /// to `internal` topics.
    pub(crate) fn append_next(
        &mut self,
        env: &mut Env<'_>,
        request: &ProduceRequest,
        appended: &mut Appended,
        internal: bool,
    ) {
        if let Some((name, records)) = request.data.get(appended.count()) {
            let one = self.append(env, name, records, request.acks, internal);
            appended.0.push(one);
        }
    }

    /// P2 to P4, P7, D18, RK17, with the records in the log. Answers at once unless acks=all has to wait.
    pub(crate) fn finish_produce(
        &mut self,
        env: &mut Env<'_>,
        to: Requester,
        request: &ProduceRequest,
        appended: Appended,
    ) -> Option<Parked> {
        let mut responses = Vec::with_capacity(request.data.len());
        let mut required = Required::new();
        for ((name, _), (one, _)) in request.data.iter().zip(&appended.0) {
            let (response, offset) = match one {
                Ok(info) => (produced(name, info), Some(info.last_offset + 1)),
                Err(refused) => {
                    env.out.facts.push(Fact::ProduceRefused {
                        partition: name.clone(),
                        error: refused.error,
                    });
                    (not_produced(name, refused), None)
                }
            };
            responses.push(response);
            required.push(offset);
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
            // P2: answers once every partition's outcome is known.
            -1 => {
                let stored = request.data.iter().zip(&appended.0);
                let stored = stored.filter(|(_, (one, _))| one.is_ok());
                let keys = stored.map(|((name, _), _)| WatchKey::Replication(name.clone()));
                let waits = DelayedProduce {
                    responses,
                    required,
                };
                let delayed = Delayed::new(to, Operation::Produce(waits));
                self.complete_or_park(env, delayed, keys, request.timeout_ms)
            }
            _ => {
                env.out
                    .answers
                    .push(Answer::now(to, produce_response(responses)));
                None
            }
        };
        // Who waits for what has grown may go on; what failed unblocks nobody (LeaderHwChange.NONE).
        for ((name, _), (one, high_watermark_moved)) in request.data.iter().zip(appended.0) {
            if one.is_ok() {
                self.complete(env, name, high_watermark_moved, true);
            }
        }
        parked
    }

    /// What became of a partition's records, and whether the high watermark has moved with them.
    fn append(
        &mut self,
        env: &mut Env<'_>,
        name: &TopicPartition,
        records: &Records,
        acks: i16,
        internal: bool,
    ) -> (Result<LogAppendInfo, Refused>, bool) {
        let partition = match self.partition_to_append(env, name, records, acks, internal) {
            Ok(partition) => partition,
            Err(error) => return (Err(error.into()), false),
        };
        let one = partition.append_records_to_leader(env, records, acks);
        // LK1: not before the flush that an append may ask for is done.
        let moved = one.is_ok()
            && !env.disk.has_waited()
            && partition.maybe_increment_leader_high_watermark(env);
        (one, moved)
    }

    fn partition_to_append(
        &mut self,
        env: &Env<'_>,
        name: &TopicPartition,
        records: &Records,
        acks: i16,
        internal: bool,
    ) -> Result<&mut Partition, ErrorCode> {
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
        if is_internal_topic(&name.topic) && !internal {
            return Err(ErrorCode::InvalidTopicException);
        }
        let partition = self.partitions.get_mut(name);
        partition.ok_or(ErrorCode::NotLeaderOrFollower)
    }

    fn advance(&mut self, env: &mut Env<'_>, name: &TopicPartition) -> bool {
        let partition = self.partitions.get_mut(name);
        partition.is_some_and(|it| it.maybe_increment_leader_high_watermark(env))
    }

    /// LK1: the flush is done, what was appended last counts.
    pub(crate) fn on_flushed(
        &mut self,
        env: &mut Env<'_>,
        request: &ProduceRequest,
        appended: &mut Appended,
    ) {
        let last = request.data.get(..appended.count()).and_then(<[_]>::last);
        if let (Some((name, _)), Some((one, moved))) = (last, appended.0.last_mut()) {
            *moved |= one.is_ok() && self.advance(env, name);
        }
    }

    /// LK3: what a follower has acknowledged counts.
    pub(crate) fn on_acknowledged(&mut self, env: &mut Env<'_>, name: &TopicPartition) {
        if self.advance(env, name) {
            self.complete(env, name, true, true);
        }
    }
}

impl DelayedProduce {
    /// P2.
    pub(crate) fn try_complete(&mut self, hosted: &mut Hosted<'_, '_>) -> bool {
        let mut all = true;
        for (response, required) in self.responses.iter_mut().zip(&mut self.required) {
            let Some(offset) = *required else {
                continue;
            };
            let name = &response.partition;
            let outcome = match hosted.partitions.get(name) {
                None => Some(absent(hosted.env.cache, name)),
                Some(partition) => partition.check_enough_replicas_reach_offset(offset),
            };
            match outcome {
                None => all = false,
                Some(error) => {
                    *required = None;
                    response.error = error;
                    if !error.is_none() {
                        hosted.env.out.facts.push(Fact::ProduceRefused {
                            partition: name.clone(),
                            error,
                        });
                    }
                }
            }
        }
        all
    }

    /// P3.
    pub(crate) fn on_expiration(&mut self, hosted: &mut Hosted<'_, '_>) {
        for (response, required) in self.responses.iter_mut().zip(&mut self.required) {
            if required.take().is_some() {
                response.error = ErrorCode::RequestTimedOut;
                hosted.env.out.facts.push(Fact::ProduceRefused {
                    partition: response.partition.clone(),
                    error: response.error,
                });
            }
        }
    }

    pub(crate) fn into_response(self) -> ProduceResponse {
        produce_response(self.responses)
    }
}

fn produce_response(responses: Vec<PartitionProduceResponse>) -> ProduceResponse {
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
        record_errors: Vec::new(),
    }
}

fn not_produced(name: &TopicPartition, refused: &Refused) -> PartitionProduceResponse {
    PartitionProduceResponse {
        partition: name.clone(),
        error: refused.error,
        record_errors: refused.records.clone(),
        current_leader: None,
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
    }
}
