//! Plays a recording in the simulator: same configuration, same actions at the same distances, and a
//! look at everything after each step.

use super::compare::{Difference, compared_part, differences};
use super::lab::{Lab, SEED};
use super::lateness::{Lateness, too_late};
use super::recorded_cluster::plan_of;
use super::recorder_client::{operation_of, result_in_recorded_shape};
use super::recording::{Action, DiskFault, Mode, Recording, Step};
use super::znode_tree::{compared_tree, znode_tree};
use crate::client::{DriverOperation, DriverResult};
use crate::kernel::{Duration, Fault, NodeStatus, Time};
use crate::metadata::znode;
use crate::node::ShellCommand;
use crate::node::view::ClusterView;
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
    play_with_lateness(recording, all).map(|(outcome, _)| outcome)
}

/// As `play`, with how late each step was that came to what was recorded.
///
/// # Errors
/// As `play`.
pub fn play_with_lateness(
    recording: &Recording,
    all: bool,
) -> Result<(Outcome, Vec<Lateness>), Unbuildable> {
    if recording.mode == Mode::KRaft {
        let why = "recorded in KRaft mode".to_string();
        return Ok((Outcome::Skipped { why }, Vec::new()));
    }
    let mut first = None;
    for seed in SEED..SEED + RACES {
        let played = play_seed(recording, all, seed)?;
        if !lost_a_race(&played.0) {
            return Ok(played);
        }
        first.get_or_insert(played);
    }
    Ok(first.unwrap_or((Outcome::Differed(Vec::new()), Vec::new())))
}

/// Who wins an election of controllers is a race, and a recording shows how it ended once. So many seeds are
/// tried for one in which it ends so.
const RACES: u64 = 24;

/// Whether at the first step that differs another broker than the recorded one is the controller.
fn lost_a_race(outcome: &Outcome) -> bool {
    let Outcome::Differed(steps) = outcome else {
        return false;
    };
    let differences = steps.first().map(|step| &step.differences);
    differences.into_iter().flatten().any(|difference| {
        let both = difference.kafka.iter().chain(&difference.ours);
        difference.field == "state.controller" && both.filter(|id| id.is_number()).count() == 2
    })
}

fn play_seed(
    recording: &Recording,
    all: bool,
    seed: u64,
) -> Result<(Outcome, Vec<Lateness>), Unbuildable> {
    let mut player = Player::start(recording, seed)?;
    let mut differed = Vec::new();
    let mut lateness = Vec::new();
    let tree = recording.znode_tree.as_ref();
    let steps = recording.steps.iter().map(Some);
    let steps = steps.chain(tree.map(|_| None));
    for (number, step) in (1..).zip(steps) {
        let first = player.lab.run.trace().len();
        let what = step.map_or("the tree at the end", |step| &step.what);
        let (settled, stops) = match (step, tree) {
            (Some(step), _) => match player.step(step) {
                Ok(settled) => (settled, false),
                // What is asked for here is not built: the recording is played up to this step.
                Err(Unbuildable(why)) => (Settled::never(step, why), true),
            },
            (None, Some(tree)) => (player.tree(tree, &recording.steps), false),
            (None, None) => continue,
        };
        let differences = match settled {
            Settled::Equal { late, until_then } => {
                let what = what.to_string();
                lateness.push(Lateness {
                    step: number,
                    what,
                    late,
                });
                let too_late = too_late(&recording.name, number, late, until_then.as_ref());
                too_late.into_iter().collect()
            }
            Settled::Never(differences) => differences,
        };
        if !differences.is_empty() {
            let (before, meanwhile) = excerpt(player.lab.run.trace(), first, LINES_BEFORE);
            differed.push(StepDifference {
                step: number,
                what: what.to_string(),
                differences,
                before,
                meanwhile,
            });
            if stops || !all {
                break;
            }
        }
    }
    let outcome = match differed.is_empty() {
        true => Outcome::Agreed {
            steps: recording.steps.len(),
        },
        false => Outcome::Differed(differed),
    };
    Ok((outcome, lateness))
}

/// What became of a step's comparison.
enum Settled {
    /// All was equal, from so long after the recorded end on; and what had differed last.
    Equal {
        late: Duration,
        until_then: Option<Difference>,
    },
    Never(Vec<Difference>),
}

