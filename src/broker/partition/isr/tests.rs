//! Who joins and leaves the ISR, and what the controller makes of it.

use crate::broker::partition::fetch::ReadRequest;
use crate::broker::partition::tests::{accepted, follow, high_watermark, produce, read, sent};
use crate::broker::partition::*;
use crate::broker::testing::*;
use crate::protocol::EpochEndOffset;

#[test]
fn i2_reads_from_the_purgatory_and_diverging_answers_update_nothing() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 1);
    produce(&mut world, &mut leader, 2);
    let again = ReadRequest {
        update_fetch_state: false,
        ..read(2)
    };
    leader
        .fetch_records(&mut world.env(), &fetch_at(2, 0, -1), again)
        .expect("readable");
    assert_eq!(high_watermark(&leader), 0);
    let diverging = leader
        .fetch_records(&mut world.env(), &fetch_at(7, 0, 0), read(2))
        .expect("readable");
    let end = EpochEndOffset {
        epoch: 0,
        end_offset: 2,
    };
    assert_eq!(diverging.diverging_epoch, Some(end));
    assert_eq!(high_watermark(&leader), 0);
}

#[test]
fn i5_a_follower_joins_at_the_high_watermark_and_past_the_start_of_the_epoch() {
    let mut world = World::new();
    let mut partition = world.partition(1, 1);
    partition.make_follower(&mut world.env(), &state(2, 0, 0, &[1, 2]));
    partition
        .append_records_to_follower(&mut world.env(), &batch_at(0, 0, 3))
        .expect("follows");
    partition
        .make_leader(&mut world.env(), &state(1, 1, 1, &[1, 2]))
        .expect("a log");
    assert_eq!(high_watermark(&partition), 0);
    follow(&mut world, &mut partition, 3, 0);
    assert!(
        world.out.isr_changes.is_empty(),
        "at the high watermark, but before the start of the epoch, 3 (KAFKA-7128)"
    );
    follow(&mut world, &mut partition, 3, 3);
    let change = sent(&mut world);
    assert_eq!(
        change.new_isr,
        [(1, -1), (2, -1), (3, -1)],
        "CT32: no broker epochs"
    );
    assert_eq!((change.leader_epoch, change.partition_epoch), (1, 1));
}

#[test]
fn i6_only_a_live_broker_joins() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 1);
    world.alive(&[1, 2]);
    follow(&mut world, &mut leader, 3, 0);
    assert!(world.out.isr_changes.is_empty());
    world.alive(&[1, 2, 3]);
    follow(&mut world, &mut leader, 3, 0);
    assert_eq!(sent(&mut world).new_isr.len(), 3);
}

#[test]
fn i7_laggards_leave_together_after_the_lag_time_i8_the_leader_never() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2, 3], 1);
    produce(&mut world, &mut leader, 1);
    world.now_ms += LAG_MS;
    leader.maybe_shrink_isr(&mut world.env());
    assert!(
        world.out.isr_changes.is_empty(),
        "not longer than the lag time yet"
    );
    world.now_ms += 1;
    leader.maybe_shrink_isr(&mut world.env());
    assert_eq!(sent(&mut world).new_isr, [(1, -1)]);
}

#[test]
fn i7_an_idle_follower_at_the_leaders_end_stays() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2, 3], 1);
    produce(&mut world, &mut leader, 1);
    follow(&mut world, &mut leader, 2, 1);
    world.now_ms += 10 * LAG_MS;
    leader.maybe_shrink_isr(&mut world.env());
    assert_eq!(sent(&mut world).new_isr, [(1, -1), (2, -1)]);
}

#[test]
fn a1_one_change_at_a_time_a2_a_joining_replica_counts_a_leaving_one_still_does() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 1);
    follow(&mut world, &mut leader, 3, 0);
    let expansion = sent(&mut world);
    assert_eq!(leader.maximal_isr(), [1, 2, 3]);
    assert_eq!(leader.isr(), [1, 2]);
    produce(&mut world, &mut leader, 1);
    world.now_ms += LAG_MS + 1;
    leader.maybe_shrink_isr(&mut world.env());
    assert!(world.out.isr_changes.is_empty(), "one in flight");

    let answer = accepted(&expansion);
    leader.on_alter_partition_answer(&mut world.env(), &expansion, Ok(&answer));
    assert_eq!(
        (leader.isr(), leader.partition_epoch()),
        (&[1, 2, 3][..], 1)
    );

    leader.maybe_shrink_isr(&mut world.env());
    let shrink = sent(&mut world);
    assert_eq!(shrink.new_isr, [(1, -1)]);
    assert_eq!(leader.maximal_isr(), [1, 2, 3]);
    assert_eq!(
        high_watermark(&leader),
        0,
        "the old ISR gates until the answer"
    );
    let answer = accepted(&shrink);
    assert!(leader.on_alter_partition_answer(&mut world.env(), &shrink, Ok(&answer)));
    assert_eq!(high_watermark(&leader), 1);
}

#[test]
fn a5_what_the_leader_makes_of_each_answer() {
    use ErrorCode::*;
    // Whether the change stays pending, and whether it is asked for again.
    for (error, pending, again) in [
        (OperationNotAttempted, false, false),
        (IneligibleReplica, false, false),
        (UnknownTopicOrPartition, true, false),
        (UnknownTopicId, true, false),
        (FencedLeaderEpoch, true, false),
        (InvalidUpdateVersion, true, false),
        (InvalidRequest, true, false),
        (NewLeaderElected, true, false),
        (UnknownServerError, true, true),
    ] {
        let mut world = World::new();
        let mut leader = world.leader(&[1, 2], 1);
        follow(&mut world, &mut leader, 3, 0);
        let change = sent(&mut world);
        leader.on_alter_partition_answer(&mut world.env(), &change, Err(error));
        assert_eq!(leader.maximal_isr().len() == 3, pending, "{error}");
        let asked = std::mem::take(&mut world.out.isr_changes);
        assert_eq!(asked.contains(&change), again, "{error}");
    }
}

#[test]
fn a5_an_answer_to_an_older_question_or_epoch_is_ignored() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2], 1);
    follow(&mut world, &mut leader, 3, 0);
    let change = sent(&mut world);
    let mut stale = accepted(&change);
    stale.leader_epoch = 7;
    leader.on_alter_partition_answer(&mut world.env(), &change, Ok(&stale));
    assert_eq!(leader.isr(), [1, 2]);

    leader
        .make_leader(&mut world.env(), &state(1, 1, 1, &[1, 2]))
        .expect("a log");
    let late = accepted(&change);
    leader.on_alter_partition_answer(&mut world.env(), &change, Ok(&late));
    assert_eq!((leader.isr(), leader.partition_epoch()), (&[1, 2][..], 1));
}

#[test]
fn a7_an_older_partition_epoch_changes_nothing_an_equal_leader_epoch_resets_nobody() {
    let mut world = World::new();
    let mut leader = world.leader(&[1, 2, 3], 1);
    produce(&mut world, &mut leader, 2);
    follow(&mut world, &mut leader, 2, 2);
    leader
        .make_leader(&mut world.env(), &state(1, 0, 3, &[1, 2]))
        .expect("a log");
    assert_eq!((leader.isr(), leader.partition_epoch()), (&[1, 2][..], 3));
    leader
        .make_leader(&mut world.env(), &state(1, 5, 2, &[1]))
        .expect("a log");
    assert_eq!((leader.leader_epoch(), leader.isr()), (0, &[1, 2][..]));
}
