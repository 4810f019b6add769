//! The leader dies: what will be, what was, and why it took so long.

use super::{Guide, nothing_of, question};
use crate::check::Outcome;
use crate::cli::page::Page;
use crate::kernel::{Duration, Time};
use crate::plan::{Plan, Prediction};
use crate::protocol::{Fact, StateWriteReason};
use crate::run::{Report, Run};
use crate::scenario::Diagnostic;
use crate::trace::TraceEntry;

/// The band shows so many seconds before the fault, and so many from there on.
const BEFORE: u64 = 4;
const AFTER: u64 = 40;
/// The partition whose leader dies.
const PARTITION: i32 = 0;

/// A run that stands before its first question.
pub(super) struct Played {
    run: Run,
    prediction: Prediction,
}

impl Played {
    pub(super) fn before(plan: &Plan) -> Result<Played, Diagnostic> {
        let prediction = plan.predict.first().cloned();
        let prediction = prediction.ok_or_else(|| nothing_of("question"))?;
        let mut run = Run::start(plan, plan.seed)
            .map_err(|error| Diagnostic::about_file(plan.name.as_str(), error.to_string()))?;
        run.until(Time::ZERO + Duration(prediction.at.0.saturating_sub(1)));
        Ok(Played { run, prediction })
    }

    pub(super) fn facts(&self) -> &[TraceEntry] {
        self.run.trace()
    }

    fn finish(mut self) -> Report {
        self.run.until(self.run.end());
        self.run.finish()
    }
}

/// Steps 3 and 4. The inner value is none where the person ended it.
pub(super) fn steps(played: Played, guide: &mut Guide<'_>) -> Result<Option<()>, Diagnostic> {
    let Prediction {
        question, reason, ..
    } = played.prediction.clone();
    let mut page = Page::titled("3 of 6: predict");
    page.text(
        "The run stands still. Say what will happen before you see it: who has guessed first learns from being wrong. Nobody \
         counts. (trucks_gps-0 is partition 0 of the topic trucks_gps.)",
    );
    page.gap();
    question::put(&mut page, &question);
    let Some(place) = guide.ask(&page, question.options.len()) else {
        return Ok(None);
    };
    let mut because = None;
    if let Some(reason) = reason {
        let mut page = Page::titled(&format!("You say: {}", question.options[place].say));
        question::put(&mut page, &reason);
        let Some(place) = guide.ask(&page, reason.options.len()) else {
            return Ok(None);
        };
        because = Some((reason, place));
    }
    let report = played.finish();
    let outcome = report.answers.first();
    let mut page = Page::titled("4 of 6: what happened");
    question::reveal(&mut page, &question, place, outcome);
    if let Some(outcome) = outcome {
        page.text(&format!("The run: {}.", outcome.figures));
    }
    if let Some((reason, place)) = because {
        page.gap();
        question::reveal(&mut page, &reason, place, None::<&Outcome>);
    }
    if guide.show(&page).is_none() {
        return Ok(None);
    }
    let page = band(&report.trace).ok_or_else(|| nothing_of("failover"))?;
    Ok(guide.show(&page))
}

/// When what was written to each partition was acknowledged.
fn band(trace: &[TraceEntry]) -> Option<Page> {
    let crash = trace
        .iter()
        .find(|entry| matches!(entry.fact, Fact::Crashed))?;
    let dead = &crash.node;
    let (noticed, leader) = trace.iter().find_map(|entry| match &entry.fact {
        Fact::StateWritten {
            partition,
            leader,
            reason,
            ..
        } if entry.time > crash.time
            && partition.partition == PARTITION
            && !matches!(reason, StateWriteReason::NewPartition) =>
        {
            Some((entry.time, *leader))
        }
        _ => None,
    })?;
    let crash_at = crash.time.as_millis() / 1_000;
    let first = crash_at.saturating_sub(BEFORE);
    let seconds = first..crash_at + AFTER;
    let mut page = Page::titled("4 of 6: and why it took so long");
    page.text(&format!(
        "{dead} led partition {PARTITION} and died at {crash_at} s. A column is a second, # means that records of that \
         partition were acknowledged in it:"
    ));
    page.gap();
    let mut ruler = String::new();
    for second in seconds.clone().step_by(10) {
        ruler += &format!("{:<10}", format!("{second}s"));
    }
    page.line(format!("             {}", ruler.trim_end()));
    for partition in 0..3 {
        let acked = |second: u64| {
            trace.iter().any(|entry| {
                entry.time.as_millis() / 1_000 == second
                    && matches!(&entry.fact, Fact::Acked { partition: of, .. } if of.partition == partition)
            })
        };
        let marks: String = seconds
            .clone()
            .map(|second| if acked(second) { '#' } else { '.' })
            .collect();
        page.line(format!("partition {partition}  {marks}"));
    }
    page.gap();
    let silence = noticed.since(crash.time).0 / 100_000_000;
    page.text(&format!(
        "Nobody tells a cluster that a broker has died; it must notice by silence. Here it did after {}.{} s, and broker-{leader}, \
         which was in sync, led on: a failover. With Kafka's usual settings it takes 12 to 21 s: a broker gives a sign of life \
         every 6 s; once 18 s have passed since the last one, it is given up at the next check, up to 3 s later.",
        silence / 10,
        silence % 10
    ));
    page.gap();
    page.text(
        "Partitions 1 and 2 had leaders that were well. They stood still too: acks=all waits for all who are in sync, and the dead \
         broker still counted as one. The trucks waited and tried again, so nothing was lost. Safe, not fast.",
    );
    Some(page)
}
