//! The partitioner of Kafka 3.3 and later for records without a key (class BuiltInPartitioner, KIP-794; CP8 to
//! CP13): it stays with one partition of a topic for `batch.size` bytes, and then draws another, rather one whose
//! leader takes its batches quickly.

use super::{draw, in_turn};
use crate::client::cluster::TopicPartitions;
use crate::protocol::Ctx;

/// Of one topic.
#[derive(Debug)]
pub(in crate::client) struct BuiltInPartitioner {
    /// `batch.size`
    sticky_bytes: u64,
    sticky: Option<StickyPartition>,
    loads: PartitionLoads,
}

#[derive(Debug)]
struct StickyPartition {
    partition: i32,
    produced_bytes: u64,
}

/// How many batches wait for each partition that may be drawn.
#[derive(Debug, Default)]
struct PartitionLoads {
    queues: Vec<(i32, usize)>,
    longest: usize,
    /// Otherwise nothing is known, or every partition weighs the same.
    count: bool,
}

impl BuiltInPartitioner {
    pub(in crate::client) fn new(batch_size: u64) -> BuiltInPartitioner {
        BuiltInPartitioner {
            sticky_bytes: batch_size,
            sticky: None,
            loads: PartitionLoads::default(),
        }
    }

    /// `peekCurrentPartitionInfo`
    pub(in crate::client) fn current(
        &mut self,
        ctx: &mut Ctx<'_>,
        partitions: &TopicPartitions,
    ) -> i32 {
        if let Some(sticky) = &self.sticky {
            return sticky.partition;
        }
        self.draw_next(ctx, partitions)
    }

    /// CP8, CP9: so many bytes went to the current partition. `may_switch`: its last batch is full, so that a
    /// change cuts none. True if another partition is the current one now.
    pub(in crate::client) fn produced(
        &mut self,
        ctx: &mut Ctx<'_>,
        partitions: &TopicPartitions,
        bytes: u64,
        may_switch: bool,
    ) -> bool {
        let Some(sticky) = &mut self.sticky else {
            return false;
        };
        sticky.produced_bytes += bytes;
        let produced = sticky.produced_bytes;
        let has_enough = produced >= self.sticky_bytes && may_switch;
        let switches = has_enough || produced >= 2 * self.sticky_bytes;
        if switches {
            self.draw_next(ctx, partitions);
        }
        switches
    }

    /// CP11
    fn draw_next(&mut self, ctx: &mut Ctx<'_>, partitions: &TopicPartitions) -> i32 {
        let drawn = draw(ctx);
        let partition = match self.loads.count {
            true => self.loads.at(drawn),
            false => in_turn(partitions, drawn),
        };
        self.sticky = Some(StickyPartition {
            partition,
            produced_bytes: 0,
        });
        partition
    }

    /// Nothing is known of loads, or nothing waits: every available partition is drawn alike. Answers the list of
    /// `update_load`, empty.
    pub(in crate::client) fn forget_load(&mut self) -> &mut Vec<(i32, usize)> {
        self.loads.count = false;
        self.loads.queues.clear();
        &mut self.loads.queues
    }

    /// CP12: the list says how many batches wait for each partition that may be drawn. `left_out`: some may not,
    /// since their leaders take nothing.
    pub(in crate::client) fn update_load(&mut self, left_out: bool) {
        let lengths = || self.loads.queues.iter().map(|(_, length)| *length);
        let (shortest, longest) = (lengths().min(), lengths().max());
        let all_equal = shortest == longest && !left_out;
        let of_one = self.loads.queues.len() < 2 && !left_out;
        self.loads.count = longest.is_some() && !all_equal && !of_one;
        self.loads.longest = longest.unwrap_or(0);
    }
}

impl PartitionLoads {
    /// Short queues weigh more.
    fn weights(&self) -> impl Iterator<Item = (i32, u64)> {
        let weight = |length| (self.longest + 1 - length) as u64;
        let queues = self.queues.iter();
        queues.map(move |(partition, length)| (*partition, weight(length)))
    }

    fn at(&self, drawn: u64) -> i32 {
        let total: u64 = self.weights().map(|(_, weight)| weight).sum();
        let mut left = drawn % total;
        for (partition, weight) in self.weights() {
            if left < weight {
                return partition;
            }
            left -= weight;
        }
        unreachable!("what is left is less than the sum of weights")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of KIP-794: queues of 0, 3 and 1 batches weigh 4, 1 and 3.
    #[test]
    fn cp12_short_queues_weigh_more() {
        let mut partitioner = BuiltInPartitioner::new(16_384);
        *partitioner.forget_load() = vec![(0, 0), (1, 3), (2, 1)];
        partitioner.update_load(false);
        let loads = &partitioner.loads;
        assert!(loads.count);
        let drawn: Vec<i32> = (0..16).map(|n| loads.at(n)).collect();
        let once = [0, 0, 0, 0, 1, 2, 2, 2];
        assert_eq!(drawn, [once, once].concat());
    }

    #[test]
    fn cp12_equal_queues_are_no_reason_to_prefer_one_unless_one_is_left_out() {
        let mut partitioner = BuiltInPartitioner::new(16_384);
        for (queues, left_out, some) in [
            (vec![(0, 2), (1, 2)], false, false),
            (vec![(0, 2), (1, 2)], true, true),
            (vec![(0, 2)], true, true),
            (vec![(0, 2)], false, false),
            (vec![], true, false),
        ] {
            partitioner.forget_load().clone_from(&queues);
            partitioner.update_load(left_out);
            assert_eq!(partitioner.loads.count, some, "{queues:?} {left_out}");
        }
        partitioner.forget_load();
        assert!(!partitioner.loads.count);
    }
}
