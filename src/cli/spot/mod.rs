//! `trial spot`: a run in which one of Kafka's rules is broken, and the question which.
//!
//! What is shown comes from the run, which is played at that moment; the table of broken runs is `bugs`.

mod bugs;

use super::output_directory::OutputDirectory;
use super::page::Page;
use super::predict::Reader;
use super::terminal::Terminal;
use super::{Status, ask, chart};
use crate::check::Violation;
use crate::figure::{Around, Kind, Nothing, Recording, Wanted, to_svg};
use crate::kernel::{Duration, Time};
use crate::plan::Plan;
use crate::protocol::config::nearest;
use crate::protocol::rules::Rules;
use crate::protocol::{Fact, RecordId};
use crate::run::{Report, Run};
use crate::scenario::{self, Diagnostic};
use crate::trace::{Sentences, Style, TraceEntry, Transcript};
use bugs::{BUGS, Bug};
use clap::Args;
use std::path::PathBuf;

/// Find the bug: a run in which one of Kafka's rules is broken on purpose. Which one? Answers come from standard input.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Which bug; without it, list them
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Draw who sent what to whom around it (messages.svg) into this directory first
    #[arg(long, value_name = "DIR", requires = "name")]
    out: Option<PathBuf>,
    /// Write into --out though it is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// Where the text of a line of the transcript begins.
const LINE_AT: usize = 26;
/// Where that of an option does.
const OPTION_AT: usize = 5;

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let done = match &arguments.name {
        Some(name) => named(name).and_then(|bug| spot(bug, arguments, terminal)),
        None => {
            list(terminal);
            Ok(())
        }
    };
    match done {
        Ok(()) => Status::Well,
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

fn list(terminal: &mut Terminal) {
    let mut page = Page::default();
    page.text("In each of these runs one rule of Kafka is broken, and a property that must always hold has noticed. Which rule?");
    page.gap();
    for bug in BUGS {
        page.entry(&format!("trial spot {}", bug.name), 32, bug.seen);
    }
    page.lines().iter().for_each(|line| terminal.line(line));
}

fn named(name: &str) -> Result<&'static Bug, Diagnostic> {
    let names = || BUGS.iter().map(|bug| bug.name);
    BUGS.iter().find(|bug| bug.name == name).ok_or_else(|| {
        let error = Diagnostic::about_file(name, "there is no such bug");
        Diagnostic {
            suggestion: nearest(name, names()).map(|near| format!("\"{near}\"")),
            ..error.expected(names().collect::<Vec<_>>().join(", "))
        }
    })
}

fn spot(bug: &Bug, arguments: &Arguments, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    let out = (arguments.out.as_deref())
        .map(|path| OutputDirectory::claim(path, arguments.force))
        .transpose()?;
    let plan = bug.plan()?;
    let report = play(&plan)?;
    let mut violations = report.violations.iter();
    let noticed = violations.find(|it| it.property == bug.noticed_by);
    let noticed =
        noticed.ok_or_else(|| Diagnostic::about_file(bug.name, "no property has noticed it"))?;
    if let Some(out) = out {
        let svg = figure(bug, &plan, noticed)?;
        out.make()?;
        out.write(None, [("messages.svg".to_owned(), vec![svg.into()])])?;
        let drawn = arguments.out.iter().map(|path| path.join("messages.svg"));
        drawn.for_each(|path| terminal.line(&path.display().to_string()));
    }
    let page = page(bug, &plan, &report, noticed);
    ask::show(&page, terminal);
    let mut reader = Reader::default();
    let taken = ask::chosen(bug.suspects.len(), &mut reader, terminal);
    if let Some(why) = reader.failed {
        return Err(Diagnostic::about_file("standard input", why));
    }
    match taken {
        Some(place) => ask::show(&verdict(bug, place), terminal),
        None => terminal.line("\nNobody was accused."),
    }
    Ok(())
}

impl Bug {
    /// The run with the rule broken.
    fn plan(&self) -> Result<Plan, Diagnostic> {
        let mut plan = self.sound_plan()?;
        plan.rules = Rules::parse(self.broken)
            .ok_or_else(|| Diagnostic::about_file(self.broken, "there is no such rule"))?;
        Ok(plan)
    }

    fn sound_plan(&self) -> Result<Plan, Diagnostic> {
        Ok(scenario::load(self.name, self.plan.into(), &[])?.plan)
    }
}

fn play(plan: &Plan) -> Result<Report, Diagnostic> {
    let mut run = Run::start(plan, plan.seed)
        .map_err(|error| Diagnostic::about_file(plan.name.as_str(), error.to_string()))?;
    run.until(run.end());
    Ok(run.finish())
}

fn figure(bug: &Bug, plan: &Plan, noticed: &Violation) -> Result<String, Diagnostic> {
    let recording = Recording::of_run(plan, plan.seed, true)
        .map_err(|error| Diagnostic::about_file(bug.name, error.to_string()))?;
    let around = match bug.around {
        Some(text) => Some(chart::around(text)?),
        None => noticed.event.map(Around::Event),
    };
    let wanted = Wanted {
        around,
        ..Wanted::default()
    };
    let drawn = Kind::Messages.draw(&recording, &wanted);
    let picture = drawn.map_err(|Nothing { found, expected }| {
        Diagnostic::about_file(bug.name, found).expected(expected)
    })?;
    Ok(to_svg(&picture))
}

