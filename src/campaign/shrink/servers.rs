//! Topics with their partitions, brokers, the ensemble, and how they are set up.

use super::Change;
use super::parts::{effective, remove};
use super::question::Kept;
use crate::plan::{
    Action, Assign, Machine, Moment, Partition, Plan, Role, Targets, TopicPlan, When, ZooKeeperPlan,
};
use crate::protocol::BrokerId;
use crate::protocol::config::{KafkaVersion, Properties};

/// Of all topics, where the plan says how many.
pub(super) fn partitions(plan: &Plan) -> usize {
    let count = |topic: &TopicPlan| match topic.assignment.len() {
        0 => topic.partitions.unwrap_or(1) as usize,
        count => count,
    };
    plan.topics.iter().map(count).sum()
}

/// Each topic with the clients that have no other, each partition, each replica of a topic's partitions.
pub(super) fn topics(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, topic) in plan.topics.iter().enumerate() {
        let name = topic.name.clone();
        changes.push(remove(move |plan| drop_topic(plan, &name)));
        for partition in 0..topic.assignment.len() {
            let name = topic.name.clone();
            changes.push(remove(move |plan| drop_partition(plan, &name, partition)));
        }
        for _ in 1..topic.partitions.unwrap_or(1) {
            changes.push(remove(move |plan| {
                let partitions = plan
                    .topics
                    .get_mut(place)
                    .and_then(|it| it.partitions.as_mut());
                if let Some(count) = partitions.filter(|count| **count > 1) {
                    *count -= 1;
                }
            }));
        }
        if kept.copies {
            continue;
        }
        let assigned = topic.assignment.iter().map(Vec::len).max().unwrap_or(0);
        for replica in 1..assigned.max(topic.replication_factor.unwrap_or(1) as usize) {
            let name = topic.name.clone();
            changes.push(remove(move |plan| at_most(plan, &name, replica)));
        }
    }
    effective(plan, changes)
}

fn drop_topic(plan: &mut Plan, name: &str) {
    plan.topics.retain(|topic| topic.name != name);
    plan.producers.retain(|producer| producer.topic != name);
    for consumer in &mut plan.consumers {
        consumer.topics.retain(|topic| topic != name);
    }
    (plan.consumers).retain(|consumer| !consumer.topics.is_empty() || consumer.pattern.is_some());
}

/// Those behind it move up.
fn drop_partition(plan: &mut Plan, topic: &str, dropped: usize) {
    let Some(found) = plan.topics.iter_mut().find(|it| it.name == topic) else {
        return;
    };
    if found.assignment.len() < 2 || dropped >= found.assignment.len() {
        return;
    }
    found.assignment.remove(dropped);
    for partition in named_partitions(plan) {
        if partition.topic == topic && partition.partition > dropped as i32 {
            partition.partition -= 1;
        }
    }
    for producer in plan.producers.iter_mut().filter(|it| it.topic == topic) {
        if let Some(partition) = producer
            .partition
            .as_mut()
            .filter(|it| **it > dropped as i32)
        {
            *partition -= 1;
        }
    }
}

/// Partitions that timeline and consumers name.
fn named_partitions(plan: &mut Plan) -> Vec<&mut Partition> {
    let mut found = Vec::new();
    for entry in &mut plan.timeline {
        if let When::On { moment, .. } = &mut entry.when {
            found.extend(of_moment(moment));
        }
        match &mut entry.action {
            Action::DeleteRecords { partition, .. } => found.push(partition),
            Action::ElectPreferred(Some(named)) | Action::ElectUnclean(Some(named)) => {
                found.extend(named);
            }
            action => {
                let sets = action.targets_mut().into_iter();
                found.extend(sets.flat_map(|Targets(roles)| roles).filter_map(of_role));
            }
        }
    }
    for consumer in &mut plan.consumers {
        if let Some(Assign::These(named)) = &mut consumer.assign {
            found.extend(named);
        }
        let steps = consumer.steps.iter_mut();
        found.extend(steps.filter_map(|step| step.partition.as_mut()));
    }
    found
}

fn of_moment(moment: &mut Moment) -> Option<&mut Partition> {
    match moment {
        Moment::AnotherLeader { partition }
        | Moment::NoLeader { partition }
        | Moment::IsrShrinks { partition }
        | Moment::IsrGrows { partition }
        | Moment::Truncates { partition }
        | Moment::Stalls { partition } => Some(partition),
        _ => None,
    }
}

fn of_role(role: &mut Role) -> Option<&mut Partition> {
    match role {
        Role::LeaderOf { partition }
        | Role::IsrFollowersOf { partition }
        | Role::FollowerOf { partition }
        | Role::FollowersOf { partition }
        | Role::ReplicasOf { partition }
        | Role::OtherBrokers { partition } => Some(partition),
        _ => None,
    }
}

/// So many replicas of each of a topic's partitions, the preferred leader among them.
fn at_most(plan: &mut Plan, topic: &str, replicas: usize) {
    for topic in plan.topics.iter_mut().filter(|it| it.name == topic) {
        topic
            .assignment
            .iter_mut()
            .for_each(|it| it.truncate(replicas));
        if let Some(factor) = topic.replication_factor.as_mut() {
            *factor = (*factor).min(replicas as u32);
        }
    }
}

