//! Requests to ZooKeeper that know nothing of what stands in the nodes, but for configurations
//! (`ZooKeeperClient`, the untyped half of `KafkaZkClient`).

use super::ZkCalls;
use crate::metadata::znode;
use crate::protocol::config::Properties;
use crate::protocol::zookeeper::{Answer, Code, CreateMode, MultiAnswer, MultiOp, Op, Path};
use bytes::Bytes;

/// `ZkVersion.MatchAnyVersion`.
pub(super) const ANY_VERSION: i32 = -1;

/// Asks at once for several operations, all or none.
pub(super) fn multi(
    zk: &ZkCalls,
    ops: Vec<MultiOp>,
) -> impl Future<Output = Result<Vec<Result<MultiAnswer, Code>>, Code>> + use<> {
    let call = zk.call(Op::Multi(ops));
    async move {
        match call.await? {
            Answer::Multi(results) => Ok(results),
            _ => Err(Code::MarshallingError),
        }
    }
}

/// The code of the operation that failed a multi.
pub(super) fn multi_error(results: &[Result<MultiAnswer, Code>]) -> Option<Code> {
    results
        .iter()
        .filter_map(|result| result.as_ref().err().copied())
        .find(|code| *code != Code::RuntimeInconsistency)
}

/// Makes a persistent node.
pub(super) async fn create(zk: &ZkCalls, path: Path, data: Bytes) -> Result<(), Code> {
    let mode = CreateMode::PERSISTENT;
    zk.call(Op::Create { path, data, mode }).await.map(drop)
}

/// Makes a persistent node, and its parents if they are missing. NODEEXISTS only for the node itself.
pub(super) async fn create_recursive(zk: &ZkCalls, path: Path, data: Bytes) -> Result<(), Code> {
    // Parents that are missing, the nearest first; each is tried again after its own parent is made.
    let mut missing: Vec<Path> = Vec::new();
    let mut result = create(zk, path.clone(), data.clone()).await;
    if result != Err(Code::NoNode) {
        return result;
    }
    let mut parent = parent_path(&path);
    loop {
        match create(zk, parent.clone(), Bytes::new()).await {
            Ok(()) | Err(Code::NodeExists) => break,
            Err(Code::NoNode) => {
                missing.push(parent.clone());
                parent = parent_path(&parent);
            }
            Err(code) => return Err(code),
        }
    }
    while let Some(parent) = missing.pop() {
        match create(zk, parent, Bytes::new()).await {
            Ok(()) | Err(Code::NodeExists) => {}
            Err(code) => return Err(code),
        }
    }
    result = create(zk, path, data).await;
    result
}

/// The parent of a path; the root is its own.
fn parent_path(path: &str) -> Path {
    match path.rfind('/') {
        Some(0) | None => "/".into(),
        Some(slash) => path[..slash].into(),
    }
}

/// Asks at once for an entity's configuration: empty if it has none.
pub(super) fn entity_config(
    zk: &ZkCalls,
    path: Path,
) -> impl Future<Output = Result<Properties, Code>> + use<> {
    let call = zk.call(Op::GetData { path, watch: false });
    async move {
        match call.await {
            Ok(Answer::Data { data, .. }) => Ok(znode::decode_config(&data)),
            Ok(_) => Err(Code::MarshallingError),
            Err(Code::NoNode) => Ok(Properties::new()),
            Err(code) => Err(code),
        }
    }
}
