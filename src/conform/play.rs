//! Plays a recording in the simulator: same configuration, same actions at the same distances, and a
//! look at everything after each step.

use super::compare::{Difference, compared_part, differences};
use super::recorder_client::{offset, operation_of, result_in_recorded_shape};
use super::recording::{Action, Mode, Recording, Step};
use crate::client::{Bootstrap, Client, Driver, DriverOperation, DriverOptions, DriverResult};
use crate::kernel::{Duration, Fault, NodeId, NodeStatus};
use crate::metadata::znode;
use crate::node::{Node, ShellCommand, ZooKeeperShell};
use crate::plan::Plan;
use crate::protocol::{Fact, Timer, TopicPartition};
use crate::run::{Run, Unbuildable};
use crate::trace::TraceEntry;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What came of playing a recording.
#[derive(Debug)]
pub enum Outcome {
    /// Every compared field of every step agreed; so many fields were compared.
    Agreed {
        steps: usize,
    },
    /// Of a mode that is not played yet.
    Skipped {
        why: String,
    },
    Differed(Vec<StepDifference>),
}

/// A step at which the simulator and real Kafka differ.
#[derive(Debug)]
pub struct StepDifference {
    /// From 0, as in the recording.
    pub step: usize,
    pub what: String,
    pub differences: Vec<Difference>,
    /// The facts of this step.
    pub trace: Vec<TraceEntry>,
}

/// Plays `recording`; ends at the first step that differs unless `all` is asked for.
///
/// # Errors
/// A configuration that no broker could start with, or an operation that no client has.
pub fn play(recording: &Recording, all: bool) -> Result<Outcome, Unbuildable> {
    if recording.mode == Mode::KRaft {
        return Ok(Outcome::Skipped {
            why: "recorded in KRaft mode".to_string(),
        });
    }
    let mut player = Player::start(recording)?;
    let mut differed = Vec::new();
    for (number, step) in recording.steps.iter().enumerate() {
        let first = player.run.trace().len();
        let (found, stops) = match player.step(step) {
            Ok(found) => (found, false),
            // What is asked for here is not built: the recording is played up to this step.
            Err(Unbuildable(why)) => (
                vec![Difference {
                    field: "actions".to_string(),
                    kafka: step.seen.get("actions").cloned(),
                    ours: Some(Value::from(why)),
                }],
                true,
            ),
        };
        if !found.is_empty() {
            differed.push(StepDifference {
                step: number,
                what: step.what.clone(),
                differences: found,
                trace: player.run.trace()[first..].to_vec(),
            });
            if stops || !all {
                break;
            }
        }
    }
    Ok(if differed.is_empty() {
        Outcome::Agreed {
            steps: recording.steps.len(),
        }
    } else {
        Outcome::Differed(differed)
    })
}

/// A step ends at the latest so long after the recorded one did.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// A question of a look is given up after this: longer than any client's own time-out.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const DRIVER: &str = "driver";
const SHELL: &str = "recorder";

struct Player {
    run: Run,
    driver: NodeId,
    shell: NodeId,
    zookeeper: NodeId,
    brokers: BTreeMap<i32, NodeId>,
}

impl Player {
    fn start(recording: &Recording) -> Result<Player, Unbuildable> {
        let plan = plan_of(recording);
        let ids: Vec<i32> = plan
            .cluster
            .brokers
            .iter()
            .map(|broker| broker.id)
            .collect();
        let run = Run::start_with(&plan, SEED, |addresses, zookeepers| {
            let options = DriverOptions {
                name: DRIVER.to_string(),
                bootstrap: Bootstrap {
                    hosts: addresses.hosts.clone(),
                    servers: ids
                        .iter()
                        .map(|id| (format!("broker-{id}"), 9092))
                        .collect(),
                },
                operations: Vec::new(),
            };
            let driver = Driver::new(options).map_err(|error| Unbuildable(error.to_string()))?;
            let shell = ZooKeeperShell::new(zookeepers.to_vec(), 30_000);
            Ok(vec![
                (
                    DRIVER.to_string(),
                    Node::Client(Client::Driver(Box::new(driver))),
                ),
                (SHELL.to_string(), Node::ZooKeeperShell(Box::new(shell))),
            ])
        })?;
        let layout = run.view().layout;
        let named = |name: &str| {
            let found = layout
                .clients
                .iter()
                .find(|(client, _)| client == name)
                .map(|(_, node)| *node);
            found.ok_or_else(|| Unbuildable(format!("no node is called {name}")))
        };
        let zookeeper = layout.zookeepers.first().copied();
        let mut player = Player {
            driver: named(DRIVER)?,
            shell: named(SHELL)?,
            zookeeper: zookeeper.ok_or_else(|| Unbuildable("no ZooKeeper server".to_string()))?,
            brokers: layout.brokers.clone(),
            run,
        };
        let (driver, shell) = (player.driver, player.shell);
        player.run.fault(Fault::Start(driver), None);
        player.run.fault(Fault::Start(shell), None);
        Ok(player)
    }

