//! The administrator's library (classes KafkaAdminClient, AdminApiDriver, PartitionLeaderStrategy,
//! ListOffsetsHandler).
//!
//! A call goes to the controller, to a broker, or to whichever is least busy; each broker gets one
//! call at a time. What fails by a lost connection is tried again until `default.api.timeout.ms`
//! is over; an error that a broker answers is the application's, but for NOT_CONTROLLER where Java
//! looks for the controller again (`createTopics`; not `electLeaders`).
//!
//! May not know who is the controller now, only who was when it last asked.

use crate::client::Bootstrap;
use crate::client::admin::AdminCommand;
use crate::client::cluster_client::{ClusterClient, LeastLoaded};
use crate::kernel::{Duration, NodeId, Time};
use crate::network_client::Completed;
use crate::protocol::config::AdminConfig;
use crate::protocol::{
    AlterConfigOp, AlterConfigsResource, BrokerId, CONSUMER_REPLICA_ID, ConfigResource,
    CreatableTopic, CreateTopicsRequest, Ctx, DeleteRecordsRequest, ElectLeadersRequest, ErrorCode,
    Event, IncrementalAlterConfigsRequest, ListOffsetsPartition, ListOffsetsRequest,
    MetadataRequest, MetadataResponse, NO_LEADER, Request, Response, TopicName, TopicPartition,
    UNKNOWN_EPOCH, exponential,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// What can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    Command(AdminCommand),
    /// `describeTopics`: answered by a Metadata response that names the topic without error.
    DescribeTopic(TopicName),
    /// `describeCluster`: answered by a Metadata response.
    DescribeCluster,
    /// `listOffsets`: the leader is looked up first.
    ListOffsets {
        partition: TopicPartition,
        /// A time in ms, or one of Kafka's questions (`LATEST_TIMESTAMP` and its kind).
        timestamp: i64,
        read_committed: bool,
    },
}

/// Why a call failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub error: ErrorCode,
    pub message: Rc<str>,
}

impl Failure {
    /// Simple name of the Java exception.
    pub fn exception(&self) -> &'static str {
        self.error.exception()
    }

    fn timeout(tries: u32) -> Failure {
        Failure {
            error: ErrorCode::RequestTimedOut,
            message: format!("timed out after {tries} attempt(s)").into(),
        }
    }
}

#[derive(Debug)]
pub struct KafkaAdminClient {
    config: AdminConfig,
    /// The tag of a request: its call.
    client: ClusterClient<u64>,
    next_id: u64,
    calls: BTreeMap<u64, Pending>,
    /// Brokers that work on a call.
    busy: BTreeSet<NodeId>,
    answers: VecDeque<(u64, Result<Response, Failure>)>,
}

#[derive(Debug)]
struct Pending {
    call: Call,
    /// Leader of the partition that a `ListOffsets` asks about, once looked up.
    leader: Option<BrokerId>,
    deadline: Time,
    tries: u32,
    not_before: Time,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Waits for a node.
    Unassigned,
    /// Waits for its turn, or for the connection.
    Assigned(NodeId),
    InFlight,
}

/// Whom a call is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    Controller,
    LeastLoaded,
    Broker(BrokerId),
}

