//! Broken brokers: every rule of `protocol::rules`, in each value that is not today's, is noticed by a property
//! in a whole run; and the same plan breaks nothing while the rule is kept.
//!
//! One test a value, named after it. What it takes for the rule to matter is told by the plan's timeline.

mod case;
mod consumers;
mod controller;
mod groups;
mod isr;
mod producers;
mod storage;
mod truncation;
mod zookeeper;

use kafka_trial::protocol::rules::Rules;

/// A test is named after its value: `truncation=hw` is `truncation_hw`.
#[test]
fn every_value_has_a_test() {
    let tests = [
        include_str!("consumers.rs"),
        include_str!("controller.rs"),
        include_str!("groups.rs"),
        include_str!("isr.rs"),
        include_str!("producers.rs"),
        include_str!("storage.rs"),
        include_str!("truncation.rs"),
        include_str!("zookeeper.rs"),
    ];
    let mut untested = Vec::new();
    for (rule, values) in Rules::OTHERS {
        for value in *values {
            let broken = format!("broken: \"{rule}={value}\"");
            let name = format!("fn {rule}_{}()", value.replace('-', "_"));
            let tested = |text: &&str| text.contains(&broken) && text.contains(&name);
            if !tests.iter().any(tested) {
                untested.push(format!("{rule}={value}"));
            }
        }
    }
    assert!(untested.is_empty(), "without a test: {untested:?}");
}
