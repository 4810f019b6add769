//! One replica of one partition: leader or follower, its followers' state, ISR, high watermark (class
//! `Partition`; rules HW1 to HW9, I1 to I9, A1 to A7, E3, E4, E6, E11, P1, P2, F1).
//!
//! Knows its log, its broker's wall clock and the metadata cache; no connection, no other partition.
//! Requests that wait for it are noted here by number and kept by the purgatory.

use super::log_manager::log_config;
use super::outbox::Env;
use super::purgatory::Watchers;
use super::replica::Replica;
use crate::kernel::Disk;
use crate::log::{LogAppendInfo, LogError, Records, UnifiedLog};
use crate::protocol::config::TopicConfig;
use crate::protocol::{
    AlterPartitionData, AlterPartitionResult, BrokerId, CONSUMER_REPLICA_ID, EARLIEST_TIMESTAMP,
    EpochEndOffset, ErrorCode, Fact, FetchPartition, IsrChange, LATEST_TIMESTAMP,
    LeaderAndIsrPartitionState, LeaderRecoveryState, MAX_TIMESTAMP, TopicId, TopicPartition,
    UNKNOWN_EPOCH,
};

/// What a broker holds of one partition.
#[derive(Debug)]
pub(crate) struct Partition {
    name: TopicPartition,
    local_broker: BrokerId,
    replica_lag_time_max_ms: i64,
    /// `TopicId::ZERO` until LeaderAndIsr names one.
    topic_id: TopicId,
    /// The topic's `min.insync.replicas`; see `effective_min_isr`.
    min_insync_replicas: i32,
    leader: Option<BrokerId>,
    leader_epoch: i32,
    partition_epoch: i32,
    /// Where this leader's epoch begins; `None` on a follower.
    leader_epoch_start_offset: Option<i64>,
    replicas: Vec<BrokerId>,
    /// A leader's view of the other replicas, in the order of `replicas`; empty on a follower.
    remote_replicas: Vec<Replica>,
    isr: IsrState,
    log: Option<UnifiedLog>,
    /// The last `ProduceStalls` still holds: the high watermark has not moved since.
    stall_told: bool,
    pub(crate) watchers: Watchers,
}

/// The ISR and the change of it that the controller was asked for, if any (A1, A2).
#[derive(Debug)]
struct IsrState {
    /// In the controller's order; empty on a follower.
    committed: Vec<BrokerId>,
    pending: Option<PendingIsrChange>,
}

#[derive(Debug)]
struct PendingIsrChange {
    change: IsrChange,
    sent: AlterPartitionData,
}

/// What a read of a partition gives.
#[derive(Debug)]
pub(crate) struct ReadInfo {
    pub(crate) records: Records,
    /// What counts as fetched from: the log end where nothing is left to return (F9).
    pub(crate) fetch_offset: i64,
    pub(crate) diverging_epoch: Option<EpochEndOffset>,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_start_offset: i64,
    /// A follower's fetch moved the high watermark.
    pub(crate) high_watermark_moved: bool,
}

/// How much of a fetch is to be read, and for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadRequest {
    /// `CONSUMER_REPLICA_ID` or a follower.
    pub(crate) replica: BrokerId,
    pub(crate) read_committed: bool,
    pub(crate) max_bytes: u32,
    pub(crate) min_one_message: bool,
    /// The first read of a fetch updates the follower's state, later ones do not (I2).
    pub(crate) update_fetch_state: bool,
}

/// What a parked fetch would find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Available {
    /// Answer at once, whatever there is (F3).
    CompleteNow,
    Bytes(u64),
}

/// The answer to a ListOffsets question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FoundOffset {
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
}

