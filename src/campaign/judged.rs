//! What a run came to, as plain data that may go from one thread to another.

use super::limits::{Limit, Limits};
use crate::check::{Outcome, Violation};
use crate::kernel::Time;
use crate::plan::{Found, Plan};
use crate::run::{Report, Run};
use crate::trace::{CauseEntry, Keep, Observer, SentEntry, TraceEntry};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A run's verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    pub seed: u64,
    /// 0 where an assertion ended it.
    pub digest: u64,
    pub events: u64,
    /// Simulated time at its end.
    pub end: Time,
    /// What each property looked at, in figures.
    pub figures: Vec<(&'static str, String)>,
    /// The first thing that broke.
    pub failure: Option<Failure>,
    /// Real Kafka would not have come through it by itself either: what broke at first, and held with the help that
    /// an operator gives it.
    pub limit: Option<Limit>,
}

/// Something that broke.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Failure {
    /// The property, or the sentence that was expected; by it a failure is known again.
    pub broken: String,
    /// What was found.
    pub says: String,
    /// The first event that shows it; `None`: only the end does.
    pub event: Option<u64>,
    pub at: Option<Time>,
}

/// An assertion in the code of a node, or of the simulator.
pub const ASSERTION: &str = "no assertion fails";
/// What a plan is called broken by whose run a guard ended.
pub const UNFINISHED: &str = "the run comes to its end";
/// What a plan is called broken by that cannot be run at all.
pub const UNBUILDABLE: &str = "the plan can be run";

impl Failure {
    /// As it stands in a scenario file.
    pub fn found(&self, digest: u64) -> Found {
        Found {
            broken: self.broken.clone(),
            event: self.event,
            digest: format!("{digest:016x}"),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    fn of_violation(violation: &Violation) -> Failure {
        Failure {
            broken: violation.property.into(),
            says: violation.sentence.clone(),
            event: violation.event,
            at: violation.time,
        }
    }

    fn of_outcome(outcome: &Outcome) -> Failure {
        Failure {
            broken: outcome.sentence.clone(),
            says: outcome.figures.clone(),
            event: None,
            at: None,
        }
    }

    /// The first thing that broke in a run.
    fn of_report(report: &Report) -> Option<Failure> {
        let violation = report.violations.first().map(Failure::of_violation);
        let failed = || report.outcomes.iter().find(|outcome| outcome.failed());
        let unfinished = || {
            report.stopped.as_ref().map(|why| Failure {
                broken: UNFINISHED.into(),
                says: why.clone(),
                event: Some(report.events),
                at: Some(report.end),
            })
        };
        violation
            .or_else(|| failed().map(Failure::of_outcome))
            .or_else(unfinished)
    }
}

/// Plays a plan and judges what it came to.
pub fn play(plan: &Plan, seed: u64) -> Judged {
    play_watched(plan, seed, &mut crate::trace::Nobody)
}

/// As `play`; the observer is shown every fact of the run.
pub fn play_watched(plan: &Plan, seed: u64, observer: &mut impl Observer) -> Judged {
    let mut limits = Limits::default();
    let judged = once(plan, seed, &mut Both(&mut limits, observer));
    let Some(failure) = &judged.failure else {
        return judged;
    };
    let Some((limit, helped)) = limits.helped(plan, failure, judged.end) else {
        return judged;
    };
    let again = once(&helped, seed, &mut crate::trace::Nobody);
    match again.failure {
        None => Judged {
            failure: None,
            limit: Some(limit),
            ..judged
        },
        Some(_) => judged,
    }
}

fn once(plan: &Plan, seed: u64, observer: &mut impl Observer) -> Judged {
    let run = catch_unwind(AssertUnwindSafe(|| {
        let mut run = Run::start(plan, seed)?;
        run.keep(Keep::Nothing);
        run.until_watched(run.end(), observer);
        Ok(run.finish())
    }));
    let nothing = |broken: &str, says: String| Judged {
        seed,
        digest: 0,
        events: 0,
        end: Time::ZERO,
        figures: Vec::new(),
        failure: Some(Failure {
            broken: broken.into(),
            says,
            event: None,
            at: None,
        }),
        limit: None,
    };
    match run {
        Ok(Ok(report)) => Judged {
            seed,
            digest: report.digest,
            events: report.events,
            end: report.end,
            failure: Failure::of_report(&report),
            limit: None,
            figures: report.figures,
        },
        Ok(Err(error)) => {
            let error: crate::run::Unbuildable = error;
            nothing(UNBUILDABLE, error.to_string())
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            nothing(ASSERTION, text.unwrap_or("without a message").to_owned())
        }
    }
}

/// Two who look at the same run.
struct Both<'a, A, B>(&'a mut A, &'a mut B);

impl<A: Observer, B: Observer> Observer for Both<'_, A, B> {
    fn fact(&mut self, entry: &TraceEntry) {
        self.0.fact(entry);
        self.1.fact(entry);
    }

    fn cause(&mut self, entry: &CauseEntry) {
        self.0.cause(entry);
        self.1.cause(entry);
    }

    fn sent(&mut self, entry: &SentEntry) {
        self.0.sent(entry);
        self.1.sent(entry);
    }
}
