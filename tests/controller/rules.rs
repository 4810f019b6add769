//! Rules of kafka-truth, each by its id.

use crate::cluster::{Cluster, NOW_MS, endpoint};
use crate::recordings::{array, create_topic, load};
use bytes::Bytes;
use kafka_trial::controller::registration::RegistrationError;
use kafka_trial::controller::{Controller, ControllerInput, ZkCalls};
use kafka_trial::metadata::znode;
use kafka_trial::protocol::config::BrokerConfig;
use kafka_trial::protocol::zookeeper::{Answer, Code, CreateMode, Op, Stat};
use kafka_trial::protocol::{
    AlterConfigOp, AlterConfigsResource, AlterPartitionData, AlterPartitionRequest,
    AlterPartitionResult, BrokerId, ConfigResource, ControlledShutdownRequest, CreatableTopic,
    CreateTopicsRequest, ElectLeadersRequest, ElectionType, ErrorCode, Fact,
    IncrementalAlterConfigsRequest, LeaderRecoveryState, Request, Response, TopicId,
    TopicPartition,
};
use std::rc::Rc;

// ---- helpers

fn topic(name: &str, replicas: &[&[BrokerId]]) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: name.into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: (0..).zip(replicas.iter().map(|r| r.to_vec())).collect(),
            configs: Vec::new(),
        }],
        timeout_ms: 10_000,
        validate_only: false,
    }
}

/// Three brokers, the controller on 3, and a topic t.
fn with_topic(replicas: &[&[BrokerId]]) -> Cluster {
    let mut cluster = Cluster::of_three();
    match cluster.ask_admin(3, topic("t", replicas)) {
        Some(Response::CreateTopics(response)) => {
            assert_eq!(response.topics[0].error, ErrorCode::None);
            assert_ne!(response.topics[0].topic_id, TopicId::ZERO);
        }
        other => panic!("{other:?}"),
    }
    cluster.requests.clear();
    cluster.facts.clear();
    cluster
}

fn state(cluster: &mut Cluster, partition: i32) -> String {
    let path = format!("/brokers/topics/t/partitions/{partition}/state");
    let node = &cluster.tree().nodes[&path];
    let state = znode::decode_partition_state(&node.data, node.stat.version).unwrap();
    let s = state.leader_and_isr;
    format!(
        "leader {} epoch {} isr {:?} version {} of {}",
        s.leader, s.leader_epoch, s.isr, s.partition_epoch, state.controller_epoch
    )
}

fn kill(cluster: &mut Cluster, id: BrokerId) {
    let session = cluster.crash(id);
    cluster.close_session(session);
}

fn altered(
    partition: i32,
    leader_epoch: i32,
    partition_epoch: i32,
    isr: &[BrokerId],
) -> AlterPartitionData {
    AlterPartitionData {
        partition: TopicPartition::new("t", partition),
        topic_id: TopicId::ZERO,
        leader_epoch,
        new_isr: isr.iter().map(|id| (*id, -1)).collect(),
        leader_recovery_state: LeaderRecoveryState::Recovered,
        partition_epoch,
    }
}

/// Broker `from` asks broker `at`; the request's error, and the partitions' answers.
fn alter(
    cluster: &mut Cluster,
    at: BrokerId,
    from: BrokerId,
    data: AlterPartitionData,
) -> (ErrorCode, Vec<AlterPartitionResult>) {
    let request = AlterPartitionRequest {
        broker_id: from,
        broker_epoch: cluster.brokers[&from].broker_epoch,
        partitions: vec![data],
    };
    match cluster.ask_controller(at, request) {
        Some(Response::AlterPartition(response)) => (response.error, response.partitions),
        other => panic!("{other:?}"),
    }
}

fn alter_error(cluster: &mut Cluster, data: AlterPartitionData) -> ErrorCode {
    let (error, partitions) = alter(cluster, 3, 1, data);
    assert_eq!(error, ErrorCode::None);
    partitions[0].error
}

fn log(cluster: &mut Cluster) -> Vec<String> {
    let log = &cluster.tree().log;
    log.iter().map(|(_, text)| text.clone()).collect()
}

