//! Expectations about messages as objects and as bytes, about records that cannot be read, and about schemas.

use super::history::History;
use super::{Verdict, verdict_of};
use crate::plan::Count;
use crate::protocol::{Fact, MessageFact, TopicPartition, counted};
use std::collections::BTreeSet;

pub(super) fn value_bytes(history: &History<'_>, producer: &str, count: Count) -> Verdict {
    let members = history.members(producer);
    let sizes: Vec<i64> = messages(history)
        .filter(|(node, _)| members.iter().any(|member| **member == **node))
        .filter_map(|(_, fact)| match fact {
            MessageFact::Serialized { value, .. } => Some(value.size),
            _ => None,
        })
        .collect();
    let (Some(least), Some(most)) = (sizes.iter().min(), sizes.iter().max()) else {
        return Err("it has serialized nothing".to_owned());
    };
    let holds = sizes
        .iter()
        .all(|size| u64::try_from(*size).is_ok_and(|size| count.holds(size)));
    let figures = match least == most {
        true => format!("{least}"),
        false => format!("{least} to {most}"),
    };
    let of = counted(sizes.len(), "value");
    verdict_of(holds, format!("{figures}, of {of}"))
}

pub(super) fn cannot_read(history: &History<'_>, consumer: &str, count: Count) -> Verdict {
    let members = history.members(consumer);
    let records: BTreeSet<(&TopicPartition, i64)> = in_window(history)
        .filter(|(node, _)| members.iter().any(|member| **member == **node))
        .filter_map(|(_, fact)| match fact {
            MessageFact::NotDeserialized {
                partition, offset, ..
            } => Some((partition, *offset)),
            _ => None,
        })
        .collect();
    let number = records.len() as u64;
    verdict_of(count.holds(number), format!("{number}"))
}

/// The last thing that a member was at is a record that it cannot read.
pub(super) fn stuck_at_the_end(history: &History<'_>, consumer: &str) -> Verdict {
    for member in history.members(consumer) {
        let own = history.entries.iter().filter(|it| *it.node == *member);
        let mut stuck = None;
        for entry in own {
            match &entry.fact {
                Fact::Message(MessageFact::NotDeserialized {
                    partition,
                    offset,
                    times,
                    ..
                }) => stuck = Some((partition, offset, times)),
                Fact::Message(
                    MessageFact::PoisonSkipped { .. } | MessageFact::DeadLettered { .. },
                )
                | Fact::Consumed { .. }
                | Fact::PositionSet { .. }
                | Fact::Crashed
                | Fact::PowerFailed
                | Fact::Exiting { .. } => stuck = None,
                _ => {}
            }
        }
        if let Some((partition, offset, times)) = stuck {
            let thrown = counted(*times as usize, "time");
            return Ok(format!(
                "at {partition} offset {offset}: poll threw {thrown}"
            ));
        }
    }
    Err("it is not".to_owned())
}

pub(super) fn skipped(history: &History<'_>, consumer: &str, count: Count) -> Verdict {
    let is_skip = |fact: &MessageFact| matches!(fact, MessageFact::PoisonSkipped { .. });
    of_members(history, consumer, count, is_skip)
}

pub(super) fn dead_lettered(history: &History<'_>, consumer: &str, count: Count) -> Verdict {
    let is_sent = |fact: &MessageFact| matches!(fact, MessageFact::DeadLettered { .. });
    of_members(history, consumer, count, is_sent)
}

pub(super) fn versions(history: &History<'_>, subject: &str, count: Count) -> Verdict {
    let last = messages(history).filter_map(|(_, fact)| match fact {
        MessageFact::SchemaRegistered {
            subject: of,
            version,
            ..
        } if **of == *subject => Some(u64::from(*version)),
        _ => None,
    });
    let number = last.max().unwrap_or(0);
    verdict_of(count.holds(number), format!("{number}"))
}

pub(super) fn refused(history: &History<'_>, subject: &str, count: Count) -> Verdict {
    let refused = in_window(history).filter(|(_, fact)| {
        matches!(fact, MessageFact::SchemaRefused { subject: of, .. } if **of == *subject)
    });
    let number = refused.count() as u64;
    verdict_of(count.holds(number), format!("{number}"))
}

fn of_members(
    history: &History<'_>,
    consumer: &str,
    count: Count,
    is_meant: impl Fn(&MessageFact) -> bool,
) -> Verdict {
    let members = history.members(consumer);
    let meant = in_window(history)
        .filter(|(node, _)| members.iter().any(|member| **member == **node))
        .filter(|(_, fact)| is_meant(fact));
    let number = meant.count() as u64;
    verdict_of(count.holds(number), format!("{number}"))
}

fn messages<'a>(history: &History<'a>) -> impl Iterator<Item = (&'a str, &'a MessageFact)> {
    let entries = history.entries.iter();
    entries.filter_map(|entry| match &entry.fact {
        Fact::Message(fact) => Some((&*entry.node, fact)),
        _ => None,
    })
}

fn in_window<'a>(history: &History<'a>) -> impl Iterator<Item = (&'a str, &'a MessageFact)> {
    history.window().filter_map(|entry| match &entry.fact {
        Fact::Message(fact) => Some((&*entry.node, fact)),
        _ => None,
    })
}
