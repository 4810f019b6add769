//! Topics and configurations as administrators change them in ZooKeeper (`AdminZkClient`; CT20, RK9,
//! RK10): Kafka's checks in Kafka's order, then the writes. Creating a topic takes two writes that
//! are not one transaction.

use super::ZkCalls;
use super::zk_requests::{ANY_VERSION, create_recursive, entity_config, multi, multi_error};
use crate::metadata::znode::{self, TopicZNode};
use crate::metadata::{ReplicaAssignment, placement::PlacementError};
use crate::protocol::config::{ConfigError, Lack, Properties, Scope, asks_for_compaction};
use crate::protocol::zookeeper::{Answer, Code, CreateMode, MultiOp, Op, Path};
use crate::protocol::{BrokerId, ErrorCode, TopicId, is_internal_topic};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An error code with the message that goes to the client (`ApiError`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ApiError {
    pub error: ErrorCode,
    pub message: Option<Rc<str>>,
}

impl ApiError {
    pub fn new(error: ErrorCode, message: impl Into<Rc<str>>) -> Self {
        ApiError {
            error,
            message: Some(message.into()),
        }
    }
}

impl From<Code> for ApiError {
    /// Kafka knows no error for ZooKeeper's.
    fn from(code: Code) -> Self {
        ApiError::new(ErrorCode::UnknownServerError, code.name())
    }
}

impl From<PlacementError> for ApiError {
    fn from(error: PlacementError) -> Self {
        match error {
            PlacementError::InvalidPartitions(why) => {
                ApiError::new(ErrorCode::InvalidPartitions, why)
            }
            PlacementError::InvalidReplicationFactor(why) => {
                ApiError::new(ErrorCode::InvalidReplicationFactor, why)
            }
            PlacementError::RacksIncomplete => ApiError::new(
                ErrorCode::UnknownServerError,
                "Not all brokers have rack information for replica rack aware assignment.",
            ),
        }
    }
}

/// A topic's replicas by partition, as asked for or as placed.
pub(super) type Assignments = BTreeMap<i32, Vec<BrokerId>>;

/// See the module's doc.
#[derive(Clone)]
pub(super) struct AdminZkClient {
    zk: ZkCalls,
}

impl AdminZkClient {
    pub fn new(zk: ZkCalls) -> Self {
        AdminZkClient { zk }
    }

    pub async fn validate_topic_create(
        &self,
        topic: &str,
        assignments: &Assignments,
        config: &Properties,
    ) -> Result<(), ApiError> {
        validate_topic_name(topic)?;
        if self.exists(znode::delete_topic_path(topic)).await? {
            return Err(ApiError::new(
                ErrorCode::TopicAlreadyExists,
                format!("Topic '{topic}' is marked for deletion."),
            ));
        }
        if self.exists(znode::topic_path(topic)).await? {
            return Err(topic_exists(topic));
        }
        if topic.contains(['_', '.']) {
            self.validate_no_collision(topic).await?;
        }
        validate_assignments(assignments)?;
        validate_topic_config(topic, config).map_err(|invalid| match invalid {
            InvalidConfig::Unknown(why) | InvalidConfig::Value(why) => {
                ApiError::new(ErrorCode::InvalidConfig, why)
            }
        })
    }

    /// `a.b` and `a_b` would share the names of their metrics.
    async fn validate_no_collision(&self, topic: &str) -> Result<(), ApiError> {
        let path = znode::TOPICS.into();
        let topics = match self.zk.call(Op::GetChildren { path, watch: false }).await {
            Ok(Answer::Children { children, .. }) => children,
            Ok(_) | Err(Code::NoNode) => Vec::new(),
            Err(code) => return Err(code.into()),
        };
        let unified = |name: &str| name.replace('.', "_");
        let colliding: Vec<&str> = topics
            .iter()
            .map(|other| &**other)
            .filter(|other| unified(other) == unified(topic))
            .collect();
        if colliding.contains(&topic) {
            return Err(topic_exists(topic));
        }
        if !colliding.is_empty() {
            return Err(ApiError::new(
                ErrorCode::InvalidTopicException,
                format!(
                    "Topic '{topic}' collides with existing topics: {}",
                    colliding.join(", ")
                ),
            ));
        }
        Ok(())
    }

    /// The configuration first, then the topic: a controller that sees the topic finds the other.
    pub async fn create_topic_with_assignment(
        &self,
        topic: &str,
        topic_id: TopicId,
        assignments: &Assignments,
        config: &Properties,
    ) -> Result<(), ApiError> {
        self.set_or_create_entity_config(znode::topic_config_path(topic), config)
            .await?;
        let node = TopicZNode {
            topic_id: Some(topic_id),
            assignment: assignments
                .iter()
                .map(|(partition, replicas)| (*partition, ReplicaAssignment::of(replicas.clone())))
                .collect(),
        };
        match create_recursive(&self.zk, znode::topic_path(topic), node.encode()).await {
            Ok(()) => Ok(()),
            Err(Code::NodeExists) => Err(topic_exists(topic)),
            Err(code) => Err(code.into()),
        }
    }

    /// A topic's id and assignment, if there is one.
    pub async fn topic(&self, topic: &str) -> Result<Option<TopicZNode>, ApiError> {
        let path = znode::topic_path(topic);
        match self.zk.call(Op::GetData { path, watch: false }).await {
            Ok(Answer::Data { data, .. }) => Ok(TopicZNode::decode(&data)),
            Ok(_) => Err(Code::MarshallingError.into()),
            Err(Code::NoNode) => Ok(None),
            Err(code) => Err(code.into()),
        }
    }

    /// `writeTopicPartitionAssignment` of a topic that has one.
    pub async fn write_topic(&self, topic: &str, node: &TopicZNode) -> Result<(), ApiError> {
        let write = Op::SetData {
            path: znode::topic_path(topic),
            data: node.encode(),
            version: ANY_VERSION,
        };
        self.zk.call(write).await?;
        Ok(())
    }

    pub async fn topic_config(&self, topic: &str) -> Result<Properties, ApiError> {
        Ok(entity_config(&self.zk, znode::topic_config_path(topic)).await?)
    }

    /// The checks of a topic's configuration as it would be after a change.
    pub async fn validate_topic_config_change(
        &self,
        topic: &str,
        config: &Properties,
    ) -> Result<(), ApiError> {
        validate_topic_name(topic)?;
        if !self.exists(znode::topic_path(topic)).await? {
            return Err(ApiError::new(
                ErrorCode::UnknownTopicOrPartition,
                format!("Topic '{topic}' does not exist."),
            ));
        }
        validate_topic_config(topic, config).map_err(|invalid| {
            ApiError::new(
                ErrorCode::InvalidConfig,
                match invalid {
                    InvalidConfig::Unknown(why) => why,
                    InvalidConfig::Value(why) => format!(
                        "Invalid config value for resource ConfigResource(type=TOPIC, name='{topic}'): {why}"
                    ),
                },
            )
        })
    }

    /// Writes the configuration and leaves a notice, which every broker watches for (RK10).
    pub async fn change_topic_config(
        &self,
        topic: &str,
        config: &Properties,
    ) -> Result<(), ApiError> {
        self.set_or_create_entity_config(znode::topic_config_path(topic), config)
            .await?;
        match create_recursive(&self.zk, znode::CONFIG_CHANGES.into(), Bytes::new()).await {
            Ok(()) | Err(Code::NodeExists) => {}
            Err(code) => return Err(code.into()),
        }
        let notice = Op::Create {
            path: format!("{}/{}", znode::CONFIG_CHANGES, znode::CONFIG_CHANGE_PREFIX).into(),
            data: znode::encode_config_change(&format!("topics/{topic}")),
            mode: CreateMode::PERSISTENT_SEQUENTIAL,
        };
        self.zk.call(notice).await?;
        Ok(())
    }

    /// A write under the check of /controller; the node is made if it is not there (Z3).
    async fn set_or_create_entity_config(
        &self,
        path: Path,
        config: &Properties,
    ) -> Result<(), ApiError> {
        let controller = Op::GetData {
            path: znode::CONTROLLER.into(),
            watch: false,
        };
        let controller_version = match self.zk.call(controller).await {
            Ok(Answer::Data { stat, .. }) => stat.version,
            Ok(_) => return Err(Code::MarshallingError.into()),
            Err(Code::NoNode) => {
                return Err(ApiError::new(
                    ErrorCode::StaleControllerEpoch,
                    "Cannot set entity configs when there is no controller.",
                ));
            }
            Err(code) => return Err(code.into()),
        };
        let data = znode::encode_config(config);
        let set = || self.set_checked(path.clone(), data.clone(), controller_version);
        match set().await? {
            None => Ok(()),
            Some(Code::NoNode) => {
                match create_recursive(&self.zk, path.clone(), data.clone()).await {
                    Ok(()) => Ok(()),
                    Err(Code::NodeExists) => match set().await? {
                        None => Ok(()),
                        Some(code) => Err(code.into()),
                    },
                    Err(code) => Err(code.into()),
                }
            }
            Some(code) => Err(code.into()),
        }
    }

    async fn set_checked(
        &self,
        path: Path,
        data: Bytes,
        controller_version: i32,
    ) -> Result<Option<Code>, Code> {
        let results = multi(
            &self.zk,
            vec![
                MultiOp::Check {
                    path: znode::CONTROLLER.into(),
                    version: controller_version,
                },
                MultiOp::SetData {
                    path,
                    data,
                    version: ANY_VERSION,
                },
            ],
        )
        .await?;
        Ok(multi_error(&results))
    }

    async fn exists(&self, path: Path) -> Result<bool, ApiError> {
        match self.zk.call(Op::Exists { path, watch: false }).await {
            Ok(_) => Ok(true),
            Err(Code::NoNode) => Ok(false),
            Err(code) => Err(code.into()),
        }
    }
}

fn topic_exists(topic: &str) -> ApiError {
    ApiError::new(
        ErrorCode::TopicAlreadyExists,
        format!("Topic '{topic}' already exists."),
    )
}

/// `Topic.validate`.
fn validate_topic_name(name: &str) -> Result<(), ApiError> {
    const MAX_NAME_LENGTH: usize = 249;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let why = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." | ".." => format!("'{name}' is not allowed"),
        _ if name.encode_utf16().count() > MAX_NAME_LENGTH => format!(
            "the length of '{name}' is longer than the max allowed length {MAX_NAME_LENGTH}"
        ),
        _ if !name.chars().all(legal) => format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        ),
        _ => return Ok(()),
    };
    Err(ApiError::new(
        ErrorCode::InvalidTopicException,
        format!("Topic name is invalid: {why}"),
    ))
}

