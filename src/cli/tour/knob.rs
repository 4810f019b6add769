//! One knob, two runs: acks=1 against acks=all, and one record that only one of them keeps.

use super::{Guide, nothing_of, question, shipped};
use crate::cli::page::Page;
use crate::kernel::Time;
use crate::plan::Plan;
use crate::protocol::{Fact, RecordId};
use crate::run::{Report, Run};
use crate::scenario::Diagnostic;
use crate::trace::TraceEntry;
use std::collections::BTreeSet;

const SCENARIO: &str = "acks-1-loss";
/// Where the figures of each run begin.
const FIRST_AT: usize = 34;
const SECOND_AT: usize = 20;

/// Step 5. The inner value is none where the person ended it.
pub(super) fn steps(guide: &mut Guide<'_>) -> Result<Option<()>, Diagnostic> {
    let one = shipped(SCENARIO, &[])?;
    let all = shipped(SCENARIO, &["producers/trucks/acks=all"])?;
    let asked = one.predict.first().ok_or_else(|| nothing_of("question"))?;
    let mut page = Page::titled("5 of 6: turn one knob");
    page.text(
        "Another run: one partition on three brokers, and trucks that are content with acks=1. The network between the leader and \
         its followers fails.",
    );
    page.gap();
    question::put(&mut page, &asked.question);
    let Some(place) = guide.ask(&page, asked.question.options.len()) else {
        return Ok(None);
    };
    let (one_ends, all_ends) = (play(&one)?, play(&all)?);
    let mut page = Page::titled("5 of 6: what one knob does");
    question::reveal(&mut page, &asked.question, place, one_ends.answers.first());
    page.gap();
    compare(&mut page, &one_ends, &all_ends).ok_or_else(|| nothing_of("lost record"))?;
    page.gap();
    page.text(
        "acks=1 is quick and can lose what it has acknowledged. acks=all waits, and keeps it. What you choose is yours to know; for all \
         figures of both runs:",
    );
    page.line(format!("  trial compare {SCENARIO} --set acks=1,all"));
    Ok(guide.show(&page))
}

fn play(plan: &Plan) -> Result<Report, Diagnostic> {
    let mut run = Run::start(plan, plan.seed)
        .map_err(|error| Diagnostic::about_file(plan.name.as_str(), error.to_string()))?;
    run.count_lost();
    run.until(run.end());
    Ok(run.finish())
}

fn compare(page: &mut Page, one: &Report, all: &Report) -> Option<()> {
    let mut row = |what: &str, first: String, second: String| {
        let line = format!("{what:<FIRST_AT$}{first:<SECOND_AT$}{second}");
        page.line(line.trim_end());
    };
    row("the same faults, and", "acks=1".into(), "acks=all".into());
    row(
        "records acknowledged",
        acked(one).to_string(),
        acked(all).to_string(),
    );
    row(
        "of these lost",
        one.lost?.to_string(),
        all.lost?.to_string(),
    );
    row("longest wait for an answer", longest(one), longest(all));
    let lost = first_lost(&one.trace)?;
    let crash = one
        .trace
        .iter()
        .find(|entry| matches!(entry.fact, Fact::Crashed))?;
    row(
        &format!("one of them, {}#{}", lost.producer, lost.number),
        String::new(),
        String::new(),
    );
    row("  sent", created(one, &lost)?, created(all, &lost)?);
    row(
        "  acknowledged",
        acknowledged(one, &lost)?,
        acknowledged(all, &lost)?,
    );
    row(
        "  its leader dies",
        seconds(crash.time),
        seconds(crash.time),
    );
    row("  read", read(one, &lost), read(all, &lost));
    Some(())
}

fn acked(report: &Report) -> usize {
    let is_acked = |entry: &&TraceEntry| matches!(entry.fact, Fact::Acked { .. });
    report.trace.iter().filter(is_acked).count()
}

fn longest(report: &Report) -> String {
    let waits = report.trace.iter().filter_map(|entry| match entry.fact {
        Fact::Acked { latency_ns, .. } => Some(latency_ns),
        _ => None,
    });
    seconds(Time(waits.max().unwrap_or_default()))
}

/// The first that was acknowledged and that nobody has ever read.
fn first_lost(trace: &[TraceEntry]) -> Option<RecordId> {
    let read: BTreeSet<u64> = trace.iter().filter_map(content_read).collect();
    trace.iter().find_map(|entry| match &entry.fact {
        Fact::Acked {
            record, content, ..
        } if !read.contains(content) => Some(record.clone()),
        _ => None,
    })
}

fn content_read(entry: &TraceEntry) -> Option<u64> {
    match &entry.fact {
        Fact::Consumed { content, .. } => Some(*content),
        _ => None,
    }
}

fn created(report: &Report, wanted: &RecordId) -> Option<String> {
    report.trace.iter().find_map(|entry| match &entry.fact {
        Fact::RecordCreated { record, .. } if record == wanted => Some(seconds(entry.time)),
        _ => None,
    })
}

fn acknowledged(report: &Report, wanted: &RecordId) -> Option<String> {
    report.trace.iter().find_map(|entry| match &entry.fact {
        Fact::Acked { record, .. } if record == wanted => Some(seconds(entry.time)),
        _ => None,
    })
}

fn read(report: &Report, wanted: &RecordId) -> String {
    let content = report.trace.iter().find_map(|entry| match &entry.fact {
        Fact::Acked {
            record, content, ..
        } if record == wanted => Some(*content),
        _ => None,
    });
    let time = report
        .trace
        .iter()
        .find(|entry| content.is_some() && content_read(entry) == content);
    time.map_or("never: it is lost".into(), |entry| seconds(entry.time))
}

fn seconds(time: Time) -> String {
    let millis = time.as_millis();
    format!("{}.{:03} s", millis / 1_000, millis % 1_000)
}
