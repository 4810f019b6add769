//! `trial fuzz`: many seeds, each with a schedule of faults of its own, on all cores.

mod catalogue;
mod clock;
mod known;
mod merge;
mod results;

use super::terminal::Terminal;
use super::{Status, inputs, seeds};
use crate::campaign::{BATCH, Findings, Source, Target, digests, play_batch};
use crate::protocol::config::nearest;
use crate::protocol::rules::Rules;
use crate::run::on_threads;
use crate::scenario::Diagnostic;
use clap::{Args, Subcommand};
use clock::Clock;
use results::Results;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Look for what breaks: play many seeds, on all cores, each with a schedule of faults of its own.
///
/// What fails is grouped by the property that broke and by the event that shows it, the smallest plan first; with
/// --out each group's smallest is written as a scenario, which "trial run" plays, "trial shrink" makes smaller and
/// "trial explain" explains. The result depends on the seeds only, not on --jobs or --shard. The exit status is 1 if
/// something failed.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A scenario file, or the name of a shipped one: its faults come at other times, last otherwise and are joined by
    /// others; of what it expects, only that nothing is lost is asked, and what must always hold
    #[arg(value_name = "SCENARIO", required_unless_present_any = ["swarm", "catalogue"])]
    scenario: Option<String>,
    /// Draw everything: cluster, settings, clients, faults
    #[arg(long, conflicts_with = "scenario")]
    swarm: bool,
    /// Keep the scenario's own faults at their times, and all that it expects: only chance varies
    #[arg(long, conflicts_with = "swarm")]
    same_faults: bool,
    /// Say how soon random seeds find each bug of the catalogue again, with nothing but its old rule: the median of five
    /// campaigns, in seeds and CPU seconds. The exit status is 1 if one is not found
    #[arg(long, conflicts_with_all = ["scenario", "swarm", "rules", "seeds", "shard", "out", "known", "digests", "same_faults"])]
    catalogue: bool,
    /// The seeds, both included, such as 1..1000
    #[arg(long, value_name = "A..B", required_unless_present = "catalogue", value_parser = seeds::range)]
    seeds: Option<RangeInclusive<u64>>,
    /// Change rules of the protocol to what an old release had, such as truncation=hw; again for several
    #[arg(long = "rule", value_name = "RULE=VALUE")]
    rules: Vec<String>,
    /// Play so many runs at a time; one a core unless said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Play the I-th of N equal parts of the seeds only, counted from 1; "trial fuzz merge" puts them together
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(u64, u64)>,
    /// End after the first seed that fails
    #[arg(long)]
    stop_at_first: bool,
    /// End after so many minutes, with what was found
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    minutes: Option<u32>,
    /// Write the result (campaign.json) and the smallest failing plan of each group (failures/) into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Make each of these plans as small as it gets, as "trial shrink" does
    #[arg(long, requires = "out")]
    shrink: bool,
    /// Go on where the campaign in --out ended
    #[arg(long, requires = "out", conflicts_with = "force")]
    resume: bool,
    /// Write into --out though it is there
    #[arg(long)]
    force: bool,
    /// Say of each group whether an earlier campaign.json has it, and which of that one's are gone; only new ones make
    /// the exit status 1
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// Print each seed's digest, and nothing else
    #[arg(long, conflicts_with_all = ["out", "known", "stop_at_first", "minutes"])]
    digests: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    Merge(merge::Arguments),
}

/// Set by Ctrl-C: the campaign ends after what is being played.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let ended = match &arguments.command {
        Some(Command::Merge(arguments)) => merge::merge(arguments, terminal),
        None => fuzz(arguments, terminal),
    };
    ended.unwrap_or_else(|error| {
        terminal.complain(&error);
        Status::Unusable
    })
}

fn fuzz(arguments: &Arguments, terminal: &mut Terminal) -> Result<Status, Diagnostic> {
    if arguments.catalogue {
        let _quiet = Quiet::begin();
        let threads = arguments.jobs.map(usize::from);
        return catalogue::run(threads, terminal).map_err(no_threads);
    }
    let target = target(arguments, terminal)?;
    let (first, behind) = asked(arguments)?;
    let part = part(arguments, (first, behind))?;
    let threads = arguments.jobs.map(usize::from);
    let _quiet = Quiet::begin();
    if arguments.digests {
        let played = on_threads(threads, || digests(&target, part.0, part.1));
        for (seed, digest) in played.map_err(no_threads)? {
            terminal.line(&format!("{seed} {digest:016x}"));
        }
        return Ok(Status::Well);
    }
    let known = arguments.known.as_deref().map(known::read).transpose()?;
    let results = arguments
        .out
        .as_ref()
        .map(|path| Results::claim(path, arguments.force, arguments.resume))
        .transpose()?;
    let mut findings = Findings::new(target.name(), (first, behind));
    if let Some(results) = results.as_ref().filter(|_| arguments.resume) {
        findings = results.earlier(findings)?;
    }
    // A second handler is none: the first does what is needed.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst));
    let clock = Clock::begin(arguments.minutes);
    let failed_before = findings.failed();
    let begun = findings.runs();
    while let Some(next) = findings.played.first_missing(part) {
        let enough = arguments.stop_at_first && findings.failed() > failed_before;
        if enough || clock.is_over() || INTERRUPTED.load(Ordering::SeqCst) {
            break;
        }
        let batch = || {
            let end = (next + BATCH).min(part.1);
            play_batch(&target, next, end, arguments.stop_at_first, &mut findings);
        };
        on_threads(threads, batch).map_err(no_threads)?;
        if let Some(results) = &results {
            results.keep(&findings)?;
        }
        let rate = clock.rate(findings.runs() - begun);
        terminal.status(&format!(
            "{} of {} seeds, {rate} a second, {} failed in {} ways",
            findings.runs(),
            part.1 - part.0,
            findings.failed(),
            findings.groups.len()
        ));
    }
    terminal.clear_status();
    if let Some(results) = &results {
        let work = || results.finish(&target, &findings, arguments.shrink, terminal);
        on_threads(threads, work).map_err(no_threads)??;
    }
    results::tell(&findings, results.as_ref(), known.as_ref(), terminal);
    if findings.played.first_missing(part).is_some() {
        let why = match (arguments.stop_at_first, INTERRUPTED.load(Ordering::SeqCst)) {
            (_, true) => "interrupted",
            (true, _) if findings.failed() > failed_before => "ended at the first failure",
            _ => "ended when its minutes were over",
        };
        terminal.note(&format!("{why}: --resume with --out goes on"));
    }
    let new = findings.groups.keys().any(|kind| {
        known
            .as_ref()
            .is_none_or(|it| !it.groups.contains_key(kind))
    });
    Ok(if new { Status::Failed } else { Status::Well })
}

