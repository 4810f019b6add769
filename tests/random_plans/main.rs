//! Small plans of safe settings under faults of all kinds: what must hold always holds, and once everything
//! is healed every ISR is full and every acknowledged record is read, in time.
//!
//! Others than `cargo test` plays: `KAFKA_RUNS=5000..9000`; one of them: `KAFKA_RUN=17`. A plan that fails is
//! written as a scenario, to be played with `trial run`. What the plans notice of rules that are broken on purpose: `sweep`.

mod chains;
mod draw;
mod faults;
mod generator;
mod groups;
mod sweep;

use generator::ms;
use kafka_trial::kernel::Duration;
use kafka_trial::plan::{Action, Entry, Partition, Plan, Role, When};
use kafka_trial::protocol::{ErrorCode, Fact, GROUP_METADATA_TOPIC, GroupFact};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// Plans of a plain `cargo test`: half a minute on two cores.
const PLANS: u64 = 2_000;

#[test]
fn safe_settings_bear_every_fault_and_all_is_whole_again_0() {
    play(0, 0..PLANS);
}

#[test]
fn safe_settings_bear_every_fault_and_all_is_whole_again_1() {
    play(1, 0..PLANS);
}

/// A kind of fault that is not drawn is not tried.
#[test]
fn every_kind_of_fault_is_drawn() {
    let plans = (0..PLANS).map(generator::plan);
    let drawn: BTreeSet<&str> = plans
        .flat_map(|plan| plan.timeline)
        .map(|entry| entry.action.noun())
        .collect();
    let all: BTreeSet<&str> = Action::NOUNS.iter().copied().collect();
    let never: Vec<_> = all.difference(&drawn).collect();
    assert!(never.is_empty(), "not drawn: {never:?}");
}

/// Two halves, so that both cores of a small machine have something to do.
const HALVES: u64 = 2;

