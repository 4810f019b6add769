//! Committed offsets: stored, asked for, expired, removed.

use super::town::{Town, committing, joining, protocol};
use crate::coordinator::group::records::{Key, OffsetAndMetadata};
use crate::protocol::{
    ErrorCode, GroupFact, JoinGroupRequest, OffsetCommitRequest, OffsetDeleteRequest, Response,
    TopicPartition,
};

const WEEK_MS: u64 = 10_080 * 60_000;

fn t0() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn with_metadata(mut request: OffsetCommitRequest, at: usize, text: &str) -> OffsetCommitRequest {
    request.partitions[at].1.metadata = text.into();
    request
}

#[test]
fn cg26_metadata_of_more_than_4096_characters_is_refused_and_the_rest_stored_together() {
    let mut town = Town::new();
    let request = committing("", -1, &[("t", 1, 5), ("t", 0, 6), ("u", 0, 7)]);
    // Characters: these take two bytes each.
    let request = with_metadata(request, 0, &"ü".repeat(4_096));
    let request = with_metadata(request, 1, &"x".repeat(4_097));
    let asked = town.commit_offsets(request);
    let (fine, too_large) = (ErrorCode::None, ErrorCode::OffsetMetadataTooLarge);
    assert_eq!(town.stored(asked), Some(vec![fine, too_large, fine]));
    assert_eq!(town.log.len(), 1, "one batch");
    let keys = town.log[0].records.iter();
    let keys: Vec<Key> = keys
        .map(|it| Key::from_bytes(it.key.as_ref().expect("a key")).expect("a key of ours"))
        .collect();
    let of = |topic, partition| Key::Offset("g".into(), TopicPartition::new(topic, partition));
    assert_eq!(
        keys,
        [of("t", 1), of("u", 0)],
        "in the order of the request"
    );

    let nothing = committing("", -1, &[("t", 0, 6)]);
    let asked = town.commit_offsets(with_metadata(nothing, 0, &"x".repeat(4_097)));
    assert_eq!(town.stored(asked), Some(vec![too_large]));
    assert_eq!(town.log.len(), 1, "nothing is appended");
}

#[test]
fn cg27_an_offset_is_seen_once_it_is_committed_and_is_unstable_before() {
    let mut town = Town::new();
    town.commit_offset("", -1, 5);
    town.keeps_appends = true;
    let asked = town.commit_offset("", -1, 8);
    assert!(town.stored(asked).is_none());
    let unstable = (ErrorCode::UnstableOffsetCommit, -1);
    assert_eq!(town.fetch_offset(true), unstable);
    assert_eq!(town.fetch_offset(false), (ErrorCode::None, 5));
    town.commit();
    assert_eq!(town.stored(asked), Some(vec![ErrorCode::None]));
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, 8));
}

#[test]
fn cg27_what_a_failed_commit_is_called() {
    let names = [
        (
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::CoordinatorNotAvailable,
        ),
        (
            ErrorCode::NotEnoughReplicas,
            ErrorCode::CoordinatorNotAvailable,
        ),
        (
            ErrorCode::NotEnoughReplicasAfterAppend,
            ErrorCode::CoordinatorNotAvailable,
        ),
        (ErrorCode::NotLeaderOrFollower, ErrorCode::NotCoordinator),
        (ErrorCode::KafkaStorageError, ErrorCode::NotCoordinator),
        (
            ErrorCode::MessageTooLarge,
            ErrorCode::InvalidCommitOffsetSize,
        ),
        (
            ErrorCode::RecordListTooLarge,
            ErrorCode::InvalidCommitOffsetSize,
        ),
        (
            ErrorCode::NetworkException,
            ErrorCode::CoordinatorLoadInProgress,
        ),
        (ErrorCode::RequestTimedOut, ErrorCode::RequestTimedOut),
    ];
    for (error, told) in names {
        let mut town = Town::new();
        town.commit_offset("", -1, 5);
        town.keeps_appends = true;
        let asked = town.commit_offset("", -1, 8);
        town.fail(error);
        assert_eq!(town.stored(asked), Some(vec![told]), "{error:?}");
        assert_eq!(town.fetch_offset(true), (ErrorCode::None, 5));
    }
}

#[test]
fn cg28_a_commit_that_has_failed_may_be_found_again_in_the_log() {
    let mut town = Town::new();
    town.commit_offset("", -1, 5);
    town.keeps_appends = true;
    let asked = town.commit_offset("", -1, 8);
    town.fail_but_keep(ErrorCode::RequestTimedOut);
    assert_eq!(town.stored(asked), Some(vec![ErrorCode::RequestTimedOut]));
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, 5));
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read_all();
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, 8), "it moves");
}

