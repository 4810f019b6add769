//! `trial diff`: the first event in which two traces differ.

use super::tell::{EXPECTED, damaged, file_name};
use super::terminal::Terminal;
use super::{Status, inputs};
use crate::scenario::Diagnostic;
use crate::trace;
use clap::Args;

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
            let (name, _) = if side == 0 { a } else { b };
            terminal.complain(&damaged(name, error));
            Status::Unusable
        }
    }
}

fn read(argument: &str) -> Result<(String, String), Diagnostic> {
    let name = file_name(argument);
    let input = inputs::other_file(&name, MOST)?;
    match String::from_utf8(input.bytes) {
        Ok(text) => Ok((name, text)),
        Err(_) => Err(Diagnostic::about_file(name, "this is not UTF-8").expected(EXPECTED)),
    }
}
