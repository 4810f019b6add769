//! A server that was elected (`Leader`): it finds the new epoch, brings a quorum up to date, is
//! established, and looks after those who follow (ZB5, ZB6, ZB9). What it proposes once it is established, and when
//! that is committed, lies in `broadcast`.
//!
//! May not know that it was replaced: it notices that a quorum is silent.

use super::broadcast::{Broadcast, Learners};
use super::learner_handler::{LearnerHandler, Stage};
use super::member::{Leave, Member, token};
use super::sync_plan::{self, Opening, SyncPlan};
use crate::kernel::{ConnId, Duration, Time, TimerId};
use crate::protocol::zab::{QuorumPacket, ServerId, first_zxid};
use crate::protocol::zookeeper::{SessionId, Zxid};
use crate::protocol::{Ctx, Fact, Timer, ZooKeeperTimer};
use crate::zookeeper::file_snap;
use crate::zookeeper::file_txn_log;
use crate::zookeeper::zookeeper_server::ClientCall;
use std::collections::BTreeSet;

#[derive(Debug)]
pub struct Leader {
    /// The epoch that it proposes: one more than any that it has heard of.
    epoch: i64,
    phase: Phase,
    /// Who has told its acceptedEpoch.
    connecting: BTreeSet<ServerId>,
    /// Who has acknowledged the epoch.
    electing: BTreeSet<ServerId>,
    /// Who is up to date.
    synchronised: BTreeSet<ServerId>,
    /// `leaderStateSummary`: what it had when it was elected.
    summary: (i64, Zxid),
    learners: Learners,
    wait: Option<TimerId>,
    /// `None` until it is established.
    broadcast: Option<Broadcast>,
    /// Ticks since then.
    tick: u64,
    tick_skip: bool,
    half_tick: Option<TimerId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Waits for the acceptedEpochs of a quorum.
    Discovery,
    /// Makes its own acceptedEpoch durable.
    AcceptsEpoch,
    /// Waits until a quorum acknowledges the epoch.
    AwaitsEpochAcks,
    /// Makes its own currentEpoch durable, and brings learners up to date meanwhile.
    SetsCurrentEpoch,
    /// Waits until a quorum is up to date.
    AwaitsNewLeaderAcks,
    Broadcast,
}

impl Leader {
    /// The election is won: learners may come.
    pub fn new(member: &mut Member, ctx: &mut Ctx<'_>) -> Result<Self, Leave> {
        let summary = (member.epochs.current, member.server.last_zxid());
        let mut leader = Leader {
            epoch: -1,
            phase: Phase::Discovery,
            connecting: BTreeSet::new(),
            electing: BTreeSet::new(),
            synchronised: BTreeSet::new(),
            summary,
            learners: Learners::new(),
            wait: None,
            broadcast: None,
            tick: 0,
            tick_skip: true,
            half_tick: None,
        };
        if !member.snapshotting {
            member.snapshotting = true;
            member.take_snapshot(ctx, token::SNAPSHOT_TAKEN);
        }
        leader.wait_for_quorum(member, ctx);
        let (id, accepted) = (member.id(), member.epochs.accepted);
        leader.propose_epoch(member, ctx, id, accepted);
        Ok(leader)
    }

    /// It is established: clients are served.
    pub fn is_serving(&self) -> bool {
        self.phase == Phase::Broadcast
    }

    pub fn expires(&self, session: SessionId) -> Option<Time> {
        self.broadcast.as_ref()?.expires(session)
    }

    pub fn owner(&self, session: SessionId) -> Option<ServerId> {
        self.broadcast.as_ref()?.owner(session)
    }

    /// Everything that it holds is let go; the sessions live on in the tree.
    pub fn stop(&mut self, ctx: &mut Ctx<'_>) {
        for learner in self.learners.values_mut() {
            learner.stop(ctx);
        }
        let timers = [self.wait.take(), self.half_tick.take()];
        for timer in timers.into_iter().flatten() {
            ctx.cancel_timer(timer);
        }
        if let Some(broadcast) = &mut self.broadcast {
            broadcast.stop(ctx);
        }
    }

    // ---- discovery and synchronisation

