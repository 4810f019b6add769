//! Fetch sessions in whole clusters (KIP-227): who is remembered, who has to go, and what a restart makes of them.
//! Rules CC15, CC19 to CC25, F12.

use kafka_trial::kernel::{Duration, NodeId, Time};
use kafka_trial::node::Node;
use kafka_trial::plan::Plan;
use kafka_trial::protocol::{ErrorCode, Fact, FetchRequest, FetchSessionFact, Request};
use kafka_trial::run::{Report, Run, run};
use kafka_trial::scenario::load;
use std::collections::{BTreeMap, BTreeSet};

fn plan(text: &str) -> Plan {
    let text = format!("format: 1\nname: test\nabout: Fetch sessions.\n{text}");
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    loaded.unwrap_or_else(|error| panic!("{error}")).plan
}

fn play(text: &str) -> Report {
    let plan = plan(text);
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    report
}

/// Second, node, and what it states of sessions.
fn stated(report: &Report) -> Vec<(u64, &str, &FetchSessionFact)> {
    let stated = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::FetchSession(fact) => Some((entry.time.0 / 1_000_000_000, &*entry.node, fact)),
        _ => None,
    });
    stated.collect()
}

/// How many records each consumer has read, and how many were read twice by one.
fn reads(report: &Report) -> (BTreeMap<String, usize>, usize) {
    let mut reads: BTreeMap<String, Vec<(i32, i64)>> = BTreeMap::new();
    for entry in &report.trace {
        if let Fact::Consumed {
            partition, offset, ..
        } = &entry.fact
        {
            let of_one = reads.entry(entry.node.to_string()).or_default();
            of_one.push((partition.partition, *offset));
        }
    }
    let mut twice = 0;
    for of_one in reads.values_mut() {
        let all = of_one.len();
        of_one.sort_unstable();
        of_one.dedup();
        twice += all - of_one.len();
    }
    let counts = reads.into_iter().map(|(node, read)| (node, read.len()));
    (counts.collect(), twice)
}

/// What one node states of sessions.
fn of_node<'a>(report: &'a Report, name: &'a str) -> impl Iterator<Item = &'a FetchSessionFact> {
    let of_it = stated(report).into_iter();
    of_it.filter_map(move |(_, node, fact)| (node == name).then_some(fact))
}

/// A member works for so long on what it has that no fetch of it is under way when the only broker restarts: its
/// session is gone with the broker's memory, and nothing has told it so.
#[test]
fn cc21_f4_a_broker_that_restarts_between_two_fetches_knows_the_session_no_longer() {
    let report = play(
        "duration: 60s\n\
         cluster: {brokers: 1, config: {offsets.topic.replication.factor: 1}}\n\
         topics: {t: {partitions: 1}}\n\
         producers: {truck: {topic: t, key: truck_id, every: 2s}}\n\
         consumers:\n  slow: {topics: [t], processing: 10s, config: {group.id: g, max.poll.records: 1}}\n\
         timeline: [{at: 10s, stop: broker-1}, {at: 14s, restart: broker-1}]\n",
    );
    let lost: Vec<_> = of_node(&report, "slow").collect();
    let [
        FetchSessionFact::Lost {
            broker,
            error,
            session,
        },
    ] = lost[..]
    else {
        panic!("{lost:?}");
    };
    assert_eq!((*broker, *error), (1, ErrorCode::FetchSessionIdNotFound));
    let created = of_node(&report, "broker-1").filter_map(|fact| match fact {
        FetchSessionFact::Created { session, .. } => Some(*session),
        _ => None,
    });
    let created: Vec<i32> = created.collect();
    assert_eq!((created.len(), created[0]), (2, *session));
    let (counts, twice) = reads(&report);
    assert_eq!((counts["slow"], twice), (6, 0), "and it reads on");
}

