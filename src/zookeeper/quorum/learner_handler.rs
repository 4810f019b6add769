//! A leader's dealings with one learner (`LearnerHandler`): how far it is, and whether it still is.
//!
//! May not know whether a silent learner is dead.

use super::sync_plan::Opening;
use crate::kernel::{ConnId, Duration, Time, TimerId};
use crate::protocol::zab::{QuorumPacket, ServerId};
use crate::protocol::zookeeper::Zxid;
use crate::protocol::{Ctx, Message, Timer, ZooKeeperTimer};

/// How far a learner is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It has said who it is; the epoch is still being found.
    WaitsForEpoch,
    /// LEADERINFO is sent.
    AcksEpoch,
    /// It has this; a quorum must have acknowledged the epoch before it is brought up to date.
    WaitsForQuorum(Zxid),
    /// It has all that it needs, and NEWLEADER.
    Synchronises(Opening),
    /// It is up to date; the leader does not serve yet.
    WaitsForStart,
    Follows,
}

#[derive(Clone, Debug)]
pub struct LearnerHandler {
    pub conn: ConnId,
    pub sid: ServerId,
    pub stage: Stage,
    /// Silence for so long ends the connection.
    limit: Duration,
    last_heard: Time,
    timer: Option<TimerId>,
    /// The leader's tick until which it counts as synchronised.
    pub deadline: u64,
    /// The oldest proposal that it has not acknowledged, and one sent since (`SyncLimitCheck`).
    unacknowledged: [Option<(Zxid, Time)>; 2],
}

impl LearnerHandler {
    pub fn new(
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        sid: ServerId,
        limit: Duration,
        deadline: u64,
    ) -> Self {
        let mut handler = LearnerHandler {
            conn,
            sid,
            stage: Stage::WaitsForEpoch,
            limit,
            last_heard: ctx.now(),
            timer: None,
            deadline,
            unacknowledged: [None; 2],
        };
        handler.watch(ctx);
        handler
    }

    pub fn send(&self, ctx: &mut Ctx<'_>, packet: QuorumPacket) {
        ctx.send(self.conn, Message::Quorum(Box::new(packet)));
    }

    /// It said something.
    pub fn heard(&mut self, now: Time) {
        self.last_heard = now;
    }

    /// Its silence is measured with another limit from now on.
    pub fn set_limit(&mut self, ctx: &mut Ctx<'_>, limit: Duration) {
        self.limit = limit;
        self.last_heard = ctx.now();
        if let Some(timer) = self.timer.take() {
            ctx.cancel_timer(timer);
        }
        self.watch(ctx);
    }

    /// True if it has been silent for too long. While it waits for others nobody listens to it.
    pub fn on_timer(&mut self, ctx: &mut Ctx<'_>) -> bool {
        self.timer = None;
        let reads = matches!(
            self.stage,
            Stage::AcksEpoch | Stage::Synchronises(_) | Stage::Follows
        );
        if !reads {
            self.last_heard = ctx.now();
        }
        if ctx.now() - self.last_heard >= self.limit {
            return true;
        }
        self.watch(ctx);
        false
    }

    pub fn stop(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_timer(timer);
        }
        ctx.close(self.conn);
    }

    /// Live traffic goes to it.
    pub fn is_forwarding(&self) -> bool {
        matches!(
            self.stage,
            Stage::Synchronises(_) | Stage::WaitsForStart | Stage::Follows
        )
    }

    pub fn proposed(&mut self, zxid: Zxid, now: Time) {
        if matches!(self.stage, Stage::WaitsForStart | Stage::Follows) {
            let slot = usize::from(self.unacknowledged[0].is_some());
            self.unacknowledged[slot] = Some((zxid, now));
        }
    }

    pub fn acknowledged(&mut self, zxid: Zxid) {
        let is = |slot: Option<(Zxid, Time)>| slot.is_some_and(|(of, _)| of == zxid);
        if is(self.unacknowledged[0]) {
            self.unacknowledged = [self.unacknowledged[1], None];
        } else if is(self.unacknowledged[1]) {
            self.unacknowledged[1] = None;
        }
    }

    /// It has left a proposal unacknowledged for too long (ZB9).
    pub fn lags(&self, now: Time, limit: Duration) -> bool {
        self.unacknowledged[0].is_some_and(|(_, since)| now - since >= limit)
    }

    fn watch(&mut self, ctx: &mut Ctx<'_>) {
        let silent = ctx.now() - self.last_heard;
        let timer = Timer::ZooKeeper(ZooKeeperTimer::LearnerSilence(self.sid));
        self.timer = Some(ctx.set_timer(self.limit.saturating_sub(silent), timer));
    }
}
