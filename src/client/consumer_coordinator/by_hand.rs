//! A consumer that names its partitions itself (`assign`) and has a `group.id`: it begins where the group has committed,
//! and commits, without being a member. Rules CC3, CB6 (class ConsumerCoordinator, without `subscribe`).
//!
//! No heartbeat thread, no generation, and no instance either: its commits say generation -1 and no member. A group takes
//! them as long as it has no members. Nobody looks for the coordinator but who needs it now: a commit, or the question
//! of what is committed.

use super::ConsumerCoordinator;
use crate::client::subscription_state::SubscriptionState;
use crate::kernel::Time;
use crate::protocol::config::{ConsumerConfig, GroupMembership};
use crate::protocol::rules::CoordinatorLookup;
use crate::protocol::{Ctx, Hosts};

#[derive(Debug, Default)]
pub(super) struct ByHand {
    /// A call looks for the coordinator that returns only when it has found it, or its time is over.
    waits: bool,
    /// CB6: the last answer to where the coordinator is stands for the present one (`findCoordinatorFuture`).
    is_answered: bool,
    /// It closes, and what it still has to say it says until then.
    closing: Option<Time>,
}

impl ConsumerCoordinator {
    /// `owner`: see `new`.
    pub fn by_hand(
        owner: u8,
        client_id: &str,
        hosts: &Hosts,
        config: &ConsumerConfig,
        mut membership: GroupMembership,
    ) -> Self {
        membership.group_instance_id = None;
        ConsumerCoordinator {
            by_hand: Some(ByHand::default()),
            ..ConsumerCoordinator::new(owner, client_id, hosts, config, membership, Vec::new())
        }
    }

    /// `poll`.
    pub(super) fn poll_by_hand(
        &mut self,
        ctx: &mut Ctx<'_>,
        subscriptions: &SubscriptionState,
    ) -> Time {
        if self.closes_by_hand() {
            return Time::MAX;
        }
        if self.next_auto_commit == Time::ZERO {
            self.next_auto_commit = ctx.wall() + self.membership.auto_commit_interval;
        }
        let wake = self.commit_if_due(ctx, subscriptions);
        match self.coordinator {
            Some(_) => wake.min(self.ask_for_offsets(ctx, subscriptions)),
            None => wake,
        }
    }

    /// CC3. Whoever waits for the coordinator asks anew, whatever was answered before.
    pub(super) fn looks_for_coordinator(&mut self, subscriptions: &SubscriptionState) -> bool {
        let Some(by_hand) = &mut self.by_hand else {
            return true;
        };
        let mut assigned = subscriptions.iter();
        let seeks_positions = by_hand.closing.is_none()
            && assigned.any(|(_, assigned)| assigned.state.awaits_commit());
        by_hand.waits =
            seeks_positions || self.asked.somebody_waits() || self.asked_committed.is_some();
        by_hand.is_answered &= !by_hand.waits;
        by_hand.waits || self.asked.has_unsent()
    }

    /// Some call waits for the coordinator; that of a member always does.
    pub(super) fn waits_for_coordinator(&self) -> bool {
        self.by_hand.as_ref().is_none_or(|by_hand| by_hand.waits)
    }

    /// It was answered where the coordinator is, or not.
    pub(super) fn look_up_is_over(&mut self) {
        let stays = self.coordinator_lookup == CoordinatorLookup::Kept;
        if let Some(by_hand) = &mut self.by_hand {
            by_hand.is_answered = stays && !by_hand.waits;
        }
    }

    /// CB6: it asks nobody where the coordinator is, since that was answered once.
    pub(super) fn takes_old_answer(&self) -> bool {
        let is_answered = |by_hand: &ByHand| by_hand.is_answered;
        self.by_hand.as_ref().is_some_and(is_answered)
    }

    /// CC56: its last commit is one that it waits for.
    pub(super) fn close_by_hand(
        &mut self,
        ctx: &mut Ctx<'_>,
        subscriptions: &SubscriptionState,
        until: Time,
    ) {
        if let Some(by_hand) = &mut self.by_hand {
            by_hand.closing = Some(until);
        }
        let commits = self.membership.auto_commit && !self.failed;
        self.wait_for_last_commit(ctx, commits.then_some(subscriptions), until);
        self.closed = self.failed;
    }

    pub(super) fn closes_by_hand(&self) -> bool {
        self.ends_by_hand().is_some()
    }

    /// It is gone when all is said, or its time is over; answers when that is.
    pub(super) fn go_on_closing_by_hand(&mut self, now: Time) -> Time {
        let Some(until) = self.ends_by_hand() else {
            return Time::MAX;
        };
        self.closed |= now >= until || !(self.asked.somebody_waits() || self.asked.has_unsent());
        match self.closed {
            true => Time::MAX,
            false => until,
        }
    }

    fn ends_by_hand(&self) -> Option<Time> {
        self.by_hand.as_ref()?.closing
    }
}
