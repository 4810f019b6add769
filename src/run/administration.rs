//! What the timeline has an administrator ask the cluster for, and clients of ZooKeeper ask ZooKeeper.

use super::operator::{World, tp};
use crate::client::{AdminCommand, AdminTask};
use crate::kernel::{NodeId, NodeStatus};
use crate::node::{Node, ShellCommand};
use crate::plan::{Action, Partition, TopicPlan, ZooKeeperCommand};
use crate::protocol::{ConfigResource, ElectionType, HIGH_WATERMARK, Timer};
use std::rc::Rc;

/// The request of an administrator and what it is in words; `None` for other actions.
pub fn administration(action: &Action) -> Option<(String, AdminTask)> {
    if let Action::DescribeGroup(group) = action {
        let task = AdminTask::DescribeGroup(group.as_str().into());
        return Some((format!("describe group {group}"), task));
    }
    let (text, command) = match action {
        Action::CreateTopic(topic) => (format!("create topic {}", topic.name), create_topic(topic)),
        Action::AlterTopic { topic, set, delete } => {
            let changes: Vec<String> = set
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .chain(delete.iter().map(|key| format!("{key} removed")))
                .collect();
            let command = AdminCommand::AlterConfigs {
                resource: ConfigResource::Topic,
                name: topic.clone(),
                set: set.clone(),
                delete: delete.clone(),
            };
            let text = format!("alter topic {topic}: {}", changes.join(", "));
            (text, command)
        }
        Action::CreatePartitions { topic, partitions } => {
            let command = AdminCommand::CreatePartitions {
                topic: Rc::from(topic.as_str()),
                count: i32::try_from(*partitions).unwrap_or(i32::MAX),
            };
            (command.to_string(), command)
        }
        Action::DeleteRecords { partition, before } => {
            let command = AdminCommand::DeleteRecords {
                partition: tp(partition),
                before: before.unwrap_or(HIGH_WATERMARK),
            };
            (command.to_string(), command)
        }
        Action::ElectPreferred(partitions) => (
            format!("preferred election {}", of_partitions(partitions)),
            elect(ElectionType::Preferred, partitions),
        ),
        Action::ElectUnclean(partitions) => (
            format!("unclean election {}", of_partitions(partitions)),
            elect(ElectionType::Unclean, partitions),
        ),
        _ => return None,
    };
    Some((text, command.into()))
}

/// The request that makes a topic; what the plan leaves open is the cluster's default.
pub fn create_topic(topic: &TopicPlan) -> AdminCommand {
    AdminCommand::CreateTopic {
        topic: Rc::from(topic.name.as_str()),
        partitions: topic
            .partitions
            .and_then(|n| i32::try_from(n).ok())
            .unwrap_or(-1),
        replication_factor: topic
            .replication_factor
            .and_then(|n| i16::try_from(n).ok())
            .unwrap_or(-1),
        assignment: topic.assignment.clone(),
        configs: topic.config.clone(),
    }
}

/// Has one of the plan's clients of ZooKeeper ask something. `Err`: it does not run.
pub fn ask_zookeeper(
    world: &mut World<'_>,
    client: &str,
    command: &ZooKeeperCommand,
) -> Result<(), String> {
    let mut clients = world.layout.clients.iter();
    let node = clients.find(|(name, _)| name == client);
    let runs = |node: &NodeId| world.kernel.status(*node) != NodeStatus::Down;
    let Some(node) = node.map(|(_, node)| node).filter(|node| runs(node)) else {
        return Err(format!("{client}, which is to ask ZooKeeper, does not run"));
    };
    if let Node::ZooKeeperShell(shell) = world.kernel.actor_mut(*node) {
        let number = shell.push(ShellCommand::Tell {
            text: command.to_string().into(),
            op: command.op(),
        });
        world.kernel.poke(*node, Timer::Command(number));
    }
    Ok(())
}

fn elect(election_type: ElectionType, partitions: &Option<Vec<Partition>>) -> AdminCommand {
    AdminCommand::ElectLeaders {
        election_type,
        partitions: partitions
            .as_ref()
            .map(|partitions| partitions.iter().map(tp).collect()),
    }
}

fn of_partitions(partitions: &Option<Vec<Partition>>) -> String {
    match partitions {
        None => "of all partitions".to_string(),
        Some(partitions) => {
            let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
            format!("of {}", names.join(", "))
        }
    }
}
