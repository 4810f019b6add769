//! What each request comes to in each state of a group.
//!
//! Nobody ever meets a dead group: who makes it so forgets it in the same step, and what comes after finds none.

use super::town::{Town, committing, joining, joining_as, protocol, syncing};
use crate::protocol::{
    DeleteGroupsRequest, ErrorCode, JoinGroupRequest, OffsetDeleteRequest, Response,
    SyncGroupRequest, TopicPartition,
};
use std::rc::Rc;

const STATES: [&str; 5] = [
    "none",
    "Empty",
    "PreparingRebalance",
    "CompletingRebalance",
    "Stable",
];

/// A group in this state, and two members of its generation: in an empty one former members. In
/// `PreparingRebalance` the second, which follows, waits already.
fn group_in(state: &str) -> (Town, Vec<Rc<str>>) {
    let mut town = Town::new();
    let who = || vec!["who".into(), "else".into()];
    let members = match state {
        "none" => who(),
        "CompletingRebalance" => town.completing(&["c1", "c2"]),
        _ => town.stable(&["c1", "c2"]),
    };
    match state {
        "Empty" => {
            town.leave(&[(&members[0], None), (&members[1], None)]);
        }
        "PreparingRebalance" => {
            town.join(changed(&members[1]));
        }
        _ => {}
    }
    assert_eq!(town.state(), state);
    (town, members)
}

fn changed(member: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        protocols: vec![protocol("range", &["u"])],
        ..joining(member)
    }
}

