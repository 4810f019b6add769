//! An earlier campaign, as its file has it.

use crate::campaign::Findings;
use crate::cli::inputs;
use crate::scenario::Diagnostic;
use std::path::Path;

/// A campaign may have so many bytes.
const MOST: usize = 64 << 20;

/// Reads a campaign.json, or that of a directory.
pub(super) fn read(path: &Path) -> Result<Findings, Diagnostic> {
    let path = match path.is_dir() {
        true => path.join("campaign.json"),
        false => path.to_path_buf(),
    };
    let name = path.display().to_string();
    let input = inputs::other_file(&name, MOST)?;
    let text = String::from_utf8(input.bytes)
        .map_err(|_| Diagnostic::about_file(&name, "this is not UTF-8").expected(EXPECTED))?;
    Findings::from_json(&text)
        .map_err(|error| Diagnostic::about_file(&name, error.found).expected(error.expected))
}

const EXPECTED: &str = "the campaign.json of a campaign";