fn validate_assignments(assignments: &Assignments) -> Result<(), ApiError> {
    let invalid = |why: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, why));
    let sizes: BTreeSet<usize> = assignments.values().map(Vec::len).collect();
    if sizes.len() != 1 {
        return invalid("All partitions should have the same number of replicas".to_owned());
    }
    for replicas in assignments.values() {
        let distinct: BTreeSet<&BrokerId> = replicas.iter().collect();
        if distinct.len() != replicas.len() {
            return invalid(format!(
                "Duplicate replica assignment found: {assignments:?}"
            ));
        }
    }
    let consecutive = assignments.keys().copied().eq(0..assignments.len() as i32);
    if !consecutive {
        return invalid("partitions should be a consecutive 0-based integer sequence".to_owned());
    }
    Ok(())
}

/// Why a topic's configuration is none; both are INVALID_CONFIG.
enum InvalidConfig {
    Unknown(String),
    Value(String),
}

/// `LogConfig.validate`, key by key.
fn validate_topic_config(topic: &str, config: &Properties) -> Result<(), InvalidConfig> {
    for (name, value) in config {
        // Where groups are kept is never compacted here either: it only grows, as it does in life for long.
        if asks_for_compaction(name, value) && !is_internal_topic(topic) {
            return Err(InvalidConfig::Value(format!(
                "Invalid value {value} for configuration {name}: {}",
                Lack::Compaction
            )));
        }
        Scope::Topic
            .check(name, value)
            .map_err(|error| match error {
                ConfigError::Unknown { key, .. } => {
                    InvalidConfig::Unknown(format!("Unknown topic config name: {key}"))
                }
                ConfigError::Value {
                    key,
                    value,
                    expected,
                } => InvalidConfig::Value(format!(
                    "Invalid value {value} for configuration {key}: expected {expected}"
                )),
            })?;
    }
    Ok(())
}
