//! The end of a failing run's summary: what broke, the first event that shows it, the last lines of the
//! nodes involved, and the command that repeats it.

use super::Ending;
use crate::check::Violation;

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
    if let (Some(event), Some(time)) = (violation.event, violation.time) {
        text.push_str(&format!("first seen at event {event}, {time:?}\n"));
    }
    if let Some(evidence) = ending.evidence {
        text.push_str(&evidence.in_words());
    }
    text
}
