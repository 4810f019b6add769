//! JoinGroup: who gets in, and who is turned away with what.

use super::town::{Town, joining, joining_as, protocol};
use crate::protocol::{ErrorCode, JoinGroupRequest};

#[test]
fn cg9_sessions_have_bounds_and_the_longest_member_says_how_long_a_rebalance_may_take() {
    let mut town = Town::new();
    for session_timeout_ms in [5_999, 1_800_001] {
        let request = JoinGroupRequest {
            session_timeout_ms,
            ..joining("")
        };
        let refused = town.join_error(request);
        assert_eq!(refused, ErrorCode::InvalidSessionTimeout);
    }
    assert_eq!(town.state(), "none");
    for session_timeout_ms in [6_000, 1_800_000] {
        let request = JoinGroupRequest {
            session_timeout_ms,
            ..joining("")
        };
        assert_eq!(town.join_error(request), ErrorCode::MemberIdRequired);
    }
    for (instance, rebalance_timeout_ms) in [("a", 20_000), ("b", 90_000), ("c", 30_000)] {
        town.join(JoinGroupRequest {
            rebalance_timeout_ms,
            ..joining_as(instance, "")
        });
    }
    let group = town.group().expect("it was made");
    assert_eq!(group.rebalance_timeout_ms(), 90_000);
}

#[test]
fn cg10_a_join_is_checked_in_kafkas_order() {
    let mut town = Town::with(|config| config.group_max_size = 1);
    let wrong = JoinGroupRequest {
        session_timeout_ms: 1,
        ..joining("who")
    };
    assert_eq!(town.join_error(wrong), ErrorCode::InvalidSessionTimeout);
    let unknown = JoinGroupRequest {
        protocols: vec![],
        ..joining("who")
    };
    assert_eq!(town.join_error(unknown), ErrorCode::UnknownMemberId);
    assert_eq!(town.state(), "none", "only who has no id makes a group");
    let nothing = JoinGroupRequest {
        protocols: vec![],
        ..joining("")
    };
    let inconsistent = ErrorCode::InconsistentGroupProtocol;
    assert_eq!(town.join_error(nothing), inconsistent);
    assert_eq!(town.state(), "Empty", "it was made all the same");
    let of_no_type = JoinGroupRequest {
        protocol_type: "".into(),
        ..joining("")
    };
    assert_eq!(town.join_error(of_no_type), inconsistent);

    town.stable(&["c1"]);
    let of_another = JoinGroupRequest {
        protocol_type: "connect".into(),
        ..joining("")
    };
    let full = town.join_error(of_another.clone());
    assert_eq!(full, ErrorCode::GroupMaxSizeReached, "before the protocols");

    let mut town = Town::new();
    town.stable(&["c1"]);
    assert_eq!(town.join_error(of_another), inconsistent);
    let other_name = JoinGroupRequest {
        protocols: vec![protocol("sticky", &["t"])],
        ..joining("who")
    };
    let error = town.join_error(other_name);
    assert_eq!(error, inconsistent, "before it is asked who that is");
}

#[test]
fn cg10_whatever_comes_is_supported_by_nobody_s_objection() {
    let mut town = Town::new();
    let (member, _) = town.enter("c1");
    assert_eq!(town.leave(&[(&member, None)]), [ErrorCode::None]);
    assert_eq!(town.state(), "PreparingRebalance", "the first wait goes on");
    assert_eq!(town.members().len(), 0);
    let id = town.given_id("c2");
    let asked = town.join(joining(&id));
    town.run_ms(6_000);
    let joined = town.joined(asked).expect("the wait is over");
    assert_eq!((joined.error, joined.leader), (ErrorCode::None, id));
}

#[test]
fn cg11_a_full_group_takes_back_its_own_and_nobody_else() {
    let mut town = Town::with(|config| config.group_max_size = 2);
    let members = town.stable(&["c1", "c2"]);
    let asked = town.join(joining(""));
    let refused = town.joined(asked).expect("an answer");
    assert_eq!(refused.error, ErrorCode::GroupMaxSizeReached);
    assert_eq!(&*refused.member_id, "");
    assert_eq!(town.state(), "Stable");
    // Its own rebalance, and as long as not all places are taken in it somebody else may come.
    town.join(joining(&members[0]));
    assert_eq!(town.state(), "PreparingRebalance");
    let id = town.given_id("c3");
    let third = town.join(joining(&id));
    assert!(town.joined(third).is_none(), "it waits");
    let late = town.join_error(joining(&members[1]));
    assert_eq!(late, ErrorCode::GroupMaxSizeReached);
    assert!(!town.members().contains(&members[1]), "and is out");
    let third = town.joined(third).expect("all that are left have joined");
    assert_eq!(third.error, ErrorCode::None);
}