#[test]
fn cg29_of_two_commits_the_later_in_the_log_stays() {
    let mut town = Town::new();
    town.keeps_appends = true;
    let first = town.commit_offset("", -1, 5);
    town.run_ms(1);
    let second = town.commit_offset("", -1, 8);
    town.commit();
    assert_eq!(town.stored(first), Some(vec![ErrorCode::None]));
    assert_eq!(town.fetch_offset(false), (ErrorCode::None, 5));
    assert_eq!(town.fetch_offset(true).0, ErrorCode::UnstableOffsetCommit);
    town.commit();
    assert_eq!(town.stored(second), Some(vec![ErrorCode::None]));
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, 8));
}

#[test]
fn cg29_a_commit_whose_offsets_were_removed_meanwhile_brings_none_back() {
    let mut town = Town::new();
    town.commit_offset("", -1, 5);
    town.keeps_appends = true;
    let asked = town.commit_offset("", -1, 8);
    town.act(|it, ctx| it.on_partitions_deleted(ctx, &[TopicPartition::new("t", 0)]));
    town.commit();
    assert_eq!(town.stored(asked), Some(vec![ErrorCode::None]));
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, -1));
}

#[test]
fn cg36_an_empty_groups_offsets_expire_together_a_week_after_it_was_left() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    let commit = committing(&members[0], 1, &[("t", 0, 5), ("t", 1, 6)]);
    town.commit_offsets(commit);
    town.leave(&[(&members[0], None)]);
    // However fresh a commit is.
    town.run_ms(WEEK_MS / 2);
    town.commit_offset("", -1, 8);
    let check_ms = 600_000;
    town.run_ms(WEEK_MS / 2 - check_ms);
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, 8));
    town.take_facts();
    town.run_ms(2 * check_ms);
    assert_eq!(town.state(), "none");
    let facts = town.take_facts();
    let expired = facts
        .iter()
        .filter(|it| matches!(it, GroupFact::OffsetExpired { .. }));
    assert_eq!(expired.count(), 2);
}

#[test]
fn cg36_a_simple_groups_offsets_expire_each_by_its_commit() {
    let mut town = Town::new();
    town.commit_offsets(committing("", -1, &[("t", 0, 5)]));
    town.run_ms(WEEK_MS / 2);
    town.commit_offsets(committing("", -1, &[("t", 1, 6)]));
    town.run_ms(WEEK_MS / 2 + 1_200_000);
    let all = town.fetch_offsets(None, false).expect("it is here");
    let left: Vec<_> = all.iter().map(|it| it.partition.clone()).collect();
    assert_eq!(left, [TopicPartition::new("t", 1)]);
}

#[test]
fn cg36_a_stable_group_keeps_what_somebody_subscribes_to_and_a_moving_one_everything() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    let commit = committing(&members[0], 1, &[("t", 0, 5), ("old", 0, 6)]);
    town.commit_offsets(commit);
    let beats = WEEK_MS / 9_000 + 150;
    for _ in 0..beats {
        town.run_ms(9_000);
        assert_eq!(town.heartbeat(&members[0], 1), ErrorCode::None);
    }
    let all = town.fetch_offsets(None, false).expect("it is here");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].partition, t0());

    let mut town = Town::with(|config| config.offsets_retention_ms = 60_000);
    let members = town.stable(&["c1"]);
    town.commit_offsets(committing(&members[0], 1, &[("old", 0, 6)]));
    town.join(JoinGroupRequest {
        rebalance_timeout_ms: 900_000,
        ..joining(&members[0])
    });
    town.sync(&members[0], 2, &[]);
    town.enter("c2");
    for _ in 0..24 {
        town.run_ms(5_000);
        town.heartbeat(&members[0], 2);
    }
    assert_eq!(town.state(), "PreparingRebalance");
    assert_eq!(town.fetch_offsets(None, false).map(|it| it.len()), Ok(1));
}

#[test]
fn cg36_nothing_expires_while_a_commit_of_it_is_on_its_way() {
    let mut town = Town::new();
    town.commit_offset("", -1, 5);
    town.keeps_appends = true;
    town.run_ms(WEEK_MS - 1_000);
    town.commit_offset("", -1, 8);
    town.run_ms(1_200_000);
    assert_eq!(town.fetch_offset(false), (ErrorCode::None, 5));
}

#[test]
fn cg36_a_value_that_names_its_end_ends_then() {
    let old = OffsetAndMetadata {
        offset: 5,
        leader_epoch: -1,
        metadata: "".into(),
        commit_timestamp: 1_000,
        expire_timestamp: Some(2_000),
    };
    let mut bytes = old.to_bytes().to_vec();
    // Version 1: no epoch, and the end at its end.
    bytes[1] = 1;
    bytes.drain(10..14);
    bytes.extend(2_000i64.to_be_bytes());
    let read = OffsetAndMetadata::from_bytes(&bytes.into());
    assert_eq!(read, Some(old));
}

