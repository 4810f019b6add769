//! What groups and the services of their applications did: records processed, and processed again; calls; and how far
//! each group was behind, over time.

use crate::check::CommittedOffsets;
use crate::kernel::Time;
use crate::protocol::{ApplicationFact, Fact, GroupFact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What the facts of a run say of its groups.
#[derive(Clone, Debug, Default)]
pub struct GroupsTold {
    groups: BTreeMap<Rc<str>, GroupTotals>,
    /// By name.
    pub services: BTreeMap<Rc<str>, Repeated>,
    /// By the consumer whose application sends on what it reads.
    pub forwarded: BTreeMap<Rc<str>, Repeated>,
    committed: CommittedOffsets,
    /// By group: partitions that somebody of it was given, or named.
    reads: BTreeMap<Rc<str>, BTreeSet<TopicPartition>>,
    /// What consumers may read up to.
    ends: BTreeMap<TopicPartition, i64>,
    clock: Clock,
}

#[derive(Clone, Debug, Default)]
pub struct GroupTotals {
    pub processed: Repeated,
    /// At each time of the clock; `None` while something that it reads has no commit (CG47).
    lag: Vec<Option<i64>>,
}

/// Something that is done with records, and again with some.
#[derive(Clone, Debug, Default)]
pub struct Repeated {
    pub times: u64,
    pub again: u64,
    seen: BTreeMap<TopicPartition, Offsets>,
}

/// Times at which lags are noted: each second, and when they are many, less often.
#[derive(Clone, Debug)]
struct Clock {
    every: u64,
    next: u64,
    times: Vec<Time>,
}

/// So many at most are kept.
const MOST: usize = 256;
const SECOND: u64 = 1_000_000_000;

impl Default for Clock {
    fn default() -> Self {
        Clock {
            every: SECOND,
            next: SECOND,
            times: Vec::new(),
        }
    }
}

impl GroupsTold {
    pub(super) fn fact(&mut self, entry: &TraceEntry) {
        if entry.time.0 >= self.clock.next {
            self.note_lags(entry.time);
        }
        match &entry.fact {
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            }
            // What it knows to be committed may be less than a leader before it said.
            | Fact::BecameLeader {
                partition,
                high_watermark,
                ..
            } => match self.ends.get_mut(partition) {
                Some(end) => *end = *high_watermark,
                None => {
                    self.ends.insert(partition.clone(), *high_watermark);
                }
            },
            Fact::Group(fact @ GroupFact::OffsetCommitted { group, .. }) => {
                self.group(group);
                self.committed.learn(fact);
            }
            Fact::Group(fact @ (GroupFact::OffsetExpired { .. } | GroupFact::Loaded { .. })) => {
                self.committed.learn(fact);
            }
            // One whose members never were done with a record is a group too.
            Fact::Group(
                GroupFact::PartitionsAssigned {
                    group, partitions, ..
                }
                | GroupFact::AssignedByHand {
                    group, partitions, ..
                },
            ) if !partitions.is_empty() => {
                self.group(group);
                let reads = self.reads.entry(Rc::clone(group)).or_default();
                reads.extend(partitions.iter().cloned());
            }
            Fact::Group(GroupFact::Processed {
                group,
                partition,
                offset,
            }) => self.group(group).processed.add(partition, *offset),
            Fact::Application(ApplicationFact::ServiceCalled {
                partition, offset, ..
            }) => {
                let calls = self.services.entry(Rc::clone(&entry.node)).or_default();
                calls.add(partition, *offset);
            }
            Fact::Application(ApplicationFact::Forwarded {
                partition, offset, ..
            }) => {
                let sent = self.forwarded.entry(Rc::clone(&entry.node)).or_default();
                sent.add(partition, *offset);
            }
            _ => {}
        }
    }

    /// The run lasts until then.
    pub(super) fn end(&mut self, end: Time) {
        if end.0 >= self.clock.next {
            self.note_lags(end);
        }
    }

    /// Groups by name.
    pub fn groups(&self) -> impl Iterator<Item = (&Rc<str>, &GroupTotals)> {
        self.groups.iter()
    }

    /// How many committed records a group had not read at each time, by its commits. Nobody knows it of a partition in
    /// which there is something, and where nothing is committed.
    pub fn lag_of<'a>(
        &'a self,
        totals: &'a GroupTotals,
    ) -> impl Iterator<Item = (Time, Option<i64>)> + 'a {
        let times = self.clock.times.iter().copied();
        times.zip(totals.lag.iter().copied())
    }

    /// What groups and services did, a line each; then the lags as a table.
    pub(super) fn in_words(&self) -> String {
        let mut text = String::new();
        let again = |of: &Repeated, what: &str| match of.again {
            0 => String::new(),
            again => format!(", of these {again} {what}"),
        };
        for (name, totals) in &self.groups {
            let done = &totals.processed;
            let twice = again(done, "that had been processed before");
            text.push_str(&format!(
                "group {name}: records processed {}{twice}\n",
                done.times
            ));
        }
        for (name, sent) in &self.forwarded {
            let twice = again(sent, "that it had sent on before");
            text.push_str(&format!("{name}: records sent on {}{twice}\n", sent.times));
        }
        for (name, calls) in &self.services {
            let twice = again(calls, "for a record that it had been called for before");
            text.push_str(&format!("{name}: called {} times{twice}\n", calls.times));
        }
        text + &self.lags_in_words()
    }

    fn lags_in_words(&self) -> String {
        const COLUMNS: usize = 10;
        let shown = |name: &str, group: &GroupTotals| {
            group.lag.iter().any(Option::is_some) || self.committed.of_group(name).next().is_some()
        };
        if !self.groups.iter().any(|(name, group)| shown(name, group)) {
            return String::new();
        }
        let count = self.clock.times.len();
        let step = count.div_ceil(COLUMNS).max(1);
        // The last column is the end.
        let first = count.saturating_sub(1) % step;
        let places: Vec<usize> = (first..count).step_by(step).collect();
        let seconds = |time: &Time| format!("{} s", time.0 / SECOND);
        let times = places
            .iter()
            .map(|place| seconds(&self.clock.times[*place]));
        let mut rows = vec![(
            "lag at".to_owned(),
            times.collect::<Vec<_>>(),
            String::new(),
        )];
        for (name, group) in self
            .groups
            .iter()
            .filter(|(name, group)| shown(name, group))
        {
            let cell = |lag: &Option<i64>| lag.map_or_else(|| "-".to_owned(), |it| it.to_string());
            let cells = places.iter().map(|place| cell(&group.lag[*place]));
            let known = self
                .lag_of(group)
                .filter_map(|(time, lag)| Some((lag?, time)));
            // The first of equals.
            let most = known.fold(None, |most: Option<(i64, Time)>, it| match most {
                Some(most) if most.0 >= it.0 => Some(most),
                _ => Some(it),
            });
            let mut said = most.map_or_else(String::new, |(lag, time)| {
                format!("   most {lag}, at {}", seconds(&time))
            });
            let unknown: Vec<&TopicPartition> = self.without_commit(name).collect();
            if let [first, rest @ ..] = &unknown[..] {
                said += &format!("   nothing committed in {first}");
                if !rest.is_empty() {
                    said += &format!(" and {} more", rest.len());
                }
            }
            rows.push((format!("group {name}"), cells.collect(), said));
        }
        let names = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        let cells = rows.iter().flat_map(|(_, cells, _)| cells);
        let wide = cells.map(String::len).max().unwrap_or(0);
        let mut text = String::new();
        for (name, cells, said) in rows {
            let cells: String = cells
                .iter()
                .map(|cell| format!("  {cell:>wide$}"))
                .collect();
            text.push_str(&format!("{name:names$}{cells}{said}\n"));
        }
        text
    }

    fn group(&mut self, name: &Rc<str>) -> &mut GroupTotals {
        let times = self.clock.times.len();
        let fresh = || GroupTotals {
            lag: vec![None; times],
            ..GroupTotals::default()
        };
        self.groups.entry(Rc::clone(name)).or_insert_with(fresh)
    }

    /// Partitions that a group reads, in which there is something, and in which it has committed nothing.
    fn without_commit<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a TopicPartition> {
        let reads = self.reads.get(group).into_iter().flatten();
        reads.filter(move |partition| {
            let has_records = self.ends.get(*partition).is_some_and(|end| *end > 0);
            has_records && self.committed.of(group, partition).is_none()
        })
    }

    /// What was so at each time of the clock up to now.
    fn note_lags(&mut self, now: Time) {
        let lag = |group: &Rc<str>| {
            if self.without_commit(group).next().is_some() {
                return None;
            }
            let mut of_each = self
                .committed
                .of_group(group)
                .map(|(partition, committed)| {
                    let end = self.ends.get(partition).copied().unwrap_or(committed);
                    (end - committed).max(0)
                });
            of_each.next().map(|first| first + of_each.sum::<i64>())
        };
        let lags: Vec<Option<i64>> = self.groups.keys().map(lag).collect();
        while self.clock.next <= now.0 {
            self.clock.times.push(Time(self.clock.next));
            for (group, lag) in self.groups.values_mut().zip(&lags) {
                group.lag.push(*lag);
            }
            if self.clock.times.len() == MOST {
                self.clock.every *= 2;
                keep_every_second(&mut self.clock.times);
                for group in self.groups.values_mut() {
                    keep_every_second(&mut group.lag);
                }
            }
            let last = self.clock.times.last().map_or(0, |time| time.0);
            self.clock.next = last + self.clock.every;
        }
    }
}

