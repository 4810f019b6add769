//! Groups of consumers in whole clusters: who coordinates them, and what stays when that broker is gone.

use kafka_trial::node::view::ClusterView;
use kafka_trial::protocol::{ErrorCode, Fact, GroupFact};
use kafka_trial::report::{Account, Ending, summary, tables};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use kafka_trial::trace::{Style, transcript};
use std::collections::BTreeMap;

fn played(text: &str) -> Report {
    let report = ended(text);
    assert!(report.held(), "{:?}", report.violations);
    report
}

/// Whatever it came to.
fn ended(text: &str) -> Report {
    let text = format!("format: 1\nname: test\nabout: A group.\n{text}");
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    run(&plan, 1).unwrap_or_else(|error| panic!("{error}"))
}

fn group_facts(report: &Report) -> impl Iterator<Item = (&str, &GroupFact)> {
    report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Group(fact) => Some((&*entry.node, fact)),
        _ => None,
    })
}

const CLIENTS: &str = "topics: {positions: {partitions: 4, replication.factor: 2}}\n\
    producers: {truck: {topic: positions, every: 500ms}}\n\
    consumers: {a: {topics: [positions], config: {group.id: g}}, b: {topics: [positions], config: {group.id: g}}}\n";

#[test]
fn cg4_cg5_the_topic_of_groups_is_made_when_somebody_asks_for_a_coordinator() {
    let report = played(&format!(
        "duration: 40s\ncluster: {{brokers: 3, config: {{auto.create.topics.enable: false}}}}\n{CLIENTS}"
    ));
    let described = report.view().described().expect("brokers run");
    let mut topics = described.topics.iter();
    let found = topics.find(|topic| &*topic.name == "__consumer_offsets");
    let found = found.expect("it was made");
    assert_eq!((found.partition_count, found.replication_factor), (50, 3));
    let assigned = group_facts(&report).filter(|(_, fact)| {
        matches!(fact, GroupFact::PartitionsAssigned { partitions, .. } if partitions.len() == 2)
    });
    assert_eq!(
        assigned.count(),
        2,
        "two partitions for each of two members"
    );
}

#[test]
fn cc3_who_names_its_partitions_itself_looks_for_no_coordinator() {
    let alone = played(
        "duration: 20s\ncluster: {brokers: 3}\ntopics: {positions: {}}\n\
         consumers: {a: {topics: [positions]}}\n",
    );
    let described = alone.view().described().expect("brokers run");
    let names: Vec<&str> = described.topics.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["positions"], "nobody asks for a coordinator");
}

#[test]
fn cg6_without_enough_brokers_no_group_has_a_coordinator() {
    let read = "expect: [every acknowledged record is read]\n";
    for (cluster, replicas) in [
        ("brokers: 2", 3),
        (
            "brokers: 3, config: {offsets.topic.replication.factor: 5}",
            5,
        ),
    ] {
        let report = ended(&format!(
            "duration: 40s\ncluster: {{{cluster}}}\n{CLIENTS}{read}"
        ));
        assert!(report.violations.is_empty(), "{:?}", report.violations);
        let facts: Vec<_> = group_facts(&report).collect();
        let is_refusal = |(_, fact): &(&str, &GroupFact)| {
            matches!(fact, GroupFact::TopicRefused {
                group, client, replication_factor, error: ErrorCode::InvalidReplicationFactor,
            } if &**group == "g" && ["a", "b"].contains(&&**client) && *replication_factor == replicas)
        };
        assert!(facts.iter().all(is_refusal), "{facts:?}");
        let mut tellers: Vec<&str> = facts.iter().map(|(node, _)| *node).collect();
        tellers.dedup();
        assert_eq!(tellers.len(), facts.len(), "each broker says it once");
        let told = transcript(&report.trace, Style::default());
        let lines: Vec<&str> = told
            .lines()
            .filter(|line| line.contains("cannot make __consumer_offsets"))
            .collect();
        let [line] = lines[..] else {
            panic!("{lines:?}");
        };
        for part in [
            &format!("{replicas} replicas (offsets.topic.replication.factor)"),
            "INVALID_REPLICATION_FACTOR",
            " of group g asks for it, is told COORDINATOR_NOT_AVAILABLE",
        ] {
            assert!(line.contains(part), "{line}");
        }
        let outcomes: Vec<String> = report.outcomes.iter().map(ToString::to_string).collect();
        assert_eq!(
            outcomes,
            [
                "FAILED: every acknowledged record is read — group g read 0 of them: it never got a partition"
            ]
        );
        let described = report.view().described().expect("brokers run");
        let names: Vec<&str> = described.topics.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["positions"]);
    }
}

