//! `trial tell`: what a run said, read again from its trace.

use super::terminal::Terminal;
use super::{Status, inputs};
use crate::kernel::Time;
use crate::report::{Account, retell};
use crate::scenario::{Diagnostic, Excerpt};
use crate::trace::{Observer, Style, TraceFileError, TraceLine, TraceReader};
use clap::Args;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Tell a run again from its trace: the same transcript, tables and verdicts.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A trace (trace.jsonl), or a directory that "trial run --out" has written
    trace: String,
    /// A line for every fact
    #[arg(long, short)]
    verbose: bool,
}

pub(super) const EXPECTED: &str = "a trace that \"trial run --out\" has written";

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let name = file_name(&arguments.trace);
    match told(&name, arguments.verbose) {
        Ok((text, held)) => {
            terminal.data(&text);
            match held {
                true => Status::Well,
                false => Status::Failed,
            }
        }
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

/// The trace in a directory of `--out`, or the file that was named.
pub(super) fn file_name(argument: &str) -> String {
    let path = Path::new(argument);
    match path.is_dir() {
        true => path.join("trace.jsonl").display().to_string(),
        false => argument.to_owned(),
    }
}

/// The text, and whether all held.
fn told(name: &str, verbose: bool) -> Result<(String, bool), Diagnostic> {
    let file = File::open(name)
        .map_err(|error| Diagnostic::about_file(name, inputs::reason(&error)).expected(EXPECTED))?;
    let refused = |error| damaged(name.to_owned(), error);
    let (header, mut reader) = TraceReader::open(BufReader::new(file)).map_err(refused)?;
    let mut account = Account::with_transcript(verbose);
    let closing = loop {
        match reader.next_entry().map_err(refused)? {
            TraceLine::Fact(entry) => account.fact(&entry),
            TraceLine::Cause(cause) => account.cause(&cause),
            TraceLine::Sent(_) => {}
            TraceLine::End(closing) => break closing,
        }
    };
    let style = Style { verbose };
    let told = account.finish(Time(closing.end_ns));
    let text = retell(&header, &told, &closing, style, false);
    Ok((text, closing.held))
}

/// The line of a trace file that cannot be read.
pub(super) fn damaged(name: String, error: TraceFileError) -> Diagnostic {
    let before = error.text.get(..error.column - 1).unwrap_or(&error.text);
    let excerpt = Excerpt {
        line: error.line,
        column: before.chars().count() + 1,
        length: 1,
        text: error.text,
    };
    Diagnostic {
        excerpt: Some(excerpt),
        ..Diagnostic::about_file(name, error.why).expected(EXPECTED)
    }
}
