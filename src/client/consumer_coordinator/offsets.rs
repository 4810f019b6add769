//! What the group has committed: for positions (CC4), and where the application asks for it (CC35).

use super::{Call, ConsumerCoordinator};
use crate::client::java_hash_map::by_topic;
use crate::client::subscription_state::SubscriptionState;
use crate::kernel::Time;
use crate::protocol::{
    Ctx, ErrorCode, NO_COMMITTED_OFFSET, OffsetFetchRequest, OffsetFetchResponse, TopicPartition,
    exponential,
};
use std::rc::Rc;

/// A call of `committed` that has not returned.
#[derive(Debug)]
pub(super) struct AskedCommitted {
    partition: TopicPartition,
    attempts: u32,
    /// `None` while it is asked for.
    again_at: Option<Time>,
    answer: Option<Option<i64>>,
}

impl ConsumerCoordinator {
    /// CC4 (c): one question for all partitions that have no position yet.
    pub(super) fn ask_for_offsets(
        &mut self,
        ctx: &mut Ctx<'_>,
        subscriptions: &SubscriptionState,
    ) -> Time {
        if self.fetching_offsets {
            return Time::MAX;
        }
        let wanted = subscriptions.initializing();
        if wanted.is_empty() {
            return Time::MAX;
        }
        if ctx.wall() < self.fetch_offsets_again_at {
            return self.fetch_offsets_again_at;
        }
        let request = OffsetFetchRequest {
            group_id: Rc::clone(&self.membership.group_id),
            partitions: Some(by_topic(wanted)),
            require_stable: true,
        };
        self.fetching_offsets = true;
        self.ask(ctx, request, self.request_timeout, Call::OffsetFetch);
        Time::MAX
    }

    /// CC4: the next question goes after a back-off that doubles.
    pub(super) fn ask_for_offsets_later(&mut self, ctx: &mut Ctx<'_>) {
        let (initial, max) = self.retry_backoff;
        let pause = exponential(ctx, initial, max, self.fetch_offsets_attempts);
        self.fetch_offsets_attempts = self.fetch_offsets_attempts.saturating_add(1);
        self.fetch_offsets_again_at = ctx.wall() + pause;
    }

    /// It can be asked what is committed.
    pub fn finds_positions(&self) -> bool {
        self.is_active() && self.coordinator.is_some()
    }

    /// For a call that waits for a position, outside of `poll`.
    pub fn find_positions(&mut self, ctx: &mut Ctx<'_>, subscriptions: &SubscriptionState) -> Time {
        match self.finds_positions() {
            true => self.ask_for_offsets(ctx, subscriptions),
            false => Time::MAX,
        }
    }

    /// The application asks what is committed there.
    pub fn ask_committed(&mut self, partition: TopicPartition) {
        self.asked_committed = Some(AskedCommitted {
            partition,
            attempts: 0,
            again_at: Some(Time::ZERO),
            answer: None,
        });
    }

    /// What is committed, once that is known; and when to look again.
    pub fn go_on_asking_committed(&mut self, ctx: &mut Ctx<'_>) -> (Option<Option<i64>>, Time) {
        let Some(asked) = &mut self.asked_committed else {
            return (None, Time::MAX);
        };
        if asked.answer.is_some() {
            let answer = self.asked_committed.take().and_then(|it| it.answer);
            return (answer, Time::MAX);
        }
        match asked.again_at {
            Some(at) if self.coordinator.is_some() && ctx.wall() >= at => {
                asked.again_at = None;
                let request = OffsetFetchRequest {
                    group_id: Rc::clone(&self.membership.group_id),
                    partitions: Some(vec![asked.partition.clone()]),
                    require_stable: true,
                };
                self.ask(ctx, request, self.request_timeout, Call::Committed);
                (None, Time::MAX)
            }
            Some(at) if self.coordinator.is_some() => (None, at),
            _ => (None, Time::MAX),
        }
    }

    /// An error, or no answer, has it ask again after a back-off that doubles.
    pub(super) fn on_committed(&mut self, ctx: &mut Ctx<'_>, answer: Option<&OffsetFetchResponse>) {
        let error = answer.map_or(ErrorCode::NetworkException, |it| it.error);
        if matches!(
            error,
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable
        ) {
            self.coordinator_unknown(ctx);
        }
        let found = answer.and_then(|it| it.partitions.first());
        let found = found.filter(|it| error.is_none() && it.error.is_none());
        let (initial, max) = self.retry_backoff;
        let Some(asked) = &mut self.asked_committed else {
            return;
        };
        match found.map(|it| it.committed.offset) {
            Some(offset) => {
                asked.answer = Some((offset != NO_COMMITTED_OFFSET).then_some(offset));
            }
            None => {
                let pause = exponential(ctx, initial, max, asked.attempts);
                asked.attempts = asked.attempts.saturating_add(1);
                asked.again_at = Some(ctx.wall() + pause);
            }
        }
    }
}
