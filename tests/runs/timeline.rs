//! What lines of the timeline and settings of a plan do to a run.

use kafka_trial::protocol::{Fact, GroupFact, ShellFact};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario;

fn play(text: &str) -> Report {
    let loaded = scenario::load("timeline.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded.expect("a scenario that can be read").plan;
    let report = run(&plan, plan.seed).expect("a plan that can be built");
    assert_eq!(report.violations, []);
    assert_eq!(report.stopped, None);
    report
}

const TRUCKS: &str = "
format: 1
name: timeline
about: One line of a timeline.
duration: 60s
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  trucks: {count: 1, topic: t, value: {bytes: 300B}, every: 1s, acks: all}
";

#[test]
fn an_upgraded_broker_starts_with_the_changed_settings() {
    let report = play(&format!(
        "{TRUCKS}
cluster: {{brokers: 1}}
timeline:
  - {{at: 20s, stop: broker-1}}
  - {{at: 25s, upgrade: broker-1, set: {{message.max.bytes: 100}}}}
"
    ));
    let restarted = report
        .trace
        .iter()
        .rposition(|entry| matches!(entry.fact, Fact::Serving))
        .unwrap();
    let (before, after) = report.trace.split_at(restarted);
    let acked = |facts: &[kafka_trial::trace::TraceEntry]| {
        let acked = |entry: &&_| matches!(Fact::clone(entry), Fact::Acked { .. });
        facts.iter().map(|entry| &entry.fact).filter(acked).count()
    };
    assert!(acked(before) > 10);
    assert_eq!(acked(after), 0);
    assert!(after.iter().any(|entry| matches!(
        &entry.fact,
        Fact::Failed { exception, .. } if &**exception == "RecordTooLargeException"
    )));
}

#[test]
fn only_a_stopped_broker_is_upgraded() {
    let report = play(&format!(
        "{TRUCKS}
cluster: {{brokers: 1}}
timeline:
  - {{at: 20s, upgrade: broker-1, set: {{message.max.bytes: 100}}, optional: true}}
"
    ));
    let nobody =
        |entry: &&kafka_trial::trace::TraceEntry| matches!(&entry.fact, Fact::NobodyFits { .. });
    assert_eq!(report.trace.iter().filter(nobody).count(), 1);
}

#[test]
fn rare_paths_are_taken_where_the_plan_says_so_and_break_nothing() {
    let busy = |buggify: &str| {
        play(
            &format!(
                "{TRUCKS}
cluster: {{brokers: 3, config: {{min.insync.replicas: 2}}}}
{buggify}
consumers:
  all: {{topics: [t]}}
timeline:
  - {{at: 20s, crash: leader of t-0}}
  - {{at: 40s, restart: crashed brokers}}
"
            )
            .replace("replication.factor: 1", "replication.factor: 3"),
        )
    };
    let plain = busy("");
    let rare = busy("buggify: 20%");
    assert_eq!(rare.digest, busy("buggify: 20%").digest);
    assert_ne!(rare.digest, plain.digest);
    assert_eq!(plain.digest, busy("buggify: 0%").digest);
}

/// A client of ZooKeeper asks what the timeline says, also of a server by itself; one that does not run
/// cannot, and that fails the run.
#[test]
fn clients_of_zookeeper_ask_what_the_timeline_says() {
    let report = play(
        "\
format: 1
name: asks
about: a
duration: 40s
zookeeper_clients:
  a: {}
  b: {session_timeout: 6s}
timeline:
  - {at: 10s, ask zookeeper: create /route, client: a}
  - {at: 11s, ask zookeeper: get -w /route, client: a}
  - {at: 12s, ask zookeeper: set -v 0 /route far south, client: b}
  - {at: 13s, ask zookeeper: set -v 0 /route north, client: b}
  - {at: 14s, ask zookeeper: create -e -s /route/stop-, client: b}
  - {at: 15s, ask zookeeper: ls /route, client: a}
  - {at: 16s, ask zookeeper: close, client: b}
  - {at: 17s, ask zookeeper: ls /route, client: a}
  - {at: 18s, ask zookeeper: get /route, client: b}
",
    );
    let told: Vec<String> = report
        .trace
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Shell(ShellFact::Ended {
                command, answer, ..
            }) => Some(format!("{}: {command}: {answer}", entry.node)),
            Fact::Shell(ShellFact::News { news }) => Some(format!("{}: {news}", entry.node)),
            Fact::NobodyFits { text, .. } => Some(text.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            "a: create /route: /route",
            "a: get -w /route: nothing",
            "b: set -v 0 /route far south: version 1",
            "a: NodeDataChanged /route",
            "b: set -v 0 /route north: BadVersion",
            "b: create -e -s /route/stop-: /route/stop-0000000000",
            "a: ls /route: [stop-0000000000]",
            "b: close: ok",
            "a: ls /route: []",
            "b, which is to ask ZooKeeper, does not run",
        ]
    );
}

