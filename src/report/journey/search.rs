//! Which record is meant: found while the run is played for the first time.

use super::stored::find_at;
use super::{NoJourney, Wanted};
use crate::node::view::ClusterView;
use crate::plan::{Key, Plan, truck_name};
use crate::protocol::{Fact, RecordId, counted};
use crate::trace::{Observer, TraceEntry};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) struct Search<'a> {
    wanted: &'a Wanted,
    /// Producers whose records have the key that is wanted, and which of their numbers do.
    keyed: BTreeMap<String, Numbers>,
    found: Option<(RecordId, u64)>,
    /// Where an offset is wanted: what was made for its partition, by content.
    made: BTreeMap<u64, RecordId>,
    /// Records that each producer made.
    counts: BTreeMap<Rc<str>, u64>,
}

enum Numbers {
    All,
    /// So many keys in turn; this one.
    Turn(u64, u64),
}

impl<'a> Search<'a> {
    pub(super) fn new(plan: &Plan, wanted: &'a Wanted) -> Self {
        let mut keyed = BTreeMap::new();
        if let Wanted::Key(key) = wanted {
            for producer in &plan.producers {
                for (place, member) in producer.members().into_iter().enumerate() {
                    let numbers = match &producer.key {
                        Key::TruckId if truck_name(place as u32 + 1) == *key => Numbers::All,
                        Key::Constant(text) if text == key => Numbers::All,
                        Key::Cycle(keys) => {
                            let turn = key.strip_prefix("key-").and_then(|n| n.parse().ok());
                            match turn.filter(|n| (1..=u64::from(*keys)).contains(n)) {
                                Some(turn) => Numbers::Turn(u64::from(*keys), turn),
                                None => continue,
                            }
                        }
                        _ => continue,
                    };
                    keyed.insert(member, numbers);
                }
            }
        }
        Search {
            wanted,
            keyed,
            found: None,
            made: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    fn is_wanted(&self, record: &RecordId) -> bool {
        match self.wanted {
            Wanted::Record(wanted) => wanted == record,
            Wanted::Key(_) => match self.keyed.get(&*record.producer) {
                Some(Numbers::All) => true,
                Some(Numbers::Turn(keys, turn)) => (record.number - 1) % keys + 1 == *turn,
                None => false,
            },
            Wanted::At(..) => false,
        }
    }

    pub(super) fn finish(self, view: &dyn ClusterView) -> Result<(RecordId, u64), NoJourney> {
        let there = match self.wanted {
            Wanted::At(partition, offset) => (view.running_brokers().into_iter())
                .find_map(|broker| find_at(view, broker, partition, *offset))
                .and_then(|stored| {
                    let record = self.made.get(&stored.content)?;
                    Some((record.clone(), stored.content))
                }),
            _ => None,
        };
        self.found.or(there).ok_or_else(|| {
            let made = self
                .counts
                .iter()
                .map(|(producer, count)| format!("{producer} made {}", counted(*count, "record")));
            let made: Vec<String> = made.collect();
            NoJourney::NotMade(match made.is_empty() {
                true => "no record was made at all".to_owned(),
                false => made.join(", "),
            })
        })
    }
}

impl Observer for Search<'_> {
    fn fact(&mut self, entry: &TraceEntry) {
        match (&entry.fact, self.wanted) {
            (
                Fact::RecordCreated {
                    record,
                    partition,
                    content,
                },
                wanted,
            ) => {
                *self.counts.entry(record.producer.clone()).or_default() += 1;
                if self.found.is_none() && self.is_wanted(record) {
                    self.found = Some((record.clone(), *content));
                }
                if matches!(wanted, Wanted::At(at, _) if at == partition) {
                    self.made.insert(*content, record.clone());
                }
            }
            (
                Fact::Acked {
                    record,
                    partition,
                    offset,
                    content,
                    ..
                },
                Wanted::At(at, wanted),
            ) if partition == at && offset == wanted => {
                self.found = Some((record.clone(), *content));
            }
            _ => {}
        }
    }
}
