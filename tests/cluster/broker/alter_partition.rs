//! What a leader asks its controller, and what it makes of an answer to the whole request.

use crate::broker::world::{BROKER_EPOCH, CONTROLLER, SUCCESSOR, TOPIC_ID, World, state, t0};
use kafka_trial::kernel::Duration;
use kafka_trial::protocol::{
    AlterPartitionData, AlterPartitionResponse, AlterPartitionResult, ErrorCode, Fact,
    LeaderRecoveryState, TopicPartition,
};

fn refused(error: ErrorCode) -> AlterPartitionResponse {
    AlterPartitionResponse {
        error,
        partitions: vec![],
    }
}

/// The controller has written the ISR 1, 2 and 3.
fn granted() -> AlterPartitionResponse {
    AlterPartitionResponse {
        error: ErrorCode::None,
        partitions: vec![AlterPartitionResult {
            partition: t0(),
            error: ErrorCode::None,
            leader: 1,
            leader_epoch: 5,
            isr: vec![1, 2, 3],
            leader_recovery_state: LeaderRecoveryState::Recovered,
            partition_epoch: 1,
        }],
    }
}

fn t0_is_refused(error: ErrorCode) -> AlterPartitionResponse {
    let mut response = granted();
    response.partitions[0].error = error;
    response
}

