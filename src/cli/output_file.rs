//! A file that a command writes.

use super::inputs::reason;
use crate::scenario::Diagnostic;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Refuses what is there already, unless by force, before work begins whose outcome could not be written then.
pub(super) fn claim(out: &Path, force: bool) -> Result<(), Diagnostic> {
    let name = out.display().to_string();
    match fs::symlink_metadata(out) {
        Ok(found) if found.is_dir() => Err(is_directory(name)),
        Ok(_) if !force => Err(is_there(name)),
        _ => Ok(()),
    }
}

fn is_there(name: String) -> Diagnostic {
    Diagnostic::about_file(name, "this is there already")
        .expected("a path where nothing is, or --force to write over it")
}

fn is_directory(name: String) -> Diagnostic {
    Diagnostic::about_file(name, "this is a directory").expected("the name of a file")
}

/// Nothing is written over by chance, not even what appears in this moment.
pub(super) fn write(out: &Path, text: &str, force: bool) -> Result<(), Diagnostic> {
    let name = out.display().to_string();
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let written = options
        .open(out)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(name),
        ErrorKind::NotFound => {
            Diagnostic::about_file(name, "this cannot be written: there is no such directory")
        }
        ErrorKind::IsADirectory => {
            Diagnostic::about_file(name, reason(&error)).expected("the name of a file")
        }
        _ => Diagnostic::about_file(name, format!("this cannot be written: {error}")),
    })
}
