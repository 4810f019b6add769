//! A connection on which nothing is sent for a while, since the other side has said so (CN17; `maybeThrottle`,
//! `ClusterConnectionStates.throttle`).
//!
//! Its pause goes by the wall clock, in whole milliseconds. It outlives its connection, as in Kafka; the question which
//! requests the other side knows is asked all the same.

use super::NetworkClient;
use super::connecting::timer;
use super::peer::{Link, Peer};
use crate::kernel::{Duration, Time, TimerId};
use crate::protocol::{Ctx, KafkaResponse, NetworkTimer};

/// Until when, and what looks then.
#[derive(Debug)]
pub(super) struct Throttle {
    pub(super) until: Time,
    timer: TimerId,
}

impl<T: Clone + std::fmt::Debug> NetworkClient<T> {
    /// CN17. What is in flight there has so much longer, since it may be its throttle that its answer waits for.
    pub(super) fn maybe_throttle(&mut self, ctx: &mut Ctx<'_>, id: i32, response: &KafkaResponse) {
        let Ok(ms @ 1..) = u64::try_from(response.throttle_time_ms) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if !response.body.client_throttles() {
            return;
        }
        let pause = Duration::from_millis(ms);
        for request in &mut peer.in_flight {
            request.deadline += pause;
        }
        let until = Time::ZERO + Duration::from_millis(ctx.wall().as_millis()) + pause;
        // A later answer never shortens it.
        if peer.throttle.as_ref().is_some_and(|it| until <= it.until) {
            return;
        }
        peer.end_throttle(ctx);
        let left = until.since(ctx.wall());
        let timer = ctx.set_timer(left, timer(self.owner, id, NetworkTimer::Throttle));
        peer.throttle = Some(Throttle { until, timer });
        self.next_deadline = self.next_deadline.min(until);
    }

    /// Sends what has waited, if the pause is over by the wall clock.
    pub(super) fn on_throttle(&mut self, ctx: &mut Ctx<'_>, id: i32) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let Some(throttle) = &mut peer.throttle else {
            return;
        };
        let left = throttle.until.since(ctx.wall());
        if left > Duration::ZERO {
            ctx.cancel_timer(throttle.timer);
            throttle.timer = ctx.set_timer(left, timer(self.owner, id, NetworkTimer::Throttle));
            return;
        }
        peer.end_throttle(ctx);
        if let Link::Up(conn) = peer.link {
            self.flush(ctx, id, conn);
        }
    }
}

impl<T> Peer<T> {
    pub(super) fn is_throttled(&self) -> bool {
        self.throttle.is_some()
    }

    pub(super) fn end_throttle(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(throttle) = self.throttle.take() {
            ctx.cancel_timer(throttle.timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::{
        ConsumerGroupDescribeResponse, ErrorCode, HeartbeatResponse, OffsetForLeaderEpochResponse,
        Response,
    };

    #[test]
    fn cn17_an_admins_question_about_a_group_of_the_new_protocol_obeys_no_throttle() {
        let (groups, partitions) = (Vec::new(), Vec::new());
        let described = Response::from(ConsumerGroupDescribeResponse { groups });
        let epochs = Response::from(OffsetForLeaderEpochResponse { partitions });
        assert!(!described.client_throttles() && !epochs.client_throttles());
        let error = ErrorCode::None;
        assert!(Response::from(HeartbeatResponse { error }).client_throttles());
    }
}
