//! One match over all requests that a broker serves (class `KafkaApis`).
//!
//! Answers leave at once, or wait in the purgatory, behind the replica state change lock, or with the
//! controller and the admin manager of the same process; until then the connection is not read.
//!
//! May not know whether the client still waits.

use super::locks::Interrupted;
use super::outbox::Env;
use super::purgatory::{Answer, OpId, Pending};
use super::replica_manager::{Appended, Parked};
use super::replica_state_change::StateChange;
use super::{Broker, BrokerOutput};
use crate::kernel::{Duration, TimerId};
use crate::protocol::rules::BrokerEpochFencing;
use crate::protocol::{
    BrokerTimer, Ctx, ElectLeadersRequest, ElectLeadersResponse, ErrorCode, KafkaRequest,
    LeaderAndIsrResponse, ProduceRequest, Request, Response, StopReplicaResponse, Timer,
    TopicPartition, UpdateMetadataRequest, UpdateMetadataResponse,
};

/// A request that the controller or the admin manager of this process works on.
#[derive(Debug)]
pub(super) struct Forwarded {
    to: Pending,
    election: Option<Election>,
}

/// What has to be remembered of ElectLeaders until the controller has answered.
#[derive(Debug)]
struct Election {
    timeout_ms: i32,
    /// Leader epochs in the metadata cache when the request came.
    epochs: Vec<(TopicPartition, i32)>,
}

/// An election that is answered once the metadata cache shows the new leaders
/// (`DelayedElectLeader`).
#[derive(Debug)]
pub(super) struct DelayedElection {
    op: OpId,
    to: Pending,
    timer: TimerId,
    response: ElectLeadersResponse,
    waits_for: Vec<(TopicPartition, i32)>,
}

impl Broker {
    pub(super) fn handle(&mut self, ctx: &mut Ctx<'_>, to: Pending, request: KafkaRequest) {
        match request.body {
            Request::Produce(request) => {
                let mut env = env!(self, ctx);
                let appended = self.replicas.append_records(&mut env, &request);
                if env.disk.has_waited() && env.out.log_dir_failed.is_none() {
                    let what = Interrupted::Produce {
                        to,
                        request,
                        appended,
                    };
                    self.finish_after_flush(ctx, what);
                } else {
                    self.finish_produce(ctx, to, &request, appended);
                }
                if ctx.buggify("early checkpoint") {
                    self.checkpoint_early(ctx);
                }
            }
            Request::Fetch(mut request) => {
                if ctx.buggify("short fetch") {
                    // F1: at least one batch, whatever the limit.
                    request.max_bytes = 1;
                }
                let parked = self.replicas.fetch(&mut env!(self, ctx), to, request);
                if let Some(parked) = parked {
                    self.park(ctx, parked);
                }
            }
            Request::DeleteRecords(request) => {
                let parked = self
                    .replicas
                    .delete_records(&mut env!(self, ctx), to, &request);
                if let Some(parked) = parked {
                    self.park(ctx, parked);
                }
            }
            Request::ListOffsets(request) => {
                let response = self.replicas.list_offsets(&mut env!(self, ctx), &request);
                self.answer_now(to, response);
            }
            Request::OffsetForLeaderEpoch(request) => {
                let response = self
                    .replicas
                    .offset_for_leader_epoch(&env!(self, ctx), &request);
                self.answer_now(to, response);
            }
            Request::Metadata(request) => {
                let response = self.metadata_cache.metadata(&request, &self.cluster_id);
                self.answer_now(to, response);
            }
            Request::LeaderAndIsr(request) => {
                if self.is_stale(request.broker_epoch) {
                    let error = ErrorCode::StaleBrokerEpoch;
                    let refused = |state: &crate::protocol::LeaderAndIsrPartitionState| {
                        (state.partition.clone(), error)
                    };
                    let partition_errors = request.partition_states.iter().map(refused).collect();
                    let response = LeaderAndIsrResponse {
                        error,
                        partition_errors,
                    };
                    self.answer_now(to, response);
                } else {
                    self.enqueue_state_change(ctx, to, StateChange::LeaderAndIsr(request));
                }
            }
            Request::StopReplica(request) => {
                if self.is_stale(request.broker_epoch) {
                    let response = StopReplicaResponse {
                        error: ErrorCode::StaleBrokerEpoch,
                        partition_errors: Vec::new(),
                    };
                    self.answer_now(to, response);
                } else {
                    self.enqueue_state_change(ctx, to, StateChange::StopReplica(request));
                }
            }
            Request::UpdateMetadata(request) => {
                if self.is_stale(request.broker_epoch) {
                    let error = ErrorCode::StaleBrokerEpoch;
                    self.answer_now(to, UpdateMetadataResponse { error });
                } else {
                    self.enqueue_state_change(ctx, to, StateChange::UpdateMetadata(request));
                }
            }
            body @ (Request::AlterPartition(_) | Request::ControlledShutdown(_)) => {
                let token = self.forward(to, None);
                self.outputs
                    .push(BrokerOutput::ToController { token, body });
            }
            Request::ElectLeaders(request) => {
                let election = self.remember_epochs(&request);
                let token = self.forward(to, Some(election));
                let body = Request::ElectLeaders(request);
                self.outputs
                    .push(BrokerOutput::ToController { token, body });
            }
            body @ (Request::CreateTopics(_) | Request::IncrementalAlterConfigs(_)) => {
                let token = self.forward(to, None);
                self.outputs.push(BrokerOutput::ToAdmin { token, body });
            }
        }
    }

