//! Recordings that nobody can have made: each is refused with the place, what was found and what is expected, or
//! differs in something that is named.

use super::{document, vectors};
use kafka_trial::conform::{
    Outcome, client_recording_of, is_client_recording, play_clients, recording_of,
    recovery_case_of, zookeeper_transcripts_of,
};
use kafka_trial::plan::Problem;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

fn group() -> Value {
    document(&vectors("clients").join("group_default.json"))
}

fn read(document: &Value) -> Result<(), Problem> {
    match is_client_recording(document) {
        true => client_recording_of(Path::new("r.json"), document).map(drop),
        false => recording_of(Path::new("r.json"), document).map(drop),
    }
}

/// `path: found; expected`
fn said(problem: &Problem) -> String {
    let expected = problem.expected.as_deref().unwrap_or("nothing is expected");
    format!("{}: {}; {expected}", problem.path.join("/"), problem.found)
}

/// With that change it is no recording, and one message says so.
fn is_refused(good: &Value, pointer: &str, value: Option<Value>, message: &str) {
    let problem = read(&changed(good, pointer, value)).expect_err(pointer);
    let found = said(&problem);
    assert!(found.starts_with(message), "{pointer}: {found}");
    assert!(problem.expected.is_some(), "{pointer}: {found}");
}

/// The document without, or with another value at, a pointer.
fn changed(document: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut changed = document.clone();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = changed.pointer_mut(parent).expect(pointer);
    match (parent, value) {
        (Value::Object(map), None) => drop(map.remove(key)),
        (Value::Object(map), Some(value)) => drop(map.insert(key.to_owned(), value)),
        (Value::Array(items), value) => {
            let place: usize = key.parse().expect("a number");
            match value {
                None => drop(items.remove(place)),
                Some(value) => items[place] = value,
            }
        }
        _ => panic!("{pointer} is nowhere"),
    }
    changed
}

#[test]
fn a_recording_of_clients_that_cannot_be_used_is_refused_at_its_place() {
    let good = group();
    assert_eq!(read(&good), Ok(()));
    for (pointer, value, expected) in [
        (
            "/kafka",
            Some(json!("9.9")),
            "kafka: \"9.9\"; a release that is played here",
        ),
        ("/name", Some(json!(" ")), "name: \" \"; a name"),
        ("/steps", None, ": the key \"steps\" is missing here"),
        ("/logs", None, ": the key \"logs\" is missing here"),
        (
            "/logs",
            Some(json!({})),
            "logs: no log of __consumer_offsets",
        ),
        (
            "/logs/t-zero",
            Some(json!([])),
            "logs/t-zero: \"t-zero\" is no partition",
        ),
        ("/logs/w-0", Some(json!([])), "logs/w-0: a log of w-0"),
        (
            "/logs/t-0/0",
            Some(json!("odd")),
            "logs/t-0/0: \"odd\"; a line of the dump tool",
        ),
        (
            "/colour",
            Some(json!("red")),
            "colour: unknown key \"colour\"; one of name,",
        ),
        (
            "/config/no.such.key",
            Some(json!(1)),
            "config/no.such.key: Kafka has no broker",
        ),
        (
            "/config/num.io.threads",
            Some(json!("two")),
            "config/num.io.threads: num.io.threads cannot be",
        ),
        (
            "/steps/0/requets",
            Some(json!([])),
            "steps/0/requets: unknown key \"requets\"",
        ),
        (
            "/steps/0/do",
            Some(json!("jion")),
            "steps/0/do: \"jion\"; join, leave",
        ),
        (
            "/steps/0/member",
            None,
            "steps/0: \"join\" of nobody and nothing; \"member\"",
        ),
        (
            "/steps/0/topics",
            Some(json!("t,,u")),
            "steps/0/topics: \"t,,u\"; names of topics",
        ),
        (
            "/steps/0/props",
            Some(json!({"heartbeat.interval.ms": "99999"})),
            "steps/0/props/heartbeat.interval.ms: ",
        ),
        (
            "/steps/0/members",
            None,
            "steps/0: the key \"members\" is missing here",
        ),
        (
            "/steps/1/members/m1",
            None,
            "steps/1/members: the member m1 is missing here",
        ),
        (
            "/steps/0/members/m7",
            Some(good["steps"][0]["members"]["m1"].clone()),
            "steps/0/members/m7: a member \"m7\"",
        ),
        (
            "/steps/0/group/coordinator",
            Some(json!(1.5)),
            "steps/0/group/coordinator: 1.5; a whole number",
        ),
        (
            "/steps/2/group/coordinator",
            Some(json!(99)),
            "steps/2/group/coordinator: 99; a broker from 1 to 3",
        ),
        (
            "/steps/0/group/offsets/odd",
            Some(json!(1)),
            "steps/0/group/offsets/odd: \"odd\" is no partition",
        ),
        (
            "/steps/0/requests/0/to",
            Some(json!("b77")),
            "steps/0/requests/0/to: \"b77\"; one of \"b1\", \"b2\", \"b3\"",
        ),
        (
            "/steps/0/requests/0/api",
            Some(json!("FIND_COORDNATOR")),
            "steps/0/requests/0/api: \"FIND_COORDNATOR\"; one of",
        ),
        (
            "/steps/2/count",
            None,
            "steps/2: \"add partitions\" of nobody and nothing; \"topic\"",
        ),
        (
            "/steps/2/topic",
            Some(json!("w")),
            "steps/2/topic: \"w\"; a topic of this recording: t, u",
        ),
    ] {
        is_refused(&good, pointer, value, expected);
    }
}

