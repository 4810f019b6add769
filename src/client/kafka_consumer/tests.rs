//! A member of a group and its library, one call of `poll` after the other.

mod town;

use crate::client::Bootstrap;
use crate::client::consumer_coordinator::GroupNews;
use crate::client::consumer_coordinator::commits::Committing;
use crate::client::consumer_coordinator::listener::Callback;
use crate::client::kafka_consumer::asking::OffsetApi;
use crate::client::kafka_consumer::{KafkaConsumer, Polled};
use crate::log::batch::{BatchBuilder, RecordBatch, Records};
use crate::protocol::config::{ConsumerConfig, Properties};
use crate::protocol::{AbortedTransaction, ErrorCode, FetchPartitionResponse, Hosts};
use town::{Town, World, t0};

/// What is asked for while it works is asked for once: an answer without records is followed by no other fetch until
/// the next `poll`.
#[test]
fn cc1_who_works_has_asked_for_the_next_records_and_asks_no_more() {
    let mut world = World::default();
    let mut batch = BatchBuilder::new();
    batch.append(0, None, Some(b"v"), &[]);
    world.batches.push(batch.build());
    let mut town = Town::new(world, &[]);
    town.act(|library, ctx| library.begin_poll(ctx));
    while !town.polled().contains(&Polled::Returned) {
        town.run_ms(1);
    }
    town.run_ms(5_000);
    assert_eq!(town.world().fetches, 2, "its records, and the next");
    town.act(|library, ctx| library.begin_poll(ctx));
    town.run_ms(100);
    assert!(town.world().fetches > 2);
}

#[test]
fn cc4_committed_offsets_are_asked_for_again_after_longer_and_longer() {
    let mut world = World::default();
    let loading = ErrorCode::CoordinatorLoadInProgress;
    world.offset_fetch_errors.extend([loading; 6]);
    let mut town = Town::new(world, &[]);
    town.act(|library, ctx| library.begin_poll(ctx));
    town.run_ms(10_000);
    let asked = &town.world().offset_fetches;
    let pauses: Vec<u64> = asked.windows(2).map(|two| two[1] - two[0]).collect();
    // Give or take a fifth, and a way there and back.
    let least_and_most = [80, 160, 320, 640, 800, 800].into_iter();
    let least_and_most = least_and_most.zip([122, 242, 482, 962, 1_002, 1_002]);
    assert_eq!(pauses.len(), 6, "{pauses:?}");
    for (pause, (least, most)) in pauses.iter().zip(least_and_most) {
        assert!((least..=most).contains(pause), "{pauses:?}");
    }
}

/// A compacted log's end, where there are offsets and no records.
#[test]
fn cc6_a_poll_that_only_moved_a_position_returns_with_nothing() {
    let mut world = World::default();
    world.batches.push(BatchBuilder::new().build_until(4));
    let mut town = Town::new(world, &[]);
    town.act(|library, ctx| library.begin_poll(ctx));
    town.run_ms(1_000);
    let polled = town.polled();
    let returned = polled.iter().filter(|it| matches!(it, Polled::Returned));
    assert_eq!(returned.count(), 1, "{polled:?}");
    assert!(!polled.iter().any(|it| matches!(it, Polled::Record(_))));
    assert_eq!(town.library().positions()[&t0()], 5);
}

/// Of what is buffered nothing counts before its turn comes.
#[test]
fn cc13_a_lag_is_counted_from_the_end_that_an_answer_named_once_its_records_are_touched() {
    fn record_at(offset: i64) -> RecordBatch {
        let mut batch = BatchBuilder::new().base_offset(offset);
        batch.append(0, None, Some(b"v"), &[]);
        batch.build()
    }
    let lags_and_leads = |settings: &[(&str, &str)]| {
        let world = World {
            batches: (3..8).map(record_at).collect(),
            log_start_offset: 3,
            withheld: 4,
            open_transaction: 1,
            // The fetch that goes while the application works finds more.
            then: Some(|world| {
                world.batches.push(record_at(8));
                (world.withheld, world.log_start_offset) = (10, 4);
            }),
            ..World::default()
        };
        let mut town = Town::new(world, settings);
        let before = town.library().lag_and_lead(&t0());
        town.act(|library, ctx| library.begin_poll(ctx));
        while !town.polled().contains(&Polled::Returned) {
            town.run_ms(1);
        }
        let read = town.library().lag_and_lead(&t0());
        town.run_ms(1_000);
        let buffered = town.library().lag_and_lead(&t0());
        town.act(|library, ctx| library.begin_poll(ctx));
        [before, read, buffered, town.library().lag_and_lead(&t0())]
    };
    let (first, second) = ((Some(4), Some(5)), (Some(10), Some(5)));
    assert_eq!(lags_and_leads(&[]), [(None, None), first, first, second]);
    let (first, second) = ((Some(3), Some(5)), (Some(9), Some(5)));
    let read_committed = [("isolation.level", "read_committed")];
    assert_eq!(
        lags_and_leads(&read_committed),
        [(None, None), first, first, second]
    );
}