#[test]
fn cg6_a_group_whose_topic_could_not_be_made_forms_once_there_are_brokers_enough() {
    let report = played(
        "duration: 90s\ncluster: {brokers: 3}\ntopics: {t: {assignment: [[1, 2]]}}\n\
         producers: {p: {topic: t, start: 2s, stop: 85s}}\n\
         consumers: {c: {topics: [t], start: 40s, config: {group.id: g}}}\n\
         timeline: [{at: 10s, crash: broker-3}, {at: 60s, restart: broker-3}]\n\
         expect: [every acknowledged record is read]\n",
    );
    assert!(!report.outcomes[0].failed(), "{}", report.outcomes[0]);
    let told = transcript(&report.trace, Style::default());
    assert_eq!(told.matches("cannot make __consumer_offsets").count(), 1);
    let assigned =
        group_facts(&report).any(|(_, fact)| matches!(fact, GroupFact::PartitionsAssigned { .. }));
    assert!(assigned);
}

/// As real Kafka did: no turn of the loop waits, so that commits pile up at the member faster than its coordinator stores
/// them, and what is stored is older and older. (With 1 GB of memory the real one was at its end after half a minute.)
#[test]
fn cc52_with_an_interval_of_0_commits_pile_up_and_what_is_stored_is_old() {
    let ages = |interval: &str| {
        let clients = CLIENTS.replace(
            "group.id: g",
            &format!("group.id: g, auto.commit.interval.ms: {interval}"),
        );
        let report = played(&format!(
            "duration: 15s\ncluster: {{brokers: 3}}\n{clients}"
        ));
        let mut read = BTreeMap::new();
        let mut ages = Vec::new();
        for entry in &report.trace {
            if let Fact::Consumed {
                partition, offset, ..
            } = &entry.fact
            {
                read.insert((partition.clone(), *offset + 1), entry.time);
            }
            if let Fact::Group(GroupFact::OffsetCommitted {
                partition, offset, ..
            }) = &entry.fact
                && let Some(when) = read.get(&(partition.clone(), *offset))
            {
                // The next record is read half a second later, and another is committed then.
                ages.push(entry.time.since(*when).as_millis());
            }
        }
        ages
    };
    let (all_the_time, each_second) = (ages("0"), ages("1000"));
    assert!(all_the_time.len() > 5_000 && each_second.len() < 200);
    assert!(
        each_second.iter().all(|age| *age < 1_100),
        "{each_second:?}"
    );
    assert!(
        all_the_time.last() > Some(&2_000),
        "{:?}",
        all_the_time.last()
    );
}

#[test]
fn cg41_cg42_cg43_the_next_coordinator_knows_the_group_of_one_that_is_gone() {
    // Partition 3 of __consumer_offsets is where group g is.
    let crash = |broker: u32| {
        played(&format!(
            "duration: 60s\ncluster: {{brokers: 3}}\n{CLIENTS}timeline: [{{at: 30s, crash: broker-{broker}}}]\n"
        ))
    };
    let mut moved = 0;
    for broker in 1..=3 {
        let report = crash(broker);
        let mut generations = Vec::new();
        let mut coordinators: Vec<&str> = Vec::new();
        for (node, fact) in group_facts(&report) {
            match fact {
                GroupFact::Changed { generation, .. } => generations.push(*generation),
                GroupFact::Loaded { groups, .. } if !groups.is_empty() => {
                    assert_eq!(groups.len(), 1);
                    moved += 1;
                }
                GroupFact::OffsetCommitted { .. } if coordinators.last() != Some(&node) => {
                    coordinators.push(node);
                }
                _ => {}
            }
        }
        assert_eq!(
            generations.last(),
            Some(&1),
            "nobody has to join again: {generations:?}"
        );
        assert!(coordinators.len() <= 2, "{coordinators:?}");
    }
    assert_eq!(moved, 1, "of three brokers one was the coordinator");
}