/// What happened, who noticed, and who is suspected.
fn page(bug: &Bug, plan: &Plan, report: &Report, noticed: &Violation) -> Page {
    let mut page = Page::titled(&format!("Spot the bug: {}", bug.name));
    page.text(&format!(
        "{} All of Kafka's rules are kept, but one.",
        plan.about
    ));
    page.gap();
    let from = Time::ZERO + Duration::from_secs(bug.from);
    for line in lines(&report.trace, from) {
        of_transcript(&mut page, &line);
    }
    let way = bug.record.map(|record| way_of(record, &report.trace));
    if let (Some(record), Some(way)) = (bug.record, way.filter(|way| !way.is_empty())) {
        page.gap();
        page.line(format!("Of {record} alone:"));
        way.iter().for_each(|line| of_transcript(&mut page, line));
    }
    page.gap();
    page.text(&format!(
        "Noticed: {}. {}.",
        noticed.property, noticed.sentence
    ));
    page.gap();
    page.text("Which rule is broken?");
    page.gap();
    for (number, suspect) in (1..).zip(&bug.suspects) {
        page.entry(&number.to_string(), OPTION_AT, suspect.rule);
    }
    page
}

/// The transcript from a moment on.
fn lines(trace: &[TraceEntry], from: Time) -> Vec<String> {
    let mut transcript = Transcript::new(Style::default());
    trace.iter().for_each(|entry| transcript.push(entry));
    let mut lines = transcript.finish();
    let millis = u128::from(from.as_millis());
    lines.retain(|line| time_of(line).is_none_or(|time| time >= millis));
    lines
}

/// In milliseconds, as a line begins.
fn time_of(line: &str) -> Option<u128> {
    let (seconds, rest) = line.trim_start().split_once('.')?;
    let (millis, _) = rest.split_once('s')?;
    Some(seconds.parse::<u128>().ok()? * 1_000 + millis.parse::<u128>().ok()?)
}

/// A line whose text goes on below its beginning.
fn of_transcript(page: &mut Page, line: &str) {
    match line.char_indices().nth(LINE_AT) {
        Some((at, _)) => page.entry(line[2..at].trim_end(), LINE_AT, &line[at..]),
        None => page.line(line),
    }
}

/// What its producer, its log and its readers say of one record.
fn way_of(record: &str, trace: &[TraceEntry]) -> Vec<String> {
    let is = |of: &RecordId| format!("{}#{}", of.producer, of.number) == record;
    let content = trace.iter().find_map(|entry| match &entry.fact {
        Fact::RecordCreated {
            record: of,
            content,
            ..
        } if is(of) => Some(*content),
        _ => None,
    });
    let mut sentences = Sentences::default();
    let mut way = Vec::new();
    for entry in trace {
        let said = sentences.say(entry).of_fact;
        let tells = match &entry.fact {
            Fact::RecordCreated { record: of, .. }
            | Fact::Acked { record: of, .. }
            | Fact::Retrying { record: of, .. }
            | Fact::Failed { record: of, .. } => is(of),
            Fact::Consumed { content: of, .. } => Some(*of) == content,
            _ => false,
        };
        if tells {
            way.push(crate::trace::write_line(said.time, &said.node, &said.text));
        }
    }
    way
}

fn verdict(bug: &Bug, taken: usize) -> Page {
    let mut page = Page::default();
    page.line(match bug.suspects[taken].guilty {
        true => "Found.",
        false => "Not that one.",
    });
    page.gap();
    for (number, suspect) in (1..).zip(&bug.suspects) {
        let found = match suspect.guilty {
            true => "Broken",
            false => "Kept",
        };
        page.entry(&number.to_string(), OPTION_AT, suspect.rule);
        page.entry("", OPTION_AT, &format!("{found}: {}", suspect.why));
    }
    page.gap();
    page.text(&format!(
        "Rule {} of the book's table of rules says it, with the test that proves it.",
        bug.rule
    ));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The property has nothing to say while the rule is kept, and speaks first when it is broken.
    #[test]
    fn each_bug_is_noticed_by_its_property_and_only_where_the_rule_is_broken() {
        for bug in BUGS {
            let sound = bug.sound_plan().and_then(|plan| play(&plan));
            let sound = sound.unwrap_or_else(|error| panic!("{error}"));
            assert!(sound.held(), "{}: {:?}", bug.name, sound.violations);
            let broken = bug.plan().and_then(|plan| play(&plan));
            let broken = broken.unwrap_or_else(|error| panic!("{error}"));
            let first = broken.violations.first().map(|it| it.property);
            assert_eq!(first, Some(bug.noticed_by), "{}", bug.name);
            let way = bug.record.map(|record| way_of(record, &broken.trace));
            assert!(way.is_none_or(|way| way.len() > 1), "{}", bug.name);
        }
    }

    #[test]
    fn each_bug_has_one_culprit_and_not_always_in_the_same_place() {
        let mut places = std::collections::BTreeSet::new();
        for bug in BUGS {
            let guilty = |it: &bugs::Suspect| it.guilty;
            assert_eq!(
                bug.suspects.iter().filter(|it| guilty(it)).count(),
                1,
                "{}",
                bug.name
            );
            places.insert(bug.suspects.iter().position(guilty));
        }
        assert!(places.len() > 2, "{places:?}");
    }

    #[test]
    fn each_bug_can_be_drawn() {
        for bug in BUGS {
            let plan = bug.plan().unwrap_or_else(|error| panic!("{error}"));
            let report = play(&plan).unwrap_or_else(|error| panic!("{error}"));
            let drawn = report.violations.first().map(|it| figure(bug, &plan, it));
            assert!(
                drawn.is_some_and(|it| it.is_ok_and(|svg| svg.contains("<svg"))),
                "{}",
                bug.name
            );
        }
    }
}
