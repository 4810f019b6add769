//! DeleteRecords: the leader raises its log start, and answers once every replica that is alive has raised
//! its own (classes `ReplicaManager.deleteRecords`, `DelayedDeleteRecords`; L5, RL11, RK15, LK11).
//!
//! May not know where followers' logs begin but by their fetches.

use super::Broker;
use super::locks::{Interrupted, append_locks};
use super::outbox::Env;
use super::partition::Partition;
use super::purgatory::{Delayed, Hosted, Operation, Pending, WatchKey};
use super::replica_manager::{Parked, ReplicaManager};
use crate::protocol::{
    Ctx, DeleteRecordsRequest, DeleteRecordsResponse, ErrorCode, Fact, HIGH_WATERMARK,
    LogStartReason, TopicPartition, is_internal_topic,
};

/// One that waits for followers.
#[derive(Debug)]
pub(crate) struct DelayedDeleteRecords {
    partitions: Vec<Deletion>,
}

#[derive(Debug)]
struct Deletion {
    partition: TopicPartition,
    low_watermark: i64,
    error: ErrorCode,
    /// Where the low watermark has to come to; `None` once that is decided.
    waits_for: Option<i64>,
}

/// A DeleteRecords, and how far it has come.
#[derive(Debug)]
pub(super) struct DeleteRecords {
    to: Pending,
    request: Box<DeleteRecordsRequest>,
    done: Vec<Deletion>,
}

impl DeleteRecords {
    pub(super) fn new(to: Pending, request: Box<DeleteRecordsRequest>) -> Self {
        DeleteRecords {
            to,
            done: Vec::with_capacity(request.partitions.len()),
            request,
        }
    }

    fn next_partition(&self) -> Option<&TopicPartition> {
        let next = self.request.partitions.get(self.done.len());
        next.map(|(name, _)| name)
    }
}

impl Broker {
    /// LK11: carries it out partition by partition, or as much of it as can be done without waiting.
    pub(super) fn delete_records(&mut self, ctx: &mut Ctx<'_>, mut deletion: DeleteRecords) {
        while let Some(name) = deletion.next_partition() {
            if ctx.any_locks() {
                let wanted = append_locks(name).into();
                let free = self.unless_taken(ctx, wanted, Interrupted::DeleteRecords(deletion));
                let Some(Interrupted::DeleteRecords(free)) = free else {
                    return;
                };
                deletion = free;
            }
            self.replicas
                .delete_next_records(&mut env!(self, ctx), &mut deletion);
            if ctx.any_locks() {
                ctx.give_back(&[]);
            }
        }
        let parked = self
            .replicas
            .finish_delete_records(&mut env!(self, ctx), deletion);
        if let Some(parked) = parked {
            self.park(ctx, parked);
        }
    }
}

impl ReplicaManager {
    fn delete_next_records(&mut self, env: &mut Env<'_>, deletion: &mut DeleteRecords) {
        if let Some((name, offset)) = deletion.request.partitions.get(deletion.done.len()) {
            let asked = self.delete_records_on_leader(env, name, *offset);
            deletion.done.push(Deletion {
                partition: name.clone(),
                low_watermark: -1,
                error: asked.err().unwrap_or(ErrorCode::None),
                waits_for: asked.ok(),
            });
        }
    }

    /// Answers at once, unless followers have to follow first.
    fn finish_delete_records(
        &mut self,
        env: &mut Env<'_>,
        deletion: DeleteRecords,
    ) -> Option<Parked> {
        let partitions = deletion.done;
        let operation = Operation::DeleteRecords(DelayedDeleteRecords { partitions });
        let delayed = Delayed::new(deletion.to, operation);
        let timeout_ms = deletion.request.timeout_ms;
        self.complete_or_park(env, delayed, vec![WatchKey::LogStarts], timeout_ms)
    }

    /// The offset that the low watermark has to reach.
    fn delete_records_on_leader(
        &mut self,
        env: &mut Env<'_>,
        name: &TopicPartition,
        offset: i64,
    ) -> Result<i64, ErrorCode> {
        if is_internal_topic(&name.topic) {
            return Err(ErrorCode::InvalidTopicException);
        }
        if env.cache.partition(name).is_none() {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        match self.partition_mut(name) {
            None => Err(ErrorCode::NotLeaderOrFollower),
            Some(partition) => partition.delete_records_on_leader(env, offset),
        }
    }

    /// Answers those whose followers have followed.
    pub(crate) fn complete_deletes(&mut self, env: &mut Env<'_>) {
        self.check_and_complete(env, &WatchKey::LogStarts);
    }
}

impl DelayedDeleteRecords {
    pub(crate) fn try_complete(&mut self, hosted: &mut Hosted<'_, '_>) -> bool {
        for one in &mut self.partitions {
            let Some(offset) = one.waits_for else {
                continue;
            };
            let partition = hosted.partitions.get(&one.partition);
            match partition.and_then(|partition| partition.low_watermark(hosted.env)) {
                None => (one.error, one.waits_for) = (ErrorCode::NotLeaderOrFollower, None),
                Some(low_watermark) => {
                    one.low_watermark = low_watermark;
                    one.waits_for = (low_watermark < offset).then_some(offset);
                }
            }
        }
        self.partitions.iter().all(|one| one.waits_for.is_none())
    }

