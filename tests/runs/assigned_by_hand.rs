//! Consumers that name their partitions themselves (`assign`) and commit under a group of which they are no members.
//! Rules CC3, CC51, CC56, CB6.

use kafka_trial::node::view::ClusterView;
use kafka_trial::protocol::rules::Rules;
use kafka_trial::protocol::{Fact, GroupFact};
use kafka_trial::report::kafka_consumer_groups_describe;
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use kafka_trial::trace::{Style, transcript};

/// Three brokers, one of which coordinates every group; two partitions; ten records a second.
fn played(duration: &str, rules: &str, rest: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: Partitions by hand.\nduration: {duration}\n\
         cluster: {{brokers: 3, config: {{offsets.topic.num.partitions: 1, \
         zookeeper.session.timeout.ms: 6000}}}}\n\
         topics: {{t: {{partitions: 2, replication.factor: 3}}}}\n\
         producers: {{p: {{topic: t, key: {{cycle: 10}}, every: 100ms}}}}\n{rest}"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let mut plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    plan.rules = Rules::parse(rules).expect("rules that there are");
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    report
}

fn group_facts(report: &Report) -> impl Iterator<Item = (u64, &GroupFact)> {
    report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Group(fact) => Some((entry.time.0 / 1_000_000, fact)),
        _ => None,
    })
}

/// Millisecond and offset of each commit that was stored.
fn commits(report: &Report) -> Vec<(u64, i64)> {
    let stored = group_facts(report).filter_map(|(at, fact)| match fact {
        GroupFact::OffsetCommitted {
            offset,
            of_generation: -1,
            ..
        } => Some((at, *offset)),
        _ => None,
    });
    stored.collect()
}

fn failures(report: &Report) -> Vec<(u64, String)> {
    let failed = group_facts(report).filter_map(|(at, fact)| match fact {
        GroupFact::CommitFailed { exception, .. } => Some((at, exception.to_string())),
        _ => None,
    });
    failed.collect()
}

#[test]
fn cc3_who_names_its_partitions_itself_commits_for_a_group_without_joining_it() {
    let report = played(
        "40s",
        "",
        "consumers: {a: {topics: [t], assign: t-1, config: {group.id: g}}}\n\
         timeline: [{at: 20s, for: 5s, crash: a}]\n",
    );
    let no_member = group_facts(&report).all(|(_, fact)| {
        !matches!(
            fact,
            GroupFact::Changed { .. } | GroupFact::PartitionsAssigned { .. }
        )
    });
    assert!(no_member, "nobody has joined");
    let groups = report.view().groups();
    assert_eq!((groups[0].state, groups[0].members.len()), ("Empty", 0));
    let table = kafka_consumer_groups_describe(&report.view());
    assert!(table.contains("# Consumer group 'g' has no active members.\n"));
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("g "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let [row] = &rows[..] else {
        panic!("one partition was committed: {table}");
    };
    assert_eq!((row[1], row[2]), ("t", "1"));
    assert_eq!(row[6..], ["-", "-", "-"]);
    // What it reads again it has read since its last commit.
    let resumed: Vec<i64> = group_facts(&report)
        .filter_map(|(_, fact)| match fact {
            GroupFact::Resumed { offset, .. } => Some(*offset),
            _ => None,
        })
        .collect();
    let before = commits(&report).into_iter().rfind(|(at, _)| *at < 20_000);
    assert_eq!(resumed, [before.expect("it has committed").1]);
    assert!(resumed[0] > 0);
    let of_others = report.trace.iter().any(
        |entry| matches!(&entry.fact, Fact::Consumed { partition, .. } if partition.partition != 1),
    );
    assert!(!of_others, "the other partition is nobody's");
}

/// Where an application says itself where it begins, nobody is asked before the first commit.
#[test]
fn cc3_who_seeks_looks_for_the_coordinator_when_it_commits() {
    let report = played(
        "20s",
        "",
        "consumers: {a: {topics: [t], assign: all partitions, start: 10s, seek: 3, processing: 100ms, \
         commit: sync after, config: {group.id: g, enable.auto.commit: false}}}\n",
    );
    let commits = commits(&report);
    assert!(commits.iter().all(|(_, offset)| *offset >= 3));
    assert!(commits.iter().any(|(_, offset)| *offset > 3));
    // The first poll gave it records for some seconds, and only then somebody asks for the topic of groups.
    let made = report.trace.iter().find(|entry| {
        matches!(&entry.fact, Fact::BecameLeader { partition, .. }
            if &*partition.topic == "__consumer_offsets")
    });
    let made = made.expect("groups are kept somewhere").time.0 / 1_000_000;
    assert!((12_000..=commits[0].0).contains(&made), "{made}");
    let begins: Vec<i64> = report
        .trace
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::PositionSet { offset, .. } => Some(*offset),
            _ => None,
        })
        .collect();
    assert_eq!(begins, [3, 3]);
    assert_eq!(failures(&report), []);
}

