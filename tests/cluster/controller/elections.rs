//! Registration, elections of the controller, and its resignation.

use crate::controller::cluster::{Cluster, NOW_MS, endpoint};
use crate::controller::support::*;
use bytes::Bytes;
use kafka_trial::controller::{Controller, ControllerInput};
use kafka_trial::metadata::znode;
use kafka_trial::protocol::config::BrokerConfig;
use kafka_trial::protocol::zookeeper::{Answer, Code, Op, Stat};
use kafka_trial::protocol::{
    BrokerId, ControlledShutdownRequest, ErrorCode, Fact, Request, Response,
};
use kafka_trial::zookeeper_mode::RegistrationError;
use kafka_trial::zookeeper_mode::ZkCalls;
use std::rc::Rc;

#[test]
fn rk1_the_first_start_makes_paths_and_parents_in_kafkas_order() {
    let mut cluster = Cluster::new();
    cluster.start(3).unwrap();
    let log = log(&mut cluster);
    assert_eq!(
        log[..6],
        [
            "create /consumers ",
            "error -101",
            "create /brokers ",
            "create /brokers/ids ",
            "create /brokers/topics ",
            "error -101",
        ]
    );
    // The next one finds everything: one failed create a path, nothing for the cluster id.
    let before = log.len();
    cluster.start(1).unwrap();
    let log = self::log(&mut cluster);
    assert!(
        log[before..before + 14]
            .iter()
            .all(|text| text == "error -110")
    );
    assert!(log[before + 14].starts_with("multi(create /brokers/ids/1 ; setData"));
}

#[test]
fn ct17_a_registration_has_version_1_and_its_epoch_is_the_czxid() {
    let mut cluster = Cluster::of_three();
    let node = cluster.tree().nodes["/brokers/ids/1"].clone();
    assert_eq!(node.stat.version, 1);
    assert_eq!(cluster.brokers[&1].broker_epoch, node.stat.czxid);
}

#[test]
fn ct17_an_id_that_another_session_holds_is_refused() {
    let mut cluster = Cluster::of_three();
    let session = cluster.crash(1);
    assert_eq!(
        cluster.start(1),
        Err(RegistrationError::NodeExists { owner: session })
    );
    cluster.close_session(session);
    assert_eq!(cluster.start(1), Ok(()));
}

#[test]
fn ct17_what_an_expired_session_of_its_own_left_is_made_anew() {
    let mut cluster = Cluster::new();
    let (old, new) = (
        cluster.tree().create_session(),
        cluster.tree().create_session(),
    );
    let mut czxids = Vec::new();
    for (session, previous) in [(old, 0), (old, 0), (new, old)] {
        let registered = cluster.register(1, session, previous);
        czxids.push(registered.unwrap());
        let node = &cluster.tree().nodes["/brokers/ids/1"];
        assert_eq!(node.stat.ephemeral_owner, session);
    }
    assert_eq!(czxids[0], czxids[1], "only the answer was lost");
    assert!(czxids[2] > czxids[1]);
}

#[test]
fn z1_the_first_controller_has_epoch_1_and_the_next_2() {
    let mut cluster = Cluster::of_three();
    assert_eq!(cluster.active_controller(), Some(3));
    assert_eq!(cluster.brokers[&3].controller.epoch(), 1);
    cluster.first = 2;
    kill(&mut cluster, 3);
    assert_eq!(cluster.active_controller(), Some(2));
    assert_eq!(cluster.brokers[&2].controller.epoch(), 2);
    assert_eq!(cluster.brokers[&1].controller.epoch(), 0);
}

#[test]
fn rk2_the_loser_of_an_election_adds_one_failed_multi() {
    let mut cluster = Cluster::of_three();
    let before = log(&mut cluster).len();
    kill(&mut cluster, 3);
    let log = log(&mut cluster);
    let failed = log[before..]
        .iter()
        .filter(|text| *text == "multi(error -110; error -2)");
    assert!(failed.count() <= 1);
    assert_eq!(
        cluster.brokers[&1].controller.view().active_controller_id,
        cluster.brokers[&2].controller.view().active_controller_id
    );
}

/// Feeds one controller by hand: the next question must be `expected`.
fn answer_next(
    controller: &mut Controller,
    calls: &ZkCalls,
    expected: &Op,
    answer: Result<Answer, Code>,
) {
    let asked = calls.drain();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].1, *expected);
    calls.answer(asked[0].0, answer);
    controller.poll(NOW_MS);
}

