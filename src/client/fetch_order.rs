//! In which order a fetch names its partitions (methods `fetchablePartitions` of class AbstractFetch, `set` of class
//! PartitionStates; CC9). It matters where not all that there is fits into one answer.
//!
//! Java puts them through two hash maps: that of what is assigned, from which partitions are taken topic by topic, and
//! a set of those that can be fetched at the moment. May not know who leads what. Of two partitions that share a place
//! in both, Kafka moves one that failed behind the other; here they stay.

use super::java_hash_map::{JavaHash, JavaHashMap, bucket};
use crate::protocol::TopicPartition;
use std::collections::BTreeMap;

/// Where each assigned partition stands.
#[derive(Debug)]
pub struct FetchOrder(BTreeMap<TopicPartition, Place>);

#[derive(Clone, Copy, Debug)]
struct Place {
    hash: i32,
    /// Among all that are assigned, topic by topic.
    number: usize,
}

impl FetchOrder {
    /// Of partitions that the group's leader has assigned; by name and number, as they come.
    pub fn of_group<'a>(assigned: impl ExactSizeIterator<Item = &'a TopicPartition>) -> Self {
        let mut map = JavaHashMap::with_capacity(assigned.len());
        assigned.for_each(|partition| map.insert(partition.clone(), ()));
        Self::of(&map)
    }

    /// Of partitions that the application has assigned, as a set.
    pub fn of_application<'a>(assigned: impl ExactSizeIterator<Item = &'a TopicPartition>) -> Self {
        let mut set = JavaHashMap::with_capacity(capacity(assigned.len()));
        assigned.for_each(|partition| set.insert(partition.clone(), ()));
        let mut map = JavaHashMap::default();
        set.iter()
            .for_each(|(partition, ())| map.insert(partition.clone(), ()));
        Self::of(&map)
    }

    fn of(assigned: &JavaHashMap<TopicPartition, ()>) -> Self {
        let mut topics: Vec<(&str, Vec<&TopicPartition>)> = Vec::new();
        for (partition, ()) in assigned.iter() {
            match topics.iter_mut().find(|it| it.0 == &*partition.topic) {
                Some((_, partitions)) => partitions.push(partition),
                None => topics.push((&partition.topic, vec![partition])),
            }
        }
        let all = topics.iter().flat_map(|(_, partitions)| partitions);
        let place = |(number, partition): (usize, &&TopicPartition)| {
            let hash = partition.hash_code();
            ((*partition).clone(), Place { hash, number })
        };
        FetchOrder(all.enumerate().map(place).collect())
    }

    /// What sorts partitions of which so many can be fetched.
    pub fn key(&self, partition: &TopicPartition, fetchable: usize) -> (usize, usize) {
        let buckets = capacity(fetchable).next_power_of_two();
        let place = self.0.get(partition);
        place.map_or((0, 0), |it| (bucket(it.hash, buckets), it.number))
    }
}

/// With which Java makes a `HashSet` of so many.
fn capacity(keys: usize) -> usize {
    (keys * 4 / 3 + 1).max(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(order: &FetchOrder, fetchable: &[TopicPartition]) -> String {
        let mut sorted = fetchable.to_vec();
        sorted.sort_by_key(|partition| order.key(partition, fetchable.len()));
        let names: Vec<String> = sorted.iter().map(ToString::to_string).collect();
        names.join(" ")
    }

    fn partitions(topics: &[&str], count: i32) -> Vec<TopicPartition> {
        let mut all = Vec::new();
        for topic in topics {
            all.extend((0..count).map(|number| TopicPartition::new(*topic, number)));
        }
        all
    }

    /// What a Java machine makes of the same sets and maps; all partitions, and those with an even number.
    #[test]
    fn cc9_a_fetch_names_partitions_in_the_order_of_javas_set() {
        let check = |topics: &[&str],
                     count,
                     order: fn(&[TopicPartition]) -> FetchOrder,
                     java: [&str; 2]| {
            let assigned = partitions(topics, count);
            let order = order(&assigned);
            let even = assigned.iter().filter(|it| it.partition % 2 == 0);
            assert_eq!(walked(&order, &assigned), java[0]);
            assert_eq!(walked(&order, &even.cloned().collect::<Vec<_>>()), java[1]);
        };
        let application = |assigned: &[TopicPartition]| FetchOrder::of_application(assigned.iter());
        let group = |assigned: &[TopicPartition]| FetchOrder::of_group(assigned.iter());
        check(
            &["t"],
            6,
            application,
            ["t-5 t-4 t-3 t-2 t-1 t-0", "t-4 t-2 t-0"],
        );
        check(
            &["trucks_gps"],
            12,
            application,
            [
                "trucks_gps-0 trucks_gps-6 trucks_gps-5 trucks_gps-8 trucks_gps-7 trucks_gps-2 \
                 trucks_gps-1 trucks_gps-4 trucks_gps-3 trucks_gps-10 trucks_gps-9 trucks_gps-11",
                "trucks_gps-6 trucks_gps-8 trucks_gps-2 trucks_gps-4 trucks_gps-0 trucks_gps-10",
            ],
        );
        for order in [application, group] {
            check(
                &["AaAa", "BBBB", "a", "b", "c"],
                4,
                order,
                [
                    "AaAa-2 BBBB-2 a-2 b-3 AaAa-3 BBBB-3 a-1 b-2 c-3 a-0 b-1 c-2 b-0 c-1 c-0 \
                     AaAa-0 BBBB-0 AaAa-1 BBBB-1 a-3",
                    "AaAa-2 BBBB-2 a-2 b-2 a-0 c-2 b-0 c-0 AaAa-0 BBBB-0",
                ],
            );
        }
    }
}
