//! Disks that fail a broker, seen from the cluster: what a broker gives up, what it only waits for, and
//! what a checksum finds.

use kafka_trial::protocol::Fact;
use kafka_trial::run::{Report, run};
use kafka_trial::trace::TraceEntry;
use std::fmt::Write;

/// Three brokers, one partition led by broker 1, synced at each batch; `timeline` and `expect` as given.
fn play(timeline: &[&str], expect: &[&str]) -> Report {
    let mut text = String::from(
        "format: 1
name: disk-faults
about: A disk fails a broker.
seed: 11
duration: 100s
cluster: {brokers: 3}
topics:
  t: {assignment: [[1, 2, 3]], config: {flush.messages: 1}}
producers:
  trucks: {count: 2, topic: t, key: truck_id, value: position, every: 500ms, acks: all}
consumers:
  dashboard: {topics: [t]}
timeline:
",
    );
    for line in timeline {
        writeln!(text, "  - {{{line}}}").unwrap();
    }
    text.push_str("expect:\n");
    for line in expect {
        writeln!(text, "  - {line}").unwrap();
    }
    let loaded = kafka_trial::scenario::load("disk-faults.yaml", text.into_bytes(), &[])
        .unwrap_or_else(|diagnostic| panic!("{diagnostic}"));
    let report = run(&loaded.plan, 11).unwrap();
    for outcome in &report.outcomes {
        assert!(!outcome.failed(), "{outcome}");
    }
    assert_eq!(report.violations, []);
    report
}

fn of<'a>(report: &'a Report, node: &str) -> impl Iterator<Item = &'a TraceEntry> {
    let node = node.to_owned();
    report
        .trace
        .iter()
        .filter(move |entry| *entry.node == *node)
}

fn exits(report: &Report, node: &str) -> Vec<i32> {
    let status = |entry: &TraceEntry| match entry.fact {
        Fact::Exiting { status, .. } => Some(status),
        _ => None,
    };
    of(report, node).filter_map(status).collect()
}

fn log_dir_failed(report: &Report, node: &str) -> bool {
    of(report, node).any(|entry| matches!(entry.fact, Fact::LogDirFailed { .. }))
}

#[test]
fn a_sync_that_fails_ends_the_broker_and_nothing_is_lost() {
    let report = play(
        &[
            "at: 30s, for: 20s, fail sync: broker-1",
            "at: 60s, restart: broker-1",
        ],
        &[
            "no acknowledged record is lost",
            "t-0 is led by another broker within 25s of the failing sync",
            "the ISR of t-0 is full at the end",
            "every acknowledged record is read",
        ],
    );
    assert!(log_dir_failed(&report, "broker-1"));
    assert_eq!(exits(&report, "broker-1"), [1]);
    assert!(!log_dir_failed(&report, "broker-2"));
}

#[test]
fn a_read_that_fails_ends_the_broker() {
    let report = play(
        &[
            "at: 30s, for: 20s, fail reads: broker-1, file: t-0/0000",
            "at: 60s, restart: broker-1",
        ],
        &[
            "no acknowledged record is lost",
            "the ISR of t-0 is full at the end",
        ],
    );
    assert!(log_dir_failed(&report, "broker-1"));
    assert_eq!(exits(&report, "broker-1"), [1]);
}

/// RL17 has no part in it: the session of the broker that ended is over before it is restarted.
#[test]
fn a_full_disk_ends_a_follower_and_the_leader_goes_on() {
    let report = play(
        &[
            "at: 30s, for: 20s, fill disk: broker-3",
            "at: 60s, restart: broker-3",
        ],
        &[
            "no acknowledged record is lost",
            "t-0 keeps its leader",
            "the ISR of t-0 shrinks within 25s of the full disk",
            "the ISR of t-0 is full at the end",
        ],
    );
    assert!(log_dir_failed(&report, "broker-3"));
    assert_eq!(exits(&report, "broker-3"), [1]);
}

#[test]
fn a_hanging_sync_only_holds_a_broker_up() {
    let report = play(
        &["at: 30s, for: 8s, hang sync: broker-3"],
        &[
            "no acknowledged record is lost",
            "no election happens",
            "no session expires",
            "the ISR of t-0 stays as it is",
            "every acknowledged record is read",
        ],
    );
    for broker in ["broker-1", "broker-2", "broker-3"] {
        assert!(!log_dir_failed(&report, broker));
        assert!(exits(&report, broker).is_empty());
    }
    // Writes stood still meanwhile: acks=all waits for it.
    let mut last = 0;
    let mut longest = 0;
    for entry in &report.trace {
        if let Fact::Acked { .. } = entry.fact {
            longest = longest.max(entry.time.0 - last);
            last = entry.time.0;
        }
    }
    assert!(longest > 6_000_000_000, "{longest}");
}

/// Moments of a run at which a node states what `is_it` looks for, in milliseconds.
fn moments(report: &Report, node: &str, is_it: impl Fn(&Fact) -> bool) -> Vec<u64> {
    let found = of(report, node).filter(|entry| is_it(&entry.fact));
    found.map(|entry| entry.time.as_millis()).collect()
}

