//! What a consumer knows of each partition that it has been assigned (class SubscriptionState; CC28).

use crate::client::fetch_order::FetchOrder;
use crate::client::java_hash_map::JavaHashMap;
use crate::kernel::Time;
use crate::protocol::config::AutoOffsetReset;
use crate::protocol::rules::ConsumerTruncationCheck;
use crate::protocol::{BrokerId, TopicPartition, UNKNOWN_EPOCH};
use std::collections::BTreeMap;

/// A question to the leaders that gives a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResetTo {
    Earliest,
    Latest,
}

/// The assigned partitions with their positions.
#[derive(Debug)]
pub struct SubscriptionState {
    policy: AutoOffsetReset,
    truncation_check: ConsumerTruncationCheck,
    /// Nothing is fetched: what is assigned is about to be given up.
    suspended: bool,
    assigned: BTreeMap<TopicPartition, Assigned>,
    /// By the group's leader.
    assigned_by_group: bool,
    /// Of what is assigned now, once somebody has asked.
    order: Option<FetchOrder>,
}

/// `TopicPartitionState`.
#[derive(Debug)]
pub struct Assigned {
    pub state: State,
    /// Not to be asked about before this.
    pub retry_at: Time,
    /// The exception that the application knows of, so that it is told once.
    pub told: Option<&'static str>,
    /// CC28: a replica that is read from instead of the leader, and until when.
    preferred: Option<(BrokerId, Time)>,
    /// CC13.
    bounds: LogBounds,
    /// The application wants nothing of it.
    pub paused: bool,
}

impl Assigned {
    fn new(state: State) -> Assigned {
        Assigned {
            state,
            retry_at: Time::ZERO,
            told: None,
            preferred: None,
            bounds: LogBounds::default(),
            paused: false,
        }
    }

    /// The replica to read from, if the leader has named one and that is not too long ago.
    pub fn preferred_read_replica(&self, now: Time) -> Option<BrokerId> {
        let (replica, until) = self.preferred?;
        (now <= until).then_some(replica)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Whether the group has committed a position here is not known yet.
    Initializing,
    AwaitReset(ResetTo, Why),
    AwaitValidation(FetchPosition),
    Fetching(FetchPosition),
    /// No position, and no policy to find one. Its group, if it has one, is asked on: another may commit one.
    NoPosition,
}

/// Why a reset is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    Seek,
    NoCommittedOffset,
    OutOfRange(i64),
    Truncated(i64),
}

/// `FetchPosition`: the next offset, the epoch of the record before it (-1 if unknown), and the
/// leader epoch under which it was last found to be right (-1 if none was known).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchPosition {
    pub offset: i64,
    pub offset_epoch: i32,
    pub leader_epoch: i32,
}

/// CC13: where a log began and ended for its readers when an answer was first touched that came from there; -1 is not
/// known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogBounds {
    pub log_start_offset: i64,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
}

impl Default for LogBounds {
    fn default() -> Self {
        LogBounds {
            log_start_offset: -1,
            high_watermark: -1,
            last_stable_offset: -1,
        }
    }
}

impl SubscriptionState {
    pub fn new(
        policy: AutoOffsetReset,
        truncation_check: ConsumerTruncationCheck,
    ) -> SubscriptionState {
        SubscriptionState {
            policy,
            truncation_check,
            suspended: false,
            assigned: BTreeMap::new(),
            assigned_by_group: false,
            order: None,
        }
    }

    /// Adds a partition; where to read follows the policy until the application says, or what may be `committed`.
    pub fn assign(&mut self, partition: TopicPartition, committed: bool) {
        let state = match committed {
            true => State::Initializing,
            false => self.after_policy(Why::NoCommittedOffset),
        };
        self.assigned.insert(partition, Assigned::new(state));
        (self.assigned_by_group, self.order) = (false, None);
    }

