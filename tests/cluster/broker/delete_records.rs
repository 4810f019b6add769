//! DeleteRecords: one partition at a time.

use crate::broker::world::{BROKER_EPOCH, CONTROLLER, SUCCESSOR, World, state, t0};
use kafka_trial::log::Records;
use kafka_trial::log::batch::BatchBuilder;
use kafka_trial::protocol::config::BrokerConfig;
use kafka_trial::protocol::{
    DeleteRecordsRequest, ErrorCode, ProduceRequest, Response, TopicPartition,
};

/// Broker 1 leads t-0 and t-1 alone, with three records in each, and flushes what is appended.
fn leading_two() -> World {
    let mut config = BrokerConfig::default();
    config.topic_defaults.flush_messages = 1;
    let mut world = World::with(config);
    world.update_metadata(9, 1, BROKER_EPOCH);
    let led = |number| {
        let mut state = state(1, 5, 0);
        state.partition = TopicPartition::new("t", number);
        (state.isr, state.replicas) = (vec![1], vec![1]);
        state
    };
    world.leader_and_isr(1, BROKER_EPOCH, [0, 1].map(led).to_vec());
    for number in [0, 1] {
        let answer = world.ask(three_records(number));
        let Response::Produce(answer) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(answer.responses[0].error, ErrorCode::None);
    }
    world
}

fn three_records(partition: i32) -> ProduceRequest {
    let mut batch = BatchBuilder::new();
    for _ in 0..3 {
        batch.append(1_795_000_000_000, None, Some(b"position"), &[]);
    }
    let records = Records::from(vec![batch.build()]);
    ProduceRequest {
        acks: 1,
        timeout_ms: 30_000,
        data: vec![(TopicPartition::new("t", partition), records)],
    }
}

fn starts(world: &World) -> [i64; 2] {
    [0, 1].map(|number| world.log_start(&TopicPartition::new("t", number)))
}

#[test]
fn lk11_a_delete_records_waits_for_one_partition_at_a_time() {
    let mut world = leading_two();
    world.hang_syncs(true);
    world.tell_from(SUCCESSOR, three_records(1));
    world.pass(100);
    let request = DeleteRecordsRequest {
        partitions: vec![(t0(), 2), (TopicPartition::new("t", 1), 2)],
        timeout_ms: 30_000,
    };
    world.tell_from(CONTROLLER, request);
    world.pass(1_000);
    assert_eq!(
        starts(&world),
        [2, 0],
        "an append to t-1 hangs, and t-0 is nobody's"
    );
    world.hang_syncs(false);
    world.pass(1_000);
    assert_eq!(starts(&world), [2, 2]);
    let Some(Response::DeleteRecords(answer)) = world.answer_to(CONTROLLER) else {
        panic!("it is answered once all partitions have had their turn");
    };
    let low: Vec<_> = answer.partitions.iter().map(|it| (it.1, it.2)).collect();
    assert_eq!(low, [(2, ErrorCode::None), (2, ErrorCode::None)]);
}
