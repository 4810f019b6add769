//! Fetches of sessions, with answers made up.

use super::*;
use crate::broker::testing::*;
use crate::protocol::{EpochEndOffset, FETCH_BY_TOPIC_ID};

/// Broker 1's manager, in a world that knows t-0 to t-2.
struct Desk {
    world: World,
    manager: FetchManager,
    correlation_id: i32,
    /// What the last fetch was about.
    about: Vec<(i32, i64)>,
}

impl Desk {
    fn new() -> Desk {
        let mut world = World::new();
        world.knows(&["t"], 3);
        Desk {
            world,
            manager: FetchManager::new(&BrokerConfig::default()),
            correlation_id: 0,
            about: Vec::new(),
        }
    }

    /// Takes a fetch in.
    fn begin(&mut self, request: FetchRequest) -> Result<Pending, ErrorCode> {
        self.correlation_id += 1;
        let to = Pending {
            conn: ConnId(1),
            correlation_id: self.correlation_id,
        };
        let mut request = request;
        let client = Rc::from("reader");
        let mut env = self.world.env();
        match self.manager.begin(&mut env, to, &client, &mut request) {
            Err(answer) => {
                assert_eq!((answer.session_id, answer.responses.len()), (0, 0));
                Err(answer.error)
            }
            Ok(()) => {
                let partitions = request.partitions.iter();
                self.about = partitions
                    .map(|it| (it.partition.partition, it.fetch_offset))
                    .collect();
                Ok(to)
            }
        }
    }

    /// The answer to what was taken in, which has this of each partition.
    fn finish(&mut self, to: Pending, data: Vec<FetchPartitionResponse>) -> FetchResponse {
        let mut response = FetchResponse {
            responses: data,
            ..failed(ErrorCode::None)
        };
        let now_ms = self.world.now_ms;
        let random = || Stream::named(1, "sessions");
        self.manager.finish(to, &mut response, now_ms, random);
        response
    }

    /// A fetch, answered with nothing new but by `change`.
    fn ask(
        &mut self,
        request: FetchRequest,
        change: impl Fn(&mut FetchPartitionResponse),
    ) -> FetchResponse {
        let to = self.begin(request).expect("in order");
        let about = std::mem::take(&mut self.about);
        let data = about.iter().map(|(partition, _)| {
            let mut data = nothing_of(*partition);
            change(&mut data);
            data
        });
        let answer = self.finish(to, data.collect());
        self.about = about;
        answer
    }

    /// Opens a session for t-0 and t-1.
    fn open(&mut self) -> i32 {
        let answer = self.ask(fetch(FetchMetadata::INITIAL, &[0, 1]), |_| {});
        assert_eq!(partitions(&answer), [0, 1]);
        assert_ne!(answer.session_id, 0);
        answer.session_id
    }
}

fn asked(partition: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition {
        partition: TopicPartition::new("t", partition),
        ..consume_at(fetch_offset)
    }
}

fn fetch(session: FetchMetadata, partitions: &[i32]) -> FetchRequest {
    FetchRequest {
        replica_id: CONSUMER_REPLICA_ID,
        replica_epoch: -1,
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 1_000_000,
        isolation_level: 0,
        version: FETCH_BY_TOPIC_NAME,
        session,
        partitions: partitions.iter().map(|it| asked(*it, 0)).collect(),
        forgotten: Vec::new(),
        rack_id: None,
    }
}

fn at(session_id: i32, epoch: i32) -> FetchMetadata {
    FetchMetadata { session_id, epoch }
}

fn nothing_of(partition: i32) -> FetchPartitionResponse {
    FetchPartitionResponse {
        high_watermark: 5,
        last_stable_offset: 5,
        log_start_offset: 0,
        ..FetchPartitionResponse::without_data(TopicPartition::new("t", partition), ErrorCode::None)
    }
}

fn partitions(answer: &FetchResponse) -> Vec<i32> {
    let responses = answer.responses.iter();
    responses.map(|it| it.partition.partition).collect()
}

