//! Who is heard of, who is not, and who goes.

use super::town::{Town, committing, joining, joining_as};
use crate::protocol::{ErrorCode, GroupFact, JoinGroupRequest, MemberGone};

#[test]
fn cg15_a_new_member_may_wait_for_five_minutes() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    // The old member keeps the group in its rebalance: it is heard of, and does not come.
    let slow = JoinGroupRequest {
        rebalance_timeout_ms: 600_000,
        ..joining(&members[0])
    };
    let asked = town.join(slow);
    town.joined(asked).expect("it is alone");
    town.sync(&members[0], 2, &[]);
    let (new, waiting) = town.enter("c2");
    for _ in 0..59 {
        town.run_ms(5_000);
        town.heartbeat(&members[0], 2);
    }
    assert!(town.members().contains(&new));
    assert!(town.joined(waiting).is_none());
    town.run_ms(5_000);
    let told = town.joined(waiting).expect("300 s are over");
    assert_eq!(
        (told.error, &*told.member_id),
        (ErrorCode::UnknownMemberId, "")
    );
    assert!(!town.members().contains(&new));
}

#[test]
fn cg22_who_waits_for_the_coordinator_need_not_be_heard_of() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    let waiting = town.join(joining(&members[0]));
    for _ in 0..11 {
        town.run_ms(5_000);
        town.heartbeat(&members[1], 1);
    }
    assert!(town.members().contains(&members[0]), "55 s in JoinGroup");
    let other = town.join(joining(&members[1]));
    assert!(town.joined(waiting).is_some() && town.joined(other).is_some());
    // It waits in SyncGroup for a leader that is heard of.
    town.sync(&members[1], 2, &[]);
    for _ in 0..6 {
        town.run_ms(9_000);
        assert_eq!(town.heartbeat(&members[0], 2), ErrorCode::None);
    }
    assert!(town.members().contains(&members[1]), "54 s in SyncGroup");
    // The answer starts its session.
    town.sync(&members[0], 2, &[]);
    town.run_ms(9_999);
    assert_eq!(town.heartbeat(&members[0], 2), ErrorCode::None);
    assert!(town.members().contains(&members[1]));
    town.run_ms(1);
    assert!(!town.members().contains(&members[1]));
}

#[test]
fn cg22_a_ghost_gets_into_the_next_generation_and_out_by_its_session() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    // The leader's process ends while it waits: the coordinator cannot know.
    town.join(joining(&members[0]));
    town.run_ms(5_000);
    let asked = town.join(joining(&members[1]));
    let joined = town.joined(asked).expect("both wait");
    assert_eq!((joined.generation_id, &joined.leader), (2, &members[0]));
    let waiting = town.sync(&members[1], 2, &[]);
    town.run_ms(9_999);
    assert!(town.synced(waiting).is_none());
    town.run_ms(1);
    let told = town.synced(waiting).expect("the ghost is out");
    assert_eq!(told.error, ErrorCode::RebalanceInProgress);
    assert_eq!(town.members(), std::slice::from_ref(&members[1]));
}

#[test]
fn cg23_a_member_that_is_not_heard_of_goes_and_the_others_rebalance() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    town.take_facts();
    town.run_ms(9_000);
    assert_eq!(town.heartbeat(&members[1], 1), ErrorCode::None);
    town.run_ms(999);
    assert_eq!(town.state(), "Stable");
    town.run_ms(1);
    assert_eq!(town.members(), std::slice::from_ref(&members[1]));
    assert_eq!(town.state(), "PreparingRebalance");
    let group = town.group().expect("it");
    assert!(group.is_leader(&members[1]), "it leads from now on");
    assert!(matches!(
        &town.take_facts()[0],
        GroupFact::MemberRemoved { member, why: MemberGone::SessionExpired, .. } if *member == members[0]
    ));
}

#[test]
fn cg23_who_leaves_lets_a_join_end() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    let id = town.given_id("c3");
    let asked = town.join(joining(&members[0]));
    assert_eq!(town.leave(&[(&members[1], None)]), [ErrorCode::None]);
    assert!(town.joined(asked).is_none(), "an id is out");
    assert_eq!(town.leave(&[(&id, None)]), [ErrorCode::None]);
    assert_eq!(town.joined(asked).map(|it| it.generation_id), Some(2));
}

#[test]
fn cg23_several_may_leave_and_each_is_answered() {
    let mut town = Town::new();
    let asked = town.join(joining_as("i", ""));
    town.run_ms(3_000);
    let member = town.joined(asked).expect("it").member_id;
    let (waiting, join) = town.enter("c2");
    let answers = town.leave(&[
        (&waiting, None),
        ("", Some("i")),
        ("", Some("nobody")),
        ("", None),
        ("who", None),
        (&member, Some("i")),
    ]);
    let unknown = ErrorCode::UnknownMemberId;
    let fine = ErrorCode::None;
    assert_eq!(answers, [fine, fine, unknown, unknown, unknown, unknown]);
    let told = town.joined(join).expect("its JoinGroup is answered first");
    assert_eq!((told.error, &*told.member_id), (unknown, ""));
    assert_eq!((town.state(), town.generation()), ("Empty", 2));
}

#[test]
fn cg25_heartbeats_commits_and_answers_restart_a_session_and_nothing_else_does() {
    for (what, restarts) in [
        ("heartbeat", true),
        ("commit", true),
        ("fetch", false),
        ("join", false),
    ] {
        let mut town = Town::new();
        let members = town.stable(&["c1", "c2"]);
        town.run_ms(8_000);
        town.heartbeat(&members[0], 1);
        match what {
            "heartbeat" => assert_eq!(town.heartbeat(&members[1], 1), ErrorCode::None),
            "commit" => drop(town.commit_offset(&members[1], 1, 5)),
            "fetch" => assert_eq!(town.fetch_offset(true), (ErrorCode::None, -1)),
            // A repeated one is answered and no more.
            _ => assert_eq!(town.join_error(joining(&members[1])), ErrorCode::None),
        }
        town.run_ms(5_000);
        let is_there = town.members().contains(&members[1]);
        assert_eq!(is_there, restarts, "{what}");
    }
}

#[test]
fn cg25_a_commit_that_is_refused_in_a_rebalance_restarts_no_session() {
    let mut town = Town::new();
    let members = town.completing(&["c1", "c2"]);
    town.run_ms(8_000);
    town.heartbeat(&members[0], 1);
    let asked = town.commit_offsets(committing(&members[1], 1, &[("t", 0, 5)]));
    let refused = town.stored(asked);
    assert_eq!(refused, Some(vec![ErrorCode::RebalanceInProgress]));
    town.run_ms(2_000);
    assert!(!town.members().contains(&members[1]));
}
