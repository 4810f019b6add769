//! A damaged data directory and what real Kafka's start made of it (`vectors/kafka/recovery`): checked, and
//! held as plain values. The format is described in the recordings' README.

use super::field::Field;
use super::shape::{MAY, Member, Shape, TEXTS, check_members};
use crate::log::MetaProperties;
use crate::plan::Problem;
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
    /// Configurations of the topic that are not those of all cases.
    pub topic_config: Vec<(String, String)>,
    /// Path (under `data/`) and content; a path that ends in `/` is an empty directory.
    pub files: Vec<(String, Vec<u8>)>,
    /// `outcome.json`
    pub outcome: Value,
}

/// The file that makes a directory a case.
pub const OUTCOME_FILE: &str = "outcome.json";
/// The damaged files, in a case's directory.
pub const DAMAGED_DIR: &str = "data";
/// The directory before the damage, beside the cases.
pub const UNDAMAGED_DIR: &str = "crashed";
/// The file that tells the topic's id.
pub const PARTITION_METADATA: &str = "r-0/partition.metadata";
/// The file that tells the cluster's id.
pub const META_PROPERTIES: &str = "meta.properties";

/// What an outcome can tell.
const OUTCOME: &[&str] = &[
    "about",
    "started_at_ms",
    "cluster_id",
    "topic_config",
    "outcome",
    "offsets",
    "produce_after",
    "read",
    "leader_epochs",
    "files_after_clean_stop",
    "said",
    "dirs",
    "dir_entries",
];

const SHOWN: &[Member] = &[
    ("offsets", Shape::Each(&Shape::Any), MAY),
    ("produce_after", Shape::List(&Shape::Each(&Shape::Any)), MAY),
    ("read", Shape::Each(&Shape::Any), MAY),
    ("leader_epochs", TEXTS, MAY),
    ("said", TEXTS, MAY),
    ("dirs", TEXTS, MAY),
    ("dir_entries", TEXTS, MAY),
];

/// Ids of a case that holds none: then none is compared.
const SOME_CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAg";
const SOME_TOPIC: TopicId = TopicId([2; 16]);

/// The case in the directory `path`: `outcome` is its document, `files` what lies below its data directory,
/// `undamaged` what is known of the directory before the damage.
pub fn recovery_case_of(
    path: &Path,
    outcome: &Value,
    files: Vec<(String, Vec<u8>)>,
    undamaged: &[(String, Vec<u8>)],
) -> Result<RecoveryCase, Problem> {
    let document = Field::root(outcome);
    let ended = document.need("outcome", "\"outcome\": \"served\"")?;
    check_outcome(&ended)?;
    document.only(OUTCOME)?;
    check_members(&document, SHOWN)?;
    if ended.value == "served" {
        for key in ["offsets", "produce_after", "read", "leader_epochs"] {
            document.need(key, &format!("\"{key}\", since the broker served"))?;
        }
    }
    let started = document.need("started_at_ms", "\"started_at_ms\": 1795316900000")?;
    let about = document
        .get("about")
        .map(|about| about.text())
        .transpose()?;
    let cluster_id = document.get("cluster_id").map(|id| id.text()).transpose()?;
    document.may("files_after_clean_stop", |files| {
        files
            .fields()?
            .try_for_each(|(_, file)| file.map().map(drop))
    })?;
    let mut topic_config = Vec::new();
    document.may("topic_config", |config| {
        for (key, value) in config.fields()? {
            topic_config.push((key.to_string(), value.text()?.to_string()));
        }
        Ok(())
    })?;
    let known = |name: &str| content(undamaged, name).or_else(|| content(&files, name));
    let cluster_id = cluster_id.map(str::to_string);
    let cluster_id = cluster_id.or_else(|| cluster_id_of(known(META_PROPERTIES)?));
    let topic_id = known(PARTITION_METADATA).and_then(topic_id_of);
    Ok(RecoveryCase {
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        about: about.unwrap_or_default().to_string(),
        started_at_ms: started.number(0, i64::MAX)?,
        cluster_id: cluster_id.unwrap_or_else(|| SOME_CLUSTER.to_string()),
        topic_id: topic_id.unwrap_or(SOME_TOPIC),
        topic_config,
        files,
        path: path.to_path_buf(),
        outcome: outcome.clone(),
    })
}

/// How it ended: "served", "exited N" or "died N".
fn check_outcome(outcome: &Field<'_>) -> Result<(), Problem> {
    let said = outcome.text()?;
    let status = said
        .strip_prefix("exited ")
        .or_else(|| said.strip_prefix("died "));
    let known = said == "served" || status.is_some_and(|status| status.parse::<i32>().is_ok());
    match known {
        true => Ok(()),
        false => Err(outcome.wrong("\"served\", \"exited N\" or \"died N\"")),
    }
}

fn content<'a>(files: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let (_, content) = files.iter().find(|(path, _)| path == name)?;
    Some(content)
}

fn cluster_id_of(meta_properties: &[u8]) -> Option<String> {
    MetaProperties::parse(meta_properties).ok()?.cluster_id
}

fn topic_id_of(partition_metadata: &[u8]) -> Option<TopicId> {
    let text = std::str::from_utf8(partition_metadata).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("topic_id: "))?;
    TopicId::parse(line)
}
