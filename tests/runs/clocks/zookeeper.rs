//! ZooKeeper's servers and their clients.

use super::{Case, Clock, JUMP_S, Jump, Sign, start};
use kafka_trial::kernel::{Duration, Time};
use kafka_trial::protocol::Fact;

/// A row that is no time-out: see below.
pub(super) const TIMES_OF_NODES: &str = "`ctime` and `mtime` of a node";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            what: "a session expires",
            setting: "zookeeper.session.timeout.ms",
            clock: Clock::Monotonic,
            jumps: "zookeeper-1",
            at_s: 25,
            scenario: "\
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 30000}}
timeline:
  - {at: 20s, crash: broker-2}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::SessionExpired { .. })),
        },
        Case {
            what: "a client gives a silent server up",
            setting: "zookeeper.session.timeout.ms",
            clock: Clock::Monotonic,
            jumps: "broker-2",
            at_s: 25,
            scenario: "\
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 30000}}
timeline:
  - {at: 20s, pause: zookeeper-1}
",
            shows: Sign::Fact(|entry| {
                *entry.node == *"broker-2"
                    && matches!(entry.fact, Fact::ZooKeeperDisconnected { .. })
            }),
        },
        Case {
            what: "a client pings",
            setting: "zookeeper.session.timeout.ms",
            clock: Clock::Monotonic,
            jumps: "broker-2",
            at_s: 25,
            scenario: "\
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 6000}}
",
            shows: Sign::Never(|entry| {
                matches!(
                    entry.fact,
                    Fact::SessionExpired { .. } | Fact::ZooKeeperDisconnected { .. }
                )
            }),
        },
        Case {
            what: "a broker that starts waits for ZooKeeper",
            setting: "zookeeper.connection.timeout.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 30,
            scenario: "\
cluster: {brokers: 1, config: {zookeeper.connection.timeout.ms: 30000}}
timeline:
  - {at: 20s, crash: broker-1}
  - {at: 21s, crash: zookeeper-1}
  - {at: 22s, restart: broker-1}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::Exiting { status: 1, .. })),
        },
        Case {
            what: "a leader pings its followers",
            setting: "tickTime",
            clock: Clock::Monotonic,
            jumps: "zookeeper-1, zookeeper-2, zookeeper-3",
            at_s: 25,
            scenario: "\
cluster: {zookeeper: {servers: 3, tickTime: 500}, brokers: 1, config: {zookeeper.session.timeout.ms: 10000}}
",
            shows: Sign::Never(|entry| matches!(entry.fact, Fact::ZooKeeperLeaves { .. })),
        },
        Case {
            what: "a follower gives a silent leader up",
            setting: "syncLimit",
            clock: Clock::Monotonic,
            jumps: "zookeeper-1, zookeeper-2",
            at_s: 25,
            scenario: "\
cluster: {zookeeper: {servers: 3, tickTime: 3000}, brokers: 1}
timeline:
  - {at: 20s, pause: zookeeper-3}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::ZooKeeperLeaves { .. })),
        },
        Case {
            what: "a leader without a quorum steps down",
            setting: "syncLimit",
            clock: Clock::Monotonic,
            jumps: "zookeeper-3",
            at_s: 25,
            scenario: "\
cluster: {zookeeper: {servers: 3, tickTime: 3000}, brokers: 1}
timeline:
  - {at: 20s, pause: [zookeeper-1, zookeeper-2]}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::ZooKeeperLeaves { .. })),
        },
        Case {
            what: "a new leader waits for a quorum",
            setting: "initLimit",
            clock: Clock::Monotonic,
            jumps: "zookeeper-2",
            at_s: 30,
            scenario: "\
cluster: {zookeeper: {servers: 3}, brokers: 1}
timeline:
  - {at: 19s, hang sync: zookeeper-1}
  - {at: 20s, crash: zookeeper-3}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::ZooKeeperLeaves { .. })),
        },
        Case {
            what: "a server that finds no quorum asks again",
            setting: "",
            clock: Clock::Monotonic,
            jumps: "zookeeper-1, zookeeper-2",
            at_s: 34,
            scenario: "\
cluster: {zookeeper: {servers: 5}, brokers: 1}
timeline:
  - {at: 19s, pause: broker-1}
  - {at: 20s, crash: [zookeeper-3, zookeeper-4, zookeeper-5]}
",
            shows: Sign::Packet("zookeeper-1"),
        },
    ]
}

#[test]
fn ctime_and_mtime_of_a_node_are_the_wall_clock_of_the_server_that_proposed_it() {
    let made = |by_s: i64| {
        let mut run = start(
            "\
cluster: {brokers: 1}
timeline:
  - {at: 30s, create topic: u}
",
            Some(Jump {
                names: "zookeeper-1",
                at_s: 20,
                by_s,
            }),
            TIMES_OF_NODES,
        );
        run.until(Time::ZERO + Duration::from_secs(40));
        let tree = run.view().tree().expect("a server runs");
        let (_, stat) = tree.get("/brokers/topics/u").expect("the topic was made");
        [stat.ctime, stat.mtime]
    };
    let usual = made(0);
    let jump = JUMP_S as i64;
    for by_s in [jump, -jump] {
        assert_eq!(made(by_s), usual.map(|ms| ms + by_s * 1_000));
    }
}
