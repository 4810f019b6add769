//! How a broker makes itself known in ZooKeeper at its start (RK1, CT17; `KafkaZkClient`).
//!
//! May not know why another session holds its id.

use super::ZkCalls;
use super::zk_requests::{ANY_VERSION, create_recursive, multi, multi_error};
use crate::metadata::znode;
use crate::protocol::RegisteredBroker;
use crate::protocol::zookeeper::{Answer, Code, CreateMode, MultiAnswer, MultiOp, Op, SessionId};
use bytes::Bytes;
use std::rc::Rc;

/// What stands in `/brokers/ids/<id>`.
#[derive(Clone, Debug)]
pub struct BrokerInfo {
    pub broker: RegisteredBroker,
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

impl From<Code> for RegistrationError {
    fn from(code: Code) -> Self {
        RegistrationError::ZooKeeper(code)
    }
}

/// Makes the paths that every broker makes at its start, if they are not there
/// (`KafkaZkClient.createTopLevelPaths`). One after the other: each costs a transaction, also the
/// one that finds its path there already.
pub async fn create_persistent_paths(zk: &ZkCalls) -> Result<(), Code> {
    for path in znode::PERSISTENT_PATHS {
        match create_recursive(zk, path.into(), Bytes::new()).await {
            Ok(()) | Err(Code::NodeExists) => {}
            Err(code) => return Err(code),
        }
    }
    Ok(())
}

/// Reads /cluster/id, or makes it from `proposed` (22 characters of base64); gives the one in force.
pub async fn get_or_create_cluster_id(zk: &ZkCalls, proposed: &str) -> Result<Rc<str>, Code> {
    if let Some(id) = cluster_id(zk).await? {
        return Ok(id);
    }
    let data = znode::encode_cluster_id(proposed);
    match create_recursive(zk, znode::CLUSTER_ID.into(), data).await {
        Ok(()) => Ok(proposed.into()),
        Err(Code::NodeExists) => cluster_id(zk).await?.ok_or(Code::NoNode),
        Err(code) => Err(code),
    }
}

async fn cluster_id(zk: &ZkCalls) -> Result<Option<Rc<str>>, Code> {
    let path = znode::CLUSTER_ID.into();
    match zk.call(Op::GetData { path, watch: false }).await {
        Ok(Answer::Data { data, .. }) => Ok(znode::decode_cluster_id(&data).map(Rc::from)),
        Ok(_) => Err(Code::MarshallingError),
        Err(Code::NoNode) => Ok(None),
        Err(code) => Err(code),
    }
}

/// Registers the broker (`CheckedEphemeral`, CT17); gives its broker epoch (czxid).
/// `previous_session` is 0 at the process's start: a node that it owns is left from before an
/// expiry, and is made anew.
pub async fn register_broker(
    zk: &ZkCalls,
    session: SessionId,
    previous_session: SessionId,
    info: &BrokerInfo,
) -> Result<i64, RegistrationError> {
    let path = znode::broker_path(info.broker.id);
    loop {
        let created = multi(
            zk,
            vec![
                MultiOp::Create {
                    path: path.clone(),
                    data: Bytes::new(),
                    mode: CreateMode::EPHEMERAL,
                },
                MultiOp::SetData {
                    path: path.clone(),
                    data: znode::encode_broker(&info.broker, info.timestamp_ms),
                    version: 0,
                },
            ],
        )
        .await?;
        match (multi_error(&created), created.get(1)) {
            (None, Some(Ok(MultiAnswer::SetData(stat)))) => return Ok(stat.czxid),
            (Some(Code::NodeExists), _) => {}
            (Some(code), _) => return Err(code.into()),
            (None, _) => return Err(Code::MarshallingError.into()),
        }
        let read = Op::GetData {
            path: path.clone(),
            watch: false,
        };
        let stat = match zk.call(read).await {
            Ok(Answer::Data { stat, .. }) => stat,
            Ok(_) => return Err(Code::MarshallingError.into()),
            // It went away while it was looked at: try again.
            Err(Code::NoNode) => continue,
            Err(code) => return Err(code.into()),
        };
        let owner = stat.ephemeral_owner;
        if owner == session {
            // An earlier attempt had succeeded; only its answer was lost.
            return Ok(stat.czxid);
        }
        if owner != previous_session {
            return Err(RegistrationError::NodeExists { owner });
        }
        let delete = Op::Delete {
            path: path.clone(),
            version: ANY_VERSION,
        };
        match zk.call(delete).await {
            Ok(_) | Err(Code::NoNode) => {}
            Err(code) => return Err(code.into()),
        }
    }
}
