//! Questions to the trace of a run, within the window of one expectation.

use super::tally::Tally;
use crate::check::end_of_run::EndOfRun;
use crate::kernel::{Duration, Time};
use crate::plan::{EventRef, Expected, Partition, Plan};
use crate::protocol::{BrokerId, Fact, TopicPartition};
use crate::trace::TraceEntry;

/// A run as an expectation looks at it.
pub(super) struct History<'a> {
    pub plan: &'a Plan,
    /// What is kept of the trace: see `Judge`.
    pub entries: &'a [TraceEntry],
    /// What was counted of the rest.
    pub tally: &'a Tally,
    /// Time of the last fact of all.
    pub last: Time,
    pub end: &'a EndOfRun<'a>,
    from: Time,
    until: Time,
}

/// A committed state of a partition.
#[derive(Clone, Copy)]
pub(super) struct State<'a> {
    pub time: Time,
    pub leader: BrokerId,
    pub isr: &'a [BrokerId],
}

impl<'a> History<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        (entries, last): (&'a [TraceEntry], Time),
        tally: &'a Tally,
        end: &'a EndOfRun<'a>,
        expected: &Expected,
    ) -> Self {
        let (from, until) = window(expected);
        History {
            plan,
            entries,
            tally,
            last,
            end,
            from,
            until,
        }
    }

    /// Entries of the window.
    pub(super) fn window(&self) -> impl Iterator<Item = &'a TraceEntry> {
        let (from, until) = (self.from, self.until);
        let entries = self.entries.iter();
        entries.filter(move |entry| from <= entry.time && entry.time <= until)
    }

    /// True for a time in the window.
    pub(super) fn in_window(&self, time: Time) -> bool {
        self.from <= time && time <= self.until
    }

    /// Index of the entry that states the event, if it took place.
    pub(super) fn event(&self, event: &EventRef) -> Result<usize, String> {
        let line = event_line(self.plan, event);
        let place = self.entries.iter().position(|entry| {
            matches!(entry.fact, Fact::TimelineEvent { entry, end, .. } if Some(entry) == line && end == event.end)
        });
        place.ok_or_else(|| format!("{event} did not take place"))
    }

    /// Time of an entry.
    pub(super) fn time(&self, index: usize) -> Time {
        self.entries[index].time
    }

    /// Every committed state of a partition, with the index of its entry.
    pub(super) fn states(
        &self,
        partition: &'a Partition,
    ) -> impl Iterator<Item = (usize, State<'a>)> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(move |(index, entry)| {
                let Fact::StateWritten {
                    partition: written,
                    leader,
                    isr,
                    ..
                } = &entry.fact
                else {
                    return None;
                };
                is(written, partition).then_some((
                    index,
                    State {
                        time: entry.time,
                        leader: *leader,
                        isr,
                    },
                ))
            })
    }

    /// The state that was committed last before an entry.
    pub(super) fn state_before(&self, partition: &'a Partition, index: usize) -> Option<State<'a>> {
        let before = self
            .states(partition)
            .take_while(|(place, _)| *place < index);
        before.last().map(|(_, state)| state)
    }

    /// Names of the clients that an expectation calls by one name.
    pub(super) fn members(&self, name: &str) -> Vec<String> {
        members(self.plan, name)
    }
}

/// From when until when an expectation looks.
pub(super) fn window(expected: &Expected) -> (Time, Time) {
    let time = |since_start: Duration| Time(since_start.0);
    (
        expected.from.map_or(Time::ZERO, time),
        expected.until.map_or(Time::MAX, time),
    )
}

/// Number of the timeline's line that an event is of.
pub(super) fn event_line(plan: &Plan, event: &EventRef) -> Option<u32> {
    let nouns = (0..).zip(&plan.timeline);
    let mut lines = nouns.filter(|(_, line)| line.action.noun() == event.noun);
    let nth = usize::from(event.ordinal.unwrap_or(1).max(1)) - 1;
    lines.nth(nth).map(|(number, _)| number)
}

/// Names of the clients that an expectation calls by one name.
pub(super) fn members(plan: &Plan, name: &str) -> Vec<String> {
    let producers = plan.producers.iter().map(|p| (&p.name, p.members()));
    let consumers = plan.consumers.iter().map(|c| (&c.name, c.members()));
    producers
        .chain(consumers)
        .find(|(group, _)| *group == name)
        .map_or_else(|| vec![name.to_owned()], |(_, members)| members)
}

/// The same partition, as the plan and as the protocol name it.
pub(super) fn is(a: &TopicPartition, b: &Partition) -> bool {
    a.partition == b.partition && *a.topic == *b.topic
}

pub(super) fn topic_partition(partition: &Partition) -> TopicPartition {
    TopicPartition::new(partition.topic.as_str(), partition.partition)
}

/// How long something took, against how long it might: "after 15.003 s".
pub(super) fn within(
    since: Time,
    until: Time,
    limit: Duration,
    what: &str,
) -> Result<String, String> {
    let took = until.since(since);
    let figures = format!("{what} after {}", seconds(took));
    if took <= limit {
        Ok(figures)
    } else {
        Err(figures)
    }
}

/// `15.003 s`.
pub(super) fn seconds(duration: Duration) -> String {
    let millis = duration.as_millis();
    format!("{}.{:03} s", millis / 1_000, millis % 1_000)
}
