//! Every recording that cannot be played gets one message, as a scenario does: all of them in one snapshot.

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

/// What is wrong, the part of `GOOD` that is replaced, and what stands there instead.
const CHANGES: &[(&str, &str, &str)] = &[
    ("no name", "\"name\": \"test\", ", ""),
    ("a mode that is none", "\"zookeeper\",", "\"zookeper\","),
    ("no brokers", "\"brokers\": 3", "\"brokers\": 0"),
    ("brokers in words", "\"brokers\": 3", "\"brokers\": \"3\""),
    (
        "a configuration that is none",
        "\"config\": {\"min.insync.replicas\": 2}",
        "\"config\": [2]",
    ),
    (
        "a setting that is a list",
        "\"min.insync.replicas\": 2",
        "\"min.insync.replicas\": [2]",
    ),
    (
        "a setting that Kafka does not have",
        "min.insync.replicas",
        "min.insync.replica",
    ),
    (
        "a value that Kafka refuses",
        "\"min.insync.replicas\": 2",
        "\"min.insync.replicas\": \"two\"",
    ),
    (
        "a step that is none",
        "{\"do\": \"end\", \"lasted\": 1",
        "7, {\"do\": \"end\", \"lasted\": 1",
    ),
    ("a step without a length", "\"lasted\": 8.5,", ""),
    (
        "a length in words",
        "\"lasted\": 8.5",
        "\"lasted\": \"8.5\"",
    ),
    ("a negative length", "\"lasted\": 8.5", "\"lasted\": -8.5"),
    ("a length of years", "\"lasted\": 8.5", "\"lasted\": 1e9"),
    ("varies that is no list", "[\"state.controller\"]", "7"),
    ("varies of numbers", "[\"state.controller\"]", "[7]"),
    (
        "actions that are no list",
        "[{\"at\": 0.0, \"start\": \"zk\"}, {\"at\": 0.5, \"start\": 1}]",
        "{}",
    ),
    ("an action without a time", "\"at\": 0.5, ", ""),
    (
        "an action in which nothing is done",
        "{\"at\": 0.5, \"start\": 1}",
        "{\"at\": 0.5}",
    ),
    ("an action that is none", "\"start\": 1", "\"strat\": 1"),
    (
        "two deeds in one action",
        "\"start\": 1",
        "\"start\": 1, \"crash\": 2",
    ),
    ("a broker that is not there", "\"start\": 1", "\"start\": 4"),
    ("a controller of KRaft", "\"start\": 1", "\"start\": 101"),
    ("a broker in words", "\"start\": 1", "\"start\": \"one\""),
    (
        "a ZooKeeper server that is asked to stop",
        "\"controlled_shutdown\": 1",
        "\"controlled_shutdown\": \"zk\"",
    ),
    ("a path that is none", "\"/controller\"", "\"controller\""),
    (
        "a disk of a broker that is not there",
        "\"disk\": 1",
        "\"disk\": 4",
    ),
    ("a disk without a fault", "\"fault\": \"slow\", ", ""),
    ("a fault that is none", "\"slow\"", "\"slwo\""),
    (
        "a slow disk that does not say how slow",
        "\"slow\", \"value\": 500",
        "\"slow\"",
    ),
    (
        "a slow disk in words",
        "\"value\": 500",
        "\"value\": \"500 ms\"",
    ),
    (
        "a hanging disk with a number",
        "\"hang\", \"value\": null",
        "\"hang\", \"value\": 5",
    ),
    (
        "a fault without a disk",
        "\"disk\": 1, \"fault\": \"slow\"",
        "\"fault\": \"slow\"",
    ),
    (
        "a command without an operation",
        "\"op\": \"produce\", ",
        "",
    ),
    (
        "an operation that is none",
        "\"op\": \"produce\"",
        "\"op\": \"prodcue\"",
    ),
    (
        "a produce without a topic",
        "\"produce\", \"topic\": \"t\",",
        "\"produce\",",
    ),
    (
        "a produce without records",
        "\"props\": {\"acks\": \"all\"},\n     \"records\": [{\"key\": null, \"value\": \"a\"}]",
        "\"props\": {}",
    ),
    (
        "a record that is none",
        "{\"key\": null, \"value\": \"a\"}",
        "\"a\"",
    ),
    (
        "a value that is a number",
        "\"value\": \"a\"",
        "\"value\": 5",
    ),
    ("settings that are none", "{\"acks\": \"all\"}", "\"acks\""),
    (
        "a partition in words",
        "\"topic\": \"t\", \"partition\": 0, \"from\"",
        "\"topic\": \"t\", \"partition\": \"0\", \"from\"",
    ),
    (
        "a negative partition",
        "\"topic\": \"t\", \"partition\": 0, \"from\"",
        "\"topic\": \"t\", \"partition\": -1, \"from\"",
    ),
    (
        "a read without a partition",
        "\"topic\": \"t\", \"partition\": 0, \"from\"",
        "\"topic\": \"t\", \"from\"",
    ),
    ("an argument that is none", "\"from\": 0", "\"form\": 0"),
    (
        "a topic's making that says nothing of its partitions",
        "\"op\": \"read\", \"topic\": \"t\", \"partition\": 0, \"from\": 0",
        "\"op\": \"create_topic\", \"topic\": \"t\"",
    ),
    (
        "a change of nobody's configuration",
        "\"op\": \"read\", \"topic\": \"t\", \"partition\": 0, \"from\": 0",
        "\"op\": \"alter_config\", \"set\": {}",
    ),
    (
        "an election in half a partition",
        "\"op\": \"read\", \"topic\": \"t\", \"partition\": 0, \"from\": 0",
        "\"op\": \"elect\", \"topic\": \"t\"",
    ),
    (
        "an assignment that is none",
        "\"op\": \"read\", \"topic\": \"t\", \"partition\": 0, \"from\": 0",
        "\"op\": \"create_topic\", \"topic\": \"t\", \"assignment\": [1, 2]",
    ),
    ("a release that is not played", "\"3.9.1\"", "\"9.9\""),
    (
        "a state that is none",
        "\"state\": {\"zookeeper\": \"away\"}",
        "\"state\": 7",
    ),
    (
        "a step that shows no state",
        "\"state\": {\"zookeeper\": \"away\"}, \"actions\"",
        "\"actions\"",
    ),
    (
        "ZooKeeper elsewhere",
        "\"state\": {\"zookeeper\": \"away\"}",
        "\"state\": {\"zookeeper\": 2181}",
    ),
    (
        "a state without brokers",
        "\"state\": {\"brokers\": [1], ",
        "\"state\": {",
    ),
    (
        "a controller that is not there",
        "\"controller\": 1",
        "\"controller\": 4",
    ),
    (
        "an epoch beyond all numbers",
        "\"controller_epoch\": 1,\n",
        "\"controller_epoch\": 1180591620717411303424,\n",
    ),
    (
        "partitions that are a list",
        "\"partitions\": {\"t-0\": {\"leader\": 1, \"leader_epoch\": 0, \"isr\": [1], \"controller_epoch\": 1, \"zk_version\": 0}}",
        "\"partitions\": []",
    ),
    (
        "an ISR that is a text",
        "\"isr\": [1], \"controller_epoch\"",
        "\"isr\": \"1\", \"controller_epoch\"",
    ),
    (
        "a partition's state without a leader",
        "{\"leader\": 1, \"leader_epoch\"",
        "{\"leader_epoch\"",
    ),
    (
        "a replica on a broker that is not there",
        "\"replicas\": [1, 2]",
        "\"replicas\": [1, 9]",
    ),
    (
        "offsets of a partition that is none",
        "\"offsets\": {\"t\": {\"0\"",
        "\"offsets\": {\"t\": {\"zero\"",
    ),
    (
        "an offset that is a list",
        "\"latest\": 1",
        "\"latest\": [1]",
    ),
    (
        "files of a broker that is not there",
        "\"files\": {\"1\"",
        "\"files\": {\"4\"",
    ),
    ("leader epochs that are none", "[\"0 0\"]", "[\"0\"]"),
    (
        "results that are no list",
        "[{\"partition\": 0, \"offset\": 0}]",
        "{}",
    ),
    (
        "a key that stands there twice",
        "\"brokers\": 3,",
        "\"brokers\": 3, \"brokers\": 4,",
    ),
    ("a bracket that never closes", "\n ]\n}", "\n"),
];

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
    for (what, part, instead) in CHANGES {
        assert!(
            GOOD.contains(part),
            "{what}: {part} is not in the recording"
        );
        say(what, GOOD.replacen(part, instead, 1).into_bytes());
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
