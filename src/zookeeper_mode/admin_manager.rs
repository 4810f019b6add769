//! Administrators' requests that a broker carries out by writing to ZooKeeper (`ZkAdminManager`):
//! CreateTopics (CT20, CT21, RK9), CreatePartitions (CX10) and IncrementalAlterConfigs (RK10).
//!
//! Each request is a coroutine of its own, as each has a request handler's thread in Kafka. What
//! this broker knows of brokers and leaders stands in its metadata cache.
//!
//! May not know what the controller will make of it.

use super::ZkCalls;
use super::admin_zk_client::{AdminZkClient, ApiError, Assignments};
use super::create_partitions::{DelayedCreatePartitions, Led, Results};
use crate::kernel::task::Task;
use crate::metadata::placement::{BrokerMetadata, assign_replicas_to_brokers};
use crate::metadata::{MetadataCache, ReplicaAssignment};
use crate::protocol::config::{BrokerConfig, Properties};
use crate::protocol::{
    AlterConfigOp, AlterConfigsResource, ConfigResource, CreatableTopic, CreatableTopicResult,
    CreatePartitionsRequest, CreatePartitionsTopic, CreateTopicsRequest, ErrorCode,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, Request, Response, TopicId,
    TopicName, TopicPartition, UpdateMetadataRequest,
};
use crate::purgatory::{DelayedOperationPurgatory, OperationId};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

/// "Take the broker's default", for partitions and replication factor of a new topic.
const NOT_GIVEN: i32 = -1;

/// What happens to the admin manager.
#[derive(Debug)]
pub enum AdminInput {
    /// CreateTopics, CreatePartitions or IncrementalAlterConfigs. `is_active_controller`: this broker is the
    /// controller; only then it creates anything (else NOT_CONTROLLER).
    Request {
        token: u64,
        body: Request,
        is_active_controller: bool,
    },
    /// Topics that the broker makes by itself, the controller or not (CT24). Its answer is CreateTopics'.
    AutoCreate {
        token: u64,
        request: CreateTopicsRequest,
    },
    /// The broker's metadata cache has taken this UpdateMetadata in, and is what it is now.
    MetadataUpdated {
        cache: Rc<MetadataCache>,
        request: Rc<UpdateMetadataRequest>,
    },
    /// The timer of this operation fired.
    Expire(OperationId),
}

