//! `trial fuzz merge`: the parts of a campaign as one.

use super::known;
use super::results::{self, Results};
use crate::campaign::Apart;
use crate::cli::Status;
use crate::cli::terminal::Terminal;
use crate::scenario::Diagnostic;
use clap::Args;
use std::path::PathBuf;

/// Put the parts of a campaign together: the result is that of a campaign that was never parted.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The directories that "trial fuzz --shard --out" has written, or their campaign.json
    #[arg(value_name = "PART", required = true)]
    parts: Vec<PathBuf>,
    /// Write the whole into this directory: campaign.json, and the failing plans of the parts
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write into --out though it is there
    #[arg(long)]
    force: bool,
}

pub(super) fn merge(arguments: &Arguments, terminal: &mut Terminal) -> Result<Status, Diagnostic> {
    let mut parts = Vec::new();
    for path in &arguments.parts {
        parts.push((path, known::read(path)?));
    }
    let mut parts = parts.into_iter();
    let Some((first, mut whole)) = parts.next() else {
        return Ok(Status::Well);
    };
    if whole.version != env!("CARGO_PKG_VERSION") {
        return Err(Diagnostic::about_file(
            first.display().to_string(),
            format!("this is of version {}", whole.version),
        )
        .expected(format!("parts of version {}", env!("CARGO_PKG_VERSION"))));
    }
    for (path, part) in parts {
        whole.merge(part).map_err(|apart| {
            let name = path.display().to_string();
            let (found, expected) = match apart {
                Apart::Target(there, here) => (
                    format!("this is of another campaign: {here}"),
                    format!("{there}, as in {}", first.display()),
                ),
                Apart::Version(there, here) => (
                    format!("this is of version {here}"),
                    format!("version {there}, as {}", first.display()),
                ),
                Apart::Asked => (
                    "this is of a campaign of other seeds".to_owned(),
                    format!("a part of the campaign of {}", first.display()),
                ),
                Apart::Twice(seed) => (
                    format!("seed {seed} was played in another part too"),
                    "parts that have no seed in common".to_owned(),
                ),
            };
            Diagnostic::about_file(name, found).expected(expected)
        })?;
    }
    let results = arguments
        .out
        .as_ref()
        .map(|path| Results::claim(path, arguments.force, false))
        .transpose()?;
    if let Some(results) = &results {
        results.put_together(&whole, &arguments.parts)?;
    }
    results::tell(&whole, results.as_ref(), None, terminal);
    Ok(match whole.failed() {
        0 => Status::Well,
        _ => Status::Failed,
    })
}