impl Partition {
    pub(crate) fn new(
        name: TopicPartition,
        local_broker: BrokerId,
        replica_lag_time_max_ms: i64,
    ) -> Self {
        Partition {
            name,
            local_broker,
            replica_lag_time_max_ms,
            topic_id: TopicId::ZERO,
            min_insync_replicas: 1,
            leader: None,
            leader_epoch: -1,
            partition_epoch: 0,
            leader_epoch_start_offset: None,
            replicas: Vec::new(),
            remote_replicas: Vec::new(),
            isr: IsrState {
                committed: Vec::new(),
                pending: None,
            },
            log: None,
            stall_told: false,
            watchers: Watchers::default(),
        }
    }

    // ---- what it is

    pub(crate) fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    pub(crate) fn leader(&self) -> Option<BrokerId> {
        self.leader
    }

    pub(crate) fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    pub(crate) fn partition_epoch(&self) -> i32 {
        self.partition_epoch
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.leader == Some(self.local_broker)
    }

    pub(crate) fn replicas(&self) -> &[BrokerId] {
        &self.replicas
    }

    /// The committed ISR; empty on a follower.
    pub(crate) fn isr(&self) -> &[BrokerId] {
        &self.isr.committed
    }

    /// A2: also whom a pending expansion would add; a pending shrink removes nobody yet.
    pub(crate) fn maximal_isr(&self) -> Vec<BrokerId> {
        let mut isr = self.isr.committed.clone();
        isr.extend(self.isr.joining());
        isr
    }

    pub(crate) fn log(&self) -> Option<&UnifiedLog> {
        self.log.as_ref()
    }

    pub(crate) fn log_mut(&mut self) -> Option<&mut UnifiedLog> {
        self.log.as_mut()
    }

    /// HW7: the log comes with the high watermark of the checkpoint file (0 if it names none).
    pub(crate) fn set_log(&mut self, mut log: UnifiedLog, checkpointed_high_watermark: i64) {
        log.update_high_watermark(checkpointed_high_watermark);
        if let Some(id) = log.topic_id() {
            self.topic_id = TopicId(id);
        }
        self.log = Some(log);
    }

    /// Takes the topic's id over, unless it has one.
    pub(crate) fn assign_topic_id(
        &mut self,
        env: &mut Env<'_>,
        id: TopicId,
    ) -> Result<(), ErrorCode> {
        if id == TopicId::ZERO || self.topic_id != TopicId::ZERO {
            return Ok(());
        }
        self.topic_id = id;
        match &mut self.log {
            None => Ok(()),
            Some(log) => log
                .assign_topic_id(env.disk, id.0)
                .map_err(|error| env.out.log_error(&error)),
        }
    }

    pub(crate) fn set_min_insync_replicas(&mut self, min_insync_replicas: i32) {
        self.min_insync_replicas = min_insync_replicas;
    }

    /// RK10: the topic's configuration was altered.
    pub(crate) fn apply_config(&mut self, config: &TopicConfig) {
        self.min_insync_replicas = config.min_insync_replicas;
        if let Some(log) = &mut self.log {
            log.update_config(log_config(config));
        }
    }

    // ---- leadership

    /// Leads from now on (CT27, E3, I4). The log must be there. A partition epoch below the own one
    /// is skipped; replica state is reset only by a higher leader epoch (A7). Whether the high
    /// watermark moved.
    pub(crate) fn make_leader(
        &mut self,
        env: &mut Env<'_>,
        state: &LeaderAndIsrPartitionState,
    ) -> Result<bool, ErrorCode> {
        if state.partition_epoch < self.partition_epoch {
            return Ok(false);
        }
        let new_leader = !self.is_leader();
        let new_epoch = state.leader_epoch > self.leader_epoch;
        self.set_replicas(&state.replicas);
        self.isr = IsrState {
            committed: state.isr.clone(),
            pending: None,
        };
        let log = self.log.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let log_end_offset = log.log_end_offset();
        if new_epoch {
            log.assign_epoch_start_offset(env.disk, state.leader_epoch, log_end_offset)
                .map_err(|error| env.out.log_error(&error))?;
            for replica in &mut self.remote_replicas {
                let in_sync = state.isr.contains(&replica.broker);
                replica.reset(env.now_ms, log_end_offset, new_leader, in_sync);
            }
            self.leader_epoch = state.leader_epoch;
            self.leader_epoch_start_offset = Some(log_end_offset);
            env.out.facts.push(Fact::BecameLeader {
                partition: self.name.clone(),
                leader_epoch: state.leader_epoch,
                log_end_offset,
                high_watermark: log.high_watermark(),
                isr: state.isr.clone(),
            });
        }
        self.partition_epoch = state.partition_epoch;
        self.leader = Some(self.local_broker);
        Ok(self.maybe_increment_leader_high_watermark(env))
    }