impl KafkaAdminClient {
    /// `owner`: see `ClusterClient`.
    pub fn new(
        owner: u8,
        client_id: &str,
        bootstrap: &Bootstrap,
        config: AdminConfig,
    ) -> KafkaAdminClient {
        let mut common = config.common.clone();
        common.network.max_in_flight = 1;
        KafkaAdminClient {
            client: ClusterClient::new(owner, client_id, bootstrap, common),
            config,
            next_id: 0,
            calls: BTreeMap::new(),
            busy: BTreeSet::new(),
            answers: VecDeque::new(),
        }
    }

    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.client.start(ctx);
        self.poll(ctx);
    }

    /// Closes all connections; nothing is answered any more.
    pub fn close(&mut self, ctx: &mut Ctx<'_>) {
        self.client.shut_down(ctx);
    }

    /// Begins a call; its answer comes by `next_answer` with the number returned here.
    pub fn call(&mut self, ctx: &mut Ctx<'_>, call: Call) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let now = ctx.wall();
        let pending = Pending {
            call,
            leader: None,
            deadline: now + Duration::from_millis(self.config.default_api_timeout_ms),
            tries: 0,
            not_before: now,
            stage: Stage::Unassigned,
        };
        self.calls.insert(id, pending);
        self.poll(ctx);
        self.client.time_out(ctx);
        if self.take_completed(ctx) {
            self.poll(ctx);
        }
        id
    }

    /// The next call that has ended. A response without top-level error counts as an answer; what it
    /// says about each topic or partition is its caller's to read, unless the call was about one only.
    pub fn next_answer(&mut self) -> Option<(u64, Result<Response, Failure>)> {
        self.answers.pop_front()
    }

    /// Takes an event that is this client's; gives back one that is not.
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        self.client.on_event(event, ctx)?;
        self.take_completed(ctx);
        self.poll(ctx);
        Ok(())
    }

    /// True if a request has ended.
    fn take_completed(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let mut any = false;
        while let Some(completed) = self.client.next_completed() {
            self.on_completed(ctx, completed);
            any = true;
        }
        any
    }

    // ---- AdminClientRunnable.processRequests

    fn poll(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.wall();
        let mut wake = self.time_out(now);
        wake = wake.min(self.assign_nodes(ctx));
        if let Some(at) = self.client.maybe_update_metadata(ctx) {
            wake = wake.min(at);
        }
        self.send_eligible_calls(ctx);
        if wake < Time::MAX {
            self.client.wake_at(ctx, wake);
        }
    }

    /// Fails the calls whose time is up while they wait; those in flight end with their request.
    fn time_out(&mut self, now: Time) -> Time {
        let mut next = Time::MAX;
        let mut expired = Vec::new();
        for (id, pending) in &self.calls {
            if pending.stage == Stage::InFlight {
                continue;
            }
            if pending.deadline <= now {
                expired.push(*id);
            } else {
                next = next.min(pending.deadline);
            }
        }
        for id in expired {
            if let Some(pending) = self.calls.remove(&id) {
                self.answers
                    .push_back((id, Err(Failure::timeout(pending.tries))));
            }
        }
        next
    }

    fn assign_nodes(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let now = ctx.wall();
        let mut wake = Time::MAX;
        let retry_backoff = Duration::from_millis(self.config.common.retry_backoff_ms);
        let client = &mut self.client;
        for pending in self.calls.values_mut() {
            // A connection that failed sends its calls back to the choice of a node.
            if let Stage::Assigned(node) = pending.stage
                && client.is_backing_off(node)
            {
                pending.stage = Stage::Unassigned;
            }
            if pending.stage != Stage::Unassigned {
                continue;
            }
            if now < pending.not_before {
                wake = wake.min(pending.not_before);
                continue;
            }
            if !client.metadata.is_bootstrapped() {
                client.metadata.request_update();
                continue;
            }
            let node = match pending.target() {
                Target::Controller => client.metadata.node(client.metadata.controller()),
                Target::Broker(broker) => client.metadata.node(broker),
                Target::LeastLoaded => match client.least_loaded_node(ctx) {
                    LeastLoaded::Node(node) => Some(node),
                    LeastLoaded::AllBusy | LeastLoaded::NoneAvailable => {
                        wake = wake.min(now + retry_backoff);
                        continue;
                    }
                },
            };
            match node {
                // Assigned, but held back: it would only come back here.
                Some(node) if client.is_backing_off(node) => {}
                Some(node) => pending.stage = Stage::Assigned(node),
                None => client.metadata.request_update(),
            }
        }
        wake
    }

    fn send_eligible_calls(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.wall();
        let request_timeout = self.config.common.request_timeout();
        // Java's thread sleeps until the deadline of a call, unless something happens, and looks at
        // `request.timeout.ms` only then: a call that nobody answers is tried once, to its end.
        let deadlines = self.calls.values().map(|pending| pending.deadline);
        let wakes = deadlines.filter(|deadline| *deadline >= now + request_timeout);
        let wakes = wakes.min();
        for (id, pending) in &mut self.calls {
            let Stage::Assigned(node) = pending.stage else {
                continue;
            };
            if self.busy.contains(&node) || !self.client.ready(ctx, node) {
                continue;
            }
            let left = pending.deadline.since(now);
            let timeout = request_timeout.min(left);
            let request = pending.request(timeout.as_millis() as i32);
            pending.stage = Stage::InFlight;
            self.busy.insert(node);
            let noticed = wakes.map_or(timeout, |wakes| wakes.since(now).min(left));
            self.client.send(ctx, node, request, noticed, *id);
        }
    }

    fn on_completed(&mut self, ctx: &mut Ctx<'_>, completed: Completed<u64>) {
        self.busy.remove(&completed.to);
        let id = completed.tag;
        let Some(pending) = self.calls.get_mut(&id) else {
            return;
        };
        pending.stage = Stage::Unassigned;
        match completed.result {
            Err(_) => {
                pending.leader = None;
                self.fail(ctx, id, ErrorCode::NetworkException);
            }
            Ok(response) => match pending.judge(&response) {
                Verdict::Answer => self.end(id, Ok(response)),
                Verdict::Failed(failure) => self.end(id, Err(failure)),
                Verdict::Leader(leader) => pending.leader = Some(leader),
                Verdict::Retry(error) => {
                    if error == ErrorCode::NotController {
                        self.client.metadata.clear_controller();
                        self.client.metadata.request_update();
                    }
                    self.fail(ctx, id, error);
                }
            },
        }
    }

    /// `Call.fail` with a retriable exception.
    fn fail(&mut self, ctx: &mut Ctx<'_>, id: u64, _: ErrorCode) {
        let Some(pending) = self.calls.get_mut(&id) else {
            return;
        };
        let common = &self.config.common;
        let pause = exponential(
            ctx,
            common.retry_backoff_ms,
            common.retry_backoff_max_ms,
            pending.tries,
        );
        pending.tries += 1;
        pending.not_before = ctx.wall() + pause;
        if pending.deadline <= ctx.wall() || pending.tries > self.config.retries {
            let failure = Failure::timeout(pending.tries);
            self.end(id, Err(failure));
        }
    }

    fn end(&mut self, id: u64, answer: Result<Response, Failure>) {
        self.calls.remove(&id);
        self.answers.push_back((id, answer));
    }
}

