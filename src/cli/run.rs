//! `trial run`: runs scenarios and reports what came of them.

use super::Status;
use super::inputs::{self, Input};
use super::output_directory::{OutputDirectory, TraceFile};
use super::progress::to_the_end;
use super::seeds::{self, Tally};
use super::terminal::Terminal;
use crate::kernel::Duration;
use crate::plan::{Plan, parse_duration, write_duration};
use crate::protocol::counted;
use crate::report::{
    Account, Ending, Evidence, ShowZooKeeper, Suite, Told, closing, json, json_document,
    json_unusable, junit, output_files, summary, trace_header, verdict_line,
};
use crate::run::{Report, Run, Unbuildable};
use crate::scenario::{self, Diagnostic};
use crate::trace::{Style, TraceWriter};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Run scenarios: what happened, what Kafka's tools would print, what was expected and held.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Scenario files, directories of them, names of shipped scenarios, or - for standard input
    #[arg(required = true, value_name = "SCENARIO|DIR")]
    scenarios: Vec<String>,
    /// Use this seed instead of the scenario's
    #[arg(long, allow_hyphen_values = true, value_parser = seeds::one)]
    seed: Option<u64>,
    /// Run with each of these seeds, such as 1..100, and tell with which of them anything fails
    #[arg(long, value_name = "A..B", allow_hyphen_values = true, value_parser = seeds::range,
        conflicts_with_all = ["seed", "until", "out", "verbose", "show", "quiet"])]
    seeds: Option<RangeInclusive<u64>>,
    /// Change a value first; / separates the parts of the path: topics/trucks_gps/partitions=10. What is not
    /// there yet is added with a plus: +seed=7
    #[arg(long = "set", value_name = "[+]KEY=VALUE")]
    sets: Vec<String>,
    /// End the run at this time, such as 40s; expectations are then not judged
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = time)]
    until: Option<Duration>,
    /// Write plan, trace, transcript, tables and each broker's data directory here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write into --out though it is there
    #[arg(long, requires = "out")]
    force: bool,
    /// Say in the trace of --out what caused each event: a packet, a timer, a disk, or nothing inside
    #[arg(long, requires = "out")]
    causes: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A line for every fact
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
    /// Show more of the end: who leads ZooKeeper, its sessions and its tree (of an ensemble all but
    /// the tree is shown anyway)
    #[arg(long, value_enum, value_name = "WHAT")]
    show: Vec<Show>,
    /// No transcript and no tables
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Format {
    /// For people
    Text,
    /// One document
    Json,
    /// For continuous integration
    Junit,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Show {
    /// Servers, sessions, znodes
    Zookeeper,
}

/// Runs what can be run; what cannot is told, and silences nothing else.
pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let jobs = prepare(arguments, terminal);
    if let Some(range) = &arguments.seeds {
        let all = jobs.len();
        let scenarios: Vec<Scenario> = jobs.into_iter().flatten().collect();
        let status = run_seeds(arguments, &scenarios, range, terminal);
        return match scenarios.len() == all {
            true => status,
            false => Status::Unusable,
        };
    }
    match output_directory(arguments, &jobs) {
        Ok(out) => run_all(arguments, jobs, out, terminal),
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

/// A scenario that is ready to run.
struct Scenario {
    /// As the user would name it again.
    name: String,
    plan: Plan,
}

type Job = Result<Scenario, Diagnostic>;

/// All that can be wrong with scenarios is told before the first one runs.
fn prepare(arguments: &Arguments, terminal: &mut Terminal) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for input in arguments.scenarios.iter().flat_map(|it| inputs::all(it)) {
        let job = input.and_then(|input| prepare_one(arguments, input, &jobs, terminal));
        if let Err(error) = &job {
            terminal.complain(error);
        }
        jobs.push(job);
    }
    jobs
}

fn prepare_one(
    arguments: &Arguments,
    input: Input,
    others: &[Job],
    terminal: &mut Terminal,
) -> Job {
    let loaded = inputs::load(&input.name, input.bytes, &arguments.sets)?;
    // The report has them too, and who reads both reads them once.
    if arguments.format != Format::Text || !terminal.is_one() {
        for warning in &loaded.warnings {
            terminal.complain(warning);
        }
    }
    let mut plan = loaded.plan;
    plan.seed = arguments.seed.unwrap_or(plan.seed);
    if let Some(until) = arguments.until.filter(|until| *until > plan.duration) {
        let found = format!(
            "--until {} is after the end of the run",
            write_duration(until)
        );
        return Err(Diagnostic::about_file(input.name, found)
            .expected(format!("at most {}", write_duration(plan.duration))));
    }
    let mut others = others.iter().flatten();
    if let Some(other) = others.find(|other| other.plan.name == plan.name) {
        let found = format!("the name \"{}\" is that of {} too", plan.name, other.name);
        return Err(
            Diagnostic::about_file(input.name, found).expected("scenarios with different names")
        );
    }
    // At its end the run is whole.
    if arguments.until.is_some() {
        plan.until = arguments.until.filter(|until| *until < plan.duration);
    }
    Ok(Scenario {
        name: input.name,
        plan,
    })
}

/// Made before anything runs: a long run is not to end with a directory that cannot be made.
fn output_directory(
    arguments: &Arguments,
    jobs: &[Job],
) -> Result<Option<OutputDirectory>, Diagnostic> {
    let Some(path) = &arguments.out else {
        return Ok(None);
    };
    let out = OutputDirectory::claim(path, arguments.force)?;
    if jobs.iter().any(Job::is_ok) {
        out.make()?;
    }
    Ok(Some(out))
}

fn run_all(
    arguments: &Arguments,
    jobs: Vec<Job>,
    out: Option<OutputDirectory>,
    terminal: &mut Terminal,
) -> Status {
    let several = jobs.len() > 1;
    let names = jobs
        .iter()
        .flatten()
        .map(|scenario| scenario.plan.name.len());
    let mut telling = Telling {
        arguments,
        several,
        name_width: names.max().unwrap_or_default(),
        counts: Counts::default(),
        suites: Vec::new(),
        documents: Vec::new(),
    };
    for job in &jobs {
        let played = match job {
            Ok(scenario) => {
                if several {
                    terminal.progress(&format!(
                        "running {} (seed {})",
                        scenario.plan.name, scenario.plan.seed
                    ));
                }
                let place = several.then_some(scenario.plan.name.as_str());
                play(arguments, scenario, out.as_ref(), place, terminal)
                    .map(|played| (scenario, played))
                    .inspect_err(|error| terminal.complain(error))
            }
            Err(error) => Err(error.clone()),
        };
        let (scenario, (played, trace)) = match played {
            Ok(played) => played,
            Err(error) => {
                telling.unusable(&error, terminal);
                continue;
            }
        };
        let report = &played.report;
        let view = report.view();
        let repeat = repeat(arguments, scenario);
        let ending = ending(arguments, &scenario.name, &played, &view, &repeat);
        telling.ending(&ending, terminal);
        if let Some(out) = &out {
            let place = several.then_some(scenario.plan.name.as_str());
            let plan = scenario::to_yaml(&report.plan_as_run);
            let files = output_files(&ending, &plan, report.data_directories());
            let sealed = trace.map_or(Ok(()), |trace| seal(trace, &ending));
            if let Err(error) = sealed.and_then(|()| out.write(place, files)) {
                terminal.complain(&error);
                return Status::Unusable;
            }
        }
        if !several {
            // The process is about to end: giving a long run back piece by piece helps nobody.
            std::mem::forget(played.report);
        }
    }
    telling.end(terminal)
}

#[derive(Default)]
struct Counts {
    held: usize,
    failed: usize,
    unusable: usize,
}

/// What is printed of the runs, one after the other.
struct Telling<'a> {
    arguments: &'a Arguments,
    several: bool,
    name_width: usize,
    counts: Counts,
    suites: Vec<Suite>,
    documents: Vec<Value>,
}

