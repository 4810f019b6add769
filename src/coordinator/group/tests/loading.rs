//! Partitions of `__consumer_offsets` that come and go.

use super::town::{Town, committing, joining, joining_as};
use crate::protocol::{ErrorCode, GroupFact, JoinGroupRequest, Response};
use crate::protocol::{LoadedOffset, TopicPartition, partition_for};

#[test]
fn cg2_a_groups_partition_is_javas_hash_of_its_name() {
    assert_eq!(partition_for("g", 50), 103 % 50);
    // "Aa" and "BB" are a famous pair.
    assert_eq!(partition_for("Aa", 50), 2112 % 50);
    assert_eq!(partition_for("BB", 50), 2112 % 50);
    assert_eq!(
        partition_for("polygenelubricants", 50),
        0,
        "Integer.MIN_VALUE"
    );
    // -1 has an absolute value of its own: no mask of the sign.
    let negative = "consumers-of-positions";
    let hash = negative.bytes().fold(0i32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(i32::from(byte))
    });
    assert_eq!(
        partition_for(negative, 50),
        (hash.unsigned_abs() % 50) as i32
    );
    assert_eq!(partition_for("", 50), 0);
}

#[test]
fn cg3_what_is_checked_before_a_group_is_looked_for() {
    let mut town = Town::down(|_| {});
    town.start();
    let nameless = JoinGroupRequest {
        group_id: "".into(),
        session_timeout_ms: 1,
        ..joining("")
    };
    assert_eq!(town.join_error(nameless), ErrorCode::InvalidGroupId);
    let elsewhere = JoinGroupRequest {
        session_timeout_ms: 1,
        ..joining("")
    };
    assert_eq!(town.join_error(elsewhere), ErrorCode::NotCoordinator);
    let mut request = committing("", -1, &[("t", 0, 1)]);
    request.group_id = "".into();
    let asked = town.commit_offsets(request.clone());
    let refused = Some(vec![ErrorCode::NotCoordinator]);
    assert_eq!(town.stored(asked), refused, "the empty name may commit");
    town.elect(0, 1);
    town.read_all();
    let asked = town.commit_offsets(request);
    assert_eq!(town.stored(asked), Some(vec![ErrorCode::None]));
}

#[test]
fn cg3_while_a_partition_is_read_most_have_to_wait() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    town.commit_offset(&members[0], 1, 5);
    town.resign(3, Some(2));
    town.elect(3, 3);
    assert_eq!(
        town.heartbeat(&members[0], 1),
        ErrorCode::None,
        "nobody has come to it yet"
    );
    town.read();
    assert_eq!(
        town.heartbeat("who", 7),
        ErrorCode::None,
        "it cannot be judged"
    );
    let asked = town.sync(&members[0], 1, &[]);
    let told = town.synced(asked).map(|it| it.error);
    assert_eq!(told, Some(ErrorCode::RebalanceInProgress));
    let loading = ErrorCode::CoordinatorLoadInProgress;
    assert_eq!(town.join_error(joining("")), loading);
    assert_eq!(town.leave(&[(&members[0], None)]), [loading]);
    assert_eq!(town.fetch_offsets(None, true).err(), Some(loading));
    let asked = town.commit_offset(&members[0], 1, 6);
    assert_eq!(town.stored(asked), Some(vec![loading]));
    town.read_all();
    assert_eq!(town.heartbeat(&members[0], 1), ErrorCode::None);
    assert_eq!(town.heartbeat("who", 7), ErrorCode::UnknownMemberId);
}

#[test]
fn cg41_one_partition_is_read_after_the_other() {
    let mut town = Town::down(|_| {});
    town.start();
    town.elect(7, 1);
    town.elect(3, 1);
    town.read();
    // What its turn has not come to is not here yet.
    assert_eq!(town.join_error(joining("")), ErrorCode::NotCoordinator);
    town.read();
    assert_eq!(town.join_error(joining("")), ErrorCode::MemberIdRequired);
}

#[test]
fn cg41_the_last_value_of_a_key_counts_and_a_tombstone_removes_it() {
    let mut town = Town::new();
    for offset in [5, 6] {
        town.commit_offsets(committing("", -1, &[("t", 0, offset), ("u", 0, offset)]));
    }
    town.act(|it, ctx| {
        it.on_partitions_deleted(ctx, &[crate::protocol::TopicPartition::new("u", 0)]);
    });
    town.take_facts();
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read_all();
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, 6));
    assert_eq!(town.fetch_offsets(None, true).map(|it| it.len()), Ok(1));
    let loaded = GroupFact::Loaded {
        partition: 3,
        of_partitions: 50,
        groups: vec!["g".into()],
        committed: vec![LoadedOffset {
            group: "g".into(),
            partition: TopicPartition::new("t", 0),
            offset: 6,
        }],
    };
    assert!(town.take_facts().contains(&loaded));
}

#[test]
fn cg42_a_loaded_group_is_stable_with_members_and_each_has_a_whole_session() {
    let mut town = Town::new();
    let members = town.stable(&["c1", "c2"]);
    town.run_ms(9_000);
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read_all();
    assert_eq!((town.state(), town.generation()), ("Stable", 1));
    let group = town.group().expect("it");
    assert!(group.is_leader(&members[0]));
    assert_eq!(group.protocol_name.as_deref(), Some("range"));
    let asked = town.sync(&members[1], 1, &[]);
    let given = town.synced(asked).expect("it").assignment;
    assert_eq!(&given[..], b"what it reads");
    town.run_ms(9_999);
    assert_eq!(town.members().len(), 2, "from when it was loaded");
    assert_eq!(town.heartbeat(&members[1], 1), ErrorCode::None);
    town.run_ms(1);
    assert_eq!(town.members().len(), 1);

    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    town.leave(&[(&members[0], None)]);
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read_all();
    assert_eq!((town.state(), town.generation()), ("Empty", 2));
}

