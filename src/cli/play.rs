//! `trial play`: a page that plays a run in a browser.

use super::terminal::Terminal;
use super::{Status, chart, seeds};
use crate::player;
use crate::scenario::Diagnostic;
use clap::Args;
use std::fs;
use std::path::PathBuf;

/// Make a page that plays a run in a browser: one HTML file that needs no network.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A scenario file, the name of a shipped one, or -; or a trace, or a directory of "trial run --out"
    #[arg(value_name = "SCENARIO|TRACE")]
    run: String,
    /// The file; without it, the scenario's name with .html, here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over what is there
    #[arg(long)]
    force: bool,
    /// Use this seed instead of the scenario's
    #[arg(long, allow_hyphen_values = true, value_parser = seeds::one)]
    seed: Option<u64>,
    /// Change a value first, as in "trial run"
    #[arg(long = "set", value_name = "[+]KEY=VALUE")]
    sets: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    match written(arguments, terminal) {
        Ok(()) => Status::Well,
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

fn written(arguments: &Arguments, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    // Refused before a long run, where the name is known already.
    if let Some(out) = &arguments.out {
        claim(out, arguments.force)?;
    }
    let recording = chart::recording(
        &arguments.run,
        arguments.seed,
        &arguments.sets,
        true,
        terminal,
    )?;
    let named = || PathBuf::from(format!("{}.html", recording.name));
    let out = arguments.out.clone().unwrap_or_else(named);
    claim(&out, arguments.force)?;
    let name = out.display().to_string();
    fs::write(&out, player::page(&recording)).map_err(|error| {
        Diagnostic::about_file(&name, format!("this cannot be written: {error}"))
    })?;
    terminal.line(&name);
    Ok(())
}

fn claim(out: &std::path::Path, force: bool) -> Result<(), Diagnostic> {
    let name = out.display().to_string();
    match fs::symlink_metadata(out) {
        Ok(found) if found.is_dir() => Err(Diagnostic::about_file(name, "this is a directory")
            .expected("the name of an HTML file")),
        Ok(_) if !force => Err(Diagnostic::about_file(name, "this is there already")
            .expected("a path where nothing is, or --force to write over it")),
        _ => Ok(()),
    }
}
