//! Threads of a broker that wait, seen from its clients.

use kafka_trial::protocol::{Fact, GroupFact};
use kafka_trial::run::{Report, run};
use kafka_trial::trace::TraceEntry;
use std::collections::BTreeSet;

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
    let report = played(&text, 1);
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

fn played(text: &str, seed: u64) -> Report {
    let loaded = kafka_trial::scenario::load("threads.yaml", text.as_bytes().to_vec(), &[])
        .unwrap_or_else(|diagnostic| panic!("{diagnostic}"));
    run(&loaded.plan, seed).unwrap()
}

/// A leader that is just being made one has its ISR locked while it waits for its disk. Both followers' fetches wait
/// for a share of that lock, get it at once, and then each wants it alone, so as to join the ISR.
#[test]
fn lk4_two_followers_that_join_an_isr_at_once_do_not_wait_for_each_other() {
    let text = "format: 1
name: threads
about: Two followers ask for a partition whose leader is just being made one.
duration: 60s
cluster:
  zookeeper: {servers: 3, tickTime: 1000}
  brokers:
    - {id: 1, machine: {clock_skew: 3807ms}}
    - {id: 2, machine: {slowness: 3, clock_skew: 1307ms}}
    - {id: 3, machine: {supervisor: 5016ms}}
  config: {zookeeper.session.timeout.ms: 4466, replica.lag.time.max.ms: 7548}
disk: {sync: {log_normal: 1ms, sigma_percent: 80}}
topics:
  t0: {partitions: 1, replication.factor: 3, config: {min.insync.replicas: 2}}
producers:
  p0: {topic: t0, key: none, value: number, every: 189ms, start: 4117ms, stop: 28s, acks: all}
timeline:
  - {at: 8261ms, fail sync: controller, optional: true}
  - {at: 14238ms, fill disk: broker-3, optional: true}
  - {at: 17434ms, stop: broker-2, optional: true}
  - {at: 24s, heal: everything}
  - {every: 2s, from: 24500ms, until: 36500ms, restart: [all zookeepers, all brokers, all clients], optional: true}
expect:
  - every ISR is full at the end
";
    for seed in 1..=12 {
        let report = played(text, seed);
        assert!(report.held(), "seed {seed}: {:?}", report.outcomes);
    }
}

/// Request handlers, the controller and the session's own thread ask ZooKeeper, and their work ends in another order
/// than it begins.
#[test]
fn zb15_what_several_threads_ask_zookeeper_leaves_in_the_order_of_its_numbers() {
    let text = "format: 1
name: threads
about: A broker that comes back empty asks for the configurations of several topics.
duration: 40s
cluster:
  zookeeper: 3
  brokers: 3
  config: {zookeeper.session.timeout.ms: 6000}
topics:
  t0: {partitions: 2, replication.factor: 3}
  t1: {partitions: 2, replication.factor: 3}
  t2: {partitions: 2, replication.factor: 3}
timeline:
  - {at: 4s, alter topic: t0, set: {segment.bytes: 2323}}
  - {at: 8s, crash: broker-3}
  - {at: 9s, wipe disk: broker-3}
  - {at: 20s, restart: broker-3}
expect:
  - every ISR is full at the end
";
    let report = played(text, 1);
    assert!(
        report.held(),
        "{:?} {:?}",
        report.violations,
        report.outcomes
    );
}

/// An append may not be larger than a segment, and a follower appends all that one answer brings: of a segment that
/// was begun when it could be larger.
#[test]
fn a_fetcher_that_gives_a_partition_up_says_why() {
    let text = "format: 1
name: threads
about: A follower comes back to a partition whose segments must be smaller now than what it fetches.
duration: 60s
cluster: {brokers: 3}
topics:
  t: {assignment: [[1, 2]]}
producers:
  trucks: {count: 1, topic: t, key: truck_id, value: position, every: 200ms, acks: 1}
timeline:
  - {at: 10s, crash: broker-2}
  - {at: 20s, alter topic: t, set: {segment.bytes: 400}}
  - {at: 30s, restart: broker-2}
";
    let report = played(text, 1);
    let failed = report.trace.iter().find_map(|entry| match &entry.fact {
        Fact::FetcherPartitionFailed { partition, why } => {
            Some((&*entry.node, partition.to_string(), why))
        }
        _ => None,
    });
    let (node, partition, why) = failed.expect("it gave the partition up");
    assert_eq!((node, partition.as_str()), ("broker-2", "t-0"));
    assert!(
        why.ends_with("exceeds segment.bytes, which is 400"),
        "{why}"
    );
}

