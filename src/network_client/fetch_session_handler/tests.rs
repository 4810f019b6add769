//! What the next fetch says, after what the last one came to.

use super::*;
use crate::protocol::FetchPartitionResponse;

fn asked(partition: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition {
        partition: TopicPartition::new("t", partition),
        topic_id: TopicId([1; 16]),
        current_leader_epoch: 0,
        fetch_offset,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        max_bytes: 1_048_576,
    }
}

fn answer(error: ErrorCode, session_id: i32, partitions: &[i32]) -> FetchResponse {
    let data = |partition: &i32| {
        let partition = TopicPartition::new("t", *partition);
        FetchPartitionResponse::without_data(partition, ErrorCode::None)
    };
    FetchResponse {
        error,
        session_id,
        responses: partitions.iter().map(data).collect(),
        node_endpoints: Vec::new(),
    }
}

/// Session, epoch, partitions with offsets, forgotten.
fn said(data: &FetchRequestData) -> (i32, i32, Vec<(i32, i64)>, Vec<i32>) {
    let sent = data.to_send.iter();
    let forgotten = data.forgotten.iter();
    (
        data.metadata.session_id,
        data.metadata.epoch,
        sent.map(|it| (it.partition.partition, it.fetch_offset))
            .collect(),
        forgotten.map(|(_, name)| name.partition).collect(),
    )
}

/// In session 7, with partitions 0 and 1 at 0; the next epoch is 1.
fn in_session() -> FetchSessionHandler {
    let mut handler = FetchSessionHandler::default();
    handler.build(vec![asked(0, 0), asked(1, 0)]);
    assert!(handler.handle_response(&answer(ErrorCode::None, 7, &[0, 1])));
    handler
}

#[test]
fn cc19_a_full_fetch_opens_a_session_whose_epochs_are_counted_from_1() {
    let mut handler = FetchSessionHandler::default();
    let full = handler.build(vec![asked(1, 5), asked(0, 3)]);
    assert_eq!(said(&full), (0, 0, vec![(1, 5), (0, 3)], vec![]));
    assert!(handler.handle_response(&answer(ErrorCode::None, 7, &[0, 1])));
    for epoch in 1..4 {
        let next = handler.build(vec![asked(0, 3), asked(1, 5)]);
        assert_eq!(said(&next), (7, epoch, vec![], vec![]));
        assert!(handler.handle_response(&answer(ErrorCode::None, 7, &[])));
    }
    handler.metadata.epoch = i32::MAX;
    assert!(handler.handle_response(&answer(ErrorCode::None, 7, &[])));
    let next = handler.build(vec![asked(0, 3), asked(1, 5)]);
    assert_eq!(next.metadata.epoch, 1, "0 has a meaning of its own");
}

#[test]
fn cc19_without_a_session_every_fetch_is_full() {
    let mut handler = FetchSessionHandler::default();
    for _ in 0..2 {
        let full = handler.build(vec![asked(0, 3)]);
        assert_eq!(said(&full), (0, 0, vec![(0, 3)], vec![]));
        assert!(handler.handle_response(&answer(ErrorCode::None, 0, &[0])));
    }
    // A broker may end a session with an answer.
    let mut handler = in_session();
    handler.build(vec![asked(0, 0), asked(1, 0)]);
    assert!(handler.handle_response(&answer(ErrorCode::None, 0, &[])));
    assert_eq!(
        handler.build(vec![asked(0, 0)]).metadata,
        FetchMetadata::INITIAL
    );
}

#[test]
fn cc20_an_incremental_fetch_names_what_is_new_what_has_changed_and_what_is_to_be_forgotten() {
    let mut handler = in_session();
    let next = handler.build(vec![asked(1, 4), asked(2, 0)]);
    assert_eq!(said(&next), (7, 1, vec![(2, 0), (1, 4)], vec![0]));
    assert_eq!(next.version, FETCH_BY_TOPIC_ID);
    assert!(handler.handle_response(&answer(ErrorCode::None, 7, &[1])));
    let partition = |number| TopicPartition::new("t", number);
    let offset = |number| handler.asked(&partition(number)).map(|it| it.fetch_offset);
    assert_eq!([offset(0), offset(1), offset(2)], [None, Some(4), Some(0)]);
    for change in [
        |it: &mut FetchPartition| it.log_start_offset = 1,
        |it: &mut FetchPartition| it.max_bytes = 1,
        |it: &mut FetchPartition| it.current_leader_epoch = 1,
        |it: &mut FetchPartition| it.last_fetched_epoch = 1,
    ] {
        let mut handler = in_session();
        let mut changed = asked(1, 0);
        change(&mut changed);
        let next = handler.build(vec![asked(0, 0), changed]);
        assert_eq!(said(&next), (7, 1, vec![(1, 0)], vec![]));
    }
}

