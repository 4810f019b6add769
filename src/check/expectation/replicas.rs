//! Expectations about replicas: the ISR, truncation, what is refused and what waits.

use super::history::{History, is, seconds, topic_partition, within};
use super::tally::Found;
use super::{Verdict, verdict_of};
use crate::check::logs_equal_below_high_watermark::Comparison;
use crate::kernel::Duration;
use crate::node::view::CommittedPartition;
use crate::plan::{Count, EventRef, Partition};
use crate::protocol::{BrokerId, Fact, counted};
use std::collections::BTreeSet;

pub(super) fn isr_shrinks(
    history: &History<'_>,
    partition: &Partition,
    limit: Duration,
    event: &EventRef,
) -> Verdict {
    let event = history.event(event)?;
    let mut before = history
        .state_before(partition, event)
        .map_or(&[][..], |state| state.isr);
    for (_, state) in history
        .states(partition)
        .filter(|(index, _)| *index > event)
    {
        let left: Vec<_> = before.iter().filter(|id| !state.isr.contains(id)).collect();
        if !left.is_empty() {
            let what = format!("{left:?} left, {:?} stayed", state.isr);
            return within(history.time(event), state.time, limit, &what);
        }
        before = state.isr;
    }
    Err(format!("it stayed {before:?}"))
}

pub(super) fn isr_full_again(
    history: &History<'_>,
    partition: &Partition,
    limit: Duration,
    event: &EventRef,
) -> Verdict {
    let event = history.event(event)?;
    let replicas = replicas(history, partition)?;
    let is_full = |isr: &[BrokerId]| isr.len() == replicas.len();
    let before = history.state_before(partition, event);
    let mut was_smaller = before.is_some_and(|state| !is_full(state.isr));
    let mut last = before.map_or(&[][..], |state| state.isr);
    for (_, state) in history
        .states(partition)
        .filter(|(index, _)| *index > event)
    {
        if was_smaller && is_full(state.isr) {
            let what = format!("it was {:?} again", state.isr);
            return within(history.time(event), state.time, limit, &what);
        }
        was_smaller |= !is_full(state.isr);
        last = state.isr;
    }
    Err(if was_smaller {
        format!("at the end it is {last:?} of {replicas:?}")
    } else {
        "it was never smaller".to_owned()
    })
}

pub(super) fn isr_stays(history: &History<'_>, partition: &Partition) -> Verdict {
    let set = |isr: &[BrokerId]| isr.iter().copied().collect::<BTreeSet<_>>();
    let mut before: Option<BTreeSet<BrokerId>> = None;
    for (_, state) in history.states(partition) {
        let now = set(state.isr);
        let changed = before.as_ref().is_some_and(|before| *before != now);
        if changed && history.in_window(state.time) {
            let at = seconds(state.time.since(crate::kernel::Time::ZERO));
            return Err(format!("it became {:?} at {at}", state.isr));
        }
        before = Some(now);
    }
    match before {
        None => Err("there is no such partition".to_owned()),
        Some(isr) => Ok(format!("it is {isr:?}")),
    }
}

pub(super) fn isr_full(history: &History<'_>, partition: &Partition) -> Verdict {
    match history.end.partition(&topic_partition(partition)) {
        None => Err("there is no such partition".to_owned()),
        Some(state) => verdict_of(
            state.isr.len() == state.replicas.len(),
            format!("{:?} of {:?}", state.isr, state.replicas),
        ),
    }
}

pub(super) fn every_isr_full(history: &History<'_>) -> Verdict {
    let smaller = |state: &&CommittedPartition| state.isr.len() < state.replicas.len();
    let count = history.end.committed().count();
    match history.end.committed().find(smaller) {
        _ if count == 0 => Err("there is no partition".to_owned()),
        None => Ok(format!("all {count} are")),
        Some(state) => Err(format!(
            "that of {} is {:?} of {:?}",
            state.partition, state.isr, state.replicas
        )),
    }
}

pub(super) fn differ(history: &History<'_>, count: Count) -> Verdict {
    let comparison = Comparison::of(history.end);
    let differ = comparison.differences.iter();
    let offsets: BTreeSet<_> = differ.map(|one| (&one.partition, one.offset)).collect();
    let found = offsets.len() as u64;
    let equal = comparison.compared;
    verdict_of(
        count.holds(found),
        format!("{found}; equal are {} of records", counted(equal, "pair")),
    )
}

pub(super) fn truncates(history: &History<'_>, partition: &Partition) -> Verdict {
    let cut = history.window().find_map(|entry| match &entry.fact {
        Fact::Truncated {
            partition: cut,
            from,
            to,
            ..
        } if is(cut, partition) && to < from => {
            Some(format!("{} cut it from {from} to {to}", entry.node))
        }
        _ => None,
    });
    cut.ok_or_else(|| "none did".to_owned())
}

pub(super) fn refused(history: &History<'_>, partition: &Partition, error: &str) -> Verdict {
    let count = history
        .window()
        .filter(|entry| matches!(&entry.fact, Fact::ProduceRefused { partition: refused, error: with } if is(refused, partition) && with.name() == error))
        .count();
    verdict_of(
        count > 0,
        format!("{} refused so", counted(count, "request")),
    )
}

pub(super) fn stalls(history: &History<'_>) -> Verdict {
    match &history.tally.found {
        Found::Stalls(_, _, Some(stall)) => Ok(format!(
            "from {} on, for brokers {:?}",
            seconds(stall.at.since(crate::kernel::Time::ZERO)),
            stall.waits_for
        )),
        _ => Err("none waited long".to_owned()),
    }
}

fn replicas<'a>(history: &'a History<'_>, partition: &Partition) -> Result<&'a [BrokerId], String> {
    let state = history.end.partition(&topic_partition(partition));
    let state = state.ok_or_else(|| "there is no such partition".to_owned())?;
    Ok(&state.replicas)
}
