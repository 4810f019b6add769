//! `trial chart`: pictures of a run, from a scenario that is played now or from a trace.

use super::output_directory::OutputDirectory;
use super::terminal::Terminal;
use super::{Status, inputs, seeds, tell};
use crate::figure::{
    Around, Export, Kind, Nothing, Picture, Played, Recording, Settings, Several, Wanted, chosen,
    index_page, to_svg,
};
use crate::kernel::{Duration, Time};
use crate::plan::write_duration;
use crate::protocol::TopicPartition;
use crate::protocol::config::nearest;
use crate::report::{self, OutputFile};
use crate::run::spread;
use crate::scenario::{self, Diagnostic, Loaded};
use clap::Args;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Draw pictures of a run: who led, what was sent, how far readers were, as SVG files.
///
/// Some kinds need several runs with other settings each, which are played: acks, scaling. Two are no pictures but files
/// for other viewers: perfetto (ui.perfetto.dev) and shiviz.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A scenario file, the name of a shipped one, or -; or a trace, or a directory of "trial run --out"
    #[arg(value_name = "SCENARIO|TRACE")]
    run: String,
    /// What to draw; again for several. Without it, what the run is about, with a page that shows it (index.html)
    #[arg(long = "kind", value_name = "KIND", long_help = kinds_in_words(), value_parser = Offered(kind_names), hide_possible_values = true)]
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
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = super::run::time)]
    at: Option<Duration>,
    /// The directory for the pictures
    #[arg(long, value_name = "DIR", default_value = "figures")]
    out: PathBuf,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
    /// Each picture as PNG too, with a font of its own: the same pixels on every machine
    #[cfg(feature = "png")]
    #[arg(long)]
    png: bool,
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

/// Any text, with names that a shell may offer: what is none of them is answered in our own words.
#[derive(Clone)]
pub(super) struct Offered(pub(super) fn() -> Vec<&'static str>);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

fn kind_names() -> Vec<&'static str> {
    Asked::all().map(Asked::name).collect()
}

pub(super) fn names_of_one_run() -> Vec<&'static str> {
    Kind::ALL.iter().map(|kind| kind.name()).collect()
}

/// Something to be written, by how it comes to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Picture(Kind),
    Several(Several),
    Export(Export),
}

impl Asked {
    fn all() -> impl Iterator<Item = Asked> {
        let kinds = Kind::ALL.iter().copied().map(Asked::Picture);
        let several = Several::ALL.iter().copied().map(Asked::Several);
        let exports = Export::ALL.iter().copied().map(Asked::Export);
        kinds.chain(several).chain(exports)
    }

    fn name(self) -> &'static str {
        match self {
            Asked::Picture(kind) => kind.name(),
            Asked::Several(kind) => kind.name(),
            Asked::Export(kind) => kind.name(),
        }
    }

    fn file_name(self) -> String {
        match self {
            Asked::Picture(_) | Asked::Several(_) => format!("{}.svg", self.name()),
            Asked::Export(kind) => kind.file_name().to_owned(),
        }
    }

    fn needs_messages(self) -> bool {
        match self {
            Asked::Picture(kind) => kind.needs_messages(),
            Asked::Several(_) => false,
            Asked::Export(_) => true,
        }
    }

    fn about(self) -> &'static str {
        match self {
            Asked::Picture(kind) => kind.about(),
            Asked::Several(kind) => kind.about(),
            Asked::Export(kind) => kind.about(),
        }
    }
}

fn kinds_in_words() -> String {
    let mut text = "What to draw; again for several. Without it, what the run is about, with a page that shows it \
                    (index.html)\n\n"
        .to_owned();
    for kind in Asked::all() {
        text.push_str(&format!("- {}: {}\n", kind.name(), kind.about()));
    }
    text
}

