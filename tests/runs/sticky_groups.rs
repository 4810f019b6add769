//! What a rebalance moves: a third member joins two, under the sticky assignor and under range. Rules CA8, CA10.

use kafka_trial::protocol::{Fact, GroupFact};
use kafka_trial::run::run;
use kafka_trial::scenario::load;
use std::collections::BTreeMap;

/// Who had and who has each of six partitions once a third member has joined after 20 s, and left again after
/// 40 s: an owner a generation.
fn owners(assignor: &str) -> Vec<BTreeMap<i32, String>> {
    let member = |name: &str, more: &str| {
        format!(
            "  {name}: {{topics: [t], {more}config: {{group.id: g, partition.assignment.strategy: \
             org.apache.kafka.clients.consumer.{assignor}}}}}\n"
        )
    };
    let text = format!(
        "format: 1\nname: test\nabout: A group.\nduration: 60s\ncluster: {{brokers: 3}}\n\
         topics: {{t: {{partitions: 6}}}}\nconsumers:\n{}{}{}",
        member("a", ""),
        member("b", ""),
        member("c", "start: 20s, stop: 40s, ")
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    let mut by_generation: BTreeMap<i32, BTreeMap<i32, String>> = BTreeMap::new();
    for entry in &report.trace {
        if let Fact::Group(GroupFact::PartitionsAssigned {
            generation,
            partitions,
            ..
        }) = &entry.fact
        {
            let owners = by_generation.entry(*generation).or_default();
            for it in partitions {
                let before = owners.insert(it.partition, entry.node.to_string());
                assert_eq!(before, None, "two owners in generation {generation}");
            }
        }
    }
    assert_eq!(by_generation.len(), 3, "{by_generation:?}");
    assert!(by_generation.values().all(|owners| owners.len() == 6));
    by_generation.into_values().collect()
}

fn moved(before: &BTreeMap<i32, String>, after: &BTreeMap<i32, String>) -> usize {
    let changed = before.iter().filter(|(it, owner)| after[it] != **owner);
    changed.count()
}

/// The third takes one from each; as it goes, its two go to the two, who lose nothing.
#[test]
fn ca8_ca10_a_third_member_takes_two_partitions_and_no_other_moves() {
    let sticky = owners("StickyAssignor");
    assert_eq!(moved(&sticky[0], &sticky[1]), 2, "{sticky:?}");
    let from_c = sticky[1].values().filter(|owner| *owner == "c").count();
    assert_eq!((moved(&sticky[1], &sticky[2]), from_c), (2, 2));
}

/// Range cuts the topic anew: what the first gives up goes to the second.
#[test]
fn ca3_under_range_a_partition_moves_between_those_who_stay() {
    let range = owners("RangeAssignor");
    assert_eq!(moved(&range[0], &range[1]), 3, "{range:?}");
}