/// Requests of many producers want several of a broker's eight logs, each of which is flushed with every append.
/// Who waited for all of them at once gave up what it had been granted, for ever and in no time.
#[test]
fn lk10_a_produce_holds_one_partition_at_a_time() {
    let text = "format: 1
name: threads
about: Twenty-four producers write to as many partitions, each record flushed.
duration: 12s
cluster: {brokers: 3}
disk: {sync: 4ms}
topics:
  t: {partitions: 24, replication.factor: 1, config: {flush.messages: 1}}
producers:
  load:
    {count: 24, topic: t, key: {cycle: 1000}, value: {bytes: 500B}, every: 2ms, start: 4s, stop: 6s, acks: all,
     config: {batch.size: 1000, max.in.flight.requests.per.connection: 1}}
expect:
  - no acknowledged record is lost
";
    let report = played(text, 1);
    assert!(report.held(), "{:?}", report.outcomes);
    let acknowledged = |entry: &&TraceEntry| matches!(entry.fact, Fact::Acked { .. });
    let count = report.trace.iter().filter(acknowledged).count();
    assert!(
        count > 4_000,
        "three disks, eight seconds, 4 ms a flush: {count} acknowledged"
    );
}

/// A coordinator that lets the offsets of several groups expire writes to several partitions of its topic from
/// one thread, and waits for each flush.
#[test]
fn lk10_what_a_coordinator_writes_at_once_is_flushed_one_after_the_other() {
    let text = "format: 1
name: threads
about: The offsets of two groups expire at once, on a broker that flushes each record.
duration: 3m
cluster:
  brokers: 1
  config:
    log.flush.interval.messages: 1
    offsets.topic.replication.factor: 1
    offsets.retention.minutes: 1
    offsets.retention.check.interval.ms: 10000
disk: {sync: 4ms}
topics:
  t: {partitions: 1}
producers:
  trucks: {count: 1, topic: t, key: truck_id, value: position, every: 1s, stop: 20s}
consumers:
  first: {topics: [t], config: {group.id: one}}
  second: {topics: [t], config: {group.id: another}}
timeline:
  - {at: 30s, stop: first}
  - {at: 30s, stop: second}
expect:
  - no acknowledged record is lost
";
    let report = played(text, 1);
    assert!(report.held(), "{:?}", report.outcomes);
    let expired =
        |entry: &&TraceEntry| matches!(entry.fact, Fact::Group(GroupFact::OffsetExpired { .. }));
    let count = report.trace.iter().filter(expired).count();
    assert_eq!(count, 2, "both groups' offsets expire");
}

/// A follower's one fetcher stores what an answer brings for one partition after the other: while the flush of the
/// first hangs, the second has nothing of it, and of the first no high watermark is taken.
#[test]
fn lk12_a_fetcher_takes_an_answer_in_one_partition_at_a_time() {
    let text = "format: 1
name: threads
about: The disk of a follower hangs.
duration: 60s
cluster:
  brokers: 2
  config: {replica.fetch.min.bytes: 2000, replica.fetch.wait.max.ms: 500}
topics:
  t: {assignment: [[1, 2], [1, 2], [1, 2]], config: {flush.messages: 1}}
producers:
  load: {count: 3, topic: t, key: {cycle: 100}, value: {bytes: 100B}, every: 20ms, acks: 1}
timeline:
  - {at: 20s, for: 5s, hang sync: broker-2}
expect:
  - every ISR is full at the end
  - no acknowledged record is lost
";
    let report = played(text, 1);
    assert!(report.held(), "{:?}", report.outcomes);
    let stored = |from_ms: u64, to_ms: u64| {
        let mut partitions: Vec<i32> = report
            .trace
            .iter()
            .filter(|entry| *entry.node == *"broker-2")
            .filter(|entry| (from_ms..to_ms).contains(&entry.time.as_millis()))
            .filter_map(|entry| match &entry.fact {
                Fact::Appended { partition, .. } => Some(partition.partition),
                _ => None,
            })
            .collect();
        partitions.sort_unstable();
        partitions
    };
    let before = stored(19_000, 20_000);
    for partition in 0..3 {
        assert!(before.iter().filter(|it| **it == partition).count() > 1);
    }
    assert_eq!(stored(20_000, 25_000).len(), 1);
    assert!(stored(25_000, 26_000).len() > 3);
}