/// Requests of controllers since the last look: broker, name, how many partitions.
fn requests(cluster: &mut Cluster) -> Vec<(BrokerId, &'static str, u32)> {
    let requests = std::mem::take(&mut cluster.requests);
    requests
        .iter()
        .map(|(to, request, _)| {
            let partitions = match request {
                Request::LeaderAndIsr(r) => r.partition_states.len(),
                Request::UpdateMetadata(r) => r.partition_states.len(),
                Request::StopReplica(r) => r.partition_states.len(),
                _ => 0,
            };
            (*to, request.name(), partitions as u32)
        })
        .collect()
}

fn elect(election_type: ElectionType, partitions: Option<Vec<i32>>) -> ElectLeadersRequest {
    ElectLeadersRequest {
        election_type,
        partitions: partitions.map(|ids| {
            ids.into_iter()
                .map(|id| TopicPartition::new("t", id))
                .collect()
        }),
        timeout_ms: 10_000,
    }
}

fn elected(cluster: &mut Cluster, request: ElectLeadersRequest) -> Vec<(String, ErrorCode)> {
    match cluster.ask_controller(3, request) {
        Some(Response::ElectLeaders(response)) => response
            .results
            .into_iter()
            .map(|(partition, error)| (partition.to_string(), error))
            .collect(),
        other => panic!("{other:?}"),
    }
}

// ---- registration and election

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

// ---- brokers come and go

#[test]
fn rk6_a_crash_brings_an_election_and_then_a_shrink_of_the_rest() {
    let mut cluster = with_topic(&[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]]);
    kill(&mut cluster, 1);
    assert_eq!(
        state(&mut cluster, 0),
        "leader 2 epoch 1 isr [2, 3] version 1 of 1"
    );
    assert_eq!(
        state(&mut cluster, 1),
        "leader 2 epoch 1 isr [2, 3] version 1 of 1"
    );
    assert_eq!(
        requests(&mut cluster)
            .into_iter()
            .filter(|(to, ..)| *to == 2)
            .collect::<Vec<_>>(),
        [
            (2, "LeaderAndIsr", 1),
            (2, "UpdateMetadata", 1),
            (2, "LeaderAndIsr", 3),
            (2, "UpdateMetadata", 3),
        ]
    );
}

#[test]
fn n1_the_last_isr_member_stays_in_the_isr_and_returns_two_epochs_later() {
    let mut cluster = with_topic(&[&[1]]);
    kill(&mut cluster, 1);
    assert_eq!(
        state(&mut cluster, 0),
        "leader -1 epoch 1 isr [1] version 1 of 1"
    );
    let failed = |(_, fact): &(BrokerId, Fact)| matches!(fact, Fact::ElectionFailed { .. });
    assert!(cluster.facts.iter().any(failed));
    cluster.start(1).unwrap();
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 2 isr [1] version 2 of 1"
    );
}

#[test]
fn rk5_a_dead_broker_outside_the_isr_costs_no_write() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    assert_eq!(
        alter_error(&mut cluster, altered(0, 0, 0, &[1, 3])),
        ErrorCode::None
    );
    let before = state(&mut cluster, 0);
    cluster.requests.clear();
    kill(&mut cluster, 2);
    assert_eq!(state(&mut cluster, 0), before);
    assert_eq!(
        requests(&mut cluster),
        [
            (1, "LeaderAndIsr", 1),
            (3, "LeaderAndIsr", 1),
            (1, "UpdateMetadata", 1),
            (3, "UpdateMetadata", 1),
        ]
    );
}

#[test]
fn ct14_a_dead_broker_without_replicas_is_still_told_of() {
    let mut cluster = with_topic(&[&[1, 3]]);
    kill(&mut cluster, 2);
    assert_eq!(
        requests(&mut cluster),
        [(1, "UpdateMetadata", 0), (3, "UpdateMetadata", 0)]
    );
}

#[test]
fn ct13_a_new_broker_gets_metadata_before_its_partitions() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    kill(&mut cluster, 2);
    cluster.requests.clear();
    cluster.start(2).unwrap();
    let requests = requests(&mut cluster);
    let to = |id| {
        requests
            .iter()
            .filter(|(to, ..)| *to == id)
            .map(|(_, name, partitions)| (*name, *partitions))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        to(2),
        [
            ("UpdateMetadata", 1),
            ("LeaderAndIsr", 1),
            ("UpdateMetadata", 1)
        ]
    );
    assert_eq!(to(1), [("UpdateMetadata", 0), ("UpdateMetadata", 1)]);
}

