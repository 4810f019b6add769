//! Which clock each time-out follows in a whole run (book/src/clocks.md): a clock that is set forward ends
//! what the wall clock measures, one that is set back makes it last so much longer, and what the monotonic
//! clock measures is as ever.

use kafka_trial::protocol::{ErrorCode, Fact};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use kafka_trial::trace::TraceEntry;

/// What a time-out follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clock {
    Wall,
    Monotonic,
}

/// By how much clocks are set.
const JUMP_S: u64 = 10;
/// Looks by timer, work and the next record lie between the end of a time-out and what shows it.
const SLACK_MS: u64 = 3_000;

/// A time-out that runs while the clock of a machine is set.
struct Case {
    setting: &'static str,
    clock: Clock,
    /// Whose clock is set, and when.
    jumps: &'static str,
    at_s: u64,
    /// The scenario but for its timeline's last line.
    scenario: &'static str,
    /// The fact that shows that the time-out has ended.
    shows: fn(&TraceEntry) -> bool,
}

impl Case {
    /// When the time-out ends if the clock is set by so much.
    fn ends(&self, by: &str) -> u64 {
        let jump = match by {
            "" => String::new(),
            by => format!(
                "  - {{at: {}s, jump clock: {}, by: {by}}}\n",
                self.at_s, self.jumps
            ),
        };
        let timeline = match self.scenario.contains("timeline:") || jump.is_empty() {
            true => "",
            false => "timeline:\n",
        };
        let text = format!(
            "format: 1\nname: test\nabout: A clock is set.\n{}{timeline}{jump}",
            self.scenario
        );
        let plan = load("test.yaml", text.into_bytes(), &[])
            .unwrap_or_else(|error| panic!("{}: {error}", self.setting))
            .plan;
        let report: Report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
        let found = report.trace.iter().find(|entry| (self.shows)(entry));
        let found = found.unwrap_or_else(|| panic!("{} by \"{by}\": it never ended", self.setting));
        found.time.as_millis()
    }

    fn follows_its_clock(&self) {
        let usual = self.ends("");
        assert!(
            usual > self.at_s * 1_000,
            "{}: {usual} is before the jump",
            self.setting
        );
        let (early, late) = (
            self.ends(&format!("{JUMP_S}s")),
            self.ends(&format!("-{JUMP_S}s")),
        );
        let (wanted_early, wanted_late) = match self.clock {
            Clock::Monotonic => (usual, usual),
            Clock::Wall => (
                usual.saturating_sub(JUMP_S * 1_000).max(self.at_s * 1_000),
                usual + JUMP_S * 1_000,
            ),
        };
        for (found, wanted) in [(early, wanted_early), (late, wanted_late)] {
            assert!(
                found.abs_diff(wanted) <= SLACK_MS,
                "{} follows another clock: usually {usual}, set forward {early}, set back {late} ms",
                self.setting
            );
        }
    }
}

fn is_after(entry: &TraceEntry, seconds: u64) -> bool {
    entry.time.as_millis() > seconds * 1_000
}

#[test]
fn clients_follow_the_wall_clock() {
    const PAUSED: &str = "\
duration: 100s
cluster: {brokers: 1, config: {zookeeper.session.timeout.ms: 6000}}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, config: {acks: 1, retries: 1000, request.timeout.ms: 25000, delivery.timeout.ms: 40000, linger.ms: 0}}
timeline:
  - {at: 20s, pause: broker-1}
";
    let cases = [
        Case {
            setting: "request.timeout.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 25,
            scenario: PAUSED,
            shows: |entry| matches!(entry.fact, Fact::Retrying { .. }),
        },
        Case {
            setting: "delivery.timeout.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 47,
            scenario: PAUSED,
            shows: |entry| matches!(entry.fact, Fact::Failed { .. }),
        },
        Case {
            setting: "max.block.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 25,
            scenario: "\
duration: 100s
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, start: 22s, config: {acks: 1, max.block.ms: 30000}}
timeline:
  - {at: 20s, crash: broker-1}
",
            shows: |entry| matches!(entry.fact, Fact::Failed { .. }),
        },
        Case {
            setting: "retry.backoff.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 30,
            scenario: "\
duration: 100s
cluster: {brokers: 2}
topics:
  t: {assignment: [[1, 2]], config: {min.insync.replicas: 2}}
producers:
  p: {topic: t, every: 25s, acks: all, config: {retry.backoff.ms: 20000, retry.backoff.max.ms: 20000, linger.ms: 0}}
timeline:
  - {at: 10s, stop: broker-2}
",
            shows: |entry| {
                is_after(entry, 35)
                    && matches!(
                        entry.fact,
                        Fact::ProduceRefused {
                            error: ErrorCode::NotEnoughReplicas,
                            ..
                        }
                    )
            },
        },
    ];
    cases.iter().for_each(Case::follows_its_clock);
}

