//! Kafka's error codes (`org.apache.kafka.common.protocol.Errors`), as many as are met here.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

macro_rules! error_codes {
    ($($name:ident = $code:literal, $text:literal, $exception:literal;)*) => {
        /// A Kafka error code. Prints as Kafka's constant, e.g. `NOT_ENOUGH_REPLICAS`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum ErrorCode { $($name),* }

        impl ErrorCode {
            const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name),*];
            /// The int16 on the wire.
            pub const fn code(self) -> i16 {
                match self { $(ErrorCode::$name => $code),* }
            }
            /// Kafka's constant name.
            pub const fn name(self) -> &'static str {
                match self { $(ErrorCode::$name => $text),* }
            }
            /// Simple name of the Java exception that a Kafka client throws for it.
            pub const fn exception(self) -> &'static str {
                match self { $(ErrorCode::$name => $exception),* }
            }
        }
    };
}

error_codes! {
    UnknownServerError = -1, "UNKNOWN_SERVER_ERROR", "UnknownServerException";
    None = 0, "NONE", "";
    OffsetOutOfRange = 1, "OFFSET_OUT_OF_RANGE", "OffsetOutOfRangeException";
    CorruptMessage = 2, "CORRUPT_MESSAGE", "CorruptRecordException";
    UnknownTopicOrPartition = 3, "UNKNOWN_TOPIC_OR_PARTITION", "UnknownTopicOrPartitionException";
    LeaderNotAvailable = 5, "LEADER_NOT_AVAILABLE", "LeaderNotAvailableException";
    NotLeaderOrFollower = 6, "NOT_LEADER_OR_FOLLOWER", "NotLeaderOrFollowerException";
    RequestTimedOut = 7, "REQUEST_TIMED_OUT", "TimeoutException";
    BrokerNotAvailable = 8, "BROKER_NOT_AVAILABLE", "BrokerNotAvailableException";
    ReplicaNotAvailable = 9, "REPLICA_NOT_AVAILABLE", "ReplicaNotAvailableException";
    MessageTooLarge = 10, "MESSAGE_TOO_LARGE", "RecordTooLargeException";
    StaleControllerEpoch = 11, "STALE_CONTROLLER_EPOCH", "ControllerMovedException";
    NetworkException = 13, "NETWORK_EXCEPTION", "NetworkException";
    InvalidTopicException = 17, "INVALID_TOPIC_EXCEPTION", "InvalidTopicException";
    RecordListTooLarge = 18, "RECORD_LIST_TOO_LARGE", "RecordBatchTooLargeException";
    NotEnoughReplicas = 19, "NOT_ENOUGH_REPLICAS", "NotEnoughReplicasException";
    NotEnoughReplicasAfterAppend = 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "NotEnoughReplicasAfterAppendException";
    InvalidRequiredAcks = 21, "INVALID_REQUIRED_ACKS", "InvalidRequiredAcksException";
    InvalidTimestamp = 32, "INVALID_TIMESTAMP", "InvalidTimestampException";
    TopicAlreadyExists = 36, "TOPIC_ALREADY_EXISTS", "TopicExistsException";
    InvalidPartitions = 37, "INVALID_PARTITIONS", "InvalidPartitionsException";
    InvalidReplicationFactor = 38, "INVALID_REPLICATION_FACTOR", "InvalidReplicationFactorException";
    InvalidReplicaAssignment = 39, "INVALID_REPLICA_ASSIGNMENT", "InvalidReplicaAssignmentException";
    InvalidConfig = 40, "INVALID_CONFIG", "InvalidConfigurationException";
    NotController = 41, "NOT_CONTROLLER", "NotControllerException";
    InvalidRequest = 42, "INVALID_REQUEST", "InvalidRequestException";
    PolicyViolation = 44, "POLICY_VIOLATION", "PolicyViolationException";
    OutOfOrderSequenceNumber = 45, "OUT_OF_ORDER_SEQUENCE_NUMBER", "OutOfOrderSequenceException";
    InvalidProducerEpoch = 47, "INVALID_PRODUCER_EPOCH", "InvalidProducerEpochException";
    InvalidTxnState = 48, "INVALID_TXN_STATE", "InvalidTxnStateException";
    TransactionCoordinatorFenced = 52, "TRANSACTION_COORDINATOR_FENCED", "TransactionCoordinatorFencedException";
    KafkaStorageError = 56, "KAFKA_STORAGE_ERROR", "KafkaStorageException";
    FencedLeaderEpoch = 74, "FENCED_LEADER_EPOCH", "FencedLeaderEpochException";
    UnknownLeaderEpoch = 75, "UNKNOWN_LEADER_EPOCH", "UnknownLeaderEpochException";
    StaleBrokerEpoch = 77, "STALE_BROKER_EPOCH", "StaleBrokerEpochException";
    OffsetNotAvailable = 78, "OFFSET_NOT_AVAILABLE", "OffsetNotAvailableException";
    PreferredLeaderNotAvailable = 80, "PREFERRED_LEADER_NOT_AVAILABLE", "PreferredLeaderNotAvailableException";
    EligibleLeadersNotAvailable = 83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", "EligibleLeadersNotAvailableException";
    ElectionNotNeeded = 84, "ELECTION_NOT_NEEDED", "ElectionNotNeededException";
    InvalidRecord = 87, "INVALID_RECORD", "InvalidRecordException";
    InvalidUpdateVersion = 95, "INVALID_UPDATE_VERSION", "InvalidUpdateVersionException";
    UnknownTopicId = 100, "UNKNOWN_TOPIC_ID", "UnknownTopicIdException";
    InconsistentTopicId = 103, "INCONSISTENT_TOPIC_ID", "InconsistentTopicIdException";
    IneligibleReplica = 107, "INELIGIBLE_REPLICA", "IneligibleReplicaException";
    NewLeaderElected = 108, "NEW_LEADER_ELECTED", "NewLeaderElectedException";
    OperationNotAttempted = 55, "OPERATION_NOT_ATTEMPTED", "OperationNotAttemptedException";
    ListenerNotFound = 72, "LISTENER_NOT_FOUND", "ListenerNotFoundException";
    OffsetMetadataTooLarge = 12, "OFFSET_METADATA_TOO_LARGE", "OffsetMetadataTooLarge";
    CoordinatorLoadInProgress = 14, "COORDINATOR_LOAD_IN_PROGRESS", "CoordinatorLoadInProgressException";
    CoordinatorNotAvailable = 15, "COORDINATOR_NOT_AVAILABLE", "CoordinatorNotAvailableException";
    NotCoordinator = 16, "NOT_COORDINATOR", "NotCoordinatorException";
    IllegalGeneration = 22, "ILLEGAL_GENERATION", "IllegalGenerationException";
    InconsistentGroupProtocol = 23, "INCONSISTENT_GROUP_PROTOCOL", "InconsistentGroupProtocolException";
    InvalidGroupId = 24, "INVALID_GROUP_ID", "InvalidGroupIdException";
    UnknownMemberId = 25, "UNKNOWN_MEMBER_ID", "UnknownMemberIdException";
    InvalidSessionTimeout = 26, "INVALID_SESSION_TIMEOUT", "InvalidSessionTimeoutException";
    RebalanceInProgress = 27, "REBALANCE_IN_PROGRESS", "RebalanceInProgressException";
    InvalidCommitOffsetSize = 28, "INVALID_COMMIT_OFFSET_SIZE", "InvalidCommitOffsetSizeException";
    UnsupportedVersion = 35, "UNSUPPORTED_VERSION", "UnsupportedVersionException";
    DuplicateSequenceNumber = 46, "DUPLICATE_SEQUENCE_NUMBER", "DuplicateSequenceException";
    ConcurrentTransactions = 51, "CONCURRENT_TRANSACTIONS", "ConcurrentTransactionsException";
    UnknownProducerId = 59, "UNKNOWN_PRODUCER_ID", "UnknownProducerIdException";
    NonEmptyGroup = 68, "NON_EMPTY_GROUP", "GroupNotEmptyException";
    GroupIdNotFound = 69, "GROUP_ID_NOT_FOUND", "GroupIdNotFoundException";
    FetchSessionIdNotFound = 70, "FETCH_SESSION_ID_NOT_FOUND", "FetchSessionIdNotFoundException";
    InvalidFetchSessionEpoch = 71, "INVALID_FETCH_SESSION_EPOCH", "InvalidFetchSessionEpochException";
    MemberIdRequired = 79, "MEMBER_ID_REQUIRED", "MemberIdRequiredException";
    GroupMaxSizeReached = 81, "GROUP_MAX_SIZE_REACHED", "GroupMaxSizeReachedException";
    FencedInstanceId = 82, "FENCED_INSTANCE_ID", "FencedInstanceIdException";
    GroupSubscribedToTopic = 86, "GROUP_SUBSCRIBED_TO_TOPIC", "GroupSubscribedToTopicException";
    UnstableOffsetCommit = 88, "UNSTABLE_OFFSET_COMMIT", "UnstableOffsetCommitException";
    ProducerFenced = 90, "PRODUCER_FENCED", "ProducerFencedException";
    FetchSessionTopicIdError = 106, "FETCH_SESSION_TOPIC_ID_ERROR", "FetchSessionTopicIdException";
    BrokerIdNotRegistered = 102, "BROKER_ID_NOT_REGISTERED", "BrokerIdNotRegisteredException";
}

