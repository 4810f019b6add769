//! `trial new`: a scenario to begin with.

use super::Status;
use super::inputs::reason;
use super::terminal::Terminal;
use crate::scenario::{self, Diagnostic};
use clap::Args;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Write a small commented scenario to begin with.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// What it is called: lower-case letters, digits and hyphens
    #[arg(default_value = "my-first", value_name = "NAME")]
    name: String,
    /// The file; without it, the name with .yaml, here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over what is there
    #[arg(long)]
    force: bool,
}

const STARTER: &str = include_str!("starter.txt");

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let named = || PathBuf::from(format!("{}.yaml", arguments.name));
    let out = arguments.out.clone().unwrap_or_else(named);
    let file = out.display().to_string();
    let text = starter(&arguments.name, &file);
    // A name that no scenario can have, in its own words.
    let checked = scenario::load(&file, text.clone().into_bytes(), &[]);
    let written = checked.and_then(|_| write(&out, &text, arguments.force));
    if let Err(error) = written {
        terminal.complain(&error);
        return Status::Unusable;
    }
    terminal.line(&file);
    terminal.note(&format!(
        "Next: trial run {file}; then change a line of it and run it again. trial sentences lists what it can say."
    ));
    Status::Well
}

fn starter(name: &str, file: &str) -> String {
    STARTER.replace("@NAME@", name).replace("@FILE@", file)
}

/// Nothing is written over by chance, not even what appears in this moment.
fn write(out: &Path, text: &str, force: bool) -> Result<(), Diagnostic> {
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
        ErrorKind::AlreadyExists => Diagnostic::about_file(name, "this is there already")
            .expected("a path where nothing is, or --force to write over it"),
        ErrorKind::NotFound => {
            Diagnostic::about_file(name, "this cannot be written: there is no such directory")
        }
        ErrorKind::IsADirectory => {
            Diagnostic::about_file(name, reason(&error)).expected("the name of a file")
        }
        _ => Diagnostic::about_file(name, format!("this cannot be written: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_is_a_scenario_without_a_warning() {
        let text = starter("my-first", "my-first.yaml");
        assert!(!text.contains('@'), "{text}");
        let loaded = scenario::load("s.yaml", text.into_bytes(), &[]);
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.warnings, vec![]);
        assert_eq!(
            (loaded.plan.timeline.len(), loaded.plan.expect.len()),
            (2, 2)
        );
    }
}