/// Nobody commits for it, or its library does.
#[test]
fn who_commits_nothing_is_not_told_to_commit() {
    let lines = |config: &str| {
        let consumers = format!(
            "consumers: {{a: {{topics: [t], assign: t-0, config: {{group.id: g{config}}}}}}}\n"
        );
        let report = played("10s", "", &consumers);
        let told = transcript(&report.trace, Style::default());
        let line = told.lines().find(|line| line.contains("assigns itself"));
        let line = line.expect("it assigns").to_owned();
        (line, commits(&report).len())
    };
    let (line, commits) = lines(", enable.auto.commit: false");
    assert!(
        line.ends_with(
            "assigns itself t-0, begins where group g has committed (unless it seeks), and commits nothing itself"
        ),
        "{line}"
    );
    assert_eq!(commits, 0);
    let (line, commits) = lines("");
    assert!(
        line.ends_with("is to commit for group g, of which it is no member"),
        "{line}"
    );
    assert!(commits > 0);
}

#[test]
fn cc51_a_group_with_members_takes_no_commit_of_who_is_none() {
    let report = played(
        "30s",
        "",
        "consumers:\n  a: {topics: [t], config: {group.id: g}}\n  \
         b: {topics: [t], start: 15s, assign: t-0, commit: sync after, \
         config: {group.id: g, enable.auto.commit: false}}\n",
    );
    assert_eq!(commits(&report), []);
    let failed = failures(&report);
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|(_, it)| it == "CommitFailedException"));
}

fn exceptions(report: &Report) -> Vec<(u64, &str)> {
    let thrown = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::ConsumerError { exception, .. } => Some((entry.time.0 / 1_000_000, &**exception)),
        _ => None,
    });
    thrown.collect()
}

/// Its application polls again whatever is thrown, until another consumer of its group has committed.
#[test]
fn cc34_who_has_no_policy_reads_on_from_what_another_commits() {
    let report = played(
        "12s",
        "",
        "consumers:\n  a: {topics: [t], assign: t-0, start: 2s, config: {group.id: g}}\n  \
         b: {topics: [t], assign: t-0, start: 3s, config: {group.id: g, auto.offset.reset: none}}\n",
    );
    let [(thrown, "NoOffsetForPartitionException")] = exceptions(&report)[..] else {
        panic!("told once: {:?}", exceptions(&report));
    };
    assert!((3_000..4_500).contains(&thrown), "{thrown}");
    let (committed, offset) = commits(&report)[0];
    assert!(committed > thrown + 1_000, "{committed}");
    let mut read = report.trace.iter().filter_map(|entry| match entry.fact {
        Fact::Consumed { offset, .. } if &*entry.node == "b" => {
            Some((entry.time.0 / 1_000_000, offset))
        }
        _ => None,
    });
    let (at, first) = read.next().expect("it reads on");
    assert_eq!(first, offset);
    assert!((committed..committed + 1_000).contains(&at), "{at}");
}

#[test]
fn cc34_who_names_its_partitions_and_has_neither_group_nor_policy_is_told() {
    let report = played(
        "12s",
        "",
        "consumers: {a: {topics: [t], assign: t-1, config: {auto.offset.reset: none}}}\n",
    );
    let thrown = exceptions(&report);
    assert!(
        matches!(thrown[..], [(_, "NoOffsetForPartitionException")]),
        "{thrown:?}"
    );
}

/// Of one partition somebody has committed, of the other nobody has: `poll` throws before it fetches, so that neither is
/// read, by whom its group gives both or who names both.
#[test]
fn cc34_one_partition_without_a_position_holds_up_all_that_have_one() {
    for assign in ["", "assign: [t-0, t-1], "] {
        let report = played(
            "40s",
            "",
            &format!(
                "consumers:\n  a: {{topics: [t], assign: t-0, stop: 10s, config: {{group.id: g}}}}\n  \
                 b: {{topics: [t], start: 12s, {assign}\
                 config: {{group.id: g, auto.offset.reset: none}}}}\n  \
                 c: {{topics: [t], assign: t-1, start: 20s, config: {{group.id: g}}}}\n"
            ),
        );
        let thrown = exceptions(&report);
        assert_eq!(thrown.len(), 1, "told once: {thrown:?}");
        assert!((12_000..17_000).contains(&thrown[0].0), "{thrown:?}");
        let of_one = report.trace.iter().any(|entry| {
            matches!(&entry.fact, Fact::ConsumerError { partition, .. } if partition.partition == 1)
        });
        assert!(of_one, "of the one that has none");
        let read = report.trace.iter().filter_map(|entry| match &entry.fact {
            Fact::Consumed { partition, .. } if &*entry.node == "b" => {
                Some((entry.time.0 / 1_000_000, partition.partition))
            }
            _ => None,
        });
        let read: Vec<(u64, i32)> = read.collect();
        let committed_for_one = group_facts(&report).find_map(|(at, fact)| match fact {
            GroupFact::OffsetCommitted { partition, .. } if partition.partition == 1 => Some(at),
            _ => None,
        });
        // A group with a member takes no commit of `c`.
        assert_eq!(committed_for_one.is_some(), !assign.is_empty());
        match committed_for_one {
            None => assert_eq!(read, []),
            Some(at) => {
                assert!(read[0].0 >= at, "{at}: {:?}", read[0]);
                for partition in [0, 1] {
                    assert!(read.iter().any(|it| it.1 == partition));
                }
            }
        }
    }
}

