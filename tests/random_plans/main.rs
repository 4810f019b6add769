//! Small plans of safe settings under faults of all kinds: what must hold always holds, and once everything
//! is healed every ISR is full and every acknowledged record is read, in time.
//!
//! Others than `cargo test` plays: `KAFKA_RUNS=5000..9000`; one of them: `KAFKA_RUN=17`. A plan that fails is
//! written as a scenario, to be played with `trial run`. What the plans notice of rules that are broken on purpose: `sweep`.

mod shrink;
mod sweep;

use kafka_trial::campaign::{Judged, Limit, play_watched, swarm};
use kafka_trial::plan::{Action, Plan};
use kafka_trial::protocol::{Fact, GroupFact};
use kafka_trial::scenario;
use kafka_trial::trace::{Observer, TraceEntry};
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
    let plans = (0..PLANS).map(swarm::plan);
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
        let plan = swarm::plan(seed);
        let judged = play_watched(&plan, seed, &mut totals);
        totals.add(&judged);
        if !held(&judged) {
            failed.push(format!("{}\n  {:?}", written(&plan), judged.failure));
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

/// What must hold held; where one of ZooKeeper's disks is replaced the two others keep its past: who lost it would be
/// held to less.
fn held(judged: &Judged) -> bool {
    let mut figures = judged.figures.iter();
    judged.failure.is_none() && !figures.any(|(_, figures)| figures.contains("past was lost"))
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
fn written(plan: &Plan) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.yaml", plan.name));
    std::fs::write(&path, scenario::to_yaml(plan)).expect("the target directory is ours");
    format!("trial run {}", path.display())
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
    fn add(&mut self, judged: &Judged) {
        self.runs += 1;
        self.events += judged.events;
        self.stuck += u64::from(judged.limit == Some(Limit::StuckIsr));
        self.late += u64::from(judged.limit == Some(Limit::UnansweredIsr));
        let asked = |(name, figures): &(&str, String)| {
            *name == "a group that is left alone becomes whole" && !figures.starts_with('0')
        };
        self.converged += u64::from(judged.figures.iter().any(asked));
    }
}

impl Observer for Totals {
    fn fact(&mut self, entry: &TraceEntry) {
        match &entry.fact {
            Fact::Acked { .. } => self.acknowledged += 1,
            Fact::BecameLeader { .. } => self.elections += 1,
            Fact::Truncated { .. } => self.truncations += 1,
            Fact::Group(GroupFact::Changed { state, .. }) if **state == *"Stable" => {
                self.generations += 1;
            }
            Fact::Group(GroupFact::OffsetCommitted { .. }) => self.commits += 1,
            Fact::Group(GroupFact::Resumed { .. }) => self.resumed += 1,
            _ => {}
        }
    }
}
