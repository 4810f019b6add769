//! `trial conform`: plays recordings of real clusters, damaged data directories that a real broker was
//! started on, and transcripts of real ZooKeeper, and says where the simulator differs.

use super::terminal::Terminal;
use super::{Status, inputs};
use crate::conform::{
    self, OUTCOME_FILE, Outcome, Recording, RecoveryCase, StepDifference, ZooKeeperTranscript,
};
use crate::run::Unbuildable;
use crate::scenario::{Diagnostic, JsonDocument};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Play recordings of real Kafka clusters and compare what both came to, step by step (counted from 1).
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Recordings or ZooKeeper transcripts (.json), damaged data directories (with outcome.json), or
    /// directories of these
    #[arg(required = true, value_name = "FILE|DIR")]
    recordings: Vec<String>,
    /// Show every difference, not only the first
    #[arg(long)]
    all: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Format {
    /// A line a recording, and the differences
    Text,
    /// One document
    Json,
}

/// A recording may have so many bytes.
const MOST: usize = 256 << 20;

/// What is played: told by content.
enum Input {
    Recording(Recording),
    Recovery(RecoveryCase),
    ZooKeeper(ZooKeeperTranscript),
    /// One of the older transcripts.
    Prose {
        name: String,
        path: PathBuf,
    },
}

impl Input {
    fn name(&self) -> &str {
        match self {
            Input::Recording(recording) => &recording.name,
            Input::Recovery(case) => &case.name,
            Input::ZooKeeper(transcript) => &transcript.name,
            Input::Prose { name, .. } => name,
        }
    }

    fn path(&self) -> &Path {
        match self {
            Input::Recording(recording) => &recording.path,
            Input::Recovery(case) => &case.path,
            Input::ZooKeeper(transcript) => &transcript.path,
            Input::Prose { path, .. } => path,
        }
    }

    fn steps(&self) -> usize {
        match self {
            Input::Recording(recording) => recording.steps.len(),
            Input::Recovery(_) => 1,
            Input::ZooKeeper(transcript) => transcript.steps.len(),
            Input::Prose { .. } => 0,
        }
    }

    fn play(&self, all: bool) -> Result<Outcome, Unbuildable> {
        match self {
            Input::Recording(recording) => conform::play(recording, all),
            Input::Recovery(case) => conform::play_recovery(case),
            Input::ZooKeeper(transcript) => conform::play_zookeeper(transcript, all),
            Input::Prose { .. } => Ok(Outcome::Skipped {
                why: "an older transcript of ZooKeeper, partly prose; a test plays it".to_string(),
            }),
        }
    }

    /// Whose answers were recorded.
    fn real(&self) -> &'static str {
        match self {
            Input::Recording(_) | Input::Recovery(_) => "Kafka",
            Input::ZooKeeper(_) | Input::Prose { .. } => "ZooKeeper",
        }
    }
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let mut recordings = Vec::new();
    let mut usable = true;
    for path in paths(&arguments.recordings, terminal, &mut usable) {
        match read(&path) {
            Ok(found) => recordings.extend(found),
            Err(error) => {
                terminal.complain(&error);
                usable = false;
            }
        }
    }
    if !usable {
        return Status::Unusable;
    }
    let mut status = Status::Well;
    let mut documents = Vec::new();
    for recording in &recordings {
        terminal.progress(&format!("playing {}", recording.path().display()));
        let outcome = match recording.play(arguments.all) {
            Ok(outcome) => outcome,
            Err(error) => {
                terminal.complain(&Diagnostic::about_file(
                    recording.path().display().to_string(),
                    error.to_string(),
                ));
                return Status::Unusable;
            }
        };
        if let Outcome::Differed(_) = outcome {
            status = Status::Failed;
        }
        match arguments.format {
            Format::Text => tell(recording, &outcome, arguments.all, terminal),
            Format::Json => documents.push(document(recording, &outcome)),
        }
    }
    if arguments.format == Format::Json {
        terminal.line(&format!("{:#}", Value::from(documents)));
    }
    status
}

fn tell(recording: &Input, outcome: &Outcome, all: bool, terminal: &mut Terminal) {
    let name = recording.name();
    match outcome {
        Outcome::Agreed { steps } => terminal.line(&format!("agrees   {name}: {steps} steps")),
        Outcome::Skipped { why } => terminal.line(&format!("skipped  {name}: {why}")),
        Outcome::Differed(steps) => {
            let count: usize = steps.iter().map(|step| step.differences.len()).sum();
            let first = steps.first().map_or(0, |step| step.step);
            let more = if all {
                format!(", {count} differences")
            } else {
                String::new()
            };
            terminal.line(&format!(
                "DIFFERS  {name}: at step {first} of {}{more}",
                recording.steps()
            ));
            for (i, step) in steps.iter().enumerate() {
                let shown = if all { step.differences.len() } else { 1 };
                terminal.line(&format!("  step {}: {}", step.step, step.what));
                for difference in step.differences.iter().take(shown) {
                    terminal.line(&format!("    {}", difference.field));
                    let real = recording.real();
                    let width = real.len();
                    terminal.line(&format!("      {real}: {}", value(&difference.kafka)));
                    terminal.line(&format!(
                        "      {:<width$} {}",
                        "here:",
                        value(&difference.ours),
                        width = width + 1
                    ));
                }
                if i == 0 {
                    around(step, terminal);
                }
            }
        }
    }
}

