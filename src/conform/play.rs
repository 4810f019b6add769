//! Plays a recording in the simulator: same configuration, same actions at the same distances, and a
//! look at everything after each step.

use super::compare::{Difference, compared_part, differences};
use super::lab::{Lab, SEED};
use super::lateness::{Lateness, too_late};
use super::look::{Questions, topics_of};
use super::recorded_cluster::plan_of;
use super::recorder_client::operation_of;
use super::recording::{Action, DiskFault, Mode, Recording, Step};
use super::znode_tree::{compared_tree, znode_tree};
use crate::client::DriverOperation;
use crate::kernel::{Duration, Fault, Time};
use crate::node::ShellCommand;
use crate::node::view::ClusterView;
use crate::protocol::Fact;
use crate::run::Unbuildable;
use crate::trace::excerpt;
use serde_json::Value;
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
        let (outcome, lateness, kept_waiting) = play_seed(recording, all, seed)?;
        let by_chance = kept_waiting
            || lost_a_race(&outcome)
            || knew_an_old_leader(&outcome)
            || another_was_first(&outcome);
        let played = (outcome, lateness);
        if !by_chance {
            return Ok(played);
        }
        first.get_or_insert(played);
    }
    Ok(first.unwrap_or((Outcome::Differed(Vec::new()), Vec::new())))
}

/// Who wins an election of controllers is a race, and whom a client asks that may ask anybody is chance; a
/// recording shows how it came once. So many seeds are tried for one in which it comes so.
const RACES: u64 = 24;

/// Whether at the first step that differs another broker than the recorded one is the controller.
fn lost_a_race(outcome: &Outcome) -> bool {
    first_differences(outcome).any(|difference| {
        let both = difference.kafka.iter().chain(&difference.ours);
        difference.field == "state.controller" && both.filter(|id| id.is_number()).count() == 2
    })
}

/// Whether at the first step that differs one of the two producers asked a broker that no longer led: it
/// hears of a new leader with the loss of a connection, and to whom it has one beside the leaders is chance.
fn knew_an_old_leader(outcome: &Outcome) -> bool {
    first_differences(outcome).any(|difference| {
        let mut both = difference.kafka.iter().chain(&difference.ours);
        let refused = |results: &Value| results.to_string().contains("NotLeaderOrFollower");
        difference.field == "results" && both.any(refused)
    })
}

/// Whether at the first step that differs a dead member of an ISR was taken out by another: the controller begins
/// a leader epoch with that, the leader does not. Their clocks run since each was up, which no recording tells.
fn another_was_first(outcome: &Outcome) -> bool {
    let one_apart = |difference: &Difference| {
        let epoch = |of: &Option<Value>| of.as_ref().and_then(Value::as_i64);
        let both = (epoch(&difference.kafka), epoch(&difference.ours));
        matches!(both, (Some(kafka), Some(ours)) if (kafka - ours).abs() == 1)
    };
    let of_partition = |field: &str| field.starts_with("state.partitions.");
    let mut epochs = first_differences(outcome).filter(|it| it.field.ends_with(".leader_epoch"));
    let mut others = first_differences(outcome).filter(|it| !it.field.contains("leader_epoch"));
    epochs.any(|it| of_partition(&it.field) && one_apart(it)) && others.next().is_none()
}

fn first_differences(outcome: &Outcome) -> impl Iterator<Item = &Difference> {
    let steps: &[StepDifference] = match outcome {
        Outcome::Differed(steps) => steps,
        _ => &[],
    };
    steps.iter().take(1).flat_map(|step| &step.differences)
}

