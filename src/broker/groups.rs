//! The broker's side of its group coordinator: requests go in; answers, and batches for
//! `__consumer_offsets`, come out; partitions of that topic that are led from now on are read (class
//! `KafkaApis`; CG4 to CG6, CG26, CG27, CG41).
//!
//! Who coordinates a group is who leads its partition, as far as the metadata cache knows.

use super::auto_topic_creation_manager::GroupTopicAsker;
use super::outbox::Env;
use super::produce::Produce;
use super::purgatory::{Answer, Pending, Requester};
use super::{Broker, BrokerOutput, LeadershipChanges};
use crate::coordinator::group::{Append, Caller};
use crate::kernel::{Duration, TimerId};
use crate::protocol::rules::GroupAppend;
use crate::protocol::{
    BrokerTimer, ConsumerGroupDescribeResponse, Coordinator, CreatableTopic, CreateTopicsRequest,
    Ctx, ErrorCode, FindCoordinatorRequest, FindCoordinatorResponse, GROUP_COORDINATOR,
    GROUP_METADATA_TOPIC, GroupTimer, NO_LEADER, OffsetCommitRequest, OffsetDeleteRequest,
    ProduceRequest, Request, Response, Timer, TopicName, TopicPartition,
};
use std::rc::Rc;

impl Broker {
    pub(super) fn handle_group_request(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        client_id: &Rc<str>,
        request: Request,
    ) {
        match request {
            Request::FindCoordinator(request) => {
                self.find_coordinator(ctx, to, client_id, &request);
            }
            Request::JoinGroup(request) => {
                let host = self.host_of(to);
                let caller = Caller {
                    to,
                    client_id,
                    client_host: &host,
                };
                self.groups.handle_join_group(ctx, caller, &request);
            }
            Request::SyncGroup(request) => self.groups.handle_sync_group(ctx, to, &request),
            Request::Heartbeat(request) => self.groups.handle_heartbeat(ctx, to, &request),
            Request::LeaveGroup(request) => self.groups.handle_leave_group(ctx, to, &request),
            Request::OffsetCommit(request) => self.offset_commit(ctx, to, *request),
            Request::OffsetFetch(request) => self.groups.handle_offset_fetch(to, &request),
            Request::DescribeGroups(request) => self.groups.handle_describe_groups(to, &request),
            // Of groups of the newer protocol it has none (`isConsumerGroupProtocolEnabled`).
            Request::ConsumerGroupDescribe(request) => {
                let groups = request.group_ids.into_iter();
                let groups = groups.map(|group| (group, ErrorCode::UnsupportedVersion));
                let groups = groups.collect();
                self.answer_now(to, ConsumerGroupDescribeResponse { groups });
            }
            Request::ListGroups(request) => self.groups.handle_list_groups(to, &request),
            Request::DeleteGroups(request) => self.groups.handle_delete_groups(ctx, to, &request),
            Request::OffsetDelete(request) => self.offset_delete(ctx, to, *request),
            other => unreachable!("{} is no request about groups", other.name()),
        }
    }

    /// CG26: partitions that the broker has not heard of are answered for by it.
    fn offset_commit(&mut self, ctx: &mut Ctx<'_>, to: Pending, mut request: OffsetCommitRequest) {
        let cache = &self.metadata_cache;
        let (known, unknown): (Vec<_>, Vec<_>) = request
            .partitions
            .drain(..)
            .partition(|(partition, _)| cache.partition(partition).is_some());
        let refused: Vec<TopicPartition> = unknown.into_iter().map(|(tp, _)| tp).collect();
        if known.is_empty() {
            let error = ErrorCode::UnknownTopicOrPartition;
            let partitions = refused.into_iter().map(|tp| (tp, error)).collect();
            self.answer_now(to, crate::protocol::OffsetCommitResponse { partitions });
            return;
        }
        request.partitions = known;
        self.groups.handle_offset_commit(ctx, to, &request, refused);
    }

    fn offset_delete(&mut self, ctx: &mut Ctx<'_>, to: Pending, mut request: OffsetDeleteRequest) {
        let cache = &self.metadata_cache;
        let (known, unknown) = std::mem::take(&mut request.partitions)
            .into_iter()
            .partition(|partition| cache.partition(partition).is_some());
        request.partitions = known;
        self.groups.handle_offset_delete(ctx, to, &request, unknown);
    }