impl Settled {
    fn never(step: &Step, why: String) -> Settled {
        Settled::Never(vec![Difference {
            field: "actions".to_string(),
            kafka: step.seen.get("actions").cloned(),
            ours: Some(Value::from(why)),
        }])
    }
}

/// A step that has not settled so long after the recorded one did never will.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many lines of the transcript are shown of the time before a step that differs.
const LINES_BEFORE: usize = 10;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// The recorder asked about every topic so often while it waited for quiet.
const WATCH_PAUSE: Duration = Duration::from_millis(200);
/// A look that took longer, since somebody did not answer, is not taken a second time.
const LONG_LOOK: Duration = Duration::from_secs(1);

struct Player {
    lab: Lab,
}

impl Player {
    fn start(recording: &Recording, seed: u64) -> Result<Player, Unbuildable> {
        let mut lab = Lab::start(&plan_of(recording), seed)?;
        lab.start_driver();
        lab.start_shell();
        Ok(Player { lab })
    }

    /// Plays one step and answers how its end compares.
    fn step(&mut self, step: &Step) -> Result<Settled, Unbuildable> {
        let begin = self.lab.run.now();
        let mut operation = None;
        for timed in &step.actions {
            self.lab
                .run
                .until(begin + Duration::from_millis(timed.at_ms));
            operation = self.act(&timed.action)?.or(operation);
        }
        let recorded_end = begin + Duration::from_millis(step.lasted_ms);
        let asked = self.watch(step, operation, recorded_end);
        let kafka = compared_part(&step.seen);

        let unasked = without_questions(&kafka);
        let (late, until_then) = match self.settle_unasked(step, &unasked, recorded_end) {
            Ok(settled) => settled,
            Err(found) => return Ok(Settled::Never(found)),
        };
        // Whom the client asks is chance: where somebody frozen keeps it waiting, its own questions begin
        // when it is free again.
        let mut begins = recorded_end;
        if let Some(number) = asked {
            self.lab.answer(number);
            begins = begins.max(self.lab.run.now());
        }
        let settled = self.settle(begins, |player, again| {
            let ours = player.look(step, operation, !again);
            let kafka = if again { &unasked } else { &kafka };
            differences(kafka, &ours, &step.varies)
        });
        Ok(match settled {
            Settled::Equal { late: later, .. } if later < late => {
                Settled::Equal { late, until_then }
            }
            settled => settled,
        })
    }

    /// While the recorder waited for quiet, its client asked about every topic again and again: so it learns
    /// of lost connections. Answers the operation that nobody has answered by `until`.
    fn watch(&mut self, step: &Step, operation: Option<u32>, until: Time) -> Option<u32> {
        let mut asked = operation;
        let topics = topics_of(step);
        let mut topics = topics.iter().cycle();
        loop {
            if let Some(number) = asked
                && self.lab.answer_by(number, until).is_none()
            {
                return asked;
            }
            let next = self.lab.run.now() + WATCH_PAUSE;
            self.lab.run.until(next.min(until));
            let topic = topics.next().filter(|_| next < until)?;
            let topic = Rc::from(topic.as_str());
            asked = self.lab.operate(DriverOperation::Describe { topic }).ok();
        }
    }

    /// Looks at what nobody has to be asked for until it is as recorded, in part before the client has its
    /// answers: how late that was, and what differed last; or what differs still.
    fn settle_unasked(
        &mut self,
        step: &Step,
        kafka: &Value,
        recorded_end: Time,
    ) -> Result<(Duration, Option<Difference>), Vec<Difference>> {
        let mut until_then = None;
        self.lab.run.until(recorded_end);
        loop {
            let ours = without_answers(&self.look(step, None, false));
            let found = differences(&without_answers(kafka), &ours, &step.varies);
            let now = self.lab.run.now();
            if found.is_empty() {
                return Ok((now.since(recorded_end), until_then));
            }
            if now >= recorded_end + PATIENCE {
                return Err(found);
            }
            until_then = found.into_iter().next();
            self.lab.run.until(now + PAUSE);
        }
    }

