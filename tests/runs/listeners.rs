//! Where clients and brokers are sent by what brokers advertise (CT34).

use kafka_trial::protocol::{Errand, Fact, Lack, NotReached};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use kafka_trial::trace::{Style, transcript};

/// One broker of two listeners that advertises this of the outer one, and two clients.
fn played(outside: &str) -> Report {
    played_with("INSIDE://:9092,OUTSIDE://:9094", "broker-1:9092", outside)
}

/// The same, with these listeners, and this advertised of the inner one.
fn played_with(listeners: &str, inside: &str, outside: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: Two listeners.\nduration: 20s\n\
         cluster:\n  brokers: 1\n  config:\n    listeners: {listeners}\n    \
         listener.security.protocol.map: INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT\n    \
         inter.broker.listener.name: INSIDE\n    auto.create.topics.enable: true\n    \
         advertised.listeners: INSIDE://{inside},OUTSIDE://{outside}\n\
         producers:\n  inside: {{topic: t, key: {{text: k}}, every: 1s, limit: 3}}\n  \
         outside: {{topic: t, key: {{text: k}}, every: 1s, limit: 3, bootstrap: [\"broker-1:9094\"], config: {{max.block.ms: 5000}}}}\n"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    run(&plan, 1).unwrap_or_else(|error| panic!("{error}"))
}

/// What the client was told and could not come to.
fn not_reached(report: &Report, client: &str) -> Vec<(String, NotReached)> {
    let of_client = report.trace.iter().filter(|entry| *entry.node == *client);
    let said = of_client.filter_map(|entry| match &entry.fact {
        Fact::BrokerNotReached { at, why, .. } => Some((at.to_string(), *why)),
        _ => None,
    });
    said.collect()
}

fn count(report: &Report, client: &str, wanted: fn(&Fact) -> bool) -> usize {
    let of_client = report.trace.iter().filter(|entry| *entry.node == *client);
    of_client.filter(|entry| wanted(&entry.fact)).count()
}

fn acknowledged(report: &Report, client: &str) -> usize {
    count(report, client, |fact| matches!(fact, Fact::Acked { .. }))
}

fn bootstrapped(report: &Report, client: &str) -> usize {
    count(report, client, |fact| {
        matches!(fact, Fact::Bootstrapped { .. })
    })
}

#[test]
fn ct34_who_asks_by_a_listener_is_told_of_the_listeners_of_that_name() {
    let report = played("broker-1:9094");
    assert_eq!(acknowledged(&report, "inside"), 3);
    assert_eq!(acknowledged(&report, "outside"), 3);
    assert_eq!(not_reached(&report, "outside"), []);

    // The broker reaches itself by the inner listener, and nobody else does.
    let listeners = "INSIDE://localhost:9092,OUTSIDE://:9094";
    let report = played_with(listeners, "localhost:9092", "broker-1:9094");
    assert_eq!(bootstrapped(&report, "inside"), 0);
    assert_eq!(acknowledged(&report, "outside"), 3);
}

#[test]
fn ct34_localhost_an_unknown_host_and_a_closed_port_leave_a_client_standing() {
    for (outside, why) in [
        ("localhost:9094", NotReached::Refused),
        ("broker-1:9999", NotReached::Refused),
        ("zookeeper-1:9094", NotReached::Refused),
        ("outside:9094", NotReached::Refused),
        ("kafka:9094", NotReached::UnknownHost),
        ("10.0.0.1:9094", NotReached::UnknownHost),
    ] {
        let report = played(outside);
        assert_eq!(acknowledged(&report, "inside"), 3, "{outside}");
        assert_eq!(bootstrapped(&report, "outside"), 1, "{outside}");
        assert_eq!(acknowledged(&report, "outside"), 0, "{outside}");
        let said = [(outside.to_owned(), why)];
        assert_eq!(not_reached(&report, "outside"), said, "{outside}");
    }
}

#[test]
fn ct34_who_listens_on_localhost_takes_in_nobody_from_another_machine() {
    let listeners = "INSIDE://:9092,OUTSIDE://localhost:9094";
    let report = played_with(listeners, "broker-1:9092", "broker-1:9094");
    assert_eq!(acknowledged(&report, "inside"), 3);
    assert_eq!(bootstrapped(&report, "outside"), 0);
    assert_eq!(acknowledged(&report, "outside"), 0);
}

/// Three brokers of one listener, of which the first says that it is there, and `more` of the plan.
fn cluster(first: &str, seed: u64, more: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: One listener.\nduration: 90s\n\
         cluster:\n  config: {{auto.create.topics.enable: true, default.replication.factor: 3, num.partitions: 3, replica.lag.time.max.ms: 10000}}\n  brokers:\n    \
         - {{id: 1, config: {{advertised.listeners: \"PLAINTEXT://{first}\"}}}}\n    - id: 2\n    - id: 3\n\
         producers:\n  p: {{topic: t, every: 1s}}\n{more}"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    run(&plan, seed).unwrap_or_else(|error| panic!("{error}"))
}

/// Who could not come to broker-1, for what, and why, in order; and that nobody says so twice.
fn told_by_brokers(report: &Report, host: &str) -> Vec<(String, Errand, NotReached)> {
    let mut told = Vec::new();
    for entry in &report.trace {
        if let Fact::BrokerNotReached {
            errand,
            broker: 1,
            at,
            why,
        } = &entry.fact
            && *errand != Errand::Client
        {
            assert_eq!(**at, *host);
            told.push((entry.node.to_string(), *errand, *why));
        }
    }
    told.sort();
    let all = told.len();
    told.dedup();
    assert_eq!(told.len(), all, "{host}: said twice");
    told
}

fn lacks(report: &Report) -> Vec<Lack> {
    let mut facts = report.trace.iter().map(|entry| &entry.fact);
    let lacks = facts.find_map(|fact| match fact {
        Fact::StartUnfinished { lacks } => Some(lacks.clone()),
        _ => None,
    });
    lacks.unwrap_or_default()
}

const BROKER_2_STOPS: &str = "timeline:\n  - {at: 60s, stop: broker-2}\n";

#[test]
fn ct34_brokers_that_cannot_reach_the_controller_say_what_for_where_and_why() {
    for (host, why) in [
        ("kafka:9092", NotReached::UnknownHost),
        ("broker-1:9099", NotReached::Refused),
    ] {
        // With this seed broker-1 is the controller, and cannot reach itself either.
        let report = cluster(host, 1, BROKER_2_STOPS);
        let said = |node: &str, errand| (node.to_owned(), errand, why);
        let expected = [
            said("broker-1", Errand::Control),
            said("broker-2", Errand::Follow),
            said("broker-2", Errand::AlterPartition),
            said("broker-2", Errand::ControlledShutdown),
            said("broker-2", Errand::AllocateProducerIds),
            said("broker-3", Errand::Follow),
            said("broker-3", Errand::AlterPartition),
            said("broker-3", Errand::AllocateProducerIds),
        ];
        assert_eq!(told_by_brokers(&report, host), expected, "{host}");
        let ignorant = Lack::Knowledge {
            broker: 1,
            controller: None,
            unknown: vec![1, 2, 3],
        };
        assert_eq!(lacks(&report), [ignorant], "{host}");
    }
}

#[test]
fn ct34_who_finds_itself_where_another_says_that_it_is_says_so() {
    let report = cluster("localhost:9092", 1, BROKER_2_STOPS);
    let said = |node: &str, errand| (node.to_owned(), errand, NotReached::Itself);
    let expected = [
        said("broker-2", Errand::Follow),
        said("broker-2", Errand::ControlledShutdown),
        said("broker-2", Errand::AllocateProducerIds),
        said("broker-3", Errand::Follow),
        said("broker-3", Errand::AllocateProducerIds),
    ];
    assert_eq!(told_by_brokers(&report, "localhost:9092"), expected);
    // The controller reaches itself there, and the others elsewhere: all know of all.
    assert_eq!(lacks(&report), []);
}

#[test]
fn ct34_brokers_that_reach_each_other_say_nothing_of_it() {
    let report = cluster("broker-1:9092", 1, BROKER_2_STOPS);
    assert_eq!(told_by_brokers(&report, "broker-1:9092"), []);
    assert_eq!(lacks(&report), []);
}

#[test]
fn a_run_says_whom_it_waited_for_before_it_goes_on_without() {
    let early = "timeline:\n  - {at: 10ms, crash: broker-2}\n";
    let report = cluster("broker-1:9092", 1, early);
    assert_eq!(lacks(&report), [Lack::Broker { broker: 2 }]);
    let told = transcript(&report.trace, Style::default());
    let line = "   30.000s  operator      the servers have had their time to start, and the run goes on without: broker-2 is not up\n";
    assert!(told.contains(line), "{told}");
}

/// What a client of three addresses behind one name, of which the first is dead, meets until it knows the cluster.
fn met_behind_a_name(lookup: &str, seed: u64) -> Vec<(u64, Fact)> {
    let text = format!(
        "format: 1\nname: test\nabout: One name.\nduration: 10s\n\
         cluster:\n  brokers: [{{id: 1, machine: {{down_at_start: true}}}}, {{id: 2}}]\n\
         network: {{names: {{kafka.example: [broker-1, zookeeper-1, broker-2]}}}}\n\
         topics: {{t: {{assignment: [[2]]}}}}\n\
         producers:\n  p: {{topic: t, key: {{text: k}}, every: 1s, limit: 3, bootstrap: \"kafka.example:9092\", \
         config: {{client.dns.lookup: {lookup}}}}}\n"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, seed).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(acknowledged(&report, "p"), 3);
    let of_client = report.trace.iter().filter(|entry| &*entry.node == "p");
    let is_met = |fact: &Fact| {
        matches!(
            fact,
            Fact::BootstrapFailed { .. } | Fact::Bootstrapped { .. }
        )
    };
    let met = of_client.filter(|entry| is_met(&entry.fact));
    met.map(|entry| (entry.time.as_millis(), entry.fact.clone()))
        .collect()
}

#[test]
fn cn11_the_addresses_behind_a_name_are_tried_in_turn() {
    let met = met_behind_a_name("use_all_dns_ips", 1);
    let failed = |from: &str| Fact::BootstrapFailed { from: from.into() };
    let facts: Vec<Fact> = met.iter().map(|(_, fact)| fact.clone()).collect();
    assert_eq!(
        facts,
        [
            failed("kafka.example/broker-1:9092"),
            failed("kafka.example/zookeeper-1:9092"),
            Fact::Bootstrapped {
                from: "kafka.example/broker-2:9092".into()
            }
        ]
    );
    // The pauses after one failure and after two: 50 and 100 ms, give or take a fifth.
    let took = met[2].0 - met[0].0;
    assert!((120..=185).contains(&took), "{took} ms");
}

#[test]
fn cn11_machines_behind_a_name_may_be_listed_by_their_own_names() {
    let mut first = std::collections::BTreeSet::new();
    for seed in 1..=8 {
        let met = met_behind_a_name("resolve_canonical_bootstrap_servers_only", seed);
        let (_, last) = met.last().expect("it learns of the cluster");
        let from = "broker-2:9092".into();
        assert_eq!(*last, Fact::Bootstrapped { from });
        first.insert(format!("{:?}", met[0].1));
    }
    assert!(first.len() > 1, "which is the first is chance: {first:?}");
}