#[test]
fn cg12_a_dynamic_member_is_given_an_id_first() {
    let mut town = Town::new();
    let asked = town.join_from("truck", "/10.0.0.7", joining(""));
    let response = town.joined(asked).expect("an answer");
    assert_eq!(response.error, ErrorCode::MemberIdRequired);
    let uuid = response.member_id.strip_prefix("truck-").expect("its name");
    let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert_eq!(town.state(), "Empty", "nothing has changed");
    assert_eq!(town.members().len(), 0);
    let asked = town.join(joining(&response.member_id));
    assert_eq!(town.state(), "PreparingRebalance");
    town.run_ms(3_000);
    assert_eq!(town.joined(asked).map(|it| it.error), Some(ErrorCode::None));
}

#[test]
fn cg12_an_id_that_is_not_used_in_a_session_is_forgotten() {
    let mut town = Town::new();
    let id = town.given_id("c1");
    town.run_ms(9_999);
    assert!(town.group().expect("made").is_pending_member(&id));
    town.run_ms(1);
    assert!(!town.group().expect("made").is_pending_member(&id));
    assert_eq!(town.join_error(joining(&id)), ErrorCode::UnknownMemberId);
    let id = town.given_id("c1");
    let error = town.join_error(joining_as("i", &id));
    assert_eq!(
        error,
        ErrorCode::UnknownServerError,
        "ids are for dynamic members"
    );
}

#[test]
fn cg14_who_repeats_its_join_is_told_the_generation_again() {
    let mut town = Town::new();
    let members = town.completing(&["c1", "c2"]);
    for (member, told_of) in [(&members[0], 2), (&members[1], 0)] {
        let asked = town.join(joining(member));
        let again = town.joined(asked).expect("an answer");
        assert_eq!((again.error, again.generation_id), (ErrorCode::None, 1));
        assert_eq!(again.members.len(), told_of);
        assert_eq!(again.protocol_name.as_deref(), Some("range"));
    }
    town.settle(&members, 1);
    let asked = town.join(joining(&members[1]));
    let again = town.joined(asked).expect("an answer");
    assert_eq!((again.generation_id, again.members.len()), (1, 0));
    assert_eq!(town.state(), "Stable");
    let changed = JoinGroupRequest {
        protocols: vec![protocol("range", &["t", "u"])],
        ..joining(&members[1])
    };
    let asked = town.join(changed);
    assert!(town.joined(asked).is_none());
    assert_eq!(town.state(), "PreparingRebalance");
}

#[test]
fn cg14_a_leader_that_joins_again_makes_a_rebalance() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    let asked = town.join(joining(&members[0]));
    assert!(town.joined(asked).is_none());
    assert_eq!(
        town.heartbeat(&members[1], 1),
        ErrorCode::RebalanceInProgress
    );
    let mut town = Town::new();
    let members = town.completing(&["c1", "c2"]);
    let changed = JoinGroupRequest {
        protocols: vec![protocol("range", &["u"])],
        ..joining(&members[1])
    };
    town.join(changed);
    assert_eq!(town.state(), "PreparingRebalance");
}

#[test]
fn cg15_the_first_to_join_leads_and_alone_is_told_who_is_there() {
    let mut town = Town::new();
    let (first, asked_first) = town.enter("c2");
    let (second, asked_second) = town.enter("c1");
    town.run_ms(6_000);
    let leading = town.joined(asked_first).expect("an answer");
    let following = town.joined(asked_second).expect("an answer");
    assert_eq!(leading.leader, first);
    assert_eq!(following.leader, first);
    let mut told: Vec<_> = leading.members.iter().map(|it| &it.member_id).collect();
    told.sort();
    let mut both = [&first, &second];
    both.sort();
    assert_eq!(told, both);
    assert!(following.members.is_empty());
    let metadata = &protocol("range", &["t"]).metadata;
    assert!(leading.members.iter().all(|it| it.metadata == *metadata));
}
