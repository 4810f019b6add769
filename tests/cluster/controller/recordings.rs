//! Recordings of real Kafka (tests/vectors/kafka/failovers) played against the controller: the same
//! transactions in ZooKeeper's log, the same final tree with its versions, and for each broker the
//! same LeaderAndIsr, UpdateMetadata and StopReplica requests with the same answers, step by step.
//!
//! What the vectors' README excepts is excepted: the order of partitions within a request and of
//! writes within a batch, who wins an election (here: who won there), how the creates of starting
//! brokers interleave, UpdateMetadata after AlterPartition. Leaders' AlterPartitions are played from
//! the recording, for no replica runs here.

use crate::controller::cluster::Cluster;
use crate::controller::compare::{
    Altered, altered_states, compare_logs, compare_trees, normal, our_requests, recorded_log,
    recorded_requests,
};
use kafka_trial::protocol::zookeeper::{Op, SessionId};
use kafka_trial::protocol::{
    AlterConfigOp, AlterConfigsResource, AlterPartitionData, AlterPartitionRequest, BrokerId,
    ConfigResource, ControlledShutdownRequest, CreatableTopic, CreateTopicsRequest,
    ElectLeadersRequest, ElectionType, ErrorCode, IncrementalAlterConfigsRequest,
    LeaderRecoveryState, Response, TopicId, TopicPartition,
};
use kafka_trial::zookeeper_mode::RegistrationError;
use serde_json::Value;

macro_rules! recordings {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            play(stringify!($name));
        })*
    };
}

recordings! {
    leader_crash
    controlled_shutdown
    controller_crash
    controller_znode_deleted
    slow_follower
    min_insync_refused
    unclean_election_enabled
    unclean_config_altered
    produce_timeout
    quick_restart
    zookeeper_away
    many_partitions
}

