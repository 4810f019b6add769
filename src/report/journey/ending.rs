//! What a record is, and what has become of it in the end.

use super::stored::find_content;
use super::words::part;
use super::{Journey, Walk};
use crate::client::{murmur2, partition_for_key};
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, TopicPartition, counted};
use std::collections::{BTreeMap, BTreeSet};

impl Walk<'_> {
    pub(super) fn finish(mut self, view: &dyn ClusterView) -> Journey {
        self.describe();
        let mut end = vec![self.whereabouts(view)];
        for (reader, times) in self.reads.iter().filter(|(_, times)| **times > 1) {
            end.push(format!("{reader} read it {times} times"));
        }
        if self.reads.is_empty() && !self.plan.consumers.is_empty() {
            end.push("nobody read it".to_owned());
        }
        Journey {
            record: self.found.made.record,
            what: self.what,
            stations: self.stations,
            end,
        }
    }

    fn describe(&mut self) {
        let Some(partition) = &self.partition else {
            return;
        };
        if partition.partition < 0 {
            let what = format!("partition  none of {}: it got none", partition.topic);
            return self.what.push(what);
        }
        let (key, value) = match &self.bytes {
            Some(stored) => {
                self.what
                    .push(format!("key        {}", part(stored.key.as_deref())));
                self.what
                    .push(format!("value      {}", part(stored.value.as_deref())));
                for (name, value) in &stored.headers {
                    let value = part(value.as_deref());
                    self.what.push(format!("header     {name}: {value}"));
                }
                (stored.key.clone(), true)
            }
            None => (None, false),
        };
        let why = match (key, self.partitions, value) {
            _ if self.is_named(partition) => "its application named it".to_owned(),
            (Some(key), Some(count), _)
                if partition_for_key(&key, count) == partition.partition =>
            {
                let hash = murmur2(&key);
                let positive = hash & 0x7fff_ffff;
                format!(
                    "murmur2 of its key is {:#010x}, without the sign {positive}, modulo {} {}",
                    hash as u32,
                    counted(count, "partition"),
                    partition.partition
                )
            }
            (None, _, true) => "it has no key: its producer's partitioner chose".to_owned(),
            (Some(_), _, _) => "not by its key".to_owned(),
            (None, _, false) => "its bytes have come to no log".to_owned(),
        };
        self.what.push(format!("partition  {partition}: {why}"));
    }

    /// Its producer's application says for each record where it goes.
    fn is_named(&self, partition: &TopicPartition) -> bool {
        let mut producers = self.plan.producers.iter();
        let made_it = |name: &String| **name == *self.record().producer;
        let producer = producers.find(|it| it.members().iter().any(made_it));
        producer.is_some_and(|it| it.partition == Some(partition.partition))
    }

    /// Which logs hold it at the end.
    fn whereabouts(&self, view: &dyn ClusterView) -> String {
        let Some(partition) = &self.partition else {
            return "it was never handed to a producer".to_owned();
        };
        let mut places: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        let committed = view.committed().into_iter();
        let of_it = committed.filter(|it| it.partition == *partition);
        let brokers: BTreeSet<BrokerId> = of_it.flat_map(|it| it.replicas).collect();
        for broker in brokers {
            let alike = find_content(
                view,
                broker,
                partition,
                (0, i64::MAX),
                self.found.made.content,
            );
            for stored in alike
                .into_iter()
                .filter(|it| self.copies.iter().any(|copy| copy.is(it)))
            {
                let names = places.entry(stored.offset).or_default();
                names.push(format!("broker-{broker}"));
            }
        }
        let found = places.iter().map(|(offset, names)| {
            let verb = if names.len() == 1 { "holds" } else { "hold" };
            format!(
                "{} {verb} it at {partition} offset {offset}",
                names.join(", ")
            )
        });
        let found: Vec<String> = found.collect();
        let times = match found.len() {
            0 | 1 => String::new(),
            times => format!(": it is stored {times} times"),
        };
        match (found.is_empty(), self.acknowledged, self.copies.is_empty()) {
            (false, ..) => format!("{}{times}", found.join("; ")),
            (true, true, _) => "lost: it was acknowledged, and no log holds it".to_owned(),
            (true, false, false) => {
                "no log holds it any more; nobody was told that it is stored".to_owned()
            }
            (true, false, true) => "no log has ever held it".to_owned(),
        }
    }
}