    /// Plays one step and answers what differs at its end.
    fn step(&mut self, step: &Step) -> Result<Vec<Difference>, Unbuildable> {
        let begin = self.run.now();
        let mut operation = None;
        for timed in &step.actions {
            self.run.until(begin + Duration::from_millis(timed.at_ms));
            operation = self.act(&timed.action)?.or(operation);
        }
        let recorded_end = begin + Duration::from_millis(step.lasted_ms);
        self.run.until(recorded_end);
        let kafka = compared_part(&step.seen);
        loop {
            let ours = self.look(step, operation);
            let found = differences(&kafka, &ours, &step.varies);
            if found.is_empty() || self.run.now() >= recorded_end + PATIENCE {
                return Ok(found);
            }
            let next = self.run.now() + PAUSE;
            self.run.until(next);
        }
    }

    /// Carries out an action; a client's operation answers its number.
    fn act(&mut self, action: &Action) -> Result<Option<u32>, Unbuildable> {
        let broker = |id: &i32| {
            self.brokers
                .get(id)
                .copied()
                .ok_or_else(|| Unbuildable(format!("the recording has no broker {id}")))
        };
        match action {
            Action::StartZooKeeper => self.run.fault(Fault::Start(self.zookeeper), None),
            Action::CrashZooKeeper => {
                self.run.fault(
                    Fault::Crash(self.zookeeper),
                    Some((self.zookeeper, Fact::Crashed)),
                );
            }
            Action::PauseZooKeeper => {
                self.run.fault(
                    Fault::Pause(self.zookeeper),
                    Some((self.zookeeper, Fact::Paused)),
                );
            }
            Action::ResumeZooKeeper => {
                self.run.fault(
                    Fault::Resume(self.zookeeper),
                    Some((self.zookeeper, Fact::Resumed)),
                );
            }
            Action::Start(id) => {
                let node = broker(id)?;
                self.run.fault(Fault::Start(node), None);
            }
            Action::Crash(id) => {
                let node = broker(id)?;
                self.run
                    .fault(Fault::Crash(node), Some((node, Fact::Crashed)));
            }
            Action::ControlledShutdown(id) => {
                let node = broker(id)?;
                self.run
                    .fault(Fault::Terminate(node), Some((node, Fact::TerminateAsked)));
            }
            Action::Pause(id) => {
                let node = broker(id)?;
                self.run
                    .fault(Fault::Pause(node), Some((node, Fact::Paused)));
            }
            Action::Resume(id) => {
                let node = broker(id)?;
                self.run
                    .fault(Fault::Resume(node), Some((node, Fact::Resumed)));
            }
            Action::ZooKeeperDelete(path) => {
                let command = ShellCommand::Delete { path: path.clone() };
                if let Node::ZooKeeperShell(shell) = self.run.node_mut(self.shell) {
                    let number = shell.push(command);
                    self.run.poke(self.shell, Timer::Command(number));
                }
            }
            Action::Client(command) => return self.operate(operation_of(command)?).map(Some),
        }
        Ok(None)
    }

