//! A recording of clients: read, checked, and held as plain values. What is compared stays JSON.
//!
//! Steps have no times: each ended when what the recorder watched had not changed for a while.

use super::checks;
use super::members;
use super::play::plan_of;
use super::shape::{self, partition_named};
use crate::conform::client_command;
use crate::conform::field::Field;
use crate::conform::recorder_client::operation_of;
use crate::conform::recording::{check_release, check_settings, config_problem};
use crate::plan::Problem;
use crate::protocol::TopicName;
use crate::protocol::config::{ConfigError, Properties, Scope};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub struct ClientRecording {
    pub path: PathBuf,
    pub name: String,
    pub about: String,
    pub brokers: u32,
    /// Settings of brokers beside those that all recordings share.
    pub config: BTreeMap<String, String>,
    /// What is there before the first step, by topic.
    pub topics: BTreeMap<TopicName, RecordedTopic>,
    pub steps: Vec<ClientStep>,
    /// Lines of the dump tool, by partition.
    pub logs: BTreeMap<String, Vec<String>>,
    /// What it needs that is not played.
    pub needs: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct RecordedTopic {
    pub partitions: i32,
    /// Values of the records of each partition.
    pub values: BTreeMap<i32, Vec<String>>,
}

#[derive(Clone, Debug)]
pub struct ClientStep {
    pub what: String,
    /// Brokers that die as it begins: no step says so, and a later one starts them.
    pub crashed: Vec<i32>,
    pub deed: Deed,
    pub seen: Value,
}

/// What is done at the beginning of a step.
#[derive(Clone, PartialEq, Debug)]
pub enum Deed {
    Nothing,
    Join {
        member: String,
        topics: Vec<TopicName>,
        properties: Properties,
    },
    Close(String),
    Crash(String),
    Freeze(String),
    Thaw(String),
    /// Of brokers.
    Brokers(BrokerDeed, Vec<i32>),
    AddPartitions {
        topic: TopicName,
        count: i32,
    },
    Produce {
        producer: String,
        topic: TopicName,
        /// As the recorder's client takes it.
        command: Value,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerDeed {
    Crash,
    Stop,
    Start,
    Pause,
    Resume,
}

impl ClientRecording {
    /// Names of producers that steps are about.
    pub fn producers(&self) -> BTreeSet<String> {
        let producers = self.steps.iter().filter_map(|step| match &step.deed {
            Deed::Produce { producer, .. } => Some(producer.clone()),
            _ => None,
        });
        producers.collect()
    }

    /// Who led the cluster, where a request was for the controller alone, and in which step that was.
    pub fn controller(&self) -> Option<(usize, i32)> {
        let text = |request: &Value, key: &str| request.get(key)?.as_str().map(str::to_owned);
        let of_step = |(place, step)| ClientStep::requests(step).map(move |it| (place, it));
        let mut requests = self.steps.iter().enumerate().flat_map(of_step);
        let is_asked = |it: &Value| text(it, "api").as_deref() == Some("ALLOCATE_PRODUCER_IDS");
        let (step, asked) = requests.find(|(_, it)| is_asked(it))?;
        let id = text(asked, "to")?.strip_prefix('b')?.parse().ok()?;
        Some((step, id))
    }

    /// Topics that they write to.
    pub fn is_written(&self, topic: &str) -> bool {
        let mut deeds = self.steps.iter().map(|step| &step.deed);
        deeds.any(|deed| matches!(deed, Deed::Produce { topic: it, .. } if **it == *topic))
    }
}

impl ClientStep {
    /// What the recorder saw of its members, if it looked.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        let members = self.seen.get("members").and_then(Value::as_object);
        let members = members.into_iter().flatten();
        members.map(|(name, seen)| (name.as_str(), seen))
    }

    pub fn requests(&self) -> impl Iterator<Item = &Value> {
        let requests = self.seen.get("requests").and_then(Value::as_array);
        requests.into_iter().flatten()
    }
}

/// Whether a document is such a recording: it has no mode, and has logs, or steps that show members.
pub fn is_client_recording(document: &Value) -> bool {
    let has = |key: &str| document.get(key).is_some();
    let shows_members = || document.pointer("/steps/0/members").is_some();
    !has("mode") && (has("logs") || has("coordinators") || shows_members())
}

/// The recording that a document describes; a problem has its path in the document.
pub fn client_recording_of(path: &Path, document: &Value) -> Result<ClientRecording, Problem> {
    let document = Field::root(document);
    let name = document.need("name", "\"name\": \"...\"")?.name()?;
    let steps_said = document.need("steps", "\"steps\": [...]")?;
    document.only(shape::DOCUMENT)?;
    let about = document.get("about").map(|it| it.text()).transpose()?;
    check_release(&document)?;
    let coordinators = document.need("coordinators", "\"coordinators\": null")?;
    if !coordinators.value.is_null() {
        return Err(coordinators.wrong("null, as the recorder writes it"));
    }
    let mut config = BTreeMap::new();
    if let Some(said) = document.get("config") {
        for (key, setting) in said.fields()? {
            let value = setting.plain()?;
            let known = Scope::Broker.check(key, &value);
            known.map_err(|error| config_problem(&setting, error))?;
            config.insert(key.to_owned(), value);
        }
    }
    let mut steps = Vec::new();
    let mut needs = None;
    for step in steps_said.items()? {
        shape::check_step(&step)?;
        match deed_of(&step)? {
            Ok((what, deed)) => steps.push(ClientStep {
                what,
                crashed: Vec::new(),
                deed,
                seen: step.value.clone(),
            }),
            Err(lack) => {
                needs.get_or_insert(lack);
            }
        }
    }
    if steps.is_empty() && needs.is_none() {
        return Err(steps_said
            .problem("a recording without steps")
            .expected("at least one step"));
    }
    note_crashes(&mut steps);
    let logs_said = document.need("logs", "\"logs\": {...}")?;
    let mut logs = BTreeMap::new();
    for (partition, lines) in logs_said.fields()? {
        if partition_named(partition).is_none() {
            return Err(shape::no_partition(&lines, partition).on_key());
        }
        let lines = lines.items()?.map(|line| shape::dump_line(&line));
        logs.insert(partition.to_owned(), lines.collect::<Result<Vec<_>, _>>()?);
    }
    let recording = ClientRecording {
        path: path.to_path_buf(),
        name: name.to_owned(),
        about: about.unwrap_or_default().to_owned(),
        brokers: shape::BROKERS,
        config,
        topics: topics_of(&steps, &logs),
        steps,
        logs,
        needs,
    };
    if recording.needs.is_none() {
        checks::check(&recording, &steps_said, &logs_said)?;
    }
    check_settings(&document, &plan_of(&recording))?;
    Ok(recording)
}

type Read<T> = Result<Result<T, String>, Problem>;

/// What a step does; or what would have to be built to do it.
fn deed_of(step: &Field<'_>) -> Read<(String, Deed)> {
    if let Some(op) = step.get("op") {
        if let Some(both) = step.get("do") {
            return Err(both.problem("\"do\" beside \"op\"").on_key().expected(
                "one of them: a step is the recorder's deed, or an operation of a client",
            ));
        }
        return match client_command::operation(&op)? {
            "produce" => produce(step),
            other if client_command::is_of_transactions(other) => Ok(Err(format!(
                "transactions are not modelled: a client's own `{other}` is not played"
            ))),
            other => Ok(Err(format!("a client's own `{other}` is not played"))),
        };
    }
    let said = step.need("do", "\"do\": \"join\"")?;
    let what = said.name()?;
    let is = |words: &[&str]| words.iter().any(|word| what.starts_with(word));
    let deed = if let Some(member) = step.get("member") {
        let member = member.name()?.to_owned();
        match () {
            () if is(&["join"]) => join(step, member)?,
            () if is(&["leave", "close"]) => Deed::Close(member),
            () if is(&["crash", "kill"]) => Deed::Crash(member),
            () if is(&["freeze", "pause", "stop", "suspend"]) => Deed::Freeze(member),
            () if is(&["thaw", "resume", "unfreeze", "continue", "go on"]) => Deed::Thaw(member),
            () => return Err(said.wrong("join, leave, close, crash, freeze or thaw of a member")),
        }
    } else if let Some(nodes) = step.get("nodes") {
        let mut ids = Vec::new();
        for id in nodes.items()? {
            ids.push(id.number(1, 100)? as i32);
        }
        let deed = match () {
            () if is(&["crash", "kill"]) => BrokerDeed::Crash,
            () if is(&["restart", "start"]) => BrokerDeed::Start,
            () if is(&["controlled_shutdown", "stop", "term"]) => BrokerDeed::Stop,
            () if is(&["pause", "freeze"]) => BrokerDeed::Pause,
            () if is(&["resume", "thaw"]) => BrokerDeed::Resume,
            () => {
                return Err(
                    said.wrong("crash, restart, controlled_shutdown, pause or resume of nodes")
                );
            }
        };
        Deed::Brokers(deed, ids)
    } else if let Some(count) = step.get("count") {
        let topic = step.need("topic", "\"topic\": \"t\"")?.text()?.into();
        let count = count.number(1, 10_000)? as i32;
        if !is(&ADD) {
            return Err(said.wrong("\"add partitions\", where there is a \"count\""));
        }
        Deed::AddPartitions { topic, count }
    } else if let Some((_, lacks)) = NEEDS.iter().find(|(words, _)| is(words)) {
        return Err(step
            .problem(format!("\"{what}\" of nobody and nothing"))
            .expected(*lacks));
    } else {
        Deed::Nothing
    };
    Ok(Ok((described(what, &deed), deed)))
}

const ADD: [&str; 2] = ["add", "create"];
/// Deeds that are done to something, and what says to what.
const NEEDS: [(&[&str], &str); 2] = [
    (
        &[
            "join",
            "leave",
            "close",
            "crash",
            "kill",
            "freeze",
            "pause",
            "stop",
            "suspend",
            "thaw",
            "resume",
            "unfreeze",
            "continue",
            "restart",
            "start",
            "controlled_shutdown",
            "term",
        ],
        "\"member\": \"m1\", or \"nodes\": [1]",
    ),
    (&ADD, "\"topic\": \"t\" and \"count\": 9"),
];

fn produce(step: &Field<'_>) -> Read<(String, Deed)> {
    let producer = step.need("producer", "\"producer\": \"p\"")?.name()?;
    let topic = step.need("topic", "\"topic\": \"t\"")?.name()?;
    client_command::check_produce(step)?;
    let result = step.need("result", "\"result\": {\"results\": [...]}")?;
    if result.get("error").is_none() {
        result.need("results", "\"results\": [...], or \"error\"")?;
    }
    if let Err(lack) = operation_of(step.value) {
        return Ok(Err(lack.to_string()));
    }
    let deed = Deed::Produce {
        producer: producer.to_owned(),
        topic: topic.into(),
        command: step.value.clone(),
    };
    Ok(Ok((format!("produce ({producer})"), deed)))
}

/// A broker that a step starts, and none has stopped, died after its last answer.
fn note_crashes(steps: &mut [ClientStep]) {
    let mut down = BTreeSet::new();
    for place in 0..steps.len() {
        let Deed::Brokers(deed, ids) = steps[place].deed.clone() else {
            continue;
        };
        for id in ids {
            match deed {
                BrokerDeed::Crash | BrokerDeed::Stop => {
                    down.insert(id);
                }
                BrokerDeed::Start if !down.remove(&id) => {
                    let name = format!("b{id}");
                    let answers = |step: &ClientStep| {
                        let mut requests = step.requests();
                        requests.any(|it| it.get("to").and_then(Value::as_str) == Some(&name))
                    };
                    let last = steps[..place].iter().rposition(answers);
                    steps[last.map_or(0, |last| last + 1)].crashed.push(id);
                }
                _ => {}
            }
        }
    }
}

fn described(what: &str, deed: &Deed) -> String {
    match deed {
        Deed::Join { member, .. }
        | Deed::Close(member)
        | Deed::Crash(member)
        | Deed::Freeze(member)
        | Deed::Thaw(member) => format!("{what} ({member})"),
        _ => what.to_owned(),
    }
}

fn join(step: &Field<'_>, member: String) -> Result<Deed, Problem> {
    let said = step.need("topics", "\"topics\": \"t,u\"")?;
    let mut topics: Vec<TopicName> = Vec::new();
    for topic in said.name()?.split(',') {
        match topic.trim() {
            "" => return Err(said.wrong("names of topics, such as \"t,u\"")),
            topic => topics.push(topic.into()),
        }
    }
    let mut properties = Properties::new();
    let props = step.get("props");
    if let Some(said) = &props {
        for (key, setting) in said.fields()? {
            let value = setting.plain()?;
            let known = Scope::Consumer.check(key, &value);
            known.map_err(|error| config_problem(&setting, error))?;
            properties.insert(key.to_owned(), value);
        }
    }
    members::check_properties(&properties).map_err(|error| {
        let key = match &error {
            ConfigError::Value { key, .. } => *key,
            ConfigError::Unknown { .. } => "",
        };
        let setting = props.as_ref().and_then(|props| props.get(key));
        config_problem(setting.as_ref().unwrap_or(step), error)
    })?;
    Ok(Deed::Join {
        member,
        topics,
        properties,
    })
}

/// What there was before the first step, as far as the steps and the logs at the end show.
fn topics_of(
    steps: &[ClientStep],
    logs: &BTreeMap<String, Vec<String>>,
) -> BTreeMap<TopicName, RecordedTopic> {
    let mut topics: BTreeMap<TopicName, RecordedTopic> = BTreeMap::new();
    let mut grown = BTreeSet::new();
    for step in steps {
        if let Deed::AddPartitions { topic, .. } = &step.deed {
            grown.insert(TopicName::clone(topic));
        }
        if let Deed::Join { topics: joined, .. } = &step.deed {
            for topic in joined {
                topics.entry(TopicName::clone(topic)).or_default();
            }
        }
        if let Deed::Produce { topic, .. } = &step.deed {
            let known = topics.entry(TopicName::clone(topic)).or_default();
            filled_before(step, topic, known);
        }
        let assigned = step.members().filter_map(|(_, seen)| seen.get("assigned"));
        let assigned = assigned.filter_map(Value::as_array).flatten();
        for (topic, partition) in assigned.filter_map(|it| named(it.as_str()?)) {
            if !grown.contains(&topic) {
                let known = topics.entry(topic).or_default();
                known.partitions = known.partitions.max(partition + 1);
            }
        }
    }
    for (log, lines) in logs {
        let Some((topic, partition)) = named(log) else {
            continue;
        };
        if let Some(known) = topics.get_mut(&topic) {
            if !grown.contains(&topic) {
                known.partitions = known.partitions.max(partition + 1);
            }
            let values = lines
                .iter()
                .filter_map(|line| line.split_once(" payload: "));
            let values = values.map(|(_, value)| value.to_owned()).collect();
            // What the recorder's own requests tell goes before.
            known.values.entry(partition).or_insert(values);
        }
    }
    topics
        .values_mut()
        .for_each(|it| it.partitions = it.partitions.max(1));
    topics
}

/// What the recorder's own producer has put there: `t3-0`, `t3-1` and so on in partition 3.
fn filled_before(step: &ClientStep, topic: &str, known: &mut RecordedTopic) {
    let own = |request: &&Value| {
        let is = |key: &str, text: &str| request.get(key).and_then(Value::as_str) == Some(text);
        is("client", "default") && is("api", "PRODUCE")
    };
    for request in step.requests().filter(own) {
        let answers = request.pointer("/response/responses/0/partitionResponses");
        for answer in answers.and_then(Value::as_array).into_iter().flatten() {
            let index = answer.get("index").and_then(Value::as_i64);
            let Some(index) = index.and_then(|it| i32::try_from(it).ok()) else {
                continue;
            };
            known.partitions = known.partitions.max(index + 1);
            let values = known.values.entry(index).or_default();
            values.push(format!("{topic}{index}-{}", values.len()));
        }
    }
}

/// `t-3`.
fn named(partition: &str) -> Option<(TopicName, i32)> {
    let (topic, number) = partition_named(partition)?;
    Some((topic.into(), number))
}
