//! What runs on Kafka's scheduler threads: `isr-expiration`, the checkpoints, flushes and deletions
//! in the background, and the end of it all (classes `ReplicaManager`, `LogManager`; I7, HW7, RL10, RL11).
//!
//! May not know what runs on the other threads: each task looks at the state as it finds it.

use super::Broker;
use super::locks::Interrupted;
use super::log_manager::{Checkpoint, DATA_DIR};
use super::outbox::Env;
use crate::kernel::{Disk, DiskError, Duration, FileId, Hold, Time};
use crate::log::{BackgroundTask, LogError, OffsetCheckpoint, log_dir, offset_checkpoint};
use crate::protocol::rules::CleanMarker;
use crate::protocol::{BrokerTimer, Ctx, Lock, Timer, TopicPartition};
use std::collections::{BTreeMap, VecDeque};

/// Disk tokens of checkpoints; flushes have higher ones.
const HIGH_WATERMARKS: u64 = 1;
const RECOVERY_POINTS: u64 = 2;
const LOG_STARTS: u64 = 3;
const FIRST_FLUSH: u64 = 16;

/// What is under way or due.
#[derive(Debug, Default)]
pub(super) struct Background {
    high_watermark_checkpoint_started: bool,
    /// Flushes under way by disk token.
    flushes: BTreeMap<u64, Flush>,
    next_flush: u64,
    /// Files to delete, and when.
    deletions: Vec<(Time, Vec<String>)>,
    deleted_logs: DeletedLogs,
}

/// Directories of deleted partitions, oldest first (`logsToBeDeleted`). One task looks at the first: when its
/// time has come by the wall clock, it goes; until then the task sleeps for what was left.
#[derive(Debug, Default)]
struct DeletedLogs {
    /// With the wall-clock time at which each was deleted.
    waiting: VecDeque<(Time, String)>,
    /// When the task looks next, by the monotonic clock. While nothing waits it needs no timer: its looks are
    /// `file.delete.delay.ms` apart.
    next_look: Time,
}

/// A round of retention: the logs that it has yet to look at.
#[derive(Debug)]
pub(super) struct Cleanup {
    began: Time,
    left: VecDeque<TopicPartition>,
}

#[derive(Debug)]
struct Flush {
    partition: TopicPartition,
    up_to: i64,
    /// The files that are still to be synced, one after the other.
    files: Vec<FileId>,
}

impl Broker {
    /// The tasks that start with the log and replica managers.
    pub(super) fn start_background_tasks(&mut self, ctx: &mut Ctx<'_>) {
        let initial_delay = Duration::from_millis(self.config.log_initial_task_delay_ms);
        for task in [
            BrokerTimer::LogRetention,
            BrokerTimer::LogFlusher,
            BrokerTimer::RecoveryPointCheckpoint,
            BrokerTimer::LogStartOffsetCheckpoint,
        ] {
            ctx.set_timer(initial_delay, Timer::Broker(task));
        }
        let check = self.config.producer_id_expiration_check_interval_ms;
        ctx.set_timer(
            Duration::from_millis(check),
            Timer::Broker(BrokerTimer::ProducerExpiration),
        );
        self.arm_isr_expiration(ctx);
        self.background.deleted_logs.next_look = ctx.now() + initial_delay;
        for dir in std::mem::take(&mut self.replicas.logs.deleted_dirs) {
            self.delete_log_later(ctx, dir);
        }
        self.replicas.take_log_tasks(&mut self.out);
        self.take_log_tasks(ctx);
    }

    fn arm_isr_expiration(&self, ctx: &mut Ctx<'_>) {
        let half = u64::try_from(self.config.replica_lag_time_max_ms / 2).unwrap_or(0);
        let period = Duration::from_millis(half.max(1));
        ctx.set_timer(period, Timer::Broker(BrokerTimer::IsrExpiration));
    }

