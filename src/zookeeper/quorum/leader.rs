//! A server that was elected (`Leader`, `LeaderZooKeeperServer`): it finds the new epoch, brings a
//! quorum up to date, and then orders all writes (ZB5, ZB6, ZB9, ZB10).

use super::commit_processor::CommitProcessor;
use super::learner_handler::{LearnerHandler, Stage};
use super::member::{Leave, Member, token};
use super::sync_plan::{self, SyncMode, SyncPlan};
use crate::kernel::{ConnId, Duration, Time, TimerId};
use crate::protocol::zab::{LearnerOp, QuorumPacket, ServerId, Txn, counter_of, first_zxid};
use crate::protocol::zookeeper::{Code, Op, SessionId, Zxid};
use crate::protocol::{Ctx, Fact, Timer, ZooKeeperTimer};
use crate::zookeeper::file_snap;
use crate::zookeeper::file_txn_log;
use crate::zookeeper::prep_processor::{Origin, PrepProcessor};
use crate::zookeeper::request::{Request, RequestKind};
use crate::zookeeper::session_tracker::SessionTracker;
use crate::zookeeper::zookeeper_server::ClientCall;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

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
    learners: BTreeMap<ServerId, LearnerHandler>,
    wait: Option<TimerId>,
    broadcast: Option<Broadcast>,
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

/// What an established leader works with.
#[derive(Debug)]
struct Broadcast {
    prep: PrepProcessor,
    sessions: SessionTracker,
    commit: CommitProcessor,
    /// Proposals in zxid order, without a gap.
    outstanding: VecDeque<Proposal>,
    last_proposed: Zxid,
    /// Syncs that wait for a commit.
    syncs: BTreeMap<Zxid, Vec<ServerId>>,
    tick: u64,
    tick_skip: bool,
    half_tick: TimerId,
    /// Room for what a commit lets go.
    ready: Vec<Request>,
}

