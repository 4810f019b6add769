//! What groups have committed, as their coordinators hold it: what was stored since, but for what has expired; and once
//! a broker has read a partition of `__consumer_offsets` as its leader, what it found there and nothing else. So a
//! commit that was acknowledged and lost with what kept it does not count, and one that was never acknowledged does
//! where it was found (CG42).
//!
//! Every figure of a lag is computed from it, as `kafka-consumer-groups` does from what a coordinator answers.

use crate::protocol::{GroupFact, TopicPartition, partition_for};
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Debug, Default)]
pub struct CommittedOffsets(BTreeMap<Rc<str>, BTreeMap<TopicPartition, i64>>);

impl CommittedOffsets {
    pub fn learn(&mut self, fact: &GroupFact) {
        match fact {
            GroupFact::OffsetCommitted {
                group,
                partition,
                offset,
                ..
            } => self.keep(group, partition, *offset),
            GroupFact::OffsetExpired { group, partition } => {
                if let Some(of_group) = self.0.get_mut(group) {
                    of_group.remove(partition);
                }
            }
            GroupFact::Loaded {
                partition,
                of_partitions,
                committed,
                ..
            } => {
                let is_kept_there =
                    |group: &str| partition_for(group, *of_partitions) == *partition;
                self.0.retain(|group, _| !is_kept_there(group));
                for offset in committed {
                    self.keep(&offset.group, &offset.partition, offset.offset);
                }
            }
            _ => {}
        }
    }

    /// The next record that the group reads there; `None`: it has committed nothing that its coordinator knows.
    pub fn of(&self, group: &str, partition: &TopicPartition) -> Option<i64> {
        self.0.get(group)?.get(partition).copied()
    }

    pub fn of_group(&self, group: &str) -> impl Iterator<Item = (&TopicPartition, i64)> {
        let of_group = self.0.get(group).into_iter().flatten();
        of_group.map(|(partition, offset)| (partition, *offset))
    }

    /// All that is known, by group and partition.
    pub fn places(&self) -> impl Iterator<Item = (&Rc<str>, &TopicPartition)> {
        let groups = self.0.iter();
        groups.flat_map(|(group, of_group)| of_group.keys().map(move |it| (group, it)))
    }

    fn keep(&mut self, group: &Rc<str>, partition: &TopicPartition, offset: i64) {
        let known = self.0.get_mut(group).and_then(|it| it.get_mut(partition));
        match known {
            Some(known) => *known = offset,
            None => {
                let of_group = self.0.entry(Rc::clone(group)).or_default();
                of_group.insert(partition.clone(), offset);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::LoadedOffset;

    fn partition() -> TopicPartition {
        TopicPartition::new("t", 0)
    }

    fn committed(group: &str, offset: i64) -> GroupFact {
        GroupFact::OffsetCommitted {
            group: group.into(),
            partition: partition(),
            offset,
            of_generation: 1,
            in_generation: 1,
        }
    }

    /// `g` is kept in the fourth of fifty, `h` in the fifth.
    fn loaded(place: i32, offset: Option<i64>) -> GroupFact {
        let found = offset.map(|offset| LoadedOffset {
            group: "g".into(),
            partition: partition(),
            offset,
        });
        GroupFact::Loaded {
            partition: place,
            of_partitions: 50,
            groups: found.iter().map(|it| it.group.clone()).collect(),
            committed: found.into_iter().collect(),
        }
    }

    fn after(facts: Vec<GroupFact>) -> (Option<i64>, Option<i64>) {
        let mut offsets = CommittedOffsets::default();
        facts.iter().for_each(|fact| offsets.learn(fact));
        (offsets.of("g", &partition()), offsets.of("h", &partition()))
    }

    #[test]
    fn a_commit_counts_until_a_coordinator_reads_that_it_is_not_there() {
        let both = || vec![committed("g", 5), committed("h", 7)];
        let place = partition_for("g", 50);
        assert_ne!(place, partition_for("h", 50));
        assert_eq!(after(both()), (Some(5), Some(7)));
        let read = |offset| [both(), vec![loaded(place, offset)]].concat();
        assert_eq!(after(read(None)), (None, Some(7)));
        assert_eq!(after(read(Some(3))), (Some(3), Some(7)));
        // One that was answered with an error, and stored all the same.
        assert_eq!(after(read(Some(9))), (Some(9), Some(7)));
        let others = vec![loaded(place + 1, None)];
        assert_eq!(after([both(), others].concat()), (Some(5), None));
        let gone = GroupFact::OffsetExpired {
            group: "g".into(),
            partition: partition(),
        };
        assert_eq!(after([both(), vec![gone]].concat()), (None, Some(7)));
    }
}
