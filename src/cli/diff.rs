//! `trial diff`: the first event in which two traces differ.

use super::terminal::Terminal;
use super::{Status, inputs};
use crate::scenario::{Diagnostic, Excerpt};
use crate::trace::{self, TraceFileError};
use clap::Args;
use std::path::Path;

/// Show the first event in which two traces differ, with what came before and after.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A trace (trace.jsonl), or a directory that "trial run --out" has written
    a: String,
    /// The other one
    b: String,
}

/// A trace may have so many bytes.
const MOST: usize = 1 << 30;
const EXPECTED: &str = "a trace that \"trial run --out\" has written";

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let (a, b) = match (read(&arguments.a), read(&arguments.b)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(error), _) | (_, Err(error)) => {
            terminal.complain(&error);
            return Status::Unusable;
        }
    };
    match trace::diff(&a.1, &b.1) {
        Ok(None) => {
            terminal.line("no difference");
            Status::Well
        }
        Ok(Some(difference)) => {
            terminal.data(&difference.to_string());
            Status::Failed
        }
        Err((side, error)) => {
            let (name, text) = if side == 0 { a } else { b };
            terminal.complain(&damaged(name, &text, error));
            Status::Unusable
        }
    }
}

/// The line of a trace file that cannot be read.
fn damaged(name: String, text: &str, error: TraceFileError) -> Diagnostic {
    let line = text.lines().nth(error.line - 1).unwrap_or_default();
    let before = line.get(..error.column - 1).unwrap_or(line);
    let excerpt = Excerpt {
        line: error.line,
        column: before.chars().count() + 1,
        text: line.to_string(),
        length: 1,
    };
    Diagnostic {
        excerpt: Some(excerpt),
        ..Diagnostic::about_file(name, error.why).expected(EXPECTED)
    }
}

fn read(argument: &str) -> Result<(String, String), Diagnostic> {
    let path = Path::new(argument);
    let name = match path.is_dir() {
        true => path.join("trace.jsonl").display().to_string(),
        false => argument.to_string(),
    };
    let input = inputs::other_file(&name, MOST)?;
    match String::from_utf8(input.bytes) {
        Ok(text) => Ok((name, text)),
        Err(_) => Err(Diagnostic::about_file(name, "this is not UTF-8").expected(EXPECTED)),
    }
}
