//! CB3: batches that expire while their connection still writes them.

use kafka_trial::protocol::{Fact, TopicPartition};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use std::collections::{BTreeMap, BTreeSet};

/// Two partitions with a broker each, and a producer with a batch for each record, all of one size. The broker of the
/// first hangs: one request it works on, three fill its connection, and a fifth waits in the producer's memory, where
/// its batch expires at 33 s, long before the request does. Both partitions' records go on being made.
fn played(kafka_version: &str, heal: &str) -> Report {
    let text = format!(
        "
format: 1
name: unwritten
about: A batch expires while its connection still writes it.
duration: 45s
cluster: {{kafka_version: \"{kafka_version}\", brokers: 2}}
topics:
  t: {{assignment: [[1], [2]], config: {{flush.messages: 1}}}}
producers:
  p:
    topic: t
    key: {{cycle: 3}}
    value: {{bytes: 400000B}}
    every: 250ms
    start: 9s
    stop: 38s
    config:
      enable.idempotence: false
      acks: 1
      batch.size: 400200
      request.timeout.ms: 20000
      delivery.timeout.ms: 21000
consumers:
  c: {{topics: [t]}}
timeline:
  - {{at: 10s, hang sync: broker-1}}
  - {{at: 25s, reset link: broker-1, to: p}}
  - {{at: {heal}, heal: broker-1}}
"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    run(&plan, 1).unwrap_or_else(|error| panic!("{error}"))
}

/// Records that were read from a partition other than the one that they were made for.
fn strangers(report: &Report) -> Vec<(TopicPartition, i64)> {
    let mut made: BTreeMap<u64, BTreeSet<TopicPartition>> = BTreeMap::new();
    let mut strangers = Vec::new();
    for entry in report.trace.iter() {
        match &entry.fact {
            Fact::RecordCreated {
                partition, content, ..
            } => {
                made.entry(*content).or_default().insert(partition.clone());
            }
            Fact::Consumed {
                partition,
                offset,
                content,
                ..
            } if !made[content].contains(partition) => strangers.push((partition.clone(), *offset)),
            _ => {}
        }
    }
    strangers
}

fn refused_as_corrupt(report: &Report) -> bool {
    let mut told = report.trace.iter().map(|entry| format!("{:?}", entry.fact));
    told.any(|fact| fact.contains("CorruptMessage"))
}

#[test]
fn cb3_another_partitions_batch_is_sent_in_place_of_one_that_expired_unwritten() {
    let report = played("3.9", "34s");
    let strangers = strangers(&report);
    assert_eq!(strangers.len(), 1, "{strangers:?}");
    assert_eq!(strangers[0].0, TopicPartition::new("t", 0));
    assert!(!refused_as_corrupt(&report));
}

#[test]
fn cb3_half_a_batch_in_its_place_is_corrupt() {
    let report = played("3.9", "34900ms");
    assert_eq!(strangers(&report), []);
    assert!(refused_as_corrupt(&report));
}

#[test]
fn cb3_before_2_8_the_buffer_was_kept() {
    let report = played("2.7", "34s");
    assert_eq!(strangers(&report), []);
    assert!(!refused_as_corrupt(&report));
}
