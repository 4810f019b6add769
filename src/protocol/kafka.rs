//! Kafka's requests and responses, named and filled as in Kafka's message schemas.
//!
//! A request is answered by the response of its name. Sentinels are Kafka's: leader -1 (none) and
//! -2 (topic being deleted), replica id -1 (a consumer), epoch -1 (unknown).

use super::{BrokerId, ErrorCode, TopicId, TopicName, TopicPartition};
use crate::log::batch::Records;
use std::rc::Rc;

/// Replica id of a fetch by a consumer.
pub const CONSUMER_REPLICA_ID: BrokerId = -1;
/// "Any epoch": the sender does not know the current leader epoch.
pub const UNKNOWN_EPOCH: i32 = -1;
/// `ListOffsets` timestamps that are questions of their own.
pub const LATEST_TIMESTAMP: i64 = -1;
pub const EARLIEST_TIMESTAMP: i64 = -2;
/// The offset of the largest timestamp (KIP-734).
pub const MAX_TIMESTAMP: i64 = -3;

/// `DeleteRecords` offset: all that is committed.
pub const HIGH_WATERMARK: i64 = -1;

macro_rules! requests {
    ($($name:ident = $key:literal => $request:ty, $response:ty;)*) => {
        /// The body of a request; the number is Kafka's api key.
        #[derive(Clone, Debug, Hash)]
        pub enum Request { $($name(Box<$request>)),* }
        /// The body of a response.
        #[derive(Clone, Debug, Hash)]
        pub enum Response { $($name(Box<$response>)),* }

        impl Request {
            pub const fn api_key(&self) -> i16 {
                match self { $(Request::$name(_) => $key),* }
            }
            pub const fn name(&self) -> &'static str {
                match self { $(Request::$name(_) => stringify!($name)),* }
            }
        }
        impl Response {
            pub const fn api_key(&self) -> i16 {
                match self { $(Response::$name(_) => $key),* }
            }
            pub const fn name(&self) -> &'static str {
                match self { $(Response::$name(_) => stringify!($name)),* }
            }
        }
        $(
            impl From<$request> for Request {
                fn from(body: $request) -> Request { Request::$name(Box::new(body)) }
            }
            impl From<$response> for Response {
                fn from(body: $response) -> Response { Response::$name(Box::new(body)) }
            }
        )*
    };
}

requests! {
    Produce = 0 => ProduceRequest, ProduceResponse;
    Fetch = 1 => FetchRequest, FetchResponse;
    ListOffsets = 2 => ListOffsetsRequest, ListOffsetsResponse;
    Metadata = 3 => MetadataRequest, MetadataResponse;
    LeaderAndIsr = 4 => LeaderAndIsrRequest, LeaderAndIsrResponse;
    StopReplica = 5 => StopReplicaRequest, StopReplicaResponse;
    UpdateMetadata = 6 => UpdateMetadataRequest, UpdateMetadataResponse;
    ControlledShutdown = 7 => ControlledShutdownRequest, ControlledShutdownResponse;
    CreateTopics = 19 => CreateTopicsRequest, CreateTopicsResponse;
    DeleteRecords = 21 => DeleteRecordsRequest, DeleteRecordsResponse;
    OffsetForLeaderEpoch = 23 => OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
    ElectLeaders = 43 => ElectLeadersRequest, ElectLeadersResponse;
    IncrementalAlterConfigs = 44 => IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
    AlterPartition = 56 => AlterPartitionRequest, AlterPartitionResponse;
}

// ---- clients

#[derive(Clone, Debug, Hash)]
pub struct ProduceRequest {
    /// 0, 1 or -1 (all). With 0 no response is sent.
    pub acks: i16,
    pub timeout_ms: i32,
    pub data: Vec<(TopicPartition, Records)>,
}

#[derive(Clone, Debug, Hash)]
pub struct ProduceResponse {
    pub responses: Vec<PartitionProduceResponse>,
    /// Where the leaders that `current_leader` names listen (KIP-951).
    pub node_endpoints: Vec<BrokerEndpoint>,
}

