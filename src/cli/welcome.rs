//! `trial` without a command: what it is, where to begin, and which commands there are.

use super::page::Page;
use super::terminal::Terminal;
use super::{Arguments, Status};
use clap::CommandFactory;

/// Where the meaning of a command begins.
const MEANING_AT: usize = 14;

pub(super) fn run(terminal: &mut Terminal) -> Status {
    let mut page = Page::default();
    page.text(
        "trial puts Apache Kafka on trial: it plays clusters, their clients and all that can go wrong with them, in one \
         process and in no time. The same scenario and seed give the same run, always.",
    );
    page.gap();
    page.line("New to Kafka, or to this? Five minutes:   trial tour");
    page.gap();
    for command in Arguments::command().get_subcommands() {
        let about = command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_default();
        page.entry(command.get_name(), MEANING_AT, first_words(&about));
    }
    page.line("More on each:   trial COMMAND --help");
    page.lines().iter().for_each(|line| terminal.line(line));
    Status::Well
}

/// Up to the first mark: what fits a line.
fn first_words(about: &str) -> &str {
    let end = about.find([':', '.', ';', ',']).unwrap_or(about.len());
    &about[..end]
}
