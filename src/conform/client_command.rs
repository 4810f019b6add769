//! The commands that a recording can give to the recorder's client (class `Driver` of the lab): which there
//! are, and what goes with each. Whether one can be played is known to `recorder_client`.

use super::field::Field;
use super::recording::config_problem;
use crate::plan::Problem;
use crate::protocol::config::{Scope, nearest};

/// What an argument is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// A whole number that is not negative.
    Number,
    Flag,
    /// Settings: a map of plain values.
    Settings,
    /// A map of whole numbers.
    Numbers,
    Ids,
    /// A list of broker ids for each partition.
    Assignment,
    Records,
    /// An offset, or a text that stands for the beginning.
    Offset,
    /// An offset, or -1: all that is committed.
    Before,
    /// A broker's id as number or text.
    Id,
}

/// An argument: its name, what it is, whether it must be there.
type Argument = (&'static str, Kind, bool);

const MUST: bool = true;
const MAY: bool = false;

use Kind::{Assignment, Before, Flag, Id, Ids, Number, Numbers, Offset, Records, Settings, Text};

const TOPIC: Argument = ("topic", Text, MUST);
const PARTITION: Argument = ("partition", Number, MUST);
const PRODUCER: Argument = ("producer", Text, MAY);
const PROPS: Argument = ("props", Settings, MAY);
const MEMBER: Argument = ("member", Text, MUST);
const GROUP: Argument = ("group", Text, MUST);

#[rustfmt::skip]
const COMMANDS: &[(&str, &[Argument])] = &[
    ("create_topic", &[TOPIC, ("assignment", Assignment, MAY), ("partitions", Number, MAY), ("rf", Number, MAY), ("configs", Settings, MAY)]),
    ("create_partitions", &[TOPIC, ("count", Number, MUST)]),
    ("delete_topic", &[TOPIC]),
    ("alter_config", &[("topic", Text, MAY), ("broker", Id, MAY), ("set", Settings, MUST)]),
    ("produce", &[TOPIC, ("partition", Number, MAY), PRODUCER, PROPS, ("records", Records, MUST), ("together", Flag, MAY)]),
    ("close_producer", &[("producer", Text, MUST)]),
    ("init_transactions", &[PRODUCER, PROPS]),
    ("begin", &[PRODUCER, PROPS]),
    ("commit", &[PRODUCER, PROPS]),
    ("abort", &[PRODUCER, PROPS]),
    ("send_offsets", &[PRODUCER, PROPS, GROUP, ("offsets", Numbers, MUST)]),
    ("read", &[TOPIC, PARTITION, ("from", Offset, MAY), ("ms", Number, MAY), PROPS]),
    ("describe", &[TOPIC]),
    ("cluster", &[]),
    ("quorum", &[]),
    ("offsets", &[TOPIC, ("timestamp", Number, MAY)]),
    ("elect", &[("topic", Text, MAY), ("partition", Number, MAY), ("unclean", Flag, MAY)]),
    ("reassign", &[TOPIC, PARTITION, ("to", Ids, MUST)]),
    ("delete_records", &[TOPIC, PARTITION, ("before", Before, MUST)]),
    ("join", &[MEMBER, GROUP, TOPIC, PROPS]),
    ("leave", &[MEMBER]),
    ("members", &[]),
    ("group", &[GROUP]),
];

/// What a producer does in a transaction (CP48, CP49, CX12): nobody here can.
pub(super) fn is_of_transactions(operation: &str) -> bool {
    let of_transactions = [
        "init_transactions",
        "begin",
        "commit",
        "abort",
        "send_offsets",
    ];
    of_transactions.contains(&operation)
}

/// Checks a command: a known operation, and what goes with it.
pub(super) fn check(command: &Field<'_>) -> Result<(), Problem> {
    let op = command.need("op", "\"op\": \"produce\", or another operation")?;
    let (name, arguments) = known_operation(&op)?;
    let known: Vec<&'static str> = ["op"]
        .into_iter()
        .chain(arguments.iter().map(|(key, ..)| *key))
        .collect();
    command.only(&known)?;
    check_arguments(command, name, arguments)
}

/// The name of an operation that the recorder's client knows.
pub(super) fn operation<'a>(op: &Field<'a>) -> Result<&'a str, Problem> {
    known_operation(op).map(|(name, _)| name)
}