#[test]
fn followers_of_the_ensemble_are_those_that_run_and_do_not_lead() {
    let report = play(
        "\
format: 1
name: followers
about: a
duration: 40s
cluster: {zookeeper: 5}
timeline:
  - {at: 10s, crash: a zookeeper follower}
  - {at: 11s, crash: a zookeeper follower}
  - {at: 15s, pause: zookeeper followers, for: 1s}
",
    );
    let told: Vec<&str> = report
        .trace
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::TimelineEvent {
                text, end: false, ..
            } => Some(&**text),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            "crash of zookeeper-1 (a zookeeper follower)",
            "crash of zookeeper-2 (a zookeeper follower)",
            "pause of zookeeper-3, zookeeper-4 (zookeeper followers)",
        ]
    );
}

/// What the operator says of lines that end, with seconds.
fn ends(report: &Report) -> Vec<(u64, String)> {
    let ends = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::TimelineEvent {
            end: true, text, ..
        } => Some((entry.time.0 / 1_000_000_000, text.to_string())),
        _ => None,
    });
    ends.collect()
}

/// When, in whole seconds, somebody stated something.
fn stated(report: &Report, node: &str, fact: &Fact) -> Vec<u64> {
    let entries = report.trace.iter();
    entries
        .filter(|entry| *entry.node == *node && entry.fact == *fact)
        .map(|entry| entry.time.0 / 1_000_000_000)
        .collect()
}

#[test]
fn a_follower_is_one_to_whom_the_line_can_be_done() {
    let report = play(
        "
format: 1
name: timeline
about: A second follower after the first.
duration: 60s
cluster: {brokers: 3}
topics:
  t: {assignment: [[1, 2, 3]]}
timeline:
  - {at: 10s, power failure: a follower of t-0}
  - {at: 11s, crash: a follower of t-0}
  - {at: 40s, restart: a follower of t-0}
  - {at: 41s, pause: a follower of t-0}
",
    );
    for (broker, fact, at) in [
        ("broker-2", Fact::PowerFailed, 10),
        ("broker-3", Fact::Crashed, 11),
        ("broker-2", Fact::Paused, 41),
    ] {
        assert_eq!(stated(&report, broker, &fact), [at], "{broker}");
    }
    assert_eq!(stated(&report, "broker-2", &Fact::Started).len(), 2);
    assert_eq!(stated(&report, "broker-3", &Fact::Started).len(), 1);
}

#[test]
fn of_two_faults_of_one_kind_the_later_counts_until_it_ends_and_then_the_earlier_again() {
    let slow = TRUCKS.replace(
        "replication.factor: 1}",
        "replication.factor: 1, config: {flush.messages: 1}}",
    );
    let report = play(&format!(
        "{slow}
cluster: {{brokers: 1}}
disk: {{sync: 1ms}}
timeline:
  - {{at: 20s, slow disk: broker-1, times: 100, for: 30s}}
  - {{at: 30s, slow disk: broker-1, times: 10, for: 10s}}
"
    ));
    let slowest = |from: u64, until: u64| {
        let acked = report.trace.iter().filter_map(|entry| match entry.fact {
            Fact::Acked { latency_ns, .. } => Some((entry.time.0 / 1_000_000_000, latency_ns)),
            _ => None,
        });
        let between = acked.filter(|(at, _)| (from..until).contains(at));
        between
            .map(|(_, latency)| latency / 1_000_000)
            .max()
            .unwrap()
    };
    assert!(slowest(10, 20) < 10);
    assert!(slowest(21, 30) >= 100);
    assert!((10..100).contains(&slowest(31, 40)));
    assert!(slowest(41, 50) >= 100);
    assert!(slowest(52, 60) < 10);
    assert_eq!(
        ends(&report),
        [
            (40, "the slow disk is over; another one goes on".to_string()),
            (50, "the slow disk is over".to_string()),
        ]
    );
}

