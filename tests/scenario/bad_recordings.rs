//! Every recording that cannot be played gets one message, as a scenario does: all of them in one snapshot.

use super::bad_lines::changes;
use kafka_trial::conform::recording_of;
use kafka_trial::scenario::JsonDocument;
use std::fmt::Write;
use std::path::Path;

/// A recording without fault; cases change one place of it.
const GOOD: &str = r#"{
 "name": "test", "about": "A recording without fault.", "mode": "zookeeper", "kafka": "3.9.1", "brokers": 3,
 "base_config": {"zookeeper.session.timeout.ms": "6000"}, "config": {"min.insync.replicas": 2},
 "steps": [
  {"do": "start", "lasted": 8.5,
   "actions": [{"at": 0.0, "start": "zk"}, {"at": 0.5, "start": 1}],
   "state": {"brokers": [1], "controller": 1, "controller_epoch": 1,
    "partitions": {"t-0": {"leader": 1, "leader_epoch": 0, "isr": [1], "controller_epoch": 1, "zk_version": 0}}},
   "metadata": {"t": {"0": {"leader": 1, "replicas": [1, 2], "isr": [1]}}},
   "offsets": {"t": {"0": {"earliest": 0, "latest": 1}}},
   "files": {"1": {"leader_epochs": {"t-0": ["0 0"]}}}},
  {"do": "produce", "lasted": 1.25, "varies": ["state.controller"], "state": {"zookeeper": "away"},
   "actions": [
    {"at": 0.1, "client": {"op": "produce", "topic": "t", "partition": 0, "producer": "p", "props": {"acks": "all"},
     "records": [{"key": null, "value": "a"}]}}],
   "results": [{"partition": 0, "offset": 0}]},
  {"do": "read", "lasted": 2, "state": {"zookeeper": "away"},
   "actions": [{"at": 0, "client": {"op": "read", "topic": "t", "partition": 0, "from": 0}}],
   "result": {"records": []}},
  {"do": "end", "lasted": 1, "state": {"zookeeper": "away"}, "actions": [{"at": 0.2, "controlled_shutdown": 1}, {"at": 0.3, "zookeeper_delete": "/controller"},
   {"at": 0.4, "disk": 1, "fault": "slow", "value": 500}, {"at": 0.5, "disk": 1, "fault": "slow", "value": false}, {"at": 0.6, "disk": 1, "fault": "hang", "value": null}]}
 ]
}
"#;

fn message(bytes: Vec<u8>) -> Option<String> {
    let document = match JsonDocument::read("r.json", bytes, 1 << 20, "a recording") {
        Ok(document) => document,
        Err(error) => return Some(error.to_string()),
    };
    let problem = recording_of(Path::new("r.json"), &document.value).err()?;
    Some(document.blame(problem).to_string())
}

#[test]
fn every_bad_recording_gets_one_message_with_its_place() {
    assert_eq!(message(GOOD.into()), None);
    let mut all = String::new();
    let mut say = |what: &str, bytes: Vec<u8>| {
        let message = message(bytes).unwrap_or_else(|| panic!("{what} was taken"));
        assert!(message.starts_with("error: r.json"), "{what}: {message}");
        assert_eq!(message.matches("r.json").count(), 1, "{what}: {message}");
        writeln!(all, "# {what}\n{message}\n").unwrap();
    };
    for (what, part, instead) in changes(include_str!("bad_recordings.txt")) {
        assert!(
            GOOD.contains(&part),
            "{what}: {part} is not in the recording"
        );
        say(&what, GOOD.replacen(&part, &instead, 1).into_bytes());
    }
    say("an empty file", Vec::new());
    say(
        "no steps",
        b"{\"name\": \"n\", \"mode\": \"zookeeper\", \"brokers\": 1, \"steps\": []}".to_vec(),
    );
    say(
        "steps that are missing",
        b"{\"name\": \"n\", \"mode\": \"zookeeper\", \"brokers\": 1}".to_vec(),
    );
    say("a list", b"[]".to_vec());
    say("a scenario", b"format: 1\n".to_vec());
    say(
        "bytes that are not UTF-8",
        b"{\"name\": \"caf\xe9\"}".to_vec(),
    );
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("bad_recordings", all);
    });
}

/// What real Kafka's client knows is no mistake in a recording, though it cannot be played here yet.
#[test]
fn operations_that_are_not_modelled_yet_are_no_mistakes() {
    for command in [
        r#""op": "reassign", "topic": "t", "partition": 0, "to": [1, 2]"#,
        r#""op": "delete_topic", "topic": "t""#,
        r#""op": "create_partitions", "topic": "t", "count": 4"#,
        r#""op": "delete_records", "topic": "t", "partition": 0, "before": 3"#,
        r#""op": "join", "member": "m", "group": "g", "topic": "t""#,
    ] {
        let read = r#""op": "read", "topic": "t", "partition": 0, "from": 0"#;
        assert_eq!(
            message(GOOD.replacen(read, command, 1).into()),
            None,
            "{command}"
        );
    }
}
