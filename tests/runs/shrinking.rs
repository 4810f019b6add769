//! Shrinking: what was added to a plan that breaks goes again, and nothing else can.

use kafka_trial::campaign::play;
use kafka_trial::campaign::shrink::{Progress, Question, removals, shrink, size};
use kafka_trial::plan::Plan;
use kafka_trial::scenario;

/// A broker that stands still works off each record and its retry. The rest makes no difference.
const REPEATED: &str = "
rules: {sequence_check: \"off\"}
cluster:
  brokers: [{id: 1}, {id: 2}, {id: 3, machine: {clock_skew: 3s, slowness: 2}}]
  config: {zookeeper.session.timeout.ms: 20000, num.io.threads: 4}
network: {latency: 2ms}
topics:
  t: {assignment: [[1, 2], [1, 3]], config: {min.insync.replicas: 1, segment.bytes: 4000}}
  other: {partitions: 2, replication.factor: 2}
producers:
  p: {topic: t, every: 700ms, stop: 50s, config: {request.timeout.ms: 2000, linger.ms: 17}}
  q: {count: 3, topic: other, every: 2s}
consumers:
  c: {topics: [t, other], start: 4s}
timeline:
  - {at: 6s, for: 2s, slow disk: broker-3, times: 12, optional: true}
  - {at: 9300ms, for: 1s, pause: all clients}
  - {at: 12345ms, for: 7s, pause: broker-1}
  - {at: 14s, jump clock: broker-2, by: 4s}
  - {at: 30s, crash: broker-3}
  - {at: 40s, restart: crashed brokers}
expect:
  - every ISR is full at the end
";

/// Broker 3 cuts off what is committed when it follows another leader (truncation=hw).
const CUT_OFF: &str = "
rules: {truncation: hw}
cluster:
  zookeeper: 1
  brokers:
    - {id: 1, machine: {start_after: 1s}}
    - {id: 2, machine: {start_after: 1s}}
    - {id: 3, machine: {start_after: 1s}}
    - {id: 4}
  config: {zookeeper.session.timeout.ms: 6000, replica.lag.time.max.ms: 10000}
topics:
  t: {assignment: [[2, 1, 3]]}
  other: {partitions: 1, replication.factor: 1}
producers:
  early: {topic: t, every: 1s, stop: 17s, acks: all}
  late: {topic: t, start: 30s, limit: 1, acks: all}
  noise: {topic: other, every: 1s}
consumers:
  c: {topics: [t]}
timeline:
  - {at: 4s, for: 1s, slow machine: broker-4, times: 3}
  - {at: 5s, crash: broker-2}
  - {at: 13s, restart: broker-2}
  - {at: 20s, for: 2s, slow link: broker-1, to: zookeeper-1, by: 20ms}
  - {at: 22s, jump clock: zookeeper-1, by: 1s}
  - {when: late#1 is acknowledged, elect preferred leader: [t-0]}
  - {at: 50s, heal: everything}
";

/// Nothing is as it was of old: acks=1 loses what only the leader has.
const LOST: &str = "
cluster:
  brokers: 3
  config: {zookeeper.session.timeout.ms: 6000}
topics:
  t: {assignment: [[1, 2, 3]]}
  other: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 100ms, stop: 20s, acks: 1}
  q: {topic: other, every: 1s}
timeline:
  - {at: 6s, for: 1s, pause: all clients}
  - {at: 10s, for: 5s, cut link: broker-1, to: [broker-2, broker-3]}
  - {at: 12s, for: 20s, isolate: broker-1}
";

fn plan(text: &str) -> Plan {
    let text = format!("format: 1\nname: shrinking\nabout: Too much.\nduration: 60s\n{text}");
    let loaded = scenario::load("shrinking.yaml", text.into_bytes(), &[]);
    loaded.unwrap_or_else(|error| panic!("{error}")).plan
}

fn shrunk(plan: &Plan) -> Plan {
    let failure = play(plan, plan.seed).failure.expect("it breaks");
    shrink(plan, plan.seed, &failure.broken, &mut |_: Progress| {})
}

/// It breaks the same, which it says, and lacks no single part that could go.
fn assert_least(plan: &Plan, smaller: &Plan) {
    let text = scenario::to_yaml(smaller);
    println!("{text}");
    let failure = play(plan, plan.seed).failure.expect("it breaks");
    let judged = play(smaller, plan.seed);
    let still = judged.failure.expect("it breaks still");
    assert_eq!(still.broken, failure.broken);
    assert_eq!(smaller.found, Some(still.found(judged.digest)));
    let read = scenario::load("smaller.yaml", text.into_bytes(), &[]);
    assert_eq!(
        read.unwrap_or_else(|error| panic!("{error}")).plan,
        *smaller
    );

    let (question, _) = Question::of(smaller, plan.seed, &failure.broken).expect("it breaks");
    for other in removals(smaller) {
        let breaks = question.is_answered_by(&other).is_some();
        assert!(!breaks, "this breaks too:\n{}", scenario::to_yaml(&other));
    }
}

#[test]
fn what_was_added_goes_and_no_single_part_can() {
    let plan = plan(REPEATED);
    let smaller = shrunk(&plan);
    assert_least(&plan, &smaller);
    assert_eq!((size(&plan), size(&smaller)), (6, 1));
    assert_eq!(smaller.cluster.brokers.len(), 1);
    assert_eq!((smaller.producers.len(), smaller.consumers.len()), (1, 0));
    assert_eq!(smaller.expect, vec![]);
    assert_eq!(shrunk(&plan), smaller, "the same every time");
}

#[test]
fn a_crash_and_its_restart_become_one_line() {
    let plan = plan(CUT_OFF);
    let smaller = shrunk(&plan);
    assert_least(&plan, &smaller);
    assert!(size(&smaller) <= 2, "{}", size(&smaller));
}

/// Where the settings allow for what breaks, no other ones are taken for it.
#[test]
fn settings_that_promise_something_stay_where_no_rule_is_old() {
    let text = LOST.replace("acks: 1}", "acks: 1, config: {linger.ms: 3}}");
    let plan = plan(&text);
    let smaller = shrunk(&plan);
    println!("{}", scenario::to_yaml(&smaller));
    assert_eq!(smaller.producers[0].acks, plan.producers[0].acks);
    assert_eq!(size(&smaller), 1);
    assert!(smaller.producers[0].config.is_empty());
}

#[test]
fn a_plan_that_does_not_break_this_comes_back_as_it_is() {
    let plan = plan("");
    let same = shrink(&plan, plan.seed, "logs are round", &mut |_: Progress| {});
    assert_eq!(same, plan);
}
