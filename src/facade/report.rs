//! What a run came to, as its reader holds it.

use crate::report::{Ending, summary, tables};
use crate::run;
use crate::trace::{Style, transcript};
use std::fmt;

/// What a run came to.
///
/// Its texts are those that `trial run` prints, made to be compared with a snapshot.
pub struct Report {
    report: run::Report,
    /// The command that repeats the run.
    repeat: String,
}

impl Report {
    pub(super) fn new(report: run::Report, repeat: String) -> Report {
        Report { report, repeat }
    }

    /// Every property of Kafka and everything that the scenario expects held.
    pub fn held(&self) -> bool {
        self.report.held()
    }

    /// # Panics
    /// With the [summary](Self::summary), if a property broke or an expectation failed: what broke, the event
    /// that shows it first, the last lines of the nodes involved, and how to repeat the run.
    #[track_caller]
    pub fn assert_held(&self) {
        assert!(self.held(), "{}", self.summary());
    }

    /// What happened, a line an event, and why.
    pub fn transcript(&self) -> String {
        transcript(&self.report.trace, Style::default())
    }

    /// The end as Kafka's own tools would print it: topics, leaders, in-sync replicas, offsets.
    pub fn tables(&self) -> String {
        self.with_ending(tables)
    }

    /// Scenario and seed, what was expected and what held, figures, digest.
    pub fn summary(&self) -> String {
        self.with_ending(|ending| summary(ending, Style::default(), true))
    }

    /// A hash over all that the simulated machines did, equal wherever the run is equal.
    pub fn digest(&self) -> u64 {
        self.report.digest
    }

    fn with_ending(&self, tell: impl FnOnce(&Ending<'_>) -> String) -> String {
        let view = self.report.view();
        tell(&Ending::of(&self.report, &view, &self.repeat))
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}
