//! LeaderAndIsr, StopReplica and UpdateMetadata: one at a time, in the order in which they came (class
//! `ReplicaManager`, `replicaStateChangeLock`; rules CT27, CT28, CT31, HW7, A7, Z4, Z8, RK8).
//!
//! A LeaderAndIsr that brings a new partition asks for the topic's configuration while it holds the
//! lock; everything behind it waits, each with its request handler (LK8).
//!
//! May not know whether the controller that speaks is still one: only that no newer epoch has been heard
//! of.

mod leader_and_isr_job;

use super::leadership_changes::LeadershipChanges;
use super::locks::Interrupted;
use super::outbox::Env;
use super::partition::Partition;
use super::purgatory::{Answer, Pending};
use super::replica_fetcher::InitialFetchState;
use super::{Broker, BrokerOutput};
use crate::kernel::Hold;
use crate::log::log_dir::partition_dir_name;
use crate::protocol::rules::{ControllerEpochCheck, StopReplicaEpoch};
use crate::protocol::{
    BrokerTimer, Ctx, Errand, ErrorCode, Fact, LeaderAndIsrPartitionState, LeaderAndIsrRequest,
    LeaderAndIsrResponse, Lock, StopReplicaPartitionState, StopReplicaRequest, StopReplicaResponse,
    TopicPartition, UpdateMetadataRequest, UpdateMetadataResponse,
};
use leader_and_isr_job::{LeaderAndIsrJob, topic_id_of};
use std::collections::VecDeque;
use std::rc::Rc;

/// `LeaderAndIsr.EpochDuringDelete` and `NoEpoch`: a StopReplica that is obeyed in any epoch.
const EPOCH_DURING_DELETE: i32 = -2;
const NO_EPOCH: i32 = -1;

/// A request that needs the lock.
#[derive(Debug)]
pub(crate) enum StateChange {
    LeaderAndIsr(Box<LeaderAndIsrRequest>),
    StopReplica(Box<StopReplicaRequest>),
    UpdateMetadata(Box<UpdateMetadataRequest>),
}

/// The lock: who holds it, and who waits.
#[derive(Debug, Default)]
pub(crate) struct ReplicaStateChanges {
    waiting: VecDeque<(Pending, StateChange)>,
    running: Option<LeaderAndIsrJob>,
    /// Request handlers stand still meanwhile.
    handlers_wait: bool,
    /// Controller epoch and broker epoch of the last request that was obeyed.
    obeyed: Option<(i32, i64)>,
}

impl Broker {
    pub(crate) fn enqueue_state_change(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        change: StateChange,
    ) {
        self.state_changes.waiting.push_back((to, change));
        self.run_state_changes(ctx);
        if self.state_changes.running.is_some() {
            self.state_changes.handlers_wait = true;
            ctx.stand_still();
        }
    }

    /// Works until nothing waits, or a configuration has to be answered first.
    pub(crate) fn run_state_changes(&mut self, ctx: &mut Ctx<'_>) {
        self.run_unlocked(ctx);
        let changes = &mut self.state_changes;
        if changes.running.is_none() && std::mem::take(&mut changes.handlers_wait) {
            ctx.move_on();
        }
        if ctx.disk().has_waited() {
            let lock = (Lock::ReplicaStateChange, Hold::Alone);
            self.out.locks.push(lock);
        }
    }

    fn run_unlocked(&mut self, ctx: &mut Ctx<'_>) {
        loop {
            while self.state_changes.running.is_some() {
                if !self.has_locks_of_next_step(ctx) {
                    return;
                }
                let Some(mut job) = self.state_changes.running.take() else {
                    return;
                };
                if std::mem::take(&mut job.stops_fetching) {
                    for place in &job.to_lead {
                        let state = &job.request.partition_states[*place];
                        self.fetchers.remove(&state.partition);
                    }
                } else if let Some(place) = job.next() {
                    let replicas = &mut self.replicas;
                    let env = &mut env!(self, ctx);
                    if !job.advance(env, replicas, self.id, &self.configurations, place) {
                        self.state_changes.running = Some(job);
                        return;
                    }
                } else {
                    self.finish_leader_and_isr(ctx, job);
                    break;
                }
                self.state_changes.running = Some(job);
            }
            let Some((to, change)) = self.state_changes.waiting.pop_front() else {
                return;
            };
            match change {
                StateChange::LeaderAndIsr(request) => self.begin_leader_and_isr(ctx, to, request),
                StateChange::StopReplica(request) => self.stop_replicas(ctx, to, &request),
                StateChange::UpdateMetadata(request) => self.update_metadata(ctx, to, *request),
            }
        }
    }