pub fn load(name: &str) -> Value {
    let path = format!(
        "{}/tests/vectors/kafka/failovers/{name}.zookeeper.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn play(name: &str) {
    let recording = load(name);
    let mut player = Player {
        cluster: Cluster::new(),
        lingering: Vec::new(),
        registrations: recorded_registrations(&recording),
    };
    let mut problems = Vec::new();
    let mut altered = Altered::new();
    let mut paused = false;
    for (number, step) in array(&recording["steps"]).iter().enumerate() {
        player.cluster.requests.clear();
        if let Some(id) = step["state"]["controller"].as_i64() {
            player.cluster.first = id as BrokerId;
        }
        let stopping = player.step(step);
        // What a paused broker is told, it answers when it wakes.
        if !paused {
            altered.clear();
        }
        paused = match step["do"].as_str() {
            Some("pause") => true,
            Some("resume") => false,
            _ => paused,
        };
        altered.extend(altered_states(step));
        for id in 1..=3 {
            let mut theirs = recorded_requests(step, id, &altered);
            let mut ours = our_requests(&player.cluster, id, &altered);
            if step["do"] == "start" {
                // Two that register at once may be seen together.
                theirs.dedup();
                ours.dedup();
            }
            if stopping == Some(id) {
                ours.truncate(theirs.len());
            }
            if theirs != ours {
                problems.push(format!(
                    "step {number} ({}), broker {id}:\n  Kafka: {theirs:#?}\n  ours:  {ours:#?}",
                    step["do"]
                ));
            }
        }
    }
    let theirs = recorded_log(&recording);
    let ours: Vec<String> = player
        .cluster
        .tree()
        .log
        .iter()
        .map(|(_, text)| normal(text))
        .collect();
    compare_logs(&theirs, &ours, &mut problems);
    compare_trees(&recording["znode_tree"], &mut player.cluster, &mut problems);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

struct Player {
    cluster: Cluster,
    /// Sessions of processes that have died, until they expire.
    lingering: Vec<SessionId>,
    /// In which order brokers registered.
    registrations: Vec<BrokerId>,
}

impl Player {
    /// Gives the broker that was stopped cleanly.
    fn step(&mut self, step: &Value) -> Option<BrokerId> {
        let mut stopped = None;
        let mut starts = Vec::new();
        for action in array(&step["actions"]) {
            if let Some(id) = broker(&action["start"]) {
                starts.push(id);
            }
        }
        for action in array(&step["actions"]) {
            if action["start"] == "zk" {
                self.cluster.away = false;
                self.cluster.settle();
            } else if let Some(id) = broker(&action["start"]) {
                if starts.contains(&id) && step["do"] == "start" {
                    // In the order in which they came there.
                    continue;
                }
                self.start(id);
            } else if action["crash"] == "zk" {
                self.cluster.away = true;
            } else if let Some(id) = broker(&action["crash"]) {
                let session = self.cluster.crash(id);
                self.lingering.push(session);
            } else if let Some(id) = broker(&action["controlled_shutdown"]) {
                self.controlled_shutdown(id);
                stopped = Some(id);
            } else if let Some(path) = action["zookeeper_delete"].as_str() {
                let path = path.into();
                let version = -1;
                let deleted = self.cluster.tree().apply(0, Op::Delete { path, version });
                deleted.unwrap();
                self.cluster.settle();
            } else if action["client"].is_object() {
                self.client(&action["client"]);
            }
        }
        if step["do"] == "start" {
            for id in self.registrations.clone() {
                if starts.contains(&id) {
                    self.start(id);
                }
            }
        }
        self.alter_partitions(step, true);
        if !self.cluster.away {
            for session in std::mem::take(&mut self.lingering) {
                self.cluster.close_session(session);
            }
        }
        self.alter_partitions(step, false);
        stopped
    }

    fn start(&mut self, id: BrokerId) {
        match self.cluster.start(id) {
            Ok(()) => {}
            // CT17: its dead process's session still holds the id.
            Err(RegistrationError::NodeExists { owner }) => {
                assert!(self.lingering.contains(&owner));
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    fn controlled_shutdown(&mut self, id: BrokerId) {
        let at = self.cluster.active_controller().unwrap();
        let request = ControlledShutdownRequest {
            broker_id: id,
            broker_epoch: self.cluster.brokers[&id].broker_epoch,
        };
        match self.cluster.ask_controller(at, request) {
            Some(Response::ControlledShutdown(response)) => {
                assert_eq!(response.error, ErrorCode::None);
                assert_eq!(response.remaining_partitions, []);
            }
            other => panic!("{other:?}"),
        }
        let session = self.cluster.crash(id);
        self.cluster.close_session(session);
    }

    fn client(&mut self, client: &Value) {
        let at = self.cluster.active_controller().unwrap();
        let topic: &str = client["topic"].as_str().unwrap_or_default();
        let error = match client["op"].as_str().unwrap() {
            "create_topic" => {
                let request = create_topic(client);
                match self.cluster.ask_admin(at, request) {
                    Some(Response::CreateTopics(response)) => response.topics[0].error,
                    None if self.cluster.away => return,
                    other => panic!("{other:?}"),
                }
            }
            "alter_config" => {
                let configs = client["set"].as_object().unwrap().iter();
                let request = IncrementalAlterConfigsRequest {
                    resources: vec![AlterConfigsResource {
                        resource: ConfigResource::Topic,
                        name: topic.into(),
                        configs: configs
                            .map(|(key, value)| {
                                let value = value.as_str().unwrap().into();
                                (key.as_str().into(), AlterConfigOp::Set(value))
                            })
                            .collect(),
                    }],
                    validate_only: false,
                };
                match self.cluster.ask_admin(at, request) {
                    Some(Response::IncrementalAlterConfigs(response)) => response.responses[0].2,
                    other => panic!("{other:?}"),
                }
            }
            "elect" => {
                let partition = client["partition"].as_i64();
                let request = ElectLeadersRequest {
                    election_type: ElectionType::Preferred,
                    partitions: partition
                        .map(|partition| vec![TopicPartition::new(topic, partition as i32)]),
                    timeout_ms: 10_000,
                };
                match self.cluster.ask_controller(at, request.clone()) {
                    None => match self.cluster.responses.pop_last() {
                        Some((_, Response::ElectLeaders(response))) => {
                            assert!(response.results.iter().all(|(_, e)| e.is_none()));
                            response.error
                        }
                        other => panic!("{other:?}"),
                    },
                    Some(Response::ElectLeaders(response)) => {
                        assert!(response.results.iter().all(|(_, e)| e.is_none()));
                        response.error
                    }
                    other => panic!("{other:?}"),
                }
            }
            // Produce and read are no concern of the controller.
            _ => return,
        };
        assert_eq!(error, ErrorCode::None, "{client}");
    }

    /// Plays what leaders asked, and holds the answers against the recording. A leader shrinks while
    /// the session of the one it waits for still lives, and expands when all else is done.
    fn alter_partitions(&mut self, step: &Value, shrinks: bool) {
        for at in 1..=3 {
            for recorded in array(&step["requests"][format!("b{at}")]) {
                if recorded["api"] != "ALTER_PARTITION" {
                    continue;
                }
                let request = alter_partition(&recorded["request"], &self.cluster);
                let shrink = request.partitions.iter().any(|data| {
                    let isr = self.isr(&data.partition);
                    data.new_isr.len() < isr
                });
                if shrink != shrinks {
                    continue;
                }
                let response = match self.cluster.ask_controller(at, request) {
                    Some(Response::AlterPartition(response)) => response,
                    other => panic!("{other:?}"),
                };
                let theirs = &recorded["response"];
                assert_eq!(i64::from(response.error.code()), theirs["errorCode"]);
                let mut ours: Vec<(i64, i64)> = response
                    .partitions
                    .iter()
                    .map(|p| (i64::from(p.error.code()), i64::from(p.partition_epoch)))
                    .collect();
                let mut answered: Vec<(i64, i64)> = array(&theirs["topics"])
                    .iter()
                    .flat_map(|topic| array(&topic["partitions"]))
                    .map(|p| (int(&p["errorCode"]), int(&p["partitionEpoch"])))
                    .collect();
                ours.sort_unstable();
                answered.sort_unstable();
                assert_eq!(ours, answered);
            }
        }
    }

    fn isr(&mut self, partition: &TopicPartition) -> usize {
        let path = format!(
            "/brokers/topics/{}/partitions/{}/state",
            partition.topic, partition.partition
        );
        let data = &self.cluster.tree().nodes[&path].data;
        let state: Value = serde_json::from_slice(data).unwrap();
        array(&state["isr"]).len()
    }
}

pub fn create_topic(client: &Value) -> CreateTopicsRequest {
    let assignments = array(&client["assignment"]);
    let configs = client["configs"].as_object();
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: client["topic"].as_str().unwrap().into(),
            num_partitions: client["partitions"].as_i64().unwrap_or(-1) as i32,
            replication_factor: client["rf"].as_i64().unwrap_or(-1) as i16,
            assignments: (0..).zip(assignments.iter().map(ids)).collect(),
            configs: configs
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.as_str().into(), value.as_str().unwrap().into()))
                .collect(),
        }],
        timeout_ms: 10_000,
        validate_only: false,
    }
}

