//! A broker's data directory: loading its logs at the start, checkpoints while it runs, the orderly
//! end (class `LogManager`; rules CT25, RL1, RL2, RL10, RL11, L6, HW7).
//!
//! Holds the logs that no partition has taken yet. May not know leaders, followers or requests.

use super::LoadFailed;
use super::LoadProgress;
use super::log_loading::{End, Loaded, LogLoading};
use super::topic_configs::{Asked, ConfigCalls};
use crate::kernel::Disk;
use crate::log::batch::TimestampType;
use crate::log::log_dir;
use crate::log::{
    LoadNote, LoadParameters, LogConfig, LogError, LogRules, MetaProperties, OffsetCheckpoint,
    UnifiedLog,
    broker_metadata_checkpoint::META_PROPERTIES,
    offset_checkpoint::{
        self, CLEANER_OFFSET_CHECKPOINT, LOG_START_OFFSET_CHECKPOINT,
        RECOVERY_POINT_OFFSET_CHECKPOINT, REPLICATION_OFFSET_CHECKPOINT,
    },
};
use crate::protocol::config::{BrokerConfig, Properties, TopicConfig};
use crate::protocol::rules::{
    CheckpointFsync, ClearEpochCacheOnNoopTruncate, HwAfterFullTruncate, HwBound, RetentionHwGuard,
    Rules, SequenceCheck,
};
use crate::protocol::{BrokerId, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// `log.dirs`, of which there is one.
pub(crate) const DATA_DIR: &str = "data";

/// A log with the part of its topic's configuration that the log itself does not use.
#[derive(Debug)]
pub(crate) struct HostedLog {
    pub(crate) log: UnifiedLog,
    pub(crate) min_insync_replicas: i32,
}

/// The logs of a broker that no partition has taken.
#[derive(Debug)]
pub(crate) struct LogManager {
    broker: BrokerId,
    config: Rc<BrokerConfig>,
    loading: Loading,
    logs: BTreeMap<TopicPartition, HostedLog>,
    /// RL17: logs that wait to take the place of others. They are loaded, checkpointed and closed; nothing
    /// moves them.
    future_logs: BTreeMap<TopicPartition, HostedLog>,
    /// Directories of deleted partitions that were found at the start.
    pub(crate) deleted_dirs: Vec<String>,
    pub(crate) loaded: u32,
    pub(crate) recovered: u32,
    /// What loading has done since these were last taken.
    pub(crate) notes: Vec<(TopicPartition, LoadNote)>,
}

/// Where the start is.
#[derive(Debug)]
enum Loading {
    Begin,
    /// Reads the names of all topics.
    Topics(Asked),
    /// Reads their configurations one after the other.
    Configs {
        topics: VecDeque<Rc<str>>,
        reading: Option<(Rc<str>, Asked)>,
        configs: BTreeMap<Rc<str>, TopicConfig>,
    },
    Logs(Box<LogLoading>),
    Done,
}

impl LogManager {
    pub(crate) fn new(broker: BrokerId, config: Rc<BrokerConfig>) -> Self {
        LogManager {
            broker,
            config,
            loading: Loading::Begin,
            logs: BTreeMap::new(),
            future_logs: BTreeMap::new(),
            deleted_dirs: Vec::new(),
            loaded: 0,
            recovered: 0,
            notes: Vec::new(),
        }
    }

    /// One step of the start (RL1); of a log at most one segment a step.
    pub(crate) fn load(
        &mut self,
        disk: &mut Disk,
        now_ms: i64,
        configurations: &ConfigCalls,
        cluster_id: &str,
    ) -> Result<LoadProgress, LoadFailed> {
        match &mut self.loading {
            Loading::Begin => {
                self.check_meta_properties(disk, now_ms, cluster_id)?;
                for file in [
                    RECOVERY_POINT_OFFSET_CHECKPOINT,
                    LOG_START_OFFSET_CHECKPOINT,
                ] {
                    touch(disk, file)?;
                }
                self.loading = Loading::Topics(Asked::topics(configurations));
                Ok(LoadProgress::WaitsForConfigurations)
            }
            Loading::Topics(read) => {
                let Some(answer) = read.poll_topics() else {
                    return Ok(LoadProgress::WaitsForConfigurations);
                };
                self.loading = Loading::Configs {
                    topics: answer
                        .map_err(|why| failed(format!("the names of topics: {why}")))?
                        .into(),
                    reading: None,
                    configs: BTreeMap::new(),
                };
                Ok(LoadProgress::More)
            }
            Loading::Configs {
                topics,
                reading,
                configs,
            } => {
                if let Some((topic, read)) = reading {
                    let Some(answer) = read.poll_overrides() else {
                        return Ok(LoadProgress::WaitsForConfigurations);
                    };
                    let overrides =
                        answer.map_err(|why| failed(format!("configuration of {topic}: {why}")))?;
                    let config = effective_config(&self.config, &overrides);
                    configs.insert(Rc::clone(topic), config);
                    *reading = None;
                }
                if let Some(topic) = topics.pop_front() {
                    let read = Asked::overrides(configurations, Rc::clone(&topic));
                    *reading = Some((topic, read));
                    return Ok(LoadProgress::WaitsForConfigurations);
                }
                let configs = std::mem::take(configs);
                let loading = LogLoading::begin(disk, configs, Rc::clone(&self.config))
                    .map_err(|error| halts(error.to_string()))?;
                if let Some(why) = loading.bad_dir() {
                    return Err(self.shut_down(disk, loading.clean_shutdown, why));
                }
                self.loading = Loading::Logs(Box::new(loading));
                Ok(LoadProgress::More)
            }
            Loading::Logs(loading) => {
                let clean_shutdown = loading.clean_shutdown;
                match loading.step(disk, now_ms, &mut self.notes) {
                    Loaded::More => Ok(LoadProgress::More),
                    Loaded::Log(name, hosted) => {
                        self.logs.insert(name, *hosted);
                        self.loaded += 1;
                        self.recovered += u32::from(!clean_shutdown);
                        Ok(LoadProgress::More)
                    }
                    Loaded::Future(name, hosted) => {
                        self.future_logs.insert(name, *hosted);
                        self.loaded += 1;
                        self.recovered += u32::from(!clean_shutdown);
                        Ok(LoadProgress::More)
                    }
                    Loaded::Stray => Ok(LoadProgress::More),
                    Loaded::DeletedDir(dir) => {
                        self.deleted_dirs.push(dir);
                        Ok(LoadProgress::More)
                    }
                    Loaded::End(End::Well) => {
                        // Nothing is compacted, but the cleaner looks for what to compact at once.
                        touch(disk, CLEANER_OFFSET_CHECKPOINT)?;
                        let path = format!("{DATA_DIR}/{CLEANER_OFFSET_CHECKPOINT}");
                        offset_checkpoint::read(disk, &path)
                            .map_err(|error| halts(error.to_string()))?;
                        touch(disk, REPLICATION_OFFSET_CHECKPOINT)?;
                        self.loading = Loading::Done;
                        Ok(LoadProgress::Done)
                    }
                    Loaded::End(End::Offline(why)) => Err(halts(why)),
                    Loaded::End(End::Fatal(why)) => Err(self.shut_down(disk, true, why)),
                }
            }
            Loading::Done => Ok(LoadProgress::Done),
        }
    }

    fn check_meta_properties(
        &self,
        disk: &mut Disk,
        now_ms: i64,
        cluster_id: &str,
    ) -> Result<(), LoadFailed> {
        let path = format!("{DATA_DIR}/{META_PROPERTIES}");
        let content = match disk.exists(&path) {
            false => None,
            true => Some(
                disk.read_file(&path)
                    .map_err(|error| halts(format!("{path}: {error}")))?,
            ),
        };
        // A directory whose file cannot be read has failed, and there is no other.
        let found = match &content {
            None => MetaProperties::default(),
            Some(content) => MetaProperties::parse(content)
                .map_err(|problem| halts(format!("{path}: {problem}")))?,
        };
        if let Some(why) = found.refusal(self.broker, cluster_id) {
            return Err(failed(format!("{path} {why}")));
        }
        let mine = found.of(self.broker, cluster_id);
        match content.is_some() && mine == found {
            true => Ok(()),
            false => crate::log::replace(disk, &path, mine.format(now_ms))
                .map_err(|error| failed(error.to_string())),
        }
    }

    /// RL12: a start that fails closes what it has loaded as a clean stop does. `marks_clean`: with the
    /// marker, be it that all directories were tried or that the last stop was clean.
    fn shut_down(&mut self, disk: &mut Disk, marks_clean: bool, why: String) -> LoadFailed {
        let mut close = || {
            for (_, log) in self.logs_mut() {
                log.close(disk)?;
            }
            for checkpoint in [Checkpoint::RecoveryPoints, Checkpoint::LogStarts] {
                offset_checkpoint::write(disk, &checkpoint.path(), &self.offsets(checkpoint))?;
            }
            match marks_clean {
                true => log_dir::write_clean_shutdown_file(disk, DATA_DIR, -1),
                false => Ok(()),
            }
        };
        match close() {
            Ok(()) => failed(why),
            Err(error) => halts(error.to_string()),
        }
    }

    fn offsets(&self, checkpoint: Checkpoint) -> OffsetCheckpoint {
        self.logs()
            .filter_map(|(name, log)| {
                let offset = checkpoint.offset(log)?;
                Some(((name.topic.to_string(), name.partition), offset))
            })
            .collect()
    }

    /// Hands a loaded log to its partition.
    pub(crate) fn take(&mut self, name: &TopicPartition) -> Option<HostedLog> {
        self.logs.remove(name)
    }

    /// The topic id in the directory of a log that no partition has taken.
    pub(crate) fn topic_id(&self, name: &TopicPartition) -> TopicId {
        let hosted = self.logs.get(name);
        let id = hosted.and_then(|hosted| hosted.log.topic_id());
        id.map_or(TopicId::ZERO, TopicId)
    }

    /// Makes the log of a partition that is new to this broker.
    pub(crate) fn create(
        &self,
        disk: &mut Disk,
        now_ms: i64,
        name: &TopicPartition,
        overrides: &Properties,
    ) -> Result<HostedLog, LogError> {
        let config = effective_config(&self.config, overrides);
        let recovery = LoadParameters {
            clean_shutdown: true,
            recovery_point: 0,
            log_start_offset: 0,
            now_ms,
        };
        open(disk, name, &config, &self.config, recovery)
    }

    /// RK10 for the logs that no partition has taken.
    pub(crate) fn apply_topic_config(&mut self, topic: &str, config: &TopicConfig) {
        for (name, hosted) in &mut self.logs {
            if *name.topic == *topic {
                hosted.min_insync_replicas = config.min_insync_replicas;
                hosted
                    .log
                    .update_config(log_config(config, &self.config.rules));
            }
        }
    }

    /// The configuration that results from a topic's overrides.
    pub(crate) fn topic_config(&self, overrides: &Properties) -> TopicConfig {
        effective_config(&self.config, overrides)
    }

    /// Every log that no partition has taken; of a partition the future one last, whose offsets are those
    /// that Kafka's checkpoints then hold.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (&TopicPartition, &UnifiedLog)> {
        let logs = self.logs.iter().chain(&self.future_logs);
        logs.map(|(name, hosted)| (name, &hosted.log))
    }

    pub(crate) fn log_mut(&mut self, name: &TopicPartition) -> Option<&mut UnifiedLog> {
        self.logs.get_mut(name).map(|hosted| &mut hosted.log)
    }

    pub(crate) fn current_logs(&self) -> impl Iterator<Item = &TopicPartition> {
        self.logs.keys()
    }

    /// Those that are closed by a stop: a current log that shares the directory with its future one is
    /// passed over, since Kafka has one entry for both.
    pub(crate) fn logs_mut(&mut self) -> impl Iterator<Item = (&TopicPartition, &mut UnifiedLog)> {
        let futures: BTreeSet<_> = self.future_logs.keys().cloned().collect();
        let logs = self.logs.iter_mut();
        let logs = logs.filter(move |(name, _)| !futures.contains(*name));
        logs.chain(&mut self.future_logs)
            .map(|(name, hosted)| (name, &mut hosted.log))
    }

    /// HW7: the checkpointed high watermarks, read when a LeaderAndIsr needs them.
    pub(crate) fn checkpointed_high_watermarks(
        disk: &mut Disk,
    ) -> Result<OffsetCheckpoint, LogError> {
        offset_checkpoint::read(disk, &path(REPLICATION_OFFSET_CHECKPOINT))
    }
}

