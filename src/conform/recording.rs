//! A recording of a real cluster (`vectors/kafka/failovers`): read, checked, and held as plain values.
//!
//! Only the shape that playing needs is typed; what is compared stays JSON, so that a difference can
//! be named by its path. The format is described in the recordings' README.

use super::client_command;
use super::field::Field;
use super::recorded_cluster::plan_of;
use super::seen::check_seen;
use super::shape::{MAY, Member, Shape, check_members};
use crate::plan::{Plan, Problem};
use crate::protocol::config::{ConfigError, Scope, in_a_line};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A recorded run of real Kafka.
#[derive(Clone, Debug)]
pub struct Recording {
    pub path: PathBuf,
    pub name: String,
    pub about: String,
    pub mode: Mode,
    pub brokers: u32,
    /// Broker settings, base settings included.
    pub config: BTreeMap<String, String>,
    pub steps: Vec<Step>,
    /// Every node that ZooKeeper held at the end, by path; none in KRaft mode.
    pub znode_tree: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    ZooKeeper,
    KRaft,
}

/// One step: what was done, how long it lasted, and everything that was seen at its end.
#[derive(Clone, Debug)]
pub struct Step {
    pub what: String,
    pub actions: Vec<TimedAction>,
    /// Milliseconds from the end of the look before to the beginning of this step's look.
    pub lasted_ms: u64,
    /// Paths into the step that a second recording contradicted.
    pub varies: Vec<String>,
    pub seen: Value,
}

impl Step {
    /// The recorder did nothing but wait, and asked nobody before its look.
    pub fn recorder_slept(&self) -> bool {
        let mut actions = self.actions.iter();
        actions.all(|timed| matches!(timed.action, Action::Disk { .. }))
    }
}

