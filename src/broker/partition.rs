//! One replica of one partition: leader or follower, its followers' state, ISR, high watermark (class
//! `Partition`; rules HW1 to HW9, I1 to I9, A1 to A7, E3, E4, E6, E11, P1, P2, F1).
//!
//! Knows its log, its broker's wall clock and the metadata cache; no connection, no other partition.
//!
//! May not know who else leads or follows now: its epoch says how old its knowledge is.

pub(crate) mod fetch;
mod following;
mod isr;
pub(crate) mod read_replica;

use super::log_manager::log_config;
use super::outbox::{Env, take_tasks};
use super::replica::Replica;
use crate::log::{LogAppendInfo, LogError, Records, UnifiedLog};
use crate::protocol::config::TopicConfig;
use crate::protocol::rules::{
    AcksAll, AlterPartitionReset, EpochStartOnElection, HwIsr, HwUnderMinIsr, Rules,
    TruncateOnMissedEpoch,
};
use crate::protocol::{
    BrokerId, ErrorCode, Fact, LeaderAndIsrPartitionState, ProducerStateFact, TopicId,
    TopicPartition,
};
use isr::{IsrState, is_isr_eligible};

/// What a broker holds of one partition.
#[derive(Debug)]
pub(crate) struct Partition {
    name: TopicPartition,
    local_broker: BrokerId,
    replica_lag_time_max_ms: i64,
    rules: Rules,
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
    /// The last `HighWatermarkHeld` still holds.
    held_told: bool,
}

impl Partition {
    pub(crate) fn new(
        name: TopicPartition,
        local_broker: BrokerId,
        replica_lag_time_max_ms: i64,
        rules: Rules,
    ) -> Self {
        Partition {
            name,
            local_broker,
            replica_lag_time_max_ms,
            rules,
            topic_id: TopicId::ZERO,
            min_insync_replicas: 1,
            leader: None,
            leader_epoch: -1,
            partition_epoch: 0,
            leader_epoch_start_offset: None,
            replicas: Vec::new(),
            remote_replicas: Vec::new(),
            isr: IsrState::committed(Vec::new()),
            log: None,
            held_told: false,
        }
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    // ---- what it is

    pub(crate) fn name(&self) -> &TopicPartition {
        &self.name
    }

    /// What a leader knows of the other replicas' log starts; -1 while it has not heard.
    pub(crate) fn remote_log_starts(&self) -> impl Iterator<Item = (BrokerId, i64)> {
        let remote = self.remote_replicas.iter();
        remote.map(|replica| (replica.broker, replica.log_start_offset))
    }

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

    /// It leads, and nobody else has a replica.
    pub(crate) fn is_alone(&self) -> bool {
        self.is_leader() && self.replicas == [self.local_broker]
    }

    pub(crate) fn replicas(&self) -> &[BrokerId] {
        &self.replicas
    }

    /// The committed ISR; empty on a follower.
    pub(crate) fn isr(&self) -> &[BrokerId] {
        &self.isr.committed
    }

    pub(crate) fn log(&self) -> Option<&UnifiedLog> {
        self.log.as_ref()
    }

    pub(crate) fn log_mut(&mut self) -> Option<&mut UnifiedLog> {
        self.log.as_mut()
    }

    /// HW7: the log comes with the high watermark of the checkpoint file (0 if it names none).
    pub(crate) fn set_log(&mut self, mut log: UnifiedLog, checkpointed_high_watermark: i64) {
        assert!(self.log.is_none(), "{}: a replica has one log", self.name);
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
            log.update_config(log_config(config, &self.rules));
        }
    }

    // ---- leadership

