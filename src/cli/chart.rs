//! `trial chart`: pictures of a run, from a scenario that is played now or from a trace.

use super::output_directory::OutputDirectory;
use super::terminal::Terminal;
use super::{Status, inputs, seeds, tell};
use crate::figure::{Around, Kind, Nothing, Recording, Wanted, chosen, index_page, to_svg};
use crate::kernel::{Duration, Time};
use crate::plan::write_duration;
use crate::protocol::TopicPartition;
use crate::protocol::config::nearest;
use crate::report;
use crate::scenario::{self, Diagnostic};
use clap::Args;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Draw pictures of a run: who led, what was sent, how far readers were, as SVG files.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A scenario file, the name of a shipped one, or -; or a trace, or a directory of "trial run --out"
    #[arg(value_name = "SCENARIO|TRACE")]
    run: String,
    /// What to draw; again for several. Without it, what the run is about, with a page that shows it (index.html)
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// What a slice is cut around: record:trucks-1#5, record:t-0@17, event:4711, or a time such as 12s
    #[arg(long, value_name = "WHAT")]
    around: Option<String>,
    /// Only this topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only this partition, such as trucks_gps-0
    #[arg(long, value_name = "PARTITION", value_parser = partition)]
    partition: Option<(String, i32)>,
    /// The moment of a picture of one moment, such as 30s or 1m15s; without it the end
    #[arg(long, value_name = "TIME", value_parser = super::run::time)]
    at: Option<Duration>,
    /// The directory for the pictures
    #[arg(long, value_name = "DIR", default_value = "figures")]
    out: PathBuf,
    /// Write into --out though it is there
    #[arg(long)]
    force: bool,
    /// Use this seed instead of the scenario's
    #[arg(long, allow_hyphen_values = true, value_parser = seeds::one)]
    seed: Option<u64>,
    /// Change a value first, as in "trial run"
    #[arg(long = "set", value_name = "[+]KEY=VALUE")]
    sets: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    match drawn(arguments, terminal) {
        Ok(()) => Status::Well,
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

fn drawn(arguments: &Arguments, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    let kinds = kinds(&arguments.kinds)?;
    let around = arguments.around.as_deref().map(around).transpose()?;
    let out = OutputDirectory::claim(&arguments.out, arguments.force)?;
    let recording = recording(arguments, terminal)?;
    let at = arguments.at.map(|it| Time::ZERO + it);
    if at.is_some_and(|at| at > recording.end) {
        let end = Duration(recording.end.0);
        return Err(
            Diagnostic::about_file("--at", "that is after the end of the run")
                .expected(format!("at most {}", write_duration(end))),
        );
    }
    let partition = arguments.partition.clone();
    let wanted = Wanted {
        topic: arguments.topic.as_deref().map(Into::into),
        around,
        partition: partition.map(|(topic, number)| TopicPartition::new(topic, number)),
        at,
        ..Wanted::default()
    };
    let named = kinds.is_some();
    let mut files = Vec::new();
    let mut shown = Vec::new();
    for kind in kinds.unwrap_or_else(|| chosen(&recording)) {
        let picture = match kind.draw(&recording, &wanted) {
            Ok(picture) => picture,
            // What was not asked for is not missed.
            Err(_) if !named => continue,
            Err(Nothing { found, expected }) => {
                let about = format!("{} --kind {}", arguments.run, kind.name());
                return Err(Diagnostic::about_file(about, found).expected(expected));
            }
        };
        let name = format!("{}.svg", kind.name());
        files.push((name.clone(), vec![to_svg(&picture).into()]));
        shown.push((kind, name, picture.about));
    }
    if !named {
        let page = index_page(&recording, &shown);
        files.push(("index.html".to_owned(), vec![page.into()]));
    }
    let names: Vec<String> = files
        .iter()
        .map(|(name, _)| arguments.out.join(name).display().to_string())
        .collect();
    out.make()?;
    out.write(None, files)?;
    names.iter().for_each(|name| terminal.line(name));
    Ok(())
}

/// Those that are named; `None`: what the run is about.
fn kinds(named: &[String]) -> Result<Option<Vec<Kind>>, Diagnostic> {
    let all = || Kind::ALL.iter().map(|kind| kind.name());
    let of = |name: &String| {
        Kind::named(name).ok_or_else(|| {
            let error =
                Diagnostic::about_file("--kind", format!("\"{name}\" is no kind of figure"));
            let error = error.expected(all().collect::<Vec<_>>().join(", "));
            Diagnostic {
                suggestion: nearest(name, all()).map(Into::into),
                ..error
            }
        })
    };
    match named.is_empty() {
        true => Ok(None),
        false => named.iter().map(of).collect::<Result<_, _>>().map(Some),
    }
}

fn partition(text: &str) -> Result<(String, i32), String> {
    let read = text.rsplit_once('-');
    let read = read.and_then(|(topic, number)| Some((topic.to_owned(), number.parse().ok()?)));
    read.ok_or_else(|| "expected a topic and a number, such as trucks_gps-0".into())
}

fn around(text: &str) -> Result<Around, Diagnostic> {
    let found = match text.split_once(':') {
        Some(("record", record)) => match report::Wanted::parse(record) {
            Some(report::Wanted::Record(record)) => Some(Around::Record(record)),
            Some(report::Wanted::At(partition, offset)) => Some(Around::Offset(partition, offset)),
            Some(report::Wanted::Key(_)) | None => None,
        },
        Some(("event", number)) => number.parse().ok().map(Around::Event),
        _ => super::run::time(text)
            .ok()
            .map(|it| Around::Moment(Time::ZERO + it)),
    };
    found.ok_or_else(|| {
        Diagnostic::about_file("--around", format!("\"{text}\" names nothing in a run"))
            .expected("record:trucks-1#5 (producer and number), record:t-0@17 (partition and offset), event:4711, or a time such as 12s")
    })
}

/// Reads a trace, or plays a scenario.
fn recording(arguments: &Arguments, terminal: &mut Terminal) -> Result<Recording, Diagnostic> {
    let path = Path::new(&arguments.run);
    if path.is_dir() || path.extension().is_some_and(|end| end == "jsonl") {
        let name = tell::file_name(&arguments.run);
        let file = File::open(&name).map_err(|error| {
            Diagnostic::about_file(&name, inputs::reason(&error)).expected(tell::EXPECTED)
        })?;
        let read = Recording::read(BufReader::new(file));
        let (recording, _) = read.map_err(|error| tell::damaged(name, error))?;
        return Ok(recording);
    }
    let input = inputs::one(&arguments.run)?;
    let loaded = scenario::load(&input.name, input.bytes, &arguments.sets)?;
    for warning in &loaded.warnings {
        terminal.complain(warning);
    }
    let plan = loaded.plan;
    let seed = arguments.seed.unwrap_or(plan.seed);
    Recording::of(&plan, seed)
        .map_err(|error| Diagnostic::about_file(input.name, error.to_string()))
}
