//! Habits of the house that the compiler does not know: who may import whom, module docs, banned words,
//! file lengths, snapshots that nothing writes any more. The rooms are read from the book's table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code, unit tests apart, from which a file is asked whether it is two.
const LENGTH_LIMIT: usize = 600;

/// Files that are longer, with their length. Entries shrink and go; none is added.
const LONG_FILES: &[(&str, usize)] = &[
    ("tests/kernel/network.rs", 625),
    ("tests/log_model.rs", 623),
    ("tests/log_rules.rs", 633),
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

/// Plain values of the kernel that every room may use.
const EVERYWHERE: &[&str] = &["kernel::time", "kernel::id"];

#[test]
fn rooms_import_only_what_their_row_allows() {
    let table = room_table();
    let sources = sources("src");
    let reexports = reexports(&sources);
    let mut faults = Vec::new();
    for source in &sources {
        let Some(room) = source.room() else { continue };
        let Some(row) = table.iter().find(|row| row.room == room) else {
            faults.push(format!(
                "{}: room `{room}` is not in the table",
                source.path
            ));
            continue;
        };
        for import in source.imports() {
            let import = resolve(&import, &reexports);
            let allowed = within(&import, room)
                || row.may_use.iter().any(|path| within(&import, path))
                || EVERYWHERE.iter().any(|path| within(&import, path));
            if !allowed {
                faults.push(format!("{}: `{room}` may not use `{import}`", source.path));
            }
        }
    }
    report(
        &faults,
        "see the table of rooms in book/src/architecture.md",
    );
}

#[test]
fn the_table_of_rooms_has_no_circle_and_no_ghost() {
    let table = room_table();
    let mut faults = Vec::new();
    let mut above = BTreeSet::new();
    for row in &table {
        for used in &row.may_use {
            let room = used.split("::").next().unwrap_or_default();
            if !above.contains(room) {
                faults.push(format!(
                    "`{}` uses `{room}`, which does not stand above it",
                    row.room
                ));
            }
        }
        let exists = root().join("src").join(&row.room).is_dir();
        if exists && row.planned {
            faults.push(format!("`{}` exists: take the italics away", row.room));
        }
        above.insert(row.room.as_str());
    }
    report(&faults, "book/src/architecture.md");
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
    let source = fs::read_to_string(root().join("src/protocol/fact.rs")).unwrap();
    let facts = source.split("pub enum Fact {").nth(1).unwrap();
    let facts = facts.split("\n}").next().unwrap();
    let field = |line: &str| {
        let (name, _) = line.trim().split_once(": ")?;
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_name.then(|| name.to_string())
    };
    let fields: Vec<String> = facts.lines().filter_map(field).collect();
    assert!(fields.len() > 100, "the fields are found");
    let faults: Vec<String> = fields
        .into_iter()
        .filter(|name| ["event", "time_ns", "node", "fact"].contains(&name.as_str()))
        .collect();
    report(&faults, "another name for the field");
}

/// The rules' names stand in comments and begin names of tests: each leads to a row that says what it means.
#[test]
fn every_rule_has_its_row_its_code_and_its_test() {
    let rules = rule_table();
    let sources = sources("src");
    let tests: Vec<String> = all_sources().iter().flat_map(tests_of).collect();
    let mut faults = Vec::new();
    for source in &sources {
        for rule in source.rules() {
            if !rules.iter().any(|row| row.name == rule) {
                faults.push(format!("{}: {rule} has no row", source.path));
            }
        }
    }
    for Rule { name, code, test } in &rules {
        for path in code {
            let mentions = sources.iter().any(|source| {
                source.path == format!("src/{path}") && source.rules().contains(name)
            });
            if !mentions {
                faults.push(format!("{name}: src/{path} does not name it"));
            }
        }
        if code.is_empty() {
            faults.push(format!("{name}: no code"));
        }
        if !rules_of_test(test).contains(name) {
            faults.push(format!("{name}: its test is not named after it: {test}"));
        }
        if !tests.contains(test) {
            faults.push(format!("{name}: no test `{test}`"));
        }
    }
    for test in &tests {
        let first = test.split('_').next().unwrap_or_default().to_uppercase();
        if is_rule(&first) && !rules.iter().any(|row| row.name == first) {
            faults.push(format!("{test}: {first} has no row"));
        }
    }
    report(&faults, "book/src/rules.md");
}

#[test]
fn rules_are_found_in_comments_and_in_names_of_tests() {
    let source = Source {
        path: "src/a.rs".to_owned(),
        text: "//! See HW2 and (RL1 to RL3).\nlet I1 = u8::MAX; // CT19\n".to_owned(),
    };
    let found = source.rules().into_iter().collect::<Vec<_>>();
    assert_eq!(found, ["CT19", "HW2", "RL1", "RL2", "RL3"]);
    let found = rules_of_test("rl1_to_rl3_and_i7_a_paused_i64");
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["I7", "RL1", "RL2", "RL3"]
    );
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

#[test]
fn nothing_is_left_unfinished() {
    let mut faults = Vec::new();
    for source in all_sources() {
        if source.path == "tests/tidy.rs" {
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
fn globs_are_for_tests_and_reexports_for_room_doors() {
    let mut faults = Vec::new();
    for source in sources("src") {
        let door = source.path.ends_with("/mod.rs") || source.path == "src/lib.rs";
        for statement in use_statements(source.code()) {
            let public = statement.starts_with("pub use ");
            if globs_a_module(&statement) && !(public && door) {
                faults.push(format!("{}: {statement}", source.path));
            }
            if public && !door {
                faults.push(format!("{}: {statement}", source.path));
            }
        }
        if source.path.matches('/').count() == 2
            && door
            && use_statements(source.code())
                .iter()
                .any(|s| s.contains("use super::"))
        {
            faults.push(format!("{}: leaves its room by `super`", source.path));
        }
    }
    report(
        &faults,
        "import by name; re-export in mod.rs and lib.rs only",
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

/// One row of the table of rooms.
struct Row {
    room: String,
    planned: bool,
    may_use: Vec<String>,
}

fn room_table() -> Vec<Row> {
    let book = fs::read_to_string(root().join("book/src/architecture.md"))
        .expect("the book opens with it");
    let rows: Vec<Row> = book
        .lines()
        .filter(|line| line.starts_with("| `") || line.starts_with("| *`"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 3, "three cells in {line}");
            Row {
                room: quoted(cells[0]).remove(0),
                planned: cells[0].trim().starts_with('*'),
                may_use: quoted(cells[2]),
            }
        })
        .collect();
    assert!(!rows.is_empty(), "the table of rooms is in the book");
    rows
}

/// The words between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// One row of the table of rules.
struct Rule {
    name: String,
    code: Vec<String>,
    test: String,
}

fn rule_table() -> Vec<Rule> {
    let book = fs::read_to_string(root().join("book/src/rules.md")).expect("the book has them");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        (cells.len() == 7 && is_rule(cells[1])).then(|| Rule {
            name: cells[1].to_owned(),
            code: quoted(cells[4]),
            test: quoted(cells[5]).into_iter().next().unwrap_or_default(),
        })
    };
    let rules: Vec<Rule> = book.lines().filter_map(row).collect();
    assert!(rules.len() > 150, "the table of rules is in the book");
    rules
}

/// What the names of rules begin with.
const FAMILIES: &[&str] = &[
    "A", "CM", "CT", "D", "DL", "E", "F", "G", "HW", "I", "L", "N", "P", "R", "RK", "RL", "Z",
    "ZB", "ZK",
];

/// `HW2`; not `I64`, which is a type.
fn is_rule(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let family = &word[..word.len() - digits.len()];
    FAMILIES.contains(&family)
        && digits.parse::<u8>().is_ok_and(|number| number > 0)
        && !["I16", "I32", "I64"].contains(&word)
}

/// All from one rule to another of its family: `RL1 to RL3`.
fn range(from: &str, to: &str) -> Vec<String> {
    let family = from.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = |word: &str| word.strip_prefix(family)?.parse::<u8>().ok();
    match (number(from), number(to)) {
        (Some(first), Some(last)) => (first..=last).map(|n| format!("{family}{n}")).collect(),
        _ => Vec::new(),
    }
}

/// The rules among words, ranges counted as all that they hold.
fn rules_among(words: &[String]) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        if !is_rule(word) {
            continue;
        }
        rules.insert(word.clone());
        if let Some([to, end]) = words.get(at + 1..at + 3)
            && to.eq_ignore_ascii_case("to")
        {
            rules.extend(range(word, end));
        }
    }
    rules
}

fn rules_of_test(name: &str) -> BTreeSet<String> {
    let words: Vec<String> = name.split('_').map(str::to_uppercase).collect();
    rules_among(&words)
}

/// The names of a file's tests.
fn tests_of(source: &Source) -> Vec<String> {
    let after = source.text.split("#[test]").skip(1);
    let name = |text: &str| {
        let (_, rest) = text.split_once("fn ")?;
        Some(rest.split('(').next()?.to_owned())
    };
    after.filter_map(name).collect()
}

/// A source file by its path from the root, with `/`.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The folder of `src/` in which it stands.
    fn room(&self) -> Option<&str> {
        let (room, _) = self.path.strip_prefix("src/")?.split_once('/')?;
        Some(room)
    }

    /// All but the unit tests at its end.
    fn code(&self) -> &str {
        if self.path.ends_with("/tests.rs") {
            return "";
        }
        match self.text.find("#[cfg(test)]\nmod tests {") {
            Some(end) => &self.text[..end],
            None => &self.text,
        }
    }

    /// The rules that its comments name.
    fn rules(&self) -> BTreeSet<String> {
        let comments = self.text.lines().filter_map(|line| line.split_once("//"));
        let words: Vec<String> = comments
            .flat_map(|(_, comment)| comment.split(|c: char| !c.is_ascii_alphanumeric()))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        rules_among(&words)
    }

    /// Every path that begins with `crate::`, without that, in code and unit tests, not in comments.
    fn imports(&self) -> BTreeSet<String> {
        let text: String = self
            .text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n");
        let mut paths = BTreeSet::new();
        for (start, _) in text.match_indices("crate::") {
            let mut rest = &text[start + "crate::".len()..];
            path_tree(&mut rest, String::new(), &mut paths);
        }
        paths
    }
}

/// Reads a `use` tree (`a::b`, `a::{b, c::d}`, `a::*`) or a plain path from the front of `rest`.
fn path_tree(rest: &mut &str, prefix: String, paths: &mut BTreeSet<String>) {
    *rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        *rest = inner;
        loop {
            *rest = rest.trim_start().trim_start_matches(',').trim_start();
            match rest.chars().next() {
                None => return,
                Some('}') => {
                    *rest = &rest[1..];
                    return;
                }
                Some(_) => path_tree(rest, prefix.clone(), paths),
            }
        }
    }
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'))
        .unwrap_or(rest.len());
    let (word, tail) = rest.split_at(end);
    *rest = tail;
    if word.is_empty() {
        // Nothing that a path can hold (a macro's `$`, say): step over it.
        *rest = rest.get(1..).unwrap_or_default();
        return;
    }
    let path = if prefix.is_empty() {
        word.to_owned()
    } else {
        format!("{prefix}::{word}")
    };
    if let Some(tail) = rest.strip_prefix("::") {
        *rest = tail;
        return path_tree(rest, path, paths);
    }
    if let Some(tail) = rest.trim_start().strip_prefix("as ") {
        *rest = tail
            .trim_start()
            .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    }
    paths.insert(path);
}