    fn operate(&mut self, operation: DriverOperation) -> Result<u32, Unbuildable> {
        let Node::Client(Client::Driver(driver)) = self.run.node_mut(self.driver) else {
            return Err(Unbuildable("the driver is no driver".to_string()));
        };
        let number = driver.push(operation);
        self.run.poke(self.driver, Timer::Command(number));
        Ok(number)
    }

    /// Runs until an operation has ended, or for as long as any client would wait.
    fn answer(&mut self, number: u32) -> Option<DriverResult> {
        let limit = self.run.now() + ANSWER_LIMIT;
        loop {
            if let Node::Client(Client::Driver(driver)) = self.run.view().kernel.actor(self.driver)
                && let Some(result) = driver.results().get(&number)
            {
                return Some(result.clone());
            }
            if self.run.now() >= limit || !self.run.step() {
                return None;
            }
        }
    }

    /// Looks at everything that the step's recording shows, in its shape.
    fn look(&mut self, step: &Step, operation: Option<u32>) -> Value {
        let mut seen = Map::new();
        // The recorder went on only when its client had answered.
        if let Some(number) = operation {
            let result = self.answer(number);
            self.put_result(&mut seen, step, result);
        }
        if step.seen.get("state").is_some() {
            seen.insert("state".to_string(), self.state());
        }
        let topics: Vec<String> = step
            .seen
            .get("metadata")
            .and_then(Value::as_object)
            .map(|topics| topics.keys().cloned().collect())
            .unwrap_or_default();
        let mut metadata = Map::new();
        let mut offsets = Map::new();
        for topic in &topics {
            metadata.insert(topic.clone(), self.described(topic));
            if step
                .seen
                .get("offsets")
                .and_then(|offsets| offsets.get(topic))
                .is_some()
            {
                offsets.insert(topic.clone(), self.offsets(topic));
            }
        }
        if !metadata.is_empty() {
            seen.insert("metadata".to_string(), Value::Object(metadata));
        }
        if !offsets.is_empty() {
            seen.insert("offsets".to_string(), Value::Object(offsets));
        }
        if step.seen.get("files").is_some() {
            seen.insert("files".to_string(), self.leader_epoch_files(&topics));
        }
        compared_part(&Value::Object(seen))
    }

    fn put_result(&self, seen: &mut Map<String, Value>, step: &Step, result: Option<DriverResult>) {
        let result = result.map_or(Value::Null, |result| result_in_recorded_shape(&result));
        let field = if step.seen.get("results").is_some() {
            "results"
        } else {
            "result"
        };
        // The recorder left an empty result out where it made a topic.
        let left_out = step.seen.get(field).is_none() && result == json!({});
        if !left_out {
            seen.insert(field.to_string(), result);
        }
    }

    fn state(&self) -> Value {
        let view = self.run.view();
        let away = json!({"zookeeper": "away"});
        if view.kernel.status(self.zookeeper) == NodeStatus::Down || !view.coordination_serves() {
            return away;
        }
        let Some(tree) = view.tree() else { return away };
        let mut state = Map::new();
        state.insert("brokers".to_string(), json!(view.registered_brokers()));
        let controller = tree
            .get(znode::CONTROLLER)
            .and_then(|(data, _)| znode::ControllerZNode::decode(data));
        state.insert(
            "controller".to_string(),
            json!(controller.map(|controller| controller.broker_id)),
        );
        let epoch = tree
            .get(znode::CONTROLLER_EPOCH)
            .and_then(|(data, _)| znode::decode_controller_epoch(data));
        state.insert("controller_epoch".to_string(), json!(epoch));
        let mut partitions = Map::new();
        for topic in tree
            .children(znode::TOPICS)
            .filter(|topic| !topic.starts_with("__"))
        {
            for partition in tree.children(&znode::topic_partitions_path(topic)) {
                let Ok(number) = partition.parse() else {
                    continue;
                };
                let tp = TopicPartition::new(Rc::clone(topic), number);
                let Some((data, stat)) = tree.get(&znode::topic_partition_state_path(&tp)) else {
                    continue;
                };
                let Ok(Value::Object(mut fields)) = serde_json::from_slice(data) else {
                    continue;
                };
                fields.remove("version");
                fields.insert("zk_version".to_string(), json!(stat.version));
                partitions.insert(tp.to_string(), Value::Object(fields));
            }
        }
        state.insert("partitions".to_string(), Value::Object(partitions));
        Value::Object(state)
    }

