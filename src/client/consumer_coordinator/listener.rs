//! The application's `ConsumerRebalanceListener`, as far as it throws (class ConsumerRebalanceListenerInvoker; CC47).
//!
//! What one of its methods throws is kept, and the others are called all the same; then `poll` throws it. The member
//! stays what it is. An assignment that was not finished so is taken over once more by the next `poll`: real Kafka
//! calls `onPartitionsAssigned` again, with nothing, since what it has it has already.

use super::{ConsumerCoordinator, GroupNews, MemberState};
use crate::client::subscription_state::SubscriptionState;
use crate::protocol::{Assignment, Ctx};

/// A method of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callback {
    Assigned,
    Revoked,
    Lost,
}

impl Callback {
    pub const fn name(self) -> &'static str {
        match self {
            Callback::Assigned => "onPartitionsAssigned",
            Callback::Revoked => "onPartitionsRevoked",
            Callback::Lost => "onPartitionsLost",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Listener {
    /// It throws when this is called next.
    throws_in: Option<Callback>,
    /// It has, and `poll` has not thrown yet.
    thrown: Option<Callback>,
    /// What a call that threw was about to finish.
    pub(super) unfinished: Option<Assignment>,
}

impl ConsumerCoordinator {
    /// The next call of this method throws.
    pub fn have_listener_throw(&mut self, callback: Callback) {
        self.listener.throws_in = Some(callback);
    }

    /// A method of the listener is called, whatever came of the one before.
    pub(super) fn call_listener(&mut self, news: GroupNews) {
        let callback = match &news {
            GroupNews::Assigned { .. } => Some(Callback::Assigned),
            GroupNews::Revoked(_) => Some(Callback::Revoked),
            GroupNews::Lost { .. } => Some(Callback::Lost),
            _ => None,
        };
        self.news.push_back(news);
        if callback.is_some() && callback == self.listener.throws_in {
            self.listener.throws_in = None;
            self.listener.thrown = callback;
        }
    }

    /// True if `poll` throws now.
    pub(super) fn throws_of_listener(&mut self) -> bool {
        let thrown = self.listener.thrown.take();
        self.news.extend(thrown.map(GroupNews::ListenerThrew));
        thrown.is_some()
    }

    /// The next `poll` finishes what was not.
    pub(super) fn go_on_after_exception(
        &mut self,
        ctx: &mut Ctx<'_>,
        subscriptions: &mut SubscriptionState,
    ) {
        if let Some(assignment) = self.listener.unfinished.take()
            && self.state == MemberState::Stable
        {
            self.take_over(ctx, subscriptions, assignment);
        }
    }
}