    pub(crate) fn on_expiration(&mut self) {
        for one in &mut self.partitions {
            if one.waits_for.is_some() {
                one.error = ErrorCode::RequestTimedOut;
            }
        }
    }

    pub(crate) fn into_response(self) -> DeleteRecordsResponse {
        let partitions = self.partitions.into_iter().map(|one| {
            let low_watermark = match one.error {
                ErrorCode::None => one.low_watermark,
                _ => -1,
            };
            (one.partition, low_watermark, one.error)
        });
        DeleteRecordsResponse {
            partitions: partitions.collect(),
        }
    }
}

impl Partition {
    /// Raises the log start; the offset that `HIGH_WATERMARK` stands for.
    fn delete_records_on_leader(
        &mut self,
        env: &mut Env<'_>,
        offset: i64,
    ) -> Result<i64, ErrorCode> {
        if !self.is_leader() {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let name = self.name().clone();
        let log = self.log_mut().ok_or(ErrorCode::NotLeaderOrFollower)?;
        let offset = match offset {
            HIGH_WATERMARK => log.high_watermark(),
            offset if offset < 0 => return Err(ErrorCode::OffsetOutOfRange),
            offset => offset,
        };
        let rose = log
            .maybe_increment_log_start_offset(env.disk, offset)
            .map_err(|error| env.out.log_error(&error))?;
        if rose {
            env.out.facts.push(Fact::LogStartMoved {
                partition: name,
                log_start_offset: offset,
                reason: LogStartReason::Asked,
            });
        }
        Ok(offset)
    }

    /// The lowest log start of the replicas that are alive, if this broker leads.
    fn low_watermark(&self, env: &Env<'_>) -> Option<i64> {
        let own = self.log().filter(|_| self.is_leader())?.log_start_offset();
        let others = self.remote_log_starts();
        let alive = others.filter(|(broker, _)| env.cache.is_alive(*broker));
        Some(alive.map(|(_, start)| start).fold(own, i64::min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::testing::*;
    use crate::kernel::ConnId;
    use crate::protocol::Response;
    use crate::protocol::config::BrokerConfig;
    use std::rc::Rc;

    fn deleted(world: &mut World) -> Vec<(i64, ErrorCode)> {
        let answers = std::mem::take(&mut world.out.answers);
        let of = |answer: crate::broker::purgatory::Answer| match answer.response {
            Some(Response::DeleteRecords(response)) => {
                let (_, low_watermark, error) = response.partitions[0].clone();
                (low_watermark, error)
            }
            other => panic!("{other:?}"),
        };
        answers.into_iter().map(of).collect()
    }

    fn ask(world: &mut World, manager: &mut ReplicaManager, offset: i64) -> Option<Parked> {
        let to = Pending {
            conn: ConnId(7),
            correlation_id: 1,
        };
        let request = DeleteRecordsRequest {
            partitions: vec![(t0(), offset)],
            timeout_ms: 500,
        };
        let mut deletion = DeleteRecords::new(to, request.into());
        manager.delete_next_records(&mut world.env(), &mut deletion);
        manager.finish_delete_records(&mut world.env(), deletion)
    }

    /// Broker 1 leads t-0, alone or with broker 2, with ten records below the high watermark.
    fn manager(world: &mut World, isr: &[i32]) -> ReplicaManager {
        let mut manager = ReplicaManager::new(1, Rc::new(BrokerConfig::default()));
        let mut partition = world.leader(isr, 1);
        for _ in 0..5 {
            partition
                .append_records_to_leader(&mut world.env(), &batch(2), 1)
                .unwrap();
        }
        let log = partition.log_mut().unwrap();
        log.update_high_watermark(10);
        manager.insert_for_test(partition);
        world.facts();
        manager
    }

    #[test]
    fn l5_a_leader_alone_answers_at_once_and_never_deletes_above_the_high_watermark() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1]);
        world.alive(&[1]);
        assert_eq!(ask(&mut world, &mut manager, 4), None);
        assert_eq!(deleted(&mut world), [(4, ErrorCode::None)]);
        let asked = Fact::LogStartMoved {
            partition: t0(),
            log_start_offset: 4,
            reason: LogStartReason::Asked,
        };
        assert!(world.facts().contains(&asked));
        assert_eq!(ask(&mut world, &mut manager, 2), None);
        assert_eq!(
            deleted(&mut world),
            [(4, ErrorCode::None)],
            "it never falls"
        );
        assert_eq!(ask(&mut world, &mut manager, 11), None);
        assert_eq!(deleted(&mut world), [(-1, ErrorCode::OffsetOutOfRange)]);
        assert_eq!(ask(&mut world, &mut manager, HIGH_WATERMARK), None);
        assert_eq!(deleted(&mut world), [(10, ErrorCode::None)]);
    }

    #[test]
    fn l5_the_answer_waits_for_followers_that_are_alive() {
        let mut world = World::new();
        let mut manager = manager(&mut world, &[1, 2]);
        let parked = ask(&mut world, &mut manager, 4).expect("a follower is to follow");
        assert_eq!(deleted(&mut world), []);
        manager.expire(&mut world.env(), parked.op);
        assert_eq!(deleted(&mut world), [(-1, ErrorCode::RequestTimedOut)]);
        ask(&mut world, &mut manager, 5).expect("it has not followed");
        world.alive(&[1]);
        manager.complete_deletes(&mut world.env());
        assert_eq!(deleted(&mut world), [(5, ErrorCode::None)]);
    }
}