/// What happened in the simulator before and during that step.
fn around(step: &StepDifference, terminal: &mut Terminal) {
    for (when, lines) in [("before", &step.before), ("meanwhile", &step.meanwhile)] {
        if !lines.is_empty() {
            terminal.line(&format!("    {when} here:"));
        }
        for line in lines {
            terminal.line(&format!("      {line}"));
        }
    }
    if step.meanwhile.is_empty() {
        terminal.line("    meanwhile here: nothing that the transcript tells");
    }
}

fn document(recording: &Input, outcome: &Outcome) -> Value {
    let differences = |step: &StepDifference| {
        let one = |difference: &conform::Difference| json!({"field": difference.field, "kafka": difference.kafka, "ours": difference.ours});
        json!({
            "step": step.step,
            "do": step.what,
            "differences": step.differences.iter().map(one).collect::<Vec<_>>(),
            "transcript_before": step.before,
            "transcript": step.meanwhile,
        })
    };
    let (verdict, steps, why) = match outcome {
        Outcome::Agreed { .. } => ("agrees", vec![], None),
        Outcome::Skipped { why } => ("skipped", vec![], Some(why)),
        Outcome::Differed(steps) => ("differs", steps.iter().map(differences).collect(), None),
    };
    json!({
        "recording": recording.name(),
        "path": recording.path().display().to_string(),
        "verdict": verdict,
        "steps": recording.steps(),
        "differing": steps,
        "why": why,
    })
}

fn value(value: &Option<Value>) -> String {
    value
        .as_ref()
        .map_or_else(|| "nothing".to_string(), ToString::to_string)
}

/// Files and damaged directories as named; of other directories every `.json` file and every damaged
/// directory directly in them. Beside damaged directories only what has `steps` is a recording.
fn paths(arguments: &[String], terminal: &mut Terminal, usable: &mut bool) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for argument in arguments {
        let path = Path::new(argument);
        if !path.is_dir() || path.join(OUTCOME_FILE).is_file() {
            all.push(path.to_path_buf());
            continue;
        }
        let mut found: Vec<PathBuf> = match std::fs::read_dir(path) {
            Ok(entries) => entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect(),
            Err(error) => {
                terminal.complain(&Diagnostic::about_file(argument, error.to_string()));
                *usable = false;
                continue;
            }
        };
        let is_case = |path: &PathBuf| path.join(OUTCOME_FILE).is_file();
        let has_cases = found.iter().any(is_case);
        found.retain(|file| {
            is_case(file)
                || file.extension().is_some_and(|end| end == "json")
                    && file.is_file()
                    && !(has_cases && conform::read(file).is_err())
        });
        found.sort();
        if found.is_empty() {
            terminal.complain(
                &Diagnostic::about_file(argument, "there is no recording in this directory")
                    .expected("at least one .json file, or a directory with outcome.json"),
            );
            *usable = false;
        }
        all.extend(found);
    }
    all
}

/// Reads what is played; what is wrong with it is said with its place.
fn read(path: &Path) -> Result<Vec<Input>, Diagnostic> {
    let case = match path.file_name() {
        Some(name) if name == OUTCOME_FILE => path.parent(),
        _ => Some(path).filter(|path| path.is_dir()),
    };
    if let Some(case) = case {
        return conform::read_recovery_case(case)
            .map(|case| vec![Input::Recovery(case)])
            .map_err(|error| {
                Diagnostic::about_file(case.display().to_string(), error.to_string())
            });
    }
    let name = path.display().to_string();
    let bytes = inputs::other_file(&name, MOST)?.bytes;
    let document = JsonDocument::read(&name, bytes, MOST, "a recording")?;
    if conform::is_zookeeper(&document.value) {
        return conform::zookeeper_transcripts_of(path, &document.value)
            .map(|transcripts| transcripts.into_iter().map(Input::ZooKeeper).collect())
            .map_err(|problem| document.blame(problem));
    }
    if let Some(name) = conform::prose_transcript(&document.value) {
        let (name, path) = (name.to_string(), path.to_path_buf());
        return Ok(vec![Input::Prose { name, path }]);
    }
    conform::recording_of(path, &document.value)
        .map(|recording| vec![Input::Recording(recording)])
        .map_err(|problem| document.blame(problem))
}