#[test]
fn cg37_tombstones_of_a_group_are_one_batch_and_nobody_waits_for_them() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    town.commit_offsets(committing(&members[0], 1, &[("t", 0, 5), ("t", 1, 6)]));
    town.leave(&[(&members[0], None)]);
    let before = town.log.len();
    town.run_ms(WEEK_MS + 600_000);
    assert_eq!(town.log.len(), before + 1);
    let tombstones = &town.log[before].records;
    assert!(tombstones.iter().all(|it| it.value.is_none()));
    let keys = tombstones.iter().map(|it| it.key.as_ref().expect("a key"));
    let keys: Vec<Key> = keys.map(|it| Key::from_bytes(it).expect("ours")).collect();
    let of = |partition| Key::Offset("g".into(), TopicPartition::new("t", partition));
    assert_eq!(keys, [of(0), of(1), Key::Group("g".into())]);
}

#[test]
fn cb13_cg37_a_group_that_was_never_stored_goes_without_a_word() {
    let mut town = Town::new();
    let id = town.given_id("c1");
    let cleanup = 600_000;
    town.run_ms(cleanup - 5_000);
    let fresh = town.given_id("c2");
    town.run_ms(5_000);
    assert_eq!(town.state(), "none");
    assert_eq!(town.log.len(), 0);
    for id in [id, fresh] {
        assert_eq!(town.join_error(joining(&id)), ErrorCode::UnknownMemberId);
    }
}

#[test]
fn cg38_a_deleted_topics_offsets_go_at_once() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    let commit = committing(&members[0], 1, &[("t", 0, 5), ("u", 0, 6)]);
    town.commit_offsets(commit);
    let before = town.log.len();
    town.act(|it, ctx| it.on_partitions_deleted(ctx, &[TopicPartition::new("t", 0)]));
    assert_eq!(town.log.len(), before + 1);
    assert!(town.log[before].records[0].value.is_none());
    let all = town.fetch_offsets(None, false).expect("it is here");
    assert_eq!(all.len(), 1);
    town.leave(&[(&members[0], None)]);
    town.act(|it, ctx| it.on_partitions_deleted(ctx, &[TopicPartition::new("u", 0)]));
    assert_eq!(
        town.state(),
        "none",
        "it was empty, and has nothing any more"
    );
}

#[test]
fn cg39_offsets_of_topics_that_nobody_subscribes_to_may_be_deleted() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    let commit = committing(&members[0], 1, &[("t", 0, 5), ("old", 0, 6)]);
    town.commit_offsets(commit);
    let delete = |town: &mut Town| {
        let request = OffsetDeleteRequest {
            group_id: "g".into(),
            partitions: vec![t0(), TopicPartition::new("old", 0)],
        };
        let nowhere = vec![TopicPartition::new("nowhere", 0)];
        let asked =
            town.ask(move |it, ctx, to| it.handle_offset_delete(ctx, to, &request, nowhere));
        match town.answer(asked) {
            Some(Response::OffsetDelete(response)) => {
                let partitions = response.partitions.iter().map(|(_, error)| *error);
                (response.error, partitions.collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        }
    };
    let (error, partitions) = delete(&mut town);
    assert_eq!(error, ErrorCode::None);
    let unknown = ErrorCode::UnknownTopicOrPartition;
    let subscribed = ErrorCode::GroupSubscribedToTopic;
    assert_eq!(partitions, [unknown, subscribed, ErrorCode::None]);
    assert_eq!(town.fetch_offsets(None, false).map(|it| it.len()), Ok(1));

    let mut town = Town::new();
    let asked = town.join(JoinGroupRequest {
        protocol_type: "connect".into(),
        group_instance_id: Some("i".into()),
        protocols: vec![protocol("range", &[])],
        ..joining("")
    });
    town.run_ms(3_000);
    town.joined(asked).expect("it");
    assert_eq!(delete(&mut town), (ErrorCode::NonEmptyGroup, vec![]));
}

#[test]
fn cg40_what_was_never_committed_is_answered_with_minus_one() {
    let mut town = Town::new();
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, -1));
    assert_eq!(town.fetch_offsets(None, true).map(|it| it.len()), Ok(0));
    town.commit_offsets(with_metadata(committing("", -1, &[("t", 1, 5)]), 0, "note"));
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, -1));
    let all = town.fetch_offsets(None, true).expect("it is here");
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].committed.offset, &*all[0].committed.metadata),
        (5, "note")
    );
}
