//! What coordinators were asked and what they answered, in one form for both sides.
//!
//! Compared of each member: JoinGroup, SyncGroup, LeaveGroup and OffsetFetch with all their fields, in their order,
//! and what it was told between them, by a heartbeat or a commit, whichever came first: that its group rebalances,
//! that its generation is over, that it is no member, that it is fenced. Of its commits, generation by generation, what
//! they have come to so far: how many there are, and which partitions stand in the first, is a matter of time. Of all
//! together: whom FindCoordinator named. Not compared: ids beyond their order, hosts, the order of partitions in
//! answers and of members in lists, and what only says that a coordinator moves or loads.

use crate::broker::CompletedRequest;
use crate::protocol::{BrokerId, ErrorCode, Request, Response, TopicPartition};
use crate::serialization::base64;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Which requests a recording holds.
pub(super) fn wanted(request: &Request) -> bool {
    matches!(
        request,
        Request::FindCoordinator(_)
            | Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::Heartbeat(_)
            | Request::LeaveGroup(_)
            | Request::OffsetFetch(_)
            | Request::OffsetCommit(_)
            | Request::Produce(_)
            | Request::InitProducerId(_)
    )
}

/// Our request as the recorder writes one.
pub(super) fn as_recorded(to: BrokerId, completed: &CompletedRequest) -> Value {
    let (api, request, response) = match (&completed.request, &completed.response) {
        (Request::FindCoordinator(_), Response::FindCoordinator(answer)) => {
            let found = answer.coordinators.iter().map(|it| {
                let node = if it.error.is_none() { it.node_id } else { -1 };
                json!({"nodeId": node, "errorCode": it.error.code()})
            });
            let found: Vec<Value> = found.collect();
            (
                "FIND_COORDINATOR",
                json!({}),
                json!({ "coordinators": found }),
            )
        }
        (Request::JoinGroup(it), Response::JoinGroup(answer)) => {
            let protocols = it.protocols.iter();
            let protocols = protocols
                .map(|it| json!({"name": it.name, "metadata": base64(&it.metadata)}))
                .collect::<Vec<_>>();
            let members = answer.members.iter().map(|it| {
                json!({"memberId": it.member_id, "groupInstanceId": it.group_instance_id,
                       "metadata": base64(&it.metadata)})
            });
            let request = json!({
                "groupId": it.group_id, "sessionTimeoutMs": it.session_timeout_ms,
                "rebalanceTimeoutMs": it.rebalance_timeout_ms, "memberId": it.member_id,
                "groupInstanceId": it.group_instance_id, "protocolType": it.protocol_type,
                "protocols": protocols, "reason": it.reason,
            });
            let response = json!({
                "errorCode": answer.error.code(), "generationId": answer.generation_id,
                "protocolType": answer.protocol_type, "protocolName": answer.protocol_name,
                "leader": answer.leader, "skipAssignment": answer.skip_assignment,
                "memberId": answer.member_id, "members": members.collect::<Vec<_>>(),
            });
            ("JOIN_GROUP", request, response)
        }
        (Request::SyncGroup(it), Response::SyncGroup(answer)) => {
            let assignments = it.assignments.iter();
            let assignments = assignments
                .map(|(id, it)| json!({"memberId": id, "assignment": base64(it)}))
                .collect::<Vec<_>>();
            let request = json!({
                "groupId": it.group_id, "generationId": it.generation_id,
                "memberId": it.member_id, "groupInstanceId": it.group_instance_id,
                "protocolType": it.protocol_type, "protocolName": it.protocol_name,
                "assignments": assignments,
            });
            let response = json!({
                "errorCode": answer.error.code(), "protocolType": answer.protocol_type,
                "protocolName": answer.protocol_name, "assignment": base64(&answer.assignment),
            });
            ("SYNC_GROUP", request, response)
        }
        (Request::Heartbeat(it), Response::Heartbeat(answer)) => {
            let request = json!({
                "groupId": it.group_id, "generationId": it.generation_id,
                "memberId": it.member_id, "groupInstanceId": it.group_instance_id,
            });
            (
                "HEARTBEAT",
                request,
                json!({"errorCode": answer.error.code()}),
            )
        }
        (Request::LeaveGroup(it), Response::LeaveGroup(answer)) => {
            let leaving = it.members.iter().map(|it| {
                json!({"memberId": it.member_id, "groupInstanceId": it.group_instance_id,
                       "reason": it.reason})
            });
            let left = answer.members.iter().map(|(id, instance, error)| {
                json!({"memberId": id, "groupInstanceId": instance, "errorCode": error.code()})
            });
            let request = json!({"groupId": it.group_id, "members": leaving.collect::<Vec<_>>()});
            let response =
                json!({"errorCode": answer.error.code(), "members": left.collect::<Vec<_>>()});
            ("LEAVE_GROUP", request, response)
        }
        (Request::OffsetFetch(it), Response::OffsetFetch(answer)) => {
            let asked = it.partitions.as_ref().map(|asked| {
                by_topic(
                    asked.iter().map(|it| (it, json!(it.partition))),
                    "partitionIndexes",
                )
            });
            let found = answer.partitions.iter().map(|it| {
                let found = json!({
                    "partitionIndex": it.partition.partition,
                    "committedOffset": it.committed.offset,
                    "committedLeaderEpoch": it.committed.leader_epoch,
                    "metadata": it.committed.metadata, "errorCode": it.error.code(),
                });
                (&it.partition, found)
            });
            let group = json!({"groupId": it.group_id, "memberId": null, "memberEpoch": -1,
                               "topics": asked});
            let answered = json!({"groupId": it.group_id, "topics": by_topic(found, "partitions"),
                                  "errorCode": answer.error.code()});
            let request = json!({"groups": [group], "requireStable": it.require_stable});
            ("OFFSET_FETCH", request, json!({ "groups": [answered] }))
        }
        (Request::OffsetCommit(it), Response::OffsetCommit(answer)) => {
            let asked = it.partitions.iter().map(|(partition, it)| {
                let asked = json!({
                    "partitionIndex": partition.partition, "committedOffset": it.offset,
                    "committedLeaderEpoch": it.leader_epoch, "committedMetadata": it.metadata,
                });
                (partition, asked)
            });
            let answered = answer.partitions.iter().map(|(partition, error)| {
                let index = partition.partition;
                (
                    partition,
                    json!({"partitionIndex": index, "errorCode": error.code()}),
                )
            });
            let request = json!({
                "groupId": it.group_id, "generationIdOrMemberEpoch": it.generation_id,
                "memberId": it.member_id, "groupInstanceId": it.group_instance_id,
                "topics": by_topic(asked, "partitions"),
            });
            let response = json!({ "topics": by_topic(answered, "partitions") });
            ("OFFSET_COMMIT", request, response)
        }
        (Request::Produce(it), Response::Produce(answer)) => {
            let sent = it.data.iter().map(|(partition, records)| {
                let (index, size) = (partition.partition, records.size_in_bytes());
                (
                    partition,
                    json!({"index": index, "recordsSizeInBytes": size}),
                )
            });
            let stored = answer.responses.iter().map(|it| {
                let stored = json!({
                    "index": it.partition.partition, "errorCode": it.error.code(),
                    "baseOffset": it.base_offset, "logAppendTimeMs": it.log_append_time_ms,
                    "logStartOffset": it.log_start_offset, "recordErrors": [], "errorMessage": null,
                });
                (&it.partition, stored)
            });
            let request = json!({
                "transactionalId": null, "acks": it.acks, "timeoutMs": it.timeout_ms,
                "topicData": by_topic(sent, "partitionData"),
            });
            let response = json!({ "responses": by_topic(stored, "partitionResponses") });
            ("PRODUCE", request, response)
        }
        (Request::InitProducerId(it), Response::InitProducerId(answer)) => {
            let request = json!({
                "transactionalId": it.transactional_id,
                "transactionTimeoutMs": it.transaction_timeout_ms,
                "producerId": it.producer_id, "producerEpoch": it.producer_epoch,
            });
            let response = json!({
                "errorCode": answer.error.code(), "producerId": answer.producer_id,
                "producerEpoch": answer.producer_epoch,
            });
            ("INIT_PRODUCER_ID", request, response)
        }
        (request, _) => (request.name(), json!({}), json!({})),
    };
    json!({"to": format!("b{to}"), "client": completed.client_id, "api": api,
           "request": request, "response": response})
}

