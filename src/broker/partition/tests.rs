//! Rules of a single partition, each by its id.

use super::fetch::{ReadInfo, ReadRequest};
use super::*;
use crate::broker::testing::*;
use crate::log::batch::{BatchBuilder, RecordBatch};
use crate::protocol::{
    AbortedTransaction, AlterPartitionData, AlterPartitionResult, CONSUMER_REPLICA_ID,
    LATEST_TIMESTAMP, LeaderRecoveryState, LogStartReason,
};

pub(super) fn read(replica: BrokerId) -> ReadRequest {
    ReadRequest {
        replica,
        read_committed: false,
        max_bytes: 1_048_576,
        min_one_message: true,
        update_fetch_state: true,
    }
}

/// A follower that has everything up to `offset` asks for more.
pub(super) fn follow(
    world: &mut World,
    leader: &mut Partition,
    replica: BrokerId,
    offset: i64,
) -> ReadInfo {
    let epoch = leader.leader_epoch();
    leader
        .fetch_records(
            &mut world.env(),
            &fetch_at(offset, epoch, -1),
            read(replica),
        )
        .expect("a replica may fetch")
}

pub(super) fn produce(world: &mut World, leader: &mut Partition, count: usize) {
    leader
        .append_records_to_leader(&mut world.env(), &batch(count), 1)
        .expect("a leader appends");
    leader.maybe_increment_leader_high_watermark(&mut world.env());
}

pub(super) fn high_watermark(partition: &Partition) -> i64 {
    partition.log().expect("a log").high_watermark()
}

fn log_end_offset(partition: &Partition) -> i64 {
    partition.log().expect("a log").log_end_offset()
}

pub(super) fn sent(world: &mut World) -> AlterPartitionData {
    let mut changes = std::mem::take(&mut world.out.isr_changes);
    assert_eq!(changes.len(), 1, "one change: {changes:?}");
    changes.remove(0)
}

pub(super) fn accepted(change: &AlterPartitionData) -> AlterPartitionResult {
    AlterPartitionResult {
        partition: change.partition.clone(),
        error: ErrorCode::None,
        leader: 1,
        leader_epoch: change.leader_epoch,
        isr: change.new_isr.iter().map(|(id, _)| *id).collect(),
        leader_recovery_state: LeaderRecoveryState::Recovered,
        partition_epoch: change.partition_epoch + 1,
    }
}

#[test]
fn hw2_the_high_watermark_is_what_all_in_sync_replicas_have() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2, 3], 1);
    produce(&mut world, &mut leader, 5);
    assert_eq!(high_watermark(&leader), 0);
    follow(&mut world, &mut leader, 2, 5);
    assert_eq!(high_watermark(&leader), 0, "broker 3 has fetched nothing");
    let read = follow(&mut world, &mut leader, 3, 3);
    assert!(read.high_watermark_moved);
    assert_eq!(high_watermark(&leader), 3);
    assert_eq!(
        read.high_watermark, 0,
        "HW5: the follower hears of it one round later"
    );
    follow(&mut world, &mut leader, 3, 5);
    assert_eq!(high_watermark(&leader), 5);
}

#[test]
fn hw2_a_caught_up_replica_outside_of_the_isr_holds_it_too_while_it_lives() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 1);
    follow(&mut world, &mut leader, 3, 0);
    let change = sent(&mut world);
    leader.on_alter_partition_answer(&mut world.env(), &change, Err(ErrorCode::IneligibleReplica));
    produce(&mut world, &mut leader, 4);
    follow(&mut world, &mut leader, 2, 4);
    assert_eq!(high_watermark(&leader), 0, "3 was caught up a moment ago");
    world.alive(&[1, 2]);
    follow(&mut world, &mut leader, 2, 4);
    assert_eq!(
        high_watermark(&leader),
        0,
        "HW4: an unchanged log end is no trigger"
    );
    produce(&mut world, &mut leader, 1);
    assert_eq!(
        high_watermark(&leader),
        4,
        "3 is not eligible any more (I6)"
    );
}

