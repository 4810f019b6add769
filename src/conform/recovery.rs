//! Plays a damaged data directory in the simulator as real Kafka's broker met it: started on it at the
//! recorded time, asked for offsets, appended to, read, stopped cleanly; and compares what came of it.

use super::RecoveryCase;
use super::compare::differences;
use super::lab::{Lab, SEED, plan_named};
use super::play::{Outcome, StepDifference};
use super::recorder_client::result_in_recorded_shape;
use super::sha256::sha256_prefix;
use crate::client::{DriverOperation, DriverRecord, DriverResult, ReadFrom};
use crate::kernel::{Config, Duration, Fault, NodeId, NodeStatus, Time};
use crate::metadata::znode::{self, TopicZNode};
use crate::metadata::{LeaderAndIsr, LeaderIsrAndControllerEpoch, ReplicaAssignment};
use crate::node::ShellCommand;
use crate::plan::Plan;
use crate::protocol::config::Properties;
use crate::protocol::{Fact, TopicPartition};
use crate::run::Unbuildable;
use crate::trace::excerpt;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The recorder's topic, of one partition.
const TOPIC: &str = "r";
const PARTITION_DIR: &str = "data/r-0/";
const BROKER: i32 = 1;
/// When the broker is started; ZooKeeper has its nodes long before.
const START: Time = Time(30_000_000_000);
/// A start or a stop takes longer than this only if it hangs.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between the start and the first question, the controller has told the broker what it leads.
const SETTLE: Duration = Duration::from_secs(3);

/// Plays `case`; one step is compared.
///
/// # Errors
/// A cluster that cannot be built.
pub fn play_recovery(case: &RecoveryCase) -> Result<Outcome, Unbuildable> {
    let mut lab = Lab::start(&plan_of(case), SEED)?;
    prepare_zookeeper(&mut lab, case);
    lab.run.until(START);
    let broker = lab.broker(BROKER)?;
    lab.run.fault(Fault::Start(broker), None);
    let mut ours = Map::new();
    let outcome = if came_up(&mut lab, broker) {
        use_it(&mut lab, &mut ours)?;
        let died = lab.run.view().kernel.status(broker) == NodeStatus::Down;
        lab.run.fault(
            Fault::Terminate(broker),
            Some((broker, Fact::TerminateAsked)),
        );
        let end = lab.run.now() + PATIENCE;
        lab.run_until(end, |lab| is_down(lab, broker));
        match (died, exit_status(&lab)) {
            (true, status) => format!("died {}", status.unwrap_or(1)),
            (false, _) if !is_down(&lab, broker) => "did not stop".to_string(),
            (false, _) => "served".to_string(),
        }
    } else {
        match exit_status(&lab) {
            Some(status) => format!("exited {status}"),
            None => "did not come up".to_string(),
        }
    };
    ours.insert("outcome".to_string(), Value::from(outcome));
    let kafka = compared_part(&case.outcome);
    look_at_disk(&lab, broker, &kafka, &mut ours);
    let found = differences(&kafka, &Value::Object(ours), &[]);
    Ok(if found.is_empty() {
        Outcome::Agreed { steps: 1 }
    } else {
        Outcome::Differed(vec![StepDifference {
            step: 1,
            what: case.about.clone(),
            differences: found,
            before: Vec::new(),
            meanwhile: excerpt(lab.run.trace(), 0, 0).1,
        }])
    })
}

/// The recorder's broker on the damaged directory, with a clock that shows the recorded time at `START`.
fn plan_of(case: &RecoveryCase) -> Plan {
    let mut plan = plan_named(&case.name).about(case.about.clone()).brokers(1);
    plan.duration = Duration::MAX;
    plan.cluster.zookeeper.tick_time_ms = 1000;
    plan.cluster.zookeeper.min_session_timeout_ms = Some(2000);
    plan.cluster.zookeeper.max_session_timeout_ms = Some(60_000);
    for (key, value) in [
        ("auto.create.topics.enable", "false"),
        ("log.flush.offset.checkpoint.interval.ms", "3600000"),
        ("log.flush.start.offset.checkpoint.interval.ms", "3600000"),
        ("log.index.size.max.bytes", "4096"),
        ("log.initial.task.delay.ms", "1000"),
        ("log.retention.check.interval.ms", "1000"),
        ("log.segment.delete.delay.ms", "1000"),
    ] {
        plan.cluster
            .config
            .insert(key.to_string(), value.to_string());
    }
    let at_start =
        Config::default().calendar_start_ms + i64::try_from(START.as_millis()).unwrap_or(0);
    let machine = &mut plan.cluster.brokers[0].machine;
    machine.down_at_start = true;
    machine.clock_skew_ms = case.started_at_ms - at_start;
    machine.files = case
        .files
        .iter()
        .map(|(path, content)| (format!("data/{path}"), content.clone()))
        .collect();
    plan
}

