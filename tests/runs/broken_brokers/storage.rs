//! Logs on disks: retention, the marker of a clean stop, the bounds of the high watermark.

use super::case::Case;

/// Broker 1 leads t-0, broker 2 is the controller and follows.
fn two(config: &str, topic: &str, rest: &str) -> String {
    format!(
        "
cluster:
  zookeeper: 1
  brokers: [{{id: 1, machine: {{start_after: 1s}}}}, {{id: 2}}]
  config: {{zookeeper.session.timeout.ms: 6000, {config}}}
topics:
  t: {{assignment: [[1, 2]], {topic}}}
producers:
  p: {{topic: t, value: {{bytes: 500B}}, every: 200ms, acks: 1}}
{rest}"
    )
}

/// A follower comes back far behind, and is sent little at a time.
#[test]
fn hw_bound_none() {
    Case {
        broken: "hw_bound=none",
        era: "",
        noticed_by: "the high watermark lies between the log's start and its end",
        plan: two(
            "replica.fetch.max.bytes: 1000",
            "config: {}",
            "
timeline:
  - {at: 10s, for: 15s, crash: broker-2}
",
        ),
    }
    .check();
}

/// All that a follower has is deleted while it is away: it begins anew, behind its own high watermark.
#[test]
fn hw_after_full_truncate_off() {
    Case {
        broken: "hw_after_full_truncate=off",
        era: "",
        noticed_by: "the high watermark lies between the log's start and its end",
        plan: two(
            "replica.lag.time.max.ms: 4000",
            "config: {}",
            "
timeline:
  - {at: 10s, for: 15s, crash: broker-2}
  - {at: 22s, delete records: t-0}
",
        ),
    }
    .check();
}

/// The follower does not fetch, so that nothing is committed, and records grow old.
#[test]
fn retention_hw_guard_off() {
    Case {
        broken: "retention_hw_guard=off",
        era: "",
        noticed_by: "nothing above the high watermark is deleted",
        plan: two(
            "log.initial.task.delay.ms: 1000, log.retention.check.interval.ms: 1000",
            "config: {segment.bytes: 2000, retention.ms: 2000}",
            "
timeline:
  - {at: 10s, for: 15s, cut link: broker-1, to: broker-2}
",
        ),
    }
    .check();
}

/// A clean stop, a start, and then a crash.
///
/// Not noticed by random faults: a crash leaves the page cache, so that an unchecked log is a whole one; only a
/// power failure after an earlier clean stop could show it, in a torn batch. The faults were too tame (nobody was
/// stopped cleanly), and a property was missing that asks whether a start may trust its logs at all.
#[test]
fn clean_marker_left() {
    Case {
        broken: "clean_marker=left",
        era: "",
        noticed_by: "a start trusts its logs only after a clean stop",
        plan: two(
            "num.partitions: 1",
            "config: {}",
            "
timeline:
  - {at: 10s, for: 5s, stop: broker-2}
  - {at: 25s, for: 10s, crash: broker-2}
",
        ),
    }
    .check();
}

/// A broker is to stop, cannot hand its leaderships over, and dies before it has closed its logs.
#[test]
fn clean_marker_early() {
    Case {
        broken: "clean_marker=early",
        era: "",
        noticed_by: "a start trusts its logs only after a clean stop",
        plan: two(
            "num.partitions: 1",
            "config: {}",
            "
timeline:
  - {at: 10s, for: 10s, cut link: broker-1, to: broker-2}
  - {at: 11s, stop: broker-1}
  - {at: 12s, crash: broker-1}
  - {at: 22s, restart: broker-1}
",
        )
        .replace("acks: 1", "acks: all"),
    }
    .check();
}

/// A clean stop; and the start after it dies before all logs are loaded (B57).
#[test]
fn clean_marker_after_load() {
    Case {
        broken: "clean_marker=after-load",
        era: "",
        noticed_by: "a start trusts its logs only after a clean stop",
        plan: two(
            "num.partitions: 1",
            "config: {}",
            "
timeline:
  - {at: 10s, for: 5s, stop: broker-2}
  - {at: 14s, for: 10s, slow disk: broker-2, times: 20000}
  - {at: 15450ms, for: 5s, crash: broker-2}
",
        ),
    }
    .check();
}

/// Old segments go, and the epochs that began in them with their entries; then the power fails, before the file of
/// those that are left is on the device (B59). The broker finds half a line there, and does not start.
#[test]
fn checkpoint_fsync_off() {
    let plan = two(
        "log.initial.task.delay.ms: 1000, log.retention.check.interval.ms: 1000",
        "config: {segment.bytes: 2000, retention.bytes: 4000}",
        "
timeline:
  - {at: 16s, for: 10s, power failure: broker-2}
  - {at: 31s, for: 10s, power failure: broker-2}
expect:
  - every ISR is full at the end
",
    );
    Case {
        broken: "checkpoint_fsync=off",
        era: "",
        noticed_by: "every ISR is full at the end",
        plan: plan
            .replace(
                "assignment: [[1, 2]]",
                "partitions: 12, replication.factor: 2",
            )
            .replace("every: 200ms", "config: {batch.size: 1000}, every: 25ms"),
    }
    .check();
}