    fn described(&mut self, topic: &str) -> Value {
        let question = DriverOperation::Describe {
            topic: Rc::from(topic),
        };
        match self.operate(question).ok().and_then(|number| self.answer(number)) {
            Some(DriverResult::Described(partitions)) => partitions
                .into_iter()
                .map(|(number, partition)| {
                    let shown = json!({
                        "leader": partition.leader, "replicas": partition.replicas, "isr": partition.isr
                    });
                    (number.to_string(), shown)
                })
                .collect(),
            // The recorder's client had begun its answer when the exception came.
            Some(DriverResult::Failed { .. }) => json!({}),
            _ => Value::Null,
        }
    }

    fn offsets(&mut self, topic: &str) -> Value {
        let question = DriverOperation::Offsets {
            topic: Rc::from(topic),
        };
        let Some(DriverResult::Offsets(partitions)) = self
            .operate(question)
            .ok()
            .and_then(|number| self.answer(number))
        else {
            return Value::Null;
        };
        partitions
            .into_iter()
            .map(|(number, offsets)| {
                let mut shown = Map::new();
                shown.insert("earliest".to_string(), offset(&offsets.earliest));
                shown.insert("latest".to_string(), offset(&offsets.latest));
                shown.insert(
                    "latest_committed".to_string(),
                    offset(&offsets.latest_committed),
                );
                if let Some(epoch) = offsets.leader_epoch {
                    shown.insert("leader_epoch".to_string(), json!(epoch));
                }
                (number.to_string(), Value::Object(shown))
            })
            .collect()
    }

    /// Every broker's leader-epoch files of these topics, without their two header lines.
    fn leader_epoch_files(&self, topics: &[String]) -> Value {
        let view = self.run.view();
        let mut brokers = Map::new();
        for (id, node) in &self.brokers {
            let disk = view.kernel.disk(*node);
            let mut epochs = Map::new();
            for (path, file) in disk.files() {
                let mut parts = path.rsplit('/');
                if parts.next() != Some("leader-epoch-checkpoint") {
                    continue;
                }
                let Some(dir) = parts.next() else { continue };
                if dir
                    .rsplit_once('-')
                    .is_none_or(|(topic, _)| !topics.iter().any(|t| t == topic))
                {
                    continue;
                }
                let content: Vec<u8> = disk.peek(file).concat();
                let text = String::from_utf8_lossy(&content).into_owned();
                epochs.insert(dir.to_string(), text.lines().skip(2).collect());
            }
            let mut files = Map::new();
            if !epochs.is_empty() {
                files.insert("leader_epochs".to_string(), Value::Object(epochs));
            }
            brokers.insert(id.to_string(), Value::Object(files));
        }
        Value::Object(brokers)
    }
}

/// Any seed must do: what differs from seed to seed is not compared.
const SEED: u64 = 1;

/// The recorded cluster: one ZooKeeper server with the recorder's settings, brokers that are started
/// by the recording's first step.
fn plan_of(recording: &Recording) -> Plan {
    let mut plan = Plan::new(recording.name.clone())
        .about(recording.about.clone())
        .brokers(recording.brokers);
    // The steps say when it ends.
    plan.duration = Duration::MAX;
    plan.cluster.zookeeper.tick_time_ms = 1000;
    plan.cluster.zookeeper.min_session_timeout_ms = Some(2000);
    plan.cluster.zookeeper.max_session_timeout_ms = Some(60_000);
    plan.cluster.zookeeper.machine.down_at_start = true;
    for broker in &mut plan.cluster.brokers {
        broker.machine.down_at_start = true;
    }
    for (key, value) in &recording.config {
        // "a key of the other mode is ignored"
        if key != "broker.session.timeout.ms" && key != "broker.heartbeat.interval.ms" {
            plan.cluster.config.insert(key.clone(), value.clone());
        }
    }
    plan
}
