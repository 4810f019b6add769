//! What matters around a moment: what the run does to machines and what nodes then decide, notice and refuse, and one
//! record, which waits at that moment if one does. Never many of the same; what else happened is counted.

use super::{OfConcern, of_record};
use crate::figure::short::short;
use crate::figure::why::name_of;
use crate::figure::{Nothing, Recording};
use crate::kernel::{Duration, Time};
use crate::protocol::{Fact, RecordId, StateWriteReason, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What is further away is another story, but for the record's own.
pub(in crate::figure) const NEAR: Duration = Duration::from_secs(10);
/// So much that is not of the record, at most.
const MOST: usize = 14;
/// Of the same sort, from one process and from all.
const OF_ONE: usize = 2;
const OF_ALL: usize = 3;
/// So many processes, at most, which have a lane each.
const LANES: usize = 7;

/// What is to be shown, the partition that it is about, and how much of its kind is not.
pub(super) struct Found<'a> {
    pub facts: OfConcern<'a>,
    pub partition: Option<TopicPartition>,
    pub left_out: usize,
}

pub(super) fn of_moment(recording: &Recording, moment: Time) -> Result<Found<'_>, Nothing> {
    let (mut facts, partition) = match record(recording, moment) {
        Some((record, told)) => {
            let (mut facts, partition) = of_record(recording, record)?;
            let last = Time(told.max(moment).0 + NEAR.0);
            facts.retain(|it| it.time <= last);
            // A record that failed before its producer knew of any partition has none.
            (facts, partition.filter(|it| it.partition >= 0))
        }
        None => (Vec::new(), None),
    };
    let mut near: Vec<&TraceEntry> = recording
        .facts
        .iter()
        .filter(|it| distance(it, moment) <= NEAR && !it.fact.is_routine())
        .filter(|it| matches!(it.fact, Fact::TimelineEvent { .. }) || short(&it.fact).is_some())
        .filter(|it| !facts.iter().any(|known| std::ptr::eq(*known, *it)))
        .collect();
    if facts.is_empty() && near.is_empty() {
        return Err(Nothing {
            found: format!(
                "nothing but routine happens within {} s of that time",
                NEAR.0 / 1_000_000_000
            ),
            expected: format!("a time up to {} s", recording.end.0 / 1_000_000_000),
        });
    }
    let all = near.len();
    near.sort_by_key(|it| (!turns(&it.fact), distance(it, moment), it.event));
    let mut lanes: BTreeSet<Rc<str>> = facts.iter().map(|it| it.node.clone()).collect();
    let mut same: BTreeMap<String, Vec<Rc<str>>> = BTreeMap::new();
    let mut taken = 0;
    for entry in near {
        let fits = entry.node.starts_with("operator")
            || lanes.contains(&entry.node)
            || lanes.len() < LANES;
        let like = same.entry(name_of(&entry.fact)).or_default();
        let of_node = like.iter().filter(|it| **it == entry.node).count();
        if taken < MOST && fits && of_node < OF_ONE && like.len() < OF_ALL {
            like.push(entry.node.clone());
            if &*entry.node != "operator" {
                lanes.insert(entry.node.clone());
            }
            facts.push(entry);
            taken += 1;
        }
    }
    facts.sort_by_key(|it| it.event);
    Ok(Found {
        facts,
        partition,
        left_out: all - taken,
    })
}

fn distance(entry: &TraceEntry, moment: Time) -> Duration {
    Duration(entry.time.0.abs_diff(moment.0))
}

/// At this the course of things turns; not at what each cluster begins with.
fn turns(fact: &Fact) -> bool {
    let begins = matches!(
        fact,
        Fact::StateWritten {
            reason: StateWriteReason::NewPartition,
            ..
        } | Fact::BecameLeader {
            leader_epoch: 0,
            ..
        } | Fact::ControllerElected {
            controller_epoch: 1
        }
    );
    let turns = matches!(
        fact,
        Fact::TimelineEvent { .. }
            | Fact::Crashed
            | Fact::PowerFailed
            | Fact::Paused
            | Fact::Resumed
            | Fact::Exiting { .. }
            | Fact::StateWritten { .. }
            | Fact::ElectionFailed { .. }
            | Fact::BecameLeader { .. }
            | Fact::IsrChanged { .. }
            | Fact::Truncated { .. }
            | Fact::ControllerElected { .. }
            | Fact::SessionExpired { .. }
            | Fact::ZooKeeperLeads { .. }
            | Fact::ZooKeeperLeaves { .. }
            | Fact::ProduceRefused { .. }
            | Fact::Bootstrapped { .. }
            | Fact::BootstrapFailed { .. }
            | Fact::Failed { .. }
            | Fact::Retrying { .. }
            | Fact::BrokerNotReached { .. }
            | Fact::LogDirFailed { .. }
    );
    turns && !begins
}

/// Of those that wait then, or within the time that is near, the one that waits longest, and when its producer is told.
fn record(recording: &Recording, moment: Time) -> Option<(&RecordId, Time)> {
    let mut made: BTreeMap<&RecordId, Time> = BTreeMap::new();
    let mut longest: Option<(Duration, &RecordId, Time)> = None;
    for entry in &recording.facts {
        let (record, since) = match &entry.fact {
            Fact::RecordCreated { record, .. } => {
                made.insert(record, entry.time);
                continue;
            }
            Fact::Acked {
                record,
                latency_ns,
                offset: 0..,
                ..
            } => (record, Time(entry.time.0.saturating_sub(*latency_ns))),
            Fact::Failed { record, .. } => match made.get(record) {
                Some(since) => (record, *since),
                None => continue,
            },
            _ => continue,
        };
        let is_near = entry.time >= moment && since.since(moment) <= NEAR;
        let waits = entry.time.since(since);
        if is_near && longest.is_none_or(|it| it.0 < waits) {
            longest = Some((waits, record, entry.time));
        }
    }
    longest.map(|(_, record, told)| (record, told))
}