/// Plays with one seed; and whether the first step that differs does so since a broker that answers nobody
/// kept its client waiting.
fn play_seed(
    recording: &Recording,
    all: bool,
    seed: u64,
) -> Result<(Outcome, Vec<Lateness>, bool), Unbuildable> {
    let mut player = Player::start(recording, seed)?;
    let mut differed = Vec::new();
    let mut lateness = Vec::new();
    let mut kept_waiting = false;
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
            kept_waiting |= differed.is_empty() && player.was_kept_waiting;
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
    Ok((outcome, lateness, kept_waiting))
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
/// A look that took longer, since somebody did not answer for offsets, is not taken a second time in full.
const LONG_LOOK: Duration = Duration::from_secs(1);

pub(super) struct Player {
    pub(super) lab: Lab,
    /// The step's client had no answer yet when the recorded one had.
    was_kept_waiting: bool,
    /// How much longer a broker takes to start than ours would.
    boot: Duration,
}

impl Player {
    fn start(recording: &Recording, seed: u64) -> Result<Player, Unbuildable> {
        let mut lab = Lab::start(&plan_of(recording), seed)?;
        lab.start_driver();
        lab.start_shell();
        Ok(Player {
            lab,
            was_kept_waiting: false,
            boot: Duration::from_millis((seed - SEED) * 370 % 2_500),
        })
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
        self.watch(step, operation, recorded_end);
        self.was_kept_waiting = match operation {
            Some(number) => self.lab.answer_by(number, recorded_end).is_none(),
            None => false,
        };
        if let Some(number) = operation {
            self.lab.answer(number);
        }
        let kafka = compared_part(&step.seen);
        let kafka_again = without_offsets(&kafka);
        // Where the recorder looked at once, what it saw need not have lasted: so do we, twice.
        let waited = Duration::from_millis(step.lasted_ms) >= PAUSE;
        let between = if waited { PAUSE } else { Duration::ZERO };
        Ok(self.settle(recorded_end, between, |player, questions| {
            let ours = player.look(step, operation, questions);
            let kafka = match questions {
                Questions::All => &kafka,
                Questions::Metadata => &kafka_again,
            };
            differences(kafka, &ours, &step.varies)
        }))
    }

    /// While the recorder waited for quiet, its client asked about every topic again and again: so it learns
    /// of brokers that do not answer. While the recorder slept, nobody asked. The recorded client had its
    /// answers when the step ended: an application asks no longer for what ours has not been told by then.
    fn watch(&mut self, step: &Step, operation: Option<u32>, until: Time) {
        if let Some(number) = operation {
            self.lab.answer_by(number, until);
        }
        let topics = topics_of(step);
        let mut topics = topics.iter().cycle();
        while !step.recorder_slept() {
            let next = self.lab.run.now() + WATCH_PAUSE;
            self.lab.run.until(next.min(until));
            let Some(topic) = topics.next().filter(|_| next < until) else {
                break;
            };
            let topic = Rc::from(topic.as_str());
            let Ok(asked) = self.lab.operate(DriverOperation::Describe { topic }) else {
                break;
            };
            if self.lab.answer_by(asked, until).is_none() {
                self.lab.abandon(asked);
                break;
            }
        }
        self.lab.run.until(until);
    }

    /// Looks until nothing differs at two looks in a row, with so much between these.
    fn settle(
        &mut self,
        recorded_end: Time,
        between: Duration,
        look: impl Fn(&mut Player, Questions) -> Vec<Difference>,
    ) -> Settled {
        let mut questions = Questions::All;
        let ends = recorded_end.max(self.lab.run.now()) + PATIENCE;
        // Since when all has been equal.
        let mut equal: Option<Time> = None;
        let mut until_then = None;
        loop {
            let begin = self.lab.run.now();
            let found = look(self, questions);
            let end = self.lab.run.now();
            match equal {
                _ if !found.is_empty() => {
                    if begin >= ends {
                        return Settled::Never(found);
                    }
                    equal = None;
                    questions = Questions::All;
                    until_then = found.into_iter().next();
                }
                Some(since) => {
                    let late = since.since(recorded_end.min(since));
                    return Settled::Equal { late, until_then };
                }
                None => {
                    equal = Some(begin);
                    if end.since(begin) > LONG_LOOK {
                        questions = Questions::Metadata;
                    }
                }
            }
            let pause = equal.map_or(PAUSE, |_| between);
            self.lab.run.until(end + pause);
        }
    }

    /// How the znode tree that is left in the end compares.
    fn tree(&mut self, recorded: &Value, steps: &[Step]) -> Settled {
        let any_controller = steps
            .iter()
            .any(|step| step.varies.iter().any(|path| path == "state.controller"));
        let kafka = compared_tree(recorded, any_controller);
        let now = self.lab.run.now();
        self.settle(now, PAUSE, |player, _| {
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
                let up = self.lab.run.now() + self.boot;
                self.lab.run.until(up);
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
}

fn without_offsets(part: &Value) -> Value {
    let mut part = part.clone();
    if let Some(fields) = part.as_object_mut() {
        fields.remove("offsets");
    }
    part
}
