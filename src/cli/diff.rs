//! `trial diff`: the first event in which two traces differ.

use super::terminal::Terminal;
use super::{Status, inputs};
use crate::scenario::Diagnostic;
use crate::trace;
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
            let name = if side == 0 { a.0 } else { b.0 };
            terminal.complain(
                &Diagnostic::about_file(name, error.to_string())
                    .expected("a trace that \"trial run --out\" has written"),
            );
            Status::Unusable
        }
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
        Err(_) => Err(Diagnostic::about_file(name, "this is not UTF-8")
            .expected("a trace that \"trial run --out\" has written")),
    }
}
