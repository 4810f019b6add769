//! Where clients and brokers are sent by what brokers advertise (CT34).

use kafka_trial::protocol::{Fact, NotReached};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;

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
