//! Kafka's requests and responses, named and filled as in Kafka's message schemas.
//!
//! A request is answered by the response of its name. Sentinels are Kafka's: leader -1 (none) and
//! -2 (topic being deleted), replica id -1 (a consumer), epoch -1 (unknown).

mod admin;
mod api_versions;
mod broker_to_controller;
mod committed_offsets;
mod controller_to_broker;
mod fetch;
mod group;
mod metadata;
mod offsets;
mod produce;
mod producer_ids;

pub use admin::*;
pub use api_versions::*;
pub use broker_to_controller::*;
pub use committed_offsets::*;
pub use controller_to_broker::*;
pub use fetch::*;
pub use group::*;
pub use metadata::*;
pub use offsets::*;
pub use produce::*;
pub use producer_ids::*;

/// "Any epoch": the sender does not know the current leader epoch.
pub const UNKNOWN_EPOCH: i32 = -1;

/// A body's size on the wire. Sizes follow Kafka's flexible encodings closely enough for bandwidth:
/// fixed fields exactly, names by their length, arrays by their entries.
trait WireBytes {
    fn wire_bytes(&self) -> u64;
}

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
            /// Bytes on the wire, without the header.
            pub fn wire_bytes(&self) -> u64 {
                match self { $(Request::$name(body) => body.wire_bytes()),* }
            }
        }
        impl Response {
            pub const fn api_key(&self) -> i16 {
                match self { $(Response::$name(_) => $key),* }
            }
            /// As Kafka's message schemas call it.
            pub const fn schema_name(&self) -> &'static str {
                match self { $(Response::$name(_) => concat!(stringify!($name), "Response")),* }
            }
            pub const fn name(&self) -> &'static str {
                match self { $(Response::$name(_) => stringify!($name)),* }
            }
            /// Bytes on the wire, without the header.
            pub fn wire_bytes(&self) -> u64 {
                match self { $(Response::$name(body) => body.wire_bytes()),* }
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
    OffsetCommit = 8 => OffsetCommitRequest, OffsetCommitResponse;
    OffsetFetch = 9 => OffsetFetchRequest, OffsetFetchResponse;
    FindCoordinator = 10 => FindCoordinatorRequest, FindCoordinatorResponse;
    JoinGroup = 11 => JoinGroupRequest, JoinGroupResponse;
    Heartbeat = 12 => HeartbeatRequest, HeartbeatResponse;
    LeaveGroup = 13 => LeaveGroupRequest, LeaveGroupResponse;
    SyncGroup = 14 => SyncGroupRequest, SyncGroupResponse;
    DescribeGroups = 15 => DescribeGroupsRequest, DescribeGroupsResponse;
    ListGroups = 16 => ListGroupsRequest, ListGroupsResponse;
    DeleteGroups = 42 => DeleteGroupsRequest, DeleteGroupsResponse;
    OffsetDelete = 47 => OffsetDeleteRequest, OffsetDeleteResponse;
    InitProducerId = 22 => InitProducerIdRequest, InitProducerIdResponse;
    AllocateProducerIds = 67 => AllocateProducerIdsRequest, AllocateProducerIdsResponse;
    CreatePartitions = 37 => CreatePartitionsRequest, CreatePartitionsResponse;
    ApiVersions = 18 => ApiVersionsRequest, ApiVersionsResponse;
    ConsumerGroupDescribe = 69 => ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
}

impl Response {
    /// CN17: a client obeys the `throttle_time_ms` of such an answer (`shouldClientThrottle`). The answers of brokers to
    /// their controller have none; that of three to brokers, and of one to an admin, is passed over.
    pub const fn client_throttles(&self) -> bool {
        !matches!(
            self,
            Response::LeaderAndIsr(_)
                | Response::StopReplica(_)
                | Response::UpdateMetadata(_)
                | Response::ControlledShutdown(_)
                | Response::OffsetForLeaderEpoch(_)
                | Response::AlterPartition(_)
                | Response::AllocateProducerIds(_)
                | Response::ConsumerGroupDescribe(_)
        )
    }
}