    /// LK9: a LeaderAndIsr goes partition by partition, with the locks of that one (and before and after them the
    /// fetchers'). False if one is taken: it goes on once that is free.
    fn has_locks_of_next_step(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let Some(job) = self
            .state_changes
            .running
            .as_ref()
            .filter(|_| ctx.any_locks())
        else {
            return true;
        };
        let next = job.next().filter(|_| !job.stops_fetching);
        let fetchers = match job.stops_fetching {
            true => !job.to_lead.is_empty(),
            false => next.is_none() && !job.following.is_empty(),
        };
        let state = next.map(|place| &job.request.partition_states[place]);
        let mut wanted = self.state_change_locks(state.map(|state| &state.partition).into_iter());
        if !fetchers {
            wanted.retain(|(lock, _)| !matches!(lock, Lock::PartitionMap(_)));
        }
        let again = Interrupted::Task(BrokerTimer::StateChange);
        let has_waited = ctx.disk().has_waited();
        if has_waited && wanted.iter().any(|(lock, how)| !ctx.is_free(lock, *how)) {
            // What it has changed so far is locked until the device has it.
            self.finish_after_flush(ctx, again);
            return false;
        }
        self.unless_taken(ctx, wanted, again).is_some()
    }

    /// Z4.
    fn is_of_an_older_controller(&self, controller_epoch: i32) -> bool {
        self.config.rules.controller_epoch_check == ControllerEpochCheck::On
            && controller_epoch < self.replicas.controller_epoch
    }

    fn obey(&mut self, controller_epoch: i32, broker_epoch: i64) {
        assert!(
            !self.is_of_an_older_controller(controller_epoch),
            "controller epoch {controller_epoch} is obeyed after {}",
            self.replicas.controller_epoch
        );
        self.replicas.controller_epoch = controller_epoch;
        let now = Some((controller_epoch, broker_epoch));
        if std::mem::replace(&mut self.state_changes.obeyed, now) != now {
            self.out.facts.push(Fact::ControllerObeyed {
                controller_epoch,
                broker_epoch,
            });
        }
    }

    fn begin_leader_and_isr(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: Box<LeaderAndIsrRequest>,
    ) {
        if self.is_of_an_older_controller(request.controller_epoch) {
            let response = LeaderAndIsrResponse {
                error: ErrorCode::StaleControllerEpoch,
                partition_errors: request
                    .partition_states
                    .iter()
                    .map(|state| (state.partition.clone(), ErrorCode::StaleControllerEpoch))
                    .collect(),
            };
            self.out.answers.push(Answer::now(to, response));
            return;
        }
        self.obey(request.controller_epoch, request.broker_epoch);
        let mut job = LeaderAndIsrJob::new(to, request);
        job.check(&mut env!(self, ctx), &mut self.replicas, self.id);
        self.state_changes.running = Some(job);
    }

    /// CT28: those that are followed anew answer what was parked with them, and begin to fetch.
    fn finish_leader_and_isr(&mut self, ctx: &mut Ctx<'_>, job: LeaderAndIsrJob) {
        let states = &job.request.partition_states;
        for place in &job.following {
            self.fetchers.remove(&states[*place].partition);
        }
        for place in &job.following {
            let name = &states[*place].partition;
            self.replicas
                .complete(&mut env!(self, ctx), name, true, true);
        }
        if !self.shutting_down {
            for place in &job.following {
                self.begin_to_fetch(ctx, &job.request, &states[*place]);
            }
            let replicas = &mut self.replicas;
            self.fetchers
                .truncate_to_high_watermarks(&mut env!(self, ctx), replicas);
        }
        self.start_high_watermark_checkpoint(ctx);
        self.fetchers.shutdown_idle(ctx, &mut self.connections);
        self.run_fetchers(ctx);
        self.on_leadership_change(ctx, job.changes());
        assert!(
            job.errors.len() == states.len() && job.next().is_none() && job.reading.is_none(),
            "a LeaderAndIsr is answered once each of its partitions has been"
        );
        let response = LeaderAndIsrResponse {
            error: ErrorCode::None,
            partition_errors: job.errors,
        };
        self.out.answers.push(Answer::now(job.to, response));
    }

    fn begin_to_fetch(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &LeaderAndIsrRequest,
        state: &LeaderAndIsrPartitionState,
    ) {
        let cache = &self.metadata_cache;
        let leader = self
            .connections
            .node_of(ctx, cache, state.leader, Errand::Follow);
        let (Some(node), Some(partition)) = (leader, self.replicas.partition(&state.partition))
        else {
            return;
        };
        let Some(log) = partition.log() else {
            return;
        };
        let initial = InitialFetchState {
            partition: state.partition.clone(),
            leader: state.leader,
            node,
            topic_id: topic_id_of(request, &state.partition),
            leader_epoch: partition.leader_epoch(),
        };
        self.fetchers.add(&initial, log);
    }