    /// A server tells its acceptedEpoch (`getEpochToPropose`).
    fn propose_epoch(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        sid: ServerId,
        accepted: i64,
    ) {
        match self.phase {
            Phase::Discovery => {
                self.epoch = self.epoch.max(accepted + 1);
                self.connecting.insert(sid);
                if member.quorum.is_quorum(self.connecting.len()) {
                    self.phase = Phase::AcceptsEpoch;
                    member.accept_epoch(ctx, self.epoch);
                }
            }
            Phase::AcceptsEpoch => {}
            _ => self.send_leader_info(ctx),
        }
    }

    fn send_leader_info(&mut self, ctx: &mut Ctx<'_>) {
        let epoch = self.epoch;
        for learner in self.learners.values_mut() {
            if learner.stage == Stage::WaitsForEpoch {
                learner.stage = Stage::AcksEpoch;
                learner.heard(ctx.now());
                learner.send(ctx, QuorumPacket::LeaderInfo { epoch });
            }
        }
    }

    /// A server has promised the epoch and says what it has (`waitForEpochAck`).
    fn on_epoch_ack(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        sid: ServerId,
        summary: (Option<i64>, Zxid),
    ) {
        if self.phase != Phase::AwaitsEpochAcks {
            return self.synchronise(member, ctx);
        }
        if let (Some(current_epoch), last_zxid) = summary {
            if (current_epoch, last_zxid) > self.summary {
                // It has more than the leader has: it must not follow.
                return self.drop_learner(ctx, sid);
            }
            self.electing.insert(sid);
        }
        let is_quorum = member.quorum.is_quorum(self.electing.len());
        if is_quorum && self.electing.contains(&member.id()) {
            self.phase = Phase::SetsCurrentEpoch;
            self.wait_for_quorum(member, ctx);
            member.set_current_epoch(ctx, self.epoch);
            self.synchronise(member, ctx);
        }
    }

    /// Brings every learner up to date that waits for it.
    fn synchronise(&mut self, member: &Member, ctx: &mut Ctx<'_>) {
        let new_leader = first_zxid(self.epoch);
        for learner in self.learners.values_mut() {
            let Stage::WaitsForQuorum(peer) = learner.stage else {
                continue;
            };
            let plan = plan(member, ctx, peer);
            let sid = learner.sid;
            ctx.fact(Fact::LearnerSynchronised {
                learner: sid,
                last_zxid: peer,
                mode: plan.opening.mode(),
                transactions: plan.committed.len() as u64,
            });
            learner.send(
                ctx,
                match plan.opening {
                    Opening::Diff(zxid) => QuorumPacket::Diff { zxid },
                    Opening::Trunc(zxid) => QuorumPacket::Trunc { zxid },
                    Opening::Snap => QuorumPacket::Snap {
                        zxid: plan.up_to,
                        snapshot: file_snap::encode(&member.server.tree),
                    },
                },
            );
            for txn in plan.committed {
                let zxid = txn.zxid;
                learner.send(ctx, QuorumPacket::Proposal(txn));
                learner.send(ctx, QuorumPacket::Commit { zxid });
            }
            if let Some(broadcast) = &self.broadcast {
                for txn in broadcast.outstanding_after(plan.up_to) {
                    learner.send(ctx, QuorumPacket::Proposal(txn.clone()));
                }
            }
            learner.stage = Stage::Synchronises(plan.opening);
            learner.heard(ctx.now());
            learner.send(ctx, QuorumPacket::NewLeader { zxid: new_leader });
        }
    }

    /// A server is up to date (`waitForNewLeaderAck`).
    fn on_new_leader_ack(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        sid: ServerId,
    ) -> Result<(), Leave> {
        self.synchronised.insert(sid);
        let is_quorum = member.quorum.is_quorum(self.synchronised.len());
        if self.phase == Phase::AwaitsNewLeaderAcks
            && is_quorum
            && self.synchronised.contains(&member.id())
        {
            self.start(member, ctx);
        }
        if self.phase == Phase::Broadcast {
            self.send_up_to_date(ctx);
        }
        Ok(())
    }

    /// A quorum has what the leader has: it is established (`startZkServer`).
    fn start(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) {
        if let Some(timer) = self.wait.take() {
            ctx.cancel_timer(timer);
        }
        let zxid = first_zxid(self.epoch);
        // Only from the phase before, and a term that is over is another leader.
        assert!(
            self.broadcast.is_none(),
            "epoch {} begins twice",
            self.epoch
        );
        self.broadcast = Some(Broadcast::new(member, ctx, zxid));
        self.half_tick = Some(half_tick(member, ctx));
        self.phase = Phase::Broadcast;
        member.state_taken_over(ctx);
        ctx.fact(Fact::ZooKeeperLeads {
            epoch: self.epoch,
            last_zxid: member.server.last_zxid(),
            synchronised: self.synchronised.iter().copied().collect(),
        });
        member.last_committed = member.server.last_zxid();
        member.server.tree.set_last_processed_zxid(zxid);
    }

