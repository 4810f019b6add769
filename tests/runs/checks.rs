//! Properties and expectations on whole runs: faults that break what Kafka promises are found, and a plan
//! that expects them says by how much; faults that break nothing raise no alarm.

use kafka_trial::node::view::ClusterView;
use kafka_trial::protocol::Fact;
use kafka_trial::run::{Report, run};
use kafka_trial::scenario;
use kafka_trial::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

/// Plays a scenario with its own seed.
fn play(text: &str) -> Report {
    let loaded = scenario::load("checks.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    run(&plan, plan.seed).expect("settings that Kafka takes")
}

/// The properties that broke, each once.
fn broken(report: &Report) -> Vec<&'static str> {
    let mut names: Vec<_> = report.violations.iter().map(|v| v.property).collect();
    names.dedup();
    names
}

fn outcomes(report: &Report) -> Vec<String> {
    report.outcomes.iter().map(ToString::to_string).collect()
}

/// Three trucks and a dashboard over one partition. Every broker loses power 18 s after clients began,
/// and with it what stood in page caches only.
const EVERYTHING_GOES_DARK: &str = "
format: 1
name: everything-goes-dark
about: Every copy loses its latest records at once.
seed: 7
duration: 2m
cluster: {zookeeper: 1, brokers: 3}
topics:
  gps: {partitions: 1, replication.factor: 3}
producers:
  trucks: {count: 3, topic: gps, key: truck_id, value: position, every: 1s, acks: all}
consumers:
  dashboard: {topics: [gps], config: {auto.offset.reset: earliest}}
timeline:
  - {at: 20s, power failure: all brokers}
  - {at: 50s, restart: crashed brokers}
expect:
";

fn goes_dark(expect: &[&str]) -> Report {
    let lines: String = expect.iter().map(|e| format!("  - \"{e}\"\n")).collect();
    play(&format!("{EVERYTHING_GOES_DARK}{lines}"))
}

const LOST: &str = "acknowledged records lost: at least 1";
const USED_TWICE: &str = "offsets used twice: at least 1";
const DIFFER: &str = "offsets at which replicas differ: at least 1";

#[test]
fn r11_breaks_when_all_copies_lose_what_was_read() {
    assert_eq!(broken(&goes_dark(&[LOST])), ["no offset is used twice"]);
}

#[test]
fn r5_breaks_when_page_caches_were_not_written_back_equally_far() {
    assert_eq!(
        broken(&goes_dark(&[LOST, USED_TWICE])),
        ["replicas are equal below the high watermark"]
    );
}

#[test]
fn r13_breaks_when_only_the_rest_is_expected() {
    assert_eq!(
        broken(&goes_dark(&[USED_TWICE, DIFFER])),
        ["no acknowledged record is lost"]
    );
}

#[test]
fn a_plan_that_says_what_a_loss_of_every_copy_breaks_holds() {
    let report = goes_dark(&[LOST, USED_TWICE, DIFFER, "offsets used twice: 0"]);
    assert_eq!(broken(&report), [""; 0]);
    // Counted here once more. The dashboard reads all that there is, before and after.
    let mut seen = BTreeMap::new();
    let mut twice = BTreeSet::new();
    let mut reads = 0;
    for entry in &report.trace {
        if let Fact::Consumed {
            offset, content, ..
        } = entry.fact
        {
            reads += 1;
            if *seen.entry(offset).or_insert(content) != content {
                twice.insert(offset);
            }
        }
    }
    let (outcomes, twice) = (outcomes(&report), twice.len());
    let figures = format!("— {twice}, in {reads} reads");
    assert_eq!(outcomes[1], format!("held: {USED_TWICE} {figures}"));
    assert_eq!(
        outcomes[3],
        format!("FAILED: offsets used twice: 0 {figures}")
    );
    assert!(
        report.outcomes[..3].iter().all(|o| !o.failed()),
        "{outcomes:?}"
    );
}

