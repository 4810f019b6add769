//! One match over all requests that a broker serves (class `KafkaApis`).
//!
//! Answers leave at once, or wait in the purgatory, behind the replica state change lock, or with the
//! controller and the admin manager of the same process; until then the connection is not read.
//!
//! May not know whether the client still waits.

use super::delete_records::DeleteRecords;
use super::outbox::Env;
use super::produce::Produce;
use super::purgatory::{Answer, Pending};
use super::replica_manager::Parked;
use super::replica_state_change::StateChange;
use super::{Broker, BrokerOutput};
use crate::kernel::Duration;
use crate::protocol::rules::BrokerEpochFencing;
use crate::protocol::{
    ApiVersionsRequest, ApiVersionsResponse, BrokerTimer, Ctx, ErrorCode, KNOWN_VERSIONS,
    KafkaRequest, LeaderAndIsrResponse, Request, Response, StopReplicaResponse, Timer,
    UpdateMetadataResponse, versions_of_api_versions,
};
use crate::purgatory::OperationId;

impl Broker {
    pub(super) fn handle(&mut self, ctx: &mut Ctx<'_>, to: Pending, request: KafkaRequest) {
        match request.body {
            Request::Produce(request) => {
                self.produce(ctx, Produce::new(to.into(), request));
                if ctx.buggify("early checkpoint") {
                    self.checkpoint_early(ctx);
                }
            }
            Request::Fetch(mut request) => {
                if ctx.buggify("short fetch") {
                    // F1: at least one batch, whatever the limit.
                    request.max_bytes = 1;
                }
                let listener = self.config.listeners.on_port(ctx.port(to.conn));
                let mut env = env!(self, ctx);
                let parked = self.replicas.fetch(&mut env, to, request, listener);
                if let Some(parked) = parked {
                    self.park(ctx, parked);
                }
            }
            Request::DeleteRecords(request) => {
                self.delete_records(ctx, DeleteRecords::new(to, request));
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
            Request::Metadata(body) => self.on_metadata(ctx, to, &request.client_id, &body),
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
            Request::ElectLeaders(request) => self.forward_election(to, *request),
            Request::ApiVersions(request) => {
                let response = self.api_versions(&request);
                self.answer_now(to, response);
            }
            Request::InitProducerId(request) => {
                let response = self.init_producer_id(ctx, &request);
                self.answer_now(to, response);
            }
            body @ (Request::AlterPartition(_)
            | Request::ControlledShutdown(_)
            | Request::AllocateProducerIds(_)) => {
                let token = self.forward(to);
                self.outputs
                    .push(BrokerOutput::ToController { token, body });
            }
            body @ (Request::FindCoordinator(_)
            | Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(_)
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(_)
            | Request::DescribeGroups(_)
            | Request::ConsumerGroupDescribe(_)
            | Request::ListGroups(_)
            | Request::DeleteGroups(_)
            | Request::OffsetDelete(_)) => {
                self.handle_group_request(ctx, to, &request.client_id, body);
            }
            body @ (Request::CreateTopics(_)
            | Request::CreatePartitions(_)
            | Request::IncrementalAlterConfigs(_)) => {
                let token = self.forward(to);
                self.outputs.push(BrokerOutput::ToAdmin { token, body });
            }
        }
    }

    /// What comes before any lock is asked for: false if that is the answer already.
    pub(super) fn take_in(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: &mut KafkaRequest,
    ) -> bool {
        self.request_log.on_request(to, request);
        let Request::Fetch(fetch) = &mut request.body else {
            return true;
        };
        let mut env = env!(self, ctx);
        let client = &request.client_id;
        match self.fetch_manager.begin(&mut env, to, client, fetch) {
            Ok(()) => true,
            Err(refused) => {
                self.answer_now(to, refused);
                false
            }
        }
    }

    /// CN4: in a version that it does not know it says nothing but which ones of this request it does.
    fn api_versions(&self, request: &ApiVersionsRequest) -> ApiVersionsResponse {
        let known = versions_of_api_versions(self.config.version);
        match request.version <= known[0].max_version {
            true => ApiVersionsResponse {
                error: ErrorCode::None,
                api_keys: KNOWN_VERSIONS,
            },
            false => ApiVersionsResponse {
                error: ErrorCode::UnsupportedVersion,
                api_keys: known,
            },
        }
    }

    pub(super) fn answer_now(&mut self, to: Pending, response: impl Into<Response>) {
        self.out.answers.push(Answer::now(to, response));
    }

    pub(super) fn park(&mut self, ctx: &mut Ctx<'_>, parked: Parked) {
        let timeout = Duration::from_millis(u64::try_from(parked.timeout_ms).unwrap_or(0));
        let timer = ctx.set_timer(timeout, Timer::Broker(BrokerTimer::Purgatory(parked.op)));
        if let Some(delayed) = self.replicas.purgatory.get_mut(parked.op) {
            delayed.timer = Some(timer);
        }
    }

    /// Z5: from a controller that knew an earlier life of this broker. A higher epoch than its own
    /// is one that this broker has yet to hear of.
    fn is_stale(&self, broker_epoch: i64) -> bool {
        self.config.rules.broker_epoch_fencing == BrokerEpochFencing::On
            && broker_epoch != -1
            && broker_epoch < self.broker_epoch
    }

    pub(super) fn forward(&mut self, to: Pending) -> u64 {
        self.next_token += 1;
        self.forwarded.insert(self.next_token, to);
        self.next_token
    }

    /// An answer of the controller or the admin manager of this process.
    pub(super) fn on_forwarded_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        token: u64,
        response: Response,
    ) {
        let response = self.after_auto_creation(ctx, token, response);
        if let Some(to) = self.forwarded.remove(&token) {
            self.answer_now(to, response);
        }
    }

    /// The time of a parked request is up.
    pub(super) fn on_parked_expired(&mut self, ctx: &mut Ctx<'_>, op: OperationId) {
        self.replicas.expire(&mut env!(self, ctx), op);
    }
}