#[test]
fn hw3_below_min_isr_it_stands_still_even_for_acks_1() {
    let mut world = World::new();
    let mut leader = world.leader(&[1], 2);
    produce(&mut world, &mut leader, 3);
    assert_eq!((high_watermark(&leader), log_end_offset(&leader)), (0, 3));
    leader.set_min_insync_replicas(1);
    assert_eq!(
        high_watermark(&leader),
        0,
        "released at its next chance only"
    );
    produce(&mut world, &mut leader, 1);
    assert_eq!(high_watermark(&leader), 4);
}

#[test]
fn hw3_min_isr_above_the_replicas_counts_as_all_replicas() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2, 3], 5);
    produce(&mut world, &mut leader, 1);
    follow(&mut world, &mut leader, 2, 1);
    follow(&mut world, &mut leader, 3, 1);
    assert_eq!(high_watermark(&leader), 1);
}

#[test]
fn hw4_a_new_leader_alone_in_the_isr_has_all_committed() {
    let mut world = World::new();
    let mut partition = world.partition(1, 1);
    partition.make_follower(&mut world.env(), &state(2, 0, 0, &[1, 2]));
    partition
        .append_records_to_follower(&mut world.env(), &batch_at(0, 0, 3))
        .expect("follows");
    assert_eq!(high_watermark(&partition), 0);
    let moved = partition.make_leader(&mut world.env(), &state(1, 1, 1, &[1]));
    assert_eq!(moved, Ok(true));
    assert_eq!(high_watermark(&partition), 3);
}

#[test]
fn hw5_a_follower_takes_its_leaders_high_watermark_and_may_fall() {
    let mut world = World::new();
    let mut follower = world.partition(2, 1);
    follower.make_follower(&mut world.env(), &state(1, 0, 0, &[1, 2]));
    follower
        .append_records_to_follower(&mut world.env(), &batch_at(0, 0, 4))
        .expect("follows");
    let mut take = |world: &mut World, hw| {
        follower
            .follow_offsets(&mut world.env(), hw, 0)
            .expect("no disk fault");
        high_watermark(&follower)
    };
    assert_eq!(take(&mut world, 9), 4, "HW1: at most the own log end");
    assert_eq!(take(&mut world, 2), 2, "not monotonic");
}

#[test]
fn a_follower_states_where_its_log_begins_whenever_that_changes() {
    let mut world = World::new();
    let mut follower = world.partition(2, 1);
    follower.make_follower(&mut world.env(), &state(1, 0, 0, &[1, 2]));
    follower
        .append_records_to_follower(&mut world.env(), &batch_at(0, 0, 4))
        .expect("follows");
    let begins = |world: &mut World, follower: &Partition| {
        let facts = world.facts().into_iter();
        let told: Vec<(i64, LogStartReason)> = facts
            .filter_map(|fact| match fact {
                Fact::LogStartMoved {
                    log_start_offset,
                    reason,
                    ..
                } => Some((log_start_offset, reason)),
                _ => None,
            })
            .collect();
        let seen = follower.log().expect("a log").log_start_offset();
        assert_eq!(told.last().map_or(seen, |(start, _)| *start), seen);
        told
    };
    assert_eq!(begins(&mut world, &follower), []);
    follower
        .follow_offsets(&mut world.env(), 4, 3)
        .expect("no disk fault");
    let as_leader = (3, LogStartReason::Leader);
    assert_eq!(begins(&mut world, &follower), [as_leader]);
    // E9: emptied to its own end, which is no cut.
    follower
        .truncate_fully_and_start_at(&mut world.env(), 4)
        .expect("no disk fault");
    let emptied = |start| (start, LogStartReason::Emptied);
    assert_eq!(begins(&mut world, &follower), [emptied(4)]);
    // Emptied to the middle of a batch: it begins with the whole batch.
    follower
        .append_records_to_follower(&mut world.env(), &batch_at(2, 0, 4))
        .expect("follows");
    assert_eq!(begins(&mut world, &follower), [emptied(2)]);
    assert_eq!(log_end_offset(&follower), 6);
}

#[test]
fn hw7_a_log_comes_with_the_checkpointed_high_watermark_clamped() {
    let mut world = World::new();
    let mut partition = world.partition(1, 1);
    partition.make_follower(&mut world.env(), &state(2, 0, 0, &[1, 2]));
    partition
        .append_records_to_follower(&mut world.env(), &batch_at(0, 0, 4))
        .expect("follows");
    for (checkpointed, expected) in [(2, 2), (99, 4), (0, 0)] {
        let log = partition.log.take().expect("a log");
        partition.set_log(log, checkpointed);
        assert_eq!(high_watermark(&partition), expected);
    }
}