#[test]
fn a_coordinator_is_named_by_the_partition_that_it_leads() {
    let text = format!(
        "duration: 60s\ncluster: {{brokers: 3, config: {{zookeeper.session.timeout.ms: 6000, \
         offsets.topic.num.partitions: 1}}}}\n{CLIENTS}\
         timeline: [{{at: 20s, for: 15s, crash: leader of __consumer_offsets-0}}]\n"
    );
    let report = played(&text);
    let crashed = report.trace.iter().find(|it| it.fact == Fact::Crashed);
    let crashed = crashed.expect("one was found").node.clone();
    let loads = group_facts(&report)
        .filter(|(_, fact)| matches!(fact, GroupFact::Loaded { groups, .. } if !groups.is_empty()));
    let next: Vec<&str> = loads.map(|(node, _)| node).collect();
    assert!(!next.is_empty() && *next[0] != *crashed, "{next:?}");

    let without = text.replace("config: {group.id: g}", "seek: 0");
    let without = format!("format: 1\nname: test\nabout: No group.\n{without}");
    let error = load("test.yaml", without.into_bytes(), &[]).expect_err("no such topic");
    assert!(error.to_string().contains("__consumer_offsets"), "{error}");
}

/// An empty segment stands where the log is far from: nothing is found on the way to its end (KAFKA-9065).
#[test]
fn cb8_reading_groups_ends_where_nothing_is_found_wherever_the_log_ends() {
    let report = played(
        "duration: 60s\ncluster: {brokers: 1, config: {offsets.topic.replication.factor: 1}}\n\
         topics: {positions: {partitions: 4}}\n\
         producers: {truck: {topic: positions, every: 500ms}}\n\
         consumers: {a: {topics: [positions], config: {group.id: g}}}\n\
         timeline:\n  - {at: 20s, stop: broker-1}\n  \
         - {at: 25s, write file: broker-1, file: data/__consumer_offsets-3/00000000000000009000.log, text: \"\"}\n  \
         - {at: 40s, restart: broker-1}\n",
    );
    let loaded = group_facts(&report).filter_map(|(_, fact)| match fact {
        GroupFact::Loaded { groups, .. } if !groups.is_empty() => Some(groups.len()),
        _ => None,
    });
    assert_eq!(loaded.collect::<Vec<_>>(), [1]);
    let after = report.trace.iter().filter(|entry| {
        let is_commit = matches!(entry.fact, Fact::Group(GroupFact::OffsetCommitted { .. }));
        is_commit && entry.time.as_millis() > 45_000
    });
    assert!(after.count() > 0, "the group goes on");
}

/// What is printed of the end.
fn tools(report: &Report) -> String {
    let told = Account::of(&report.trace, false);
    let view = report.view();
    tables(&Ending::of(report, &told, &view, "again"))
}