/// What nobody compares is refused as well where no recorder can have written it.
#[test]
fn what_no_recorder_of_clients_writes_is_refused() {
    let good = group();
    let coordinators = |value: Value| ("/coordinators", Some(value), "coordinators: ");
    for (pointer, value, expected) in [
        coordinators(json!(5)),
        coordinators(json!("x")),
        coordinators(json!([{"a": 1}])),
        (
            "/coordinators",
            None,
            ": the key \"coordinators\" is missing here",
        ),
        (
            "/name",
            Some(json!("red \u{1b}[31m")),
            "name: \"red \u{1b}[31m\"; a name without control",
        ),
        (
            "/steps/0/do",
            Some(json!("join\n")),
            "steps/0/do: \"join\n\"; a name without control",
        ),
        (
            "/steps/0/op",
            Some(json!("prodce")),
            "steps/0/do: \"do\" beside \"op\"; one of them",
        ),
        (
            "/steps/0/group",
            None,
            "steps/0: the key \"group\" is missing here",
        ),
        (
            "/steps/0/group/state",
            Some(json!("Stabel")),
            "steps/0/group/state: \"Stabel\"; one of \"Empty\"",
        ),
        (
            "/steps/0/group/assignor",
            Some(json!("rnage")),
            "steps/0/group/assignor: \"rnage\"; one of \"range\"",
        ),
        (
            "/steps/0/members/m1/log",
            Some(json!(["hello"])),
            "steps/0/members/m1/log/0: \"hello\"; \"assigned",
        ),
        (
            "/steps/0/members/m1/log",
            Some(json!(["assigned [t]"])),
            "steps/0/members/m1/log/0: \"assigned [t]\"; \"assigned",
        ),
        (
            "/steps/0/requests/0/to",
            Some(json!("b9")),
            "steps/0/requests/0/to: \"b9\"; one of",
        ),
        (
            "/steps/0/requests/0/version",
            Some(json!(99)),
            "steps/0/requests/0/version: ",
        ),
        (
            "/steps/0/requests/0/client",
            Some(json!("m77")),
            "steps/0/requests/0/client: \"m77\"; a member that has joined by then",
        ),
        (
            "/steps/0/requests/0/client",
            Some(json!("m2")),
            "steps/0/requests/0/client: \"m2\"; a member that has joined by then",
        ),
        (
            "/steps/0/requests/0/api",
            Some(json!("FOO")),
            "steps/0/requests/0/api: \"FOO\"; one of \"FIND_COORDINATOR\"",
        ),
        ("/steps/2/count", Some(json!(2)), "steps/2/count: "),
        ("/steps/2/count", Some(json!(1)), "steps/2/count: "),
    ] {
        is_refused(&good, pointer, value, expected);
    }
    let alone = json!({"client": "a", "op": "prodce", "producer": "a", "members": {}});
    let mut odd = good;
    odd["steps"].as_array_mut().expect("steps").push(alone);
    let problem = read(&odd).expect_err("an operation that nobody knows");
    assert_eq!(problem.suggestion.as_deref(), Some("\"produce\""));
}

/// Who has no steps is not asked for a mode.
#[test]
fn steps_that_are_missing_are_what_is_told_first() {
    for rest in [
        json!({"name": "n"}),
        json!({"name": "n", "logs": {}}),
        json!({"name": "n", "mode": "zookeeper"}),
    ] {
        let problem = read(&rest).expect_err("nothing to play");
        assert_eq!(problem.found, "the key \"steps\" is missing here");
    }
    let steps_alone = json!({"name": "n", "steps": [{"lasted": 1}]});
    let problem = read(&steps_alone).expect_err("no mode");
    assert_eq!(problem.found, "the key \"mode\" is missing here");
}

/// Of everything that is compared: no member can be absent, none can be of another kind, and none can be beside them.
#[test]
fn what_clients_asked_and_saw_has_every_member_and_no_other() {
    let good = group();
    let mut shapes = BTreeSet::new();
    let mut places = Vec::new();
    for part in ["members", "group", "requests"] {
        let pointer = format!("/steps/1/{part}");
        gather(&good, &pointer, &mut shapes, &mut places);
    }
    assert!(places.len() > 60, "{}", places.len());
    let optional =
        |pointer: &str| pointer.ends_with("/throttleTimeMs") || pointer.ends_with("/times");
    for (pointer, beside) in places {
        if !optional(&pointer) {
            let without = changed(&good, &pointer, None);
            assert!(read(&without).is_err(), "without {pointer}");
        }
        let odd = changed(&good, &pointer, Some(json!([[[]]])));
        assert!(read(&odd).is_err(), "a list of lists at {pointer}");
        let more = changed(&good, &beside, Some(json!(1)));
        assert!(read(&more).is_err(), "{beside}");
    }
}

