//! Expectations about keys: which partitions their records lie in.
//!
//! What a producer's application gives for keys the plan says; where a record lies its acknowledgement. Records that
//! another application has sent on are not looked at.

use super::history::History;
use super::{Verdict, verdict_of};
use crate::plan::ProducerPlan;
use crate::protocol::{Fact, counted};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn lie_in_one_partition(history: &History<'_>, topic: &str) -> Verdict {
    let keys = partitions_of_keys(history, topic);
    if let Some((key, partitions)) = keys.iter().find(|(_, partitions)| partitions.len() > 1) {
        let partitions: Vec<String> = partitions.iter().map(|n| format!("{topic}-{n}")).collect();
        return Err(format!(
            "those of {key} lie in {}",
            partitions.join(" and ")
        ));
    }
    let used: BTreeSet<i32> = keys.values().flatten().copied().collect();
    verdict_of(
        !keys.is_empty(),
        format!(
            "{}, in {}",
            counted(keys.len(), "key"),
            counted(used.len(), "partition")
        ),
    )
}

/// Of the keys that both topics have.
pub(super) fn lie_elsewhere(history: &History<'_>, topic: &str, other: &str) -> Verdict {
    let [here, there] = [topic, other].map(|topic| partitions_of_keys(history, topic));
    let both = here
        .iter()
        .filter_map(|(key, partitions)| Some((partitions, there.get(key)?)));
    let both: Vec<_> = both.collect();
    let moved = both.iter().filter(|(here, there)| here != there).count();
    verdict_of(
        moved > 0,
        format!("{moved} of {} do", counted(both.len(), "key")),
    )
}

/// The partitions of a topic in which records of each key were acknowledged.
fn partitions_of_keys(history: &History<'_>, topic: &str) -> BTreeMap<String, BTreeSet<i32>> {
    let producers = history.plan.producers.iter();
    let members = producers.flat_map(|plan| {
        let names = plan.members().into_iter().zip(1..);
        names.map(move |(name, member)| (name, (plan, member)))
    });
    let members: BTreeMap<String, (&ProducerPlan, u32)> = members.collect();
    let mut keys: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
    for entry in history.entries {
        let Fact::Acked {
            record, partition, ..
        } = &entry.fact
        else {
            continue;
        };
        let key = members
            .get(&*record.producer)
            .and_then(|(plan, member)| plan.key.of(*member, record.number));
        if let Some(key) = key.filter(|_| *partition.topic == *topic) {
            keys.entry(key).or_default().insert(partition.partition);
        }
    }
    keys
}