    pub(super) fn finish_produce(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: &ProduceRequest,
        appended: Appended,
    ) {
        let now = ctx.now();
        let mut env = env!(self, ctx);
        let parked = self
            .replicas
            .finish_produce(&mut env, now, to, request, appended);
        if let Some(parked) = parked {
            self.park(ctx, parked);
            self.watch_for_stalls(ctx);
        }
    }

    fn answer_now(&mut self, to: Pending, response: impl Into<Response>) {
        self.out.answers.push(Answer::now(to, response));
    }

    fn park(&mut self, ctx: &mut Ctx<'_>, parked: Parked) {
        let timeout = Duration::from_millis(u64::try_from(parked.timeout_ms).unwrap_or(0));
        let timer = ctx.set_timer(timeout, Timer::Broker(BrokerTimer::Purgatory(parked.op)));
        self.replicas.purgatory.set_timer(parked.op, timer);
    }

    /// Z5: from a controller that knew an earlier life of this broker. A higher epoch than its own
    /// is one that this broker has yet to hear of.
    fn is_stale(&self, broker_epoch: i64) -> bool {
        self.config.rules.broker_epoch_fencing == BrokerEpochFencing::On
            && broker_epoch != -1
            && broker_epoch < self.broker_epoch
    }

    fn forward(&mut self, to: Pending, election: Option<Election>) -> u64 {
        self.next_token += 1;
        self.forwarded
            .insert(self.next_token, Forwarded { to, election });
        self.next_token
    }

    // ---- elections

    fn remember_epochs(&self, request: &ElectLeadersRequest) -> Election {
        let known = |partition: &TopicPartition| {
            let state = self.metadata_cache.partition(partition);
            (
                partition.clone(),
                state.map_or(-1, |state| state.leader_epoch),
            )
        };
        let epochs = match &request.partitions {
            Some(partitions) => partitions.iter().map(known).collect(),
            None => self
                .metadata_cache
                .all_partitions()
                .map(|state| (state.partition.clone(), state.leader_epoch))
                .collect(),
        };
        Election {
            timeout_ms: request.timeout_ms,
            epochs,
        }
    }

    /// An answer of the controller or the admin manager of this process.
    pub(super) fn on_forwarded_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        token: u64,
        response: Response,
    ) {
        let Some(Forwarded { to, election }) = self.forwarded.remove(&token) else {
            return;
        };
        match (election, response) {
            (Some(election), Response::ElectLeaders(response)) => {
                self.await_new_leaders(ctx, to, election, *response);
            }
            (_, response) => self.answer_now(to, response),
        }
    }

    fn await_new_leaders(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        election: Election,
        response: ElectLeadersResponse,
    ) {
        let elected = |partition: &TopicPartition| {
            response
                .results
                .iter()
                .any(|(name, error)| name == partition && error.is_none())
        };
        let waits_for: Vec<_> = election
            .epochs
            .into_iter()
            .filter(|(partition, epoch)| elected(partition) && !self.is_newer(partition, *epoch))
            .collect();
        if waits_for.is_empty() {
            self.answer_now(to, response);
            return;
        }
        let op = self.replicas.purgatory.take_number();
        let timeout = Duration::from_millis(u64::try_from(election.timeout_ms).unwrap_or(0));
        let timer = ctx.set_timer(timeout, Timer::Broker(BrokerTimer::Purgatory(op)));
        self.elections.push(DelayedElection {
            op,
            to,
            timer,
            response,
            waits_for,
        });
    }

    fn is_newer(&self, partition: &TopicPartition, epoch: i32) -> bool {
        self.metadata_cache
            .partition(partition)
            .is_some_and(|state| state.leader_epoch > epoch)
    }

    /// Elections whose new leaders the metadata cache knows now.
    pub(super) fn complete_elections(&mut self, request: &UpdateMetadataRequest) {
        if self.elections.is_empty() || request.partition_states.is_empty() {
            return;
        }
        let mut elections = std::mem::take(&mut self.elections);
        for election in &mut elections {
            election
                .waits_for
                .retain(|(partition, epoch)| !self.is_newer(partition, *epoch));
        }
        for election in elections {
            if election.waits_for.is_empty() {
                self.out.answers.push(Answer {
                    timer: Some(election.timer),
                    ..Answer::now(election.to, election.response)
                });
            } else {
                self.elections.push(election);
            }
        }
    }

    /// The time of a parked request is up.
    pub(super) fn on_parked_expired(&mut self, ctx: &mut Ctx<'_>, op: OpId) {
        let Some(at) = self.elections.iter().position(|e| e.op == op) else {
            if !self.replicas.expire_delete(&mut env!(self, ctx), op) {
                self.replicas.expire(&mut env!(self, ctx), op);
            }
            return;
        };
        let mut election = self.elections.remove(at);
        for (name, error) in &mut election.response.results {
            if election
                .waits_for
                .iter()
                .any(|(waiting, _)| waiting == name)
            {
                *error = ErrorCode::RequestTimedOut;
            }
        }
        self.answer_now(election.to, election.response);
    }
}
