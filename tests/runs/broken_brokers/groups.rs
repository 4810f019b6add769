//! Groups: who may be given a partition, whose commits count, and what becomes of them.

use super::case::Case;
use kafka_trial::node::view::ClusterView;
use kafka_trial::run::run;
use kafka_trial::scenario;

const ONE_READER: &str = "a partition has one reader a generation";
const GOES_ON: &str = "groups go on where they have committed";

const THREE: &str = "
cluster: {brokers: 3, config: {zookeeper.session.timeout.ms: 6000}}
topics: {t: {partitions: 6, replication.factor: 3}}
producers: {truck: {count: 6, topic: t, key: truck_id, every: 200ms}}
";

/// The second joins, and the coordinator goes on without waiting for the first, who reads all partitions.
#[test]
fn group_join_first_comer() {
    Case {
        broken: "group_join=first-comer",
        era: "",
        noticed_by: ONE_READER,
        plan: format!(
            "{THREE}
consumers:
  a: {{topics: [t], config: {{group.id: g}}}}
  b: {{topics: [t], start: 20s, config: {{group.id: g}}}}
"
        ),
    }
    .check();
}

/// A static member is paused while its group goes on to the next generation without it, and keeps its place: its
/// first commit afterwards is of the generation before.
#[test]
fn group_fencing_off() {
    Case {
        broken: "group_fencing=off",
        era: "",
        noticed_by: GOES_ON,
        plan: format!(
            "{THREE}
consumers:
  a: {{topics: [t], config: {{group.id: g, group.instance.id: i, max.poll.interval.ms: 10000}}}}
  b: {{topics: [t], start: 20s, config: {{group.id: g, max.poll.interval.ms: 10000}}}}
timeline: [{{at: 18s, pause: a, for: 20s}}]
"
        ),
    }
    .check();
}

/// The coordinator's broker is cut off from its followers, and dies before anybody takes them out of the ISR: what it
/// has stored alone is gone.
#[test]
fn group_append_leader() {
    let consumer = "consumers:
  a: {topics: [t], config: {group.id: g, auto.commit.interval.ms: 1000, session.timeout.ms: 10000}}
  b: {topics: [t], start: 31s, config: {group.id: g}}
";
    let text = format!("format: 1\nname: t\nabout: A.\nduration: 60s\n{THREE}{consumer}\n");
    let loaded = scenario::load("coordinator.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|errors| panic!("{errors}")).plan;
    let report = run(&plan, plan.seed).unwrap_or_else(|error| panic!("{error}"));
    let coordinator = report.view().groups()[0].coordinator;
    let others = (1..=3).filter(|id| *id != coordinator);
    let others: Vec<String> = others.map(|id| format!("broker-{id}")).collect();
    let others = others.join(", ");
    Case {
        broken: "group_append=leader",
        era: "",
        noticed_by: GOES_ON,
        plan: format!(
            "{THREE}{consumer}
timeline:
  - {{at: 20s, for: 20s, cut link: broker-{coordinator}, to: [{others}]}}
  - {{at: 30s, crash: broker-{coordinator}}}
  - {{at: 30s, crash: a}}
"
        ),
    }
    .check();
}

/// The second joins, and finds itself in the first generation.
#[test]
fn group_generation_kept() {
    Case {
        broken: "group_generation=kept",
        era: "",
        noticed_by: "generations of a group only grow",
        plan: format!(
            "{THREE}
consumers:
  a: {{topics: [t], config: {{group.id: g}}}}
  b: {{topics: [t], start: 20s, config: {{group.id: g}}}}
"
        ),
    }
    .check();
}

/// A member crashes and does not come back: nobody misses it, and nobody reads what it has.
#[test]
fn group_session_never() {
    let config = "config: {group.id: g, session.timeout.ms: 6000, max.poll.interval.ms: 10000}";
    Case {
        broken: "group_session=never",
        era: "",
        noticed_by: "a group that is left alone becomes whole",
        plan: format!(
            "duration: 140s
cluster: {{brokers: 3, config: {{zookeeper.session.timeout.ms: 6000}}}}
topics: {{t: {{partitions: 6, replication.factor: 3}}}}
producers: {{truck: {{count: 3, topic: t, key: truck_id, every: 1s}}}}
consumers:
  a: {{topics: [t], {config}}}
  b: {{topics: [t], {config}}}
timeline:
  - {{at: 18s, crash: b}}
  - {{at: 19s, crash: broker-2}}
  - {{at: 34s, heal: everything}}
  - {{at: 35s, restart: all brokers}}
"
        ),
    }
    .check();
}

/// A topic falls silent, and who reads it commits nothing more; it never goes away.
#[test]
fn offset_expiry_by_age() {
    Case {
        broken: "offset_expiry=by-age",
        era: "",
        noticed_by: "what a living group has committed is not forgotten",
        plan: "duration: 110s
cluster:
  brokers: 3
  config: {offsets.retention.minutes: 1, offsets.retention.check.interval.ms: 10000}
topics: {t: {partitions: 2, replication.factor: 3}}
producers: {truck: {count: 3, topic: t, key: truck_id, every: 1s, stop: 20s}}
consumers:
  a: {topics: [t], commit: sync after, config: {group.id: g, enable.auto.commit: false}}
"
        .to_owned(),
    }
    .check();
}

/// Much was fetched and little of it given to the application when a commit is due.
#[test]
fn consumer_position_fetched() {
    Case {
        broken: "consumer_position=fetched",
        era: "",
        noticed_by: "a group goes on nowhere behind what it was given",
        plan: format!(
            "{THREE}
consumers:
  a:
    topics: [t]
    start: 20s
    processing: 20ms
    config: {{group.id: g, max.poll.records: 10, auto.commit.interval.ms: 1000}}
"
        ),
    }
    .check();
}
