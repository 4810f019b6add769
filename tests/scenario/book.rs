//! The book's page of settings is written from the tables by which settings are judged, and every action stands in the
//! page on scenarios.

use kafka_trial::protocol::config::{Effect, Scope, meaning};
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
         is written by a test from the tables by which scenarios are judged. A setting that is not said has Kafka's default, but for two:\n\
         `auto.create.topics.enable` is `false`, and a consumer's `auto.offset.reset` is `earliest`.\n",
    );
    for (scope, title, place) in SCOPES {
        let _ = write!(
            text,
            "\n## {title}\n\nWhere: {place}.\n\n| Acted on | What it means | Kafka's default |\n|---|---|---|\n"
        );
        let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut tuning = Vec::new();
        for key in scope.all() {
            let name = key.name;
            match key.effect {
                Effect::Modelled { default } => {
                    let meaning = meaning(name).expect("each has one");
                    let default = match default {
                        "" => String::new(),
                        said => format!("`{said}` "),
                    };
                    let _ = writeln!(text, "| `{name}` | {meaning} | {default}|");
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
            text.push_str("\n| Refused | Why |\n|---|---|\n");
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
