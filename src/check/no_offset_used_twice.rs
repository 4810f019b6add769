//! R11 (ConsistentRead; Jepsen's inconsistent offsets, J5): once a consumer has seen a record at an offset,
//! no consumer ever sees another there.
//!
//! Looks at everything that consumers got, and at the end at the log that counts. Two things break it in
//! real Kafka. After an unclean election the new leader gives offsets away again that the old one had
//! filled: that is what such an election means, so these are told in figures and held against nobody. And
//! what stood in page caches only is gone when every in-sync replica loses power: a plan that brings that
//! about says `offsets used twice`, which takes this property's place.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Fact, Routine, StateWriteReason, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::fmt;

const NAME: &str = "no offset is used twice";

#[derive(Debug, Default)]
pub(super) struct NoOffsetUsedTwice {
    reads: OffsetsRead,
}

impl Property for NoOffsetUsedTwice {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Consumed]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let reuse = self.reads.learn(&entry.fact)?;
        let sentence = format!(
            "{} read {} from {} offset {}, where {} was read before",
            entry.node, reuse.second, reuse.partition, reuse.offset, reuse.first
        );
        (!reuse.after_unclean_election).then(|| {
            Violation::at(NAME, entry, sentence)
                .of(&reuse.partition)
                .about([reuse.first.content, reuse.second.content])
        })
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.reads.seen.keys().cloned().collect()
    }

    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        let found = self.reads.look_at_log(partition, end).into_iter();
        let first = found.filter(|(_, reuse)| !reuse.after_unclean_election);
        let violations = first.take(1).map(|(broker, reuse)| {
            let sentence = format!(
                "{} was read from {partition} offset {}, where broker-{broker} holds {}",
                reuse.first, reuse.offset, reuse.second
            );
            Violation::finally(NAME, sentence)
                .of(partition)
                .about([reuse.first.content, reuse.second.content])
                .with([broker])
        });
        violations.collect()
    }

    fn figures(&self) -> String {
        let reads = self.reads.count;
        let after_unclean_elections = self.reads.twice.values().filter(|unclean| **unclean);
        match after_unclean_elections.count() {
            0 => counted(reads, "read"),
            twice => format!(
                "{}; used again after an unclean election: {twice}",
                counted(reads, "read")
            ),
        }
    }
}

/// What consumers saw, and which offsets turned out to hold something else.
#[derive(Clone, Debug, Default)]
pub(super) struct OffsetsRead {
    seen: BTreeMap<TopicPartition, Seen>,
    /// With another content than before, and whether an unclean election was the first cause.
    twice: BTreeMap<(TopicPartition, i64), bool>,
    /// Records that consumers got.
    pub(super) count: u64,
}

/// One partition, as consumers saw it.
#[derive(Clone, Debug, Default)]
struct Seen {
    unclean_elections: u32,
    records: RecordsRead,
}

/// A record by what a reader sees of it. A log never changes the epoch of what it holds: records of two
/// epochs are two records, though their content be the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Identity {
    content: u64,
    leader_epoch: i32,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} of epoch {}", self.content, self.leader_epoch)
    }
}

/// What was read last at an offset, and how many unclean elections had been by then. Flat, since there is one for
/// every record that anybody reads.
#[derive(Clone, Copy, Debug)]
struct Read {
    content: u64,
    leader_epoch: i32,
    unclean_elections: u32,
}

impl Read {
    fn record(self) -> Identity {
        Identity {
            content: self.content,
            leader_epoch: self.leader_epoch,
        }
    }
}

/// By offset. Nearly all is read in order: runs of adjacent offsets, by the first of each.
#[derive(Clone, Debug, Default)]
struct RecordsRead(BTreeMap<i64, Vec<Read>>);

impl RecordsRead {
    /// Answers what was read there before.
    fn insert(&mut self, offset: i64, read: Read) -> Option<Read> {
        if let Some((first, run)) = self.0.range_mut(..=offset).next_back() {
            let place = (offset - first) as usize;
            if let Some(before) = run.get_mut(place) {
                return Some(std::mem::replace(before, read));
            }
            if place == run.len() {
                run.push(read);
                return None;
            }
        }
        self.0.insert(offset, vec![read]);
        None
    }

    fn iter(&self) -> impl Iterator<Item = (i64, Read)> {
        let runs = self.0.iter();
        runs.flat_map(|(first, run)| (*first..).zip(run.iter().copied()))
    }
}

/// An offset at which another record stands than was read there before.
pub(super) struct Reuse {
    partition: TopicPartition,
    offset: i64,
    first: Identity,
    second: Identity,
    after_unclean_election: bool,
}

