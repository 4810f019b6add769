//! An ensemble's servers: who has what in its log when it says so, sessions, watches.

use super::case::Case;

/// Three servers, of which the third leads; a broker; a client of each server.
fn ensemble(rest: &str) -> String {
    format!(
        "
cluster:
  zookeeper: 3
  brokers: 1
  config: {{zookeeper.session.timeout.ms: 20000}}
zookeeper_clients:
  one: {{servers: zookeeper-1, session_timeout: 40s}}
  three: {{servers: zookeeper-3, session_timeout: 40s}}
timeline:
  - {{at: 10s, ask zookeeper: create /route north, client: three}}
{rest}"
    )
}

/// What was answered was committed; the leader that follows does not have it.
const KEEPS: &str = "ZooKeeper forgets nothing";

/// The leader cannot reach its followers, and answers a write all the same.
#[test]
fn zk_commit_first_ack() {
    Case {
        broken: "zk_commit=first-ack",
        era: "",
        noticed_by: KEEPS,
        plan: ensemble(
            "
  - {at: 20s, for: 30s, cut link: zookeeper-3, to: [zookeeper-1, zookeeper-2]}
  - {at: 20100ms, ask zookeeper: set /route south, client: three}
",
        ),
    }
    .check();
}

/// The disks of both followers hang; then they lose power, and the leader dies.
#[test]
fn zk_ack_before_fsync() {
    Case {
        broken: "zk_ack=before-fsync",
        era: "",
        noticed_by: KEEPS,
        plan: ensemble(
            "
  - {at: 20s, for: 5s, hang sync: [zookeeper-1, zookeeper-2]}
  - {at: 20100ms, ask zookeeper: set /route south, client: three}
  - {at: 20200ms, ask zookeeper: set /route west, client: three}
  - {at: 20300ms, ask zookeeper: set /route east, client: three}
  - {at: 21s, power failure: [zookeeper-1, zookeeper-2]}
  - {at: 21s, crash: zookeeper-3}
  - {at: 28s, restart: [zookeeper-1, zookeeper-2]}
  - {at: 40s, restart: zookeeper-3}
",
        ),
    }
    .check();
}

/// The first server is away while a write is committed; it and the leader are the next quorum, and it acknowledges
/// that before it has the write on its (slow) disk. It loses power, the leader dies, and the server that has the
/// write is of an older epoch.
fn a_quorum_of_two_epochs() -> String {
    ensemble(
        "
  - {at: 15s, crash: zookeeper-1}
  - {at: 20s, ask zookeeper: set /route south, client: three}
  - {at: 25s, crash: zookeeper-2}
  - {at: 27s, for: 10s, slow disk: zookeeper-1, times: 800}
  - {at: 27s, restart: zookeeper-1}
  - {at: 29600ms, power failure: zookeeper-1}
  - {at: 29600ms, crash: zookeeper-3}
  - {at: 38s, restart: [zookeeper-1, zookeeper-2]}
  - {at: 50s, restart: zookeeper-3}
",
    )
}

#[test]
fn zk_newleader_ack_before_fsync() {
    Case {
        broken: "zk_newleader_ack=before-fsync",
        era: "",
        noticed_by: KEEPS,
        plan: a_quorum_of_two_epochs(),
    }
    .check();
}

/// Its leader does not serve yet: nothing of it is in the log.
#[test]
fn zk_newleader_ack_when_serving() {
    Case {
        broken: "zk_newleader_ack=when-serving",
        era: "",
        noticed_by: KEEPS,
        plan: a_quorum_of_two_epochs(),
    }
    .check();
}

/// It lost power between its epoch and the write.
#[test]
fn zk_newleader_ack_epoch_first() {
    Case {
        broken: "zk_newleader_ack=epoch-first",
        era: "",
        noticed_by: KEEPS,
        plan: a_quorum_of_two_epochs(),
    }
    .check();
}

/// A leader logs what nobody else has; when it comes back as a follower it is told to cut it off.
#[test]
fn zk_sync_trunc_off() {
    Case {
        broken: "zk_sync_trunc=off",
        era: "",
        noticed_by: "ZooKeeper",
        plan: ensemble(
            "
  - {at: 20s, for: 20s, cut link: zookeeper-3, to: [zookeeper-1, zookeeper-2]}
  - {at: 20100ms, ask zookeeper: set /route south, client: three}
  - {at: 55s, ask zookeeper: get /route, client: three}
",
        ),
    }
    .check();
}

/// The same; and it votes by its tree, which does not have that. What it is sent then comes behind it in its log, and
/// the next start takes all of it for the past.
#[test]
fn zk_retained_tree_as_applied() {
    Case {
        broken: "zk_retained_tree=as-applied",
        era: "",
        noticed_by: "ZooKeeper",
        plan: ensemble(
            "
  - {at: 20s, for: 20s, cut link: zookeeper-3, to: [zookeeper-1, zookeeper-2]}
  - {at: 20100ms, ask zookeeper: set /route south, client: three}
  - {at: 35s, ask zookeeper: create /depot open, client: one}
  - {at: 45s, for: 3s, crash: zookeeper-3}
  - {at: 55s, ask zookeeper: get /route, client: three}
",
        ),
    }
    .check();
}

/// A client goes on at another server, while a write that it sent by the first is still under way.
#[test]
fn zk_session_owner_check_off() {
    Case {
        broken: "zk_session_owner_check=off",
        era: "",
        noticed_by: "a ZooKeeper session never goes back",
        plan: "
cluster: {zookeeper: 3, brokers: 1}
zookeeper_clients:
  mover: {servers: [zookeeper-1, zookeeper-2], session_timeout: 20s}
timeline:
  - {at: 0s, for: 22s, cut link: mover, to: zookeeper-2}
  - {at: 15s, ask zookeeper: create -e /lock early, client: mover}
  - {at: 20s, for: 20s, slow link: zookeeper-1, to: zookeeper leader, by: 3s}
  - {at: 25s, ask zookeeper: set /lock late, client: mover}
  - {at: 25500ms, reset link: mover, to: zookeeper-1}
  - {at: 26500ms, ask zookeeper: set /lock newer, client: mover}
"
        .to_owned(),
    }
    .check();
}

/// Two leaders, one after the other, ask the same server for its promise.
#[test]
fn zk_accepted_epoch_forgotten() {
    Case {
        broken: "zk_accepted_epoch=forgotten",
        era: "",
        noticed_by: "a ZooKeeper epoch has one leader, and epochs grow",
        plan: ensemble(
            "
  - {at: 20s, for: 20s, crash: zookeeper-3}
",
        ),
    }
    .check();
}

#[test]
fn zk_close_session_nothing() {
    Case {
        broken: "zk_close_session=nothing",
        era: "",
        noticed_by: "a ZooKeeper ephemeral lives as long as its session",
        plan: ensemble(
            "
  - {at: 20s, stop: broker-1}
",
        ),
    }
    .check();
}

#[test]
fn zk_watch_dropped() {
    Case {
        broken: "zk_watch=dropped",
        era: "",
        noticed_by: "ZooKeeper's watches fire once, and before the change can be seen",
        plan: ensemble(
            "
  - {at: 20s, ask zookeeper: get -w /route, client: one}
  - {at: 25s, ask zookeeper: set /route south, client: three}
  - {at: 30s, ask zookeeper: get /route, client: one}
",
        ),
    }
    .check();
}
