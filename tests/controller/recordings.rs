//! Recordings of real Kafka (tests/vectors/kafka/failovers) played against the controller: the same
//! transactions in ZooKeeper's log, the same final tree with its versions, and for each broker the
//! same LeaderAndIsr, UpdateMetadata and StopReplica requests with the same answers, step by step.
//!
//! What the vectors' README excepts is excepted: the order of partitions within a request and of
//! writes within a batch, who wins an election (here: who won there), how the creates of starting
//! brokers interleave, UpdateMetadata after AlterPartition. Leaders' AlterPartitions are played from
//! the recording, for no replica runs here.

use crate::cluster::Cluster;
use kafka_trial::controller::registration::RegistrationError;
use kafka_trial::protocol::zookeeper::{Op, SessionId};
use kafka_trial::protocol::{
    AlterConfigOp, AlterConfigsResource, AlterPartitionData, AlterPartitionRequest, BrokerId,
    ConfigResource, ControlledShutdownRequest, CreatableTopic, CreateTopicsRequest,
    ElectLeadersRequest, ElectionType, ErrorCode, IncrementalAlterConfigsRequest,
    LeaderRecoveryState, Request, Response, TopicId, TopicPartition,
};
use serde_json::Value;
use std::collections::BTreeMap;

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

// ---- requests

/// Partition, leader epoch, version and ISR as AlterPartitions of this step made them.
type Altered = Vec<(i64, i64, i64, Vec<BrokerId>)>;

fn altered_states(step: &Value) -> Altered {
    let mut altered = Vec::new();
    for requests in step["requests"].as_object().into_iter().flatten() {
        for recorded in array(requests.1) {
            if recorded["api"] != "ALTER_PARTITION" {
                continue;
            }
            for topic in array(&recorded["response"]["topics"]) {
                for p in array(&topic["partitions"]) {
                    altered.push((
                        int(&p["partitionIndex"]),
                        int(&p["leaderEpoch"]),
                        int(&p["partitionEpoch"]),
                        ids(&p["isr"]),
                    ));
                }
            }
        }
    }
    altered
}

/// One request in words, its partitions sorted.
fn words(api: &str, controller: i64, epoch: i64, mut partitions: Vec<String>) -> String {
    partitions.sort();
    format!(
        "{api} from {controller} at {epoch}: {}",
        partitions.join(" | ")
    )
}

fn recorded_requests(step: &Value, id: BrokerId, altered: &Altered) -> Vec<String> {
    let mut requests = Vec::new();
    for recorded in array(&step["requests"][format!("b{id}")]) {
        let request = &recorded["request"];
        let api = match recorded["api"].as_str().unwrap() {
            "LEADER_AND_ISR" => "LeaderAndIsr",
            "UPDATE_METADATA" => "UpdateMetadata",
            "STOP_REPLICA" => "StopReplica",
            _ => continue,
        };
        let mut errors = BTreeMap::new();
        for topic in array(&recorded["response"]["topics"]) {
            let name = topic["topicId"].as_str().unwrap().trim_start_matches("id:");
            for error in array(&topic["partitionErrors"]) {
                let partition = int(&error["partitionIndex"]);
                errors.insert((name.to_owned(), partition), int(&error["errorCode"]));
            }
        }
        let mut partitions = Vec::new();
        let mut by_alter_partition = api == "UpdateMetadata";
        for topic in array(&request["topicStates"]) {
            let name = topic["topicName"].as_str().unwrap();
            for p in array(&topic["partitionStates"]) {
                let partition = int(&p["partitionIndex"]);
                let isr = ids(&p["isr"]);
                by_alter_partition &= altered.contains(&(
                    partition,
                    int(&p["leaderEpoch"]),
                    int(&p["zkVersion"]),
                    isr.clone(),
                ));
                partitions.push(match api {
                    "LeaderAndIsr" => format!(
                        "{name}-{partition} of {} leader {} epoch {} isr {isr:?} version {} replicas {:?} new {} recovery {} answer {}",
                        p["controllerEpoch"], p["leader"], p["leaderEpoch"], p["partitionEpoch"],
                        ids(&p["replicas"]), p["isNew"], p["leaderRecoveryState"],
                        errors[&(name.to_owned(), partition)]
                    ),
                    "UpdateMetadata" => format!(
                        "{name}-{partition} of {} leader {} epoch {} isr {isr:?} version {} replicas {:?} offline {:?}",
                        p["controllerEpoch"], p["leader"], p["leaderEpoch"], p["zkVersion"],
                        ids(&p["replicas"]), ids(&p["offlineReplicas"])
                    ),
                    _ => format!("{name}-{partition} epoch {} delete {}", p["leaderEpoch"], p["deletePartition"]),
                });
            }
        }
        if by_alter_partition && !partitions.is_empty() {
            continue;
        }
        requests.push(words(
            api,
            int(&request["controllerId"]),
            int(&request["controllerEpoch"]),
            partitions,
        ));
    }
    requests
}

