//! Members that subscribe to a pattern: what they read, and when they hear of topics that are made later. Rules CC44,
//! CN21.

use kafka_trial::protocol::{Fact, GroupFact, RebalanceReason};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use std::collections::BTreeSet;

fn played(rest: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: A pattern.\nduration: 60s\ncluster: {{brokers: 3}}\n\
         topics: {{trucks-a: {{partitions: 2}}, boats: {{}}}}\n\
         producers: {{p: {{topic: trucks-a, key: {{cycle: 10}}, every: 200ms}}, \
         b: {{topic: boats, every: 200ms}}, q: {{topic: trucks-b, start: 21s, every: 200ms}}}}\n\
         timeline: [{{at: 20s, create topic: trucks-b, partitions: 1}}]\n{rest}"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        report.held(),
        "{:?} {:?}",
        report.violations,
        report.outcomes
    );
    report
}

fn member(name: &str, pattern: &str, more: &str) -> String {
    format!(
        "  {name}: {{topics: {{pattern: '{pattern}'}}, \
         config: {{group.id: g, metadata.max.age.ms: 10000{more}}}}}\n"
    )
}

/// Topics that anybody has read.
fn read(report: &Report) -> BTreeSet<String> {
    let read = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Consumed { partition, .. } => Some(partition.topic.to_string()),
        _ => None,
    });
    read.collect()
}

/// Millisecond and member of who was given a partition of the topic first.
fn given(report: &Report, topic: &str) -> (u64, String) {
    first_given(report, None, topic)
}

fn first_given(report: &Report, member: Option<&str>, topic: &str) -> (u64, String) {
    let is_given = |fact: &Fact| match fact {
        Fact::Group(GroupFact::PartitionsAssigned { partitions, .. }) => {
            partitions.iter().any(|it| *it.topic == *topic)
        }
        _ => false,
    };
    let mut entries = report.trace.iter();
    let is_member = |name: &str| member.is_none_or(|it| it == name);
    let first = entries.find(|entry| is_member(&entry.node) && is_given(&entry.fact));
    let first = first.unwrap_or_else(|| panic!("{topic} is nobody's"));
    (first.time.0 / 1_000_000, first.node.to_string())
}

/// Why a member has its group join again: millisecond, and what it said.
fn rejoined(report: &Report) -> Vec<(u64, String)> {
    let said = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::Changed { why: Some(why), .. }) => match &**why {
            RebalanceReason::MemberRejoined { said, .. } => {
                Some((entry.time.0 / 1_000_000, said.to_string()))
            }
            _ => None,
        },
        _ => None,
    });
    said.collect()
}

/// A member whose metadata are the first to name the topic has the group join again; the other hears of it by its
/// heartbeat.
#[test]
fn cc44_cn21_a_topic_that_matches_is_read_once_metadata_name_it() {
    let report = played(&format!(
        "consumers:\n{}{}expect: ['group g processes every acknowledged record']\n",
        member("c", "trucks-.*", ""),
        member("d", "trucks-.*|boats", "")
    ));
    assert_eq!(
        read(&report),
        BTreeSet::from(["boats", "trucks-a", "trucks-b"].map(str::to_owned))
    );
    let (at, _) = given(&report, "trucks-b");
    assert!((20_000..34_000).contains(&at), "{at}");
    let rejoined = rejoined(&report);
    let (when, said) = &rejoined[0];
    assert!((20_000..31_000).contains(when), "{rejoined:?}");
    let reasons = ["cached metadata has changed", "subscription has changed"];
    assert!(reasons.contains(&said.as_str()), "{rejoined:?}");
}

/// A member that follows tells its leader what it reads.
#[test]
fn cc44_who_does_not_lead_says_that_its_subscription_has_changed() {
    let report = played(&format!(
        "consumers:\n{}{}",
        "  c: {topics: [boats], config: {group.id: g}}\n",
        member("d", "trucks-.*", "").replacen("{topics", "{start: 10s, topics", 1)
    ));
    let said: Vec<String> = rejoined(&report)
        .into_iter()
        .filter(|(at, _)| *at > 20_000)
        .map(|(_, said)| said)
        .collect();
    assert_eq!(said, ["subscription has changed"]);
    assert_eq!(given(&report, "trucks-b").1, "d");
    assert_eq!(given(&report, "boats").1, "c");
}

/// Until a topic matches it is a member without partitions; brokers' own never do.
#[test]
fn cc44_who_finds_no_topic_joins_all_the_same() {
    let report = played(&format!("consumers:\n{}", member("c", ".*-b", "")));
    assert_eq!(read(&report), BTreeSet::from(["trucks-b".to_owned()]));
    let mut entries = report.trace.iter();
    let idle = entries.find_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::PartitionsAssigned { partitions, .. }) => Some(partitions.len()),
        _ => None,
    });
    assert_eq!(idle, Some(0));
    let report = played(&format!("consumers:\n{}", member("c", ".*", "")));
    assert_eq!(read(&report).len(), 3);
}

/// Who gets answers about all topics hears nothing of one that is not there, and waits for it no longer than for one
/// answer.
#[test]
fn cc57_who_leads_by_a_pattern_does_not_wait_for_a_topic_that_is_not_there() {
    for pattern in ["trucks-.*", "trucks-a"] {
        let report = played(&format!(
            "consumers:\n{}{}",
            member("c", pattern, ""),
            "  d: {start: 10s, topics: [trucks-a, trucks-b], \
             config: {group.id: g, allow.auto.create.topics: 'false'}}\n"
        ));
        let (at, who) = first_given(&report, Some("d"), "trucks-a");
        assert!((10_000..20_000).contains(&at), "{pattern} {at} {who}");
        let (at, _) = given(&report, "trucks-b");
        assert!((20_000..34_000).contains(&at), "{pattern} {at}");
    }
}
