//! Members of groups in whole clusters: what a consumer does as it joins, reads, commits, is given up, and finds
//! its coordinator again. Rules CC36 to CC56, CX4 to CX8 of the table of rules, where they have a row.

use kafka_trial::node::view::{ClusterView, GroupView};
use kafka_trial::protocol::{ApplicationFact, Fact, GroupFact, OwnerThen, RebalanceReason};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use kafka_trial::trace::{Style, transcript};
use std::collections::BTreeMap;

/// Three brokers, six partitions, six trucks that send a position a second each, and these consumers.
fn fleet(duration: &str, rest: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: A group.\nduration: {duration}\ncluster: {{brokers: 3}}\n\
         topics: {{t: {{partitions: 6, replication.factor: 3}}}}\n\
         producers: {{truck: {{count: 6, topic: t, key: truck_id, every: 1s}}}}\n{rest}"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    report
}

fn member(name: &str, more: &str) -> String {
    format!("  {name}: {{topics: [t], {more}config: {{group.id: g}}}}\n")
}

/// What members were given: millisecond, member, generation, how many partitions.
fn given(report: &Report) -> Vec<(u64, String, i32, usize)> {
    let given = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::PartitionsAssigned {
            generation,
            partitions,
            ..
        }) => Some((
            entry.time.0 / 1_000_000,
            entry.node.to_string(),
            *generation,
            partitions.len(),
        )),
        _ => None,
    });
    given.collect()
}

/// How often each record was read, by partition and offset.
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

fn group(report: &Report) -> GroupView {
    let mut groups = report.view().groups();
    assert_eq!(groups.len(), 1, "{groups:?}");
    groups.remove(0)
}

/// CX4: the second waits for the first to hear of it; nothing is read twice, since the first commits before
/// it gives anything up (CC45).
#[test]
fn cx4_a_second_member_gets_its_half_once_the_first_has_heard_of_it() {
    let consumers = format!(
        "consumers:\n{}{}",
        member("a", ""),
        member("b", "start: 20s, ")
    );
    let report = fleet("40s", &consumers);
    let given = given(&report);
    let of = |name: &str| -> Vec<(i32, usize)> {
        let of_one = given.iter().filter(|(_, member, ..)| member == name);
        of_one
            .map(|(_, _, generation, n)| (*generation, *n))
            .collect()
    };
    assert_eq!(of("a"), [(1, 6), (2, 3)]);
    assert_eq!(of("b"), [(2, 3)]);
    let joined = given
        .iter()
        .find(|(_, member, ..)| member == "b")
        .unwrap()
        .0;
    // A heartbeat comes every 3 s, and with it the news.
    assert!((20_000..23_100).contains(&joined), "{joined}");
    assert!(reads(&report).values().all(|times| *times == 1));
}

/// CX6: who is told to stop commits and says farewell; the others need not wait for its session.
#[test]
fn cx6_a_member_that_leaves_is_replaced_at_the_next_heartbeat_and_nothing_is_read_twice() {
    let consumers = format!(
        "consumers:\n{}{}",
        member("a", ""),
        member("b", "stop: 25s, ")
    );
    let report = fleet("40s", &consumers);
    let given = given(&report);
    let (at, last, generation, partitions) = given.last().unwrap();
    assert_eq!((last.as_str(), *generation, *partitions), ("a", 2, 6));
    assert!((25_000..28_100).contains(at), "{at}");
    assert!(reads(&report).values().all(|times| *times == 1));
    assert!(
        report
            .trace
            .iter()
            .any(|entry| &*entry.node == "b"
                && matches!(entry.fact, Fact::Exiting { status: 0, .. }))
    );
}

