//! A log as ShiViz reads it: its regular expression on the first line, none for several runs on the second, then a line
//! for each event of which a process stated something, with the vector clock of that process.
//!
//! Events that only carried messages have no line, since they would be nine of ten; what they handed on is in the
//! clocks, so that happens-before is whole. What the operator does happens before what comes of it in the same event.
//! Of a long run the events that every record brings have no line either; the last line, which ShiViz skips, says so.

use super::has_no_causes;
use crate::figure::{Nothing, Recording, Wanted};
use crate::kernel::Cause;
use crate::trace::{Teller, TraceEntry};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What it is called in the log's first line; the groups are those that ShiViz asks for, and the time.
const LINE: &str = r"(?<time>[0-9.]+) (?<host>\S+) (?<clock>\{[^}]*\}) (?<event>.*)";

/// A run with more lines is thinned: no browser shows so many.
const MOST: usize = 50_000;

/// How many events with a line each process had, as far as one knows.
type Clock<'a> = BTreeMap<&'a str, u64>;

pub(super) fn text(recording: &Recording, wanted: &Wanted) -> Result<String, Nothing> {
    if recording.causes.is_empty() {
        return Err(has_no_causes());
    }
    let by_event = || {
        let facts = recording.facts.as_slice();
        facts.chunk_by(|a, b| a.event == b.event && a.node == b.node)
    };
    let thinned = by_event().nth(MOST).is_some();
    let mut left_out = 0_u64;
    let mut out = format!("{LINE}\n\n");
    let mut clocks = Clocks::of(recording);
    let mut teller = Teller::default();
    let mut causes = recording.causes.iter().peekable();
    for facts in by_event() {
        let (first, event) = (&facts[0], facts[0].event);
        while let Some(cause) = causes.next_if(|it| it.event <= event) {
            clocks.handles(cause.event, &cause.node, cause.cause);
        }
        let shown = wanted.from.is_none_or(|from| first.time >= from)
            && wanted.until.is_none_or(|until| first.time <= until);
        let routine = thinned && facts.iter().all(|it| it.fact.is_routine());
        left_out += u64::from(shown && routine);
        if !shown || routine {
            facts.iter().for_each(|it| teller.skip(it));
            continue;
        }
        let clock = clocks.states(event, &first.node);
        push_line(&mut out, clock, facts, &mut teller);
    }
    if left_out > 0 {
        let _ = writeln!(
            out,
            "# {left_out} events that every record brings are left out"
        );
    }
    Ok(out)
}

fn push_line(out: &mut String, clock: &Clock<'_>, facts: &[TraceEntry], teller: &mut Teller) {
    let told: Vec<String> = facts.iter().map(|it| teller.sentence(it)).collect();
    // A line ends where ShiViz thinks that it ends.
    let told = told.join("; ").replace(['\n', '\r'], " ");
    let nanos = facts[0].time.0;
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let clock = serde_json::json!(clock);
    let _ = writeln!(out, "{seconds}.{rest:09} {} {clock} {told}", facts[0].node);
}

/// What each process knows of the others.
struct Clocks<'a> {
    now: BTreeMap<&'a str, Clock<'a>>,
    /// What its sender knew after an event, as long as something comes of it.
    sent_in: BTreeMap<u64, Clock<'a>>,
    /// How many events come of one.
    awaited: BTreeMap<u64, u32>,
    /// Who stated something in the last event.
    last: (u64, Clock<'a>),
}

impl<'a> Clocks<'a> {
    fn of(recording: &'a Recording) -> Self {
        let mut awaited: BTreeMap<u64, u32> = BTreeMap::new();
        for it in &recording.causes {
            if let Cause::Packet { sent_in } = it.cause {
                *awaited.entry(sent_in).or_default() += 1;
            }
        }
        Clocks {
            now: BTreeMap::new(),
            sent_in: BTreeMap::new(),
            awaited,
            last: (0, Clock::new()),
        }
    }

    /// A process handles an event; what it had pending, a timer or a disk, tells it nothing of others.
    fn handles(&mut self, event: u64, node: &'a str, cause: Cause) {
        let clock = self.now.entry(node).or_default();
        if let Cause::Packet { sent_in } = cause {
            if let Some(sender) = self.sent_in.get(&sent_in) {
                learn(clock, sender);
            }
            if let Some(left) = self.awaited.get_mut(&sent_in) {
                *left -= 1;
                if *left == 0 {
                    self.awaited.remove(&sent_in);
                    self.sent_in.remove(&sent_in);
                }
            }
        }
        if self.awaited.contains_key(&event) {
            self.sent_in.insert(event, clock.clone());
        }
    }

    /// It states something in this event, which makes a line.
    fn states(&mut self, event: u64, node: &'a str) -> &Clock<'a> {
        let clock = self.now.entry(node).or_default();
        if self.last.0 == event {
            learn(clock, &self.last.1);
        }
        *clock.entry(node).or_default() += 1;
        if self.awaited.contains_key(&event) {
            self.sent_in.insert(event, clock.clone());
        }
        self.last = (event, clock.clone());
        &self.last.1
    }
}

fn learn<'a>(clock: &mut Clock<'a>, other: &Clock<'a>) {
    for (node, count) in other {
        let known = clock.entry(node).or_default();
        *known = (*known).max(*count);
    }
}