/// Each broker with its replicas, each replica of a broker, and an ensemble's servers but one.
pub(super) fn brokers(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    if kept.copies {
        return changes;
    }
    for broker in &plan.cluster.brokers {
        let id = broker.id;
        changes.push(remove(move |plan| drop_broker(plan, id)));
        changes.push(remove(move |plan| drop_replicas(plan, id)));
    }
    changes.push(remove(|plan| {
        let servers = &mut plan.cluster.zookeeper.servers;
        *servers = if *servers > 3 { 3 } else { 1 };
    }));
    effective(plan, changes)
}

fn drop_broker(plan: &mut Plan, id: BrokerId) {
    if plan.cluster.brokers.len() < 2 {
        return;
    }
    plan.cluster.brokers.retain(|broker| broker.id != id);
    let count = plan.cluster.brokers.len() as u32;
    drop_replicas(plan, id);
    for topic in declared(plan) {
        if let Some(factor) = topic.replication_factor.as_mut() {
            *factor = (*factor).min(count);
        }
    }
    for entry in &mut plan.timeline {
        for Targets(roles) in entry.action.targets_mut() {
            let others = roles
                .iter()
                .filter(|role| **role != Role::broker(id))
                .count();
            if others > 0 {
                roles.retain(|role| *role != Role::broker(id));
            }
        }
    }
}

/// It has no replica any more, but where it has the only one.
fn drop_replicas(plan: &mut Plan, id: BrokerId) {
    for topic in declared(plan) {
        for replicas in topic.assignment.iter_mut().filter(|it| it.len() > 1) {
            replicas.retain(|replica| *replica != id);
        }
    }
}

/// Topics of the start and of the timeline.
fn declared(plan: &mut Plan) -> impl Iterator<Item = &mut TopicPlan> {
    let made = plan
        .timeline
        .iter_mut()
        .filter_map(|entry| match &mut entry.action {
            Action::CreateTopic(topic) => Some(topic),
            _ => None,
        });
    plan.topics.iter_mut().chain(made)
}

/// Lines of the properties of brokers and topics, and the version.
pub(super) fn settings(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    fn keys(properties: &Properties, kept: &Kept) -> Vec<String> {
        let keys = properties.keys().filter(|key| !kept.keeps_setting(key));
        keys.cloned().collect()
    }
    for key in keys(&plan.cluster.config, kept) {
        changes.push(remove(move |plan| drop(plan.cluster.config.remove(&key))));
    }
    for (place, broker) in plan.cluster.brokers.iter().enumerate() {
        for key in keys(&broker.config, kept) {
            changes.push(remove(move |plan| {
                plan.cluster.brokers[place].config.remove(&key);
            }));
        }
    }
    for (place, topic) in plan.topics.iter().enumerate() {
        for key in keys(&topic.config, kept) {
            changes.push(remove(move |plan| {
                drop(plan.topics[place].config.remove(&key))
            }));
        }
    }
    changes.push(remove(|plan| {
        plan.cluster.kafka_version = KafkaVersion::V3_9
    }));
    changes.push(remove(|plan| {
        plan.cluster.zookeeper.tick_time_ms = ZooKeeperPlan::default().tick_time_ms;
    }));
    changes.push(remove(|plan| {
        plan.cluster.zookeeper.min_session_timeout_ms = None
    }));
    changes.push(remove(|plan| {
        plan.cluster.zookeeper.max_session_timeout_ms = None
    }));
    effective(plan, changes)
}

const OF_MACHINES: &[fn(&mut Machine)] = &[
    |it| it.slowness = 1,
    |it| it.clock_skew_ms = 0,
    |it| it.clock_drift_ppm = 0,
    |it| it.start_after = Machine::default().start_after,
    |it| it.down_at_start = false,
    |it| it.disk_capacity = None,
    |it| it.files.clear(),
];

/// What is not as with any other machine.
pub(super) fn machines(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    for change in OF_MACHINES {
        changes.push(remove(move |plan| {
            change(&mut plan.cluster.zookeeper.machine)
        }));
    }
    if !kept.keeps_ends() {
        changes.push(remove(|plan| {
            plan.cluster.zookeeper.machine.supervisor = None
        }));
    }
    for place in 0..plan.cluster.brokers.len() {
        for change in OF_MACHINES {
            changes.push(remove(move |plan| {
                change(&mut plan.cluster.brokers[place].machine)
            }));
        }
        changes.push(remove(move |plan| plan.cluster.brokers[place].rack = None));
    }
    // It ends crashes, as a line of the timeline does.
    let brokers = (0..plan.cluster.brokers.len()).filter(|_| !kept.keeps_ends());
    changes
        .extend(brokers.map(|place| {
            remove(move |plan| plan.cluster.brokers[place].machine.supervisor = None)
        }));
    effective(plan, changes)
}

/// Network and disks as any, and no rare path.
pub(super) fn characters(plan: &Plan, _: &Kept) -> Vec<Change> {
    let changes: [fn(&mut Plan); 9] = [
        |plan| plan.network.latency = None,
        |plan| plan.network.other_rack = None,
        |plan| plan.network.bandwidth = None,
        |plan| plan.network.names.clear(),
        |plan| plan.disk.read = None,
        |plan| plan.disk.sync = None,
        |plan| plan.disk.bandwidth = None,
        |plan| plan.disk.capacity = None,
        |plan| plan.buggify = 0,
    ];
    effective(plan, changes.map(|change| remove(change)))
}
