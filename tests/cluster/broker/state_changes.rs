//! LeaderAndIsr, StopReplica and UpdateMetadata: whom a broker obeys, and what it makes of what it is told.

use crate::broker::world::{BROKER_EPOCH, World, endpoint, state, t0};
use kafka_trial::broker::{LeadershipChanges, ReplicaRole};
use kafka_trial::protocol::{ErrorCode, Fact, TopicId, TopicPartition};

use ErrorCode::{
    FencedLeaderEpoch, InconsistentTopicId, None as Fine, StaleBrokerEpoch, StaleControllerEpoch,
    UnknownTopicOrPartition,
};

#[test]
fn z4_ct27_what_an_older_controller_says_is_refused_and_changes_nothing() {
    let mut world = World::leading();
    assert_eq!(world.update_metadata(9, 3, BROKER_EPOCH), Fine);
    let (error, of_partitions) = world.leader_and_isr(2, BROKER_EPOCH, vec![state(2, 9, 9)]);
    assert_eq!(error, StaleControllerEpoch);
    assert_eq!(of_partitions, [StaleControllerEpoch]);
    assert_eq!(
        world.update_metadata(8, 2, BROKER_EPOCH),
        StaleControllerEpoch
    );
    let stopped = world.stop_replica(2, BROKER_EPOCH, 9, true);
    assert_eq!(stopped, (StaleControllerEpoch, None));
    let replica = world.replica();
    assert_eq!(
        (replica.role, replica.leader_epoch),
        (ReplicaRole::Leader, 5)
    );
}

#[test]
fn z4_ct27_each_of_the_three_requests_raises_the_controller_epoch_that_is_obeyed() {
    let older_is_refused = |mut world: World| {
        assert_eq!(
            world.update_metadata(9, 6, BROKER_EPOCH),
            StaleControllerEpoch
        );
        assert_eq!(
            world.update_metadata(9, 7, BROKER_EPOCH),
            Fine,
            "the same is obeyed"
        );
    };
    let mut world = World::leading();
    world.leader_and_isr(7, BROKER_EPOCH, vec![]);
    older_is_refused(world);
    let mut world = World::leading();
    world.stop_replica(7, BROKER_EPOCH, 5, false);
    older_is_refused(world);
    let mut world = World::leading();
    world.update_metadata(9, 7, BROKER_EPOCH);
    older_is_refused(world);
}

#[test]
fn z5_a_request_to_an_earlier_life_of_the_broker_is_refused() {
    let mut world = World::leading();
    let earlier = BROKER_EPOCH - 1;
    let (error, of_partitions) = world.leader_and_isr(1, earlier, vec![state(2, 9, 9)]);
    assert_eq!(
        (error, of_partitions),
        (StaleBrokerEpoch, vec![StaleBrokerEpoch])
    );
    assert_eq!(world.update_metadata(8, 1, earlier), StaleBrokerEpoch);
    let stopped = world.stop_replica(1, earlier, 9, true);
    assert_eq!(stopped, (StaleBrokerEpoch, None));
    assert_eq!(world.replica().leader_epoch, 5);
    // One that the broker has yet to hear of is obeyed, and so is a controller that knows none.
    assert_eq!(world.update_metadata(9, 1, BROKER_EPOCH + 1), Fine);
    assert_eq!(world.update_metadata(9, 1, -1), Fine);
}

#[test]
fn ct27_each_partition_is_judged_by_itself() {
    let mut world = World::leading();
    let other = |partition, replicas: Vec<i32>, leader_epoch| {
        let mut state = state(1, leader_epoch, 1);
        state.partition = TopicPartition::new("t", partition);
        state.replicas = replicas;
        state
    };
    let (error, of_partitions) = world.leader_and_isr(
        1,
        BROKER_EPOCH,
        vec![
            state(2, 4, 9),
            state(2, 5, 9),
            other(1, vec![2, 3], 0),
            other(2, vec![1, 2], 0),
        ],
    );
    assert_eq!(error, Fine);
    assert_eq!(
        of_partitions,
        [
            StaleControllerEpoch,
            StaleControllerEpoch,
            UnknownTopicOrPartition,
            Fine
        ],
        "an older epoch, an equal one, not a replica of it, new"
    );
    let replica = world.replica();
    assert_eq!(
        (replica.role, replica.leader_epoch),
        (ReplicaRole::Leader, 5)
    );
}

#[test]
fn ct27_another_topic_of_the_same_name_is_refused() {
    let mut world = World::leading();
    let other_id = TopicId([8; 16]);
    let answer = world.leader_and_isr_of(other_id, 1, BROKER_EPOCH, vec![state(1, 6, 9)]);
    assert_eq!(answer, (Fine, vec![InconsistentTopicId]));
    assert_eq!(world.replica().leader_epoch, 5);
}

