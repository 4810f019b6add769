//! Administrators' requests that a broker carries out by writing to ZooKeeper (`ZkAdminManager`):
//! CreateTopics (CT20, CT21, RK9) and IncrementalAlterConfigs (RK10); and the wait of CreateTopics
//! and ElectLeaders for the new leaders (`DelayedCreatePartitions`, `DelayedElectLeader`).
//!
//! Each request is a coroutine of its own, as each has a request handler's thread in Kafka. What
//! this broker knows of brokers and leaders it knows from the UpdateMetadata that it was given.
//!
//! May not know what the controller will make of it.

use super::admin_zk_client::{AdminZkClient, ApiError, Assignments};
use super::{Elected, ZkCalls};
use crate::kernel::task::Task;
use crate::metadata::placement::{BrokerMetadata, assign_replicas_to_brokers};
use crate::protocol::config::{BrokerConfig, Properties};
use crate::protocol::{
    AlterConfigOp, AlterConfigsResource, BrokerId, ConfigResource, CreatableTopic,
    CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse, ElectLeadersResponse,
    ErrorCode, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    LEADER_DURING_DELETE, NO_LEADER, Request, Response, TopicId, TopicName, TopicPartition,
    UpdateMetadataRequest,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// "Take the broker's default", for partitions and replication factor of a new topic.
const NOT_GIVEN: i32 = -1;

/// What happens to the admin manager.
#[derive(Debug)]
pub enum AdminInput {
    /// CreateTopics or IncrementalAlterConfigs. `is_active_controller`: this broker is the
    /// controller; only then it creates topics (else NOT_CONTROLLER).
    Request {
        token: u64,
        body: Request,
        is_active_controller: bool,
    },
    /// The broker has applied this UpdateMetadata to its metadata cache.
    MetadataUpdated(Rc<UpdateMetadataRequest>),
    /// The controller's word on an ElectLeaders request.
    Elected(Elected),
    /// A timer of `SetTimer` fired.
    Wake(u64),
}

/// What the admin manager asks of its node.
#[derive(Clone, Debug)]
pub enum AdminOutput {
    Respond { token: u64, body: Response },
    SetTimer { after_ms: u64, wake: u64 },
}

/// One broker's admin manager.
pub struct AdminManager {
    zk: ZkCalls,
    tasks: Vec<Task>,
    shared: Rc<Shared>,
}

struct Shared {
    config: Rc<BrokerConfig>,
    zk: AdminZkClient,
    random: RefCell<Box<dyn FnMut() -> u64>>,
    metadata: RefCell<Metadata>,
    delayed: RefCell<Purgatory>,
    outputs: RefCell<Vec<AdminOutput>>,
}

impl AdminManager {
    /// `random` gives the node's random bits: start and shift of placements, topic ids.
    pub fn new(
        config: Rc<BrokerConfig>,
        zk: ZkCalls,
        random: impl FnMut() -> u64 + 'static,
    ) -> AdminManager {
        AdminManager {
            shared: Rc::new(Shared {
                config,
                zk: AdminZkClient::new(zk.clone()),
                random: RefCell::new(Box::new(random)),
                metadata: RefCell::default(),
                delayed: RefCell::default(),
                outputs: RefCell::default(),
            }),
            zk,
            tasks: Vec::new(),
        }
    }

    /// Questions to ZooKeeper; after answers, call `poll`.
    pub fn zk(&self) -> &ZkCalls {
        &self.zk
    }

    /// Takes an input and runs as far as it goes.
    pub fn input(&mut self, input: AdminInput) {
        let shared = Rc::clone(&self.shared);
        match input {
            AdminInput::Request {
                token,
                body: Request::CreateTopics(request),
                is_active_controller,
            } => self.tasks.push(Task::new(async move {
                shared
                    .create_topics(token, *request, is_active_controller)
                    .await;
            })),
            AdminInput::Request {
                token,
                body: Request::IncrementalAlterConfigs(request),
                ..
            } => self.tasks.push(Task::new(async move {
                shared.incremental_alter_configs(token, *request).await;
            })),
            // No other request is the admin manager's.
            AdminInput::Request { .. } => {}
            AdminInput::MetadataUpdated(request) => {
                shared.metadata.borrow_mut().update(&request);
                shared.complete_delayed();
            }
            AdminInput::Elected(elected) => shared.elected(elected),
            AdminInput::Wake(wake) => shared.expire_delayed(wake),
        }
        self.poll();
    }

    pub fn poll(&mut self) {
        self.tasks.retain_mut(|task| !task.poll());
    }

    pub fn take_outputs(&mut self) -> Vec<AdminOutput> {
        self.shared.outputs.take()
    }
}

impl std::fmt::Debug for AdminManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminManager")
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

impl Shared {
    // ---- CreateTopics

    async fn create_topics(
        &self,
        token: u64,
        request: CreateTopicsRequest,
        is_active_controller: bool,
    ) {
        let mut results = Vec::new();
        let mut created = Vec::new();
        for topic in &request.topics {
            let outcome = if !is_active_controller {
                Err(ApiError {
                    error: ErrorCode::NotController,
                    message: None,
                })
            } else if request
                .topics
                .iter()
                .filter(|other| other.name == topic.name)
                .count()
                > 1
            {
                Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    "Found multiple entries for this topic.",
                ))
            } else {
                self.create_topic(topic, request.validate_only).await
            };
            results.push(match outcome {
                Ok((topic_id, partitions)) => {
                    created.extend(
                        (0..partitions)
                            .map(|partition| TopicPartition::new(topic.name.clone(), partition)),
                    );
                    result(topic.name.clone(), topic_id, ErrorCode::None, None)
                }
                Err(ApiError { error, message }) => {
                    result(topic.name.clone(), TopicId::ZERO, error, message)
                }
            });
        }
        if request.validate_only || created.is_empty() {
            self.respond(token, CreateTopicsResponse { topics: results });
        } else if request.timeout_ms <= 0 {
            for result in results.iter_mut().filter(|result| result.error.is_none()) {
                result.error = ErrorCode::RequestTimedOut;
            }
            self.respond(token, CreateTopicsResponse { topics: results });
        } else {
            let operation = Delayed::CreateTopics {
                results,
                partitions: created,
            };
            self.delay(token, operation, request.timeout_ms);
        }
    }

    /// Gives the topic's id and how many partitions it has.
    async fn create_topic(
        &self,
        topic: &CreatableTopic,
        validate_only: bool,
    ) -> Result<(TopicId, i32), ApiError> {
        if self.metadata.borrow().topics.contains_key(&topic.name) {
            return Err(ApiError::new(
                ErrorCode::TopicAlreadyExists,
                format!("Topic '{}' already exists.", topic.name),
            ));
        }
        let assignments = self.assignments(topic)?;
        let config: Properties = topic
            .configs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        self.zk
            .validate_topic_create(&topic.name, &assignments, &config)
            .await?;
        if validate_only {
            return Ok((TopicId::ZERO, assignments.len() as i32));
        }
        let topic_id = self.random_topic_id();
        self.zk
            .create_topic_with_assignment(&topic.name, topic_id, &assignments, &config)
            .await?;
        Ok((topic_id, assignments.len() as i32))
    }

    /// The replicas asked for, or a placement on the brokers that this one knows to live (CT21).
    fn assignments(&self, topic: &CreatableTopic) -> Result<Assignments, ApiError> {
        let replication_factor = i32::from(topic.replication_factor);
        if !topic.assignments.is_empty() {
            if topic.num_partitions != NOT_GIVEN || replication_factor != NOT_GIVEN {
                return Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time.",
                ));
            }
            return Ok(topic.assignments.iter().cloned().collect());
        }
        let given_or = |given: i32, default: i32| match given {
            NOT_GIVEN => default,
            given => given,
        };
        let partitions = given_or(topic.num_partitions, self.config.num_partitions);
        let default = i32::from(self.config.default_replication_factor);
        let metadata = self.metadata.borrow();
        let brokers = &metadata.brokers;
        let start = self.random_below(brokers.len() as u64);
        let shift = self.random_below(brokers.len() as u64);
        let replication_factor = given_or(replication_factor, default);
        let placed =
            assign_replicas_to_brokers(brokers, partitions, replication_factor, 0, start, shift)?;
        Ok((0..).zip(placed).collect())
    }

    /// Uniform enough in `0..bound`; 0 for a bound of 0.
    fn random_below(&self, bound: u64) -> u32 {
        let bits = (self.random.borrow_mut())();
        ((u128::from(bits) * u128::from(bound)) >> 64) as u32
    }

    /// `Uuid.randomUuid`: version 4, and none that prints with a leading dash.
    fn random_topic_id(&self) -> TopicId {
        let mut random = self.random.borrow_mut();
        loop {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&random().to_be_bytes());
            bytes[8..].copy_from_slice(&random().to_be_bytes());
            bytes[6] = (bytes[6] & 0x0f) | 0x40;
            bytes[8] = (bytes[8] & 0x3f) | 0x80;
            let id = TopicId(bytes);
            if !id.to_string().starts_with('-') {
                return id;
            }
        }
    }

    // ---- IncrementalAlterConfigs

    async fn incremental_alter_configs(&self, token: u64, request: IncrementalAlterConfigsRequest) {
        let mut responses = Vec::new();
        for resource in &request.resources {
            let twice = request
                .resources
                .iter()
                .filter(|other| {
                    (other.resource, &other.name) == (resource.resource, &resource.name)
                })
                .count()
                > 1;
            let outcome = if twice {
                Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    "Each resource must appear at most once.",
                ))
            } else {
                self.alter_configs(resource, request.validate_only).await
            };
            let (error, message) = match outcome {
                Ok(()) => (ErrorCode::None, None),
                Err(ApiError { error, message }) => (error, message),
            };
            responses.push((resource.resource, resource.name.clone(), error, message));
        }
        self.respond(token, IncrementalAlterConfigsResponse { responses });
    }

    async fn alter_configs(
        &self,
        resource: &AlterConfigsResource,
        validate_only: bool,
    ) -> Result<(), ApiError> {
        let keys: BTreeSet<&Rc<str>> = resource.configs.iter().map(|(key, _)| key).collect();
        if keys.len() != resource.configs.len() {
            return Err(ApiError::new(
                ErrorCode::InvalidRequest,
                "Error due to duplicate config keys",
            ));
        }
        let topic = &resource.name;
        match resource.resource {
            ConfigResource::Topic if topic.is_empty() => {
                return Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    "Default topic resources are not allowed.",
                ));
            }
            ConfigResource::Topic => {}
            ConfigResource::Broker => {
                return Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    "Altering a broker's configuration is not modelled.",
                ));
            }
        }
        let mut config = self.zk.topic_config(topic).await?;
        for (key, op) in &resource.configs {
            match op {
                AlterConfigOp::Set(value) => {
                    config.insert(key.to_string(), value.to_string());
                }
                AlterConfigOp::Delete => {
                    config.remove(&**key);
                }
            }
        }
        if !self.metadata.borrow().topics.contains_key(topic) {
            return Err(ApiError::new(
                ErrorCode::UnknownTopicOrPartition,
                format!("The topic '{topic}' does not exist."),
            ));
        }
        self.zk.validate_topic_config_change(topic, &config).await?;
        if !validate_only {
            self.zk.change_topic_config(topic, &config).await?;
        }
        Ok(())
    }

    // ---- ElectLeaders

    fn elected(&self, elected: Elected) {
        let Elected {
            token,
            timeout_ms,
            error,
            results,
        } = elected;
        let (expected, failures): (Vec<_>, Vec<_>) =
            results.into_iter().partition(|(_, result)| result.is_ok());
        let operation = Delayed::ElectLeaders {
            error,
            failures: failures
                .into_iter()
                .filter_map(|(partition, result)| Some((partition, result.err()?)))
                .collect(),
            expected: expected
                .into_iter()
                .filter_map(|(partition, result)| Some((partition, result.ok()?)))
                .collect(),
        };
        self.delay(token, operation, timeout_ms);
    }

    // ---- waiting for leaders

    /// Answers at once if nothing is missing, else when it comes or after the timeout.
    fn delay(&self, token: u64, operation: Delayed, timeout_ms: i32) {
        if operation.is_complete(&self.metadata.borrow()) {
            return self.complete(token, operation);
        }
        let wake = self.delayed.borrow_mut().watch(token, operation);
        self.outputs.borrow_mut().push(AdminOutput::SetTimer {
            after_ms: u64::try_from(timeout_ms).unwrap_or(0),
            wake,
        });
    }

    fn complete_delayed(&self) {
        let metadata = self.metadata.borrow();
        let complete = self.delayed.borrow_mut().take_complete(&metadata);
        drop(metadata);
        for (token, operation) in complete {
            self.complete(token, operation);
        }
    }

    fn expire_delayed(&self, wake: u64) {
        let expired = self.delayed.borrow_mut().operations.remove(&wake);
        if let Some((token, operation)) = expired {
            self.complete(token, operation);
        }
    }

    fn complete(&self, token: u64, operation: Delayed) {
        let response = operation.into_response(&self.metadata.borrow());
        self.respond(token, response);
    }

    fn respond(&self, token: u64, body: impl Into<Response>) {
        let body = body.into();
        self.outputs
            .borrow_mut()
            .push(AdminOutput::Respond { token, body });
    }
}