fn by_topic<'a>(
    partitions: impl Iterator<Item = (&'a TopicPartition, Value)>,
    field: &str,
) -> Vec<Value> {
    let mut topics: Vec<(Rc<str>, Vec<Value>)> = Vec::new();
    for (partition, value) in partitions {
        match topics
            .iter_mut()
            .find(|(topic, _)| *topic == partition.topic)
        {
            Some((_, values)) => values.push(value),
            None => topics.push((Rc::clone(&partition.topic), vec![value])),
        }
    }
    let topics = topics.into_iter();
    topics
        .map(|(topic, of)| json!({"name": topic, field: of}))
        .collect()
}

/// Member ids by the order in which they came up: `m1#1`.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    known: BTreeMap<String, String>,
    of_prefix: BTreeMap<String, u32>,
}

impl Aliases {
    pub(super) fn alias(&mut self, id: &str) -> String {
        if id.is_empty() {
            return String::new();
        }
        if let Some(known) = self.known.get(id) {
            return known.clone();
        }
        let prefix = match id.rsplit_once("-uuid") {
            Some((prefix, _)) => prefix,
            // A dash and a UUID.
            None => id.get(..id.len().saturating_sub(37)).unwrap_or(id),
        };
        let number = self.of_prefix.entry(prefix.to_owned()).or_default();
        *number += 1;
        let alias = format!("{prefix}#{number}");
        self.known.insert(id.to_owned(), alias.clone());
        alias
    }

