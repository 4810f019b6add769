//! Who decides on leadership, and who is obeyed.

use super::case::Case;

const OBEYS: &str = "a broker obeys the current controller, and as what it is now";

/// Brokers 1 and 2 have replicas of t-0; broker 4 is the controller.
fn cluster(zookeepers: u32, rest: &str) -> String {
    format!(
        "
cluster:
  zookeeper: {zookeepers}
  brokers:
    - {{id: 1, machine: {{start_after: 2s}}}}
    - {{id: 2, machine: {{start_after: 2s}}}}
    - {{id: 3, machine: {{start_after: 2s}}}}
    - {{id: 4}}
  config: {{zookeeper.session.timeout.ms: 6000, replica.lag.time.max.ms: 4000}}
topics:
  t: {{assignment: [[1, 2]]}}
producers:
  p: {{topic: t, every: 500ms, acks: all}}
{rest}"
    )
}

#[test]
fn leader_epoch_bump_off() {
    Case {
        broken: "leader_epoch_bump=off",
        era: "",
        noticed_by: "a leader epoch has one leader",
        plan: cluster(
            1,
            "
timeline:
  - {at: 15s, for: 15s, crash: broker-1}
",
        ),
    }
    .check();
}

/// Broker 2 has fallen out of the ISR when the leader dies.
#[test]
fn offline_election_any_live() {
    Case {
        broken: "offline_election=any-live",
        era: "",
        noticed_by: "no acknowledged record is lost",
        plan: cluster(
            1,
            "
timeline:
  - {at: 10s, for: 20s, cut link: broker-1, to: broker-2}
  - {at: 22s, for: 15s, crash: broker-1}
",
        ),
    }
    .check();
}

/// The controller loses its session, and does not know; what it had sent to broker 2 arrives when another one is
/// in office.
///
/// Not noticed by random faults: what an old controller says was written to ZooKeeper first, so that the new one
/// says it again, and leader epochs keep old leaderships from coming back. What is left, an older view of the
/// cluster for a moment, no client sees. A property was missing.
#[test]
fn controller_epoch_check_off() {
    Case {
        broken: "controller_epoch_check=off",
        era: "",
        noticed_by: OBEYS,
        plan: cluster(
            1,
            "
timeline:
  - {at: 12s, for: 15s, stall link: broker-4, to: broker-2}
  - {at: 12500ms, create topic: u, partitions: 1, replication.factor: 1}
  - {at: 14s, for: 20s, cut link: broker-4, to: zookeeper-1}
",
        ),
    }
    .check();
}

/// Somebody deletes /controller while the controller, far from ZooKeeper, is about to write a state.
#[test]
fn controller_zk_fencing_off() {
    Case {
        broken: "controller_zk_fencing=off",
        era: "",
        noticed_by: "only the current controller writes the state of partitions",
        plan: cluster(
            3,
            "
zookeeper_clients:
  somebody: {}
timeline:
  - {at: 15s, for: 10s, crash: broker-1}
  - {at: 25s, for: 20s, slow link: broker-4, to: all zookeepers, by: 500ms}
  - {at: 32s, elect preferred leader: [t-0]}
  - {at: 33s, ask zookeeper: delete /controller, client: somebody}
",
        ),
    }
    .check();
}

/// Broker 3 is stopped and started again before the controller hears of it; what had been sent to its earlier life
/// is sent again to the new one.
#[test]
fn broker_epoch_fencing_off() {
    Case {
        broken: "broker_epoch_fencing=off",
        era: "",
        noticed_by: OBEYS,
        plan: cluster(
            1,
            "
timeline:
  - {at: 12s, for: 4s, stall link: broker-4, to: broker-3}
  - {at: 12500ms, create topic: u, partitions: 1, replication.factor: 1}
  - {at: 13500ms, for: 10s, slow link: broker-4, to: zookeeper-1, by: 4s}
  - {at: 14s, stop: broker-3}
  - {at: 14500ms, restart: broker-3}
",
        )
        .replace(
            "{id: 3, machine: {start_after: 2s}}",
            "{id: 3, machine: {start_after: 2s}, config: {controlled.shutdown.enable: false}}",
        ),
    }
    .check();
}

/// Broker 2 stops; what the controller had for it arrives late, when broker 2 lives again and has been told of the
/// next leader epoch. It would never fetch again.
///
/// That is all that can be shown. A StopReplica with a leader epoch comes from a controlled shutdown alone: it
/// concerns a broker that has given up fetching for this life, and its next life, and the requests of the next
/// controller, have epochs of their own. So the rule shows only where a broker obeys what was meant for its earlier
/// life, which a property notices by itself.
#[test]
fn stop_replica_epoch_off() {
    Case {
        broken: "stop_replica_epoch=off",
        era: "broker_epoch_fencing=off",
        noticed_by: "every ISR is full at the end",
        plan: cluster(
            1,
            "
timeline:
  - {at: 19s, for: 3s, slow link: broker-4, to: broker-2, by: 300ms}
  - {at: 20s, stop: broker-2}
  - {at: 20700ms, for: 7s, cut link: broker-4, to: broker-2, one way: true}
  - {at: 21500ms, for: 9s, stall link: broker-4, to: zookeeper-1}
  - {at: 25s, restart: broker-2}
  - {at: 28s, for: 2400ms, slow link: broker-4, to: broker-2, by: 1s}
  - {at: 28s, reset link: broker-4, to: broker-2}
expect:
  - every ISR is full at the end
",
        )
        .replace("6000", "18000")
        .replace(
            "{id: 2, machine: {start_after: 2s}}",
            "{id: 2, machine: {start_after: 2s}, config: {controlled.shutdown.max.retries: 1, \
             request.timeout.ms: 1500}}",
        ),
    }
    .check_beside(OBEYS);
}

/// Broker 2 is told to follow a partition of u when it is back, and loses its session again while it asks how u is
/// configured.
#[test]
fn transition_atomic_off() {
    Case {
        broken: "transition_atomic=off",
        era: "",
        noticed_by: "every ISR is full at the end",
        plan: cluster(
            1,
            "
timeline:
  - {at: 10s, for: 12s, cut link: broker-2, to: zookeeper-1}
  - {at: 18s, create topic: u, assignment: [[1, 2]]}
  - {when: broker-2 registers, from: 20s, for: 12s, cut link: broker-2, to: zookeeper-1}
expect:
  - every ISR is full at the end
",
        ),
    }
    .check();
}
