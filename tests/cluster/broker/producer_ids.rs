//! InitProducerId: ids out of blocks that the controller gives, and what a broker does while it has none.

use crate::broker::world::{BROKER_EPOCH, CONTROLLER, SUCCESSOR, World};
use kafka_trial::protocol::config::BrokerConfig;
use kafka_trial::protocol::{
    AllocateProducerIdsResponse, ErrorCode, InitProducerIdRequest, NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID, Response,
};

fn block(start: i64, len: i32) -> AllocateProducerIdsResponse {
    AllocateProducerIdsResponse {
        error: ErrorCode::None,
        producer_id_start: start,
        producer_id_len: len,
    }
}

fn refused(error: ErrorCode) -> AllocateProducerIdsResponse {
    AllocateProducerIdsResponse {
        error,
        ..block(0, 0)
    }
}

fn init(world: &mut World, request: InitProducerIdRequest) -> Result<i64, ErrorCode> {
    let Response::InitProducerId(answer) = world.ask(request) else {
        panic!("InitProducerId is answered by its response");
    };
    if answer.error.is_none() {
        assert_eq!(answer.producer_epoch, 0);
        Ok(answer.producer_id)
    } else {
        assert_eq!(
            (answer.producer_id, answer.producer_epoch),
            (NO_PRODUCER_ID, NO_PRODUCER_EPOCH)
        );
        Err(answer.error)
    }
}

fn new_producer() -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
    }
}

fn next_id(world: &mut World) -> Result<i64, ErrorCode> {
    init(world, new_producer())
}

const WAIT: Result<i64, ErrorCode> = Err(ErrorCode::CoordinatorLoadInProgress);

fn with_controller() -> World {
    let mut world = World::new();
    world.update_metadata(9, 1, BROKER_EPOCH);
    world
}

#[test]
fn cp55_the_first_is_told_to_ask_again_and_the_next_block_is_asked_for_at_90_percent() {
    let mut world = with_controller();
    world.answers(CONTROLLER, vec![block(0, 20), block(1_000, 20)]);
    assert_eq!(next_id(&mut world), WAIT);
    world.pass(20);
    for id in 0..18 {
        assert_eq!(next_id(&mut world), Ok(id));
    }
    let asked = world.allocations(CONTROLLER);
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].broker_id, asked[0].broker_epoch),
        (1, BROKER_EPOCH)
    );
    assert_eq!(next_id(&mut world), Ok(18));
    world.pass(20);
    assert_eq!(world.allocations(CONTROLLER).len(), 2);
    assert_eq!(next_id(&mut world), Ok(19));
    assert_eq!(next_id(&mut world), Ok(1_000), "nobody had to wait for it");
}

#[test]
fn cp55_a_block_is_asked_for_once_however_many_ask_for_ids() {
    let mut world = with_controller();
    for _ in 0..3 {
        assert_eq!(next_id(&mut world), WAIT);
    }
    world.pass(20);
    assert_eq!(world.allocations(CONTROLLER).len(), 1);
}

#[test]
fn cp55_who_is_no_controller_any_more_is_left_for_who_is() {
    let mut world = with_controller();
    world.answers(CONTROLLER, vec![refused(ErrorCode::NotController)]);
    world.answers(SUCCESSOR, vec![block(2_000, 20)]);
    assert_eq!(next_id(&mut world), WAIT);
    world.pass(200);
    assert_eq!(next_id(&mut world), WAIT);
    let before = world.allocations(CONTROLLER).len();
    assert!(
        before > 1,
        "it asks on while it is told of nobody else: {before}"
    );
    world.update_metadata(8, 2, BROKER_EPOCH);
    world.pass(200);
    assert_eq!(next_id(&mut world), Ok(2_000));
    assert_eq!(world.allocations(SUCCESSOR).len(), 1);
}

#[test]
fn cp55_after_a_refusal_it_waits_50_ms_and_for_somebody_who_asks() {
    let mut world = with_controller();
    world.answers(
        CONTROLLER,
        vec![refused(ErrorCode::StaleBrokerEpoch), block(0, 20)],
    );
    assert_eq!(next_id(&mut world), WAIT);
    world.pass(20);
    assert_eq!(next_id(&mut world), WAIT);
    assert_eq!(world.allocations(CONTROLLER).len(), 1, "held back");
    world.pass(100);
    assert_eq!(world.allocations(CONTROLLER).len(), 1, "nobody asks");
    assert_eq!(next_id(&mut world), WAIT);
    world.pass(20);
    assert_eq!(next_id(&mut world), Ok(0));
}

#[test]
fn cp55_a_silent_controller_is_asked_anew_after_request_timeout_ms() {
    let mut world = World::with(BrokerConfig {
        request_timeout_ms: 2_000,
        ..BrokerConfig::default()
    });
    world.update_metadata(9, 1, BROKER_EPOCH);
    assert_eq!(next_id(&mut world), WAIT);
    world.pass(1_900);
    assert_eq!(next_id(&mut world), WAIT);
    world.pass(50);
    assert_eq!(world.allocations(CONTROLLER).len(), 1);
    world.answers(CONTROLLER, vec![block(0, 20)]);
    world.pass(100);
    assert_eq!(next_id(&mut world), WAIT, "the first question is given up");
    world.pass(100);
    assert_eq!(next_id(&mut world), Ok(0));
    assert_eq!(world.allocations(CONTROLLER).len(), 2);
}

#[test]
fn cp55_half_an_identity_and_transactions_are_refused() {
    let mut world = with_controller();
    for (producer_id, producer_epoch) in [(5, NO_PRODUCER_EPOCH), (NO_PRODUCER_ID, 0)] {
        let request = InitProducerIdRequest {
            producer_id,
            producer_epoch,
            ..new_producer()
        };
        assert_eq!(init(&mut world, request), Err(ErrorCode::InvalidRequest));
    }
    for (transactional_id, error) in [
        ("", ErrorCode::InvalidRequest),
        ("billing", ErrorCode::CoordinatorNotAvailable),
    ] {
        let request = InitProducerIdRequest {
            transactional_id: Some(transactional_id.into()),
            ..new_producer()
        };
        assert_eq!(init(&mut world, request), Err(error));
    }
    world.pass(20);
    assert_eq!(world.allocations(CONTROLLER).len(), 0);
}
