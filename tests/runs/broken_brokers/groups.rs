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

/// As `THREE`, with one partition of __consumer_offsets, whose leader is every group's coordinator.
const ONE_COORDINATOR: &str = "
cluster:
  brokers: 3
  config: {zookeeper.session.timeout.ms: 6000, offsets.topic.num.partitions: 1}
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

/// A member that is given little of what it has fetched.
const FETCHES_AHEAD: &str = "  a:
    topics: [t]
    start: 20s
    processing: 20ms
    config: {group.id: g, max.poll.records: 10, auto.commit.interval.ms: 1000}
";

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
{FETCHES_AHEAD}"
        ),
    }
    .check();
}

/// As above; and one of the same group that names its partitions itself reads all that there is meanwhile, and commits
/// nothing.
#[test]
fn consumer_position_fetched_beside_one_that_reads_by_hand() {
    Case {
        broken: "consumer_position=fetched",
        era: "",
        noticed_by: "a group goes on nowhere behind what it was given",
        plan: format!(
            "{THREE}
consumers:
{FETCHES_AHEAD}  b: {{topics: [t], assign: all partitions, config: {{group.id: g, enable.auto.commit: false}}}}
"
        ),
    }
    .check();
}

/// A member stands still for longer than its session, and its partitions are another's; then it joins again, and says
/// that they are its own (B51). The other hears of it late.
#[test]
fn stale_claims_believed() {
    let sticky = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
    let config = format!(
        "config: {{group.id: g, session.timeout.ms: 6000, partition.assignment.strategy: {sticky}}}"
    );
    Case {
        broken: "stale_claims=believed",
        era: "",
        noticed_by: ONE_READER,
        plan: format!(
            "{THREE}
consumers:
  a: {{topics: [t], {config}}}
  b: {{topics: [t], start: 12s, {config}}}
timeline:
  - {{at: 25s, for: 12s, pause: a}}
  - {{at: 36s, slow link: b, to: all brokers, by: 400ms}}
"
        ),
    }
    .check();
}

/// The coordinator's broker stops for a moment, another leads meanwhile, and then it leads again (B55).
#[test]
fn group_unload_late() {
    Case {
        broken: "group_unload=late",
        era: "",
        noticed_by: "generations of a group only grow",
        plan: [
            ONE_COORDINATOR,
            "consumers:
  a: {topics: [t], config: {group.id: g, auto.commit.interval.ms: 1000}}
timeline:
  - {at: 20s, for: 6s, stop: leader of __consumer_offsets-0}
  - {at: 30s, elect preferred leader: all partitions}
  - {at: 34s, for: 6s, stop: leader of __consumer_offsets-0}
  - {at: 44s, elect preferred leader: all partitions}
",
        ]
        .concat(),
    }
    .check();
}

/// The only replica of the groups' partition that is in sync dies, and another one leads that has not heard of the
/// last commits (B49).
#[test]
fn offline_election_any_live_forgets_what_groups_committed() {
    Case {
        broken: "offline_election=any-live",
        era: "",
        noticed_by: GOES_ON,
        plan: "
duration: 100s
cluster:
  brokers: 3
  config: {zookeeper.session.timeout.ms: 6000, offsets.topic.num.partitions: 1}
topics: {t: {partitions: 6, replication.factor: 3}}
producers: {truck: {count: 6, topic: t, key: truck_id, every: 200ms, stop: 18s}}
consumers:
  a: {topics: [t], processing: 10ms, config: {group.id: g, auto.commit.interval.ms: 1000, session.timeout.ms: 8000}}
  b: {topics: [t], start: 44s, config: {group.id: g}}
timeline:
  - {at: 16s, crash: followers of __consumer_offsets-0}
  - {at: 31s, for: 30s, cut link: leader of __consumer_offsets-0, to: followers of __consumer_offsets-0}
  - {at: 32s, restart: crashed brokers}
  - {at: 38s, for: 35s, crash: leader of __consumer_offsets-0}
  - {at: 38s, crash: a}
"
        .to_owned(),
    }
    .check();
}

/// A static member is back before anybody misses it, under another id, which only its coordinator knows when that dies.
#[test]
fn static_member_id_in_memory() {
    Case {
        broken: "static_member_id=in-memory",
        era: "",
        noticed_by: "partitions of a at the end: 6",
        plan: [
            ONE_COORDINATOR,
            "duration: 50s
consumers:
  a: {topics: [t], config: {group.id: g, group.instance.id: i}}
timeline:
  - {at: 18s, for: 3s, crash: a}
  - {at: 25s, for: 15s, crash: leader of __consumer_offsets-0}
expect: ['partitions of a at the end: 6']
",
        ]
        .concat(),
    }
    .check();
}

/// A member's commit takes its time on the way to the coordinator, and what other brokers lead is given to it
/// meanwhile: who reads on reads that again (CB5).
#[test]
fn fetch_before_join_goes_on() {
    Case {
        broken: "fetch_before_join=goes-on",
        era: "",
        noticed_by: "records processed twice by group g: 0",
        plan: "
cluster:
  brokers: 3
  config: {offsets.topic.num.partitions: 1}
topics: {t: {partitions: 6, replication.factor: 3}}
producers: {truck: {count: 6, topic: t, key: truck_id, every: 200ms}}
consumers:
  a: {topics: [t], config: {group.id: g}}
  b: {topics: [t], start: 25s, config: {group.id: g}}
timeline:
  - {at: 15s, slow link: a, to: leader of __consumer_offsets-0, by: 900ms}
expect: ['records processed twice by group g: 0']
"
        .to_owned(),
    }
    .check();
}

/// Who names its partitions itself loses its coordinator twice: after the first time it takes what it was answered then
/// for the answer of the second (CB6).
#[test]
fn coordinator_lookup_kept() {
    Case {
        broken: "coordinator_lookup=kept",
        era: "",
        noticed_by: "lag of group g at the end: at most 100",
        plan: [
            ONE_COORDINATOR,
            "consumers:
  a: {topics: [t], assign: all partitions, config: {group.id: g, auto.commit.interval.ms: 1000}}
timeline:
  - {at: 20s, for: 5s, stop: leader of __consumer_offsets-0}
  - {at: 35s, for: 5s, stop: leader of __consumer_offsets-0}
expect: ['lag of group g at the end: at most 100']
",
        ]
        .concat(),
    }
    .check();
}