fn drawn(arguments: &Arguments, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    let asked = kinds(&arguments.kinds)?;
    let around = arguments.around.as_deref().map(around).transpose()?;
    // Before a long run what is known already, and at the end all.
    let known: Vec<String> = match asked.as_slice() {
        [] => vec!["index.html".to_owned()],
        kinds => kinds.iter().map(|kind| kind.file_name()).collect(),
    };
    let claim = |files: &[String]| {
        let files = files.iter().map(String::as_str);
        OutputDirectory::beside(&arguments.out, arguments.force, files)
    };
    claim(&known)?;
    let recording = match asked.iter().all(|kind| matches!(kind, Asked::Several(_))) {
        // They play runs of their own.
        true if !asked.is_empty() => Recording::default(),
        _ => {
            let messages = asked.is_empty() || asked.iter().any(|kind| kind.needs_messages());
            recording(
                &arguments.run,
                arguments.seed,
                &arguments.sets,
                messages,
                terminal,
            )?
        }
    };
    let at = arguments.at.map(|it| Time::ZERO + it);
    let is_played = recording.end > Time::ZERO;
    if at.is_some_and(|at| is_played && at > recording.end) {
        let end = Duration(recording.end.0);
        return Err(
            Diagnostic::about_file("--at", "that is after the end of the run")
                .expected(format!("at most {}", write_duration(end))),
        );
    }
    let partition = arguments.partition.clone();
    let partition = partition.map(|(topic, number)| TopicPartition::new(topic, number));
    if is_played {
        is_there(&recording, arguments.topic.as_deref(), partition.as_ref())?;
    }
    let wanted = Wanted {
        topic: arguments.topic.as_deref().map(Into::into),
        around,
        partition,
        at,
        ..Wanted::default()
    };
    let mut files = Vec::new();
    if asked.is_empty() {
        let mut shown = Vec::new();
        for kind in chosen(&recording) {
            // What was not asked for is not missed.
            if let Ok(picture) = kind.draw(&recording, &wanted) {
                push_picture(&mut files, kind.name(), &picture, arguments)?;
                shown.push((kind, format!("{}.svg", kind.name()), picture.about));
            }
        }
        let page = index_page(&recording, &shown);
        files.push(("index.html".to_owned(), vec![page.into()]));
    }
    for kind in asked {
        let missing = |Nothing { found, expected }| {
            Diagnostic::about_file(arguments.about(kind.name()), found).expected(expected)
        };
        match kind {
            Asked::Picture(of) => {
                let picture = of.draw(&recording, &wanted).map_err(missing)?;
                push_picture(&mut files, kind.name(), &picture, arguments)?;
            }
            Asked::Several(of) => {
                let picture = of_several(of, arguments, terminal)?;
                push_picture(&mut files, kind.name(), &picture, arguments)?;
            }
            Asked::Export(of) => {
                let text = of.text(&recording, &wanted).map_err(missing)?;
                files.push((of.file_name().to_owned(), vec![text.into()]));
            }
        }
    }
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let out = claim(&names)?;
    out.make()?;
    out.write(None, files)?;
    for name in &names {
        terminal.line(&arguments.out.join(name).display().to_string());
    }
    Ok(())
}

/// A name that is none of this run is told, and not taken for one with which nothing happens.
fn is_there(
    recording: &Recording,
    topic: Option<&str>,
    partition: Option<&TopicPartition>,
) -> Result<(), Diagnostic> {
    let there = recording.partitions();
    let topics: BTreeSet<&str> = there.iter().map(|it| &*it.topic).collect();
    let listed = |names: Vec<String>| match names.is_empty() {
        true => "none is there: no --topic, no --partition".to_owned(),
        false => names.join(", "),
    };
    if let Some(topic) = topic.filter(|it| !topics.contains(it)) {
        let error =
            Diagnostic::about_file("--topic", format!("\"{topic}\" is no topic of this run"));
        return Err(error.expected(listed(topics.into_iter().map(Into::into).collect())));
    }
    if let Some(partition) = partition.filter(|it| !there.contains(it)) {
        let same = there
            .iter()
            .filter(|it| it.topic == partition.topic)
            .count()
            > 0;
        let near = there
            .iter()
            .filter(|it| !same || it.topic == partition.topic);
        let error = Diagnostic::about_file(
            "--partition",
            format!("{partition} is no partition of this run"),
        );
        return Err(error.expected(listed(near.map(|it| it.to_string()).collect())));
    }
    Ok(())
}

impl Arguments {
    /// What a complaint about a kind is about.
    fn about(&self, kind: &str) -> String {
        format!("{} --kind {kind}", self.run)
    }
}

pub(super) fn partition(text: &str) -> Result<(String, i32), String> {
    let read = text.rsplit_once('-');
    let read = read.and_then(|(topic, number)| Some((topic.to_owned(), number.parse().ok()?)));
    read.ok_or_else(|| "expected a topic and a number, such as trucks_gps-0".into())
}

fn push_picture(
    files: &mut Vec<OutputFile>,
    name: &str,
    picture: &Picture,
    arguments: &Arguments,
) -> Result<(), Diagnostic> {
    let svg = to_svg(picture);
    if let Some(png) = png_of(&svg, arguments) {
        let png = png.map_err(|why| {
            let found = format!("no PNG can be made of it: {why}");
            Diagnostic::about_file(arguments.about(name), found)
                .expected("a smaller picture, or SVG only")
        })?;
        files.push((format!("{name}.png"), vec![png.into()]));
    }
    files.push((format!("{name}.svg"), vec![svg.into()]));
    Ok(())
}

