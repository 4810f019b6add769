//! Who may import whom: the book's table of rooms, held against every import.

use crate::source::{Source, quoted, report, root, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

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
        for import in imports(source) {
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

/// Every path that begins with `crate::`, without that, in code and unit tests, not in comments.
fn imports(source: &Source) -> BTreeSet<String> {
    let text: String = source
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