    /// All at once, from the group's leader. What was assigned before stays where it is; the others begin
    /// where the group has committed.
    pub fn assign_from_group(&mut self, partitions: &[TopicPartition]) {
        let mut before = std::mem::take(&mut self.assigned);
        let fresh = || Assigned::new(State::Initializing);
        let assigned = |partition: &TopicPartition| {
            let known = before.remove(partition);
            (partition.clone(), known.unwrap_or_else(fresh))
        };
        self.assigned = partitions.iter().map(assigned).collect();
        (self.assigned_by_group, self.order) = (true, None);
        self.suspended = false;
    }

    /// Fetches no more until partitions are assigned again.
    pub fn suspend(&mut self) {
        self.suspended = true;
    }

    pub fn is_suspended(&self) -> bool {
        self.suspended
    }

    pub fn clear(&mut self) {
        self.assigned.clear();
        self.order = None;
    }

    /// CC9.
    pub fn fetch_order(&mut self) -> &FetchOrder {
        let (assigned, by_group) = (self.assigned.keys(), self.assigned_by_group);
        self.order.get_or_insert_with(|| match by_group {
            true => FetchOrder::of_group(assigned),
            false => FetchOrder::of_application(assigned),
        })
    }

    /// `pause` and `resume`. It stays so for as long as it is assigned.
    pub fn set_paused(&mut self, partition: &TopicPartition, paused: bool) {
        if let Some(assigned) = self.assigned.get_mut(partition) {
            assigned.paused = paused;
        }
    }

    pub fn is_paused(&self, partition: &TopicPartition) -> bool {
        let assigned = self.assigned.get(partition);
        assigned.is_some_and(|assigned| assigned.paused)
    }

    pub fn partitions(&self) -> Vec<TopicPartition> {
        self.assigned.keys().cloned().collect()
    }

    /// CC50: what a commit holds, in the order of Java's map (CN31).
    pub fn all_consumed(&self) -> Vec<(TopicPartition, FetchPosition)> {
        let mut consumed = JavaHashMap::default();
        for (partition, assigned) in &self.assigned {
            if let State::Fetching(position) = assigned.state {
                consumed.insert(partition.clone(), position);
            }
        }
        let all = consumed.iter();
        all.map(|(partition, position)| (partition.clone(), *position))
            .collect()
    }

    /// CC4, CC34: those whose committed position is to be asked for, in the order of Java's map (CN31).
    pub fn initializing(&self) -> Vec<TopicPartition> {
        let mut wanted = JavaHashMap::default();
        for (partition, assigned) in &self.assigned {
            if assigned.state.awaits_commit() {
                wanted.insert(partition.clone(), ());
            }
        }
        wanted
            .iter()
            .map(|(partition, ())| partition.clone())
            .collect()
    }

    /// CC29: what the group has committed here, with its epoch; the leader's epoch as metadata knows it. Where both
    /// are known it is held against the leader's log before it is read on.
    pub fn on_committed(
        &mut self,
        partition: &TopicPartition,
        committed: Option<(i64, i32)>,
        leader_epoch: Option<i32>,
    ) {
        let state = self.state(partition);
        if !state.is_some_and(State::awaits_commit) {
            return;
        }
        let state = match committed {
            None => self.after_policy(Why::NoCommittedOffset),
            Some((offset, offset_epoch)) => {
                let position = FetchPosition {
                    offset,
                    offset_epoch,
                    leader_epoch: leader_epoch.unwrap_or(UNKNOWN_EPOCH),
                };
                match leader_epoch {
                    Some(_) => self.truncation_check.state_under_another_leader(position),
                    None => State::Fetching(position),
                }
            }
        };
        self.set(partition, state);
    }

    pub fn is_assigned(&self, partition: &TopicPartition) -> bool {
        self.assigned.contains_key(partition)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &Assigned)> {
        self.assigned.iter()
    }

    pub fn state(&self, partition: &TopicPartition) -> Option<State> {
        Some(self.assigned.get(partition)?.state)
    }

    pub fn position(&self, partition: &TopicPartition) -> Option<FetchPosition> {
        self.state(partition)?.position()
    }

    pub fn set(&mut self, partition: &TopicPartition, state: State) {
        // Answers without an offset are asked for again, and nobody may seek below 0.
        assert!(
            state.position().is_none_or(|position| position.offset >= 0),
            "{partition}: {state:?} is no place to read from"
        );
        if let Some(assigned) = self.assigned.get_mut(partition)
            && assigned.state != state
        {
            *assigned = Assigned {
                preferred: assigned.preferred,
                bounds: assigned.bounds,
                paused: assigned.paused,
                ..Assigned::new(state)
            };
        }
    }