    /// Looks until nothing differs at two looks in a row. `look` is told whether only to look again at what
    /// nobody needs to be asked for: where a question was not answered for long, that took the time.
    fn settle(
        &mut self,
        recorded_end: Time,
        look: impl Fn(&mut Player, bool) -> Vec<Difference>,
    ) -> Settled {
        let mut first_look = None;
        // Since when all has been equal.
        let mut equal: Option<(Time, bool)> = None;
        let mut until_then = None;
        loop {
            let begin = self.lab.run.now();
            let again = equal.is_some_and(|(_, long)| long);
            let found = look(self, again);
            let end = self.lab.run.now();
            let long = end.since(begin) > LONG_LOOK;
            let ends = recorded_end.max(*first_look.get_or_insert(begin)) + PATIENCE;
            match equal {
                _ if !found.is_empty() => {
                    if end >= ends {
                        return Settled::Never(found);
                    }
                    equal = None;
                    until_then = found.into_iter().next();
                }
                Some((since, _)) => {
                    let late = since.since(recorded_end.min(since));
                    return Settled::Equal { late, until_then };
                }
                None => equal = Some((begin, long)),
            }
            self.lab.run.until(end + PAUSE);
        }
    }

    /// How the znode tree that is left in the end compares.
    fn tree(&mut self, recorded: &Value, steps: &[Step]) -> Settled {
        let any_controller = steps
            .iter()
            .any(|step| step.varies.iter().any(|path| path == "state.controller"));
        let kafka = compared_tree(recorded, any_controller);
        let now = self.lab.run.now();
        self.settle(now, |player, _| {
            let ours = znode_tree(&player.lab.run.view().zookeeper().znodes);
            let ours = compared_tree(&ours, any_controller);
            differences(&kafka, &ours, &[])
        })
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
            Action::Disk {
                broker,
                fault,
                begins,
            } => self.disk_fault(*broker, *fault, *begins)?,
            Action::Client(command) => return self.lab.operate(operation_of(command)?).map(Some),
        }
        Ok(None)
    }

    fn disk_fault(&mut self, id: i32, fault: DiskFault, on: bool) -> Result<(), Unbuildable> {
        let node = self.lab.broker(id)?;
        let (fault, what) = match fault {
            DiskFault::Hang => (Fault::DiskSyncStuck { node, on }, "fsyncs hang"),
            DiskFault::Slow(ms) => {
                let extra = Duration::from_millis(u64::from(ms));
                (Fault::DiskSyncSlow { node, extra }, "fsyncs are slow")
            }
            DiskFault::Full => (Fault::DiskFull { node, on }, "it is full"),
            DiskFault::Eio => (Fault::DiskSyncFails { node, on }, "fsyncs fail"),
        };
        let end = if on { "" } else { " no more" };
        let said = Fact::TimelineEvent {
            entry: 0,
            end: !on,
            text: format!("disk of broker-{id}: {what}{end}").into(),
        };
        self.lab.run.fault(fault, Some((node, said)));
        Ok(())
    }

    /// Looks at what the step's recording shows, in its shape; without questions at what stands in ZooKeeper
    /// and on disks only.
    fn look(&mut self, step: &Step, operation: Option<u32>, questions: bool) -> Value {
        let mut seen = Map::new();
        if let Some(number) = operation {
            let result = self.lab.answer(number);
            self.put_result(&mut seen, step, result);
        }
        if step.seen.get("state").is_some() {
            seen.insert("state".to_string(), self.state());
        }
        let topics = topics_of(step);
        let mut metadata = Map::new();
        let mut offsets = Map::new();
        for topic in topics.iter().filter(|_| questions) {
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

/// The topics that a step shows.
fn topics_of(step: &Step) -> Vec<String> {
    let topics = step.seen.get("metadata").and_then(Value::as_object);
    topics
        .into_iter()
        .flat_map(|topics| topics.keys().cloned())
        .collect()
}

/// What the client was answered is no part of what stands in ZooKeeper and on disks.
fn without_answers(part: &Value) -> Value {
    let mut part = part.clone();
    if let Some(fields) = part.as_object_mut() {
        fields.retain(|field, _| field != "result" && field != "results");
    }
    part
}

/// The part of a look that nobody is asked for.
fn without_questions(part: &Value) -> Value {
    let mut part = part.clone();
    if let Some(fields) = part.as_object_mut() {
        fields.retain(|field, _| field != "metadata" && field != "offsets");
    }
    part
}
