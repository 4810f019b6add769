//! The cluster as an observer outside the simulation sees it between two events.

use super::Node;
use super::view::{
    ClusterView, CommittedPartition, Described, GroupView, MemberView, ReplicaOffsets, ReplicaView,
    TopicView, ZnodeView, ZooKeeperRole, ZooKeeperServerView, ZooKeeperSessionView, ZooKeeperView,
    ZooKeeperWatchView,
};
use crate::broker::ReplicaRole;
use crate::client::Client;
use crate::coordinator::group::{GroupMetadata, GroupState};
use crate::kernel::{Kernel, NodeId, NodeStatus};
use crate::metadata::znode;
use crate::protocol::config::{Properties, described_topic_configs};
use crate::protocol::zookeeper::Stat;
use crate::protocol::{
    Assignment, BrokerId, Cluster, LeaderRecoveryState, TopicName, TopicPartition,
    UpdateMetadataPartitionState,
};
use crate::zookeeper::{DataTree, QuorumRole, Server, SessionView};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The directory of a broker's logs.
const DATA: &str = "data";

/// Which node is what.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    pub zookeepers: Vec<NodeId>,
    pub brokers: BTreeMap<BrokerId, NodeId>,
    /// Producers, consumers and administrators by name, in the order of the plan.
    pub clients: Vec<(String, NodeId)>,
}

impl Layout {
    /// Every node of the simulation: servers, brokers, clients.
    pub fn everyone(&self) -> Vec<NodeId> {
        let servers = self.zookeepers.iter().chain(self.brokers.values());
        let clients = self.clients.iter().map(|(_, node)| node);
        servers.chain(clients).copied().collect()
    }

    /// The broker that runs on a node.
    pub fn broker_of(&self, node: NodeId) -> Option<BrokerId> {
        self.brokers
            .iter()
            .find(|(_, n)| **n == node)
            .map(|(id, _)| *id)
    }
}

/// A kernel seen through its layout.
#[derive(Clone, Copy)]
pub struct Observed<'a> {
    pub kernel: &'a Kernel<Cluster, Node>,
    pub layout: &'a Layout,
}