/// CX7: a member that crashes is missed for its session's time-out, and what it had read since its last
/// commit is read again.
#[test]
fn cx7_a_crashed_member_is_missed_for_its_session_and_its_last_records_are_read_twice() {
    let consumers = format!("consumers:\n{}{}", member("a", ""), member("b", ""));
    let report = fleet(
        "80s",
        &format!("{consumers}timeline: [{{at: 24s, crash: b}}]\n"),
    );
    let given = given(&report);
    let (at, last, _, partitions) = given.last().unwrap();
    assert_eq!((last.as_str(), *partitions), ("a", 6));
    // Its last heartbeat was at most 3 s old.
    assert!((66_000..72_100).contains(at), "{at}");
    let twice = reads(&report).values().filter(|times| **times == 2).count();
    // Up to an auto.commit.interval.ms of six trucks, less those whose key is elsewhere.
    assert!((1..=30).contains(&twice), "{twice}");
}

/// CC43: who does not come back to `poll` in time is out, though its heartbeats go on.
#[test]
fn cc43_a_member_that_is_too_slow_leaves_and_joins_again_as_another() {
    let slow =
        "  b: {topics: [t], processing: 2s, config: {group.id: g, max.poll.interval.ms: 10000}}\n";
    let consumers = format!("consumers:\n{}{slow}", member("a", ""));
    let report = fleet("60s", &consumers);
    let lost = report.trace.iter().filter(|entry| {
        &*entry.node == "b" && matches!(&entry.fact, Fact::Group(GroupFact::PartitionsLost { .. }))
    });
    assert!(lost.count() > 0);
    let alone = given(&report);
    assert!(
        alone
            .iter()
            .any(|(_, member, _, n)| member == "a" && *n == 6),
        "{alone:?}"
    );
}

/// CX8: another broker reads what the first had stored. The generation goes on, nobody joins again.
#[test]
fn cc37_cx8_a_group_goes_on_in_its_generation_when_its_coordinator_is_gone() {
    let consumers = format!("consumers:\n{}{}", member("a", ""), member("b", ""));
    let coordinator = group(&fleet("30s", &consumers)).coordinator;
    let timeline = format!("timeline: [{{at: 30s, crash: broker-{coordinator}}}]\n");
    let report = fleet("90s", &format!("{consumers}{timeline}"));
    let generations: Vec<i32> = given(&report).iter().map(|(_, _, g, _)| *g).collect();
    assert_eq!(generations, [1, 1]);
    let after = group(&report);
    assert_ne!(after.coordinator, coordinator);
    assert_eq!((after.state, after.members.len()), ("Stable", 2));
    // Commits go on with it: what lags is what an interval brings.
    let committed: i64 = after.committed.values().sum();
    let read = reads(&report).len() as i64;
    assert!(
        committed > 0 && read - committed <= 60,
        "{committed} of {read}"
    );
}

/// CC34: two groups read the same records, each all of them.
#[test]
fn each_group_reads_everything_and_members_of_one_share() {
    let consumers = format!(
        "consumers:\n{}{}  other: {{topics: [t], config: {{group.id: h}}}}\n",
        member("a", ""),
        member("b", "")
    );
    let report = fleet("40s", &consumers);
    assert!(reads(&report).values().filter(|times| **times == 2).count() > 100);
    assert!(reads(&report).values().all(|times| *times <= 2));
    let groups = report.view().groups();
    let members: Vec<usize> = groups.iter().map(|group| group.members.len()).collect();
    assert_eq!(members, [2, 1]);
}

