//! Members with `group.instance.id` (KIP-345).

use super::town::{Town, joining_as, protocol};
use crate::protocol::{ErrorCode, JoinGroupRequest, JoinGroupResponse};
use std::rc::Rc;

/// Static members of a stable generation 1; the first leads.
fn stable(town: &mut Town, instances: &[&str]) -> Vec<Rc<str>> {
    let asked = instances.iter().map(|it| town.join(joining_as(it, "")));
    let asked: Vec<i32> = asked.collect();
    town.run_ms(if instances.len() > 1 { 6_000 } else { 3_000 });
    let joined = asked
        .iter()
        .map(|it| town.joined(*it).expect("it").member_id);
    let members: Vec<Rc<str>> = joined.collect();
    town.settle(&members, 1);
    members
}

fn back(town: &mut Town, instance: &str) -> JoinGroupResponse {
    let asked = town.join(joining_as(instance, ""));
    town.joined(asked).expect("an answer")
}

#[test]
fn cg13_a_static_member_comes_back_under_a_new_id_and_nobody_notices() {
    let mut town = Town::new();
    let members = stable(&mut town, &["a", "b"]);
    let stored = town.log.len();
    let response = back(&mut town, "b");
    assert_eq!(
        (response.error, response.generation_id),
        (ErrorCode::None, 1)
    );
    assert_ne!(response.member_id, members[1]);
    assert!(response.member_id.starts_with("b-"));
    assert!(!response.skip_assignment && response.members.is_empty());
    assert_eq!((town.state(), town.log.len()), ("Stable", stored + 1));
    let asked = town.sync(&response.member_id, 1, &[]);
    let given = town.synced(asked).expect("it").assignment;
    assert_eq!(&given[..], b"what it reads", "as before");
    assert_eq!(town.heartbeat(&members[0], 1), ErrorCode::None);
    let fenced = town.heartbeat_as(&members[1], Some("b"), 1);
    assert_eq!(fenced, ErrorCode::FencedInstanceId);
    assert_eq!(town.heartbeat(&members[1], 1), ErrorCode::UnknownMemberId);
}

#[test]
fn cg13_a_leader_that_comes_back_leads_and_assigns_nothing() {
    let mut town = Town::new();
    stable(&mut town, &["a", "b"]);
    let response = back(&mut town, "a");
    assert_eq!(response.leader, response.member_id);
    assert!(response.skip_assignment);
    assert_eq!(response.members.len(), 2);
    assert_eq!(town.state(), "Stable");
}

#[test]
fn cg13_what_it_subscribes_to_is_not_compared_but_a_new_choice_of_assignor_counts() {
    let mut town = Town::new();
    stable(&mut town, &["a"]);
    let other_topics = JoinGroupRequest {
        protocols: vec![protocol("range", &["u"])],
        ..joining_as("a", "")
    };
    let asked = town.join(other_topics);
    let response = town.joined(asked).expect("at once");
    assert_eq!(response.generation_id, 1);
    let other_choice = JoinGroupRequest {
        protocols: vec![protocol("roundrobin", &["u"]), protocol("range", &["u"])],
        ..joining_as("a", "")
    };
    let asked = town.join(other_choice);
    let response = town.joined(asked).expect("it is alone");
    assert_eq!(response.generation_id, 2);
    assert_eq!(response.protocol_name.as_deref(), Some("roundrobin"));
}

#[test]
fn cg13_whom_it_replaces_is_fenced_where_it_waits() {
    let mut town = Town::new();
    let first = town.join(joining_as("a", ""));
    let again = town.join(joining_as("a", ""));
    let told = town.joined(first).expect("at once");
    assert_eq!(told.error, ErrorCode::FencedInstanceId);
    town.join(joining_as("b", ""));
    town.run_ms(6_000);
    let response = town.joined(again).expect("the wait is over");
    assert_eq!(response.error, ErrorCode::None);
    assert_eq!(
        response.leader, response.member_id,
        "it leads in the other's place"
    );
    assert_eq!(response.members.len(), 2);
    // Completing: all begin anew.
    let waiting = town.sync(&town.members()[1].clone(), 1, &[]);
    let other = town.join(joining_as("b", ""));
    let told = town.synced(waiting).expect("an answer");
    assert_eq!(told.error, ErrorCode::FencedInstanceId);
    assert_eq!(town.state(), "PreparingRebalance");
    assert!(town.joined(other).is_none());
}