    /// CT27: with the first LeaderAndIsr, at once and then ever again.
    pub(super) fn start_high_watermark_checkpoint(&mut self, ctx: &mut Ctx<'_>) {
        if !std::mem::replace(&mut self.background.high_watermark_checkpoint_started, true) {
            let timer = Timer::Broker(BrokerTimer::HighWatermarkCheckpoint);
            ctx.set_timer(Duration::ZERO, timer);
        }
    }

    pub(super) fn on_task(&mut self, ctx: &mut Ctx<'_>, task: BrokerTimer) {
        let again = match task {
            BrokerTimer::IsrExpiration => {
                self.expire_isrs(ctx);
                return;
            }
            BrokerTimer::HighWatermarkCheckpoint => {
                self.checkpoint_later(ctx, Checkpoint::HighWatermarks, HIGH_WATERMARKS);
                self.config.replica_high_watermark_checkpoint_interval_ms
            }
            BrokerTimer::RecoveryPointCheckpoint => {
                self.checkpoint_later(ctx, Checkpoint::RecoveryPoints, RECOVERY_POINTS);
                self.config.log_flush_offset_checkpoint_interval_ms
            }
            BrokerTimer::LogStartOffsetCheckpoint => {
                self.checkpoint_later(ctx, Checkpoint::LogStarts, LOG_STARTS);
                self.config.log_flush_start_offset_checkpoint_interval_ms
            }
            BrokerTimer::LogRetention => {
                let logs = self.replicas.current_logs().cloned().collect();
                let began = ctx.now();
                self.clean_up_logs(ctx, Cleanup { began, left: logs });
                return;
            }
            BrokerTimer::LogFlusher => {
                self.replicas.flush_dirty_logs(&mut env!(self, ctx));
                match self.config.log_flush_scheduler_interval_ms {
                    i64::MAX => return,
                    period => u64::try_from(period).unwrap_or(0),
                }
            }
            // CP50
            BrokerTimer::ProducerExpiration => {
                self.replicas.remove_expired_producers(&mut env!(self, ctx));
                self.config.producer_id_expiration_check_interval_ms
            }
            BrokerTimer::DeleteFiles => {
                self.delete_due(ctx);
                return;
            }
            BrokerTimer::DeleteLogs => {
                self.delete_logs(ctx);
                return;
            }
            BrokerTimer::Purgatory(_)
            | BrokerTimer::Group(_)
            | BrokerTimer::FetcherBackoff(_)
            | BrokerTimer::GoOn(_)
            | BrokerTimer::StateChange
            | BrokerTimer::FindController(_)
            | BrokerTimer::SendAlterPartition
            | BrokerTimer::ControlledShutdown => return,
        };
        ctx.set_timer(Duration::from_millis(again.max(1)), Timer::Broker(task));
    }

    /// L4, LK13: `cleanupLogs`, log by log.
    pub(super) fn clean_up_logs(&mut self, ctx: &mut Ctx<'_>, mut cleanup: Cleanup) {
        while let Some(name) = cleanup.left.front() {
            if ctx.any_locks() {
                let wanted = vec![(Lock::Log(name.clone()), Hold::Alone)];
                let free = self.unless_taken(ctx, wanted, Interrupted::Cleanup(cleanup));
                let Some(Interrupted::Cleanup(free)) = free else {
                    return;
                };
                cleanup = free;
            }
            if let Some(name) = cleanup.left.pop_front() {
                self.replicas
                    .delete_old_segments(&mut env!(self, ctx), &name);
            }
            if ctx.any_locks() {
                ctx.give_back(&[]);
            }
        }
        let period = Duration::from_millis(self.config.log_retention_check_interval_ms.max(1));
        let passed = ctx.now().since(cleanup.began);
        let next = Duration(period.0.saturating_sub(passed.0));
        ctx.set_timer(next, Timer::Broker(BrokerTimer::LogRetention));
    }

