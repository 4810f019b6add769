//! A recording and a play side by side: requests, ZooKeeper's log and its tree, in words.

use crate::controller::cluster::Cluster;
use crate::controller::recordings::{array, ids, int};
use kafka_trial::protocol::{BrokerId, Request, Response};
use serde_json::Value;
use std::collections::BTreeMap;

// ---- requests

/// Partition, leader epoch, version and ISR as AlterPartitions of this step made them.
pub type Altered = Vec<(i64, i64, i64, Vec<BrokerId>)>;

pub fn altered_states(step: &Value) -> Altered {
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

pub fn recorded_requests(step: &Value, id: BrokerId, altered: &Altered) -> Vec<String> {
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

pub fn our_requests(cluster: &Cluster, id: BrokerId, altered: &Altered) -> Vec<String> {
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

pub fn recorded_log(recording: &Value) -> Vec<String> {
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
pub fn normal(text: &str) -> String {
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
pub fn compare_logs(theirs: &[String], ours: &[String], problems: &mut Vec<String>) {
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

pub fn compare_trees(recorded: &Value, cluster: &mut Cluster, problems: &mut Vec<String>) {
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
