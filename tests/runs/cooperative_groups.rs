//! Members that go on reading while their group shares its partitions anew. Rules CA12, CC45 to CC49, CX5.

use kafka_trial::node::view::ClusterView;
use kafka_trial::protocol::{Fact, GroupFact};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use std::collections::BTreeMap;

const COOPERATIVE: &str = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
const RANGE: &str = "org.apache.kafka.clients.consumer.RangeAssignor";

fn play(duration: &str, rest: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: A group.\nduration: {duration}\ncluster: {{brokers: 3}}\n\
         topics: {{t: {{partitions: 6, replication.factor: 3}}}}\n\
         producers: {{truck: {{count: 12, topic: t, key: truck_id, every: 200ms}}}}\n{rest}"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    report
}

fn member(name: &str, strategy: &str, more: &str) -> String {
    format!(
        "  {name}: {{topics: [t], {more}config: {{group.id: g, \
         partition.assignment.strategy: \"{strategy}\"}}}}\n"
    )
}

/// What a member's application is told: `+2/4@3` given two and keeping four in generation 3, `-2` two given up,
/// `!2` two lost.
fn told(report: &Report, name: &str) -> Vec<String> {
    let told = report.trace.iter().filter(|entry| &*entry.node == name);
    let told = told.filter_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::PartitionsAssigned {
            generation,
            partitions,
            kept,
            ..
        }) => Some(format!("+{}/{}@{generation}", partitions.len(), kept.len())),
        Fact::Group(GroupFact::PartitionsRevoked { partitions, .. }) => {
            Some(format!("-{}", partitions.len()))
        }
        Fact::Group(GroupFact::PartitionsLost { partitions, .. }) => {
            Some(format!("!{}", partitions.len()))
        }
        _ => None,
    });
    told.collect()
}

/// How often each record was read.
fn reads(report: &Report) -> BTreeMap<(i32, i64), u32> {
    let mut reads = BTreeMap::new();
    for entry in &report.trace {
        if let Fact::Consumed {
            partition, offset, ..
        } = &entry.fact
        {
            *reads.entry((partition.partition, *offset)).or_default() += 1;
        }
    }
    reads
}

/// CX5: the second gets nothing in its first generation, since the first has it all; the first gives half up and
/// joins once more. Nothing is read twice.
#[test]
fn cc4_cx5_a_second_member_gets_its_half_in_a_second_generation() {
    let consumers = member("a", COOPERATIVE, "") + &member("b", COOPERATIVE, "start: 20s, ");
    let report = play("40s", &format!("consumers:\n{consumers}"));
    assert_eq!(told(&report, "a"), ["+6/0@1", "-3", "+0/3@2", "+0/3@3"]);
    assert_eq!(told(&report, "b"), ["+0/0@2", "+3/0@3"]);
    assert!(reads(&report).values().all(|times| *times == 1));
}

/// CC49: between a commit before it joins and its new assignment an EAGER member reads nothing; a COOPERATIVE
/// one reads on what it has. Here the group waits for a member that is paused, so that it takes 5 s.
#[test]
fn cc2_cc49_what_a_member_keeps_is_read_while_it_joins() {
    let read_meanwhile = |strategy: &str| {
        let consumers = ["a", "b"].map(|name| member(name, strategy, "")).concat();
        let third = member("c", strategy, "start: 20s, ");
        let timeline = "timeline: [{at: 19s, pause: b, for: 8s}]\n";
        let report = play("40s", &format!("consumers:\n{consumers}{third}{timeline}"));
        let of_a = report.trace.iter().filter(|entry| &*entry.node == "a");
        let between = of_a.filter(|entry| (24..27).contains(&(entry.time.0 / 1_000_000_000)));
        let read = between.filter(|entry| matches!(entry.fact, Fact::Consumed { .. }));
        read.count()
    };
    assert_eq!(read_meanwhile(RANGE), 0);
    let read = read_meanwhile(COOPERATIVE);
    assert!(read > 50, "{read}");
}

/// CC48: of [range, cooperative-sticky], the default, range is chosen and all is given up; a member that offers
/// nothing but the second makes the group choose that, and each does as its own protocol says.
#[test]
fn cc48_the_default_offers_both_and_gives_everything_up() {
    let default = "  a: {topics: [t], config: {group.id: g}}\n";
    let like = member("b", RANGE, "start: 20s, ");
    let report = play("40s", &format!("consumers:\n{default}{like}"));
    assert_eq!(told(&report, "a"), ["+6/0@1", "-6", "+3/0@2"]);
    let moving = member("b", COOPERATIVE, "start: 20s, ");
    let report = play("40s", &format!("consumers:\n{default}{moving}"));
    assert_eq!(told(&report, "a"), ["+6/0@1", "-6", "+3/0@2"]);
    assert_eq!(told(&report, "b"), ["+3/0@2"]);
    let chosen = report.view().groups().remove(0).protocol;
    assert_eq!(chosen.as_deref(), Some("cooperative-sticky"));
}

/// CC45: who has lost its place has lost its partitions too, whatever the protocol.
#[test]
fn cc45_who_is_no_member_any_more_loses_what_it_kept() {
    let slow = member("a", COOPERATIVE, "processing: 3s, ").replace(
        "group.id: g,",
        "group.id: g, max.poll.interval.ms: 10000, max.poll.records: 5,",
    );
    let report = play("60s", &format!("consumers:\n{slow}"));
    let told = told(&report, "a");
    assert_eq!(told[..2], ["+6/0@1", "!6"], "{told:?}");
}
