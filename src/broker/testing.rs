//! A broker's surroundings without a broker, for tests of its parts: a disk, a clock, a metadata cache,
//! and what the parts leave behind.

use super::log_manager::LogManager;
use super::outbox::{Env, Outbox};
use super::partition::Partition;
use crate::kernel::Disk;
use crate::log::Records;
use crate::log::batch::BatchBuilder;
use crate::metadata::MetadataCache;
use crate::protocol::config::{BrokerConfig, Properties};
use crate::protocol::rules::Rules;
use crate::protocol::{
    BrokerEndpoint, BrokerId, Fact, FetchPartition, LeaderAndIsrPartitionState,
    LeaderRecoveryState, RegisteredBroker, TopicId, TopicPartition, UNKNOWN_EPOCH,
    UpdateMetadataPartitionState, UpdateMetadataRequest,
};
use std::rc::Rc;

/// Long after 1970, as I4 needs.
pub(crate) const START_MS: i64 = 1_795_000_000_000;
pub(crate) const LAG_MS: i64 = 30_000;

pub(crate) struct World {
    pub(crate) disk: Disk,
    pub(crate) now_ms: i64,
    pub(crate) cache: MetadataCache,
    pub(crate) out: Outbox,
}

impl World {
    /// Brokers 1 to 3 are alive, partition t-0 is known.
    pub(crate) fn new() -> Self {
        let mut world = World {
            disk: Disk::new(),
            now_ms: START_MS,
            cache: MetadataCache::default(),
            out: Outbox::default(),
        };
        world.alive(&[1, 2, 3]);
        world
    }

    pub(crate) fn env(&mut self) -> Env<'_> {
        Env {
            disk: &mut self.disk,
            now_ms: self.now_ms,
            cache: &self.cache,
            out: &mut self.out,
        }
    }

    /// An UpdateMetadata that names these brokers, and t-0.
    pub(crate) fn alive(&mut self, brokers: &[BrokerId]) {
        self.alive_in(&brokers.iter().map(|id| (*id, None)).collect::<Vec<_>>());
    }

    /// The same, in racks.
    pub(crate) fn alive_in(&mut self, brokers: &[(BrokerId, Option<&str>)]) {
        let endpoint = |(id, rack): &(BrokerId, Option<&str>)| {
            let rack = rack.map(Rc::from);
            RegisteredBroker::from(BrokerEndpoint {
                rack,
                ..BrokerEndpoint::usual(*id)
            })
        };
        self.cache.update(&UpdateMetadataRequest {
            controller_id: 3,
            controller_epoch: 1,
            broker_epoch: -1,
            topic_ids: vec![],
            partition_states: vec![led_by_1(t0())],
            live_brokers: brokers.iter().map(endpoint).collect(),
        });
    }

    /// An UpdateMetadata that names so many partitions of each of these topics.
    pub(crate) fn knows(&mut self, topics: &[&str], partitions: i32) {
        let names = topics.iter().flat_map(|topic| {
            (0..partitions).map(|partition| TopicPartition::new(*topic, partition))
        });
        self.cache.update(&UpdateMetadataRequest {
            controller_id: 3,
            controller_epoch: 1,
            broker_epoch: -1,
            topic_ids: vec![],
            partition_states: names.map(led_by_1).collect(),
            live_brokers: vec![],
        });
    }

    /// Broker `local`'s partition t-0 with an empty log.
    pub(crate) fn partition(&mut self, local: BrokerId, min_insync_replicas: i32) -> Partition {
        let mut partition = Partition::new(t0(), local, LAG_MS, Rules::default());
        let logs = LogManager::new(local, Rc::new(BrokerConfig::default()));
        let hosted = logs
            .create(&mut self.disk, self.now_ms, &t0(), &Properties::new())
            .expect("an empty disk takes a log");
        partition.set_log(hosted.log, 0);
        partition.set_min_insync_replicas(min_insync_replicas);
        partition
    }

    /// The same, led by broker 1 in `leader_epoch`.
    pub(crate) fn leader(&mut self, isr: &[BrokerId], min_insync_replicas: i32) -> Partition {
        let mut partition = self.partition(1, min_insync_replicas);
        partition
            .make_leader(&mut self.env(), &state(1, 0, 0, isr))
            .expect("the log is there");
        partition
    }

    /// Facts stated since the last call.
    pub(crate) fn facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.out.facts)
    }
}

fn led_by_1(partition: TopicPartition) -> UpdateMetadataPartitionState {
    UpdateMetadataPartitionState {
        partition,
        controller_epoch: 1,
        leader: 1,
        leader_epoch: 0,
        isr: vec![1, 2, 3],
        zk_version: 0,
        replicas: vec![1, 2, 3],
        offline_replicas: vec![],
    }
}

pub(crate) fn t0() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// A LeaderAndIsr's word on t-0, replicated on 1, 2 and 3.
pub(crate) fn state(
    leader: BrokerId,
    leader_epoch: i32,
    partition_epoch: i32,
    isr: &[BrokerId],
) -> LeaderAndIsrPartitionState {
    LeaderAndIsrPartitionState {
        partition: t0(),
        controller_epoch: 1,
        leader,
        leader_epoch,
        isr: isr.to_vec(),
        partition_epoch,
        replicas: vec![1, 2, 3],
        adding_replicas: vec![],
        removing_replicas: vec![],
        is_new: false,
        leader_recovery_state: LeaderRecoveryState::Recovered,
    }
}

/// One batch of `count` records, as a producer sends it.
pub(crate) fn batch(count: usize) -> Records {
    let mut builder = BatchBuilder::new();
    for _ in 0..count {
        builder.append(START_MS, None, Some(b"position"), &[]);
    }
    Records::from(vec![builder.build()])
}

/// One batch as a leader in `epoch` stores it at `offset`.
pub(crate) fn batch_at(offset: i64, epoch: i32, count: usize) -> Records {
    let mut builder = BatchBuilder::new().base_offset(offset).leader_epoch(epoch);
    for _ in 0..count {
        builder.append(START_MS, None, Some(b"position"), &[]);
    }
    Records::from(vec![builder.build()])
}

/// A follower's or consumer's question about t-0.
pub(crate) fn fetch_at(offset: i64, leader_epoch: i32, last_fetched_epoch: i32) -> FetchPartition {
    FetchPartition {
        partition: t0(),
        topic_id: TopicId::ZERO,
        current_leader_epoch: leader_epoch,
        fetch_offset: offset,
        last_fetched_epoch,
        log_start_offset: 0,
        max_bytes: 1_048_576,
    }
}

/// A consumer that knows no epoch.
pub(crate) fn consume_at(offset: i64) -> FetchPartition {
    fetch_at(offset, UNKNOWN_EPOCH, UNKNOWN_EPOCH)
}