impl OffsetsRead {
    pub(super) fn learn(&mut self, fact: &Fact) -> Option<Reuse> {
        match fact {
            Fact::StateWritten {
                partition,
                reason: StateWriteReason::UncleanElection,
                ..
            } => {
                self.seen(partition).unclean_elections += 1;
                None
            }
            Fact::Consumed {
                partition,
                offset,
                content,
                leader_epoch,
            } => {
                self.count += 1;
                let seen = self.seen(partition);
                let now = Read {
                    content: *content,
                    leader_epoch: *leader_epoch,
                    unclean_elections: seen.unclean_elections,
                };
                let before = seen.records.insert(*offset, now).unwrap_or(now);
                if before.record() == now.record() {
                    return None;
                }
                let after_unclean_election = before.unclean_elections < now.unclean_elections;
                let place = (partition.clone(), *offset);
                self.twice.entry(place).or_insert(after_unclean_election);
                Some(Reuse {
                    partition: partition.clone(),
                    offset: *offset,
                    first: before.record(),
                    second: now.record(),
                    after_unclean_election,
                })
            }
            _ => None,
        }
    }

    /// What was read, against the logs that count in the end.
    pub(super) fn look_at_logs(&mut self, end: &EndOfRun<'_>) {
        let partitions: Vec<TopicPartition> = self.seen.keys().cloned().collect();
        for partition in &partitions {
            self.look_at_log(partition, end);
        }
    }

    fn look_at_log(
        &mut self,
        partition: &TopicPartition,
        end: &EndOfRun<'_>,
    ) -> Vec<(BrokerId, Reuse)> {
        let (Some(seen), Some((broker, log))) =
            (self.seen.get(partition), end.authority(partition))
        else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (offset, read) in seen.records.iter() {
            let record = read.record();
            let stored = log.at(offset).map_or(record, |stored| Identity {
                content: stored.content,
                leader_epoch: stored.leader_epoch,
            });
            if stored != record {
                let after_unclean_election = read.unclean_elections < seen.unclean_elections;
                let place = (partition.clone(), offset);
                self.twice.entry(place).or_insert(after_unclean_election);
                let reuse = Reuse {
                    partition: partition.clone(),
                    offset,
                    first: record,
                    second: stored,
                    after_unclean_election,
                };
                found.push((broker, reuse));
            }
        }
        found
    }

    /// Offsets at which two records were seen.
    pub(super) fn used_twice(&self) -> u64 {
        self.twice.len() as u64
    }

    fn seen(&mut self, partition: &TopicPartition) -> &mut Seen {
        self.seen.entry(partition.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, batch, consumed, state};

    #[test]
    fn r11_fires_when_two_consumers_see_different_records() {
        let scene = Scene::new();
        let mut property = alone(NoOffsetUsedTwice::default());
        let fine = [
            scene.fact("c-1", consumed("t-0", 3, "a")),
            scene.fact("c-2", consumed("t-0", 3, "a")),
            scene.fact("c-2", consumed("t-1", 3, "b")),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let other = [scene.fact("c-2", consumed("t-0", 3, "b"))];
        assert!(property.after_event(&other, &scene).is_some());
    }

    #[test]
    fn r11_fires_when_an_equal_record_of_another_epoch_stands_there() {
        let scene = Scene::new();
        let mut property = alone(NoOffsetUsedTwice::default());
        let mut other = consumed("t-0", 3, "a");
        if let Fact::Consumed { leader_epoch, .. } = &mut other {
            *leader_epoch += 1;
        }
        let facts = [
            scene.fact("c-1", consumed("t-0", 3, "a")),
            scene.fact("c-2", other),
        ];
        assert!(property.after_event(&facts, &scene).is_some());
    }

    #[test]
    fn r11_tells_but_does_not_hold_against_it_what_an_unclean_election_does() {
        let scene = Scene::new();
        let mut property = alone(NoOffsetUsedTwice::default());
        let mut unclean = state("t-0", 2, 5, &[2]);
        if let Fact::StateWritten { reason, .. } = &mut unclean {
            *reason = StateWriteReason::UncleanElection;
        }
        let facts = [
            scene.fact("c-1", consumed("t-0", 3, "a")),
            scene.fact("broker-3", unclean),
            scene.fact("c-1", consumed("t-0", 3, "b")),
        ];
        assert_eq!(property.after_event(&facts, &scene), None);
        assert_eq!(
            property.figures(),
            "2 reads; used again after an unclean election: 1"
        );
        let other = [scene.fact("c-2", consumed("t-0", 3, "c"))];
        assert!(property.after_event(&other, &scene).is_some());
    }

    #[test]
    fn r11_fires_when_the_log_holds_another_record_in_the_end() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.store(1, "t-0", batch(0, 1, &["a", "b"]));
        let mut property = alone(NoOffsetUsedTwice::default());
        property.after_event(&[scene.fact("c-1", consumed("t-0", 1, "b"))], &scene);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)), []);
        property.after_event(&[scene.fact("c-1", consumed("t-0", 0, "x"))], &scene);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)).len(), 1);
    }
}