#[test]
fn cc20_another_topic_of_the_same_name_replaces_the_one_before() {
    let mut handler = in_session();
    let replaced = FetchPartition {
        topic_id: TopicId([2; 16]),
        ..asked(1, 0)
    };
    let next = handler.build(vec![asked(0, 0), replaced.clone()]);
    assert_eq!(next.to_send, [replaced]);
    let before = (TopicId([1; 16]), TopicPartition::new("t", 1));
    assert_eq!(next.forgotten, [before]);
    // Who knows no id goes by names, among which there is nothing to be replaced.
    let mut handler = in_session();
    let nameless = FetchPartition {
        topic_id: TopicId::ZERO,
        ..asked(1, 0)
    };
    let next = handler.build(vec![asked(0, 0), nameless]);
    assert_eq!(
        (next.version, next.forgotten),
        (FETCH_BY_TOPIC_NAME, vec![])
    );
}

#[test]
fn cc21_an_error_ends_the_session_and_the_next_fetch_asks_for_another() {
    let next = |refuse: &dyn Fn(&mut FetchSessionHandler)| {
        let mut handler = in_session();
        handler.build(vec![asked(0, 0), asked(1, 0)]);
        refuse(&mut handler);
        said(&handler.build(vec![asked(0, 0), asked(1, 0)]))
    };
    let error = |error: ErrorCode| {
        move |handler: &mut FetchSessionHandler| {
            assert!(!handler.handle_response(&answer(error, 0, &[])));
        }
    };
    let all = vec![(0, 0), (1, 0)];
    let unknown = next(&error(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(unknown, (0, 0, all.clone(), vec![]));
    // Else the broker may still have it, and is told to give it up.
    let with_the_old_one = (7, 0, all, vec![]);
    for code in [
        ErrorCode::InvalidFetchSessionEpoch,
        ErrorCode::FetchSessionTopicIdError,
        ErrorCode::UnknownServerError,
    ] {
        assert_eq!(next(&error(code)), with_the_old_one, "{code}");
    }
    let lost = next(&FetchSessionHandler::handle_error);
    assert_eq!(lost, with_the_old_one);
    // No partition may be named that was not asked for.
    let strange = next(&|handler| {
        assert!(!handler.handle_response(&answer(ErrorCode::None, 7, &[2])));
    });
    assert_eq!(strange, with_the_old_one);
}

#[test]
fn cc21_a_full_answer_holds_all_that_was_asked_for() {
    for named in [&[0][..], &[0, 1, 2]] {
        let mut handler = FetchSessionHandler::default();
        handler.build(vec![asked(0, 0), asked(1, 0)]);
        assert!(!handler.handle_response(&answer(ErrorCode::None, 7, named)));
        assert_eq!(
            handler.build(vec![asked(0, 0)]).metadata,
            FetchMetadata::INITIAL
        );
    }
}

#[test]
fn cc25_the_last_fetch_names_the_session_and_nothing_else() {
    let mut handler = in_session();
    handler.notify_close();
    assert_eq!(said(&handler.build(vec![])), (7, -1, vec![], vec![]));
}

/// A session is a `LinkedHashMap`: what has changed goes behind what is new, in the order in which it once came.
#[test]
fn cc9_what_has_changed_is_named_in_the_order_of_the_session() {
    let mut handler = FetchSessionHandler::default();
    handler.build(vec![asked(2, 0), asked(0, 0), asked(3, 0), asked(1, 0)]);
    handler.handle_response(&answer(ErrorCode::None, 7, &[0, 1, 2, 3]));
    let next = handler.build(vec![asked(0, 5), asked(9, 0), asked(2, 5)]);
    assert_eq!(
        said(&next),
        (7, 1, vec![(9, 0), (2, 5), (0, 5)], vec![3, 1])
    );
}
