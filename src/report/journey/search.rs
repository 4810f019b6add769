//! Which record is meant: found while the run is played for the first time. Also whose the other records are that
//! have the same key and value, so that none of them is taken for it.

use super::NoJourney;
use super::stored::{Stored, find_at};
use super::wanted::Wanted;
use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::plan::{Key, Plan};
use crate::protocol::{Fact, RecordId, TopicPartition, counted};
use crate::trace::{Observer, TraceEntry};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) struct Search<'a> {
    wanted: &'a Wanted,
    /// What each producer's records have as keys, and its number among the members of its name.
    keys: BTreeMap<String, (Key, u32)>,
    found: Option<Made>,
    /// What was made, by content. Where an offset is wanted, all for its partition; else what is like the record
    /// that is found, from then on.
    made: BTreeMap<u64, Vec<Made>>,
    /// Records that each producer made.
    counts: BTreeMap<Rc<str>, u64>,
}

/// A record that was handed to a producer. A process that starts again may begin its numbers again: the event tells
/// two records of one name apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Made {
    pub(super) record: RecordId,
    pub(super) event: u64,
    /// Who states what becomes of it.
    pub(super) node: Rc<str>,
    pub(super) content: u64,
    pub(super) partition: TopicPartition,
    acked: Option<Acked>,
}

/// Where a producer was told that its record lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Acked {
    offset: i64,
    at: Time,
    handed_over: Time,
}

/// The record that is meant, and those that are like it.
pub(super) struct Found {
    pub(super) made: Made,
    alike: Vec<Made>,
}

impl Made {
    fn new(
        entry: &TraceEntry,
        record: &RecordId,
        partition: &TopicPartition,
        content: u64,
    ) -> Made {
        Made {
            record: record.clone(),
            event: entry.event,
            node: entry.node.clone(),
            content,
            partition: partition.clone(),
            acked: None,
        }
    }
}

