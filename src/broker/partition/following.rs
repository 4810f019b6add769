//! What a follower does to its log at its leader's word (class `Partition`; rules HW5, HW8, E7, E8,
//! RK15).
//!
//! May not know what its leader has committed but by its answers.

use super::Partition;
use crate::broker::outbox::{Env, take_tasks};
use crate::kernel::Disk;
use crate::log::{LogError, Records, UnifiedLog};
use crate::protocol::{Fact, LogStartReason, NO_LEADER, UNKNOWN_EPOCH};

impl Partition {
    /// Appends what the leader sent. A log that was emptied to an offset inside the first batch
    /// begins with that batch.
    pub(crate) fn append_records_to_follower(
        &mut self,
        env: &mut Env<'_>,
        records: &Records,
    ) -> Result<(), LogError> {
        self.assert_follows();
        let (Some(first), Some(next)) = (records.first_offset(), records.next_offset()) else {
            return Ok(());
        };
        let mut appended = match &mut self.log {
            None => return Ok(()),
            Some(log) => log.append_as_follower(env.disk, records, env.now_ms),
        };
        if let (
            Err(LogError::UnexpectedAppendOffset {
                first_offset,
                last_offset,
                log_end_offset,
            }),
            Some(log),
        ) = (&appended, &self.log)
            && log.log_start_offset() == *log_end_offset
            && first_offset < log_end_offset
            && last_offset >= log_end_offset
        {
            self.truncate_fully_and_start_at(env, first)?;
            if let Some(log) = &mut self.log {
                appended = log.append_as_follower(env.disk, records, env.now_ms);
            }
        }
        env.appended(&self.name);
        let info = appended?;
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        take_tasks(&self.name, log, env.out);
        assert_eq!(
            info.last_offset + 1,
            next,
            "{}: a follower stores what it fetched, whole",
            self.name
        );
        env.out.state_routine(|| Fact::Appended {
            partition: self.name.clone(),
            base_offset: info.first_offset,
            last_offset: info.last_offset,
            leader_epoch: log.latest_epoch().unwrap_or(UNKNOWN_EPOCH),
            as_leader: false,
            acks_all: false,
        });
        Ok(())
    }

    /// HW5: takes the leader's high watermark (as far as the own log goes; it may fall) and log start.
    /// Whether the high watermark changed.
    pub(crate) fn follow_offsets(
        &mut self,
        env: &mut Env<'_>,
        high_watermark: i64,
        log_start_offset: i64,
    ) -> Result<bool, LogError> {
        self.assert_follows();
        let Some(log) = &mut self.log else {
            return Ok(false);
        };
        let before = log.high_watermark();
        let now = log.update_high_watermark(high_watermark);
        if now != before {
            env.out.state_routine(|| Fact::HighWatermarkMoved {
                partition: self.name.clone(),
                high_watermark: now,
                as_leader: false,
            });
        }
        if log_start_offset > log.log_start_offset() {
            log.maybe_increment_log_start_offset(env.disk, log_start_offset)?;
            env.out.facts.push(Fact::LogStartMoved {
                partition: self.name.clone(),
                log_start_offset: log.log_start_offset(),
                reason: LogStartReason::Leader,
            });
        }
        Ok(now != before)
    }

    /// E7, E8, HW8: cuts the log to `offset`, and the epoch cache even where no bytes go.
    pub(crate) fn truncate_to(&mut self, env: &mut Env<'_>, offset: i64) -> Result<(), LogError> {
        self.truncate(env, offset, |log, disk| {
            log.truncate_to(disk, offset).map(|_| ())
        })
    }

    pub(crate) fn truncate_fully_and_start_at(
        &mut self,
        env: &mut Env<'_>,
        offset: i64,
    ) -> Result<(), LogError> {
        self.truncate(env, offset, |log, disk| {
            log.truncate_fully_and_start_at(disk, offset)
        })
    }

    /// Who leads has no fetcher any more, and so nobody whose word it could take.
    fn assert_follows(&self) {
        assert!(
            !self.is_leader(),
            "{}: a leader's log is its own to change",
            self.name
        );
    }

    fn truncate(
        &mut self,
        env: &mut Env<'_>,
        to: i64,
        cut: impl FnOnce(&mut UnifiedLog, &mut Disk) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        self.assert_follows();
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        let (from, high_watermark) = (log.log_end_offset(), log.high_watermark());
        let log_start_offset = log.log_start_offset();
        cut(log, env.disk)?;
        take_tasks(&self.name, log, env.out);
        env.appended(&self.name);
        if log.log_end_offset() != from {
            env.out.facts.push(Fact::Truncated {
                partition: self.name.clone(),
                from,
                to,
                leader: self.leader.unwrap_or(NO_LEADER),
            });
        }
        if log.log_start_offset() != log_start_offset {
            env.out.facts.push(Fact::LogStartMoved {
                partition: self.name.clone(),
                log_start_offset: log.log_start_offset(),
                reason: LogStartReason::Emptied,
            });
        }
        if log.high_watermark() != high_watermark {
            env.out.state_routine(|| Fact::HighWatermarkMoved {
                partition: self.name.clone(),
                high_watermark: log.high_watermark(),
                as_leader: false,
            });
        }
        Ok(())
    }
}