fn alter_partition(recorded: &Value, cluster: &Cluster) -> AlterPartitionRequest {
    let broker_id = int(&recorded["brokerId"]) as BrokerId;
    let mut partitions = Vec::new();
    for topic in array(&recorded["topics"]) {
        let name = topic["topicId"].as_str().unwrap().trim_start_matches("id:");
        for data in array(&topic["partitions"]) {
            partitions.push(AlterPartitionData {
                partition: TopicPartition::new(name, int(&data["partitionIndex"]) as i32),
                topic_id: TopicId::ZERO,
                leader_epoch: int(&data["leaderEpoch"]) as i32,
                new_isr: array(&data["newIsrWithEpochs"])
                    .iter()
                    .map(|member| {
                        let id = int(&member["brokerId"]) as BrokerId;
                        (id, int(&member["brokerEpoch"]))
                    })
                    .collect(),
                leader_recovery_state: match int(&data["leaderRecoveryState"]) {
                    0 => LeaderRecoveryState::Recovered,
                    _ => LeaderRecoveryState::Recovering,
                },
                partition_epoch: int(&data["partitionEpoch"]) as i32,
            });
        }
    }
    AlterPartitionRequest {
        broker_id,
        broker_epoch: cluster.brokers[&broker_id].broker_epoch,
        partitions,
    }
}

/// In which order brokers registered at the start.
fn recorded_registrations(recording: &Value) -> Vec<BrokerId> {
    let mut order = Vec::new();
    for write in array(&recording["zookeeper_writes"]) {
        for op in array(&write["ops"]) {
            if op["op"] == "create"
                && let Some(id) = op["path"].as_str().unwrap().strip_prefix("/brokers/ids/")
            {
                let id = id.parse().unwrap();
                if !order.contains(&id) {
                    order.push(id);
                }
            }
        }
    }
    order
}

pub fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

pub fn ids(value: &Value) -> Vec<BrokerId> {
    array(value).iter().map(|id| int(id) as BrokerId).collect()
}

fn broker(value: &Value) -> Option<BrokerId> {
    Some(value.as_i64()? as BrokerId)
}
