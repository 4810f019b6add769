//! The heartbeat thread, and the search for the coordinator (`HeartbeatThread`, `ensureCoordinatorReady`).
//! Rules CC36, CC42, CC43.

use super::{Call, ConsumerCoordinator, MemberState};
use crate::client::cluster_client::ClusterClient;
use crate::client::subscription_state::SubscriptionState;
use crate::kernel::{Duration, Time};
use crate::network_client::Node;
use crate::protocol::{
    Ctx, FindCoordinatorRequest, GROUP_COORDINATOR, HeartbeatRequest, Request, exponential,
};
use std::rc::Rc;

impl ConsumerCoordinator {
    /// The heartbeat thread's turn, and the search for the coordinator, which both threads make (CC42).
    pub fn heartbeat<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        subscriptions: &mut SubscriptionState,
        find: impl FnOnce(&mut ClusterClient<T>, &mut Ctx<'_>, Node, Request),
    ) -> Time {
        let now = ctx.wall();
        if self.closed || self.failed {
            return Time::MAX;
        }
        if self.coordinator.is_none() {
            if !self.looks_for_coordinator(subscriptions) {
                return Time::MAX;
            }
            return self.find_coordinator(ctx, client, find);
        }
        let beats = self.heartbeat.enabled
            && matches!(
                self.state,
                MemberState::CompletingRebalance | MemberState::Stable
            );
        if !beats {
            return Time::MAX;
        }
        let session_ends = self.heartbeat.heard + self.membership.session_timeout;
        let poll_ends = self.heartbeat.polled + self.membership.max_poll_interval;
        if now >= session_ends {
            self.coordinator_unknown(ctx);
            return now;
        }
        if now >= poll_ends {
            self.leave_for_silence(ctx, subscriptions);
            return Time::MAX;
        }
        let interval = self.membership.heartbeat_interval;
        let again_at = self.heartbeat.again_at;
        let due = again_at.unwrap_or(self.heartbeat.sent + interval);
        if now >= due && !self.heartbeat.in_flight {
            let request = HeartbeatRequest {
                group_id: Rc::clone(&self.membership.group_id),
                generation_id: self.generation,
                member_id: Rc::clone(&self.member_id),
                group_instance_id: self.membership.group_instance_id.clone(),
            };
            self.heartbeat.in_flight = true;
            self.heartbeat.again_at = None;
            self.heartbeat.sent = now;
            let generation = self.generation;
            self.ask(
                ctx,
                request,
                self.request_timeout,
                Call::Heartbeat { generation },
            );
        }
        let next = match self.heartbeat.in_flight {
            true => Time::MAX,
            false => due,
        };
        next.min(session_ends).min(poll_ends)
    }

    /// CC42: the next goes after a back-off that doubles.
    pub(super) fn fail_heartbeat(&mut self, ctx: &mut Ctx<'_>) {
        let (initial, max) = self.retry_backoff;
        let pause = exponential(ctx, initial, max, self.heartbeat.attempts);
        self.heartbeat.attempts = self.heartbeat.attempts.saturating_add(1);
        self.heartbeat.again_at = Some(ctx.wall() + pause);
    }

    pub(super) fn receive_heartbeat(&mut self, ctx: &Ctx<'_>) {
        self.heartbeat.heard = ctx.wall();
        self.heartbeat.attempts = 0;
    }

    fn find_coordinator<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        find: impl FnOnce(&mut ClusterClient<T>, &mut Ctx<'_>, Node, Request),
    ) -> Time {
        if self.finding {
            return Time::MAX;
        }
        if ctx.wall() < self.find_again_at {
            return self.find_again_at;
        }
        let Some(node) = client.least_loaded_node(ctx).node() else {
            return ctx.wall() + Duration::from_millis(self.retry_backoff.0);
        };
        if !client.ready(ctx, node) {
            // What becomes of the connection brings us back.
            return Time::MAX;
        }
        self.finding = true;
        let request = FindCoordinatorRequest {
            key_type: GROUP_COORDINATOR,
            coordinator_keys: vec![Rc::clone(&self.membership.group_id)],
        };
        find(client, ctx, node, request.into());
        Time::MAX
    }
}
