//! Where scenarios come from: a file, standard input, a directory of files, or the binary itself.

use crate::protocol::config::nearest;
use crate::scenario::{Diagnostic, MAX_BYTES, SHIPPED};
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

/// All scenarios that `argument` names: as `one`, or every `.yaml` file below a directory, in order.
pub(super) fn all(argument: &str) -> Result<Vec<Input>, Diagnostic> {
    let path = Path::new(argument);
    if argument == "-" || !path.is_dir() {
        return Ok(vec![one(argument)?]);
    }
    let mut files = Vec::new();
    collect(path, &mut files, 0)?;
    files.sort();
    if files.is_empty() {
        return Err(
            Diagnostic::about_file(argument, "there is no scenario in this directory")
                .expected("at least one .yaml file"),
        );
    }
    files.iter().map(|path| file(path)).collect()
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

fn collect(directory: &Path, files: &mut Vec<PathBuf>, depth: u32) -> Result<(), Diagnostic> {
    let unreadable =
        |error: io::Error| Diagnostic::about_file(directory.display().to_string(), reason(&error));
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // Directories that link to each other have no end.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && depth < 16 {
            collect(&path, files, depth + 1)?;
        } else if path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
            && path.is_file()
        {
            files.push(path);
        }
    }
    Ok(())
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

fn shipped(name: &str) -> Option<Input> {
    let found = SHIPPED.iter().find(|shipped| shipped.name() == name)?;
    Some(Input {
        name: name.to_string(),
        bytes: found.text.as_bytes().to_vec(),
    })
}

fn missing(argument: &str, error: &io::Error) -> Diagnostic {
    let mut diagnostic = Diagnostic::about_file(argument, reason(error)).expected(
        "a scenario file, - for standard input, or a name that \"trial scenarios\" lists",
    );
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
