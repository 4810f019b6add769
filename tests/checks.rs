//! Properties and expectations on whole runs: faults that break what Kafka promises are found, and a plan
//! that expects them says by how much; faults that break nothing raise no alarm.

use kafka_trial::run::{Report, run};
use kafka_trial::scenario;

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

#[test]
fn r11_breaks_when_all_copies_lose_what_was_read() {
    let report = goes_dark(&["acknowledged records lost: 33"]);
    assert_eq!(broken(&report), ["no offset is used twice"]);
}

#[test]
fn r5_breaks_when_page_caches_were_not_written_back_equally_far() {
    let report = goes_dark(&["acknowledged records lost: 33", "offsets used twice: 33"]);
    assert_eq!(
        broken(&report),
        ["replicas are equal below the high watermark"]
    );
}

#[test]
fn r13_breaks_when_only_the_rest_is_expected() {
    let report = goes_dark(&[
        "offsets used twice: 33",
        "offsets at which replicas differ: 3",
    ]);
    assert_eq!(broken(&report), ["no acknowledged record is lost"]);
}

#[test]
fn a_plan_that_says_what_a_loss_of_every_copy_breaks_holds() {
    let report = goes_dark(&[
        "acknowledged records lost: 33",
        "offsets used twice: 33",
        "offsets at which replicas differ: 3",
    ]);
    assert_eq!(broken(&report), [""; 0]);
    assert!(report.held(), "{:?}", outcomes(&report));
    let report = goes_dark(&[
        "acknowledged records lost: 33",
        "offsets used twice: 32",
        "offsets at which replicas differ: 3",
    ]);
    assert_eq!(
        outcomes(&report)[1],
        "FAILED: offsets used twice: 32 — 33, in 375 reads"
    );
}