/// The files that a running broker keeps writing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Checkpoint {
    /// Of the logs that a partition has taken.
    HighWatermarks,
    /// Of all logs.
    RecoveryPoints,
    /// Of logs that start behind their first segment's base (RL11).
    LogStarts,
}

impl Checkpoint {
    pub(crate) fn path(self) -> String {
        path(match self {
            Checkpoint::HighWatermarks => REPLICATION_OFFSET_CHECKPOINT,
            Checkpoint::RecoveryPoints => RECOVERY_POINT_OFFSET_CHECKPOINT,
            Checkpoint::LogStarts => LOG_START_OFFSET_CHECKPOINT,
        })
    }

    /// Whether it is written at all: high watermarks only once a partition has a log.
    pub(crate) fn is_due(self, offsets: &OffsetCheckpoint) -> bool {
        self != Checkpoint::HighWatermarks || !offsets.is_empty()
    }

    /// What it says of one log, if anything.
    pub(crate) fn offset(self, log: &UnifiedLog) -> Option<i64> {
        match self {
            Checkpoint::HighWatermarks => Some(log.high_watermark()),
            Checkpoint::RecoveryPoints => Some(log.recovery_point()),
            Checkpoint::LogStarts => {
                let start = log.log_start_offset();
                let first = log.segment_base_offsets().first().copied();
                first.is_some_and(|base| start > base).then_some(start)
            }
        }
    }
}