#[test]
fn lk1_lk2_lk3_lk5_a_leader_that_hangs_keeps_its_session_and_its_isr_and_commits_nothing() {
    let report = play(
        &["at: 30s, for: 50s, hang sync: broker-1"],
        &[
            "no acknowledged record is lost",
            "no session expires",
            "t-0 keeps its leader",
            "the ISR of t-0 stays as it is",
            "every acknowledged record is read",
        ],
    );
    let hangs = 31_000..80_000;
    let committed = moments(&report, "broker-1", |fact| {
        matches!(fact, Fact::HighWatermarkMoved { .. })
    });
    assert!(committed.iter().all(|at| !hangs.contains(at)));
    assert!(committed.iter().any(|at| *at >= hangs.end));
    // Its followers read what it has not flushed, and no more of it.
    for follower in ["broker-2", "broker-3"] {
        let copied = moments(&report, follower, |fact| {
            matches!(fact, Fact::Appended { .. })
        });
        let of_the_hang = copied.iter().filter(|at| (30_000..80_000).contains(*at));
        assert_eq!(of_the_hang.count(), 1, "{follower}");
    }
}

#[test]
fn lk4_a_change_of_leadership_waits_for_an_append_that_hangs() {
    let report = play(
        &[
            "at: 30s, for: 40s, hang sync: broker-1",
            "at: 35s, crash: broker-2",
        ],
        &["no acknowledged record is lost"],
    );
    let told = moments(&report, "broker-1", |fact| {
        matches!(
            fact,
            Fact::BecameLeader {
                leader_epoch: 1,
                ..
            }
        )
    });
    let written = report
        .trace
        .iter()
        .find(|entry| matches!(&entry.fact, Fact::StateWritten { isr, .. } if isr.len() == 2));
    let written = written.expect("the dead follower is out of the ISR").time;
    assert!(written.as_millis() < 60_000);
    assert_eq!(told.len(), 1);
    assert!((70_000..71_000).contains(&told[0]), "{told:?}");
}

/// The LeaderAndIsr waits for the log of t-0, whose append hangs. Broker-1's fetcher goes on with u-0 meanwhile, of
/// which no change is asked.
#[test]
fn lk9_a_change_of_leadership_that_waits_for_a_log_keeps_no_fetcher() {
    let text = "format: 1
name: waits-for-a-log
about: A change of leadership waits for a log.
seed: 11
duration: 100s
cluster: {brokers: 3}
topics:
  t: {assignment: [[1, 2, 3]], config: {flush.messages: 1}}
  u: {assignment: [[3, 1]]}
producers:
  trucks: {count: 2, topic: t, key: truck_id, value: position, every: 500ms, acks: all}
  cars: {topic: u, value: position, every: 500ms, acks: all}
timeline:
  - {at: 30s, for: 40s, hang sync: broker-1}
  - {at: 31s, crash: broker-2}
expect:
  - no acknowledged record is lost
  - the ISR of u-0 stays as it is
";
    let loaded = kafka_trial::scenario::load("waits.yaml", text.into(), &[]);
    let report = run(&loaded.unwrap().plan, 11).unwrap();
    assert!(report.held(), "{:?}", report.outcomes);
    let leads = moments(&report, "broker-1", |fact| match fact {
        Fact::BecameLeader { leader_epoch, .. } => *leader_epoch == 1,
        _ => false,
    });
    assert!(
        leads.iter().all(|at| *at >= 70_000) && leads.len() == 1,
        "{leads:?}"
    );
    let copies = moments(&report, "broker-1", |fact| match fact {
        Fact::Appended { partition, .. } => *partition.topic == *"u",
        _ => false,
    });
    let meanwhile = copies.iter().filter(|at| (55_000..69_000).contains(*at));
    assert!(meanwhile.count() > 20, "{copies:?}");
}

/// A follower that has lost everything cannot copy from a leader whose log is damaged.
#[test]
fn a_flipped_bit_is_found_by_the_follower_that_reads_it() {
    let report = play(
        &[
            "at: 30s, crash: broker-3",
            "at: 50s, wipe disk: broker-3",
            "at: 51s, flip bit: broker-1, file: t-0/00000000000000000000.log, position: 2000",
            "at: 60s, restart: broker-3",
        ],
        &[
            "acknowledged records lost: at least 1",
            "offsets at which replicas differ: at least 1",
            "t-0 keeps its leader",
        ],
    );
    // What a fetch brings is appended whole or not at all, and the first fetch brings the damage.
    let appends = of(&report, "broker-3").filter(|entry| {
        entry.time.0 > 60_000_000_000 && matches!(entry.fact, Fact::Appended { .. })
    });
    assert_eq!(appends.count(), 0);
    let view = report.view();
    let state = kafka_trial::node::view::ClusterView::committed(&view);
    assert_eq!(state[0].isr, [1, 2], "it never catches up");
    assert!(exits(&report, "broker-3").is_empty());
}