    /// Z8: stops fetching; deletes if told to. A leader that is only stopped stays what it was.
    fn stop_replicas(&mut self, ctx: &mut Ctx<'_>, to: Pending, request: &StopReplicaRequest) {
        if self.is_of_an_older_controller(request.controller_epoch) {
            let response = StopReplicaResponse {
                error: ErrorCode::StaleControllerEpoch,
                partition_errors: Vec::new(),
            };
            self.out.answers.push(Answer::now(to, response));
            return;
        }
        self.obey(request.controller_epoch, request.broker_epoch);
        let mut partition_errors = Vec::with_capacity(request.partition_states.len());
        let mut changes = LeadershipChanges::default();
        for state in &request.partition_states {
            let error = match self.is_of_an_older_leader(state) {
                true => ErrorCode::FencedLeaderEpoch,
                false => self.stop_replica(ctx, state),
            };
            if state.delete_partition && error.is_none() {
                let epoch = (state.leader_epoch >= 0).then_some(state.leader_epoch);
                changes.lost.push((state.partition.clone(), epoch));
            }
            partition_errors.push((state.partition.clone(), error));
        }
        self.on_leadership_change(ctx, changes);
        self.fetchers.shutdown_idle(ctx, &mut self.connections);
        let response = StopReplicaResponse {
            error: ErrorCode::None,
            partition_errors,
        };
        self.out.answers.push(Answer::now(to, response));
    }

    /// Z8.
    fn is_of_an_older_leader(&self, state: &StopReplicaPartitionState) -> bool {
        let older = |partition: &Partition| state.leader_epoch < partition.leader_epoch();
        self.config.rules.stop_replica_epoch == StopReplicaEpoch::On
            && !matches!(state.leader_epoch, EPOCH_DURING_DELETE | NO_EPOCH)
            && self.replicas.partition(&state.partition).is_some_and(older)
    }

    fn stop_replica(&mut self, ctx: &mut Ctx<'_>, state: &StopReplicaPartitionState) -> ErrorCode {
        let name = &state.partition;
        self.fetchers.remove(name);
        let mut error = ErrorCode::None;
        if state.delete_partition {
            self.replicas.remove(&mut env!(self, ctx), name);
            drop(self.replicas.logs.take(name));
            error = self.delete_directory(ctx, name);
        } else {
            self.replicas
                .complete(&mut env!(self, ctx), name, true, true);
        }
        self.out.facts.push(Fact::ReplicaStopped {
            partition: name.clone(),
            deleted: state.delete_partition,
        });
        error
    }

    /// `asyncDelete`: the directory gets another name at once and goes after `file.delete.delay.ms`.
    fn delete_directory(&mut self, ctx: &mut Ctx<'_>, name: &TopicPartition) -> ErrorCode {
        let dir = format!(
            "{}/{}",
            super::log_manager::DATA_DIR,
            partition_dir_name(&name.topic, name.partition)
        );
        if !ctx.disk().is_dir(&dir) {
            return ErrorCode::None;
        }
        let unique =
            (u128::from(ctx.random().next_u64()) << 64) | u128::from(ctx.random().next_u64());
        let marked = format!("{dir}.{unique:032x}-delete");
        match ctx.disk().rename(&dir, &marked) {
            Ok(()) => {
                self.delete_log_later(ctx, marked);
                ErrorCode::None
            }
            Err(error) => {
                self.out
                    .log_dir_failed
                    .get_or_insert_with(|| format!("{dir}: {error}"));
                ErrorCode::KafkaStorageError
            }
        }
    }

    /// CT31.
    fn update_metadata(&mut self, ctx: &mut Ctx<'_>, to: Pending, request: UpdateMetadataRequest) {
        if self.is_of_an_older_controller(request.controller_epoch) {
            let error = ErrorCode::StaleControllerEpoch;
            return self.answer_now(to, UpdateMetadataResponse { error });
        }
        let deleted = Rc::make_mut(&mut self.metadata_cache).update(&request);
        self.obey(request.controller_epoch, request.broker_epoch);
        if !deleted.is_empty() {
            self.groups.on_partitions_deleted(ctx, &deleted);
        }
        let error = ErrorCode::None;
        self.answer_now(to, UpdateMetadataResponse { error });
        self.complete_elections(ctx, &request);
        self.outputs.push(BrokerOutput::MetadataUpdated {
            cache: Rc::clone(&self.metadata_cache),
            request: Rc::new(request),
        });
    }
}