/// The tables are as what DescribeGroups answers.
#[test]
fn cg45_a_group_that_rebalances_has_no_assignor() {
    let of = |late: &str| {
        tools(&ended(&format!(
            "duration: 25s
cluster: {{brokers: 1, config: {{offsets.topic.replication.factor: 1}}}}
topics: {{t: {{partitions: 2, replication.factor: 1}}}}
producers: {{p: {{topic: t, every: 1s}}}}
consumers:
  busy: {{topics: [t], processing: 40s, config: {{group.id: g}}}}
  late: {{topics: [t], start: {late}, config: {{group.id: g}}}}
"
        )))
    };
    let row = |tables: &str| -> Vec<String> {
        assert!(!tables.contains("does not answer"), "{tables}");
        let row = tables.lines().last().unwrap_or_default();
        row.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(
        row(&of("25s"))[1..],
        ["broker-1:9092", "(1)", "range", "Stable", "1"]
    );
    assert_eq!(
        row(&of("20s"))[1..],
        ["broker-1:9092", "(1)", "PreparingRebalance", "2"]
    );
}

/// `ListGroups` goes to each broker, and one without an answer is the end of the tool.
#[test]
fn a_group_whose_coordinator_does_not_answer_is_missed() {
    let of = |crash: &str| {
        tools(&ended(&format!(
            "duration: 60s
cluster: {{brokers: 2, config: {{offsets.topic.num.partitions: 1, offsets.topic.replication.factor: 1}}}}
topics: {{t: {{assignment: [[1, 2]]}}}}
producers: {{p: {{topic: t, every: 1s}}}}
consumers:
  c: {{topics: [t], config: {{group.id: g}}}}
  d: {{topics: [t], config: {{group.id: h}}}}
timeline:
  - {{at: {crash}, crash: leader of __consumer_offsets-0}}
"
        )))
    };
    for (crash, said) in [
        (
            "58s",
            ", the coordinator, does not answer; the tool waits for it and fails (TimeoutException)\n",
        ),
        (
            "20s",
            "nobody tells of it, since __consumer_offsets-0, where it is kept, has no leader\n",
        ),
    ] {
        let after = of(crash);
        let list = "$ kafka-consumer-groups --list --state\n# group g and group h: ";
        assert!(after.contains(list) && after.contains(said), "{after}");
        assert!(
            after.contains("kafka-topics --describe --exclude-internal\n")
                && after.contains("kafka-get-offsets --exclude-internal-topics\n"),
            "{after}"
        );
    }
}

/// Its one broker loses its power, and with it what it had not written to its disk.
const POWER_FAILS: &str = "duration: 80s\n\
    cluster: {brokers: 1, config: {offsets.topic.num.partitions: 1, offsets.topic.replication.factor: 1}}\n\
    topics: {t: {}}\n\
    producers: {p: {topic: t, every: 200ms, stop: 18s}}\n\
    consumers: {a: {topics: [t], assign: t-0, stop: 19s, config: {group.id: g}}}\n\
    timeline: [{at: 20s, power failure: broker-1, for: 25s}, {at: 60s, describe group: g}]\n";

#[test]
fn a_commit_that_is_lost_with_the_power_counts_in_no_lag() {
    let ended = |seed: u64, lag: &str| {
        let text = format!(
            "format: 1\nname: test\nabout: A group.\n{POWER_FAILS}\
             expect: [\"acknowledged records lost: at least 0\", \"lag of group g at the end: {lag}\"]\n"
        );
        let loaded = load("test.yaml", text.into_bytes(), &[]);
        let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
        run(&plan, seed).unwrap_or_else(|error| panic!("{error}"))
    };
    let mut lost = 0;
    for seed in 1..=8 {
        let report = ended(seed, "at least 0");
        let (account, view) = (Account::of(&report.trace, false), report.view());
        let told = summary(
            &Ending::of(&report, &account, &view, "again"),
            Style::default(),
            false,
        );
        let row = told
            .lines()
            .find(|line| line.starts_with("g    ") && line.contains(" t "));
        let lags = told.lines().find(|line| line.starts_with("group g  "));
        let (lags, _) = lags.expect("lags").split_once("   most").expect("the most");
        let Some(row) = row else {
            assert!(lags.ends_with(" -"), "all commits are lost: {told}");
            continue;
        };
        let cells: Vec<&str> = row.split_whitespace().collect();
        let [committed, _, lag] = cells[3..6] else {
            panic!("{told}");
        };
        // Who has committed more than there is, as the tool shows it below zero, is not behind.
        let lag = if lag.starts_with('-') { "0" } else { lag };
        assert!(ended(seed, lag).held(), "{told}");
        assert!(lags.ends_with(&format!(" {lag}")), "{told}");
        // All 80 were acknowledged.
        lost += u32::from(committed != "80");
    }
    assert!(lost > 2, "{lost}");
}
