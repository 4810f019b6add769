//! The loop of a campaign: seeds in order, a batch at a time on all cores, and what they come to.

use super::coverage::Watch;
use super::findings::Findings;
use super::judged::{Failure, Judged, play, play_watched};
use super::target::Target;
use crate::plan::Plan;
use crate::run::{Run, spread};
use crate::trace::{Keep, Observer, TraceEntry};

/// So many seeds are played before anybody looks at what came of them. What a campaign comes to does not depend on it.
pub const BATCH: u64 = 256;

/// Plays the seeds from `first` to before `behind`, and adds what they come to.
///
/// With `stop_at_first` what lies behind the first seed that fails is not played, as far as anybody can tell.
pub fn play_batch(
    target: &Target,
    first: u64,
    behind: u64,
    stop_at_first: bool,
    findings: &mut Findings,
) {
    let seeds: Vec<u64> = (first..behind).collect();
    let played = spread(&seeds, |seed| {
        let plan = target.plan(*seed);
        let mut watch = Watch::default();
        let judged = play_watched(&plan, *seed, &mut watch);
        let fact = judged
            .failure
            .as_ref()
            .map(|failure| first_fact(&plan, *seed, failure));
        let looked = watch.finish();
        (
            judged,
            looked,
            plan.timeline.len(),
            fact.unwrap_or_default(),
        )
    });
    for (judged, looked, size, fact) in played {
        findings.add(&judged, &looked, size, fact);
        if stop_at_first && judged.failure.is_some() {
            break;
        }
    }
}

/// The digest of each seed's run.
pub fn digests(target: &Target, first: u64, behind: u64) -> Vec<(u64, u64)> {
    let seeds: Vec<u64> = (first..behind).collect();
    spread(&seeds, |seed| {
        let judged: Judged = play(&target.plan(*seed), *seed);
        (*seed, judged.digest)
    })
}

/// The plan of a failing seed as a scenario that fails alike: with the nodes that its roles turned out to mean, and
/// what was found. Where that is another run, with its roles.
pub fn failing_plan(target: &Target, seed: u64, failure: &Failure) -> Plan {
    let plan = target.plan(seed);
    let Some((resolved, digest)) = resolved(&plan, seed) else {
        return Plan {
            found: Some(failure.found(0)),
            ..plan
        };
    };
    let again = play(&resolved, seed);
    let same = again
        .failure
        .as_ref()
        .is_some_and(|it| it.broken == failure.broken);
    let (plan, digest) = match same {
        true => (resolved, again.digest),
        false => (plan, digest),
    };
    Plan {
        found: Some(failure.found(digest)),
        seed,
        ..plan
    }
}

fn resolved(plan: &Plan, seed: u64) -> Option<(Plan, u64)> {
    let mut run = Run::start(plan, seed).ok()?;
    run.keep(Keep::Nothing);
    run.until(run.end());
    let report = run.finish();
    Some((report.plan_as_run, report.digest))
}

/// What was stated in the event that shows a failure, such as `truncated`.
fn first_fact(plan: &Plan, seed: u64, failure: &Failure) -> String {
    let Some(event) = failure.event else {
        return String::new();
    };
    let mut seen = Seen {
        event,
        fact: String::new(),
    };
    if let Ok(mut run) = Run::start(plan, seed) {
        run.keep(Keep::Nothing);
        run.until_watched(run.end(), &mut seen);
    }
    seen.fact
}

struct Seen {
    event: u64,
    fact: String,
}

impl Observer for Seen {
    fn fact(&mut self, entry: &TraceEntry) {
        if entry.event == self.event {
            let said = format!("{:?}", entry.fact);
            let name = said.split(|c: char| !c.is_ascii_alphanumeric()).next();
            self.fact = name.unwrap_or_default().into();
        }
    }
}
