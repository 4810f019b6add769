//! Identities of idempotent producers: asked by the producer (`InitProducerId`), handed out to brokers in
//! blocks by the controller (`AllocateProducerIds`, KIP-730).

use super::WireBytes;
use super::group::maybe;
use crate::protocol::{BrokerId, ErrorCode};
use std::rc::Rc;

/// Of a producer without identity (`RecordBatch.NO_PRODUCER_ID`).
pub const NO_PRODUCER_ID: i64 = -1;
pub const NO_PRODUCER_EPOCH: i16 = -1;

#[derive(Clone, Debug, Hash)]
pub struct InitProducerIdRequest {
    /// `None` without transactions.
    pub transactional_id: Option<Rc<str>>,
    pub transaction_timeout_ms: i32,
    /// -1, as the epoch, unless it wants a new epoch of an identity that it has (KIP-360).
    pub producer_id: i64,
    pub producer_epoch: i16,
}

impl WireBytes for InitProducerIdRequest {
    fn wire_bytes(&self) -> u64 {
        15 + maybe(&self.transactional_id)
    }
}

#[derive(Clone, Debug, Hash)]
pub struct InitProducerIdResponse {
    pub error: ErrorCode,
    /// -1 with an error.
    pub producer_id: i64,
    pub producer_epoch: i16,
}

impl WireBytes for InitProducerIdResponse {
    fn wire_bytes(&self) -> u64 {
        17
    }
}

#[derive(Clone, Debug, Hash)]
pub struct AllocateProducerIdsRequest {
    pub broker_id: BrokerId,
    pub broker_epoch: i64,
}

impl WireBytes for AllocateProducerIdsRequest {
    fn wire_bytes(&self) -> u64 {
        13
    }
}

#[derive(Clone, Debug, Hash)]
pub struct AllocateProducerIdsResponse {
    pub error: ErrorCode,
    pub producer_id_start: i64,
    pub producer_id_len: i32,
}

impl WireBytes for AllocateProducerIdsResponse {
    fn wire_bytes(&self) -> u64 {
        19
    }
}