    /// CC13: what is not known now stays as it was.
    pub fn saw_bounds(&mut self, partition: &TopicPartition, seen: LogBounds) {
        if let Some(Assigned { bounds, .. }) = self.assigned.get_mut(partition) {
            let or = |now: i64, before: i64| if now >= 0 { now } else { before };
            *bounds = LogBounds {
                log_start_offset: or(seen.log_start_offset, bounds.log_start_offset),
                high_watermark: or(seen.high_watermark, bounds.high_watermark),
                last_stable_offset: or(seen.last_stable_offset, bounds.last_stable_offset),
            };
        }
    }

    /// `partitionLag`, `partitionLead`: how far the position is from the end for this reader, and from the beginning.
    pub fn lag_and_lead(
        &self,
        partition: &TopicPartition,
        read_committed: bool,
    ) -> (Option<i64>, Option<i64>) {
        let assigned = self.assigned.get(partition);
        let known = assigned.and_then(|it| Some((it.state.position()?.offset, it.bounds)));
        let Some((position, bounds)) = known else {
            return (None, None);
        };
        let end = match read_committed {
            true => bounds.last_stable_offset,
            false => bounds.high_watermark,
        };
        let start = bounds.log_start_offset;
        let lag = (end >= 0).then(|| end - position);
        (lag, (start >= 0).then(|| position - start))
    }

    /// `auto.offset.reset`.
    pub fn policy(&self) -> AutoOffsetReset {
        self.policy
    }

    /// Of some partition there is no position, and no policy to find one.
    pub fn lacks_position(&self) -> bool {
        let mut assigned = self.assigned.values();
        self.policy == AutoOffsetReset::None && assigned.any(|it| it.state == State::NoPosition)
    }

    /// Where the policy leads (CC34).
    pub fn after_policy(&self, why: Why) -> State {
        match self.policy {
            AutoOffsetReset::Earliest => State::AwaitReset(ResetTo::Earliest, why),
            AutoOffsetReset::Latest => State::AwaitReset(ResetTo::Latest, why),
            AutoOffsetReset::None => State::NoPosition,
        }
    }

    /// Has these left alone until then.
    pub fn hold_back<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
        until: Time,
    ) {
        for partition in partitions {
            if let Some(assigned) = self.assigned.get_mut(partition) {
                assigned.retry_at = until;
            }
        }
    }

    /// True if the application has not been told of this exception since the partition last moved.
    pub fn is_news(&mut self, partition: &TopicPartition, exception: &'static str) -> bool {
        self.assigned
            .get_mut(partition)
            .is_some_and(|assigned| assigned.told.replace(exception) != Some(exception))
    }

    /// CC28: reads from this replica until then; true if that is another than now. Who is named again before
    /// its time is up is preferred no longer for that.
    pub fn prefer(
        &mut self,
        partition: &TopicPartition,
        replica: BrokerId,
        now: Time,
        until: Time,
    ) -> bool {
        let Some(assigned) = self.assigned.get_mut(partition) else {
            return false;
        };
        let before = assigned.preferred.map(|(replica, _)| replica);
        if assigned.preferred_read_replica(now) != Some(replica) {
            assigned.preferred = Some((replica, until));
        }
        before != Some(replica)
    }

    /// Reads from the leader again; which replica it has read from, if any.
    pub fn clear_preferred(&mut self, partition: &TopicPartition) -> Option<BrokerId> {
        let assigned = self.assigned.get_mut(partition)?;
        assigned.preferred.take().map(|(replica, _)| replica)
    }

    /// `maybeValidatePositionForCurrentLeader` (CC30), for all: a position that was found under another
    /// leader epoch is to be held against the new leader's log, if it has an epoch itself. Answers what was read
    /// from a replica that another leader has named, and from which.
    pub fn validate_positions(
        &mut self,
        leader_epoch: impl Fn(&TopicPartition) -> Option<i32>,
    ) -> Vec<(TopicPartition, BrokerId)> {
        let mut cleared = Vec::new();
        for (partition, assigned) in &mut self.assigned {
            let (Some(leader_epoch), Some(position)) =
                (leader_epoch(partition), assigned.state.position())
            else {
                continue;
            };
            if position.leader_epoch == leader_epoch {
                continue;
            }
            let position = FetchPosition {
                leader_epoch,
                ..position
            };
            assigned.retry_at = Time::ZERO;
            let preferred = assigned.preferred.take();
            cleared.extend(preferred.map(|(replica, _)| (partition.clone(), replica)));
            assigned.state = self.truncation_check.state_under_another_leader(position);
        }
        cleared
    }
}