impl Found {
    /// Whether what a leader has just appended is this record, as far as facts tell. `ids`: the producer ids that
    /// its node was given.
    pub(super) fn is_own(&self, stored: &Stored, appended: Time, ids: &[i64]) -> bool {
        if stored.content != self.made.content {
            return false;
        }
        // Who is told next that its record lies at this offset, and had made it when it was appended.
        let told = self
            .alike
            .iter()
            .filter_map(|made| Some((made, made.acked?)));
        let told = told.filter(|(_, acked)| {
            acked.offset == stored.offset && acked.handed_over <= appended && appended <= acked.at
        });
        match told.min_by_key(|(_, acked)| acked.at) {
            Some((made, _)) => made.event == self.made.event && made.record == self.made.record,
            // Nobody is: it is its producer's, if that has such an id or none.
            None => match stored.batch.producer_id() {
                id if id < 0 => ids.is_empty(),
                id => ids.contains(&id),
            },
        }
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(plan: &Plan, wanted: &'a Wanted) -> Self {
        let producers = plan.producers.iter();
        let keys = producers.flat_map(|producer| {
            let members = (1..).zip(producer.members());
            members.map(|(number, member)| (member, (producer.key.clone(), number)))
        });
        Search {
            wanted,
            keys: keys.collect(),
            found: None,
            made: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    fn is_wanted(&self, record: &RecordId) -> bool {
        match self.wanted {
            Wanted::Record(wanted) => wanted == record,
            Wanted::Key(wanted) => {
                let known = self.keys.get(&*record.producer);
                let key = known.and_then(|(key, member)| key.of(*member, record.number));
                key.as_ref() == Some(wanted)
            }
            Wanted::At(..) => false,
        }
    }

    pub(super) fn finish(mut self, view: &dyn ClusterView) -> Result<Found, NoJourney> {
        let there = match self.wanted {
            Wanted::At(partition, offset) => (view.running_brokers().into_iter())
                .find_map(|broker| find_at(view, broker, partition, *offset))
                .and_then(|stored| self.made_for(stored.content, *offset)),
            _ => None,
        };
        let Some(made) = self.found.take().or(there) else {
            return Err(self.nothing_to_follow(view));
        };
        let alike = self.made.remove(&made.content).unwrap_or_default();
        Ok(Found { made, alike })
    }

    /// Whose record lies at an offset of which nobody was told: one that nobody was told of at all, or that was
    /// stored once more behind it.
    fn made_for(&self, content: u64, offset: i64) -> Option<Made> {
        let made = self.made.get(&content)?;
        let untold = made.iter().find(|made| made.acked.is_none());
        let behind = made
            .iter()
            .filter(|made| made.acked.is_some_and(|acked| acked.offset > offset));
        let behind = behind.min_by_key(|made| made.acked.map(|acked| acked.offset));
        untold.or(behind).or(made.last()).cloned()
    }

    fn nothing_to_follow(&self, view: &dyn ClusterView) -> NoJourney {
        let (found, expected) = match self.wanted {
            Wanted::At(partition, offset) => self.what_lies_in(view, partition, *offset),
            Wanted::Record(_) | Wanted::Key(_) => (
                "no such record is made in this run".to_owned(),
                format!("one of those that are: {}", self.what_was_made()),
            ),
        };
        NoJourney::NotMade { found, expected }
    }

    /// What is there instead of a record that a producer of the plan has made.
    fn what_lies_in(
        &self,
        view: &dyn ClusterView,
        partition: &TopicPartition,
        offset: i64,
    ) -> (String, String) {
        let committed = view.committed();
        let Some(known) = committed.iter().find(|it| it.partition == *partition) else {
            let names = committed.iter().map(|it| it.partition.to_string());
            let names: Vec<String> = names.filter(|it| !it.starts_with("__")).collect();
            return (
                format!("there is no partition {partition} in this run"),
                format!("one of {}", names.join(", ")),
            );
        };
        let offsets = view.replica_offsets(known.leader, partition);
        let found = "no record of a producer of this scenario lies there".to_owned();
        let expected = match offsets {
            None => format!("another partition: {partition} has no leader at the end of the run"),
            Some(it) if it.log_start_offset >= it.log_end_offset => {
                format!("another partition: {partition} is empty at the end of the run")
            }
            Some(it) if (it.log_start_offset..it.log_end_offset).contains(&offset) => {
                format!("what a producer has made: {}", self.what_was_made())
            }
            Some(it) => format!(
                "one of the offsets that {partition} holds at the end of the run: {} to {}",
                it.log_start_offset,
                it.log_end_offset - 1
            ),
        };
        (found, expected)
    }

    fn what_was_made(&self) -> String {
        let made = self
            .counts
            .iter()
            .map(|(producer, count)| format!("{producer} made {}", counted(*count, "record")));
        let made: Vec<String> = made.collect();
        match made.is_empty() {
            true => "no record was made at all".to_owned(),
            false => made.join(", "),
        }
    }

    fn is_like_it(&self, partition: &TopicPartition, content: u64) -> bool {
        match (self.wanted, &self.found) {
            (Wanted::At(at, _), _) => at == partition,
            (_, Some(found)) => found.content == content && found.partition == *partition,
            (_, None) => false,
        }
    }
}

impl Observer for Search<'_> {
    fn fact(&mut self, entry: &TraceEntry) {
        match &entry.fact {
            Fact::RecordCreated {
                record,
                partition,
                content,
                ..
            } => {
                *self.counts.entry(record.producer.clone()).or_default() += 1;
                let made = || Made::new(entry, record, partition, *content);
                if self.found.is_none() && self.is_wanted(record) {
                    self.found = Some(made());
                }
                if self.is_like_it(partition, *content) {
                    self.made.entry(*content).or_default().push(made());
                }
            }
            Fact::Acked {
                record,
                partition,
                offset,
                content,
                latency_ns,
                ..
            } if self.is_like_it(partition, *content) && *offset >= 0 => {
                let acked = Acked {
                    offset: *offset,
                    at: entry.time,
                    handed_over: Time(entry.time.0.saturating_sub(*latency_ns)),
                };
                let alike = self.made.entry(*content).or_default();
                let of_name = alike.iter().rposition(|made| made.record == *record);
                let place = of_name.unwrap_or_else(|| {
                    // It was made before the record that is followed.
                    alike.push(Made::new(entry, record, partition, *content));
                    alike.len() - 1
                });
                alike[place].acked = Some(acked);
                let made = &alike[place];
                if matches!(self.wanted, Wanted::At(_, wanted) if wanted == offset) {
                    self.found = Some(made.clone());
                }
            }
            _ => {}
        }
    }
}
