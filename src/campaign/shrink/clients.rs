//! Clients: who there is, what they do beyond the least, how many records they make.

use super::Change;
use super::parts::{effective, remove};
use super::question::Kept;
use crate::kernel::Duration;
use crate::plan::{
    ConsumerPlan, Key, Plan, ProducerPlan, SchemaRegistryPlan, Timestamp, Value,
    ZooKeeperClientPlan,
};

/// Producers and consumers with all their members, and clients of ZooKeeper.
pub(super) fn count(plan: &Plan) -> u32 {
    let producers = plan.producers.iter().map(|it| it.count.unwrap_or(1));
    let consumers = plan.consumers.iter().map(|it| it.count.unwrap_or(1));
    let of_kafka: u32 = producers.chain(consumers).sum();
    of_kafka + plan.zookeeper_clients.len() as u32
}

/// Each client, and what serves clients beside Kafka.
pub(super) fn clients(plan: &Plan, _: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    for place in 0..plan.producers.len() {
        changes.push(remove(move |plan| drop(plan.producers.remove(place))));
    }
    for place in 0..plan.consumers.len() {
        changes.push(remove(move |plan| drop(plan.consumers.remove(place))));
    }
    for place in 0..plan.zookeeper_clients.len() {
        changes.push(remove(move |plan| {
            drop(plan.zookeeper_clients.remove(place))
        }));
    }
    for place in 0..plan.services.len() {
        changes.push(remove(move |plan| drop(plan.services.remove(place))));
    }
    for place in 0..plan.schemas.len() {
        changes.push(remove(move |plan| drop(plan.schemas.remove(place))));
    }
    changes.push(remove(|plan| plan.schema_registry = None));
    effective(plan, changes)
}

/// Each member of those that have several; the last has no number.
pub(super) fn members(plan: &Plan, _: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, producer) in plan.producers.iter().enumerate() {
        for _ in 0..producer.count.unwrap_or(0) {
            changes.push(remove(move |plan| {
                one_fewer(&mut plan.producers[place].count)
            }));
        }
    }
    for (place, consumer) in plan.consumers.iter().enumerate() {
        for _ in 0..consumer.count.unwrap_or(0) {
            changes.push(remove(move |plan| {
                one_fewer(&mut plan.consumers[place].count)
            }));
        }
    }
    changes
}

fn one_fewer(count: &mut Option<u32>) {
    *count = count.filter(|count| *count > 1).map(|count| count - 1);
}

/// What a producer does beyond `ProducerPlan::new`.
const OF_PRODUCERS: &[fn(&mut ProducerPlan)] = &[
    |it| it.partition = None,
    |it| it.key = Key::None,
    |it| it.value = Value::Number,
    |it| it.timestamp = Timestamp::default(),
    |it| it.every = Duration::from_secs(1),
    |it| it.on_the_way = None,
    |it| {
        it.saturate = false;
        it.on_the_way = None;
    },
    |it| it.start = None,
    |it| it.stop = None,
    |it| it.flush = None,
    |it| it.key_schema = None,
    |it| it.value_schema = None,
    |it| it.headers.clear(),
    |it| it.bootstrap = None,
    |it| it.rack = None,
];

/// What a consumer does beyond `ConsumerPlan::new`.
const OF_CONSUMERS: &[fn(&mut ConsumerPlan)] = &[
    |it| it.assign = None,
    |it| it.start = None,
    |it| it.stop = None,
    |it| it.seek = None,
    |it| it.processing = None,
    |it| it.commit = None,
    |it| it.each_record = None,
    |it| it.pauses = false,
    |it| it.fails_on = None,
    |it| it.listener = None,
    |it| it.crashes = None,
    |it| it.key_schema = None,
    |it| it.value_schema = None,
    |it| it.poison = None,
    |it| it.bootstrap = None,
    |it| it.rack = None,
];

/// Lines of their properties, and what they do beyond the least.
pub(super) fn settings(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, producer) in plan.producers.iter().enumerate() {
        for change in OF_PRODUCERS {
            changes.push(remove(move |plan| change(&mut plan.producers[place])));
        }
        if !kept.keeps_setting("acks") {
            changes.push(remove(move |plan| plan.producers[place].acks = None));
        }
        for key in producer
            .config
            .keys()
            .filter(|key| !kept.keeps_setting(key))
        {
            let key = key.clone();
            changes.push(remove(move |plan| {
                plan.producers[place].config.remove(&key);
            }));
        }
    }
    for (place, consumer) in plan.consumers.iter().enumerate() {
        for change in OF_CONSUMERS {
            changes.push(remove(move |plan| change(&mut plan.consumers[place])));
        }
        let topics = (0..consumer.topics.len()).filter(|_| consumer.topics.len() > 1);
        changes.extend(topics.map(|topic| {
            remove(move |plan| {
                let topics = &mut plan.consumers[place].topics;
                if topics.len() > 1 {
                    topics.remove(topic);
                }
            })
        }));
        changes.extend(
            (0..consumer.steps.len())
                .map(|step| remove(move |plan| drop(plan.consumers[place].steps.remove(step)))),
        );
        for key in consumer.config.keys() {
            let key = key.clone();
            changes.push(remove(move |plan| {
                plan.consumers[place].config.remove(&key);
            }));
        }
    }
    for place in 0..plan.zookeeper_clients.len() {
        changes.push(remove(move |plan| {
            let client = &mut plan.zookeeper_clients[place];
            let plain = ZooKeeperClientPlan::new(client.name.clone());
            client.session_timeout = plain.session_timeout;
        }));
        changes.push(remove(move |plan| {
            plan.zookeeper_clients[place].servers = None
        }));
    }
    for place in 0..plan.services.len() {
        changes.push(remove(move |plan| {
            plan.services[place].takes = Duration::ZERO
        }));
    }
    changes.push(remove(|plan| {
        if let Some(registry) = &mut plan.schema_registry {
            let about = registry.about.take();
            *registry = SchemaRegistryPlan {
                about,
                ..SchemaRegistryPlan::default()
            };
        }
    }));
    effective(plan, changes)
}

/// So many records of each member and no more, from few to many.
const RECORDS: [u64; 11] = [1, 2, 3, 5, 8, 12, 20, 30, 50, 100, 200];

/// Producers with a limit, or a lower one.
pub(super) fn fewer_records(plan: &Plan, kept: &Kept) -> Vec<Change> {
    let mut changes = Vec::new();
    // Who is to read everything at the end is kept from it by a record that comes late.
    if kept.keeps_ends() {
        return changes;
    }
    for place in 0..plan.producers.len() {
        for records in RECORDS {
            changes.push(remove(move |plan| {
                let producer = &mut plan.producers[place];
                if producer.limit.is_none_or(|limit| limit > records) {
                    producer.limit = Some(records);
                }
            }));
        }
    }
    changes
}