#[test]
fn hw9_latest_is_not_told_before_the_epoch_of_a_new_leader_is_committed() {
    let mut world = World::new();
    let mut partition = world.partition(1, 1);
    partition.make_follower(&mut world.env(), &state(2, 0, 0, &[1, 2]));
    partition
        .append_records_to_follower(&mut world.env(), &batch_at(0, 0, 3))
        .expect("follows");
    partition
        .make_leader(&mut world.env(), &state(1, 1, 1, &[1, 2]))
        .expect("a log");
    let latest = |world: &mut World, partition: &Partition, isolation| {
        partition
            .fetch_offset_for_timestamp(&mut world.env(), LATEST_TIMESTAMP, isolation, -1)
            .map(|found| found.map(|found| found.offset))
    };
    assert_eq!(
        latest(&mut world, &partition, Some(0)),
        Err(ErrorCode::OffsetNotAvailable)
    );
    assert_eq!(
        latest(&mut world, &partition, None),
        Ok(Some(3)),
        "followers may ask"
    );
    follow(&mut world, &mut partition, 2, 3);
    assert_eq!(latest(&mut world, &partition, Some(0)), Ok(Some(3)));
}

#[test]
fn e3_the_epoch_stands_in_the_cache_before_anything_is_appended() {
    let mut world = World::new();
    let mut leader = world.leader(&[1], 1);
    produce(&mut world, &mut leader, 2);
    leader
        .make_leader(&mut world.env(), &state(1, 4, 1, &[1]))
        .expect("a log");
    let epochs: Vec<_> = leader
        .log()
        .expect("a log")
        .leader_epochs()
        .iter()
        .map(|entry| (entry.epoch, entry.start_offset))
        .collect();
    assert_eq!(epochs, [(0, 0), (4, 2)]);
}

#[test]
fn e6_a_leader_says_where_a_followers_epoch_ended() {
    let mut world = World::new();
    let mut leader = world.leader(&[1], 1);
    produce(&mut world, &mut leader, 3);
    leader
        .make_leader(&mut world.env(), &state(1, 2, 1, &[1]))
        .expect("a log");
    produce(&mut world, &mut leader, 2);
    let mut ask = |offset, last_epoch| {
        leader
            .fetch_records(&mut world.env(), &fetch_at(offset, 2, last_epoch), read(2))
            .map(|read| {
                let end = read.diverging_epoch;
                (
                    end.map(|end| (end.epoch, end.end_offset)),
                    read.records.is_empty(),
                )
            })
    };
    assert_eq!(ask(3, 0), Ok((None, false)), "in agreement: data");
    assert_eq!(
        ask(5, 0),
        Ok((Some((0, 3)), true)),
        "epoch 0 ended at 3 here"
    );
    assert_eq!(
        ask(4, 1),
        Ok((Some((0, 3)), true)),
        "epoch 1 never was here"
    );
    assert_eq!(
        ask(5, 3),
        Err(ErrorCode::OffsetOutOfRange),
        "an epoch from the future"
    );
}

#[test]
fn e11_epochs_that_differ_fence_each_other() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 1);
    leader
        .make_leader(&mut world.env(), &state(1, 3, 1, &[1, 2]))
        .expect("a log");
    let mut ask = |epoch, replica| {
        leader
            .fetch_records(&mut world.env(), &fetch_at(0, epoch, -1), read(replica))
            .err()
    };
    assert_eq!(ask(2, 2), Some(ErrorCode::FencedLeaderEpoch));
    assert_eq!(ask(4, 2), Some(ErrorCode::UnknownLeaderEpoch));
    assert_eq!(
        ask(2, CONSUMER_REPLICA_ID),
        Some(ErrorCode::FencedLeaderEpoch)
    );
    assert_eq!(ask(3, 2), None);
    assert_eq!(ask(-1, CONSUMER_REPLICA_ID), None);
    assert_eq!(
        ask(3, 9),
        Some(ErrorCode::UnknownLeaderEpoch),
        "not one of the replicas"
    );
}