#[test]
fn what_was_ended_by_hand_does_not_end_a_second_time() {
    let report = play(&format!(
        "{TRUCKS}
cluster: {{brokers: 2}}
timeline:
  - {{at: 20s, pause: broker-2, for: 20s}}
  - {{at: 25s, resume: broker-2}}
  - {{at: 30s, pause: broker-2}}
  - {{at: 20s, crash: broker-1, for: 20s}}
  - {{at: 25s, restart: broker-1}}
  - {{at: 38s, crash: broker-1}}
"
    ));
    assert_eq!(ends(&report), []);
    assert_eq!(stated(&report, "broker-2", &Fact::Resumed), [25]);
    assert_eq!(stated(&report, "broker-1", &Fact::Started)[1..], [25]);
}

#[test]
fn a_machine_without_power_is_not_started_when_the_crash_before_it_is_over() {
    let report = play(&format!(
        "{TRUCKS}
cluster: {{brokers: 1}}
timeline:
  - {{at: 20s, crash: broker-1, for: 10s}}
  - {{at: 25s, power failure: broker-1, for: 20s}}
expect:
  - acknowledged records lost: at most 9
"
    ));
    assert_eq!(
        ends(&report),
        [
            (
                30,
                "the crash is over; the power failure goes on".to_string()
            ),
            (45, "the power failure is over".to_string()),
        ]
    );
    assert_eq!(stated(&report, "broker-1", &Fact::Started)[1..], [45]);
}

#[test]
fn a_line_that_waits_for_a_stall_is_carried_out_a_second_after_it_began_and_looking_changes_no_byte()
 {
    let cluster = TRUCKS.replace(
        "  t: {partitions: 1, replication.factor: 1}",
        "  t: {assignment: [[1, 2, 3]]}",
    );
    let scenario = |third: &str| {
        format!(
            "{cluster}
cluster: {{brokers: 3}}
timeline:
  - {{at: 20s, pause: broker-2}}
  - {{{third}, crash: broker-3}}
"
        )
    };
    let waiting = play(&scenario("when: writes to t-0 stall, after: 2s"));
    let mut entries = waiting.trace.iter();
    let crash = entries.find(|entry| entry.fact == Fact::Crashed);
    let crash = crash.expect("a stall").time;
    // The first write after the pause waits from its append on.
    let append = waiting.trace.iter().find(|entry| {
        entry.time.as_millis() >= 20_000
            && matches!(
                entry.fact,
                Fact::Appended {
                    as_leader: true,
                    acks_all: true,
                    ..
                }
            )
    });
    let append = append.expect("a write").time;
    assert_eq!(crash.0, append.0 + 3_000_000_000);
    // The same crash at the same instant by the clock: nobody looks for stalls, and it is the same run.
    let by_clock = play(&scenario(&format!("at: {}ns", crash.0)));
    assert_eq!(by_clock.digest, waiting.digest);
}

#[test]
fn a_line_for_the_administrator_may_come_before_the_plans_topics() {
    for at in ["0s", "30ms", "45ms"] {
        let report = play(&format!(
            "{TRUCKS}
cluster: {{brokers: 1}}
timeline:
  - {{at: {at}, describe group: g}}
"
        ));
        let acknowledged = |fact: &Fact| matches!(fact, Fact::Acked { .. });
        let count = report.trace.iter().filter(|it| acknowledged(&it.fact));
        assert!(count.count() > 50, "{at}: the producer works");
        let answers = |fact: &Fact| {
            use GroupFact::{DescribeFailed, Described};
            matches!(fact, Fact::Group(Described { .. } | DescribeFailed { .. }))
        };
        let is_answered = report.trace.iter().any(|it| answers(&it.fact));
        assert!(is_answered, "{at}: so does the administrator");
    }
}

#[test]
fn a_command_does_not_start_an_administrator_that_has_crashed() {
    let report = play(&format!(
        "{TRUCKS}
cluster: {{brokers: 1}}
timeline:
  - {{at: 20s, crash: all clients}}
  - {{at: 22s, describe group: g}}
  - {{at: 24s, describe group: g}}
"
    ));
    assert_eq!(stated(&report, "admin", &Fact::Started).len(), 1);
}
