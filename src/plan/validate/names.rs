//! Checks that what is named is there, and says what is there instead.

use super::{Check, Checked, with_suggestion};
use crate::plan::{Partition, Problem, Role, SCHEMA_REGISTRY, Targets};
use crate::protocol::GROUP_METADATA_TOPIC;
use crate::protocol::config::nearest;

impl Check<'_> {
    pub(super) fn topic_there(&self, name: &str, path: Vec<String>) -> Checked {
        if self.partitions.contains_key(name) {
            return Ok(());
        }
        let problem = Problem::new(path, format!("there is no topic \"{name}\"")).expected(
            match self.partitions.len() {
                0 => "a topic that stands under topics (there is none)".to_string(),
                _ => format!(
                    "one of {}",
                    self.partitions
                        .keys()
                        .copied()
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            },
        );
        Err(with_suggestion(
            problem,
            nearest(name, self.partitions.keys().copied()),
        ))
    }

    pub(super) fn partition_there(&self, partition: &Partition, path: Vec<String>) -> Checked {
        let count = match self.plan.offsets_partitions() {
            Some(count) if partition.topic == GROUP_METADATA_TOPIC => count,
            _ => {
                self.topic_there(&partition.topic, path.clone())?;
                self.partitions[partition.topic.as_str()]
            }
        };
        if (0..i64::from(count)).contains(&i64::from(partition.partition)) {
            return Ok(());
        }
        Err(
            Problem::new(path, format!("there is no partition {partition}")).expected(
                match count {
                    1 => format!("{}-0, its only one", partition.topic),
                    n => format!("{topic}-0 to {topic}-{}", n - 1, topic = partition.topic),
                },
            ),
        )
    }

    pub(super) fn targets(&self, targets: &Targets, path: Vec<String>) -> Checked {
        for (i, role) in targets.0.iter().enumerate() {
            let mut path = path.clone();
            if targets.0.len() > 1 {
                path.push(i.to_string());
            }
            self.role_there(role, path)?;
        }
        Ok(())
    }

    pub(super) fn role_there(&self, role: &Role, path: Vec<String>) -> Checked {
        match role {
            Role::LeaderOf { partition }
            | Role::IsrFollowersOf { partition }
            | Role::FollowerOf { partition }
            | Role::FollowersOf { partition }
            | Role::ReplicasOf { partition }
            | Role::OtherBrokers { partition } => self.partition_there(partition, path),
            Role::Rack { rack } => {
                let racks = || {
                    self.plan
                        .cluster
                        .brokers
                        .iter()
                        .filter_map(|broker| broker.rack.as_deref())
                };
                match racks().any(|known| known == rack) {
                    true => Ok(()),
                    false => Err(with_suggestion(
                        Problem::new(path, format!("there is no rack \"{rack}\""))
                            .expected("a rack that a broker stands in"),
                        nearest(rack, racks()),
                    )),
                }
            }
            Role::Broker { id } => match self
                .plan
                .cluster
                .brokers
                .iter()
                .any(|broker| broker.id == id.0)
            {
                true => Ok(()),
                false => Err(self.no_such_broker(path, id.0)),
            },
            Role::ZooKeeper { number } => {
                match (1..=self.plan.cluster.zookeeper.servers as i32).contains(&number.0) {
                    true => Ok(()),
                    false => Err(Problem::new(path, format!("there is no {role}"))
                        .expected(self.zookeeper_names())),
                }
            }
            Role::Client { name } => {
                let rooms = ["producers", "consumers", "zookeeper_clients", "services"];
                self.client_there(name, &rooms, path)
            }
            Role::Controller
            | Role::ZooKeeperLeader
            | Role::ZooKeeperFollower
            | Role::ZooKeeperFollowers
            | Role::AllBrokers
            | Role::CrashedBrokers
            | Role::StoppedBrokers
            | Role::PausedBrokers
            | Role::AllZooKeepers
            | Role::AllClients
            | Role::Everyone => Ok(()),
        }
    }

    /// A client, or a group of them, by its name.
    pub(super) fn client_there(&self, name: &str, rooms: &[&str], path: Vec<String>) -> Checked {
        let mut names = Vec::new();
        if rooms.contains(&"producers") {
            names.extend(
                self.plan
                    .producers
                    .iter()
                    .flat_map(|plan| plan.members().into_iter().chain([plan.name.clone()])),
            );
        }
        if rooms.contains(&"consumers") {
            names.extend(
                self.plan
                    .consumers
                    .iter()
                    .flat_map(|plan| plan.members().into_iter().chain([plan.name.clone()])),
            );
        }
        if rooms.contains(&"zookeeper_clients") {
            let clients = self.plan.zookeeper_clients.iter();
            names.extend(clients.map(|plan| plan.name.clone()));
        }
        if rooms.contains(&"services") {
            names.extend(self.plan.services.iter().map(|plan| plan.name.clone()));
        }
        if rooms.len() > 1 && self.plan.schema_registry.is_some() {
            names.push(SCHEMA_REGISTRY.to_string());
        }
        if names.iter().any(|known| known == name) {
            return Ok(());
        }
        let what = if rooms.len() > 1 {
            "node or role".to_string()
        } else {
            rooms[0].trim_end_matches('s').replace('_', " ")
        };
        let words = match rooms.len() {
            2.. => &["controller", "broker-1", "zookeeper-1", "everyone"][..],
            _ => &[],
        };
        let expected = match rooms.len() {
            2.. => {
                "a node such as broker-1, a role such as controller, or a client's name".to_string()
            }
            _ => format!("a name that stands under {}", rooms.join(" or ")),
        };
        let problem =
            Problem::new(path, format!("there is no {what} \"{name}\"")).expected(expected);
        Err(with_suggestion(
            problem,
            nearest(
                name,
                names
                    .iter()
                    .map(String::as_str)
                    .chain(words.iter().copied()),
            ),
        ))
    }

    /// The servers that there are, for a message.
    pub(super) fn zookeeper_names(&self) -> String {
        match self.plan.cluster.zookeeper.servers {
            1 => "zookeeper-1".to_string(),
            last => format!("zookeeper-1 to zookeeper-{last}"),
        }
    }

    pub(super) fn no_such_broker(&self, path: Vec<String>, id: i32) -> Problem {
        let ids: Vec<String> = self
            .plan
            .cluster
            .brokers
            .iter()
            .map(|broker| broker.id.to_string())
            .collect();
        Problem::new(path, format!("there is no broker {id}"))
            .expected(format!("one of {}", ids.join(", ")))
    }
}