impl<'a> Observed<'a> {
    /// The most advanced coordination server that runs; if none does, the most advanced as it was left.
    pub fn coordination(&self) -> Option<&'a Server> {
        let servers = || {
            self.layout
                .zookeepers
                .iter()
                .filter_map(|node| self.server(*node).map(|s| (*node, s)))
        };
        servers()
            .filter(|(node, server)| {
                self.kernel.status(*node) != NodeStatus::Down && server.is_serving()
            })
            .max_by_key(|(node, server)| (server.last_zxid(), std::cmp::Reverse(*node)))
            .or_else(|| {
                servers()
                    .max_by_key(|(node, server)| (server.last_zxid(), std::cmp::Reverse(*node)))
            })
            .map(|(_, server)| server)
    }

    /// True if a coordination server runs and serves.
    pub fn coordination_serves(&self) -> bool {
        self.layout.zookeepers.iter().any(|node| {
            self.kernel.status(*node) != NodeStatus::Down
                && self.server(*node).is_some_and(Server::is_serving)
        })
    }

    /// True if every coordination server that runs serves, and there is one.
    pub fn coordination_is_up(&self) -> bool {
        let mut running = self
            .layout
            .zookeepers
            .iter()
            .filter(|node| self.kernel.status(**node) != NodeStatus::Down);
        self.coordination_serves()
            && running.all(|node| self.server(*node).is_some_and(Server::is_serving))
    }

    /// The server that leads the ensemble, or the one server there is, while it runs.
    pub fn zookeeper_leader(&self) -> Option<NodeId> {
        let leads = |node: &NodeId| {
            self.kernel.status(*node) != NodeStatus::Down
                && self.server(*node).is_some_and(Server::leads)
        };
        self.layout.zookeepers.iter().copied().find(leads)
    }

    /// The ZooKeeper servers by number, whether they run or not, as they were last.
    pub fn zookeepers(&self) -> impl Iterator<Item = (NodeId, &'a Server)> {
        let observed = *self;
        let nodes = observed.layout.zookeepers.iter().copied();
        nodes.filter_map(move |node| observed.server(node).map(|server| (node, server)))
    }

    pub fn tree(&self) -> Option<&'a DataTree> {
        self.coordination().map(Server::tree)
    }

    /// Ids in /brokers/ids.
    pub fn registered_brokers(&self) -> Vec<BrokerId> {
        let Some(tree) = self.tree() else {
            return Vec::new();
        };
        let mut ids: Vec<BrokerId> = tree
            .children(znode::BROKER_IDS)
            .filter_map(|name| name.parse().ok())
            .collect();
        ids.sort_unstable();
        ids
    }

    pub fn broker(&self, id: BrokerId) -> Option<&'a super::KafkaServer> {
        let node = self.layout.brokers.get(&id)?;
        match self.kernel.actor(*node) {
            Node::Broker(server) => Some(server),
            _ => None,
        }
    }

    /// What stands in the newest segment file of a partition on a broker's disk, for who looks after each append: its name,
    /// and its bytes from the position that `known` gives for it.
    pub fn newest_log(
        &self,
        broker: BrokerId,
        partition: &TopicPartition,
        known: impl FnOnce(&str) -> u64,
    ) -> Option<(String, Vec<Bytes>)> {
        let disk = self.kernel.disk(*self.layout.brokers.get(&broker)?);
        let dir = format!("{DATA}/{partition}");
        let mut logs = disk.list(&dir);
        logs.retain(|name| name.ends_with(".log"));
        // Of base offsets, with zeros in front.
        let name = logs.into_iter().max()?;
        let file = disk.open(&format!("{dir}/{name}"))?;
        let bytes = disk.peek_from(file, known(&name));
        Some((name, bytes))
    }

    fn zookeeper_server(&self, node: NodeId, server: &Server) -> ZooKeeperServerView {
        let applied = server.last_zxid();
        let quorum = server.quorum();
        ZooKeeperServerView {
            name: self.kernel.name(node).to_string(),
            runs: self.kernel.status(node) != NodeStatus::Down,
            role: match quorum.map(|view| view.role) {
                None if server.is_serving() => ZooKeeperRole::Standalone,
                Some(QuorumRole::Leading { serves: true }) => ZooKeeperRole::Leader,
                Some(QuorumRole::Following {
                    leader,
                    serves: true,
                }) => ZooKeeperRole::Follower { leader },
                _ => ZooKeeperRole::NotServing,
            },
            epoch: quorum.map(|view| view.current_epoch),
            last_logged: quorum.map_or(applied, |view| view.last_logged),
            last_committed: quorum.map_or(applied, |view| view.last_committed),
            last_applied: applied,
        }
    }

    /// What running servers and their clients know of watches, each for itself.
    pub fn watches(&self) -> Vec<ZooKeeperWatchView> {
        let mut watches: BTreeMap<_, (Option<String>, Option<String>)> = BTreeMap::new();
        let runs = |node: NodeId| self.kernel.status(node) != NodeStatus::Down;
        for (node, server) in self.zookeepers().filter(|(node, _)| runs(*node)) {
            for (children, path, session) in server.watches() {
                let name = self.kernel.name(node).to_string();
                let watch = (path.to_string(), children, session);
                watches.entry(watch).or_default().0 = Some(name);
            }
        }
        for node in self.layout.everyone().into_iter().filter(|it| runs(*it)) {
            let session = self.kernel.actor(node).zookeeper_session();
            let Some((session, id)) = session.and_then(|it| Some((it, it.session_id()?))) else {
                continue;
            };
            for (children, path) in session.watches() {
                let name = self.kernel.name(node).to_string();
                let watch = (path.to_string(), children, id);
                watches.entry(watch).or_default().1 = Some(name);
            }
        }
        let view = |((path, children, session), (server, client))| ZooKeeperWatchView {
            path,
            children,
            session,
            server,
            client,
        };
        watches.into_iter().map(view).collect()
    }

    fn server(&self, node: NodeId) -> Option<&'a Server> {
        match self.kernel.actor(node) {
            Node::ZooKeeper(server) => Some(server),
            _ => None,
        }
    }

    fn is_up(&self, id: BrokerId) -> bool {
        self.layout
            .brokers
            .get(&id)
            .is_some_and(|node| self.kernel.status(*node) != NodeStatus::Down)
    }
}

