//! Recordings of groups of Kafka's Java clients, played in the simulator.

use super::{document, vectors};
use kafka_trial::conform::{
    ClientRecording, Outcome, client_recording_of, is_client_recording, play_clients,
};
use serde_json::{Value, json};
use std::path::Path;

fn client_recording(document: &Value) -> ClientRecording {
    assert!(is_client_recording(document));
    client_recording_of(Path::new("clients.json"), document).unwrap_or_else(|it| panic!("{it}"))
}

/// The differences of a recording of clients as text; empty if all agreed.
fn differences_of_clients(document: &Value) -> String {
    match play_clients(&client_recording(document), false) {
        Ok(Outcome::Agreed { .. }) => String::new(),
        Ok(Outcome::Skipped { why }) => why,
        Ok(Outcome::Differed(steps)) => {
            let of_steps = steps.iter().flat_map(|step| {
                let of_step = step.differences.iter();
                of_step.map(move |it| {
                    format!("{} {} {:?} {:?}\n", step.step, it.field, it.kafka, it.ours)
                })
            });
            of_steps.collect()
        }
        Err(error) => error.to_string(),
    }
}

/// Groups of Kafka's Java clients: what applications are told, what coordinators are asked and answer, what is
/// committed, and what `__consumer_offsets` holds. CX3 to CX11.
#[test]
fn cc33_cc36_cc38_to_cc40_cc42_cc45_cc46_cc50_cc52_cc56_to_cc59_cx3_to_cx8_cx11_recorded_groups() {
    let mut played = 0;
    for entry in std::fs::read_dir(vectors("clients")).unwrap() {
        let document = document(&entry.unwrap().path());
        let name = document["name"].as_str().unwrap().to_owned();
        let found = differences_of_clients(&document);
        match NOT_PLAYED.iter().find(|(named, _)| *named == name) {
            Some((_, why)) => assert_eq!(found, *why, "{name}"),
            None if name == IDEMPOTENT => {}
            None => {
                assert_eq!(found, "", "{name}");
                played += 1;
            }
        }
    }
    assert_eq!(played, 15);
}

/// An idempotent producer of Kafka's Java clients: how it gets its id, what it sends, and what it and its brokers do
/// as the leader crashes.
#[test]
fn cx1_cx9_a_recorded_producer_gets_its_id_and_outlives_its_leader() {
    let recording = document(&vectors("clients").join(format!("{IDEMPOTENT}.json")));
    assert_eq!(recording["name"], IDEMPOTENT);
    assert_eq!(differences_of_clients(&recording), "");
}

const IDEMPOTENT: &str = "idempotent_over_crash";

/// Transactions, and what of them is not played.
const NOT_PLAYED: [(&str, &str); 2] = [
    (
        "txn_commit_abort",
        "transactions are not modelled: a client's own `init_transactions` is not played",
    ),
    (
        "txn_fenced",
        "transactions are not modelled: a client's own `init_transactions` is not played",
    ),
];

