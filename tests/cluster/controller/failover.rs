//! What a controller does first, and what it does when it is one no more (Z2, CT3, CT4, CT5, RK3).

use crate::controller::cluster::Cluster;
use crate::controller::support::*;
use bytes::Bytes;
use kafka_trial::protocol::zookeeper::{CreateMode, Op};
use kafka_trial::protocol::{BrokerId, ErrorCode, Fact, Request, Response};

fn resignations(cluster: &Cluster) -> Vec<BrokerId> {
    let facts = cluster.facts.iter();
    let resigned = facts.filter(|(_, fact)| matches!(fact, Fact::ControllerResigned { .. }));
    resigned.map(|(id, _)| *id).collect()
}

#[test]
fn ct3_a_deleted_controller_node_brings_an_election_and_the_loser_resigns() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    cluster.first = 1;
    let path = "/controller".into();
    cluster
        .tree()
        .apply(0, Op::Delete { path, version: -1 })
        .unwrap();
    cluster.settle();
    assert_eq!(cluster.active_controller(), Some(1));
    assert_eq!(resignations(&cluster), [3]);
    assert_eq!(cluster.tree().nodes["/controller_epoch"].data, "2");
}

#[test]
fn ct3_a_controller_node_that_names_another_ends_the_term_and_its_watches() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let data = cluster.tree().nodes["/controller"].data.clone();
    let text = String::from_utf8(data.to_vec()).unwrap();
    let other = text.replace(r#""brokerid":3"#, r#""brokerid":9"#);
    assert_ne!(text, other);
    let set = Op::SetData {
        path: "/controller".into(),
        data: Bytes::from(other),
        version: -1,
    };
    cluster.tree().apply(0, set).unwrap();
    cluster.settle();
    assert_eq!(cluster.active_controller(), None);
    assert_eq!(resignations(&cluster), [3]);
    // Nobody reacts to what a controller would react to.
    let before = state(&mut cluster, 0);
    let writes = log(&mut cluster).len();
    kill(&mut cluster, 1);
    assert_eq!(state(&mut cluster, 0), before);
    assert_eq!(log(&mut cluster).len(), writes);
    assert!(cluster.requests.is_empty());
    // /controller itself is watched all the same, by everyone.
    let path = "/controller".into();
    cluster
        .tree()
        .apply(0, Op::Delete { path, version: -1 })
        .unwrap();
    cluster.settle();
    assert!(cluster.active_controller().is_some());
    assert_ne!(state(&mut cluster, 0), before);
}

#[test]
fn z2_ct4_a_new_controller_watches_clears_old_notices_and_ends_with_the_preferred_elections() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let session = cluster.crash(3);
    // A notice that nobody has read yet.
    let notice = Op::Create {
        path: "/isr_change_notification/isr_change_".into(),
        data: Bytes::from_static(br#"{"version":1,"partitions":[]}"#),
        mode: CreateMode::PERSISTENT_SEQUENTIAL,
    };
    cluster.tree().apply(0, notice).unwrap();
    let before = log(&mut cluster).len();
    cluster.first = 1;
    cluster.close_session(session);
    assert_eq!(cluster.active_controller(), Some(1));
    let writes = log(&mut cluster)[before..].to_vec();
    let place = |what: &str| {
        let found = writes.iter().position(|text| text.contains(what));
        found.unwrap_or_else(|| panic!("no {what} in {writes:#?}"))
    };
    let elected = place("create /controller {");
    let cleared = place("delete /isr_change_notification/isr_change_0000000000");
    let shrunk = place("/brokers/topics/t/partitions/0/state");
    assert!(elected < cleared && cleared < shrunk, "{writes:#?}");
    // Of /admin/preferred_replica_election, which is not there: guarded, and it fails.
    assert_eq!(
        writes.last().unwrap(),
        "multi(check /controller_epoch v3; error -101)"
    );

    let session = cluster.brokers[&1].session;
    let children = cluster.tree().child_watches_of(session).join(" ");
    for path in [
        "/brokers/ids",
        "/brokers/topics",
        "/isr_change_notification",
        "/log_dir_event_notification",
    ] {
        assert!(
            children.split(' ').any(|watched| watched == path),
            "{path}: {children}"
        );
    }
    let nodes = cluster.tree().node_watches_of(session).join(" ");
    for path in ["/controller", "/brokers/ids/1", "/brokers/ids/2"] {
        assert!(
            nodes.split(' ').any(|watched| watched == path),
            "{path}: {nodes}"
        );
    }
}

