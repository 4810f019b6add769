//! One call of the administrator: whom it is for, its request, and what an answer means for it
//! (class Call and its many subclasses).

use super::api_driver::Scope;
use crate::client::admin::AdminCommand;
use crate::kernel::Time;
use crate::network_client::Node;
use crate::protocol::{
    AlterConfigOp, AlterConfigsResource, BrokerId, CONSUMER_REPLICA_ID, ConfigResource,
    CreatableTopic, CreatePartitionsRequest, CreatePartitionsTopic, CreateTopicsRequest,
    DeleteRecordsRequest, ElectLeadersRequest, ErrorCode, IncrementalAlterConfigsRequest,
    ListOffsetsPartition, ListOffsetsRequest, MetadataRequest, MetadataResponse, NO_LEADER,
    Request, Response, TopicName, TopicPartition, UNKNOWN_EPOCH,
};
use std::rc::Rc;

/// What can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    Command(AdminCommand),
    /// `describeTopics`: answered by a Metadata response that names the topic without error.
    DescribeTopic(TopicName),
    /// `describeCluster`: answered by a Metadata response.
    DescribeCluster,
    /// The library's own question: who are the brokers, who is the controller?
    FetchMetadata,
    /// `listOffsets`: the leader is looked up first.
    ListOffsets {
        partition: TopicPartition,
        /// A time in ms, or one of Kafka's questions (`LATEST_TIMESTAMP` and its kind).
        timestamp: i64,
        read_committed: bool,
    },
    /// One of several that an `AdminApiDriver` has made for its question.
    Driven {
        driver: u64,
        scope: Scope,
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

    fn timeout(message: String) -> Failure {
        Failure {
            error: ErrorCode::RequestTimedOut,
            message: message.into(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) call: Call,
    /// Leader of the partition that a `ListOffsets` asks about, once looked up.
    pub(super) leader: Option<BrokerId>,
    /// Of a call that is driven.
    pub(super) prepared: Option<Prepared>,
    pub(super) deadline: Time,
    pub(super) tries: u32,
    pub(super) not_before: Time,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) name: String,
    pub(super) request: Request,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Waits for a node.
    Unassigned,
    /// Waits for its turn, or for the connection.
    Assigned(Node),
    InFlight,
}

/// Whom a call is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Controller,
    LeastLoaded,
    Broker(BrokerId),
    /// As `LeastLoaded`, but of the bootstrap list too.
    WhoeverTellsMetadata,
}

/// What a response means for its call.
pub(super) enum Verdict {
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
    /// What its caller is told when its time is up (CG49): the words are another's at each stage (`TimeoutProcessor`,
    /// `Call.handleTimeoutFailure`). The moments that Java's have beside are left out: they would tell two runs apart
    /// that do the same.
    pub(super) fn timed_out(&self) -> Failure {
        let name = self.name();
        Failure::timeout(match self.stage {
            Stage::Unassigned => format!("Timed out waiting for a node assignment. Call: {name}"),
            Stage::Assigned(_) => format!("Timed out waiting to send the call. Call: {name}"),
            Stage::InFlight => {
                format!(
                    "Call(callName={name}) timed out after {} attempt(s)",
                    self.tries
                )
            }
        })
    }

    /// `callName`
    fn name(&self) -> &str {
        match &self.call {
            Call::Command(AdminCommand::CreateTopic { .. }) => "createTopics",
            Call::Command(AdminCommand::CreatePartitions { .. }) => "createPartitions",
            Call::Command(AdminCommand::ElectLeaders { .. }) => "electLeaders",
            Call::Command(AdminCommand::DeleteRecords { .. }) => "deleteRecords",
            Call::Command(AdminCommand::AlterConfigs { .. }) => "incrementalAlterConfigs",
            Call::DescribeTopic(_) => "describeTopics",
            Call::DescribeCluster => "listNodes",
            Call::FetchMetadata => "fetchMetadata",
            Call::ListOffsets { .. } => "listOffsets",
            Call::Driven { .. } => self.prepared.as_ref().map_or("", |it| &it.name),
        }
    }

    pub(super) fn target(&self) -> Target {
        match &self.call {
            Call::Command(
                AdminCommand::CreateTopic { .. }
                | AdminCommand::CreatePartitions { .. }
                | AdminCommand::ElectLeaders { .. },
            ) => Target::Controller,
            Call::Command(AdminCommand::AlterConfigs {
                resource: ConfigResource::Broker,
                name,
                ..
            }) => name.parse().map_or(Target::LeastLoaded, Target::Broker),
            Call::Command(AdminCommand::AlterConfigs { .. })
            | Call::DescribeTopic(_)
            | Call::DescribeCluster => Target::LeastLoaded,
            Call::FetchMetadata => Target::WhoeverTellsMetadata,
            Call::Driven { scope, .. } => scope.map_or(Target::LeastLoaded, Target::Broker),
            Call::Command(AdminCommand::DeleteRecords { .. }) | Call::ListOffsets { .. } => {
                self.leader.map_or(Target::LeastLoaded, Target::Broker)
            }
        }
    }

    pub(super) fn request(&self, timeout_ms: i32) -> Request {
        if let Some(prepared) = &self.prepared {
            return prepared.request.clone();
        }
        match &self.call {
            Call::Command(AdminCommand::DeleteRecords { partition, .. })
                if self.leader.is_none() =>
            {
                metadata_request(vec![TopicName::clone(&partition.topic)])
            }
            Call::Command(command) => command_request(command, timeout_ms),
            Call::DescribeTopic(topic) => metadata_request(vec![TopicName::clone(topic)]),
            Call::DescribeCluster | Call::FetchMetadata | Call::Driven { .. } => {
                metadata_request(Vec::new())
            }
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
    pub(super) fn judge(&mut self, response: &Response) -> Verdict {
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
            (
                Call::Command(AdminCommand::CreatePartitions { .. }),
                Response::CreatePartitions(answer),
            ) => match answer.results.iter().find(|it| !it.1.is_none()) {
                None => Verdict::Answer,
                Some((_, error @ ErrorCode::NotController, _)) => Verdict::Retry(*error),
                Some((_, error, message)) => Verdict::failed(*error, message.clone()),
            },
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
            (Call::DescribeCluster | Call::FetchMetadata, Response::Metadata(_)) => Verdict::Answer,
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
        AdminCommand::CreatePartitions { topic, count } => CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: TopicName::clone(topic),
                count: *count,
                assignments: None,
            }],
            timeout_ms,
            validate_only: false,
        }
        .into(),
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