impl Telling<'_> {
    fn ending(&mut self, ending: &Ending<'_>, terminal: &mut Terminal) {
        match ending.held() {
            true => self.counts.held += 1,
            false => self.counts.failed += 1,
        }
        let (quiet, verbose) = (self.arguments.quiet, self.arguments.verbose);
        let style = Style { verbose };
        match self.arguments.format {
            Format::Text if !self.several || verbose => {
                terminal.data(&summary(ending, style, quiet));
            }
            Format::Text => {
                terminal.line(&verdict_line(ending, self.name_width));
                if !ending.held() && !quiet {
                    terminal.data(&summary(ending, style, true));
                }
            }
            Format::Json => self.documents.push(json(ending)),
            Format::Junit => self.suites.push(Suite::of(ending)),
        }
    }

    /// The message itself was told before.
    fn unusable(&mut self, error: &Diagnostic, terminal: &mut Terminal) {
        self.counts.unusable += 1;
        match self.arguments.format {
            Format::Text if self.several => {
                terminal.line(&format!("NOT RUN {}: {}", error.file, error.found));
            }
            Format::Text => {}
            Format::Json => self
                .documents
                .push(json_unusable(&error.file, as_json(error))),
            Format::Junit => self
                .suites
                .push(Suite::error(&error.file, error.to_string())),
        }
    }

    fn end(self, terminal: &mut Terminal) -> Status {
        let Counts {
            held,
            failed,
            unusable,
        } = self.counts;
        match self.arguments.format {
            Format::Text if self.several => {
                let not_run = match unusable {
                    0 => String::new(),
                    count => format!(", {count} not run"),
                };
                terminal.line(&format!(
                    "{}: {held} held, {failed} failed{not_run}",
                    counted(held + failed + unusable, "scenario")
                ));
            }
            Format::Text => {}
            Format::Json => terminal.line(&format!("{:#}", json_document(self.documents))),
            Format::Junit => terminal.data(&junit(&self.suites)),
        }
        match (unusable, failed) {
            (0, 0) => Status::Well,
            (0, _) => Status::Failed,
            _ => Status::Unusable,
        }
    }
}

