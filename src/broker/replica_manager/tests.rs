//! Produces and fetches against a replica manager, in memory.

use super::*;
use crate::broker::purgatory::Pending;
use crate::broker::testing::*;
use crate::kernel::ConnId;
use crate::log::batch::BatchBuilder;
use crate::metadata::MetadataCache;
use crate::protocol::config::ReplicaSelector;
use crate::protocol::{
    FETCH_BY_TOPIC_ID, FetchMetadata, FetchPartition, FetchRequest, ListenerName, ProduceRequest,
    ProducerStateFact, Response,
};

/// Broker 1's replica manager with t-0, led by it unless said otherwise.
fn manager(world: &mut World, isr: &[BrokerId], min_insync_replicas: i32) -> ReplicaManager {
    let mut manager = ReplicaManager::new(1, Rc::new(BrokerConfig::default()));
    let partition = world.leader(isr, min_insync_replicas);
    manager.partitions.insert(t0(), partition);
    world.facts();
    manager
}

fn to(conn: u64) -> Pending {
    Pending {
        conn: ConnId(conn),
        correlation_id: 7,
    }
}

fn produce(
    world: &mut World,
    manager: &mut ReplicaManager,
    conn: u64,
    acks: i16,
) -> Option<Parked> {
    let request = ProduceRequest {
        acks,
        timeout_ms: 3000,
        data: vec![(t0(), batch(2))],
    };
    let mut appended = Appended::default();
    manager.append_next(&mut world.env(), &request, &mut appended, false);
    manager.finish_produce(&mut world.env(), to(conn).into(), &request, appended)
}

fn fetch(
    world: &mut World,
    manager: &mut ReplicaManager,
    conn: u64,
    replica: BrokerId,
    partition: FetchPartition,
) -> Option<Parked> {
    let request = FetchRequest {
        replica_id: replica,
        replica_epoch: -1,
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 10_485_760,
        isolation_level: 0,
        version: FETCH_BY_TOPIC_ID,
        session: FetchMetadata::LEGACY,
        partitions: vec![partition],
        forgotten: vec![],
        rack_id: None,
    };
    let listener = ListenerName::default();
    manager.fetch(&mut world.env(), to(conn), Box::new(request), &listener)
}

/// Answers since the last call: connection, error, and offset (of a produce the base, of a fetch
/// the end of its records).
fn answers(world: &mut World) -> Vec<(u64, ErrorCode, i64)> {
    std::mem::take(&mut world.out.answers)
        .into_iter()
        .map(|answer| {
            let (error, offset) = match answer.response {
                Some(Response::Produce(produce)) => {
                    let partition = &produce.responses[0];
                    (partition.error, partition.base_offset)
                }
                Some(Response::Fetch(fetch)) => {
                    let partition = &fetch.responses[0];
                    (
                        partition.error,
                        partition.records.next_offset().unwrap_or(-1),
                    )
                }
                other => panic!("neither produce nor fetch: {other:?}"),
            };
            (answer.to.conn().map_or(0, |conn| conn.0), error, offset)
        })
        .collect()
}

#[test]
fn p3_acks_all_waits_for_the_isr_and_is_answered_by_the_fetch_that_acknowledges() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2], 1);
    let parked = produce(&mut world, &mut manager, 10, -1);
    assert_eq!(parked.map(|parked| parked.timeout_ms), Some(3000));
    assert_eq!(answers(&mut world), []);
    fetch(&mut world, &mut manager, 20, 2, fetch_at(0, 0, -1));
    assert_eq!(answers(&mut world), [(20, ErrorCode::None, 2)]);
    fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
    assert_eq!(answers(&mut world), [(10, ErrorCode::None, 0)]);
}

#[test]
fn p3_at_the_timeout_the_data_stays_and_the_answer_is_request_timed_out() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2], 1);
    let parked = produce(&mut world, &mut manager, 10, -1).expect("waits");
    manager.expire(&mut world.env(), parked.op);
    assert_eq!(answers(&mut world), [(10, ErrorCode::RequestTimedOut, 0)]);
    let log = manager.partition(&t0()).and_then(Partition::log);
    assert_eq!(log.map(UnifiedLog::log_end_offset), Some(2));
    fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
    assert_eq!(answers(&mut world), [], "answered once");
}