/// The topic with its configuration, led by the broker in epoch 0, and the cluster's id.
fn prepare_zookeeper(lab: &mut Lab, case: &RecoveryCase) {
    lab.start_shell();
    let partition = TopicPartition::new(TOPIC, 0);
    let mut config: Properties = [
        ("segment.bytes", "560"),
        ("index.interval.bytes", "200"),
        ("segment.index.bytes", "4096"),
        ("retention.ms", "-1"),
        ("retention.bytes", "-1"),
    ]
    .map(|(key, value)| (key.to_string(), value.to_string()))
    .into();
    config.extend(case.topic_config.iter().cloned());
    let topic = TopicZNode {
        topic_id: Some(case.topic_id),
        assignment: BTreeMap::from([(0, ReplicaAssignment::of(vec![BROKER]))]),
    };
    let state = LeaderIsrAndControllerEpoch {
        leader_and_isr: LeaderAndIsr::initial(BROKER, vec![BROKER]),
        controller_epoch: 1,
    };
    for (path, data) in [
        ("/cluster".into(), Bytes::new()),
        (
            znode::CLUSTER_ID.into(),
            znode::encode_cluster_id(&case.cluster_id),
        ),
        ("/config".into(), Bytes::new()),
        (znode::TOPIC_CONFIGS.into(), Bytes::new()),
        (
            znode::topic_config_path(TOPIC),
            znode::encode_config(&config),
        ),
        ("/brokers".into(), Bytes::new()),
        (znode::TOPICS.into(), Bytes::new()),
        (znode::topic_path(TOPIC), topic.encode()),
        (znode::topic_partitions_path(TOPIC), Bytes::new()),
        (znode::topic_partition_path(&partition), Bytes::new()),
        (
            znode::topic_partition_state_path(&partition),
            znode::encode_partition_state(&state),
        ),
    ] {
        let path: crate::protocol::zookeeper::Path = path;
        lab.shell(ShellCommand::Create {
            path: path.to_string(),
            data,
        });
        lab.run_until(START, Lab::shell_is_done);
    }
}

/// True once the broker serves what it leads, false if its process has ended by then.
fn came_up(lab: &mut Lab, broker: NodeId) -> bool {
    let end = lab.run.now() + PATIENCE;
    let serves = |lab: &Lab| {
        let mut facts = lab.run.trace().iter().rev();
        facts.any(|entry| entry.fact == Fact::Serving)
    };
    lab.run_until(end, |lab| serves(lab) || is_down(lab, broker));
    if serves(lab) {
        let settled = lab.run.now() + SETTLE;
        lab.run.until(settled);
    }
    serves(lab) && !is_down(lab, broker)
}

/// What the recorder's client then asks and does.
fn use_it(lab: &mut Lab, ours: &mut Map<String, Value>) -> Result<(), Unbuildable> {
    lab.start_driver();
    let offsets = lab.offsets(TOPIC);
    ours.insert("offsets".to_string(), offsets["0"].clone());
    let produce = lab.operate(DriverOperation::Produce {
        topic: TOPIC.into(),
        partition: Some(0),
        producer: "default".to_string(),
        properties: Properties::from([("acks".to_string(), "all".to_string())]),
        records: vec![DriverRecord {
            key: None,
            value: Some("after".to_string()),
            timestamp_ms: Some(1_795_330_000_000),
        }],
    })?;
    let produced = lab.answer(produce);
    let produced = produced.map_or(Value::Null, |result| result_in_recorded_shape(&result));
    ours.insert("produce_after".to_string(), produced);
    let read = lab.operate(DriverOperation::Read {
        partition: TopicPartition::new(TOPIC, 0),
        from: ReadFrom::Beginning,
        ms: 1500,
        properties: Properties::new(),
    })?;
    if let Some(DriverResult::Read {
        records,
        position,
        exception,
    }) = lab.answer(read)
    {
        let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
        let mut epochs: Vec<i32> = Vec::new();
        for record in &records {
            if !epochs.contains(&record.leader_epoch) {
                epochs.push(record.leader_epoch);
            }
        }
        let mut shown = Map::new();
        shown.insert("offsets".to_string(), json!(offsets));
        shown.insert("epochs".to_string(), json!(epochs));
        if let Some(position) = position {
            shown.insert("position".to_string(), json!(position));
        }
        if let Some(exception) = exception {
            shown.insert("error".to_string(), json!(&*exception));
        }
        ours.insert("read".to_string(), Value::Object(shown));
    }
    Ok(())
}