/// A complaint for programs.
pub(super) fn as_json(error: &Diagnostic) -> Value {
    let excerpt = error.excerpt.as_ref();
    serde_json::json!({
        "line": excerpt.map(|excerpt| excerpt.line),
        "column": excerpt.map(|excerpt| excerpt.column),
        "found": error.found,
        "expected": error.expected,
        "suggestion": error.suggestion,
    })
}

fn run_seeds(
    arguments: &Arguments,
    scenarios: &[Scenario],
    range: &RangeInclusive<u64>,
    terminal: &mut Terminal,
) -> Status {
    if arguments.format == Format::Junit {
        let error = Diagnostic::about_file("--format", "junit goes with one seed a scenario");
        terminal.complain(&error.expected("text or json beside --seeds"));
        return Status::Unusable;
    }
    let names = scenarios.iter().map(|scenario| scenario.plan.name.len());
    let name_width = names.max().unwrap_or_default();
    let mut tallies = Vec::new();
    for scenario in scenarios {
        terminal.progress(&format!("running {}", scenario.plan.name));
        match Tally::of(&scenario.name, &scenario.plan, range) {
            Ok(tally) => tallies.push(tally),
            Err(error) => {
                terminal.complain(&error);
                return Status::Unusable;
            }
        }
        if let (Format::Text, Some(tally)) = (arguments.format, tallies.last()) {
            seeds::tell(tally, name_width, terminal);
        }
    }
    if arguments.format == Format::Json {
        seeds::tell_json(&tallies, terminal);
    }
    seeds::status(&tallies)
}