fn path(file: &str) -> String {
    format!("{DATA_DIR}/{file}")
}

/// The process shuts down in order.
fn failed(why: String) -> LoadFailed {
    LoadFailed {
        status: 1,
        why,
        halts: false,
    }
}

/// The last log directory has failed: the process ends where it stands.
fn halts(why: String) -> LoadFailed {
    LoadFailed {
        halts: true,
        ..failed(why)
    }
}

/// A checkpoint file that is not there is made, without content.
fn touch(disk: &mut Disk, file: &str) -> Result<(), LoadFailed> {
    let path = path(file);
    match disk.create(&path) {
        Ok(_) => Ok(()),
        Err(error) => Err(halts(format!("{path}: {error}"))),
    }
}

fn open(
    disk: &mut Disk,
    name: &TopicPartition,
    config: &TopicConfig,
    broker: &BrokerConfig,
    recovery: LoadParameters,
) -> Result<HostedLog, LogError> {
    let dir = format!(
        "{DATA_DIR}/{}",
        log_dir::partition_dir_name(&name.topic, name.partition)
    );
    Ok(HostedLog {
        log: UnifiedLog::open(disk, &dir, new_log_config(broker, config), recovery)?,
        min_insync_replicas: config.min_insync_replicas,
    })
}

/// Values were checked where they were set; with one that is unreadable all the same, the broker's
/// defaults hold.
fn effective_config(config: &BrokerConfig, overrides: &Properties) -> TopicConfig {
    let defaults = &config.topic_defaults;
    defaults
        .with_overrides(overrides)
        .unwrap_or_else(|_| defaults.clone())
}

