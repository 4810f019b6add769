//! What a broker does with its logs by age, and now and then.

use super::{Case, Clock, Sign, any_file, file};
use kafka_trial::node::Observed;
use kafka_trial::protocol::Fact;

fn deletes(entry: &kafka_trial::trace::TraceEntry) -> bool {
    matches!(entry.fact, Fact::SegmentsDeleted { .. })
}

/// A second segment has begun.
fn rolled(view: Observed<'_>) -> bool {
    any_file(view, |path| {
        path.starts_with("data/t-0/")
            && path.ends_with(".log")
            && !path.ends_with("00000000000000000000.log")
    })
}

/// An offset of t-0 other than 0 stands in a checkpoint of broker 1.
fn checkpointed(view: Observed<'_>, name: &str) -> bool {
    let content = file(view, &format!("data/{name}")).unwrap_or_default();
    let offset = content.lines().find_map(|line| line.strip_prefix("t 0 "));
    offset.is_some_and(|offset| offset != "0")
}

fn recovery_point(view: Observed<'_>) -> bool {
    checkpointed(view, "recovery-point-offset-checkpoint")
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            what: "records are too old",
            setting: "retention.ms",
            clock: Clock::Wall,
            jumps: "broker-1",
            at_s: 25,
            scenario: "\
cluster: {brokers: 1, config: {log.retention.check.interval.ms: 1000, log.initial.task.delay.ms: 1000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {retention.ms: 30000, segment.bytes: 200}}
producers:
  p: {topic: t, every: 1s, start: 5s, config: {acks: 1}}
",
            shows: Sign::Fact(deletes),
        },
        Case {
            what: "a segment is full by age",
            setting: "segment.ms",
            clock: Clock::Wall,
            jumps: "p",
            at_s: 20,
            scenario: SEGMENT_BY_AGE,
            shows: Sign::State(rolled),
        },
        Case {
            what: "a segment is full by age, with `LogAppendTime`",
            setting: "segment.ms",
            clock: Clock::Wall,
            jumps: "broker-1",
            at_s: 20,
            scenario: "\
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1, config: {segment.ms: 30000, message.timestamp.type: LogAppendTime}}
producers:
  p: {topic: t, every: 1s, start: 5s, config: {acks: 1}}
",
            shows: Sign::State(rolled),
        },
        Case {
            what: "a segment is flushed by age",
            setting: "flush.ms",
            clock: Clock::Wall,
            jumps: "broker-1",
            at_s: 20,
            scenario: "\
cluster: {brokers: 1, config: {log.flush.scheduler.interval.ms: 1000, log.initial.task.delay.ms: 1000, log.flush.offset.checkpoint.interval.ms: 1000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {flush.ms: 30000}}
producers:
  p: {topic: t, every: 1s, start: 5s, config: {acks: 1}}
",
            shows: Sign::State(recovery_point),
        },
        Case {
            what: "somebody looks at what is too old or too much",
            setting: "log.retention.check.interval.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 40,
            scenario: "\
cluster: {brokers: 1, config: {log.retention.check.interval.ms: 60000, log.initial.task.delay.ms: 5000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {retention.bytes: 1000, segment.bytes: 200}}
producers:
  p: {topic: t, every: 1s, start: 10s, config: {acks: 1}}
",
            shows: Sign::Fact(deletes),
        },
        Case {
            what: "the first look of each kind",
            setting: "log.initial.task.delay.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 25,
            scenario: "\
cluster: {brokers: 1, config: {log.retention.check.interval.ms: 1000, log.initial.task.delay.ms: 40000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {retention.bytes: 1000, segment.bytes: 200}}
producers:
  p: {topic: t, every: 1s, start: 5s, config: {acks: 1}}
",
            shows: Sign::Fact(deletes),
        },
        Case {
            what: "somebody looks at what is to be flushed",
            setting: "log.flush.scheduler.interval.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 20,
            scenario: "\
cluster: {brokers: 1, config: {log.flush.scheduler.interval.ms: 40000, log.initial.task.delay.ms: 1000, log.flush.offset.checkpoint.interval.ms: 1000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {flush.ms: 1000}}
producers:
  p: {topic: t, every: 1s, start: 10s, config: {acks: 1}}
",
            shows: Sign::State(recovery_point),
        },
        Case {
            what: "checkpoints are written",
            setting: "log.flush.offset.checkpoint.interval.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 20,
            scenario: "\
cluster: {brokers: 1, config: {log.initial.task.delay.ms: 1000, log.flush.offset.checkpoint.interval.ms: 40000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {flush.messages: 1}}
producers:
  p: {topic: t, every: 1s, start: 10s, config: {acks: 1}}
",
            shows: Sign::State(recovery_point),
        },
        Case {
            what: "checkpoints are written",
            setting: "log.flush.start.offset.checkpoint.interval.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 20,
            scenario: "\
cluster: {brokers: 1, config: {log.initial.task.delay.ms: 1000, log.flush.start.offset.checkpoint.interval.ms: 40000}}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, start: 6s, config: {acks: 1}}
timeline:
  - {at: 12s, delete records: t-0, before: 2}
",
            shows: Sign::State(|view| checkpointed(view, "log-start-offset-checkpoint")),
        },
        Case {
            what: "checkpoints are written",
            setting: "replica.high.watermark.checkpoint.interval.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 20,
            scenario: "\
cluster: {brokers: 1, config: {replica.high.watermark.checkpoint.interval.ms: 40000}}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, every: 1s, start: 10s, config: {acks: 1}}
",
            shows: Sign::State(|view| checkpointed(view, "replication-offset-checkpoint")),
        },
        Case {
            what: "deleted files wait",
            setting: "file.delete.delay.ms",
            clock: Clock::Monotonic,
            jumps: "broker-1",
            at_s: 40,
            scenario: "\
cluster: {brokers: 1, config: {log.retention.check.interval.ms: 1000, log.initial.task.delay.ms: 1000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {retention.bytes: 1000, segment.bytes: 200, file.delete.delay.ms: 30000}}
producers:
  p: {topic: t, every: 1s, start: 5s, stop: 30s, config: {acks: 1}}
",
            shows: Sign::State(|view| !any_file(view, |path| path.ends_with(".deleted"))),
        },
        Case {
            what: "the directory of a deleted partition waits",
            setting: "log.segment.delete.delay.ms",
            clock: Clock::WallOnWaking,
            jumps: "broker-1",
            at_s: 40,
            scenario: DELETED_PARTITION,
            shows: Sign::State(no_directory),
        },
        Case {
            what: "the directory of a deleted partition waits",
            setting: "log.segment.delete.delay.ms",
            clock: Clock::Wall,
            jumps: "broker-1",
            at_s: 25,
            scenario: DELETED_PARTITION,
            shows: Sign::State(no_directory),
        },
    ]
}

const SEGMENT_BY_AGE: &str = "\
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1, config: {segment.ms: 30000}}
producers:
  p: {topic: t, every: 1s, start: 5s, config: {acks: 1}}
";

/// The task that deletes directories looks 20 s after the second start, and then sleeps for what is left.
const DELETED_PARTITION: &str = "\
cluster: {brokers: 1, config: {log.segment.delete.delay.ms: 50000, log.initial.task.delay.ms: 20000}}
timeline:
  - {at: 10s, stop: broker-1}
  - {at: 13s, write file: broker-1, file: data/old-0.0123456789abcdef0123456789abcdef-delete/00000000000000000000.log, text: x}
  - {at: 14s, restart: broker-1}
";

fn no_directory(view: Observed<'_>) -> bool {
    !any_file(view, |path| path.contains("-delete/"))
}