    /// Leads from now on (CT27, E3, I4). The log must be there. A partition epoch below the own one
    /// is skipped; replica state is reset only by a higher leader epoch (A7), and then not what is known of
    /// followers' logs if this broker takes itself for the leader already (HW10). Whether the high
    /// watermark moved.
    pub(crate) fn make_leader(
        &mut self,
        env: &mut Env<'_>,
        state: &LeaderAndIsrPartitionState,
    ) -> Result<bool, ErrorCode> {
        if state.partition_epoch < self.partition_epoch {
            return Ok(false);
        }
        self.assert_may_take_over(state);
        let new_leader = !self.is_leader();
        let new_epoch = state.leader_epoch > self.leader_epoch;
        self.set_replicas(&state.replicas);
        self.isr = IsrState::committed(state.isr.clone());
        if self.rules.alter_partition_reset == AlterPartitionReset::ByLeaderAndIsr {
            env.out.isr_changes_dropped.push(self.name.clone());
        }
        let log = self.log.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let log_end_offset = log.log_end_offset();
        if new_epoch {
            if self.rules.epoch_start_on_election == EpochStartOnElection::On {
                log.assign_epoch_start_offset(env.disk, state.leader_epoch, log_end_offset)
                    .map_err(|error| env.out.log_error(&error))?;
            }
            env.changed(&self.name);
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
        let log_end_offset = self.log.as_ref().map(UnifiedLog::log_end_offset);
        // Nothing cuts a leader's log at its end: it reaches where its epoch begins.
        assert!(
            self.leader_epoch_start_offset.is_some()
                && self.leader_epoch_start_offset <= log_end_offset,
            "{}: a leader has a log and knows where its epoch begins",
            self.name
        );
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
        assert_ne!(
            state.leader, self.local_broker,
            "{}: nobody follows itself: who is named leader leads",
            self.name
        );
        self.assert_may_take_over(state);
        let new_epoch = state.leader_epoch > self.leader_epoch;
        let same_leader = self.leader == Some(state.leader);
        self.leader = Some(state.leader);
        self.leader_epoch = state.leader_epoch;
        self.leader_epoch_start_offset = None;
        self.partition_epoch = state.partition_epoch;
        self.replicas.clone_from(&state.replicas);
        self.remote_replicas.clear();
        self.isr = IsrState::committed(Vec::new());
        self.held_told = false;
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
            && (!same_leader || self.rules.truncate_on_missed_epoch == TruncateOnMissedEpoch::On)
    }

    /// It cannot be made what it is to be, and yet knows the epoch of it (`TransitionAtomic::Off`).
    pub(crate) fn note_epoch(&mut self, leader_epoch: i32) {
        self.leader_epoch = leader_epoch;
    }

    /// Who hands a state on has refused one that is older (A7), or of others' replicas (CT27).
    fn assert_may_take_over(&self, state: &LeaderAndIsrPartitionState) {
        assert!(
            state.leader_epoch >= self.leader_epoch && state.replicas.contains(&self.local_broker),
            "{}: broker-{} has seen epoch {} and takes over epoch {} of {:?}",
            self.name,
            self.local_broker,
            self.leader_epoch,
            state.leader_epoch,
            state.replicas
        );
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
    pub(crate) fn maybe_increment_leader_high_watermark(&mut self, env: &mut Env<'_>) -> bool {
        if self.rules.hw_under_min_isr == HwUnderMinIsr::Hold
            && self.isr.committed.len() < self.effective_min_isr()
        {
            self.tell_held(env);
            return false;
        }
        self.held_told = false;
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
        env.out.state_routine(|| Fact::HighWatermarkMoved {
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
        let leaves = self.rules.hw_isr == HwIsr::Proposed && self.isr.leaves(replica.broker);
        let joins =
            self.rules.hw_isr != HwIsr::Committed && self.isr.joining() == Some(replica.broker);
        (self.isr.committed.contains(&replica.broker) && !leaves)
            || joins
            || (replica.is_caught_up(
                leader_log_end_offset,
                env.now_ms,
                self.replica_lag_time_max_ms,
            ) && !leaves
                && is_isr_eligible(env, replica.broker))
    }

    // ---- produce

    /// P1, P4: appends as leader. The high watermark may move next.
    pub(crate) fn append_records_to_leader(
        &mut self,
        env: &mut Env<'_>,
        records: &Records,
        required_acks: i16,
    ) -> Result<LogAppendInfo, Refused> {
        if !self.is_leader() {
            return Err(ErrorCode::NotLeaderOrFollower.into());
        }
        if required_acks == -1 && self.isr.committed.len() < self.effective_min_isr() {
            return Err(ErrorCode::NotEnoughReplicas.into());
        }
        let log = self.log.as_mut().ok_or(ErrorCode::NotLeaderOrFollower)?;
        let log_end_offset = log.log_end_offset();
        let info = log
            .append_as_leader(env.disk, records, self.leader_epoch, env.now_ms)
            .map_err(|error| {
                env.out.facts.extend(refused_sequence(&self.name, &error));
                Refused {
                    error: env.out.log_error(&error),
                    records: error.refused_records().to_vec(),
                }
            })?;
        take_tasks(&self.name, log, env.out);
        env.appended(&self.name);
        if info.duplicate {
            env.out.facts.extend(duplicate(&self.name, records, &info));
        } else {
            assert_eq!(
                info.first_offset, log_end_offset,
                "{}: a leader appends where its log ends",
                self.name
            );
            env.out.state_routine(|| Fact::Appended {
                partition: self.name.clone(),
                base_offset: info.first_offset,
                last_offset: info.last_offset,
                leader_epoch: self.leader_epoch,
                as_leader: true,
                acks_all: required_acks == -1,
            });
        }
        Ok(info)
    }

    /// P2: `None` while an acks=all produce has to wait, then its outcome.
    pub(crate) fn check_enough_replicas_reach_offset(
        &self,
        required_offset: i64,
    ) -> Option<ErrorCode> {
        let Some(log) = self.log.as_ref().filter(|_| self.is_leader()) else {
            return Some(ErrorCode::NotLeaderOrFollower);
        };
        if log.high_watermark() < required_offset && self.rules.acks_all == AcksAll::Replicated {
            return None;
        }
        Some(if self.effective_min_isr() <= self.isr.maximal_len() {
            ErrorCode::None
        } else {
            ErrorCode::NotEnoughReplicasAfterAppend
        })
    }

    /// HW3: tells, once, that too small an ISR keeps records from being committed.
    fn tell_held(&mut self, env: &mut Env<'_>) {
        let Some(log) = self.log.as_ref().filter(|_| !self.held_told) else {
            return;
        };
        if log.high_watermark() == log.log_end_offset() {
            return;
        }
        self.held_told = true;
        env.out.facts.push(Fact::HighWatermarkHeld {
            partition: self.name.clone(),
            high_watermark: log.high_watermark(),
            isr: self.isr.committed.clone(),
            min_insync_replicas: u32::try_from(self.effective_min_isr()).unwrap_or(u32::MAX),
        });
    }
}

/// Why a leader did not append.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refused {
    pub(crate) error: ErrorCode,
    /// CP32: the records that are at fault, where that can be said.
    pub(crate) records: Vec<i32>,
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Refused {
        Refused {
            error,
            records: Vec::new(),
        }
    }
}

fn duplicate(partition: &TopicPartition, records: &Records, info: &LogAppendInfo) -> Option<Fact> {
    let batch = records.batches().first()?;
    let fact = ProducerStateFact::Duplicate {
        partition: partition.clone(),
        producer_id: batch.producer_id(),
        producer_epoch: batch.producer_epoch(),
        first_sequence: batch.base_sequence(),
        last_sequence: batch.last_sequence(),
        base_offset: info.first_offset,
    };
    Some(fact.into())
}

/// What the log has against a batch of an idempotent producer.
fn refused_sequence(partition: &TopicPartition, error: &LogError) -> Option<Fact> {
    let partition = partition.clone();
    let fact = match *error {
        LogError::OutOfOrderSequence {
            producer_id,
            expected,
            found,
            ..
        } => ProducerStateFact::OutOfOrder {
            partition,
            producer_id,
            expected,
            found,
        },
        LogError::InvalidProducerEpoch {
            producer_id,
            known,
            found,
        } => ProducerStateFact::OldEpoch {
            partition,
            producer_id,
            known,
            found,
        },
        _ => return None,
    };
    Some(fact.into())
}

#[cfg(test)]
mod tests;