/// CC60 and what contradicts itself is refused where it stands.
#[test]
fn cc60_what_only_members_do_is_refused_of_others() {
    let refused = |consumer: &str| {
        let text = format!(
            "format: 1\nname: test\nabout: A.\nduration: 9s\ncluster: {{brokers: 1}}\n\
             topics: {{t: {{}}}}\nconsumers: {{c: {{topics: [t], {consumer}}}}}\n"
        );
        match load("s.yaml", text.into_bytes(), &[]) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{consumer} is taken"),
        }
    };
    for (consumer, found, expected) in [
        (
            "commit: after",
            "a commit without a group",
            "a group.id in config",
        ),
        (
            "processing: 1s",
            "a time for a consumer without a group",
            "a group.id in config",
        ),
        (
            "commit: before, config: {group.id: g}",
            "a commit beside those of the library",
            "enable.auto.commit: false",
        ),
        (
            "seek: 4, config: {group.id: g}",
            "an offset for a member of a group",
            "auto.offset.reset",
        ),
        (
            "config: {group.id: g, heartbeat.interval.ms: 45000}",
            "45000",
            "less than session.timeout.ms, which is 45000",
        ),
        (
            "config: {group.id: g, partition.assignment.strategy: Best}",
            "Best",
            "org.apache.kafka.clients.consumer.RangeAssignor",
        ),
        (
            "commit: sometimes, config: {group.id: g}",
            "sometimes",
            "before",
        ),
    ] {
        let error = refused(consumer);
        assert!(error.contains(found) && error.contains(expected), "{error}");
        assert!(error.starts_with("error: s.yaml:7:"), "{error}");
    }
}

/// Who shares no assignor with the others is refused, and so is the earlier of two with one
/// `group.instance.id`: `poll` throws, and an application that catches nothing ends.
#[test]
fn who_may_not_be_a_member_ends() {
    let ends = |consumers: &str| -> Vec<(String, String)> {
        let report = fleet("40s", &format!("consumers:\n{consumers}"));
        let ended = report.trace.iter().filter_map(|entry| match &entry.fact {
            Fact::Exiting { status: 1, why } => Some((entry.node.to_string(), why.to_string())),
            _ => None,
        });
        ended.collect()
    };
    let robin = "org.apache.kafka.clients.consumer.RoundRobinAssignor";
    let stranger = format!(
        "  b: {{topics: [t], start: 20s, config: {{group.id: g, partition.assignment.strategy: {robin}}}}}\n"
    );
    assert_eq!(
        ends(&(member("a", "") + &stranger)),
        [(
            "b".to_owned(),
            "poll threw InconsistentGroupProtocolException".to_owned()
        )]
    );
    let twin = |name: &str, start: &str| {
        format!("  {name}: {{topics: [t], {start}config: {{group.id: g, group.instance.id: i}}}}\n")
    };
    assert_eq!(
        ends(&(twin("a", "") + &twin("b", "start: 20s, "))),
        [(
            "a".to_owned(),
            "poll threw FencedInstanceIdException".to_owned()
        )]
    );
}

/// CC56: the application's listener runs all the same, and the transcript does not say that anything is given back.
#[test]
fn cc56_a_static_member_that_stops_stays_the_owner_of_its_partitions() {
    let stopped = |config: &str| {
        let report = fleet(
            "40s",
            &format!(
                "consumers:\n  a: {{topics: [t], stop: 20s, config: {{group.id: g{config}}}}}\n"
            ),
        );
        let stay = report.trace.iter().find_map(|entry| match &entry.fact {
            Fact::Group(GroupFact::PartitionsRevoked { owner_then, .. }) => Some(*owner_then),
            _ => None,
        });
        let told = transcript(&report.trace, Style::default());
        let back = told.contains(" back to group g");
        (stay, back, told.contains("group g is told nothing"))
    };
    assert_eq!(stopped(""), (Some(OwnerThen::Nobody), true, false));
    let is_static = ", group.instance.id: i";
    assert_eq!(stopped(is_static), (Some(OwnerThen::Itself), false, true));
}

