//! The schema that editors get: it takes every scenario that is taken, refuses what is refused for its shape, and its
//! keys are those that are read.

use super::bad_lines::{GOOD, changes};
use boon::{Compiler, SchemaIndex, Schemas};
use kafka_trial::scenario::keys::{Form, ROOMS, Room};
use kafka_trial::scenario::{SHIPPED, json_schema, load, sentence_tables};
use serde_json::Value;
use std::path::Path;

/// A schema, ready to judge.
pub struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    pub fn new() -> Judge {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        let name = "schema.json";
        compiler
            .add_resource(name, json_schema())
            .unwrap_or_else(|error| panic!("{error}"));
        let index = compiler.compile(name, &mut schemas);
        let index = index.unwrap_or_else(|error| panic!("{error:#}"));
        Judge { schemas, index }
    }

    /// What the schema says of a YAML text; one that is no JSON in other clothes is not its business.
    pub fn judge(&self, text: &str) -> Result<(), String> {
        let yaml: Result<serde_yaml::Value, _> = serde_yaml::from_str(text);
        let mut yaml = yaml.map_err(|error| format!("no YAML: {error}"))?;
        yaml.apply_merge().map_err(|error| error.to_string())?;
        let value: Value = serde_json::to_value(yaml).map_err(|error| error.to_string())?;
        let judged = self.schemas.validate(&value, self.index);
        judged.map_err(|error| format!("{error:#}"))
    }
}

#[test]
fn the_committed_schema_is_what_trial_prints() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/schema.json");
    let printed = format!("{:#}\n", json_schema());
    if std::env::var_os("WRITE_SCHEMA").is_some() {
        std::fs::write(&file, &printed).expect("the schema can be written");
    }
    let written = std::fs::read_to_string(&file).expect("the schema");
    assert!(
        written == printed,
        "it is another: trial schema > scenarios/schema.json"
    );
}

#[test]
fn every_shipped_scenario_is_valid() {
    let judge = Judge::new();
    for shipped in SHIPPED {
        let judged = judge.judge(shipped.text);
        judged.unwrap_or_else(|error| panic!("{}: {error}", shipped.path));
    }
    judge.judge(GOOD).unwrap_or_else(|error| panic!("{error}"));
}

/// What is wrong with the shape of a file, in the reader's words.
const OF_SHAPE: [&str; 12] = [
    "unknown key",
    "is missing",
    "goes with none",
    "does not go with \"",
    "without its \"",
    "says no time",
    "more than one time",
    "is not a role",
    "is not a moment",
    "configuration \"",
    "expected a list",
    "expected a time with its unit, such as",
];

/// What the schema takes though the reader does not stands in a snapshot: all of it is about what a name means, how
/// values go together, or what is inside of a text.
#[test]
fn bad_inputs_of_a_wrong_shape_are_refused_by_the_schema_too() {
    let judge = Judge::new();
    let mut taken = String::new();
    let mut refused = 0;
    for (what, line, instead) in changes(include_str!("bad_lines.txt")) {
        let text = GOOD.replacen(&line, &instead, 1);
        if judge.judge(&text).is_err() {
            refused += 1;
            continue;
        }
        let error = load("test.yaml", text.into_bytes(), &[]).expect_err(&what);
        let error = error.to_string();
        let of_shape = OF_SHAPE.iter().find(|words| error.contains(*words));
        assert_eq!(of_shape, None, "{what}: {error}");
        taken += &format!("{what}\n");
    }
    assert!(refused > 150, "{refused} refused");
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("bad_scenarios_that_the_schema_takes", taken);
    });
}

/// A scenario with this beside what must be there.
fn with(part: &str) -> String {
    format!("format: 1\nname: s\nabout: a\nduration: 1m\n{part}")
}

/// The keys that the reader offers in place of one that nobody has.
fn offered(text: &str) -> Vec<String> {
    let error =
        load("s.yaml", text.as_bytes().to_vec(), &[]).expect_err("no scenario has this key");
    let expected = error.expected.expect("what was expected");
    let list = expected.strip_prefix("one of ").unwrap_or(&expected);
    list.split(", ").map(str::to_string).collect()
}

fn room(title: &str) -> &'static Room {
    let found = ROOMS.iter().find(|room| room.title == title);
    found.unwrap_or_else(|| panic!("no room {title}"))
}