/// What is compared of an outcome: not what was logged, nor the offset of the largest timestamp, nor
/// the file that carries a date.
fn compared_part(outcome: &Value) -> Value {
    let mut part = Map::new();
    for field in [
        "outcome",
        "offsets",
        "produce_after",
        "read",
        "leader_epochs",
    ] {
        if let Some(value) = outcome.get(field) {
            part.insert(field.to_string(), value.clone());
        }
    }
    if let Some(offsets) = part.get_mut("offsets").and_then(Value::as_object_mut) {
        offsets.remove("max_timestamp");
    }
    for record in part
        .get_mut("produce_after")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        record.remove("message");
    }
    let files = outcome
        .get("files_after_clean_stop")
        .and_then(Value::as_object);
    let files: Map<String, Value> = files
        .into_iter()
        .flatten()
        .filter(|(name, _)| is_compared(name))
        .map(|(name, file)| (name.clone(), file.clone()))
        .collect();
    part.insert("files".to_string(), Value::Object(files));
    Value::Object(part)
}

/// The files of the partition, of future and stray replicas, and those of the data directory but for the one with a date and those
/// that only the running process has.
fn is_compared(name: &str) -> bool {
    let has_kind = name.contains("-future/") || name.contains("-stray/");
    let of_the_case = name.starts_with("r-0/") || has_kind || !name.contains('/');
    of_the_case
        && name != "meta.properties"
        && !name.starts_with('.')
        && !name.ends_with(".deleted")
}

fn look_at_disk(lab: &Lab, broker: NodeId, kafka: &Value, ours: &mut Map<String, Value>) {
    let disk = lab.run.view().kernel.disk(broker);
    let (mut files, mut epochs) = (Map::new(), Vec::new());
    for (path, file) in disk.files() {
        let Some(name) = path.strip_prefix("data/") else {
            continue;
        };
        let content: Vec<u8> = disk.peek(file).concat();
        if path == format!("{PARTITION_DIR}leader-epoch-checkpoint") {
            let text = String::from_utf8_lossy(&content);
            epochs = text.lines().skip(2).map(Value::from).collect();
        }
        if is_compared(name) {
            let recorded = kafka["files"][name]["sha256"].as_str().unwrap_or_default();
            let digest = digest(name, &content, recorded);
            let file = json!({"size": content.len(), "sha256": digest});
            files.insert(name.to_string(), file);
        }
    }
    ours.insert("files".to_string(), Value::Object(files));
    if kafka.get("leader_epochs").is_some() {
        ours.insert("leader_epochs".to_string(), Value::Array(epochs));
    }
}

/// The digest of a file; of a checkpoint file in the order of lines that has the recorded one, if one
/// has: Kafka writes them in the order of a hash map.
fn digest(name: &str, content: &[u8], recorded: &str) -> String {
    let own = sha256_prefix(content);
    if own == recorded || !name.ends_with("-offset-checkpoint") {
        return own;
    }
    let text = String::from_utf8_lossy(content);
    let mut lines = text.lines();
    let head: String = lines
        .by_ref()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    let lines: Vec<&str> = lines.collect();
    if lines.len() > MOST_LINES {
        return own;
    }
    let mut orders = vec![Vec::new()];
    for line in &lines {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<&str>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, line);
                    longer
                })
            })
            .collect();
    }
    let digest_of = |order: Vec<&str>| {
        let lines: String = order.iter().map(|line| format!("{line}\n")).collect();
        sha256_prefix(format!("{head}{lines}").as_bytes())
    };
    let mut digests = orders.into_iter().map(digest_of);
    digests.find(|digest| digest == recorded).unwrap_or(own)
}

/// The orders of so many lines are tried.
const MOST_LINES: usize = 6;

fn is_down(lab: &Lab, broker: NodeId) -> bool {
    lab.run.view().kernel.status(broker) == NodeStatus::Down
}

/// The status with which the broker said that it ends.
fn exit_status(lab: &Lab) -> Option<i32> {
    let mut facts = lab.run.trace().iter().rev();
    facts.find_map(|entry| match entry.fact {
        Fact::Exiting { status, .. } => Some(status),
        _ => None,
    })
}