    /// Where a group is kept.
    pub(super) fn partition_of_group(&self, group: &str) -> TopicPartition {
        TopicPartition::new(GROUP_METADATA_TOPIC, self.groups.partition_of(group))
    }

    /// Where a request came from, as Java prints an address: machine 7 of the simulated network.
    fn host_of(&self, to: Pending) -> String {
        let from = self.accepted.get(&to.conn).map_or(0, |it| it.from.0);
        format!("/10.0.{}.{}", from >> 8 & 0xff, from & 0xff)
    }

    // ---- who coordinates

    fn find_coordinator(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        client_id: &Rc<str>,
        request: &FindCoordinatorRequest,
    ) {
        let coordinators = request
            .coordinator_keys
            .iter()
            .map(|key| match request.key_type {
                GROUP_COORDINATOR if key.is_empty() => not_found(key, ErrorCode::InvalidGroupId),
                GROUP_COORDINATOR => self.coordinator_of(ctx, to, client_id, key),
                _ => not_found(key, ErrorCode::InvalidRequest),
            });
        let coordinators = coordinators.collect();
        self.answer_now(to, FindCoordinatorResponse { coordinators });
    }

    /// CG4. It does not ask whether that broker lives.
    fn coordinator_of(
        &mut self,
        ctx: &Ctx<'_>,
        to: Pending,
        client_id: &Rc<str>,
        group: &Rc<str>,
    ) -> Coordinator {
        let partition = self.partition_of_group(group);
        let cache = &self.metadata_cache;
        if cache.partitions(GROUP_METADATA_TOPIC).next().is_none() {
            self.create_group_metadata_topic(client_id, group);
            return not_found(group, ErrorCode::CoordinatorNotAvailable);
        }
        let leader = cache.partition(&partition).map(|state| state.leader);
        let listener = self.listener_of(ctx, to.conn);
        match leader.and_then(|leader| cache.endpoint(leader, listener)) {
            Some(endpoint) => Coordinator {
                key: Rc::clone(group),
                error: ErrorCode::None,
                node_id: endpoint.id,
                host: endpoint.host,
                port: endpoint.port,
            },
            None => not_found(group, ErrorCode::CoordinatorNotAvailable),
        }
    }

    /// CG5, CG6: whatever `auto.create.topics.enable` says.
    fn create_group_metadata_topic(&mut self, client_id: &Rc<str>, group: &Rc<str>) {
        let topic = TopicName::from(GROUP_METADATA_TOPIC);
        let config = &self.config;
        let asker = GroupTopicAsker {
            client: Rc::clone(client_id),
            group: Rc::clone(group),
            replication_factor: config.offsets_topic_replication_factor,
        };
        if !self.auto_topic_creation.begin(&topic, asker) {
            return;
        }
        self.next_token += 1;
        let configs = [
            ("compression.type", "producer".to_owned()),
            ("cleanup.policy", "compact".to_owned()),
            (
                "segment.bytes",
                config.offsets_topic_segment_bytes.to_string(),
            ),
        ];
        let topic = CreatableTopic {
            name: topic,
            num_partitions: config.offsets_topic_num_partitions,
            replication_factor: config.offsets_topic_replication_factor,
            assignments: Vec::new(),
            configs: configs
                .into_iter()
                .map(|(name, value)| (name.into(), value.as_str().into()))
                .collect(),
        };
        self.outputs.push(BrokerOutput::AutoCreateTopics {
            token: self.next_token,
            request: CreateTopicsRequest {
                topics: vec![topic],
                timeout_ms: 0,
                validate_only: false,
            },
        });
    }

    // ---- what the coordinator leaves

    /// Hands on what it has left; what an append comes to is told it, and may leave more.
    pub(super) fn flush_groups(&mut self, ctx: &mut Ctx<'_>) {
        loop {
            for (timer, token, result) in self.take_outcomes() {
                if let Some(timer) = timer {
                    ctx.cancel_timer(timer);
                }
                self.groups.on_appended(ctx, token, result);
            }
            if self.groups.is_quiet() {
                return;
            }
            self.out.facts.extend(self.groups.take_facts());
            for (to, response) in self.groups.take_answers() {
                self.answer_now(to, response);
            }
            for append in self.groups.take_appends() {
                self.append_for_groups(ctx, append);
            }
        }
    }