/// The members of maps, one of each kind; and what would stand beside them.
fn gather(
    document: &Value,
    pointer: &str,
    shapes: &mut BTreeSet<String>,
    places: &mut Vec<(String, String)>,
) {
    match document.pointer(pointer) {
        Some(Value::Object(map)) => {
            for key in map.keys() {
                let member = format!("{pointer}/{key}");
                // Maps by names of members and partitions take other names.
                let named = pointer.ends_with("/members") || pointer.ends_with("/offsets");
                let api = pointer.split('/').nth(4).and_then(|place| {
                    let place: usize = place.parse().ok()?;
                    document["steps"][1]["requests"][place]["api"].as_str()
                });
                let plain = |part: &str| {
                    part.parse::<usize>()
                        .map_or(part.to_owned(), |_| "*".to_owned())
                };
                let shape: Vec<String> = member.split('/').map(plain).collect();
                if !named && shapes.insert(format!("{api:?} {}", shape.join("/"))) {
                    places.push((member.clone(), format!("{pointer}/oddkey")));
                }
                gather(document, &member, shapes, places);
            }
        }
        Some(Value::Array(items)) => {
            for place in 0..items.len() {
                gather(document, &format!("{pointer}/{place}"), shapes, places);
            }
        }
        _ => {}
    }
}

/// Where no draw comes as the recording has it, what differs is named all the same.
#[test]
fn a_group_that_is_nowhere_as_recorded_differs_in_something() {
    let good = group();
    let join = good["steps"][0]["requests"].as_array().expect("requests");
    let join = join.iter().position(|it| {
        it["response"]["leader"]
            .as_str()
            .is_some_and(|it| !it.is_empty())
    });
    let leader = format!(
        "/steps/0/requests/{}/response/leader",
        join.expect("a leader")
    );
    for (pointer, value) in [
        (leader, json!("nobody")),
        ("/steps/1/group/coordinator".to_owned(), json!(1)),
    ] {
        let changed = changed(&good, &pointer, Some(value));
        let recording = client_recording_of(Path::new("r.json"), &changed).expect(&pointer);
        let Ok(Outcome::Differed(steps)) = play_clients(&recording, false) else {
            panic!("{pointer} agrees")
        };
        assert!(!steps.is_empty(), "{pointer}");
        assert!(
            steps.iter().all(|step| !step.differences.is_empty()),
            "{pointer}"
        );
    }
}

#[test]
fn a_transcript_of_zookeeper_has_what_it_needs_and_no_other_key() {
    let step = json!({"client": "C1", "op": "connect", "args": {"timeout_s": 30}, "result": null});
    let good = json!({"server": "ZooKeeper", "transcripts": [
        {"seed": 1, "mode": "standalone", "steps": [step], "final_tree": {}}]});
    let read = |document: &Value| zookeeper_transcripts_of(Path::new("r.json"), document).map(drop);
    assert_eq!(read(&good), Ok(()));
    for (pointer, value, expected) in [
        (
            "/transcripts",
            Some(json!([])),
            "transcripts: no transcripts; at least one",
        ),
        ("/colour", Some(json!(1)), "colour: unknown key"),
        (
            "/transcripts/0/final_tree",
            None,
            "transcripts/0: the key \"final_tree\" is missing",
        ),
        (
            "/transcripts/0/steps",
            Some(json!([])),
            "transcripts/0/steps: no steps",
        ),
        (
            "/transcripts/0/steps/0/reslut",
            Some(json!(1)),
            "transcripts/0/steps/0/reslut: unknown key",
        ),
        (
            "/transcripts/0/steps/0/args/watch",
            Some(json!(true)),
            "transcripts/0/steps/0/args/watch: unknown key",
        ),
    ] {
        let problem = read(&changed(&good, pointer, value)).expect_err(pointer);
        assert!(said(&problem).starts_with(expected), "{}", said(&problem));
    }
}

#[test]
fn an_outcome_of_a_damaged_directory_has_what_a_broker_that_served_shows() {
    let path = vectors("recovery")
        .join("flip_in_first")
        .join("outcome.json");
    let good = document(&path);
    let read =
        |document: &Value| recovery_case_of(Path::new("case"), document, Vec::new(), &[]).map(drop);
    assert_eq!(read(&good), Ok(()));
    assert!(read(&json!({})).is_err());
    for member in [
        "outcome",
        "started_at_ms",
        "offsets",
        "produce_after",
        "read",
        "leader_epochs",
    ] {
        let pointer = format!("/{member}");
        let problem = read(&changed(&good, &pointer, None)).expect_err(member);
        assert!(problem.found.contains(member), "{}", said(&problem));
    }
    assert!(read(&changed(&good, "/raed", Some(json!({})))).is_err());
}