#[test]
fn rk4_a_leader_lost_with_its_controller_costs_two_epochs() {
    let mut cluster = with_topic(&[&[3, 1, 2]]);
    kill(&mut cluster, 3);
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 2 isr [1, 2] version 2 of 2"
    );
}

#[test]
fn ct10_a_state_that_changes_under_an_election_is_read_again() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    // A leader's own write, of which the controller's cache knows nothing.
    let path = "/brokers/topics/t/partitions/0/state";
    let data = r#"{"controller_epoch":1,"leader":1,"version":1,"leader_epoch":4,"isr":[1,3]}"#;
    cluster
        .tree()
        .apply(
            0,
            Op::SetData {
                path: path.into(),
                data: data.into(),
                version: -1,
            },
        )
        .unwrap();
    kill(&mut cluster, 1);
    assert_eq!(
        state(&mut cluster, 0),
        "leader 3 epoch 5 isr [3] version 2 of 1"
    );
}

#[test]
fn ct10_a_state_of_a_later_controller_is_left_alone() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let path = "/brokers/topics/t/partitions/0/state";
    let data = r#"{"controller_epoch":9,"leader":1,"version":1,"leader_epoch":4,"isr":[1,3]}"#;
    cluster
        .tree()
        .apply(
            0,
            Op::SetData {
                path: path.into(),
                data: data.into(),
                version: -1,
            },
        )
        .unwrap();
    kill(&mut cluster, 1);
    assert!(state(&mut cluster, 0).starts_with("leader 1 epoch 4"));
}

// ---- unclean elections

#[test]
fn ct16_unclean_is_read_from_the_topic_at_that_moment() {
    let mut cluster = with_topic(&[&[1, 2]]);
    kill(&mut cluster, 2);
    kill(&mut cluster, 1);
    cluster.start(2).unwrap();
    assert!(state(&mut cluster, 0).starts_with("leader -1"));
    // The node alone, without a notice: nobody looks until there is a reason to.
    let config = r#"{"version":1,"config":{"unclean.leader.election.enable":"true"}}"#;
    cluster
        .tree()
        .nodes
        .get_mut("/config/topics/t")
        .unwrap()
        .data = config.into();
    cluster.start(1).unwrap();
    assert!(
        state(&mut cluster, 0).starts_with("leader 1"),
        "an ISR member is back: clean"
    );
    let mut cluster = with_topic(&[&[1, 2]]);
    kill(&mut cluster, 2);
    cluster
        .tree()
        .nodes
        .get_mut("/config/topics/t")
        .unwrap()
        .data = config.into();
    kill(&mut cluster, 1);
    cluster.start(2).unwrap();
    assert!(state(&mut cluster, 0).starts_with("leader 2"));
    let node = cluster.tree().nodes["/brokers/topics/t/partitions/0/state"].clone();
    assert!(String::from_utf8_lossy(&node.data).contains("\"leader_recovery_state\":1"));
}

#[test]
fn rk18_an_administrator_may_elect_uncleanly_whatever_the_topic_says() {
    let mut cluster = with_topic(&[&[1, 2], &[2, 1]]);
    kill(&mut cluster, 2);
    kill(&mut cluster, 1);
    cluster.start(2).unwrap();
    assert_eq!(
        elected(
            &mut cluster,
            elect(ElectionType::Preferred, Some(vec![1, 7]))
        ),
        [
            ("t-1".to_owned(), ErrorCode::PreferredLeaderNotAvailable),
            ("t-7".to_owned(), ErrorCode::UnknownTopicOrPartition),
        ]
    );
    assert_eq!(
        elected(&mut cluster, elect(ElectionType::Unclean, Some(vec![0]))),
        [("t-0".to_owned(), ErrorCode::None)]
    );
    assert_eq!(
        elected(&mut cluster, elect(ElectionType::Unclean, Some(vec![0]))),
        [("t-0".to_owned(), ErrorCode::ElectionNotNeeded)]
    );
}

#[test]
fn rk18_an_election_of_all_answers_only_what_changed() {
    let mut cluster = with_topic(&[&[1, 2], &[2, 1]]);
    assert_eq!(
        elected(&mut cluster, elect(ElectionType::Preferred, None)),
        []
    );
    let request = elect(ElectionType::Preferred, Some(vec![0]));
    match cluster.ask_controller(1, request) {
        Some(Response::ElectLeaders(response)) => {
            assert_eq!(response.results[0].1, ErrorCode::NotController);
        }
        other => panic!("{other:?}"),
    }
}