/// What the broker was told by UpdateMetadata, as far as administrators' requests need it.
#[derive(Debug, Default)]
struct Metadata {
    brokers: Vec<BrokerMetadata>,
    /// Leader by partition, -1 for none.
    topics: BTreeMap<TopicName, BTreeMap<i32, BrokerId>>,
}

impl Metadata {
    fn update(&mut self, request: &UpdateMetadataRequest) {
        self.brokers = request
            .live_brokers
            .iter()
            .map(|broker| BrokerMetadata {
                id: broker.id,
                rack: broker.rack.clone(),
            })
            .collect();
        for state in &request.partition_states {
            let TopicPartition { topic, partition } = &state.partition;
            let partitions = self.topics.entry(topic.clone()).or_default();
            if state.leader == LEADER_DURING_DELETE {
                partitions.remove(partition);
            } else {
                partitions.insert(*partition, state.leader);
            }
            if partitions.is_empty() {
                self.topics.remove(topic);
            }
        }
    }

    fn leader(&self, partition: &TopicPartition) -> Option<BrokerId> {
        self.topics
            .get(&partition.topic)?
            .get(&partition.partition)
            .copied()
    }

    fn is_missing_leader(&self, partition: &TopicPartition) -> bool {
        self.leader(partition)
            .is_none_or(|leader| leader == NO_LEADER)
    }
}

