//! Topics that are made because a client asks about them (CT24). What real Kafka 3.9.1 in ZooKeeper mode does
//! was looked at in a cluster of three: no broker sends CreateTopics to the controller, each that is asked writes
//! the topic itself, and every such question is answered with error 5 until the broker knows of the topic.

use kafka_trial::kernel::{Duration, NodeId, Time};
use kafka_trial::node::Node;
use kafka_trial::node::view::ClusterView;
use kafka_trial::protocol::{ErrorCode, Fact, Request, Response};
use kafka_trial::run::{Report, Run, run};
use kafka_trial::scenario::load;
use std::collections::BTreeSet;

/// Three brokers with these settings, and clients.
fn cluster(config: &str, clients: &str) -> String {
    format!(
        "format: 1\nname: test\nabout: Topics are made by asking for them.\nduration: 30s\n\
         cluster: {{brokers: 3, config: {{{config}}}}}\n{clients}"
    )
}

fn played(text: &str, seed: u64) -> Report {
    let loaded = load("test.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, seed).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    report
}

/// Who was asked about which topic by whom.
fn missed(report: &Report) -> Vec<(String, String, String)> {
    let missed = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::TopicMissed { topic, client, .. } => Some((
            entry.node.to_string(),
            topic.to_string(),
            client.to_string(),
        )),
        _ => None,
    });
    missed.collect()
}

/// What came of each attempt.
fn made(report: &Report) -> Vec<(String, ErrorCode)> {
    let made = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::TopicAutoCreated { error, .. } => Some((entry.node.to_string(), *error)),
        _ => None,
    });
    made.collect()
}

fn acknowledged(report: &Report) -> usize {
    let acked = |fact: &Fact| matches!(fact, Fact::Acked { .. });
    report.trace.iter().filter(|it| acked(&it.fact)).count()
}

fn exceptions(report: &Report) -> Vec<String> {
    let failed = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Failed { exception, .. } => Some(exception.to_string()),
        _ => None,
    });
    failed.collect()
}

const ONE_PRODUCER: &str = "producers: {truck: {topic: gps, key: {text: k}, every: 1s, limit: 5, config: {max.block.ms: 10000}}}";

#[test]
fn ct24_a_missing_topic_is_made_by_the_broker_that_is_asked() {
    let text = cluster(
        "auto.create.topics.enable: true, num.partitions: 2, default.replication.factor: 3",
        ONE_PRODUCER,
    );
    let mut elsewhere = 0;
    for seed in 1..=6 {
        let report = played(&text, seed);
        let missed = missed(&report);
        let (asked, topic, client) = &missed[0];
        assert_eq!((topic.as_str(), client.as_str()), ("gps", "truck"));
        assert_eq!(made(&report)[0], (asked.clone(), ErrorCode::None));
        assert_eq!(acknowledged(&report), 5);
        let controller = report.trace.iter().find_map(|entry| match entry.fact {
            Fact::ControllerElected { .. } => Some(entry.node.to_string()),
            _ => None,
        });
        elsewhere += usize::from(controller.as_ref() != Some(asked));
        let described = report.view().described().expect("brokers run");
        let gps = described.topics.iter().find(|topic| &*topic.name == "gps");
        let gps = gps.expect("it is there");
        assert_eq!((gps.partition_count, gps.replication_factor), (2, 3));
    }
    assert!(
        elsewhere > 0,
        "the controller was always the one that was asked"
    );
}