// ---- AlterPartition and ControlledShutdown

#[test]
fn a4_the_zookeeper_controllers_checks_in_their_order() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let unknown = altered(7, 0, 0, &[1, 2, 3]);
    assert_eq!(
        alter_error(&mut cluster, unknown),
        ErrorCode::UnknownTopicOrPartition
    );
    let unknown_id = AlterPartitionData {
        topic_id: TopicId([9; 16]),
        ..altered(0, 0, 0, &[1])
    };
    assert_eq!(
        alter_error(&mut cluster, unknown_id),
        ErrorCode::UnknownTopicId
    );
    for ahead in [altered(0, 1, 0, &[1]), altered(0, 0, 1, &[1])] {
        assert_eq!(alter_error(&mut cluster, ahead), ErrorCode::NotController);
    }
    let change = altered(0, 0, 0, &[1, 2]);
    assert_eq!(alter_error(&mut cluster, change.clone()), ErrorCode::None);
    assert_eq!(
        alter_error(&mut cluster, change),
        ErrorCode::None,
        "already so"
    );
    let behind = altered(0, 0, 0, &[1]);
    assert_eq!(
        alter_error(&mut cluster, behind),
        ErrorCode::InvalidUpdateVersion
    );
    let recovering = |isr: &[BrokerId]| AlterPartitionData {
        leader_recovery_state: LeaderRecoveryState::Recovering,
        ..altered(0, 0, 1, isr)
    };
    for request in [recovering(&[1, 2, 3]), recovering(&[1])] {
        assert_eq!(
            alter_error(&mut cluster, request),
            ErrorCode::InvalidRequest
        );
    }
    let dead = altered(0, 0, 1, &[1, 2, 9]);
    assert_eq!(
        alter_error(&mut cluster, dead),
        ErrorCode::IneligibleReplica
    );
    assert_eq!(
        state(&mut cluster, 0),
        "leader 1 epoch 0 isr [1, 2] version 1 of 1"
    );
    kill(&mut cluster, 3);
    let at = cluster.active_controller().unwrap();
    // Broker 1 leads on; the failover has raised nothing, for 3 was out of the ISR.
    let (error, partitions) = alter(&mut cluster, at, 1, altered(0, -1, 1, &[1]));
    assert_eq!(error, ErrorCode::None);
    assert_eq!(partitions[0].error, ErrorCode::FencedLeaderEpoch);
}

#[test]
fn a4_the_whole_request_is_refused_elsewhere_and_for_an_old_broker_epoch() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let data = altered(0, 0, 0, &[1]);
    assert_eq!(
        alter(&mut cluster, 2, 1, data.clone()).0,
        ErrorCode::NotController
    );
    let request = AlterPartitionRequest {
        broker_id: 1,
        broker_epoch: cluster.brokers[&1].broker_epoch - 1,
        partitions: vec![data],
    };
    match cluster.ask_controller(3, request) {
        Some(Response::AlterPartition(response)) => {
            assert_eq!(response.error, ErrorCode::StaleBrokerEpoch);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a4_a_stopping_broker_may_not_enter_an_isr() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let request = ControlledShutdownRequest {
        broker_id: 2,
        broker_epoch: cluster.brokers[&2].broker_epoch,
    };
    cluster.ask_controller(3, request);
    assert_eq!(
        alter_error(&mut cluster, altered(0, 1, 1, &[1, 3, 2])),
        ErrorCode::IneligibleReplica
    );
}

#[test]
fn ct15_an_alter_partition_brings_one_update_metadata_and_no_leader_and_isr() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    alter_error(&mut cluster, altered(0, 0, 0, &[1, 2]));
    assert_eq!(
        requests(&mut cluster),
        [
            (1, "UpdateMetadata", 1),
            (2, "UpdateMetadata", 1),
            (3, "UpdateMetadata", 1)
        ]
    );
}

