//! What brokers wait for from others, and let others wait for.

use super::{Case, Clock, Jump, LONGEST_S, Sign, start};
use kafka_trial::kernel::{Duration, Time};
use kafka_trial::protocol::{ErrorCode, Fact};

/// A row whose time-out stands behind another one: see below.
pub(super) const LOOK: &str = "how often somebody looks for that";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            what: "a follower's fetch is given up",
            setting: "replica.socket.timeout.ms",
            clock: Clock::WallOnWaking,
            jumps: "broker-2",
            at_s: 25,
            scenario: "\
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 40000, replica.socket.timeout.ms: 20000, replica.fetch.backoff.ms: 5000}}
topics:
  t: {assignment: [[1, 2]]}
timeline:
  - {at: 20s, pause: broker-1}
",
            shows: Sign::Connections,
        },
        Case {
            what: "a request to the controller is given up",
            setting: "controller.socket.timeout.ms",
            clock: Clock::WallOnWaking,
            jumps: "broker-2",
            at_s: 48,
            scenario: "\
cluster: {brokers: 3, config: {replica.lag.time.max.ms: 6000, controller.socket.timeout.ms: 40000}}
topics:
  t: {assignment: [[2, 3]]}
producers:
  p: {topic: t, every: 1s, config: {acks: 1}}
timeline:
  - {at: 20s, pause: controller}
  - {at: 20s, cut link: broker-2, to: broker-3}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::IsrChanged { .. })),
        },
        Case {
            what: "a controlled shutdown's request is given up",
            setting: "request.timeout.ms",
            clock: Clock::WallOnWaking,
            jumps: "broker-2",
            at_s: 30,
            scenario: "\
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 40000, request.timeout.ms: 30000, controlled.shutdown.max.retries: 1}}
topics:
  t: {assignment: [[2, 1]]}
timeline:
  - {at: 19s, pause: broker-1}
  - {at: 20s, stop: broker-2}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::ControlledShutdownEnds { .. })),
        },
        Case {
            what: "a partition is left out of fetches after an error",
            setting: "replica.fetch.backoff.ms",
            clock: Clock::WallOnWaking,
            jumps: "broker-2",
            at_s: 35,
            scenario: "\
cluster: {brokers: 2, config: {replica.fetch.backoff.ms: 20000, replica.lag.time.max.ms: 90000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, every: 1s, config: {acks: 1}}
timeline:
  - {at: 30s, reset link: broker-1, to: broker-2}
",
            shows: Sign::Fact(|entry| {
                *entry.node == *"broker-2" && matches!(entry.fact, Fact::Appended { .. })
            }),
        },
        Case {
            what: "pause between attempts of a controlled shutdown",
            setting: "controlled.shutdown.retry.backoff.ms",
            clock: Clock::Monotonic,
            jumps: "broker-2",
            at_s: 25,
            scenario: "\
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 40000, controlled.shutdown.retry.backoff.ms: 20000, controlled.shutdown.max.retries: 2}}
topics:
  t: {assignment: [[2, 1]]}
timeline:
  - {at: 19s, crash: broker-1}
  - {at: 20s, stop: broker-2}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::ControlledShutdownEnds { .. })),
        },
        Case {
            what: "a follower is out of sync",
            setting: "replica.lag.time.max.ms",
            clock: Clock::Wall,
            jumps: "broker-1",
            at_s: 25,
            scenario: "\
cluster: {brokers: 2, config: {replica.lag.time.max.ms: 20000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, every: 1s, config: {acks: 1}}
timeline:
  - {at: 20s, cut link: broker-1, to: broker-2}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::IsrChangeAsked { .. })),
        },
        Case {
            what: "acks=all waits for replicas",
            setting: "request.timeout.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 25,
            scenario: "\
cluster: {brokers: 2, config: {replica.lag.time.max.ms: 90000, replica.socket.timeout.ms: 60000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, every: 1s, acks: all, config: {linger.ms: 0}}
timeline:
  - {at: 20s, cut link: broker-1, to: broker-2}
",
            shows: Sign::Fact(|entry| {
                matches!(
                    entry.fact,
                    Fact::ProduceRefused {
                        error: ErrorCode::RequestTimedOut,
                        ..
                    }
                )
            }),
        },
        Case {
            what: "a fetch waits for data",
            setting: "fetch.max.wait.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 50,
            scenario: "\
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
consumers:
  c: {topics: [t], config: {fetch.max.wait.ms: 25000}}
",
            shows: Sign::Packet("c"),
        },
        Case {
            what: "a fetch waits for data",
            setting: "replica.fetch.wait.max.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 25,
            scenario: "\
cluster: {brokers: 2, config: {replica.fetch.wait.max.ms: 20000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, every: 1s, start: 20s, stop: 20500ms, config: {acks: 1}}
",
            shows: Sign::Fact(|entry| {
                *entry.node == *"broker-2" && matches!(entry.fact, Fact::HighWatermarkMoved { .. })
            }),
        },
        Case {
            what: "deleting records waits for replicas",
            setting: "request.timeout.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 30,
            scenario: "\
cluster: {brokers: 2, config: {replica.lag.time.max.ms: 90000, replica.socket.timeout.ms: 60000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, every: 1s, config: {acks: 1}}
timeline:
  - {at: 19s, cut link: broker-1, to: broker-2}
  - {at: 20s, delete records: t-0, before: 2}
",
            // It asks again.
            shows: Sign::Packet("admin"),
        },
        Case {
            what: "making a topic waits for leaders",
            setting: "request.timeout.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 50,
            scenario: "\
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 6000}}
timeline:
  - {at: 20s, crash: broker-2}
  - {at: 40s, create topic: u, assignment: [[2]]}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::AdminAnswered { .. })),
        },
        Case {
            what: "an election waits for the controller",
            setting: "request.timeout.ms",
            clock: Clock::Wall,
            jumps: "broker-1",
            at_s: 25,
            scenario: ELECTION,
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::AdminAnswered { .. })),
        },
        Case {
            what: "an election waits for its leaders to be known",
            setting: "request.timeout.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 40,
            scenario: ELECTION,
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::AdminAnswered { .. })),
        },
        Case {
            what: "leaders return to the preferred replica",
            setting: "leader.imbalance.check.interval.seconds",
            clock: Clock::Monotonic,
            jumps: "broker-2",
            at_s: 40,
            scenario: "\
cluster: {brokers: 2, config: {leader.imbalance.check.interval.seconds: 60, auto.leader.rebalance.enable: true, leader.imbalance.per.broker.percentage: 0}}
topics:
  t: {assignment: [[1, 2], [2, 1]]}
timeline:
  - {at: 10s, stop: broker-1}
  - {at: 20s, restart: broker-1}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::LeadersImbalanced { .. })),
        },
    ]
}

