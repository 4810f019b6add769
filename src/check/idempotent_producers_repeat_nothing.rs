//! J4 and J10 of idempotent producers (D-2): what one sends is stored once, and in the order of sending.
//!
//! Looks at what producers are told, and at the end at the log that counts. A producer that has given a record up, or
//! has begun a new epoch, does not know what is stored, and may send again under new numbers what is (CP42, CP43,
//! CB1, CB2): it is believed nothing from then on, until it is started again. That a record is there twice can be told
//! only of those that have a number in their value.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::stored_log::StoredLog;
use crate::node::view::ClusterView;
use crate::plan::{Plan, Value};
use crate::protocol::{Fact, ProducerStateFact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const NAME: &str = "an idempotent producer's records are stored once and in order";

#[derive(Debug, Default)]
pub(super) struct IdempotentProducersRepeatNothing {
    /// Those whose records differ.
    numbered: BTreeSet<String>,
    producers: BTreeMap<Rc<str>, Idempotent>,
    acknowledged: u64,
    looked_at: u64,
}

/// A producer that has been given an id.
#[derive(Debug)]
struct Idempotent {
    id: i64,
    knows_what_is_stored: bool,
    /// Number and offset of the record of each partition that was acknowledged last. An application may have two
    /// producers of its own, which number their records each for itself.
    last: BTreeMap<(Rc<str>, TopicPartition), (u64, i64)>,
}

impl IdempotentProducersRepeatNothing {
    pub(super) fn new(plan: &Plan) -> Self {
        let numbered = plan.producers.iter().filter(|it| {
            let differs = matches!(it.value, Value::Position | Value::Number);
            differs && !it.config.contains_key("value.serializer")
        });
        IdempotentProducersRepeatNothing {
            numbered: numbered.flat_map(|it| it.members()).collect(),
            ..Self::default()
        }
    }

    /// The first record of a log that is there twice, and whose it is.
    fn repeated(&mut self, log: &StoredLog) -> Option<(Rc<str>, [i64; 2], u64)> {
        for (name, producer) in &self.producers {
            if !producer.knows_what_is_stored || !self.numbered.contains(&**name) {
                continue;
            }
            let of_it = |it: &&super::stored_log::StoredBatch| {
                it.producer.is_some_and(|it| it.id == producer.id)
            };
            let mut records: Vec<(u64, i64)> = Vec::new();
            for batch in log.batches.iter().filter(of_it) {
                let from = (log.records).partition_point(|it| it.offset < batch.base_offset);
                let within = log.records[from..].iter();
                let within = within.take_while(|it| it.offset <= batch.last_offset());
                records.extend(within.map(|it| (it.content, it.offset)));
            }
            self.looked_at += records.len() as u64;
            records.sort_unstable();
            let twice = records.windows(2).find(|pair| pair[0].0 == pair[1].0);
            if let Some(pair) = twice {
                return Some((Rc::clone(name), [pair[0].1, pair[1].1], pair[0].0));
            }
        }
        None
    }
}

impl Property for IdempotentProducersRepeatNothing {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Acked]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::ProducerState(ProducerStateFact::IdGiven { producer_id, .. }) => {
                let producer = Idempotent {
                    id: *producer_id,
                    knows_what_is_stored: true,
                    last: BTreeMap::new(),
                };
                self.producers.insert(Rc::clone(&entry.node), producer);
                None
            }
            Fact::Failed { .. } | Fact::ProducerState(ProducerStateFact::EpochBumped { .. }) => {
                let producer = self.producers.get_mut(&entry.node)?;
                producer.knows_what_is_stored = false;
                None
            }
            Fact::Acked {
                record,
                partition,
                offset,
                content,
                ..
            } => {
                let producer = self.producers.get_mut(&entry.node)?;
                if !producer.knows_what_is_stored {
                    return None;
                }
                self.acknowledged += 1;
                let now = (record.number, *offset);
                let of_it = (Rc::clone(&record.producer), partition.clone());
                let Some(last) = producer.last.get_mut(&of_it) else {
                    producer.last.insert(of_it, now);
                    return None;
                };
                let before = std::mem::replace(last, now);
                let in_order = before.0.cmp(&now.0) == before.1.cmp(&now.1);
                (!in_order).then(|| {
                    let sentence = format!(
                        "{}#{} is stored at offset {offset} of {partition}, and #{} at {}: not in the order of sending",
 record.producer, record.number,
                        before.0, before.1
                    );
                    let mut violation = Violation::at(NAME, entry, sentence).of(partition);
                    violation.contents.push(*content);
                    violation
                })
            }
            _ => None,
        }
    }

    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        let Some((broker, log)) = end.authority(partition) else {
            return Vec::new();
        };
        let repeated = self.repeated(&log).into_iter();
        let violations = repeated.map(|(name, [first, second], content)| {
            let sentence = format!(
                "{partition} holds the same record of {name} at offsets {first} and {second}"
            );
            let violation = Violation::finally(NAME, sentence).of(partition);
            violation.with([broker]).about([content, content])
        });
        violations.collect()
    }

    fn figures(&self) -> String {
        let acknowledged = counted(self.acknowledged, "record");
        format!(
            "{acknowledged} acknowledged in order, {} looked for twice",
            self.looked_at
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, acked, alone, numbered, record_id, tp};

    const ID: ProducerStateFact = ProducerStateFact::IdGiven {
        producer_id: 7,
        producer_epoch: 0,
    };

    fn property() -> IdempotentProducersRepeatNothing {
        IdempotentProducersRepeatNothing {
            numbered: BTreeSet::from(["p".to_owned()]),
            ..Default::default()
        }
    }

    fn failed() -> Fact {
        Fact::Failed {
            record: record_id("p#9"),
            partition: tp("t-0"),
            exception: "TimeoutException".into(),
            attempts: 1,
        }
    }

    #[test]
    fn j10_fires_where_a_later_record_is_stored_before_an_earlier_one() {
        let scene = Scene::new();
        let fires = |facts: &[Fact]| {
            let facts = facts.iter().map(|fact| scene.fact("p", fact.clone()));
            let facts: Vec<_> = facts.collect();
            alone(property()).after_event(&facts, &scene).is_some()
        };
        let (one, two) = (acked("p#1", "t-0", 5, "a"), acked("p#2", "t-0", 4, "b"));
        assert!(fires(&[ID.into(), one.clone(), two.clone()]));
        assert!(fires(&[ID.into(), two.clone(), one.clone()]));
        let elsewhere = acked("p#2", "t-1", 4, "b");
        assert!(!fires(&[ID.into(), one.clone(), elsewhere]));
        let of_another = acked("p-forwarder#2", "t-0", 4, "b");
        assert!(!fires(&[ID.into(), one.clone(), of_another]));
        assert!(!fires(&[one.clone(), two.clone()]), "it numbers nothing");
        assert!(
            !fires(&[ID.into(), failed(), one.clone(), two.clone()]),
            "it does not know what is stored"
        );
        assert!(fires(&[ID.into(), failed(), ID.into(), one, two]));
    }

    #[test]
    fn j4_fires_where_a_record_of_one_producer_is_there_twice() {
        let twice = |other: i64, facts: &[Fact]| {
            let mut scene = Scene::new();
            scene.commit("t-0", 1, &[1]);
            let log = [
                numbered(0, 1, (7, 0, 0), &["a", "b"]),
                numbered(2, 1, (other, 0, 2), &["b"]),
            ];
            scene.store(1, "t-0", log.concat());
            let facts = facts.iter().map(|fact| scene.fact("p", fact.clone()));
            let facts: Vec<_> = facts.collect();
            let mut property = alone(property());
            property.after_event(&facts, &scene);
            let found = property.at_end(&EndOfRun::new(&scene));
            found.into_iter().map(|it| it.sentence).collect::<Vec<_>>()
        };
        assert_eq!(
            twice(7, &[ID.into()]),
            ["t-0 holds the same record of p at offsets 1 and 2"]
        );
        assert!(twice(8, &[ID.into()]).is_empty(), "another's");
        assert!(twice(7, &[ID.into(), failed()]).is_empty());
        assert!(twice(7, &[]).is_empty());
    }
}