#[test]
fn ct2_a_winner_whose_answer_was_lost_finds_that_it_won() {
    for (holder, epoch, won) in [(7, 5, true), (8, 5, false), (7, 6, false)] {
        let calls = ZkCalls::new();
        let config = Rc::new(BrokerConfig::default());
        let mut controller = Controller::new(endpoint(7), config, calls.clone());
        let startup = ControllerInput::Startup {
            session: 1,
            broker_epoch: 1,
        };
        controller.input(NOW_MS, startup);
        let data = |data: Bytes, version| {
            let stat = Stat {
                version,
                ..Stat::default()
            };
            Ok(Answer::Data { data, stat })
        };
        let read = |path: &str, watch| Op::GetData {
            path: path.into(),
            watch,
        };
        let controller_node = read("/controller", true);
        let epoch_node = read("/controller_epoch", false);
        let exists = Op::Exists {
            path: "/controller".into(),
            watch: true,
        };
        let c = &mut controller;
        answer_next(c, &calls, &exists, Err(Code::NoNode));
        answer_next(c, &calls, &controller_node, Err(Code::NoNode));
        answer_next(c, &calls, &epoch_node, data("4".into(), 4));
        // Sent again after the connection was lost, it meets what the first attempt wrote.
        let election = calls.drain();
        assert!(matches!(election[0].1, Op::Multi(_)));
        let refused = vec![Err(Code::NodeExists), Err(Code::RuntimeInconsistency)];
        calls.answer(election[0].0, Ok(Answer::Multi(refused)));
        controller.poll(NOW_MS);
        let c = &mut controller;
        let node = znode::ControllerZNode::encode(holder, NOW_MS);
        answer_next(c, &calls, &controller_node, data(node, 0));
        if holder == 7 {
            let epoch = znode::encode_controller_epoch(epoch);
            answer_next(c, &calls, &epoch_node, data(epoch, 5));
        }
        assert_eq!(controller.is_active(), won);
        assert_eq!(controller.epoch(), if won { 5 } else { 0 });
    }
}

#[test]
fn z3_a_controller_that_was_replaced_is_fenced_and_resigns() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    // Another has been elected, and the old one has not heard of it.
    let tree = cluster.tree();
    tree.apply(
        0,
        Op::SetData {
            path: "/controller_epoch".into(),
            data: Bytes::from_static(b"2"),
            version: -1,
        },
    )
    .unwrap();
    tree.nodes.get_mut("/controller").unwrap().data = znode::ControllerZNode::encode(2, NOW_MS);
    let before = state(&mut cluster, 0);
    kill(&mut cluster, 1);
    assert_eq!(state(&mut cluster, 0), before, "nothing was written");
    assert!(!cluster.brokers[&3].controller.is_active());
    let resigned = |(id, fact): &(BrokerId, Fact)| {
        *id == 3
            && matches!(
                fact,
                Fact::ControllerResigned {
                    controller_epoch: 1,
                    ..
                }
            )
    };
    assert!(cluster.facts.iter().any(resigned));
}

#[test]
fn z11_an_expired_controller_resigns_registers_again_and_may_win_again() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let old = cluster.brokers[&3].broker_epoch;
    cluster.first = 1;
    cluster.expire_session_of(3);
    assert_eq!(cluster.active_controller(), Some(1));
    assert!(cluster.brokers[&3].broker_epoch > old);
    let facts: Vec<&Fact> = cluster
        .facts
        .iter()
        .filter(|(id, _)| *id == 3)
        .map(|(_, fact)| fact)
        .collect();
    assert!(matches!(facts[0], Fact::ControllerResigned { .. }));
    // The new controller has taken over, and tells the one that came back what it knew.
    let told = cluster
        .requests
        .iter()
        .any(|(to, request, _)| match request {
            Request::LeaderAndIsr(r) => *to == 3 && r.controller_id == 1 && r.controller_epoch == 2,
            _ => false,
        });
    assert!(told);
}

#[test]
fn z11_requests_that_wait_are_answered_when_the_session_expires() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    cluster.away = true;
    // The thread is busy with this one, which waits for ZooKeeper ...
    let busy = cluster.begin_controller(
        3,
        ControlledShutdownRequest {
            broker_id: 1,
            broker_epoch: cluster.brokers[&1].broker_epoch,
        },
    );
    // ... and this one waits behind it.
    let queued = cluster.begin_controller(
        3,
        ControlledShutdownRequest {
            broker_id: 2,
            broker_epoch: cluster.brokers[&2].broker_epoch,
        },
    );
    assert!(cluster.responses.is_empty());
    cluster.away = false;
    cluster.expire_session_of(3);
    let error = |response: Option<Response>| match response {
        Some(Response::ControlledShutdown(response)) => Some(response.error),
        _ => None,
    };
    assert_eq!(
        error(cluster.responses.remove(&queued)),
        Some(ErrorCode::StaleControllerEpoch)
    );
    assert_eq!(
        error(cluster.responses.remove(&busy)),
        Some(ErrorCode::UnknownServerError)
    );
}
