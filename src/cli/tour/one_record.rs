//! One record from its sender to its reader: stored is not yet committed.

use super::nothing_of;
use crate::cli::page::Page;
use crate::kernel::Time;
use crate::protocol::{Fact, RecordId, TopicPartition};
use crate::scenario::Diagnostic;
use crate::trace::TraceEntry;

/// Where the text of a line begins.
const TEXT_AT: usize = 13;
/// Which record of the first truck: when the cluster has long been quiet.
const NUMBER: u64 = 20;

/// One thing that happened to the record.
struct Moment {
    time: Time,
    node: String,
    what: String,
}

pub(super) fn page(facts: &[TraceEntry]) -> Result<Page, Diagnostic> {
    let moments = moments(facts).ok_or_else(|| nothing_of("such record"))?;
    let begin = moments.first().map_or(Time::ZERO, |it| it.time);
    let mut page = Page::titled("2 of 6: stored is not yet committed");
    page.text(
        "Now three brokers, and each partition on all of them. One broker leads a partition and takes what is sent to it; the \
         others follow, that is, they copy. The way of one record, from its beginning:",
    );
    page.gap();
    for it in &moments {
        let micros = it.time.since(begin).0 / 1_000;
        let name = format!("{:>3}.{:03} ms", micros / 1_000, micros % 1_000);
        page.entry(&name, TEXT_AT, &format!("{}: {}", it.node, it.what));
    }
    page.gap();
    page.text(
        "Stored: one log has it. Committed: every replica that is in sync (the ISR) has it. Readers get only what is committed, \
         since the rest could die with one broker. Where the committed part ends is called the high watermark.",
    );
    page.gap();
    page.text(
        "This truck asks for acks=all: \"answer when it is committed\". With acks=1 the answer would come as soon as the leader \
         alone has it.",
    );
    Ok(page)
}

/// What happened to the record until it was read.
fn moments(facts: &[TraceEntry]) -> Option<Vec<Moment>> {
    let (record, partition, content) = wanted(facts)?;
    let offset = facts.iter().find_map(|entry| match &entry.fact {
        Fact::Acked {
            record: of, offset, ..
        } if *of == record => Some(*offset),
        _ => None,
    })?;
    let number = partition.partition;
    let mut moments = Vec::new();
    for entry in facts {
        let what = match &entry.fact {
            Fact::RecordCreated { record: of, .. } if *of == record => {
                format!("sends record {} to partition {number}", record.number)
            }
            Fact::Appended {
                partition: of,
                base_offset,
                last_offset,
                as_leader,
                ..
            } if *of == partition && (*base_offset..=*last_offset).contains(&offset) => {
                match as_leader {
                    true => format!(
                        "leads partition {number}, appends it at offset {offset}: it is stored"
                    ),
                    false => "follows, and has copied it".to_owned(),
                }
            }
            Fact::HighWatermarkMoved {
                partition: of,
                high_watermark,
                as_leader: true,
            } if *of == partition && *high_watermark > offset && !has(&moments, COMMITTED) => {
                COMMITTED.to_owned()
            }
            Fact::Acked { record: of, .. } if *of == record => {
                format!("gets the answer: acknowledged, stored at offset {offset}")
            }
            Fact::Consumed {
                partition: of,
                offset: at,
                content: what,
                ..
            } if *of == partition && *at == offset && *what == content => READ.to_owned(),
            _ => continue,
        };
        moments.push(Moment {
            time: entry.time,
            node: entry.node.to_string(),
            what,
        });
    }
    has(&moments, READ).then_some(moments)
}

const COMMITTED: &str = "now knows that all of them have it: it is committed";

const READ: &str = "reads it, and takes nothing out of the log";

fn has(moments: &[Moment], what: &str) -> bool {
    moments.iter().any(|it| it.what == what)
}

/// A record in the middle of a quiet time.
fn wanted(facts: &[TraceEntry]) -> Option<(RecordId, TopicPartition, u64)> {
    facts.iter().find_map(|entry| match &entry.fact {
        Fact::RecordCreated {
            record,
            partition,
            content,
            ..
        } if record.number == NUMBER => Some((record.clone(), partition.clone(), *content)),
        _ => None,
    })
}
