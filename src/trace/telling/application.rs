//! What applications do with records, in words.

use super::{Telling, episode, joined, loud};
use crate::protocol::{ApplicationFact, TopicPartition};

pub(super) fn of_application(fact: &ApplicationFact) -> Telling {
    match fact {
        ApplicationFact::Forwarded {
            partition,
            offset,
            to,
            to_offset,
        } => episode(
            "sends on what it reads, and is told that it is stored: ",
            format!("{partition} offset {offset} is {to} offset {to_offset}"),
        ),
        ApplicationFact::ServiceCalled {
            client,
            partition,
            offset,
        } => episode(
            format!("is called by {client} and does it: for "),
            format!("{partition} offset {offset}"),
        ),
        ApplicationFact::ServiceNotReached {
            service,
            partition,
            offset,
            why,
        } => joined(
            format!("gets no answer from {service} for "),
            format!("{partition} offset {offset}"),
            format!(" ({why}): it does not know whether it was done, and calls again"),
        ),
        ApplicationFact::Failed {
            partition,
            offset,
            why,
        } => loud(format!(
            "throws at {partition} offset {offset} ({why}): nobody catches it, it closes its consumer and ends"
        )),
        ApplicationFact::Paused { partitions } => episode("pauses ", names(partitions)),
        ApplicationFact::Resumed { partitions } => episode("resumes ", names(partitions)),
        ApplicationFact::ListenerThrew {
            callback,
            is_caught,
            in_close,
        } => loud(format!(
            "throws in {callback}, which its library hands on as KafkaException: {}",
            match (in_close, is_caught) {
                (true, _) => "close throws it, and no farewell goes to its group",
                (false, true) => "it catches that and polls again, a member as before",
                (false, false) => "nobody catches it, it closes its consumer and ends",
            }
        )),
        ApplicationFact::OffsetTold {
            call,
            partition,
            offset,
        } => joined(
            format!("calls {call} for "),
            partition.to_string(),
            match offset {
                Some(offset) => format!(", and is told {offset}"),
                None => ", and is told that there is none".to_owned(),
            },
        ),
        ApplicationFact::CallThrew {
            call,
            partition,
            exception,
        } => loud(format!(
            "calls {call} for {partition}, {} ({exception}): nobody catches it, it closes its consumer and ends",
            match &**exception {
                "TimeoutException" => "and nobody says in time",
                _ => "which it does not have",
            }
        )),
    }
}

fn names(partitions: &[TopicPartition]) -> String {
    match partitions {
        [] => "nothing: it has no partition".to_owned(),
        some => {
            let names: Vec<String> = some.iter().map(ToString::to_string).collect();
            names.join(", ")
        }
    }
}
