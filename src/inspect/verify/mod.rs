//! Whether a broker's data directory holds together: checksums, offsets, epochs against the epoch file,
//! indexes against the log, checkpoints against both; and what a broker would make of what does not
//! (RL1 to RL12, RL16).
//!
//! Knows bytes and names; who calls it reads the files. It reads files by itself, so that it can tell what
//! Kafka's start does not notice.

mod compaction;
mod partition;
mod producers;
mod segment;

use crate::log::log_dir::{self, CLEAN_SHUTDOWN_FILE, LogDirKind, LogDirName};
use crate::log::offset_checkpoint::{
    self, CLEANER_OFFSET_CHECKPOINT, LOG_START_OFFSET_CHECKPOINT, OffsetCheckpoint,
    RECOVERY_POINT_OFFSET_CHECKPOINT, REPLICATION_OFFSET_CHECKPOINT,
};
use crate::log::{MetaProperties, broker_metadata_checkpoint::META_PROPERTIES};
use bytes::Bytes;
use partition::PartitionDir;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One thing that does not hold together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Below the data directory.
    pub path: String,
    pub what: String,
    /// What a broker would make of it.
    pub broker: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.what, self.broker)
    }
}

/// Checks every file below a broker's data directory, given by path and content; a path that ends in `/`
/// is an empty directory. Findings come in the order of paths.
pub fn verify(files: &[(String, Vec<u8>)]) -> Vec<Finding> {
    let mut verifier = Verifier {
        clean: files.iter().any(|(path, _)| path == CLEAN_SHUTDOWN_FILE),
        findings: Vec::new(),
    };
    let mut top = BTreeMap::new();
    let mut dirs: BTreeMap<&str, BTreeMap<&str, Bytes>> = BTreeMap::new();
    for (path, content) in files {
        match path.split_once('/') {
            None => {
                top.insert(path.as_str(), content.as_slice());
            }
            Some((dir, "")) => {
                dirs.entry(dir).or_default();
            }
            Some((dir, name)) => {
                let content = Bytes::copy_from_slice(content);
                dirs.entry(dir).or_default().insert(name, content);
            }
        }
    }
    verifier.meta_properties(top.get(META_PROPERTIES).copied());
    let mut offsets = |name: &str| verifier.offset_checkpoint(name, top.get(name).copied());
    let recovery_points = offsets(RECOVERY_POINT_OFFSET_CHECKPOINT);
    let log_starts = offsets(LOG_START_OFFSET_CHECKPOINT);
    let high_watermarks = offsets(REPLICATION_OFFSET_CHECKPOINT);
    let cleaned = offsets(CLEANER_OFFSET_CHECKPOINT);

    let mut present = BTreeSet::new();
    for (dir, files) in &dirs {
        match log_dir::parse_dir_name(dir) {
            _ if log_dir::is_passed_over(dir) => {}
            None => verifier.find(
                dir,
                "this is no partition's directory",
                "its start ends with status 1, before any log is loaded",
            ),
            Some(LogDirName {
                kind: LogDirKind::Deleted,
                ..
            }) => verifier.find(
                dir,
                "the topic of this directory was deleted",
                "it is deleted after the next start",
            ),
            Some(LogDirName {
                topic,
                partition,
                kind,
            }) => {
                let key = (topic, partition);
                PartitionDir {
                    dir,
                    files,
                    clean: verifier.clean,
                    recovery_point: recovery_points.get(&key).copied().unwrap_or(0),
                    log_start: log_starts.get(&key).copied().unwrap_or(0),
                    high_watermark: (kind == LogDirKind::Current)
                        .then(|| high_watermarks.get(&key).copied())
                        .flatten(),
                    compacted: cleaned.contains_key(&key),
                }
                .verify(&mut verifier);
                present.insert(key);
            }
        }
    }
    for (name, checkpoint) in [
        (RECOVERY_POINT_OFFSET_CHECKPOINT, &recovery_points),
        (LOG_START_OFFSET_CHECKPOINT, &log_starts),
        (REPLICATION_OFFSET_CHECKPOINT, &high_watermarks),
    ] {
        for (topic, partition) in checkpoint.keys().filter(|key| !present.contains(*key)) {
            verifier.find(
                name,
                &format!("it names {topic}-{partition}, which is not here"),
                "nobody asks for it; it goes when the file is next written",
            );
        }
    }
    verifier.findings
}

/// The largest timestamp that a sound batch of these files says it has.
pub fn newest_timestamp(files: &[(String, Vec<u8>)]) -> Option<i64> {
    let logs = files.iter().filter(|(path, _)| path.ends_with(".log"));
    let batches = logs.flat_map(|(_, content)| segment::batches(&Bytes::copy_from_slice(content)));
    batches
        .filter(|(_, batch)| batch.is_valid())
        .map(|(_, batch)| batch.max_timestamp())
        .filter(|timestamp| *timestamp >= 0)
        .max()
}

/// What is found, and what all checks have to know.
struct Verifier {
    /// The last stop was clean.
    clean: bool,
    findings: Vec<Finding>,
}

impl Verifier {
    fn find(&mut self, path: &str, what: &str, broker: &str) {
        self.findings.push(Finding {
            path: path.to_owned(),
            what: what.to_owned(),
            broker: broker.to_owned(),
        });
    }

    fn meta_properties(&mut self, content: Option<&[u8]>) {
        match content.map(MetaProperties::parse) {
            None => self.find(META_PROPERTIES, "it is missing", "a broker makes it anew"),
            Some(Ok(meta)) => {
                if meta == MetaProperties::default() {
                    self.find(META_PROPERTIES, "it says nothing", "a broker makes it anew");
                } else if meta.broker_id.is_none() {
                    let what = "it does not say whose directory this is (broker.id)";
                    self.find(
                        META_PROPERTIES,
                        what,
                        "a broker of any id takes it, and writes its own",
                    );
                } else if meta.version != 0 {
                    let what = format!("it has version {}, that of KRaft mode", meta.version);
                    let broker =
                        "a broker in ZooKeeper mode ends with status 1, nothing is touched";
                    self.find(META_PROPERTIES, &what, broker);
                }
            }
            Some(Err(problem)) => self.find(
                META_PROPERTIES,
                &problem,
                "its start ends with status 1, nothing is touched",
            ),
        }
    }

    fn offset_checkpoint(&mut self, name: &str, content: Option<&[u8]>) -> OffsetCheckpoint {
        match offset_checkpoint::parse(content.unwrap_or_default()) {
            Ok(offsets) => offsets,
            Err(problem) => {
                let when = match name {
                    REPLICATION_OFFSET_CHECKPOINT => {
                        "once the controller has told it what it hosts"
                    }
                    CLEANER_OFFSET_CHECKPOINT => {
                        "once the logs are loaded and it looks for what to compact"
                    }
                    _ => "after the logs were loaded and checked from their beginning",
                };
                let broker = format!("it gives up the directory and ends with status 1, {when}");
                self.find(name, &problem, &broker);
                OffsetCheckpoint::new()
            }
        }
    }
}