#[derive(Debug)]
struct Proposal {
    txn: Rc<Txn>,
    /// Who has it in its log: one bit a server.
    acks: u64,
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
            learners: BTreeMap::new(),
            wait: None,
            broadcast: None,
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
        self.broadcast.as_ref()?.sessions.expires(session)
    }

    pub fn owner(&self, session: SessionId) -> Option<ServerId> {
        self.broadcast.as_ref()?.sessions.owner(session)
    }

    /// Everything that it holds is let go; the sessions live on in the tree.
    pub fn stop(&mut self, ctx: &mut Ctx<'_>) {
        for learner in self.learners.values_mut() {
            learner.stop(ctx);
        }
        if let Some(timer) = self.wait.take() {
            ctx.cancel_timer(timer);
        }
        if let Some(broadcast) = &mut self.broadcast {
            broadcast.sessions.stop(ctx);
            ctx.cancel_timer(broadcast.half_tick);
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
                // It has more than the leader has: it must not follow (ZK3).
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
                mode: match plan.mode {
                    SyncMode::Diff(_) => "DIFF",
                    SyncMode::Trunc(_) => "TRUNC",
                    SyncMode::Snap => "SNAP",
                },
                transactions: plan.committed.len() as u64,
            });
            learner.send(
                ctx,
                match plan.mode {
                    SyncMode::Diff(zxid) => QuorumPacket::Diff { zxid },
                    SyncMode::Trunc(zxid) => QuorumPacket::Trunc { zxid },
                    SyncMode::Snap => QuorumPacket::Snap {
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
                let missing = broadcast
                    .outstanding
                    .iter()
                    .filter(|proposal| proposal.txn.zxid > plan.up_to);
                for proposal in missing {
                    learner.send(ctx, QuorumPacket::Proposal(proposal.txn.clone()));
                }
            }
            learner.stage = Stage::Synchronises(plan.mode);
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
        let mut sessions = SessionTracker::new(member.id(), member.tick(), ctx.now());
        for (session, timeout_ms) in member.server.tree.sessions() {
            sessions.track(*session, *timeout_ms, ctx.now());
        }
        sessions.set_tick(ctx);
        self.broadcast = Some(Broadcast {
            prep: PrepProcessor::new(zxid),
            sessions,
            commit: CommitProcessor::default(),
            outstanding: VecDeque::new(),
            last_proposed: zxid,
            syncs: BTreeMap::new(),
            tick: 0,
            tick_skip: true,
            half_tick: half_tick(member, ctx),
            ready: Vec::new(),
        });
        self.phase = Phase::Broadcast;
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
        let tick = self
            .broadcast
            .as_ref()
            .map_or(0, |broadcast| broadcast.tick);
        let limits = member.quorum.init_limit + member.quorum.sync_limit;
        let deadline = tick + u64::from(limits);
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
            (Stage::Follows, packet) => self.on_follower_packet(member, ctx, sid, packet),
            _ => {
                self.drop_learner(ctx, sid);
                Ok(())
            }
        }
    }

    fn on_follower_packet(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        sid: ServerId,
        packet: QuorumPacket,
    ) -> Result<(), Leave> {
        let (Some(broadcast), Some(learner)) = (&mut self.broadcast, self.learners.get_mut(&sid))
        else {
            return Ok(());
        };
        learner.deadline = broadcast.tick + u64::from(member.quorum.sync_limit);
        match packet {
            QuorumPacket::Ack { zxid } => {
                learner.acknowledged(zxid);
                self.process_ack(member, ctx, sid, zxid);
            }
            QuorumPacket::Ping { touched, .. } => {
                for (session, timeout_ms) in touched {
                    broadcast.sessions.touch(session, timeout_ms, ctx.now());
                }
                broadcast.sessions.set_tick(ctx);
            }
            QuorumPacket::Revalidate {
                session,
                timeout_ms,
            } => {
                let valid = broadcast.sessions.touch(session, timeout_ms, ctx.now());
                if valid {
                    broadcast.sessions.set_owner(session, sid);
                }
                learner.send(ctx, QuorumPacket::Revalidated { session, valid });
            }
            QuorumPacket::Request {
                op: LearnerOp::Op(Op::Sync { .. }),
                ..
            } => {
                if broadcast.outstanding.is_empty() {
                    learner.send(ctx, QuorumPacket::Sync);
                } else {
                    let waiting = broadcast.syncs.entry(broadcast.last_proposed);
                    waiting.or_default().push(sid);
                }
            }
            QuorumPacket::Request { session, cxid, op } => {
                let origin = origin(ctx, session, cxid, sid);
                let prepared = match op {
                    LearnerOp::CreateSession { timeout_ms } => {
                        Some(broadcast.create_session(ctx, origin, timeout_ms))
                    }
                    LearnerOp::Op(op) => broadcast.prepare(member, origin, &op).unwrap_or(None),
                };
                if let Some(txn) = prepared {
                    self.propose(member, ctx, txn)?;
                }
            }
            _ => self.drop_learner(ctx, sid),
        }
        Ok(())
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
        let Some(broadcast) = &mut self.broadcast else {
            return Ok(());
        };
        broadcast.half_tick = half_tick(member, ctx);
        if !broadcast.tick_skip {
            broadcast.tick += 1;
            let tick = broadcast.tick;
            let heard = self
                .learners
                .values()
                .filter(|learner| tick <= learner.deadline);
            if !member.quorum.is_quorum(1 + heard.count()) {
                return Err(Leave::Look("too few followers are heard of".to_owned()));
            }
        }
        broadcast.tick_skip = !broadcast.tick_skip;
        let zxid = broadcast.last_proposed;
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

    // ---- broadcast

    /// Sends a transaction to all that follow, and to its own log.
    fn propose(&mut self, member: &mut Member, ctx: &mut Ctx<'_>, txn: Txn) -> Result<(), Leave> {
        let Some(broadcast) = &mut self.broadcast else {
            return Ok(());
        };
        if counter_of(txn.zxid) == 0xffff_ffff {
            return Err(Leave::Look("the zxid's counter is used up".to_owned()));
        }
        let txn = Rc::new(txn);
        broadcast.last_proposed = txn.zxid;
        broadcast.outstanding.push_back(Proposal {
            txn: txn.clone(),
            acks: 0,
        });
        for learner in self.learners.values_mut() {
            if learner.is_forwarding() {
                learner.proposed(txn.zxid, ctx.now());
                learner.send(ctx, QuorumPacket::Proposal(txn.clone()));
            }
        }
        member.log(txn);
        member.run_log(ctx)
    }

    /// The leader's own log has reached the disk.
    pub fn on_log_synced(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        for zxid in member.flushed() {
            self.process_ack(member, ctx, member.id(), zxid);
        }
        member.run_log(ctx)
    }

    fn process_ack(&mut self, member: &mut Member, ctx: &mut Ctx<'_>, sid: ServerId, zxid: Zxid) {
        let Some(broadcast) = &mut self.broadcast else {
            return;
        };
        let Some(first) = broadcast.outstanding.front() else {
            return;
        };
        let Some(place) = zxid
            .checked_sub(first.txn.zxid)
            .and_then(|place| usize::try_from(place).ok())
        else {
            return;
        };
        let Some(proposal) = broadcast.outstanding.get_mut(place) else {
            return;
        };
        proposal.acks |= 1 << sid;
        let is_quorum = member.quorum.is_quorum(proposal.acks.count_ones() as usize);
        // Only in order: an older one is still outstanding (ZB10).
        if place == 0
            && is_quorum
            && let Some(proposal) = broadcast.outstanding.pop_front()
        {
            self.commit(member, ctx, proposal.txn);
        }
    }

    fn commit(&mut self, member: &mut Member, ctx: &mut Ctx<'_>, txn: Rc<Txn>) {
        let Some(broadcast) = &mut self.broadcast else {
            return;
        };
        let zxid = txn.zxid;
        for learner in self.learners.values() {
            if learner.is_forwarding() {
                learner.send(ctx, QuorumPacket::Commit { zxid });
            }
        }
        let mut ready = std::mem::take(&mut broadcast.ready);
        broadcast.commit.commit(txn, &mut ready);
        for request in ready.drain(..) {
            broadcast.finish(member, ctx, request);
        }
        broadcast.ready = ready;
        for sid in broadcast.syncs.remove(&zxid).unwrap_or_default() {
            if let Some(learner) = self.learners.get(&sid) {
                learner.send(ctx, QuorumPacket::Sync);
            }
        }
    }

    // ---- its own clients

    pub fn on_client(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        call: ClientCall,
    ) -> Result<(), Leave> {
        let Some(broadcast) = &mut self.broadcast else {
            return Ok(());
        };
        let id = member.id();
        match call {
            ClientCall::NewSession { timeout_ms } => {
                let session = broadcast.sessions.next_id();
                member.server.connections.bind(conn, session, timeout_ms);
                let request = client_request(conn, session, 0, RequestKind::CreateSession);
                broadcast.commit.submit(request, true);
                let origin = origin(ctx, session, 0, id);
                let txn = broadcast.create_session(ctx, origin, timeout_ms);
                self.propose(member, ctx, txn)
            }
            ClientCall::Reopen {
                session,
                timeout_ms,
                trusted,
            } => {
                let alive = trusted && broadcast.sessions.touch(session, timeout_ms, ctx.now());
                if alive {
                    broadcast.sessions.set_owner(session, id);
                    ctx.fact(Fact::SessionResumed { session });
                }
                member.server.finish_session_init(ctx, conn, session, alive);
                Ok(())
            }
            ClientCall::Request {
                session,
                timeout_ms,
                cxid,
                kind,
            } => {
                if !broadcast.sessions.touch(session, timeout_ms, ctx.now()) {
                    return Ok(());
                }
                let origin = origin(ctx, session, cxid, id);
                let prepared = match &kind {
                    RequestKind::Op(op) => broadcast.prepare(member, origin, op),
                    _ => Ok(None),
                };
                let mut request = client_request(conn, session, cxid, kind);
                request.error = prepared.as_ref().err().copied();
                let txn = prepared.unwrap_or(None);
                if let Some(request) = broadcast.commit.submit(request, txn.is_some()) {
                    broadcast.finish(member, ctx, request);
                }
                match txn {
                    Some(txn) => self.propose(member, ctx, txn),
                    None => Ok(()),
                }
            }
        }
    }

    /// The expiry queue's tick: sessions that nobody heard of end (ZK9).
    pub fn on_tick(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        let Some(broadcast) = &mut self.broadcast else {
            return Ok(());
        };
        let expired = broadcast.sessions.on_tick(ctx.now());
        broadcast.sessions.set_tick(ctx);
        for session in expired {
            if let Some(broadcast) = &mut self.broadcast {
                let origin = origin(ctx, session, 0, member.id());
                let txn = broadcast.prep.close_session(origin, &member.server.tree);
                self.propose(member, ctx, txn)?;
            }
        }
        Ok(())
    }

    pub fn epoch(&self) -> i64 {
        self.epoch
    }
}