    /// Follows from now on. Whether the leader epoch is a new one, so that fetching starts anew.
    pub(crate) fn make_follower(
        &mut self,
        env: &mut Env<'_>,
        state: &LeaderAndIsrPartitionState,
    ) -> bool {
        if state.partition_epoch < self.partition_epoch {
            return false;
        }
        let new_epoch = state.leader_epoch > self.leader_epoch;
        self.leader = Some(state.leader);
        self.leader_epoch = state.leader_epoch;
        self.leader_epoch_start_offset = None;
        self.partition_epoch = state.partition_epoch;
        self.replicas.clone_from(&state.replicas);
        self.remote_replicas.clear();
        self.isr = IsrState {
            committed: Vec::new(),
            pending: None,
        };
        self.stall_told = false;
        if let Some(log) = self.log.as_ref().filter(|_| new_epoch) {
            env.out.facts.push(Fact::BecameFollower {
                partition: self.name.clone(),
                leader: state.leader,
                leader_epoch: state.leader_epoch,
                log_end_offset: log.log_end_offset(),
                high_watermark: log.high_watermark(),
            });
        }
        new_epoch
    }

    fn set_replicas(&mut self, replicas: &[BrokerId]) {
        let mut known = std::mem::take(&mut self.remote_replicas);
        self.remote_replicas = replicas
            .iter()
            .filter(|id| **id != self.local_broker)
            .map(|id| match known.iter().position(|r| r.broker == *id) {
                Some(at) => known.swap_remove(at),
                None => Replica::new(*id),
            })
            .collect();
        self.replicas = replicas.to_vec();
    }

    // ---- high watermark

    /// min(`min.insync.replicas`, replicas), since 3.7.
    fn effective_min_isr(&self) -> usize {
        let configured = usize::try_from(self.min_insync_replicas).unwrap_or(0);
        configured.min(self.remote_replicas.len() + 1)
    }

    /// HW2, HW3: the leader's rule; true if the high watermark rose.
    fn maybe_increment_leader_high_watermark(&mut self, env: &mut Env<'_>) -> bool {
        if self.isr.committed.len() < self.effective_min_isr() {
            return false;
        }
        let Some(log) = &self.log else {
            return false;
        };
        let log_end_offset = log.log_end_offset();
        let high_watermark = self
            .remote_replicas
            .iter()
            .filter(|replica| self.holds_high_watermark(env, replica, log_end_offset))
            .map(|replica| replica.log_end_offset)
            .fold(log_end_offset, i64::min);
        let Some(log) = &mut self.log else {
            return false;
        };
        if log.maybe_increment_high_watermark(high_watermark).is_none() {
            return false;
        }
        self.stall_told = false;
        env.out.facts.push(Fact::HighWatermarkMoved {
            partition: self.name.clone(),
            high_watermark: log.high_watermark(),
            as_leader: true,
        });
        true
    }

    /// HW2: the high watermark waits for members of the maximal ISR, and for those that are about
    /// to join it.
    fn holds_high_watermark(
        &self,
        env: &Env<'_>,
        replica: &Replica,
        leader_log_end_offset: i64,
    ) -> bool {
        self.isr.committed.contains(&replica.broker)
            || self.isr.joining() == Some(replica.broker)
            || (replica.is_caught_up(
                leader_log_end_offset,
                env.now_ms,
                self.replica_lag_time_max_ms,
            ) && is_isr_eligible(env, replica.broker))
    }