#[test]
fn f1_consumers_read_to_the_high_watermark_followers_to_the_log_end() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 1);
    produce(&mut world, &mut leader, 2);
    follow(&mut world, &mut leader, 2, 2);
    produce(&mut world, &mut leader, 1);
    let mut ask = |offset, replica| {
        leader
            .fetch_records(&mut world.env(), &fetch_at(offset, 0, -1), read(replica))
            .map(|read| read.records.next_offset())
    };
    assert_eq!(ask(0, CONSUMER_REPLICA_ID), Ok(Some(2)));
    assert_eq!(ask(2, CONSUMER_REPLICA_ID), Ok(None));
    assert_eq!(
        ask(3, CONSUMER_REPLICA_ID),
        Ok(None),
        "above the high watermark: nothing"
    );
    assert_eq!(ask(2, 2), Ok(Some(3)));
    assert_eq!(ask(4, 2), Err(ErrorCode::OffsetOutOfRange));
}

#[test]
fn f6_a_follower_serves_consumers_up_to_its_own_high_watermark_but_no_followers() {
    let mut world = World::new();
    let mut follower = world.partition(2, 1);
    follower.make_follower(&mut world.env(), &state(1, 0, 0, &[1, 2]));
    follower
        .append_records_to_follower(&mut world.env(), &batch_at(0, 0, 2))
        .expect("follows");
    follower
        .append_records_to_follower(&mut world.env(), &batch_at(2, 0, 2))
        .expect("follows");
    follower
        .follow_offsets(&mut world.env(), 2, 0)
        .expect("no disk fault");
    let mut ask = |replica| {
        follower
            .fetch_records(&mut world.env(), &fetch_at(0, 0, -1), read(replica))
            .map(|read| read.records.next_offset())
    };
    assert_eq!(ask(CONSUMER_REPLICA_ID), Ok(Some(2)));
    assert_eq!(ask(3), Err(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn p1_acks_all_is_refused_below_min_isr_and_nothing_is_written() {
    let mut world = World::new();
    let mut leader = world.leader(&[1], 2);
    let refused = leader.append_records_to_leader(&mut world.env(), &batch(1), -1);
    assert_eq!(refused.err(), Some(ErrorCode::NotEnoughReplicas.into()));
    assert_eq!(log_end_offset(&leader), 0);
    for acks in [0, 1] {
        let taken = leader.append_records_to_leader(&mut world.env(), &batch(1), acks);
        assert!(taken.is_ok(), "P4: acks={acks} does not ask for min ISR");
    }
}

#[test]
fn p2_done_at_the_high_watermark_and_checked_against_the_maximal_isr() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 2);
    produce(&mut world, &mut leader, 2);
    assert_eq!(leader.check_enough_replicas_reach_offset(2), None);
    follow(&mut world, &mut leader, 2, 2);
    assert_eq!(
        leader.check_enough_replicas_reach_offset(2),
        Some(ErrorCode::None)
    );
    leader.set_min_insync_replicas(3);
    assert_eq!(
        leader.check_enough_replicas_reach_offset(2),
        Some(ErrorCode::NotEnoughReplicasAfterAppend)
    );
    leader.make_follower(&mut world.env(), &state(2, 1, 1, &[1, 2]));
    assert_eq!(
        leader.check_enough_replicas_reach_offset(2),
        Some(ErrorCode::NotLeaderOrFollower)
    );
}

#[test]
fn p7_a_leader_that_was_not_told_appends_in_its_old_epoch() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 1);
    produce(&mut world, &mut leader, 1);
    leader.make_follower(&mut world.env(), &state(2, 1, 1, &[1, 2]));
    let refused = leader.append_records_to_leader(&mut world.env(), &batch(1), 1);
    assert_eq!(refused.err(), Some(ErrorCode::NotLeaderOrFollower.into()));
    assert_eq!(leader.log().expect("a log").latest_epoch(), Some(0));
}