    /// Every member id in a value, and those that its texts mention.
    fn apply(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        ("memberId" | "leader", Value::String(id)) => *id = self.alias(id),
                        ("reason", Value::String(text)) => {
                            for (id, alias) in &self.known {
                                *text = text.replace(id, alias);
                            }
                            // Whichever came first.
                            let either = "from HEARTBEAT or OFFSET_COMMIT response";
                            for api in ["HEARTBEAT", "OFFSET_COMMIT"] {
                                *text = text.replace(&format!("from {api} response"), either);
                            }
                        }
                        (_, value) => self.apply(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            _ => {}
        }
    }
}

/// What is compared of a step's requests; others than members are the recorder's own clients.
pub(super) fn compared(
    requests: &[Value],
    aliases: &mut Aliases,
    commits: &mut Commits,
    is_member: impl Fn(&str) -> bool,
) -> Compared {
    let mut compared = Compared::default();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for request in requests {
        let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        let (client, api) = (text("client"), text("api"));
        if api == "FIND_COORDINATOR" {
            let answers = of_every(request, &["response", "coordinators"]);
            let named = answers.map(|it| (number(it, "nodeId"), number(it, "errorCode")));
            let named: Vec<_> = named.collect();
            compared.named_to_all.extend(&named);
            if is_member(client) {
                compared.named_to_members.extend(&named);
            }
            continue;
        }
        let errors = errors_of(request);
        let in_passing = |error: &i64| IN_PASSING.iter().any(|it| i64::from(it.code()) == *error);
        if !is_member(client) || errors.iter().any(in_passing) {
            continue;
        }
        let mut request = request.clone();
        aliases.apply(&mut request);
        let mut api = api;
        let mut request = normal(request);
        if api == "OFFSET_COMMIT" || api == "HEARTBEAT" {
            match errors.iter().find(|error| **error != 0) {
                None if api == "OFFSET_COMMIT" => {
                    commits.add(client, &request);
                    continue;
                }
                None => continue,
                Some(error) => {
                    api = "told";
                    request = told(&request, *error);
                }
            }
        }
        // Times of the same are counted by the recorder where it first came.
        if seen.insert(format!("{client} {request}")) {
            let asked = compared.asked.entry(client.to_owned()).or_default();
            asked.push((api.to_owned(), request));
        }
    }
    compared
}

/// They say that a coordinator moves or loads: whether anybody meets them is a matter of moments.
const IN_PASSING: [ErrorCode; 3] = [
    ErrorCode::CoordinatorLoadInProgress,
    ErrorCode::CoordinatorNotAvailable,
    ErrorCode::NotCoordinator,
];

/// What a member learns of its generation from any answer.
fn told(request: &Value, error: i64) -> Value {
    let asked = request.get("request").unwrap_or(&Value::Null);
    let generation = asked.get("generationId");
    let generation = generation.or_else(|| asked.get("generationIdOrMemberEpoch"));
    json!({"to": request.get("to"), "memberId": asked.get("memberId"),
           "generation": generation, "errorCode": error})
}

#[derive(Debug, Default)]
pub(super) struct Compared {
    asked: BTreeMap<String, Vec<(String, Value)>>,
    named_to_members: BTreeSet<(i64, i64)>,
    named_to_all: BTreeSet<(i64, i64)>,
}

/// What was committed so far, by member, generation, id and coordinator.
#[derive(Debug, Default)]
pub(super) struct Commits {
    of: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
}

