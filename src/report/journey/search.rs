//! Which record is meant: found while the run is played for the first time. Also whose the other records are that
//! have the same key and value, so that none of them is taken for it.

use super::NoJourney;
use super::stored::{Stored, find_at, find_content};
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
    /// What fits: more than one record where several have the name that is wanted.
    found: Vec<Made>,
    /// What was made, by content. Where an offset is wanted, all for its partition; else what is like a record
    /// that is found, from then on.
    made: BTreeMap<u64, Vec<Made>>,
    /// Records that each producer made.
    counts: BTreeMap<Rc<str>, u64>,
    /// Processes that each node has had.
    lives: BTreeMap<Rc<str>, u32>,
}

/// A record that was handed to a producer. A process that starts again may begin its numbers again: which process of
/// its node has made it tells two records of one name apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Made {
    pub(super) record: RecordId,
    /// Who states what becomes of it.
    pub(super) node: Rc<str>,
    /// From 1.
    pub(super) life: u32,
    pub(super) content: u64,
    pub(super) partition: TopicPartition,
    acked: Option<Acked>,
    /// Without an offset: why.
    unplaced: Unplaced,
}

/// Why nobody was told where a record lies.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Unplaced {
    /// Its process waits yet, has ended before, or has asked for no answer.
    NotTold,
    GivenUp(Rc<str>),
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
    /// Processes that its node has had.
    pub(super) lives: u32,
    alike: Vec<Made>,
}

impl Made {
    fn new(
        entry: &TraceEntry,
        life: u32,
        record: &RecordId,
        partition: &TopicPartition,
        content: u64,
    ) -> Made {
        Made {
            record: record.clone(),
            node: entry.node.clone(),
            life,
            content,
            partition: partition.clone(),
            acked: None,
            unplaced: Unplaced::NotTold,
        }
    }

    fn is_same(&self, other: &Made) -> bool {
        let name = |made: &Made| (made.node.clone(), made.life, made.record.clone());
        name(self) == name(other)
    }