#[test]
fn e8_truncation_cleans_the_epoch_cache_even_where_no_bytes_go() {
    let mut world = World::new();
    let mut partition = world.leader(&[1], 1);
    produce(&mut world, &mut partition, 2);
    partition
        .make_leader(&mut world.env(), &state(1, 1, 1, &[1]))
        .expect("a log");
    partition.make_follower(&mut world.env(), &state(2, 2, 2, &[2]));
    assert_eq!(partition.log().expect("a log").latest_epoch(), Some(1));
    world.facts();
    partition
        .truncate_to(&mut world.env(), 2)
        .expect("no disk fault");
    assert_eq!(partition.log().expect("a log").latest_epoch(), Some(0));
    assert_eq!(world.facts(), [], "no record is gone");
}

#[test]
fn hw3_that_too_small_an_isr_commits_nothing_is_told_once() {
    let mut world = World::new();
    let mut leader = world.leader(&[1], 2);
    let held = |facts: &[Fact]| {
        let held = |fact: &&Fact| matches!(fact, Fact::HighWatermarkHeld { .. });
        facts.iter().filter(held).cloned().collect::<Vec<_>>()
    };
    assert_eq!(held(&world.facts()), [], "nothing waits to be committed");
    produce(&mut world, &mut leader, 2);
    produce(&mut world, &mut leader, 1);
    let told = Fact::HighWatermarkHeld {
        partition: t0(),
        high_watermark: 0,
        isr: vec![1],
        min_insync_replicas: 2,
    };
    assert_eq!(held(&world.facts()), [told]);
}

/// Transactions of producers 7 and 8, of which one was aborted, one of producer 9 that is open, and what stands behind it.
#[test]
fn cc18_who_reads_what_is_committed_gets_nothing_that_is_open_and_is_told_what_was_aborted() {
    let mut world = World::new();
    let mut partition = world.partition(1, 1);
    partition.make_follower(&mut world.env(), &state(2, 0, 0, &[1, 2]));
    let data = |offset, producer| {
        let mut batch = BatchBuilder::new().base_offset(offset);
        if let Some(producer) = producer {
            batch = batch.producer(producer, 0, 0).transactional();
        }
        batch.append(START_MS, None, Some(b"position"), &[]);
        batch.build()
    };
    let marker = |offset, producer, kind: u8| {
        let batch = BatchBuilder::new().base_offset(offset).transactional();
        let mut batch = batch.control().producer(producer, 0, -1);
        let key = [0, 0, 0, kind];
        batch.append(START_MS, Some(&key), Some(&[0; 6]), &[]);
        batch.build()
    };
    let log = vec![
        data(0, Some(7)),
        data(1, Some(8)),
        marker(2, 7, 0),
        marker(3, 8, 1),
        data(4, Some(9)),
        data(5, None),
    ];
    for batch in log {
        partition
            .append_records_to_follower(&mut world.env(), &Records::from(vec![batch]))
            .expect("follows");
    }
    partition
        .make_leader(&mut world.env(), &state(1, 1, 1, &[1]))
        .expect("a log");
    partition.maybe_increment_leader_high_watermark(&mut world.env());
    assert_eq!(high_watermark(&partition), 6);
    let mut read_from = |offset, read_committed, replica| {
        let request = ReadRequest {
            read_committed,
            ..read(replica)
        };
        let read = partition.fetch_records(&mut world.env(), &consume_at(offset), request);
        let read = read.expect("it leads");
        let batches = read.records.batches().iter();
        let offsets: Vec<i64> = batches.map(RecordBatch::base_offset).collect();
        (offsets, read.aborted_transactions, read.last_stable_offset)
    };
    let of_7 = AbortedTransaction {
        producer_id: 7,
        first_offset: 0,
    };
    assert_eq!(
        read_from(0, true, CONSUMER_REPLICA_ID),
        (vec![0, 1, 2, 3], Some(vec![of_7]), 4)
    );
    assert_eq!(
        read_from(3, true, CONSUMER_REPLICA_ID),
        (vec![3], Some(vec![]), 4),
        "its end lies before"
    );
    let nothing = (vec![], Some(vec![]), 4);
    assert_eq!(read_from(4, true, CONSUMER_REPLICA_ID), nothing);
    let all = (vec![0, 1, 2, 3, 4, 5], None, 4);
    assert_eq!(read_from(0, false, CONSUMER_REPLICA_ID), all);
}