/// If it is asked for.
#[cfg(feature = "png")]
fn png_of(svg: &str, arguments: &Arguments) -> Option<Result<Vec<u8>, String>> {
    arguments.png.then(|| crate::figure::to_png(svg))
}

/// It cannot be asked for.
#[cfg(not(feature = "png"))]
fn png_of(_: &str, _: &Arguments) -> Option<Result<Vec<u8>, String>> {
    None
}

/// Plays the scenario with each of the settings that this kind compares.
fn of_several(
    kind: Several,
    arguments: &Arguments,
    terminal: &mut Terminal,
) -> Result<Picture, Diagnostic> {
    let about = || arguments.about(kind.name());
    if is_trace(&arguments.run) {
        return Err(Diagnostic::about_file(
            about(),
            "this kind compares several runs, and a trace holds one",
        )
        .expected("a scenario, which is played with other settings each time"));
    }
    let input = inputs::one(&arguments.run)?;
    let load = |settings: Settings| {
        let mut sets = arguments.sets.clone();
        for (key, value) in settings {
            let places = scenario::places_of(&input.name, input.bytes.clone(), key)?;
            sets.extend(places.iter().map(|place| format!("{place}={value}")));
        }
        inputs::load(&input.name, input.bytes.clone(), &sets)
    };
    let play = |settings: &Settings| {
        let Loaded { plan, warnings, .. } = load(settings)?;
        let played = Played::of(&plan, arguments.seed.unwrap_or(plan.seed));
        let played = played.map_err(|error| Diagnostic::about_file(about(), error.to_string()))?;
        Ok((plan.name, warnings, played))
    };
    let mut runs = Vec::new();
    let mut name = None;
    for run in spread(kind.runs(), play) {
        let (of, warnings, played) = run?;
        if name.is_none() {
            warnings
                .iter()
                .for_each(|warning| terminal.complain(warning));
        }
        name.get_or_insert(of);
        runs.push(played);
    }
    Ok(kind.draw(&name.unwrap_or_default(), &runs))
}

/// Those that are named; none if none is.
fn kinds(named: &[String]) -> Result<Vec<Asked>, Diagnostic> {
    let all = || Asked::all().map(Asked::name);
    let of = |name: &String| {
        Asked::all()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| {
                let error =
                    Diagnostic::about_file("--kind", format!("\"{name}\" is no kind of figure"));
                let error = error.expected(all().collect::<Vec<_>>().join(", "));
                Diagnostic {
                    suggestion: nearest(name, all()).map(Into::into),
                    ..error
                }
            })
    };
    let mut kinds: Vec<Asked> = Vec::new();
    for name in named {
        let kind = of(name)?;
        // Once is enough.
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

/// Whether a trace is named, and no scenario.
fn is_trace(run: &str) -> bool {
    let path = Path::new(run);
    path.is_dir() || path.extension().is_some_and(|end| end == "jsonl")
}

/// A kind that is drawn of a single run.
pub(super) fn of_one_run(name: &str) -> Result<Kind, Diagnostic> {
    let all = || Kind::ALL.iter().map(|kind| kind.name());
    Kind::named(name).ok_or_else(|| {
        let found = format!("\"{name}\" is no figure of one run");
        let error = Diagnostic::about_file("--chart", found);
        Diagnostic {
            suggestion: nearest(name, all()).map(Into::into),
            ..error.expected(all().collect::<Vec<_>>().join(", "))
        }
    })
}

pub(super) fn around(text: &str) -> Result<Around, Diagnostic> {
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
pub(super) fn recording(
    run: &str,
    seed: Option<u64>,
    sets: &[String],
    messages: bool,
    terminal: &mut Terminal,
) -> Result<Recording, Diagnostic> {
    if is_trace(run) {
        let name = tell::file_name(run);
        let changed = seed
            .map(|_| "--seed")
            .or((!sets.is_empty()).then_some("--set"));
        if let Some(option) = changed {
            let error = Diagnostic::about_file(
                option,
                format!("{name} is a run that is over: nothing of it changes"),
            );
            return Err(error.expected("a scenario, which is played with it"));
        }
        let file = File::open(&name).map_err(|error| {
            Diagnostic::about_file(&name, inputs::reason(&error)).expected(tell::EXPECTED)
        })?;
        let read = Recording::read(BufReader::new(file), messages);
        let (recording, _) = read.map_err(|error| tell::damaged(name, error))?;
        return Ok(recording);
    }
    let input = inputs::one(run)?;
    let loaded = inputs::load(&input.name, input.bytes, sets)?;
    for warning in &loaded.warnings {
        terminal.complain(warning);
    }
    let plan = loaded.plan;
    let seed = seed.unwrap_or(plan.seed);
    Recording::of_run(&plan, seed, messages)
        .map_err(|error| Diagnostic::about_file(input.name, error.to_string()))
}