/// An action, `at_ms` milliseconds after the step before ended.
#[derive(Clone, Debug)]
pub struct TimedAction {
    pub at_ms: u64,
    pub action: Action,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    StartZooKeeper,
    CrashZooKeeper,
    PauseZooKeeper,
    ResumeZooKeeper,
    Start(i32),
    Crash(i32),
    ControlledShutdown(i32),
    Pause(i32),
    Resume(i32),
    ZooKeeperDelete(String),
    /// A fault of a broker's disk, as the recorder's library under the broker makes it.
    Disk {
        broker: i32,
        fault: DiskFault,
        begins: bool,
    },
    /// A request by Kafka's Java clients: the driver's command as recorded.
    Client(Value),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskFault {
    /// An fsync does not return.
    Hang,
    /// An fsync takes so many milliseconds longer.
    Slow(u32),
    /// Writes to files fail with ENOSPC.
    Full,
    /// An fsync fails with EIO.
    Eio,
}

/// The recording that a document describes; a problem has its path in the document.
pub fn recording_of(path: &Path, document: &Value) -> Result<Recording, Problem> {
    let document = Field::root(document);
    let name = document.need("name", "\"name\": \"...\"")?.name()?;
    let steps_said = document.need("steps", "\"steps\": [...]")?;
    document.only(DOCUMENT)?;
    let about = document
        .get("about")
        .map(|about| about.text())
        .transpose()?;
    let mode_said = document.need("mode", "\"mode\": \"zookeeper\" or \"kraft\"")?;
    let mode = match mode_said.value.as_str() {
        Some("zookeeper") => Mode::ZooKeeper,
        Some("kraft") => Mode::KRaft,
        _ => return Err(mode_said.wrong("\"zookeeper\" or \"kraft\"")),
    };
    check_release(&document)?;
    let brokers = document.need("brokers", "\"brokers\": 3")?.number(1, 100)?;
    let mut config = shared_settings();
    for part in ["base_config", "config"] {
        let Some(settings) = document.get(part) else {
            continue;
        };
        for (key, setting) in settings.fields()? {
            let value = setting.plain()?;
            if mode == Mode::ZooKeeper && !is_of_other_mode(key) {
                let known = Scope::Broker.check(key, &value);
                known.map_err(|error| config_problem(&setting, error))?;
            }
            config.insert(key.to_string(), value);
        }
    }
    let known = Known { mode, brokers };
    let steps = steps_said
        .items()?
        .map(|step| parse_step(&step, known))
        .collect::<Result<Vec<_>, _>>()?;
    if steps.is_empty() {
        return Err(steps_said
            .problem("a recording without steps")
            .expected("at least one step"));
    }
    let znode_tree = document.get("znode_tree");
    if let Some(tree) = &znode_tree {
        for (_, node) in tree.fields()? {
            node.map()?;
        }
    }
    document.may("zookeeper_writes", |writes| writes.items().map(drop))?;
    document.may("metadata_log", |log| log.items().map(drop))?;
    let recording = Recording {
        path: path.to_path_buf(),
        name: name.to_string(),
        about: about.unwrap_or_default().to_string(),
        mode,
        brokers: brokers as u32,
        config,
        steps,
        znode_tree: znode_tree.map(|tree| tree.value.clone()),
    };
    if mode == Mode::ZooKeeper {
        check_settings(&document, &plan_of(&recording))?;
    }
    Ok(recording)
}

const DOCUMENT: &[&str] = &[
    "name",
    "about",
    "mode",
    "kafka",
    "brokers",
    "base_config",
    "config",
    "steps",
    "znode_tree",
    "zookeeper_writes",
    "metadata_log",
    "recorded",
];

/// Whose defaults a recorded cluster has.
const RELEASE: &str = "3.9";

/// What was recorded is of a release that is played.
pub(super) fn check_release(document: &Field<'_>) -> Result<(), Problem> {
    document.may("kafka", |said| {
        let release = said.text()?;
        let release = release.strip_prefix(RELEASE).unwrap_or("none");
        match release.is_empty() || release.starts_with('.') {
            true => Ok(()),
            false => Err(said.wrong(format!(
                "a release that is played here, such as \"{RELEASE}.1\""
            ))),
        }
    })
}

/// A cluster can start with these settings together; what is wrong is said where the recording has it.
pub(super) fn check_settings(document: &Field<'_>, plan: &Plan) -> Result<(), Problem> {
    let Err(mut problem) = plan.validate() else {
        return Ok(());
    };
    let key = problem.path.last().cloned().unwrap_or_default();
    let said = ["config", "base_config"].into_iter();
    let said = said.filter_map(|part| document.get(part)?.get(&key));
    let place = said.map(|setting| setting.path().to_vec()).next();
    problem.path = place.unwrap_or_default();
    Err(problem)
}

pub(super) fn config_problem(setting: &Field<'_>, error: ConfigError) -> Problem {
    match error {
        ConfigError::Unknown {
            scope,
            key,
            nearest,
        } => {
            let found = format!("Kafka has no {scope} configuration \"{key}\"");
            let mut problem = setting
                .problem(found)
                .on_key()
                .expected("a configuration that Kafka has");
            problem.suggestion = nearest.map(|near| format!("\"{near}\""));
            problem
        }
        ConfigError::Value {
            key,
            value,
            expected,
        } => setting
            .problem(format!("{key} cannot be \"{}\"", in_a_line(&value)))
            .expected(expected),
    }
}

/// "A key of the other mode is ignored": these are KRaft's.
pub(super) fn is_of_other_mode(key: &str) -> bool {
    key == "broker.session.timeout.ms" || key == "broker.heartbeat.interval.ms"
}

/// What an action can be about.
#[derive(Clone, Copy)]
struct Known {
    mode: Mode,
    brokers: i64,
}

/// What a step shows beside what is compared, and what is said of its deed for people: further arguments are no
/// mistake, but a slip of the pen for one of these is.
const STEP: &[&str] = &[
    "do",
    "actions",
    "lasted",
    "varies",
    "state",
    "metadata",
    "offsets",
    "files",
    "result",
    "results",
    "requests",
    "replica_fetches_that_changed",
    "no_offsets",
    "note",
    "until",
    "seconds",
    "brokers",
    "controller_first",
    "node",
    "nodes",
    "fault",
    "value",
    "values",
    "acks",
];

const SHOWN: &[Member] = &[
    ("requests", Shape::Each(&Shape::List(&Shape::Any)), MAY),
    (
        "replica_fetches_that_changed",
        Shape::Each(&Shape::List(&Shape::Any)),
        MAY,
    ),
    ("no_offsets", Shape::Flag, MAY),
];

fn parse_step(step: &Field<'_>, known: Known) -> Result<Step, Problem> {
    step.map()?;
    let mut keys = STEP.to_vec();
    keys.extend(client_command::argument_names());
    step.no_slips(&keys)?;
    check_members(step, SHOWN)?;
    let lasted_ms = millis(&step.need("lasted", "\"lasted\": 3.5, in seconds")?)?;
    let what = step.get("do").map(|what| what.text()).transpose()?;
    let mut actions = Vec::new();
    if let Some(said) = step.get("actions") {
        for action in said.items()? {
            let at_ms = millis(&action.need("at", "\"at\": 0.5, seconds after the step before")?)?;
            let action = parse_action(&action, known)?;
            actions.push(TimedAction { at_ms, action });
        }
    }
    let mut varies = Vec::new();
    if let Some(said) = step.get("varies") {
        for path in said.items()? {
            varies.push(path.text()?.to_string());
        }
    }
    if known.mode == Mode::ZooKeeper {
        check_seen(step, known.brokers)?;
    }
    Ok(Step {
        what: what.unwrap_or("step").to_string(),
        actions,
        lasted_ms,
        varies,
        seen: step.value.clone(),
    })
}

/// What can be done, apart from when.
const VERBS: [&str; 8] = [
    "start",
    "crash",
    "controlled_shutdown",
    "pause",
    "resume",
    "zookeeper_delete",
    "disk",
    "client",
];
/// What goes with `disk`.
const OF_DISK: [&str; 2] = ["fault", "value"];

fn parse_action(said: &Field<'_>, known: Known) -> Result<Action, Problem> {
    let mut keys = vec!["at"];
    keys.extend(VERBS);
    if said.get("disk").is_some() {
        keys.extend(OF_DISK);
    }
    said.only(&keys)?;
    let mut verbs = VERBS.into_iter().filter(|verb| said.get(verb).is_some());
    let verb = verbs.next().ok_or_else(|| {
        said.problem("nothing is done here")
            .expected(format!("one of {}", VERBS.join(", ")))
    })?;
    let target = said.need(verb, verb)?;
    if let Some(second) = verbs.next() {
        return Err(said
            .need(second, second)?
            .problem(format!("\"{second}\" beside \"{verb}\""))
            .on_key()
            .expected("one deed an action"));
    }
    let zk = target.value.as_str() == Some("zk");
    Ok(match verb {
        "start" if zk => Action::StartZooKeeper,
        "crash" if zk => Action::CrashZooKeeper,
        "pause" if zk => Action::PauseZooKeeper,
        "resume" if zk => Action::ResumeZooKeeper,
        "start" => Action::Start(process(&target, known, true)?),
        "crash" => Action::Crash(process(&target, known, true)?),
        "pause" => Action::Pause(process(&target, known, true)?),
        "resume" => Action::Resume(process(&target, known, true)?),
        "controlled_shutdown" => Action::ControlledShutdown(process(&target, known, false)?),
        "zookeeper_delete" => match target.text()? {
            path if path.starts_with('/') => Action::ZooKeeperDelete(path.to_string()),
            _ => return Err(target.wrong("a path such as /controller")),
        },
        "disk" => disk_fault(said, process(&target, known, false)?)?,
        _ => {
            client_command::check(&target)?;
            Action::Client(target.value.clone())
        }
    })
}

/// Without `value`, or with null, a fault begins; with false it ends.
fn disk_fault(said: &Field<'_>, broker: i32) -> Result<Action, Problem> {
    let kind = said.need("fault", "\"fault\": \"hang\", beside \"disk\"")?;
    let name = kind.text()?;
    let value = said.get("value").filter(|value| !value.value.is_null());
    let begins = value.as_ref().is_none_or(|value| value.value != false);
    let fault = match name {
        "hang" => DiskFault::Hang,
        "full" => DiskFault::Full,
        "eio" => DiskFault::Eio,
        "slow" if !begins => DiskFault::Slow(0),
        "slow" => {
            let longer = said.need("value", "\"value\": 500, in milliseconds")?;
            DiskFault::Slow(longer.number(0, MOST_MS as i64)? as u32)
        }
        _ => return Err(kind.wrong("\"hang\", \"slow\", \"full\" or \"eio\"")),
    };
    match value {
        Some(value) if begins && name != "slow" => {
            Err(value.wrong("false where the fault ends, and nothing where it begins"))
        }
        _ => Ok(Action::Disk {
            broker,
            fault,
            begins,
        }),
    }
}

/// The id of a broker, or of one of KRaft's controllers (101 to 103).
fn process(target: &Field<'_>, known: Known, or_zk: bool) -> Result<i32, Problem> {
    let id = target.value.as_i64();
    let is_there = |id: &i64| {
        (1..=known.brokers).contains(id) || known.mode == Mode::KRaft && (101..=103).contains(id)
    };
    id.filter(is_there)
        .and_then(|id| i32::try_from(id).ok())
        .ok_or_else(|| {
            let zk = if or_zk { ", or \"zk\"" } else { "" };
            target.wrong(match known.brokers {
                1 => format!("broker 1{zk}"),
                most => format!("a broker from 1 to {most}{zk}"),
            })
        })
}

/// What the recordings' README says that all of them share, besides `base_config`.
pub(super) fn shared_settings() -> BTreeMap<String, String> {
    [
        ("auto.create.topics.enable", "false"),
        ("controlled.shutdown.retry.backoff.ms", "500"),
        ("replica.high.watermark.checkpoint.interval.ms", "1000"),
        ("log.flush.offset.checkpoint.interval.ms", "2000"),
        ("log.flush.start.offset.checkpoint.interval.ms", "2000"),
        ("log.initial.task.delay.ms", "1000"),
        ("log.retention.check.interval.ms", "1000"),
        ("log.segment.delete.delay.ms", "1000"),
        ("log.index.size.max.bytes", "4096"),
        ("num.io.threads", "4"),
        ("offsets.topic.num.partitions", "3"),
        ("group.initial.rebalance.delay.ms", "0"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_string(), value.to_string()))
    .collect()
}

/// A day: longer than any recording.
const MOST_MS: u64 = 86_400_000;

/// Seconds as milliseconds, what is finer left out, without going through floating point.
fn millis(seconds: &Field<'_>) -> Result<u64, Problem> {
    let read = || {
        let value = seconds.value;
        let text = value.is_number().then(|| value.to_string())?;
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let whole: u64 = whole.parse().ok()?;
        let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
        let millis = whole
            .checked_mul(1000)?
            .checked_add(fraction.parse().ok()?)?;
        (millis <= MOST_MS).then_some(millis)
    };
    read().ok_or_else(|| seconds.wrong("a number of seconds from 0 to 86400"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_milliseconds_exactly() {
        for (text, ms) in [
            ("0.0", 0),
            ("0.3", 300),
            ("1.25", 1250),
            ("20", 20_000),
            ("7.0625", 7062),
        ] {
            let value: Value = serde_json::from_str(text).expect("a number");
            assert_eq!(millis(&Field::root(&value)), Ok(ms), "{text}");
        }
        for wrong in ["\"1\"", "-1", "1e30", "86401", "null"] {
            let value: Value = serde_json::from_str(wrong).expect("a value");
            assert!(millis(&Field::root(&value)).is_err(), "{wrong}");
        }
    }
}