    fn send_up_to_date(&mut self, ctx: &mut Ctx<'_>) {
        for learner in self.learners.values_mut() {
            if learner.stage == Stage::WaitsForStart {
                learner.stage = Stage::Follows;
                learner.heard(ctx.now());
                learner.send(ctx, QuorumPacket::UpToDate);
            }
        }
    }

    fn wait_for_quorum(&mut self, member: &Member, ctx: &mut Ctx<'_>) {
        if let Some(timer) = self.wait.take() {
            ctx.cancel_timer(timer);
        }
        let timer = Timer::ZooKeeper(ZooKeeperTimer::LeaderWait);
        self.wait = Some(ctx.set_timer(member.init_time(), timer));
    }

    /// One of the leader's own files is durable.
    pub fn on_written(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        token: u64,
    ) -> Result<(), Leave> {
        match (self.phase, token) {
            (Phase::AcceptsEpoch, token::ACCEPTED_EPOCH) => {
                self.phase = Phase::AwaitsEpochAcks;
                self.wait_for_quorum(member, ctx);
                self.send_leader_info(ctx);
                let (id, summary) = (member.id(), self.summary);
                self.on_epoch_ack(member, ctx, id, (Some(summary.0), summary.1));
                Ok(())
            }
            (Phase::SetsCurrentEpoch, token::CURRENT_EPOCH) => {
                self.phase = Phase::AwaitsNewLeaderAcks;
                self.wait_for_quorum(member, ctx);
                self.on_new_leader_ack(member, ctx, member.id())
            }
            _ => Ok(()),
        }
    }

    /// No quorum came within `initLimit` ticks.
    pub fn on_wait_over(&mut self) -> Result<(), Leave> {
        self.wait = None;
        Err(Leave::Look(
            match self.phase {
                Phase::Discovery | Phase::AcceptsEpoch => "no quorum came to follow in time",
                Phase::AwaitsEpochAcks => "no quorum acknowledged the epoch in time",
                _ => "no quorum was brought up to date in time",
            }
            .to_owned(),
        ))
    }

    // ---- learners

    /// A server wants to follow.
    pub fn on_follower_info(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        sid: ServerId,
        accepted_epoch: i64,
    ) {
        if !member.quorum.servers.contains_key(&sid) || sid == member.id() {
            return ctx.close(conn);
        }
        self.drop_learner(ctx, sid);
        let limits = member.quorum.init_limit + member.quorum.sync_limit;
        let deadline = self.tick + u64::from(limits);
        let learner = LearnerHandler::new(ctx, conn, sid, member.init_time(), deadline);
        self.learners.insert(sid, learner);
        self.propose_epoch(member, ctx, sid, accepted_epoch);
    }

    pub fn on_packet(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        packet: QuorumPacket,
    ) -> Result<(), Leave> {
        let Some(sid) = self.learner_of(conn) else {
            ctx.close(conn);
            return Ok(());
        };
        let Some(learner) = self.learners.get_mut(&sid) else {
            return Ok(());
        };
        learner.heard(ctx.now());
        match (learner.stage, packet) {
            (
                Stage::AcksEpoch,
                QuorumPacket::AckEpoch {
                    current_epoch,
                    last_zxid,
                },
            ) => {
                learner.stage = Stage::WaitsForQuorum(last_zxid);
                self.on_epoch_ack(member, ctx, sid, (current_epoch, last_zxid));
                Ok(())
            }
            (Stage::Synchronises(_), QuorumPacket::Ack { .. }) => {
                learner.stage = Stage::WaitsForStart;
                learner.set_limit(ctx, member.sync_time());
                self.on_new_leader_ack(member, ctx, sid)
            }
            (Stage::Follows, packet) => {
                learner.deadline = self.tick + u64::from(member.quorum.sync_limit);
                let learners = &mut self.learners;
                let spoke = match &mut self.broadcast {
                    Some(broadcast) => {
                        broadcast.on_follower_packet(learners, member, ctx, sid, packet)?
                    }
                    None => false,
                };
                if !spoke {
                    self.drop_learner(ctx, sid);
                }
                Ok(())
            }
            _ => {
                self.drop_learner(ctx, sid);
                Ok(())
            }
        }
    }