/// What a response means for its call.
enum Verdict {
    Answer,
    Failed(Failure),
    /// The leader that was looked up.
    Leader(BrokerId),
    Retry(ErrorCode),
}

impl Verdict {
    fn failed(error: ErrorCode, message: Option<Rc<str>>) -> Verdict {
        Verdict::Failed(Failure {
            error,
            message: message.unwrap_or_else(|| error.name().into()),
        })
    }
}

impl Pending {
    fn target(&self) -> Target {
        match &self.call {
            Call::Command(AdminCommand::CreateTopic { .. } | AdminCommand::ElectLeaders { .. }) => {
                Target::Controller
            }
            Call::Command(AdminCommand::AlterConfigs {
                resource: ConfigResource::Broker,
                name,
                ..
            }) => name.parse().map_or(Target::LeastLoaded, Target::Broker),
            Call::Command(AdminCommand::AlterConfigs { .. })
            | Call::DescribeTopic(_)
            | Call::DescribeCluster => Target::LeastLoaded,
            Call::Command(AdminCommand::DeleteRecords { .. }) | Call::ListOffsets { .. } => {
                self.leader.map_or(Target::LeastLoaded, Target::Broker)
            }
        }
    }

    fn request(&self, timeout_ms: i32) -> Request {
        match &self.call {
            Call::Command(AdminCommand::DeleteRecords { partition, .. })
                if self.leader.is_none() =>
            {
                metadata_request(vec![TopicName::clone(&partition.topic)])
            }
            Call::Command(command) => command_request(command, timeout_ms),
            Call::DescribeTopic(topic) => metadata_request(vec![TopicName::clone(topic)]),
            Call::DescribeCluster => metadata_request(Vec::new()),
            Call::ListOffsets { partition, .. } if self.leader.is_none() => {
                metadata_request(vec![TopicName::clone(&partition.topic)])
            }
            Call::ListOffsets {
                partition,
                timestamp,
                read_committed,
            } => ListOffsetsRequest {
                replica_id: CONSUMER_REPLICA_ID,
                isolation_level: i8::from(*read_committed),
                partitions: vec![ListOffsetsPartition {
                    partition: partition.clone(),
                    current_leader_epoch: UNKNOWN_EPOCH,
                    timestamp: *timestamp,
                }],
            }
            .into(),
        }
    }