#[test]
fn brokers_look_at_lag_and_age_by_the_wall_clock() {
    let cases = [
        Case {
            setting: "replica.lag.time.max.ms",
            clock: Clock::Wall,
            jumps: "broker-1",
            at_s: 25,
            scenario: "\
duration: 100s
cluster: {brokers: 2, config: {replica.lag.time.max.ms: 20000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, every: 1s, config: {acks: 1}}
timeline:
  - {at: 20s, cut link: broker-1, to: broker-2}
",
            shows: |entry| matches!(entry.fact, Fact::IsrChangeAsked { .. }),
        },
        Case {
            setting: "retention.ms",
            clock: Clock::Wall,
            jumps: "broker-1",
            at_s: 25,
            scenario: "\
duration: 100s
cluster: {brokers: 1, config: {log.retention.check.interval.ms: 1000, log.initial.task.delay.ms: 1000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {retention.ms: 30000, segment.bytes: 200}}
producers:
  p: {topic: t, every: 1s, start: 5s, config: {acks: 1}}
",
            shows: |entry| matches!(entry.fact, Fact::SegmentsDeleted { .. }),
        },
    ];
    cases.iter().for_each(Case::follows_its_clock);
}

#[test]
fn what_is_parked_and_what_is_done_now_and_then_follows_the_monotonic_clock() {
    let cases = [
        Case {
            setting: "the time of an acks=all produce",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 25,
            scenario: "\
duration: 100s
cluster: {brokers: 2, config: {replica.lag.time.max.ms: 90000, replica.socket.timeout.ms: 60000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, every: 1s, acks: all, config: {linger.ms: 0}}
timeline:
  - {at: 20s, cut link: broker-1, to: broker-2}
",
            shows: |entry| {
                matches!(
                    entry.fact,
                    Fact::ProduceRefused {
                        error: ErrorCode::RequestTimedOut,
                        ..
                    }
                )
            },
        },
        Case {
            setting: "leader.imbalance.check.interval.seconds",
            clock: Clock::Monotonic,
            jumps: "controller",
            at_s: 40,
            scenario: "\
duration: 120s
cluster: {brokers: 2, config: {leader.imbalance.check.interval.seconds: 60, auto.leader.rebalance.enable: true, leader.imbalance.per.broker.percentage: 0}}
topics:
  t: {assignment: [[1, 2], [2, 1]]}
timeline:
  - {at: 10s, stop: broker-1}
  - {at: 20s, restart: broker-1}
",
            shows: |entry| is_after(entry, 41) && matches!(entry.fact, Fact::LeadersImbalanced { .. }),
        },
        Case {
            setting: "log.retention.check.interval.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 40,
            scenario: "\
duration: 100s
cluster: {brokers: 1, config: {log.retention.check.interval.ms: 60000, log.initial.task.delay.ms: 5000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {retention.bytes: 1000, segment.bytes: 200}}
producers:
  p: {topic: t, every: 1s, start: 10s, config: {acks: 1}}
",
            shows: |entry| matches!(entry.fact, Fact::SegmentsDeleted { .. }),
        },
    ];
    cases.iter().for_each(Case::follows_its_clock);
}

#[test]
fn zookeeper_and_its_clients_follow_the_monotonic_clock() {
    let cases = [
        Case {
            setting: "the expiry of a session",
            clock: Clock::Monotonic,
            jumps: "zookeeper-1",
            at_s: 25,
            scenario: "\
duration: 100s
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 30000}}
timeline:
  - {at: 20s, crash: broker-2}
",
            shows: |entry| matches!(entry.fact, Fact::SessionExpired { .. }),
        },
        Case {
            setting: "the silence of a server",
            clock: Clock::Monotonic,
            jumps: "broker-2",
            at_s: 25,
            scenario: "\
duration: 100s
cluster: {brokers: 2, config: {zookeeper.session.timeout.ms: 30000}}
timeline:
  - {at: 20s, pause: zookeeper-1}
",
            shows: |entry| {
                is_after(entry, 25)
                    && *entry.node == *"broker-2"
                    && matches!(entry.fact, Fact::ZooKeeperDisconnected { .. })
            },
        },
    ];
    cases.iter().for_each(Case::follows_its_clock);
}
