//! What consumers make of what they are answered.

use super::case::Case;

/// A reader in the follower's rack stands still for a while. The follower has looked for old segments meanwhile
/// and deleted some; the leader looks later, and has them yet.
#[test]
fn follower_oor_reset_policy() {
    Case {
        broken: "follower_oor=reset-policy",
        era: "",
        noticed_by: "each consumer reads without gaps",
        plan: "
cluster:
  zookeeper: 1
  brokers:
    - {id: 1, rack: a, machine: {start_after: 1s}}
    - {id: 2, rack: b, config: {log.retention.check.interval.ms: 1000}}
  config:
    replica.selector.class: org.apache.kafka.common.replica.RackAwareReplicaSelector
    log.initial.task.delay.ms: 1000
topics:
  t: {assignment: [[1, 2]], config: {segment.bytes: 2000, retention.ms: 20000}}
producers:
  p: {topic: t, every: 100ms, acks: all}
consumers:
  c: {topics: [t], config: {client.rack: b, auto.offset.reset: latest}}
timeline:
  - {at: 25s, for: 30s, pause: c}
"
        .to_owned(),
    }
    .check();
}