    /// I7. A partition that somebody holds keeps the task from its next round.
    fn expire_isrs(&mut self, ctx: &mut Ctx<'_>) {
        let mut taken = Vec::new();
        if ctx.any_locks() {
            taken = self.replicas.out_of_sync(&env!(self, ctx));
            taken.retain(|name| {
                let lock = Lock::LeaderIsrUpdate(name.clone());
                !ctx.is_free(&lock, Hold::Alone)
            });
        }
        self.replicas.maybe_shrink_isr(&mut env!(self, ctx), &taken);
        if let Some(name) = taken.pop() {
            let wanted = vec![(Lock::LeaderIsrUpdate(name), Hold::Alone)];
            let again = Interrupted::Task(BrokerTimer::IsrExpiration);
            self.unless_taken(ctx, wanted, again);
        } else {
            self.arm_isr_expiration(ctx);
        }
    }

    // ---- checkpoints

    fn offsets(&self, checkpoint: Checkpoint) -> OffsetCheckpoint {
        let hosted = self
            .replicas
            .partitions()
            .filter_map(|(name, partition)| Some((name, partition.log()?)));
        let others = self
            .replicas
            .logs
            .logs()
            .filter(|_| checkpoint != Checkpoint::HighWatermarks);
        hosted
            .chain(others)
            .filter_map(|(name, log)| {
                let offset = checkpoint.offset(log)?;
                Some(((name.topic.to_string(), name.partition), offset))
            })
            .collect()
    }

    /// A checkpoint may be written at any time: the schedule is only how often it must be.
    pub(super) fn checkpoint_early(&self, ctx: &mut Ctx<'_>) {
        self.checkpoint_later(ctx, Checkpoint::HighWatermarks, HIGH_WATERMARKS);
    }

    fn checkpoint_later(&self, ctx: &mut Ctx<'_>, checkpoint: Checkpoint, token: u64) {
        let offsets = self.offsets(checkpoint);
        if !checkpoint.is_due(&offsets) {
            return;
        }
        let content = offset_checkpoint::format(&offsets);
        ctx.replace_later(&checkpoint.path(), content, token);
    }

    // ---- flushes and deletions

    /// Begins what the logs have left for the scheduler.
    pub(super) fn take_log_tasks(&mut self, ctx: &mut Ctx<'_>) {
        if self.out.log_tasks.is_empty() {
            return;
        }
        for (partition, task) in std::mem::take(&mut self.out.log_tasks) {
            match task {
                BackgroundTask::Flush { mut files, up_to } => {
                    files.reverse();
                    self.background.next_flush += 1;
                    let token = FIRST_FLUSH + self.background.next_flush;
                    let flush = Flush {
                        partition,
                        up_to,
                        files,
                    };
                    self.background.flushes.insert(token, flush);
                    self.flush_next_file(ctx, token);
                }
                BackgroundTask::DeleteFiles { paths, delay_ms } => {
                    self.delete_later(ctx, paths, delay_ms);
                }
            }
        }
    }

    fn flush_next_file(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        let Some(flush) = self.background.flushes.get_mut(&token) else {
            return;
        };
        if let Some(file) = flush.files.pop() {
            ctx.sync_later(file, token);
        } else if let Some(flush) = self.background.flushes.remove(&token)
            && let Some(log) = self.replicas.log_mut(&flush.partition)
        {
            log.mark_flushed(flush.up_to);
        }
    }

    pub(super) fn on_disk_done(
        &mut self,
        ctx: &mut Ctx<'_>,
        token: u64,
        result: Result<(), DiskError>,
    ) {
        match result {
            // A file that was deleted meanwhile needs no flush.
            Ok(()) | Err(DiskError::NotFound) => self.flush_next_file(ctx, token),
            Err(error) => {
                self.background.flushes.remove(&token);
                self.out
                    .log_dir_failed
                    .get_or_insert_with(|| format!("{DATA_DIR}: {error}"));
            }
        }
    }