#[test]
fn ct19_a_controlled_shutdown_stops_followed_replicas_twice_and_answers_what_is_left() {
    let mut cluster = with_topic(&[&[1, 2], &[2, 1]]);
    cluster.ask_admin(3, topic("u", &[&[1]]));
    cluster.requests.clear();
    let request = ControlledShutdownRequest {
        broker_id: 1,
        broker_epoch: cluster.brokers[&1].broker_epoch,
    };
    match cluster.ask_controller(3, request) {
        Some(Response::ControlledShutdown(response)) => {
            assert_eq!(response.error, ErrorCode::None);
            assert_eq!(response.remaining_partitions, []);
        }
        other => panic!("{other:?}"),
    }
    let stops: Vec<(BrokerId, &str, u32)> = requests(&mut cluster)
        .into_iter()
        .filter(|(_, name, _)| *name == "StopReplica")
        .collect();
    assert_eq!(stops, [(1, "StopReplica", 1), (1, "StopReplica", 1)]);
    let alone = &cluster.tree().nodes["/brokers/topics/u/partitions/0/state"];
    assert_eq!(alone.stat.version, 0, "one replica: it stays");
    // With its only other replica gone it cannot give its partition away.
    let mut cluster = with_topic(&[&[1, 2]]);
    kill(&mut cluster, 2);
    let request = ControlledShutdownRequest {
        broker_id: 1,
        broker_epoch: cluster.brokers[&1].broker_epoch,
    };
    match cluster.ask_controller(3, request) {
        Some(Response::ControlledShutdown(response)) => {
            assert_eq!(response.remaining_partitions.len(), 1);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ct19_a_controlled_shutdown_is_refused_elsewhere_and_for_an_old_epoch() {
    let mut cluster = Cluster::of_three();
    let broker_epoch = cluster.brokers[&1].broker_epoch;
    for (at, broker_id, broker_epoch, error) in [
        (2, 1, broker_epoch, ErrorCode::StaleControllerEpoch),
        (3, 1, broker_epoch - 1, ErrorCode::StaleBrokerEpoch),
        (3, 9, 1, ErrorCode::UnknownServerError),
        (3, 9, -1, ErrorCode::BrokerNotAvailable),
    ] {
        let request = ControlledShutdownRequest {
            broker_id,
            broker_epoch,
        };
        match cluster.ask_controller(at, request) {
            Some(Response::ControlledShutdown(response)) => assert_eq!(response.error, error),
            other => panic!("{other:?}"),
        }
    }
}

// ---- topics and configurations

#[test]
fn ct20_only_the_controllers_broker_creates_topics() {
    let mut cluster = Cluster::of_three();
    match cluster.ask_admin(1, topic("t", &[&[1]])) {
        Some(Response::CreateTopics(response)) => {
            assert_eq!(response.topics[0].error, ErrorCode::NotController);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ct20_bad_topics_are_refused_as_real_kafka_refused_them() {
    let recording = load("topics_come_and_go");
    let mut cluster = Cluster::of_three();
    let mut refused = 0;
    for step in array(&recording["steps"]) {
        let client = &step["actions"][0]["client"];
        if client["op"] != "create_topic" {
            continue;
        }
        let exception = step["result"]["error"].as_str();
        if exception.is_none() && refused > 0 {
            // It was deleted in between.
            break;
        }
        let message = step["result"]["message"].as_str();
        match cluster.ask_admin(3, create_topic(client)) {
            Some(Response::CreateTopics(response)) => {
                let result = &response.topics[0];
                assert_eq!(result.error.exception(), exception.unwrap_or_default());
                // One text names Java's type.
                if exception.is_some() && !message.unwrap_or_default().contains("type LONG") {
                    assert_eq!(result.error_message.as_deref(), message);
                }
            }
            other => panic!("{other:?}"),
        }
        refused += i32::from(exception.is_some());
    }
    assert_eq!(refused, 7);
}

#[test]
fn ct20_assignments_are_checked() {
    let mut cluster = Cluster::of_three();
    let gap = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            assignments: vec![(0, vec![1]), (2, vec![1])],
            ..topic("t", &[]).topics[0].clone()
        }],
        ..topic("t", &[])
    };
    for request in [topic("t", &[&[1, 1]]), topic("t", &[&[1], &[1, 2]]), gap] {
        match cluster.ask_admin(3, request) {
            Some(Response::CreateTopics(response)) => {
                let error = response.topics[0].error;
                assert_eq!(error, ErrorCode::InvalidReplicaAssignment);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(!cluster.tree().nodes.contains_key("/brokers/topics/t"));
}

#[test]
fn ct21_a_placed_topic_spreads_over_the_live_brokers() {
    let mut cluster = Cluster::of_three();
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            num_partitions: 3,
            replication_factor: 2,
            ..topic("t", &[]).topics[0].clone()
        }],
        ..topic("t", &[])
    };
    cluster.ask_admin(3, request);
    let node = cluster.tree().nodes["/brokers/topics/t"].clone();
    let node = znode::TopicZNode::decode(&node.data).unwrap();
    let mut leaders: Vec<BrokerId> = node.assignment.values().map(|a| a.replicas[0]).collect();
    leaders.sort_unstable();
    assert_eq!(leaders, [1, 2, 3]);
}

#[test]
fn rk9_a_partition_without_a_live_replica_gets_no_node_and_the_client_a_timeout() {
    let mut cluster = Cluster::of_three();
    kill(&mut cluster, 2);
    let token = cluster.begin_admin(3, topic("t", &[&[2], &[1]]));
    assert!(cluster.responses.is_empty(), "it waits");
    let nodes = &cluster.tree().nodes;
    assert!(!nodes.contains_key("/brokers/topics/t/partitions/0"));
    assert!(nodes.contains_key("/brokers/topics/t/partitions/1/state"));
    cluster.fire_timers();
    match cluster.responses.remove(&token) {
        Some(Response::CreateTopics(response)) => {
            assert_eq!(response.topics[0].error, ErrorCode::RequestTimedOut);
        }
        other => panic!("{other:?}"),
    }
    // It gets its first state when its broker comes.
    cluster.start(2).unwrap();
    assert_eq!(
        state(&mut cluster, 0),
        "leader 2 epoch 0 isr [2] version 0 of 1"
    );
}

#[test]
fn rk10_every_broker_reads_an_altered_configuration_anew() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    cluster.configs.clear();
    let set = |key: &str, value: &str| IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource: ConfigResource::Topic,
            name: "t".into(),
            configs: vec![(key.into(), AlterConfigOp::Set(value.into()))],
        }],
        validate_only: false,
    };
    let error = |response: Option<Response>| match response {
        Some(Response::IncrementalAlterConfigs(response)) => response.responses[0].2,
        other => panic!("{other:?}"),
    };
    let answer = cluster.ask_admin(1, set("min.insync.replicas", "2"));
    assert_eq!(error(answer), ErrorCode::None);
    let told: Vec<BrokerId> = cluster.configs.iter().map(|(id, _)| *id).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    let node = &cluster.tree().nodes["/config/topics/t"];
    assert_eq!(
        node.data,
        r#"{"version":1,"config":{"min.insync.replicas":"2"}}"#
    );
    let answer = cluster.ask_admin(1, set("no.such.key", "2"));
    assert_eq!(error(answer), ErrorCode::InvalidConfig);
    let answer = cluster.ask_admin(1, set("retention.ms", "soon"));
    assert_eq!(error(answer), ErrorCode::InvalidConfig);
    let mut elsewhere = set("retention.ms", "1");
    elsewhere.resources[0].name = "u".into();
    let answer = cluster.ask_admin(1, elsewhere);
    assert_eq!(error(answer), ErrorCode::UnknownTopicOrPartition);
}

