//! A broker's data directory: which partitions lie in it, and whether it was left in order (classes
//! LogManager, CleanShutdownFileHandler; L6, RL2).

use crate::kernel::disk::Disk;
use crate::log::LogError;
use bytes::Bytes;

/// Written last by a clean stop; its mere existence counts (L6).
pub const CLEAN_SHUTDOWN_FILE: &str = ".kafka_cleanshutdown";

/// The content of the clean marker; `broker_epoch` is -1 in ZooKeeper mode.
pub fn clean_shutdown_content(broker_epoch: i64) -> Bytes {
    format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}")
        .into_bytes()
        .into()
}

/// Writes and syncs the clean marker (blocking).
pub fn write_clean_shutdown_file(
    disk: &mut Disk,
    data_dir: &str,
    broker_epoch: i64,
) -> Result<(), LogError> {
    let path = format!("{data_dir}/{CLEAN_SHUTDOWN_FILE}");
    let mut write = || {
        let file = disk.create(&path)?;
        disk.truncate(file, 0)?;
        disk.append(file, clean_shutdown_content(broker_epoch))?;
        disk.sync(file)
    };
    write().map_err(LogError::disk(&path))
}

/// Whether the clean marker is there.
pub fn has_clean_shutdown_file(disk: &Disk, data_dir: &str) -> bool {
    disk.exists(&format!("{data_dir}/{CLEAN_SHUTDOWN_FILE}"))
}

/// Notes whether the last stop was clean, and deletes the marker at once: a crash while loading makes
/// the next start an unclean one (KAFKA-10471).
pub fn take_clean_shutdown_file(disk: &mut Disk, data_dir: &str) -> Result<bool, LogError> {
    let path = format!("{data_dir}/{CLEAN_SHUTDOWN_FILE}");
    if !disk.exists(&path) {
        return Ok(false);
    }
    disk.delete(&path).map_err(LogError::disk(&path))?;
    Ok(true)
}

/// What a directory's name says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LogDirName {
    pub topic: String,
    pub partition: i32,
    pub kind: LogDirKind,
}

/// What a partition's log is to the broker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LogDirKind {
    Current,
    /// `TOPIC-N.ID-future`: the copy that is to take the current log's place, in another directory (KIP-113).
    Future,
    /// `TOPIC-N.ID-stray`: set aside, since the broker is no replica of the partition any more.
    Stray,
    /// `TOPIC-N.ID-delete`: to be deleted.
    Deleted,
}

impl LogDirKind {
    const MARKED: [(&'static str, LogDirKind); 3] = [
        ("-future", LogDirKind::Future),
        ("-stray", LogDirKind::Stray),
        ("-delete", LogDirKind::Deleted),
    ];
}

/// The name of a partition's directory.
pub fn partition_dir_name(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}

/// Kafka's reading of a directory's name; `None` is fatal for the data directory (RL2, RL17).
pub fn parse_dir_name(name: &str) -> Option<LogDirName> {
    let marked = LogDirKind::MARKED
        .iter()
        .find_map(|(suffix, kind)| Some((name.strip_suffix(suffix)?, *kind)));
    let (name, kind) = match marked {
        Some((marked, kind)) => {
            let (name, unique) = marked.rsplit_once('.')?;
            if unique.is_empty() || marked.chars().any(char::is_whitespace) {
                return None;
            }
            (name, kind)
        }
        None => (name, LogDirKind::Current),
    };
    let (topic, partition) = name.rsplit_once('-')?;
    let partition = partition.parse().ok()?;
    if topic.is_empty() {
        return None;
    }
    let topic = topic.to_owned();
    Some(LogDirName {
        topic,
        partition,
        kind,
    })
}

/// Directories that other parts of Kafka keep beside the partitions': a broker with ZooKeeper passes them over
/// (RL17).
pub fn is_passed_over(name: &str) -> bool {
    name == "remote-log-index-cache"
        || parse_dir_name(name).is_some_and(|name| name.topic == "__cluster_metadata")
}

/// Names of the directories in the data directory, sorted: Kafka takes every one for a partition's, but for
/// those that it passes over.
pub fn list_dirs(disk: &Disk, data_dir: &str) -> Vec<String> {
    let is_dir = |name: &String| disk.open(&format!("{data_dir}/{name}")).is_none();
    let names = disk.list(data_dir).into_iter();
    names
        .filter(|name| is_dir(name) && !is_passed_over(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rl2_directory_names() {
        let name = |topic: &str, partition, kind| {
            let topic = topic.to_owned();
            Some(LogDirName {
                topic,
                partition,
                kind,
            })
        };
        use LogDirKind::{Current, Deleted, Future, Stray};
        for (given, expected) in [
            ("t-0", name("t", 0, Current)),
            ("a-b.c_d-12", name("a-b.c_d", 12, Current)),
            ("t-3.0123456789abcdef-delete", name("t", 3, Deleted)),
            ("t-3.0123456789abcdef-future", name("t", 3, Future)),
            ("t-3.0123456789abcdef-stray", name("t", 3, Stray)),
            ("a.b-1.x.y-future", None),
            ("a.b-1.x-future", name("a.b", 1, Future)),
        ] {
            assert_eq!(parse_dir_name(given), expected, "{given}");
        }
        for bad in [
            "t",
            "-0",
            "t-",
            "t-x",
            "not a partition",
            "t-0-delete",
            "t-0-future",
            "t-0-stray",
            "t-0.-future",
            "t-0.a b-stray",
            "t.x-future",
            "-0.x-future",
            "t-99999999999",
            "",
        ] {
            assert_eq!(parse_dir_name(bad), None, "{bad}");
        }
    }
}