#[test]
fn cg13_it_stays_where_it_was_first_seen_and_keeps_its_session() {
    let mut town = Town::new();
    stable(&mut town, &["a"]);
    let longer = JoinGroupRequest {
        session_timeout_ms: 60_000,
        ..joining_as("a", "")
    };
    let asked = town.join_from("other", "/10.0.0.9", longer);
    town.joined(asked).expect("at once");
    let group = town.group().expect("it");
    let member = group.members().next().expect("it");
    assert_eq!(
        (&*member.client_id, &*member.client_host),
        ("c", "/10.0.0.7")
    );
    assert_eq!(member.session_timeout_ms, 60_000);
    town.run_ms(9_999);
    assert_eq!(town.members().len(), 1);
    town.run_ms(1);
    assert_eq!(
        town.members().len(),
        0,
        "the old time-out ran from when it came back"
    );
}

#[test]
fn cg13_if_its_return_is_not_stored_it_is_who_it_was() {
    let mut town = Town::new();
    let members = stable(&mut town, &["a", "b"]);
    town.keeps_appends = true;
    let request = JoinGroupRequest {
        protocols: vec![protocol("range", &["u"])],
        session_timeout_ms: 60_000,
        rebalance_timeout_ms: 90_000,
        ..joining_as("a", "")
    };
    let asked = town.join(request);
    assert!(town.joined(asked).is_none(), "first it is stored");
    town.fail(ErrorCode::NotEnoughReplicas);
    let response = town.joined(asked).expect("an answer");
    assert_eq!(response.error, ErrorCode::CoordinatorNotAvailable);
    assert_eq!(&*response.member_id, "");
    assert_eq!(response.generation_id, 1);
    assert_eq!(response.leader, members[0], "who led before");
    assert_eq!(response.protocol_name.as_deref(), Some("range"));
    let group = town.group().expect("it");
    assert!(group.is_leader(&members[0]));
    let member = group.get(&members[0]).expect("it is back");
    assert_eq!(member.session_timeout_ms, 10_000);
    assert_eq!(member.rebalance_timeout_ms, 60_000);
    // As in Kafka: what it subscribed to before was not kept.
    assert_eq!(member.metadata("range"), protocol("range", &["u"]).metadata);
    assert_eq!(
        town.heartbeat_as(&members[0], Some("a"), 1),
        ErrorCode::None
    );
    town.run_ms(10_000);
    assert!(!town.members().contains(&members[0]), "its session runs");
}

#[test]
fn cg13_a_rebalance_that_begins_while_its_return_is_stored_takes_a_leader_along() {
    for (instance, waits) in [("a", true), ("b", false)] {
        let mut town = Town::new();
        stable(&mut town, &["a", "b"]);
        town.keeps_appends = true;
        let asked = town.join(joining_as(instance, ""));
        let (_, new) = town.enter("c3");
        town.commit();
        let told = town.joined(asked);
        assert_eq!(told.is_none(), waits, "{instance}");
        if let Some(told) = told {
            // It hears of the rebalance with its next request.
            assert_eq!((told.error, told.generation_id), (ErrorCode::None, 1));
            let synced = town.sync(&told.member_id, 1, &[]);
            let error = town.synced(synced).expect("an answer").error;
            assert_eq!(error, ErrorCode::RebalanceInProgress);
        }
        assert!(town.joined(new).is_none());
    }
}

#[test]
fn cg13_a_group_that_waits_for_the_old_ids_sync_waits_in_vain() {
    let mut town = Town::new();
    let asked: Vec<i32> = ["a", "b"]
        .iter()
        .map(|it| town.join(joining_as(it, "")))
        .collect();
    town.run_ms(6_000);
    let joined: Vec<_> = asked
        .iter()
        .map(|it| town.joined(*it).expect("it"))
        .collect();
    town.sync(&joined[0].member_id, 1, &[(&joined[1].member_id, "all")]);
    assert_eq!(town.state(), "Stable", "b has not asked yet");
    let id = back(&mut town, "b").member_id;
    let synced = town.sync(&id, 1, &[]);
    assert_eq!(&town.synced(synced).expect("it").assignment[..], b"all");
    for _ in 0..11 {
        town.run_ms(5_000);
        town.heartbeat(&joined[0].member_id, 1);
        town.heartbeat(&id, 1);
    }
    assert_eq!(town.state(), "Stable");
    town.run_ms(5_000);
    assert_eq!(town.state(), "PreparingRebalance", "60 s after the join");
    assert_eq!(town.members().len(), 2, "nobody is out");
}

#[test]
fn cg13_a_static_member_that_goes_away_is_missed_after_its_session() {
    let mut town = Town::new();
    let members = stable(&mut town, &["a", "b"]);
    town.run_ms(9_000);
    assert_eq!(town.heartbeat(&members[0], 1), ErrorCode::None);
    assert_eq!(town.state(), "Stable");
    town.run_ms(1_000);
    assert_eq!(town.members(), std::slice::from_ref(&members[0]));
    let response = town.join(joining_as("b", ""));
    assert!(
        town.joined(response).is_none(),
        "it is new again, and waits"
    );
}
