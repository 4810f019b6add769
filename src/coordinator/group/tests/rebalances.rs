//! How a rebalance begins, waits and ends.

use super::town::{Town, joining, joining_as, protocol};
use crate::coordinator::group::{GroupMetadata, GroupState};
use crate::protocol::{ErrorCode, GroupFact, JoinGroupRequest, MemberGone};

#[test]
fn cg8_a_group_moves_only_as_kafka_lets_it() {
    use GroupState::{CompletingRebalance, Dead, Empty, PreparingRebalance, Stable};
    let moves = [
        (Empty, PreparingRebalance),
        (PreparingRebalance, CompletingRebalance),
        (PreparingRebalance, Empty),
        (CompletingRebalance, Stable),
        (CompletingRebalance, PreparingRebalance),
        (Stable, PreparingRebalance),
    ];
    let all = [Empty, PreparingRebalance, CompletingRebalance, Stable, Dead];
    for before in all {
        for after in all {
            let may = after == Dead || moves.contains(&(before, after));
            let moved = std::panic::catch_unwind(|| {
                let mut group = GroupMetadata::new("g".into(), before, 5);
                group.transition_to(after, 7);
                (group.state() == after, group.current_state_timestamp)
            });
            assert_eq!(
                moved.ok(),
                may.then_some((true, 7)),
                "{before:?} to {after:?}"
            );
        }
    }
}

#[test]
fn cg16_a_join_waits_for_every_member_and_every_id_that_is_out() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    let id = town.given_id("c3");
    let first = town.join(joining(&members[0]));
    let second = town.join(joining(&members[1]));
    assert!(town.joined(first).is_none(), "an id is out");
    let third = town.join(joining(&id));
    for asked in [first, second, third] {
        let response = town.joined(asked).expect("all are here");
        assert_eq!(
            (response.error, response.generation_id),
            (ErrorCode::None, 2)
        );
    }
}

/// The answer with its id never reaches a client: it asks again and is given another, and joins with that one. The
/// first is waited for all the same, for as long as it may be used.
#[test]
fn cb12_an_id_that_its_client_never_heard_of_holds_up_the_others() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    let _lost = town.given_id("c2");
    town.run_ms(2_000);
    let id = town.given_id("c2");
    let asked = [town.join(joining(&members[0])), town.join(joining(&id))];
    // The member's own heartbeats are its join, which waits.
    town.run_ms(7_999);
    assert!(asked.iter().all(|it| town.joined(*it).is_none()));
    town.run_ms(1);
    for join in asked {
        let response = town.joined(join).expect("nobody is waited for any more");
        assert_eq!(response.error, ErrorCode::None);
    }
}

#[test]
fn cg16_who_waits_for_an_assignment_is_sent_back_to_join() {
    let mut town = Town::new();
    let members = town.completing(&["c1", "c2"]);
    let waiting = town.sync(&members[1], 1, &[]);
    town.leave(&[(&members[0], None)]);
    let told = town.synced(waiting).expect("an answer");
    assert_eq!(told.error, ErrorCode::RebalanceInProgress);
    assert_eq!(town.state(), "PreparingRebalance");
}

#[test]
fn cg16_a_rebalance_ends_at_the_longest_time_out_without_who_did_not_come() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    let asked = town.join(joining(&members[0]));
    for _ in 0..12 {
        assert!(town.joined(asked).is_none());
        assert_eq!(
            town.heartbeat(&members[1], 1),
            ErrorCode::RebalanceInProgress
        );
        town.run_ms(5_000);
    }
    let joined = town.joined(asked).expect("60 s are over");
    assert_eq!((joined.generation_id, joined.members.len()), (2, 1));
    assert_eq!(town.heartbeat(&members[1], 1), ErrorCode::UnknownMemberId);
    let gone = town.take_facts().into_iter().any(|fact| {
        matches!(fact, GroupFact::MemberRemoved { member, why: MemberGone::DidNotJoin, .. }
            if member == members[1])
    });
    assert!(gone);
}

#[test]
fn cg17_the_first_wait_lasts_three_seconds_and_as_many_again_while_members_come() {
    let mut town = Town::new();
    let (_, first) = town.enter("c1");
    town.run_ms(2_999);
    assert!(town.joined(first).is_none(), "though all are here");
    town.run_ms(1);
    assert!(town.joined(first).is_some());

    let mut town = Town::new();
    let (_, first) = town.enter("c1");
    town.run_ms(1_000);
    town.enter("c2");
    town.run_ms(4_999);
    assert!(town.joined(first).is_none(), "once more");
    town.run_ms(1);
    let joined = town.joined(first).expect("6 s are over");
    assert_eq!(joined.members.len(), 2);
}