#[test]
fn p3_lost_leadership_answers_what_is_parked() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2], 1);
    produce(&mut world, &mut manager, 10, -1);
    fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
    assert!(produce(&mut world, &mut manager, 11, -1).is_some());
    answers(&mut world);
    fetch(&mut world, &mut manager, 21, 2, fetch_at(4, 0, 0));
    answers(&mut world);
    produce(&mut world, &mut manager, 12, -1);
    assert!(fetch(&mut world, &mut manager, 30, -1, consume_at(4)).is_some());
    answers(&mut world);
    manager
        .get_or_create(&t0())
        .make_follower(&mut world.env(), &state(2, 1, 1, &[1, 2]));
    manager.complete(&mut world.env(), &t0(), true, true);
    let answers = answers(&mut world);
    assert_eq!(answers, [(12, ErrorCode::NotLeaderOrFollower, 4)]);
}

#[test]
fn d18_a_duplicate_with_acks_all_waits_for_the_high_watermark() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2], 1);
    let mut send = |world: &mut World, conn, acks, sequence| {
        let mut builder = BatchBuilder::new().producer(9, 0, sequence);
        builder.append(START_MS, None, Some(b"position"), &[]);
        let request = ProduceRequest {
            acks,
            timeout_ms: 3000,
            data: vec![(t0(), builder.build().into())],
        };
        let mut appended = Appended::default();
        manager.append_next(&mut world.env(), &request, &mut appended, false);
        let to = to(conn).into();
        manager.finish_produce(&mut world.env(), to, &request, appended);
    };
    send(&mut world, 10, -1, 0);
    send(&mut world, 10, -1, 1);
    world.facts();
    send(&mut world, 11, -1, 0);
    send(&mut world, 12, 1, 0);
    send(&mut world, 13, -1, 7);
    assert_eq!(
        answers(&mut world),
        [
            (12, ErrorCode::None, 0),
            (13, ErrorCode::OutOfOrderSequenceNumber, -1)
        ],
        "who does not wait for replicas is answered at once"
    );
    let duplicate = ProducerStateFact::Duplicate {
        partition: t0(),
        producer_id: 9,
        producer_epoch: 0,
        first_sequence: 0,
        last_sequence: 0,
        base_offset: 0,
    };
    let out_of_order = ProducerStateFact::OutOfOrder {
        partition: t0(),
        producer_id: 9,
        expected: 2,
        found: 7,
    };
    let facts = world.facts();
    let of_producers = facts
        .into_iter()
        .filter(|fact| matches!(fact, Fact::ProducerState(_)));
    assert_eq!(
        of_producers.collect::<Vec<_>>(),
        [
            duplicate.clone().into(),
            duplicate.into(),
            out_of_order.into()
        ]
    );
    let log = manager.partition(&t0()).and_then(Partition::log);
    assert_eq!(log.map(UnifiedLog::log_end_offset), Some(2));
    fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
    let mut committed = answers(&mut world);
    committed.sort_unstable_by_key(|answer| (answer.0, answer.2));
    assert_eq!(
        committed,
        [
            (10, ErrorCode::None, 0),
            (10, ErrorCode::None, 1),
            (11, ErrorCode::None, 0)
        ]
    );
}

#[test]
fn p4_acks_1_is_answered_at_once_acks_0_only_by_closing_on_error() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2], 1);
    assert_eq!(produce(&mut world, &mut manager, 10, 1), None);
    assert_eq!(answers(&mut world), [(10, ErrorCode::None, 0)]);
    assert_eq!(produce(&mut world, &mut manager, 10, 0), None);
    let answer = world.out.answers.pop().expect("an end of the request");
    assert!(answer.response.is_none() && !answer.close);
    manager
        .get_or_create(&t0())
        .make_follower(&mut world.env(), &state(2, 1, 1, &[1, 2]));
    produce(&mut world, &mut manager, 10, 0);
    let answer = world.out.answers.pop().expect("an end of the request");
    assert!(answer.response.is_none() && answer.close);
}

#[test]
fn hw6_a_parked_follower_fetch_is_woken_by_data_not_by_the_high_watermark() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2, 3], 1);
    produce(&mut world, &mut manager, 10, 1);
    assert!(fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0)).is_some());
    answers(&mut world);
    assert!(fetch(&mut world, &mut manager, 30, 3, fetch_at(2, 0, 0)).is_some());
    assert_eq!(answers(&mut world), [], "the high watermark moved to 2");
    produce(&mut world, &mut manager, 10, 1);
    assert_eq!(
        answers(&mut world),
        [
            (10, ErrorCode::None, 2),
            (20, ErrorCode::None, 4),
            (30, ErrorCode::None, 4)
        ],
        "in the event of the append"
    );
}