/// Of two with one `group.instance.id` the earlier is fenced: first `poll` throws, then it closes, and whoever came has
/// its partitions.
#[test]
fn a_fenced_member_throws_before_it_closes_and_is_no_owner_any_more() {
    let twin = |name: &str, start: &str| {
        format!("  {name}: {{topics: [t], {start}config: {{group.id: g, group.instance.id: i}}}}\n")
    };
    let consumers = twin("a", "") + &twin("b", "start: 20s, ");
    let report = fleet("40s", &format!("consumers:\n{consumers}"));
    let told: Vec<String> = report
        .trace
        .iter()
        .filter(|entry| *entry.node == *"a")
        .filter_map(|entry| match &entry.fact {
            Fact::Group(GroupFact::Failed { exception, .. }) => Some(exception.to_string()),
            Fact::Group(GroupFact::PartitionsRevoked { owner_then, .. }) => {
                Some(format!("{owner_then:?}"))
            }
            Fact::Exiting { .. } => Some("ends".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["FencedInstanceIdException", "Another", "ends"]);
}

/// CX10: nobody but the leader's own metadata tells it that its topic has grown; it has all join again, and says why.
#[test]
fn cc44_cx10_the_leader_has_its_group_join_again_when_the_topic_has_grown() {
    let young = |name: &str| {
        format!("  {name}: {{topics: [t], config: {{group.id: g, metadata.max.age.ms: 5000}}}}\n")
    };
    let report = fleet(
        "40s",
        &format!(
            "consumers:\n{}{}timeline: [{{at: 20s, create partitions: t, partitions: 8}}]\n",
            young("a"),
            young("b")
        ),
    );
    let last: Vec<_> = given(&report).into_iter().filter(|it| it.2 == 2).collect();
    let partitions: usize = last.iter().map(|(.., n)| n).sum();
    assert_eq!((last.len(), partitions), (2, 8), "{last:?}");
    assert!(
        last.iter().all(|(at, ..)| (20_000..29_000).contains(at)),
        "{last:?}"
    );
    let said = report.trace.iter().find_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::Changed { why, .. }) => match why.as_deref() {
            Some(RebalanceReason::MemberRejoined { said, .. }) => Some(said.to_string()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(said.as_deref(), Some("cached metadata has changed"));
}

/// CC5, CC11: a poll gives out what is there, up to max.poll.records, and the rest at the next. CC12, CC14: what is
/// buffered when its partition goes is dropped, and read by who gets it from where the first had handed out.
#[test]
fn cc5_cc11_cc12_cc14_what_is_buffered_is_given_out_in_portions_or_left_to_the_next_reader() {
    let slow = |name: &str, start: &str| {
        format!(
            "  {name}: {{topics: [t], start: {start}, processing: 20ms, \
             config: {{group.id: g, max.poll.records: 5}}}}\n"
        )
    };
    let report = fleet(
        "60s",
        &format!("consumers:\n{}{}", slow("a", "20s"), slow("b", "24s")),
    );
    let mut portions: BTreeMap<u64, usize> = BTreeMap::new();
    for entry in &report.trace {
        if let Fact::Consumed { .. } = entry.fact {
            *portions.entry(entry.event).or_default() += 1;
        }
    }
    assert_eq!(portions.values().max(), Some(&5));
    assert!(reads(&report).values().all(|times| *times == 1));
    let of_b = report.trace.iter().filter(|entry| &*entry.node == "b");
    assert!(
        of_b.filter(|entry| matches!(entry.fact, Fact::Consumed { .. }))
            .count()
            > 20
    );
}

/// Its coordinator can store nothing, since it is alone: each round fails, and the next begins `retry.backoff.ms` later.
#[test]
fn cc41_a_round_that_failed_is_tried_again_after_a_pause() {
    let text = "format: 1\nname: test\nabout: A group.\nduration: 40s\n\
        cluster: {brokers: 3, config: {min.insync.replicas: 2, offsets.topic.num.partitions: 1, \
        zookeeper.session.timeout.ms: 6000, group.initial.rebalance.delay.ms: 0}}\n\
        topics: {t: {partitions: 6, replication.factor: 3}}\n\
        consumers:\n  a: {topics: [t], config: {group.id: g, enable.auto.commit: false}}\n  \
        b: {topics: [t], start: 25s, config: {group.id: g, enable.auto.commit: false}}\n\
        timeline: [{at: 12s, crash: followers of __consumer_offsets-0}]\n";
    let report = played(text);
    let begins = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::Changed { state, .. }) if **state == *"CompletingRebalance" => {
            Some(entry.time.0 / 1_000_000)
        }
        _ => None,
    });
    let begins: Vec<u64> = begins.filter(|at| *at > 32_000).collect();
    assert!(begins.len() > 20, "{begins:?}");
    let pauses = begins.windows(2).map(|two| two[1] - two[0]);
    let pauses: Vec<u64> = pauses.collect();
    assert!(
        pauses.iter().all(|it| (100..250).contains(it)),
        "{pauses:?}"
    );
}