impl ConsumerTruncationCheck {
    /// What becomes of a position under a leader that may not have what was read: if its epoch is known, that is held
    /// against the leader's log.
    fn state_under_another_leader(self, position: FetchPosition) -> State {
        match self {
            ConsumerTruncationCheck::On if position.offset_epoch != UNKNOWN_EPOCH => {
                State::AwaitValidation(position)
            }
            _ => State::Fetching(position),
        }
    }
}

impl State {
    /// Kafka's INITIALIZING, before and after it has thrown that there is no position.
    pub fn awaits_commit(self) -> bool {
        matches!(self, State::Initializing | State::NoPosition)
    }

    pub fn position(&self) -> Option<FetchPosition> {
        match self {
            State::AwaitValidation(position) | State::Fetching(position) => Some(*position),
            State::Initializing | State::AwaitReset(..) | State::NoPosition => None,
        }
    }
}

impl Why {
    pub fn text(self, to: ResetTo) -> String {
        let policy = match to {
            ResetTo::Earliest => "auto.offset.reset=earliest",
            ResetTo::Latest => "auto.offset.reset=latest",
        };
        match self {
            Why::Seek => match to {
                ResetTo::Earliest => "asked to begin at the beginning".into(),
                ResetTo::Latest => "asked to begin at the end".into(),
            },
            Why::NoCommittedOffset => format!("{policy}, since there is no committed offset"),
            Why::OutOfRange(offset) => {
                format!("{policy}, since offset {offset} is out of range")
            }
            Why::Truncated(offset) => {
                format!("{policy}, since the new leader does not know what was read up to {offset}")
            }
        }
    }

    /// Without a policy.
    pub fn exception(self) -> &'static str {
        match self {
            Why::OutOfRange(_) => "OffsetOutOfRangeException",
            Why::Truncated(_) => "LogTruncationException",
            Why::Seek | Why::NoCommittedOffset => "NoOffsetForPartitionException",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sought position or a reset comes to, CC33 and `seek` say.
    #[test]
    fn cc29_a_committed_position_is_held_against_the_leaders_log_where_both_epochs_are_known() {
        let partition = TopicPartition::new("t", 0);
        let state = |committed, leader_epoch| {
            let mut state =
                SubscriptionState::new(AutoOffsetReset::Earliest, ConsumerTruncationCheck::On);
            state.assign_from_group(std::slice::from_ref(&partition));
            assert_eq!(state.state(&partition), Some(State::Initializing));
            state.on_committed(&partition, committed, leader_epoch);
            state.state(&partition)
        };
        let at = |offset_epoch, leader_epoch| FetchPosition {
            offset: 7,
            offset_epoch,
            leader_epoch,
        };
        let known = State::AwaitValidation(at(2, 3));
        assert_eq!(state(Some((7, 2)), Some(3)), Some(known));
        let none_committed = State::Fetching(at(UNKNOWN_EPOCH, 3));
        assert_eq!(
            state(Some((7, UNKNOWN_EPOCH)), Some(3)),
            Some(none_committed)
        );
        let leader_unknown = State::Fetching(at(2, UNKNOWN_EPOCH));
        assert_eq!(state(Some((7, 2)), None), Some(leader_unknown));
        let reset = State::AwaitReset(ResetTo::Earliest, Why::NoCommittedOffset);
        assert_eq!(state(None, Some(3)), Some(reset));
    }
}