    /// `handleResponse` of each kind of call.
    fn judge(&mut self, response: &Response) -> Verdict {
        match (&self.call, response) {
            (Call::Command(AdminCommand::CreateTopic { .. }), Response::CreateTopics(answer)) => {
                match answer.topics.iter().find(|topic| !topic.error.is_none()) {
                    None => Verdict::Answer,
                    Some(topic) if topic.error == ErrorCode::NotController => {
                        Verdict::Retry(topic.error)
                    }
                    Some(topic) => Verdict::failed(topic.error, topic.error_message.clone()),
                }
            }
            (Call::Command(AdminCommand::ElectLeaders { .. }), Response::ElectLeaders(answer)) => {
                if answer.error.is_none() {
                    Verdict::Answer
                } else {
                    Verdict::failed(answer.error, None)
                }
            }
            (
                Call::Command(AdminCommand::AlterConfigs { .. }),
                Response::IncrementalAlterConfigs(answer),
            ) => match answer.responses.iter().find(|r| !r.2.is_none()) {
                None => Verdict::Answer,
                Some((_, _, error, message)) => Verdict::failed(*error, message.clone()),
            },
            (Call::DescribeTopic(topic), Response::Metadata(answer)) => {
                match answer.topics.iter().find(|known| known.name == *topic) {
                    Some(known) if known.error.is_none() => Verdict::Answer,
                    Some(known) => Verdict::failed(known.error, None),
                    None => Verdict::failed(ErrorCode::UnknownTopicOrPartition, None),
                }
            }
            (Call::DescribeCluster, Response::Metadata(_)) => Verdict::Answer,
            (
                Call::ListOffsets { partition, .. }
                | Call::Command(AdminCommand::DeleteRecords { partition, .. }),
                Response::Metadata(answer),
            ) => look_up_leader(partition, answer),
            (
                Call::Command(AdminCommand::DeleteRecords { .. }),
                Response::DeleteRecords(answer),
            ) => match answer.partitions.first().map(|(_, _, error)| *error) {
                Some(ErrorCode::None) => Verdict::Answer,
                Some(error @ ErrorCode::NotLeaderOrFollower) => {
                    self.leader = None;
                    Verdict::Retry(error)
                }
                Some(error) if error.is_retriable() => Verdict::Retry(error),
                Some(error) => Verdict::failed(error, None),
                None => Verdict::failed(ErrorCode::UnknownServerError, None),
            },
            (Call::ListOffsets { .. }, Response::ListOffsets(answer)) => {
                match answer.partitions.first().map(|partition| partition.error) {
                    Some(ErrorCode::None) => Verdict::Answer,
                    Some(
                        error @ (ErrorCode::NotLeaderOrFollower | ErrorCode::LeaderNotAvailable),
                    ) => {
                        self.leader = None;
                        Verdict::Retry(error)
                    }
                    Some(error) if error.is_retriable() => Verdict::Retry(error),
                    Some(error) => Verdict::failed(error, None),
                    None => Verdict::failed(ErrorCode::UnknownServerError, None),
                }
            }
            _ => Verdict::failed(ErrorCode::UnknownServerError, None),
        }
    }
}