/// What a log begins with: its topic's configuration, and what only brokers are configured with.
pub(super) fn new_log_config(broker: &BrokerConfig, config: &TopicConfig) -> LogConfig {
    LogConfig {
        producer_id_expiration_ms: broker.producer_id_expiration_ms,
        ..log_config(config, &broker.rules)
    }
}

/// The part of a topic's configuration that its logs use.
pub(crate) fn log_config(config: &TopicConfig, rules: &Rules) -> LogConfig {
    let unsigned = |value: i32| u32::try_from(value).unwrap_or(0);
    // The old name stands in for each of the new ones that is unlimited (KIP-937).
    let limit = |own: i64| match own {
        i64::MAX => config.message_timestamp_difference_max_ms,
        own => own,
    };
    LogConfig {
        segment_bytes: unsigned(config.segment_bytes),
        segment_ms: config.segment_ms,
        segment_index_bytes: unsigned(config.segment_index_bytes),
        index_interval_bytes: unsigned(config.index_interval_bytes),
        retention_ms: config.retention_ms,
        retention_bytes: config.retention_bytes,
        flush_messages: config.flush_messages,
        flush_ms: config.flush_ms,
        file_delete_delay_ms: config.file_delete_delay_ms,
        max_message_bytes: unsigned(config.max_message_bytes),
        compression_type: config.compression_type,
        message_timestamp_type: if config.message_timestamp_type_log_append_time {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        },
        rules: LogRules {
            bounded_high_watermark: rules.hw_bound == HwBound::LogEnd,
            retention_hw_guard: rules.retention_hw_guard == RetentionHwGuard::On,
            hw_after_full_truncate: rules.hw_after_full_truncate == HwAfterFullTruncate::On,
            sequence_check: rules.sequence_check == SequenceCheck::On,
            checkpoint_fsync: rules.checkpoint_fsync == CheckpointFsync::On,
            clear_epoch_cache_on_noop_truncate: rules.clear_epoch_cache_on_noop_truncate
                == ClearEpochCacheOnNoopTruncate::On,
        },
        message_timestamp_before_max_ms: limit(config.message_timestamp_before_max_ms),
        message_timestamp_after_max_ms: limit(config.message_timestamp_after_max_ms),
        ..LogConfig::default()
    }
}