    // ---- produce

    /// P1, P4: appends as leader; whether the high watermark moved with it.
    pub(crate) fn append_records_to_leader(
        &mut self,
        env: &mut Env<'_>,
        records: &Records,
        required_acks: i16,
    ) -> Result<(LogAppendInfo, bool), ErrorCode> {
        if !self.is_leader() {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        if required_acks == -1 && self.isr.committed.len() < self.effective_min_isr() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let log = self.log.as_mut().ok_or(ErrorCode::NotLeaderOrFollower)?;
        let info = log
            .append_as_leader(env.disk, records, self.leader_epoch, env.now_ms)
            .map_err(|error| env.out.log_error(&error))?;
        take_tasks(&self.name, log, env);
        if !info.duplicate {
            env.out.facts.push(Fact::Appended {
                partition: self.name.clone(),
                base_offset: info.first_offset,
                last_offset: info.last_offset,
                leader_epoch: self.leader_epoch,
                as_leader: true,
            });
        }
        Ok((info, self.maybe_increment_leader_high_watermark(env)))
    }

    /// P2: `None` while an acks=all produce has to wait, then its outcome.
    pub(crate) fn check_enough_replicas_reach_offset(
        &self,
        required_offset: i64,
    ) -> Option<ErrorCode> {
        let Some(log) = self.log.as_ref().filter(|_| self.is_leader()) else {
            return Some(ErrorCode::NotLeaderOrFollower);
        };
        if log.high_watermark() < required_offset {
            return None;
        }
        let maximal_isr = self.isr.committed.len() + usize::from(self.isr.joining().is_some());
        Some(if self.effective_min_isr() <= maximal_isr {
            ErrorCode::None
        } else {
            ErrorCode::NotEnoughReplicasAfterAppend
        })
    }

    /// CT33: tells, once until the high watermark moves, whom a produce up to `required_offset`
    /// waits for.
    pub(crate) fn tell_stall(&mut self, env: &mut Env<'_>, required_offset: i64) {
        let Some(log) = self.log.as_ref().filter(|_| !self.stall_told) else {
            return;
        };
        let log_end_offset = log.log_end_offset();
        let waits_for = self
            .remote_replicas
            .iter()
            .filter(|replica| {
                replica.log_end_offset < required_offset
                    && self.holds_high_watermark(env, replica, log_end_offset)
            })
            .map(|replica| replica.broker)
            .collect();
        self.stall_told = true;
        env.out.facts.push(Fact::ProduceStalls {
            partition: self.name.clone(),
            offset: required_offset - 1,
            waits_for,
        });
    }

    // ---- fetch

    /// E11: epochs that differ fence each other.
    fn check_current_leader_epoch(&self, remote: i32) -> Result<(), ErrorCode> {
        if remote == UNKNOWN_EPOCH || remote == self.leader_epoch {
            Ok(())
        } else if remote < self.leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else {
            Err(ErrorCode::UnknownLeaderEpoch)
        }
    }

    fn local_log(
        &self,
        current_leader_epoch: i32,
        require_leader: bool,
    ) -> Result<&UnifiedLog, ErrorCode> {
        self.check_current_leader_epoch(current_leader_epoch)?;
        if require_leader && !self.is_leader() {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        self.log.as_ref().ok_or(ErrorCode::NotLeaderOrFollower)
    }

    /// F1, E6, I1: reads for a consumer or a follower. A follower must be one of the replicas; its
    /// fetch is its acknowledgement of all below.
    pub(crate) fn fetch_records(
        &mut self,
        env: &mut Env<'_>,
        fetch: &FetchPartition,
        request: ReadRequest,
    ) -> Result<ReadInfo, ErrorCode> {
        let from_follower = request.replica != CONSUMER_REPLICA_ID;
        self.local_log(fetch.current_leader_epoch, from_follower)?;
        let replica = if from_follower {
            Some(
                self.remote_replicas
                    .iter()
                    .position(|replica| replica.broker == request.replica)
                    .ok_or(if fetch.current_leader_epoch == UNKNOWN_EPOCH {
                        ErrorCode::NotLeaderOrFollower
                    } else {
                        ErrorCode::UnknownLeaderEpoch
                    })?,
            )
        } else {
            None
        };
        let mut read = self.read_records(env, fetch, request)?;
        if let Some(at) = replica
            && request.update_fetch_state
            && read.diverging_epoch.is_none()
        {
            read.high_watermark_moved = self.update_follower_fetch_state(
                env,
                at,
                read.fetch_offset,
                fetch.log_start_offset,
            );
        }
        Ok(read)
    }

    fn read_records(
        &mut self,
        env: &mut Env<'_>,
        fetch: &FetchPartition,
        request: ReadRequest,
    ) -> Result<ReadInfo, ErrorCode> {
        let log = self.log.as_ref().ok_or(ErrorCode::NotLeaderOrFollower)?;
        let mut read = ReadInfo {
            records: Records::empty(),
            fetch_offset: fetch.fetch_offset,
            diverging_epoch: None,
            high_watermark: log.high_watermark(),
            last_stable_offset: log.last_stable_offset(),
            log_start_offset: log.log_start_offset(),
            high_watermark_moved: false,
        };
        if fetch.last_fetched_epoch != UNKNOWN_EPOCH {
            let end = end_offset_for_epoch(log, fetch.last_fetched_epoch);
            if end.epoch < 0 || end.end_offset < 0 || fetch.fetch_offset < read.log_start_offset {
                return Err(ErrorCode::OffsetOutOfRange);
            }
            if diverges(end, fetch) {
                read.diverging_epoch = Some(end);
                return Ok(read);
            }
        }
        let upper_bound = upper_bound(log, request.replica, request.read_committed);
        let data = log
            .read(
                env.disk,
                fetch.fetch_offset,
                request.max_bytes,
                upper_bound,
                request.min_one_message,
            )
            .map_err(|error| env.out.log_error(&error))?;
        read.fetch_offset = data.fetch_offset_metadata.message_offset;
        read.records = data.records;
        Ok(read)
    }

    /// What happens once a follower has acknowledged: I1, I5, HW4. Whether the high watermark moved.
    fn update_follower_fetch_state(
        &mut self,
        env: &mut Env<'_>,
        at: usize,
        fetch_offset: i64,
        log_start_offset: i64,
    ) -> bool {
        let Some(log) = &self.log else {
            return false;
        };
        let replica = &mut self.remote_replicas[at];
        let before = replica.log_end_offset;
        replica.update_fetch_state(
            fetch_offset,
            log_start_offset,
            env.now_ms,
            log.log_end_offset(),
        );
        self.maybe_expand_isr(env, at);
        before != fetch_offset && self.maybe_increment_leader_high_watermark(env)
    }

    /// F3: what a parked fetch of this partition would find now.
    pub(crate) fn available(
        &self,
        disk: &mut Disk,
        fetch: &FetchPartition,
        replica: BrokerId,
        read_committed: bool,
        min_bytes: u64,
    ) -> Available {
        let from_follower = replica != CONSUMER_REPLICA_ID;
        let Ok(log) = self.local_log(fetch.current_leader_epoch, from_follower) else {
            return Available::CompleteNow;
        };
        let end = upper_bound(log, replica, read_committed);
        if fetch.fetch_offset > end {
            return Available::CompleteNow;
        }
        if fetch.last_fetched_epoch != UNKNOWN_EPOCH {
            let end = end_offset_for_epoch(log, fetch.last_fetched_epoch);
            if end.epoch < 0 || end.end_offset < 0 || diverges(end, fetch) {
                return Available::CompleteNow;
            }
        }
        if fetch.fetch_offset == end {
            Available::Bytes(0)
        } else if min_bytes <= 1 {
            Available::Bytes(1)
        } else {
            let max_bytes = u32::try_from(fetch.max_bytes).unwrap_or(0);
            match log.read(disk, fetch.fetch_offset, max_bytes, end, true) {
                Ok(data)
                    if data.fetch_offset_metadata.segment_base_offset
                        == log.log_end_offset_metadata().segment_base_offset =>
                {
                    Available::Bytes(data.records.size_in_bytes())
                }
                // On an older segment, or out of range: whatever is there is answered.
                _ => Available::CompleteNow,
            }
        }
    }

    /// E4, for a client; only a leader answers.
    pub(crate) fn end_offset_of(
        &self,
        current_leader_epoch: i32,
        epoch: i32,
    ) -> Result<EpochEndOffset, ErrorCode> {
        let log = self.local_log(current_leader_epoch, true)?;
        Ok(end_offset_for_epoch(log, epoch))
    }

    /// ListOffsets: HW9 for clients (`isolation_level` given), E11.
    pub(crate) fn fetch_offset_for_timestamp(
        &self,
        env: &mut Env<'_>,
        timestamp: i64,
        isolation_level: Option<i8>,
        current_leader_epoch: i32,
    ) -> Result<Option<FoundOffset>, ErrorCode> {
        let log = self.local_log(current_leader_epoch, true)?;
        let last_fetchable = match isolation_level {
            Some(1) => log.last_stable_offset(),
            Some(_) => log.high_watermark(),
            None => log.log_end_offset(),
        };
        let lagging = isolation_level.is_some()
            && self
                .leader_epoch_start_offset
                .is_some_and(|start| start > log.high_watermark());
        let found = match timestamp {
            LATEST_TIMESTAMP if lagging => return Err(ErrorCode::OffsetNotAvailable),
            LATEST_TIMESTAMP => {
                return Ok(Some(FoundOffset {
                    timestamp: -1,
                    offset: last_fetchable,
                    leader_epoch: self.leader_epoch,
                }));
            }
            EARLIEST_TIMESTAMP => {
                let start = log.log_start_offset();
                return Ok(Some(FoundOffset {
                    timestamp: -1,
                    offset: start,
                    leader_epoch: log
                        .leader_epochs()
                        .first()
                        .filter(|entry| entry.start_offset <= start)
                        .map_or(UNKNOWN_EPOCH, |entry| entry.epoch),
                }));
            }
            MAX_TIMESTAMP => log.offset_of_max_timestamp(env.disk),
            _ => log.offset_for_timestamp(env.disk, timestamp),
        };
        let found = found
            .map_err(|error| env.out.log_error(&error))?
            .filter(|found| found.offset < last_fetchable)
            .map(|found| FoundOffset {
                timestamp: found.timestamp,
                offset: found.offset,
                leader_epoch: found.leader_epoch,
            });
        match found {
            None if lagging => Err(ErrorCode::OffsetNotAvailable),
            found => Ok(found),
        }
    }

    // ---- ISR

    /// I5, I6: a follower that has caught up comes back, one change at a time (A1).
    fn maybe_expand_isr(&mut self, env: &mut Env<'_>, at: usize) {
        let replica = &self.remote_replicas[at];
        let broker = replica.broker;
        let in_sync = || {
            self.log.as_ref().is_some_and(|log| {
                replica.log_end_offset >= log.high_watermark()
                    && self
                        .leader_epoch_start_offset
                        .is_some_and(|start| replica.log_end_offset >= start)
            })
        };
        if self.isr.pending.is_none()
            && !self.isr.committed.contains(&broker)
            && is_isr_eligible(env, broker)
            && in_sync()
        {
            let mut isr = self.isr.committed.clone();
            isr.push(broker);
            self.ask_for_isr(env, IsrChange::Expand, isr, vec![broker]);
        }
    }

    /// I7, I8: members that have lagged for too long leave, all in one request.
    pub(crate) fn maybe_shrink_isr(&mut self, env: &mut Env<'_>) {
        if !self.is_leader() || self.isr.pending.is_some() {
            return;
        }
        let Some(log) = &self.log else {
            return;
        };
        let log_end_offset = log.log_end_offset();
        let lag = self.replica_lag_time_max_ms;
        let caught_up = |id: BrokerId| {
            id == self.local_broker
                || self
                    .remote_replicas
                    .iter()
                    .find(|replica| replica.broker == id)
                    .is_some_and(|replica| replica.is_caught_up(log_end_offset, env.now_ms, lag))
        };
        let (stay, leave): (Vec<_>, Vec<_>) = self
            .isr
            .committed
            .iter()
            .copied()
            .partition(|id| caught_up(*id));
        if !leave.is_empty() {
            self.ask_for_isr(env, IsrChange::Shrink, stay, leave);
        }
    }

    /// A1, A3. Members carry broker epoch -1 in ZooKeeper mode (CT32).
    fn ask_for_isr(
        &mut self,
        env: &mut Env<'_>,
        change: IsrChange,
        isr: Vec<BrokerId>,
        brokers: Vec<BrokerId>,
    ) {
        let sent = AlterPartitionData {
            partition: self.name.clone(),
            topic_id: self.topic_id,
            leader_epoch: self.leader_epoch,
            new_isr: isr.iter().map(|id| (*id, -1)).collect(),
            leader_recovery_state: LeaderRecoveryState::Recovered,
            partition_epoch: self.partition_epoch,
        };
        env.out.facts.push(Fact::IsrChangeAsked {
            partition: self.name.clone(),
            change,
            isr,
            brokers,
        });
        env.out.isr_changes.push(sent.clone());
        self.isr.pending = Some(PendingIsrChange { change, sent });
    }

    /// A5: the controller's answer to `sent`. Whether the high watermark moved.
    pub(crate) fn on_alter_partition_answer(
        &mut self,
        env: &mut Env<'_>,
        sent: &AlterPartitionData,
        answer: Result<&AlterPartitionResult, ErrorCode>,
    ) -> bool {
        if self.isr.pending.as_ref().is_none_or(|p| p.sent != *sent) {
            return false;
        }
        match answer {
            Ok(state) => {
                if state.leader_epoch != self.leader_epoch
                    || state.partition_epoch < self.partition_epoch
                {
                    return false;
                }
                self.isr = IsrState {
                    committed: state.isr.clone(),
                    pending: None,
                };
                self.partition_epoch = state.partition_epoch;
                env.out.facts.push(Fact::IsrChanged {
                    partition: self.name.clone(),
                    isr: state.isr.clone(),
                    partition_epoch: state.partition_epoch,
                });
                self.is_leader() && self.maybe_increment_leader_high_watermark(env)
            }
            Err(ErrorCode::OperationNotAttempted | ErrorCode::IneligibleReplica) => {
                self.isr.pending = None;
                false
            }
            // Stays pending until a LeaderAndIsr with a higher leader epoch comes (A7).
            Err(
                ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::InvalidUpdateVersion
                | ErrorCode::InvalidRequest
                | ErrorCode::NewLeaderElected,
            ) => false,
            Err(_) => {
                env.out.isr_changes.push(sent.clone());
                false
            }
        }
    }

    // ---- following

    /// Appends what the leader sent. A log that was emptied to an offset inside the first batch
    /// begins with that batch.
    pub(crate) fn append_records_to_follower(
        &mut self,
        env: &mut Env<'_>,
        records: &Records,
    ) -> Result<(), LogError> {
        let (Some(log), Some(first), Some(next)) =
            (&mut self.log, records.first_offset(), records.next_offset())
        else {
            return Ok(());
        };
        let info = match log.append_as_follower(env.disk, records, env.now_ms) {
            Err(LogError::UnexpectedAppendOffset {
                first_offset,
                last_offset,
                log_end_offset,
            }) if log.log_start_offset() == log_end_offset
                && first_offset < log_end_offset
                && last_offset >= log_end_offset =>
            {
                log.truncate_fully_and_start_at(env.disk, first)?;
                log.append_as_follower(env.disk, records, env.now_ms)?
            }
            done => done?,
        };
        take_tasks(&self.name, log, env);
        assert_eq!(
            info.last_offset + 1,
            next,
            "{}: a follower stores what it fetched, whole",
            self.name
        );
        env.out.facts.push(Fact::Appended {
            partition: self.name.clone(),
            base_offset: info.first_offset,
            last_offset: info.last_offset,
            leader_epoch: log.latest_epoch().unwrap_or(UNKNOWN_EPOCH),
            as_leader: false,
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
        let Some(log) = &mut self.log else {
            return Ok(false);
        };
        let before = log.high_watermark();
        let now = log.update_high_watermark(high_watermark);
        if now != before {
            env.out.facts.push(Fact::HighWatermarkMoved {
                partition: self.name.clone(),
                high_watermark: now,
                as_leader: false,
            });
        }
        if log_start_offset > log.log_start_offset() {
            log.maybe_increment_log_start_offset(env.disk, log_start_offset)?;
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

    fn truncate(
        &mut self,
        env: &mut Env<'_>,
        to: i64,
        cut: impl FnOnce(&mut UnifiedLog, &mut Disk) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        let (from, high_watermark) = (log.log_end_offset(), log.high_watermark());
        cut(log, env.disk)?;
        take_tasks(&self.name, log, env);
        if log.log_end_offset() != from {
            env.out.facts.push(Fact::Truncated {
                partition: self.name.clone(),
                from,
                to,
                leader: self.leader.unwrap_or(crate::protocol::NO_LEADER),
            });
        }
        if log.high_watermark() != high_watermark {
            env.out.facts.push(Fact::HighWatermarkMoved {
                partition: self.name.clone(),
                high_watermark: log.high_watermark(),
                as_leader: false,
            });
        }
        Ok(())
    }
}

fn take_tasks(name: &TopicPartition, log: &mut UnifiedLog, env: &mut Env<'_>) {
    for task in log.take_background_tasks() {
        env.out.log_tasks.push((name.clone(), task));
    }
}

impl IsrState {
    /// Whom a pending expansion would add.
    fn joining(&self) -> Option<BrokerId> {
        let pending = self.pending.as_ref()?;
        match pending.change {
            IsrChange::Expand => pending.sent.new_isr.last().map(|(id, _)| *id),
            IsrChange::Shrink => None,
        }
    }
}

/// I6: alive in the metadata cache, which also holds brokers that are shutting down.
fn is_isr_eligible(env: &Env<'_>, broker: BrokerId) -> bool {
    env.cache.is_alive(broker)
}

/// F1.
fn upper_bound(log: &UnifiedLog, replica: BrokerId, read_committed: bool) -> i64 {
    if replica != CONSUMER_REPLICA_ID {
        log.log_end_offset()
    } else if read_committed {
        log.last_stable_offset()
    } else {
        log.high_watermark()
    }
}

/// E4, in the words of the protocol.
fn end_offset_for_epoch(log: &UnifiedLog, epoch: i32) -> EpochEndOffset {
    let end = log.end_offset_for_epoch(epoch);
    EpochEndOffset {
        epoch: end.epoch,
        end_offset: end.end_offset,
    }
}

/// E6.
fn diverges(end: EpochEndOffset, fetch: &FetchPartition) -> bool {
    end.epoch < fetch.last_fetched_epoch || end.end_offset < fetch.fetch_offset
}

#[cfg(test)]
mod tests;