/// Requests that wait (`DelayedOperationPurgatory`), by their timer.
#[derive(Debug, Default)]
struct Purgatory {
    operations: BTreeMap<u64, (u64, Delayed)>,
    next_wake: u64,
}

impl Purgatory {
    fn watch(&mut self, token: u64, operation: Delayed) -> u64 {
        let wake = self.next_wake;
        self.next_wake += 1;
        self.operations.insert(wake, (token, operation));
        wake
    }

    fn take_complete(&mut self, metadata: &Metadata) -> Vec<(u64, Delayed)> {
        self.operations
            .extract_if(.., |_, (_, operation)| operation.is_complete(metadata))
            .map(|(_, waiting)| waiting)
            .collect()
    }
}

#[derive(Debug)]
enum Delayed {
    CreateTopics {
        results: Vec<CreatableTopicResult>,
        /// Those of the topics that were created.
        partitions: Vec<TopicPartition>,
    },
    ElectLeaders {
        error: ErrorCode,
        failures: Vec<(TopicPartition, ErrorCode)>,
        expected: Vec<(TopicPartition, BrokerId)>,
    },
}

impl Delayed {
    fn is_complete(&self, metadata: &Metadata) -> bool {
        match self {
            Delayed::CreateTopics { partitions, .. } => !partitions
                .iter()
                .any(|partition| metadata.is_missing_leader(partition)),
            Delayed::ElectLeaders { expected, .. } => expected
                .iter()
                .all(|(partition, leader)| metadata.leader(partition) == Some(*leader)),
        }
    }

    /// Whatever is still missing has timed out.
    fn into_response(self, metadata: &Metadata) -> Response {
        match self {
            Delayed::CreateTopics {
                mut results,
                partitions,
            } => {
                for partition in &partitions {
                    if metadata.is_missing_leader(partition) {
                        for result in &mut results {
                            if result.name == partition.topic {
                                result.error = ErrorCode::RequestTimedOut;
                            }
                        }
                    }
                }
                CreateTopicsResponse { topics: results }.into()
            }
            Delayed::ElectLeaders {
                error,
                failures,
                expected,
            } => {
                let mut results = failures;
                for (partition, leader) in expected {
                    let error = match metadata.leader(&partition) == Some(leader) {
                        true => ErrorCode::None,
                        false => ErrorCode::RequestTimedOut,
                    };
                    results.push((partition, error));
                }
                results.sort();
                ElectLeadersResponse { error, results }.into()
            }
        }
    }
}

fn result(
    name: TopicName,
    topic_id: TopicId,
    error: ErrorCode,
    error_message: Option<Rc<str>>,
) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        topic_id,
        error,
        error_message,
    }
}
