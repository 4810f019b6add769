//! How a broker makes itself known in ZooKeeper at its start (RK1, CT17; `KafkaZkClient`).

use super::ZkCalls;
use crate::protocol::BrokerEndpoint;
use crate::protocol::zookeeper::{Code, SessionId};
use std::rc::Rc;

/// What stands in /brokers/ids/<id>.
#[derive(Clone, Debug)]
pub struct BrokerInfo {
    pub endpoint: BrokerEndpoint,
    /// Milliseconds since 1970 at the registration.
    pub timestamp_ms: i64,
}

/// Why a broker could not register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegistrationError {
    /// Another living session holds the id: the start fails.
    NodeExists { owner: SessionId },
    /// ZooKeeper's other codes, `SessionExpired` above all.
    ZooKeeper(Code),
}

/// Makes the paths that every broker makes at its start, if they are not there
/// (`KafkaZkClient.createTopLevelPaths`).
pub async fn create_persistent_paths(zk: &ZkCalls) -> Result<(), Code> {
    let _ = zk;
    todo!()
}

/// Reads /cluster/id, or makes it from `proposed` (22 characters of base64); gives the one in force.
pub async fn get_or_create_cluster_id(zk: &ZkCalls, proposed: &str) -> Result<Rc<str>, Code> {
    let _ = (zk, proposed);
    todo!()
}

/// Registers the broker (`CheckedEphemeral`, CT17); gives its broker epoch (czxid).
/// `previous_session` is 0 at the process's start.
pub async fn register_broker(
    zk: &ZkCalls,
    session: SessionId,
    previous_session: SessionId,
    info: &BrokerInfo,
) -> Result<i64, RegistrationError> {
    let _ = (zk, session, previous_session, info);
    todo!()
}
