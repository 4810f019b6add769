//! What administrators ask.

use super::town::{Town, joining, protocol};
use crate::protocol::{
    DeleteGroupsRequest, DescribeGroupsRequest, DescribedGroup, ErrorCode, Response,
};

fn describe(town: &mut Town) -> DescribedGroup {
    let request = DescribeGroupsRequest {
        groups: vec!["g".into()],
    };
    let asked = town.ask(move |it, _, to| it.handle_describe_groups(to, &request));
    match town.answer(asked) {
        Some(Response::DescribeGroups(mut response)) => response.groups.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn cg39_a_deleted_group_goes_with_its_offsets() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    town.commit_offset(&members[0], 1, 5);
    town.leave(&[(&members[0], None)]);
    let before = town.log.len();
    let request = DeleteGroupsRequest {
        groups_names: vec!["g".into(), "polygenelubricants".into()],
    };
    let asked = town.ask(move |it, ctx, to| it.handle_delete_groups(ctx, to, &request));
    match town.answer(asked) {
        Some(Response::DeleteGroups(response)) => {
            let errors: Vec<ErrorCode> = response.results.iter().map(|(_, it)| *it).collect();
            assert_eq!(errors, [ErrorCode::None, ErrorCode::NotCoordinator]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(town.state(), "none");
    assert_eq!(town.log.len(), before + 1);
    let tombstones = &town.log[before].records;
    assert_eq!(tombstones.len(), 2, "its offset's and its own");
    assert!(tombstones.iter().all(|it| it.value.is_none()));
    assert_eq!(town.fetch_offset(true), (ErrorCode::None, -1));
}

#[test]
fn cg45_members_say_what_they_want_and_have_only_in_a_stable_group() {
    let mut town = Town::new();
    let dead = describe(&mut town);
    assert_eq!((dead.error, dead.group_state), (ErrorCode::None, "Dead"));
    let members = town.stable(&["c1", "c2"]);
    let group = describe(&mut town);
    assert_eq!(group.group_state, "Stable");
    assert_eq!(
        (&*group.protocol_type, &*group.protocol_data),
        ("consumer", "range")
    );
    assert_eq!(group.members.len(), 2);
    let metadata = protocol("range", &["t"]).metadata;
    assert!(
        group
            .members
            .iter()
            .all(|it| it.member_metadata == metadata)
    );
    assert!(
        group
            .members
            .iter()
            .all(|it| &it.member_assignment[..] == b"what it reads")
    );
    town.join(joining(&members[0]));
    let group = describe(&mut town);
    assert_eq!(
        (group.group_state, &*group.protocol_data),
        ("PreparingRebalance", "")
    );
    assert!(group.members.iter().all(|it| it.member_metadata.is_empty()));
    assert!(
        group
            .members
            .iter()
            .all(|it| it.member_assignment.is_empty())
    );
    town.leave(&[(&members[0], None), (&members[1], None)]);
    assert_eq!(describe(&mut town).group_state, "Empty");
    town.resign(3, Some(2));
    town.read_all();
    let elsewhere = describe(&mut town);
    assert_eq!(
        (elsewhere.error, elsewhere.group_state),
        (ErrorCode::NotCoordinator, "")
    );
}
