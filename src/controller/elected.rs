//! What the controller decided on a request to elect leaders; the wait for them is the broker's.

use crate::protocol::{BrokerId, ElectLeadersRequest, ErrorCode, TopicPartition};

/// The controller's word on an ElectLeaders request: the leader elected for each partition, or why not.
#[derive(Clone, Debug)]
pub struct Elected {
    pub token: u64,
    /// What is left of the request's timeout.
    pub timeout_ms: i32,
    pub error: ErrorCode,
    pub results: Vec<(TopicPartition, Result<BrokerId, ErrorCode>)>,
}

impl Elected {
    /// Partition by partition; nothing where all partitions were asked for.
    pub(crate) fn not_controller(token: u64, request: ElectLeadersRequest) -> Elected {
        Elected {
            token,
            timeout_ms: request.timeout_ms,
            error: ErrorCode::None,
            results: request
                .partitions
                .unwrap_or_default()
                .into_iter()
                .map(|partition| (partition, Err(ErrorCode::NotController)))
                .collect(),
        }
    }
}
