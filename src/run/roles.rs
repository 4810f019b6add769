//! Roles found out: who is the leader of trucks_gps-0 at this moment.
//!
//! The committed metadata decides (the most advanced running coordination server); where none serves,
//! the running broker that believes so with the highest leader epoch. "A follower" is the lowest id of those
//! to whom the line can be done: who crashes one twice crashes two.

use super::process_faults::Condition;
use crate::kernel::{NodeId, NodeStatus};
use crate::node::Observed;
use crate::node::view::{ClusterView, CommittedPartition};
use crate::plan::{Partition, Plan, Role, SCHEMA_REGISTRY, Targets};
use crate::protocol::{BrokerId, NO_LEADER, TopicPartition};
use std::collections::BTreeMap;

/// How a process came to be down, as far as roles tell it apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Downfall {
    Crashed,
    Stopped,
}

/// What roles are resolved against.
pub struct Resolver<'a> {
    pub plan: &'a Plan,
    pub observed: Observed<'a>,
    /// Nodes that the run brought down, and how.
    pub down: &'a BTreeMap<NodeId, Downfall>,
    /// Where a role leaves open which of several is meant, one in this state is.
    pub wanted: Condition,
}

impl Resolver<'_> {
    /// The nodes that fit, without repetition; a role that nobody fits is named in the error.
    pub fn resolve(&self, targets: &Targets) -> Result<Vec<NodeId>, String> {
        let mut nodes = Vec::new();
        for role in &targets.0 {
            let fitting = self.role(role);
            if fitting.is_empty() {
                return Err(format!("nobody is \"{role}\""));
            }
            for node in fitting {
                if !nodes.contains(&node) {
                    nodes.push(node);
                }
            }
        }
        Ok(nodes)
    }

    /// The leader of a partition, if it has one.
    pub fn leader(&self, partition: &Partition) -> Option<BrokerId> {
        let tp = TopicPartition::new(partition.topic.as_str(), partition.partition);
        if self.observed.coordination_serves() {
            return self
                .committed(partition)
                .map(|state| state.leader)
                .filter(|leader| *leader != NO_LEADER);
        }
        let replicas = self.observed.replicas();
        let believers = replicas
            .iter()
            .filter(|replica| replica.partition == tp && replica.is_leader);
        believers
            .max_by_key(|replica| replica.leader_epoch)
            .map(|replica| replica.broker)
    }

    fn role(&self, role: &Role) -> Vec<NodeId> {
        let layout = self.observed.layout;
        match role {
            Role::LeaderOf { partition } => self.brokers(self.leader(partition)),
            Role::IsrFollowersOf { partition } => {
                let leader = self.leader(partition);
                let isr = self
                    .committed(partition)
                    .map(|state| state.isr)
                    .unwrap_or_default();
                self.brokers(isr.into_iter().filter(|id| Some(*id) != leader))
            }
            Role::FollowerOf { partition } => {
                let mut ids = self.followers(partition);
                ids.sort_unstable();
                let followers = self.brokers(ids);
                let fits = |node: &&NodeId| self.wanted.holds(self.status(**node));
                let one = followers.iter().find(fits).or(followers.first());
                one.copied().into_iter().collect()
            }
            Role::FollowersOf { partition } => self.brokers(self.followers(partition)),
            Role::ReplicasOf { partition } => self.brokers(
                self.committed(partition)
                    .map(|state| state.replicas)
                    .unwrap_or_default(),
            ),
            Role::Controller => self.brokers(self.controller()),
            Role::ZooKeeperLeader => self.observed.zookeeper_leader().into_iter().collect(),
            Role::ZooKeeperFollower => self.zookeeper_followers().take(1).collect(),
            Role::ZooKeeperFollowers => self.zookeeper_followers().collect(),
            Role::AllBrokers => layout.brokers.values().copied().collect(),
            Role::OtherBrokers { partition } => {
                let leader = self.leader(partition);
                self.brokers(
                    layout
                        .brokers
                        .keys()
                        .copied()
                        .filter(|id| Some(*id) != leader),
                )
            }
            Role::CrashedBrokers => self.fallen(Downfall::Crashed),
            Role::StoppedBrokers => self.fallen(Downfall::Stopped),
            Role::PausedBrokers => layout
                .brokers
                .values()
                .copied()
                .filter(|node| self.status(*node) == NodeStatus::Paused)
                .collect(),
            Role::AllZooKeepers => layout.zookeepers.clone(),
            Role::AllClients => {
                let clients = layout.clients.iter();
                let is_service =
                    |name: &String| self.plan.services.iter().any(|it| it.name == *name);
                let clients =
                    clients.filter(|(name, _)| name != SCHEMA_REGISTRY && !is_service(name));
                clients.map(|(_, node)| *node).collect()
            }
            Role::Everyone => {
                let servers = layout.zookeepers.iter().chain(layout.brokers.values());
                servers
                    .copied()
                    .chain(layout.clients.iter().map(|(_, node)| *node))
                    .collect()
            }
            Role::Rack { rack } => {
                let ids = self
                    .plan
                    .cluster
                    .brokers
                    .iter()
                    .filter(|broker| broker.rack.as_deref() == Some(rack));
                self.brokers(ids.map(|broker| broker.id))
            }
            Role::Broker { id } => self.brokers([id.0]),
            Role::ZooKeeper { number } => usize::try_from(number.0 - 1)
                .ok()
                .and_then(|i| layout.zookeepers.get(i))
                .copied()
                .into_iter()
                .collect(),
            Role::Client { name } => {
                let plans = self.plan.producers.iter().map(|p| (&p.name, p.members()));
                let plans = plans.chain(self.plan.consumers.iter().map(|c| (&c.name, c.members())));
                let of_zookeeper = self.plan.zookeeper_clients.iter();
                let plans = plans.chain(of_zookeeper.map(|c| (&c.name, vec![c.name.clone()])));
                let registry = SCHEMA_REGISTRY.to_string();
                let of_registry = self.plan.schema_registry.iter();
                let plans = plans.chain(of_registry.map(|_| (&registry, vec![registry.clone()])));
                let services = self.plan.services.iter();
                let plans = plans.chain(services.map(|it| (&it.name, vec![it.name.clone()])));
                let members: Vec<String> = plans
                    .filter(|(group, members)| *group == name || members.contains(name))
                    .flat_map(|(group, members)| {
                        if group == name {
                            members
                        } else {
                            vec![name.clone()]
                        }
                    })
                    .collect();
                layout
                    .clients
                    .iter()
                    .filter(|(client, _)| members.contains(client))
                    .map(|(_, node)| *node)
                    .collect()
            }
        }
    }

    fn zookeeper_followers(&self) -> impl Iterator<Item = NodeId> {
        let leader = self.observed.zookeeper_leader();
        let servers = self.observed.layout.zookeepers.iter().copied();
        servers
            .filter(move |node| Some(*node) != leader && self.status(*node) == NodeStatus::Running)
    }

    fn committed(&self, partition: &Partition) -> Option<CommittedPartition> {
        self.observed.committed().into_iter().find(|state| {
            *state.partition.topic == *partition.topic
                && state.partition.partition == partition.partition
        })
    }

    fn followers(&self, partition: &Partition) -> Vec<BrokerId> {
        let leader = self.leader(partition);
        let replicas = self
            .committed(partition)
            .map(|state| state.replicas)
            .unwrap_or_default();
        replicas
            .into_iter()
            .filter(|id| Some(*id) != leader)
            .collect()
    }

    fn controller(&self) -> Option<BrokerId> {
        if self.observed.coordination_serves() {
            return self.observed.controller().map(|(id, _)| id);
        }
        let believers = self
            .observed
            .running_brokers()
            .into_iter()
            .filter_map(|id| self.observed.broker(id));
        let active = believers.filter(|server| server.controller().is_active());
        active
            .max_by_key(|server| server.controller().epoch())
            .map(|server| server.setup().id)
    }

    fn fallen(&self, how: Downfall) -> Vec<NodeId> {
        let brokers = self.observed.layout.brokers.values().copied();
        brokers
            .filter(|node| self.status(*node) == NodeStatus::Down)
            // A process that ended by itself was brought down by nobody: it counts as stopped.
            .filter(|node| self.down.get(node).copied().unwrap_or(Downfall::Stopped) == how)
            .collect()
    }

    fn brokers(&self, ids: impl IntoIterator<Item = BrokerId>) -> Vec<NodeId> {
        ids.into_iter()
            .filter_map(|id| self.observed.layout.brokers.get(&id))
            .copied()
            .collect()
    }

    fn status(&self, node: NodeId) -> NodeStatus {
        self.observed.kernel.status(node)
    }
}