#[test]
fn f10_an_incremental_fetch_is_about_the_whole_session() {
    let mut desk = Desk::new();
    let session = desk.open();
    let quiet = desk.ask(fetch(at(session, 1), &[]), |_| {});
    assert_eq!(desk.about, [(0, 0), (1, 0)]);
    assert_eq!((quiet.session_id, partitions(&quiet)), (session, vec![]));
    // One is new, one is asked for from elsewhere, one is forgotten.
    let request = FetchRequest {
        partitions: vec![asked(2, 0), asked(1, 4)],
        forgotten: vec![(TopicId::ZERO, TopicPartition::new("t", 0))],
        ..fetch(at(session, 2), &[])
    };
    let answer = desk.ask(request, |_| {});
    assert_eq!(desk.about, [(1, 4), (2, 0)]);
    assert_eq!(partitions(&answer), [2], "nothing was said of it before");
}

#[test]
fn f10_without_partitions_a_session_ends_and_a_full_fetch_ends_the_one_that_it_names() {
    let mut desk = Desk::new();
    let session = desk.open();
    let forgotten = [0, 1].map(|it| (TopicId::ZERO, TopicPartition::new("t", it)));
    let request = FetchRequest {
        forgotten: forgotten.to_vec(),
        ..fetch(at(session, 1), &[])
    };
    assert_eq!(desk.ask(request, |_| {}).session_id, 0);
    assert_eq!(desk.about, []);
    let gone = desk.begin(fetch(at(session, 2), &[]));
    assert_eq!(gone, Err(ErrorCode::FetchSessionIdNotFound));

    let first = desk.open();
    let second = desk.ask(fetch(at(first, 0), &[0]), |_| {}).session_id;
    assert!(second != 0 && second != first);
    let gone = desk.begin(fetch(at(first, 1), &[]));
    assert_eq!(gone, Err(ErrorCode::FetchSessionIdNotFound));
    let last = desk.ask(fetch(at(second, -1), &[]), |_| {});
    assert_eq!(last.session_id, 0);
    let gone = desk.begin(fetch(at(second, 1), &[]));
    assert_eq!(gone, Err(ErrorCode::FetchSessionIdNotFound));
    let none = desk.ask(fetch(FetchMetadata::LEGACY, &[0]), |_| {});
    assert_eq!((none.session_id, partitions(&none)), (0, vec![0]));
}

#[test]
fn f4_a_wrong_epoch_or_an_unknown_session_is_refused() {
    let mut desk = Desk::new();
    let session = desk.open();
    let unknown = desk.begin(fetch(at(session.wrapping_add(1), 1), &[]));
    assert_eq!(unknown, Err(ErrorCode::FetchSessionIdNotFound));
    for epoch in [2, 7] {
        let wrong = desk.begin(fetch(at(session, epoch), &[]));
        assert_eq!(wrong, Err(ErrorCode::InvalidFetchSessionEpoch));
    }
    // It stays what it was.
    assert_eq!(
        desk.ask(fetch(at(session, 1), &[]), |_| {}).session_id,
        session
    );
    let again = desk.begin(fetch(at(session, 1), &[]));
    assert_eq!(again, Err(ErrorCode::InvalidFetchSessionEpoch));
}

#[test]
fn f11_only_what_is_new_is_answered() {
    let second = |change: fn(&mut FetchPartitionResponse)| {
        let mut desk = Desk::new();
        let session = desk.open();
        let with = move |data: &mut FetchPartitionResponse| {
            if data.partition.partition == 1 {
                change(data);
            }
        };
        let once = partitions(&desk.ask(fetch(at(session, 1), &[]), with));
        let twice = partitions(&desk.ask(fetch(at(session, 2), &[]), with));
        let calm = partitions(&desk.ask(fetch(at(session, 3), &[]), |_| {}));
        (once, twice, calm)
    };
    let (none, one) = (vec![], vec![1]);
    let moved = second(|data| data.high_watermark = 6);
    assert_eq!(
        moved,
        (one.clone(), none.clone(), one.clone()),
        "a value is said once"
    );
    let moved = second(|data| data.log_start_offset = 2);
    assert_eq!(moved, (one.clone(), none.clone(), one.clone()));
    let with_records = second(|data| data.records = batch_at(0, 0, 1));
    assert_eq!(with_records, (one.clone(), one.clone(), none.clone()));
    let elsewhere = second(|data| data.preferred_read_replica = 2);
    assert_eq!(elsewhere, (one.clone(), one.clone(), none.clone()));
    let diverging = second(|data| {
        data.diverging_epoch = Some(EpochEndOffset {
            epoch: 0,
            end_offset: 0,
        });
    });
    assert_eq!(diverging, (one.clone(), one.clone(), none));
    // When an error is gone its partition comes once more.
    let failed = second(|data| data.error = ErrorCode::NotLeaderOrFollower);
    assert_eq!(failed, (one.clone(), one.clone(), one));
}