/// A member whose broker is far away, and that works for as long as a fetch takes: it never waits.
#[test]
fn cc1_the_next_fetch_is_under_way_while_the_application_works() {
    let text = "format: 1\nname: test\nabout: A group.\nduration: 60s\n\
        cluster: {brokers: 1, config: {offsets.topic.replication.factor: 1}}\n\
        topics: {t: {partitions: 1}}\nproducers: {p: {topic: t, every: 100ms}}\n\
        consumers: {a: {topics: [t], processing: 80ms, config: {group.id: g}}}\n\
        timeline: [{at: 5s, slow link: a, to: broker-1, by: 200ms}]\n";
    let report = played(text);
    let polls = report.trace.iter().filter_map(|entry| match entry.fact {
        Fact::Consumed { .. } => Some(entry.time.0 / 1_000_000),
        _ => None,
    });
    let mut polls: Vec<u64> = polls.filter(|at| *at > 35_000).collect();
    polls.dedup();
    // One a fetch, and not one a fetch and what was to be worked off before.
    let rest = polls.windows(2).map(|two| two[1] - two[0]).max();
    assert!(rest < Some(600), "{polls:?}");
}

fn played(text: &str) -> Report {
    let loaded = load("test.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    run(&plan, 1).unwrap_or_else(|error| panic!("{error}"))
}

/// In a rebalance: all methods that are due are called, then `poll` throws. At the end: no farewell, and the others wait
/// for its session.
#[test]
fn cc47_what_a_listener_throws_comes_out_of_poll_and_keeps_close_from_saying_farewell() {
    let with = |member: &str, more: &str| {
        let strategy = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
        format!(
            "  {member}: {{topics: [t], {more}config: {{group.id: g, \
             partition.assignment.strategy: {strategy}}}}}\n"
        )
    };
    let play = |listener: &str, more_of_a: &str, more_of_b: &str, duration: &str| {
        let of_a = format!("listener: \"{listener}\", {more_of_a}");
        let consumers = with("a", &of_a) + &with("b", more_of_b);
        fleet(duration, &format!("consumers:\n{consumers}"))
    };
    let calls = |report: &Report| -> Vec<String> {
        let of_a = report.trace.iter().filter(|entry| &*entry.node == "a");
        let calls = of_a.filter_map(|entry| match &entry.fact {
            Fact::Group(GroupFact::PartitionsAssigned { partitions, .. }) => {
                Some(format!("assigned {}", partitions.len()))
            }
            Fact::Group(GroupFact::PartitionsRevoked { partitions, .. }) => {
                Some(format!("revoked {}", partitions.len()))
            }
            Fact::Application(ApplicationFact::ListenerThrew { .. }) => Some("throws".into()),
            Fact::Exiting { status, .. } => Some(format!("exits {status}")),
            _ => None,
        });
        calls.collect()
    };
    let late = "start: 20s, ";
    let revoked = "throws in onPartitionsRevoked";
    let caught = play(&format!("{revoked}, caught"), "", late, "40s");
    assert_eq!(
        calls(&caught),
        [
            "assigned 6",
            "revoked 3",
            "assigned 0",
            "throws",
            "assigned 0",
            "assigned 0"
        ],
        "as played with 3.9.1"
    );
    assert!(reads(&caught).values().all(|times| *times == 1));

    let not_caught = play(revoked, "", late, "40s");
    let ends = [
        "assigned 6",
        "revoked 3",
        "assigned 0",
        "throws",
        "revoked 3",
        "exits 1",
    ];
    assert_eq!(calls(&not_caught), ends);

    let when_b_has_all = |report: &Report| {
        let all = given(report).into_iter().rev();
        let mut of_b = all.filter(|(_, member, ..)| member == "b");
        of_b.next().expect("it is in the group").0
    };
    let lost = "throws in onPartitionsLost";
    let leaves = play(lost, "stop: 25s, ", "", "90s");
    assert!((25_000..28_100).contains(&when_b_has_all(&leaves)));
    let says_nothing = play(revoked, "stop: 25s, ", "", "90s");
    assert_eq!(
        calls(&says_nothing)[1..],
        ["revoked 3", "throws", "exits 1"]
    );
    assert!((67_000..73_100).contains(&when_b_has_all(&says_nothing)));
    let told = transcript(&says_nothing.trace, Style::default());
    for line in [
        "its own onPartitionsRevoked runs, and group g is told nothing; there it stays their owner until its heartbeats are missed\n",
        "throws in onPartitionsRevoked, which its library hands on as KafkaException: close throws it, and no farewell goes to its group\n",
    ] {
        assert!(told.contains(line), "{line}{told}");
    }
    assert!(!told.contains("a             gives "), "{told}");
}

/// Whose coordinator is gone tells its group nothing as it closes (CC56: nobody hears what that comes to).
#[test]
fn cc56_a_member_that_knows_no_coordinator_closes_in_silence() {
    let stopped = |faults: &str| {
        let consumers = member("a", "stop: 20s, ");
        let report = fleet("40s", &format!("consumers:\n{consumers}{faults}"));
        let mut facts = report.trace.iter().map(|entry| &entry.fact);
        facts.find_map(|fact| match fact {
            Fact::Group(GroupFact::PartitionsRevoked { owner_then, .. }) => Some(*owner_then),
            _ => None,
        })
    };
    assert_eq!(stopped(""), Some(OwnerThen::Nobody));
    let down = [1, 2, 3].map(|id| {
        format!("  - {{at: 19s, crash: broker-{id}}}\n  - {{at: 30s, restart: broker-{id}}}\n")
    });
    let down = format!("timeline:\n{}", down.concat());
    assert_eq!(stopped(&down), Some(OwnerThen::ItselfInSilence));
}

/// `onLeavePrepare`: who closes while its group rebalances, and has partitions yet, is told that they are lost. Nobody
/// has taken them.
#[test]
fn cc56_who_closes_in_a_rebalance_loses_what_nobody_has_taken() {
    let strategy = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
    let with = |member: &str, more: &str| {
        format!(
            "  {member}: {{topics: [t], {more}config: {{group.id: g, \
             partition.assignment.strategy: {strategy}}}}}\n"
        )
    };
    // The one that hears of the rebalance first waits for the other, for three seconds at most.
    let lost = (0..6).find_map(|half| {
        let stop = format!("stop: {}ms, ", 20_200 + 500 * half);
        let consumers = with("a", &stop) + &with("b", "") + &with("c", "start: 20s, ");
        let report = fleet("40s", &format!("consumers:\n{consumers}"));
        let is_lost = |fact: &Fact| {
            matches!(
                fact,
                Fact::Group(GroupFact::PartitionsLost {
                    in_rebalance: true,
                    ..
                })
            )
        };
        let lost = report.trace.iter().any(|entry| is_lost(&entry.fact));
        lost.then(|| transcript(&report.trace, Style::default()))
    });
    let told = lost.expect("it stops in a rebalance");
    let line = "its own onPartitionsLost runs, since it closes while group g rebalances\n";
    assert!(told.contains(line), "{told}");
    assert!(!told.contains("learns that group g has taken"), "{told}");
}