/// Retention looks at one log after the other. Who waited until it had all logs' locks at once never had them while
/// each of them is flushed all the time.
#[test]
fn lk13_retention_goes_log_by_log() {
    let text = "format: 1
name: threads
about: Old segments are deleted on a broker whose logs are flushed all the time.
duration: 12s
cluster: {brokers: 1, config: {log.retention.check.interval.ms: 2000, log.initial.task.delay.ms: 2000}}
disk: {sync: 4ms}
topics:
  t: {partitions: 8, replication.factor: 1, config: {flush.messages: 1, retention.bytes: 3000, segment.bytes: 2000}}
producers:
  load:
    {count: 8, topic: t, key: {cycle: 1000}, value: {bytes: 200B}, every: 2ms, start: 3s, stop: 11s, acks: all,
     config: {batch.size: 500, max.in.flight.requests.per.connection: 1}}
";
    let report = played(text, 1);
    let deleted = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::SegmentsDeleted { partition, .. } => {
            Some((entry.time.as_millis() / 2_000, partition.partition))
        }
        _ => None,
    });
    let rounds: BTreeSet<(u64, i32)> = deleted.filter(|(round, _)| *round < 5).collect();
    assert!(
        rounds.len() > 16,
        "eight logs at 4, 6 and 8 seconds: {rounds:?}"
    );
}

/// The first shrink is asked for alone and those of b-0 and c-0 together with the next request. When that is
/// answered the log of c-0 is locked by an append that hangs; b-0 hears at once that its ISR is smaller now.
#[test]
fn lk14_what_an_alter_partition_came_to_each_partition_hears_by_itself() {
    let text = "format: 1
name: threads
about: ISRs shrink while the leader's disk hangs and the controller is far away.
duration: 80s
cluster:
  brokers: 3
  config: {replica.lag.time.max.ms: 10000}
topics:
  a: {assignment: [[2, 3]]}
  b: {assignment: [[2, 3]]}
  c: {assignment: [[2, 3]], config: {flush.messages: 1}}
producers:
  cars: {topic: a, key: none, value: number, every: 100ms, acks: 1}
  trams: {topic: b, key: none, value: number, every: 100ms, acks: 1}
  trucks: {topic: c, key: none, value: number, every: 100ms, acks: 1}
timeline:
  - {at: 30s, for: 50s, cut link: broker-3, to: broker-2}
  - {at: 30s, for: 50s, slow link: broker-2, to: broker-1, by: 2s}
  - {at: 53s, for: 10s, hang sync: broker-2}
";
    let report = played(text, 1);
    let shrunk = |topic: &str| {
        let mut moments = report.trace.iter().filter_map(|entry| match &entry.fact {
            Fact::IsrChanged { partition, isr, .. } if *partition.topic == *topic => {
                Some((entry.time.as_millis(), isr.clone()))
            }
            _ => None,
        });
        moments.next().expect("its follower is out of the ISR")
    };
    let (b, c) = (shrunk("b"), shrunk("c"));
    assert!((56_000..57_000).contains(&b.0), "{b:?}");
    assert!((63_000..64_000).contains(&c.0), "{c:?}");
}