/// Makes the request; its error as a number, `waits` without an answer.
fn play(town: &mut Town, members: &[Rc<str>], request: &str) -> String {
    let generation = town.generation().max(1);
    let (leader, follower) = (&members[0], &members[1]);
    let join = |town: &mut Town, request| {
        let asked = town.join(request);
        town.joined(asked).map(|it| it.error)
    };
    let sync = |town: &mut Town, request: SyncGroupRequest| {
        let asked = town.ask(move |it, ctx, to| it.handle_sync_group(ctx, to, &request));
        town.synced(asked).map(|it| it.error)
    };
    let commit = |town: &mut Town, member: &str, generation| {
        let asked = town.commit_offsets(committing(member, generation, &[("t", 0, 7)]));
        town.stored(asked).map(|it| it[0])
    };
    let error = match request {
        "join without an id" => join(town, joining("")),
        "join with a given id" => {
            let id = match town.state() {
                "none" => "given-by-another".into(),
                _ => town.given_id("c9"),
            };
            join(town, joining(&id))
        }
        "join of a new static" => join(town, joining_as("i", "")),
        "join of the leader" => join(town, joining(leader)),
        "join of a follower" => join(town, joining(follower)),
        "join, changed" => join(town, changed(follower)),
        "sync of the leader" => sync(town, syncing(leader, generation)),
        "sync of a follower" => sync(town, syncing(follower, generation)),
        "sync of nobody" => sync(town, syncing("nobody", generation)),
        "sync, old" => sync(town, syncing(follower, generation - 1)),
        "sync, other protocol" => {
            let request = SyncGroupRequest {
                protocol_name: Some("sticky".into()),
                ..syncing(follower, generation)
            };
            sync(town, request)
        }
        "heartbeat" => Some(town.heartbeat(follower, generation)),
        "heartbeat of nobody" => Some(town.heartbeat("nobody", generation)),
        "heartbeat, old" => Some(town.heartbeat(follower, generation - 1)),
        "leave" => Some(town.leave(&[(follower, None)])[0]),
        "commit" => commit(town, follower, generation),
        "commit, old" => commit(town, follower, generation - 1),
        "commit of no member" => commit(town, "", -1),
        "fetch" => {
            let partitions = Some(vec![TopicPartition::new("t", 0)]);
            let fetched = town.fetch_offsets(partitions, true);
            Some(fetched.err().unwrap_or(ErrorCode::None))
        }
        "delete" => {
            let request = DeleteGroupsRequest {
                groups_names: vec!["g".into()],
            };
            let asked = town.ask(move |it, ctx, to| it.handle_delete_groups(ctx, to, &request));
            match town.answer(asked) {
                Some(Response::DeleteGroups(response)) => Some(response.results[0].1),
                other => panic!("{other:?}"),
            }
        }
        "delete an offset" => {
            let request = OffsetDeleteRequest {
                group_id: "g".into(),
                partitions: vec![TopicPartition::new("t", 0)],
            };
            let asked =
                town.ask(move |it, ctx, to| it.handle_offset_delete(ctx, to, &request, Vec::new()));
            match town.answer(asked) {
                Some(Response::OffsetDelete(response)) => match response.error {
                    ErrorCode::None => Some(response.partitions[0].1),
                    error => Some(error),
                },
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other}"),
    };
    error.map_or_else(|| "waits".to_owned(), |it| it.code().to_string())
}

/// Request, then error and state afterwards in each of `STATES`.
const TABLE: &str = "
join without an id   | 79 Empty       | 79 Empty                 | 79 PreparingRebalance     | 79 CompletingRebalance    | 79 Stable
join with a given id | 25 none        | waits PreparingRebalance | waits PreparingRebalance  | waits PreparingRebalance  | waits PreparingRebalance
join of a new static | waits PreparingRebalance | waits PreparingRebalance | waits PreparingRebalance | waits PreparingRebalance | waits PreparingRebalance
join of the leader   | 25 none        | 25 Empty                 | 0 CompletingRebalance     | 0 CompletingRebalance     | waits PreparingRebalance
join of a follower   | 25 none        | 25 Empty                 | waits PreparingRebalance  | 0 CompletingRebalance     | 0 Stable
join, changed        | 25 none        | 25 Empty                 | waits PreparingRebalance  | waits PreparingRebalance  | waits PreparingRebalance
sync of the leader   | 25 none        | 25 Empty                 | 27 PreparingRebalance     | 0 Stable                  | 0 Stable
sync of a follower   | 25 none        | 25 Empty                 | 27 PreparingRebalance     | waits CompletingRebalance | 0 Stable
sync of nobody       | 25 none        | 25 Empty                 | 25 PreparingRebalance     | 25 CompletingRebalance    | 25 Stable
sync, old            | 25 none        | 25 Empty                 | 22 PreparingRebalance     | 22 CompletingRebalance    | 22 Stable
sync, other protocol | 25 none        | 25 Empty                 | 23 PreparingRebalance     | 23 CompletingRebalance    | 23 Stable
heartbeat            | 25 none        | 25 Empty                 | 27 PreparingRebalance     | 0 CompletingRebalance     | 0 Stable
heartbeat of nobody  | 25 none        | 25 Empty                 | 25 PreparingRebalance     | 25 CompletingRebalance    | 25 Stable
heartbeat, old       | 25 none        | 25 Empty                 | 22 PreparingRebalance     | 22 CompletingRebalance    | 22 Stable
leave                | 25 none        | 25 Empty                 | 0 PreparingRebalance      | 0 PreparingRebalance      | 0 PreparingRebalance
commit               | 22 none        | 25 Empty                 | 0 PreparingRebalance      | 27 CompletingRebalance    | 0 Stable
commit, old          | 22 none        | 25 Empty                 | 22 PreparingRebalance     | 22 CompletingRebalance    | 22 Stable
commit of no member  | 0 Empty        | 0 Empty                  | 25 PreparingRebalance     | 25 CompletingRebalance    | 25 Stable
fetch                | 0 none         | 0 Empty                  | 0 PreparingRebalance      | 0 CompletingRebalance     | 0 Stable
delete               | 69 none        | 0 none                   | 68 PreparingRebalance     | 68 CompletingRebalance    | 68 Stable
delete an offset     | 69 none        | 0 none                   | 86 PreparingRebalance     | 86 CompletingRebalance    | 86 Stable
";

#[test]
fn cg10_cg14_cg20_cg23_cg26_cg39_cg40_what_each_request_is_answered_in_each_state() {
    let mut wrong = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty()) {
        let mut cells = line.split('|').map(str::trim);
        let request = cells.next().expect("a request");
        let cells: Vec<&str> = cells.collect();
        assert_eq!(cells.len(), STATES.len(), "{line}");
        for (state, expected) in STATES.into_iter().zip(cells) {
            let (mut town, members) = group_in(state);
            let error = play(&mut town, &members, request);
            let found = format!("{error} {}", town.state());
            if found != expected {
                wrong.push(format!("{request} in {state}: {found}, not {expected}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn cg13_cg14_a_static_id_that_another_holds_is_fenced_in_every_request() {
    let mut town = Town::new();
    let asked = town.join(joining_as("i", ""));
    town.run_ms(3_000);
    town.joined(asked).expect("it");
    let fenced = ErrorCode::FencedInstanceId;
    assert_eq!(town.join_error(joining_as("i", "who")), fenced);
    assert_eq!(town.heartbeat_as("who", Some("i"), 1), fenced);
    assert_eq!(town.leave(&[("who", Some("i"))]), [fenced]);
    let sync = SyncGroupRequest {
        group_instance_id: Some("i".into()),
        ..syncing("who", 1)
    };
    let asked = town.ask(move |it, ctx, to| it.handle_sync_group(ctx, to, &sync));
    assert_eq!(town.synced(asked).map(|it| it.error), Some(fenced));
    let mut commit = committing("who", 1, &[("t", 0, 7)]);
    commit.group_instance_id = Some("i".into());
    let asked = town.commit_offsets(commit);
    assert_eq!(town.stored(asked), Some(vec![fenced]));
    let unknown = town.heartbeat_as("who", Some("another"), 1);
    assert_eq!(unknown, ErrorCode::UnknownMemberId);
}
