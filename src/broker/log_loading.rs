//! Loading the logs of a data directory, one piece of work a step (class `LogManager`, `loadLogs`;
//! rules RL1, RL2, RL12, L6, L7).
//!
//! A crash between two steps leaves the disk as it is then; the next start begins anew.
//!
//! May not know why the process before ended: the clean marker says how, and no more.

use super::log_manager::{DATA_DIR, HostedLog, new_log_config};
use crate::kernel::Disk;
use crate::log::log_dir::{self, LogDirKind, LogDirName};
use crate::log::{
    LoadNote, LoadParameters, LogError, LogLoader, OffsetCheckpoint, UnifiedLog,
    offset_checkpoint::{self, LOG_START_OFFSET_CHECKPOINT, RECOVERY_POINT_OFFSET_CHECKPOINT},
};
use crate::protocol::TopicPartition;
use crate::protocol::config::{BrokerConfig, TopicConfig};
use crate::protocol::rules::CleanMarker;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Logs that are being loaded.
#[derive(Debug)]
pub(crate) struct LogLoading {
    /// Of topics that have one.
    configs: BTreeMap<Rc<str>, TopicConfig>,
    config: Rc<BrokerConfig>,
    dirs: VecDeque<String>,
    pub(crate) clean_shutdown: bool,
    recovery_points: OffsetCheckpoint,
    log_starts: OffsetCheckpoint,
    current: Option<Current>,
    /// Directories of future logs.
    futures: BTreeMap<TopicPartition, String>,
    /// An I/O error or a malformed file: the other logs are still loaded, then the directory is given up.
    offline: Option<String>,
    /// An exception that ends the start, once the other logs are loaded.
    fatal: Option<String>,
}

#[derive(Debug)]
struct Current {
    name: TopicPartition,
    dir: String,
    kind: LogDirKind,
    min_insync_replicas: i32,
    loader: LogLoader,
}

/// What a step came to.
#[derive(Debug)]
pub(crate) enum Loaded {
    More,
    Log(TopicPartition, Box<HostedLog>),
    /// RL17: a copy that waits to take the current log's place.
    Future(TopicPartition, Box<HostedLog>),
    /// A log that was set aside, and stays as it is.
    Stray,
    /// A directory of a deleted partition.
    DeletedDir(String),
    /// Nothing is left to be loaded.
    End(End),
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum End {
    Well,
    /// The broker halts as it stands.
    Offline(String),
    /// The broker shuts down what it has loaded, and ends.
    Fatal(String),
}

impl LogLoading {
    /// The marker is noted and deleted, the checkpoint files are read, the directories listed.
    pub(crate) fn begin(
        disk: &mut Disk,
        configs: BTreeMap<Rc<str>, TopicConfig>,
        config: Rc<BrokerConfig>,
    ) -> Result<LogLoading, LogError> {
        let clean_shutdown = match config.rules.clean_marker {
            CleanMarker::Left | CleanMarker::AfterLoad => {
                log_dir::has_clean_shutdown_file(disk, DATA_DIR)
            }
            _ => log_dir::take_clean_shutdown_file(disk, DATA_DIR)?,
        };
        let mut offline = None;
        let mut read = |file: &str| {
            offset_checkpoint::read(disk, &format!("{DATA_DIR}/{file}")).unwrap_or_else(|error| {
                offline.get_or_insert_with(|| error.to_string());
                OffsetCheckpoint::new()
            })
        };
        let recovery_points = read(RECOVERY_POINT_OFFSET_CHECKPOINT);
        let log_starts = read(LOG_START_OFFSET_CHECKPOINT);
        Ok(LogLoading {
            configs,
            config,
            dirs: log_dir::list_dirs(disk, DATA_DIR).into(),
            clean_shutdown,
            recovery_points,
            log_starts,
            current: None,
            futures: BTreeMap::new(),
            offline,
            fatal: None,
        })
    }