impl Commits {
    fn add(&mut self, client: &str, request: &Value) {
        let asked = request.get("request").unwrap_or(&Value::Null);
        let run = format!(
            "generation {} of {} at {}",
            number(asked, "generationIdOrMemberEpoch"),
            asked
                .get("memberId")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            request
                .get("to")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
        let runs = self.of.entry(client.to_owned()).or_default();
        let offsets = runs.entry(run).or_default();
        for topic in of_every(asked, &["topics"]) {
            let name = topic
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            for it in of_every(topic, &["partitions"]) {
                let partition = format!("{name}-{}", number(it, "partitionIndex"));
                let committed = json!([
                    it.get("committedOffset"),
                    it.get("committedLeaderEpoch"),
                    it.get("committedMetadata")
                ]);
                offsets.insert(partition, committed);
            }
        }
    }
}

impl Compared {
    /// In the shape in which differences are told.
    pub(super) fn shown(&self, commits: &Commits) -> Value {
        let asked = self.asked.iter().map(|(client, asked)| {
            let numbered = (1..)
                .zip(asked)
                .map(|(place, (api, request))| (format!("{place:02} {api}"), request.clone()));
            (client.clone(), Value::from(numbered.collect::<Map<_, _>>()))
        });
        let commits = commits.of.iter().map(|(client, runs)| {
            let runs = runs
                .iter()
                .map(|(run, it)| (run.clone(), Value::from(it.clone())));
            (client.clone(), Value::from(runs.collect::<Map<_, _>>()))
        });
        json!({
            "asked": asked.collect::<Map<_, _>>(),
            "committed by": commits.collect::<Map<_, _>>(),
            "coordinators": self.named_to_members,
        })
    }

    /// Whom FindCoordinator named to members here. The recorder counts what its own client was told together with
    /// what members were told alike: what it does not show of members is no difference then.
    pub(super) fn without_what_only_others_show(mut self, recorded: &Compared) -> Compared {
        self.named_to_members.retain(|named| {
            recorded.named_to_members.contains(named) || !recorded.named_to_all.contains(named)
        });
        self
    }
}

/// Without what is not compared; lists whose order is none, sorted.
fn normal(mut request: Value) -> Value {
    if let Value::Object(fields) = &mut request {
        for key in ["times", "version", "client", "api"] {
            fields.remove(key);
        }
    }
    if let Some(response) = request.get_mut("response") {
        sort(response);
        if let Value::Object(fields) = response {
            fields.remove("throttleTimeMs");
        }
    }
    if let Some(Value::Array(assignments)) = request.pointer_mut("/request/assignments") {
        assignments.sort_by_cached_key(ToString::to_string);
    }
    request
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(sort),
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_cached_key(ToString::to_string);
        }
        _ => {}
    }
}

fn errors_of(request: &Value) -> BTreeSet<i64> {
    fn collect(value: &Value, errors: &mut BTreeSet<i64>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match value.as_i64() {
                        Some(code) if key == "errorCode" => {
                            errors.insert(code);
                        }
                        _ => collect(value, errors),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, errors)),
            _ => {}
        }
    }
    let mut errors = BTreeSet::new();
    collect(request.get("response").unwrap_or(&Value::Null), &mut errors);
    errors
}

fn number(value: &Value, key: &str) -> i64 {
    value.get(key).and_then(Value::as_i64).unwrap_or_default()
}

fn of_every<'a>(value: &'a Value, path: &[&str]) -> impl Iterator<Item = &'a Value> {
    let found = path.iter().try_fold(value, |it, key| it.get(key));
    found.and_then(Value::as_array).into_iter().flatten()
}

/// The requests of a recording's last step up to where the recorder began to stop the brokers: a member that has
/// a coordinator looks for another one, though nothing has happened to it. `newcomer`: who joins in this step, or
/// has been away.
pub(super) fn before_the_end(
    requests: &[Value],
    newcomer: Option<&str>,
    is_member: impl Fn(&str) -> bool,
) -> usize {
    let moves = i64::from(ErrorCode::NotCoordinator.code());
    let mut newcomer = newcomer;
    for (place, request) in requests.iter().enumerate() {
        let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        let looks = text("api") == "FIND_COORDINATOR";
        if !is_member(text("client")) {
            continue;
        }
        if looks && newcomer != Some(text("client")) || errors_of(request).contains(&moves) {
            return place;
        }
        if !looks && newcomer == Some(text("client")) {
            newcomer = None;
        }
    }
    requests.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_by_the_order_in_which_they_came() {
        let mut aliases = Aliases::default();
        let ours = "m1-6e0dd4ae-0dd2-4b6f-9ea0-0b7c8b2b9a11";
        assert_eq!(aliases.alias(ours), "m1#1");
        assert_eq!(aliases.alias("m1-uuid7"), "m1#2");
        assert_eq!(aliases.alias(ours), "m1#1");
        let mut said = json!({"reason": format!("with the given member-id: {ours}")});
        aliases.apply(&mut said);
        assert_eq!(said["reason"], "with the given member-id: m1#1");
    }
}