impl ErrorCode {
    /// The error with this constant name.
    pub fn by_name(name: &str) -> Option<ErrorCode> {
        Self::ALL.iter().find(|code| code.name() == name).copied()
    }

    /// The constant names of all errors.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|code| code.name())
    }

    /// The Java exceptions of all errors.
    pub fn exceptions() -> impl Iterator<Item = &'static str> {
        let errors = Self::ALL.iter().filter(|code| !code.is_none());
        errors.map(|code| code.exception())
    }

    pub const fn is_none(self) -> bool {
        matches!(self, ErrorCode::None)
    }

    /// CN30: `Errors.exception() instanceof RetriableException`.
    pub const fn is_retriable(self) -> bool {
        use ErrorCode::*;
        matches!(
            self,
            CorruptMessage
                | UnknownTopicOrPartition
                | LeaderNotAvailable
                | ListenerNotFound
                | NotLeaderOrFollower
                | RequestTimedOut
                | ReplicaNotAvailable
                | NetworkException
                | NotEnoughReplicas
                | NotEnoughReplicasAfterAppend
                | CoordinatorLoadInProgress
                | CoordinatorNotAvailable
                | NotCoordinator
                | ConcurrentTransactions
                | FetchSessionIdNotFound
                | InvalidFetchSessionEpoch
                | FetchSessionTopicIdError
                | UnstableOffsetCommit
                | NotController
                | KafkaStorageError
                | FencedLeaderEpoch
                | UnknownLeaderEpoch
                | OffsetNotAvailable
                | PreferredLeaderNotAvailable
                | EligibleLeadersNotAvailable
                | ElectionNotNeeded
                | UnknownTopicId
                | InconsistentTopicId
        )
    }

    /// `Errors.exception() instanceof InvalidMetadataException`: the client's metadata is stale.
    pub const fn is_invalid_metadata(self) -> bool {
        use ErrorCode::*;
        matches!(
            self,
            UnknownTopicOrPartition
                | LeaderNotAvailable
                | ListenerNotFound
                | NotLeaderOrFollower
                | ReplicaNotAvailable
                | NetworkException
                | KafkaStorageError
                | FencedLeaderEpoch
                | PreferredLeaderNotAvailable
                | EligibleLeadersNotAvailable
                | ElectionNotNeeded
                | UnknownTopicId
                | InconsistentTopicId
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        ErrorCode::by_name(&name)
            .ok_or_else(|| D::Error::custom(format!("no error of Kafka's is called {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cn30_an_error_asks_for_metadata_or_for_another_try_or_for_neither() {
        let asks_for_metadata = [3, 5, 6, 9, 13, 56, 72, 74, 80, 83, 84, 100, 103];
        let tried_again = [
            2, 7, 14, 15, 16, 19, 20, 41, 51, 70, 71, 75, 78, 88, 89, 106,
        ];
        for error in ErrorCode::ALL {
            let stale = asks_for_metadata.contains(&error.code());
            let again = stale || tried_again.contains(&error.code());
            let found = (error.is_invalid_metadata(), error.is_retriable());
            assert_eq!(found, (stale, again), "{error}");
        }
    }
}
