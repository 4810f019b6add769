//! How many random plans it takes until something notices a rule that is broken on purpose. The table stands in
//! the book.

use kafka_trial::campaign::{play, swarm};
use kafka_trial::protocol::rules::Rules;

/// Plans that a broken rule is tried with.
const PLANS: u64 = 500;

/// Rules of the time in which a broken one mattered, where today's would make up for it.
const ERAS: [(&str, &str); 4] = [
    ("isr_eligibility=any", "replica_fencing=off"),
    ("truncation=epoch-kip279", "replica_fencing=off"),
    ("replica_fencing=off", "truncation=epoch-kip279"),
    (
        "truncate_on_missed_epoch=off",
        "truncation=epoch-kip279 replica_fencing=off",
    ),
];

/// Rules that only groups obey: plans without one are not played.
const OF_GROUPS: [&str; 8] = [
    "group_",
    "offset_expiry",
    "consumer_position",
    "stale_claims",
    "static_member_id",
    "fetch_before_join",
    "join_commit",
    "coordinator_lookup",
];

/// `KAFKA_RULE=hw_isr=proposed` looks at one only, `KAFKA_RULE=group` at those that begin so.
#[test]
#[ignore = "many minutes of CPU: see CONTRIBUTING"]
fn sweep_of_broken_rules() {
    let only = std::env::var("KAFKA_RULE").ok();
    println!("| broken rule | noticed by plan | by |\n|---|---|---|");
    for (rule, values) in Rules::OTHERS {
        for value in *values {
            let broken = format!("{rule}={value}");
            if only.as_ref().is_some_and(|only| !broken.starts_with(only)) {
                continue;
            }
            let era = ERAS.iter().find(|(of, _)| *of == broken);
            let era = era.map_or("", |(_, era)| *era);
            let text = format!("{era} {broken}");
            let rules = Rules::parse(&text).expect("a rule of the list");
            let era = Rules::parse(era).expect("rules of the list");
            let of_groups = OF_GROUPS.iter().any(|start| rule.starts_with(start));
            let blames = |seed| {
                if of_groups && !has_groups(seed) {
                    return None;
                }
                let by = noticed(seed, rules)?;
                // What the era breaks by itself says nothing about the rule.
                let by_itself = era != Rules::default() && noticed(seed, era).is_some();
                (!by_itself).then_some((seed, by))
            };
            let noticed = (0..PLANS).find_map(blames);
            match noticed {
                Some((seed, by)) => println!("| `{broken}` | {} | {by} |", seed + 1),
                None => println!("| `{broken}` | not in {PLANS} | |"),
            }
        }
    }
}

fn has_groups(seed: u64) -> bool {
    let plan = swarm::plan(seed);
    let mut consumers = plan.consumers.iter();
    consumers.any(|it| it.group_id().is_some())
}

/// What notices that these rules hold in a plan, if anything does.
fn noticed(seed: u64, rules: Rules) -> Option<String> {
    let mut plan = swarm::plan(seed);
    plan.rules = rules;
    play(&plan, seed).failure.map(|failure| failure.broken)
}
