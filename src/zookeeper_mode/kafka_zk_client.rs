//! Typed reads and writes of ZooKeeper (`KafkaZkClient`): which requests leave, in which order, and
//! which answers are errors.
//!
//! A batch is pipelined: all of its requests are asked before the first answer is awaited. A guarded
//! write is a multi with a check of /controller_epoch (Z3); if the check fails, another controller
//! has been elected.
//!
//! May not know sessions, nor whether a lost write happened.

use super::ZkCalls;
use super::zk_requests::{ANY_VERSION, create, entity_config, multi, multi_error};
use crate::metadata::znode::{self, ControllerZNode, TopicZNode};
use crate::metadata::{LeaderAndIsr, LeaderIsrAndControllerEpoch};
use crate::protocol::config::Properties;
use crate::protocol::rules::ControllerZkFencing;
use crate::protocol::zookeeper::{Answer, Code, CreateMode, MultiAnswer, MultiOp, Op, Path, Stat};
use crate::protocol::{BrokerId, RegisteredBroker, TopicName, TopicPartition};
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Why an event of the controller could not be carried through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Abandoned {
    /// `ControllerMovedException`: another controller is, or was, elected.
    ControllerMoved,
    /// ZooKeeper's answer was an error; `SessionExpired` above all.
    ZooKeeper(Code),
    /// What stands in ZooKeeper makes no sense (`IllegalStateException`).
    IllegalState(&'static str),
}

impl From<Code> for Abandoned {
    fn from(code: Code) -> Self {
        Abandoned::ZooKeeper(code)
    }
}

/// Paths on which watches are wanted. One-shot watches are set by the reads of these paths.
#[derive(Debug, Default)]
pub(crate) struct Handlers {
    pub node: BTreeSet<Path>,
    pub children: BTreeSet<Path>,
}

/// The fence of a controller: the version that its own election gave /controller_epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EpochZkVersion(pub i32);

/// What became of conditional writes of partition states (`UpdateLeaderAndIsrResult`).
#[derive(Debug, Default)]
pub(crate) struct UpdateLeaderAndIsrResult {
    pub finished: Vec<(TopicPartition, Result<LeaderAndIsr, Code>)>,
    /// Somebody else wrote in between (BADVERSION).
    pub to_retry: Vec<TopicPartition>,
    /// Some writes could not be made at all; those above were.
    pub abandoned: Option<Abandoned>,
}

/// See the module's doc.
#[derive(Clone)]
pub(crate) struct KafkaZkClient {
    zk: ZkCalls,
    handlers: Rc<RefCell<Handlers>>,
    fencing: ControllerZkFencing,
}

impl KafkaZkClient {
    pub fn new(zk: ZkCalls, handlers: Rc<RefCell<Handlers>>, fencing: ControllerZkFencing) -> Self {
        KafkaZkClient {
            zk,
            handlers,
            fencing,
        }
    }

    // ---- watches

    pub fn register_node_handler(&self, path: Path) {
        self.handlers.borrow_mut().node.insert(path);
    }

    pub fn unregister_node_handler(&self, path: &str) {
        self.handlers.borrow_mut().node.remove(path);
    }

    pub fn register_children_handler(&self, path: &str) {
        self.handlers.borrow_mut().children.insert(path.into());
    }

    /// Forgets all handlers but the one of /controller.
    pub fn unregister_controller_handlers(&self) {
        let mut handlers = self.handlers.borrow_mut();
        handlers.node.retain(|path| &**path == znode::CONTROLLER);
        handlers.children.clear();
    }

    /// Watches a path that may not exist yet; true if it does.
    pub async fn register_node_handler_and_check_existence(
        &self,
        path: Path,
    ) -> Result<bool, Abandoned> {
        self.register_node_handler(path.clone());
        self.exists(path).await
    }

    // ---- elections

    pub async fn controller_id(&self) -> Result<Option<BrokerId>, Abandoned> {
        let data = self.data(znode::CONTROLLER.into()).await?;
        Ok(data.and_then(|(data, _)| Some(ControllerZNode::decode(&data)?.broker_id)))
    }

    /// The election (CT2, Z1): the epoch won and the fence for all later writes.
    pub async fn register_controller_and_increment_controller_epoch(
        &self,
        id: BrokerId,
        now_ms: i64,
    ) -> Result<(i32, EpochZkVersion), Abandoned> {
        let (epoch, version) = match self.controller_epoch().await? {
            Some(found) => found,
            None => self.create_controller_epoch().await?,
        };
        let new_epoch = epoch + 1;
        let results = self
            .multi(vec![
                MultiOp::Create {
                    path: znode::CONTROLLER.into(),
                    data: ControllerZNode::encode(id, now_ms),
                    mode: CreateMode::EPHEMERAL,
                },
                MultiOp::SetData {
                    path: znode::CONTROLLER_EPOCH.into(),
                    data: znode::encode_controller_epoch(new_epoch),
                    version,
                },
            ])
            .await?;
        match multi_error(&results) {
            None => match results.get(1) {
                Some(Ok(MultiAnswer::SetData(stat))) => {
                    Ok((new_epoch, EpochZkVersion(stat.version)))
                }
                _ => Err(Abandoned::IllegalState("a multi was answered short")),
            },
            // The answer to a first attempt that succeeded may have been lost.
            Some(Code::NodeExists | Code::BadVersion) => {
                if self.controller_id().await? == Some(id) {
                    let (epoch, version) =
                        self.controller_epoch()
                            .await?
                            .ok_or(Abandoned::IllegalState(
                                "/controller_epoch existed and went away",
                            ))?;
                    if epoch == new_epoch {
                        return Ok((epoch, EpochZkVersion(version)));
                    }
                }
                Err(Abandoned::ControllerMoved)
            }
            Some(code) => Err(code.into()),
        }
    }

    async fn controller_epoch(&self) -> Result<Option<(i32, i32)>, Abandoned> {
        match self.data(znode::CONTROLLER_EPOCH.into()).await? {
            Some((data, stat)) => {
                let epoch = znode::decode_controller_epoch(&data)
                    .ok_or(Abandoned::IllegalState("/controller_epoch is no number"))?;
                Ok(Some((epoch, stat.version)))
            }
            None => Ok(None),
        }
    }

    async fn create_controller_epoch(&self) -> Result<(i32, i32), Abandoned> {
        let initial = znode::encode_controller_epoch(0);
        match create(&self.zk, znode::CONTROLLER_EPOCH.into(), initial).await {
            Ok(()) => Ok((0, 0)),
            Err(Code::NodeExists) => self
                .controller_epoch()
                .await?
                .ok_or(Abandoned::IllegalState(
                    "/controller_epoch existed and went away",
                )),
            Err(code) => Err(code.into()),
        }
    }

    pub async fn delete_controller(&self, fence: EpochZkVersion) -> Result<(), Abandoned> {
        self.guarded_delete(fence, znode::CONTROLLER.into()).await
    }

    /// /feature as the first controller makes it; later ones find it and change nothing.
    pub async fn make_feature(&self) -> Result<(), Abandoned> {
        if self.data(znode::FEATURE.into()).await?.is_none() {
            create(&self.zk, znode::FEATURE.into(), znode::encode_feature()).await?;
            self.data(znode::FEATURE.into()).await?;
        }
        Ok(())
    }

    // ---- brokers

    /// All registered brokers with their broker epochs (czxid), by id.
    pub async fn all_brokers_and_epochs(
        &self,
    ) -> Result<BTreeMap<BrokerId, (RegisteredBroker, i64)>, Abandoned> {
        let mut ids: Vec<BrokerId> = self
            .children(znode::BROKER_IDS.into())
            .await?
            .unwrap_or_default()
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        ids.sort_unstable();
        let reads: Vec<_> = ids
            .iter()
            .map(|id| self.data(znode::broker_path(*id)))
            .collect();
        let mut brokers = BTreeMap::new();
        for (id, read) in ids.into_iter().zip(reads) {
            if let Some((data, stat)) = read.await? {
                let endpoint = znode::decode_broker(id, &data).ok_or(Abandoned::IllegalState(
                    "a broker's registration cannot be read",
                ))?;
                brokers.insert(id, (endpoint, stat.czxid));
            }
        }
        Ok(brokers)
    }

    pub async fn broker(&self, id: BrokerId) -> Result<Option<RegisteredBroker>, Abandoned> {
        let data = self.data(znode::broker_path(id)).await?;
        Ok(data.and_then(|(data, _)| znode::decode_broker(id, &data)))
    }

    // ---- topics

    pub async fn all_topics(&self) -> Result<BTreeSet<TopicName>, Abandoned> {
        let topics = self.children(znode::TOPICS.into()).await?;
        Ok(topics.unwrap_or_default().into_iter().collect())
    }

    /// Assignments and ids of topics; those that went away meanwhile are missing.
    pub async fn topic_nodes(
        &self,
        topics: &BTreeSet<TopicName>,
    ) -> Result<BTreeMap<TopicName, TopicZNode>, Abandoned> {
        let reads: Vec<_> = topics
            .iter()
            .map(|topic| self.data(znode::topic_path(topic)))
            .collect();
        let mut nodes = BTreeMap::new();
        for (topic, read) in topics.iter().zip(reads) {
            if let Some((data, _)) = read.await?
                && let Some(node) = TopicZNode::decode(&data)
            {
                nodes.insert(topic.clone(), node);
            }
        }
        Ok(nodes)
    }

    /// A topic's own configuration; `Err` is one that could not be read.
    pub async fn topic_configs(
        &self,
        topics: &BTreeSet<TopicName>,
    ) -> BTreeMap<TopicName, Result<Properties, Code>> {
        let reads: Vec<_> = topics
            .iter()
            .map(|topic| entity_config(&self.zk, znode::topic_config_path(topic)))
            .collect();
        let mut configs = BTreeMap::new();
        for (topic, read) in topics.iter().zip(reads) {
            configs.insert(topic.clone(), read.await);
        }
        configs
    }

    // ---- partition states

    /// States as they stand, `Ok(None)` where there is none.
    pub async fn topic_partition_states_raw(
        &self,
        partitions: &[TopicPartition],
    ) -> Vec<(
        TopicPartition,
        Result<Option<LeaderIsrAndControllerEpoch>, Code>,
    )> {
        let reads: Vec<_> = partitions
            .iter()
            .map(|partition| self.read(znode::topic_partition_state_path(partition)))
            .collect();
        let mut states = Vec::new();
        for (partition, read) in partitions.iter().zip(reads) {
            let state = read.await.map(|found| {
                found.and_then(|(data, stat)| znode::decode_partition_state(&data, stat.version))
            });
            states.push((partition.clone(), state));
        }
        states
    }

    pub async fn topic_partition_states(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, LeaderIsrAndControllerEpoch)>, Abandoned> {
        let mut states = Vec::new();
        for (partition, state) in self.topic_partition_states_raw(partitions).await {
            if let Some(state) = state? {
                states.push((partition, state));
            }
        }
        Ok(states)
    }

    /// Makes the nodes of new partitions in three rounds (RK9): .../partitions of each topic, then
    /// each partition, then each state. Gives what became of each state.
    pub async fn create_topic_partition_states(
        &self,
        fence: EpochZkVersion,
        states: &[(TopicPartition, LeaderIsrAndControllerEpoch)],
    ) -> Result<Vec<Result<(), Code>>, Abandoned> {
        let topics: BTreeSet<&TopicName> = states
            .iter()
            .map(|(partition, _)| &partition.topic)
            .collect();
        let round = topics
            .into_iter()
            .map(|topic| (znode::topic_partitions_path(topic), Bytes::new()));
        self.guarded_creates(fence, round).await?;
        let round = states
            .iter()
            .map(|(partition, _)| (znode::topic_partition_path(partition), Bytes::new()));
        self.guarded_creates(fence, round).await?;
        let round = states.iter().map(|(partition, state)| {
            (
                znode::topic_partition_state_path(partition),
                znode::encode_partition_state(state),
            )
        });
        self.guarded_creates(fence, round).await
    }

    /// Writes states, each on condition that its node still has the version that it was read at.
    pub async fn update_leader_and_isr(
        &self,
        fence: EpochZkVersion,
        controller_epoch: i32,
        updates: Vec<(TopicPartition, LeaderAndIsr)>,
    ) -> UpdateLeaderAndIsrResult {
        let writes: Vec<_> = updates
            .into_iter()
            .map(|(partition, leader_and_isr)| {
                let state = LeaderIsrAndControllerEpoch {
                    leader_and_isr,
                    controller_epoch,
                };
                let write = self.guarded(
                    fence,
                    MultiOp::SetData {
                        path: znode::topic_partition_state_path(&partition),
                        data: znode::encode_partition_state(&state),
                        version: state.leader_and_isr.partition_epoch,
                    },
                );
                (partition, state.leader_and_isr, write)
            })
            .collect();
        let mut result = UpdateLeaderAndIsrResult::default();
        for (partition, leader_and_isr, write) in writes {
            match write.await {
                Ok(Ok(MultiAnswer::SetData(stat))) => {
                    let written = leader_and_isr.with_partition_epoch(stat.version);
                    result.finished.push((partition, Ok(written)));
                }
                Ok(Ok(_)) => result
                    .finished
                    .push((partition, Err(Code::MarshallingError))),
                Ok(Err(Code::BadVersion)) => result.to_retry.push(partition),
                Ok(Err(code)) => result.finished.push((partition, Err(code))),
                Err(why) => result.abandoned = result.abandoned.or(Some(why)),
            }
        }
        result
    }

    // ---- notices to the controller

    /// Deletes whatever notices lie under `parent`, and watches it.
    pub async fn delete_notifications(
        &self,
        fence: EpochZkVersion,
        parent: &'static str,
    ) -> Result<(), Abandoned> {
        let Some(children) = self.children(parent.into()).await? else {
            return Ok(());
        };
        self.delete_children(fence, parent, &children).await
    }

    pub async fn delete_children(
        &self,
        fence: EpochZkVersion,
        parent: &str,
        children: &[Rc<str>],
    ) -> Result<(), Abandoned> {
        let deletes: Vec<_> = children
            .iter()
            .map(|child| self.guarded_delete(fence, format!("{parent}/{child}").into()))
            .collect();
        for delete in deletes {
            delete.await?;
        }
        Ok(())
    }

    /// Contents of the notices under `parent`, by name.
    pub async fn notifications(
        &self,
        parent: &'static str,
    ) -> Result<(Vec<Rc<str>>, Vec<Bytes>), Abandoned> {
        let children = self.children(parent.into()).await?.unwrap_or_default();
        let reads: Vec<_> = children
            .iter()
            .map(|child| self.data(format!("{parent}/{child}").into()))
            .collect();
        let mut contents = Vec::new();
        for read in reads {
            contents.extend(read.await?.map(|(data, _)| data));
        }
        Ok((children, contents))
    }

    /// Partitions for which a preferred election is pending.
    pub async fn preferred_replica_election(&self) -> Result<Vec<TopicPartition>, Abandoned> {
        let data = self.data(znode::PREFERRED_REPLICA_ELECTION.into()).await?;
        Ok(data.map_or_else(Vec::new, |(data, _)| znode::decode_partition_list(&data)))
    }

    pub async fn delete_preferred_replica_election(
        &self,
        fence: EpochZkVersion,
    ) -> Result<(), Abandoned> {
        self.guarded_delete(fence, znode::PREFERRED_REPLICA_ELECTION.into())
            .await
    }

    // ---- requests

    fn exists(&self, path: Path) -> impl Future<Output = Result<bool, Abandoned>> + use<> {
        let watch = self.handlers.borrow().node.contains(&path);
        let call = self.zk.call(Op::Exists { path, watch });
        async move {
            match call.await {
                Ok(_) => Ok(true),
                Err(Code::NoNode) => Ok(false),
                Err(code) => Err(code.into()),
            }
        }
    }

    /// Asks at once; `Ok(None)` for a node that is not there.
    fn read(
        &self,
        path: Path,
    ) -> impl Future<Output = Result<Option<(Bytes, Stat)>, Code>> + use<> {
        let watch = self.handlers.borrow().node.contains(&path);
        let call = self.zk.call(Op::GetData { path, watch });
        async move {
            match call.await {
                Ok(Answer::Data { data, stat }) => Ok(Some((data, stat))),
                Ok(_) => Err(Code::MarshallingError),
                Err(Code::NoNode) => Ok(None),
                Err(code) => Err(code),
            }
        }
    }

    fn data(
        &self,
        path: Path,
    ) -> impl Future<Output = Result<Option<(Bytes, Stat)>, Abandoned>> + use<> {
        let read = self.read(path);
        async move { Ok(read.await?) }
    }

    async fn children(&self, path: Path) -> Result<Option<Vec<Rc<str>>>, Abandoned> {
        let watch = self.handlers.borrow().children.contains(&path);
        match self.zk.call(Op::GetChildren { path, watch }).await {
            Ok(Answer::Children { children, .. }) => Ok(Some(children)),
            Ok(_) => Err(Code::MarshallingError.into()),
            Err(Code::NoNode) => Ok(None),
            Err(code) => Err(code.into()),
        }
    }

    async fn multi(&self, ops: Vec<MultiOp>) -> Result<Vec<Result<MultiAnswer, Code>>, Code> {
        multi(&self.zk, ops).await
    }

    /// Asks at once for a write under the check of /controller_epoch.
    fn guarded(
        &self,
        fence: EpochZkVersion,
        op: MultiOp,
    ) -> impl Future<Output = Result<Result<MultiAnswer, Code>, Abandoned>> + use<> {
        let check = MultiOp::Check {
            path: znode::CONTROLLER_EPOCH.into(),
            version: fence.0,
        };
        let is_fenced = self.fencing == ControllerZkFencing::EpochMultiOp;
        let call = multi(
            &self.zk,
            match is_fenced {
                true => vec![check, op],
                false => vec![op],
            },
        );
        async move {
            let mut results = call.await?.into_iter();
            match results.next() {
                Some(result) if !is_fenced => Ok(result),
                Some(Err(Code::BadVersion)) => Err(Abandoned::ControllerMoved),
                Some(Err(code)) => Err(code.into()),
                Some(Ok(_)) => results
                    .next()
                    .ok_or(Abandoned::IllegalState("a multi was answered short")),
                None => Err(Abandoned::IllegalState("a multi was answered short")),
            }
        }
    }

    /// One round of creates; a node that is there already is an answer, no failure.
    async fn guarded_creates(
        &self,
        fence: EpochZkVersion,
        nodes: impl Iterator<Item = (Path, Bytes)>,
    ) -> Result<Vec<Result<(), Code>>, Abandoned> {
        let creates: Vec<_> = nodes
            .map(|(path, data)| {
                self.guarded(
                    fence,
                    MultiOp::Create {
                        path,
                        data,
                        mode: CreateMode::PERSISTENT,
                    },
                )
            })
            .collect();
        let mut results = Vec::new();
        for create in creates {
            results.push(create.await?.map(drop));
        }
        Ok(results)
    }

    /// A node that is not there is no failure.
    fn guarded_delete(
        &self,
        fence: EpochZkVersion,
        path: Path,
    ) -> impl Future<Output = Result<(), Abandoned>> + use<> {
        let delete = self.guarded(
            fence,
            MultiOp::Delete {
                path,
                version: ANY_VERSION,
            },
        );
        async move {
            match delete.await? {
                Ok(_) | Err(Code::NoNode) => Ok(()),
                Err(code) => Err(code.into()),
            }
        }
    }
}
