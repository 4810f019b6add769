//! `trial log verify`: whether a broker's data directory holds together.

use crate::cli::Status;
use crate::cli::data_directory;
use crate::cli::terminal::Terminal;
use crate::inspect::verify::verify;
use clap::Args;
use std::path::PathBuf;

/// Say whether a broker's data directory holds together: one line for each thing that does not, with what
/// a broker would make of it.
///
/// DIR is what log.dirs names, ours or a real broker's (Kafka 3.9 with ZooKeeper). Checked are checksums,
/// offsets, epochs against the epoch file, indexes against the log, checkpoints against both. Exit status 1
/// if anything is found.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A broker's data directory
    dir: PathBuf,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let directory = match data_directory::read(&arguments.dir) {
        Ok(directory) => directory,
        Err(diagnostic) => {
            terminal.complain(&diagnostic);
            return Status::Unusable;
        }
    };
    let findings = verify(&directory.files);
    for finding in &findings {
        terminal.line(&finding.to_string());
    }
    if findings.is_empty() {
        terminal.line("all holds together");
        Status::Well
    } else {
        Status::Failed
    }
}