    /// Deletes files after `file.delete.delay.ms`.
    pub(super) fn delete_later(&mut self, ctx: &mut Ctx<'_>, paths: Vec<String>, delay_ms: i64) {
        let delay = Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0));
        self.background.deletions.push((ctx.now() + delay, paths));
        ctx.set_timer(delay, Timer::Broker(BrokerTimer::DeleteFiles));
    }

    fn delete_due(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let (due, later) = std::mem::take(&mut self.background.deletions)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.background.deletions = later;
        let due: Vec<(Time, Vec<String>)> = due;
        for path in due.into_iter().flat_map(|(_, paths)| paths) {
            let deleted = ctx.disk().delete(&path);
            self.unless_gone(&path, deleted);
        }
    }

    /// Deletes a partition's directory, which has been renamed, after `file.delete.delay.ms`.
    pub(super) fn delete_log_later(&mut self, ctx: &mut Ctx<'_>, dir: String) {
        let (now, deleted_at, delay) = (ctx.now(), ctx.wall(), self.file_delete_delay());
        let logs = &mut self.background.deleted_logs;
        if logs.waiting.is_empty() {
            let passed = now.since(logs.next_look).0.div_ceil(delay.0);
            logs.next_look += Duration(delay.0.saturating_mul(passed));
            let timer = Timer::Broker(BrokerTimer::DeleteLogs);
            ctx.set_timer(logs.next_look.since(now), timer);
        }
        logs.waiting.push_back((deleted_at, dir));
    }

    fn delete_logs(&mut self, ctx: &mut Ctx<'_>) {
        let (now, wall, delay) = (ctx.now(), ctx.wall(), self.file_delete_delay());
        while let Some((deleted_at, dir)) = self.background.deleted_logs.waiting.pop_front() {
            let left = (deleted_at + delay).since(wall);
            if left > Duration::ZERO {
                let logs = &mut self.background.deleted_logs;
                logs.waiting.push_front((deleted_at, dir));
                logs.next_look = now + left;
                ctx.set_timer(left, Timer::Broker(BrokerTimer::DeleteLogs));
                return;
            }
            let deleted = ctx.disk().delete_dir(&dir);
            self.unless_gone(&dir, deleted);
        }
        self.background.deleted_logs.next_look = now + delay;
    }

    fn file_delete_delay(&self) -> Duration {
        let delay_ms = self.config.topic_defaults.file_delete_delay_ms;
        Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0).max(1))
    }

    fn unless_gone(&mut self, path: &str, deleted: Result<(), DiskError>) {
        if let Err(error) = deleted
            && error != DiskError::NotFound
        {
            self.out
                .log_dir_failed
                .get_or_insert_with(|| format!("{path}: {error}"));
        }
    }

    /// CT26, RL10: high watermarks, then all logs flushed and closed, their recovery points and
    /// starts, and last the marker that says so.
    pub(super) fn close_logs(&mut self, ctx: &mut Ctx<'_>) {
        if let Err(error) = self.try_close_logs(ctx.disk()) {
            self.out.log_error(&error);
        }
    }

    fn try_close_logs(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        let high_watermarks = Checkpoint::HighWatermarks;
        let offsets = self.offsets(high_watermarks);
        if high_watermarks.is_due(&offsets) {
            offset_checkpoint::write(disk, &high_watermarks.path(), &offsets)?;
        }
        for (_, log) in self.replicas.all_logs_mut() {
            log.close(disk)?;
        }
        for checkpoint in [Checkpoint::RecoveryPoints, Checkpoint::LogStarts] {
            let offsets = self.offsets(checkpoint);
            offset_checkpoint::write(disk, &checkpoint.path(), &offsets)?;
        }
        log_dir::write_clean_shutdown_file(disk, DATA_DIR, -1)
    }

    pub(super) fn mark_clean_early(&mut self, ctx: &mut Ctx<'_>) {
        if self.config.rules.clean_marker == CleanMarker::Early
            && let Err(error) = log_dir::write_clean_shutdown_file(ctx.disk(), DATA_DIR, -1)
        {
            self.out.log_error(&error);
        }
    }
}