/// What the admin manager asks of its node.
#[derive(Clone, Debug)]
pub enum AdminOutput {
    Respond {
        token: u64,
        body: Response,
    },
    /// Answer with [`AdminInput::Expire`] after this time.
    SetTimer {
        after_ms: u64,
        operation: OperationId,
    },
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
    metadata: RefCell<Rc<MetadataCache>>,
    /// By topic.
    delayed: RefCell<DelayedOperationPurgatory<TopicName, DelayedCreatePartitions>>,
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
                is_active_controller: false,
                body: Request::CreateTopics(request),
            } => shared.refuse_topics(token, *request),
            AdminInput::Request {
                token,
                is_active_controller: true,
                body: Request::CreateTopics(request),
            } => self.create_topics(token, *request),
            AdminInput::AutoCreate { token, request } => self.create_topics(token, request),
            AdminInput::Request {
                token,
                is_active_controller,
                body: Request::CreatePartitions(request),
            } => self.tasks.push(Task::new(async move {
                let request = *request;
                shared
                    .create_partitions(token, request, is_active_controller)
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
            AdminInput::MetadataUpdated { cache, request } => {
                *shared.metadata.borrow_mut() = cache;
                shared.complete_delayed(&request);
            }
            AdminInput::Expire(operation) => shared.with_led(|led| {
                shared.delayed.borrow_mut().expire(operation, led);
            }),
        }
        self.poll();
    }

    fn create_topics(&mut self, token: u64, request: CreateTopicsRequest) {
        let shared = Rc::clone(&self.shared);
        let task = Task::new(async move { shared.create_topics(token, request).await });
        self.tasks.push(task);
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

    fn refuse_topics(&self, token: u64, request: CreateTopicsRequest) {
        let refused = |topic: CreatableTopic| {
            result(topic.name, TopicId::ZERO, ErrorCode::NotController, None)
        };
        let topics = request.topics.into_iter().map(refused).collect();
        self.respond(token, Results::Topics(topics).into_response());
    }

    async fn create_topics(&self, token: u64, request: CreateTopicsRequest) {
        let mut results = Vec::new();
        let mut created = Vec::new();
        for topic in &request.topics {
            let outcome = if request
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
        let waits = !request.validate_only;
        self.answer_when_led(
            token,
            Results::Topics(results),
            created,
            request.timeout_ms,
            waits,
        );
    }

    fn answer_when_led(
        &self,
        token: u64,
        mut results: Results,
        created: Vec<TopicPartition>,
        timeout_ms: i32,
        waits: bool,
    ) {
        if !waits || created.is_empty() {
            self.respond(token, results.into_response());
        } else if timeout_ms <= 0 {
            results.time_out(|_| true);
            self.respond(token, results.into_response());
        } else {
            self.wait_for_leaders(token, results, created, timeout_ms);
        }
    }

    /// Gives the topic's id and how many partitions it has.
    async fn create_topic(
        &self,
        topic: &CreatableTopic,
        validate_only: bool,
    ) -> Result<(TopicId, i32), ApiError> {
        if self.metadata.borrow().contains_topic(&topic.name) {
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
        let brokers = self.brokers();
        let start = self.random_below(brokers.len() as u64);
        let shift = self.random_below(brokers.len() as u64);
        let replication_factor = given_or(replication_factor, default);
        let placed =
            assign_replicas_to_brokers(&brokers, partitions, replication_factor, 0, start, shift)?;
        Ok((0..).zip(placed).collect())
    }

    /// Those that are alive.
    fn brokers(&self) -> Vec<BrokerMetadata> {
        let metadata = self.metadata.borrow();
        let alive = metadata.live_brokers().map(|broker| BrokerMetadata {
            id: broker.id,
            rack: broker.rack.clone(),
        });
        alive.collect()
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

    // ---- CreatePartitions

    async fn create_partitions(
        &self,
        token: u64,
        request: CreatePartitionsRequest,
        is_active_controller: bool,
    ) {
        let mut results = Vec::new();
        let mut created = Vec::new();
        for topic in &request.topics {
            let alike = request.topics.iter().filter(|it| it.name == topic.name);
            let outcome = match (is_active_controller, alike.count()) {
                (false, _) => Err(ApiError {
                    error: ErrorCode::NotController,
                    message: None,
                }),
                (true, 1) => self.grow_topic(topic, request.validate_only).await,
                (true, _) => Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    "Duplicate topic in request.",
                )),
            };
            let (error, message) = match outcome {
                Ok(added) => {
                    let named = |partition| TopicPartition::new(topic.name.clone(), partition);
                    created.extend(added.map(named));
                    (ErrorCode::None, None)
                }
                Err(ApiError { error, message }) => (error, message),
            };
            results.push((topic.name.clone(), error, message));
        }
        let waits = !request.validate_only;
        let results = Results::Partitions(results);
        self.answer_when_led(token, results, created, request.timeout_ms, waits);
    }

    /// Gives the numbers of the new partitions. Where the broker places their replicas, it goes on behind where
    /// partition 0 has its first.
    async fn grow_topic(
        &self,
        topic: &CreatePartitionsTopic,
        validate_only: bool,
    ) -> Result<Range<i32>, ApiError> {
        let name = &topic.name;
        let mut node = self.zk.topic(name).await?.ok_or_else(|| {
            ApiError::new(
                ErrorCode::UnknownTopicOrPartition,
                format!("The topic '{name}' does not exist."),
            )
        })?;
        let old = node.assignment.len() as i32;
        let refused = |why: String| Err(ApiError::new(ErrorCode::InvalidPartitions, why));
        if topic.count < old {
            return refused(format!(
                "Topic currently has {old} partitions, which is higher than the requested {}.",
                topic.count
            ));
        }
        if topic.count == old {
            return refused(format!("Topic already has {old} partitions."));
        }
        let placed = match &topic.assignments {
            Some(given) if given.len() as i32 != topic.count - old => {
                return Err(ApiError::new(
                    ErrorCode::InvalidReplicaAssignment,
                    format!(
                        "Increasing the number of partitions by {} but {} assignments provided.",
                        topic.count - old,
                        given.len()
                    ),
                ));
            }
            Some(given) => given.clone(),
            None => {
                let first = node.assignment.get(&0);
                let first = first.map_or(&[][..], |it| &it.replicas);
                let brokers = self.brokers();
                let at = |it: &BrokerMetadata| first.first().is_some_and(|head| it.id >= *head);
                let start = brokers.iter().position(at).unwrap_or(0) as u32;
                let (new, factor) = (topic.count - old, first.len() as i32);
                assign_replicas_to_brokers(&brokers, new, factor, old as u32, start, start)?
            }
        };
        if !validate_only {
            let new = (old..).zip(placed.into_iter().map(ReplicaAssignment::of));
            node.assignment.extend(new);
            self.zk.write_topic(name, &node).await?;
        }
        Ok(old..topic.count)
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
        if !self.metadata.borrow().contains_topic(topic) {
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

    // ---- waiting for leaders

    /// Answers at once if no leader is missing, else when all are there or after the timeout.
    fn wait_for_leaders(
        &self,
        token: u64,
        results: Results,
        partitions: Vec<TopicPartition>,
        timeout_ms: i32,
    ) {
        let topics: BTreeSet<_> = partitions.iter().map(|it| it.topic.clone()).collect();
        let delayed = DelayedCreatePartitions::new(token, results, partitions);
        let parked = self.with_led(|led| {
            let mut purgatory = self.delayed.borrow_mut();
            purgatory.try_complete_else_watch(delayed, topics, led)
        });
        if let Some(operation) = parked {
            self.outputs.borrow_mut().push(AdminOutput::SetTimer {
                after_ms: u64::try_from(timeout_ms).unwrap_or(0),
                operation,
            });
        }
    }

    fn complete_delayed(&self, request: &UpdateMetadataRequest) {
        self.with_led(|led| {
            let mut purgatory = self.delayed.borrow_mut();
            for state in &request.partition_states {
                purgatory.check_and_complete(&state.partition.topic, led);
            }
        });
    }

    /// Lets operations look at leaders, and sends what they answer.
    fn with_led<T>(&self, look: impl FnOnce(&mut Led) -> T) -> T {
        let mut led = Led::new(Rc::clone(&self.metadata.borrow()));
        let result = look(&mut led);
        for (token, response) in led.answers {
            self.respond(token, response);
        }
        result
    }

    fn respond(&self, token: u64, body: impl Into<Response>) {
        let body = body.into();
        self.outputs
            .borrow_mut()
            .push(AdminOutput::Respond { token, body });
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