impl Repeated {
    fn add(&mut self, partition: &TopicPartition, offset: i64) {
        self.times += 1;
        let is_new = match self.seen.get_mut(partition) {
            Some(seen) => seen.insert(offset),
            None => {
                let seen = self.seen.entry(partition.clone()).or_default();
                seen.insert(offset)
            }
        };
        self.again += u64::from(!is_new);
    }
}

fn keep_every_second<T>(items: &mut Vec<T>) {
    let mut place = 0;
    items.retain(|_| {
        place += 1;
        place % 2 == 0
    });
}

/// A set of offsets, which hardly ever have gaps: first and end of each run of them.
#[derive(Clone, Debug, Default)]
struct Offsets(BTreeMap<i64, i64>);

impl Offsets {
    /// True if it was not there.
    fn insert(&mut self, offset: i64) -> bool {
        let before = self.0.range_mut(..=offset).next_back();
        match before {
            Some((_, end)) if offset < *end => return false,
            Some((_, end)) if offset == *end => *end = offset + 1,
            _ => {
                self.0.insert(offset, offset + 1);
            }
        }
        if let Some(behind) = self.0.remove(&(offset + 1))
            && let Some((_, end)) = self.0.range_mut(..=offset).next_back()
        {
            *end = behind;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seconds: u64, fact: Fact) -> TraceEntry {
        TraceEntry {
            event: 1,
            time: Time(seconds * SECOND),
            node: "n".into(),
            fact,
        }
    }

    fn end(seconds: u64, high_watermark: i64) -> TraceEntry {
        let partition = TopicPartition::new("t", 0);
        entry(
            seconds,
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            },
        )
    }

