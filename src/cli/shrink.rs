//! `trial shrink`: the smallest scenario that still breaks.

use super::terminal::Terminal;
use super::{Status, inputs, output_file};
use crate::campaign::play;
use crate::campaign::shrink::{self, Progress};
use crate::plan::Plan;
use crate::scenario::{self, Diagnostic};
use clap::Args;
use std::path::PathBuf;

/// Make a failing scenario as small as it gets: what is left out does not matter for what breaks.
///
/// Faults, clients, partitions, brokers, settings and rules go as long as the same property breaks with the same seed; what
/// stays comes earlier, lasts shorter and is rounder. No single part of the result can go.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A failure that a campaign has written, or any scenario that fails; - for standard input
    #[arg(value_name = "FAILURE")]
    failure: String,
    /// Write the scenario to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over --out though it is there
    #[arg(long, requires = "out")]
    force: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    match shrunk(arguments, terminal) {
        Ok(()) => Status::Well,
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

fn shrunk(arguments: &Arguments, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    if let Some(out) = &arguments.out {
        output_file::claim(out, arguments.force)?;
    }
    let input = inputs::one(&arguments.failure)?;
    let name = input.name.clone();
    let loaded = inputs::load(&name, input.bytes, &[])?;
    for warning in &loaded.warnings {
        terminal.complain(warning);
    }
    let plan = loaded.plan;
    let broken = broken(&name, &plan)?;
    let mut tell = |progress: Progress| {
        let Progress { phase, plays, size } = progress;
        terminal.status(&format!(
            "{phase}: {size} lines of the timeline left, {plays} runs"
        ));
    };
    let smaller = shrink::shrink(&plan, plan.seed, &broken, &mut tell);
    terminal.clear_status();
    terminal.note(&format!("breaks: {broken}"));
    let measures = shrink::measures(&plan).into_iter();
    for ((what, from), (_, to)) in measures.zip(shrink::measures(&smaller)) {
        if from != to {
            terminal.note(&format!("{what}: {from} → {to}"));
        }
    }
    let text = scenario::to_yaml(&smaller);
    match &arguments.out {
        Some(out) => {
            output_file::write(out, &text, arguments.force)?;
            terminal.line(&out.display().to_string());
        }
        None => terminal.data(&text),
    }
    Ok(())
}

/// What the scenario breaks: what was found with it, or whatever comes first.
fn broken(name: &str, plan: &Plan) -> Result<String, Diagnostic> {
    let error = |found: String| {
        Err(Diagnostic::about_file(name, found).expected("a scenario that fails when it is run"))
    };
    let judged = play(plan, plan.seed);
    let found = plan.found.as_ref().map(|found| found.broken.clone());
    match (judged.failure, found) {
        (Some(failure), Some(found)) if failure.broken != found => error(format!(
            "\"{found}\" does not break any more; \"{}\" does",
            failure.broken
        )),
        (Some(failure), _) => Ok(failure.broken),
        (None, Some(found)) => error(format!("\"{found}\" does not break any more")),
        (None, None) => error("nothing breaks in this scenario".into()),
    }
}
