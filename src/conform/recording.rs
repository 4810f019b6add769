//! A recording of a real cluster (`vectors/kafka/failovers`): read, checked, and held as plain values.
//!
//! Only the shape that playing needs is typed; what is compared stays JSON, so that a difference can
//! be named by its path. The format is described in the recordings' README.

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
    /// A request by Kafka's Java clients: the driver's command as recorded.
    Client(Value),
}

/// Why a file is no recording: one message with the place.
#[derive(Clone, Debug)]
pub struct Unreadable(pub String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// Reads and checks a recording.
pub fn read(path: &Path) -> Result<Recording, Unreadable> {
    let shown = path.display();
    let bytes =
        std::fs::read(path).map_err(|e| Unreadable(format!("{shown}: cannot be read: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        Unreadable(format!(
            "{shown}: not UTF-8 text: byte {} is not part of a character",
            e.utf8_error().valid_up_to()
        ))
    })?;
    let document: Value = serde_json::from_str(&text).map_err(|e| {
        Unreadable(format!(
            "{shown}:{}:{}: not JSON: {e}",
            e.line(),
            e.column()
        ))
    })?;
    parse(path, &document).map_err(|(at, expected)| {
        let line = line_of(&text, &at)
            .map(|line| format!(":{line}"))
            .unwrap_or_default();
        Unreadable(format!(
            "{shown}{line}: no recording of a cluster: `{at}`: expected {expected}"
        ))
    })
}

type Problem = (String, String);

fn parse(path: &Path, document: &Value) -> Result<Recording, Problem> {
    let mode = match document.get("mode").and_then(Value::as_str) {
        Some("zookeeper") => Mode::ZooKeeper,
        Some("kraft") => Mode::KRaft,
        _ => return Err(problem("mode", "\"zookeeper\" or \"kraft\"")),
    };
    let brokers = document
        .get("brokers")
        .and_then(Value::as_u64)
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| (1..=100).contains(n))
        .ok_or_else(|| problem("brokers", "a number of brokers from 1 to 100"))?;
    let mut config = shared_settings();
    for part in ["base_config", "config"] {
        if let Some(settings) = document.get(part) {
            let settings = settings
                .as_object()
                .ok_or_else(|| problem(part, "an object of broker settings"))?;
            for (key, value) in settings {
                config.insert(
                    key.clone(),
                    text_of(value)
                        .ok_or_else(|| problem(&format!("{part}.{key}"), "a plain value"))?,
                );
            }
        }
    }
    let steps = document
        .get("steps")
        .and_then(Value::as_array)
        .ok_or_else(|| problem("steps", "a list of steps"))?;
    let steps = steps
        .iter()
        .enumerate()
        .map(|(i, step)| parse_step(&format!("steps[{i}]"), step, mode))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Recording {
        path: path.to_path_buf(),
        name: string_at(document, "name")?,
        about: document
            .get("about")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string(),
        mode,
        brokers,
        config,
        steps,
    })
}

fn parse_step(at: &str, step: &Value, mode: Mode) -> Result<Step, Problem> {
    let lasted_ms = step
        .get("lasted")
        .and_then(millis)
        .ok_or_else(|| problem(&format!("{at}.lasted"), "a number of seconds"))?;
    let mut actions = Vec::new();
    for (i, action) in step
        .get("actions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = format!("{at}.actions[{i}]");
        let at_ms = action
            .get("at")
            .and_then(millis)
            .ok_or_else(|| problem(&format!("{at}.at"), "a number of seconds"))?;
        match parse_action(action) {
            Some(action) => actions.push(TimedAction { at_ms, action }),
            // A recording of KRaft mode is only reported, so its own actions need no reader.
            None if mode == Mode::KRaft => {}
            None => {
                return Err(problem(
                    &at,
                    "one of start, crash, controlled_shutdown, pause, resume, zookeeper_delete, client",
                ));
            }
        }
    }
    let varies = step
        .get("varies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_string)
        .collect();
    Ok(Step {
        what: step
            .get("do")
            .and_then(Value::as_str)
            .unwrap_or("step")
            .to_string(),
        actions,
        lasted_ms,
        varies,
        seen: step.clone(),
    })
}

fn parse_action(action: &Value) -> Option<Action> {
    let broker = |value: &Value| value.as_i64().and_then(|id| i32::try_from(id).ok());
    let is_zk = |value: &Value| value.as_str() == Some("zk");
    if let Some(target) = action.get("start") {
        return if is_zk(target) {
            Some(Action::StartZooKeeper)
        } else {
            broker(target).map(Action::Start)
        };
    }
    if let Some(target) = action.get("crash") {
        return if is_zk(target) {
            Some(Action::CrashZooKeeper)
        } else {
            broker(target).map(Action::Crash)
        };
    }
    if let Some(target) = action.get("pause") {
        return if is_zk(target) {
            Some(Action::PauseZooKeeper)
        } else {
            broker(target).map(Action::Pause)
        };
    }
    if let Some(target) = action.get("resume") {
        return if is_zk(target) {
            Some(Action::ResumeZooKeeper)
        } else {
            broker(target).map(Action::Resume)
        };
    }
    if let Some(target) = action.get("controlled_shutdown") {
        return broker(target).map(Action::ControlledShutdown);
    }
    if let Some(path) = action.get("zookeeper_delete") {
        return path
            .as_str()
            .map(|path| Action::ZooKeeperDelete(path.to_string()));
    }
    action
        .get("client")
        .filter(|command| command.get("op").is_some_and(Value::is_string))
        .cloned()
        .map(Action::Client)
}

/// What the recordings' README says that all of them share, besides `base_config`.
fn shared_settings() -> BTreeMap<String, String> {
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
        ("offsets.topic.num.partitions", "3"),
        ("group.initial.rebalance.delay.ms", "0"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_string(), value.to_string()))
    .collect()
}

/// Seconds with at most three decimals, without going through floating point.
fn millis(value: &Value) -> Option<u64> {
    let text = value.is_number().then(|| value.to_string())?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole: u64 = whole.parse().ok()?;
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    whole.checked_mul(1000)?.checked_add(fraction.parse().ok()?)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn string_at(document: &Value, key: &str) -> Result<String, Problem> {
    document
        .get(key)
        .and_then(Value::as_str)
        .map(str::to_string)
        .ok_or_else(|| problem(key, "a text"))
}

fn problem(at: &str, expected: &str) -> Problem {
    (at.to_string(), expected.to_string())
}

/// The line on which the last key of a path first stands: enough to find the place by eye.
fn line_of(text: &str, at: &str) -> Option<usize> {
    let key = at.rsplit('.').next()?.split('[').next()?;
    let quoted = format!("\"{key}\"");
    text.lines()
        .position(|line| line.contains(&quoted))
        .map(|i| i + 1)
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
            assert_eq!(millis(&value), Some(ms), "{text}");
        }
        assert_eq!(millis(&Value::from("1")), None);
    }
}