#[test]
fn f11_who_got_records_goes_to_the_end() {
    let mut desk = Desk::new();
    let answer = desk.ask(fetch(FetchMetadata::INITIAL, &[0, 1, 2]), |_| {});
    let session = answer.session_id;
    desk.ask(fetch(at(session, 1), &[]), |data| {
        if data.partition.partition == 0 {
            data.records = batch_at(0, 0, 1);
        }
    });
    desk.ask(fetch(at(session, 2), &[]), |_| {});
    assert_eq!(desk.about, [(1, 0), (2, 0), (0, 0)]);
}

#[test]
fn cc24_an_answer_that_was_overtaken_is_none() {
    let mut desk = Desk::new();
    let session = desk.open();
    let slow = desk.begin(fetch(at(session, 1), &[])).expect("in order");
    desk.ask(fetch(at(session, 2), &[]), |_| {});
    let answer = desk.finish(slow, vec![nothing_of(0)]);
    assert_eq!(answer.error, ErrorCode::InvalidFetchSessionEpoch);
    assert_eq!((answer.session_id, answer.responses.len()), (session, 0));
}

#[test]
fn cc24_a_session_goes_by_ids_or_by_names() {
    let mut desk = Desk::new();
    let session = desk.open();
    let by_id = FetchRequest {
        version: FETCH_BY_TOPIC_ID,
        ..fetch(at(session, 1), &[])
    };
    let refused = desk.begin(by_id);
    assert_eq!(refused, Err(ErrorCode::FetchSessionTopicIdError));
}

#[test]
fn cc24_a_session_that_was_evicted_meanwhile_is_still_answered() {
    let mut desk = Desk::new();
    let session = desk.open();
    let slow = desk.begin(fetch(at(session, 1), &[])).expect("in order");
    desk.manager.cache.remove(session);
    let answer = desk.finish(slow, vec![nothing_of(0), nothing_of(1)]);
    assert_eq!(
        (answer.error, answer.session_id),
        (ErrorCode::None, session)
    );
    assert_eq!(partitions(&answer), [0; 0]);
    let next = desk.begin(fetch(at(session, 2), &[]));
    assert_eq!(next, Err(ErrorCode::FetchSessionIdNotFound));
}

#[test]
fn rk16_a_fetch_by_an_id_that_the_cache_does_not_know_is_unknown_topic_id() {
    let mut desk = Desk::new();
    let unknown = FetchRequest {
        version: FETCH_BY_TOPIC_ID,
        partitions: vec![FetchPartition {
            topic_id: TopicId([9; 16]),
            ..asked(0, 0)
        }],
        ..fetch(FetchMetadata::INITIAL, &[])
    };
    let answer = desk.ask(unknown, |_| {});
    assert_eq!(desk.about, []);
    let errors = |answer: &FetchResponse| {
        let responses = answer.responses.iter();
        responses.map(|it| it.error).collect::<Vec<_>>()
    };
    assert_eq!(errors(&answer), [ErrorCode::UnknownTopicId]);
    let next = FetchRequest {
        version: FETCH_BY_TOPIC_ID,
        ..fetch(at(answer.session_id, 1), &[])
    };
    let answer = desk.ask(next, |_| {});
    assert_eq!(
        errors(&answer),
        [ErrorCode::UnknownTopicId],
        "as often as it is asked"
    );
    // By a name that the cache does not have.
    let missing = desk.ask(fetch(FetchMetadata::LEGACY, &[0, 8]), |_| {});
    assert_eq!(desk.about, [(0, 0)]);
    assert_eq!(partitions(&missing), [0, 8], "what is refused comes last");
    assert_eq!(errors(&missing)[1], ErrorCode::UnknownTopicOrPartition);
}