#[test]
fn a3_a_request_carries_both_epochs_and_the_isr_without_broker_epochs() {
    let mut world = World::leading();
    world.answers_alter_partition(CONTROLLER, vec![granted()]);
    world.broker_3_catches_up();
    world.pass(10);
    let asked = world.alter_partitions(CONTROLLER);
    let [(_, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!((request.broker_id, request.broker_epoch), (1, BROKER_EPOCH));
    assert_eq!(
        request.partitions,
        [AlterPartitionData {
            partition: t0(),
            topic_id: TOPIC_ID,
            leader_epoch: 5,
            new_isr: vec![(1, -1), (2, -1), (3, -1)],
            leader_recovery_state: LeaderRecoveryState::Recovered,
            partition_epoch: 0,
        }]
    );
    assert_eq!(world.replica().isr, [1, 2, 3]);
    assert_eq!(world.replica().partition_epoch, 1);
}

#[test]
fn ct32_a_request_that_is_refused_whole_goes_again_after_50_ms_and_not_before() {
    let mut world = World::leading();
    world.answers_alter_partition(CONTROLLER, vec![refused(ErrorCode::StaleBrokerEpoch)]);
    world.broker_3_catches_up();
    world.pass(10_000);
    let asked = world.alter_partitions(CONTROLLER);
    // A round trip takes less than 2 ms.
    assert!((190..=200).contains(&asked.len()), "{}", asked.len());
    for pair in asked.windows(2) {
        let pause = pair[1].0.since(pair[0].0);
        assert!(pause >= Duration::from_millis(50), "{pause:?}");
    }
    world.answers_alter_partition(CONTROLLER, vec![granted()]);
    world.pass(100);
    assert_eq!(world.replica().isr, [1, 2, 3], "it has gone on asking");
    let all = world.alter_partitions(CONTROLLER).len();
    world.pass(1_000);
    assert_eq!(world.alter_partitions(CONTROLLER).len(), all, "and stops");
}

#[test]
fn ct32_a_lost_request_goes_again_after_controller_socket_timeout_ms() {
    let mut world = World::leading();
    world.broker_3_catches_up();
    world.pass(29_000);
    assert_eq!(
        world.alter_partitions(CONTROLLER).len(),
        1,
        "none in flight twice"
    );
    world.pass(2_000);
    assert_eq!(world.alter_partitions(CONTROLLER).len(), 2);
    let asked = world.alter_partitions(CONTROLLER);
    assert_eq!(asked[0].1.partitions, asked[1].1.partitions);
}

/// A broker that is no controller any more says so, for the whole request or for one partition.
#[test]
fn a5_not_controller_forgets_the_controller_and_waits_for_another_one() {
    for answer in [
        refused(ErrorCode::NotController),
        t0_is_refused(ErrorCode::NotController),
    ] {
        let mut world = World::leading();
        world.answers_alter_partition(CONTROLLER, vec![answer]);
        world.answers_alter_partition(SUCCESSOR, vec![granted()]);
        world.broker_3_catches_up();
        world.pass(1_000);
        let asked = world.alter_partitions(CONTROLLER);
        // The metadata cache names the same one: a new connection each time, 50 ms apart at least.
        assert!((5..=20).contains(&asked.len()), "{}", asked.len());
        assert_eq!(world.alter_partitions(SUCCESSOR).len(), 0);
        assert_eq!(world.replica().isr, [1, 2]);
        world.update_metadata(8, 2, BROKER_EPOCH);
        world.pass(200);
        let moved = world.alter_partitions(SUCCESSOR);
        assert_eq!(moved.len(), 1);
        assert_eq!(
            moved[0].1.partitions, asked[0].1.partitions,
            "the same request"
        );
        assert_eq!(world.replica().isr, [1, 2, 3]);
    }
}

#[test]
fn a5_the_old_controller_is_kept_until_a_request_fails() {
    let mut world = World::leading();
    world.answers_alter_partition(
        CONTROLLER,
        vec![granted(), refused(ErrorCode::NotController)],
    );
    world.answers_alter_partition(SUCCESSOR, vec![granted()]);
    world.broker_3_catches_up();
    world.pass(10);
    assert_eq!(world.replica().isr, [1, 2, 3]);
    // Another one takes over, and gives t-0 a new epoch without broker 3.
    world.update_metadata(8, 2, BROKER_EPOCH);
    world.leader_and_isr(2, BROKER_EPOCH, vec![state(1, 6, 2)]);
    world.broker_3_catches_up();
    world.pass(10);
    let to = |world: &mut World, node| world.alter_partitions(node).len();
    assert_eq!(
        (to(&mut world, CONTROLLER), to(&mut world, SUCCESSOR)),
        (2, 1),
        "the old one is asked first"
    );
}

#[test]
fn a5_a_refused_change_waits_for_a_higher_leader_epoch() {
    let mut world = World::leading();
    world.answers_alter_partition(
        CONTROLLER,
        vec![t0_is_refused(ErrorCode::FencedLeaderEpoch), granted()],
    );
    world.broker_3_catches_up();
    world.pass(1_000);
    world.broker_3_catches_up();
    world.pass(1_000);
    assert_eq!(world.alter_partitions(CONTROLLER).len(), 1, "still pending");
    world.facts();
    world.leader_and_isr(1, BROKER_EPOCH, vec![state(1, 6, 1)]);
    world.broker_3_catches_up();
    world.pass(1_000);
    assert_eq!(world.alter_partitions(CONTROLLER).len(), 2);
    let asked = |fact: &Fact| matches!(fact, Fact::IsrChangeAsked { .. });
    assert!(world.facts().iter().any(asked));
}

/// The first that is ready goes alone; what becomes ready meanwhile goes together with the next.
#[test]
fn ct32_one_request_is_in_flight_and_what_waits_goes_together() {
    let mut world = World::leading();
    let more = [1, 2].map(|number| {
        let mut state = state(1, 5, 0);
        state.partition = TopicPartition::new("t", number);
        state
    });
    world.leader_and_isr(1, BROKER_EPOCH, more.to_vec());
    world.broker_3_catches_up();
    for number in [1, 2] {
        world.broker_3_catches_up_with(&TopicPartition::new("t", number));
    }
    world.pass(100);
    let partitions = |world: &mut World| -> Vec<Vec<String>> {
        let asked = world.alter_partitions(CONTROLLER).into_iter();
        let names = |request: Vec<AlterPartitionData>| {
            let names = request
                .into_iter()
                .map(|change| change.partition.to_string());
            names.collect()
        };
        asked
            .map(|(_, request)| names(request.partitions))
            .collect()
    };
    assert_eq!(partitions(&mut world), [["t-0"]]);
    // The controller is silent: after a disconnect the same request goes again, and is answered.
    world.answers_alter_partition(CONTROLLER, vec![granted()]);
    world.pass(31_000);
    let asked = partitions(&mut world);
    assert_eq!(asked[..3], [vec!["t-0"], vec!["t-0"], vec!["t-1", "t-2"]]);
}