impl ClusterView for Observed<'_> {
    fn made(&self, producer: &str, number: u64) -> Option<(Option<Bytes>, Option<Bytes>)> {
        let mut clients = self.layout.clients.iter();
        let (_, node) = clients.find(|(name, _)| name == producer)?;
        match self.kernel.actor(*node) {
            Node::Client(Client::Producer(producer)) => producer.made(number),
            _ => None,
        }
    }

    fn zookeeper(&self) -> ZooKeeperView {
        let Some(coordination) = self.coordination() else {
            return ZooKeeperView::default();
        };
        // Only the leader knows how long each session has left, and which server it speaks with.
        let leader = self.zookeeper_leader().and_then(|node| self.server(node));
        let now = self.kernel.now();
        let session = |session: SessionView| ZooKeeperSessionView {
            id: session.id,
            timeout_ms: session.timeout_ms,
            left_ms: session.expires.map(|expires| (expires - now).as_millis()),
            server: session.owner,
            ephemerals: session.ephemerals.iter().map(ToString::to_string).collect(),
        };
        let znode = |(path, data, stat): (&Rc<str>, &Bytes, Stat)| ZnodeView {
            path: path.to_string(),
            data: data.clone(),
            stat,
        };
        ZooKeeperView {
            servers: self
                .zookeepers()
                .map(|(node, server)| self.zookeeper_server(node, server))
                .collect(),
            sessions: leader
                .unwrap_or(coordination)
                .sessions()
                .into_iter()
                .map(session)
                .collect(),
            watches: self.watches(),
            znodes: coordination.tree().iter().map(znode).collect(),
        }
    }

    fn running_brokers(&self) -> Vec<BrokerId> {
        self.layout
            .brokers
            .keys()
            .copied()
            .filter(|id| self.is_up(*id))
            .collect()
    }

    fn replica(&self, broker: BrokerId, partition: &TopicPartition) -> Option<ReplicaView> {
        if !self.is_up(broker) {
            return None;
        }
        let view = self.broker(broker)?.broker().replica(partition)?;
        Some(owned(broker, partition, view))
    }

    fn replica_offsets(
        &self,
        broker: BrokerId,
        partition: &TopicPartition,
    ) -> Option<ReplicaOffsets> {
        let node = *self.layout.brokers.get(&broker)?;
        let Node::Broker(server) = self.kernel.actor(node) else {
            return None;
        };
        if self.kernel.status(node) == NodeStatus::Down {
            return None;
        }
        let (role, log) = server.broker().replica_log(partition)?;
        Some(ReplicaOffsets {
            is_leader: role == ReplicaRole::Leader,
            log_start_offset: log.log_start_offset(),
            high_watermark: log.high_watermark(),
            log_end_offset: log.log_end_offset(),
        })
    }

    fn leader_epochs(
        &self,
        broker: BrokerId,
        partition: &TopicPartition,
    ) -> Option<Vec<(i32, i64)>> {
        let (_, log) = self.broker(broker)?.broker().replica_log(partition)?;
        let epochs = log.leader_epochs().iter();
        Some(
            epochs
                .map(|entry| (entry.epoch, entry.start_offset))
                .collect(),
        )
    }

    fn replicas(&self) -> Vec<ReplicaView> {
        let mut replicas = Vec::new();
        for id in self.running_brokers() {
            let Some(server) = self.broker(id) else {
                continue;
            };
            replicas.extend(
                server
                    .broker()
                    .replicas()
                    .map(|(partition, view)| owned(id, partition, view)),
            );
        }
        replicas
    }

    fn committed(&self) -> Vec<CommittedPartition> {
        let Some(tree) = self.tree() else {
            return Vec::new();
        };
        let mut committed = Vec::new();
        for topic in tree.children(znode::TOPICS) {
            let Some((data, _)) = tree.get(&znode::topic_path(topic)) else {
                continue;
            };
            let Some(topic_znode) = znode::TopicZNode::decode(data) else {
                continue;
            };
            for (partition, assignment) in &topic_znode.assignment {
                let tp = TopicPartition::new(topic.clone(), *partition);
                let Some((data, stat)) = tree.get(&znode::topic_partition_state_path(&tp)) else {
                    continue;
                };
                let Some(written) = znode::decode_partition_state(data, stat.version) else {
                    continue;
                };
                let state = written.leader_and_isr;
                committed.push(CommittedPartition {
                    partition: tp,
                    leader: state.leader,
                    leader_epoch: state.leader_epoch,
                    isr: state.isr,
                    replicas: assignment.replicas.clone(),
                    controller_epoch: written.controller_epoch,
                    partition_epoch: state.partition_epoch,
                    recovering: state.leader_recovery_state == LeaderRecoveryState::Recovering,
                });
            }
        }
        committed
    }

    fn log_files(&self, broker: BrokerId, partition: &TopicPartition) -> Vec<(String, Vec<Bytes>)> {
        let Some(node) = self.layout.brokers.get(&broker) else {
            return Vec::new();
        };
        let disk = self.kernel.disk(*node);
        let dir = format!("{DATA}/{partition}");
        disk.list(&dir)
            .into_iter()
            .filter(|name| name.ends_with(".log"))
            .filter_map(|name| {
                disk.open(&format!("{dir}/{name}"))
                    .map(|file| (name, disk.peek(file)))
            })
            .collect()
    }

    fn controller(&self) -> Option<(BrokerId, i32)> {
        let tree = self.tree()?;
        let id = znode::ControllerZNode::decode(tree.get(znode::CONTROLLER)?.0)?.broker_id;
        let epoch = znode::decode_controller_epoch(tree.get(znode::CONTROLLER_EPOCH)?.0)?;
        Some((id, epoch))
    }

    fn described(&self) -> Option<Described> {
        let running = self
            .layout
            .brokers
            .iter()
            .filter(|(_, node)| self.kernel.status(**node) == NodeStatus::Running);
        // An administrator's client tries the next server where one names no broker.
        let (id, broker) = running
            .filter_map(|(id, _)| self.broker(*id).map(|server| (*id, server)))
            .filter(|(_, server)| server.broker().is_serving())
            .find(|(_, server)| {
                server
                    .broker()
                    .metadata_cache()
                    .live_brokers()
                    .next()
                    .is_some()
            })?;
        let cache = broker.broker().metadata_cache();
        let committed = self.topics();
        let topic = |name: &TopicName| {
            let first = cache.partitions(name).next();
            // A broker reads the settings of a topic in ZooKeeper when it is asked.
            let own = committed.iter().find(|topic| topic.name == *name);
            TopicView {
                name: name.clone(),
                topic_id: cache.topic_id(name).unwrap_or_default(),
                partition_count: cache.partitions(name).count() as u32,
                replication_factor: first.map_or(0, |state| state.replicas.len() as u32),
                configs: own.map_or_else(
                    || described_topic_configs(&Properties::default(), &broker.setup().properties),
                    |own| own.configs.clone(),
                ),
            }
        };
        let partition = |state: &UpdateMetadataPartitionState| CommittedPartition {
            partition: state.partition.clone(),
            leader: state.leader,
            leader_epoch: state.leader_epoch,
            isr: state.isr.clone(),
            replicas: state.replicas.clone(),
            controller_epoch: state.controller_epoch,
            partition_epoch: state.zk_version,
            recovering: false,
        };
        let topics: Vec<TopicView> = cache.topics().map(topic).collect();
        let partitions: Vec<CommittedPartition> = cache.all_partitions().map(partition).collect();
        let tells =
            |state: &CommittedPartition| (state.partition.clone(), state.leader, state.isr.clone());
        let agrees = self.coordination_serves()
            && topics == committed
            && partitions
                .iter()
                .map(tells)
                .eq(self.committed().iter().map(tells));
        Some(Described {
            cache_of: (!agrees).then_some(id),
            topics,
            partitions,
        })
    }

    fn groups(&self) -> Vec<GroupView> {
        let mut groups = Vec::new();
        for id in self.running_brokers() {
            let Some(server) = self.broker(id) else {
                continue;
            };
            let setup = server.setup();
            let listeners = setup.config.listeners.advertised(&setup.host);
            let at = listeners
                .first()
                .map(|it| format!("{}:{}", it.host, it.port));
            let at: Rc<str> = at.unwrap_or_default().into();
            let coordinated = server.broker().groups().groups();
            groups.extend(coordinated.map(|it| group_view((id, &at), it)));
        }
        groups.sort_by(|a, b| a.group.cmp(&b.group));
        groups
    }

    fn topics(&self) -> Vec<TopicView> {
        let Some(tree) = self.tree() else {
            return Vec::new();
        };
        let mut topics = Vec::new();
        for name in tree.children(znode::TOPICS) {
            let Some((data, _)) = tree.get(&znode::topic_path(name)) else {
                continue;
            };
            let Some(topic) = znode::TopicZNode::decode(data) else {
                continue;
            };
            let configs = tree
                .get(&znode::topic_config_path(name))
                .map(|(data, _)| znode::decode_config(data))
                .unwrap_or_default();
            let broker = self
                .running_brokers()
                .first()
                .and_then(|id| self.broker(*id))
                .map(|server| Rc::clone(&server.setup().properties))
                .unwrap_or_default();
            topics.push(TopicView {
                name: name.clone(),
                topic_id: topic.topic_id.unwrap_or_default(),
                partition_count: topic.assignment.len() as u32,
                replication_factor: topic
                    .assignment
                    .values()
                    .next()
                    .map_or(0, |assignment| assignment.replicas.len() as u32),
                configs: described_topic_configs(&configs, &broker),
            });
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        topics
    }
}

