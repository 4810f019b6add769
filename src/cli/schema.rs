//! `trial schema`: what a scenario file may say, for editors.

use super::Status;
use super::terminal::Terminal;
use crate::scenario;
use clap::Args;

/// Print a JSON Schema of scenario files, for editors.
///
/// An editor that speaks yaml-language-server then completes keys, shows what each means and marks what cannot be read.
/// Write it beside your scenarios (trial schema > schema.json), and begin each of them with this line:
/// "# yaml-language-server: $schema=schema.json".
#[derive(Args, Debug)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, terminal: &mut Terminal) -> Status {
    terminal.data(&format!("{:#}\n", scenario::json_schema()));
    Status::Well
}