    /// A directory that Kafka cannot take for a partition's: nothing is loaded beside it.
    pub(crate) fn bad_dir(&self) -> Option<String> {
        let mut dirs = self.dirs.iter();
        let bad = dirs.find(|dir| log_dir::parse_dir_name(dir).is_none())?;
        Some(format!("{DATA_DIR}/{bad} is no partition's directory"))
    }

    /// The next piece of work; what loading has done to the log at hand goes to `notes`.
    pub(crate) fn step(
        &mut self,
        disk: &mut Disk,
        now_ms: i64,
        notes: &mut Vec<(TopicPartition, LoadNote)>,
    ) -> Loaded {
        let done = match &mut self.current {
            None => self.open_next(disk, now_ms),
            Some(current) => {
                let done = current.loader.step(disk);
                let told = current.loader.take_notes().into_iter();
                notes.extend(told.map(|note| (current.name.clone(), note)));
                match done {
                    Ok(false) => Ok(Loaded::More),
                    Ok(true) => self.finish_current(disk),
                    Err(error) => Err(error),
                }
            }
        };
        done.unwrap_or_else(|error| {
            self.current = None;
            let failed = if error.takes_directory_offline() {
                &mut self.offline
            } else {
                &mut self.fatal
            };
            failed.get_or_insert_with(|| error.to_string());
            Loaded::More
        })
    }

    fn open_next(&mut self, disk: &mut Disk, now_ms: i64) -> Result<Loaded, LogError> {
        let Some(dir) = self.dirs.pop_front() else {
            if self.config.rules.clean_marker == CleanMarker::AfterLoad {
                log_dir::take_clean_shutdown_file(disk, DATA_DIR)?;
            }
            return Ok(Loaded::End(
                match (self.fatal.take(), self.offline.take()) {
                    (Some(why), _) => End::Fatal(why),
                    (None, Some(why)) => End::Offline(why),
                    (None, None) => End::Well,
                },
            ));
        };
        let Some(LogDirName {
            topic,
            partition,
            kind,
        }) = log_dir::parse_dir_name(&dir)
        else {
            return Ok(Loaded::More);
        };
        let dir = format!("{DATA_DIR}/{dir}");
        if kind == LogDirKind::Deleted {
            return Ok(Loaded::DeletedDir(dir));
        }
        let config = self
            .configs
            .get(&*topic)
            .unwrap_or(&self.config.topic_defaults);
        let key = (topic, partition);
        let parameters = LoadParameters {
            clean_shutdown: self.clean_shutdown,
            recovery_point: self.recovery_points.get(&key).copied().unwrap_or(0),
            log_start_offset: self.log_starts.get(&key).copied().unwrap_or(0),
            now_ms,
        };
        let log_config = new_log_config(&self.config, config);
        let loader = LogLoader::new(disk, &dir, log_config, parameters)?;
        self.current = Some(Current {
            name: TopicPartition::new(key.0, key.1),
            dir,
            kind,
            min_insync_replicas: config.min_insync_replicas,
            loader,
        });
        Ok(Loaded::More)
    }

    fn finish_current(&mut self, disk: &mut Disk) -> Result<Loaded, LogError> {
        let Some(Current {
            name,
            dir,
            kind,
            min_insync_replicas,
            loader,
        }) = self.current.take()
        else {
            return Ok(Loaded::More);
        };
        let hosted = HostedLog {
            log: UnifiedLog::from_loader(disk, loader)?,
            min_insync_replicas,
        };
        let hosted = Box::new(hosted);
        match kind {
            LogDirKind::Current => Ok(Loaded::Log(name, hosted)),
            LogDirKind::Future => {
                self.note_future(&name, &dir);
                Ok(Loaded::Future(name, hosted))
            }
            LogDirKind::Stray | LogDirKind::Deleted => Ok(Loaded::Stray),
        }
    }

    /// A partition has one future log at most: a second one ends the start, and stands in for the first.
    fn note_future(&mut self, name: &TopicPartition, dir: &str) {
        if let Some(other) = self.futures.insert(name.clone(), dir.to_owned()) {
            let why = format!("{dir} and {other} are both the future log of {name}");
            self.fatal.get_or_insert(why);
        }
    }
}