/// A run that has been played.
struct Played {
    report: Report,
    told: Told,
    evidence: Option<Evidence>,
}

/// Plays a scenario to its end. Nothing of its trace is kept but what the output needs; where it is
/// written to a file, that lacks its last line yet.
fn play(
    arguments: &Arguments,
    scenario: &Scenario,
    out: Option<&OutputDirectory>,
    place: Option<&str>,
    terminal: &mut Terminal,
) -> Result<(Played, Option<TraceWriter<TraceFile>>), Diagnostic> {
    let plan = &scenario.plan;
    let unbuildable =
        |error: Unbuildable| Diagnostic::about_file(scenario.name.clone(), error.to_string());
    let mut run = Run::start(plan, plan.seed).map_err(unbuildable)?;
    let header = trace_header(plan, plan.seed);
    let trace = out.map(|out| out.begin(place)).transpose()?;
    let trace = trace.map(|file| TraceWriter::new(file, &header));
    let needs_transcript = !arguments.quiet || out.is_some() || arguments.format == Format::Json;
    let account = match needs_transcript {
        true => Account::with_transcript(arguments.verbose),
        false => Account::default(),
    };
    let mut observers = (account, trace);
    if arguments.causes {
        run.keep_causes();
    }
    to_the_end(&mut run, &plan.name, &mut observers, terminal);
    let report = run.finish();
    let (account, trace) = observers;
    // What a broken property needs is gone; the same run has it again.
    let evidence = match report.violations.first() {
        Some(violation) => {
            let mut evidence = Evidence::of(violation);
            let mut again = Run::start(plan, plan.seed).map_err(unbuildable)?;
            to_the_end(&mut again, &plan.name, &mut evidence, terminal);
            Some(evidence)
        }
        None => None,
    };
    let played = Played {
        told: account.finish(report.end),
        report,
        evidence,
    };
    Ok((played, trace))
}

/// Writes the last line of a trace.
fn seal(trace: TraceWriter<TraceFile>, ending: &Ending<'_>) -> Result<(), Diagnostic> {
    let path = trace.out().path().to_path_buf();
    let sealed = trace.finish(&closing(ending, Style::default()));
    sealed
        .map(drop)
        .map_err(|error| TraceFile::failed(&path, &error))
}

/// The report as the renderers want it.
fn ending<'a>(
    arguments: &Arguments,
    file: &'a str,
    played: &'a Played,
    view: &'a dyn crate::node::view::ClusterView,
    repeat: &'a str,
) -> Ending<'a> {
    let mut ending = Ending::of(&played.report, &played.told, view, repeat);
    ending.file = file;
    ending.evidence = played.evidence.as_ref();
    if arguments.show.contains(&Show::Zookeeper) {
        ending.zookeeper = ShowZooKeeper::Tree;
    }
    ending
}

/// The command that repeats this run.
fn repeat(arguments: &Arguments, scenario: &Scenario) -> String {
    let mut words = vec![
        "trial".to_string(),
        "run".into(),
        scenario.name.clone(),
        "--seed".into(),
        scenario.plan.seed.to_string(),
    ];
    for set in &arguments.sets {
        words.extend(["--set".to_string(), set.clone()]);
    }
    if let Some(until) = arguments.until {
        words.extend(["--until".to_string(), write_duration(until)]);
    }
    let mut command = words
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ");
    if scenario.name == "-" {
        command.push_str("  # needs the same standard input again");
    }
    command
}

/// As a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(time) if time != Duration::ZERO => Ok(time),
        _ => Err("expected a time above 0 with its unit, such as 40s or 1m30s".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_change_is_quoted() {
        assert_eq!(quoted("scenarios/a.yaml"), "scenarios/a.yaml");
        assert_eq!(quoted("topics/t/partitions=3"), "topics/t/partitions=3");
        assert_eq!(
            quoted("timeline/0/crash=leader of t-0"),
            "'timeline/0/crash=leader of t-0'"
        );
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
