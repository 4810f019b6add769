//! Whom faults are for: fewer nodes, and a role instead of a name.

use super::Change;
use super::parts::remove;
use super::question::{Kept, mends};
use crate::plan::{Action, Partition, Plan, Role, Targets};

/// Roles that mean fewer nodes.
pub(super) fn narrower(plan: &Plan, kept: &Kept) -> Vec<Change> {
    changed(plan, kept, |role, _| {
        let all = || plan.cluster.brokers.iter().map(|it| Role::broker(it.id));
        match role {
            Role::Everyone => vec![Role::AllBrokers, Role::AllZooKeepers, Role::AllClients],
            Role::AllBrokers | Role::Rack { .. } => singles(plan).chain(all()).collect(),
            Role::OtherBrokers { partition } | Role::ReplicasOf { partition } => {
                vec![follower(partition), leader(partition)]
            }
            Role::FollowersOf { partition } | Role::IsrFollowersOf { partition } => {
                vec![follower(partition)]
            }
            Role::AllZooKeepers => zookeepers(plan),
            _ => Vec::new(),
        }
    })
}

/// Roles for nodes that are named.
pub(super) fn for_names(plan: &Plan, kept: &Kept) -> Vec<Change> {
    changed(plan, kept, |role, action| match role {
        Role::Broker { .. } => match action {
            Action::Restart(_) | Action::Upgrade { .. } => {
                vec![Role::CrashedBrokers, Role::StoppedBrokers]
            }
            Action::Resume(_) => vec![Role::PausedBrokers],
            _ => singles(plan).collect(),
        },
        Role::ZooKeeper { .. } if !mends(action) => zookeepers(plan),
        _ => Vec::new(),
    })
}

/// A change for each role of the timeline and each that may stand in its place.
fn changed(plan: &Plan, kept: &Kept, others: impl Fn(&Role, &Action) -> Vec<Role>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, entry) in plan.timeline.iter().enumerate() {
        if kept.keeps_entry(entry) {
            continue;
        }
        let mut action = entry.action.clone();
        for (set, Targets(roles)) in action.targets_mut().into_iter().enumerate() {
            for (at, role) in roles.iter().enumerate() {
                for other in others(role, &entry.action) {
                    let role = role.clone();
                    changes.push(remove(move |plan| {
                        let mut sets = plan.timeline[place].action.targets_mut();
                        if sets[set].0[at] == role {
                            sets[set].0[at] = other.clone();
                        }
                    }));
                }
            }
        }
    }
    changes
}

/// So many partitions are tried.
const MOST_PARTITIONS: usize = 3;

/// Roles that mean one broker.
fn singles(plan: &Plan) -> impl Iterator<Item = Role> {
    let partitions = plan.topics.iter().flat_map(|topic| {
        let count = match topic.assignment.len() {
            0 => topic.partitions.unwrap_or(1) as usize,
            count => count,
        };
        (0..count as i32).map(|it| Partition::new(topic.name.clone(), it))
    });
    let partitions = partitions.take(MOST_PARTITIONS);
    let of_partitions = partitions.flat_map(|it| [leader(&it), follower(&it)]);
    of_partitions.chain([Role::Controller])
}

fn leader(partition: &Partition) -> Role {
    let partition = partition.clone();
    Role::LeaderOf { partition }
}

fn follower(partition: &Partition) -> Role {
    let partition = partition.clone();
    Role::FollowerOf { partition }
}

fn zookeepers(plan: &Plan) -> Vec<Role> {
    match plan.cluster.zookeeper.servers {
        1 => vec![Role::ZooKeeperLeader],
        _ => vec![Role::ZooKeeperLeader, Role::ZooKeeperFollower],
    }
}
