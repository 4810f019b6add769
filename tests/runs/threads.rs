//! Threads of a broker that wait, seen from its clients.

use kafka_trial::protocol::Fact;
use kafka_trial::run::run;

/// The longest that a record waited for its acknowledgement, in milliseconds, while a topic was made
/// through a ZooKeeper that is two seconds away.
fn longest_wait_ms(num_io_threads: u16) -> u64 {
    let text = format!(
        "format: 1
name: threads
about: A topic is made while ZooKeeper is far away.
duration: 60s
cluster: {{brokers: 1, config: {{num.io.threads: {num_io_threads}}}}}
topics:
  t: {{partitions: 1}}
producers:
  trucks: {{count: 1, topic: t, key: truck_id, value: position, every: 100ms}}
timeline:
  - {{at: 10s, for: 40s, slow link: broker-1, to: zookeeper-1, by: 1s}}
  - {{at: 15s, create topic: u}}
expect:
  - no acknowledged record is lost
"
    );
    let loaded = kafka_trial::scenario::load("threads.yaml", text.into_bytes(), &[])
        .unwrap_or_else(|diagnostic| panic!("{diagnostic}"));
    let report = run(&loaded.plan, 1).unwrap();
    let waits = report.trace.iter().filter_map(|entry| match entry.fact {
        Fact::Acked { latency_ns, .. } => Some(latency_ns / 1_000_000),
        _ => None,
    });
    waits.max().expect("records were acknowledged")
}

#[test]
fn lk8_a_state_change_that_waits_for_a_configuration_keeps_its_handler() {
    let (one, eight) = (longest_wait_ms(1), longest_wait_ms(8));
    assert!(eight < 500, "others serve the producer: {eight} ms");
    assert!(
        (1_900..2_500).contains(&one),
        "nobody serves it while ZooKeeper is asked: {one} ms"
    );
}