impl Broadcast {
    fn create_session(&mut self, ctx: &mut Ctx<'_>, origin: Origin, timeout_ms: u32) -> Txn {
        self.sessions.track(origin.session, timeout_ms, ctx.now());
        self.sessions.set_owner(origin.session, origin.server);
        self.sessions.set_tick(ctx);
        self.prep.create_session(origin, timeout_ms)
    }

    /// The transaction of a write; `None` for a read.
    fn prepare(&mut self, member: &Member, origin: Origin, op: &Op) -> Result<Option<Txn>, Code> {
        let tree = &member.server.tree;
        if *op == Op::CloseSession {
            self.sessions.set_closing(origin.session);
            return Ok(Some(self.prep.close_session(origin, tree)));
        }
        self.prep.request(origin, op, tree, &mut self.sessions)
    }

    fn finish(&mut self, member: &mut Member, ctx: &mut Ctx<'_>, request: Request) {
        let finished = member.finish(ctx, request, true);
        if let Some(zxid) = finished.zxid {
            self.prep.applied(zxid);
        }
        if let Some(session) = finished.closed {
            self.sessions.remove(session);
        }
    }
}

/// A request of a client of this server.
pub fn client_request(conn: ConnId, session: SessionId, cxid: i32, kind: RequestKind) -> Request {
    Request {
        conn: Some(conn),
        session,
        cxid,
        kind,
        txn: None,
        error: None,
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

fn origin(ctx: &Ctx<'_>, session: SessionId, cxid: i32, server: ServerId) -> Origin {
    Origin {
        session,
        cxid,
        time: ctx.wall_ms(),
        server,
    }
}

fn half_tick(member: &Member, ctx: &mut Ctx<'_>) -> TimerId {
    let timer = Timer::ZooKeeper(ZooKeeperTimer::HalfTick);
    ctx.set_timer(Duration(member.tick().0 / 2), timer)
}