#[test]
fn a6_a_notice_of_an_isr_change_is_read_and_deleted_under_the_fence() {
    let mut cluster = Cluster::of_three();
    let notice = Op::Create {
        path: "/isr_change_notification/isr_change_".into(),
        data: Bytes::from_static(br#"{"version":1,"partitions":[]}"#),
        mode: CreateMode::PERSISTENT_SEQUENTIAL,
    };
    let made = cluster.tree().apply(0, notice).unwrap();
    let Answer::Created { path, .. } = made else {
        panic!("{made:?}");
    };
    assert!(path.ends_with("0000000000"));
    cluster.settle();
    let deletes: Vec<String> = log(&mut cluster)
        .into_iter()
        .filter(|text| text.contains("; delete"))
        .collect();
    assert_eq!(
        deletes,
        [
            "multi(check /controller_epoch v2; delete /isr_change_notification/isr_change_0000000000)"
        ]
    );
}

#[test]
fn ct1_a_controller_that_is_not_active_ignores_what_it_hears() {
    let mut cluster = with_topic(&[&[1, 2, 3]]);
    let before = log(&mut cluster).len();
    let broker = cluster.brokers.get_mut(&1).unwrap();
    let topic = "t".into();
    broker.controller.input(
        NOW_MS,
        ControllerInput::UncleanLeaderElectionEnabled { topic },
    );
    cluster.settle();
    assert_eq!(log(&mut cluster).len(), before);
    assert!(cluster.requests.is_empty());
}