/// What brokers have answered the producer, in order: milliseconds, what it asked, and the error.
fn answered(text: &str, seed: u64) -> Vec<(u64, &'static str, ErrorCode)> {
    let loaded = load("test.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let mut run = Run::start(&plan, seed).unwrap_or_else(|error| panic!("{error}"));
    // They come after the only ZooKeeper server.
    let brokers = [NodeId(1), NodeId(2), NodeId(3)];
    run.until(Time::ZERO + Duration::from_millis(1_000));
    for broker in brokers {
        let Node::Broker(server) = run.node_mut(broker) else {
            panic!("{broker:?} is no broker");
        };
        server
            .broker_mut()
            .keep_requests(|request| matches!(request, Request::Metadata(_) | Request::Produce(_)));
    }
    run.until(run.end());
    let mut answered = Vec::new();
    for broker in brokers {
        let Node::Broker(server) = run.node_mut(broker) else {
            continue;
        };
        for completed in server.broker_mut().take_requests() {
            let error = match &completed.response {
                _ if &*completed.client_id != "truck" => continue,
                // Its first question is for brokers only.
                Response::Metadata(answer) if answer.topics.is_empty() => continue,
                Response::Metadata(answer) => answer.topics[0].error,
                Response::Produce(answer) => answer.responses[0].error,
                _ => continue,
            };
            answered.push((completed.time.0, completed.request.name(), error));
        }
    }
    answered.sort_by_key(|(at, ..)| *at);
    let in_ms = answered.into_iter();
    in_ms
        .map(|(at, what, error)| (at / 1_000_000, what, error))
        .collect()
}

/// CX2: `send` waits while metadata are asked for again, after back-offs that double, until the topic has leaders.
#[test]
fn cx2_the_first_send_to_a_topic_that_is_missing_asks_until_it_has_leaders() {
    let text = cluster(
        "auto.create.topics.enable: true, num.partitions: 2, default.replication.factor: 3",
        ONE_PRODUCER,
    );
    for seed in 1..=6 {
        let answered = answered(&text, seed);
        let first_produce = answered.iter().position(|it| it.1 == "Produce");
        let (asked, sent) = answered.split_at(first_produce.expect("it sends"));
        let (last, missing) = asked.split_last().expect("it asks");
        assert_eq!(last.2, ErrorCode::None, "seed {seed}: {asked:?}");
        assert!(!missing.is_empty(), "seed {seed}: {asked:?}");
        for (at, what, error) in missing {
            // Nobody knows of it, or its leaders are not chosen yet.
            assert!(
                matches!(
                    error,
                    ErrorCode::LeaderNotAvailable | ErrorCode::UnknownTopicOrPartition
                ),
                "seed {seed}: {what} at {at}: {error:?}"
            );
        }
        // 100 ms, then 200 ms and so on, a fifth more or less.
        for (exponent, pair) in asked.windows(2).enumerate() {
            let pause = pair[1].0 - pair[0].0;
            let middle = 100 << exponent;
            assert!(
                (middle * 4 / 5..=middle * 6 / 5 + 5).contains(&pause),
                "seed {seed}: {asked:?}"
            );
        }
        assert_eq!(sent.last().expect("it sends").2, ErrorCode::None);
    }
}

#[test]
fn ct24_a_topic_is_not_made_unless_broker_and_client_allow_it() {
    let reader = |key: &str| {
        cluster(
            "auto.create.topics.enable: true",
            &format!(
                "topics: {{gps: {{}}}}\nconsumers: {{dashboard: {{topics: [gps, other], config: {{{key}}}}}}}\n\
                 timeline: [{{at: 20s, create topic: other}}]"
            ),
        )
    };
    let report = played(&reader("allow.auto.create.topics: false"), 1);
    assert_eq!(missed(&report), []);
    let report = played(&reader(""), 1);
    assert_eq!(missed(&report)[0].1, "other", "a consumer may by default");
}

#[test]
fn ct24_a_topic_is_in_flight_once_and_others_are_answered_at_once() {
    let text = cluster(
        "auto.create.topics.enable: true",
        "producers: {trucks: {count: 12, topic: gps, key: truck_id, every: 1s, limit: 2}}",
    );
    let report = played(&text, 1);
    let mut in_flight: BTreeSet<String> = BTreeSet::new();
    for entry in &report.trace {
        let node = entry.node.to_string();
        match &entry.fact {
            Fact::TopicMissed { .. } => assert!(in_flight.insert(node), "asked for twice"),
            Fact::TopicAutoCreated { .. } => assert!(in_flight.remove(&node)),
            _ => {}
        }
    }
    assert!(in_flight.is_empty());
    assert!(missed(&report).len() < 12, "some find it in flight");
    assert_eq!(acknowledged(&report), 24);
}

#[test]
fn ct24_too_few_brokers_are_told_and_the_producer_waits_in_vain() {
    let text = cluster(
        "auto.create.topics.enable: true, default.replication.factor: 5",
        ONE_PRODUCER,
    );
    let report = played(&text, 1);
    let made = made(&report);
    assert!(made.len() > 5, "it is asked for again and again: {made:?}");
    assert!(
        made.iter()
            .all(|(_, error)| *error == ErrorCode::InvalidReplicationFactor)
    );
    let exceptions = exceptions(&report);
    assert_eq!(exceptions[0], "TimeoutException");
    let first = report
        .trace
        .iter()
        .find(|it| matches!(it.fact, Fact::Failed { .. }));
    let waited = first.expect("it gives up").time.since(missed_at(&report));
    assert!(
        (9_900..=10_000).contains(&waited.as_millis()),
        "max.block.ms"
    );
}

#[test]
fn ct24_a_name_that_differs_in_dots_only_is_refused_at_once() {
    let text = cluster(
        "auto.create.topics.enable: true",
        "topics: {trucks_gps: {}}\nproducers: {truck: {topic: trucks.gps, key: {text: k}, every: 1s, limit: 1}}",
    );
    let report = played(&text, 1);
    assert_eq!(exceptions(&report), ["InvalidTopicException"]);
    let failed = report
        .trace
        .iter()
        .find(|it| matches!(it.fact, Fact::Failed { .. }));
    let failed = failed.expect("it gives up").time;
    assert!(failed.since(missed_at(&report)) < Duration::from_secs(1));
}

fn missed_at(report: &Report) -> Time {
    let missed = |fact: &Fact| matches!(fact, Fact::TopicMissed { .. });
    let entry = report.trace.iter().find(|it| missed(&it.fact));
    entry.expect("it is asked about").time
}
