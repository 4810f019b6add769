//! The catalogue of bugs: each entry's scenario breaks exactly the property that it names, and nothing with today's
//! rules or with what is safe.

use kafka_trial::campaign::catalogue::{Entry, entries, shown_by};
use kafka_trial::campaign::{Judged, play};
use kafka_trial::run::spread;
use kafka_trial::scenario::{SHIPPED, Shipped};
use std::collections::BTreeSet;

#[test]
fn every_scenario_of_a_bug_has_its_entry_and_every_entry_its_scenario() {
    let of_bugs = SHIPPED.iter().filter(|it| it.shows_a_bug());
    let files: BTreeSet<&str> = of_bugs.map(Shipped::name).collect();
    let named: BTreeSet<&str> = entries().map(|entry| entry.scenario).collect();
    assert_eq!(files, named);
    let ids: BTreeSet<&str> = entries().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), entries().count(), "ids are given once");
    assert_eq!(named.len(), ids.len(), "a scenario shows one bug");
    for entry in entries() {
        let found = shown_by(entry.scenario).map(|it| it.id);
        assert_eq!(found, Some(entry.id));
    }
}

#[test]
fn every_bug_is_made_by_rules_that_its_scenario_breaks_or_by_settings() {
    for entry in entries() {
        let rules = entry.broken_rules().map(|rules| rules.changed());
        let rules = rules.unwrap_or_else(|| panic!("{}: no rules {}", entry.id, entry.rules));
        assert!(
            rules.is_empty() != entry.safe.is_empty(),
            "{}: rules, or what is safe",
            entry.id
        );
        let plan = plan(entry.plan(), entry);
        let changed = plan.rules.changed();
        for rule in rules {
            assert!(changed.contains(&rule), "{}: {rule:?}", entry.id);
        }
        assert!(
            plan.timeline.len() >= entry.shortest,
            "{}: {} lines",
            entry.id,
            plan.timeline.len()
        );
    }
}

#[test]
fn every_bug_breaks_what_it_names_and_nothing_where_it_is_mended() {
    let all: Vec<Entry> = entries().copied().collect();
    let played = spread(&all, |entry| {
        let broken = plan(entry.plan(), entry);
        let mended = plan(entry.mended(), entry);
        (play(&broken, broken.seed), play(&mended, mended.seed))
    });
    let of = |judged: &Judged| {
        let failure = judged.failure.as_ref();
        failure.map(|it| format!("{}: {}", it.broken, it.says))
    };
    let mut wrong = Vec::new();
    for (entry, (broken, mended)) in all.iter().zip(&played) {
        let breaks = broken.failure.as_ref().map(|it| it.broken.as_str());
        if breaks != Some(entry.broken) {
            wrong.push(format!("{}: breaks {:?}", entry.id, of(broken)));
        }
        if mended.failure.is_some() || mended.limit.is_some() {
            wrong.push(format!("{}: mended, breaks {:?}", entry.id, of(mended)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn plan<E: std::fmt::Display>(
    plan: Result<kafka_trial::plan::Plan, E>,
    entry: &Entry,
) -> kafka_trial::plan::Plan {
    plan.unwrap_or_else(|error| panic!("{}: {error}", entry.id))
}