/// Slots for eight: two followers and six of nine consumers have a session, the others name all their partitions
/// each time. A follower that comes back drives a consumer out, and the end of another leaves room.
const CROWD: &str = "duration: 60s\n\
    cluster: {brokers: 3, config: {max.incremental.fetch.session.cache.slots: 8}}\n\
    topics: {t: {partitions: 1, replication.factor: 3}}\n\
    producers: {truck: {count: 4, topic: t, key: truck_id, every: 1s}}\n\
    consumers: {reader: {count: 9, topics: [t]}}\n\
    timeline:\n  - {at: 20s, crash: a follower of t-0}\n  - {at: 42s, restart: crashed brokers}\n  \
    - {at: 50s, stop: reader-1}\n";

#[test]
fn cc23_f12_followers_come_before_consumers_and_who_has_no_session_reads_all_the_same() {
    let report = play(CROWD);
    let of_leader: Vec<_> = stated(&report)
        .into_iter()
        .filter(|(_, node, _)| *node == "broker-2")
        .collect();
    let before = of_leader.iter().filter(|(at, ..)| *at < 20);
    let without = before.filter(|(.., fact)| matches!(fact, FetchSessionFact::NoRoom { .. }));
    assert_eq!(without.count(), 3);
    let driven_out = of_leader.iter().filter_map(|(.., fact)| match fact {
        FetchSessionFact::Evicted {
            client,
            in_favour_of,
            ..
        } => Some((&**client, &**in_favour_of)),
        _ => None,
    });
    let driven_out: Vec<_> = driven_out.collect();
    assert!(!driven_out.is_empty());
    for (client, in_favour_of) in driven_out {
        assert!(client.starts_with("reader-"), "{client}");
        assert!(in_favour_of.starts_with("broker-"), "{in_favour_of}");
        // It hears of it with its next fetch, and begins anew.
        let lost = of_node(&report, client).next();
        assert!(
            matches!(lost, Some(FetchSessionFact::Lost { error, .. })
                if *error == ErrorCode::FetchSessionIdNotFound),
            "{lost:?}"
        );
    }
    let (counts, twice) = reads(&report);
    assert_eq!((counts.len(), twice), (9, 0));
    let all = counts["reader-2"];
    let others = counts.iter().filter(|(name, _)| *name != "reader-1");
    assert!(others.clone().all(|(_, read)| *read == all), "{counts:?}");
}

#[test]
fn cc25_who_closes_its_consumer_ends_its_sessions_first() {
    let report = play(CROWD);
    let mut of_end = report.trace.iter().filter(|entry| match &entry.fact {
        Fact::FetchSession(FetchSessionFact::Closed { client, .. }) => &**client == "reader-1",
        Fact::Exiting { .. } => &*entry.node == "reader-1",
        _ => false,
    });
    let closed = of_end.next().expect("it has asked for that");
    assert_eq!(
        (&*closed.node, closed.time.0 / 1_000_000_000),
        ("broker-2", 50)
    );
    let exit = of_end.next().expect("it has ended");
    // The broker first answers the fetch that it works on, which takes half a second at most.
    let took = exit.time.0 - 50_000_000_000;
    assert!(took < 600_000_000, "{took}");
    // Somebody who went without has its place.
    let later = stated(&report).into_iter().filter(|(at, ..)| *at >= 50);
    let created = later.filter(|(.., fact)| matches!(fact, FetchSessionFact::Created { .. }));
    assert_eq!(created.count(), 1);
}