#[test]
fn f2_a_consumer_waits_for_the_high_watermark_and_an_error_for_nothing() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2], 1);
    assert!(fetch(&mut world, &mut manager, 40, -1, consume_at(0)).is_some());
    produce(&mut world, &mut manager, 10, 1);
    assert_eq!(answers(&mut world), [(10, ErrorCode::None, 0)]);
    fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
    assert_eq!(answers(&mut world), [(40, ErrorCode::None, 2)]);
    assert_eq!(fetch(&mut world, &mut manager, 41, -1, consume_at(9)), None);
    assert_eq!(answers(&mut world), [(41, ErrorCode::OffsetOutOfRange, -1)]);
}

#[test]
fn f3_above_the_high_watermark_a_consumer_is_answered_at_once_with_nothing() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2], 1);
    produce(&mut world, &mut manager, 10, 1);
    answers(&mut world);
    assert_eq!(fetch(&mut world, &mut manager, 40, -1, consume_at(1)), None);
    assert_eq!(answers(&mut world), [(40, ErrorCode::None, -1)]);
}

#[test]
fn f3_a_new_epoch_ends_the_wait_of_fetches_in_the_old_one() {
    let mut world = World::new();
    let mut manager = manager(&mut world, &[1, 2], 1);
    fetch(&mut world, &mut manager, 20, 2, fetch_at(0, 0, -1));
    manager
        .get_or_create(&t0())
        .make_leader(&mut world.env(), &state(1, 1, 1, &[1, 2]))
        .expect("a log");
    manager.complete(&mut world.env(), &t0(), true, true);
    assert_eq!(
        answers(&mut world),
        [(20, ErrorCode::FencedLeaderEpoch, -1)]
    );
}

#[test]
fn unknown_partitions_and_absent_replicas_are_told_apart_by_the_cache() {
    let mut world = World::new();
    let mut manager = ReplicaManager::new(1, Rc::new(BrokerConfig::default()));
    produce(&mut world, &mut manager, 10, 1);
    assert_eq!(
        answers(&mut world),
        [(10, ErrorCode::NotLeaderOrFollower, -1)]
    );
    world.cache = MetadataCache::default();
    produce(&mut world, &mut manager, 10, 1);
    assert_eq!(
        answers(&mut world),
        [(10, ErrorCode::UnknownTopicOrPartition, -1)]
    );
}

#[test]
fn cc26_who_is_sent_elsewhere_is_answered_at_once_and_without_records() {
    let mut world = World::new();
    world.alive_in(&[(1, Some("a")), (2, Some("b"))]);
    let mut manager = manager(&mut world, &[1, 2], 1);
    produce(&mut world, &mut manager, 10, 1);
    fetch(&mut world, &mut manager, 20, 2, fetch_at(2, 0, 0));
    answers(&mut world);
    let mut ask = |selector: ReplicaSelector, rack: &str| {
        manager.config = Rc::new(BrokerConfig {
            replica_selector: selector,
            ..BrokerConfig::default()
        });
        let request = FetchRequest {
            replica_id: -1,
            replica_epoch: -1,
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 1_000_000,
            isolation_level: 0,
            version: FETCH_BY_TOPIC_ID,
            session: FetchMetadata::LEGACY,
            partitions: vec![consume_at(0)],
            forgotten: vec![],
            rack_id: (!rack.is_empty()).then(|| rack.into()),
        };
        let listener = ListenerName::default();
        let parked = manager.fetch(&mut world.env(), to(30), Box::new(request), &listener);
        assert_eq!(parked, None, "nothing to wait for");
        let answer = world.out.answers.pop().and_then(|answer| answer.response);
        let Some(Response::Fetch(answer)) = answer else {
            panic!("no answer");
        };
        let of = &answer.responses[0];
        (
            of.preferred_read_replica,
            of.records.next_offset(),
            of.high_watermark,
        )
    };
    let all = (-1, Some(2), 2);
    assert_eq!(ask(ReplicaSelector::RackAware, "b"), (2, None, 2));
    assert_eq!(ask(ReplicaSelector::RackAware, "a"), all);
    assert_eq!(ask(ReplicaSelector::RackAware, ""), all);
    assert_eq!(ask(ReplicaSelector::Leader, "b"), all);
}
