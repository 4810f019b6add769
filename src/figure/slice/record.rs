//! What belongs to one record: how it came to be, each copy of it with who stored, committed and read that, and what befell
//! its partition until it was known what became of it.
//!
//! Where a copy lies is known by what its producer was told, and by what readers found there.

use super::OfConcern;
use crate::figure::{Nothing, Recording};
use crate::protocol::{Fact, GroupFact, RecordId, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

/// So many readers of a copy are shown, and groups that go on behind it.
const READERS: usize = 2;

/// What happened to a record, and to its partition meanwhile.
pub(super) fn of_record<'a>(
    recording: &'a Recording,
    record: &RecordId,
) -> Result<(OfConcern<'a>, Option<TopicPartition>), Nothing> {
    let mut made = None;
    let mut is_acked = false;
    // Each offset at which it lies, and in which epoch: as its producer was told, and as readers have found it.
    let mut stored: BTreeMap<i64, i32> = BTreeMap::new();
    let mut found_by_readers: BTreeMap<i64, i32> = BTreeMap::new();
    // Others may say the same.
    let mut is_like_others = false;
    let mut appended: BTreeMap<i64, i32> = BTreeMap::new();
    for (place, entry) in recording.facts.iter().enumerate() {
        match &entry.fact {
            Fact::RecordCreated {
                record: it,
                partition,
                content,
                ..
            } if it == record => made = Some((place, partition, *content)),
            Fact::RecordCreated {
                partition, content, ..
            } if made.is_some_and(|(_, of, it)| of == partition && it == *content) => {
                is_like_others = true;
            }
            Fact::Appended {
                partition,
                base_offset,
                last_offset,
                leader_epoch,
                as_leader: true,
                ..
            } if made.is_some_and(|(_, of, _)| of == partition) && !is_acked => {
                let offsets = *base_offset..=*last_offset;
                appended.extend(offsets.map(|it| (it, *leader_epoch)));
            }
            Fact::Acked {
                record: it,
                offset: at,
                ..
            } if it == record && *at >= 0 => {
                is_acked = true;
                stored.extend(appended.get(at).map(|epoch| (*at, *epoch)));
            }
            Fact::Consumed {
                partition,
                offset,
                leader_epoch,
                content,
            } if made.is_some_and(|(_, of, it)| of == partition && it == *content) => {
                found_by_readers.insert(*offset, *leader_epoch);
            }
            _ => {}
        }
    }
    let Some((first, partition, content)) = made else {
        return Err(Nothing {
            found: format!(
                "{}#{} is not made in this run",
                record.producer, record.number
            ),
            expected: known_records(recording),
        });
    };
    let before = recording.facts[..first].iter();
    let mut alike = before.filter(|it| {
        matches!(&it.fact, Fact::RecordCreated { partition: of, content: it, .. } if of == partition && *it == content)
    });
    if !is_like_others && alike.next().is_none() {
        for (offset, epoch) in found_by_readers {
            stored.entry(offset).or_insert(epoch);
        }
    }
    let mut found: OfConcern<'a> = leaders_end(&recording.facts[..first], partition)
        .into_iter()
        .collect();
    let mut seen: BTreeSet<(&str, &str, Option<i64>)> = BTreeSet::new();
    let mut is_told = false;
    // It is committed, or gone.
    let mut is_settled = false;
    let mut last_read = None;
    for entry in &recording.facts[first..] {
        let fact = &entry.fact;
        let node = &*entry.node;
        // Another record may have its offset in a later epoch.
        let holds = |base: i64, last: i64, of: i32| {
            let mut within = stored.range(base..=last);
            within.find(|(_, epoch)| **epoch == of).map(|(it, _)| *it)
        };
        let below = |end: i64| stored.range(..end).next_back().map(|(it, _)| *it);
        let has_it = || {
            seen.iter()
                .any(|(of, it, _)| (*of, *it) == (node, "appended"))
        };
        let (once, which) = match fact {
            Fact::RecordCreated { record: it, .. } | Fact::Retrying { record: it, .. }
                if it == record =>
            {
                found.push(entry);
                continue;
            }
            Fact::Acked { record: it, .. } | Fact::Failed { record: it, .. } if it == record => {
                is_told = true;
                found.push(entry);
                continue;
            }
            Fact::Appended {
                partition: at,
                base_offset,
                last_offset,
                leader_epoch,
                ..
            } if at == partition && holds(*base_offset, *last_offset, *leader_epoch).is_some() => {
                ("appended", holds(*base_offset, *last_offset, *leader_epoch))
            }
            Fact::HighWatermarkMoved {
                partition: at,
                high_watermark,
                as_leader: true,
            } if at == partition && below(*high_watermark).is_some() && has_it() => {
                is_settled = true;
                ("committed", below(*high_watermark))
            }
            Fact::Consumed {
                partition: at,
                offset: it,
                content: of,
                ..
            } if at == partition && stored.contains_key(it) && *of == content => {
                last_read = Some(entry.time);
                ("consumed", Some(*it))
            }
            Fact::Group(GroupFact::OffsetCommitted {
                partition: at,
                offset: it,
                ..
            }) if at == partition && below(*it).is_some() && last_read.is_some() => {
                ("goes on", None)
            }
            // What came between, until its producer knows, and it is known what became of it.
            Fact::Crashed | Fact::PowerFailed | Fact::Paused | Fact::SessionExpired { .. }
                if !(is_told && is_settled) =>
            {
                ("fault", None)
            }
            Fact::BecameLeader { partition: at, .. }
            | Fact::StateWritten { partition: at, .. }
            | Fact::ProduceRefused { partition: at, .. }
                if at == partition && !(is_told && is_settled) =>
            {
                found.push(entry);
                continue;
            }
            Fact::Truncated {
                partition: at, to, ..
            } if at == partition && stored.range(*to..).next().is_some() && has_it() => {
                is_settled = true;
                ("cut", None)
            }
            _ => continue,
        };
        let is_one_of_many = matches!(once, "consumed" | "goes on");
        let others = seen
            .iter()
            .filter(|(_, it, of)| is_one_of_many && (*it, *of) == (once, which));
        if others.count() < READERS && seen.insert((node, once, which)) {
            found.push(entry);
        }
    }
    // What is long after the last reader is another story.
    if let Some(last) = last_read {
        const LATER: u64 = 10_000_000_000;
        found.retain(|entry| entry.time.0 <= last.0 + LATER);
    }
    Ok((found, Some(partition.clone())))
}

/// What has ended the partition's leader, if it is down.
fn leaders_end<'a>(facts: &'a [TraceEntry], partition: &TopicPartition) -> Option<&'a TraceEntry> {
    let mut leader = None;
    let mut ended = None;
    for entry in facts {
        let is_leader = leader.is_some_and(|it: &str| *it == *entry.node);
        match &entry.fact {
            Fact::BecameLeader { partition: at, .. } if at == partition => {
                (leader, ended) = (Some(&*entry.node), None);
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Paused | Fact::Exiting { .. }
                if is_leader =>
            {
                ended = Some(entry);
            }
            Fact::Started | Fact::Resumed if is_leader => ended = None,
            _ => {}
        }
    }
    ended
}

fn known_records(recording: &Recording) -> String {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &recording.facts {
        if let Fact::RecordCreated { record, .. } = &entry.fact {
            let number = last.entry(&record.producer).or_default();
            *number = record.number.max(*number);
        }
    }
    let known = last
        .iter()
        .take(6)
        .map(|(producer, number)| format!("{producer}#0 to #{number}"));
    match last.is_empty() {
        true => "a run with producers".to_owned(),
        false => format!("a record such as {}", known.collect::<Vec<_>>().join(", ")),
    }
}