    /// A learner's connection is gone. False if it is not a learner's.
    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) -> bool {
        match self.learner_of(conn) {
            Some(sid) => {
                self.drop_learner(ctx, sid);
                true
            }
            None => false,
        }
    }

    pub fn on_learner_silence(&mut self, ctx: &mut Ctx<'_>, sid: ServerId) {
        if let Some(learner) = self.learners.get_mut(&sid)
            && learner.on_timer(ctx)
        {
            self.drop_learner(ctx, sid);
        }
    }

    fn learner_of(&self, conn: ConnId) -> Option<ServerId> {
        let speaks = |learner: &&LearnerHandler| learner.conn == conn;
        Some(self.learners.values().find(speaks)?.sid)
    }

    fn drop_learner(&mut self, ctx: &mut Ctx<'_>, sid: ServerId) {
        if let Some(mut learner) = self.learners.remove(&sid) {
            learner.stop(ctx);
        }
    }

    /// Twice a tick: is there still a quorum that is heard of? Then all are pinged (ZB9).
    pub fn on_half_tick(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        let Some(broadcast) = &self.broadcast else {
            return Ok(());
        };
        let zxid = broadcast.last_proposed();
        self.half_tick = Some(half_tick(member, ctx));
        if !self.tick_skip {
            self.tick += 1;
            let is_heard = |learner: &&LearnerHandler| self.tick <= learner.deadline;
            let heard = self.learners.values().filter(is_heard).count();
            if !member.quorum.is_quorum(1 + heard) {
                return Err(Leave::Look("too few followers are heard of".to_owned()));
            }
        }
        self.tick_skip = !self.tick_skip;
        let (now, limit) = (ctx.now(), member.sync_time());
        let lagging: Vec<ServerId> = self
            .learners
            .values()
            .filter(|learner| learner.lags(now, limit))
            .map(|learner| learner.sid)
            .collect();
        for sid in lagging {
            self.drop_learner(ctx, sid);
        }
        for learner in self.learners.values() {
            if learner.is_forwarding() {
                let touched = Vec::new();
                learner.send(ctx, QuorumPacket::Ping { zxid, touched });
            }
        }
        Ok(())
    }

    // ---- what an established leader does

    pub fn on_log_synced(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        match &mut self.broadcast {
            Some(broadcast) => broadcast.on_log_synced(&self.learners, member, ctx),
            None => {
                member.flushed();
                member.run_log(ctx)
            }
        }
    }

    pub fn on_client(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        call: ClientCall,
    ) -> Result<(), Leave> {
        match &mut self.broadcast {
            Some(broadcast) => broadcast.on_client(&mut self.learners, member, ctx, conn, call),
            None => Ok(()),
        }
    }

    pub fn on_tick(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        match &mut self.broadcast {
            Some(broadcast) => broadcast.on_tick(&mut self.learners, member, ctx),
            None => Ok(()),
        }
    }

    pub fn epoch(&self) -> i64 {
        self.epoch
    }
}

fn plan(member: &Member, ctx: &mut Ctx<'_>, peer: Zxid) -> SyncPlan {
    let dir = member.server.log_dir();
    let last_processed = member.server.last_zxid();
    sync_plan::plan(peer, last_processed, &member.committed, || {
        let disk = ctx.disk();
        // Worth it only if it is much less to read than a snapshot (`snapshotSizeFactor`).
        let limit = file_snap::newest_bytes(disk, &dir) * 33 / 100;
        if file_txn_log::bytes_after(disk, &dir, peer - 1) > limit {
            return Vec::new();
        }
        let txns = file_txn_log::read_after(disk, &dir, peer - 1).unwrap_or_default();
        match txns.first() {
            Some(first) if first.zxid <= peer => txns,
            _ => Vec::new(),
        }
    })
}

fn half_tick(member: &Member, ctx: &mut Ctx<'_>) -> TimerId {
    let timer = Timer::ZooKeeper(ZooKeeperTimer::HalfTick);
    ctx.set_timer(Duration(member.tick().0 / 2), timer)
}