/// `PartitionLeaderStrategy.handleResponse`.
fn look_up_leader(partition: &TopicPartition, answer: &MetadataResponse) -> Verdict {
    use ErrorCode::{
        BrokerNotAvailable, KafkaStorageError, LeaderNotAvailable, None as NoError,
        NotLeaderOrFollower, ReplicaNotAvailable, UnknownTopicOrPartition,
    };
    let Some(topic) = answer.topics.iter().find(|t| t.name == partition.topic) else {
        return Verdict::Retry(UnknownTopicOrPartition);
    };
    match topic.error {
        NoError => {}
        LeaderNotAvailable | BrokerNotAvailable => return Verdict::Retry(topic.error),
        error => return Verdict::failed(error, None),
    }
    let known = topic
        .partitions
        .iter()
        .find(|known| known.partition == partition.partition);
    match known {
        None => Verdict::Retry(UnknownTopicOrPartition),
        Some(known) => match known.error {
            NoError if known.leader != NO_LEADER => Verdict::Leader(known.leader),
            NoError => Verdict::Retry(LeaderNotAvailable),
            error @ (NotLeaderOrFollower
            | ReplicaNotAvailable
            | LeaderNotAvailable
            | BrokerNotAvailable
            | KafkaStorageError
            | UnknownTopicOrPartition) => Verdict::Retry(error),
            error => Verdict::failed(error, None),
        },
    }
}

fn metadata_request(topics: Vec<TopicName>) -> Request {
    MetadataRequest {
        topics: Some(topics),
        allow_auto_topic_creation: false,
    }
    .into()
}

fn command_request(command: &AdminCommand, timeout_ms: i32) -> Request {
    match command {
        AdminCommand::CreateTopic {
            topic,
            partitions,
            replication_factor,
            assignment,
            configs,
        } => {
            let is_assigned = !assignment.is_empty();
            CreateTopicsRequest {
                topics: vec![CreatableTopic {
                    name: TopicName::clone(topic),
                    num_partitions: if is_assigned { -1 } else { *partitions },
                    replication_factor: if is_assigned { -1 } else { *replication_factor },
                    assignments: (0..).zip(assignment.iter().cloned()).collect(),
                    configs: configs
                        .iter()
                        .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
                        .collect(),
                }],
                timeout_ms,
                validate_only: false,
            }
            .into()
        }
        AdminCommand::ElectLeaders {
            election_type,
            partitions,
        } => ElectLeadersRequest {
            election_type: *election_type,
            partitions: partitions.clone(),
            timeout_ms,
        }
        .into(),
        AdminCommand::DeleteRecords { partition, before } => DeleteRecordsRequest {
            partitions: vec![(partition.clone(), *before)],
            timeout_ms,
        }
        .into(),
        AdminCommand::AlterConfigs {
            resource,
            name,
            set,
            delete,
        } => {
            let set = set.iter().map(|(key, value)| {
                let op = AlterConfigOp::Set(value.as_str().into());
                (key.as_str().into(), op)
            });
            let delete = delete
                .iter()
                .map(|key| (key.as_str().into(), AlterConfigOp::Delete));
            IncrementalAlterConfigsRequest {
                resources: vec![AlterConfigsResource {
                    resource: *resource,
                    name: name.as_str().into(),
                    configs: set.chain(delete).collect(),
                }],
                validate_only: false,
            }
            .into()
        }
    }
}
