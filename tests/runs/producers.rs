//! Producers' applications in whole runs.

use kafka_trial::protocol::Fact;
use kafka_trial::run::run;
use kafka_trial::scenario::load;

/// The question for a block of ids is over before it is sent, each time (`NodeToControllerRequestThread`).
#[test]
fn cp55_without_any_time_a_broker_gets_no_producer_ids() {
    let text = "
format: 1
name: no-time
about: Brokers that give the controller no time.
duration: 30s
cluster: {brokers: 2, config: {request.timeout.ms: 0}}
topics: {t: {partitions: 1}, u: {partitions: 1}}
producers:
  with_id: {topic: t, every: 1s}
  without: {topic: u, every: 1s, config: {enable.idempotence: false}}
timeline: [{at: 20s, stop: broker-2}]
";
    let loaded = load("test.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.stopped, None);
    let facts = report.trace.iter();
    let acked = facts.filter(|entry| matches!(entry.fact, Fact::Acked { .. }));
    let mut by: Vec<&str> = acked.map(|entry| &*entry.node).collect();
    by.dedup();
    assert_eq!(by, ["without"]);
}

/// The producer's clock is set back in the middle of a batch, and the topic takes nothing that old: what was made
/// before fell in with it.
#[test]
fn cp32_what_lingers_with_records_at_fault_fails_with_them() {
    let text = "
format: 1
name: refused
about: A clock that is set back.
duration: 40s
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1, config: {message.timestamp.before.max.ms: 60000}}
producers:
  p: {topic: t, every: 1s, value: {bytes: 100B}, config: {batch.size: 600, linger.ms: 20000}}
timeline:
  - {at: 20.5s, jump clock: p, by: -10m}
";
    let loaded = load("test.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    let failed = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Failed { exception, .. } => Some(&**exception),
        _ => None,
    });
    let failed: Vec<&str> = failed.collect();
    let batches: Vec<(&str, usize)> = failed
        .chunk_by(|a, b| a == b)
        .map(|alike| (alike[0], alike.len()))
        .collect();
    // Three that were in time and one that was not, then batches of four that were not.
    let [
        ("KafkaException", 3),
        ("InvalidTimestampException", 1),
        ("InvalidRecordException", later),
    ] = batches[..]
    else {
        panic!("{batches:?}");
    };
    assert!(later > 4 && later % 4 == 0, "{batches:?}");
}
