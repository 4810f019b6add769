//! `trial scenarios` and `trial sentences`: what ships, and what scenarios can say.

use super::terminal::Terminal;
use super::{Status, inputs};
use crate::scenario::{self, SHIPPED};
use clap::Args;

/// List the shipped scenarios; each can be run by its name.
#[derive(Args, Debug)]
pub(super) struct ScenariosArguments {
    /// Print this scenario's file instead
    #[arg(value_name = "NAME")]
    show: Option<String>,
}

/// List what scenarios can say: roles, moments, actions, expectations.
#[derive(Args, Debug)]
pub(super) struct SentencesArguments {}

/// Columns of a line of text.
const WIDTH: usize = 100;

pub(super) fn scenarios(arguments: &ScenariosArguments, terminal: &mut Terminal) -> Status {
    if let Some(name) = &arguments.show {
        return match inputs::one(name) {
            Ok(input) => {
                terminal.data(&String::from_utf8_lossy(&input.bytes));
                Status::Well
            }
            Err(error) => {
                terminal.complain(&error);
                Status::Unusable
            }
        };
    }
    let mut folder = "";
    for shipped in SHIPPED {
        let (own, _) = shipped.path.split_once('/').unwrap_or_default();
        if own != folder {
            if !folder.is_empty() {
                terminal.line("");
            }
            terminal.line(own);
            folder = own;
        }
        terminal.line(&format!("  {}", shipped.name()));
        match inputs::load(shipped.path, shipped.text.into(), &[]) {
            Ok(loaded) => wrapped(&loaded.plan.about, "      ", terminal),
            Err(error) => terminal.complain(&error),
        }
    }
    Status::Well
}

pub(super) fn sentences(_: &SentencesArguments, terminal: &mut Terminal) -> Status {
    for (i, (what, templates)) in scenario::sentence_tables().into_iter().enumerate() {
        if i > 0 {
            terminal.line("");
        }
        terminal.line(&format!("{what}:"));
        for (template, meaning) in templates {
            terminal.line(&format!("  {template}"));
            wrapped(meaning.trim(), "      ", terminal);
        }
    }
    Status::Well
}

fn wrapped(text: &str, indent: &str, terminal: &mut Terminal) {
    let mut line = indent.to_string();
    for word in text.split_whitespace() {
        if line.len() > indent.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            terminal.line(&line);
            line = indent.to_string();
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    terminal.line(&line);
}
