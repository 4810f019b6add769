//! Small plans of safe settings under faults of all kinds: what must hold always holds, and once everything
//! is healed every ISR is full and every acknowledged record is read, in time.
//!
//! A sample: `cargo test --test random_plans -- --ignored`. More: `KAFKA_RUNS=2000`; others:
//! `KAFKA_RUNS=5000..9000`; one of them: `KAFKA_RUN=17`. A plan that fails is written as a scenario, to be
//! played with `trial run`.

mod generator;

use kafka_trial::run::{Report, run};
use kafka_trial::scenario;
use std::ops::Range;
use std::path::Path;

/// Runs of a plain `cargo test`.
const SAMPLE: u64 = 200;

/// What must never blink, whether or not all is whole again in time.
#[test]
fn safe_settings_bear_every_fault_0() {
    play(0, is_safe);
}

#[test]
fn safe_settings_bear_every_fault_1() {
    play(1, is_safe);
}

#[test]
#[ignore = "of 300 plans two (65, 163) are not whole again in time and ten draw an upgrade of a broker that runs: see CONTRIBUTING"]
fn safe_settings_bear_every_fault_and_all_is_whole_again_0() {
    play(0, Report::held);
}

#[test]
#[ignore = "of 300 plans two (65, 163) are not whole again in time and ten draw an upgrade of a broker that runs: see CONTRIBUTING"]
fn safe_settings_bear_every_fault_and_all_is_whole_again_1() {
    play(1, Report::held);
}

/// Two halves, so that both cores of a small machine have something to do.
const HALVES: u64 = 2;

fn play(half: u64, held: fn(&Report) -> bool) {
    let mut failed = Vec::new();
    let mut totals = Totals::default();
    let seeds = seeds();
    for seed in seeds.clone().filter(|seed| seed % HALVES == half) {
        let plan = generator::plan(seed);
        let report = run(&plan, seed).expect("settings that Kafka takes");
        totals.add(&report);
        if !held(&report) {
            failed.push(format!("{}\n{}", written(&report), why(&report)));
        }
    }
    println!("half {half} of {seeds:?}: {totals:?}");
    assert!(
        failed.is_empty(),
        "{} of {} plans failed:\n{}",
        failed.len(),
        totals.runs,
        failed.join("\n")
    );
    if seeds.end - seeds.start >= SAMPLE {
        // Runs in which nothing happened would prove nothing.
        assert!(totals.acknowledged > 40 * totals.runs, "{totals:?}");
        assert!(totals.elections > totals.runs && totals.truncations > totals.runs / 20);
    }
}

fn is_safe(report: &Report) -> bool {
    report.violations.is_empty() && report.stopped.is_none()
}

fn seeds() -> Range<u64> {
    let of = |name: &str| std::env::var(name).ok();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    if let Some(one) = of("KAFKA_RUN") {
        return number(&one)..number(&one) + 1;
    }
    match of("KAFKA_RUNS") {
        None => 0..SAMPLE,
        Some(text) => match text.split_once("..") {
            Some((first, end)) => number(first)..number(end),
            None => 0..number(&text),
        },
    }
}

/// Writes the plan as a scenario; the command that plays it.
fn written(report: &Report) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.yaml", report.plan.name));
    std::fs::write(&path, scenario::to_yaml(&report.plan)).expect("the target directory is ours");
    format!("trial run {}", path.display())
}

fn why(report: &Report) -> String {
    let violations = report.violations.iter();
    let violations = violations.map(|broken| format!("  {}: {}", broken.property, broken.sentence));
    let failed = report.outcomes.iter().filter(|outcome| outcome.failed());
    let failed = failed.map(|outcome| format!("  {outcome}"));
    let stopped = report.stopped.iter().map(|why| format!("  {why}"));
    let lines: Vec<String> = violations.chain(failed).chain(stopped).collect();
    lines.join("\n")
}

/// What came to pass in all of them.
#[derive(Debug, Default)]
struct Totals {
    runs: u64,
    events: u64,
    acknowledged: u64,
    elections: u64,
    truncations: u64,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        use kafka_trial::protocol::Fact;
        self.runs += 1;
        self.events += report.events;
        for entry in &report.trace {
            match entry.fact {
                Fact::Acked { .. } => self.acknowledged += 1,
                Fact::BecameLeader { .. } => self.elections += 1,
                Fact::Truncated { .. } => self.truncations += 1,
                _ => {}
            }
        }
    }
}