fn our_requests(cluster: &Cluster, id: BrokerId, altered: &Altered) -> Vec<String> {
    let mut requests = Vec::new();
    for (to, request, response) in &cluster.requests {
        if *to != id {
            continue;
        }
        requests.push(match (request, response) {
            (Request::LeaderAndIsr(r), Response::LeaderAndIsr(response)) => {
                let errors: BTreeMap<_, _> = response.partition_errors.iter().cloned().collect();
                let partitions = r.partition_states.iter().map(|p| {
                    format!(
                        "{} of {} leader {} epoch {} isr {:?} version {} replicas {:?} new {} recovery {} answer {}",
                        p.partition, p.controller_epoch, p.leader, p.leader_epoch, p.isr, p.partition_epoch,
                        p.replicas, p.is_new, p.leader_recovery_state as i8, errors[&p.partition].code()
                    )
                });
                let epoch = i64::from(r.controller_epoch);
                words("LeaderAndIsr", i64::from(r.controller_id), epoch, partitions.collect())
            }
            (Request::UpdateMetadata(r), _) => {
                let by_alter_partition = r.partition_states.iter().all(|p| {
                    altered.contains(&(
                        i64::from(p.partition.partition),
                        i64::from(p.leader_epoch),
                        i64::from(p.zk_version),
                        p.isr.clone(),
                    ))
                });
                if by_alter_partition && !r.partition_states.is_empty() {
                    continue;
                }
                let partitions = r.partition_states.iter().map(|p| {
                    format!(
                        "{} of {} leader {} epoch {} isr {:?} version {} replicas {:?} offline {:?}",
                        p.partition, p.controller_epoch, p.leader, p.leader_epoch, p.isr, p.zk_version,
                        p.replicas, p.offline_replicas
                    )
                });
                let epoch = i64::from(r.controller_epoch);
                words("UpdateMetadata", i64::from(r.controller_id), epoch, partitions.collect())
            }
            (Request::StopReplica(r), _) => {
                let partitions = r.partition_states.iter().map(|p| {
                    format!("{} epoch {} delete {}", p.partition, p.leader_epoch, p.delete_partition)
                });
                let epoch = i64::from(r.controller_epoch);
                words("StopReplica", i64::from(r.controller_id), epoch, partitions.collect())
            }
            (other, _) => panic!("no controller sends {}", other.name()),
        });
    }
    requests
}

// ---- ZooKeeper's log and tree

fn recorded_log(recording: &Value) -> Vec<String> {
    array(&recording["zookeeper_writes"])
        .iter()
        .filter(|write| write["op"] != "createSession" && write["op"] != "closeSession")
        .map(|write| normal(&recorded_write(write)))
        .collect()
}

