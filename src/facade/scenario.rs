//! A scenario as its reader holds it.

use super::{Report, ScenarioError};
use crate::plan::Plan;
use crate::scenario::load;
use std::path::Path;

/// A cluster, what its clients do, what goes wrong and when, and what ought to hold at the end.
///
/// Written in YAML, as in the files that ship with kafka-trial.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What messages and the command that repeats a run call it.
    file: String,
    plan: Plan,
    warnings: Vec<String>,
}

impl Scenario {
    /// Reads a scenario from a text.
    ///
    /// # Errors
    /// What is wrong with it, and in which line.
    #[expect(
        clippy::should_implement_trait,
        reason = "a caller should not have to import a trait for it"
    )]
    pub fn from_str(yaml: &str) -> Result<Scenario, ScenarioError> {
        Scenario::read("scenario", yaml.as_bytes().to_vec())
    }

    /// Reads a scenario from a file.
    ///
    /// # Errors
    /// That it cannot be read; or what is wrong with it, and in which line.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Scenario, ScenarioError> {
        let file = path.as_ref().display().to_string();
        let bytes = std::fs::read(&path).map_err(|why| ScenarioError::unreadable(&file, &why))?;
        Scenario::read(&file, bytes)
    }

    fn read(file: &str, bytes: Vec<u8>) -> Result<Scenario, ScenarioError> {
        let loaded = load(file, bytes, &[])?;
        Ok(Scenario {
            file: file.to_owned(),
            plan: loaded.plan,
            warnings: loaded.warnings.iter().map(ToString::to_string).collect(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// The seed that it is run with: its own, unless [`with_seed`](Self::with_seed) has given another.
    pub fn seed(&self) -> u64 {
        self.plan.seed
    }

    /// The same scenario with another seed: other delays, and so another course of things.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Scenario {
        self.plan.seed = seed;
        self
    }

    /// What its author should know, such as a setting of Kafka's that changes nothing here.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Runs it to its end. The same scenario, seed and version give the same report, byte for byte, on every
    /// machine.
    ///
    /// # Errors
    /// A configuration that no process could start with.
    pub fn run(&self) -> Result<Report, ScenarioError> {
        Report::of(&self.plan, self.repeat())
            .map_err(|why| ScenarioError::unbuildable(&self.file, &why))
    }

    fn repeat(&self) -> String {
        format!("trial run {} --seed {}", self.file, self.plan.seed)
    }
}
