//! A damaged data directory and what real Kafka's start made of it (`vectors/kafka/recovery`): read,
//! checked, and held as plain values. The format is described in the recordings' README.

use super::Unreadable;
use crate::log::MetaProperties;
use crate::protocol::TopicId;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What one broker found, and what came of it.
#[derive(Clone, Debug)]
pub struct RecoveryCase {
    pub path: PathBuf,
    pub name: String,
    /// The damage, in words.
    pub about: String,
    /// The broker's wall clock at its start.
    pub started_at_ms: i64,
    /// As ZooKeeper knew them: of the directory before the damage, if that stands beside the case.
    pub cluster_id: String,
    pub topic_id: TopicId,
    /// Path (under `data/`) and content; a path that ends in `/` is an empty directory.
    pub files: Vec<(String, Vec<u8>)>,
    /// `outcome.json`
    pub outcome: Value,
}

/// The file that makes a directory a case.
pub const OUTCOME_FILE: &str = "outcome.json";
/// The directory before the damage, beside the cases.
const UNDAMAGED: &str = "crashed";
/// A file that stands for an empty directory.
const KEEP: &str = ".keep";

/// Reads the case in the directory `path`.
pub fn read_recovery_case(path: &Path) -> Result<RecoveryCase, Unreadable> {
    let outcome_path = path.join(OUTCOME_FILE);
    let outcome: Value = serde_json::from_slice(&read(&outcome_path)?).map_err(|error| {
        Unreadable(format!(
            "{}:{}:{}: not JSON: {error}",
            outcome_path.display(),
            error.line(),
            error.column()
        ))
    })?;
    let expected = |field: &str, what: &str| {
        let shown = outcome_path.display();
        Unreadable(format!(
            "{shown}: no outcome of a recovery: `{field}`: expected {what}"
        ))
    };
    let started_at_ms = outcome.get("started_at_ms").and_then(Value::as_i64);
    let text = |field: &str| outcome.get(field).and_then(Value::as_str);
    text("outcome").ok_or_else(|| expected("outcome", "\"served\", \"exited N\" or \"died N\""))?;
    let mut files = Vec::new();
    collect(&path.join("data"), "", &mut files)?;
    let (cluster_id, topic_id) = identity(path)?;
    Ok(RecoveryCase {
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        about: text("about").unwrap_or_default().to_string(),
        started_at_ms: started_at_ms
            .ok_or_else(|| expected("started_at_ms", "milliseconds since 1970"))?,
        cluster_id,
        topic_id,
        files,
        path: path.to_path_buf(),
        outcome,
    })
}

/// Cluster and topic id as ZooKeeper has them.
fn identity(case: &Path) -> Result<(String, TopicId), Unreadable> {
    let beside = case
        .parent()
        .map(|parent| parent.join(UNDAMAGED))
        .filter(|beside| beside.is_dir());
    let from = beside.unwrap_or_else(|| case.join("data"));
    let bad = |path: &Path, what: &str| Unreadable(format!("{}: {what}", path.display()));
    let meta = from.join("meta.properties");
    let cluster_id = MetaProperties::parse(&read(&meta)?)
        .map_err(|problem| bad(&meta, &problem))?
        .cluster_id
        .ok_or_else(|| bad(&meta, "expected a line cluster.id=..."))?;
    let metadata = from.join("r-0/partition.metadata");
    let text = String::from_utf8_lossy(&read(&metadata)?).into_owned();
    let topic_id = text
        .lines()
        .find_map(|line| line.strip_prefix("topic_id: "))
        .and_then(TopicId::parse)
        .ok_or_else(|| bad(&metadata, "expected a line `topic_id: ...`"))?;
    Ok((cluster_id, topic_id))
}

/// Every file under `dir` in the order of names.
pub(super) fn collect(
    dir: &Path,
    under: &str,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Unreadable> {
    let unreadable = |error| Unreadable(format!("{}: cannot be read: {error}", dir.display()));
    let mut entries = std::fs::read_dir(dir)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    if entries.is_empty() && !under.is_empty() {
        files.push((under.to_string(), Vec::new()));
    }
    for entry in entries {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(Unreadable(format!(
                "{}: a file's name is not UTF-8",
                dir.display()
            )));
        };
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{under}{name}/"), files)?;
        } else if name == KEEP {
            files.push((under.to_string(), Vec::new()));
        } else {
            files.push((format!("{under}{name}"), read(&entry.path())?));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    std::fs::read(path)
        .map_err(|error| Unreadable(format!("{}: cannot be read: {error}", path.display())))
}
