//! Static members (`group.instance.id`, KIP-345) in whole clusters: what their groups are told, and what is told of them.

use kafka_trial::protocol::{Fact, GroupFact};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use kafka_trial::trace::{Style, transcript};

/// One member that works on each seven records for longer than it may stay away from `poll`.
fn slow(more: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: A slow member.\nduration: 60s\ncluster: {{brokers: 3}}\n\
         topics: {{t: {{partitions: 2, replication.factor: 3}}}}\n\
         producers: {{p: {{topic: t, every: 500ms}}}}\n\
         consumers:\n  b: {{topics: [t], processing: 2s, config: {{group.id: g, max.poll.interval.ms: 10000, max.poll.records: 7{more}}}}}\n\
         expect: [\"times that members leave group g since they do not poll: at least 1\"]\n"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    run(&plan, 1).unwrap_or_else(|error| panic!("{error}"))
}

/// CC43: it does not say that it leaves: it forgets its own place and asks for it anew, and its group neither takes anything
/// from it nor rebalances.
#[test]
fn cc43_a_static_member_that_is_too_slow_forgets_its_place_and_keeps_it() {
    let told = |report: &Report| transcript(&report.trace, Style::default());
    let leaves = ["leaves group g", "has taken"];
    let report = slow("");
    assert!(report.held(), "{:?}", report.outcomes);
    let dynamic = told(&report);
    assert!(leaves.iter().all(|it| dynamic.contains(it)), "{dynamic}");

    let report = slow(", group.instance.id: one");
    let of_it = told(&report);
    assert!(!leaves.iter().any(|it| of_it.contains(it)), "{of_it}");
    for line in [
        "forgets its place in group g, which is told nothing",
        "since it had forgotten its place in group g, which was told nothing",
    ] {
        assert!(of_it.contains(line), "{of_it}");
    }
    let given = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::PartitionsAssigned { generation, .. }) => Some(*generation),
        _ => None,
    });
    let generations: Vec<i32> = given.collect();
    assert!(generations.len() > 1, "{generations:?}");
    assert!(generations.iter().all(|it| *it == 1), "{generations:?}");
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    let figures = &report.outcomes[0].figures;
    assert!(
        figures.starts_with("nobody did; static members"),
        "{figures}"
    );
}