/// The fetches of one client that the only broker has answered.
fn fetches(text: &str, client: &str) -> Vec<FetchRequest> {
    let plan = plan(text);
    let mut run = Run::start(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    // The broker comes after the only ZooKeeper server.
    let of_broker = |run: &mut Run, work: &mut dyn FnMut(&mut kafka_trial::broker::Broker)| {
        if let Node::Broker(server) = run.node_mut(NodeId(1)) {
            work(server.broker_mut());
        }
    };
    run.until(Time::ZERO + Duration::from_millis(1_000));
    of_broker(&mut run, &mut |broker| {
        broker.keep_requests(|request| matches!(request, Request::Fetch(_)));
    });
    run.until(run.end());
    let mut fetches = Vec::new();
    of_broker(&mut run, &mut |broker| {
        for completed in broker.take_requests() {
            if let Request::Fetch(fetch) = completed.request
                && &*completed.client_id == client
            {
                fetches.push(*fetch);
            }
        }
    });
    fetches
}

/// A member with records of both partitions in its buffer asks for one as soon as the buffer has none of it.
#[test]
fn cc8_cc10_cc19_what_is_buffered_leaves_the_session_and_comes_back() {
    let fetches = fetches(
        "duration: 60s\n\
         cluster: {brokers: 1, config: {offsets.topic.replication.factor: 1}}\n\
         topics: {t: {partitions: 2}}\n\
         producers: {truck: {count: 4, topic: t, key: truck_id, every: 1s}}\n\
         consumers:\n  slow: {topics: [t], processing: 300ms, config: {group.id: g, max.poll.records: 1}}\n",
        "slow",
    );
    let names = |fetch: &FetchRequest| {
        let partitions = fetch.partitions.iter();
        partitions
            .map(|it| it.partition.partition)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (fetches[0].session.session_id, fetches[0].session.epoch),
        (0, 0)
    );
    let session = fetches[1].session.session_id;
    let mut known: BTreeSet<i32> = names(&fetches[0]).into_iter().collect();
    let (mut left, mut came_back) = (0, 0);
    for (epoch, fetch) in (1..).zip(&fetches[1..]) {
        assert_eq!(
            (fetch.session.session_id, fetch.session.epoch),
            (session, epoch)
        );
        for partition in names(fetch) {
            came_back += u32::from(known.insert(partition));
        }
        for (_, name) in &fetch.forgotten {
            assert!(known.remove(&name.partition), "it was in the session");
            left += 1;
        }
        assert!(!known.is_empty());
        for asked in &fetch.partitions {
            let epochs = (asked.current_leader_epoch, asked.last_fetched_epoch);
            assert_eq!((epochs, asked.log_start_offset), ((0, -1), -1));
        }
    }
    assert!(left > 5 && came_back > 5, "{left}, {came_back}");
}

/// An answer without partitions is nothing to be sent at once.
#[test]
fn f2_a_session_without_news_waits_as_long_as_any_fetch() {
    let idle = |group: &str| {
        let report = play(&format!(
            "duration: 60s\n\
             cluster: {{brokers: 1, config: {{offsets.topic.replication.factor: 1, offsets.topic.num.partitions: 1}}}}\n\
             topics: {{t: {{partitions: 3}}}}\n\
             producers: {{truck: {{topic: t, key: truck_id, every: 1s, limit: 9}}}}\n\
             consumers:\n  c: {{topics: [t], config: {{{group}}}}}\n"
        ));
        let (counts, _) = reads(&report);
        assert_eq!(counts["c"], 9);
        report.messages
    };
    // Two fetches a second and their answers, and a heartbeat now and then.
    for group in ["fetch.max.wait.ms: 500", "group.id: g"] {
        let messages = idle(group);
        assert!(messages < 60 * 4 + 400, "{messages}");
    }
}

/// Of bytes without a whole batch a consumer could make nothing, and would throw.
#[test]
fn cc15_a_reader_that_can_take_a_byte_gets_one_whole_batch_after_the_other() {
    let report = play(
        "duration: 30s\ncluster: {brokers: 1}\n\
         topics: {t: {partitions: 1, replication.factor: 1}}\n\
         producers: {p: {topic: t, value: {bytes: 100kB}, every: 200ms, stop: 20s}}\n\
         consumers:\n  whole: {topics: [t]}\n  \
         narrow: {topics: [t], config: {fetch.max.bytes: 1, max.partition.fetch.bytes: 1}}\n",
    );
    let (reads, twice) = reads(&report);
    assert!(reads["whole"] > 80, "{reads:?}");
    assert_eq!((reads["narrow"], twice), (reads["whole"], 0));
}