fn target(arguments: &Arguments, terminal: &mut Terminal) -> Result<Target, Diagnostic> {
    let source = match &arguments.scenario {
        None => Source::Swarm,
        Some(name) => {
            let input = inputs::one(name)?;
            let loaded = inputs::load(&input.name, input.bytes, &[])?;
            loaded.warnings.iter().for_each(|it| terminal.complain(it));
            let plan = Box::new(loaded.plan);
            match arguments.same_faults {
                true => Source::Same(plan),
                false => Source::Varied(plan),
            }
        }
    };
    let rules = arguments.rules.iter().map(|text| rule(text));
    Ok(Target {
        source,
        rules: rules.collect::<Result<_, _>>()?,
    })
}

/// `truncation=hw`, if there is such a rule and such a value of it.
fn rule(text: &str) -> Result<(String, String), Diagnostic> {
    let wrong = |found: String, expected: String| {
        Diagnostic::about_file("--rule", found).expected(expected)
    };
    let Some((name, value)) = text.split_once('=') else {
        return Err(wrong(
            format!("\"{text}\" is no rule with a value"),
            "a rule such as truncation=hw".into(),
        ));
    };
    let Some(about) = Rules::ALL.iter().find(|it| it.name == name) else {
        let names = || Rules::ALL.iter().map(|it| it.name);
        let error = wrong(
            format!("there is no rule \"{name}\""),
            names().collect::<Vec<_>>().join(", "),
        );
        return Err(Diagnostic {
            suggestion: nearest(name, names()).map(Into::into),
            ..error
        });
    };
    if !Rules::default().set(name, value) {
        let others = about.others.iter().map(|(name, _)| *name);
        let values: Vec<&str> = [about.now].into_iter().chain(others).collect();
        return Err(wrong(
            format!("{name} cannot be \"{value}\""),
            values.join(", "),
        ));
    }
    Ok((name.into(), value.into()))
}

/// The first seed, and the one behind the last.
fn asked(arguments: &Arguments) -> Result<(u64, u64), Diagnostic> {
    let seeds = arguments.seeds.clone().unwrap_or(1..=1);
    let behind = seeds.end().checked_add(1).ok_or_else(|| {
        Diagnostic::about_file("--seeds", "the last seed is too large")
            .expected(format!("seeds up to {}", u64::MAX - 1))
    })?;
    Ok((*seeds.start(), behind))
}

/// The part of the seeds that this shard plays.
fn part(arguments: &Arguments, (first, behind): (u64, u64)) -> Result<(u64, u64), Diagnostic> {
    let Some((number, of)) = arguments.shard else {
        return Ok((first, behind));
    };
    let count = u128::from(behind - first);
    let at = |part: u64| first + (count * u128::from(part) / u128::from(of)) as u64;
    Ok((at(number - 1), at(number)))
}

/// `2/8`
fn shard(text: &str) -> Result<(u64, u64), String> {
    let numbers = text.split_once('/');
    let numbers = numbers.and_then(|(i, n)| Some((i.parse::<u64>().ok()?, n.parse::<u64>().ok()?)));
    match numbers {
        Some((number, of)) if 1 <= number && number <= of => Ok((number, of)),
        Some((number, of)) => Err(format!(
            "there is no part {number} of {of}: expected 1/{of} to {of}/{of}"
        )),
        None => Err("expected a part such as 2/8, counted from 1".into()),
    }
}

fn no_threads(error: String) -> Diagnostic {
    Diagnostic::about_file("--jobs", error).expected("as many threads as the machine gives")
}

/// A panic in a run is a finding, and is told with the others.
struct Quiet;

impl Quiet {
    fn begin() -> Quiet {
        std::panic::set_hook(Box::new(|_| {}));
        Quiet
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Whoever panics now is the program itself.
        if !std::thread::panicking() {
            let _ = std::panic::take_hook();
        }
    }
}