/// The controller reads what it needs for the election at 35 s. Its own broker does not learn of the new leader, since
/// its only request handler hangs in a flush.
const ELECTION: &str = "\
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 40000, num.io.threads: 1}}
topics:
  t: {assignment: [[2, 1]]}
  u: {assignment: [[1]], config: {flush.messages: 1}}
producers:
  p: {topic: u, every: 1s, config: {acks: 1}}
timeline:
  - {at: 8s, stop: broker-2}
  - {at: 11s, restart: broker-2}
  - {at: 20s, pause: zookeeper-1}
  - {at: 21s, elect preferred leader: t-0}
  - {at: 22s, hang sync: broker-1}
  - {at: 35s, resume: zookeeper-1}
";

/// Once the lag is over by the wall clock, the follower leaves at the next look; and looks are where they were,
/// whenever the clock was set.
#[test]
fn how_often_somebody_looks_for_followers_that_lag_follows_the_monotonic_clock() {
    let shrunk = |at_s: u64| {
        let mut run = start(
            "\
cluster: {brokers: 2, config: {replica.lag.time.max.ms: 40000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, every: 1s, config: {acks: 1}}
timeline:
  - {at: 28s, cut link: broker-1, to: broker-2}
",
            Some(Jump {
                names: "broker-1",
                at_s,
                by_s: 1_000,
            }),
            LOOK,
        );
        run.until(Time::ZERO + Duration::from_secs(LONGEST_S));
        let asked = |fact: &Fact| matches!(fact, Fact::IsrChangeAsked { .. });
        let mut trace = run.trace().iter();
        trace
            .find(|entry| asked(&entry.fact))
            .map(|entry| entry.time.as_millis())
    };
    let looks = [30, 33, 36].map(shrunk);
    assert!(looks[0] > Some(36_000), "{looks:?}");
    assert_eq!(looks, [looks[0]; 3]);
}
