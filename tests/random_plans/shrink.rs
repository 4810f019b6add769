//! How small failures get: swarm plans in which a rule is broken on purpose.

use kafka_trial::campaign::shrink::{Question, measures, removals, shrink, size};
use kafka_trial::campaign::{Failure, play, swarm};
use kafka_trial::plan::Plan;
use kafka_trial::protocol::rules::Rules;

/// Plans that a rule is tried with.
const PLANS: u64 = 300;

const RULES: [&str; 8] = [
    "truncation=hw",
    "hw_isr=proposed",
    "acks_all=appended",
    "sequence_check=off",
    "consumer_reads=log-end",
    "isr_join=hw",
    "group_fencing=off",
    "zk_commit=first-ack",
];

/// The first plan that breaks something under these rules and holds under today's.
fn failing(rules: &str) -> Option<(Plan, u64, Failure)> {
    let rules = Rules::parse(rules).expect("rules of the list");
    (0..PLANS).find_map(|seed| {
        let mut plan = swarm::plan(seed);
        plan.rules = rules;
        let failure = play(&plan, seed).failure?;
        Some((plan, seed, failure))
    })
}

/// `KAFKA_RULE=truncation=hw` looks at one only.
#[test]
#[ignore = "minutes of CPU"]
fn sizes_of_what_swarm_plans_find() {
    let only = std::env::var("KAFKA_RULE").ok();
    let rules = RULES
        .iter()
        .filter(|rule| only.as_ref().is_none_or(|it| it == *rule));
    for rule in rules {
        let Some((plan, seed, failure)) = failing(rule) else {
            println!("{rule}: not in {PLANS}");
            continue;
        };
        let mut plays = 0;
        let mut phases = Vec::new();
        let smaller = shrink(&plan, seed, &failure.broken, &mut |progress| {
            if phases
                .last()
                .is_none_or(|(phase, _)| *phase != progress.phase)
            {
                phases.push((progress.phase, progress.plays));
            }
            plays = progress.plays;
        });
        println!("{rule}: seed {seed}, {}", failure.broken);
        println!(
            "  {} -> {} lines, {plays} runs",
            size(&plan),
            size(&smaller)
        );
        println!("  {:?}\n  {:?}", measures(&plan), measures(&smaller));
        println!("{}", kafka_trial::scenario::to_yaml(&smaller));
        assert_minimal(&smaller, seed, &failure.broken);
    }
}

/// No single part can go.
fn assert_minimal(plan: &Plan, seed: u64, broken: &str) {
    let (question, _) = Question::of(plan, seed, broken).expect("what was shrunk breaks");
    for smaller in removals(plan) {
        assert!(
            question.is_answered_by(&smaller).is_none(),
            "this breaks too:\n{}",
            kafka_trial::scenario::to_yaml(&smaller)
        );
    }
}
