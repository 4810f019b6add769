//! What expectations take from the facts that every record brings (`Fact::is_routine`), as they are
//! stated: these are too many to be kept until the end.

use super::delays::Delays;
use super::history::{event_line, is, members, window};
use crate::check::latency::Latencies;
use crate::check::no_acknowledged_record_lost::Acknowledged as AcknowledgedRecords;
use crate::check::no_offset_used_twice::OffsetsRead;
use crate::check::zookeeper_past::Past;
use crate::kernel::Time;
use crate::plan::{EventRef, Expectation, Expected, Partition, Plan};
use crate::protocol::Fact;
use crate::trace::{Stall, StallReader, TraceEntry};

/// What one expectation has found so far.
#[derive(Debug)]
pub(super) struct Tally {
    from: Time,
    until: Time,
    /// Names of those whom it is about.
    members: Vec<String>,
    pub(super) found: Found,
}

#[derive(Debug)]
pub(super) enum Found {
    /// What is kept of the trace says all.
    Nothing,
    Acknowledged(AcknowledgedRecords),
    Latencies(Latencies),
    Offsets(OffsetsRead),
    /// Acknowledgements by the members.
    AcknowledgedBy(u64),
    AcknowledgedIn(Partition, u64),
    /// Records that the members read.
    Read(u64),
    /// How long records took to their readers.
    Delays(Delays),
    /// The first record that was handed over and acknowledged after an event.
    AcknowledgedAfter(Partition, After),
    /// The first record that a member read after an event.
    ReadAfter(After),
    /// The first acks=all write to it that stood still.
    Stalls(Box<StallReader>, Partition, Option<Stall>),
    /// What ZooKeeper has committed; when it was lost first, and how.
    Past(Past, Option<(Time, String)>),
}

/// What came first after an event of the timeline.
#[derive(Debug)]
pub(super) struct After {
    line: Option<u32>,
    end: bool,
    since: Option<Time>,
    pub(super) first: Option<Time>,
}

impl Tally {
    pub(super) fn of(plan: &Plan, expected: &Expected) -> Self {
        let after = |event: &EventRef| After {
            line: event_line(plan, event),
            end: event.end,
            since: None,
            first: None,
        };
        let mut whom = Vec::new();
        let mut about = |name: &str| whom = members(plan, name);
        use Expectation::*;
        let found = match &expected.what {
            NoneLost | Lost { .. } => Found::Acknowledged(AcknowledgedRecords::default()),
            UsedTwice { .. } => Found::Offsets(OffsetsRead::default()),
            ProduceLatency { .. } => Found::Latencies(Latencies::default()),
            Acknowledged { producer, .. } => {
                about(producer);
                Found::AcknowledgedBy(0)
            }
            NotAcknowledged { partition } | AcknowledgedIn { partition, .. } => {
                Found::AcknowledgedIn(partition.clone(), 0)
            }
            AcknowledgedAgain {
                partition, event, ..
            } => Found::AcknowledgedAfter(partition.clone(), after(event)),
            Stalls { partition } => Found::Stalls(Box::default(), partition.clone(), None),
            ZooKeeperLosesItsPast => Found::Past(Past::default(), None),
            Read { consumer, .. } => {
                about(consumer);
                Found::Read(0)
            }
            ReadsLater { .. } => Found::Delays(Delays::default()),
            ReadsAgain {
                consumer, event, ..
            } => {
                about(consumer);
                Found::ReadAfter(after(event))
            }
            _ => Found::Nothing,
        };
        let (from, until) = window(expected);
        Tally {
            from,
            until,
            members: whom,
            found,
        }
    }

    /// Whether it has to be told of anything.
    pub(super) fn looks(&self) -> bool {
        !matches!(self.found, Found::Nothing)
    }

    pub(super) fn learn(&mut self, entry: &TraceEntry) {
        let in_window = self.from <= entry.time && entry.time <= self.until;
        let members = &self.members;
        let of_member = || members.iter().any(|name| **name == *entry.node);
        let window = self.from..=self.until;
        match (&mut self.found, &entry.fact) {
            (Found::Stalls(reader, wanted, first), _) => {
                let begun = reader.pass(entry.time).into_iter();
                let mut of_writes = begun.filter(|stall| {
                    stall.write.is_some()
                        && is(&stall.partition, wanted)
                        && window.contains(&stall.at)
                });
                if let Some(stall) = of_writes.next() {
                    first.get_or_insert(stall);
                }
                reader.learn(entry);
            }
            (Found::Acknowledged(found), _) => found.learn(entry),
            (Found::Past(past, lost), fact) => {
                if let Some(how) = past.learn(fact) {
                    lost.get_or_insert((entry.time, format!("{} {how}", entry.node)));
                }
            }
            (Found::Offsets(found), fact) => {
                found.learn(fact);
            }
            (
                Found::Latencies(found),
                Fact::Acked {
                    latency_ns, offset, ..
                },
            ) if in_window && *offset >= 0 => found.push(*latency_ns),
            (Found::AcknowledgedBy(count), Fact::Acked { .. }) if in_window => {
                *count += u64::from(of_member());
            }
            (Found::AcknowledgedIn(wanted, count), Fact::Acked { partition, .. }) if in_window => {
                *count += u64::from(is(partition, wanted));
            }
            (Found::Delays(delays), _) => delays.learn(entry, in_window),
            (Found::Read(count), Fact::Consumed { .. }) if in_window => {
                *count += u64::from(of_member());
            }
            (
                Found::AcknowledgedAfter(_, after) | Found::ReadAfter(after),
                Fact::TimelineEvent {
                    entry: line, end, ..
                },
            ) if after.since.is_none() && after.line == Some(*line) && after.end == *end => {
                after.since = Some(entry.time);
            }
            (
                Found::AcknowledgedAfter(wanted, after),
                Fact::Acked {
                    partition,
                    latency_ns,
                    ..
                },
            ) if is(partition, wanted) => {
                // What was handed over before the event may have been on its way.
                let handed_over = Time(entry.time.0.saturating_sub(*latency_ns));
                after.comes(handed_over, entry.time);
            }
            (Found::ReadAfter(after), Fact::Consumed { .. }) if of_member() => {
                after.comes(entry.time, entry.time);
            }
            _ => {}
        }
    }
}

impl After {
    fn comes(&mut self, began: Time, now: Time) {
        if self.first.is_none() && self.since.is_some_and(|since| began >= since) {
            self.first = Some(now);
        }
    }
}