#[test]
fn ct28_a_follower_of_a_leader_that_is_not_alive_gets_a_log_and_no_more() {
    let mut world = World::new();
    let live = vec![endpoint(1, "broker-1"), endpoint(3, "broker-3")];
    world.update_metadata_with(9, 1, BROKER_EPOCH, live);
    let answer = world.leader_and_isr(1, BROKER_EPOCH, vec![state(2, 5, 0)]);
    assert_eq!(answer, (Fine, vec![Fine]), "the answer does not tell");
    world.pass(100);
    let replica = world.replica();
    assert_eq!(
        (replica.role, replica.leader_epoch),
        (ReplicaRole::Idle, -1)
    );
    assert_eq!(world.fetches().len(), 0);
    // Hence UpdateMetadata comes first: the same word is obeyed once the leader is known.
    world.update_metadata(9, 1, BROKER_EPOCH);
    let answer = world.leader_and_isr(1, BROKER_EPOCH, vec![state(2, 5, 0)]);
    assert_eq!(answer, (Fine, vec![Fine]));
    world.pass(100);
    let replica = world.replica();
    assert_eq!(
        (replica.role, replica.leader_epoch),
        (ReplicaRole::Follower, 5)
    );
    assert!(!world.fetches().is_empty());
}

#[test]
fn rk8_a_leader_and_isr_without_a_leader_is_answered_0_and_nothing_is_fetched() {
    let mut world = World::leading();
    world.facts();
    let answer = world.leader_and_isr(1, BROKER_EPOCH, vec![state(-1, 6, 1)]);
    assert_eq!(answer, (Fine, vec![Fine]));
    world.pass(1_000);
    assert_eq!(world.fetches().len(), 0);
}

#[test]
fn z8_a_stop_replica_with_an_older_leader_epoch_is_fenced_and_minus_2_is_always_obeyed() {
    let mut world = World::leading();
    let stopped = world.stop_replica(1, BROKER_EPOCH, 4, true);
    assert_eq!(stopped, (Fine, Some(FencedLeaderEpoch)));
    assert!(world.has_replica());
    world.facts();
    let stopped = world.stop_replica(1, BROKER_EPOCH, -2, false);
    assert_eq!(stopped, (Fine, Some(Fine)), "the topic is being deleted");
    assert!(world.has_replica());
    let stopped = world.stop_replica(1, BROKER_EPOCH, -2, true);
    assert_eq!(stopped, (Fine, Some(Fine)));
    assert!(!world.has_replica(), "the log is gone");
    let told = |deleted| Fact::ReplicaStopped {
        partition: t0(),
        deleted,
    };
    assert_eq!(world.facts(), [told(false), told(true)]);
}

#[test]
fn z8_a_stop_replica_of_the_current_epoch_is_obeyed() {
    let mut world = World::leading();
    let stopped = world.stop_replica(1, BROKER_EPOCH, 5, true);
    assert_eq!(stopped, (Fine, Some(Fine)));
    assert!(!world.has_replica());
}

#[test]
fn ct27_z8_who_hosts_something_on_a_partition_hears_of_its_leadership() {
    let gained = |epoch| LeadershipChanges {
        gained: vec![(t0(), epoch)],
        ..LeadershipChanges::default()
    };
    let lost = |epoch| LeadershipChanges {
        lost: vec![(t0(), epoch)],
        ..LeadershipChanges::default()
    };
    let mut world = World::leading();
    assert_eq!(world.leadership_changes(), [gained(5)]);
    world.leader_and_isr(1, BROKER_EPOCH, vec![state(1, 6, 1)]);
    assert_eq!(world.leadership_changes(), [], "it goes on leading");
    world.leader_and_isr(1, BROKER_EPOCH, vec![state(2, 7, 2)]);
    assert_eq!(world.leadership_changes(), [lost(Some(7))]);
    world.leader_and_isr(1, BROKER_EPOCH, vec![state(1, 8, 3)]);
    assert_eq!(world.leadership_changes(), [gained(8)]);
    world.stop_replica(1, BROKER_EPOCH, 7, true);
    assert_eq!(world.leadership_changes(), [], "fenced");
    world.stop_replica(1, BROKER_EPOCH, 8, false);
    assert_eq!(world.leadership_changes(), [], "stopped, not deleted");
    world.stop_replica(1, BROKER_EPOCH, -2, true);
    assert_eq!(world.leadership_changes(), [lost(None)]);
}
