//! Plays a recording in the simulator: same configuration, same actions at the same distances, and a
//! look at everything after each step.

use super::compare::{Difference, compared_part, differences};
use super::lab::{Lab, plan_named};
use super::recorder_client::{operation_of, result_in_recorded_shape};
use super::recording::{Action, Mode, Recording, Step, is_of_other_mode};
use super::znode_tree::{compared_tree, znode_tree};
use crate::client::{DriverOperation, DriverResult};
use crate::kernel::{Duration, Fault, NodeStatus};
use crate::metadata::znode;
use crate::node::ShellCommand;
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::{Fact, TopicPartition};
use crate::run::Unbuildable;
use crate::trace::excerpt;
use serde_json::{Map, Value, json};
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
    /// From 1.
    pub step: usize,
    pub what: String,
    pub differences: Vec<Difference>,
    /// The transcript's last lines before this step, and those of this step.
    pub before: Vec<String>,
    pub meanwhile: Vec<String>,
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
    let mut stopped = false;
    for (number, step) in (1..).zip(&recording.steps) {
        let first = player.lab.run.trace().len();
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
            let (before, meanwhile) = excerpt(player.lab.run.trace(), first, LINES_BEFORE);
            differed.push(StepDifference {
                step: number,
                what: step.what.clone(),
                differences: found,
                before,
                meanwhile,
            });
            stopped = stops || !all;
            if stopped {
                break;
            }
        }
    }
    if let Some(recorded) = recording.znode_tree.as_ref().filter(|_| !stopped) {
        let first = player.lab.run.trace().len();
        let differences = player.tree(recorded, &recording.steps);
        if !differences.is_empty() {
            let (before, meanwhile) = excerpt(player.lab.run.trace(), first, LINES_BEFORE);
            differed.push(StepDifference {
                step: recording.steps.len() + 1,
                what: "the tree at the end".to_string(),
                differences,
                before,
                meanwhile,
            });
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
/// So many lines of the transcript are shown of the time before a step that differs.
const LINES_BEFORE: usize = 10;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

struct Player {
    lab: Lab,
}

impl Player {
    fn start(recording: &Recording) -> Result<Player, Unbuildable> {
        let mut lab = Lab::start(&plan_of(recording))?;
        lab.start_driver();
        lab.start_shell();
        Ok(Player { lab })
    }

    /// Plays one step and answers what differs at its end.
    fn step(&mut self, step: &Step) -> Result<Vec<Difference>, Unbuildable> {
        let begin = self.lab.run.now();
        let mut operation = None;
        for timed in &step.actions {
            self.lab
                .run
                .until(begin + Duration::from_millis(timed.at_ms));
            operation = self.act(&timed.action)?.or(operation);
        }
        let recorded_end = begin + Duration::from_millis(step.lasted_ms);
        self.lab.run.until(recorded_end);
        let kafka = compared_part(&step.seen);
        // The recorder had looked all the while: a question to a frozen broker had timed out by then.
        let mut first_look = None;
        loop {
            let ours = self.look(step, operation);
            let found = differences(&kafka, &ours, &step.varies);
            let now = self.lab.run.now();
            let ends = recorded_end.max(*first_look.get_or_insert(now)) + PATIENCE;
            if found.is_empty() || now >= ends {
                return Ok(found);
            }
            let next = self.lab.run.now() + PAUSE;
            self.lab.run.until(next);
        }
    }

    /// What differs in the znode tree that is left in the end.
    fn tree(&mut self, recorded: &Value, steps: &[Step]) -> Vec<Difference> {
        let any_controller = steps
            .iter()
            .any(|step| step.varies.iter().any(|path| path == "state.controller"));
        let kafka = compared_tree(recorded, any_controller);
        let end = self.lab.run.now() + PATIENCE;
        loop {
            let ours = znode_tree(&self.lab.run.view().zookeeper().znodes);
            let ours = compared_tree(&ours, any_controller);
            let found = differences(&kafka, &ours, &[]);
            if found.is_empty() || self.lab.run.now() >= end {
                return found;
            }
            let next = self.lab.run.now() + PAUSE;
            self.lab.run.until(next);
        }
    }

    /// Carries out an action; a client's operation answers its number.
    fn act(&mut self, action: &Action) -> Result<Option<u32>, Unbuildable> {
        match action {
            Action::StartZooKeeper => self.lab.run.fault(Fault::Start(self.lab.zookeeper), None),
            Action::CrashZooKeeper => {
                self.lab.run.fault(
                    Fault::Crash(self.lab.zookeeper),
                    Some((self.lab.zookeeper, Fact::Crashed)),
                );
            }
            Action::PauseZooKeeper => {
                self.lab.run.fault(
                    Fault::Pause(self.lab.zookeeper),
                    Some((self.lab.zookeeper, Fact::Paused)),
                );
            }
            Action::ResumeZooKeeper => {
                self.lab.run.fault(
                    Fault::Resume(self.lab.zookeeper),
                    Some((self.lab.zookeeper, Fact::Resumed)),
                );
            }
            Action::Start(id) => {
                let node = self.lab.broker(*id)?;
                self.lab.run.fault(Fault::Start(node), None);
            }
            Action::Crash(id) => {
                let node = self.lab.broker(*id)?;
                self.lab
                    .run
                    .fault(Fault::Crash(node), Some((node, Fact::Crashed)));
            }
            Action::ControlledShutdown(id) => {
                let node = self.lab.broker(*id)?;
                self.lab
                    .run
                    .fault(Fault::Terminate(node), Some((node, Fact::TerminateAsked)));
            }
            Action::Pause(id) => {
                let node = self.lab.broker(*id)?;
                self.lab
                    .run
                    .fault(Fault::Pause(node), Some((node, Fact::Paused)));
            }
            Action::Resume(id) => {
                let node = self.lab.broker(*id)?;
                self.lab
                    .run
                    .fault(Fault::Resume(node), Some((node, Fact::Resumed)));
            }
            Action::ZooKeeperDelete(path) => {
                self.lab.shell(ShellCommand::Delete { path: path.clone() });
            }
            Action::Client(command) => return self.lab.operate(operation_of(command)?).map(Some),
        }
        Ok(None)
    }

    /// Looks at everything that the step's recording shows, in its shape.
    fn look(&mut self, step: &Step, operation: Option<u32>) -> Value {
        let mut seen = Map::new();
        // The recorder went on only when its client had answered.
        if let Some(number) = operation {
            let result = self.lab.answer(number);
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
                offsets.insert(topic.clone(), self.lab.offsets(topic));
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
        let view = self.lab.run.view();
        let away = json!({"zookeeper": "away"});
        if view.kernel.status(self.lab.zookeeper) == NodeStatus::Down || !view.coordination_serves()
        {
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
        match self.lab.operate(question).ok().and_then(|number| self.lab.answer(number)) {
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

    /// Every broker's leader-epoch files of these topics, without their two header lines.
    fn leader_epoch_files(&self, topics: &[String]) -> Value {
        let view = self.lab.run.view();
        let mut brokers = Map::new();
        for (id, node) in &self.lab.brokers {
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

/// The recorded cluster: one ZooKeeper server with the recorder's settings, brokers that are started
/// by the recording's first step.
fn plan_of(recording: &Recording) -> Plan {
    let mut plan = plan_named(&recording.name)
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
        if !is_of_other_mode(key) {
            plan.cluster.config.insert(key.clone(), value.clone());
        }
    }
    plan
}