fn owned(
    broker: BrokerId,
    partition: &TopicPartition,
    view: crate::broker::ReplicaView<'_>,
) -> ReplicaView {
    ReplicaView {
        broker,
        partition: partition.clone(),
        is_leader: view.role == ReplicaRole::Leader,
        leader: view.leader,
        leader_epoch: view.leader_epoch,
        partition_epoch: view.partition_epoch,
        isr: view.isr.to_vec(),
        log_start_offset: view.log_start_offset,
        high_watermark: view.high_watermark,
        log_end_offset: view.log_end_offset,
    }
}

/// What DescribeGroups tells (CG45, CG48): the assignor, and who has what, only while nothing moves.
fn group_view((coordinator, at): (BrokerId, &Rc<str>), group: &GroupMetadata) -> GroupView {
    let stable = group.is(GroupState::Stable);
    let members = group.members().map(|member| MemberView {
        member_id: Rc::clone(&member.member_id),
        client_id: Rc::clone(&member.client_id),
        host: Rc::clone(&member.client_host),
        instance: member.group_instance_id.clone(),
        assignment: Assignment::from_bytes(&member.assignment)
            .filter(|_| stable)
            .map_or_else(Vec::new, |given| given.partitions),
    });
    GroupView {
        group: Rc::clone(&group.group_id),
        state: group.state().name(),
        coordinator,
        coordinator_at: Rc::clone(at),
        protocol: group.protocol_name.clone().filter(|_| stable),
        members: members.collect(),
        committed: group
            .offsets
            .iter()
            .map(|(partition, committed)| (partition.clone(), committed.value.offset))
            .collect(),
    }
}