/// Every broker's process ends by itself over its disk, and is started again.
fn ends_and_starts_again(fault: &str, brokers: &str) -> Report {
    play(&format!(
        "
format: 1
name: ends-and-starts-again
about: A disk fails every broker, and is whole again.
seed: 3
duration: 2m
cluster: {{zookeeper: 1, brokers: {brokers}}}
topics:
  gps: {{partitions: 2, replication.factor: 3}}
producers:
  trucks: {{count: 3, topic: gps, key: truck_id, value: position, every: 500ms, acks: all}}
timeline:
  - {{at: 20s, for: 10s, {fault}: all brokers}}
  - {{at: 60s, restart: all brokers, optional: true}}
"
    ))
}

/// A broker knows a high watermark by its checkpoint when it starts, and that is older than what the
/// process before it knew: a fall, but of nobody.
#[test]
fn r10_a_leader_that_starts_again_after_its_process_ended_by_itself_begins_anew() {
    let restart = "3";
    let supervisor = "[{id: 1, machine: {supervisor: 25s}}, {id: 2, machine: {supervisor: 25s}}, {id: 3, machine: {supervisor: 25s}}]";
    for fault in ["fail sync", "fill disk"] {
        for brokers in [restart, supervisor] {
            let report = ends_and_starts_again(fault, brokers);
            let starts = |broker: &str| {
                let of = |entry: &&TraceEntry| *entry.node == *broker;
                let entries = report.trace.iter().filter(of);
                entries.filter(|entry| entry.fact == Fact::Started).count()
            };
            assert_eq!(broken(&report), [""; 0], "{fault}");
            for broker in ["broker-1", "broker-2", "broker-3"] {
                assert!(starts(broker) >= 2, "{fault}: {broker} has started again");
            }
        }
    }
}

/// With auto.offset.reset: latest, what comes while a consumer is away is never read: its process knew
/// where it was, the next one does not (there are no committed offsets yet).
#[test]
fn j6_a_consumer_that_starts_again_at_the_end_steps_over_nothing() {
    for leave in ["crash: dashboard", "stop: dashboard"] {
        let report = play(&format!(
            "
format: 1
name: away
about: A consumer is away for a while.
seed: 3
duration: 1m
cluster: {{zookeeper: 1, brokers: 1}}
topics:
  gps: {{partitions: 1}}
producers:
  trucks: {{count: 3, topic: gps, key: truck_id, value: position, every: 1s}}
consumers:
  dashboard: {{topics: [gps], config: {{auto.offset.reset: latest}}}}
timeline:
  - {{at: 20s, {leave}}}
  - {{at: 30s, restart: dashboard}}
"
        ));
        assert_eq!(broken(&report), [""; 0], "{leave}");
        let read = report.records_read()[0].1;
        assert!((100..150).contains(&read), "{leave}: {read} of about 170");
    }
}

#[test]
fn every_process_states_that_it_has_begun_before_anything_else() {
    let report = goes_dark(&[USED_TWICE]);
    let mut first = BTreeMap::new();
    for entry in &report.trace {
        first.entry(&*entry.node).or_insert(&entry.fact);
    }
    first.remove(kafka_trial::run::OPERATOR);
    for node in [
        "zookeeper-1",
        "broker-1",
        "broker-2",
        "broker-3",
        "admin",
        "dashboard",
    ] {
        assert!(first.contains_key(node), "{node}");
    }
    for (node, fact) in first {
        assert_eq!(*fact, Fact::Started, "{node}");
    }
}

