//! Where scenarios come from: a file, standard input, a directory of files, or the binary itself.

use super::predict;
use crate::protocol::config::nearest;
use crate::scenario::{self, Diagnostic, Loaded, MAX_BYTES, SHIPPED};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A scenario's bytes.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// As the user would name it again.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// Reads a scenario, as all commands do: with what they know and a plan does not.
pub(super) fn load(name: &str, bytes: Vec<u8>, sets: &[String]) -> Result<Loaded, Diagnostic> {
    scenario::load_and(name, bytes, sets, &predict::check)
}

/// As `one`, where standard input is for something else, or is not read at all.
pub(super) fn one_by_name(argument: &str, why_no_input: &str) -> Result<Input, Diagnostic> {
    if argument == "-" {
        return Err(Diagnostic::about_file("-", why_no_input)
            .expected("the scenario in a file, or the name of a shipped one"));
    }
    one(argument).map_err(|error| match error.expected.as_deref() {
        Some(SCENARIO) => {
            error.expected("a scenario file, or a name that \"trial scenarios\" lists")
        }
        _ => error,
    })
}

/// The one scenario that `argument` names: a file, `-`, or a shipped one by its name.
pub(super) fn one(argument: &str) -> Result<Input, Diagnostic> {
    if argument == "-" {
        return read(io::stdin(), "standard input", MAX_BYTES).map(|bytes| Input {
            name: "-".into(),
            bytes,
        });
    }
    let path = Path::new(argument);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            Err(Diagnostic::about_file(argument, "this is a directory").expected("a scenario file"))
        }
        Ok(_) => file(path),
        Err(error) => shipped(argument).ok_or_else(|| missing(argument, &error)),
    }
}

/// All scenarios that `argument` names: as `one`, or every `.yaml` file below a directory, in the order in
/// which they are to be read. One that cannot be read silences no other.
pub(super) fn all(argument: &str) -> Vec<Result<Input, Diagnostic>> {
    let path = Path::new(argument);
    if argument == "-" || !path.is_dir() {
        return vec![one(argument)];
    }
    let mut found = Vec::new();
    collect(path, &mut found, 0);
    if found.is_empty() {
        found.push(Err(Diagnostic::about_file(
            argument,
            "there is no scenario in this directory",
        )
        .expected("at least one .yaml file")));
    }
    found
}

/// A file of another kind than a scenario.
pub(super) fn other_file(argument: &str, most: usize) -> Result<Input, Diagnostic> {
    let file =
        File::open(argument).map_err(|error| Diagnostic::about_file(argument, reason(&error)))?;
    if file.metadata().is_ok_and(|found| found.is_dir()) {
        return Err(Diagnostic::about_file(argument, "this is a directory").expected("a file"));
    }
    read(file, argument, most).map(|bytes| Input {
        name: argument.to_string(),
        bytes,
    })
}

/// Names of a directory's scenarios in the order in which they are to be read, a line each. What it does not
/// name comes after what it names.
const ORDER: &str = "order.txt";

fn collect(directory: &Path, found: &mut Vec<Result<Input, Diagnostic>>, depth: u32) {
    let unreadable =
        |error: io::Error| Diagnostic::about_file(directory.display().to_string(), reason(&error));
    let entries =
        fs::read_dir(directory).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => return found.push(Err(unreadable(error))),
    };
    let order = fs::read_to_string(directory.join(ORDER)).unwrap_or_default();
    let mut paths: Vec<(usize, PathBuf)> = entries
        .iter()
        .map(|entry| {
            let name = entry.file_name();
            let named = |line: &str| name.to_str() == Some(line.trim());
            let place = order.lines().position(named);
            (place.unwrap_or(usize::MAX), entry.path())
        })
        .collect();
    paths.sort();
    for (_, path) in paths {
        let is_link = path.is_symlink();
        // Directories that link to each other have no end.
        if path.is_dir() && !is_link && depth < 16 {
            collect(&path, found, depth + 1);
        } else if path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
            && path.is_file()
        {
            found.push(file(&path));
        }
    }
}

fn file(path: &Path) -> Result<Input, Diagnostic> {
    let name = path.display().to_string();
    let file =
        File::open(path).map_err(|error| Diagnostic::about_file(name.clone(), reason(&error)))?;
    read(file, &name, MAX_BYTES).map(|bytes| Input { name, bytes })
}

fn read(from: impl Read, name: &str, most: usize) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    // One byte more than there may be tells a file that is too long from one that just fits.
    match from.take(most as u64 + 1).read_to_end(&mut bytes) {
        Ok(length) if length > most => Err(Diagnostic::about_file(
            name,
            format!("the file has more than {most} bytes"),
        )
        .expected(format!("at most {}", crate::plan::write_size(most as u64)))),
        Ok(_) => Ok(bytes),
        Err(error) => Err(Diagnostic::about_file(name, reason(&error))),
    }
}

/// A shipped scenario, whatever lies in the current directory.
pub(super) fn shipped_as(name: &str) -> Result<Input, Diagnostic> {
    shipped(name).ok_or_else(|| Diagnostic::about_file(name, "no such scenario ships"))
}

fn shipped(name: &str) -> Option<Input> {
    let found = SHIPPED.iter().find(|shipped| shipped.name() == name)?;
    Some(Input {
        name: name.to_string(),
        bytes: found.text.as_bytes().to_vec(),
    })
}

/// What names a scenario.
pub(super) const SCENARIO: &str =
    "a scenario file, - for standard input, or a name that \"trial scenarios\" lists";

fn missing(argument: &str, error: &io::Error) -> Diagnostic {
    let mut diagnostic = Diagnostic::about_file(argument, reason(error)).expected(SCENARIO);
    diagnostic.suggestion = nearest(argument, SHIPPED.iter().map(|shipped| shipped.name()))
        .map(|name| format!("\"{name}\""));
    diagnostic
}

/// The system's own words, without its number.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "this file may not be read".into(),
        io::ErrorKind::IsADirectory => "this is a directory".into(),
        _ => error.to_string(),
    }
}
