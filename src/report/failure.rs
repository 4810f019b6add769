//! The end of a failing run's summary: what broke, the first event that shows it, the last lines of the
//! nodes involved, and the command that repeats it.

use super::Ending;
use crate::check::Violation;
use crate::protocol::Fact;
use crate::trace::last_lines;

/// Lines shown of each node involved.
const LINES: usize = 6;

pub(super) fn failure(ending: &Ending<'_>) -> String {
    let mut text = String::new();
    if let Some(why) = ending.stopped {
        text.push_str(&format!("STOPPED: {why}\n"));
    }
    for outcome in ending.outcomes.iter().filter(|outcome| outcome.failed()) {
        text.push_str(&format!("{outcome}\n"));
    }
    for violation in ending.violations {
        text.push_str(&format!(
            "BROKEN: {} — {}\n",
            violation.property, violation.sentence
        ));
    }
    // The first is the one to look at: what follows may follow from it.
    if let Some(first) = ending.violations.first() {
        text.push_str(&evidence(ending, first));
    }
    text.push_str(&format!("repeat it with\n  {}\n", ending.repeat));
    text
}

fn evidence(ending: &Ending<'_>, violation: &Violation) -> String {
    let mut text = String::new();
    let until = violation.event.unwrap_or(u64::MAX);
    if let (Some(event), Some(time)) = (violation.event, violation.time) {
        text.push_str(&format!("first seen at event {event}, {time:?}\n"));
    }
    for content in &violation.contents {
        if let Some(maker) = maker(ending, *content) {
            text.push_str(&format!("{content:016x} is {maker}\n"));
        }
    }
    for node in &violation.nodes {
        text.push_str(&format!("last lines of {node}:\n"));
        for line in last_lines(ending.trace, node, until, LINES) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

/// The first of the records with this content, by name.
fn maker(ending: &Ending<'_>, wanted: u64) -> Option<String> {
    ending.trace.iter().find_map(|entry| match &entry.fact {
        Fact::RecordCreated {
            record, content, ..
        } if *content == wanted => Some(format!("{}#{}", record.producer, record.number)),
        _ => None,
    })
}
