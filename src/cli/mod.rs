//! The command line. Data goes to standard output, everything else to standard error.
//!
//! Exit status: 0 all well; 1 something that was expected did not hold, or two things differ; 2 the input
//! or the command cannot be used, and nothing was written, or what was to be written could not be.
//!
//! May not know what a run means: it reads words and files, and prints what reports say.

mod ask;
mod chart;
mod check;
mod class;
mod command_line;
mod compare;
mod conform;
mod data_directory;
mod diff;
mod follow;
mod fuzz;
mod inputs;
mod lists;
mod log;
mod new;
mod output_directory;
mod output_file;
mod page;
mod play;
mod predict;
mod progress;
mod run;
mod schema;
mod seeds;
mod shell;
mod shrink;
mod spot;
mod tell;
mod terminal;
mod tour;
mod welcome;

pub use command_line::{command_words, is_command_line};

use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;
use terminal::Terminal;

/// Puts Apache Kafka on trial: runs a simulated cluster through a scenario, deterministically.
#[derive(Parser, Debug)]
#[command(name = "trial", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Tour(tour::Arguments),
    Run(run::Arguments),
    Check(check::Arguments),
    Tell(tell::Arguments),
    Compare(compare::Arguments),
    Follow(follow::Arguments),
    Chart(chart::Arguments),
    Play(play::Arguments),
    Predict(predict::Arguments),
    Spot(spot::Arguments),
    Class(class::Arguments),
    Fuzz(fuzz::Arguments),
    Shrink(shrink::Arguments),
    Diff(diff::Arguments),
    Conform(conform::Arguments),
    Log(log::Arguments),
    Scenarios(lists::ScenariosArguments),
    Sentences(lists::SentencesArguments),
    New(new::Arguments),
    Schema(schema::Arguments),
    Completions(shell::CompletionsArguments),
    Man(shell::ManArguments),
}

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Status {
    Well,
    /// Something did not hold, or differs.
    Failed,
    /// The input or the command cannot be used.
    Unusable,
}

/// What the simulator does, for people who debug it: `RUST_LOG=kafka_trial::run=trace`. Without a wall
/// clock, so that two runs print the same.
fn log_for_debugging() {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .without_time()
            .init();
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        let mut terminal = Terminal::new();
        let status = welcome::run(&mut terminal);
        return ended(status, terminal);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are what was asked for; a closed pipe is no reason to panic.
            let printed = error.print().and_then(|()| io::stdout().flush());
            let unwritten = printed.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
            return ExitCode::from(if error.use_stderr() || unwritten {
                2
            } else {
                0
            });
        }
    };
    log_for_debugging();
    let mut terminal = Terminal::new();
    let status = match arguments.command {
        Command::Tour(arguments) => tour::run(&arguments, &mut terminal),
        Command::Run(arguments) => run::run(&arguments, &mut terminal),
        Command::Check(arguments) => check::run(&arguments, &mut terminal),
        Command::Tell(arguments) => tell::run(&arguments, &mut terminal),
        Command::Compare(arguments) => compare::run(&arguments, &mut terminal),
        Command::Chart(arguments) => chart::run(&arguments, &mut terminal),
        Command::Play(arguments) => play::run(&arguments, &mut terminal),
        Command::Predict(arguments) => predict::run(&arguments, &mut terminal),
        Command::Follow(arguments) => follow::run(&arguments, &mut terminal),
        Command::Class(arguments) => class::run(&arguments, &mut terminal),
        Command::Spot(arguments) => spot::run(&arguments, &mut terminal),
        Command::Fuzz(arguments) => fuzz::run(&arguments, &mut terminal),
        Command::Shrink(arguments) => shrink::run(&arguments, &mut terminal),
        Command::Diff(arguments) => diff::run(&arguments, &mut terminal),
        Command::Conform(arguments) => conform::run(&arguments, &mut terminal),
        Command::Log(arguments) => log::run(&arguments, &mut terminal),
        Command::Scenarios(arguments) => lists::scenarios(&arguments, &mut terminal),
        Command::Sentences(arguments) => lists::sentences(&arguments, &mut terminal),
        Command::New(arguments) => new::run(&arguments, &mut terminal),
        Command::Schema(arguments) => schema::run(&arguments, &mut terminal),
        Command::Completions(arguments) => shell::completions(&arguments, &mut terminal),
        Command::Man(arguments) => shell::man(&arguments, &mut terminal),
    };
    ended(status, terminal)
}

/// The exit status, once all is written.
fn ended(status: Status, terminal: Terminal) -> ExitCode {
    let status = match terminal.finish() {
        true => status,
        false => Status::Unusable,
    };
    ExitCode::from(match status {
        Status::Well => 0,
        Status::Failed => 1,
        Status::Unusable => 2,
    })
}
