//! Whether the steps of a recording of clients fit each other and its logs: who and what they name is there by then.

use super::recording::{ClientRecording, ClientStep, Deed};
use super::shape::partition_named;
use crate::conform::field::Field;
use crate::plan::Problem;
use crate::protocol::{GROUP_METADATA_TOPIC, TopicName};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(
    recording: &ClientRecording,
    steps: &Field<'_>,
    logs: &Field<'_>,
) -> Result<(), Problem> {
    for (step, said) in recording.steps.iter().zip(steps.items()?) {
        check_names(recording, step, &said)?;
    }
    check_growth(recording, steps)?;
    check_members(recording, steps)?;
    check_requests(recording, steps)?;
    check_logs(recording, logs)
}

/// Brokers and topics that a step names are there.
fn check_names(
    recording: &ClientRecording,
    step: &ClientStep,
    said: &Field<'_>,
) -> Result<(), Problem> {
    let most = i64::from(recording.brokers);
    let broker = |id: &Field<'_>| match id.value.as_i64() {
        Some(it) if (1..=most).contains(&it) => Ok(()),
        _ => Err(id.wrong(format!("a broker from 1 to {most}"))),
    };
    if let Some(nodes) = said.get("nodes") {
        nodes.items()?.try_for_each(|id| broker(&id))?;
    }
    for place in [said.get("group").as_ref(), Some(said)]
        .into_iter()
        .flatten()
    {
        place.may("coordinator", |id| broker(id))?;
    }
    if let Deed::AddPartitions { topic, .. } = &step.deed
        && !recording.topics.contains_key(topic)
    {
        let topics = recording.topics.keys().map(|topic| &**topic);
        let topics: Vec<&str> = topics.collect();
        let said = said.need("topic", "\"topic\": \"t\"")?;
        return Err(said.wrong(format!("a topic of this recording: {}", topics.join(", "))));
    }
    Ok(())
}

/// Something befalls those only who have joined, and whoever is there is shown.
fn check_members(recording: &ClientRecording, steps: &Field<'_>) -> Result<(), Problem> {
    let mut joined: BTreeSet<&str> = BTreeSet::new();
    let mut shown: BTreeSet<&str> = BTreeSet::new();
    for (step, said) in recording.steps.iter().zip(steps.items()?) {
        match &step.deed {
            Deed::Join { member, .. } => {
                joined.insert(member);
                shown.insert(member);
            }
            Deed::Close(member)
            | Deed::Crash(member)
            | Deed::Freeze(member)
            | Deed::Thaw(member) => {
                if !joined.contains(&**member) {
                    let place = said.need("member", "\"member\": \"m1\"")?;
                    return Err(place.wrong("a member that has joined in an earlier step"));
                }
                match &step.deed {
                    Deed::Thaw(_) => shown.insert(member),
                    _ => shown.remove(&**member),
                };
            }
            _ => {}
        }
        // The recorder asks an administrator about the group after each deed of its own.
        if !joined.is_empty() && said.get("op").is_none() {
            said.need(
                "group",
                "\"group\": {...}, as in every step once somebody has joined",
            )?;
        }
        // One whose `poll` throws closes by itself.
        for (name, seen) in step.members() {
            let log = seen.get("log").and_then(Value::as_array);
            let mut log = log.into_iter().flatten().filter_map(Value::as_str);
            if log.any(|line| line.starts_with("error")) {
                shown.remove(name);
            }
        }
        let place = said.need("members", "\"members\": {}")?;
        for (name, member) in place.fields()? {
            if !joined.contains(name) {
                return Err(member
                    .problem(format!("a member \"{name}\""))
                    .on_key()
                    .expected("a member that has joined by then"));
            }
        }
        if let Some(absent) = shown.iter().find(|name| place.get(name).is_none()) {
            return Err(place
                .problem(format!("the member {absent} is missing here"))
                .expected("every member that has joined, and has not left, crashed or frozen"));
        }
    }
    Ok(())
}

/// The logs of what was written are there: of the partitions of producers, and of a group.
fn check_logs(recording: &ClientRecording, logs: &Field<'_>) -> Result<(), Problem> {
    for step in &recording.steps {
        let (topic, number) = match &step.deed {
            Deed::Produce { topic, command, .. } => (&**topic, command.get("partition")),
            _ if step.seen.get("group").is_some() => (GROUP_METADATA_TOPIC, None),
            _ => continue,
        };
        let number = number.and_then(Value::as_i64);
        let mut names = recording
            .logs
            .keys()
            .filter_map(|name| partition_named(name));
        let is_meant = |it: i32| number.is_none_or(|number| i64::from(it) == number);
        if !names.any(|(it, partition)| it == topic && is_meant(partition)) {
            let lacks = format!("{topic}-{}", number.unwrap_or(0));
            let other = if number.is_none() {
                ", or another partition of it"
            } else {
                ""
            };
            return Err(logs
                .problem(format!("no log of {topic}"))
                .expected(format!("\"{lacks}\": [...]{other}")));
        }
    }
    for (name, lines) in logs.fields()? {
        let topic = partition_named(name).map_or("", |(topic, _)| topic);
        if !topic.starts_with("__") && !recording.topics.contains_key(topic) {
            return Err(lines
                .problem(format!("a log of {name}"))
                .on_key()
                .expected("a log of a topic that the steps are about"));
        }
    }
    Ok(())
}

/// Partitions are only ever added.
fn check_growth(recording: &ClientRecording, steps: &Field<'_>) -> Result<(), Problem> {
    let mut there: BTreeMap<&TopicName, i32> = BTreeMap::new();
    for (step, said) in recording.steps.iter().zip(steps.items()?) {
        let Deed::AddPartitions { topic, count } = &step.deed else {
            continue;
        };
        let before = recording.topics.get(topic).map_or(1, |it| it.partitions);
        let before = there.insert(topic, *count).unwrap_or(before);
        if *count <= before {
            let said = said.need("count", "\"count\": 9")?;
            return Err(said.wrong(format!(
                "more than {before}, which {topic} has before this step"
            )));
        }
    }
    Ok(())
}

/// Who asks is a member, a producer, or one of the recorder's and the brokers' own clients.
fn check_requests(recording: &ClientRecording, steps: &Field<'_>) -> Result<(), Problem> {
    let mut known = recording.producers();
    for (step, said) in recording.steps.iter().zip(steps.items()?) {
        if let Deed::Join { member, .. } = &step.deed {
            known.insert(member.clone());
        }
        let Some(requests) = said.get("requests") else {
            continue;
        };
        for request in requests.items()? {
            let client = request.need("client", "\"client\": \"m1\"")?;
            let name = client.text()?;
            if !known.contains(name) && !is_own_client(name) {
                return Err(client.wrong(
                    "a member that has joined by then, a producer of a step, or a client of the recorder or of a \
                     broker, such as \"default\"",
                ));
            }
        }
    }
    Ok(())
}

/// The recorder's producer and administrators, a broker that asks another, and what sends for its transactions.
fn is_own_client(name: &str) -> bool {
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    let numbered = ["adminclient-", "AddPartitionsManager-client-", ""];
    let of_broker = || {
        name.strip_prefix("broker-")?
            .strip_suffix("-txn-marker-sender")
    };
    name == "default"
        || numbered
            .iter()
            .any(|start| name.strip_prefix(start).is_some_and(is_number))
        || of_broker().is_some_and(is_number)
}