#[test]
fn cg17_the_first_wait_never_lasts_longer_than_a_rebalance_may() {
    let mut town = Town::new();
    let brief = |instance: &str| JoinGroupRequest {
        rebalance_timeout_ms: 7_000,
        ..joining_as(instance, "")
    };
    let first = town.join(brief("a"));
    for instance in ["b", "c", "d", "e"] {
        town.run_ms(1_500);
        town.join(brief(instance));
    }
    town.run_ms(999);
    assert!(
        town.joined(first).is_none(),
        "3 s, 3 s and the 1 s that is left"
    );
    town.run_ms(1);
    assert_eq!(town.joined(first).map(|it| it.members.len()), Some(5));
}

#[test]
fn cg17_a_group_that_was_empty_for_a_while_waits_again_but_not_longer() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    town.leave(&[(&members[0], None)]);
    assert_eq!((town.state(), town.generation()), ("Empty", 2));
    let (_, first) = town.enter("c1");
    town.run_ms(1_000);
    town.enter("c2");
    town.run_ms(2_000);
    let joined = town
        .joined(first)
        .expect("3 s, and no more after a first generation");
    assert_eq!((joined.generation_id, joined.members.len()), (3, 2));
}

#[test]
fn cg18_static_members_stay_and_the_first_who_waits_leads() {
    let mut town = Town::new();
    let asked: Vec<i32> = ["a", "b"]
        .iter()
        .map(|it| {
            town.join(JoinGroupRequest {
                session_timeout_ms: 100_000,
                ..joining_as(it, "")
            })
        })
        .collect();
    town.run_ms(6_000);
    let joined: Vec<_> = asked
        .iter()
        .map(|it| town.joined(*it).expect("it"))
        .collect();
    assert_eq!(joined[0].leader, joined[0].member_id);
    town.sync(&joined[0].member_id, 1, &[]);
    town.sync(&joined[1].member_id, 1, &[]);
    let changed = JoinGroupRequest {
        protocols: vec![protocol("range", &["u"])],
        session_timeout_ms: 100_000,
        ..joining_as("b", &joined[1].member_id)
    };
    let again = town.join(changed);
    town.run_ms(59_999);
    assert!(town.joined(again).is_none());
    town.run_ms(1);
    let response = town.joined(again).expect("the leader did not come");
    assert_eq!(
        (response.generation_id, &response.leader),
        (2, &joined[1].member_id)
    );
    assert_eq!(response.members.len(), 2, "it is static, and stays");
}

#[test]
fn cg18_with_nobody_back_a_join_waits_once_more() {
    let mut town = Town::new();
    let asked = town.join(JoinGroupRequest {
        session_timeout_ms: 200_000,
        ..joining_as("a", "")
    });
    town.run_ms(3_000);
    let leader = town.joined(asked).expect("it").member_id;
    let (dynamic, _) = town.enter("c2");
    assert_eq!(town.state(), "PreparingRebalance");
    town.leave(&[(&dynamic, None)]);
    town.run_ms(60_000);
    assert_eq!((town.state(), town.generation()), ("PreparingRebalance", 1));
    town.run_ms(60_000);
    assert_eq!(town.members(), std::slice::from_ref(&leader));
    let asked = town.join(joining_as("a", &leader));
    assert_eq!(town.joined(asked).map(|it| it.generation_id), Some(2));
}

#[test]
fn cg18_a_generation_without_members_is_stored_too() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    let stored = town.log.len();
    town.leave(&[(&members[0], None)]);
    assert_eq!((town.state(), town.generation()), ("Empty", 2));
    assert_eq!(town.log.len(), stored + 1);
    let group = town.group().expect("it");
    assert_eq!((&group.protocol_name, &group.leader_id), (&None, &None));
}

#[test]
fn cg24_the_protocol_that_most_prefer_among_those_that_all_know() {
    let mut town = Town::new();
    let choices: [&[&str]; 3] = [
        &["cooperative-sticky", "range", "roundrobin"],
        &["roundrobin", "range"],
        &["range", "roundrobin"],
    ];
    let mut asked = 0;
    for (n, names) in choices.iter().enumerate() {
        asked = town.join(JoinGroupRequest {
            protocols: names.iter().map(|it| protocol(it, &["t"])).collect(),
            ..joining_as(&n.to_string(), "")
        });
    }
    town.run_ms(6_000);
    let joined = town.joined(asked).expect("it");
    assert_eq!(
        joined.protocol_name.as_deref(),
        Some("range"),
        "two of three"
    );
    // One of each: not the first by name.
    let mut town = Town::new();
    for (n, names) in choices[1..].iter().enumerate() {
        asked = town.join(JoinGroupRequest {
            protocols: names.iter().map(|it| protocol(it, &["t"])).collect(),
            ..joining_as(&n.to_string(), "")
        });
    }
    town.run_ms(6_000);
    let joined = town.joined(asked).expect("it");
    assert_eq!(joined.protocol_name.as_deref(), Some("roundrobin"));
}
