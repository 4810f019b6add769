//! `trial completions` and `trial man`: what shells and `man` know of this command.

use super::inputs::reason;
use super::terminal::Terminal;
use super::{Arguments as Trial, Status};
use crate::scenario::{Diagnostic, SHIPPED};
use clap::builder::PossibleValuesParser;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Print completions for a shell.
///
/// bash: source <(trial completions bash), in ~/.bashrc. zsh: write them to a file _trial in a directory of $fpath. fish:
/// write them to ~/.config/fish/completions/trial.fish.
#[derive(Args, Debug)]
pub(super) struct CompletionsArguments {
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Write manual pages, one for each command.
#[derive(Args, Debug)]
pub(super) struct ManArguments {
    /// The directory, which is made if it is not there; pages in it are written anew
    #[arg(long, value_name = "DIR", default_value = "man")]
    out: PathBuf,
}

pub(super) fn completions(arguments: &CompletionsArguments, terminal: &mut Terminal) -> Status {
    let mut command = match arguments.shell {
        // Names beside the files that there are; other shells would offer nothing else.
        Shell::Bash => with_names(Trial::command()),
        _ => Trial::command(),
    };
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "trial", &mut script);
    terminal.data(&String::from_utf8_lossy(&script));
    Status::Well
}

/// Where a scenario is named, the names of those that ship. Only scripts are made of this: it would refuse files.
fn with_names(command: Command) -> Command {
    let names = || SHIPPED.iter().map(|shipped| shipped.name());
    let takes_one = |value: &str| value.split('|').any(|part| part == "SCENARIO");
    let arguments: Vec<clap::Id> = command
        .get_positionals()
        .filter(|it| {
            it.get_value_names()
                .is_some_and(|it| it.iter().any(|name| takes_one(name)))
        })
        .map(|it| it.get_id().clone())
        .collect();
    let below: Vec<String> = command
        .get_subcommands()
        .map(|it| it.get_name().to_string())
        .collect();
    let command = arguments.into_iter().fold(command, |command, id| {
        command.mut_arg(id, |it| it.value_parser(PossibleValuesParser::new(names())))
    });
    below.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_names)
    })
}

pub(super) fn man(arguments: &ManArguments, terminal: &mut Terminal) -> Status {
    let mut command = Trial::command();
    command.build();
    let written = fs::create_dir_all(&arguments.out)
        .map_err(|error| cannot_write(&arguments.out, &error))
        .and_then(|()| pages(&command, &arguments.out, terminal));
    match written {
        Ok(()) => Status::Well,
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

/// The page of a command, then those below it.
fn pages(command: &Command, directory: &Path, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    let page = clap_mangen::Man::new(command.clone());
    let path = directory.join(page.get_filename());
    let mut text = Vec::new();
    let written = page.render(&mut text).and_then(|()| fs::write(&path, text));
    written.map_err(|error| cannot_write(&path, &error))?;
    terminal.line(&path.display().to_string());
    let below = command.get_subcommands().filter(|it| !it.is_hide_set());
    below
        .into_iter()
        .try_for_each(|it| pages(it, directory, terminal))
}

fn cannot_write(path: &Path, error: &io::Error) -> Diagnostic {
    let why = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => reason(error),
        _ => error.to_string(),
    };
    Diagnostic::about_file(
        path.display().to_string(),
        format!("this cannot be written: {why}"),
    )
}
