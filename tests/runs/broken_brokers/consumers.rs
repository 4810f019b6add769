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

/// The coordinator has not heard of a topic that its group reads, and another member joins: the commit before that is
/// refused again and again, and no `poll` returns meanwhile (CB10).
#[test]
fn join_commit_in_one_poll() {
    Case {
        broken: "join_commit=in-one-poll",
        era: "",
        noticed_by: "every acknowledged record is read",
        plan: "
duration: 45s
cluster:
  zookeeper: 1
  brokers:
    - {id: 1, machine: {start_after: 2s}}
    - {id: 2}
    - {id: 3, machine: {start_after: 2s}}
  config: {offsets.topic.num.partitions: 1, offsets.topic.replication.factor: 1}
topics: {t: {assignment: [[1]]}}
producers: {p: {topic: t, every: 200ms}, q: {topic: u, start: 20s, every: 200ms}}
consumers:
  a: {topics: [t, u], config: {group.id: g, partition.assignment.strategy: STICKY}}
  b: {topics: [t, u], start: 30s, config: {group.id: g, partition.assignment.strategy: STICKY}}
timeline:
  - {at: 15s, cut link: controller, to: leader of __consumer_offsets-0, one way: true}
  - {at: 17s, create topic: u, assignment: [[1]]}
expect: [every acknowledged record is read]
"
        .replace(
            "STICKY",
            "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        ),
    }
    .check();
}

/// A reader stands still while the only broker in the ISR dies and one leads that has less; when it goes on, its offset
/// is another record's (B54).
#[test]
fn consumer_truncation_check_off() {
    Case {
        broken: "consumer_truncation_check=off",
        era: "",
        noticed_by: "c reads every acknowledged record",
        plan: "
cluster:
  zookeeper: 1
  brokers: [{id: 1, machine: {start_after: 1s}}, {id: 2, machine: {start_after: 1s}}, {id: 3}]
  config: {zookeeper.session.timeout.ms: 6000, replica.lag.time.max.ms: 4000}
topics:
  t: {assignment: [[1, 2]], config: {unclean.leader.election.enable: true}}
producers:
  p: {topic: t, every: 100ms, acks: all}
consumers:
  c: {topics: [t]}
timeline:
  - {at: 15s, for: 20s, cut link: broker-1, to: broker-2}
  - {at: 26s, crash: broker-1}
  - {at: 28s, for: 17s, pause: c}
expect:
  - 'acknowledged records lost: at least 1'
  - 'offsets used twice: at least 1'
  - c reads every acknowledged record
"
        .to_owned(),
    }
    .check();
}