fn known_operation<'a>(op: &Field<'a>) -> Result<(&'a str, &'static [Argument]), Problem> {
    let name = op.text()?;
    let names = || COMMANDS.iter().map(|(name, _)| *name);
    if let Some((_, arguments)) = COMMANDS.iter().find(|(known, _)| *known == name) {
        return Ok((name, arguments));
    }
    let mut problem = op.wrong(format!("one of {}", names().collect::<Vec<_>>().join(", ")));
    problem.suggestion = nearest(name, names()).map(|near| format!("\"{near}\""));
    Err(problem)
}

/// What goes with a "produce", where the command is not alone in its map.
pub(super) fn check_produce(command: &Field<'_>) -> Result<(), Problem> {
    let mut commands = COMMANDS.iter();
    commands
        .find(|(name, _)| *name == "produce")
        .map_or(Ok(()), |(name, arguments)| {
            check_arguments(command, name, arguments)
        })
}

/// Everything that can go with a command.
pub(super) fn argument_names() -> impl Iterator<Item = &'static str> {
    let arguments = COMMANDS.iter().flat_map(|(_, arguments)| *arguments);
    arguments.map(|(key, ..)| *key).chain(["op"])
}

fn check_arguments(command: &Field<'_>, name: &str, arguments: &[Argument]) -> Result<(), Problem> {
    for (key, kind, must) in arguments {
        match command.get(key) {
            Some(argument) if *key == "props" => settings(name, &argument)?,
            Some(argument) => kind.check(&argument)?,
            None if *must => {
                command.need(key, &format!("\"{key}\", which goes with \"{name}\""))?;
            }
            None => {}
        }
    }
    let has = |key| command.get(key).is_some();
    let missing = |expected: &str| {
        Err(command
            .problem(format!("\"{name}\" lacks an argument"))
            .expected(expected))
    };
    match name {
        "create_topic" if !(has("assignment") || has("partitions") && has("rf")) => {
            missing("\"assignment\", or \"partitions\" and \"rf\"")
        }
        "alter_config" if !has("topic") && !has("broker") => missing("\"topic\" or \"broker\""),
        "elect" if has("topic") && !has("partition") => missing("\"partition\" beside \"topic\""),
        _ => Ok(()),
    }
}

/// Settings of a client of the recorder.
fn settings(of: &str, props: &Field<'_>) -> Result<(), Problem> {
    let scope = match of {
        "read" | "join" => Scope::Consumer,
        _ => Scope::Producer,
    };
    props.fields()?.try_for_each(|(key, value)| {
        let known = scope.check(key, &value.plain()?);
        known
            .map_err(|error| config_problem(&value, error))
            .map(drop)
    })
}

impl Kind {
    fn check(self, argument: &Field<'_>) -> Result<(), Problem> {
        match self {
            Text => argument.text().map(|_| ()),
            Number => argument.number(0, i64::from(i32::MAX)).map(|_| ()),
            Flag => argument.flag().map(|_| ()),
            Settings => argument
                .fields()?
                .try_for_each(|(_, value)| value.plain().map(|_| ())),
            Numbers => argument
                .fields()?
                .try_for_each(|(_, value)| value.number(0, i64::MAX).map(|_| ())),
            Ids => argument.items()?.try_for_each(|id| broker_id(&id)),
            Assignment => argument
                .items()?
                .try_for_each(|replicas| replicas.items()?.try_for_each(|id| broker_id(&id))),
            Records => argument
                .items()?
                .try_for_each(|record| check_record(&record)),
            Before => argument.number(-1, i64::MAX).map(|_| ()),
            Offset if argument.value.is_string() => Ok(()),
            Offset => argument.number(0, i64::MAX).map(|_| ()),
            Id if argument.value.is_string() => Ok(()),
            Id => broker_id(argument),
        }
    }
}

fn check_record(record: &Field<'_>) -> Result<(), Problem> {
    record.only(&["key", "value", "timestamp", "headers"])?;
    for key in ["key", "value"] {
        match record.get(key) {
            Some(content) if !content.value.is_null() => content.text().map(|_| ())?,
            _ => {}
        }
    }
    if let Some(timestamp) = record.get("timestamp") {
        timestamp.number(0, i64::MAX)?;
    }
    if let Some(headers) = record.get("headers") {
        headers.items()?.try_for_each(|header| {
            let pair = header.items()?.count();
            (pair == 2)
                .then_some(())
                .ok_or_else(|| header.wrong("a name and a value"))
        })?;
    }
    Ok(())
}

fn broker_id(id: &Field<'_>) -> Result<(), Problem> {
    id.number(0, i64::from(i32::MAX)).map(|_| ())
}
