//! `trial follow`: one record's way from its producer to its readers.

use super::terminal::Terminal;
use super::{Status, inputs, seeds};
use crate::report::{NoJourney, Wanted, follow};
use crate::scenario::Diagnostic;
use clap::Args;

/// Follow one record: its objects and bytes, its partition and why, its batch, each log that takes it, who reads it
/// or cannot, what applications do with it, who commits it; or where it was lost, stored twice, refused or never
/// processed, and why.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A scenario file, the name of a shipped one, or - for standard input
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// trucks-1#5 (producer and number; of what an application sends on, its name will do), "key=truck 7" (the first
    /// with this key), or t-0@17 (partition and offset)
    #[arg(value_name = "RECORD")]
    record: String,
    /// Use this seed instead of the scenario's
    #[arg(long, allow_hyphen_values = true, value_parser = seeds::one)]
    seed: Option<u64>,
    /// Change a value first, as in "trial run"
    #[arg(long = "set", value_name = "[+]KEY=VALUE")]
    sets: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    match journey(arguments, terminal) {
        Ok(text) => {
            terminal.data(&text);
            Status::Well
        }
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

fn journey(arguments: &Arguments, terminal: &mut Terminal) -> Result<String, Diagnostic> {
    let about_record = |found: String| Diagnostic::about_file(arguments.record.clone(), found);
    let wanted = Wanted::parse(&arguments.record).ok_or_else(|| {
        about_record("this names no record".to_owned()).expected(Wanted::EXPECTED)
    })?;
    let input = inputs::one(&arguments.scenario)?;
    let loaded = inputs::load(&input.name, input.bytes, &arguments.sets)?;
    for warning in &loaded.warnings {
        terminal.complain(warning);
    }
    let plan = loaded.plan;
    let seed = arguments.seed.unwrap_or(plan.seed);
    match follow(&plan, seed, &wanted) {
        Ok(journey) => Ok(format!("{}, seed {seed}: {journey}", plan.name)),
        Err(NoJourney::Unbuildable(error)) => {
            Err(Diagnostic::about_file(input.name, error.to_string()))
        }
        Err(NoJourney::NotOne { found, expected }) => Err(about_record(found).expected(expected)),
    }
}
