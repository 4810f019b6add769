//! How followers find where their log parts from their leader's, and what they cut.

use super::case::Case;

const EQUAL: &str = "replicas are equal below the high watermark";

/// Replicas on brokers 1 and 2 (and 3), of which 2 is the preferred leader and 1 leads from 12 s on, since 2 was
/// away. Broker 4 is the controller.
fn handed_over(replicas: &str, rest: &str) -> String {
    format!(
        "
cluster:
  zookeeper: 1
  brokers:
    - {{id: 1, machine: {{start_after: 1s}}}}
    - {{id: 2, machine: {{start_after: 1s}}}}
    - {{id: 3, machine: {{start_after: 1s}}}}
    - {{id: 4}}
  config: {{zookeeper.session.timeout.ms: 6000, replica.lag.time.max.ms: 10000}}
topics:
  t: {{assignment: [{replicas}]}}
timeline:
  - {{at: 5s, for: 8s, crash: broker-2}}
{rest}"
    )
}

/// A record is committed and acknowledged. Broker 3 has it, and has not heard that it is committed, when it is to
/// follow the next leader: it cuts the record off, in the ISR.
#[test]
fn truncation_hw() {
    Case {
        broken: "truncation=hw",
        era: "",
        noticed_by: "who is in the ISR has all that is committed",
        plan: handed_over(
            "[2, 1, 3]",
            "
  - {when: late#1 is acknowledged, elect preferred leader: [t-0]}
producers:
  early: {topic: t, every: 1s, stop: 17s, acks: all}
  late: {topic: t, start: 30s, limit: 1, acks: all}
",
        ),
    }
    .check();
}

/// Brokers 1 and 2 do not reach each other, and each leads once: 1, then 2, then 1 again. Both have written, so
/// that broker 2's end of its epoch lies beyond where broker 1's last epoch began.
fn each_leads_in_turn() -> String {
    handed_over(
        "[2, 1]",
        "
  - {at: 18s, for: 14s, cut link: broker-1, to: broker-2}
  - {at: 20s, elect preferred leader: [t-0]}
  - {at: 24s, stop: broker-2}
  - {at: 28s, restart: broker-2}
producers:
  p: {topic: t, every: 400ms, acks: 0}
",
    )
}

#[test]
fn truncation_epoch_kip101() {
    Case {
        broken: "truncation=epoch-kip101",
        era: "",
        noticed_by: EQUAL,
        plan: each_leads_in_turn(),
    }
    .check();
}

/// Broker 3 leads for a while, from a shorter log. Broker 2 hears nothing from the controller and goes on fetching
/// from broker 1, which follows, and then leads again. A record has to come at the right moment: it does with about
/// every other seed.
fn zombie_follower() -> String {
    let plan = handed_over(
        "[3, 1, 2]",
        "
  - {at: 14s, for: 7s, crash: broker-3}
  - {at: 27s, for: 5s, cut link: broker-1, to: broker-3}
  - {at: 28s, for: 30s, cut link: broker-2, to: broker-4}
  - {at: 30s, elect preferred leader: [t-0]}
  - {at: 40s, stop: broker-3}
  - {at: 44s, restart: broker-3}
producers:
  p: {topic: t, every: 400ms, acks: 0}
",
    );
    format!("seed: 2\n{plan}")
}

/// Harmless while each fetch is fenced by its leader epoch.
#[test]
fn truncation_epoch_kip279() {
    Case {
        broken: "truncation=epoch-kip279",
        era: "replica_fencing=off",
        noticed_by: EQUAL,
        plan: zombie_follower(),
    }
    .check();
}

#[test]
fn replica_fencing_off() {
    Case {
        broken: "replica_fencing=off",
        era: "truncation=epoch-kip279",
        noticed_by: EQUAL,
        plan: zombie_follower(),
    }
    .check();
}

/// A partition's first leader is enough.
///
/// Not noticed by random faults: today a follower whose epoch the leader does not know is answered
/// OFFSET_OUT_OF_RANGE and finds its way by asking for offsets, until the leader writes its first record, which
/// notes the epoch. Nothing is lost; a property was missing.
#[test]
fn epoch_start_on_election_off() {
    Case {
        broken: "epoch_start_on_election=off",
        era: "",
        noticed_by: "a log's epoch cache says where its epochs begin",
        plan: handed_over("[2, 1]", ""),
    }
    .check();
}

/// Broker 2 misses that broker 3 led for a while; when it hears again, from the next controller (itself), its leader
/// is the old one.
#[test]
fn truncate_on_missed_epoch_off() {
    Case {
        broken: "truncate_on_missed_epoch=off",
        era: "truncation=epoch-kip279 replica_fencing=off",
        noticed_by: EQUAL,
        plan: handed_over(
            "[3, 1, 2]",
            "
  - {at: 14s, for: 7s, crash: broker-3}
  - {at: 27s, for: 5s, cut link: broker-1, to: broker-3}
  - {at: 28s, for: 18s, cut link: broker-2, to: broker-4}
  - {at: 29s, for: 23s, cut link: broker-2, to: [broker-1, broker-3]}
  - {at: 30s, elect preferred leader: [t-0]}
  - {at: 31s, reset link: broker-2, to: broker-1}
  - {at: 36s, stop: broker-3}
  - {at: 37s, for: 3s, slow link: zookeeper-1, to: [broker-1, broker-3], by: 300ms}
  - {at: 38s, stop: broker-4}
producers:
  p: {topic: t, every: 400ms, acks: 0}
",
        ),
    }
    .check();
}

/// Brokers 1 and 2 lead one after the other without writing; then broker 1 writes. Broker 2's cache says that its own
/// epoch begins where the new record is.
#[test]
fn clear_epoch_cache_on_noop_truncate_off() {
    Case {
        broken: "clear_epoch_cache_on_noop_truncate=off",
        era: "",
        noticed_by: "every ISR is full at the end",
        plan: handed_over(
            "[2, 1]",
            "
  - {at: 18s, elect preferred leader: [t-0]}
  - {at: 21s, for: 15s, cut link: broker-2, to: zookeeper-1}
producers:
  early: {topic: t, every: 1s, limit: 1, acks: all}
  late: {topic: t, every: 1s, start: 32s, acks: all}
expect:
  - every ISR is full at the end
",
        ),
    }
    .check();
}

/// The old leader has a tail that nobody else has, and is told in one answer to cut it off and how high the new
/// leader's high watermark is.
#[test]
fn diverging_before_hw_off() {
    Case {
        broken: "diverging_before_hw=off",
        era: "",
        noticed_by: "no replica cuts off what it holds for committed",
        plan: handed_over(
            "[2, 1]",
            "
  - {at: 18s, for: 20s, cut link: broker-1, to: broker-2}
  - {at: 20s, elect preferred leader: [t-0]}
producers:
  p: {topic: t, every: 400ms, acks: 0}
",
        ),
    }
    .check();
}