/// Where a key that nobody has stands in each room, and keys that the reader has in one map for two rooms.
const PLACES: &[(&str, &str)] = &[
    ("Scenario", "zzz: 1\n"),
    ("Cluster", "cluster: {zzz: 1}\n"),
    ("ZooKeeper", "cluster: {zookeeper: {zzz: 1}}\n"),
    ("Broker", "cluster: {brokers: [{zzz: 1}]}\n"),
    (
        "Machine",
        "cluster: {brokers: [{id: 1, machine: {zzz: 1}}]}\n",
    ),
    (
        "File",
        "cluster: {brokers: [{id: 1, machine: {files: {a: {zzz: 1}}}}]}\n",
    ),
    ("Network", "network: {zzz: 1}\n"),
    ("Disk", "disk: {zzz: 1}\n"),
    ("Spread", "network: {latency: {zzz: 1}}\n"),
    ("Topic", "topics: {t: {zzz: 1}}\n"),
    ("Schema", "schemas: {s: {zzz: 1}}\n"),
    ("Schema registry", "schema_registry: {zzz: 1}\n"),
    ("Producer", "producers: {p: {zzz: 1}}\n"),
    ("Consumer", "consumers: {c: {zzz: 1}}\n"),
    (
        "Topics by a pattern",
        "consumers: {c: {topics: {zzz: 1}}}\n",
    ),
    (
        "What is done with each record",
        "consumers: {c: {each_record: {zzz: 1}}}\n",
    ),
    ("Step", "consumers: {c: {steps: [{zzz: 1}]}}\n"),
    ("Dead letters", "consumers: {c: {poison: {zzz: 1}}}\n"),
    ("Client of ZooKeeper", "zookeeper_clients: {z: {zzz: 1}}\n"),
    ("Service", "services: {s: {zzz: 1}}\n"),
    ("Question", "predict: [{zzz: 1}]\n"),
    ("Option", "predict: [{options: {a: {zzz: 1}}}]\n"),
    ("Answer", "predict: [{answer: {zzz: 1}}]\n"),
    ("Reason", "predict: [{reason: {zzz: 1}}]\n"),
    ("Recall", "predict: [{recall: {zzz: 1}}]\n"),
    ("Reveal", "predict: [{reveal: {zzz: 1}}]\n"),
    ("Old rules", "rules: {zzz: 1}\n"),
    ("Found", "found: {zzz: 1}\n"),
];

#[test]
fn the_keys_of_each_room_are_those_that_are_read() {
    for (title, place) in PLACES {
        let mut listed: Vec<&str> = room(title).keys.iter().map(|key| key.name).collect();
        if *title == "Scenario" {
            // The reader does not offer what every scenario has.
            listed.retain(|key| !["format", "name", "about"].contains(key));
        }
        assert_eq!(offered(&with(place)), listed, "{title}");
    }
    // One map to the reader, which offers its keys for both.
    let mut made: Vec<&str> = Vec::new();
    for title in ["Key of records", "Value of records"] {
        made.extend(room(title).keys.iter().map(|key| key.name));
    }
    for key in offered(&with("producers: {p: {key: {zzz: 1}}}\n")) {
        assert!(made.contains(&key.as_str()), "{key}");
    }
    let told = PLACES.len() + 3;
    assert_eq!(ROOMS.len(), told, "a room without a place above");
}

/// What goes with each action, as the reader tells who adds something else.
#[test]
fn what_goes_with_each_action_is_what_the_reader_takes() {
    let line = room("Line of the timeline");
    let tables = sentence_tables();
    let (_, actions) = tables
        .iter()
        .find(|(what, _)| *what == "an action")
        .unwrap();
    for (example, _) in actions.iter() {
        let name = example.split(':').next().unwrap();
        // A key of another action, with a value that is read.
        let other = match name {
            "slow disk" | "slow machine" => "ppm: 1",
            _ => "times: 3",
        };
        let text = with(&format!(
            "cluster: {{brokers: 3}}\ntopics: {{t: {{partitions: 2}}}}\nzookeeper_clients: {{z: {{}}}}\n\
             timeline: [{{at: 9s, {example}, {other}}}]\n"
        ));
        let error = load("s.yaml", text.into_bytes(), &[]).expect_err(name);
        let expected = error.expected.unwrap_or_default();
        let mut taken: Vec<&str> = expected
            .strip_prefix("only ")
            .unwrap_or_else(|| panic!("{name}: {expected}"))
            .split(", ")
            .filter(|key| !["optional", "about", "as"].contains(key))
            .collect();
        taken.sort_unstable();
        let beside = line.keys.iter().filter(|key| key.beside.contains(&name));
        let mut listed: Vec<&str> = beside.map(|key| key.name).collect();
        listed.sort_unstable();
        assert_eq!(listed, taken, "{name}");
    }
    let names = actions
        .iter()
        .map(|(example, _)| example.split(':').next().unwrap());
    assert_eq!(line.exactly_one[1], names.collect::<Vec<_>>());
}

/// What a line needs is what is missed when it is not there.
#[test]
fn what_an_action_needs_is_missed_without_it() {
    for key in room("Line of the timeline").keys {
        for need in key.needs {
            let text = with(&format!("timeline: [{{at: 9s, {}: broker-1}}]\n", key.name));
            let error = load("s.yaml", text.into_bytes(), &[]).expect_err(key.name);
            if need == &key.needs[0] && key.name != "ask zookeeper" {
                let found = error.found;
                assert!(
                    found.contains(&format!("without its \"{need}\"")),
                    "{found}"
                );
            }
        }
    }
}

#[test]
fn every_key_says_something_and_forms_have_words() {
    for room in ROOMS {
        for key in room.keys {
            assert!(!key.says.is_empty(), "{} {}", room.title, key.name);
            assert!(!key.form.words().is_empty(), "{} {}", room.title, key.name);
            if let Form::Map(other) = key.form {
                assert!(ROOMS.iter().any(|it| it.title == other.title));
            }
        }
    }
}