fn play(half: u64, seeds: Range<u64>) {
    let mut failed = Vec::new();
    let mut totals = Totals::default();
    let seeds = asked_for().unwrap_or(seeds);
    for seed in seeds.clone().filter(|seed| seed % HALVES == half) {
        let report = played(&generator::plan(seed));
        totals.add(&report);
        let again = with_new_leaders(&report);
        totals.stuck += u64::from(again.is_some());
        let later = again.is_none().then(|| with_more_time(&report)).flatten();
        totals.late += u64::from(later.is_some());
        let again = again.or(later);
        let report = again.map_or(report, |plan| played(&plan));
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
    if totals.runs >= PLANS / HALVES {
        // Runs in which nothing happened would prove nothing.
        assert!(totals.acknowledged > 40 * totals.runs, "{totals:?}");
        assert!(totals.stuck < totals.runs / 50, "{totals:?}");
        assert!(totals.late < totals.runs / 100, "{totals:?}");
        assert!(totals.elections > totals.runs && totals.truncations > totals.runs / 20);
        assert!(totals.converged > totals.runs / 10);
        assert!(totals.generations > totals.runs / 2 && totals.commits > 10 * totals.runs);
    }
}

fn played(plan: &Plan) -> Report {
    run(plan, plan.seed).expect("settings that Kafka takes")
}

/// Rule A7: a leader whose change of the ISR was refused as one of an older state asks for no other before it
/// is told a higher leader epoch. That happens where the answer to the controller's write is lost, and heals
/// by itself no more than it does in Kafka: somebody has to make another broker lead.
fn with_new_leaders(report: &Report) -> Option<Plan> {
    if report.held() || !report.violations.is_empty() {
        return None;
    }
    let mut stuck = BTreeSet::new();
    for entry in &report.trace {
        match &entry.fact {
            Fact::AlterPartitionRefused {
                partition,
                error: ErrorCode::InvalidUpdateVersion,
                ..
            } => stuck.insert(partition.clone()),
            Fact::BecameLeader { partition, .. } => stuck.remove(partition),
            _ => false,
        };
    }
    // A group whose coordinator can store nothing reads nothing.
    let of_groups = stuck.iter().any(|it| *it.topic == *GROUP_METADATA_TOPIC);
    let comes_of_it = |sentence: &str| {
        sentence.starts_with("every ISR is full")
            || of_groups && sentence.starts_with("every acknowledged record is read")
    };
    let mut failed = report.outcomes.iter().filter(|it| it.failed());
    if failed.any(|it| !comes_of_it(&it.sentence)) {
        return None;
    }
    let mut plan = report.plan.clone();
    plan.duration = plan.duration + ms(10_000);
    for (place, name) in (0..).zip(&stuck) {
        let leader = Role::LeaderOf {
            partition: Partition {
                topic: name.topic.to_string(),
                partition: name.partition,
            },
        };
        let crash = Entry::new(
            When::At(ms(generator::REPAIRED + place * 1_000)),
            Action::Crash(leader.into()),
        );
        plan = plan.entry(crash.lasting(ms(10_000)).optional());
    }
    (!stuck.is_empty()).then_some(plan)
}

/// A controller whose session expires drops what waits in its queue, and an AlterPartition among it gets no answer
/// (`ControllerEvent.preempt`): whoever asked asks again after `controller.socket.timeout.ms`, which may be after the
/// plan's end. The same plan that lasts longer must hold.
fn with_more_time(report: &Report) -> Option<Plan> {
    if report.held() || !report.violations.is_empty() {
        return None;
    }
    let mut failed = report.outcomes.iter().filter(|it| it.failed());
    if failed.any(|it| !it.sentence.starts_with("every ISR is full")) {
        return None;
    }
    let since = report.end.0.saturating_sub(ANSWERED_WITHIN.0);
    let expired = report.trace.iter().any(|entry| {
        entry.time.0 >= since && matches!(entry.fact, Fact::ControllerResigned { .. })
    });
    let mut plan = report.plan.clone();
    plan.duration = plan.duration + ANSWERED_WITHIN;
    expired.then_some(plan)
}

/// `controller.socket.timeout.ms`, and time to copy what is missing.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);

/// Nothing blinked, and all is whole again. Where one of ZooKeeper's disks is replaced the two others keep its
/// past; who lost it would be held to less.
fn held(report: &Report) -> bool {
    let mut figures = report.figures.iter();
    report.held() && !figures.any(|(_, figures)| figures.contains("past was lost"))
}

fn asked_for() -> Option<Range<u64>> {
    let of = |name: &str| std::env::var(name).ok();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    if let Some(one) = of("KAFKA_RUN") {
        return Some(number(&one)..number(&one) + 1);
    }
    let text = of("KAFKA_RUNS")?;
    Some(match text.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => 0..number(&text),
    })
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
    /// Rebalances that groups came through, what their members committed, and where some went on.
    generations: u64,
    commits: u64,
    resumed: u64,
    /// Plans at whose end groups were to be whole.
    converged: u64,
    /// Plans in which a leader's ISR stood still until another broker led (A7).
    stuck: u64,
    /// Plans in which a leader's question about its ISR was lost with the controller's session.
    late: u64,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.runs += 1;
        self.events += report.events;
        let asked = |(name, figures): &(&str, String)| {
            *name == "a group that is left alone becomes whole" && !figures.starts_with('0')
        };
        self.converged += u64::from(report.figures.iter().any(asked));
        for entry in &report.trace {
            match entry.fact {
                Fact::Acked { .. } => self.acknowledged += 1,
                Fact::BecameLeader { .. } => self.elections += 1,
                Fact::Truncated { .. } => self.truncations += 1,
                Fact::Group(ref fact) => self.add_of_group(fact),
                _ => {}
            }
        }
    }

    fn add_of_group(&mut self, fact: &GroupFact) {
        match fact {
            GroupFact::Changed { state, .. } if **state == *"Stable" => self.generations += 1,
            GroupFact::OffsetCommitted { .. } => self.commits += 1,
            GroupFact::Resumed { .. } => self.resumed += 1,
            _ => {}
        }
    }
}