/// Two transactions of one producer that were aborted, one between them that was not, and another producer's.
#[test]
fn cc18_batches_of_aborted_transactions_are_left_out_up_to_their_markers() {
    fn data(offset: i64, producer: i64) -> RecordBatch {
        let batch = BatchBuilder::new().base_offset(offset);
        let mut batch = batch.producer(producer, 0, 0).transactional();
        batch.append(0, None, Some(b"v"), &[]);
        batch.build()
    }
    fn marker(offset: i64, producer: i64, kind: u8) -> RecordBatch {
        let batch = BatchBuilder::new().base_offset(offset).transactional();
        let mut batch = batch.control().producer(producer, 0, -1);
        batch.append(0, Some(&[0, 0, 0, kind]), Some(&[0; 6]), &[]);
        batch.build()
    }
    let (abort, commit) = (0, 1);
    let mut idempotent = BatchBuilder::new().base_offset(4).producer(7, 0, 0);
    idempotent.append(0, None, Some(b"v"), &[]);
    let aborted = |first_offset| AbortedTransaction {
        producer_id: 7,
        first_offset,
    };
    let read = |settings: &[(&str, &str)]| {
        let world = World {
            batches: vec![
                data(0, 7),
                data(1, 8),
                marker(2, 7, abort),
                data(3, 7),
                idempotent.clone().build(),
                marker(5, 7, commit),
                data(6, 7),
                marker(7, 8, commit),
                marker(8, 7, abort),
            ],
            aborted: vec![aborted(6), aborted(0)],
            ..World::default()
        };
        let mut town = Town::new(world, settings);
        for _ in 0..3 {
            town.act(|library, ctx| library.begin_poll(ctx));
            town.run_ms(1_000);
        }
        let polled = town.polled().into_iter();
        let offsets = polled.filter_map(|polled| match polled {
            Polled::Record(record) => Some(record.offset),
            _ => None,
        });
        let offsets: Vec<i64> = offsets.collect();
        (offsets, town.library().positions()[&t0()])
    };
    let read_committed = [("isolation.level", "read_committed")];
    assert_eq!(read(&read_committed), (vec![1, 3, 4], 9));
    assert_eq!(read(&[]), (vec![0, 1, 3, 4, 6], 9), "markers are nobody's");
}

/// The batch behind it cannot be read, so the position stays where the aborted one ends.
#[test]
fn cc18_a_batch_that_is_left_out_gives_the_position_its_epoch() {
    let batch = |offset, epoch| BatchBuilder::new().base_offset(offset).leader_epoch(epoch);
    let mut aborted = batch(1, 4).producer(7, 0, 0).transactional();
    let mut others = [batch(0, 3), batch(2, 5)];
    for batch in others.iter_mut().chain([&mut aborted]) {
        batch.append(0, None, Some(b"v"), &[]);
    }
    let [before, behind] = others.map(BatchBuilder::build);
    let mut damaged = behind.to_bytes().to_vec();
    *damaged.last_mut().expect("bytes") ^= 1;
    let damaged = RecordBatch::parse_unchecked(damaged.into()).expect("a whole batch");
    let first_offset = 1;
    let answer = FetchPartitionResponse {
        aborted_transactions: Some(vec![AbortedTransaction {
            producer_id: 7,
            first_offset,
        }]),
        records: Records::from(vec![before, aborted.build(), damaged]),
        ..FetchPartitionResponse::without_data(t0(), ErrorCode::None)
    };
    let read_committed = ("isolation.level".to_owned(), "read_committed".to_owned());
    let config = ConsumerConfig::parse(&Properties::from_iter([read_committed]));
    let bootstrap = Bootstrap {
        hosts: Hosts::new([]),
        servers: Vec::new(),
    };
    let mut library = KafkaConsumer::new(0, "c", &bootstrap, config.expect("settings"));
    library.assign(t0());
    library.seek(&t0(), 0);
    let position = library.subscriptions.position(&t0()).expect("sought");
    library.take_records(&t0(), position, &answer);
    let position = library.subscriptions.position(&t0()).expect("as before");
    assert_eq!((position.offset, position.offset_epoch), (2, 4));
}

#[test]
fn cc34_a_member_without_a_policy_reads_on_once_another_has_committed() {
    let mut town = Town::new(World::default(), &[("auto.offset.reset", "none")]);
    town.act(|library, ctx| library.begin_poll(ctx));
    town.run_ms(1_000);
    let thrown = town.polled().into_iter();
    let thrown: Vec<Polled> = thrown
        .filter(|it| matches!(it, Polled::Exception { .. }))
        .collect();
    let told = Polled::Exception {
        partition: t0(),
        exception: "NoOffsetForPartitionException",
    };
    assert_eq!(thrown, [told], "told once");
    let asked = town.world().offset_fetches.len();
    assert!((5..=11).contains(&asked), "{asked}");
    town.world().committed = Some(5);
    town.run_ms(200);
    assert_eq!(town.library().positions().get(&t0()), Some(&5));
}