fn recorded_write(write: &Value) -> String {
    let path = write["path"].as_str().unwrap_or_default();
    let data = write["data"].as_str().unwrap_or_default();
    match write["op"].as_str().unwrap() {
        "create" => format!("create {path} {data}"),
        "setData" => format!("setData {path} v{} {data}", write["version"]),
        "check" => format!("check {path} v{}", write["version"]),
        "delete" => format!("delete {path}"),
        "error" => format!("error {}", write["code"]),
        "multi" => {
            let ops: Vec<String> = array(&write["ops"]).iter().map(recorded_write).collect();
            format!("multi({})", ops.join("; "))
        }
        other => panic!("{other}"),
    }
}

/// Without what no two runs share: times, ids, addresses.
fn normal(text: &str) -> String {
    let mut text = text.trim_end().to_owned();
    for key in ["timestamp", "topic_id", "id"] {
        let start = format!("\"{key}\":\"");
        if let Some(at) = text.find(&start) {
            let from = at + start.len();
            let to = from + text[from..].find('"').unwrap();
            text.replace_range(from..to, "*");
        }
    }
    if let Some(at) = text.find("\"endpoints\"") {
        let to = at + text[at..].find("\"version\"").unwrap();
        text.replace_range(at..to, "*");
    }
    text
}

/// The same transactions; for each partition's state node in the same order.
fn compare_logs(theirs: &[String], ours: &[String], problems: &mut Vec<String>) {
    // How many elections are lost varies; a registration that was refused looks the same.
    let refused = "multi(error -110; error -2)";
    let sorted = |log: &[String]| {
        let mut log: Vec<String> = log.iter().filter(|t| *t != refused).cloned().collect();
        log.sort();
        log
    };
    let (all_theirs, all_ours) = (sorted(theirs), sorted(ours));
    if all_theirs != all_ours {
        let missing = difference(&all_theirs, &all_ours);
        let extra = difference(&all_ours, &all_theirs);
        problems.push(format!(
            "only in Kafka's log: {missing:#?}\nonly in ours: {extra:#?}"
        ));
    }
    let states = |log: &[String]| {
        let mut states: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for text in log {
            if let Some(end) = text.find("/state ") {
                let start = text.find("/brokers/topics").unwrap();
                let path = text[start..end].to_owned();
                states.entry(path).or_default().push(text.clone());
            }
        }
        states
    };
    if states(theirs) != states(ours) {
        problems.push(format!(
            "states, Kafka's: {:#?}\nours: {:#?}",
            states(theirs),
            states(ours)
        ));
    }
}

fn difference(of: &[String], without: &[String]) -> Vec<String> {
    let mut left = without.to_vec();
    let mut only = Vec::new();
    for text in of {
        match left.iter().position(|other| other == text) {
            Some(at) => drop(left.remove(at)),
            None => only.push(text.clone()),
        }
    }
    only
}

fn compare_trees(recorded: &Value, cluster: &mut Cluster, problems: &mut Vec<String>) {
    let mut theirs = BTreeMap::new();
    for (path, node) in recorded.as_object().unwrap() {
        if path == "/" || path.starts_with("/zookeeper") {
            continue;
        }
        let data = normal(node["data"].as_str().unwrap_or_default());
        theirs.insert(
            path.clone(),
            format!("v{} c{} {data}", node["version"], node["cversion"]),
        );
    }
    let mut ours = BTreeMap::new();
    for (path, node) in &cluster.tree().nodes {
        if path != "/" {
            let data = normal(&String::from_utf8_lossy(&node.data));
            let (version, cversion) = (node.stat.version, node.stat.cversion);
            ours.insert(path.clone(), format!("v{version} c{cversion} {data}"));
        }
    }
    for path in theirs.keys().chain(ours.keys()) {
        if theirs.get(path) != ours.get(path) {
            problems.push(format!(
                "{path}: Kafka {:?}, ours {:?}",
                theirs.get(path),
                ours.get(path)
            ));
        }
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

// ---- JSON

pub fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn ids(value: &Value) -> Vec<BrokerId> {
    array(value).iter().map(|id| int(id) as BrokerId).collect()
}

fn broker(value: &Value) -> Option<BrokerId> {
    Some(value.as_i64()? as BrokerId)
}