#[test]
fn cg42_who_was_in_the_middle_of_a_rebalance_learns_it() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    let (new, _) = town.enter("c2");
    let asked = town.join(joining(&members[0]));
    assert_eq!(town.joined(asked).map(|it| it.generation_id), Some(2));
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read_all();
    assert_eq!(town.heartbeat(&members[0], 2), ErrorCode::IllegalGeneration);
    assert_eq!(town.heartbeat(&new, 2), ErrorCode::UnknownMemberId);
    let asked = town.sync(&members[0], 2, &[]);
    let told = town.synced(asked).map(|it| it.error);
    assert_eq!(told, Some(ErrorCode::IllegalGeneration));
}

#[test]
fn cg42_more_members_than_may_be_rebalance() {
    let mut large = Town::new();
    large.stable(&["c1", "c2"]);
    let mut town = Town::with(|config| config.group_max_size = 1);
    town.log = std::mem::take(&mut large.log);
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read_all();
    assert_eq!(town.state(), "PreparingRebalance");
}

#[test]
fn cg43_who_waits_is_sent_away_when_the_partition_goes() {
    let mut town = Town::new();
    let members = town.completing(&["c1", "c2"]);
    let waiting = town.sync(&members[1], 1, &[]);
    town.resign(3, Some(2));
    assert!(town.synced(waiting).is_none(), "not before its turn");
    town.read_all();
    let told = town.synced(waiting).expect("an answer");
    assert_eq!(told.error, ErrorCode::NotCoordinator);
    assert_eq!(town.state(), "none");
    assert_eq!(town.heartbeat(&members[0], 1), ErrorCode::NotCoordinator);

    let mut town = Town::new();
    let (_, waiting) = town.enter("c1");
    town.resign(3, None);
    town.read_all();
    let told = town.joined(waiting).expect("an answer");
    assert_eq!(told.error, ErrorCode::NotCoordinator);
    town.run_ms(600_000);
}

#[test]
fn cg43_what_comes_late_is_nothing() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    town.resign(3, Some(0));
    town.read_all();
    assert_eq!(town.state(), "Stable");
    town.elect(3, 5);
    town.read_all();
    assert_eq!(
        town.heartbeat(&members[0], 1),
        ErrorCode::None,
        "it was here all the time"
    );
    town.resign(3, Some(6));
    town.elect(3, 4);
    town.read_all();
    assert_eq!(town.heartbeat(&members[0], 1), ErrorCode::NotCoordinator);
}

#[test]
fn cg43_a_partition_that_goes_while_it_is_read_is_read_and_goes() {
    let mut town = Town::new();
    town.commit_offset("", -1, 5);
    town.commit_offset("", -1, 6);
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read();
    town.resign(3, Some(4));
    assert_eq!(
        town.fetch_offsets(None, true).err(),
        Some(ErrorCode::CoordinatorLoadInProgress)
    );
    town.read_all();
    assert_eq!(
        town.fetch_offsets(None, true).err(),
        Some(ErrorCode::NotCoordinator)
    );
    assert_eq!(town.state(), "none");
}

#[test]
fn cg43_what_was_on_its_way_before_concerns_no_group_that_is_loaded_after() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    town.keeps_appends = true;
    let commit = town.commit_offset(&members[0], 1, 8);
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read_all();
    town.commit();
    assert_eq!(town.stored(commit), Some(vec![ErrorCode::None]));
    assert_eq!(
        town.fetch_offset(true),
        (ErrorCode::None, -1),
        "it was not read"
    );
}

#[test]
fn cg44_nothing_but_the_log_survives() {
    let mut town = Town::new();
    town.stable(&["c1"]);
    let given = town.given_id("c2");
    let asked = town.join(joining_as("i", ""));
    town.resign(3, Some(2));
    town.elect(3, 3);
    town.read_all();
    let told = town.joined(asked).map(|it| it.error);
    assert_eq!(told, Some(ErrorCode::NotCoordinator));
    assert_eq!(town.members().len(), 1);
    assert_eq!(town.join_error(joining(&given)), ErrorCode::UnknownMemberId);
}

#[test]
fn cg46_a_list_says_that_it_may_lack_something() {
    let mut town = Town::new();
    town.stable(&["c1"]);
    let list = |town: &mut Town, states: &[&str]| {
        let request = crate::protocol::ListGroupsRequest {
            states_filter: states.iter().map(|it| (*it).into()).collect(),
        };
        let asked = town.ask(move |it, _, to| it.handle_list_groups(to, &request));
        match town.answer(asked) {
            Some(Response::ListGroups(response)) => (response.error, response.groups),
            other => panic!("{other:?}"),
        }
    };
    let (error, groups) = list(&mut town, &[]);
    assert_eq!((error, groups.len()), (ErrorCode::None, 1));
    assert_eq!(
        (&*groups[0].protocol_type, groups[0].group_state),
        ("consumer", "Stable")
    );
    assert_eq!(list(&mut town, &["stable"]).1.len(), 1, "whatever the case");
    assert_eq!(list(&mut town, &["Empty", "Dead"]).1.len(), 0);
    town.elect(7, 1);
    town.commit_offset("", -1, 1);
    town.begin_reading();
    let (error, groups) = list(&mut town, &[]);
    assert_eq!(
        (error, groups.len()),
        (ErrorCode::CoordinatorLoadInProgress, 1)
    );
}
