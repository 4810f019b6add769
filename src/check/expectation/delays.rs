//! How long records take from their hand-over to their readers.

use crate::check::latency::Latencies;
use crate::kernel::Time;
use crate::protocol::{Fact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Debug, Default)]
pub(super) struct Delays {
    /// When a record was made that is read as these bytes; of equal ones, the last.
    made: BTreeMap<(TopicPartition, u64), Time>,
    by_reader: BTreeMap<Rc<str>, Vec<u64>>,
}

impl Delays {
    /// `counts`: what is read now is within the window.
    pub(super) fn learn(&mut self, entry: &TraceEntry, counts: bool) {
        match &entry.fact {
            Fact::RecordCreated {
                partition, content, ..
            } => {
                let record = (partition.clone(), *content);
                self.made.insert(record, entry.time);
            }
            Fact::Consumed {
                partition, content, ..
            } if counts => {
                if let Some(made) = self.made.get(&(partition.clone(), *content)) {
                    let delays = self.by_reader.entry(entry.node.clone()).or_default();
                    delays.push(entry.time.since(*made).0);
                }
            }
            _ => {}
        }
    }

    /// Of these readers together.
    pub(super) fn of(&self, readers: &[String]) -> Latencies {
        let mut all = Latencies::default();
        let delays = readers
            .iter()
            .filter_map(|it| self.by_reader.get(it.as_str()));
        for delay in delays.flatten() {
            all.push(*delay);
        }
        all
    }
}
