//! A leader's ISR: who may join, who has to leave, and what the controller makes of it (class
//! `Partition`; rules A1 to A5, A7, I5 to I8). Knows no member's log: what each has is in `replica`.

use super::Partition;
use crate::broker::outbox::Env;
use crate::protocol::rules::{HwOnAlterResponse, IsrEligibility, IsrJoin};
use crate::protocol::{
    AlterPartitionData, AlterPartitionResult, BrokerId, ErrorCode, Fact, IsrChange,
    LeaderRecoveryState,
};

/// The ISR and the change of it that the controller was asked for, if any (A1, A2).
#[derive(Debug)]
pub(super) struct IsrState {
    /// In the controller's order; empty on a follower.
    pub(super) committed: Vec<BrokerId>,
    pending: Option<PendingIsrChange>,
}

#[derive(Debug)]
struct PendingIsrChange {
    change: IsrChange,
    sent: AlterPartitionData,
}

impl Partition {
    /// The maximal ISR (A2).
    #[cfg(test)]
    pub(crate) fn maximal_isr(&self) -> Vec<BrokerId> {
        let mut isr = self.isr.committed.clone();
        isr.extend(self.isr.joining());
        isr
    }

    /// I5, I6: a follower that has caught up comes back, one change at a time (A1).
    pub(super) fn maybe_expand_isr(&mut self, env: &mut Env<'_>, at: usize) {
        let replica = &self.remote_replicas[at];
        let broker = replica.broker;
        if self.may_join(env, broker, replica.log_end_offset) {
            let mut isr = self.isr.committed.clone();
            isr.push(broker);
            self.ask_for_isr(env, IsrChange::Expand, isr, vec![broker]);
        }
    }

    pub(super) fn may_join(&self, env: &Env<'_>, broker: BrokerId, log_end_offset: i64) -> bool {
        let holds_epoch_start = self.rules.isr_join == IsrJoin::HighWatermark
            || self
                .leader_epoch_start_offset
                .is_some_and(|start| log_end_offset >= start);
        let in_sync = || {
            self.log
                .as_ref()
                .is_some_and(|log| holds_epoch_start && log_end_offset >= log.high_watermark())
        };
        self.isr.pending.is_none()
            && !self.isr.committed.contains(&broker)
            && (is_isr_eligible(env, broker) || self.rules.isr_eligibility == IsrEligibility::Any)
            && in_sync()
    }

    /// I7, I8: members that have lagged for too long leave, all in one request.
    pub(crate) fn maybe_shrink_isr(&mut self, env: &mut Env<'_>) {
        let leave = self.out_of_sync(env);
        if !leave.is_empty() {
            let isr = self.isr.committed.iter().copied();
            let stay = isr.filter(|id| !leave.contains(id)).collect();
            self.ask_for_isr(env, IsrChange::Shrink, stay, leave);
        }
    }

    /// Who would have to leave.
    pub(crate) fn out_of_sync(&self, env: &Env<'_>) -> Vec<BrokerId> {
        let Some(log) = self
            .log
            .as_ref()
            .filter(|_| self.is_leader() && self.isr.pending.is_none())
        else {
            return Vec::new();
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
        let isr = self.isr.committed.iter().copied();
        isr.filter(|id| !caught_up(*id)).collect()
    }

    /// A1, A3. Members carry broker epoch -1 in ZooKeeper mode (CT32).
    fn ask_for_isr(
        &mut self,
        env: &mut Env<'_>,
        change: IsrChange,
        isr: Vec<BrokerId>,
        brokers: Vec<BrokerId>,
    ) {
        assert!(
            self.isr.pending.is_none() && isr.contains(&self.local_broker),
            "{}: a leader asks for one change at a time, and stays: {isr:?}",
            self.name
        );
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
                assert!(
                    !state.isr.is_empty(),
                    "{}: the controller has nobody in sync",
                    self.name
                );
                self.isr = IsrState::committed(state.isr.clone());
                self.partition_epoch = state.partition_epoch;
                env.out.facts.push(Fact::IsrChanged {
                    partition: self.name.clone(),
                    isr: state.isr.clone(),
                    partition_epoch: state.partition_epoch,
                });
                self.is_leader()
                    && self.rules.hw_on_alter_response == HwOnAlterResponse::On
                    && self.maybe_increment_leader_high_watermark(env)
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
}

impl IsrState {
    pub(super) fn committed(isr: Vec<BrokerId>) -> Self {
        IsrState {
            committed: isr,
            pending: None,
        }
    }

    /// How many the maximal ISR has (A2): also whom a pending expansion would add; a pending shrink removes
    /// nobody yet.
    pub(super) fn maximal_len(&self) -> usize {
        self.committed.len() + usize::from(self.joining().is_some())
    }

    /// Whom a pending expansion would add.
    pub(super) fn joining(&self) -> Option<BrokerId> {
        let pending = self.pending.as_ref()?;
        match pending.change {
            IsrChange::Expand => pending.sent.new_isr.last().map(|(id, _)| *id),
            IsrChange::Shrink => None,
        }
    }

    /// Whether a pending shrink would remove it.
    pub(super) fn leaves(&self, broker: BrokerId) -> bool {
        self.pending.as_ref().is_some_and(|pending| {
            pending.change == IsrChange::Shrink
                && pending.sent.new_isr.iter().all(|(id, _)| *id != broker)
        })
    }
}

/// I6: alive in the metadata cache, which also holds brokers that are shutting down.
pub(super) fn is_isr_eligible(env: &Env<'_>, broker: BrokerId) -> bool {
    env.cache.is_alive(broker)
}

#[cfg(test)]
mod tests;
