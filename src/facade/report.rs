//! What a run came to, as its reader holds it.

use crate::plan::Plan;
use crate::report::{Account, Ending, Evidence, Told, summary, tables};
use crate::run::{self, Run, Unbuildable};
use crate::trace::{Keep, Observer, Style, with_legend};
use std::fmt;

/// What a run came to.
///
/// Its texts are those that `trial run` prints, made to be compared with a snapshot.
pub struct Report {
    report: run::Report,
    told: Told,
    evidence: Option<Evidence>,
    /// The command that repeats the run.
    repeat: String,
}

impl Report {
    /// Runs a plan, and keeps of its facts what a reader asks for.
    pub(super) fn of(plan: &Plan, repeat: String) -> Result<Report, Unbuildable> {
        let mut account = Account::with_transcript(false);
        let report = play(plan, &mut account)?;
        let mut evidence = report.violations.first().map(Evidence::of);
        if let Some(evidence) = &mut evidence {
            play(plan, evidence)?;
        }
        Ok(Report {
            told: account.finish(report.end),
            report,
            evidence,
            repeat,
        })
    }

    /// True if every property of Kafka and everything that the scenario expects held.
    pub fn held(&self) -> bool {
        self.report.held()
    }

    /// Passes if all [held](Self::held).
    ///
    /// # Panics
    /// With the [summary](Self::summary), if a property broke or an expectation failed: what broke, the event
    /// that shows it first, the last lines of the nodes involved, and how to repeat the run.
    #[track_caller]
    pub fn assert_held(&self) {
        assert!(self.held(), "{}", self.summary());
    }

    /// What happened, a line an event, and why.
    pub fn transcript(&self) -> String {
        with_legend(&self.told.transcript)
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
        let mut ending = Ending::of(&self.report, &self.told, &view, &self.repeat);
        ending.evidence = self.evidence.as_ref();
        tell(&ending)
    }
}

fn play(plan: &Plan, observer: &mut impl Observer) -> Result<run::Report, Unbuildable> {
    let mut run = Run::start(plan, plan.seed)?;
    run.keep(Keep::Nothing);
    run.until_watched(run.end(), observer);
    Ok(run.finish())
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}
