//! `trial conform`: plays recordings of real clusters, damaged data directories that a real broker was
//! started on, and transcripts of real ZooKeeper, and says where the simulator differs.

mod output;
mod recordings;

use super::Status;
use super::terminal::Terminal;
use crate::conform::{self, Lateness, Outcome, StepDifference};
use crate::protocol::counted;
use crate::scenario::Diagnostic;
use clap::{Args, ValueEnum};
use output::Output;
use recordings::Input;
use serde_json::Value;
use std::path::Path;

/// Play recordings of real Kafka clusters and compare what both came to, step by step (counted from 1).
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Recordings or ZooKeeper transcripts (.json), damaged data directories (with outcome.json), or
    /// directories of these
    #[arg(required = true, value_name = "FILE|DIR")]
    recordings: Vec<String>,
    /// Show every difference, not only the first
    #[arg(long)]
    all: bool,
    /// Show how much later than real Kafka each step settled
    #[arg(long, short)]
    verbose: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Format {
    /// A line a recording, and the differences
    Text,
    /// One document
    Json,
    /// One document, a test suite for each recording
    Junit,
}

/// Plays one recording after the other. One that cannot be used is told, and silences no other.
pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let mut status = Status::Well;
    let mut output = Output::default();
    let found = recordings::find(&arguments.recordings);
    for input in found.into_iter().flat_map(recordings::read) {
        let result = input.and_then(|input| {
            terminal.progress(&format!("playing {}", input.path().display()));
            match input.play(arguments.all) {
                Ok((outcome, lateness)) => Ok((input, outcome, lateness)),
                Err(error) => Err(Unusable::of(
                    input.path(),
                    Diagnostic::about_file(input.path().display().to_string(), error.to_string()),
                )),
            }
        });
        match result {
            Ok((input, outcome, lateness)) => {
                if let Outcome::Differed(_) = outcome {
                    status = status.max(Status::Failed);
                }
                match arguments.format {
                    Format::Text => tell(&input, &outcome, &lateness, arguments, terminal),
                    Format::Json | Format::Junit => output.played(&input, &outcome, &lateness),
                }
            }
            Err(unusable) => {
                status = Status::Unusable;
                terminal.complain(&unusable.why);
                output.unusable(&unusable);
            }
        }
    }
    match arguments.format {
        Format::Text => {}
        Format::Json => terminal.line(&output.json()),
        Format::Junit => terminal.data(&output.junit()),
    }
    status
}

/// A path that holds nothing to play.
struct Unusable {
    path: String,
    why: Diagnostic,
}

impl Unusable {
    fn of(path: &Path, why: Diagnostic) -> Unusable {
        Unusable {
            path: path.display().to_string(),
            why,
        }
    }
}

fn tell(
    recording: &Input,
    outcome: &Outcome,
    lateness: &[Lateness],
    arguments: &Arguments,
    terminal: &mut Terminal,
) {
    let all = arguments.all;
    let name = recording.name();
    match outcome {
        Outcome::Agreed { steps } => {
            terminal.line(&format!("agrees   {name}: {}", counted(steps, "step")));
        }
        Outcome::Skipped { why } => terminal.line(&format!("skipped  {name}: {why}")),
        Outcome::Differed(steps) => {
            let count: usize = steps.iter().map(|step| step.differences.len()).sum();
            let first = steps.first().map_or(0, |step| step.step);
            let more = if all {
                format!(", {}", counted(count, "difference"))
            } else {
                String::new()
            };
            terminal.line(&format!(
                "DIFFERS  {name}: at step {first} of {}{more}",
                recording.steps()
            ));
            for (i, step) in steps.iter().enumerate() {
                let shown = if all { step.differences.len() } else { 1 };
                terminal.line(&format!("  step {}: {}", step.step, step.what));
                for difference in step.differences.iter().take(shown) {
                    terminal.line(&format!("    {}", difference.field));
                    let real = recording.real();
                    let width = real.len();
                    terminal.line(&format!("      {real}: {}", value(&difference.kafka)));
                    terminal.line(&format!(
                        "      {:<width$} {}",
                        "here:",
                        value(&difference.ours),
                        width = width + 1
                    ));
                }
                if i == 0 {
                    around(step, terminal);
                }
            }
        }
    }
    for step in lateness.iter().filter(|_| arguments.verbose) {
        let late = conform::seconds(step.late);
        terminal.line(&format!(
            "  step {}: {late} s late: {}",
            step.step, step.what
        ));
    }
}

/// What happened in the simulator before and during that step.
fn around(step: &StepDifference, terminal: &mut Terminal) {
    for (when, lines) in [("before", &step.before), ("meanwhile", &step.meanwhile)] {
        if !lines.is_empty() {
            terminal.line(&format!("    {when} here:"));
        }
        for line in lines {
            terminal.line(&format!("      {line}"));
        }
    }
    if step.meanwhile.is_empty() {
        terminal.line("    meanwhile here: nothing that the transcript tells");
    }
}

fn value(value: &Option<Value>) -> String {
    value
        .as_ref()
        .map_or_else(|| "nothing".to_string(), ToString::to_string)
}