/// A wiped ZooKeeper begins epochs anew; brokers go on, and so does the run.
#[test]
fn a_run_goes_on_after_zookeeper_has_lost_its_past() {
    let report = play(
        "
format: 1
name: past-lost
about: ZooKeeper's volume is lost while a broker runs.
duration: 3m
cluster: {kafka_version: \"3.9\", zookeeper: 1, brokers: 2}
topics:
  t: {assignment: [[1]]}
timeline:
  - {at: 10s, crash: zookeeper-1}
  - {at: 11s, wipe disk: zookeeper-1}
  - {at: 12s, restart: zookeeper-1}
  - {at: 13s, crash: broker-2}
  - {every: 5s, from: 20s, until: 100s, restart: broker-2, optional: true}
expect:
  - zookeeper loses its past
",
    );
    assert_eq!(broken(&report), [""; 0]);
    assert_eq!(report.stopped, None);
    assert!(!report.outcomes[0].failed(), "{:?}", outcomes(&report));
    let elected = report.trace.iter().filter_map(|entry| match entry.fact {
        Fact::ControllerElected { controller_epoch } => Some(controller_epoch),
        _ => None,
    });
    let elected: Vec<i32> = elected.collect();
    assert!(
        elected.len() > 1 && elected.iter().all(|epoch| *epoch == 1),
        "{elected:?}"
    );
}

/// Brokers go on to serve a topic that ZooKeeper has forgotten, and tools that ask them go on to list it.
#[test]
fn a_topic_that_zookeeper_has_forgotten_is_served_and_listed() {
    let report = play(
        "
format: 1
name: forgotten
about: A topic's znodes are deleted by hand.
duration: 30s
cluster: {kafka_version: \"3.9\", zookeeper: 1, brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
  u: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, acks: all}
consumers:
  late: {topics: [t], start: 25s}
zookeeper_clients: {zk: {}}
timeline:
  - {at: 10s, client: zk, ask zookeeper: delete /brokers/topics/t/partitions/0/state}
  - {at: 11s, client: zk, ask zookeeper: delete /brokers/topics/t/partitions/0}
  - {at: 12s, client: zk, ask zookeeper: delete /brokers/topics/t/partitions}
  - {at: 13s, client: zk, ask zookeeper: delete /brokers/topics/t}
expect:
  - every acknowledged record is read
  - no acknowledged record is lost
",
    );
    assert_eq!(broken(&report), [""; 0]);
    assert!(report.held(), "{:?}", outcomes(&report));
    let described = report.view().described().expect("a broker answers");
    let names: Vec<&str> = described.topics.iter().map(|topic| &*topic.name).collect();
    assert_eq!(names, ["t", "u"]);
    assert_eq!(described.cache_of, Some(1));
}

/// What Kafka 3.9 does: broker-2 leads, and nothing passes between it and broker-1, who is the controller. Then
/// broker-1 leads (epoch 3), and broker-3 cuts for it what it had from broker-2. Then broker-1 dies.
#[test]
fn hw10_a_leader_elected_again_commits_what_a_follower_has_cut() {
    let elected_again = "
format: 1
name: elected-again
about: A leader that is elected again has not heard of the one in between.
duration: 40s
cluster: {brokers: 3, config: {zookeeper.session.timeout.ms: 6000}}
topics:
  t: {assignment: [[1, 2, 3]], config: {min.insync.replicas: 2}}
producers:
  p: {topic: t, every: 100ms, start: 3s, acks: all}
timeline:
  - {at: 4s, for: 7s, slow link: broker-2, to: zookeeper-1, by: 30ms}
  - {at: 4500ms, for: 1s, stop: broker-1}
  - {at: 7500ms, for: 1s, stop: broker-3}
  - {at: 12s, for: 20s, cut link: broker-2, to: broker-1}
  - {at: 12500ms, elect preferred leader: all partitions}
  - {at: 14s, for: 15s, crash: broker-1}
";
    let report = play(elected_again);
    let changes: Vec<String> = report
        .trace
        .iter()
        .filter(|entry| entry.time.as_millis() > 12_000)
        .filter_map(|entry| match &entry.fact {
            Fact::BecameLeader {
                leader_epoch,
                log_end_offset,
                ..
            } => Some(format!(
                "{} leads in epoch {leader_epoch}, to {log_end_offset}",
                entry.node
            )),
            Fact::Truncated { from, to, .. } => {
                Some(format!("{} cuts from {from} to {to}", entry.node))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        changes,
        [
            "broker-1 leads in epoch 3, to 90",
            "broker-3 cuts from 91 to 90",
            "broker-2 leads in epoch 5, to 91",
        ]
    );
    assert_eq!(
        broken(&report),
        ["who is in the ISR has all that is committed"]
    );
}
