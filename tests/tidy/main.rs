//! Habits of the house that the compiler does not know: who may import whom, module docs, banned words,
//! file lengths, snapshots that nothing writes any more. The rooms are read from the book's table.

mod properties;
mod rooms;
mod rules;
mod source;

use source::{all_sources, files_under, relative, report, root, sources};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Lines of code, unit tests apart, from which a file is asked whether it is two.
const LENGTH_LIMIT: usize = 600;

/// Files that are longer, with their length. Entries shrink and go; none is added.
const LONG_FILES: &[(&str, usize)] = &[
    ("tests/kernel/network.rs", 625),
    ("tests/log/model.rs", 623),
];

/// Words that mark what is unfinished, each with what to do.
const BANNED: &[(&str, &str)] = &[
    ("todo!", "build it, or leave it out"),
    ("unimplemented!", "build it, or leave it out"),
    ("dbg!", "state a fact, or use tracing"),
    ("FIXME", "fix it, or open an issue"),
    ("XXX", "say what is meant"),
    ("HACK", "say why it must be so"),
    ("for now", "say what is, not what may be"),
    ("placeholder", "build it, or leave it out"),
    ("not implemented", "say what is not modelled in the book"),
    ("super::super", "name the room: crate::room::thing"),
];

/// A plan may expect whatever a consumer throws.
#[test]
fn every_exception_of_a_consumer_can_be_expected() {
    // What it tells a coordinator, and what is no exception of a consumer.
    const NOT_THROWN: &[&str] = &["DisconnectException"];
    const FOLDERS: &[&str] = &[
        "src/client/consumer",
        "src/client/kafka_consumer",
        "src/client/consumer_coordinator",
        "src/client/subscription_state",
    ];
    let known: BTreeSet<&str> = kafka_trial::plan::ExceptionName::all().collect();
    let mut faults = Vec::new();
    let of_consumers = sources("src/client").into_iter();
    for source in of_consumers.filter(|it| FOLDERS.iter().any(|of| it.path.starts_with(of))) {
        let literals = source.code().split('"');
        let is_exception = |it: &&str| {
            it.len() > "Exception".len()
                && it.ends_with("Exception")
                && it.bytes().all(|b| b.is_ascii_alphabetic())
        };
        for literal in literals.filter(is_exception) {
            if !known.contains(literal) && !NOT_THROWN.contains(&literal) {
                faults.push(format!("{}: {literal}", source.path));
            }
        }
    }
    report(&faults, "name it in plan::ExceptionName");
}

/// A setting that is parsed and then read by nobody would be called modelled without being so.
#[test]
fn every_typed_setting_is_read_by_somebody() {
    const PARSERS: &[&str] = &[
        "src/protocol/config/broker_config.rs",
        "src/protocol/config/topic_config.rs",
        "src/protocol/config/client_config.rs",
    ];
    let sources = sources("src");
    let mut faults = Vec::new();
    for parser in PARSERS {
        let text = fs::read_to_string(root().join(parser)).unwrap();
        let fields = text.lines().filter_map(|line| {
            let (name, _) = line.trim().strip_prefix("pub ")?.split_once(": ")?;
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c == '_')
                .then_some(name)
        });
        for field in fields {
            let whole = |text: &str| {
                text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .any(|word| word == field)
            };
            let others = sources
                .iter()
                .filter(|source| !PARSERS.contains(&source.path.as_str()));
            if !others.into_iter().any(|source| whole(&source.text)) {
                faults.push(format!("{parser}: nobody reads `{field}`"));
            }
        }
    }
    report(
        &faults,
        "act on it, or call its key known instead of modelled",
    );
}

/// Every fault and command of a timeline has its line in the book.
#[test]
fn every_action_of_a_timeline_is_in_the_book() {
    let source = fs::read_to_string(root().join("src/plan/timeline.rs")).unwrap();
    let book = fs::read_to_string(root().join("book/src/scenarios.md")).unwrap();
    let keys = source.split("pub const fn key").nth(1).unwrap();
    let keys = keys.split("///").next().unwrap();
    let keys: Vec<&str> = keys.split('"').skip(1).step_by(2).collect();
    assert!(keys.len() > 25, "the keys are not where they were");
    let rows = book.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: BTreeSet<&str> = rows
        .flat_map(|row| row.split(" | ").next().unwrap_or_default().split('`'))
        .collect();
    let faults: Vec<_> = keys
        .iter()
        .filter(|key| !told.contains(**key))
        .map(|key| format!("`{key}` has no row"))
        .collect();
    report(&faults, "book/src/scenarios.md");
}

/// A trace's line is a flat object: a fact's field that is called as one of the entry's own would stand in
/// it twice, and no reader would take it.
#[test]
fn no_field_of_a_fact_is_called_as_one_of_its_entry() {
    let field = |text: &str| {
        let (name, _) = text.trim().split_once(": ")?;
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_name.then(|| name.to_string())
    };
    let mut fields = Vec::new();
    for source in sources("src/protocol/fact") {
        for facts in source.text.split("Fact {\n").skip(1) {
            let facts = facts.split("\n}").next().unwrap();
            let lines = facts.lines().filter(|line| !line.contains("//"));
            fields.extend(
                lines
                    .flat_map(|line| line.split(['{', ',']))
                    .filter_map(field),
            );
        }
    }
    assert!(
        fields.iter().any(|name| name == "answer"),
        "those of families too"
    );
    assert!(fields.len() > 100, "the fields are found");
    let faults: Vec<String> = fields
        .into_iter()
        .filter(|name| ["event", "time_ns", "node", "fact"].contains(&name.as_str()))
        .collect();
    report(&faults, "another name for the field");
}

