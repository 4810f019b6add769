//! What `trial conform` plays, found and read: recordings, transcripts of ZooKeeper, damaged data
//! directories.

use super::Unusable;
use crate::cli::{data_directory, inputs};
use crate::conform::{
    self, ClientRecording, DAMAGED_DIR, Lateness, META_PROPERTIES, OUTCOME_FILE, Outcome,
    PARTITION_METADATA, Recording, RecoveryCase, UNDAMAGED_DIR, ZooKeeperTranscript,
};
use crate::run::Unbuildable;
use crate::scenario::{Diagnostic, JsonDocument};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A recording may have so many bytes.
const MOST: usize = 256 << 20;

/// What is played: told by content.
pub(super) enum Input {
    Recording(Recording),
    Clients(ClientRecording),
    Recovery(RecoveryCase),
    ZooKeeper(ZooKeeperTranscript),
    /// One of the older transcripts.
    Prose {
        name: String,
        path: PathBuf,
    },
}

impl Input {
    pub(super) fn name(&self) -> &str {
        match self {
            Input::Recording(recording) => &recording.name,
            Input::Clients(recording) => &recording.name,
            Input::Recovery(case) => &case.name,
            Input::ZooKeeper(transcript) => &transcript.name,
            Input::Prose { name, .. } => name,
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Input::Recording(recording) => &recording.path,
            Input::Clients(recording) => &recording.path,
            Input::Recovery(case) => &case.path,
            Input::ZooKeeper(transcript) => &transcript.path,
            Input::Prose { path, .. } => path,
        }
    }

    pub(super) fn steps(&self) -> usize {
        match self {
            Input::Recording(recording) => recording.steps.len(),
            Input::Clients(recording) => recording.steps.len(),
            Input::Recovery(_) => 1,
            Input::ZooKeeper(transcript) => transcript.steps.len(),
            Input::Prose { .. } => 0,
        }
    }

    /// What came of it, and how late each step of a recording was.
    pub(super) fn play(&self, all: bool) -> Result<(Outcome, Vec<Lateness>), Unbuildable> {
        let outcome = match self {
            Input::Recording(recording) => return conform::play_with_lateness(recording, all),
            Input::Clients(recording) => conform::play_clients(recording, all)?,
            Input::Recovery(case) => conform::play_recovery(case)?,
            Input::ZooKeeper(transcript) => conform::play_zookeeper(transcript, all)?,
            Input::Prose { .. } => Outcome::Skipped {
                why: "an older transcript of ZooKeeper, partly prose; a test plays it".to_string(),
            },
        };
        Ok((outcome, Vec::new()))
    }

    /// Whose answers were recorded.
    pub(super) fn real(&self) -> &'static str {
        match self {
            Input::Recording(_) | Input::Clients(_) | Input::Recovery(_) => "Kafka",
            Input::ZooKeeper(_) | Input::Prose { .. } => "ZooKeeper",
        }
    }
}

/// Something that is named to be played: where it lies, or why nothing is there.
pub(super) type Found = Result<PathBuf, Unusable>;

/// Files and damaged directories as named; of other directories every `.json` file and every damaged
/// directory directly in them. Beside damaged directories only what has steps is a recording.
pub(super) fn find(arguments: &[String]) -> Vec<Found> {
    let mut all = Vec::new();
    for argument in arguments {
        let path = Path::new(argument);
        if !path.is_dir() || is_case(path) {
            all.push(Ok(path.to_path_buf()));
            continue;
        }
        match find_in(path) {
            Ok(found) => all.extend(found.into_iter().map(Ok)),
            Err(why) => all.push(Err(Unusable::of(path, why))),
        }
    }
    all
}

fn is_case(path: &Path) -> bool {
    path.join(OUTCOME_FILE).is_file()
}

fn find_in(directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let name = directory.display().to_string();
    let entries = std::fs::read_dir(directory)
        .map_err(|error| Diagnostic::about_file(name.as_str(), inputs::reason(&error)))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    let has_cases = found.iter().any(|path| is_case(path));
    found.retain(|path| {
        let is_json = || path.extension().is_some_and(|end| end == "json") && path.is_file();
        is_case(path) || (is_json() && (!has_cases || has_steps(path)))
    });
    found.sort();
    match found.is_empty() {
        false => Ok(found),
        true => Err(
            Diagnostic::about_file(name, "there is no recording in this directory")
                .expected("at least one .json file, or a directory with outcome.json"),
        ),
    }
}

/// Whether a file is a recording, not a listing that lies beside damaged directories.
fn has_steps(path: &Path) -> bool {
    let text = std::fs::read(path).ok();
    let document = text.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    document
        .is_some_and(|document| document.get("steps").is_some() || conform::is_zookeeper(&document))
}

/// Reads what is played; what is wrong with it is said with its place.
pub(super) fn read(found: Found) -> Vec<Result<Input, Unusable>> {
    match found.and_then(|path| read_path(&path).map_err(|why| Unusable::of(&path, why))) {
        Ok(inputs) => inputs.into_iter().map(Ok).collect(),
        Err(unusable) => vec![Err(unusable)],
    }
}

fn read_path(path: &Path) -> Result<Vec<Input>, Diagnostic> {
    let case = match path.file_name() {
        Some(name) if name == OUTCOME_FILE => path.parent(),
        _ => Some(path).filter(|path| path.is_dir()),
    };
    if let Some(case) = case {
        return read_case(case).map(|case| vec![Input::Recovery(case)]);
    }
    let document = read_document(path)?;
    if conform::is_zookeeper(&document.value) {
        return conform::zookeeper_transcripts_of(path, &document.value)
            .map(|transcripts| transcripts.into_iter().map(Input::ZooKeeper).collect())
            .map_err(|problem| document.blame(problem));
    }
    if let Some(name) = conform::prose_transcript(&document.value) {
        let (name, path) = (name.to_string(), path.to_path_buf());
        return Ok(vec![Input::Prose { name, path }]);
    }
    if conform::is_client_recording(&document.value) {
        return conform::client_recording_of(path, &document.value)
            .map(|recording| vec![Input::Clients(recording)])
            .map_err(|problem| document.blame(problem));
    }
    conform::recording_of(path, &document.value)
        .map(|recording| vec![Input::Recording(recording)])
        .map_err(|problem| document.blame(problem))
}

fn read_document(path: &Path) -> Result<JsonDocument, Diagnostic> {
    let name = path.display().to_string();
    let bytes = inputs::other_file(&name, MOST)?.bytes;
    JsonDocument::read(&name, bytes, MOST, "a recording")
}

/// A damaged directory, with what is known of it before the damage.
fn read_case(case: &Path) -> Result<RecoveryCase, Diagnostic> {
    // A name, where the path is only dots.
    let case = &case.canonicalize().unwrap_or_else(|_| case.to_path_buf());
    let document = read_document(&case.join(OUTCOME_FILE))?;
    let files = data_directory::files_below(&case.join(DAMAGED_DIR))?;
    let undamaged = case.with_file_name(UNDAMAGED_DIR);
    let known = [META_PROPERTIES, PARTITION_METADATA].into_iter();
    let known = known.filter_map(|name| {
        let content = std::fs::read(undamaged.join(name)).ok()?;
        Some((name.to_string(), content))
    });
    let known: Vec<_> = known.collect();
    conform::recovery_case_of(case, &document.value, files, &known)
        .map_err(|problem| document.blame(problem))
}