/// What a room's door re-exports: `kernel::Disk` is `kernel::disk::Disk`.
fn reexports(sources: &[Source]) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for source in sources.iter().filter(|s| s.path.ends_with("/mod.rs")) {
        let Some(room) = source.room() else { continue };
        for statement in use_statements(source.code()) {
            let Some(mut tree) = statement.strip_prefix("pub use ") else {
                continue;
            };
            let mut paths = BTreeSet::new();
            path_tree(&mut tree, String::new(), &mut paths);
            for path in paths {
                let name = path.rsplit("::").next().unwrap_or_default();
                map.insert(format!("{room}::{name}"), format!("{room}::{path}"));
            }
        }
    }
    map
}

fn resolve(import: &str, reexports: &BTreeMap<String, String>) -> String {
    let mut words = import.splitn(3, "::");
    let (Some(room), Some(name)) = (words.next(), words.next()) else {
        return import.to_owned();
    };
    reexports
        .get(&format!("{room}::{name}"))
        .cloned()
        .unwrap_or_else(|| import.to_owned())
}

/// `path` is `scope` or stands in it.
fn within(path: &str, scope: &str) -> bool {
    path.strip_prefix(scope)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// `use` statements on one line each, as they stand in the text.
fn use_statements(code: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if !["use ", "pub use ", "pub(crate) use ", "pub(super) use "]
            .iter()
            .any(|p| trimmed.starts_with(p))
        {
            continue;
        }
        let mut statement = trimmed.to_owned();
        while !statement.contains(';') {
            let Some(more) = lines.next() else { break };
            statement.push(' ');
            statement.push_str(more.trim());
        }
        statements.push(statement);
    }
    statements
}

/// `use log::*`, not `use ErrorCode::*`, which names the variants of one enum.
fn globs_a_module(statement: &str) -> bool {
    statement.split("::*").next().is_some_and(|path| {
        let last = path.rsplit([':', ' ', '{', ',']).next().unwrap_or_default();
        path.len() < statement.len() && !last.starts_with(char::is_uppercase)
    })
}

fn all_sources() -> Vec<Source> {
    ["src", "tests", "benches", "examples"]
        .iter()
        .flat_map(|dir| sources(dir))
        .collect()
}

fn sources(dir: &str) -> Vec<Source> {
    files_under(&root().join(dir), "rs")
        .into_iter()
        .map(|path| Source {
            path: relative(&path),
            text: fs::read_to_string(&path).expect("source is text"),
        })
        .collect()
}

fn files_under(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                files_under(&path, extension)
            } else if path.extension().is_some_and(|e| e == extension) {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect();
    files.sort();
    files
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("inside the project");
    path.to_string_lossy().replace('\\', "/")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn report(faults: &[String], hint: &str) {
    assert!(faults.is_empty(), "{hint}\n  {}", faults.join("\n  "));
}
