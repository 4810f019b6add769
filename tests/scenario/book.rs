//! The book's page of settings is written from the tables by which settings are judged, and every key that a
//! scenario may have stands in the page on scenarios.

use kafka_trial::protocol::config::{Effect, Scope};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("book/src")
        .join(name)
}

const SCOPES: [(Scope, &str, &str); 5] = [
    (
        Scope::Broker,
        "Brokers",
        "`config` under `cluster`, of a broker, `set` of an `upgrade`",
    ),
    (
        Scope::Topic,
        "Topics",
        "`config` of a topic, `set` of `alter topic`",
    ),
    (Scope::Producer, "Producers", "`config` of a producer"),
    (Scope::Consumer, "Consumers", "`config` of a consumer"),
    (Scope::Admin, "Administrators", "no scenario sets these"),
];

/// The whole page.
fn settings() -> String {
    let mut text = String::from(
        "# Kafka's settings\n\n\
         Every setting of Kafka 3.9 is known by its name, its type and its range. Some are acted on. Of the others, those\n\
         that only tune (how fast, how much memory, what is measured) are taken with a warning, which stands in every\n\
         report of the run and in every text of `--out`. Those that would change what is read, written or promised are\n\
         refused, but for values that say what happens here anyway: a run without them would teach the opposite. This page\n\
         is written by a test from the tables by which scenarios are judged.\n",
    );
    for (scope, title, place) in SCOPES {
        let _ = write!(
            text,
            "\n## {title}\n\nWhere: {place}.\n\n| Acted on | Unless said |\n|---|---|\n"
        );
        let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut tuning = Vec::new();
        for key in scope.all() {
            let name = key.name;
            match key.effect {
                Effect::Modelled { default: "" } => {
                    let _ = writeln!(text, "| `{name}` | |");
                }
                Effect::Modelled { default } => {
                    let _ = writeln!(text, "| `{name}` | `{default}` |");
                }
                Effect::Tunes => tuning.push(format!("`{name}`")),
                Effect::Changes { lack, as_here } => {
                    let values: Vec<String> = as_here
                        .iter()
                        .filter(|value| !value.is_empty())
                        .map(|value| format!("`{value}`"))
                        .collect();
                    let taken = match values[..] {
                        [] => String::new(),
                        _ => format!(" (but {})", values.join(", ")),
                    };
                    refused
                        .entry(lack.to_string())
                        .or_default()
                        .push(format!("`{name}`{taken}"));
                }
            }
        }
        if !refused.is_empty() {
            text.push_str("\n| Refused | Since |\n|---|---|\n");
        }
        for (lack, keys) in refused {
            let _ = writeln!(text, "| {} | {lack} |", keys.join(", "));
        }
        let _ = write!(text, "\nTaken with a warning: {}.\n", tuning.join(", "));
    }
    text
}

#[test]
fn the_page_of_settings_is_what_the_tables_say() {
    let file = page("settings.md");
    if std::env::var_os("WRITE_BOOK").is_some() {
        std::fs::write(&file, settings()).expect("the book can be written");
    }
    let written = std::fs::read_to_string(&file).expect("the page");
    assert!(
        written == settings(),
        "the page is another: WRITE_BOOK=1 cargo test --test scenario book"
    );
}

/// What `trial check` offers in place of a key that no scenario has: the keys that may stand there.
fn keys_at(text: &str) -> Vec<String> {
    let error = kafka_trial::scenario::load("s.yaml", text.as_bytes().to_vec(), &[])
        .expect_err("no scenario has this key");
    let expected = error.expected.expect("what was expected");
    let list = expected.strip_prefix("one of ").unwrap_or(&expected);
    list.split(", ").map(str::to_string).collect()
}

#[test]
fn every_key_of_a_scenario_stands_in_the_book() {
    let book = std::fs::read_to_string(page("scenarios.md")).expect("the page");
    let head = "format: 1\nname: s\nabout: a\nduration: 1m\n";
    for place in [
        "zzz: 1\n",
        "cluster: {zzz: 1}\n",
        "cluster: {zookeeper: {zzz: 1}}\n",
        "cluster: {brokers: [{zzz: 1}]}\n",
        "cluster: {brokers: [{id: 1, machine: {zzz: 1}}]}\n",
        "network: {zzz: 1}\n",
        "network: {latency: {zzz: 1}}\n",
        "disk: {zzz: 1}\n",
        "topics: {t: {zzz: 1}}\n",
        "producers: {p: {zzz: 1}}\n",
        "consumers: {c: {zzz: 1}}\n",
        "zookeeper_clients: {z: {zzz: 1}}\n",
        "predict: [{zzz: 1}]\n",
        "predict: [{options: {a: {zzz: 1}}}]\n",
        "predict: [{answer: {zzz: 1}}]\n",
        "predict: [{reason: {zzz: 1}}]\n",
        "predict: [{recall: {zzz: 1}}]\n",
        "predict: [{reveal: {zzz: 1}}]\n",
    ] {
        let keys = keys_at(&format!("{head}{place}"));
        assert!(keys.len() > 1, "{place}: {keys:?}");
        for key in keys {
            let said = [
                format!("`{key}`"),
                format!("`{key}: "),
                format!("{{{key}: "),
                format!(", {key}: "),
            ];
            assert!(
                said.iter().any(|form| book.contains(form)),
                "{key} of {place}"
            );
        }
    }
}

/// The table of actions, and what `trial sentences` lists, are the actions that there are.
#[test]
fn every_action_stands_in_the_book() {
    let book = std::fs::read_to_string(page("scenarios.md")).expect("the page");
    for (_, templates) in kafka_trial::scenario::sentence_tables()
        .into_iter()
        .filter(|(what, _)| *what == "an action")
    {
        assert!(templates.len() > 25);
        for (action, _) in templates {
            let key = action.split(':').next().unwrap_or(action);
            assert!(book.contains(&format!("`{key}`")), "{key}");
        }
    }
}

/// The table of misconceptions in the book is the one in the code.
#[test]
fn every_misconception_stands_in_the_book() {
    let mut table = String::from("| Misconception | What is so |\n|---|---|\n");
    for (name, explained) in kafka_trial::plan::MISCONCEPTIONS {
        let _ = writeln!(table, "| `{name}` | {explained} |");
    }
    let file = page("predictions.md");
    let mut written = std::fs::read_to_string(&file).expect("the page");
    let begins = written.find("| Misconception").expect("the table");
    if std::env::var_os("WRITE_BOOK").is_some() {
        written = format!("{}{table}", &written[..begins]);
        std::fs::write(&file, &written).expect("the book can be written");
    }
    assert!(
        written[begins..] == table,
        "the table is another: WRITE_BOOK=1 cargo test --test scenario book"
    );
}
