//! Why there is no run.

use crate::run::Unbuildable;
use crate::scenario::Diagnostic;
use std::fmt;

/// A scenario that cannot be read, or that no cluster could be made of.
///
/// It reads as the command line says it: with file, line, column, what was found and what was expected.
/// `{:?}` gives the same text, so that `unwrap` in a test shows it.
#[derive(Clone)]
pub struct ScenarioError(String);

impl ScenarioError {
    pub(super) fn unreadable(file: &str, why: &std::io::Error) -> ScenarioError {
        ScenarioError(Diagnostic::about_file(file, format!("cannot be read: {why}")).to_string())
    }

    pub(super) fn unbuildable(file: &str, why: &Unbuildable) -> ScenarioError {
        ScenarioError(Diagnostic::about_file(file, why.to_string()).to_string())
    }
}

impl From<Diagnostic> for ScenarioError {
    fn from(diagnostic: Diagnostic) -> ScenarioError {
        ScenarioError(diagnostic.to_string())
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

impl std::error::Error for ScenarioError {}