    fn committed(seconds: u64, offset: i64) -> TraceEntry {
        entry(
            seconds,
            Fact::Group(GroupFact::OffsetCommitted {
                group: "g".into(),
                partition: TopicPartition::new("t", 0),
                offset,
                of_generation: 1,
                in_generation: 1,
            }),
        )
    }

    #[test]
    fn a_lag_is_what_is_committed_in_the_log_and_not_by_the_group() {
        let mut told = GroupsTold::default();
        for it in [
            end(0, 10),
            committed(2, 4),
            end(4, 16),
            committed(5, 16),
            end(9, 20),
        ] {
            told.fact(&it);
        }
        let (_, totals) = told.groups().next().unwrap();
        let lags: Vec<_> = told.lag_of(totals).map(|(_, lag)| lag).collect();
        let six = Some(6);
        assert_eq!(
            lags,
            [
                None,
                None,
                six,
                six,
                Some(12),
                Some(0),
                Some(0),
                Some(0),
                Some(0)
            ]
        );
        assert_eq!(
            told.lags_in_words(),
            "lag at   1 s  2 s  3 s  4 s  5 s  6 s  7 s  8 s  9 s\n\
             group g    -    -    6    6   12    0    0    0    0   most 12, at 5 s\n"
        );
    }

    #[test]
    fn cg47_a_lag_is_unknown_while_something_has_no_commit_and_is_told_until_the_end() {
        let mut told = GroupsTold::default();
        let of = |number| TopicPartition::new("t", number);
        let given = |seconds, partitions: &[i32]| {
            entry(
                seconds,
                Fact::Group(GroupFact::AssignedByHand {
                    group: "g".into(),
                    partitions: partitions.iter().map(|it| of(*it)).collect(),
                    commits_nothing: false,
                }),
            )
        };
        let other_end = Fact::HighWatermarkMoved {
            partition: of(1),
            high_watermark: 3,
            as_leader: true,
        };
        // t-2 is given too, and there is nothing in it.
        for it in [
            given(0, &[0, 1, 2]),
            end(0, 10),
            committed(1, 4),
            entry(3, other_end),
        ] {
            told.fact(&it);
        }
        let mut known = told.clone();
        told.end(Time(6 * SECOND));
        assert_eq!(
            told.lags_in_words(),
            "lag at   1 s  2 s  3 s  4 s  5 s  6 s\n\
             group g    -    6    6    -    -    -   most 6, at 2 s   nothing committed in t-1\n"
        );
        known.fact(&entry(
            5,
            Fact::Group(GroupFact::OffsetCommitted {
                group: "g".into(),
                partition: of(1),
                offset: 1,
                of_generation: -1,
                in_generation: 1,
            }),
        ));
        known.end(Time(6 * SECOND));
        assert_eq!(
            known.lags_in_words(),
            "lag at   1 s  2 s  3 s  4 s  5 s  6 s\n\
             group g    -    6    6    -    -    8   most 8, at 6 s\n"
        );
    }

    #[test]
    fn a_long_run_is_looked_at_less_often() {
        let mut told = GroupsTold::default();
        told.fact(&committed(0, 0));
        told.fact(&end(100_000, 5));
        assert!(told.clock.times.len() < MOST);
        let (_, totals) = told.groups().next().unwrap();
        assert_eq!(totals.lag.len(), told.clock.times.len());
        assert!(told.clock.every >= 400 * SECOND);
    }

    #[test]
    fn what_is_done_with_a_record_again_is_counted() {
        let mut offsets = Offsets::default();
        let mut seen = BTreeSet::new();
        for offset in [5, 3, 4, 9, 4, 8, 7, 6, 5, 10, 0, 0] {
            assert_eq!(offsets.insert(offset), seen.insert(offset), "{offset}");
        }
        assert_eq!(offsets.0, BTreeMap::from([(0, 1), (3, 11)]));
    }
}
