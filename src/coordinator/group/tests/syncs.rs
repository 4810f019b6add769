//! SyncGroup: how assignments get to members.

use super::town::{Town, joining, syncing};
use crate::protocol::{ErrorCode, GroupFact, JoinGroupRequest, MemberGone, SyncGroupRequest};

#[test]
fn cg19_who_does_not_sync_in_time_is_out() {
    let mut town = Town::new();
    let members = town.completing(&["c1", "c2", "c3"]);
    town.sync(&members[0], 1, &[(&members[0], "all")]);
    town.sync(&members[1], 1, &[]);
    assert_eq!(town.state(), "Stable");
    for _ in 0..11 {
        town.run_ms(5_000);
        for member in &members {
            assert_eq!(town.heartbeat(member, 1), ErrorCode::None);
        }
    }
    town.take_facts();
    town.run_ms(5_000);
    assert_eq!(town.state(), "PreparingRebalance", "60 s are over");
    assert!(!town.members().contains(&members[2]));
    let facts = town.take_facts();
    assert!(matches!(
        &facts[0],
        GroupFact::MemberRemoved { member, why: MemberGone::DidNotSync, .. } if *member == members[2]
    ));
}

#[test]
fn cg19_nobody_is_out_once_all_have_synced() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    for _ in 0..20 {
        town.run_ms(5_000);
        for member in &members {
            assert_eq!(town.heartbeat(member, 1), ErrorCode::None);
        }
    }
    assert_eq!(town.state(), "Stable");
}

#[test]
fn cg20_assignments_are_in_the_log_before_anybody_has_them() {
    let mut town = Town::new();
    let members = town.completing(&["c1", "c2"]);
    let follower = town.sync(&members[1], 1, &[]);
    town.keeps_appends = true;
    let leader = town.sync(&members[0], 1, &[(&members[0], "everything")]);
    assert!(town.synced(follower).is_none() && town.synced(leader).is_none());
    assert_eq!(town.state(), "CompletingRebalance");
    town.commit();
    let leader = town.synced(leader).expect("it is stored");
    let follower = town.synced(follower).expect("it is stored");
    assert_eq!(&leader.assignment[..], b"everything");
    assert_eq!(&follower.assignment[..], b"", "the leader named it not");
    assert_eq!(leader.protocol_name.as_deref(), Some("range"));
    assert_eq!(town.state(), "Stable");
}

#[test]
fn cg20_what_a_failed_append_is_called() {
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
        (ErrorCode::RequestTimedOut, ErrorCode::RebalanceInProgress),
        (ErrorCode::MessageTooLarge, ErrorCode::UnknownServerError),
        (ErrorCode::RecordListTooLarge, ErrorCode::UnknownServerError),
        (ErrorCode::CorruptMessage, ErrorCode::CorruptMessage),
    ];
    for (error, told) in names {
        let mut town = Town::new();
        let members = town.completing(&["c1", "c2"]);
        let follower = town.sync(&members[1], 1, &[]);
        town.keeps_appends = true;
        let leader = town.sync(&members[0], 1, &[(&members[0], "everything")]);
        town.fail(error);
        for asked in [leader, follower] {
            let response = town.synced(asked).expect("an answer");
            assert_eq!(response.error, told, "{error:?}");
            assert_eq!(
                (response.protocol_name, response.assignment.len()),
                (None, 0)
            );
        }
        assert_eq!(town.state(), "PreparingRebalance");
        assert!(
            town.group()
                .expect("it")
                .members()
                .all(|it| it.assignment.is_empty())
        );
    }
}

#[test]
fn cg20_what_is_stored_too_late_changes_nothing() {
    let mut town = Town::new();
    let members = town.completing(&["c1", "c2"]);
    town.keeps_appends = true;
    let leader = town.sync(&members[0], 1, &[(&members[0], "everything")]);
    town.leave(&[(&members[1], None)]);
    let told = town.synced(leader).expect("an answer");
    assert_eq!(told.error, ErrorCode::RebalanceInProgress);
    town.commit();
    assert_eq!(town.state(), "PreparingRebalance");
    let asked = town.join(joining(&members[0]));
    assert_eq!(town.joined(asked).map(|it| it.generation_id), Some(2));
}

#[test]
fn cg20_a_sync_must_name_the_groups_protocol() {
    let mut town = Town::new();
    let members = town.completing(&["c1"]);
    let differ = [
        SyncGroupRequest {
            protocol_type: Some("connect".into()),
            ..syncing(&members[0], 1)
        },
        SyncGroupRequest {
            protocol_name: Some("sticky".into()),
            ..syncing(&members[0], 1)
        },
    ];
    for request in differ {
        let asked = town.ask(move |it, ctx, to| it.handle_sync_group(ctx, to, &request));
        let error = town.synced(asked).expect("an answer").error;
        assert_eq!(error, ErrorCode::InconsistentGroupProtocol);
    }
    let silent = SyncGroupRequest {
        protocol_type: None,
        protocol_name: None,
        ..syncing(&members[0], 1)
    };
    let asked = town.ask(move |it, ctx, to| it.handle_sync_group(ctx, to, &silent));
    assert_eq!(town.synced(asked).map(|it| it.error), Some(ErrorCode::None));
}

#[test]
fn cg21_the_leaders_record_in_the_log_decides_the_generation() {
    // It was not stored: the next coordinator knows the generation before.
    for (kept, generation) in [(false, 1), (true, 2)] {
        let mut town = Town::new();
        let members = town.stable(&["c1"]);
        let asked = town.join(JoinGroupRequest {
            rebalance_timeout_ms: 60_000,
            ..joining(&members[0])
        });
        assert_eq!(town.joined(asked).map(|it| it.generation_id), Some(2));
        town.keeps_appends = true;
        town.sync(&members[0], 2, &[(&members[0], "new")]);
        match kept {
            true => town.fail_but_keep(ErrorCode::NotLeaderOrFollower),
            false => town.fail(ErrorCode::NotLeaderOrFollower),
        }
        town.resign(3, Some(2));
        town.read_all();
        town.elect(3, 3);
        town.read_all();
        assert_eq!((town.state(), town.generation()), ("Stable", generation));
        let other = if generation == 1 { 2 } else { 1 };
        let told = town.heartbeat(&members[0], other);
        assert_eq!(told, ErrorCode::IllegalGeneration);
        assert_eq!(town.heartbeat(&members[0], generation), ErrorCode::None);
    }
}