/// The comparison is not blind: each kind of field that real Kafka did not have is found, and nothing else.
#[test]
fn a_changed_field_of_a_recorded_group_is_found() {
    let original = document(&vectors("clients").join("group_range.json"));
    let request = |step: usize, client: &str, api: &str| {
        let requests = original["steps"][step]["requests"].as_array().unwrap();
        let at = requests
            .iter()
            .rposition(|it| it["client"] == client && it["api"] == api);
        format!("/steps/{step}/requests/{}", at.unwrap())
    };
    let log = "/logs/__consumer_offsets-1";
    let line = |part: &str| {
        let lines = original["logs"]["__consumer_offsets-1"].as_array().unwrap();
        let at = lines
            .iter()
            .position(|it| it.as_str().unwrap().contains(part));
        format!("{log}/{}", at.unwrap())
    };
    let changed_line = |part: &str, to: &str| {
        let text = original.pointer(&line(part)).unwrap().as_str().unwrap();
        Value::from(text.replacen(part, to, 1))
    };
    let changes = [
        (
            "/steps/2/members/m1/log/0".to_owned(),
            json!("lost [t-0]"),
            "3 members.m1.log",
        ),
        (
            "/steps/2/group/offsets/t-3".to_owned(),
            json!(2),
            "3 group.offsets.t-3",
        ),
        (
            request(1, "m1", "JOIN_GROUP") + "/request/reason",
            json!("another"),
            "2 asked.m1.02 JOIN_GROUP.request.reason",
        ),
        (
            request(1, "m1", "HEARTBEAT") + "/response/errorCode",
            json!(22),
            "2 asked.m1.01 told.errorCode",
        ),
        (
            request(1, "m2", "SYNC_GROUP") + "/response/assignment",
            json!("AAMAAAAA/////w=="),
            "2 asked.m2.03 SYNC_GROUP.response.assignment",
        ),
        (
            request(0, "m1", "OFFSET_FETCH") + "/request/groups/0/topics/0/partitionIndexes",
            json!([0, 1, 2, 3, 4, 5]),
            "1 asked.m1.04 OFFSET_FETCH.request.groups",
        ),
        (
            request(0, "m1", "OFFSET_COMMIT")
                + "/request/topics/0/partitions/0/committedLeaderEpoch",
            json!(1),
            "1 committed by.m1.generation 1 of m1#1 at b2.t-5",
        ),
        (
            request(3, "m2", "LEAVE_GROUP") + "/request/members/0/reason",
            json!(null),
            "4 asked.m2.01 LEAVE_GROUP.request.members",
        ),
        (
            line("\"generation\":2"),
            changed_line("\"generation\":2", "\"generation\":1"),
            "6 __consumer_offsets-1.groups.02.generation",
        ),
        (
            line("baseSequence: 0"),
            changed_line("baseSequence: 0", "baseSequence: 7"),
            "6 __consumer_offsets-1.commits.t-0 t-1 t-2 t-3 t-4 t-5.header.baseSequence",
        ),
    ];
    assert_found(&original, &changes);
}

#[test]
fn a_changed_field_of_a_recorded_producer_is_found() {
    let original = document(&vectors("clients").join("idempotent_over_crash.json"));
    let lines = original["logs"]["t-0"].as_array().unwrap();
    let line = |part: &str| {
        let mut lines = lines.iter();
        let at = lines.position(|it| it.as_str().unwrap().contains(part));
        format!("/logs/t-0/{}", at.unwrap())
    };
    let changed_line = |part: &str, to: &str| {
        let text = original.pointer(&line(part)).unwrap().as_str().unwrap();
        Value::from(text.replacen(part, to, 1))
    };
    let requests = original["steps"][0]["requests"].as_array().unwrap();
    let own = requests.iter().position(|it| it["client"] == "i").unwrap();
    let request = |after: usize| format!("/steps/0/requests/{}", own + after);
    let changes = [
        (
            request(0) + "/response/errorCode",
            json!(0),
            "1 i.01 INIT_PRODUCER_ID.response.errorCode",
        ),
        (
            request(3) + "/request/topicData/0/partitionData/0/recordsSizeInBytes",
            json!(71),
            "1 i.03 PRODUCE.request.topicData",
        ),
        (
            "/steps/1/requests/0/to".to_owned(),
            json!("b3"),
            "2 i.01 PRODUCE.to",
        ),
        (
            "/steps/1/result/results/0/offset".to_owned(),
            json!(7),
            "2 result.results",
        ),
        (
            "/steps/3/offsets/t/2/latest".to_owned(),
            json!(4),
            "4 offsets.t.2.latest",
        ),
        (
            line("baseSequence: 4"),
            changed_line("baseSequence: 4", "baseSequence: 3"),
            "5 t-0.line 15.baseSequence",
        ),
        (
            line("payload: over"),
            changed_line("payload: over", "payload: under"),
            "5 t-0.line 14.value",
        ),
    ];
    assert_found(&original, &changes);
}

/// Of each change of the document its field is told, and nothing else.
fn assert_found(original: &Value, changes: &[(String, Value, &str)]) {
    let mut changed = original.clone();
    for (pointer, value, _) in changes {
        *changed.pointer_mut(pointer).expect(pointer) = value.clone();
    }
    let mut expected: Vec<&str> = changes.iter().map(|(.., field)| *field).collect();
    let Ok(Outcome::Differed(steps)) = play_clients(&client_recording(&changed), true) else {
        panic!("all went unnoticed")
    };
    let of_steps = steps.iter().flat_map(|step| {
        let of_step = step.differences.iter();
        of_step.map(move |it| format!("{} {}", step.step, it.field))
    });
    let mut found: Vec<String> = of_steps.collect();
    found.sort();
    expected.sort_unstable();
    assert_eq!(found, expected);
}