/// The second commit would be late after 30 s only.
#[test]
fn cc37_what_a_coordinator_was_asked_before_it_became_unknown_ends_as_lost() {
    let world = World {
        last_commit: Some(ErrorCode::NotCoordinator),
        ..World::default()
    };
    let mut town = Town::new(world, &[]);
    town.act(|library, ctx| library.begin_poll(ctx));
    town.run_ms(500);
    town.polled();
    town.act(|library, ctx| {
        for offset in [1, 2] {
            library.commit(ctx, Some(vec![(t0(), offset)]), Committing::Async);
        }
    });
    town.run_ms(10);
    assert_eq!(town.world().commits, 2);
    let failed = Polled::Group(GroupNews::CommitFailed("RetriableCommitFailedException"));
    assert_eq!(town.polled(), [failed.clone(), failed]);
}

/// As played with 3.9.1: the next `poll` calls `onPartitionsAssigned` once more, with nothing.
#[test]
fn cc47_who_catches_what_its_listener_threw_is_a_member_as_before() {
    let mut world = World::default();
    let mut batch = BatchBuilder::new();
    batch.append(0, None, Some(b"v"), &[]);
    world.batches.push(batch.build());
    let mut town = Town::new(world, &[]);
    town.act(|library, ctx| {
        library.have_listener_throw(Callback::Assigned);
        library.begin_poll(ctx);
    });
    town.run_ms(1_000);
    let assigned = |polled: &Polled| match polled {
        Polled::Group(GroupNews::Assigned { partitions, .. }) => Some(partitions.clone()),
        _ => None,
    };
    let polled = town.polled();
    let calls: Vec<_> = polled.iter().filter_map(assigned).collect();
    assert_eq!(calls, [vec![t0()]]);
    let threw = Polled::Group(GroupNews::ListenerThrew(Callback::Assigned));
    assert_eq!(polled.last(), Some(&threw));
    town.act(|library, ctx| library.begin_poll(ctx));
    town.run_ms(1_000);
    let polled = town.polled();
    let calls: Vec<_> = polled.iter().filter_map(assigned).collect();
    assert_eq!(calls, [vec![]]);
    assert!(polled.iter().any(|it| matches!(it, Polled::Record(_))));
    assert_eq!(town.world().generation, 1, "it joined once");
}

/// A member that has joined, and asks: what it is told, after how many milliseconds and how many questions for what is
/// committed.
fn told(
    api: OffsetApi,
    world: World,
    settings: &[(&str, &str)],
) -> (Result<Option<i64>, &'static str>, u64, usize) {
    let mut town = Town::new(world, settings);
    town.act(|library, ctx| library.begin_poll(ctx));
    town.run_ms(500);
    let asked = town.world().offset_fetches.len();
    town.act(move |library, ctx| library.ask_offset(ctx, api, t0()));
    for ms in 0..5_000 {
        for polled in town.polled() {
            if let Polled::Told { result, .. } = polled {
                return (result, ms, town.world().offset_fetches.len() - asked);
            }
        }
        town.run_ms(1);
    }
    panic!("it waits for ever")
}

#[test]
fn cc35_an_application_that_asks_for_an_offset_waits_for_default_api_timeout_ms() {
    let loading = |times| {
        let mut world = World {
            log_start_offset: 3,
            ..World::default()
        };
        let error = ErrorCode::CoordinatorLoadInProgress;
        world.offset_fetch_errors.extend(vec![error; times]);
        world
    };
    // Three answers are to `poll`, which looks for its position; then back-offs of 100, 200 and 400 ms.
    let (result, ms, asked) = told(OffsetApi::Committed, loading(6), &[]);
    assert_eq!((result, asked), (Ok(None), 4), "nothing is committed");
    assert!((560..850).contains(&ms), "{ms}");
    // Its position is asked for in this call too.
    let (result, ms, _) = told(OffsetApi::Position, loading(4), &[]);
    assert_eq!(result, Ok(Some(3)));
    assert!((400..1_500).contains(&ms), "{ms}");
    let (result, ms, _) = told(OffsetApi::BeginningOffsets, loading(99), &[]);
    assert_eq!((result, ms < 3), (Ok(Some(3)), true));
    let no_policy = [("auto.offset.reset", "none")];
    let (result, ms, _) = told(OffsetApi::Position, loading(4), &no_policy);
    assert_eq!(result, Err("NoOffsetForPartitionException"));
    assert!((400..1_500).contains(&ms), "{ms}");
    let short = [("default.api.timeout.ms", "1000")];
    for api in [OffsetApi::Committed, OffsetApi::Position] {
        let (result, ms, _) = told(api, loading(99), &short);
        assert_eq!((result, ms), (Err("TimeoutException"), 1_000));
    }
}
