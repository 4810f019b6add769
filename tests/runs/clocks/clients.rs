//! Producers, consumers and administrators.

use super::{Case, Clock, Sign};
use kafka_trial::protocol::{ErrorCode, Fact};

/// The only broker stands still from 20 s on; its client waits so long for an answer, in milliseconds. Each record
/// opens a batch of its own, which wakes the sender: one that is added to a batch does not.
macro_rules! paused {
    ($request_timeout:literal) => {
        concat!(
            "\
cluster: {brokers: 1, config: {zookeeper.session.timeout.ms: 6000}}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, config: {acks: 1, retries: 1000, request.timeout.ms: ",
            $request_timeout,
            ", delivery.timeout.ms: 40000, linger.ms: 0, batch.size: 100}}
timeline:
  - {at: 20s, pause: broker-1}
"
        )
    };
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            what: "a record is given up, waiting or in flight",
            setting: "delivery.timeout.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 47,
            scenario: paused!(25000),
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::Failed { .. })),
        },
        Case {
            what: "a record is given up, waiting or in flight",
            setting: "delivery.timeout.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 52,
            scenario: paused!(39000),
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::Failed { .. })),
        },
        Case {
            what: "`send` waits for the topic's partitions to be known",
            setting: "max.block.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 25,
            scenario: "\
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, start: 22s, config: {acks: 1, max.block.ms: 30000}}
timeline:
  - {at: 20s, crash: broker-1}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::Failed { .. })),
        },
        Case {
            what: "`send` waits for room in the buffer",
            setting: "max.block.ms",
            clock: Clock::Monotonic,
            jumps: "p",
            at_s: 30,
            scenario: "\
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, config: {acks: 1, max.block.ms: 30000, batch.size: 100, buffer.memory: 300, request.timeout.ms: 100000}}
timeline:
  - {at: 20s, pause: broker-1}
",
            shows: Sign::Fact(|entry| {
                matches!(&entry.fact, Fact::Failed { exception, .. } if **exception == *"BufferExhaustedException")
            }),
        },
        Case {
            what: "a request is given up, and its connection closed",
            setting: "request.timeout.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 25,
            scenario: paused!(25000),
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::Retrying { .. })),
        },
        Case {
            what: "pause before a retry",
            setting: "retry.backoff.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 30,
            scenario: "\
cluster: {brokers: 2}
topics:
  t: {assignment: [[1, 2]], config: {min.insync.replicas: 2}}
producers:
  p: {topic: t, every: 25s, acks: all, config: {enable.idempotence: false, retry.backoff.ms: 20000, retry.backoff.max.ms: 20000, linger.ms: 0}}
timeline:
  - {at: 10s, stop: broker-2}
",
            shows: Sign::Fact(|entry| {
                matches!(
                    entry.fact,
                    Fact::ProduceRefused {
                        error: ErrorCode::NotEnoughReplicas,
                        ..
                    }
                )
            }),
        },
        Case {
            what: "pause before connecting again",
            setting: "reconnect.backoff.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 27,
            scenario: "\
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, config: {acks: 1, batch.size: 100, reconnect.backoff.ms: 20000, reconnect.backoff.max.ms: 20000}}
timeline:
  - {at: 20s, stop: broker-1}
  - {at: 22s, restart: broker-1}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::Acked { .. })),
        },
        Case {
            what: "an attempt to connect is given up",
            setting: "socket.connection.setup.timeout.ms",
            clock: Clock::WallOnWaking,
            jumps: "p",
            at_s: 25,
            scenario: "\
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, start: 22s, config: {acks: 1, socket.connection.setup.timeout.ms: 30000}}
timeline:
  - {at: 20s, cut link: broker-1, to: p}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::BootstrapFailed { .. })),
        },
        Case {
            what: "what is known of the cluster is too old",
            setting: "metadata.max.age.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 25,
            scenario: "\
cluster: {brokers: 1}
topics:
  t: {assignment: [[1], [1], [1]]}
producers:
  p: {topic: t, every: 1s, start: 10s, stop: 12s, config: {acks: 1, metadata.max.age.ms: 40000}}
",
            shows: Sign::Packet("p"),
        },
        Case {
            what: "an administrator's call is given up",
            setting: "default.api.timeout.ms",
            // Awake meanwhile: each ApiVersions that is not answered ends after request.timeout.ms.
            clock: Clock::Wall,
            jumps: "admin",
            at_s: 40,
            scenario: "\
cluster: {brokers: 1}
timeline:
  - {at: 19s, pause: broker-1}
  - {at: 20s, create topic: u}
",
            shows: Sign::Fact(|entry| matches!(entry.fact, Fact::AdminAnswered { .. })),
        },
    ]
}
