//! Clients on the real kernel, against brokers of cardboard: bootstrap, metadata, retries, time-outs,
//! order, positions, administration.

mod admin;
mod batching;
mod bootstrap;
mod cardboard;
mod clocks;
mod consumer;
mod driver;
mod idempotence;
mod metadata;
mod partitioners;
mod producer;
mod read_replicas;

use cardboard::{Town, World};
use kafka_trial::client::workload::{
    KeyTemplate, Pace, TimestampTemplate, ValueTemplate, Workload,
};
use kafka_trial::client::{Client, Consumer, ConsumerOptions, Producer, ProducerOptions};
use kafka_trial::kernel::{Duration, NodeId};
use kafka_trial::protocol::config::{KafkaVersion, Properties};
use kafka_trial::protocol::{Fact, TopicPartition};

pub fn properties(pairs: &[(&str, &str)]) -> Properties {
    pairs
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

/// One record a second, numbered.
pub fn counting(limit: u64) -> Workload {
    Workload {
        partition: None,
        key: KeyTemplate::None,
        value: ValueTemplate::Counter,
        timestamp: TimestampTemplate::Clock { ahead_ms: 0 },
        pace: Pace::Every(Duration::from_secs(1)),
        start_after: Duration::from_millis(100),
        stop_after: None,
        limit: Some(limit),
        flush: None,
    }
}

pub fn producer(town: &mut Town, settings: &[(&str, &str)], workload: Workload) -> NodeId {
    let options = ProducerOptions {
        name: "p".into(),
        bootstrap: town.bootstrap(),
        properties: properties(settings),
        topic: "t".into(),
        workload,
        schemas: Default::default(),
        headers: Default::default(),
        rules: Default::default(),
        release: KafkaVersion::V3_9,
    };
    town.add_client(
        "p",
        Client::Producer(Box::new(Producer::new(options).unwrap())),
    )
}

pub fn consumer(town: &mut Town, settings: &[(&str, &str)], start: &[(i32, i64)]) -> NodeId {
    let options = ConsumerOptions {
        work: Default::default(),
        rules: Default::default(),
        schemas: Default::default(),
        poison: Default::default(),
        own_producer: Properties::new(),
        release: KafkaVersion::V3_9,
        name: "c".into(),
        bootstrap: town.bootstrap(),
        properties: properties(settings),
        topics: vec!["t".into()],
        pattern: None,
        assign: None,
        seek: None,
        start: start
            .iter()
            .map(|(partition, offset)| (TopicPartition::new("t", *partition), *offset))
            .collect(),
    };
    town.add_client(
        "c",
        Client::Consumer(Box::new(Consumer::new(options).unwrap())),
    )
}

/// Offsets of acknowledged records by number, in the order of the acknowledgements.
pub fn acked(facts: &[(u64, Fact)]) -> Vec<(u64, i64)> {
    facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::Acked { record, offset, .. } => Some((record.number, *offset)),
            _ => None,
        })
        .collect()
}

pub fn consumed(facts: &[(u64, Fact)]) -> Vec<i64> {
    facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::Consumed { offset, .. } => Some(*offset),
            _ => None,
        })
        .collect()
}

pub fn exceptions(facts: &[(u64, Fact)]) -> Vec<(u64, String)> {
    facts
        .iter()
        .filter_map(|(ms, fact)| match fact {
            Fact::Failed { exception, .. } | Fact::ConsumerError { exception, .. } => {
                Some((*ms, exception.to_string()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn equal_seeds_give_equal_runs() {
    let digest = |seed| {
        let mut town = Town::new(seed, World::with_partitions(&[1, 2]));
        town.start(1);
        town.start(2);
        producer(&mut town, &[], counting(5));
        consumer(&mut town, &[], &[]);
        town.run_for(2_000);
        town.world().move_leader(0, 2);
        town.run_for(5_000);
        town.digest()
    };
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7), digest(8));
}
