//! What a message is in a few words: what stands beside its arrow. Partitions and offsets where it has them, and the
//! error where it is one.

use super::kafka::{FetchPartitionResponse, Request, Response};
use super::message::Message;
use super::zab::ElectionMessage;
use super::zookeeper::{ClientMessage, MultiOp, Op, ServerMessage};
use super::{ErrorCode, TopicPartition};
use std::rc::Rc;

/// So many partitions are named, and the others counted.
const NAMED: usize = 4;

/// Whether a label is of a message about this partition: it names it, or has more than it names.
pub fn may_be_about(label: &str, partition: &TopicPartition) -> bool {
    let name = partition.to_string();
    let mut words = label.split([' ', ',', '@']);
    words.any(|word| word == name || is_count(word))
}

/// What stands for the partitions that are not named.
fn is_count(word: &str) -> bool {
    word.strip_prefix('+')
        .is_some_and(|it| it.parse::<usize>().is_ok())
}

pub(super) fn label_of(message: &Message) -> Rc<str> {
    let label = match message {
        Message::Request(request) => of_request(&request.body),
        Message::Response(response) => of_response(&response.body),
        Message::ZooKeeperRequest(message) => match &**message {
            ClientMessage::Request { op, .. } => joined(op.name(), &path_of(op)),
            other => other.name().to_owned(),
        },
        Message::ZooKeeperReply(message) => match &**message {
            ServerMessage::Reply {
                result: Err(code), ..
            } => code.name().to_owned(),
            ServerMessage::Watch(event) => format!("{event}"),
            other => other.name().to_owned(),
        },
        Message::Election(message) => match &**message {
            ElectionMessage::Notification(it) => format!("vote for zookeeper-{}", it.leader),
            other => other.name().to_owned(),
        },
        other => other.name().to_owned(),
    };
    label.into()
}

/// The name of its kind.
pub(super) fn kind_of(message: &Message) -> &'static str {
    match message {
        Message::Response(response) => response.body.schema_name(),
        Message::ZooKeeperRequest(message) => message.name(),
        Message::ZooKeeperReply(message) => message.name(),
        other => other.name(),
    }
}

/// What it is about; of several the first, and how many more.
fn path_of(op: &Op) -> String {
    match op {
        Op::Create { path, .. }
        | Op::Delete { path, .. }
        | Op::SetData { path, .. }
        | Op::GetData { path, .. }
        | Op::Exists { path, .. }
        | Op::GetChildren { path, .. }
        | Op::GetAcl { path }
        | Op::SetAcl { path, .. }
        | Op::Sync { path } => path.to_string(),
        Op::Multi(ops) => {
            // A controller's begins with the check of its epoch.
            let paths = ops.iter().filter_map(|op| match op {
                MultiOp::Create { path, .. }
                | MultiOp::Delete { path, .. }
                | MultiOp::SetData { path, .. } => Some(path.to_string()),
                MultiOp::Check { .. } => None,
            });
            listed(paths)
        }
        Op::SetWatches { .. } | Op::CloseSession => String::new(),
    }
}

fn of_request(request: &Request) -> String {
    let name = request.name();
    let rest = match request {
        Request::Produce(it) => listed(it.data.iter().map(|(partition, _)| partition.to_string())),
        Request::Fetch(it) => listed(
            it.partitions
                .iter()
                .map(|it| format!("{}@{}", it.partition, it.fetch_offset)),
        ),
        Request::LeaderAndIsr(it) => listed(it.partition_states.iter().map(|it| {
            format!(
                "{} leader {} epoch {}",
                it.partition, it.leader, it.leader_epoch
            )
        })),
        Request::StopReplica(it) => listed(
            it.partition_states
                .iter()
                .map(|it| it.partition.to_string()),
        ),
        Request::AlterPartition(it) => listed(it.partitions.iter().map(|it| {
            let isr = it.new_isr.iter().map(|(broker, _)| broker.to_string());
            format!("{} ISR {}", it.partition, isr.collect::<Vec<_>>().join(","))
        })),
        Request::OffsetCommit(it) => listed(
            it.partitions
                .iter()
                .map(|(partition, committed)| format!("{partition}@{}", committed.offset)),
        ),
        Request::JoinGroup(it) => it.group_id.to_string(),
        Request::SyncGroup(it) => it.group_id.to_string(),
        Request::Heartbeat(it) => it.group_id.to_string(),
        Request::FindCoordinator(it) => it.coordinator_keys.join(" "),
        _ => String::new(),
    };
    joined(name, &rest)
}