    /// The fact is about this one.
    fn is(&self, entry: &TraceEntry, life: u32, record: &RecordId) -> bool {
        self.life == life && self.record == *record && self.node == entry.node
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
            Some((made, _)) => made.is_same(&self.made),
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
            found: Vec::new(),
            made: BTreeMap::new(),
            counts: BTreeMap::new(),
            lives: BTreeMap::new(),
        }
    }

    fn is_wanted(&self, node: &str, record: &RecordId) -> bool {
        match self.wanted {
            // What an application sends on is known by the application's name, too.
            Wanted::Record(wanted) => {
                let is_named = wanted.producer == record.producer || *wanted.producer == *node;
                is_named && wanted.number == record.number
            }
            Wanted::Key(wanted) => {
                let known = self.keys.get(&*record.producer);
                let key = known.and_then(|(key, member)| key.of(*member, record.number));
                self.found.is_empty() && key.as_ref() == Some(wanted)
            }
            Wanted::At(..) => false,
        }
    }

    fn life(&self, node: &str) -> u32 {
        self.lives.get(node).copied().unwrap_or_default()
    }

    pub(super) fn finish(mut self, view: &dyn ClusterView) -> Result<Found, NoJourney> {
        if let Wanted::At(partition, offset) = self.wanted
            && self.found.is_empty()
        {
            let mut brokers = view.running_brokers().into_iter();
            let there = brokers.find_map(|broker| find_at(view, broker, partition, *offset));
            let made = there.and_then(|stored| self.made_for(stored.content, *offset));
            self.found.extend(made);
        }
        let made = match &self.found[..] {
            [] => return Err(self.nothing_to_follow(view)),
            [made] => made.clone(),
            several => return Err(self.several(several, view)),
        };
        let alike = self.made.remove(&made.content).unwrap_or_default();
        let lives = self.life(&made.node);
        Ok(Found { made, lives, alike })
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
        NoJourney::NotOne { found, expected }
    }

    /// Each by where it lies, or why it has no offset.
    fn several(&self, several: &[Made], view: &dyn ClusterView) -> NoJourney {
        let each = several.iter().map(|made| {
            let (producer, life) = (&made.record.producer, made.life);
            let ended = match life < self.life(&made.node) {
                true => "ended before it was told an offset",
                false => "was told no offset",
            };
            let told = made.acked.map(|acked| acked.offset);
            let why = match &made.unplaced {
                _ if told.is_some() => String::new(),
                Unplaced::NotTold => format!(", which {ended}"),
                Unplaced::GivenUp(exception) => format!(", which gave it up ({exception})"),
            };
            let place = told.or_else(|| self.untold_place(made, view));
            let of = format!("of process {life} of {producer}{why}");
            match place {
                Some(offset) => format!("{}@{offset} ({of})", made.partition),
                None => format!("no log holds that {of}"),
            }
        });
        let each: Vec<String> = each.collect();
        NoJourney::NotOne {
            found: format!("{} have this name", counted(several.len(), "record")),
            expected: format!("one by where it lies: {}", each.join("; ")),
        }
    }

    /// Where a record lies though nobody was told so, if a log has such a one that can be no other's.
    fn untold_place(&self, made: &Made, view: &dyn ClusterView) -> Option<i64> {
        let mut brokers = view.running_brokers().into_iter();
        let places = brokers.find_map(|broker| {
            let (all, content) = ((0, i64::MAX), made.content);
            let found = find_content(view, broker, &made.partition, all, content);
            (!found.is_empty()).then_some(found)
        });
        let mut places = places.unwrap_or_default().into_iter().map(|it| it.offset);
        let is_it = |offset: &i64| {
            let there = self.made_for(made.content, *offset);
            there.is_some_and(|it| it.is_same(made))
        };
        let told = |offset: &i64| {
            let mut alike = self.made.get(&made.content).into_iter().flatten();
            alike.any(|it| it.acked.is_some_and(|acked| acked.offset == *offset))
        };
        places.find(|offset| !told(offset) && is_it(offset))
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
        let is_like = |it: &Made| it.content == content && it.partition == *partition;
        match self.wanted {
            Wanted::At(at, _) => at == partition,
            Wanted::Record(_) | Wanted::Key(_) => self.found.iter().any(is_like),
        }
    }
}

impl Search<'_> {
    /// One of those that are found, if the fact is about it.
    fn becomes(&mut self, entry: &TraceEntry, record: &RecordId, what: impl Fn(&mut Made)) {
        let life = self.life(&entry.node);
        let found = self.found.iter_mut();
        found
            .filter(|made| made.is(entry, life, record))
            .for_each(what);
    }
}

impl Observer for Search<'_> {
    fn fact(&mut self, entry: &TraceEntry) {
        match &entry.fact {
            Fact::Started => *self.lives.entry(entry.node.clone()).or_default() += 1,
            Fact::RecordCreated {
                record,
                partition,
                content,
                ..
            } => {
                *self.counts.entry(record.producer.clone()).or_default() += 1;
                let life = self.life(&entry.node);
                let made = || Made::new(entry, life, record, partition, *content);
                if self.is_wanted(&entry.node, record) {
                    self.found.push(made());
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
                let life = self.life(&entry.node);
                let alike = self.made.entry(*content).or_default();
                let of_name = alike.iter().rposition(|made| made.is(entry, life, record));
                let place = of_name.unwrap_or_else(|| {
                    // It was made before the record that is followed.
                    alike.push(Made::new(entry, life, record, partition, *content));
                    alike.len() - 1
                });
                alike[place].acked = Some(acked);
                let made = &alike[place];
                if matches!(self.wanted, Wanted::At(_, wanted) if wanted == offset) {
                    self.found = vec![made.clone()];
                }
                self.becomes(entry, record, |made| made.acked = Some(acked));
            }
            Fact::Failed {
                record, exception, ..
            } => self.becomes(entry, record, |made| {
                made.unplaced = Unplaced::GivenUp(exception.clone());
            }),
            _ => {}
        }
    }
}