    /// What has become of the coordinator's own batches.
    fn take_outcomes(&mut self) -> Vec<(Option<TimerId>, u64, Result<i64, ErrorCode>)> {
        let is_own = |answer: &Answer| matches!(answer.to, Requester::GroupCoordinator(_));
        if !self.out.answers.iter().any(is_own) {
            return Vec::new();
        }
        let (own, others) = std::mem::take(&mut self.out.answers)
            .into_iter()
            .partition(is_own);
        self.out.answers = others;
        let own: Vec<Answer> = own;
        let heard = own.into_iter().filter_map(|answer| match answer.to {
            Requester::GroupCoordinator(Some(token)) => {
                Some((answer.timer, token, outcome_of(answer.response)))
            }
            _ => None,
        });
        heard.collect()
    }

    /// As a produce with acks=all of which the coordinator hears the end.
    fn append_for_groups(&mut self, ctx: &mut Ctx<'_>, append: Append) {
        let partition = TopicPartition::new(GROUP_METADATA_TOPIC, append.partition);
        let request = ProduceRequest {
            acks: match (append.token, self.config.rules.group_append) {
                (None, _) => 0,
                (Some(_), GroupAppend::Replicated) => -1,
                (Some(_), GroupAppend::Leader) => 1,
            },
            timeout_ms: append.timeout_ms,
            data: vec![(partition, append.records)],
        };
        let to = Requester::GroupCoordinator(append.token);
        self.produce(ctx, Produce::new(to, Box::new(request)));
    }

    // ---- partitions of __consumer_offsets that come and go

    pub(super) fn on_leadership_change(&mut self, ctx: &mut Ctx<'_>, changes: LeadershipChanges) {
        let of_groups = |name: &TopicPartition| *name.topic == *GROUP_METADATA_TOPIC;
        let was_idle = !self.groups.has_log_tasks();
        for (name, leader_epoch) in changes.gained.iter().filter(|(name, _)| of_groups(name)) {
            self.groups.on_election(name.partition, *leader_epoch);
        }
        for (name, leader_epoch) in changes.lost.iter().filter(|(name, _)| of_groups(name)) {
            self.groups.on_resignation(name.partition, *leader_epoch);
        }
        if was_idle && self.groups.has_log_tasks() {
            load_soon(ctx);
        }
        if changes != LeadershipChanges::default() {
            self.outputs.push(BrokerOutput::LeadershipChanged(changes));
        }
    }

    /// One read of the partition whose turn it is. All of them are one thread's, one after the other.
    pub(super) fn load_groups(&mut self, ctx: &mut Ctx<'_>) {
        let Some((partition, from)) = self.groups.next_to_load(ctx) else {
            return;
        };
        let name = TopicPartition::new(GROUP_METADATA_TOPIC, partition);
        let max = self.config.offsets_load_buffer_size;
        let env = env!(self, ctx);
        let log = self.replicas.partition(&name).and_then(|it| it.log());
        let read = log.and_then(|log| {
            let from = from.max(log.log_start_offset());
            let end = log.log_end_offset();
            log.read(env.disk, from, max, end, true).ok()
        });
        let batches = read.as_ref().map_or(&[][..], |read| read.records.batches());
        match batches.last() {
            Some(last) => {
                let next = last.next_offset();
                let mut records = Vec::new();
                for batch in batches {
                    let read = batch.records().filter_map(Result::ok);
                    records.extend(read.map(|record| (batch.base_offset(), record)));
                }
                let records = records.iter().map(|(base, record)| (*base, record));
                self.groups.take_loaded(partition, records, next);
            }
            // An empty read is the end, whatever the log says (KAFKA-9065, CB8).
            None => self.groups.on_loaded(ctx, partition),
        }
        if self.groups.has_log_tasks() {
            load_soon(ctx);
        }
    }
}

fn load_soon(ctx: &mut Ctx<'_>) {
    let load = BrokerTimer::Group(GroupTimer::Load);
    ctx.set_timer(Duration::ZERO, Timer::Broker(load));
}

fn not_found(key: &Rc<str>, error: ErrorCode) -> Coordinator {
    Coordinator {
        key: Rc::clone(key),
        error,
        node_id: NO_LEADER,
        host: "".into(),
        port: -1,
    }
}

/// What became of a batch of the coordinator.
fn outcome_of(response: Option<Response>) -> Result<i64, ErrorCode> {
    match response {
        Some(Response::Produce(response)) => match response.responses.first() {
            Some(one) if one.error.is_none() => Ok(one.base_offset),
            Some(one) => Err(one.error),
            None => Err(ErrorCode::UnknownServerError),
        },
        _ => Err(ErrorCode::UnknownServerError),
    }
}
