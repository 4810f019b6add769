//! Which record is meant: found while the run is played for the first time.

use super::stored::find_at;
use super::{NoJourney, Wanted};
use crate::node::view::ClusterView;
use crate::plan::{Key, Plan};
use crate::protocol::{Fact, RecordId, counted};
use crate::trace::{Observer, TraceEntry};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) struct Search<'a> {
    wanted: &'a Wanted,
    /// What each producer's records have as keys, and its number among the members of its name.
    keys: BTreeMap<String, (Key, u32)>,
    found: Option<(RecordId, u64)>,
    /// Where an offset is wanted: what was made for its partition, by content.
    made: BTreeMap<u64, RecordId>,
    /// Records that each producer made.
    counts: BTreeMap<Rc<str>, u64>,
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
