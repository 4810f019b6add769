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
pub enum LogDirName {
    Partition {
        topic: String,
        partition: i32,
    },
    /// `TOPIC-N.HEX-delete`: to be deleted.
    Deleted {
        topic: String,
        partition: i32,
    },
}

/// The name of a partition's directory.
pub fn partition_dir_name(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}

/// Kafka's reading of a directory's name; `None` is fatal for the data directory (RL2).
pub fn parse_dir_name(name: &str) -> Option<LogDirName> {
    let (name, deleted) = match name.strip_suffix("-delete") {
        Some(marked) => {
            let (name, unique) = marked.rsplit_once('.')?;
            if unique.is_empty() || name.chars().chain(unique.chars()).any(char::is_whitespace) {
                return None;
            }
            (name, true)
        }
        None => (name, false),
    };
    let (topic, partition) = name.rsplit_once('-')?;
    let partition = partition.parse().ok()?;
    if topic.is_empty() {
        return None;
    }
    let topic = topic.to_owned();
    Some(if deleted {
        LogDirName::Deleted { topic, partition }
    } else {
        LogDirName::Partition { topic, partition }
    })
}

/// Names of the directories in the data directory, sorted: Kafka takes every one for a partition's.
pub fn list_dirs(disk: &Disk, data_dir: &str) -> Vec<String> {
    let is_dir = |name: &String| disk.open(&format!("{data_dir}/{name}")).is_none();
    disk.list(data_dir).into_iter().filter(is_dir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rl2_directory_names() {
        let partition = |topic: &str, partition| {
            Some(LogDirName::Partition {
                topic: topic.into(),
                partition,
            })
        };
        assert_eq!(parse_dir_name("t-0"), partition("t", 0));
        assert_eq!(parse_dir_name("a-b.c_d-12"), partition("a-b.c_d", 12));
        let deleted = LogDirName::Deleted {
            topic: "t".into(),
            partition: 3,
        };
        assert_eq!(parse_dir_name("t-3.0123456789abcdef-delete"), Some(deleted));
        for bad in ["t", "-0", "t-", "t-x", "not a partition", "t-0-delete", ""] {
            assert_eq!(parse_dir_name(bad), None, "{bad}");
        }
    }
}
