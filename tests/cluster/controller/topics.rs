//! Topics and configurations.

use crate::controller::cluster::{Cluster, NOW_MS};
use crate::controller::recordings::{array, create_topic, load};
use crate::controller::support::*;
use bytes::Bytes;
use kafka_trial::controller::ControllerInput;
use kafka_trial::metadata::znode;
use kafka_trial::protocol::zookeeper::{Answer, CreateMode, Op};
use kafka_trial::protocol::{
    AlterConfigOp, AlterConfigsResource, BrokerId, ConfigResource, CreatableTopic,
    CreateTopicsRequest, ErrorCode, IncrementalAlterConfigsRequest, Response,
};

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
    let answer = cluster.ask_admin(1, set("cleanup.policy", "compact,delete"));
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
