//! Producers, consumers and administrators in words.

use super::not_reached::of_not_reached;
use super::position::position;
use super::{Telling, episode, joined, loud, meaning, meaning_with_sequences, quiet};
use crate::protocol::{ErrorCode, Fact};
use crate::trace::TraceEntry;
use crate::trace::story::{Story, broker_name};

pub(super) fn of_client(entry: &TraceEntry, story: &Story) -> Telling {
    let node = entry.node.to_string();
    match &entry.fact {
        Fact::Bootstrapped { from } => {
            joined(format!("learn of the cluster from {from}: "), node, "").of_clients()
        }
        Fact::BootstrapFailed { from } => {
            episode(format!("get no answer from {from}: "), node).of_clients()
        }
        Fact::BrokerNotReached {
            errand,
            broker,
            at,
            why,
        } => of_not_reached(entry, *errand, *broker, at, *why),
        Fact::RecordCreated {
            record, partition, ..
        } => quiet(format!(
            "makes {}#{} for {partition}",
            record.producer, record.number
        )),
        Fact::Acked {
            record,
            partition,
            offset: -1,
            ..
        } => quiet(format!(
            "{}#{} is sent to {partition}; with acks=0 nobody acknowledges it",
            record.producer, record.number
        )),
        Fact::Acked {
            record,
            partition,
            offset,
            latency_ns,
            ..
        } => quiet(format!(
            "{}#{} is acknowledged: {partition} offset {offset}, after {}",
            record.producer,
            record.number,
            in_ms(*latency_ns)
        )),
        Fact::Retrying {
            record,
            error,
            idempotent,
            ..
        } => episode(
            format!(
                "send again after {error}{}: ",
                if *idempotent {
                    meaning_with_sequences(*error)
                } else {
                    meaning(*error)
                }
            ),
            format!("{}#{}", record.producer, record.number),
        )
        .of_clients(),
        Fact::Failed {
            record, exception, ..
        } => episode(
            format!("give up with {exception}: "),
            format!("{}#{}", record.producer, record.number),
        )
        .of_clients(),
        Fact::PositionSet {
            partition,
            offset,
            why,
            ..
        } => joined(
            "reads from ",
            position(&entry.node, partition, *offset, story),
            format!(" on ({why})"),
        ),
        Fact::ReadReplicaChosen {
            partition,
            replica,
            why,
        } => Telling {
            after: format!(" from {} on ({why})", broker_name(*replica)),
            ..episode("reads ", partition.to_string())
        },
        Fact::Consumed {
            partition, offset, ..
        } => quiet(format!("reads {partition} offset {offset}")),
        Fact::ConsumerError {
            partition,
            exception,
        } => Telling {
            after: match &**exception {
                // `poll` throws before it comes to any other partition.
                "NoOffsetForPartitionException" => {
                    ": its application polls again, and is given nothing of any partition while one of its own has no position"
                }
                _ => ": its application polls again",
            }
            .to_owned(),
            ..episode(
                format!("cannot read ({exception}): "),
                partition.to_string(),
            )
        },
        Fact::ConfigAsked { name, .. } => quiet(format!("asks for settings of {name}")),
        Fact::DeleteRecordsAsked { partition, .. } => {
            quiet(format!("asks for records of {partition} to be deleted"))
        }
        Fact::RecordsDeleted {
            partition,
            low_watermark,
        } => quiet(format!(
            "is told that {partition} begins at {low_watermark} on every replica"
        )),
        Fact::AdminAnswered { what, error, .. } if error.is_none() => loud(format!("{what}: done")),
        Fact::AdminAnswered { what, error, .. } => {
            // What is asked for here is no record.
            let meaning = match error {
                ErrorCode::RequestTimedOut => " (not done everywhere in time: it may be done yet)",
                ErrorCode::NetworkException => {
                    " (the connection is lost, and with it the answer: it may be done)"
                }
                other => meaning(*other),
            };
            loud(format!("{what}: refused with {error}{meaning}"))
        }
        other => unreachable!("not of a client: {other:?}"),
    }
}

/// Milliseconds, below ten with one digit behind the point, so that nothing takes none.
fn in_ms(nanos: u64) -> String {
    match nanos {
        0..10_000_000 => {
            let tenths = nanos.div_ceil(100_000);
            format!("{}.{} ms", tenths / 10, tenths % 10)
        }
        _ => format!("{} ms", nanos / 1_000_000),
    }
}