#[test]
fn every_file_opens_with_its_doc() {
    let faults: Vec<_> = all_sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.clone())
        .collect();
    report(
        &faults,
        "the first line says what the file is for: `//! ...`",
    );
}

/// What a part may not know is what keeps a simulation honest: each room's door says it.
#[test]
fn every_door_says_what_its_room_may_not_know() {
    let doors = sources("src")
        .into_iter()
        .filter(|source| source.path.ends_with("/mod.rs") && source.path.matches('/').count() == 2);
    let says = |text: &str| {
        let doc = text.lines().take_while(|line| line.starts_with("//!"));
        let words: Vec<&str> = doc.flat_map(|line| line[3..].split_whitespace()).collect();
        words.join(" ").to_lowercase().contains("may not ")
    };
    let faults: Vec<String> = doors
        .filter(|door| !says(&door.text))
        .map(|door| door.path)
        .collect();
    report(&faults, "its doc says what it may not know");
}

#[test]
fn nothing_is_left_unfinished() {
    let mut faults = Vec::new();
    for source in all_sources() {
        if source.path == "tests/tidy/main.rs" {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            for (word, instead) in BANNED {
                if line.contains(word) {
                    faults.push(format!(
                        "{}:{}: `{word}`: {instead}",
                        source.path,
                        number + 1
                    ));
                }
            }
        }
    }
    report(&faults, "banned words");
}

#[test]
fn files_stay_short() {
    let mut faults = Vec::new();
    for source in all_sources() {
        let lines = source.code().lines().count();
        let allowance = LONG_FILES.iter().find(|(path, _)| *path == source.path);
        match allowance {
            None if lines > LENGTH_LIMIT => faults.push(format!("{}: {lines} lines", source.path)),
            Some((_, allowed)) if lines > *allowed => {
                faults.push(format!("{}: grew from {allowed} to {lines}", source.path));
            }
            Some(_) if lines <= LENGTH_LIMIT => {
                faults.push(format!(
                    "{}: short again, take it off the list",
                    source.path
                ));
            }
            Some((_, allowed)) if lines + 50 < *allowed => {
                faults.push(format!(
                    "{}: shrank to {lines}, lower its entry",
                    source.path
                ));
            }
            _ => {}
        }
    }
    faults.extend(stale(LONG_FILES, |path| root().join(path).is_file()));
    report(&faults, "one concept a file");
}

/// Entries for files that are gone.
fn stale(entries: &[(&str, usize)], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let gone = entries.iter().filter(|(path, _)| !exists(path));
    gone.map(|(path, _)| format!("{path}: gone, take it off the list"))
        .collect()
}

#[test]
fn a_long_file_that_is_gone_is_found() {
    let entries = [("src/a.rs", 700), ("src/b.rs", 700)];
    assert_eq!(
        stale(&entries, |path| path == "src/a.rs"),
        ["src/b.rs: gone, take it off the list"]
    );
}

#[test]
fn every_snapshot_has_its_test() {
    let scenarios: BTreeSet<String> = files_under(&root().join("scenarios"), "yaml")
        .iter()
        .map(|path| stem(path))
        .collect();
    let mut faults = Vec::new();
    for path in files_under(&root().join("snapshots"), "snap") {
        let text = fs::read_to_string(&path).expect("a snapshot is text");
        let file = text
            .lines()
            .skip(1)
            .take_while(|line| *line != "---")
            .find_map(|line| line.strip_prefix("source: "))
            .unwrap_or_default();
        let source = fs::read_to_string(root().join(file.trim_matches('"'))).unwrap_or_default();
        if !is_written(&stem(&path), &source, &scenarios) {
            faults.push(format!("{}: no test writes it", relative(&path)));
        }
    }
    report(&faults, "delete orphan snapshots");
}

/// The test names the snapshot in full, or as one of a family that has a member for each scenario:
/// `run@leader-crash` is written by `format!("run@{name}")` if that scenario is there.
fn is_written(snapshot: &str, source: &str, scenarios: &BTreeSet<String>) -> bool {
    let family = || {
        let (family, member) = snapshot.split_once('@')?;
        Some(source.contains(&format!("\"{family}@{{")) && scenarios.contains(member))
    };
    source.contains(&format!("\"{snapshot}\"")) || family().unwrap_or(false)
}

#[test]
fn a_snapshot_that_nothing_writes_is_found() {
    let source = "assert_snapshot!(\"digests\", d); assert_snapshot!(format!(\"run@{name}\"), t);";
    let scenarios = BTreeSet::from(["leader-crash".to_owned()]);
    for (snapshot, written) in [
        ("digests", true),
        ("digest", false),
        ("run@leader-crash", true),
        ("run@deleted", false),
        ("check@leader-crash", false),
    ] {
        assert_eq!(
            is_written(snapshot, source, &scenarios),
            written,
            "{snapshot}"
        );
    }
}

/// A file's name without its extension.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