#[test]
fn rk3_ct4_everybody_hears_of_brokers_then_of_partitions_and_knew_them() {
    let mut cluster = with_topic(&[&[1, 2, 3], &[2, 3, 1]]);
    let before = [state(&mut cluster, 0), state(&mut cluster, 1)];
    cluster.first = 1;
    cluster.expire_session_of(3);
    assert_eq!(cluster.active_controller(), Some(1));
    for id in [1, 2] {
        let to_it: Vec<_> = cluster
            .requests
            .iter()
            .filter(|(to, ..)| *to == id)
            .map(|(_, request, answer)| (request, answer))
            .take(2)
            .collect();
        let (Request::UpdateMetadata(first), _) = to_it[0] else {
            panic!("{:?}", to_it[0]);
        };
        assert!(first.partition_states.is_empty(), "no partitions yet");
        assert_eq!((first.controller_id, first.controller_epoch), (1, 2));
        let (Request::LeaderAndIsr(second), Response::LeaderAndIsr(answer)) = to_it[1] else {
            panic!("{:?}", to_it[1]);
        };
        assert_eq!(second.controller_epoch, 2);
        for state in &second.partition_states {
            assert_eq!(state.controller_epoch, 1, "that of who wrote it");
        }
        let stale = |error: &ErrorCode| *error == ErrorCode::StaleControllerEpoch;
        assert!(
            answer
                .partition_errors
                .iter()
                .all(|(_, error)| stale(error))
        );
    }
    let after = [state(&mut cluster, 0), state(&mut cluster, 1)];
    assert_eq!(before, after, "nothing is written");
}

/// CT5: while nobody was the controller, a topic was made whose state is missing, a broker was started
/// again, and another died.
#[test]
fn ct5_states_at_the_start_of_a_term_come_from_who_is_there() {
    let mut cluster = with_topic(&[&[1, 2], &[2, 1], &[3, 1]]);
    let (_, answer) = alter(&mut cluster, 3, 3, altered(2, 0, 0, &[3]));
    assert_eq!(answer[0].error, ErrorCode::None);
    kill(&mut cluster, 1);
    let session = cluster.crash(3);
    let create = Op::Create {
        path: "/brokers/topics/u".into(),
        data: Bytes::from_static(br#"{"partitions":{"0":[1]},"version":1}"#),
        mode: CreateMode::PERSISTENT,
    };
    cluster.tree().apply(0, create).unwrap();
    cluster.start(1).unwrap();
    cluster.requests.clear();
    cluster.first = 2;
    cluster.close_session(session);
    assert_eq!(cluster.active_controller(), Some(2));
    // Without a state: new, and it gets its first one.
    let node = &cluster.tree().nodes["/brokers/topics/u/partitions/0/state"];
    assert_eq!(
        node.data,
        r#"{"controller_epoch":2,"leader":1,"version":1,"leader_epoch":0,"isr":[1]}"#
    );
    // Led by a live broker: online, with an unchanged epoch.
    assert_eq!(
        state(&mut cluster, 0),
        "leader 2 epoch 1 isr [2] version 1 of 1"
    );
    // Led by a dead one: offline, and nobody can be elected.
    assert!(state(&mut cluster, 2).starts_with("leader -1 epoch 1 isr [3]"));
    // Who has run all the while ignores what it knows; who was restarted learns its partitions from it.
    let answers = |id: BrokerId| {
        let to_it = cluster.requests.iter().filter(move |(to, ..)| *to == id);
        let answers = to_it.filter_map(|(_, _, answer)| match answer {
            Response::LeaderAndIsr(answer) => Some(answer.partition_errors.clone()),
            _ => None,
        });
        let first = answers.into_iter().next().expect("a LeaderAndIsr");
        first
            .into_iter()
            .map(|(_, error)| error)
            .collect::<Vec<_>>()
    };
    assert_eq!(answers(2), [ErrorCode::StaleControllerEpoch; 2]);
    assert_eq!(answers(1), [ErrorCode::None; 3]);
}
