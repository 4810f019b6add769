//! `trial scenarios` and `trial sentences`: what ships, and what scenarios can say.

use super::page::Page;
use super::terminal::Terminal;
use super::{Status, inputs};
use crate::scenario::{self, SHIPPED, Shipped};
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

/// Shipped scenarios with questions, as `trial predict` takes them.
pub(super) fn that_ask(terminal: &mut Terminal) {
    let mut page = Page::default();
    page.text(
        "These scenarios ask what will happen, why, and afterwards what happened. \"trial predict NAME\" asks it here, \
         \"trial class NAME --out DIR\" puts it on slides and paper:",
    );
    let mut folder = "";
    for shipped in asking() {
        if shipped.folder() != folder {
            folder = shipped.folder();
            page.gap();
            page.line(folder);
        }
        let about = inputs::load(shipped.path, shipped.text.into(), &[])
            .map(|loaded| loaded.plan.about)
            .unwrap_or_default();
        let first = about.split_once(". ").map(|(first, _)| format!("{first}."));
        page.entry(shipped.name(), 37, &first.unwrap_or(about));
    }
    page.lines().iter().for_each(|line| terminal.line(line));
}

/// What to take instead of a scenario that asks nothing: its neighbours that do, or any.
pub(super) fn one_that_asks(name: &str) -> String {
    let folder = SHIPPED.iter().find(|it| it.name() == name);
    let near = |it: &&Shipped| folder.is_some_and(|of| of.folder() == it.folder());
    let mut names: Vec<&str> = asking().filter(near).map(|it| it.name()).collect();
    if names.is_empty() {
        names = asking().map(|it| it.name()).take(3).collect();
    }
    format!(
        "one with \"predict:\", such as {} (\"trial predict\" lists all that ship)",
        names.join(", ")
    )
}

fn asking() -> impl Iterator<Item = &'static Shipped> {
    SHIPPED.iter().filter(|it| it.text.contains("\npredict:"))
}

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
        let own = shipped.folder();
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
