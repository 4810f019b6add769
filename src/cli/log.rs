//! `trial log`: tools that read a broker's log directory, ours or a real one's.

mod dump;
mod recover;
mod verify;

use super::Status;
use super::terminal::Terminal;
use clap::{Args, Subcommand};

/// Read the files of a broker's log directory, a simulated or a real one's.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Dump(dump::Arguments),
    Recover(recover::Arguments),
    Verify(verify::Arguments),
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    match &arguments.command {
        Command::Dump(arguments) => dump::run(arguments, terminal),
        Command::Recover(arguments) => recover::run(arguments, terminal),
        Command::Verify(arguments) => verify::run(arguments, terminal),
    }
}