/// It has fetched more than it was given when a third partition is found: that stays where it is.
#[test]
fn cc34_what_was_fetched_is_not_given_while_another_partition_has_no_position() {
    let report = played(
        "40s",
        "",
        "consumers:\n  a: {topics: [t], assign: [t-0, t-1], stop: 10s, config: {group.id: g}}\n  \
         b: {topics: [t], assign: all partitions, start: 12s, processing: 500ms, config: {group.id: g, \
         auto.offset.reset: none, max.poll.records: 1, metadata.max.age.ms: 2000}}\n\
         timeline: [{at: 20s, create partitions: t, partitions: 3}]\n",
    );
    let of_b = report.trace.iter().filter(|it| &*it.node == "b");
    let facts: Vec<&Fact> = of_b.map(|entry| &entry.fact).collect();
    let is_thrown = |fact: &&Fact| matches!(fact, Fact::ConsumerError { .. });
    let thrown = facts.iter().position(is_thrown).expect("it is thrown");
    let reads = |facts: &[&Fact]| {
        let is_read = |fact: &&&Fact| matches!(fact, Fact::Consumed { .. });
        facts.iter().filter(is_read).count()
    };
    assert!(reads(&facts[..thrown]) > 10);
    assert_eq!(reads(&facts[thrown..]), 0);
}

/// The coordinator's broker is stopped just before the consumer is: it looks for another one, and commits.
#[test]
fn cc56_the_last_commit_of_who_is_no_member_is_waited_for() {
    let report = played(
        "40s",
        "",
        "consumers: {a: {topics: [t], assign: all partitions, stop: 24s, \
         config: {group.id: g, auto.commit.interval.ms: 60000}}}\n\
         timeline: [{at: 23s, crash: leader of __consumer_offsets-0}]\n",
    );
    let (at, _) = *commits(&report).last().expect("it has committed");
    assert!(at > 24_000, "{at}");
    let ended = report
        .trace
        .iter()
        .find(|entry| matches!(entry.fact, Fact::Exiting { status: 0, .. }) && &*entry.node == "a");
    let ended = ended.expect("it ends").time.0 / 1_000_000;
    assert!((at..at + 1_000).contains(&ended), "{at}, {ended}");
}

const LOSES_ITS_COORDINATOR_TWICE: &str = "timeline:
  - {at: 20s, for: 5s, stop: leader of __consumer_offsets-0}
  - {at: 35s, for: 5s, stop: leader of __consumer_offsets-0}
";

/// The first time a commit looks for the new coordinator, and what is answered stays: the second time nobody looks, and
/// commits fail without having been sent, though all brokers live.
#[test]
fn cb6_a_kept_answer_has_commits_fail_once_the_coordinator_is_lost_again() {
    let config = "config: {group.id: g, enable.auto.commit: false}";
    let consumers = |commit: &str| {
        format!(
            "consumers: {{a: {{topics: [t], assign: all partitions, commit: {commit}, {config}}}}}\n\
             {LOSES_ITS_COORDINATOR_TWICE}"
        )
    };
    let last = |report: &Report| commits(report).last().expect("it has committed").0;

    let today = played("60s", "", &consumers("async after"));
    assert!(last(&today) > 59_000);
    assert!(failures(&today).iter().all(|(at, _)| *at < 40_000));

    let kept = played("60s", "coordinator_lookup=kept", &consumers("async after"));
    assert!((30_000..36_000).contains(&last(&kept)), "{}", last(&kept));
    let failed = failures(&kept);
    let in_vain = failed.iter().filter(|(at, _)| *at > 41_000);
    assert!(in_vain.count() > 100, "each commit fails");
    assert!(
        failed
            .iter()
            .all(|(_, it)| it == "RetriableCommitFailedException")
    );

    // Who waits for its commits asks anew, then as now.
    let waits = played("60s", "coordinator_lookup=kept", &consumers("sync after"));
    assert!(last(&waits) > 59_000);
}