#[derive(Clone, Debug, Hash)]
pub struct PartitionProduceResponse {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// With NOT_LEADER_OR_FOLLOWER: who leads, as far as the broker knows (KIP-951).
    pub current_leader: Option<LeaderIdAndEpoch>,
    /// -1 on error.
    pub base_offset: i64,
    /// -1 unless the topic stamps records at append.
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
}

/// A partition's leader; both are -1 where unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct LeaderIdAndEpoch {
    pub leader: BrokerId,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct FetchRequest {
    /// `CONSUMER_REPLICA_ID` or the follower's broker id.
    pub replica_id: BrokerId,
    /// The follower's broker epoch, -1 where unknown (KIP-903).
    pub replica_epoch: i64,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    /// 0 read_uncommitted, 1 read_committed.
    pub isolation_level: i8,
    /// KIP-227; 0 with epoch -1 is a fetch without a session.
    pub session_id: i32,
    pub session_epoch: i32,
    pub partitions: Vec<FetchPartition>,
    pub forgotten: Vec<TopicPartition>,
    pub rack_id: Option<Rc<str>>,
}

#[derive(Clone, Debug, Hash)]
pub struct FetchPartition {
    pub partition: TopicPartition,
    pub topic_id: TopicId,
    /// -1 if the fetcher does not know one.
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    /// Newest entry of a follower's epoch cache, -1 if it is empty or the fetcher is a consumer.
    pub last_fetched_epoch: i32,
    /// A follower's log start offset, -1 from consumers.
    pub log_start_offset: i64,
    pub max_bytes: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct FetchResponse {
    pub error: ErrorCode,
    pub session_id: i32,
    pub responses: Vec<FetchPartitionResponse>,
    /// Where the leaders that `current_leader` names listen (KIP-951).
    pub node_endpoints: Vec<BrokerEndpoint>,
}

#[derive(Clone, Debug, Hash)]
pub struct FetchPartitionResponse {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// With NOT_LEADER_OR_FOLLOWER or FENCED_LEADER_EPOCH: who leads, as far as the broker knows
    /// (KIP-951).
    pub current_leader: Option<LeaderIdAndEpoch>,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub diverging_epoch: Option<EpochEndOffset>,
    /// -1: none (KIP-392).
    pub preferred_read_replica: BrokerId,
    pub records: Records,
}

/// An epoch and the offset at which it ends in some log (KIP-101, KIP-279). (-1, -1) is undefined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

#[derive(Clone, Debug, Hash)]
pub struct ListOffsetsRequest {
    pub replica_id: BrokerId,
    pub isolation_level: i8,
    pub partitions: Vec<ListOffsetsPartition>,
}

#[derive(Clone, Debug, Hash)]
pub struct ListOffsetsPartition {
    pub partition: TopicPartition,
    pub current_leader_epoch: i32,
    /// A time in ms, or `LATEST_TIMESTAMP`, `EARLIEST_TIMESTAMP`, `MAX_TIMESTAMP`.
    pub timestamp: i64,
}

#[derive(Clone, Debug, Hash)]
pub struct ListOffsetsResponse {
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

#[derive(Clone, Debug, Hash)]
pub struct ListOffsetsPartitionResponse {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    /// -1 where the question was not a time.
    pub timestamp: i64,
    /// -1: no such record.
    pub offset: i64,
    pub leader_epoch: i32,
}

/// Where do these epochs end in the leader's log? Asked by consumers whose partition has got a new
/// leader (KIP-320).
#[derive(Clone, Debug, Hash)]
pub struct OffsetForLeaderEpochRequest {
    /// `CONSUMER_REPLICA_ID`
    pub replica_id: BrokerId,
    pub partitions: Vec<OffsetForLeaderPartition>,
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetForLeaderPartition {
    pub partition: TopicPartition,
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct OffsetForLeaderEpochResponse {
    /// (-1, -1) with an error, or where the epoch is unknown (E4).
    pub partitions: Vec<(TopicPartition, ErrorCode, EpochEndOffset)>,
}

#[derive(Clone, Debug, Hash)]
pub struct MetadataRequest {
    /// `None` asks for all topics, an empty list for brokers only.
    pub topics: Option<Vec<TopicName>>,
    pub allow_auto_topic_creation: bool,
}

#[derive(Clone, Debug, Hash)]
pub struct MetadataResponse {
    pub brokers: Vec<BrokerEndpoint>,
    pub cluster_id: Option<Rc<str>>,
    /// -1 if the broker knows none.
    pub controller_id: BrokerId,
    pub topics: Vec<TopicMetadata>,
}

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerEndpoint {
    pub id: BrokerId,
    pub host: Rc<str>,
    pub port: i32,
    pub rack: Option<Rc<str>>,
}

#[derive(Clone, Debug, Hash)]
pub struct TopicMetadata {
    pub error: ErrorCode,
    pub name: TopicName,
    pub topic_id: TopicId,
    pub is_internal: bool,
    pub partitions: Vec<PartitionMetadata>,
}

#[derive(Clone, Debug, Hash)]
pub struct PartitionMetadata {
    pub error: ErrorCode,
    pub partition: i32,
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub replicas: Vec<BrokerId>,
    pub isr: Vec<BrokerId>,
    pub offline_replicas: Vec<BrokerId>,
}

// ---- administration

#[derive(Clone, Debug, Hash)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

#[derive(Clone, Debug, Hash)]
pub struct CreatableTopic {
    pub name: TopicName,
    /// -1: the broker's default, or given by `assignments`.
    pub num_partitions: i32,
    pub replication_factor: i16,
    /// Replicas of each partition, or empty: the broker places them (CT21).
    pub assignments: Vec<(i32, Vec<BrokerId>)>,
    pub configs: Vec<(Rc<str>, Rc<str>)>,
}

#[derive(Clone, Debug, Hash)]
pub struct CreateTopicsResponse {
    pub topics: Vec<CreatableTopicResult>,
}

#[derive(Clone, Debug, Hash)]
pub struct CreatableTopicResult {
    pub name: TopicName,
    pub topic_id: TopicId,
    pub error: ErrorCode,
    pub error_message: Option<Rc<str>>,
}

#[derive(Clone, Debug, Hash)]
pub struct DeleteRecordsRequest {
    /// Records below these offsets; `HIGH_WATERMARK` for all that are committed.
    pub partitions: Vec<(TopicPartition, i64)>,
    pub timeout_ms: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct DeleteRecordsResponse {
    /// With the lowest log start of all live replicas, -1 on error.
    pub partitions: Vec<(TopicPartition, i64, ErrorCode)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ElectionType {
    Preferred,
    Unclean,
}

#[derive(Clone, Debug, Hash)]
pub struct ElectLeadersRequest {
    pub election_type: ElectionType,
    /// `None`: all partitions.
    pub partitions: Option<Vec<TopicPartition>>,
    pub timeout_ms: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct ElectLeadersResponse {
    pub error: ErrorCode,
    pub results: Vec<(TopicPartition, ErrorCode)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum ConfigResource {
    Topic,
    Broker,
}

#[derive(Clone, Debug, Hash)]
pub enum AlterConfigOp {
    Set(Rc<str>),
    Delete,
}

#[derive(Clone, Debug, Hash)]
pub struct IncrementalAlterConfigsRequest {
    pub resources: Vec<AlterConfigsResource>,
    pub validate_only: bool,
}

#[derive(Clone, Debug, Hash)]
pub struct AlterConfigsResource {
    pub resource: ConfigResource,
    /// The topic's name, or the broker's id in digits.
    pub name: Rc<str>,
    pub configs: Vec<(Rc<str>, AlterConfigOp)>,
}

#[derive(Clone, Debug, Hash)]
pub struct IncrementalAlterConfigsResponse {
    pub responses: Vec<AlterConfigsResult>,
}

/// What came of one resource: its kind, its name, the error and its message.
pub type AlterConfigsResult = (ConfigResource, Rc<str>, ErrorCode, Option<Rc<str>>);

// ---- controller and brokers

#[derive(Clone, Debug, Hash)]
pub struct LeaderAndIsrRequest {
    pub controller_id: BrokerId,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub topic_ids: Vec<(TopicName, TopicId)>,
    pub partition_states: Vec<LeaderAndIsrPartitionState>,
    pub live_leaders: Vec<BrokerEndpoint>,
}

/// `LeaderRecoveryState` (KIP-704).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum LeaderRecoveryState {
    #[default]
    Recovered,
    /// After an unclean election, until the first ISR expansion (RK14).
    Recovering,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaderAndIsrPartitionState {
    pub partition: TopicPartition,
    /// Epoch of the controller that wrote this state.
    pub controller_epoch: i32,
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub isr: Vec<BrokerId>,
    /// zkVersion of the state znode.
    pub partition_epoch: i32,
    pub replicas: Vec<BrokerId>,
    pub adding_replicas: Vec<BrokerId>,
    pub removing_replicas: Vec<BrokerId>,
    pub is_new: bool,
    pub leader_recovery_state: LeaderRecoveryState,
}

#[derive(Clone, Debug, Hash)]
pub struct LeaderAndIsrResponse {
    pub error: ErrorCode,
    pub partition_errors: Vec<(TopicPartition, ErrorCode)>,
}

#[derive(Clone, Debug, Hash)]
pub struct StopReplicaRequest {
    pub controller_id: BrokerId,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub partition_states: Vec<StopReplicaPartitionState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StopReplicaPartitionState {
    pub partition: TopicPartition,
    /// -2: the topic is being deleted (Z8).
    pub leader_epoch: i32,
    pub delete_partition: bool,
}

#[derive(Clone, Debug, Hash)]
pub struct StopReplicaResponse {
    pub error: ErrorCode,
    pub partition_errors: Vec<(TopicPartition, ErrorCode)>,
}

#[derive(Clone, Debug, Hash)]
pub struct UpdateMetadataRequest {
    pub controller_id: BrokerId,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub topic_ids: Vec<(TopicName, TopicId)>,
    pub partition_states: Vec<UpdateMetadataPartitionState>,
    /// Replaces what the receiver knew (CT31).
    pub live_brokers: Vec<BrokerEndpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpdateMetadataPartitionState {
    pub partition: TopicPartition,
    pub controller_epoch: i32,
    /// `NO_LEADER`, `LEADER_DURING_DELETE` or a broker.
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub isr: Vec<BrokerId>,
    pub zk_version: i32,
    pub replicas: Vec<BrokerId>,
    pub offline_replicas: Vec<BrokerId>,
}

#[derive(Clone, Debug, Hash)]
pub struct UpdateMetadataResponse {
    pub error: ErrorCode,
}

#[derive(Clone, Debug, Hash)]
pub struct ControlledShutdownRequest {
    pub broker_id: BrokerId,
    pub broker_epoch: i64,
}

#[derive(Clone, Debug, Hash)]
pub struct ControlledShutdownResponse {
    pub error: ErrorCode,
    /// Partitions that the broker still leads.
    pub remaining_partitions: Vec<TopicPartition>,
}

#[derive(Clone, Debug, Hash)]
pub struct AlterPartitionRequest {
    pub broker_id: BrokerId,
    pub broker_epoch: i64,
    pub partitions: Vec<AlterPartitionData>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterPartitionData {
    pub partition: TopicPartition,
    pub topic_id: TopicId,
    pub leader_epoch: i32,
    /// Members with their broker epochs (-1 in ZooKeeper mode, CT32).
    pub new_isr: Vec<(BrokerId, i64)>,
    pub leader_recovery_state: LeaderRecoveryState,
    pub partition_epoch: i32,
}

#[derive(Clone, Debug, Hash)]
pub struct AlterPartitionResponse {
    pub error: ErrorCode,
    pub partitions: Vec<AlterPartitionResult>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterPartitionResult {
    pub partition: TopicPartition,
    pub error: ErrorCode,
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub isr: Vec<BrokerId>,
    pub leader_recovery_state: LeaderRecoveryState,
    pub partition_epoch: i32,
}