fn of_response(response: &Response) -> String {
    match response {
        Response::Produce(it) => {
            // What became of it is named where it is another than of the partition before.
            let mut before = "";
            listed(it.responses.iter().map(|it| {
                let told = match it.error {
                    ErrorCode::None => format!("{} offset {}", it.partition, it.base_offset),
                    error => format!("{} {}", it.partition, error.name()),
                };
                let became = became(it.error);
                match std::mem::replace(&mut before, became) == became {
                    true => told,
                    false => joined(became, &told),
                }
            }))
        }
        Response::Fetch(it) if it.error != ErrorCode::None => it.error.name().to_owned(),
        Response::Fetch(it) => {
            let told = listed(it.responses.iter().map(fetched));
            if told.is_empty() {
                "nothing new".to_owned()
            } else {
                told
            }
        }
        Response::LeaderAndIsr(it) => answered("LeaderAndIsr", it.error),
        Response::UpdateMetadata(it) => answered("UpdateMetadata", it.error),
        Response::StopReplica(it) => answered("StopReplica", it.error),
        Response::AlterPartition(it) => answered("AlterPartition", it.error),
        Response::JoinGroup(it) => answered("JoinGroup", it.error),
        Response::SyncGroup(it) => answered("SyncGroup", it.error),
        Response::Heartbeat(it) => answered("Heartbeat", it.error),
        other => format!("{} answered", other.name()),
    }
}

/// What is written stays, also where nobody can say that it is committed.
fn became(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::None => "stored",
        ErrorCode::RequestTimedOut | ErrorCode::NotEnoughReplicasAfterAppend => "not committed",
        _ => "refused",
    }
}

fn fetched(it: &FetchPartitionResponse) -> String {
    let partition = &it.partition;
    let ends = (it.records.first_offset(), it.records.next_offset());
    match (it.error, &it.diverging_epoch, ends) {
        (ErrorCode::None, Some(diverging), _) => {
            format!(
                "{partition} epoch {} ends at {}",
                diverging.epoch, diverging.end_offset
            )
        }
        (ErrorCode::None, None, (Some(first), Some(next))) if next - first > 1 => {
            format!("{partition} records {first} to {}", next - 1)
        }
        (ErrorCode::None, None, (Some(first), _)) => format!("{partition} record {first}"),
        (ErrorCode::None, None, (None, _)) => {
            format!("{partition} committed < {}", it.high_watermark)
        }
        (error, ..) => format!("{partition} {}", error.name()),
    }
}

fn answered(name: &str, error: ErrorCode) -> String {
    match error {
        ErrorCode::None => format!("{name} answered"),
        error => format!("{name}: {}", error.name()),
    }
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    let named = parts[..parts.len().min(NAMED)].join(", ");
    match parts.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} +{more}"),
    }
}

fn joined(name: &str, rest: &str) -> String {
    match rest.is_empty() {
        true => name.to_owned(),
        false => format!("{name} {rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::kafka::{PartitionProduceResponse, ProduceResponse};

    #[test]
    fn a_label_is_about_the_partitions_that_it_names_or_may_have() {
        let about = |label: &str| may_be_about(label, &TopicPartition::new("t", 1));
        for label in [
            "Produce t-1",
            "Fetch t-0@3, t-1@4",
            "Fetch t-0@3, t-2@4 +2",
            "t-1 record 7",
        ] {
            assert!(about(label), "{label}");
        }
        for label in [
            "Produce t-10",
            "Fetch t-11@1",
            "Produce tt-1",
            "nothing new",
            "",
        ] {
            assert!(!about(label), "{label}");
        }
    }

    #[test]
    fn an_answer_says_what_became_of_the_records_of_each_partition() {
        let label = |errors: &[ErrorCode]| {
            let responses = (0..)
                .zip(errors)
                .map(|(partition, error)| PartitionProduceResponse {
                    partition: TopicPartition::new("t", partition),
                    error: *error,
                    current_leader: None,
                    base_offset: 7,
                    log_append_time_ms: -1,
                    log_start_offset: 0,
                    record_errors: Vec::new(),
                });
            of_response(&Response::Produce(Box::new(ProduceResponse {
                responses: responses.collect(),
                node_endpoints: Vec::new(),
            })))
        };
        let (ok, gap) = (ErrorCode::None, ErrorCode::OutOfOrderSequenceNumber);
        assert_eq!(label(&[ok, ok]), "stored t-0 offset 7, t-1 offset 7");
        assert_eq!(label(&[gap]), "refused t-0 OUT_OF_ORDER_SEQUENCE_NUMBER");
        assert_eq!(
            label(&[ok, gap, ErrorCode::RequestTimedOut]),
            "stored t-0 offset 7, refused t-1 OUT_OF_ORDER_SEQUENCE_NUMBER, not committed t-2 REQUEST_TIMED_OUT"
        );
    }

    #[test]
    fn what_is_not_named_is_counted() {
        let listed = |count: usize| listed((0..count).map(|it| format!("t-{it}")));
        assert_eq!(listed(0), "");
        assert_eq!(listed(4), "t-0, t-1, t-2, t-3");
        assert_eq!(listed(6), "t-0, t-1, t-2, t-3 +2");
    }
}
